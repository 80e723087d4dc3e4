//! Every failure against the mirror of the tracker's bug reports.

use anyhow::{Context, Result};

use super::{Parts, UnfitMirror, incidents, mirroring, ruling};
use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::matching::{self, Candidate, Cutoff, Model, Question, Tier, Verdict};
use crate::store::{FailureVerdict, Mirror, NearPair, NotificationRow, Pair, PairWord};

/// A mirror that is not complete yet is looked at again after this many seconds.
const ASK_AGAIN: Seconds = 30;

/// Finds the reports of a notification's failures, or waits for a mirror that
/// may say that there are none (I11).
pub(super) fn find_reports(parts: &Parts, row: &NotificationRow) -> Result<()> {
    let verdicts = match_row(parts, row)?;
    let now = parts.clock.now();
    if says_new(&verdicts)
        && parts.rules.unfit_mirror == UnfitMirror::Wait
        && let Some(why) = mirroring::why_not_new(parts, now)?
    {
        let why = format!("nothing is called new yet: {why}");
        return parts.store.wait_until(row.id, now + ASK_AGAIN, &why, now);
    }
    parts.store.record_verdicts(row.id, &verdicts, now)
}

/// Whether any failure has no report, as far as was found.
pub(super) fn says_new(verdicts: &[FailureVerdict]) -> bool {
    let is_new = |it: &FailureVerdict| matches!(it.verdict, Verdict::New { .. });
    verdicts.iter().any(is_new)
}

/// One verdict for each failure, in the order of the builds and their failures.
///
/// # Errors
///
/// The mail was not read yet, or the store fails.
pub fn match_row(parts: &Parts, row: &NotificationRow) -> Result<Vec<FailureVerdict>> {
    let reading = row.reading.as_ref().context("the mail was not read yet")?;
    let name = parts.tracker.name();
    let mirror = parts.store.mirror(&name);
    let mut verdicts = Vec::new();
    for (build_index, build) in reading.notification.builds.iter().enumerate() {
        for (failure_index, failure) in build.failures.iter().enumerate() {
            parts.beat();
            let cutoff = Cutoff::of(build, row.received_at);
            let question = Question::of(failure, &build.builder, row.received_at);
            let verdict = find(mirror, failure, &question.of_build(cutoff))?;
            let verdict = incidents::with_incident(parts, failure, (build, cutoff), verdict)?;
            verdicts.push(FailureVerdict {
                build: build_index,
                failures: vec![failure_index],
                verdict: ruling::with_rule(parts, build, failure, verdict)?,
            });
        }
    }
    Ok(verdicts)
}

fn find(mirror: Mirror<'_>, failure: &Failure, question: &Question) -> Result<Verdict> {
    let model = &Model::FITTED;
    let found = mirror.retrieve(question, model)?;
    let verdict = matching::judge(&found.scored, found.searched.clone(), model);
    let pairs = mirror.pairs(&failure.signature)?;
    let rejected = |number| {
        let pair = pairs.iter().find(|pair| pair.issue == number)?;
        let words = format!("{} said that this failure does not belong to it", pair.who);
        (pair.word == PairWord::Rejected).then_some(words)
    };
    let verdict = matching::push_down(verdict, found.searched, rejected);
    with_memory(mirror, (failure, question.cutoff()), verdict, &pairs)
}

/// What people said about this very failure before counts more than any search,
/// and what they said about one that is nearly the same more than an open choice.
fn with_memory(
    mirror: Mirror<'_>,
    (failure, cutoff): (&Failure, Option<Cutoff>),
    verdict: Verdict,
    pairs: &[Pair],
) -> Result<Verdict> {
    let confirmed = pairs.iter().find(|pair| pair.word == PairWord::Confirmed);
    if let Some(pair) = confirmed {
        let evidence = format!("{} said that this failure belongs to it", pair.who);
        let first = (pair.issue, Tier::Strong, cutoff);
        return with_first(mirror, first, evidence, verdict);
    }
    if matches!(verdict, Verdict::Known { .. }) {
        return Ok(verdict);
    }
    let near = mirror.near_pairs(failure)?;
    let is_said_of = |near: &&NearPair, word| near.pair.word == word;
    let contradicted = |issue| {
        let exactly = pairs.iter().any(|pair| pair.issue == issue);
        exactly
            || near
                .iter()
                .filter(|near| is_said_of(near, PairWord::Rejected))
                .any(|near| near.pair.issue == issue)
    };
    let confirmed = near
        .iter()
        .filter(|near| is_said_of(near, PairWord::Confirmed))
        .find(|near| !contradicted(near.pair.issue));
    let Some(near) = confirmed else {
        return Ok(verdict);
    };
    let evidence = format!(
        "{} said that a failure belongs to it that differs by {:.0} %",
        near.pair.who,
        100.0 * near.distance
    );
    let first = (near.pair.issue, Tier::Likely, cutoff);
    with_first(mirror, first, evidence, verdict)
}

/// The report in front of what was found, if it is open; of a duplicate, the one
/// that it was closed in favour of. A closed one is what a new one would link, unless it
/// was still open when the build's revision was settled.
pub(super) fn with_first(
    mirror: Mirror<'_>,
    (number, tier, cutoff): (u64, Tier, Option<Cutoff>),
    evidence: String,
    verdict: Verdict,
) -> Result<Verdict> {
    let Some(report) = mirror.report(number)? else {
        return Ok(verdict);
    };
    let report = report.seen_from(cutoff);
    if !report.open {
        return Ok(matching::with_past(verdict, &report, evidence));
    }
    let mut evidence = vec![evidence];
    if let Some(duplicate) = &report.by {
        let number = duplicate.number;
        evidence.push(format!("#{number} was closed as a duplicate of it"));
    }
    let past = report.past();
    evidence.extend(report.closed_since());
    let first = Candidate {
        issue: report.issue,
        open: past.is_none(),
        tier,
        past,
        evidence,
    };
    let others = candidates_of(verdict).into_iter();
    let others = others.filter(|it| it.issue.number != first.issue.number);
    let others: Vec<Candidate> = others.collect();
    Ok(Verdict::Known {
        candidates: std::iter::once(first).chain(others).collect(),
    })
}

fn candidates_of(verdict: Verdict) -> Vec<Candidate> {
    match verdict {
        Verdict::Known { candidates } | Verdict::Ambiguous { candidates } => candidates,
        Verdict::New { related, .. } => related,
    }
}
