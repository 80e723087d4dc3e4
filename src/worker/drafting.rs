//! The exact texts that would leave, for a person to decide on.

use anyhow::Result;

use super::incidents::Occasion;
use super::matching::says_new;
use super::{Parts, UnfitMirror, incidents, mirroring};
use crate::domain::draft::{self, Choice, Draft, Material, Plan, Settings};
use crate::domain::life::ClosedReason;
use crate::store::NotificationRow;
use crate::templates::Templates;

/// Drafts what matching found, or closes a notification that leaves nothing to say.
/// One that another one's draft settles too is attached to that instead.
pub(super) fn draft(parts: &Parts, row: &NotificationRow) -> Result<()> {
    let now = parts.clock.now();
    incidents::note(parts, row)?;
    if let Some((leader, why)) = incidents::leader_of(parts, row)? {
        tracing::info!(notification = %row.id, to = %leader, why, "attached to another of its incident");
        return parts.store.attach(row.id, leader, why, now);
    }
    let occasion = Occasion::of(&parts.store, &parts.tracker, row, now)?;
    let mut draft = redraft(&parts.templates, &parts.rules.drafts, &occasion, &[])?;
    warn_of_unfit_mirror(parts, row, &mut draft)?;
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

/// Only where what may exist is drafted all the same; else it would not have come
/// so far.
pub(super) fn warn_of_unfit_mirror(
    parts: &Parts,
    row: &NotificationRow,
    draft: &mut Draft,
) -> Result<()> {
    if says_new(row.verdicts.as_deref().unwrap_or_default())
        && parts.rules.unfit_mirror == UnfitMirror::SayNew
        && let Some(why) = mirroring::why_not_new(parts, parts.clock.now())?
    {
        draft.warnings.push(format!(
            "whether there is a report already is not known here: {why}"
        ));
    }
    Ok(())
}

/// Puts what was found into the exact texts, with what people chose instead. The
/// same occasion and choices give the same draft.
///
/// # Errors
///
/// A template does not fit.
pub fn redraft(
    templates: &Templates,
    settings: &Settings,
    occasion: &Occasion,
    choices: &[Choice],
) -> Result<Draft> {
    let choices = occasion.choices_for_all(choices);
    let plan = draft::plan(&material(occasion, &choices), settings);
    in_words(templates, occasion, &plan)
}

/// The same draft as [`redraft`] makes without choices, let out by a rule, which its
/// texts name.
pub(super) fn redraft_by_rule(parts: &Parts, occasion: &Occasion, rule: &str) -> Result<Draft> {
    let material = material(occasion, &[]);
    let plan = draft::plan(&material, &parts.rules.drafts).by_rule(rule);
    in_words(&parts.templates, occasion, &plan)
}

fn material<'a>(occasion: &'a Occasion, choices: &'a [Choice]) -> Material<'a> {
    Material {
        mail: occasion.mail.as_ref(),
        notification: &occasion.notification,
        companions: &occasion.companions,
        quiet: &occasion.quiet,
        verdicts: &occasion.verdicts,
        choices,
    }
}

fn in_words(templates: &Templates, occasion: &Occasion, plan: &Plan) -> Result<Draft> {
    let mut draft = templates.draft(plan)?;
    draft.incidents = occasion.incidents_about(&plan.about);
    if !draft.actions.is_empty() {
        draft.warnings.extend(occasion.caution.clone());
    }
    if occasion.redactions > 0 {
        draft.warnings.push(format!(
            "{} secrets were taken out of the texts; look whether any is left",
            occasion.redactions
        ));
    }
    Ok(draft)
}
