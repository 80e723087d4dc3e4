//! `link`: a person says which report failures belong to. The draft is written
//! anew from what matching found and everything that people chose since.

use anyhow::Result;

use super::args::{DraftId, Who};
use super::deciding::current;
use super::failing::verdict_of;
use super::refusal::Refusal;
use super::revising::{Change, revise};
use super::screen::Tone;
use super::session::Session;
use super::summary;
use super::who::who;
use crate::config::{Config, Environment, Secrets};
use crate::daemon::{self, Settings};
use crate::domain::Seconds;
use crate::domain::decision::{Approver, Decision, Target as Word};
use crate::domain::draft::{Action, Choice, Target};
use crate::domain::issue::IssueRef;
use crate::domain::matching::Verdict;
use crate::domain::untrusted::terminal;
use crate::store::{
    Change as Kind, DecisionKind, DraftRow, NotificationRow, PROGRAM, PairWord, Store,
};
use crate::templates::Templates;
use crate::trackers::Tracker;
use crate::worker::{Occasion, redraft};

/// Between the choices of one decision, in its reason.
const BETWEEN: &str = "; ";

/// Makes a new revision from matching with a person's choice.
pub(super) fn link(
    session: &Session,
    typed: &DraftId,
    issue: &str,
    failures: &[usize],
    by: &Who,
) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let row = session.load(&store, typed)?;
    let who = who(by)?;
    let tracker = tracker(&config)?;
    let word = word(&tracker, issue)?;
    let chosen = choices(&row, failures, word)?;
    let draft = current(session, &row, typed, &first(&chosen, word))?;
    let desk = Desk {
        store: &store,
        tracker: &tracker,
    };
    let mut all = desk.earlier(&row)?;
    warn_of_lost_edits(session, &store, &row)?;
    for index in &chosen {
        all.push(desk.choice(session, *index, word)?);
    }
    let (templates, _) = Templates::load(config.drafts.templates.as_deref());
    let occasion = Occasion::of(&store, &tracker, &row, session.now)?;
    let new = redraft(&templates, &config.draft_settings(), &occasion, &all)?;
    if new == draft.draft {
        return Err(Refusal::new(
            format!("{}: that is what the draft says already", row.id),
            session.line(&format!("show {}", row.id)),
        )
        .into());
    }
    let reason = reason(failures, word);
    let change = Change {
        draft,
        kind: Kind::Link,
        reason: &reason,
    };
    revise(session, &store, &row, &change, &new, &who)?;
    desk.remember(&row, &chosen, word, &who, session.now)
}

/// What is linked with.
struct Desk<'a> {
    store: &'a Store,
    tracker: &'a Tracker,
}

/// The tracker for its names and addresses alone: no secret is read.
pub(super) fn tracker(config: &Config) -> Result<Tracker> {
    daemon::tracker_of(&Settings {
        config: config.clone(),
        secrets: Secrets::default(),
        environment: Environment::default(),
    })
}

fn word(tracker: &Tracker, issue: &str) -> Result<Word> {
    if issue.eq_ignore_ascii_case("new") {
        return Ok(Word::New);
    }
    tracker.parse_issue(issue).map(Word::Issue).ok_or_else(|| {
        let what = format!("{issue:?} is no report of {}", tracker.name());
        Refusal::new(what, "give its number, a link to it, or the word new").into()
    })
}

/// Which failures are meant, counted from 0.
fn choices(row: &NotificationRow, failures: &[usize], word: Word) -> Result<Vec<usize>> {
    let there = summary::failures(row).len();
    if failures.is_empty() {
        return Ok((0..there).collect());
    }
    let index = |number: &usize| match number.checked_sub(1) {
        Some(index) if index < there => Ok(index),
        _ => Err(Refusal::new(
            format!(
                "{} has no failure {number}: they are numbered from 1 to {there}",
                row.id
            ),
            format!(
                "write {:?} without --failure to link all of them",
                words(None, word)
            ),
        )
        .into()),
    };
    failures.iter().map(index).collect()
}

