
-- What version 12 has more. It is never changed either.

INSERT INTO subscriptions
    (id, request, list, address, begun_at, mailbox, uidvalidity, uidnext, ended_at, outcome, list_id)
VALUES
    (1, 'join', 'list@example.test', 'watch@example.test', 1800000000, 'imap://x', 1, 7,
     1800000050, 'member', 'list.example.test');
INSERT INTO subscription_mails (message_id, subscription, token, claimed_at, sent_at, failed_why)
VALUES ('bbw.1@example.test', 1, NULL, 1800000001, 1800000002, NULL);
