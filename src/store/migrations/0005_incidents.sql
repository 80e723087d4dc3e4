-- Incidents: the failures that are of one kind belong together, and a decision on
-- one notification settles the others that wait for it.

CREATE TABLE incidents (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    signature TEXT NOT NULL UNIQUE,      -- of the failure it began with
    test      TEXT NOT NULL,
    failure   TEXT NOT NULL,             -- JSON, to find nearly equal ones
    began_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX incidents_of ON incidents (test);

-- Which failure of which notification belongs to which incident. Made anew when a
-- notification is matched anew.
CREATE TABLE occurrences (
    notification INTEGER NOT NULL REFERENCES notifications (id),
    failure      INTEGER NOT NULL CHECK (failure >= 0),   -- over all its builds, from 0
    incident     INTEGER NOT NULL REFERENCES incidents (id),
    builder      TEXT NOT NULL,
    revision     TEXT,
    at           INTEGER NOT NULL,
    PRIMARY KEY (notification, failure)
) STRICT, WITHOUT ROWID;

CREATE INDEX occurrences_of ON occurrences (incident, at);

ALTER TABLE notifications ADD COLUMN attached_to INTEGER REFERENCES notifications (id)
    CHECK (attached_to IS NULL OR (attached_to <> id AND current_revision IS NULL));
CREATE INDEX notifications_attached ON notifications (attached_to)
    WHERE attached_to IS NOT NULL;

-- A reply may answer another notification than the one whose draft it is of.
ALTER TABLE deliveries ADD COLUMN answers INTEGER REFERENCES notifications (id)
    CHECK (answers IS NULL OR (kind = 'reply' AND answers <> notification));
CREATE INDEX deliveries_answering ON deliveries (answers) WHERE answers IS NOT NULL;

-- What an approval settles besides its own notification.
CREATE TABLE settled_along (
    decision     INTEGER NOT NULL REFERENCES decisions (id),
    notification INTEGER NOT NULL REFERENCES notifications (id),
    PRIMARY KEY (decision, notification)
) STRICT, WITHOUT ROWID;

CREATE INDEX settled_along_of ON settled_along (notification);

CREATE TRIGGER settled_along_as_approved BEFORE INSERT ON settled_along
WHEN NOT EXISTS (
    SELECT 1
    FROM decisions
    JOIN drafts ON drafts.notification = decisions.notification
               AND drafts.revision = decisions.revision,
         json_each(drafts.draft, '$.along') AS along
    WHERE decisions.id = NEW.decision
      AND decisions.kind = 'approve'
      AND json_extract(along.value, '$.notification') = NEW.notification
)
BEGIN SELECT RAISE(ABORT, 'the approved draft does not name that notification'); END;
CREATE TRIGGER settled_along_is_kept_update BEFORE UPDATE ON settled_along
BEGIN SELECT RAISE(ABORT, 'what an approval settles never changes'); END;
CREATE TRIGGER settled_along_is_kept_delete BEFORE DELETE ON settled_along
BEGIN SELECT RAISE(ABORT, 'what an approval settles never changes'); END;

-- At most one reply to a notification, whoever's draft it is of (I4).
DROP INDEX deliveries_one_reply;
CREATE UNIQUE INDEX deliveries_one_reply ON deliveries (coalesce(answers, notification))
    WHERE kind = 'reply' AND withdrawn_at IS NULL;
DROP TRIGGER deliveries_are_kept_insert;
CREATE TRIGGER deliveries_are_kept_insert BEFORE INSERT ON deliveries
WHEN EXISTS (
    SELECT 1 FROM deliveries
    WHERE id = NEW.id
       OR (notification = NEW.notification AND position = NEW.position
           AND withdrawn_at IS NULL)
       OR message_id = NEW.message_id
       OR marker = NEW.marker
) OR (NEW.kind = 'reply' AND EXISTS (
    SELECT 1 FROM deliveries
    WHERE coalesce(answers, notification) = coalesce(NEW.answers, NEW.notification)
      AND kind = 'reply'
      AND withdrawn_at IS NULL
))
BEGIN SELECT RAISE(ABORT, 'this delivery exists already'); END;
DROP TRIGGER deliveries_are_kept_update;
CREATE TRIGGER deliveries_are_kept_update
BEFORE UPDATE OF id, notification, revision, position, kind, decision, answers ON deliveries
BEGIN SELECT RAISE(ABORT, 'what a delivery does never changes'); END;

-- Only those are answered along whom the approved draft answers (I6), and who still
-- wait for it.
CREATE TRIGGER deliveries_answer_as_approved BEFORE INSERT ON deliveries
WHEN NEW.answers IS NOT NULL AND NOT EXISTS (
    SELECT 1
    FROM drafts, json_each(drafts.draft, '$.along') AS along
    JOIN notifications ON notifications.id = NEW.answers
                      AND notifications.attached_to = NEW.notification
                      AND notifications.closed_reason IS NULL
    WHERE drafts.notification = NEW.notification
      AND drafts.revision = NEW.revision
      AND json_extract(along.value, '$.notification') = NEW.answers
      AND json_extract(along.value, '$.reply') IS NOT NULL
)
BEGIN SELECT RAISE(ABORT, 'the approved draft does not answer that notification'); END;
-- Whoever is answered along cannot go on by itself, and be answered twice.
CREATE TRIGGER notifications_stay_attached BEFORE UPDATE OF attached_to ON notifications
WHEN NEW.attached_to IS NOT OLD.attached_to AND EXISTS (
    SELECT 1 FROM deliveries WHERE answers = OLD.id AND withdrawn_at IS NULL
)
BEGIN SELECT RAISE(ABORT, 'it is answered along with another'); END;

-- The replies come after what they name (I10), in any order among themselves.
DROP TRIGGER deliveries_keep_their_order;
CREATE TRIGGER deliveries_keep_their_order BEFORE UPDATE OF claimed_at ON deliveries
WHEN NEW.claimed_at IS NOT NULL AND OLD.claimed_at IS NULL AND NEW.kind = 'reply'
 AND EXISTS (
    SELECT 1 FROM deliveries
    WHERE notification = NEW.notification AND kind <> 'reply' AND done_at IS NULL
      AND withdrawn_at IS NULL
)
BEGIN SELECT RAISE(ABORT, 'an earlier action of the same draft is not done'); END;
