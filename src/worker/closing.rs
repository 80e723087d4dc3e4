//! Drafts that wait for a decision are closed, each with a record: nobody decided for
//! too long, or their builders pass again and all that was to be said is a comment.

use anyhow::Result;

use super::{AfterRecovery, Parts};
use crate::domain::draft::Action;
use crate::domain::life::{ClosedReason, Stage};
use crate::store::{NotificationRow, PROGRAM, Recoveries};

/// How many drafts expire in one pass.
const EXPIRED_A_PASS: usize = 20;

/// Closes drafts that nobody decided on for too long.
pub(super) fn expire(parts: &Parts) -> Result<()> {
    let now = parts.clock.now();
    let limit = parts.rules.expire_after;
    let note = format!("nobody decided within {}", span(limit));
    let old = parts
        .store
        .drafts_made_before(now.saturating_sub(limit), EXPIRED_A_PASS)?;
    for (id, revision) in old {
        let reason = ClosedReason::Expired;
        if parts
            .store
            .close_undecided(id, revision, reason, &note, now)?
        {
            tracing::info!(notification = %id, note, "a draft expired");
        }
    }
    Ok(())
}

/// `30 days`, or hours where it is less than one.
fn span(seconds: i64) -> String {
    match seconds / 86_400 {
        0 => format!("{} hours", seconds / 3600),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Closes drafts that would only comment, if all their builders pass again; only where
/// that is wanted. What a person changed is left to people.
pub(super) fn recovered(parts: &Parts) -> Result<()> {
    if parts.rules.recovered == AfterRecovery::Wait {
        return Ok(());
    }
    let now = parts.clock.now();
    for id in parts.store.perhaps_recovered()? {
        let Ok(row) = parts.store.load(id) else {
            continue;
        };
        let Some(revision) = only_comments(&row) else {
            continue;
        };
        let recoveries = parts.store.recoveries(id)?;
        if !recoveries.is_whole() {
            continue;
        }
        let note = note(&recoveries);
        let reason = ClosedReason::Recovered;
        if parts
            .store
            .close_undecided(id, revision, reason, &note, now)?
        {
            tracing::info!(notification = %id, "a draft was closed: its builders pass again");
        }
    }
    Ok(())
}

/// The revision of a draft of the program that opens no report and leaves none to be
/// chosen.
fn only_comments(row: &NotificationRow) -> Option<u32> {
    let draft = row
        .draft
        .as_ref()
        .filter(|draft| draft.made_by == PROGRAM)?;
    let is_comment =
        |action: &Action| matches!(action, Action::Comment { .. } | Action::Count { .. });
    (row.stage == Stage::Drafted && draft.draft.actions.iter().all(is_comment))
        .then_some(draft.revision)
}

fn note(recoveries: &Recoveries) -> String {
    let builders: Vec<String> = recoveries
        .recovered
        .iter()
        .map(|it| match it.build.as_str() {
            "" => it.builder.clone(),
            build => format!("{} (build {build})", it.builder),
        })
        .collect();
    format!("the builders pass again: {}", builders.join(", "))
}
