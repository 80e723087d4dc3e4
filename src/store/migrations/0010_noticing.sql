-- Waiting drafts are noticed: whose builder passes again, and what people were told of.

-- How the builds went that mails told of, to know which builder passes again after a
-- failure. Those of failures are made anew when a mail is read anew.
CREATE TABLE build_outcomes (
    notification INTEGER NOT NULL REFERENCES notifications (id),
    position     INTEGER NOT NULL CHECK (position >= 0),  -- in the mail, from 0
    ci           TEXT NOT NULL,
    builder      TEXT NOT NULL,
    branch       TEXT NOT NULL,          -- '': not told
    number       INTEGER NOT NULL,       -- in the address of its page; 0: not told
    shown        TEXT NOT NULL,          -- what people call the build; '': not told
    passed       INTEGER NOT NULL CHECK (passed IN (0, 1)),
    PRIMARY KEY (notification, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX build_outcomes_of ON build_outcomes (builder, branch, ci, notification);

INSERT INTO build_outcomes (notification, position, ci, builder, branch, number, shown, passed)
SELECT notifications.id, build.key,
       coalesce(json_extract(build.value, '$.ci'), 'buildbot'),
       json_extract(build.value, '$.builder'),
       coalesce(json_extract(build.value, '$.branch'), ''),
       coalesce(json_extract(build.value, '$.link.number'), 0),
       coalesce(json_extract(build.value, '$.link.name'),
                CAST(json_extract(build.value, '$.link.number') AS TEXT), ''),
       0
FROM notifications, json_each(notifications.reading, '$.notification.builds') AS build
WHERE notifications.reading IS NOT NULL AND json_valid(notifications.reading);

-- Messages to a channel of people (a webhook, IRC), each written down before it
-- leaves, and what each of them told.
CREATE TABLE alerts (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

CREATE INDEX alerts_of ON alerts (target, at);

CREATE TABLE alerts_told (
    target TEXT NOT NULL,
    matter TEXT NOT NULL,
    alert  INTEGER NOT NULL REFERENCES alerts (id),
    PRIMARY KEY (target, matter)
) STRICT, WITHOUT ROWID;

CREATE INDEX alerts_told_by ON alerts_told (alert);

-- Channels that take nothing now.
CREATE TABLE alert_troubles (
    target TEXT NOT NULL PRIMARY KEY,
    words  TEXT NOT NULL,
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
