//! All drafts that wait, as one document to decide on them; and what becomes of what
//! a person wrote there.

use anyhow::Result;

use super::Office;
use super::caution::{once_of_each_kind, settled_silently, warnings};
use super::deciding::{Chosen, Hindrance, Proposal, may, why_not};
use super::failures::{Group, excerpt, groups};
use super::leaves::leaves;
use super::linking::choices;
use super::recovered::{recoveries, sentences};
use super::summary;
use super::words::{count, cut, cut_path, when, wrapped};
use crate::domain::Seconds;
use crate::domain::decision::{Approver, Decision, Target};
use crate::domain::draft::review::{Entry, Word};
use crate::domain::matching::{Candidate, Tier};
use crate::store::{Change, DraftRow, ListFilter, NewDecision, NotDecided, NotificationRow};

/// Columns of a comment.
const WIDTH: usize = 98;
/// So many groups of failures are shown of one draft.
const GROUPS: usize = 8;
/// So many failures are named of a group.
const NAMED: usize = 8;
/// So many lines of a failure's log are shown.
const LINES: usize = 8;
/// So many candidates of a group are shown.
const CANDIDATES: usize = 5;

/// A draft that waits, as it is shown.
pub(crate) struct Waiting {
    pub(crate) row: NotificationRow,
    draft: DraftRow,
    evidence: Vec<String>,
}

/// A row that cannot be read: its number, and why.
pub(crate) type Unreadable = (i64, anyhow::Error);

/// All of them, the oldest first, and the rows that cannot be read.
///
/// # Errors
///
/// The store fails.
pub(crate) fn waiting(office: &Office, now: Seconds) -> Result<(Vec<Waiting>, Vec<Unreadable>)> {
    let mut waiting = Vec::new();
    let mut unreadable = Vec::new();
    let all = usize::try_from(office.store.count(ListFilter::ToDecide)?)?;
    for id in office.store.list(ListFilter::ToDecide, all)? {
        let row = match office.store.load(id) {
            Ok(row) => row,
            Err(error) => {
                unreadable.push((id.0, error));
                continue;
            }
        };
        // Somebody may have taken it up since it was listed.
        let Some(draft) = row.draft.clone() else {
            continue;
        };
        let evidence = evidence(office, &row, &draft, now)?;
        waiting.push(Waiting {
            row,
            draft,
            evidence,
        });
    }
    Ok((waiting, unreadable))
}

impl Waiting {
    /// What people call it.
    pub(crate) fn key(&self) -> String {
        summary::key(&self.row)
    }

    /// The draft in one line: what is to be decided, before anything is read closely.
    pub(crate) fn in_short(&self) -> String {
        cut(&summary::in_short(&self.row), WIDTH)
    }

    /// As it stands in the document.
    pub(crate) fn entry(&self) -> Entry<'_> {
        Entry {
            key: self.key(),
            evidence: self.evidence.clone(),
            failures: summary::failures(&self.row).len(),
            draft: &self.draft.draft,
        }
    }
}

