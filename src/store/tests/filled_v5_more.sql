-- What version 5 has more than version 4. It is never changed either.

INSERT INTO incidents VALUES (1, 'v2:bb', 'test_os', '{}', 1700000001);
INSERT INTO occurrences VALUES (1, 0, 1, 'AMD64 Debian 3.x', 'abc', 1700000001);
UPDATE notifications SET reading = '{}', verdicts = '[]' WHERE id = 3;
INSERT INTO drafts VALUES (3, 2, '{"actions":[],"reply":null,"along":[{"notification":1,"reply":null}],"warnings":[]}', 'd3b', 1700000090, 'buildbot-watch');
UPDATE notifications SET current_revision = 2 WHERE id = 3;
INSERT INTO decisions VALUES (3, 3, 2, 'd3b', 'approve', 'anna', '', NULL, 1700000091);
INSERT INTO settled_along VALUES (3, 1);
INSERT INTO deliveries (id, notification, revision, position, kind, decision, due_at)
VALUES (5, 3, 2, 0, 'reply', 3, 1700000091);
UPDATE deliveries SET failed_why = '550', due_at = NULL WHERE id = 5;
INSERT INTO withdrawals VALUES (3, 'anna', 1700000092);
UPDATE notifications SET current_revision = NULL, reading = NULL, verdicts = NULL WHERE id = 3;
