
-- What version 17 has more. It is never changed either.

UPDATE subscriptions SET proven_at = 1800000060, proof = 'post' WHERE id = 1;
INSERT INTO subscription_questions (subscription, token, seen_at)
VALUES (1, 'fc810f5d65be5c4b5a6adba45fbfb34c7a931f48', 1800000003);
INSERT INTO filings (id, address, who, noted_at, attempts, ended_at, outcome)
VALUES (1, 'https://buildbot.example.test/#/builders/1/builds/2', 'Ada', 1800000004, 0, 1800000005, '1');
