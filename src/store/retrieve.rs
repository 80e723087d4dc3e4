//! What the mirror has for a failure: the searches of [`crate::domain::matching`]
//! made, the best by their heads read whole, duplicates followed.

use anyhow::Result;
use rusqlite::{OptionalExtension, Transaction};

use super::Mirror;
use super::finder::Finder;
use crate::domain::matching::{
    self, Master, Model, Question, Rarity, Report, Scored, Search, searches, shortlist,
};

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
        let snapshot = self.connection().unchecked_transaction()?;
        let found = self.found(question)?;
        let rarity = found.rarity;
        let mut reports = Vec::new();
        for head in shortlist(question, &rarity, found.heads, model, MOST_READ) {
            reports.extend(self.whole(&snapshot, head.issue.number)?);
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
        let _snapshot = self.connection().unchecked_transaction()?;
        self.found(question)
    }

    /// For callers that have begun a transaction: without one each of the many small
    /// reads would take the file's lock anew.
    fn found(&self, question: &Question) -> Result<Heads> {
        let rarity = self.rarity(question)?;
        let searches = searches(question, &rarity);
        let mut finder = Finder::new(*self);
        for search in &searches {
            finder.find(search)?;
        }
        Ok(Heads {
            heads: finder.heads(),
            searches,
            rarity,
        })
    }

    /// The report as it stands; of a duplicate, that which it was closed in favour
    /// of, found by the duplicate's words.
    pub fn report(&self, number: u64) -> Result<Option<Report>> {
        let snapshot = self.connection().unchecked_transaction()?;
        self.whole(&snapshot, number)
    }

    fn whole(&self, snapshot: &Transaction<'_>, number: u64) -> Result<Option<Report>> {
        let Some(issue) = self.issue_of(snapshot, number)? else {
            return Ok(None);
        };
        let report = Report::of(&issue);
        let master = matching::master(number, |at| match at == number {
            true => Ok(issue.duplicate_of),
            false => self.duplicate_of(at),
        })?;
        let master = match master {
            Master::Other(master) if !report.open => self.issue_of(snapshot, master)?,
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
