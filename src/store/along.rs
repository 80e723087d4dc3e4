//! Notifications that are attached to another one of their incident: what is
//! decided on that one settles them too.
//!
//! Nothing of an attached notification leaves by itself: it has no draft, no
//! decision and no deliveries. The draft it is attached to names it, and says what
//! is sent in answer to it; the digest that a person approves covers both (I6, I7).
//! The answers are deliveries of that draft, so that they are claimed, counted
//! (for the notification they answer, I4, I9), put in doubt and resolved like any
//! other, and come after the report they name (I10). Whatever was not in the draft
//! that was approved is not settled by it, and goes on by itself afterwards.

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, params};

use super::decisions::{refuse_decided, short};
use super::notifications::{close, insert_draft};
use super::{
    DecisionId, DraftRow, NewDecision, NotDecided, NotificationId, PROGRAM, Revised, Store, audit,
    row,
};
use crate::domain::Seconds;
use crate::domain::draft::Draft;
use crate::domain::life::{ClosedReason, Stage, stage};

/// An open notification that is attached to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// Its number.
    pub id: NotificationId,
    /// Whether a person or a rule holds it: then it is settled by nothing else.
    pub held: bool,
    /// Whether an approval that counts settles it.
    pub settled: bool,
}

impl Store {
    /// Matched -> Attached.
    pub fn attach(
        &self,
        notification: NotificationId,
        leader: NotificationId,
        why: &str,
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        step.must_be(Stage::Matched)?;
        step.transaction.execute(
            "UPDATE notifications
             SET attached_to = ?2, attempts = 0, waiting_until = NULL, waiting_why = NULL
             WHERE id = ?1",
            params![notification, leader],
        )?;
        step.end(PROGRAM, "attached", &format!("to {leader}: {why}"), now)
    }

    /// Attached -> Parsed: it is matched anew, and goes on by itself. Refused for
    /// one that an approval settles.
    pub fn detach(&self, notification: NotificationId, why: &str, now: Seconds) -> Result<()> {
        let step = self.step(notification)?;
        step.must_be(Stage::Attached)?;
        ensure!(
            !is_settled(&step.transaction, notification)?,
            "notification {notification} is settled along with another"
        );
        step.transaction.execute(
            "UPDATE notifications
             SET attached_to = NULL, verdicts = NULL, attempts = 0
             WHERE id = ?1",
            [notification],
        )?;
        step.end(PROGRAM, "goes on by itself", why, now)
    }

    /// Closes an attached notification of whose answer nothing more can come.
    pub fn settle_with(
        &self,
        notification: NotificationId,
        note: &str,
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        step.must_be(Stage::Attached)?;
        let reason = ClosedReason::SettledTogether;
        close(&step.transaction, notification, reason, note, now)?;
        step.end(PROGRAM, "closed", &format!("{reason}: {note}"), now)
    }

    /// The notifications that open ones are attached to.
    pub fn leaders(&self) -> Result<Vec<NotificationId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT attached_to
             FROM notifications
             WHERE attached_to IS NOT NULL AND closed_reason IS NULL AND quarantined_why IS NULL
             ORDER BY attached_to",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The open notifications that are attached to one, in order of arrival.
    pub fn attached_to(&self, leader: NotificationId) -> Result<Vec<Attached>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, held_why IS NOT NULL,
                    EXISTS (
                        SELECT 1 FROM settled_along
                        WHERE notification = notifications.id
                          AND decision NOT IN (SELECT decision FROM withdrawals))
             FROM notifications
             WHERE attached_to = ?1 AND closed_reason IS NULL AND quarantined_why IS NULL
             ORDER BY id",
        )?;
        let rows = statement.query_map([leader], |row| {
            Ok(Attached {
                id: row.get(0)?,
                held: row.get(1)?,
                settled: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether an approval on another notification settles this one.
    pub fn is_settled_along(&self, notification: NotificationId) -> Result<bool> {
        is_settled(&self.connection, notification)
    }

    /// Drafted -> Drafted, with a new revision by the program: more notifications
    /// of the incident came in, or fewer are left. `shown` is the revision it is
    /// made from; a person's own words are never written over.
    pub fn draft_anew(
        &self,
        notification: NotificationId,
        shown: u32,
        draft: &Draft,
        now: Seconds,
    ) -> Result<Revised> {
        let step = self.step(notification)?;
        step.must_be(Stage::Drafted)?;
        let current = row::current_draft(&step.transaction, notification)?;
        ensure!(
            current.is_some_and(|it| it.revision == shown && it.made_by == PROGRAM),
            "the draft of notification {notification} is another one by now"
        );
        let revised = insert_draft(&step.transaction, notification, draft, PROGRAM, now)?;
        let detail = format!(
            "revision {} ({}), which settles {} more notifications",
            revised.revision,
            short(&revised.digest),
            draft.along.len()
        );
        step.end(PROGRAM, "drafted", &detail, now)?;
        Ok(revised)
    }
}

fn is_settled(connection: &Connection, id: NotificationId) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM settled_along
                 WHERE notification = ?1
                   AND decision NOT IN (SELECT decision FROM withdrawals))",
        )?
        .query_row([id], |row| row.get(0))?)
}

