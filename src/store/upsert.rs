//! Reports and comments come into the mirror, with their indexes.

use std::collections::BTreeSet;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, params};

use super::Mirror;
use crate::domain::Seconds;
use crate::domain::issue::{Issue, IssueComment, named_master};
use crate::domain::matching::title_pieces;

/// A comment listed apart from its issue.
#[derive(Debug, Clone)]
pub struct CommentUpdate {
    /// The issue's number.
    pub issue: u64,
    /// The comment.
    pub comment: IssueComment,
}

/// One page of a listing.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Reports to add or replace.
    pub issues: &'a [Issue],
    /// Comments listed apart; their report may come later.
    pub comments: &'a [CommentUpdate],
    /// Where the listing goes on after this page.
    pub cursor: &'a str,
    /// About how many more entries it has, if the tracker tells.
    pub to_come: Option<u64>,
}

impl Mirror<'_> {
    /// Adds or replaces reports, with their indexes and, if given, the listing's
    /// cursor, in one transaction. Comments are added or replaced by their id;
    /// none is removed.
    pub fn upsert(&self, issues: &[Issue], cursor: Option<&str>) -> Result<()> {
        let transaction = self.store.begin()?;
        for issue in issues {
            let id = self.upsert_issue(&transaction, issue)?;
            bring_up_to_date(&transaction, id)?;
        }
        if let Some(cursor) = cursor {
            self.save_cursor(&transaction, cursor)?;
        }
        Ok(transaction.commit()?)
    }

    /// Takes in one page of a listing and remembers how far that is, in one
    /// transaction: whenever the program ends, the listing goes on behind the last
    /// page that was taken in. A comment whose report is not here waits for it.
    pub fn take(&self, batch: &Batch<'_>, now: Seconds) -> Result<()> {
        let transaction = self.store.begin()?;
        let mut changed = BTreeSet::new();
        for issue in batch.issues {
            changed.insert(self.upsert_issue(&transaction, issue)?);
        }
        for update in batch.comments {
            match self.row_of(&transaction, update.issue)? {
                Some(id) => {
                    upsert_comment(&transaction, id, &update.comment)?;
                    changed.insert(id);
                }
                None => self.keep_early(&transaction, update)?,
            }
        }
        for id in changed {
            bring_up_to_date(&transaction, id)?;
        }
        self.save_cursor(&transaction, batch.cursor)?;
        transaction.execute(
            "UPDATE mirror_state
             SET begun_at = coalesce(begun_at, ?2),
                 given = coalesce(given, 0) + ?3,
                 to_come = ?4
             WHERE tracker = ?1",
            params![
                self.tracker,
                now,
                batch.issues.len() + batch.comments.len(),
                batch.to_come
            ],
        )?;
        Ok(transaction.commit()?)
    }

    /// A report that was closed is open, as the tracker itself just said: searches
    /// know it before the next listing.
    pub fn reopened(&self, number: u64) -> Result<()> {
        self.connection().execute(
            "UPDATE issues
             SET open = 1, closed_at = NULL, resolution = NULL
             WHERE tracker = ?1 AND number = ?2",
            params![self.tracker, number],
        )?;
        Ok(())
    }

    /// Takes a report out that the tracker no longer has.
    pub fn remove(&self, number: u64) -> Result<()> {
        let transaction = self.store.begin()?;
        if let Some(id) = self.row_of(&transaction, number)? {
            remove_from_indexes(&transaction, id)?;
            transaction.execute("DELETE FROM issues WHERE id = ?1", [id])?;
        }
        Ok(transaction.commit()?)
    }

    /// Counts what each index has, and if that is not what there is, brings it to
    /// that. Both are written in one transaction, so only a damaged file needs it.
    pub(super) fn mend_indexes(&self) -> Result<()> {
        let transaction = self.store.begin()?;
        let mut wrong = BTreeSet::new();
        for index in INDEXES {
            let is_right = transaction
                .prepare_cached(&format!(
                    "SELECT (SELECT count(*) FROM {index}_docsize) = (SELECT count(*) FROM issues)"
                ))?
                .query_row([], |row| row.get(0))?;
            if is_right {
                continue;
            }
            let mut differing = transaction.prepare(&format!(
                "SELECT id FROM issues WHERE id NOT IN (SELECT id FROM {index}_docsize)
                 UNION
                 SELECT id FROM {index}_docsize WHERE id NOT IN (SELECT id FROM issues)"
            ))?;
            for id in differing.query_map([], |row| row.get::<_, i64>(0))? {
                wrong.insert(id?);
            }
        }
        for id in wrong {
            remove_from_indexes(&transaction, id)?;
            index(&transaction, id)?;
        }
        Ok(transaction.commit()?)
    }

    /// Joins the pieces that the indexes grew by, some hundred pages of the file at
    /// a time; says whether there is more to join. Searches are faster afterwards,
    /// and the file is smaller. For the time after many reports came in.
    pub fn tidy(&self) -> Result<bool> {
        let mut is_more = false;
        for index in INDEXES {
            // A step that finds nothing to do still counts one change
            // (sqlite.org/fts5.html, 6.8).
            let before = self.connection().total_changes();
            self.connection().execute(
                &format!("INSERT INTO {index} ({index}, rank) VALUES ('merge', ?1)"),
                [-PAGES_AT_ONCE],
            )?;
            is_more |= self.connection().total_changes() - before > 1;
        }
        Ok(is_more)
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
        for comment in &issue.comments {
            upsert_comment(connection, id, comment)?;
        }
        self.adopt_early(connection, issue.number, id)?;
        Ok(id)
    }

    fn upsert_head(&self, connection: &Connection, issue: &Issue) -> Result<i64> {
        Ok(connection
            .prepare_cached(
                "INSERT INTO issues (tracker, number, url, title, labels, open,
                                     created_at, updated_at, closed_at,
                                     author, resolution, duplicate_of)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (tracker, number) DO UPDATE
                 SET url = excluded.url,
                     title = excluded.title,
                     labels = excluded.labels,
                     open = excluded.open,
                     created_at = excluded.created_at,
                     updated_at = excluded.updated_at,
                     closed_at = CASE
                         WHEN excluded.open THEN NULL
                         ELSE coalesce(
                             excluded.closed_at,
                             -- A tracker that does not say when (Roundup): it was the
                             -- last change of what was open before.
                             CASE WHEN issues.open THEN excluded.updated_at
                                  ELSE issues.closed_at END)
                     END,
                     author = excluded.author,
                     resolution = excluded.resolution,
                     duplicate_of = excluded.duplicate_of
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
                    issue.closed_at.filter(|_| !issue.open),
                    issue.author,
                    issue.resolution,
                    issue.duplicate_of
                ],
                |row| row.get(0),
            )?)
    }

    fn keep_early(&self, connection: &Connection, update: &CommentUpdate) -> Result<()> {
        let comment = &update.comment;
        connection
            .prepare_cached(
                "INSERT INTO early_comments (tracker, number, comment, author, text, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (tracker, number, comment) DO UPDATE
                 SET author = excluded.author, text = excluded.text, at = excluded.at",
            )?
            .execute(params![
                self.tracker,
                update.issue,
                comment.id,
                comment.author,
                without_nul(&comment.text),
                comment.at
            ])?;
        Ok(())
    }

    /// A report takes over the comments that came before it.
    fn adopt_early(&self, connection: &Connection, number: u64, id: i64) -> Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO issue_comments (issue, comment, author, text, at)
                 SELECT ?3, comment, author, text, at
                 FROM early_comments
                 WHERE tracker = ?1 AND number = ?2
                 ON CONFLICT (issue, comment) DO NOTHING",
            )?
            .execute(params![self.tracker, number, id])?;
        connection
            .prepare_cached("DELETE FROM early_comments WHERE tracker = ?1 AND number = ?2")?
            .execute(params![self.tracker, number])?;
        Ok(())
    }

    fn save_cursor(&self, connection: &Connection, cursor: &str) -> Result<()> {
        connection.execute(
            "INSERT INTO mirror_state (tracker, cursor)
             VALUES (?1, ?2)
             ON CONFLICT (tracker) DO UPDATE SET cursor = excluded.cursor",
            params![self.tracker, cursor],
        )?;
        Ok(())
    }
}

