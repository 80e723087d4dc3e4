//! A word on a draft that somebody saw, and what follows from it besides.

use std::fmt;

use super::Desk;
use super::linking::{Wording, confirm_proposals, reason, refuse_proposal};
use super::words::when;
use crate::domain::Seconds;
use crate::domain::decision::{self, Approver, Decision, Refusal, Target};
use crate::domain::life::FinalWord;
use crate::store::{Change, DecisionKind, NewDecision, NotDecided, NotificationRow};

/// In front of an error: what is recorded all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) &'static str);

impl Kept {
    /// An approval, of which nothing is learnt.
    pub(crate) const APPROVAL: Self =
        Self("the approval is kept, but not what it says of the reports");
    /// A rejection, of which nothing is learnt.
    pub(crate) const REJECTION: Self =
        Self("the rejection is kept, but not what it says of the report");
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a rejection says of the report that was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proposal {
    /// The failures do not belong there.
    Wrong,
    /// It may be right.
    Right,
}

/// Why nothing can be decided on a draft any more.
#[derive(Debug)]
pub(crate) enum Hindrance {
    /// Somebody decided or changed it meanwhile.
    Late(NotDecided),
    /// Where it stands that cannot be decided.
    NotAllowed(Refusal),
}

/// Whether it can be decided so now, on the draft with the digest that was shown. The
/// store asks once more, in the transaction of the decision.
///
/// # Errors
///
/// Why not.
pub(crate) fn may(
    row: &NotificationRow,
    shown: &str,
    decision: &Decision,
) -> Result<(), Hindrance> {
    if let Some(earlier) = faster(row, decision) {
        return Err(Hindrance::Late(earlier));
    }
    if let Some(draft) = row.draft.as_ref().filter(|draft| draft.digest != shown) {
        return Err(Hindrance::Late(NotDecided::Revised {
            shown: 0,
            current: draft.revision,
            made_by: draft.made_by.clone(),
            made_at: draft.made_at,
        }));
    }
    let held = row.held.as_ref().map(|held| held.why.as_str());
    decision::allowed(row.stage, held, decision).map_err(Hindrance::NotAllowed)
}

/// Somebody decided before; holding back what was approved is still possible.
fn faster(row: &NotificationRow, decision: &Decision) -> Option<NotDecided> {
    if matches!(decision, Decision::Hold { .. } | Decision::Release) {
        return None;
    }
    let earlier = row.decision.as_ref()?;
    Some(NotDecided::AlreadyDecided {
        word: match earlier.kind {
            DecisionKind::Approve => FinalWord::Approved,
            _ => FinalWord::Rejected,
        },
        who: earlier.who.clone(),
        at: earlier.at,
    })
}

/// Why a decision was not taken, in words with who and when.
pub(crate) fn why_not(why: &NotDecided, now: Seconds) -> String {
    match why {
        NotDecided::AlreadyDecided { word, who, at } => {
            format!("it was {word} by {who} {}", when(*at, now))
        }
        NotDecided::Revised {
            current,
            made_by,
            made_at,
            ..
        } => format!(
            "{made_by} made revision {current} of it {}",
            when(*made_at, now)
        ),
        NotDecided::Store(error) => format!("{error:#}"),
        other => other.to_string(),
    }
}

/// What became of choosing a report.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// The draft says so already.
    Already,
    /// It was written anew.
    Anew,
}

impl Desk<'_> {
    /// Approves, and remembers what that says of the reports.
    ///
    /// # Errors
    ///
    /// It was not approved; or it was, and what it says could not be [`Kept`].
    pub(crate) fn approve(
        &self,
        row: &NotificationRow,
        new: &NewDecision<'_>,
        who: &Approver,
        now: Seconds,
    ) -> Result<(), NotDecided> {
        self.store.approve(new, now)?;
        confirm_proposals(self, row, who, now).map_err(|error| error.context(Kept::APPROVAL))?;
        Ok(())
    }

    /// Rejects, and remembers what that says of the report: tells which one.
    ///
    /// # Errors
    ///
    /// It was not rejected; or it was, and what it says could not be [`Kept`].
    pub(crate) fn reject(
        &self,
        row: &NotificationRow,
        new: &NewDecision<'_>,
        (who, proposal): (&Approver, Proposal),
        now: Seconds,
    ) -> Result<Option<u64>, NotDecided> {
        self.store.reject(new, now)?;
        if proposal == Proposal::Right {
            return Ok(None);
        }
        let said = refuse_proposal(self, row, who, now);
        Ok(said.map_err(|error| error.context(Kept::REJECTION))?)
    }

    /// Links failures to a report, and remembers that. `failures` are as they were
    /// typed, from 1, none for all of them; `chosen` the same from 0. Gives what the
    /// person should know as well.
    ///
    /// # Errors
    ///
    /// It was not linked; or it was, and what it says could not be [`Kept`].
    pub(crate) fn choose(
        &self,
        wording: &Wording<'_>,
        row: &NotificationRow,
        (failures, chosen, word): (&[usize], &[usize], Target),
        new: &NewDecision<'_>,
        (who, now): (&Approver, Seconds),
    ) -> Result<(Chosen, Vec<String>), NotDecided> {
        let linked = self.link(wording, row, (chosen, word), now)?;
        let current = row.draft.as_ref().map(|draft| &draft.draft);
        if current == Some(&linked.draft) {
            return Ok((Chosen::Already, linked.warnings));
        }
        let reason = reason(failures, word);
        let new = NewDecision {
            reason: &reason,
            ..*new
        };
        self.store.revise(&new, Change::Link, &linked.draft, now)?;
        self.remember(row, chosen, word, who, now)
            .map_err(|error| {
                error.context(Kept("the link is kept, but not what it says of the report"))
            })?;
        Ok((Chosen::Anew, linked.warnings))
    }
}
