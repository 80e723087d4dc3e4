-- Drafts that cannot be put into a mail to an approver: attempts are counted before
-- they are made, and come to an end. And a folder of its own that answers come to.

CREATE TABLE unwritten_letters (
    approver     TEXT NOT NULL CHECK (approver <> ''),
    notification INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    attempts     INTEGER NOT NULL CHECK (attempts >= 0),
    due_at       INTEGER,              -- NULL: given up
    PRIMARY KEY (approver, notification, revision),
    FOREIGN KEY (notification, revision) REFERENCES drafts (notification, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE service_troubles_2 (
    service TEXT NOT NULL PRIMARY KEY
            CHECK (service IN ('mailbox', 'answers', 'outgoing', 'tracker', 'ci')),
    words   TEXT NOT NULL,
    since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO service_troubles_2 SELECT service, words, since FROM service_troubles;
DROP TABLE service_troubles;
ALTER TABLE service_troubles_2 RENAME TO service_troubles;
