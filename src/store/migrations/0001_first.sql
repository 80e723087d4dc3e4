-- Schema version 1.
--
-- Times are seconds since 1970, by our clock unless said otherwise. Order is by
-- id, never by time. Ids are never reused. A stage is nowhere stored: it is
-- derived from these facts. Append-only tables also refuse an insert with a
-- known id, because INSERT OR REPLACE deletes without firing delete triggers.

CREATE TABLE meta (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    instance_key BLOB NOT NULL CHECK (length(instance_key) = 32)
) STRICT;

CREATE TRIGGER meta_is_kept_update BEFORE UPDATE ON meta
BEGIN SELECT RAISE(ABORT, 'the instance key never changes'); END;
CREATE TRIGGER meta_is_kept_delete BEFORE DELETE ON meta
BEGIN SELECT RAISE(ABORT, 'the instance key never changes'); END;

-- Mails come in ------------------------------------------------------------

CREATE TABLE mailboxes (
    mailbox       TEXT NOT NULL PRIMARY KEY,
    uidvalidity   INTEGER NOT NULL,
    uidnext       INTEGER NOT NULL,
    first_uid     INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    reconciled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE notifications (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    content_key      TEXT NOT NULL UNIQUE,
    message_id       TEXT UNIQUE,
    mailbox          TEXT NOT NULL,
    received_at      INTEGER NOT NULL,
    truncated        INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    attempts         INTEGER NOT NULL DEFAULT 0,
    waiting_until    INTEGER,
    waiting_why      TEXT,
    held_why         TEXT,
    held_by          TEXT,
    quarantined_why  TEXT,
    reading          TEXT,               -- JSON
    verdicts         TEXT,               -- JSON
    current_revision INTEGER,            -- of its draft; NULL while there is none
    closed_reason    TEXT,
    closed_note      TEXT,
    closed_at        INTEGER,
    FOREIGN KEY (id, current_revision) REFERENCES drafts (notification, revision),
    CHECK ((waiting_until IS NULL) = (waiting_why IS NULL)),
    CHECK ((held_why IS NULL) = (held_by IS NULL)),
    CHECK ((closed_reason IS NULL) = (closed_note IS NULL)),
    CHECK ((closed_reason IS NULL) = (closed_at IS NULL)),
    CHECK (verdicts IS NULL OR reading IS NOT NULL),
    CHECK (current_revision IS NULL OR verdicts IS NOT NULL)
) STRICT;

CREATE INDEX notifications_to_do ON notifications (id)
    WHERE closed_reason IS NULL AND quarantined_why IS NULL;

CREATE TRIGGER notifications_are_kept BEFORE DELETE ON notifications
BEGIN SELECT RAISE(ABORT, 'a notification is never deleted'); END;

CREATE TABLE raw_mails (
    notification INTEGER PRIMARY KEY REFERENCES notifications (id),
    raw          BLOB NOT NULL
) STRICT;

CREATE TABLE conflicts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL REFERENCES notifications (id),
    content_key  TEXT NOT NULL UNIQUE,
    received_at  INTEGER NOT NULL,
    truncated    INTEGER NOT NULL CHECK (truncated IN (0, 1)),
    raw          BLOB NOT NULL
) STRICT;

CREATE TABLE seen_uids (
    mailbox      TEXT NOT NULL,
    uidvalidity  INTEGER NOT NULL,
    uid          INTEGER NOT NULL,
    notification INTEGER REFERENCES notifications (id),   -- NULL: passed over
    PRIMARY KEY (mailbox, uidvalidity, uid)
) STRICT, WITHOUT ROWID;

-- Drafts and decisions -----------------------------------------------------

CREATE TABLE drafts (
    notification INTEGER NOT NULL REFERENCES notifications (id),
    revision     INTEGER NOT NULL CHECK (revision >= 1),
    draft        TEXT NOT NULL,          -- JSON
    digest       TEXT NOT NULL,
    made_at      INTEGER NOT NULL,
    made_by      TEXT NOT NULL,
    PRIMARY KEY (notification, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    digest       TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('approve', 'reject', 'edit', 'link')),
    who          TEXT NOT NULL CHECK (who <> ''),
    reason       TEXT NOT NULL,
    auto_rule    TEXT CHECK (auto_rule <> ''),
    at           INTEGER NOT NULL,
    FOREIGN KEY (notification, revision) REFERENCES drafts (notification, revision)
) STRICT;

CREATE INDEX decisions_of ON decisions (notification);
CREATE UNIQUE INDEX decisions_final_once ON decisions (notification)
    WHERE kind IN ('approve', 'reject');

