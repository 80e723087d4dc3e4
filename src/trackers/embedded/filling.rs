//! Issues from elsewhere come into an embedded tracker.

use anyhow::{Result, anyhow};
use rusqlite::{Transaction, params};

use crate::domain::issue::Issue;
use crate::trackers::embedded::{Embedded, NEXT_CHANGE, stored};

impl Embedded {
    /// Adds issues under their own numbers, in one transaction; one that is there
    /// is replaced, and its comments are added to. Doing it twice is doing it once.
    ///
    /// # Errors
    ///
    /// The file cannot be written, in words; then nothing was changed.
    pub fn fill(&self, issues: &[Issue]) -> Result<()> {
        let fill = || -> Result<()> {
            let mut connection = self.connection()?;
            let transaction = connection.transaction()?;
            for issue in issues {
                put(&transaction, issue)?;
            }
            Ok(transaction.commit()?)
        };
        fill().map_err(|error| anyhow!(self.told(&error)))
    }
}

fn put(transaction: &Transaction<'_>, issue: &Issue) -> Result<()> {
    let number = stored(issue.number);
    transaction
        .prepare_cached(&format!(
            "INSERT INTO issues (number, title, body, labels, is_open, created_at, change,
                                 author, updated_at, closed_at, resolution, duplicate_of)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, {NEXT_CHANGE}, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (number) DO UPDATE
             SET title = excluded.title, body = excluded.body, labels = excluded.labels,
                 is_open = excluded.is_open, created_at = excluded.created_at,
                 change = excluded.change, author = excluded.author,
                 updated_at = excluded.updated_at, closed_at = excluded.closed_at,
                 resolution = excluded.resolution, duplicate_of = excluded.duplicate_of"
        ))?
        .execute(params![
            number,
            issue.title,
            issue.body,
            serde_json::to_string(&issue.labels)?,
            issue.open,
            issue.created_at,
            issue.author,
            issue.updated_at,
            issue.closed_at,
            issue.resolution,
            issue.duplicate_of.map(stored),
        ])?;
    for comment in &issue.comments {
        // No marker of our own work looks like this.
        let marker = format!("filled {number} {}", comment.id);
        transaction
            .prepare_cached(
                "INSERT INTO comments (issue, marker, author, text, at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (marker) DO UPDATE
                 SET author = excluded.author, text = excluded.text, at = excluded.at",
            )?
            .execute(params![
                number,
                marker,
                comment.author,
                comment.text,
                comment.at
            ])?;
    }
    Ok(())
}
