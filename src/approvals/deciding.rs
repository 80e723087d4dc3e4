//! A verified word on one draft, taken as on the page: the same checks, the same
//! compare-and-set, and the same that follows.

use anyhow::{Context, Result};

use super::Room;
use super::handling::Said;
use super::words::is_shown_whole;
use crate::desk::deciding::Proposal;
use crate::desk::differences::{Kind, differences};
use crate::desk::linking::{Wording, choices, reason};
use crate::desk::summary;
use crate::desk::words::when;
use crate::domain::approvers::Person;
use crate::domain::decision::{self, Decision, Target};
use crate::domain::draft::{Draft, from_partial, to_editable};
use crate::domain::life::FinalWord;
use crate::store::{
    Change, DecisionKind, NewDecision, NotDecided, NotificationId, NotificationRow, TokenRow,
};

/// What a verified person wrote.
pub(super) struct Given<'a> {
    pub(super) person: &'a Person,
    /// What it is about.
    pub(super) token: &'a TokenRow,
    pub(super) decision: &'a Decision,
    /// What stands below the verb.
    pub(super) text: &'a str,
    /// The mail it stands in.
    pub(super) answer: NotificationId,
}

impl Given<'_> {
    fn who(&self) -> &str {
        self.person.name.as_str()
    }

    fn because<'a>(&'a self, reason: &'a str) -> NewDecision<'a> {
        let shown = (self.token.revision, self.token.digest.as_str());
        NewDecision::of_person(self.token.notification, shown, &self.person.name, reason)
    }
}

/// Takes the decision, or says why not.
///
/// # Errors
///
/// The store's.
pub(super) fn decide(room: Room<'_>, given: &Given<'_>) -> Result<Said> {
    let store = &room.parts.store;
    let row = store.load(given.token.notification)?;
    if let Some((answer, _)) = given.token.used {
        let is_same = answer == given.answer;
        if is_same && was_taken(room, given, &row)? {
            return Ok(taken(given, &row));
        }
        if !is_same {
            return Ok(Said::plainly(format!(
                "Nothing was decided: you answered this mail before (mail {answer}). {}",
                standing(&row)
            )));
        }
    }
    if let Some(said) = not_now(room, given, &row)? {
        return Ok(said);
    }
    let act = match prepare(room, given, &row)? {
        Ok(act) => act,
        Err(said) => return Ok(said),
    };
    if !store.use_token(given.token.id, given.answer, room.now)? {
        return Ok(Said::plainly(
            "Nothing was decided: another mail of yours answered this one at the same moment",
        ));
    }
    match carry_out(room, given, &row, &act) {
        Ok(()) => Ok(taken(given, &row)),
        Err(NotDecided::Store(error)) => Err(error),
        // Somebody was faster by a moment.
        Err(why) => refused(room, given, &row, &why),
    }
}

/// Why nothing can be decided so on the draft that was asked about.
fn not_now(room: Room<'_>, given: &Given<'_>, row: &NotificationRow) -> Result<Option<Said>> {
    let is_hold = matches!(given.decision, Decision::Hold { .. });
    if let Some(earlier) = &row.decision
        && !is_hold
    {
        let why = NotDecided::AlreadyDecided {
            word: match earlier.kind {
                DecisionKind::Approve => FinalWord::Approved,
                _ => FinalWord::Rejected,
            },
            who: earlier.who.clone(),
            at: earlier.at,
        };
        return refused(room, given, row, &why).map(Some);
    }
    if let Some(draft) = &row.draft
        && draft.digest != given.token.digest
    {
        let why = NotDecided::Revised {
            shown: given.token.revision,
            current: draft.revision,
            made_by: draft.made_by.clone(),
            made_at: draft.made_at,
        };
        return refused(room, given, row, &why).map(Some);
    }
    let held = row.held.as_ref().map(|held| held.why.as_str());
    if let Err(why) = decision::allowed(row.stage, held, given.decision) {
        return Ok(Some(Said::plainly(format!(
            "Nothing was decided on {}: {why}",
            row.id
        ))));
    }
    let is_whole = row
        .draft
        .as_ref()
        .is_some_and(|it| is_shown_whole(&it.draft));
    if *given.decision == Decision::Approve && !is_whole {
        let words = "Nothing was decided: the mail had no room for all that would leave; look at \
                     it on the page or with `show`, and approve it there";
        return Ok(Some(Said::plainly(words)));
    }
    Ok(None)
}

