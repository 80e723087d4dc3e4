
-- What version 10 has more. It is never changed either.

INSERT INTO build_outcomes
VALUES (3, 0, 'buildbot', 'AMD64 Fedora 3.x', '3.x', 12, '12', 1);
INSERT INTO alerts VALUES (1, 'webhook team', 1800000000);
INSERT INTO alerts_told VALUES ('webhook team', 'draft 1', 1);
INSERT INTO alert_troubles VALUES ('irc', 'connection refused', 1800000000);
