//! Which report failures belong to, by a person's word: the draft is written anew
//! from what matching found and everything that people chose since, and the next
//! failure of the kind finds the same report.

use anyhow::Result;

use super::Desk;
use super::failures::verdict_of;
use super::summary;
use crate::domain::Seconds;
use crate::domain::decision::{Approver, Decision, Target as Word};
use crate::domain::draft::{Action, Choice, Draft, Settings, Target};
use crate::domain::issue::IssueRef;
use crate::domain::matching::{Past, Report, Verdict};
use crate::store::{DecisionKind, DecisionRow, DraftRow, NotificationRow, PROGRAM, PairWord};
use crate::templates::Templates;
use crate::worker::{Occasion, redraft};

/// Between the choices of one decision, in its reason.
const BETWEEN: &str = "; ";

/// What texts are made with.
pub(crate) struct Wording<'a> {
    pub(crate) templates: &'a Templates,
    pub(crate) settings: &'a Settings,
}

/// A draft written anew.
pub(crate) struct Linked {
    pub(crate) draft: Draft,
    /// What the person should know, each in a sentence.
    pub(crate) warnings: Vec<String>,
}

/// One choice as the grammar for decisions has it: `link 2 4711`.
pub(crate) fn words(failure: Option<usize>, word: Word) -> String {
    let issue = match word {
        Word::Issue(number) => number.to_string(),
        Word::New => "new".to_owned(),
    };
    match failure {
        Some(number) => format!("link {number} {issue}"),
        None => format!("link {issue}"),
    }
}

/// What is kept beside the decision, and read back by [`Desk::earlier`]. Failures
/// count from 1; none are all of them.
pub(crate) fn reason(failures: &[usize], word: Word) -> String {
    if failures.is_empty() {
        return words(None, word);
    }
    let each = failures.iter().map(|number| words(Some(*number), word));
    each.collect::<Vec<_>>().join(BETWEEN)
}

/// Which failures are meant, counted from 0; `failures` count from 1, and none are
/// all of them.
///
/// # Errors
///
/// The number that is none, and how many failures there are.
pub(crate) fn choices(
    row: &NotificationRow,
    failures: &[usize],
) -> Result<Vec<usize>, (usize, usize)> {
    let there = summary::failures(row).len();
    if failures.is_empty() {
        return Ok((0..there).collect());
    }
    let index = |number: &usize| match number.checked_sub(1) {
        Some(index) if index < there => Ok(index),
        _ => Err((*number, there)),
    };
    failures.iter().map(index).collect()
}

impl Desk<'_> {
    /// What a person names a report by: its number, a link to it, or `new`.
    pub(crate) fn word(&self, issue: &str) -> Option<Word> {
        if issue.trim().eq_ignore_ascii_case("new") {
            return Some(Word::New);
        }
        self.tracker.parse_issue(issue).map(Word::Issue)
    }

    /// The draft written anew, with the failures chosen (counted from 0) where the
    /// word says; nothing is stored yet.
    ///
    /// # Errors
    ///
    /// The row was not matched, a template does not fit, or the store fails.
    pub(crate) fn link(
        &self,
        wording: &Wording<'_>,
        row: &NotificationRow,
        (chosen, word): (&[usize], Word),
        now: Seconds,
    ) -> Result<Linked> {
        let mut all = self.earlier(row)?;
        let mut warnings = self.lost_edits(row)?;
        let (target, warning) = self.target(word)?;
        warnings.extend(warning);
        all.extend(chosen.iter().map(|failure| Choice {
            failure: *failure,
            target: target.clone(),
        }));
        let occasion = Occasion::of(self.store, self.tracker, row, now)?;
        let draft = redraft(wording.templates, wording.settings, &occasion, &all)?;
        Ok(Linked { draft, warnings })
    }

    /// The texts are written anew: what was edited before is not in them.
    fn lost_edits(&self, row: &NotificationRow) -> Result<Vec<String>> {
        let since = last_own_draft(&self.store.drafts(row.id)?);
        let decisions = self.store.decisions(row.id)?;
        let edit = decisions
            .iter()
            .rfind(|it| it.kind == DecisionKind::Edit && it.revision >= since);
        let words = |edit: &DecisionRow| {
            format!(
                "The texts are written anew; what {} changed in them is not taken over.",
                edit.who
            )
        };
        Ok(edit.map(words).into_iter().collect())
    }

    /// What people chose since the program last drafted it by itself.
    pub(crate) fn earlier(&self, row: &NotificationRow) -> Result<Vec<Choice>> {
        let since = last_own_draft(&self.store.drafts(row.id)?);
        let mut all = Vec::new();
        for decision in self.store.decisions(row.id)? {
            if decision.kind != DecisionKind::Link || decision.revision < since {
                continue;
            }
            for line in decision.reason.split(BETWEEN) {
                let Ok(Decision::Link { failure, issue }) = Decision::parse(line) else {
                    continue;
                };
                let indexes = match failure {
                    Some(index) => vec![index],
                    None => (0..summary::failures(row).len()).collect(),
                };
                for index in indexes {
                    all.push(Choice {
                        failure: index,
                        target: self.target(issue)?.0,
                    });
                }
            }
        }
        Ok(all)
    }

    /// The report as the mirror has it, and what is odd about it.
    fn target(&self, word: Word) -> Result<(Target, Option<String>)> {
        let number = match word {
            Word::New => return Ok((Target::New, None)),
            Word::Issue(number) => number,
        };
        let name = self.tracker.name();
        Ok(match self.store.mirror(&name).issue(number)? {
            Some(issue) if issue.open => (Target::Issue(issue.reference()), None),
            Some(issue) => {
                let (how, target): (_, fn(IssueRef) -> Target) = match Report::of(&issue).past() {
                    Some(Past::Fixed) => ("closed as fixed", Target::Fixed),
                    _ => ("closed", Target::Issue),
                };
                let warning = format!("#{number} is {how}: {}", issue.title);
                (target(issue.reference()), Some(warning))
            }
            None => {
                let url = self.tracker.issue_url(number);
                let warning = format!(
                    "#{number} is not in the local copy of the tracker: make sure that {url} exists"
                );
                let issue = IssueRef {
                    number,
                    url,
                    title: String::new(),
                };
                (Target::Issue(issue), Some(warning))
            }
        })
    }

    /// So that the next failure of this kind finds the same report: the chosen
    /// one is confirmed, the one that was proposed instead is rejected.
    pub(crate) fn remember(
        &self,
        row: &NotificationRow,
        chosen: &[usize],
        word: Word,
        who: &Approver,
        now: Seconds,
    ) -> Result<()> {
        let name = self.tracker.name();
        let mirror = self.store.mirror(&name);
        let failures = summary::failures(row);
        for index in chosen {
            let Some((_, failure)) = failures.get(*index) else {
                continue;
            };
            let pair = |issue, said| {
                mirror.record_pair(failure, issue, said, Some(row.id), who.as_str(), now)
            };
            for refused in refused_by(row, *index, word) {
                pair(refused, PairWord::Rejected)?;
            }
            if let Word::Issue(number) = word {
                pair(number, PairWord::Confirmed)?;
            }
        }
        Ok(())
    }
}

