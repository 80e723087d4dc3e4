//! Comments on issues of an embedded tracker, and the tables below them.

use anyhow::Result;
use rusqlite::{OptionalExtension, params};

use crate::domain::issue::IssueRef;
use crate::trackers::Marker;
use crate::trackers::embedded::{Embedded, NEXT_CHANGE, now, stored};
use crate::trackers::table::{Fence, with_table};

/// What a table stands between.
const FENCE: Fence = Fence {
    start: "---- since then ----",
    end: "--------------------",
};

impl Embedded {
    /// The comment, and with it the issue open again if so wanted. `false` where there
    /// is no such issue.
    pub(super) fn insert_comment(
        &self,
        (issue, body): (&IssueRef, &str),
        reopens: bool,
        marker: &Marker,
    ) -> Result<bool> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        let number = stored(issue.number);
        let changed = transaction.execute(
            &format!("UPDATE issues SET change = {NEXT_CHANGE} WHERE number = ?1"),
            [number],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        let made = transaction.execute(
            "INSERT INTO comments (issue, marker, author, text, at)
             VALUES (?1, ?2, 'buildbot-watch', ?3, ?4)
             ON CONFLICT (marker) DO NOTHING",
            params![number, marker.0, body, now()],
        )?;
        // Done once: it may have been closed again since.
        if reopens && made > 0 {
            transaction.execute(
                "UPDATE issues SET is_open = TRUE, closed_at = NULL, resolution = NULL
                 WHERE number = ?1",
                [number],
            )?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// `false` where there is no such comment.
    pub(super) fn put_table(&self, of: &Marker, table: &str, marker: &Marker) -> Result<bool> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        let comment: Option<(i64, i64, String)> = transaction
            .query_row(
                "SELECT id, issue, text FROM comments WHERE marker = ?1",
                [&of.0],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((id, issue, text)) = comment else {
            return Ok(false);
        };
        transaction.execute(
            "UPDATE comments SET text = ?2 WHERE id = ?1",
            params![id, with_table(&text, table, FENCE)],
        )?;
        transaction.execute(
            &format!("UPDATE issues SET change = {NEXT_CHANGE} WHERE number = ?1"),
            [issue],
        )?;
        transaction.execute(
            "INSERT INTO tables (marker, comment) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![marker.0, id],
        )?;
        transaction.commit()?;
        Ok(true)
    }
}
