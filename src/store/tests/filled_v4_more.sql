-- What version 4 has more than version 3. It is never changed either.

UPDATE issues SET author = 'anna', resolution = 'duplicate', duplicate_of = 3;
INSERT INTO early_comments VALUES ('embedded', 8, '5', 'ben', 'It fails.', 1800000000);
UPDATE mirror_state SET cursor = 'here', begun_at = 1800000000, given = 7, asked_at = 1800000000;
