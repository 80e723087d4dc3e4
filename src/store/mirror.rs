//! The local copy of a tracker's bug reports.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Store;
use crate::domain::Seconds;
use crate::domain::issue::{Issue, IssueComment};

/// The copy of one tracker.
#[derive(Debug, Clone, Copy)]
pub struct Mirror<'a> {
    pub(super) store: &'a Store,
    pub(super) tracker: &'a str,
}

/// A comment listed apart from its issue.
#[derive(Debug, Clone)]
pub struct CommentUpdate {
    /// The issue's number.
    pub issue: u64,
    /// The comment.
    pub comment: IssueComment,
}

/// How far the mirror is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorState {
    /// Where the changed-since listing goes on; the tracker adapter's own words.
    pub cursor: Option<String>,
    /// When a listing last ended.
    pub complete_at: Option<Seconds>,
    /// How many reports were open at the last one that was not suspicious.
    pub open_at_complete: Option<u64>,
    /// What is suspicious, in words.
    pub suspicious: Option<String>,
}

impl Store {
    /// The mirror of one tracker; `tracker` names it for good, for example
    /// `github:python/cpython`.
    pub fn mirror<'a>(&'a self, tracker: &'a str) -> Mirror<'a> {
        Mirror {
            store: self,
            tracker,
        }
    }
}

impl Mirror<'_> {
    /// Adds or replaces reports, with their indexes and, if given, the listing's
    /// cursor, in one transaction. Comments are added or replaced by their id;
    /// none is removed.
    pub fn upsert(&self, issues: &[Issue], cursor: Option<&str>) -> Result<()> {
        let transaction = self.store.begin()?;
        for issue in issues {
            let id = self.upsert_issue(&transaction, issue)?;
            for comment in &issue.comments {
                upsert_comment(&transaction, id, comment)?;
            }
            index(&transaction, id)?;
        }
        self.save_cursor(&transaction, cursor)?;
        Ok(transaction.commit()?)
    }

    /// Adds or replaces comments that were listed apart, and returns the numbers
    /// of reports the mirror does not have (those comments are not kept).
    pub fn upsert_comments(
        &self,
        comments: &[CommentUpdate],
        cursor: Option<&str>,
    ) -> Result<Vec<u64>> {
        let transaction = self.store.begin()?;
        let mut changed = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        for update in comments {
            match self.row_of(&transaction, update.issue)? {
                Some(id) => {
                    upsert_comment(&transaction, id, &update.comment)?;
                    changed.insert(id);
                }
                None => {
                    unknown.insert(update.issue);
                }
            }
        }
        for id in changed {
            index(&transaction, id)?;
        }
        self.save_cursor(&transaction, cursor)?;
        transaction.commit()?;
        Ok(unknown.into_iter().collect())
    }

    /// Takes a report out that the tracker no longer has.
    pub fn remove(&self, number: u64) -> Result<()> {
        let transaction = self.store.begin()?;
        if let Some(id) = self.row_of(&transaction, number)? {
            for index in INDEXES {
                transaction.execute(&format!("DELETE FROM {index} WHERE rowid = ?1"), [id])?;
            }
            transaction.execute("DELETE FROM issues WHERE id = ?1", [id])?;
        }
        Ok(transaction.commit()?)
    }

    /// How far it is.
    pub fn state(&self) -> Result<MirrorState> {
        let state = self
            .connection()
            .prepare_cached(
                "SELECT cursor, complete_at, open_at_complete, suspicious
                 FROM mirror_state
                 WHERE tracker = ?1",
            )?
            .query_row([self.tracker], |row| {
                Ok(MirrorState {
                    cursor: row.get(0)?,
                    complete_at: row.get(1)?,
                    open_at_complete: row.get(2)?,
                    suspicious: row.get(3)?,
                })
            })
            .optional()?;
        Ok(state.unwrap_or(MirrorState {
            cursor: None,
            complete_at: None,
            open_at_complete: None,
            suspicious: None,
        }))
    }

    /// How many reports are open here.
    pub fn open_count(&self) -> Result<u64> {
        Ok(self.connection().query_row(
            "SELECT count(*) FROM issues WHERE tracker = ?1 AND open = 1",
            [self.tracker],
            |row| row.get(0),
        )?)
    }

    /// How many reports there are.
    pub fn count(&self) -> Result<u64> {
        Ok(self.connection().query_row(
            "SELECT count(*) FROM issues WHERE tracker = ?1",
            [self.tracker],
            |row| row.get(0),
        )?)
    }

    /// One report, with its comments.
    pub fn issue(&self, number: u64) -> Result<Option<Issue>> {
        let snapshot = self.connection().unchecked_transaction()?;
        let found = snapshot
            .prepare_cached(
                "SELECT id, number, url, title, body, labels, open,
                        created_at, updated_at, closed_at
                 FROM issues
                 JOIN issue_bodies ON issue_bodies.issue = issues.id
                 WHERE tracker = ?1 AND number = ?2",
            )?
            .query_row(params![self.tracker, number], |row| {
                Ok((row.get::<_, i64>("id")?, issue_row(row)))
            })
            .optional()?;
        let Some((id, issue)) = found else {
            return Ok(None);
        };
        let mut issue = issue.with_context(|| format!("issue {number} cannot be read"))?;
        issue.comments = comments_of(&snapshot, id)?;
        Ok(Some(issue))
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.store.connection
    }

    fn row_of(&self, connection: &Connection, number: u64) -> Result<Option<i64>> {
        Ok(connection
            .prepare_cached("SELECT id FROM issues WHERE tracker = ?1 AND number = ?2")?
            .query_row(params![self.tracker, number], |row| row.get(0))
            .optional()?)
    }

    fn upsert_issue(&self, connection: &Connection, issue: &Issue) -> Result<i64> {
        let id = self.upsert_head(connection, issue)?;
        connection
            .prepare_cached(
                "INSERT INTO issue_bodies (issue, body)
                 VALUES (?1, ?2)
                 ON CONFLICT (issue) DO UPDATE SET body = excluded.body",
            )?
            .execute(params![id, without_nul(&issue.body)])?;
        Ok(id)
    }

    fn upsert_head(&self, connection: &Connection, issue: &Issue) -> Result<i64> {
        Ok(connection
            .prepare_cached(
                "INSERT INTO issues (tracker, number, url, title, labels, open,
                                     created_at, updated_at, closed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                 ON CONFLICT (tracker, number) DO UPDATE
                 SET url = excluded.url,
                     title = excluded.title,
                     labels = excluded.labels,
                     open = excluded.open,
                     created_at = excluded.created_at,
                     updated_at = excluded.updated_at,
                     closed_at = excluded.closed_at
                 RETURNING id",
            )?
            .query_row(
                params![
                    self.tracker,
                    issue.number,
                    issue.url,
                    without_nul(&issue.title),
                    serde_json::to_string(&issue.labels)?,
                    issue.open,
                    issue.created_at,
                    issue.updated_at,
                    issue.closed_at
                ],
                |row| row.get(0),
            )?)
    }

    fn save_cursor(&self, connection: &Connection, cursor: Option<&str>) -> Result<()> {
        let Some(cursor) = cursor else {
            return Ok(());
        };
        connection.execute(
            "INSERT INTO mirror_state (tracker, cursor)
             VALUES (?1, ?2)
             ON CONFLICT (tracker) DO UPDATE SET cursor = excluded.cursor",
            params![self.tracker, cursor],
        )?;
        Ok(())
    }
}

