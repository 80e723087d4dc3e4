-- What version 6 has more. It is never changed either.

UPDATE rules_replayed SET digest = 'cc', upto = 1, ended = 0, changed = 1;
