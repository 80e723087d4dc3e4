//! The outbox after the answer: done, later, refused, or in doubt.

use std::fmt;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, Transaction, params};

use super::{
    DeliveryId, DeliveryRow, NotificationId, PROGRAM, Store, along, audit, notifications, outbox,
    row,
};
use crate::domain::Seconds;
use crate::domain::delivery::Receipt;
use crate::domain::life::{ClosedReason, Deliveries, DeliveryState};

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub enum Finish<'a> {
    /// It happened.
    Done(&'a Receipt),
    /// Provably nothing happened; it is queued again.
    Later {
        /// What was answered, one line.
        why: &'a str,
        /// Not before.
        due_at: Seconds,
    },
    /// Provably nothing happened, and never will.
    Failed {
        /// What was answered, one line.
        why: &'a str,
    },
    /// Nobody knows.
    InDoubt {
        /// What broke, one line.
        why: &'a str,
        /// When to look for it first; `None` where only a person or the list's
        /// copy can tell.
        check_at: Option<Seconds>,
    },
}

impl Store {
    /// Records how an attempt ended. When no other delivery of the notification
    /// can move any more, and one was refused for good, the notification is
    /// closed as undeliverable in the same transaction.
    ///
    /// A delivery that is done stays done, whatever is reported late: its mail may
    /// have come back before the server's answer. Fails for one that failed, for
    /// a doubt about one that was not claimed, and for `Later` of one in doubt:
    /// only a person can say that it did not happen.
    pub fn finish(&self, delivery: DeliveryId, finish: Finish<'_>, now: Seconds) -> Result<()> {
        use DeliveryState::{Claimed, Done, InDoubt, Queued};
        let transaction = self.begin()?;
        let found = outbox::one(&transaction, delivery)?;
        match (found.state, finish) {
            (Done, _) => {
                let about = Some(found.notification);
                let detail = format!("{} {delivery}: {finish}", found.kind.name());
                audit::write_line(&transaction, about, PROGRAM, "late answer", &detail, now)?;
                return Ok(transaction.commit()?);
            }
            (Queued | Claimed | InDoubt, Finish::Done(receipt)) => {
                set_done(&transaction, delivery, receipt, now)?;
            }
            (Queued | Claimed, Finish::Later { why, due_at }) => {
                set_queued(&transaction, delivery, why, due_at)?;
            }
            (Queued | Claimed | InDoubt, Finish::Failed { why }) => {
                set_failed(&transaction, delivery, why)?;
            }
            (Claimed, Finish::InDoubt { why, check_at }) => {
                set_in_doubt(&transaction, delivery, why, check_at, now)?;
            }
            (state, _) => bail!("delivery {delivery} is {state}: it cannot end in {finish}"),
        }
        end(
            transaction,
            &found,
            PROGRAM,
            finish.what(),
            &finish.to_string(),
            now,
        )
    }
}

pub(super) fn set_done(
    connection: &Connection,
    delivery: DeliveryId,
    receipt: &Receipt,
    now: Seconds,
) -> Result<()> {
    connection.execute(
        "UPDATE deliveries
         SET done_at = ?2, receipt = ?3, due_at = NULL,
             in_doubt_since = NULL, failed_why = NULL, last_error = NULL, given_up_by = NULL
         WHERE id = ?1",
        params![delivery, now, serde_json::to_string(receipt)?],
    )?;
    Ok(())
}

/// Queued again. What was prepared may have been used up, and is harmless to
/// prepare anew.
pub(super) fn set_queued(
    connection: &Connection,
    delivery: DeliveryId,
    why: &str,
    due_at: Seconds,
) -> Result<()> {
    connection.execute(
        "UPDATE deliveries
         SET claimed_at = NULL, in_doubt_since = NULL, failed_why = NULL,
             prepared = NULL, due_at = ?2, last_error = ?3, given_up_by = NULL
         WHERE id = ?1",
        params![delivery, due_at, why],
    )?;
    Ok(())
}

pub(super) fn set_failed(connection: &Connection, delivery: DeliveryId, why: &str) -> Result<()> {
    connection.execute(
        "UPDATE deliveries
         SET failed_why = ?2, last_error = ?2, in_doubt_since = NULL, due_at = NULL
         WHERE id = ?1",
        params![delivery, why],
    )?;
    Ok(())
}

fn set_in_doubt(
    connection: &Connection,
    delivery: DeliveryId,
    why: &str,
    check_at: Option<Seconds>,
    now: Seconds,
) -> Result<()> {
    connection.execute(
        "UPDATE deliveries
         SET in_doubt_since = ?2, due_at = ?3, last_error = ?4
         WHERE id = ?1",
        params![delivery, now, check_at, why],
    )?;
    Ok(())
}

/// Writes the trail, settles what this means for the notification, and commits.
pub(super) fn end(
    transaction: Transaction<'_>,
    delivery: &DeliveryRow,
    who: &str,
    what: &str,
    detail: &str,
    now: Seconds,
) -> Result<()> {
    let detail = format!("{} {}: {detail}", delivery.kind.name(), delivery.id);
    audit::write_line(
        &transaction,
        Some(delivery.notification),
        who,
        what,
        &detail,
        now,
    )?;
    settle(&transaction, delivery.notification, now)?;
    along::settle(&transaction, delivery.notification, now)?;
    notifications::must_be_possible(&transaction, delivery.notification)?;
    Ok(transaction.commit()?)
}

/// Closes a notification when no delivery of it can move any more, and opens it
/// again when a person made one move.
fn settle(connection: &Connection, id: NotificationId, now: Seconds) -> Result<()> {
    let facts =
        row::facts(connection, id)?.with_context(|| format!("there is no notification {id}"))?;
    let stuck = facts.deliveries == Deliveries::Failed;
    match facts.closed {
        None if stuck => {
            let why: String = connection.query_row(
                "SELECT failed_why
                 FROM deliveries
                 WHERE notification = ?1 AND failed_why IS NOT NULL AND withdrawn_at IS NULL
                 ORDER BY position
                 LIMIT 1",
                [id],
                |row| row.get(0),
            )?;
            notifications::close(connection, id, ClosedReason::Undeliverable, &why, now)?;
            audit::write_line(
                connection,
                Some(id),
                PROGRAM,
                "closed",
                "undeliverable",
                now,
            )
        }
        Some(ClosedReason::Undeliverable) if !stuck => {
            connection.execute(
                "UPDATE notifications
                 SET closed_reason = NULL, closed_note = NULL, closed_at = NULL
                 WHERE id = ?1",
                [id],
            )?;
            audit::write_line(connection, Some(id), PROGRAM, "opened again", "", now)
        }
        None if facts.deliveries == Deliveries::Done => {
            audit::write_line(connection, Some(id), PROGRAM, "delivered", "", now)
        }
        _ => Ok(()),
    }
}

impl Finish<'_> {
    /// One or two words for the trail.
    fn what(self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Later { .. } => "later",
            Self::Failed { .. } => "failed",
            Self::InDoubt { .. } => "in doubt",
        }
    }
}

impl fmt::Display for Finish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(Receipt::Issue(issue)) => write!(f, "issue {} {}", issue.number, issue.url),
            Self::Done(Receipt::Mail { answer }) => write!(f, "sent: {answer}"),
            Self::Later { why, .. } => write!(f, "not now: {why}"),
            Self::Failed { why } => write!(f, "refused: {why}"),
            Self::InDoubt { why, .. } => write!(f, "no answer: {why}"),
        }
    }
}
