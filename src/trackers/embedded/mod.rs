//! A tracker in a SQLite file of its own: for the demo, and for trying things out.
//!
//! The marker is a column that must be unique, so that doing the same work twice
//! is doing it once; nothing here is ever in doubt.

mod commenting;
mod filling;
mod seed;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, ffi, params,
};

use crate::domain::Seconds;
use crate::domain::delivery::{Outcome, Receipt};
use crate::domain::draft::NewIssue;
use crate::domain::finding::Finding;
use crate::domain::issue::{Issue, IssueComment, IssueRef};
use crate::trackers::{Marker, Next, OpenCount, Page, Work, number_after};

pub use seed::{SeedIssue, demo_issues};

/// `.invalid` never leads anywhere (RFC 2606, section 2).
const WEB: &str = "https://tracker.invalid/issue/";
const PAGE: i64 = 100;

const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS issues (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    marker TEXT UNIQUE,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    labels TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Rises with every change of any issue; what a mirror asks by.
    change INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS issues_by_change ON issues (change);
CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue INTEGER NOT NULL REFERENCES issues (number),
    marker TEXT UNIQUE,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS comments_of ON comments (issue);
-- The tables that were put below comments.
CREATE TABLE IF NOT EXISTS tables (
    marker TEXT NOT NULL PRIMARY KEY,
    comment INTEGER NOT NULL REFERENCES comments (id)
) STRICT;
";

/// Columns that came later, and their types: a file of an earlier version gets them.
const LATER_COLUMNS: [(&str, &str); 5] = [
    ("author", "TEXT NOT NULL DEFAULT ''"),
    ("updated_at", "INTEGER"),
    ("closed_at", "INTEGER"),
    ("resolution", "TEXT"),
    ("duplicate_of", "INTEGER"),
];

const NEXT_CHANGE: &str = "(SELECT 1 + coalesce(max(change), 0) FROM issues)";

/// A tracker in a SQLite file of its own.
#[derive(Debug)]
pub struct Embedded {
    connection: Mutex<Connection>,
    path: PathBuf,
}

impl Embedded {
    /// Opens the file, or makes it. Its folder must exist.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is something else.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open(path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.execute_batch(SCHEMA)?;
            add_later_columns(&connection)?;
            Ok(connection)
        };
        // In words alone: an error of SQLite's in it would be taken for the store's.
        let connection = open().map_err(|error| anyhow!(in_words(path, &error)))?;
        Ok(Self {
            connection: Mutex::new(connection),
            path: path.to_owned(),
        })
    }

    pub(crate) async fn changed_since(&self, cursor: Option<&str>) -> Result<Page> {
        self.changes(cursor)
            .map_err(|error| anyhow!(self.told(&error)))
    }

    fn changes(&self, cursor: Option<&str>) -> Result<Page> {
        let after: i64 = match cursor {
            Some(text) => text.parse().context("the stored cursor")?,
            None => 0,
        };
        let connection = self.connection()?;
        let mut query = connection.prepare(
            "SELECT number, title, body, labels, is_open, created_at, change,
                (SELECT max(at) FROM comments WHERE issue = number) AS commented_at,
                author, updated_at, closed_at, resolution, duplicate_of
             FROM issues WHERE change > ?1 ORDER BY change LIMIT ?2",
        )?;
        let mut last = after;
        let mut issues = query
            .query_map(params![after, PAGE], |row| {
                last = row.get("change")?;
                issue(row)
            })?
            .collect::<rusqlite::Result<Vec<Issue>>>()?;
        for issue in &mut issues {
            issue.comments = comments(&connection, issue.number)?;
        }
        let to_come = connection.query_row(
            "SELECT count(*) FROM issues WHERE change > ?1",
            [last],
            number,
        )?;
        let next = if issues.len() >= usize::try_from(PAGE)? {
            Next::More(last.to_string())
        } else {
            Next::Complete(last.to_string())
        };
        Ok(Page {
            issues,
            comments: Vec::new(),
            next,
            to_come: Some(to_come),
        })
    }

    pub(crate) async fn count_open(&self) -> Result<Option<OpenCount>> {
        Ok(Some(OpenCount::Exact(self.open_here()?)))
    }

    fn open_here(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM issues WHERE is_open";
        Ok(self.connection()?.query_row(sql, [], number)?)
    }

    pub(crate) async fn prepare(
        &self,
        work: &Work,
        marker: &Marker,
        _earlier: Option<&str>,
    ) -> Result<String, Outcome> {
        match self.find(work, marker) {
            Ok(None) => Ok(String::new()),
            Ok(Some(issue)) => Err(Outcome::Done(Receipt::Issue(issue))),
            Err(error) => Err(self.later(&error)),
        }
    }

    /// SQLite answers Done or "nothing happened"; there is nothing between.
    pub(crate) async fn perform(&self, work: &Work, marker: &Marker, _prepared: &str) -> Outcome {
        let done = match work {
            Work::Open(issue) => self.insert_issue(issue, marker),
            Work::Comment { issue, body } | Work::Reopen { issue, body } => match self
                .insert_comment((issue, body), matches!(work, Work::Reopen { .. }), marker)
            {
                Ok(true) => Ok(()),
                Ok(false) => {
                    let why = format!("there is no issue {}", issue.number);
                    return Outcome::Refused { why };
                }
                Err(error) => Err(error),
            },
            Work::Table { of, table, .. } => match self.put_table(of, table, marker) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    let why = "the comment that it belongs to is not there".to_owned();
                    return Outcome::Refused { why };
                }
                Err(error) => Err(error),
            },
        };
        match done.and_then(|()| self.find(work, marker)) {
            Ok(Some(issue)) => Outcome::Done(Receipt::Issue(issue)),
            Ok(None) => self.later(&anyhow!("it was not kept")),
            Err(error) => self.later(&error),
        }
    }

    pub(crate) async fn find_own(
        &self,
        work: &Work,
        marker: &Marker,
        _prepared: Option<&str>,
        _since: Seconds,
    ) -> Result<Option<IssueRef>> {
        self.find(work, marker)
    }

    pub(crate) async fn check(&self) -> Vec<Finding> {
        match self.open_here() {
            Ok(count) => vec![Finding::fine(format!(
                "the embedded tracker has {count} open issues"
            ))],
            Err(error) => vec![Finding::bad(
                self.told(&error),
                "check its file and the rights on it",
            )],
        }
    }

    /// An error in words; SQLite's with what to do about it.
    fn told(&self, error: &anyhow::Error) -> String {
        let of_sqlite = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<rusqlite::Error>());
        match of_sqlite {
            Some(error) => in_words(&self.path, error),
            None => format!("{error:#}"),
        }
    }

    fn later(&self, error: &anyhow::Error) -> Outcome {
        Outcome::Later {
            why: self.told(error),
            after_seconds: None,
        }
    }

    pub(crate) fn issue_url(&self, number: u64) -> String {
        format!("{WEB}{number}")
    }

    pub(crate) fn name(&self) -> String {
        "the embedded tracker".to_owned()
    }

    pub(crate) fn number_in_url(&self, link: &str) -> Option<u64> {
        number_after(link, WEB)
    }

    fn insert_issue(&self, issue: &NewIssue, marker: &Marker) -> Result<()> {
        let labels: Vec<_> = issue.components.iter().chain(&issue.versions).collect();
        self.connection()?.execute(
            &format!(
                "INSERT INTO issues (marker, title, body, labels, is_open, created_at, change)
                 VALUES (?1, ?2, ?3, ?4, TRUE, ?5, {NEXT_CHANGE})
                 ON CONFLICT (marker) DO NOTHING"
            ),
            params![
                marker.0,
                issue.title,
                issue.body,
                serde_json::to_string(&labels)?,
                now()
            ],
        )?;
        Ok(())
    }

    fn find(&self, work: &Work, marker: &Marker) -> Result<Option<IssueRef>> {
        let query = match work {
            Work::Open(_) => "SELECT number, title FROM issues WHERE marker = ?1",
            Work::Comment { .. } | Work::Reopen { .. } => {
                "SELECT number, title FROM issues
                 WHERE number IN (SELECT issue FROM comments WHERE marker = ?1)"
            }
            Work::Table { .. } => {
                "SELECT number, title FROM issues
                 WHERE number IN (
                     SELECT issue FROM comments JOIN tables ON tables.comment = comments.id
                     WHERE tables.marker = ?1)"
            }
        };
        let found = self
            .connection()?
            .query_row(query, [&marker.0], |row| {
                let number = number(row)?;
                Ok(IssueRef {
                    number,
                    url: format!("{WEB}{number}"),
                    title: row.get(1)?,
                })
            })
            .optional()?;
        Ok(found)
    }

    fn connection(&self) -> Result<MutexGuard<'_, Connection>> {
        self.connection
            .lock()
            .map_err(|_| anyhow!("the tracker's file was left in the middle of something"))
    }
}

