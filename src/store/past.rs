//! What people decided and said so far, for the automatic rules. What a rule decided
//! is not in it.

use anyhow::Result;

use super::{DecisionId, NotificationId, Store};
use crate::domain::delivery::Receipt;
use crate::domain::policy::auto::{Approval, Past, Said};

/// How far people's decisions and words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The last decision.
    decision: i64,
    /// How many approvals were withdrawn.
    withdrawn: i64,
    /// The last word on a signature and a report.
    word: i64,
    /// How many signatures have another name now.
    renamed: i64,
}

impl Mark {
    /// Whether signatures were made anew in between.
    pub fn is_renamed_since(&self, earlier: Self) -> bool {
        self.renamed != earlier.renamed
    }
}

/// A notification and the decision on it that counts.
pub type DecidedOn = (NotificationId, DecisionId);

impl Store {
    /// Tells whether people decided or said something since.
    pub fn mark(&self) -> Result<Mark> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT (SELECT coalesce(max(id), 0) FROM decisions),
                        (SELECT count(*) FROM withdrawals),
                        (SELECT coalesce(max(id), 0) FROM pair_words),
                        (SELECT count(*) FROM signature_map)",
            )?
            .query_row([], |row| {
                Ok(Mark {
                    decision: row.get(0)?,
                    withdrawn: row.get(1)?,
                    word: row.get(2)?,
                    renamed: row.get(3)?,
                })
            })?)
    }

    /// Everything that people approved, and said of the failures of a tracker.
    pub fn past(&self, tracker: &str) -> Result<Past> {
        let words = self.words_said(tracker)?;
        let renamed = self.renamed()?;
        Ok(Past::new(self.approvals()?, words, renamed))
    }

    /// One for each action and incident that a person approved. The order of the tables
    /// is given: begun with the incidents, every draft would be read for each of them.
    fn approvals(&self) -> Result<Vec<Approval>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT decisions.id, decisions.notification, about.value,
                    json_extract(incidents.failure, '$.kind'),
                    json_extract(action.value, '$.do') = 'open',
                    json_extract(action.value, '$.issue.number'),
                    deliveries.receipt
             FROM decisions
             CROSS JOIN drafts ON drafts.notification = decisions.notification
                              AND drafts.revision = decisions.revision
             CROSS JOIN json_each(drafts.draft, '$.actions') AS action
             CROSS JOIN json_each(drafts.draft, '$.incidents[' || action.key || ']') AS about
             CROSS JOIN incidents ON incidents.id = about.value
             LEFT JOIN deliveries ON deliveries.notification = decisions.notification
                                 AND deliveries.position = action.key
                                 AND deliveries.decision = decisions.id
             WHERE decisions.kind = 'approve'
               AND decisions.auto_rule IS NULL
               AND decisions.id NOT IN (SELECT decision FROM withdrawals)",
        )?;
        let rows = statement.query_map([], |row| {
            let kind: Option<String> = row.get(3)?;
            let receipt: Option<String> = row.get(6)?;
            let opened = receipt.and_then(|it| serde_json::from_str(&it).ok());
            Ok(Approval {
                decision: row.get(0)?,
                notification: row.get(1)?,
                incident: row.get(2)?,
                kind: kind.and_then(|it| serde_json::from_value(it.into()).ok()),
                opened: row.get(4)?,
                issue: match (row.get::<_, Option<u64>>(5)?, opened) {
                    (Some(number), _) => Some(number),
                    (None, Some(Receipt::Issue(issue))) => Some(issue.number),
                    (None, _) => None,
                },
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn words_said(&self, tracker: &str) -> Result<Vec<Said>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT signature, issue, word = 'confirmed', who, notification, behind
             FROM pair_words
             WHERE tracker = ?1
             ORDER BY id",
        )?;
        let rows = statement.query_map([tracker], |row| {
            Ok(Said {
                signature: row.get(0)?,
                issue: row.get(1)?,
                belongs: row.get(2)?,
                who: row.get(3)?,
                notification: row.get(4)?,
                behind: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The signatures that have another name now: new, old.
    fn renamed(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT new, old FROM signature_map")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The notifications on which people said the final word, in the order of the
    /// decisions.
    pub fn decided_by_people(&self) -> Result<Vec<DecidedOn>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT notification, id
             FROM decisions
             WHERE kind IN ('approve', 'reject')
               AND auto_rule IS NULL
               AND id NOT IN (SELECT decision FROM withdrawals)
             ORDER BY id",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The notifications on which a rule decided, in the order of the decisions.
    pub fn decided_by_rule(&self, name: &str) -> Result<Vec<DecidedOn>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT notification, id
             FROM decisions
             WHERE auto_rule = ?1 AND id NOT IN (SELECT decision FROM withdrawals)
             ORDER BY id",
        )?;
        let rows = statement.query_map([name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
