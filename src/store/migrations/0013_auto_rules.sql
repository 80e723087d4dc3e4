-- Automatic rules: how each that is meant to act stands, and every word that people
-- said of a failure, so that it is known what was known when.

CREATE TABLE auto_rules (
    name   TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,                -- of the rule as it is configured
    state  TEXT NOT NULL CHECK (state IN ('on', 'waiting', 'suspended')),
    why    TEXT NOT NULL,                -- what lets it act, or keeps it from that
    since  INTEGER NOT NULL              -- in this state
) STRICT, WITHOUT ROWID;

-- No rule decides that is not on (I6).
CREATE TRIGGER decisions_by_rules_that_are_on BEFORE INSERT ON decisions
WHEN NEW.auto_rule IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM auto_rules WHERE name = NEW.auto_rule AND state = 'on'
)
BEGIN SELECT RAISE(ABORT, 'the rule is not on'); END;

CREATE INDEX decisions_by_rules ON decisions (auto_rule) WHERE auto_rule IS NOT NULL;

-- `pairs` has the last word on each signature and report; this has all of them. When
-- a word was said is known by the last decision before it: times are not trusted.
CREATE TABLE pair_words (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tracker      TEXT NOT NULL,
    signature    TEXT NOT NULL,
    issue        INTEGER NOT NULL,
    word         TEXT NOT NULL CHECK (word IN ('confirmed', 'rejected')),
    notification INTEGER REFERENCES notifications (id),
    who          TEXT NOT NULL,
    behind       INTEGER NOT NULL        -- the last decision before it; 0: none
) STRICT;

-- Of what was said so far only the last words are left, and their times have to do.
INSERT INTO pair_words (tracker, signature, issue, word, notification, who, behind)
SELECT tracker, signature, issue, word, notification, who,
       (SELECT coalesce(max(id), 0) FROM decisions WHERE decisions.at <= pairs.at)
FROM pairs
ORDER BY at, issue;

CREATE TRIGGER pairs_are_kept_in_mind_insert AFTER INSERT ON pairs
BEGIN
    INSERT INTO pair_words (tracker, signature, issue, word, notification, who, behind)
    VALUES (NEW.tracker, NEW.signature, NEW.issue, NEW.word, NEW.notification, NEW.who,
            (SELECT coalesce(max(id), 0) FROM decisions));
END;
CREATE TRIGGER pairs_are_kept_in_mind_update AFTER UPDATE ON pairs
BEGIN
    INSERT INTO pair_words (tracker, signature, issue, word, notification, who, behind)
    VALUES (NEW.tracker, NEW.signature, NEW.issue, NEW.word, NEW.notification, NEW.who,
            (SELECT coalesce(max(id), 0) FROM decisions));
END;
CREATE TRIGGER pair_words_are_kept_update BEFORE UPDATE ON pair_words
BEGIN SELECT RAISE(ABORT, 'what was said never changes'); END;
CREATE TRIGGER pair_words_are_kept_delete BEFORE DELETE ON pair_words
BEGIN SELECT RAISE(ABORT, 'what was said never changes'); END;