/// Which of those that a draft names are still attached, and held by nobody: a
/// person may have answered one meanwhile, or taken it out. Leaving one out lets
/// nothing leave that was not approved.
fn still_attached(
    connection: &Connection,
    leader: NotificationId,
    draft: &Draft,
) -> Result<Vec<(NotificationId, bool)>, NotDecided> {
    let mut found = Vec::new();
    for along in &draft.along {
        let id = NotificationId(along.notification);
        let is_there: bool = connection
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1 FROM notifications
                     WHERE id = ?1 AND attached_to = ?2 AND closed_reason IS NULL
                       AND quarantined_why IS NULL AND held_why IS NULL)",
            )?
            .query_row(params![id, leader], |row| row.get(0))?;
        if is_there {
            found.push((id, along.reply.is_some()));
        }
    }
    Ok(found)
}

/// What an approval settles besides its own notification: makes the outbox rows of
/// the answers, behind the `rows` there are, and says how many.
pub(super) fn approve(
    connection: &Connection,
    decision: &NewDecision<'_>,
    id: DecisionId,
    draft: &DraftRow,
    rows: usize,
    now: Seconds,
) -> Result<usize, NotDecided> {
    let leader = decision.notification;
    let mut made = 0;
    for (along, is_answered) in still_attached(connection, leader, &draft.draft)? {
        connection.execute(
            "INSERT INTO settled_along (decision, notification) VALUES (?1, ?2)",
            params![id, along],
        )?;
        let detail = format!("along with {leader}, revision {}", decision.revision);
        audit::write_line(
            connection,
            Some(along),
            decision.who,
            "approved",
            &detail,
            now,
        )?;
        if !is_answered {
            continue;
        }
        connection.execute(
            "INSERT INTO deliveries
                 (notification, revision, position, kind, decision, due_at, answers)
             VALUES (?1, ?2, ?3, 'reply', ?4, ?5, ?6)",
            params![leader, decision.revision, rows + made, id, now, along],
        )?;
        made += 1;
    }
    Ok(made)
}

/// A rejection closes those that the draft would have settled.
pub(super) fn reject(
    connection: &Connection,
    decision: &NewDecision<'_>,
    draft: &DraftRow,
    note: &str,
    now: Seconds,
) -> Result<(), NotDecided> {
    let word = (decision.who, "rejected");
    close_with(connection, decision.notification, draft, word, note, now)
}

/// Closes those that a draft would have settled, by the word of somebody: who, and
/// what that was.
pub(super) fn close_with(
    connection: &Connection,
    leader: NotificationId,
    draft: &DraftRow,
    (who, what): (&str, &str),
    note: &str,
    now: Seconds,
) -> Result<(), NotDecided> {
    for (along, _) in still_attached(connection, leader, &draft.draft)? {
        let note = format!("{note} (along with {leader})");
        let reason = ClosedReason::SettledTogether;
        close(connection, along, reason, &note, now)?;
        audit::write_line(connection, Some(along), who, what, &note, now)?;
    }
    Ok(())
}

/// After a delivery ended: closes those whose answer was sent, and, once all was
/// delivered, those for whom another reply speaks.
pub(super) fn settle(connection: &Connection, leader: NotificationId, now: Seconds) -> Result<()> {
    let facts = row::facts(connection, leader)?
        .with_context(|| format!("there is no notification {leader}"))?;
    let is_delivered = matches!(stage(&facts), Ok(Stage::Delivered));
    let mut statement = connection.prepare_cached(
        "SELECT settled_along.notification,
                (SELECT done_at IS NOT NULL
                 FROM deliveries
                 WHERE deliveries.answers = settled_along.notification
                   AND deliveries.withdrawn_at IS NULL)
         FROM settled_along
         JOIN decisions ON decisions.id = settled_along.decision
         JOIN notifications ON notifications.id = settled_along.notification
         WHERE decisions.notification = ?1
           AND decisions.id NOT IN (SELECT decision FROM withdrawals)
           AND notifications.attached_to = ?1
           AND notifications.closed_reason IS NULL
         ORDER BY settled_along.notification",
    )?;
    let rows = statement.query_map([leader], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let waiting: Vec<(NotificationId, Option<bool>)> = rows.collect::<Result<_, _>>()?;
    for (along, is_answered) in waiting {
        let note = match is_answered {
            Some(true) => format!("answered along with {leader}"),
            None if is_delivered => format!("the reply to {leader} speaks for it"),
            _ => continue,
        };
        close(connection, along, ClosedReason::SettledTogether, &note, now)?;
        audit::write_line(connection, Some(along), PROGRAM, "closed", &note, now)?;
    }
    Ok(())
}

/// Whoever was, or will be, answered along with another is not started over: it
/// would be answered twice.
pub(super) fn refuse_answered(
    connection: &Connection,
    id: NotificationId,
) -> Result<(), NotDecided> {
    let by: Option<NotificationId> = connection.query_row(
        "SELECT max(notification) FROM deliveries WHERE answers = ?1 AND withdrawn_at IS NULL",
        [id],
        |row| row.get(0),
    )?;
    match by {
        Some(leader) => refuse_decided(connection, leader),
        None => Ok(()),
    }
}
