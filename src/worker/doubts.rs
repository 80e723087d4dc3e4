//! What became of an effect that nobody answered for: our own issues or the
//! issue's comments are LISTED, never searched, and nothing is sent again (I5).

use anyhow::Result;

use super::Parts;
use super::delivering::{note_reopened, work_of};
use crate::domain::Seconds;
use crate::domain::delivery::{DeliveryKind, Receipt, doubt_check_due};
use crate::store::{DeliveryRow, Finish};

/// A tracker that cannot be asked is asked again after this many seconds.
const ASK_AGAIN: Seconds = 30;

/// Looks into every doubt that is due.
pub(super) async fn look_into(parts: &Parts) -> Result<()> {
    for row in parts.store.due_doubts(parts.clock.now())? {
        parts.beat();
        if parts.is_stopping() {
            break;
        }
        match row.kind {
            // Only the list's copy of the mail, or a person, can tell.
            DeliveryKind::Reply => parts.store.doubt_checked(row.id, None, parts.clock.now())?,
            DeliveryKind::OpenIssue | DeliveryKind::Comment => look(parts, &row).await?,
        }
    }
    Ok(())
}

async fn look(parts: &Parts, row: &DeliveryRow) -> Result<()> {
    let Some((work, marker)) = work_of(row) else {
        // Claimed without frozen bytes cannot happen; a person has to look.
        return parts.store.doubt_checked(row.id, None, parts.clock.now());
    };
    let since = row.in_doubt_since.unwrap_or_else(|| parts.clock.now());
    let found = parts
        .tracker
        .find_own(&work, &marker, row.prepared.as_deref(), since)
        .await;
    let now = parts.clock.now();
    match found {
        Ok(Some(issue)) => {
            tracing::info!(notification = %row.notification, delivery = %row.id, issue = issue.url, "found: it had been delivered");
            note_reopened(parts, row)?;
            parts
                .store
                .finish(row.id, Finish::Done(&Receipt::Issue(issue)), now)
        }
        Ok(None) => {
            let done = row.doubt_checks.saturating_add(1);
            let next = doubt_check_due(done as usize, since, &parts.rules.doubt_checks)
                .map(|at| at.max(now + 1));
            if next.is_none() {
                tracing::error!(notification = %row.notification, delivery = %row.id, "not found in the tracker; a person has to say with `resolve` what happened");
            }
            parts.store.doubt_checked(row.id, next, now)
        }
        // A listing that could not be made proves nothing and does not count.
        Err(error) => {
            // The mirror warns about the tracker already.
            tracing::debug!(notification = %row.notification, delivery = %row.id, error = format!("{error:#}"), "the tracker cannot be asked what became of it");
            parts.store.doubt_postponed(row.id, now + ASK_AGAIN)
        }
    }
}
