//! The append-only ledger of every outgoing effect of every kind (I9).

use anyhow::Result;
use rusqlite::params;
use rusqlite::types::Value;

use super::{DeliveryId, DeliveryKind, NotificationId, Store};
use crate::domain::Seconds;

/// What the claim writes beside the delivery's own row.
#[derive(Debug, Clone, Copy)]
pub struct LedgerEntry<'a> {
    /// Where the effect goes: the list's address, or the tracker's.
    pub target: &'a str,
    /// The thread it belongs to: the first mail's Message-ID, or the issue.
    pub thread: &'a str,
    /// SHA-256 in hex of the text people would see, without what differs each
    /// time (Date, Message-ID).
    pub body_digest: &'a str,
}

/// Which effects to count.
#[derive(Debug, Clone, Copy)]
pub enum LedgerScope<'a> {
    /// All of the kind.
    All,
    /// Those of one notification.
    Notification(NotificationId),
    /// Those of one thread.
    Thread(&'a str),
    /// Those with the same body to the same target.
    SameBody {
        /// As in the entry.
        target: &'a str,
        /// As in the entry.
        body_digest: &'a str,
    },
}

impl Store {
    /// Whether a delivery was ever claimed, whatever became of it then.
    pub fn was_claimed(&self, delivery: DeliveryId) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM ledger WHERE delivery = ?1)")?
            .query_row([delivery], |row| row.get(0))?)
    }

    /// How many deliveries of a kind were claimed at or after `since`, other than
    /// `except` (the one that asks; a delivery tried twice counts once). What was
    /// withdrawn reached nobody: it counts for [`LedgerScope::All`] alone.
    pub fn ledger_count(
        &self,
        kind: DeliveryKind,
        scope: LedgerScope<'_>,
        since: Seconds,
        except: DeliveryId,
    ) -> Result<u64> {
        let (condition, first, second): (_, Option<Value>, Option<Value>) = match scope {
            LedgerScope::All => ("?4 IS ?4 AND ?5 IS ?5", None, None),
            LedgerScope::Notification(id) => (
                "notification = ?4 AND delivery NOT IN (SELECT id FROM deliveries WHERE withdrawn_at IS NOT NULL) AND ?5 IS ?5",
                Some(id.0.into()),
                None,
            ),
            LedgerScope::Thread(thread) => (
                "thread = ?4 AND delivery NOT IN (SELECT id FROM deliveries WHERE withdrawn_at IS NOT NULL) AND ?5 IS ?5",
                Some(thread.to_owned().into()),
                None,
            ),
            LedgerScope::SameBody {
                target,
                body_digest,
            } => (
                "target = ?4 AND body_digest = ?5 AND delivery NOT IN (SELECT id FROM deliveries WHERE withdrawn_at IS NOT NULL)",
                Some(target.to_owned().into()),
                Some(body_digest.to_owned().into()),
            ),
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT count(DISTINCT delivery)
             FROM ledger
             WHERE kind = ?1 AND at >= ?2 AND delivery <> ?3 AND {condition}"
        ))?;
        Ok(
            statement.query_row(params![kind.name(), since, except, first, second], |row| {
                row.get(0)
            })?,
        )
    }
}
