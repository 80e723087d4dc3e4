
-- What version 9 has more. It is never changed either.

INSERT INTO filed (notification, build, who)
SELECT max(id), '{"builder":"AMD64 Debian 3.x","result":"failure","state":null,"worker":null,"project":null,"branch":null,"revision":null,"link":null,"blamelist":[],"failures":[],"read_from":"body"}', 'ada'
FROM notifications;
