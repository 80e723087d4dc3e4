//! What an embedded tracker begins with.

use anyhow::{Context, Result};
use rusqlite::params;

use crate::domain::Seconds;
use crate::trackers::embedded::{Embedded, NEXT_CHANGE, stored};

const DEMO_ISSUES: &str = include_str!("../../../fixtures/trackers/demo-issues.json");

/// An issue to begin with.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedIssue {
    /// Its number.
    pub number: u64,
    /// One line.
    pub title: String,
    /// The text it was opened with.
    pub body: String,
    /// Later texts.
    #[serde(default)]
    pub comments: Vec<String>,
    /// Components and versions.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whether work on it is not yet done.
    pub open: bool,
    /// When it was opened, in seconds since the Unix epoch.
    pub created_at: Seconds,
}

/// How long before the demo its newest issue was opened.
const NEWEST: Seconds = 7 * 86_400;

/// The invented issues that the demo begins with, as old at `now` as they are meant
/// to be: what is old is seldom the right one.
///
/// # Errors
///
/// None but for a broken build: the text is compiled in.
pub fn demo_issues(now: Seconds) -> Result<Vec<SeedIssue>> {
    let mut issues: Vec<SeedIssue> =
        serde_json::from_str(DEMO_ISSUES).context("the demo's issues")?;
    let newest = issues.iter().map(|issue| issue.created_at).max();
    let later = now - NEWEST - newest.unwrap_or(now);
    for issue in &mut issues {
        issue.created_at += later;
    }
    Ok(issues)
}

impl Embedded {
    /// Puts issues into an empty tracker; does nothing to one that has any.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn seed(&self, issues: &[SeedIssue]) -> Result<()> {
        let mut connection = self.connection()?;
        let transaction = connection.transaction()?;
        let is_empty =
            transaction.query_row("SELECT NOT EXISTS (SELECT 1 FROM issues)", [], |row| {
                row.get::<_, bool>(0)
            })?;
        if !is_empty {
            return Ok(());
        }
        for issue in issues {
            let number = stored(issue.number);
            transaction.execute(
                &format!(
                    "INSERT INTO issues
                        (number, title, body, labels, is_open, created_at, change)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, {NEXT_CHANGE})"
                ),
                params![
                    number,
                    issue.title,
                    issue.body,
                    serde_json::to_string(&issue.labels)?,
                    issue.open,
                    issue.created_at,
                ],
            )?;
            for text in &issue.comments {
                transaction.execute(
                    "INSERT INTO comments (issue, author, text, at)
                     VALUES (?1, 'somebody', ?2, ?3)",
                    params![number, text, issue.created_at],
                )?;
            }
        }
        Ok(transaction.commit()?)
    }
}
