-- Schema version 3: signatures of an earlier version of the masking are made
-- anew, and what people said of them is found by the new ones.

CREATE TABLE signature_map (
    new          TEXT NOT NULL,
    old          TEXT NOT NULL,
    notification INTEGER NOT NULL REFERENCES notifications (id),  -- the first that has both
    PRIMARY KEY (new, old),
    CHECK (new <> old)
) STRICT, WITHOUT ROWID;

-- How far: everything up to this notification has signatures of this version.
CREATE TABLE signing (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    version  TEXT NOT NULL,
    upto     INTEGER NOT NULL,
    ended    INTEGER NOT NULL CHECK (ended IN (0, 1)),
    attempts INTEGER NOT NULL            -- at the next notification
) STRICT;
INSERT INTO signing VALUES (1, '', 0, 0, 0);

-- A failure of which somebody said where it belongs, to find nearly equal ones.
CREATE TABLE remembered (
    signature TEXT NOT NULL PRIMARY KEY,
    test      TEXT NOT NULL,
    failure   TEXT NOT NULL              -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX remembered_of ON remembered (test);