/// What a person reads before they decide.
fn evidence(
    office: &Office,
    row: &NotificationRow,
    draft: &DraftRow,
    now: Seconds,
) -> Result<Vec<String>> {
    let mut lines = vec![
        cut(&summary::what_failed(row), WIDTH),
        cut(&summary::how_and_where(row), WIDTH),
        format!(
            "came in {}; {}: {}",
            when(row.received_at, now),
            summary::how_sure(row),
            summary::would(row)
        ),
    ];
    for words in sentences(&recoveries(&office.store, row)?, now) {
        indented(&mut lines, "! ", &words);
    }
    let all = groups(row);
    let mut last = None;
    for group in all.iter().take(GROUPS) {
        let build: *const _ = group.build;
        if last.replace(build) != Some(build) {
            lines.push(String::new());
            place(group, &mut lines);
        }
        of_group(group, &mut lines);
    }
    if all.len() > GROUPS {
        let more = count(all.len() - GROUPS, "more group");
        lines.push(format!("... and {more} of failures: see `show {}`", row.id));
    }
    let warnings = warnings(office, row, now)?;
    if !warnings.is_empty() {
        lines.push(String::new());
    }
    for words in once_of_each_kind(&warnings) {
        indented(&mut lines, "! ", &words);
    }
    lines.push(String::new());
    lines.push("What would leave:".to_owned());
    for leaf in leaves(&draft.draft, office) {
        indented(&mut lines, "  ", &leaf.title);
        lines.extend(leaf.url.map(|url| format!("     {url}")));
        let shown = leaf.fields.into_iter().filter(|(name, _)| {
            // These stand in the texts below, are said by the help above, or are the
            // same for every draft.
            !["Title", "Note", "From", "In-Reply-To"].contains(name)
        });
        lines.extend(shown.map(|(name, text)| cut(&format!("     {name}: {text}"), WIDTH)));
    }
    if let Some(words) = settled_silently(&draft.draft) {
        indented(&mut lines, "  ", &words);
    }
    Ok(lines)
}

/// Where it was built.
fn place(group: &Group<'_>, lines: &mut Vec<String>) {
    let build = group.build;
    let branch = build.branch.as_ref();
    let branch = branch.map_or(String::new(), |branch| format!(", branch {branch}"));
    lines.push(cut(&format!("{}{branch}", build.builder), WIDTH));
    if let Some(link) = &build.link {
        lines.push(link.url.clone());
    }
}

fn of_group(group: &Group<'_>, lines: &mut Vec<String>) {
    for (position, (number, failure)) in group.failures.iter().take(NAMED).enumerate() {
        let what = format!("  {number}. {}", summary::failure(failure));
        lines.push(cut(&what, WIDTH));
        if position > 0 {
            continue;
        }
        let log = excerpt(failure);
        let shown = log.iter().take(LINES);
        lines.extend(shown.map(|line| {
            let line = cut_path(line, WIDTH - 7);
            format!("     | {}", cut(&line, WIDTH - 7))
        }));
        if log.len() > LINES {
            let more = count(log.len() - LINES, "more line");
            lines.push(format!("     | ... {more}"));
        }
    }
    if group.failures.len() > NAMED {
        lines.push(format!("  ... and {} more", group.failures.len() - NAMED));
    }
    if let Some(words) = group.note() {
        lines.push(format!("     {words}"));
    }
    if let Some(words) = group.searched() {
        lines.push(cut(&format!("     {words}"), WIDTH));
    }
    if let Some(heading) = group.heading() {
        lines.push(format!("     {heading}:"));
    }
    for (position, candidate) in group.candidates().iter().take(CANDIDATES).enumerate() {
        // A weak one behind others is named, so that the eye gets past it; `show` tells why.
        let is_whole = position == 0 || candidate.tier != Tier::Weak;
        of_candidate(candidate, is_whole, lines);
    }
}

fn of_candidate(candidate: &Candidate, is_whole: bool, lines: &mut Vec<String>) {
    let issue = &candidate.issue;
    let closed = if candidate.open { "" } else { ", closed" };
    let tier = summary::tier_word(candidate.tier);
    let what = format!("       #{} ({tier}{closed}) {}", issue.number, issue.title);
    lines.push(cut(&what, WIDTH));
    if !is_whole {
        return;
    }
    lines.push(format!("         {}", issue.url));
    for words in &candidate.evidence {
        indented(lines, "         - ", words);
    }
}

/// Words on as many lines as they take.
fn indented(lines: &mut Vec<String>, mark: &str, words: &str) {
    let blank = " ".repeat(mark.len());
    let room = WIDTH.saturating_sub(mark.len());
    for (index, line) in wrapped(words, room).into_iter().enumerate() {
        let mark = if index == 0 { mark } else { &blank };
        lines.push(format!("{mark}{line}"));
    }
}