CREATE TRIGGER drafts_are_kept_update BEFORE UPDATE ON drafts
BEGIN SELECT RAISE(ABORT, 'a draft never changes: make a new revision'); END;
CREATE TRIGGER drafts_are_kept_delete BEFORE DELETE ON drafts
BEGIN SELECT RAISE(ABORT, 'a draft is never deleted'); END;
CREATE TRIGGER drafts_are_kept_replace BEFORE INSERT ON drafts
WHEN EXISTS (
    SELECT 1 FROM drafts
    WHERE notification = NEW.notification AND revision = NEW.revision
)
BEGIN SELECT RAISE(ABORT, 'a draft never changes: make a new revision'); END;
CREATE TRIGGER drafts_end_with_the_decision BEFORE INSERT ON drafts
WHEN EXISTS (
    SELECT 1 FROM decisions
    WHERE notification = NEW.notification AND kind IN ('approve', 'reject')
)
BEGIN SELECT RAISE(ABORT, 'the draft was decided on: no new revision'); END;

CREATE TRIGGER decisions_are_kept_update BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision never changes'); END;
CREATE TRIGGER decisions_are_kept_delete BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END;
CREATE TRIGGER decisions_are_kept_replace BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)
  OR (NEW.kind IN ('approve', 'reject') AND EXISTS (
        SELECT 1 FROM decisions
        WHERE notification = NEW.notification AND kind IN ('approve', 'reject')))
BEGIN SELECT RAISE(ABORT, 'decided already'); END;
-- An approval is for the exact current draft (I7).
CREATE TRIGGER decisions_fit_the_draft BEFORE INSERT ON decisions
WHEN NOT EXISTS (
    SELECT 1
    FROM notifications
    JOIN drafts ON drafts.notification = notifications.id
               AND drafts.revision = notifications.current_revision
    WHERE notifications.id = NEW.notification
      AND drafts.revision = NEW.revision
      AND drafts.digest = NEW.digest
)
BEGIN SELECT RAISE(ABORT, 'the decision is not about the current draft'); END;

-- What leaves --------------------------------------------------------------

CREATE TABLE deliveries (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    notification   INTEGER NOT NULL REFERENCES notifications (id),
    revision       INTEGER NOT NULL,
    position       INTEGER NOT NULL CHECK (position >= 0),
    kind           TEXT NOT NULL CHECK (kind IN ('open_issue', 'comment', 'reply')),
    decision       INTEGER NOT NULL REFERENCES decisions (id),
    frozen         BLOB,
    frozen_digest  TEXT,
    message_id     TEXT UNIQUE,
    marker         TEXT UNIQUE,
    prepared       TEXT,
    attempts       INTEGER NOT NULL DEFAULT 0,
    due_at         INTEGER,              -- NULL: only a person can go on
    claimed_at     INTEGER,
    in_doubt_since INTEGER,
    doubt_checks   INTEGER NOT NULL DEFAULT 0,
    done_at        INTEGER,
    receipt        TEXT,                 -- JSON
    failed_why     TEXT,
    last_error     TEXT,
    UNIQUE (notification, position),
    FOREIGN KEY (notification, revision) REFERENCES drafts (notification, revision),
    CHECK ((frozen IS NULL) = (frozen_digest IS NULL)),
    CHECK ((frozen IS NULL) = (message_id IS NULL AND marker IS NULL)),
    CHECK (message_id IS NULL OR marker IS NULL),
    CHECK (message_id IS NULL OR kind = 'reply'),
    CHECK (marker IS NULL OR kind <> 'reply'),
    CHECK (claimed_at IS NULL OR frozen IS NOT NULL),
    CHECK (in_doubt_since IS NULL OR claimed_at IS NOT NULL),
    CHECK (in_doubt_since IS NULL OR (done_at IS NULL AND failed_why IS NULL)),
    CHECK (done_at IS NULL OR failed_why IS NULL),
    CHECK ((done_at IS NULL) = (receipt IS NULL))
) STRICT;

CREATE UNIQUE INDEX deliveries_one_reply ON deliveries (notification) WHERE kind = 'reply';
CREATE INDEX deliveries_open ON deliveries (id) WHERE done_at IS NULL AND failed_why IS NULL;

