
-- What version 11 has more. It is never changed either.

INSERT INTO answer_tokens
    (token, approver, notification, revision, digest, made_at, used_by, used_at)
VALUES ('0123456789abcdef0123', 'Ada', 1, 1, 'digest', 1800000000, 3, 1800000100);
INSERT INTO letters
    (kind, approver, address, answers, message_id, frozen, made_at, claimed_at, sent_at)
VALUES ('request', 'Ada', 'ada@example.org', NULL, 'bbw.letter.1@watch.example', x'00',
        1800000000, 1800000001, 1800000002);
INSERT INTO letter_tokens (letter, token) VALUES (1, 1);
INSERT INTO letter_claims (letter, approver, at) VALUES (1, 'Ada', 1800000001);
INSERT INTO answers (notification, taken_at, attempts, done_at, outcome)
VALUES (3, 1800000050, 1, 1800000100, 'rejected');
