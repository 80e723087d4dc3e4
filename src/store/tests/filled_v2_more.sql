-- What version 2 has more than version 1. It is never changed either.

INSERT INTO service_troubles VALUES ('mailbox', 'connection refused', 1700000070);
UPDATE notifications SET reading = '{}', verdicts = '[]' WHERE id = 3;
INSERT INTO drafts VALUES (3, 1, '{"actions":[],"reply":null,"warnings":[]}', 'd3', 1700000010, 'buildbot-watch');
UPDATE notifications SET current_revision = 1 WHERE id = 3;
INSERT INTO decisions VALUES (2, 3, 1, 'd3', 'approve', 'anna', '', NULL, 1700000020);
INSERT INTO deliveries (id, notification, revision, position, kind, decision, due_at)
VALUES (3, 3, 1, 0, 'comment', 2, 1700000020), (4, 3, 1, 1, 'reply', 2, 1700000020);
UPDATE deliveries SET failed_why = '403', due_at = NULL, given_up_by = 'anna' WHERE id = 3;
INSERT INTO withdrawals VALUES (2, 'anna', 1700000080);
UPDATE notifications SET current_revision = NULL, reading = NULL, verdicts = NULL WHERE id = 3;
