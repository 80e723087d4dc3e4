-- Which rules the waiting drafts were last compared with, and how far that is.

CREATE TABLE rules_replayed (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    digest  TEXT NOT NULL,               -- '': there were none
    upto    INTEGER NOT NULL,            -- every notification up to this one
    ended   INTEGER NOT NULL CHECK (ended IN (0, 1)),
    changed INTEGER NOT NULL             -- drafts that are made anew
) STRICT;
INSERT INTO rules_replayed VALUES (1, '', 0, 1, 0);
