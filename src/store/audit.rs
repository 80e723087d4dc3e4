//! The append-only trail that explains every decision (I20).

use anyhow::Result;
use rusqlite::{Connection, Row, params};

use super::{NotificationId, Store};
use crate::domain::Seconds;

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// What it is about; absent for switches and the like.
    pub notification: Option<NotificationId>,
    /// The person, the rule, or [`super::PROGRAM`].
    pub who: String,
    /// One or two words: `approved`, `closed`.
    pub what: String,
    /// A sentence; may be empty.
    pub detail: String,
    /// When.
    pub at: Seconds,
}

impl Store {
    /// Adds a line that belongs to no other change of the store.
    pub fn audit(
        &self,
        notification: Option<NotificationId>,
        who: &str,
        what: &str,
        detail: &str,
        now: Seconds,
    ) -> Result<()> {
        write_line(&self.connection, notification, who, what, detail, now)
    }

    /// Everything that happened to a notification, oldest first.
    pub fn trail(&self, notification: NotificationId) -> Result<Vec<AuditLine>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT notification, who, what, detail, at
             FROM audit
             WHERE notification = ?1
             ORDER BY id",
        )?;
        let lines = statement.query_map([notification], audit_line)?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// The last `limit` lines about anything, newest first.
    pub fn recent_trail(&self, limit: usize) -> Result<Vec<AuditLine>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT notification, who, what, detail, at
             FROM audit
             ORDER BY id DESC
             LIMIT ?1",
        )?;
        let lines = statement.query_map([limit], audit_line)?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

fn audit_line(row: &Row<'_>) -> rusqlite::Result<AuditLine> {
    Ok(AuditLine {
        notification: row.get(0)?,
        who: row.get(1)?,
        what: row.get(2)?,
        detail: row.get(3)?,
        at: row.get(4)?,
    })
}

/// Adds a line inside the caller's transaction.
pub(super) fn write_line(
    connection: &Connection,
    notification: Option<NotificationId>,
    who: &str,
    what: &str,
    detail: &str,
    now: Seconds,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO audit (notification, who, what, detail, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![notification, who, what, detail, now])?;
    Ok(())
}