/// Whoever approves comments on the proposed reports says that the failures
/// belong there; what was linked by hand was remembered then.
pub(crate) fn confirm_proposals(
    desk: &Desk<'_>,
    row: &NotificationRow,
    who: &Approver,
    now: Seconds,
) -> Result<()> {
    let linked: Vec<usize> = desk.earlier(row)?.iter().map(|it| it.failure).collect();
    let actions = row.draft.iter().flat_map(|draft| &draft.draft.actions);
    let commented: Vec<u64> = actions.filter_map(meant).collect();
    for failure in 0..summary::failures(row).len() {
        let issue = proposed(row, failure).filter(|issue| commented.contains(issue));
        if let Some(issue) = issue
            && !linked.contains(&failure)
        {
            desk.remember(row, &[failure], Word::Issue(issue), who, now)?;
        }
    }
    Ok(())
}

/// Whoever rejects a draft that would only comment on a report that the program
/// proposed says that the failures do not belong there. Tells which report that is;
/// where a person chose it, or several actions were proposed, nobody knows what was
/// wrong.
///
/// Where it would only be counted, nothing is said: the report was commented on for
/// such a failure a moment ago, and it may be that one more reply is not wanted.
pub(crate) fn refuse_proposal(
    desk: &Desk<'_>,
    row: &NotificationRow,
    who: &Approver,
    now: Seconds,
) -> Result<Option<u64>> {
    let draft = row.draft.as_ref();
    let issue = draft.and_then(|it| refused_with(&it.draft.actions));
    let Some(issue) = issue.filter(|_| desk.earlier(row).is_ok_and(|it| it.is_empty())) else {
        return Ok(None);
    };
    let name = desk.tracker.name();
    let mirror = desk.store.mirror(&name);
    let mut is_said = false;
    for (index, (_, failure)) in summary::failures(row).into_iter().enumerate() {
        if proposed(row, index) == Some(issue) {
            let (word, id) = (PairWord::Rejected, Some(row.id));
            mirror.record_pair(failure, issue, word, id, who.as_str(), now)?;
            is_said = true;
        }
    }
    Ok(is_said.then_some(issue))
}

/// The report that a rejection of these actions is about.
pub(crate) fn refused_with(actions: &[Action]) -> Option<u64> {
    match actions {
        [Action::Count { .. }] => None,
        [only] => meant(only),
        _ => None,
    }
}

/// The report that an action says the failures belong to.
fn meant(action: &Action) -> Option<u64> {
    match action {
        Action::Comment { issue, .. }
        | Action::Reopen { issue, .. }
        | Action::Count { issue, .. } => Some(issue.number),
        Action::Open(_) | Action::Choose { .. } => None,
    }
}

/// The reports that are refused by choosing another: the one that was preselected,
/// and with a new one all that were offered.
fn refused_by(row: &NotificationRow, failure: usize, word: Word) -> Vec<u64> {
    let offered = match verdict_of(row, failure) {
        Some(Verdict::Ambiguous { candidates }) if word == Word::New => {
            candidates.iter().map(|it| it.issue.number).collect()
        }
        _ => Vec::new(),
    };
    let proposed = proposed(row, failure).filter(|it| Word::Issue(*it) != word);
    proposed.into_iter().chain(offered).collect()
}

/// The report that matching preselected, or that the draft opens again.
fn proposed(row: &NotificationRow, failure: usize) -> Option<u64> {
    match verdict_of(row, failure)? {
        Verdict::Known { candidates } => candidates.first().map(|best| best.issue.number),
        Verdict::Ambiguous { .. } => None,
        Verdict::New { related, .. } => {
            let mut fixed = related.iter().filter(|it| it.past == Some(Past::Fixed));
            let number = fixed.next()?.issue.number;
            reopens(row, number).then_some(number)
        }
    }
}

fn reopens(row: &NotificationRow, number: u64) -> bool {
    let mut actions = row.draft.iter().flat_map(|draft| &draft.draft.actions);
    actions.any(|it| matches!(it, Action::Reopen { issue, .. } if issue.number == number))
}

fn last_own_draft(drafts: &[DraftRow]) -> u32 {
    let own = drafts.iter().filter(|draft| draft.made_by == PROGRAM);
    own.map(|draft| draft.revision).max().unwrap_or(0)
}
