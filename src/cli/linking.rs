//! `link`: a person says which report failures belong to. The draft is written
//! anew from what matching found and everything that people chose since.

use anyhow::Result;

use super::args::{DraftId, Who};
use super::at_hand::{AtHand, word_on};
use super::deciding::{current, refused};
use super::refusal::Refusal;
use super::revising::tell_revision;
use super::screen::Tone;
use super::session::Session;
use super::who::who;
use crate::desk::deciding::Chosen;
use crate::desk::linking::{Wording, choices, words};
use crate::domain::decision::{Decision, Target as Word};
use crate::domain::untrusted::terminal;
use crate::store::NotificationRow;
use crate::templates::Templates;

/// Makes a new revision from matching with a person's choice.
pub(super) fn link(
    session: &Session,
    typed: &DraftId,
    issue: &str,
    failures: &[usize],
    by: &Who,
) -> Result<()> {
    let at_hand = AtHand::of(session)?;
    let AtHand { config, store } = &at_hand;
    let row = session.load(store, typed)?;
    let who = who(by)?;
    let tracker = at_hand.tracker()?;
    let desk = at_hand.desk(&tracker);
    let word = desk.word(issue).ok_or_else(|| {
        let what = format!("{issue:?} is not a report of {}", tracker.name());
        Refusal::new(what, "give its number, a link to it, or the word new")
    })?;
    let chosen = choices(&row, failures).map_err(|wrong| no_failure(&row, word, wrong))?;
    let decision = Decision::Link {
        failure: chosen.first().copied(),
        issue: word,
    };
    let draft = current(session, &row, typed, &decision)?;
    let (templates, _) = Templates::load(config.drafts.templates.as_deref());
    let wording = Wording {
        templates: &templates,
        settings: &config.draft_settings(),
    };
    let decision = word_on(&row, draft, &who, "");
    let choice = (failures, chosen.as_slice(), word);
    let (done, warnings) = desk
        .choose(&wording, &row, choice, &decision, (&who, session.now))
        .map_err(|error| refused(session, typed, error))?;
    for warning in &warnings {
        let line = session.screen.paint(Tone::Warning, &terminal(warning));
        session.screen.say(line);
    }
    match done {
        Chosen::Anew => tell_revision(session, store, row.id),
        Chosen::Already => Err(Refusal::new(
            format!("{}: that is what the draft says already", row.id),
            session.line(&format!("show {}", row.id)),
        )
        .into()),
    }
}

fn no_failure(row: &NotificationRow, word: Word, (number, there): (usize, usize)) -> Refusal {
    Refusal::new(
        format!(
            "{} has no failure {number}: they are numbered from 1 to {there}",
            row.id
        ),
        format!(
            "write {:?} without --failure to link all of them",
            words(None, word)
        ),
    )
}