const INDEXES: [&str; 3] = ["issue_titles", "issue_title_parts", "issue_texts"];

/// Brings the three indexes to what the tables say of a report.
fn index(connection: &Connection, id: i64) -> Result<()> {
    for titles in ["issue_titles", "issue_title_parts"] {
        connection
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO {titles} (rowid, title)
                 SELECT id, title FROM issues WHERE id = ?1"
            ))?
            .execute([id])?;
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO issue_texts (rowid, title, body, comments)
             SELECT id, title, body,
                    coalesce((SELECT group_concat(text, char(10))
                              FROM issue_comments
                              WHERE issue = issues.id), '')
             FROM issues
             JOIN issue_bodies ON issue_bodies.issue = issues.id
             WHERE id = ?1",
        )?
        .execute([id])?;
    Ok(())
}

fn upsert_comment(connection: &Connection, id: i64, comment: &IssueComment) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO issue_comments (issue, comment, author, text, at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (issue, comment) DO UPDATE
             SET author = excluded.author, text = excluded.text, at = excluded.at",
        )?
        .execute(params![
            id,
            comment.id,
            comment.author,
            without_nul(&comment.text),
            comment.at
        ])?;
    Ok(())
}

/// SQLite's functions and its query language end a text at NUL.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', " ")
}

fn issue_row(row: &Row<'_>) -> Result<Issue> {
    let labels: String = row.get("labels")?;
    Ok(Issue {
        number: row.get("number")?,
        url: row.get("url")?,
        title: row.get("title")?,
        body: row.get("body")?,
        comments: Vec::new(),
        labels: serde_json::from_str(&labels)?,
        open: row.get("open")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        closed_at: row.get("closed_at")?,
    })
}

fn comments_of(connection: &Connection, id: i64) -> Result<Vec<IssueComment>> {
    let mut statement = connection.prepare_cached(
        "SELECT comment, author, text, at
         FROM issue_comments
         WHERE issue = ?1
         ORDER BY at, length(comment), comment",
    )?;
    let comments = statement.query_map([id], |row| {
        Ok(IssueComment {
            id: row.get(0)?,
            author: row.get(1)?,
            text: row.get(2)?,
            at: row.get(3)?,
        })
    })?;
    Ok(comments.collect::<Result<_, _>>()?)
}