fn add_later_columns(connection: &Connection) -> rusqlite::Result<()> {
    if missing_columns(connection)?.is_empty() {
        return Ok(());
    }
    // Several processes may open an old file at once.
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    for (name, kind) in missing_columns(&transaction)? {
        transaction.execute_batch(&format!("ALTER TABLE issues ADD COLUMN {name} {kind}"))?;
    }
    transaction.commit()
}

fn missing_columns(connection: &Connection) -> rusqlite::Result<Vec<(&'static str, &'static str)>> {
    let mut known =
        connection.prepare("SELECT 1 FROM pragma_table_info('issues') WHERE name = ?1")?;
    let mut missing = Vec::new();
    for (name, kind) in LATER_COLUMNS {
        if !known.exists([name])? {
            missing.push((name, kind));
        }
    }
    Ok(missing)
}

fn issue(row: &rusqlite::Row<'_>) -> rusqlite::Result<Issue> {
    let number = number(row)?;
    let labels: String = row.get(3)?;
    let created_at: Seconds = row.get(5)?;
    let commented_at: Option<Seconds> = row.get("commented_at")?;
    let closed_at: Option<Seconds> = row.get("closed_at")?;
    let updated_at: Option<Seconds> = row.get("updated_at")?;
    let changed_at = commented_at.max(closed_at).max(updated_at);
    let duplicate_of: Option<i64> = row.get("duplicate_of")?;
    Ok(Issue {
        number,
        url: format!("{WEB}{number}"),
        title: row.get(1)?,
        body: row.get(2)?,
        comments: Vec::new(),
        labels: serde_json::from_str(&labels).unwrap_or_default(),
        open: row.get(4)?,
        created_at,
        updated_at: changed_at.map_or(created_at, |at| at.max(created_at)),
        closed_at,
        author: row.get("author")?,
        resolution: row.get("resolution")?,
        duplicate_of: duplicate_of.map(i64::unsigned_abs),
    })
}

