//! The manual search, done over the mirror. Terms are untrusted: none is read as
//! query syntax.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use anyhow::Result;
use rusqlite::{Row, params};

use super::Mirror;
use super::upsert::without_nul;
use crate::domain::Seconds;
use crate::domain::issue::IssueRef;
use crate::domain::matching;

/// One report found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The report.
    pub issue: IssueRef,
    /// Whether it is open.
    pub open: bool,
    /// When it was opened.
    pub created_at: Seconds,
    /// When it last changed.
    pub updated_at: Seconds,
    /// When it was closed.
    pub closed_at: Option<Seconds>,
    /// Whether the term stands there as whole words (`test_os`, not
    /// `test_os_extra`). Always true in full text.
    pub whole_words: bool,
    /// BM25, larger is better; 0 unless ordered by relevance.
    pub score: f64,
}

/// What hits are ordered by: open ones first, then by the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    open: bool,
    updated_at: Seconds,
    /// Which row of the table it is.
    pub(super) row: i64,
}

/// How several terms go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Every term must be there.
    All,
    /// One is enough.
    Any,
}

/// Which hits come first when there are more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Open ones, then by the last change.
    Activity,
    /// By BM25 over title, body and comments.
    Relevance,
}

/// A longer term is cut; no title is longer.
const LONGEST_TERM: usize = 200;

/// More are never asked for, and SQLite has no greater numbers than half of ours.
const GREATEST_LIMIT: usize = 1_000_000;

/// Further terms are not looked for.
const MOST_TERMS: usize = 32;

/// Of more reports that match, those are looked at that came last. A search for a
/// word that nearly all have would cost as much as all of them.
pub(super) const MOST_LOOKED_AT: usize = 300;

// A statement that is bound to values which the planner looks at is planned anew
// with each of them, which takes longer than the search. So limits are written out,
// LIKE is called as a function, and the tracker is compared with a `+` before it
// (sqlite.org/optoverview.html).

/// What a hit shows.
const COLUMNS: &str = "issues.number, issues.url, issues.title, issues.open, issues.created_at, \
                       issues.updated_at, issues.closed_at";

/// What the title weighs against body and comments.
const WEIGHTS: &str = "4.0, 1.0, 1.0";