/// What is to be done.
enum Act {
    Approve,
    Reject(String),
    Hold(String),
    Revise {
        change: Change,
        draft: Box<Draft>,
        reason: String,
        /// The failures linked, and where to.
        linked: Option<(Vec<usize>, Target)>,
    },
}

/// Works out what changes, before anything does.
fn prepare(room: Room<'_>, given: &Given<'_>, row: &NotificationRow) -> Result<Result<Act, Said>> {
    let nothing = |why: String| Ok(Err(Said::plainly(format!("Nothing was decided: {why}"))));
    let Some(draft) = &row.draft else {
        return nothing("there is no draft".to_owned());
    };
    let (change, new, reason, linked) = match given.decision {
        Decision::Approve => return Ok(Ok(Act::Approve)),
        Decision::Reject { reason } => return Ok(Ok(Act::Reject(reason.as_str().to_owned()))),
        Decision::Hold { reason } => return Ok(Ok(Act::Hold(reason.as_str().to_owned()))),
        Decision::Release => return nothing("nothing is released by mail".to_owned()),
        Decision::Edit => match from_partial(given.text, &draft.draft) {
            Ok(new) => (Change::Edit, new, String::new(), None),
            Err(mistake) => return nothing(format!("{}; {}", mistake.what, mistake.remedy)),
        },
        Decision::Link { failure, issue } => {
            let numbers: Vec<usize> = failure.iter().map(|index| index + 1).collect();
            let chosen = match choices(row, &numbers) {
                Ok(chosen) => chosen,
                Err((number, there)) => {
                    return nothing(format!(
                        "there is no failure {number}: they are numbered from 1 to {there}"
                    ));
                }
            };
            let wording = Wording {
                templates: &room.parts.templates,
                settings: &room.parts.rules.drafts,
            };
            let new = room
                .desk()
                .link(&wording, row, (&chosen, *issue), room.now)?;
            let reason = reason(&numbers, *issue);
            (Change::Link, new.draft, reason, Some((chosen, *issue)))
        }
    };
    if new == draft.draft {
        return nothing("the draft would be the same".to_owned());
    }
    Ok(Ok(Act::Revise {
        change,
        draft: Box::new(new),
        reason,
        linked,
    }))
}

fn carry_out(
    room: Room<'_>,
    given: &Given<'_>,
    row: &NotificationRow,
    act: &Act,
) -> Result<(), NotDecided> {
    let store = &room.parts.store;
    let (desk, name, now) = (room.desk(), &given.person.name, room.now);
    match act {
        Act::Approve => desk.approve(row, &given.because(""), name, now)?,
        Act::Reject(reason) => {
            desk.reject(row, &given.because(reason), (name, Proposal::Wrong), now)?;
        }
        Act::Hold(reason) => store.hold(row.id, reason, given.who(), now)?,
        Act::Revise {
            change,
            draft,
            reason,
            linked,
        } => {
            store.revise(&given.because(reason), *change, draft, now)?;
            if let Some((chosen, word)) = linked {
                desk.remember(row, chosen, *word, name, now)
                    .context("the link is kept, but not what it says of the report")?;
            }
        }
    }
    Ok(())
}

