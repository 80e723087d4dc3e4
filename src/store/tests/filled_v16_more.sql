
-- What the version with drafts that cannot be put into a mail has more. It is never
-- changed either.

INSERT INTO unwritten_letters (approver, notification, revision, attempts, due_at)
VALUES ('Ada', 1, 1, 3, NULL);
INSERT INTO service_troubles (service, words, since)
VALUES ('answers', 'no such folder', 1800000000);
