//! Drafts that nobody decided on are closed, with those they would have settled.

use anyhow::Result;
use rusqlite::params;

use super::notifications::{close, must_be_possible};
use super::{ListFilter, NotificationId, PROGRAM, Store, along, audit, row};
use crate::domain::Seconds;
use crate::domain::life::{ClosedReason, Stage, stage};

impl Store {
    /// The drafts to decide on whose present texts are as old as this or older,
    /// with their revisions; in order of arrival. Texts that were made anew, for
    /// more of the same came in or a person changed them, are as old as that.
    pub fn drafts_made_before(
        &self,
        at: Seconds,
        limit: usize,
    ) -> Result<Vec<(NotificationId, u32)>> {
        let (to_decide, _) = ListFilter::ToDecide.sql();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, current_revision
             FROM notifications
             WHERE {to_decide}
               AND (SELECT made_at FROM drafts
                    WHERE notification = notifications.id
                      AND revision = notifications.current_revision) <= ?1
             ORDER BY id
             LIMIT ?2"
        ))?;
        let rows = statement.query_map(params![at, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Closes a draft that waits for a decision, and what is attached to it and
    /// would be settled by it. Says whether it was done: not for a draft that is
    /// another by now, was decided on, or is held.
    pub fn close_undecided(
        &self,
        notification: NotificationId,
        revision: u32,
        reason: ClosedReason,
        note: &str,
        now: Seconds,
    ) -> Result<bool> {
        let transaction = self.begin()?;
        let Some(facts) = row::facts(&transaction, notification)? else {
            return Ok(false);
        };
        let is_held: bool = transaction.query_row(
            "SELECT held_why IS NOT NULL FROM notifications WHERE id = ?1",
            [notification],
            |row| row.get(0),
        )?;
        let current = row::current_draft(&transaction, notification)?;
        let Some(draft) = current.filter(|draft| draft.revision == revision) else {
            return Ok(false);
        };
        if is_held || stage(&facts)? != Stage::Drafted {
            return Ok(false);
        }
        along::close_with(
            &transaction,
            notification,
            &draft,
            (PROGRAM, "closed"),
            note,
            now,
        )?;
        close(&transaction, notification, reason, note, now)?;
        let detail = format!("{reason}: {note}");
        let id = Some(notification);
        audit::write_line(&transaction, id, PROGRAM, "closed", &detail, now)?;
        must_be_possible(&transaction, notification)?;
        transaction.commit()?;
        Ok(true)
    }
}
