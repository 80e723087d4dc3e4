-- What version 3 has more than version 2. It is never changed either.

INSERT INTO signature_map VALUES ('v2:bb', 'v1:aa', 1);
UPDATE signing SET version = 'v2', upto = 1, attempts = 1;
INSERT INTO remembered VALUES ('v2:bb', 'test_os', '{}');
