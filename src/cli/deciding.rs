//! `approve` and `reject`: a word on exact texts, once (I7).

use std::process::ExitCode;

use anyhow::{Error, Result};
use serde_json::{Value, json};

use super::args::{DraftId, Who};
use super::at_hand::{AtHand, word_on};
use super::delivering::{Worker, report, settle_demo};
use super::json as shapes;
use super::refusal::Refusal;
use super::session::Session;
use super::who::who;
use super::words::{cut, when};
use super::{summary, texts};
use crate::config::Config;
use crate::desk::deciding::Kept;
pub(super) use crate::desk::deciding::Proposal;
use crate::domain::decision::{self, Approver, Decision, Reason};
use crate::domain::life::Stage;
use crate::store::{DraftRow, NotDecided, NotificationRow};

/// How a person agrees to a digest that was not typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// Shows the texts and asks.
    Ask,
    /// `--yes` was typed.
    Given,
}

/// Approves drafts one after the other; goes on after a refusal.
pub(super) fn approve(
    session: &Session,
    drafts: &[DraftId],
    consent: Consent,
    by: &Who,
) -> Result<ExitCode> {
    let at_hand = AtHand::of(session)?;
    let who = who(by)?;
    let mut approved = Vec::new();
    let mut refused = Vec::new();
    let drafts = named_once(drafts);
    for draft in &drafts {
        match approve_one(session, &at_hand, draft, consent, &who) {
            Ok(()) => approved.push(draft),
            Err(error) => {
                let error = super::disk_in_words(error, &session.config_file());
                refused.push((draft, error));
            }
        }
    }
    let worker = if approved.is_empty() {
        Worker::Nobody
    } else {
        settle_demo(session)?
    };
    let mut rows = Vec::new();
    for draft in approved {
        let row = at_hand.store.load(draft.id)?;
        session.screen.say(format!(
            "Approved {} as {}.",
            summary::key(&row),
            who.as_str()
        ));
        report(session, &row, worker);
        rows.push(row);
    }
    if let ([(_, _)], true) = (refused.as_slice(), rows.is_empty())
        && let Some((_, error)) = refused.pop()
    {
        return Err(error);
    }
    session.screen.document(&document(session, &rows, &refused));
    for (_, error) in &refused {
        super::complain(error);
    }
    next(session, &rows);
    Ok(if refused.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A draft that is named twice counts once, with the longer digest: `2 2@1a2b3c4d`.
fn named_once(drafts: &[DraftId]) -> Vec<DraftId> {
    fn typed(draft: &DraftId) -> &str {
        draft.digest.as_deref().unwrap_or_default()
    }
    let mut once: Vec<DraftId> = Vec::new();
    for draft in drafts {
        let same = once.iter_mut().find(|it| {
            it.id == draft.id
                && (typed(it).starts_with(typed(draft)) || typed(draft).starts_with(typed(it)))
        });
        match same {
            None => once.push(draft.clone()),
            Some(other) if typed(draft).len() > typed(other).len() => *other = draft.clone(),
            Some(_) => {}
        }
    }
    once
}

fn document(session: &Session, rows: &[NotificationRow], refused: &[(&DraftId, Error)]) -> Value {
    let approved = rows.iter().map(|row| {
        json!({
            "notification": shapes::notification(row, session.now),
            "deliveries": row.deliveries.iter().map(shapes::delivery).collect::<Vec<_>>(),
        })
    });
    let refused = refused.iter().map(|(draft, error)| {
        let mut document = super::error_document(error);
        if let Value::Object(fields) = &mut document {
            fields.insert("id".to_owned(), json!(draft.id.0));
        }
        document
    });
    json!({ "approved": approved.collect::<Vec<_>>(), "refused": refused.collect::<Vec<_>>() })
}

fn next(session: &Session, rows: &[NotificationRow]) {
    let shown = rows
        .first()
        .map(|row| (format!("show {}", row.id), "what became of it"));
    let list = ("list".to_owned(), "what else waits for you");
    session.next(&shown.into_iter().chain([list]).collect::<Vec<_>>());
}

fn approve_one(
    session: &Session,
    at_hand: &AtHand,
    typed: &DraftId,
    consent: Consent,
    who: &Approver,
) -> Result<()> {
    let row = session.load(&at_hand.store, typed)?;
    let draft = current(session, &row, typed, &Decision::Approve)?;
    if draft.draft.is_undecided() {
        return Err(refused(session, typed, NotDecided::ChoiceOpen));
    }
    if typed.digest.is_none() && consent == Consent::Ask {
        ask(session, &row, draft, &at_hand.config, who)?;
    }
    let word = word_on(&row, draft, who, "");
    let approved = at_hand.decide(
        Kept::APPROVAL,
        |desk| desk.approve(&row, &word, who, session.now),
        |store| store.approve(&word, session.now),
    );
    approved.map_err(|error| refused(session, typed, error))
}

/// The draft to decide on: it can be decided on, and it is the one that was shown.
pub(super) fn current<'a>(
    session: &Session,
    row: &'a NotificationRow,
    typed: &DraftId,
    decision: &Decision,
) -> Result<&'a DraftRow> {
    if let Some(error) = decided_already(session, row) {
        return Err(error);
    }
    allowed(session, row, decision)?;
    let Some(draft) = &row.draft else {
        return Err(refused(session, typed, NotDecided::NoDraft));
    };
    match not_current(session, row, typed) {
        Some(what) => Err(stale(session, row, what)),
        None => Ok(draft),
    }
}