-- Nothing leaves without an approval of exactly this draft (I6). An automatic
-- rule approves too, and is named in the decision.
CREATE TRIGGER deliveries_need_approval BEFORE INSERT ON deliveries
WHEN NOT EXISTS (
    SELECT 1
    FROM decisions
    JOIN drafts ON drafts.notification = decisions.notification
               AND drafts.revision = decisions.revision
               AND drafts.digest = decisions.digest
    WHERE decisions.id = NEW.decision
      AND decisions.kind = 'approve'
      AND decisions.notification = NEW.notification
      AND decisions.revision = NEW.revision
)
BEGIN SELECT RAISE(ABORT, 'nothing leaves without an approval of exactly this draft'); END;
CREATE TRIGGER deliveries_are_kept_insert BEFORE INSERT ON deliveries
WHEN EXISTS (
    SELECT 1 FROM deliveries
    WHERE id = NEW.id
       OR (notification = NEW.notification AND position = NEW.position)
       OR (notification = NEW.notification AND kind = 'reply' AND NEW.kind = 'reply')
       OR message_id = NEW.message_id
       OR marker = NEW.marker
)
BEGIN SELECT RAISE(ABORT, 'this delivery exists already'); END;
CREATE TRIGGER deliveries_are_kept_delete BEFORE DELETE ON deliveries
BEGIN SELECT RAISE(ABORT, 'a delivery is never deleted'); END;
CREATE TRIGGER deliveries_are_kept_update
BEFORE UPDATE OF id, notification, revision, position, kind, decision ON deliveries
BEGIN SELECT RAISE(ABORT, 'what a delivery does never changes'); END;
CREATE TRIGGER deliveries_stay_frozen
BEFORE UPDATE OF frozen, frozen_digest, message_id, marker ON deliveries
WHEN OLD.frozen IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'frozen bytes never change'); END;
CREATE TRIGGER deliveries_stay_done BEFORE UPDATE ON deliveries
WHEN OLD.done_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a delivery that is done stays done'); END;
-- The reply that names an issue comes after it (I10).
CREATE TRIGGER deliveries_keep_their_order BEFORE UPDATE OF claimed_at ON deliveries
WHEN NEW.claimed_at IS NOT NULL AND OLD.claimed_at IS NULL AND NEW.kind = 'reply'
 AND EXISTS (
    SELECT 1 FROM deliveries
    WHERE notification = NEW.notification AND position < NEW.position AND done_at IS NULL
)
BEGIN SELECT RAISE(ABORT, 'an earlier action of the same draft is not done'); END;

CREATE TABLE ledger (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery     INTEGER NOT NULL REFERENCES deliveries (id),
    notification INTEGER NOT NULL REFERENCES notifications (id),
    kind         TEXT NOT NULL,
    target       TEXT NOT NULL,
    thread       TEXT NOT NULL,
    body_digest  TEXT NOT NULL,
    at           INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_by_time ON ledger (kind, at);
CREATE INDEX ledger_by_notification ON ledger (notification);
CREATE INDEX ledger_by_thread ON ledger (thread);

CREATE TRIGGER ledger_is_kept_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_kept_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_kept_replace BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE switches (
    name   TEXT NOT NULL PRIMARY KEY CHECK (name IN ('stop', 'pause')),
    reason TEXT NOT NULL,
    who    TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification INTEGER REFERENCES notifications (id),   -- NULL: about the whole
    who          TEXT NOT NULL,
    what         TEXT NOT NULL,
    detail       TEXT NOT NULL,
    at           INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_of ON audit (notification);

CREATE TRIGGER audit_is_kept_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_kept_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_kept_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

-- The mirror of the trackers -----------------------------------------------

CREATE TABLE issues (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tracker    TEXT NOT NULL,
    number     INTEGER NOT NULL,
    url        TEXT NOT NULL,
    title      TEXT NOT NULL,
    labels     TEXT NOT NULL,            -- JSON
    open       INTEGER NOT NULL CHECK (open IN (0, 1)),
    created_at INTEGER NOT NULL,         -- the tracker's clock, as are the next two
    updated_at INTEGER NOT NULL,
    closed_at  INTEGER,
    UNIQUE (tracker, number)
) STRICT;

CREATE INDEX issues_open ON issues (tracker, open);

-- Apart from the issues, so that a search that orders thousands of hits reads
-- few pages.
CREATE TABLE issue_bodies (
    issue INTEGER PRIMARY KEY REFERENCES issues (id) ON DELETE CASCADE,
    body  TEXT NOT NULL
) STRICT;

CREATE TABLE issue_comments (
    issue   INTEGER NOT NULL REFERENCES issues (id) ON DELETE CASCADE,
    comment TEXT NOT NULL,               -- the tracker's id of it
    author  TEXT NOT NULL,
    text    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (issue, comment)
) STRICT, WITHOUT ROWID;

-- The indexes hold no second copy of the texts. A test's name is one word.
CREATE VIRTUAL TABLE issue_titles USING fts5 (
    title,
    content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'"
);
CREATE VIRTUAL TABLE issue_title_parts USING fts5 (
    title,
    content = '', contentless_delete = 1,
    tokenize = "trigram"
);
CREATE VIRTUAL TABLE issue_texts USING fts5 (
    title, body, comments,
    content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'"
);

CREATE TABLE mirror_state (
    tracker          TEXT NOT NULL PRIMARY KEY,
    cursor           TEXT,
    complete_at      INTEGER,
    open_at_complete INTEGER,            -- at the last one that was not suspicious
    open_told        INTEGER,            -- at the last one
    suspicious       TEXT,
    CHECK ((complete_at IS NULL) = (open_told IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE pairs (
    tracker      TEXT NOT NULL,
    signature    TEXT NOT NULL,
    issue        INTEGER NOT NULL,       -- the tracker's number
    word         TEXT NOT NULL CHECK (word IN ('confirmed', 'rejected')),
    notification INTEGER REFERENCES notifications (id),
    who          TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (tracker, signature, issue)
) STRICT, WITHOUT ROWID;