/// What became of a word.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was done, in order: `edited`, `approved`. Nothing: it was left as it is,
    /// or could not be decided.
    pub(crate) done: Vec<&'static str>,
    /// Why something that was wanted was not done.
    pub(crate) not_done: Option<String>,
    /// What the person should know.
    pub(crate) warnings: Vec<String>,
}

/// Does what a person wrote of a draft, on exactly what was shown to them.
pub(crate) fn apply(
    office: &Office,
    shown: &Waiting,
    word: &Word,
    who: &Approver,
    now: Seconds,
) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(why) = try_to_apply(office, shown, word, (who, now), &mut outcome) {
        outcome.not_done = Some(why);
    }
    outcome
}

fn try_to_apply(
    office: &Office,
    shown: &Waiting,
    word: &Word,
    (who, now): (&Approver, Seconds),
    outcome: &mut Outcome,
) -> Result<(), String> {
    let broken = |error: anyhow::Error| format!("{error:#}");
    let late = |why: NotDecided| why_not(&why, now);
    let (mut revision, mut digest) = (shown.draft.revision, shown.draft.digest.clone());
    if let Some(edited) = &word.edited {
        let row = office.store.load(shown.row.id).map_err(broken)?;
        is_possible(&row, &digest, &Decision::Edit, now)?;
        let new = NewDecision::of_person(row.id, (revision, &digest), who, "");
        let revised = office.store.revise(&new, Change::Edit, edited, now);
        let revised = revised.map_err(late)?;
        (revision, digest) = (revised.revision, revised.digest);
        outcome.done.push("edited");
    }
    let Some(decision) = &word.decision else {
        return Ok(());
    };
    let row = office.store.load(shown.row.id).map_err(broken)?;
    is_possible(&row, &digest, decision, now)?;
    let new = |reason| NewDecision::of_person(row.id, (revision, &digest), who, reason);
    let desk = office.desk();
    match decision {
        Decision::Approve => {
            desk.approve(&row, &new(""), who, now).map_err(late)?;
            outcome.done.push("approved");
        }
        Decision::Reject { reason } => {
            let by = (who, Proposal::Wrong);
            desk.reject(&row, &new(reason.as_str()), by, now)
                .map_err(late)?;
            outcome.done.push("rejected");
        }
        Decision::Hold { reason } => {
            let held = office
                .store
                .hold(row.id, reason.as_str(), who.as_str(), now);
            held.map_err(broken)?;
            outcome.done.push("held");
        }
        Decision::Link { failure, issue } => {
            link(
                office,
                &row,
                (*failure, *issue),
                &new(""),
                (who, now),
                outcome,
            )?;
        }
        // The document takes neither.
        Decision::Release | Decision::Edit => {}
    }
    Ok(())
}

fn is_possible(
    row: &NotificationRow,
    digest: &str,
    decision: &Decision,
    now: Seconds,
) -> Result<(), String> {
    may(row, digest, decision).map_err(|hindrance| match hindrance {
        Hindrance::Late(why) => why_not(&why, now),
        Hindrance::NotAllowed(why) => why.0,
    })
}

fn link(
    office: &Office,
    row: &NotificationRow,
    (failure, word): (Option<usize>, Target),
    new: &NewDecision<'_>,
    by: (&Approver, Seconds),
    outcome: &mut Outcome,
) -> Result<(), String> {
    let numbers: Vec<usize> = failure.iter().map(|index| index + 1).collect();
    let chosen = choices(row, &numbers).map_err(|(number, there)| {
        format!("there is no failure {number}: they are numbered from 1 to {there}")
    })?;
    let choice = (numbers.as_slice(), chosen.as_slice(), word);
    let linked = office
        .desk()
        .choose(&office.wording(), row, choice, new, by);
    let (chosen, warnings) = linked.map_err(|why| why_not(&why, by.1))?;
    outcome.warnings.extend(warnings);
    match chosen {
        Chosen::Anew => outcome.done.push("linked"),
        Chosen::Already => return Err("that is what the draft says already".to_owned()),
    }
    Ok(())
}
