
-- What the version with automatic rules has more. It is never changed either.

INSERT INTO auto_rules (name, digest, state, why, since)
VALUES ('known', 'd', 'suspended', '9 of 10 right', 1800000000);
