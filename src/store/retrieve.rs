//! What the mirror has for a failure: the searches of [`crate::domain::matching`]
//! made, the best by their heads read whole, duplicates followed.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::OptionalExtension;

use super::Mirror;
use super::search::{Hit, MOST_LOOKED_AT, cut, has_words, parts_query, phrase, pieces_query};
use crate::domain::matching::{
    self, Master, Model, Question, Rarity, Report, Scope, Scored, Search, searches, shortlist,
};

/// Most reports that one search gives.
const MOST_HITS: usize = 40;

/// Most reports that are read whole.
const MOST_READ: usize = 30;

/// What was found for a failure.
#[derive(Debug, Clone)]
pub struct Retrieved {
    /// Each report once, the best first.
    pub scored: Vec<Scored>,
    /// The searches, in words.
    pub searched: Vec<String>,
}

/// What the searches for a failure found.
#[derive(Debug, Clone)]
pub struct Heads {
    /// Each report once, without its texts, by number.
    pub heads: Vec<Report>,
    /// What was looked for.
    pub searches: Vec<Search>,
    /// How rare the failure's words are among the titles.
    pub rarity: Rarity,
}

impl Mirror<'_> {
    /// Looks for the reports of a failure, and weighs them. All steps of the search
    /// are made.
    pub fn retrieve(&self, question: &Question, model: &Model) -> Result<Retrieved> {
        let found = self.heads(question)?;
        let rarity = found.rarity;
        let mut reports = Vec::new();
        for head in shortlist(question, &rarity, found.heads, model, MOST_READ) {
            reports.extend(self.report(head.issue.number)?);
        }
        let scored = matching::weigh(question, &rarity, reports, model);
        Ok(Retrieved {
            scored: matching::once(scored),
            searched: in_words(&found.searches),
        })
    }

    /// The first half of [`Mirror::retrieve`]: the searches, without a report read
    /// whole.
    pub fn heads(&self, question: &Question) -> Result<Heads> {
        let rarity = self.rarity(question)?;
        let searches = searches(question, &rarity);
        let mut heads: BTreeMap<u64, Report> = BTreeMap::new();
        let mut titles = Titles::new();
        for search in &searches {
            for hit in self.hits_of(search, &mut titles)? {
                heads.entry(hit.issue.number).or_insert_with(|| head(hit));
            }
        }
        Ok(Heads {
            heads: heads.into_values().collect(),
            searches,
            rarity,
        })
    }

    fn hits_of(&self, search: &Search, titles: &mut Titles) -> Result<Vec<Hit>> {
        let index = match (search.scope, search.all.as_slice()) {
            (Scope::Title, [name]) => return self.hits_of_name(name, &search.any, titles),
            (Scope::Title, _) => "issue_titles",
            (Scope::TitleParts, _) => return self.hits_of_parts(search, titles),
            (Scope::FullText, _) => "issue_texts",
        };
        match query(search) {
            Some(query) => self.matching(index, &query, MOST_HITS),
            None => Ok(Vec::new()),
        }
    }

    /// Titles with a name, and where `any` is not empty with one of those as well.
    /// The words beside a name are looked for in its titles: lists of common words
    /// are long, and the index would walk through all of them.
    fn hits_of_name(&self, name: &str, any: &[String], titles: &mut Titles) -> Result<Vec<Hit>> {
        let term = cut(name);
        if !has_words(&term) {
            return Ok(Vec::new());
        }
        if any.is_empty() {
            let found = self.matching("issue_titles", &phrase(&term), MOST_HITS)?;
            titles.insert(name.to_owned(), found.len());
            return Ok(found);
        }
        let beside = any.iter().filter(|term| has_words(term));
        let beside: Vec<String> = beside.map(|term| spaced(term)).collect();
        let is_wanted = |hit: &Hit| {
            let title = spaced(&hit.issue.title);
            beside.iter().any(|term| title.contains(term.as_str()))
        };
        let found = self.matching("issue_titles", &phrase(&term), MOST_LOOKED_AT)?;
        Ok(found
            .into_iter()
            .filter(is_wanted)
            .take(MOST_HITS)
            .collect())
    }

    /// Of each name those titles that have it as a part of a longer one, unless enough
    /// titles have it as a whole; and of each piece those that have it.
    fn hits_of_parts(&self, search: &Search, titles: &Titles) -> Result<Vec<Hit>> {
        let mut hits = Vec::new();
        let is_enough = |term: &&String| {
            let known = titles.get(term.as_str());
            known.is_some_and(|known| *known >= MOST_HITS)
        };
        for piece in search.any.iter().filter(|piece| has_words(piece)) {
            hits.extend(self.matching("issue_title_pieces", &phrase(piece), MOST_HITS)?);
        }
        for name in search.all.iter().filter(|name| !is_enough(name)) {
            let term = cut(name);
            if let Some(query) = pieces_query(&term) {
                hits.extend(self.title_pieces(&query, &term, MOST_HITS)?);
            } else if let Some(query) = parts_query(&term) {
                // `test_get` has no piece of its own.
                hits.extend(self.title_parts(&query, &term, MOST_HITS)?);
            }
        }
        Ok(hits)
    }

    /// The report as it stands; of a duplicate, that which it was closed in favour
    /// of, found by the duplicate's words.
    pub fn report(&self, number: u64) -> Result<Option<Report>> {
        let Some(issue) = self.issue(number)? else {
            return Ok(None);
        };
        let report = Report::of(&issue);
        let master = matching::master(number, |at| self.duplicate_of(at))?;
        let master = match master {
            Master::Other(master) if !report.open => self.issue(master)?,
            _ => None,
        };
        Ok(Some(match master {
            Some(master) => report.standing_for(&Report::of(&master)),
            None => report,
        }))
    }

    fn duplicate_of(&self, number: u64) -> Result<Option<u64>> {
        let found = self
            .connection()
            .prepare_cached("SELECT duplicate_of FROM issues WHERE tracker = ?1 AND number = ?2")?
            .query_row((self.tracker, number), |row| row.get(0))
            .optional()?;
        Ok(found.flatten())
    }
}

