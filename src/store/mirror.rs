//! The local copy of a tracker's bug reports.

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Store;
use crate::domain::Seconds;
use crate::domain::issue::{Issue, IssueComment};

/// The copy of one tracker.
#[derive(Debug, Clone, Copy)]
pub struct Mirror<'a> {
    pub(super) store: &'a Store,
    pub(super) tracker: &'a str,
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
    /// How far the listing is that has begun and not ended.
    pub listing: Option<ListingUnderWay>,
    /// Since when somebody waits for a listing.
    pub asked_at: Option<Seconds>,
}

/// How far a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingUnderWay {
    /// When it began.
    pub begun_at: Seconds,
    /// So many reports and comments it gave, what came twice included.
    pub given: u64,
    /// About so many are to come, if the tracker tells.
    pub to_come: Option<u64>,
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
    /// How far it is.
    pub fn state(&self) -> Result<MirrorState> {
        let state = self
            .connection()
            .prepare_cached(
                "SELECT cursor, complete_at, open_at_complete, suspicious,
                        begun_at, given, to_come, asked_at
                 FROM mirror_state
                 WHERE tracker = ?1",
            )?
            .query_row([self.tracker], |row| {
                Ok(MirrorState {
                    cursor: row.get(0)?,
                    complete_at: row.get(1)?,
                    open_at_complete: row.get(2)?,
                    suspicious: row.get(3)?,
                    listing: listing(row)?,
                    asked_at: row.get(7)?,
                })
            })
            .optional()?;
        Ok(state.unwrap_or(MirrorState {
            cursor: None,
            complete_at: None,
            open_at_complete: None,
            suspicious: None,
            listing: None,
            asked_at: None,
        }))
    }

    /// Somebody waits for a listing: the service begins one at its next step. The
    /// end of a listing, or one that fails, takes it back.
    pub fn ask(&self, now: Seconds) -> Result<()> {
        self.connection().execute(
            "INSERT INTO mirror_state (tracker, asked_at)
             VALUES (?1, ?2)
             ON CONFLICT (tracker) DO UPDATE SET asked_at = excluded.asked_at",
            params![self.tracker, now],
        )?;
        Ok(())
    }

    /// What was asked for cannot be had now.
    pub fn stop_asking(&self) -> Result<()> {
        self.connection().execute(
            "UPDATE mirror_state
             SET asked_at = NULL
             WHERE tracker = ?1 AND asked_at IS NOT NULL",
            [self.tracker],
        )?;
        Ok(())
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

    /// When a report last changed, as far as is known here.
    pub fn updated_at(&self, number: u64) -> Result<Option<Seconds>> {
        Ok(self
            .connection()
            .prepare_cached("SELECT updated_at FROM issues WHERE tracker = ?1 AND number = ?2")?
            .query_row(params![self.tracker, number], |row| row.get(0))
            .optional()?)
    }

    /// Whether a report was closed at a moment and has stayed so; not, if it is not known.
    pub fn was_closed(&self, number: u64, at: Seconds) -> Result<bool> {
        Ok(self
            .connection()
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1 FROM issues
                     WHERE tracker = ?1 AND number = ?2 AND open = 0
                       AND (closed_at IS NULL OR closed_at <= ?3))",
            )?
            .query_row(params![self.tracker, number, at], |row| row.get(0))?)
    }

    /// One report, with its comments.
    pub fn issue(&self, number: u64) -> Result<Option<Issue>> {
        let snapshot = self.connection().unchecked_transaction()?;
        self.issue_of(&snapshot, number)
    }

    /// The same as a transaction sees it that has begun.
    pub(super) fn issue_of(
        &self,
        snapshot: &Transaction<'_>,
        number: u64,
    ) -> Result<Option<Issue>> {
        let found = snapshot
            .prepare_cached(
                "SELECT id, number, url, title, body, labels, open,
                        created_at, updated_at, closed_at,
                        author, resolution, duplicate_of
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
        issue.comments = comments_of(snapshot, id)?;
        Ok(Some(issue))
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.store.connection
    }
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
        author: row.get("author")?,
        resolution: row.get("resolution")?,
        duplicate_of: row.get("duplicate_of")?,
    })
}

fn listing(row: &Row<'_>) -> rusqlite::Result<Option<ListingUnderWay>> {
    let Some(begun_at) = row.get("begun_at")? else {
        return Ok(None);
    };
    Ok(Some(ListingUnderWay {
        begun_at,
        given: row.get::<_, Option<u64>>("given")?.unwrap_or(0),
        to_come: row.get("to_come")?,
    }))
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