/// Whether somebody may decide so where it stands.
pub(super) fn allowed(session: &Session, row: &NotificationRow, decision: &Decision) -> Result<()> {
    let held = row.held.as_ref().map(|held| held.why.as_str());
    decision::allowed(row.stage, held, decision).map_err(|why| {
        let remedy = match (row.stage, held) {
            (_, Some(_)) => session.line(&format!("release {}", row.id)),
            (Stage::Closed(_) | Stage::Quarantined, _) => {
                session.line(&format!("retry {}", row.id))
            }
            _ => session.line(&format!("show {}", row.id)),
        };
        Refusal::new(format!("{}: {why}", row.id), remedy).into()
    })
}

fn decided_already(session: &Session, row: &NotificationRow) -> Option<Error> {
    let decision = row.decision.as_ref()?;
    let what = format!(
        "{} was {} by {} {}",
        row.id,
        summary::decided(decision.kind),
        decision.who,
        when(decision.at, session.now)
    );
    Some(Refusal::new(what, session.line(&format!("show {}", row.id))).into())
}

/// That another text was shown than the one that is there now.
pub(super) fn not_current(
    session: &Session,
    row: &NotificationRow,
    typed: &DraftId,
) -> Option<String> {
    let (draft, shown) = (row.draft.as_ref()?, typed.digest.as_ref()?);
    let made = when(draft.made_at, session.now);
    (!draft.digest.starts_with(shown)).then(|| {
        format!(
            "{}@{shown} is not the current text: {} made revision {} {made}",
            row.id, draft.made_by, draft.revision
        )
    })
}

fn stale(session: &Session, row: &NotificationRow, what: String) -> Error {
    Refusal::new(
        what,
        format!(
            "look at it again: {}",
            session.line(&format!("show {}", row.id))
        ),
    )
    .into()
}

fn ask(
    session: &Session,
    row: &NotificationRow,
    draft: &DraftRow,
    config: &Config,
    who: &Approver,
) -> Result<()> {
    let key = summary::key(row);
    if !session.screen.can_ask() {
        let what = format!(
            "{} was not shown to you here, and nobody can be asked",
            row.id
        );
        let remedy = format!(
            "look at it and name its digest: {}   (or add --yes)",
            session.line(&format!("approve {key}"))
        );
        return Err(Refusal::new(what, remedy).into());
    }
    let screen = &session.screen;
    screen.say(format!(
        "{}: {}",
        row.id,
        cut(&summary::what_failed(row), screen.width().saturating_sub(8))
    ));
    texts::print(screen, draft, config, None);
    screen.say("");
    let answer = screen.ask(&format!("Approve {key} as {}? [y/N] ", who.as_str()));
    match answer.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Refusal::plain(format!("{} was not approved", row.id)).into()),
    }
}

/// Refuses a draft for good.
pub(super) fn reject(
    session: &Session,
    typed: &DraftId,
    reason: &str,
    proposal: Proposal,
    by: &Who,
) -> Result<()> {
    let at_hand = AtHand::of(session)?;
    let row = session.load(&at_hand.store, typed)?;
    let who = who(by)?;
    let reason = Reason::new(reason)?;
    let decision = Decision::Reject {
        reason: reason.clone(),
    };
    let draft = current(session, &row, typed, &decision)?;
    let word = word_on(&row, draft, &who, reason.as_str());
    let rejected = at_hand.decide(
        Kept::REJECTION,
        |desk| desk.reject(&row, &word, (&who, proposal), session.now),
        |store| store.reject(&word, session.now),
    );
    let not_there = rejected.map_err(|error| refused(session, typed, error))?;
    session.screen.document(&shapes::notification(
        &at_hand.store.load(row.id)?,
        session.now,
    ));
    session
        .screen
        .say(format!("Rejected {}: nothing of it leaves.", row.id));
    if let Some(issue) = not_there {
        session.screen.say(format!(
            "Remembered: that does not belong to #{issue} (--right-report would have kept it)."
        ));
    }
    session.next(&[("list".to_owned(), "what else waits for you")]);
    Ok(())
}

/// Why a decision was not taken, with what to type.
pub(super) fn refused(session: &Session, typed: &DraftId, error: NotDecided) -> Error {
    let id = typed.id;
    let show = || session.line(&format!("show {id}"));
    match error {
        NotDecided::Store(error) => error,
        NotDecided::Unknown(_) => session.unknown(typed).into(),
        NotDecided::AlreadyDecided { word, who, at } => {
            let what = format!("{id} was {word} by {who} {}", when(at, session.now));
            Refusal::new(what, show()).into()
        }
        NotDecided::Held { .. } => Refusal::new(
            format!("{id}: {error}"),
            session.line(&format!("release {id}")),
        )
        .into(),
        NotDecided::ChoiceOpen => Refusal::new(
            format!("{id}: a person has to choose the report first"),
            format!(
                "{}   (a number, or new)",
                session.line(&format!("link {id} ISSUE"))
            ),
        )
        .into(),
        other => Refusal::new(format!("{id}: {other}"), show()).into(),
    }
}
