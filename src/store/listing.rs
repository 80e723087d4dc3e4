//! Which notifications are due, and which a person wants to see.

use anyhow::Result;
use rusqlite::params;

use super::{NotificationId, Store};
use crate::domain::Seconds;
use crate::domain::life::ClosedReason;

/// Which notifications to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFilter {
    /// Those with a draft to decide on that nobody holds, oldest first.
    ToDecide,
    /// Everything that is neither closed nor delivered, oldest first.
    Open,
    /// Those that a decision on another one settles too, oldest first.
    Attached,
    /// Those held by a person or a cap, oldest first.
    Held,
    /// Those approved but not yet delivered, which nobody holds, oldest first.
    Underway,
    /// Those in quarantine, oldest first.
    Quarantined,
    /// Those closed for one reason, newest first.
    Closed(Option<ClosedReason>),
    /// Those delivered, newest first.
    Delivered,
    /// All, newest first.
    All,
}

/// No wait is this long (backoff ends at 15 minutes): a deadline further off was
/// written under another clock, and counts as passed (I23).
pub(super) const LONGEST_WAIT: Seconds = 24 * 60 * 60;

impl Store {
    /// Notifications for which the worker has something to do before a person
    /// decides: read, match or draft. In order of insertion (I23). Not those
    /// that wait, are held, closed, quarantined, attached, or have a draft.
    ///
    /// Only the ids: a row that cannot be read must not stand in the way of others.
    pub fn due(&self, now: Seconds, limit: usize) -> Result<Vec<NotificationId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id
             FROM notifications
             WHERE closed_reason IS NULL
               AND quarantined_why IS NULL
               AND held_why IS NULL
               AND current_revision IS NULL
               AND attached_to IS NULL
               AND (waiting_until IS NULL OR waiting_until <= ?1 OR waiting_until > ?1 + ?2)
             ORDER BY id
             LIMIT ?3",
        )?;
        let ids = statement.query_map(params![now, LONGEST_WAIT, limit], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Whether there is a mail that nobody has read yet, other than those that
    /// wait for a log or are held.
    pub fn has_unread(&self) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1
                     FROM notifications
                     WHERE closed_reason IS NULL
                       AND quarantined_why IS NULL
                       AND held_why IS NULL
                       AND waiting_until IS NULL
                       AND reading IS NULL)",
            )?
            .query_row([], |row| row.get(0))?)
    }

    /// The earliest moment at which something becomes due that is not yet: a
    /// waiting notification, a delivery, a check of a doubt.
    pub fn next_deadline(&self, now: Seconds) -> Result<Option<Seconds>> {
        Ok(self.connection.query_row(
            "SELECT min(deadline)
             FROM (
                 SELECT waiting_until AS deadline
                 FROM notifications
                 WHERE closed_reason IS NULL
                   AND quarantined_why IS NULL
                   AND held_why IS NULL
                   AND current_revision IS NULL
                 UNION ALL
                 SELECT due_at
                 FROM deliveries
                 WHERE done_at IS NULL AND failed_why IS NULL
             )
             WHERE deadline > ?1",
            [now],
            |row| row.get(0),
        )?)
    }

    /// Lists notifications; load each by itself.
    pub fn list(&self, filter: ListFilter, limit: usize) -> Result<Vec<NotificationId>> {
        let (condition, order) = filter.sql();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id FROM notifications WHERE {condition} ORDER BY id {order} LIMIT ?2"
        ))?;
        let ids = statement.query_map(params![filter.reason(), limit], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// How many notifications a list would show.
    pub fn count(&self, filter: ListFilter) -> Result<u64> {
        let (condition, _) = filter.sql();
        Ok(self.connection.query_row(
            // The last operand is always true: it uses the parameter where the
            // condition does not.
            &format!("SELECT count(*) FROM notifications WHERE {condition} AND ?1 IS ?1"),
            [filter.reason()],
            |row| row.get(0),
        )?)
    }
}

impl ListFilter {
    /// The condition and the direction. `?1` is the closed reason.
    pub(super) fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::ToDecide => (
                "closed_reason IS NULL
                 AND quarantined_why IS NULL
                 AND held_why IS NULL
                 AND current_revision IS NOT NULL
                 AND NOT EXISTS (
                     SELECT 1 FROM deliveries
                     WHERE notification = notifications.id AND withdrawn_at IS NULL)",
                "ASC",
            ),
            Self::Open => (
                "closed_reason IS NULL
                 AND quarantined_why IS NULL
                 AND (NOT EXISTS (
                          SELECT 1 FROM deliveries
                          WHERE notification = notifications.id AND withdrawn_at IS NULL)
                      OR EXISTS (
                          SELECT 1 FROM deliveries
                          WHERE notification = notifications.id AND done_at IS NULL
                       AND withdrawn_at IS NULL))",
                "ASC",
            ),
            Self::Attached => (
                "attached_to IS NOT NULL AND closed_reason IS NULL AND quarantined_why IS NULL",
                "ASC",
            ),
            Self::Held => ("held_why IS NOT NULL AND closed_reason IS NULL", "ASC"),
            Self::Underway => (
                "closed_reason IS NULL
                 AND held_why IS NULL
                 AND EXISTS (
                     SELECT 1 FROM deliveries
                     WHERE notification = notifications.id AND done_at IS NULL
                       AND withdrawn_at IS NULL)",
                "ASC",
            ),
            Self::Quarantined => ("quarantined_why IS NOT NULL", "ASC"),
            Self::Closed(None) => ("closed_reason IS NOT NULL", "DESC"),
            Self::Closed(Some(_)) => ("closed_reason = ?1", "DESC"),
            Self::Delivered => (
                "closed_reason IS NULL
                 AND EXISTS (
                     SELECT 1 FROM deliveries
                     WHERE notification = notifications.id AND withdrawn_at IS NULL)
                 AND NOT EXISTS (
                     SELECT 1 FROM deliveries
                     WHERE notification = notifications.id AND done_at IS NULL
                       AND withdrawn_at IS NULL)",
                "DESC",
            ),
            Self::All => ("TRUE", "DESC"),
        }
    }

    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Closed(reason) => reason.map(ClosedReason::name),
            _ => None,
        }
    }
}