/// Whether the decision of this very mail is there: the program ended before that was
/// recorded.
fn was_taken(room: Room<'_>, given: &Given<'_>, row: &NotificationRow) -> Result<bool> {
    let kind = match given.decision {
        Decision::Approve => DecisionKind::Approve,
        Decision::Reject { .. } => DecisionKind::Reject,
        Decision::Edit => DecisionKind::Edit,
        Decision::Link { .. } => DecisionKind::Link,
        Decision::Hold { .. } | Decision::Release => {
            return Ok(row
                .held
                .as_ref()
                .is_some_and(|held| held.who == given.who()));
        }
    };
    let decisions = room.parts.store.decisions(row.id)?;
    Ok(decisions
        .iter()
        .any(|it| it.kind == kind && it.digest == given.token.digest && it.who == given.who()))
}

/// The decision was taken.
fn taken(given: &Given<'_>, row: &NotificationRow) -> Said {
    let id = row.id;
    let words = match given.decision {
        Decision::Approve => format!("{id} is approved by you"),
        Decision::Reject { reason } => format!("{id} is rejected by you: {}", reason.as_str()),
        Decision::Hold { reason } => format!("{id} is held by you: {}", reason.as_str()),
        Decision::Link { .. } => format!("{id} is linked by you"),
        Decision::Edit => format!("{id} is edited by you"),
        Decision::Release => format!("{id} is released by you"),
    };
    match given.decision {
        Decision::Link { .. } | Decision::Edit => Said {
            is_decided: true,
            words,
            changes: Vec::new(),
            next: "The new texts come in a mail of their own, which can be answered.".to_owned(),
            asks_again: true,
        },
        Decision::Approve => Said {
            is_decided: true,
            next: format!("It leaves next; `show {id}` tells how far it is."),
            ..Said::plainly(words)
        },
        Decision::Hold { .. } => Said {
            is_decided: true,
            next: format!("It waits until somebody releases it: on the page, or `release {id}`."),
            ..Said::plainly(words)
        },
        _ => Said {
            is_decided: true,
            ..Said::plainly(words)
        },
    }
}

/// What the store, or a look before it, did not take.
fn refused(
    room: Room<'_>,
    given: &Given<'_>,
    row: &NotificationRow,
    why: &NotDecided,
) -> Result<Said> {
    let id = row.id;
    Ok(match why {
        NotDecided::AlreadyDecided { word, who, at } => Said::plainly(format!(
            "Nothing was decided: {id} was {word} by {who} {}",
            when(*at, room.now)
        )),
        NotDecided::Revised {
            current,
            made_by,
            made_at,
            ..
        } => Said {
            is_decided: false,
            words: format!(
                "Nothing was decided: the draft is not the one you saw. {made_by} made revision \
                 {current} of {id} {}",
                when(*made_at, room.now)
            ),
            changes: changes(room, given)?,
            next: "The draft as it is now comes in a mail of its own, unless it came before."
                .to_owned(),
            asks_again: true,
        },
        other => Said::plainly(format!("Nothing was decided on {id}: {other}")),
    })
}

/// What changed from the revision that was asked about to the current one.
fn changes(room: Room<'_>, given: &Given<'_>) -> Result<Vec<String>> {
    let all = room.parts.store.drafts(given.token.notification)?;
    let shown = all.iter().find(|it| it.digest == given.token.digest);
    let (Some(shown), Some(current)) = (shown, all.last()) else {
        return Ok(Vec::new());
    };
    let (before, after) = (to_editable(&shown.draft), to_editable(&current.draft));
    let lines = differences(&before, &after).into_iter();
    let changed = lines.filter_map(|(kind, text)| match kind {
        Kind::Same => None,
        Kind::Added => Some(format!("+ {text}")),
        Kind::Removed => Some(format!("- {text}")),
    });
    Ok(changed.take(CHANGES).collect())
}

/// Lines of what changed that a mail tells.
const CHANGES: usize = 200;

/// Where the draft stands, in a sentence.
fn standing(row: &NotificationRow) -> String {
    format!("{}: {}", row.id, summary::standing(row))
}