/// How many titles were found for a name.
type Titles = BTreeMap<String, usize>;

/// The words of a text in lower case, each between spaces, as the index has them.
fn spaced(text: &str) -> String {
    let words = text.split(|char: char| !char.is_alphanumeric() && char != '_');
    let mut spaced = String::from(" ");
    for word in words.filter(|word| !word.is_empty()) {
        spaced.push_str(&word.to_lowercase());
        spaced.push(' ');
    }
    spaced
}

/// Whether a name is looked for as a word or as a part of one is not told apart.
fn in_words(searches: &[Search]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for search in searches.iter().map(Search::words) {
        if !words.contains(&search) {
            words.push(search);
        }
    }
    words
}

fn head(hit: Hit) -> Report {
    Report {
        issue: hit.issue,
        by: None,
        open: hit.open,
        created_at: hit.created_at,
        last_said_at: hit.created_at.max(hit.updated_at),
        closed_at: hit.closed_at,
        labels: Vec::new(),
        duplicate_of: None,
        resolution: None,
        text: String::new(),
        begun: None,
    }
}

/// The search in FTS5's words; none where nothing can be looked for.
fn query(search: &Search) -> Option<String> {
    let phrases = |terms: &[String]| -> Vec<String> {
        let cut = terms.iter().map(|term| cut(term));
        cut.filter(|term| has_words(term))
            .map(|term| phrase(&term))
            .collect()
    };
    let (mut all, any) = (phrases(&search.all), phrases(&search.any));
    if all.len() < search.all.len() || (any.is_empty() && !search.any.is_empty()) {
        return None;
    }
    if !any.is_empty() {
        all.push(format!("({})", any.join(" OR ")));
    }
    (!all.is_empty()).then(|| all.join(" AND "))
}
