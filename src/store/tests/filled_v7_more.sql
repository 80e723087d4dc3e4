
-- What version 7 has more. It is never changed either.

INSERT INTO users (name, secret, made_at)
VALUES ('ada', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA', 1800000000);
INSERT INTO sessions (token, user, made_at, expires_at)
VALUES (zeroblob(32), 'ada', 1800000000, 1800000100);
