//! The exact texts that would leave, for a person to decide on.

use anyhow::{Context, Result, ensure};

use super::matching::says_new;
use super::{Parts, UnfitMirror, mirroring};
use crate::domain::draft::{self, Choice, Draft, Material, Settings};
use crate::domain::life::ClosedReason;
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::store::{ListFilter, NotificationRow};
use crate::templates::Templates;

/// How many drafts are looked at for their age in one pass.
const EXPIRED_A_PASS: usize = 20;

/// Drafts what matching found, or closes a notification that leaves nothing to say.
pub(super) fn draft(parts: &Parts, row: &NotificationRow) -> Result<()> {
    let mut draft = redraft(&parts.templates, &parts.rules.drafts, row, &[])?;
    let now = parts.clock.now();
    // Only where it is drafted all the same; else it would not have come here.
    if says_new(row.verdicts.as_deref().unwrap_or_default())
        && parts.rules.unfit_mirror == UnfitMirror::SayNew
        && let Some(why) = mirroring::why_not_new(parts, now)?
    {
        draft.warnings.push(format!(
            "whether there is a report already is not known here: {why}"
        ));
    }
    if draft.actions.is_empty() {
        let note = match draft.warnings.as_slice() {
            [] => "no failure of this build belongs into a bug report".to_owned(),
            warnings => warnings.join("; "),
        };
        tracing::info!(notification = %row.id, note, "nothing to do");
        return parts
            .store
            .close_notification(row.id, ClosedReason::NothingToDo, &note, now);
    }
    let revised = parts.store.record_draft(row.id, &draft, now)?;
    tracing::info!(notification = %row.id, revision = revised.revision, actions = draft.actions.len(), "drafted; a person has to decide");
    Ok(())
}

/// Puts a notification's verdicts into the exact texts, with what people chose
/// instead. The same row and choices give the same draft.
///
/// # Errors
///
/// The notification was not read and matched, or a template does not fit.
pub fn redraft(
    templates: &Templates,
    settings: &Settings,
    row: &NotificationRow,
    choices: &[Choice],
) -> Result<Draft> {
    let reading = row.reading.as_ref().context("the mail was not read yet")?;
    let verdicts: Vec<Verdict> = row
        .verdicts
        .as_ref()
        .context("nothing was matched yet")?
        .iter()
        .map(|verdict| verdict.verdict.clone())
        .collect();
    let failures = reading
        .notification
        .builds
        .iter()
        .map(|build| build.failures.len());
    ensure!(
        failures.sum::<usize>() == verdicts.len(),
        "the verdicts are not those of this reading"
    );
    let mail = Mail {
        message_id: reading.mail.message_id.clone(),
        references: reading.mail.references.clone(),
        subject: reading.mail.subject.clone(),
        ..Mail::default()
    };
    let material = Material {
        mail: &mail,
        notification: &reading.notification,
        verdicts: &verdicts,
        choices,
    };
    let mut draft = templates.draft(&draft::plan(&material, settings))?;
    if reading.redactions > 0 {
        draft.warnings.push(format!(
            "{} secrets were taken out of the texts; look whether any is left",
            reading.redactions
        ));
    }
    Ok(draft)
}

/// Closes drafts that nobody decided on for too long.
pub(super) fn expire(parts: &Parts) -> Result<()> {
    let now = parts.clock.now();
    for id in parts.store.list(ListFilter::ToDecide, EXPIRED_A_PASS)? {
        let Ok(row) = parts.store.load(id) else {
            continue;
        };
        if now.saturating_sub(row.received_at) < parts.rules.expire_after {
            // The list is in order of arrival: all others are younger.
            break;
        }
        let days = parts.rules.expire_after / 86_400;
        let note = format!("nobody decided within {days} days");
        tracing::info!(notification = %id, note, "a draft expired");
        parts
            .store
            .close_notification(id, ClosedReason::Expired, &note, now)?;
    }
    Ok(())
}
