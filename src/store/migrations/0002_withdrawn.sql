-- Schema version 2: an approval of which nothing happened can be withdrawn, and
-- the notification decided on anew; the list's copy of a reply is kept in mind;
-- what the services around us last failed with is known to `status`.
--
-- Foreign keys are off while this runs, and are checked at its end.

-- An approval stays where it is; this says that it counts no more.
CREATE TABLE withdrawals (
    decision INTEGER NOT NULL PRIMARY KEY REFERENCES decisions (id),
    who      TEXT NOT NULL CHECK (who <> ''),
    at       INTEGER NOT NULL
) STRICT;

CREATE TABLE service_troubles (
    service TEXT NOT NULL PRIMARY KEY
            CHECK (service IN ('mailbox', 'outgoing', 'tracker', 'ci')),
    words   TEXT NOT NULL,
    since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP INDEX decisions_final_once;
DROP TRIGGER decisions_are_kept_replace;
CREATE TRIGGER decisions_are_kept_replace BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)
  OR (NEW.kind IN ('approve', 'reject') AND EXISTS (
        SELECT 1 FROM decisions
        WHERE notification = NEW.notification AND kind IN ('approve', 'reject')
          AND id NOT IN (SELECT decision FROM withdrawals)))
BEGIN SELECT RAISE(ABORT, 'decided already'); END;
DROP TRIGGER drafts_end_with_the_decision;
CREATE TRIGGER drafts_end_with_the_decision BEFORE INSERT ON drafts
WHEN EXISTS (
    SELECT 1 FROM decisions
    WHERE notification = NEW.notification AND kind IN ('approve', 'reject')
      AND id NOT IN (SELECT decision FROM withdrawals)
)
BEGIN SELECT RAISE(ABORT, 'the draft was decided on: no new revision'); END;

CREATE TABLE deliveries_2 (
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
    confirmed_at   INTEGER,              -- when the list's copy came back
    given_up_by    TEXT,                 -- who needs not be told that it failed
    withdrawn_at   INTEGER,              -- its approval counts no more
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
    CHECK ((done_at IS NULL) = (receipt IS NULL)),
    CHECK (given_up_by IS NULL OR failed_why IS NOT NULL),
    CHECK (withdrawn_at IS NULL OR failed_why IS NOT NULL)
) STRICT;

INSERT INTO deliveries_2
SELECT deliveries.*,
       (SELECT received_at FROM notifications
        WHERE notifications.message_id = deliveries.message_id),
       NULL, NULL
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_2 RENAME TO deliveries;

CREATE UNIQUE INDEX deliveries_one_a_position ON deliveries (notification, position)
    WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX deliveries_one_reply ON deliveries (notification)
    WHERE kind = 'reply' AND withdrawn_at IS NULL;
CREATE INDEX deliveries_of ON deliveries (notification, position);
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
      AND decisions.id NOT IN (SELECT decision FROM withdrawals)
)
BEGIN SELECT RAISE(ABORT, 'nothing leaves without an approval of exactly this draft'); END;
CREATE TRIGGER deliveries_are_kept_insert BEFORE INSERT ON deliveries
WHEN EXISTS (
    SELECT 1 FROM deliveries
    WHERE id = NEW.id
       OR (notification = NEW.notification AND position = NEW.position
           AND withdrawn_at IS NULL)
       OR (notification = NEW.notification AND kind = 'reply' AND NEW.kind = 'reply'
           AND withdrawn_at IS NULL)
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
-- Only the list's copy may come after that.
CREATE TRIGGER deliveries_stay_done
BEFORE UPDATE OF frozen, frozen_digest, message_id, marker, prepared, attempts, due_at,
    claimed_at, in_doubt_since, doubt_checks, done_at, receipt, failed_why, last_error,
    given_up_by, withdrawn_at ON deliveries
WHEN OLD.done_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a delivery that is done stays done'); END;
CREATE TRIGGER deliveries_stay_withdrawn
BEFORE UPDATE OF frozen, frozen_digest, message_id, marker, prepared, attempts, due_at,
    claimed_at, in_doubt_since, doubt_checks, done_at, receipt, failed_why, last_error,
    given_up_by, withdrawn_at ON deliveries
WHEN OLD.withdrawn_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what was withdrawn never moves again'); END;
CREATE TRIGGER deliveries_are_withdrawn_together BEFORE UPDATE OF withdrawn_at ON deliveries
WHEN NEW.withdrawn_at IS NOT NULL
 AND NEW.decision NOT IN (SELECT decision FROM withdrawals)
BEGIN SELECT RAISE(ABORT, 'its approval was not withdrawn'); END;
-- The reply that names an issue comes after it (I10).
CREATE TRIGGER deliveries_keep_their_order BEFORE UPDATE OF claimed_at ON deliveries
WHEN NEW.claimed_at IS NOT NULL AND OLD.claimed_at IS NULL AND NEW.kind = 'reply'
 AND EXISTS (
    SELECT 1 FROM deliveries
    WHERE notification = NEW.notification AND position < NEW.position AND done_at IS NULL
      AND withdrawn_at IS NULL
)
BEGIN SELECT RAISE(ABORT, 'an earlier action of the same draft is not done'); END;

-- Something happened, or nobody knows: then the approval stands.
CREATE TRIGGER withdrawals_need_that_nothing_happened BEFORE INSERT ON withdrawals
WHEN NOT EXISTS (SELECT 1 FROM decisions WHERE id = NEW.decision AND kind = 'approve')
  OR NOT EXISTS (
        SELECT 1 FROM deliveries WHERE decision = NEW.decision AND failed_why IS NOT NULL)
  OR EXISTS (
        SELECT 1 FROM deliveries
        WHERE decision = NEW.decision
          AND (done_at IS NOT NULL OR (claimed_at IS NOT NULL AND failed_why IS NULL)))
BEGIN SELECT RAISE(ABORT, 'only an approval of which nothing happened is withdrawn'); END;
CREATE TRIGGER withdrawals_take_the_deliveries_along AFTER INSERT ON withdrawals
BEGIN
    UPDATE deliveries
    SET withdrawn_at = NEW.at, due_at = NULL,
        failed_why = coalesce(failed_why, 'the approval was withdrawn')
    WHERE decision = NEW.decision;
END;
CREATE TRIGGER withdrawals_are_kept_update BEFORE UPDATE ON withdrawals
BEGIN SELECT RAISE(ABORT, 'a withdrawal never changes'); END;
CREATE TRIGGER withdrawals_are_kept_delete BEFORE DELETE ON withdrawals
BEGIN SELECT RAISE(ABORT, 'a withdrawal is never deleted'); END;
CREATE TRIGGER withdrawals_are_kept_replace BEFORE INSERT ON withdrawals
WHEN EXISTS (SELECT 1 FROM withdrawals WHERE decision = NEW.decision)
BEGIN SELECT RAISE(ABORT, 'it is withdrawn already'); END;