fn comments(connection: &Connection, number: u64) -> rusqlite::Result<Vec<IssueComment>> {
    connection
        .prepare("SELECT id, author, text, at FROM comments WHERE issue = ?1 ORDER BY id")?
        .query_map([stored(number)], |row| {
            Ok(IssueComment {
                id: row.get::<_, i64>(0)?.to_string(),
                author: row.get(1)?,
                text: row.get(2)?,
                at: row.get(3)?,
            })
        })?
        .collect()
}

/// SQLite's numbers have a sign. One over its range is nobody's.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number in the first column.
fn number(row: &rusqlite::Row<'_>) -> rusqlite::Result<u64> {
    row.get::<_, i64>(0).map(i64::unsigned_abs)
}

/// What is wrong with the file, and what to do about it.
fn in_words(path: &Path, error: &rusqlite::Error) -> String {
    let file = path.display();
    let code = error.sqlite_error().map(|error| error.extended_code);
    match (error.sqlite_error_code(), code) {
        (Some(ErrorCode::DiskFull), _) | (_, Some(ffi::SQLITE_IOERR_SHMSIZE)) => {
            format!("the disk of the embedded tracker's file {file} is full: make room there")
        }
        (Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied), _) => {
            format!(
                "the embedded tracker's file {file} cannot be written ({error}): give it and its \
                 folder to the user of the service"
            )
        }
        (Some(ErrorCode::NotADatabase), _) => {
            format!(
                "{file} is not a file of an embedded tracker: name another with path in [tracker]"
            )
        }
        _ => format!("the embedded tracker's file {file} cannot be used: {error}"),
    }
}

/// This tracker is a server of its own, with a clock of its own.
fn now() -> Seconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| Seconds::try_from(since.as_secs()).unwrap_or(0))
}
