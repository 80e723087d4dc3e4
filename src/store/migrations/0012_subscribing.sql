-- What was asked of the list about our subscription, and the mails that were sent
-- for it. One request at a time is open.

CREATE TABLE subscriptions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    request     TEXT NOT NULL CHECK (request IN ('join', 'leave')),
    list        TEXT NOT NULL,           -- its address
    address     TEXT NOT NULL,           -- ours
    begun_at    INTEGER NOT NULL,
    mailbox     TEXT NOT NULL,           -- where its answers come in,
    uidvalidity INTEGER NOT NULL,
    uidnext     INTEGER NOT NULL,        -- from this mail on
    pending_at  INTEGER,                 -- the list said that it waits for approval
    ended_at    INTEGER,
    outcome     TEXT,                    -- how it ended, in a word
    list_id     TEXT,                    -- of the welcome
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE UNIQUE INDEX subscriptions_open ON subscriptions (ended_at IS NULL)
WHERE ended_at IS NULL;

CREATE TABLE subscription_mails (
    message_id   TEXT NOT NULL PRIMARY KEY,
    subscription INTEGER NOT NULL REFERENCES subscriptions (id),
    token        TEXT,                   -- none: the request itself
    claimed_at   INTEGER NOT NULL,       -- right before the network
    sent_at      INTEGER,
    failed_why   TEXT,                   -- it provably did not leave
    CHECK (sent_at IS NULL OR failed_why IS NULL)
) STRICT;
CREATE INDEX subscription_mails_of ON subscription_mails (subscription);
