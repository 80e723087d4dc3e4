-- What proves that the list takes us in; its questions in languages that are not
-- known; and builds that a person asked to file, before they are read.

ALTER TABLE subscriptions ADD COLUMN proven_at INTEGER;
ALTER TABLE subscriptions ADD COLUMN proof TEXT;      -- what by, in a word

CREATE TABLE subscription_questions (
    subscription INTEGER NOT NULL REFERENCES subscriptions (id),
    token        TEXT NOT NULL,
    seen_at      INTEGER NOT NULL,
    PRIMARY KEY (subscription, token)
) STRICT;

CREATE TABLE filings (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    address  TEXT NOT NULL,
    who      TEXT NOT NULL,
    noted_at INTEGER NOT NULL,           -- or last tried
    attempts INTEGER NOT NULL DEFAULT 0, -- by the service, after a kill
    ended_at INTEGER,
    outcome  TEXT,                       -- the notification, or why nothing was filed
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX filings_open ON filings (noted_at) WHERE ended_at IS NULL;