pub(super) const INDEXES: [&str; 4] = [
    "issue_titles",
    "issue_title_parts",
    "issue_title_pieces",
    "issue_texts",
];

/// So many pages of the file are written by one step of [`Mirror::tidy`]: with 4
/// KiB each, others wait for well under a second.
const PAGES_AT_ONCE: i64 = 500;

/// After a change of a report or its comments: what follows from both.
fn bring_up_to_date(connection: &Connection, id: i64) -> Result<()> {
    find_master(connection, id)?;
    index(connection, id)
}

/// GitHub says that a report is a duplicate; of which one stands in a comment.
fn find_master(connection: &Connection, id: i64) -> Result<()> {
    let is_unknown = connection
        .prepare_cached(
            "SELECT 1
             FROM issues
             WHERE id = ?1 AND open = 0 AND duplicate_of IS NULL
               AND resolution IN ('duplicate', 'not_planned')",
        )?
        .exists([id])?;
    if !is_unknown {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "SELECT text FROM issue_comments WHERE issue = ?1 ORDER BY at DESC, comment DESC",
    )?;
    let mut texts = statement.query([id])?;
    while let Some(row) = texts.next()? {
        if let Some(master) = named_master(row.get_ref(0)?.as_str()?) {
            connection
                .prepare_cached(
                    "UPDATE issues SET duplicate_of = ?2 WHERE id = ?1 AND number <> ?2",
                )?
                .execute(params![id, master])?;
            break;
        }
    }
    Ok(())
}

