-- Schema version 8: what makes a search of many reports quick.

-- The pieces of the names in titles, as words: a name that is part of a longer one is
-- found by them. Until the next listing has ended they are not there for the reports
-- that are, so the mirror counts as not complete.
CREATE VIRTUAL TABLE issue_title_pieces USING fts5 (
    pieces,
    content = '', contentless_delete = 1, detail = none,
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'"
);
UPDATE mirror_state SET complete_at = NULL, open_told = NULL;

-- The best of many hits are chosen without reading the reports themselves.
CREATE INDEX issues_activity ON issues (id, open, updated_at, tracker);

-- In how many titles a word or a piece of a name stands, of those that stand in many,
-- when it was last counted. The word '' stands for the number of all titles.
CREATE TABLE common_words (
    word       TEXT NOT NULL,
    counted_in TEXT NOT NULL CHECK (counted_in IN ('issue_titles', 'issue_title_pieces')),
    titles     INTEGER NOT NULL,
    PRIMARY KEY (word, counted_in)
) STRICT, WITHOUT ROWID;
