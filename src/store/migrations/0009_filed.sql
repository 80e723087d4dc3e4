-- Builds that a person filed: nobody mailed about them.

CREATE TABLE filed (
    notification INTEGER PRIMARY KEY REFERENCES notifications (id),
    build        TEXT NOT NULL,          -- JSON: the build, of whose failures nothing is known
    who          TEXT NOT NULL
) STRICT;

CREATE TRIGGER filed_is_kept_insert BEFORE INSERT ON filed
WHEN EXISTS (SELECT 1 FROM filed WHERE notification = NEW.notification)
BEGIN SELECT RAISE(ABORT, 'what was filed never changes'); END;
CREATE TRIGGER filed_is_kept_update BEFORE UPDATE ON filed
BEGIN SELECT RAISE(ABORT, 'what was filed never changes'); END;
CREATE TRIGGER filed_is_kept_delete BEFORE DELETE ON filed
BEGIN SELECT RAISE(ABORT, 'what was filed never changes'); END;

-- There is no mail that a reply could answer (I8).
CREATE TRIGGER deliveries_answer_mails BEFORE INSERT ON deliveries
WHEN NEW.kind = 'reply' AND EXISTS (
    SELECT 1 FROM filed WHERE notification = coalesce(NEW.answers, NEW.notification)
)
BEGIN SELECT RAISE(ABORT, 'nobody mailed about that build'); END;
