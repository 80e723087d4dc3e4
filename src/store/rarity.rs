//! In how many titles words stand. Common ones are counted once for many searches:
//! their lists are long.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{OptionalExtension, params};

use super::Mirror;
use super::search::{has_words, phrase};
use crate::domain::matching::{Question, Rarity};

/// Beyond, a word or a piece of a name is common. It stands in every third title of a
/// small tracker, and in one of a hundred of a large one.
const MOST_COUNTED: u64 = 2000;

/// What stands in fewer titles is counted when it is asked for.
const COMMON: u64 = 50;

/// Words are counted anew when there are so many times more or fewer titles.
const CHANGE: f64 = 1.1;

/// Stands for the number of all titles among the words.
const ALL: &str = "";

const TITLES: &str = "issue_titles";
const PIECES: &str = "issue_title_pieces";

impl Mirror<'_> {
    /// How rare the words of a question are among the titles of the file.
    pub(super) fn rarity(&self, question: &Question) -> Result<Rarity> {
        let mut with = BTreeMap::new();
        for word in question.words() {
            let count = self.titles_with(&word, TITLES)?;
            with.insert(word, count);
        }
        for piece in question.pieces() {
            let count = self.titles_with(piece, PIECES)?;
            let known = with.entry(piece.clone()).or_insert(0);
            *known = count.max(*known);
        }
        Ok(Rarity {
            titles: self.titles()?,
            with,
        })
    }

    /// Counts common words anew if the number of titles has changed much since they
    /// were counted. For the end of a listing.
    pub(super) fn count_common_words(&self) -> Result<()> {
        let titles = self.titles()?;
        let counted = self.common(ALL, TITLES)?.unwrap_or(0);
        let (fewer, more) = (counted.min(titles) as f64, counted.max(titles) as f64);
        if more <= fewer * CHANGE {
            return Ok(());
        }
        let transaction = self.store.begin()?;
        transaction.execute("DELETE FROM common_words", [])?;
        for index in [TITLES, PIECES] {
            transaction.execute_batch(&format!(
                "CREATE VIRTUAL TABLE temp.counted USING fts5vocab(main, {index}, row);
                 INSERT INTO common_words (word, counted_in, titles)
                 SELECT term, '{index}', min(doc, {MOST_COUNTED})
                 FROM counted
                 WHERE doc >= {COMMON};
                 DROP TABLE temp.counted"
            ))?;
        }
        transaction.execute(
            "INSERT INTO common_words (word, counted_in, titles) VALUES (?1, ?2, ?3)",
            params![ALL, TITLES, titles],
        )?;
        Ok(transaction.commit()?)
    }

    /// About how many titles there are: none was ever taken out but those the tracker
    /// took out.
    fn titles(&self) -> Result<u64> {
        Ok(self
            .connection()
            .prepare_cached("SELECT coalesce(max(id), 0) FROM issues")?
            .query_row([], |row| row.get(0))?)
    }

    /// The count of a common word, as it was when they were counted.
    fn common(&self, word: &str, index: &str) -> Result<Option<u64>> {
        Ok(self
            .connection()
            .prepare_cached("SELECT titles FROM common_words WHERE word = ?1 AND counted_in = ?2")?
            .query_row([word, index], |row| row.get(0))
            .optional()?)
    }

    fn titles_with(&self, word: &str, index: &str) -> Result<u64> {
        if !has_words(word) {
            return Ok(0);
        }
        if let Some(count) = self.common(word, index)? {
            return Ok(count);
        }
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT count(*)
             FROM (SELECT 1 FROM {index} WHERE {index} MATCH ?1 LIMIT {MOST_COUNTED})"
        ))?;
        Ok(statement.query_row([phrase(word)], |row| row.get(0))?)
    }
}