fn first(chosen: &[usize], issue: Word) -> Decision {
    Decision::Link {
        failure: chosen.first().copied(),
        issue,
    }
}

/// One choice as the grammar for decisions has it: `link 2 4711`.
fn words(failure: Option<usize>, word: Word) -> String {
    let issue = match word {
        Word::Issue(number) => number.to_string(),
        Word::New => "new".to_owned(),
    };
    match failure {
        Some(number) => format!("link {number} {issue}"),
        None => format!("link {issue}"),
    }
}

/// What is kept beside the decision, and read back by [`Desk::earlier`].
fn reason(failures: &[usize], word: Word) -> String {
    if failures.is_empty() {
        return words(None, word);
    }
    let each = failures.iter().map(|number| words(Some(*number), word));
    each.collect::<Vec<_>>().join(BETWEEN)
}

impl Desk<'_> {
    /// What people chose since the program last drafted it by itself.
    fn earlier(&self, row: &NotificationRow) -> Result<Vec<Choice>> {
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

    fn choice(&self, session: &Session, failure: usize, word: Word) -> Result<Choice> {
        let (target, warning) = self.target(word)?;
        if let Some(warning) = warning.filter(|_| failure == 0) {
            session
                .screen
                .say(session.screen.paint(Tone::Warning, &terminal(&warning)));
        }
        Ok(Choice { failure, target })
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
                let warning = format!("#{number} is closed: {}", issue.title);
                (Target::Issue(issue.reference()), Some(warning))
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
    fn remember(
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
pub(super) fn confirm_proposals(
    store: &Store,
    config: &Config,
    row: &NotificationRow,
    who: &Approver,
    now: Seconds,
) -> Result<()> {
    let tracker = tracker(config)?;
    let desk = Desk {
        store,
        tracker: &tracker,
    };
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
pub(super) fn refuse_proposal(
    store: &Store,
    config: &Config,
    row: &NotificationRow,
    who: &Approver,
    now: Seconds,
) -> Result<Option<u64>> {
    let tracker = tracker(config)?;
    let desk = Desk {
        store,
        tracker: &tracker,
    };
    let actions = row.draft.as_ref().map(|draft| &draft.draft.actions);
    let commented = match actions.map(Vec::as_slice) {
        Some([only]) => meant(only),
        _ => None,
    };
    let Some(issue) = commented.filter(|_| desk.earlier(row).is_ok_and(|it| it.is_empty())) else {
        return Ok(None);
    };
    let name = tracker.name();
    let mirror = store.mirror(&name);
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

/// The report that an action says the failures belong to.
fn meant(action: &Action) -> Option<u64> {
    match action {
        Action::Comment { issue, .. } | Action::Count { issue, .. } => Some(issue.number),
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

/// The report that matching preselected.
fn proposed(row: &NotificationRow, failure: usize) -> Option<u64> {
    match verdict_of(row, failure)? {
        Verdict::Known { candidates } => candidates.first().map(|best| best.issue.number),
        Verdict::Ambiguous { .. } | Verdict::New { .. } => None,
    }
}

fn last_own_draft(drafts: &[DraftRow]) -> u32 {
    let own = drafts.iter().filter(|draft| draft.made_by == PROGRAM);
    own.map(|draft| draft.revision).max().unwrap_or(0)
}

/// The texts are written anew: what was edited before is not in them.
fn warn_of_lost_edits(session: &Session, store: &Store, row: &NotificationRow) -> Result<()> {
    let since = last_own_draft(&store.drafts(row.id)?);
    let decisions = store.decisions(row.id)?;
    let edit = decisions
        .iter()
        .rfind(|it| it.kind == DecisionKind::Edit && it.revision >= since);
    if let Some(edit) = edit {
        let words = format!(
            "The texts are written anew; what {} changed in them is not taken over.",
            terminal(&edit.who)
        );
        session
            .screen
            .say(session.screen.paint(Tone::Warning, &words));
    }
    Ok(())
}
