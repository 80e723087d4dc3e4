-- What version 8 has more. It is never changed either.

INSERT INTO issue_title_pieces (rowid, pieces) VALUES (1, 'fails');
INSERT INTO common_words (word, counted_in, titles) VALUES ('', 'issue_titles', 1);
