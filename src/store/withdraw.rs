//! An approval of which nothing happened is taken back, so that the notification
//! can be decided on anew.

use rusqlite::{Connection, params};

use super::{NotDecided, NotificationId, audit, row};
use crate::domain::Seconds;
use crate::domain::life::{ClosedReason, Deliveries};

/// Withdraws the approval of a notification that was closed as undeliverable.
/// The database refuses it if anything happened, and lets none of the old
/// deliveries move again. Does nothing for any other notification.
pub(super) fn withdraw_undeliverable(
    connection: &Connection,
    id: NotificationId,
    who: &str,
    now: Seconds,
) -> Result<(), NotDecided> {
    let facts = row::facts(connection, id)?.ok_or(NotDecided::Unknown(id))?;
    if facts.closed != Some(ClosedReason::Undeliverable) || facts.deliveries != Deliveries::Failed {
        return Ok(());
    }
    let happened: u64 = connection.query_row(
        "SELECT count(*) FROM deliveries
         WHERE notification = ?1 AND withdrawn_at IS NULL AND done_at IS NOT NULL",
        [id],
        |row| row.get(0),
    )?;
    if happened > 0 {
        return Err(NotDecided::PartlyHappened);
    }
    let Some(approval) = row::final_decision(connection, id)? else {
        return Ok(());
    };
    connection.execute(
        "INSERT INTO withdrawals (decision, who, at) VALUES (?1, ?2, ?3)",
        params![approval.id, who, now],
    )?;
    let detail = format!(
        "{}'s approval of revision {}: nothing of it happened, and nothing of it can leave any more",
        approval.who, approval.revision
    );
    audit::write_line(connection, Some(id), who, "withdrawn", &detail, now)?;
    Ok(())
}
