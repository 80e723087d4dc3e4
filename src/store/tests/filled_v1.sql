-- A database of schema version 1 with something in every table. It is never
-- changed: every later version has to read what this one wrote.

INSERT INTO meta VALUES (1, zeroblob(32));
INSERT INTO mailboxes VALUES ('list', 5, 4, 1, 1700000000, 1700000900);

INSERT INTO notifications (id, content_key, message_id, mailbox, received_at, truncated)
VALUES (1, 'k1', '1@ci', 'list', 1700000001, 0),
       (2, 'k2', NULL, 'list', 1700000002, 1),
       (3, 'k3', '3@ci', 'list', 1700000003, 0);
INSERT INTO raw_mails VALUES (1, x'6d61696c'), (2, x'6d61'), (3, x'6d');
INSERT INTO conflicts VALUES (1, 1, 'k1b', 1700000004, 0, x'6f74686572');
INSERT INTO seen_uids VALUES ('list', 5, 1, 1), ('list', 5, 2, 2), ('list', 5, 3, 3), ('list', 5, 4, NULL);

UPDATE notifications
SET reading = '{"mail":{"message_id":"1@ci","in_reply_to":[],"references":[],"from":["ci@example.org"],"from_name":null,"subject":"boom","date":null,"remarks":[]},"notification":{"builds":[],"remarks":[]},"redactions":0}',
    verdicts = '[{"build":0,"failures":[0],"verdict":{"verdict":"new","related":[],"searched":["test_os"]}}]'
WHERE id = 1;
INSERT INTO drafts
VALUES (1, 1, '{"actions":[{"do":"comment","issue":{"number":7,"url":"https://t/7","title":"seven"},"body":"Again."}],"reply":{"subject":"Re: boom","body":"See 7.","in_reply_to":"1@ci","references":["1@ci"]},"warnings":[]}', 'd1', 1700000010, 'buildbot-watch');
UPDATE notifications SET current_revision = 1 WHERE id = 1;
INSERT INTO decisions VALUES (1, 1, 1, 'd1', 'approve', 'anna', '', NULL, 1700000020);
INSERT INTO deliveries (id, notification, revision, position, kind, decision, due_at)
VALUES (1, 1, 1, 0, 'comment', 1, 1700000020), (2, 1, 1, 1, 'reply', 1, 1700000020);
UPDATE deliveries SET frozen = x'63', frozen_digest = 'f1', marker = 'm1' WHERE id = 1;
UPDATE deliveries SET claimed_at = 1700000030 WHERE id = 1;
UPDATE deliveries
SET done_at = 1700000031, receipt = '{"issue":{"number":7,"url":"https://t/7","title":"seven"}}', due_at = NULL
WHERE id = 1;
UPDATE deliveries SET frozen = x'72', frozen_digest = 'f2', message_id = 'r@bot' WHERE id = 2;
UPDATE deliveries SET claimed_at = 1700000040 WHERE id = 2;
UPDATE deliveries SET in_doubt_since = 1700000041, due_at = NULL WHERE id = 2;
INSERT INTO ledger VALUES
    (1, 1, 1, 'comment', 'https://t', '7', 'b1', 1700000030),
    (2, 2, 1, 'reply', 'list@example.org', '1@ci', 'b2', 1700000040);

UPDATE notifications SET quarantined_why = 'the parser died' WHERE id = 2;
UPDATE notifications
SET closed_reason = 'other_list', closed_note = 'it came through another list', closed_at = 1700000050
WHERE id = 3;

INSERT INTO switches VALUES ('pause', 'release day', 'anna', 1700000060);
INSERT INTO audit VALUES (1, 1, 'anna', 'approved', 'revision 1', 1700000020);

INSERT INTO issues (id, tracker, number, url, title, labels, open, created_at, updated_at, closed_at)
VALUES (1, 'embedded', 7, 'https://t/7', 'test_os fails', '["tests"]', 1, 1600000000, 1600000001, NULL);
INSERT INTO issue_bodies VALUES (1, 'It fails.');
INSERT INTO issue_comments VALUES (1, 'c1', 'ben', 'Here too: ResourceWarning', 1600000001);
INSERT INTO issue_titles (rowid, title) VALUES (1, 'test_os fails');
INSERT INTO issue_title_parts (rowid, title) VALUES (1, 'test_os fails');
INSERT INTO issue_texts (rowid, title, body, comments)
VALUES (1, 'test_os fails', 'It fails.', 'Here too: ResourceWarning');
INSERT INTO mirror_state (tracker, cursor, complete_at, open_at_complete, open_told, suspicious)
VALUES ('embedded', 'c', 1700000000, 1, 1, NULL);
INSERT INTO pairs VALUES ('embedded', 'v1:aa', 7, 'confirmed', 1, 'anna', 1700000020);