impl Mirror<'_> {
    /// Reports whose title contains the term, case-insensitively: first those
    /// where it stands as whole words (its words in a row, whatever punctuation is
    /// between them), then those where it is a part of a longer word; in each
    /// group open ones first, then by the last change. Of more than 300 the ones
    /// that came last are looked at. Parts of words are found whatever the case of
    /// their ASCII letters.
    pub fn titles_containing(&self, term: &str, limit: usize) -> Result<Vec<Hit>> {
        let limit = limit.min(GREATEST_LIMIT);
        let term = cut(term);
        let mut hits = match has_words(&term) {
            true => self.matching("issue_titles", &phrase(&term), limit)?,
            false => Vec::new(),
        };
        for hit in &mut hits {
            hit.whole_words = true;
        }
        if hits.len() >= limit {
            return Ok(hits);
        }
        // The second search finds the first one's hits again.
        let room = limit.saturating_mul(2);
        let parts = match parts_query(&term) {
            _ if term.is_empty() => Vec::new(),
            None => self.titles_like(&term, room)?,
            Some(query) => self.title_parts(&query, &term, room)?,
        };
        let whole: BTreeSet<u64> = hits.iter().map(|hit| hit.issue.number).collect();
        hits.extend(
            parts
                .into_iter()
                .filter(|hit| !whole.contains(&hit.issue.number)),
        );
        hits.truncate(limit);
        Ok(hits)
    }

    /// Reports that contain the terms as whole words in title, body or comments; by
    /// activity, of more than 300 the ones that came last are looked at.
    pub fn full_text(
        &self,
        terms: &[&str],
        combine: Combine,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Hit>> {
        let Some(query) = full_text_query(terms, combine) else {
            return Ok(Vec::new());
        };
        let limit = limit.min(GREATEST_LIMIT);
        let mut hits = match order {
            Order::Activity => self.matching("issue_texts", &query, limit)?,
            Order::Relevance => self.by_relevance(&query, limit)?,
        };
        for hit in &mut hits {
            hit.whole_words = true;
        }
        Ok(hits)
    }

    /// In how many reports a term occurs as whole words in title, body or
    /// comments: how selective it is. Counts up to `most`.
    pub fn frequency(&self, term: &str, most: usize) -> Result<u64> {
        let Some(query) = full_text_query(&[term], Combine::All) else {
            return Ok(0);
        };
        let most = most.min(GREATEST_LIMIT);
        // A join with the reports costs more than the search.
        let of_tracker = match self.is_only_one()? {
            true => "",
            false => "CROSS JOIN issues ON issues.id = issue_texts.rowid AND +issues.tracker = ?2",
        };
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT count(*)
             FROM (
                 SELECT 1
                 FROM issue_texts
                 {of_tracker}
                 WHERE issue_texts MATCH ?1 AND ?2 IS NOT NULL
                 LIMIT {most}
             )"
        ))?;
        Ok(statement.query_row(params![query, self.tracker], |row| row.get(0))?)
    }

    /// Those of the terms that say something: they occur in some reports, and in
    /// `most` at the most. Each with the number of its reports, rarest first; a term
    /// that is given twice is here once. A search for any of several terms costs as
    /// much as the reports that have them, so leave the common ones out.
    pub fn selective<'t>(&self, terms: &[&'t str], most: usize) -> Result<Vec<(&'t str, u64)>> {
        let distinct: BTreeSet<&str> = terms.iter().copied().collect();
        let mut selective = Vec::new();
        for term in distinct {
            let frequency = self.frequency(term, most.saturating_add(1))?;
            if frequency > 0 && frequency <= most as u64 {
                selective.push((term, frequency));
            }
        }
        selective.sort_by_key(|(_, frequency)| *frequency);
        Ok(selective)
    }

    /// Whether no other tracker is mirrored here.
    fn is_only_one(&self) -> Result<bool> {
        // Two looks into the index; in one query it would be read from end to end.
        let mut statement = self.connection().prepare_cached(
            "SELECT (SELECT min(tracker) FROM issues) IS ?1
                AND (SELECT max(tracker) FROM issues) IS ?1",
        )?;
        Ok(statement.query_row([self.tracker], |row| row.get(0))?)
    }

    /// Whether each index finds a report by its title.
    pub(super) fn finds(&self, number: u64, title: &str) -> Result<bool> {
        let term = cut(title);
        if !has_words(&term) {
            return Ok(true);
        }
        let words = phrase(&term);
        let parts = parts_query(&term).map(|query| ("issue_title_parts", query));
        let pieces = pieces_query(&term).map(|query| ("issue_title_pieces", query));
        let queries = [("issue_titles", words.clone()), ("issue_texts", words)];
        for (index, query) in queries.into_iter().chain(parts).chain(pieces) {
            if !self.is_found(index, number, &query)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether full text finds a report by the beginning of one of its texts.
    pub(super) fn finds_text(&self, number: u64, text: &str) -> Result<bool> {
        let term = cut(without_last_word(text));
        Ok(!has_words(&term) || self.is_found("issue_texts", number, &phrase(&term))?)
    }

    fn is_found(&self, index: &str, number: u64, query: &str) -> Result<bool> {
        Ok(self
            .connection()
            .prepare_cached(&format!(
                "SELECT 1
                 FROM {index}
                 WHERE {index} MATCH ?1
                   AND rowid = (SELECT id FROM issues WHERE tracker = ?2 AND number = ?3)"
            ))?
            .exists(params![query, self.tracker, number])?)
    }

    /// Open ones first, then by the last change.
    fn matching(&self, index: &str, query: &str, limit: usize) -> Result<Vec<Hit>> {
        let mut found = self.hits_of(&self.rows(index, query)?)?;
        found.sort_unstable_by_key(|(place, _)| Reverse(*place));
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, hit)| hit).collect())
    }

    /// Titles that have some trigrams of the term, and the term.
    fn title_parts(&self, query: &str, term: &str, limit: usize) -> Result<Vec<Hit>> {
        let mut hits = self.matching("issue_title_parts", query, MOST_LOOKED_AT)?;
        hits.retain(|hit| holds(&hit.issue.title, term));
        hits.truncate(limit);
        Ok(hits)
    }

    /// The rows that an index finds. Of very many the newest are looked at: a report
    /// that is changed keeps its row, and rows are made in the order of the last changes
    /// at first.
    pub(super) fn rows(&self, index: &str, query: &str) -> Result<Vec<i64>> {
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT rowid
             FROM {index}
             WHERE {index} MATCH ?1
             ORDER BY rowid DESC
             LIMIT {MOST_LOOKED_AT}"
        ))?;
        let rows = statement.query_map([query], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The reports of these rows, each with its place among others; those of another
    /// tracker are left out.
    pub(super) fn hits_of(&self, rows: &[i64]) -> Result<Vec<(Place, Hit)>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT {COLUMNS}, 0.0 AS score, issues.id
             FROM json_each(?1) AS wanted
             CROSS JOIN issues ON issues.id = wanted.value
             WHERE +issues.tracker = ?2"
        ))?;
        let wanted = serde_json::to_string(rows)?;
        let found = statement.query_map(params![wanted, self.tracker], |row| {
            let hit = hit(row)?;
            let place = Place {
                open: hit.open,
                updated_at: hit.updated_at,
                row: row.get(8)?,
            };
            Ok((place, hit))
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Where only this tracker is mirrored, the best are chosen before anything of
    /// the reports is read; of equally good ones at the limit, those that came last.
    fn by_relevance(&self, query: &str, limit: usize) -> Result<Vec<Hit>> {
        let at_once = match self.is_only_one()? {
            true => format!("ORDER BY score DESC, hit DESC LIMIT {limit}"),
            false => String::new(),
        };
        self.hits(
            &format!(
                "SELECT {COLUMNS}, score
                 FROM (SELECT rowid AS hit, -bm25(issue_texts, {WEIGHTS}) AS score
                       FROM issue_texts
                       WHERE issue_texts MATCH ?2
                       {at_once})
                 CROSS JOIN issues ON issues.id = hit
                 WHERE +issues.tracker = ?1
                 ORDER BY score DESC, issues.open DESC, issues.updated_at DESC
                 LIMIT {limit}"
            ),
            query,
        )
    }

    /// For terms too short for the index of parts.
    fn titles_like(&self, term: &str, limit: usize) -> Result<Vec<Hit>> {
        self.hits(
            &format!(
                "SELECT {COLUMNS}, 0.0 AS score
                 FROM issues
                 WHERE tracker = ?1 AND like(?2, title, '\\')
                 ORDER BY open DESC, updated_at DESC, id DESC
                 LIMIT {limit}"
            ),
            &like(term),
        )
    }

    fn hits(&self, sql: &str, query: &str) -> Result<Vec<Hit>> {
        let mut statement = self.connection().prepare_cached(sql)?;
        let hits = statement.query_map(params![self.tracker, query], hit)?;
        Ok(hits.collect::<Result<_, _>>()?)
    }
}

/// By place, as [`COLUMNS`] has them and the score behind: to look a name up takes
/// longer than to read what it names.
fn hit(row: &Row<'_>) -> rusqlite::Result<Hit> {
    Ok(Hit {
        issue: IssueRef {
            number: row.get(0)?,
            url: row.get(1)?,
            title: row.get(2)?,
        },
        open: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        closed_at: row.get(6)?,
        whole_words: false,
        score: row.get(7)?,
    })
}

/// At most [`LONGEST_TERM`] characters, ending with a whole word; no NUL.
pub(super) fn cut(term: &str) -> String {
    let clean = without_nul(term).trim().to_owned();
    match clean.char_indices().nth(LONGEST_TERM) {
        None => clean,
        Some((end, _)) => {
            let beginning = clean.get(..end).unwrap_or_default();
            let word = |c: char| c.is_alphanumeric() || c == '_';
            beginning.trim_end_matches(word).trim_end().to_owned()
        }
    }
}

/// A text that was cut somewhere, without the word that may be half there.
fn without_last_word(text: &str) -> &str {
    text.rsplit_once(char::is_whitespace)
        .map_or("", |(before, _)| before)
}

/// Whether the index of words can find anything of it; without a word the query
/// would find nothing, or, beside other terms, be as if it were not there.
pub(super) fn has_words(term: &str) -> bool {
    term.chars().any(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a text contains a term, whatever the case of its ASCII letters: what LIKE
/// finds.
pub(super) fn holds(text: &str, term: &str) -> bool {
    let (text, term) = (text.to_ascii_lowercase(), term.to_ascii_lowercase());
    text.contains(&term)
}

/// The pattern of SQL's LIKE for texts that contain the term.
fn like(term: &str) -> String {
    let mut pattern = String::from("%");
    for c in term.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// So many trigrams of a term are looked for: each is one more list to read, and
/// few titles have these and not the term.
const TRIGRAMS: usize = 4;

/// In so many titles that they tell nothing: of `test_` and `Tests`.
const COMMON_TRIGRAMS: [&str; 5] = ["tes", "est", "st_", "sts", "_te"];

/// The query for some trigrams of a term; none for one that is too short.
pub(super) fn parts_query(term: &str) -> Option<String> {
    let chars: Vec<char> = term.chars().collect();
    let all: Vec<String> = chars
        .windows(3)
        .map(|three| three.iter().collect())
        .collect();
    let is_rare = |trigram: &&String| !COMMON_TRIGRAMS.contains(&trigram.to_lowercase().as_str());
    let rare: Vec<&String> = all.iter().filter(is_rare).collect();
    let chosen = if rare.is_empty() {
        all.iter().collect()
    } else {
        rare
    };
    let step = chosen.len().div_ceil(TRIGRAMS).max(1);
    let chosen: Vec<String> = chosen
        .into_iter()
        .step_by(step)
        .map(|it| phrase(it))
        .collect();
    (!chosen.is_empty()).then(|| chosen.join(" AND "))
}

/// The query for the pieces of a term; none where it has none that tell anything.
pub(super) fn pieces_query(term: &str) -> Option<String> {
    let pieces = matching::title_pieces(term);
    let pieces: Vec<String> = pieces
        .split_whitespace()
        .take(MOST_TERMS)
        .map(phrase)
        .collect();
    (!pieces.is_empty()).then(|| pieces.join(" AND "))
}

/// A string of FTS5's query language: within double quotes nothing is syntax but
/// the double quote, which is doubled (sqlite.org/fts5.html, 3.1).
pub(super) fn phrase(term: &str) -> String {
    format!("\"{}\"", term.replace('"', "\"\""))
}

fn full_text_query(terms: &[&str], combine: Combine) -> Option<String> {
    let phrases: Vec<String> = terms
        .iter()
        .take(MOST_TERMS)
        .map(|term| cut(term))
        .filter(|term| has_words(term))
        .map(|term| phrase(&term))
        .collect();
    let operator = match combine {
        Combine::All => " AND ",
        Combine::Any => " OR ",
    };
    (!phrases.is_empty()).then(|| phrases.join(operator))
}
