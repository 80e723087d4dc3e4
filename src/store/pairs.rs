//! What people said about a signature and a report: confirmed pairs win next
//! time, rejected ones are never put on top again.

use anyhow::Result;
use rusqlite::params;

use super::{Mirror, NotificationId};
use crate::domain::Seconds;
use crate::domain::signature::Signature;

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

impl PairWord {
    fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }
}

impl Mirror<'_> {
    /// Records what somebody said; a later word replaces an earlier one.
    pub fn record_pair(
        &self,
        signature: &Signature,
        issue: u64,
        word: PairWord,
        notification: Option<NotificationId>,
        who: &str,
        now: Seconds,
    ) -> Result<()> {
        self.connection().execute(
            "INSERT INTO pairs (tracker, signature, issue, word, notification, who, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (tracker, signature, issue) DO UPDATE
             SET word = excluded.word, notification = excluded.notification,
                 who = excluded.who, at = excluded.at",
            params![
                self.tracker,
                signature.0,
                issue,
                word.name(),
                notification,
                who,
                now
            ],
        )?;
        Ok(())
    }

    /// What is known of a signature, the latest word first.
    pub fn pairs(&self, signature: &Signature) -> Result<Vec<Pair>> {
        let mut statement = self.connection().prepare_cached(
            "SELECT issue, word, who, at
             FROM pairs
             WHERE tracker = ?1 AND signature = ?2
             ORDER BY at DESC, issue DESC",
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
        Ok(pairs.collect::<Result<_, _>>()?)
    }
}
