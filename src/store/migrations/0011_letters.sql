-- Deciding by mail: what approvers are sent, and what they answer.

-- One for each revision of a draft and each approver; used once. The approver's
-- name is that of the configuration.
CREATE TABLE answer_tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    token        TEXT NOT NULL UNIQUE CHECK (length(token) = 20),
    approver     TEXT NOT NULL CHECK (approver <> ''),
    notification INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    digest       TEXT NOT NULL,
    made_at      INTEGER NOT NULL,
    used_by      INTEGER REFERENCES notifications (id),   -- the answer
    used_at      INTEGER,
    FOREIGN KEY (notification, revision) REFERENCES drafts (notification, revision),
    CHECK ((used_by IS NULL) = (used_at IS NULL))
) STRICT;

CREATE UNIQUE INDEX answer_tokens_of ON answer_tokens (notification, revision, approver)
    WHERE used_by IS NULL;

CREATE TRIGGER answer_tokens_stay_used BEFORE UPDATE ON answer_tokens
WHEN OLD.used_by IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a token is used once'); END;
CREATE TRIGGER answer_tokens_are_kept_update
BEFORE UPDATE OF id, token, approver, notification, revision, digest ON answer_tokens
BEGIN SELECT RAISE(ABORT, 'what a token is for never changes'); END;
CREATE TRIGGER answer_tokens_are_kept_delete BEFORE DELETE ON answer_tokens
BEGIN SELECT RAISE(ABORT, 'a token is never deleted'); END;

-- Mails to approvers. Complete bytes are frozen when the row is made, before any
-- network byte. Claimed right before the request with the effect; without a definite
-- answer to that it is not sent again.
CREATE TABLE letters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL CHECK (kind IN ('request', 'digest', 'reminder', 'result')),
    approver   TEXT NOT NULL CHECK (approver <> ''),
    address    TEXT NOT NULL,
    answers    INTEGER UNIQUE REFERENCES notifications (id),   -- told once
    message_id TEXT NOT NULL UNIQUE,
    frozen     BLOB NOT NULL,
    made_at    INTEGER NOT NULL,
    due_at     INTEGER,                  -- NULL: nothing more happens
    attempts   INTEGER NOT NULL DEFAULT 0,
    claimed_at INTEGER,
    sent_at    INTEGER,
    ended_why  TEXT,                     -- why it was not sent, or nobody knows
    last_error TEXT,
    CHECK ((kind = 'result') = (answers IS NOT NULL)),
    CHECK (sent_at IS NULL OR ended_why IS NULL),
    CHECK ((due_at IS NULL) = (sent_at IS NOT NULL OR ended_why IS NOT NULL))
) STRICT;

CREATE INDEX letters_due ON letters (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX letters_of ON letters (approver, kind, made_at);

CREATE TRIGGER letters_stay_frozen
BEFORE UPDATE OF id, kind, approver, address, answers, message_id, frozen, made_at ON letters
BEGIN SELECT RAISE(ABORT, 'frozen bytes never change'); END;
CREATE TRIGGER letters_stay_ended BEFORE UPDATE ON letters
WHEN OLD.due_at IS NULL
BEGIN SELECT RAISE(ABORT, 'a letter that was sent stays sent'); END;
CREATE TRIGGER letters_are_kept_delete BEFORE DELETE ON letters
BEGIN SELECT RAISE(ABORT, 'a letter is never deleted'); END;

-- The drafts that a letter asks about.
CREATE TABLE letter_tokens (
    letter INTEGER NOT NULL REFERENCES letters (id),
    token  INTEGER NOT NULL REFERENCES answer_tokens (id),
    PRIMARY KEY (letter, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX letter_tokens_of ON letter_tokens (token);

-- The ledger of attempts to send them, for the cap.
CREATE TABLE letter_claims (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    letter   INTEGER NOT NULL REFERENCES letters (id),
    approver TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX letter_claims_of ON letter_claims (approver, at);

CREATE TRIGGER letter_claims_are_kept_update BEFORE UPDATE ON letter_claims
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER letter_claims_are_kept_delete BEFORE DELETE ON letter_claims
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- Mails that came to the address for answers; the mail itself is the notification's.
CREATE TABLE answers (
    notification INTEGER PRIMARY KEY REFERENCES notifications (id),
    taken_at     INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    done_at      INTEGER,
    outcome      TEXT,
    CHECK ((done_at IS NULL) = (outcome IS NULL))
) STRICT;

CREATE INDEX answers_to_do ON answers (notification) WHERE done_at IS NULL;

CREATE TRIGGER answers_stay_done BEFORE UPDATE ON answers
WHEN OLD.done_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an answer counts once'); END;
CREATE TRIGGER answers_are_kept_delete BEFORE DELETE ON answers
BEGIN SELECT RAISE(ABORT, 'an answer is never deleted'); END;
