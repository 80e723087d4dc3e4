//! The rules that people wrote: what they say of a failure, and after a change of
//! them which of the drafts that wait have to be made anew.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Parts, matching, mirroring};
use crate::domain::failure::Failure;
use crate::domain::matching::{Tier, Verdict};
use crate::domain::notification::Build;
use crate::domain::rules::{Rule, Subject};
use crate::store::{FailureVerdict, Mirror, NotificationId, NotificationRow, PairWord, Switch};

/// Deliveries and new mails must not wait for thousands of drafts.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Puts the report of the first rule that takes the failure on top, if it is open.
/// What people said of exactly this failure counts more: a report that they named
/// stays on top, and one that they refused does not come there.
pub(super) fn with_rule(
    parts: &Parts,
    build: &Build,
    failure: &Failure,
    verdict: Verdict,
) -> Result<Verdict> {
    if parts.rules.rulebook.rules().is_empty() {
        return Ok(verdict);
    }
    let name = parts.tracker.name();
    let mirror = parts.store.mirror(&name);
    let subject = subject_of(build, failure);
    match effective(parts, mirror, failure, &subject)? {
        Some(rule) => {
            let evidence = evidence(&rule.name);
            matching::with_first(mirror, (rule.issue, Tier::Strong, None), evidence, verdict)
        }
        None => Ok(verdict),
    }
}

/// The first rule that takes the failure and that nothing speaks against.
fn effective<'a>(
    parts: &'a Parts,
    mirror: Mirror<'_>,
    failure: &Failure,
    subject: &'a Subject,
) -> Result<Option<&'a Rule>> {
    let mut rules = parts.rules.rulebook.taking(subject).peekable();
    if rules.peek().is_none() {
        return Ok(None);
    }
    let is_open = |issue| -> Result<bool> { Ok(mirror.issue(issue)?.is_some_and(|it| it.open)) };
    let pairs = mirror.pairs(&failure.signature)?;
    let named = pairs.iter().find(|pair| pair.word == PairWord::Confirmed);
    if let Some(pair) = named
        && is_open(pair.issue)?
    {
        return Ok(None);
    }
    for rule in rules {
        let mut words = pairs.iter().filter(|pair| pair.issue == rule.issue);
        let is_refused = words.any(|pair| pair.word == PairWord::Rejected);
        if !is_refused && is_open(rule.issue)? {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}

fn subject_of(build: &Build, failure: &Failure) -> Subject {
    Subject::of(&build.builder, build.branch.as_deref(), failure)
}

const BEFORE_NAME: &str = "the rule ";
const BEHIND_NAME: &str = " says so";

fn evidence(rule: &str) -> String {
    format!("{BEFORE_NAME}{rule}{BEHIND_NAME}")
}

/// The rule that a verdict follows.
fn rule_behind(verdict: &Verdict) -> Option<&str> {
    let Verdict::Known { candidates } = verdict else {
        return None;
    };
    let said = &candidates.first()?.evidence;
    said.iter()
        .find_map(|words| words.strip_prefix(BEFORE_NAME)?.strip_suffix(BEHIND_NAME))
}

/// Compares the drafts that wait with rules that are new, as many as fit into a
/// moment. Says whether there is more to do. Not while nothing can be drafted: no
/// draft shall be away for long.
///
/// # Errors
///
/// The store fails.
pub(super) fn go_on(parts: &Parts) -> Result<bool> {
    let digest = parts.rules.rulebook.digest();
    if parts.store.rules_replayed(digest)?
        || parts.store.switch(Switch::Stop)?.is_some()
        || mirroring::why_not_new(parts, parts.clock.now())?.is_some()
    {
        return Ok(false);
    }
    let begun = Instant::now();
    while let Some(next) = parts.store.next_to_rule(digest)? {
        if parts.is_stopping() || begun.elapsed() > AT_ONCE {
            return Ok(true);
        }
        parts.beat();
        compare(parts, next)?;
    }
    let changed = parts.store.end_ruling(digest, parts.clock.now())?;
    tracing::info!(
        changed,
        "the rules are in use; drafts that they change are made anew"
    );
    Ok(changed > 0)
}

fn compare(parts: &Parts, id: NotificationId) -> Result<()> {
    let row = match parts.store.load(id) {
        Ok(row) => row,
        Err(error) => {
            tracing::warn!(notification = %id, error = format!("{error:#}"), "its draft stays as it is");
            return parts.store.pass_over_rules(id);
        }
    };
    let Some(why) = what_changes(parts, &row)? else {
        return parts.store.pass_over_rules(id);
    };
    tracing::info!(notification = %id, why, "matched anew");
    match parts.store.match_anew(id, &why, parts.clock.now()) {
        Ok(()) => Ok(()),
        Err(refused) => {
            // Somebody decided in this very moment.
            tracing::info!(notification = %id, why = refused.to_string(), "its draft stays as it is");
            parts.store.pass_over_rules(id)
        }
    }
}

/// Why the draft would be another with the rules as they are, in words; none if it
/// would not. Only what a rule takes, or took, is matched for that.
fn what_changes(parts: &Parts, row: &NotificationRow) -> Result<Option<String>> {
    let (Some(reading), Some(before)) = (&row.reading, &row.verdicts) else {
        return Ok(None);
    };
    let builds = &reading.notification.builds;
    let failure_of = |it: &FailureVerdict| {
        let build = builds.get(it.build)?;
        Some((build, build.failures.get(*it.failures.first()?)?))
    };
    let is_concerned = |it: &FailureVerdict| {
        let is_taken = failure_of(it).is_some_and(|(build, failure)| {
            let subject = subject_of(build, failure);
            parts.rules.rulebook.taking(&subject).next().is_some()
        });
        is_taken || rule_behind(&it.verdict).is_some()
    };
    if !before.iter().any(is_concerned) {
        return Ok(None);
    }
    let after = matching::match_row(parts, row)?;
    let changes = before.iter().zip(&after).filter_map(|(old, new)| {
        let (was, is) = (rule_behind(&old.verdict), rule_behind(&new.verdict));
        if top(&old.verdict) == top(&new.verdict) || (was, is) == (None, None) {
            return None;
        }
        let test = failure_of(old).map_or_else(String::new, |(_, it)| it.test.qualified());
        let test = if test.is_empty() { "a failure" } else { &test };
        Some(match (was, is) {
            (_, Some(rule)) => format!("the rule {rule} takes {test}"),
            (Some(rule), None) => format!("the rule {rule} does not take {test} any more"),
            (None, None) => String::new(),
        })
    });
    let changes: Vec<String> = changes.collect();
    Ok((!changes.is_empty()).then(|| changes.join("; ")))
}

/// What a draft would follow from a verdict.
fn top(verdict: &Verdict) -> Option<(u64, Tier)> {
    match verdict {
        Verdict::Known { candidates } => candidates.first().map(|it| (it.issue.number, it.tier)),
        Verdict::Ambiguous { .. } | Verdict::New { .. } => None,
    }
}
