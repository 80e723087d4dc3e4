//! What people said about a signature and a report: confirmed pairs win next
//! time, rejected ones are never put on top again.

use anyhow::Result;
use rusqlite::params;

use super::{Mirror, NotificationId, signing};
use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::signature::{NearForm, Parts, Signature, near};

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairWord {
    /// The failure belongs to the report.
    Confirmed,
    /// It does not.
    Rejected,
}

/// The last word on a signature and a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The report.
    pub issue: u64,
    /// What was said.
    pub word: PairWord,
    /// By whom.
    pub who: String,
    /// When.
    pub at: Seconds,
}

/// What was said of a failure that is nearly the same.
#[derive(Debug, Clone, PartialEq)]
pub struct NearPair {
    /// What was said.
    pub pair: Pair,
    /// How far the two failures are from each other, from 0.0 to less than 0.1.
    pub distance: f32,
}

/// Most failures of one test that another is compared with.
const MOST_COMPARED: usize = 200;

impl PairWord {
    fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }
}

impl Mirror<'_> {
    /// Records what somebody said of a failure; a later word replaces an earlier
    /// one. The failure is kept, to be compared with others.
    pub fn record_pair(
        &self,
        failure: &Failure,
        issue: u64,
        word: PairWord,
        notification: Option<NotificationId>,
        who: &str,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.store.begin()?;
        signing::remember(&transaction, failure)?;
        transaction.execute(
            "INSERT INTO pairs (tracker, signature, issue, word, notification, who, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tracker, signature, issue) DO UPDATE
             SET word = excluded.word, notification = excluded.notification,
                 who = excluded.who, at = excluded.at",
            params![
                self.tracker,
                failure.signature.0,
                issue,
                word.name(),
                notification,
                who,
                now
            ],
        )?;
        Ok(transaction.commit()?)
    }

    /// What is known of a signature, also by the names it had in earlier versions:
    /// the last word on each report, the latest first.
    pub fn pairs(&self, signature: &Signature) -> Result<Vec<Pair>> {
        let mut statement = self.connection().prepare_cached(
            "WITH RECURSIVE called (name) AS (
                 SELECT ?2
                 UNION
                 SELECT old FROM signature_map JOIN called ON new = name
             )
             SELECT issue, word, who, at
             FROM pairs
             WHERE tracker = ?1 AND signature IN called
             ORDER BY at DESC, signature = ?2 DESC, issue DESC",
        )?;
        let pairs = statement.query_map(params![self.tracker, signature.0], |row| {
            let word: String = row.get(1)?;
            Ok(Pair {
                issue: row.get(0)?,
                // The table allows no third word.
                word: match word.as_str() {
                    "confirmed" => PairWord::Confirmed,
                    _ => PairWord::Rejected,
                },
                who: row.get(2)?,
                at: row.get(3)?,
            })
        })?;
        let mut last_words: Vec<Pair> = Vec::new();
        for pair in pairs {
            let pair = pair?;
            if last_words.iter().all(|later| later.issue != pair.issue) {
                last_words.push(pair);
            }
        }
        Ok(last_words)
    }

    /// What was said of failures that are not the same, but nearly, the nearest
    /// first. Nothing is near that has another kind or another test.
    pub fn near_pairs(&self, failure: &Failure) -> Result<Vec<NearPair>> {
        let own = NearForm::of(&Parts::of(failure));
        let mut statement = self.connection().prepare_cached(
            "SELECT failure FROM remembered WHERE test = ?1 AND signature <> ?2 LIMIT ?3",
        )?;
        let known = statement.query_map(
            params![failure.test.qualified(), failure.signature.0, MOST_COMPARED],
            |row| row.get::<_, String>(0),
        )?;
        let mut found = Vec::new();
        for known in known {
            // What a later version of the program wrote may not be readable.
            let Ok(known) = serde_json::from_str::<Failure>(&known?) else {
                continue;
            };
            let Some(distance) = near(&own, &NearForm::of(&Parts::of(&known))) else {
                continue;
            };
            let pairs = self.pairs(&known.signature)?;
            found.extend(pairs.into_iter().map(|pair| NearPair { pair, distance }));
        }
        found.sort_by(|one, other| one.distance.total_cmp(&other.distance));
        Ok(found)
    }
}