fn remove_from_indexes(connection: &Connection, id: i64) -> Result<()> {
    for index in INDEXES {
        connection.execute(&format!("DELETE FROM {index} WHERE rowid = ?1"), [id])?;
    }
    Ok(())
}

/// Brings the indexes to what the tables say of a report.
fn index(connection: &Connection, id: i64) -> Result<()> {
    for titles in ["issue_titles", "issue_title_parts"] {
        connection
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO {titles} (rowid, title)
                 SELECT id, title FROM issues WHERE id = ?1"
            ))?
            .execute([id])?;
    }
    index_pieces(connection, id)?;
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

fn index_pieces(connection: &Connection, id: i64) -> Result<()> {
    let title: Option<String> = connection
        .prepare_cached("SELECT title FROM issues WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(title) = title {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO issue_title_pieces (rowid, pieces) VALUES (?1, ?2)",
            )?
            .execute(params![id, title_pieces(&title)])?;
    }
    Ok(())
}

fn upsert_comment(connection: &Connection, id: i64, comment: &IssueComment) -> Result<()> {
    if is_there_by_another_id(connection, id, comment)? {
        return Ok(());
    }
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

/// Whether a comment from a file, which names no ids, is one that the tracker has
/// given; the other way round, what the file had makes room for what the tracker
/// gives. They are one by author and text, within a day: files often have days alone.
fn is_there_by_another_id(
    connection: &Connection,
    id: i64,
    comment: &IssueComment,
) -> Result<bool> {
    // `12-1`; trackers name theirs by numbers alone.
    let is_of_a_file = comment.id.contains('-');
    let same = format!(
        "FROM issue_comments
         WHERE issue = ?1 AND instr(comment, '-') {} 0
           AND author = ?2 AND text = ?3 AND abs(at - ?4) <= 86400",
        if is_of_a_file { "=" } else { ">" }
    );
    let text = without_nul(&comment.text);
    let values = params![id, comment.author, text, comment.at];
    if is_of_a_file {
        let mut known = connection.prepare_cached(&format!("SELECT 1 {same}"))?;
        return Ok(known.exists(values)?);
    }
    connection
        .prepare_cached(&format!("DELETE {same}"))?
        .execute(values)?;
    Ok(false)
}

/// SQLite's functions and its query language end a text at NUL.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', " ")
}
