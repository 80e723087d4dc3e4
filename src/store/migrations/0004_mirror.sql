-- Schema version 4: more is known of each bug report, how far a listing of the
-- tracker is, and comments that came before their report.
--
-- What the mirror holds stays, and is searched as before. The tracker is listed once more
-- from the beginning, because only it knows what is missing.

ALTER TABLE issues ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE issues ADD COLUMN resolution TEXT;       -- the tracker's own word
ALTER TABLE issues ADD COLUMN duplicate_of INTEGER;  -- the tracker's number

-- GitHub lists comments apart; one may be told of before its report is.
CREATE TABLE early_comments (
    tracker TEXT NOT NULL,
    number  INTEGER NOT NULL,
    comment TEXT NOT NULL,
    author  TEXT NOT NULL,
    text    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (tracker, number, comment)
) STRICT, WITHOUT ROWID;

-- Parts of titles are looked for by a few of their trigrams and compared
-- afterwards, so the places of the trigrams are not needed: a third of the size.
DROP TABLE issue_title_parts;
CREATE VIRTUAL TABLE issue_title_parts USING fts5 (
    title,
    content = '', contentless_delete = 1, detail = none,
    tokenize = "trigram"
);
INSERT INTO issue_title_parts (rowid, title) SELECT id, title FROM issues;

-- A listing that goes on: NULL where none does.
ALTER TABLE mirror_state ADD COLUMN begun_at INTEGER;
ALTER TABLE mirror_state ADD COLUMN given INTEGER;   -- entries that it gave so far
ALTER TABLE mirror_state ADD COLUMN to_come INTEGER; -- about so many more, if the tracker tells
-- Somebody wants a listing now.
ALTER TABLE mirror_state ADD COLUMN asked_at INTEGER;

UPDATE mirror_state SET cursor = NULL;
