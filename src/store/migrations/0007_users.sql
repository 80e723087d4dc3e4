-- Who may use the page, and who is logged in there.

CREATE TABLE users (
    name    TEXT NOT NULL PRIMARY KEY COLLATE NOCASE, -- as an approval names them
    secret  TEXT NOT NULL,               -- Argon2id, in the PHC string format
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    token      BLOB NOT NULL PRIMARY KEY CHECK (length(token) = 32), -- its SHA-256
    user       TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > made_at)
) STRICT;
CREATE INDEX sessions_user ON sessions (user);
