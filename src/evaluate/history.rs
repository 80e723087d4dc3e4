//! How well it did for the user of a store: what was said of each failure, and what
//! people said afterwards.

use anyhow::Result;

use crate::domain::failure::Failure;
use crate::domain::matching::Tier;
use crate::evaluate::Tried;
use crate::evaluate::asking::Answer;
use crate::evaluate::cases::{Case, Holdout, Name};
use crate::evaluate::figures::{Figures, Outcome};
use crate::store::{FailureVerdict, ListFilter, NotificationRow, PairWord, Store};

/// The figures of the failures of which people said where they belong, or where
/// not. What was said before the notification came does not count: it was known
/// then. The baselines are not asked, and no time is measured.
///
/// # Errors
///
/// The store fails.
pub fn history(store: &Store, tracker: &str) -> Result<Figures> {
    let mut tried = Vec::new();
    for id in store.list(ListFilter::All, usize::MAX >> 1)? {
        let row = store.load(id)?;
        for verdict in row.verdicts.iter().flatten() {
            for failure in failures(&row, verdict) {
                tried.extend(decided(store, tracker, &row, verdict, failure)?);
            }
        }
    }
    let judged = tried.iter().map(|(one, outcome)| (one, outcome.clone()));
    Ok(Figures::of(judged))
}

fn failures<'a>(row: &'a NotificationRow, verdict: &FailureVerdict) -> Vec<&'a Failure> {
    let mut builds = row.reading.iter().flat_map(|it| &it.notification.builds);
    let Some(build) = builds.nth(verdict.build) else {
        return Vec::new();
    };
    let numbered = build.failures.iter().enumerate();
    let meant = numbered.filter(|(place, _)| verdict.failures.contains(place));
    meant.map(|(_, failure)| failure).collect()
}

fn decided(
    store: &Store,
    tracker: &str,
    row: &NotificationRow,
    verdict: &FailureVerdict,
    failure: &Failure,
) -> Result<Option<(Tried, Outcome)>> {
    let mut said = store.mirror(tracker).pairs(&failure.signature)?;
    said.retain(|pair| pair.at >= row.received_at);
    if said.is_empty() {
        return Ok(None);
    }
    let confirmed = said.iter().filter(|pair| pair.word == PairWord::Confirmed);
    let case = Case {
        id: row.id.to_string(),
        at: row.received_at,
        builder: String::new(),
        log: String::new(),
        expected: confirmed.map(|pair| Name::Number(pair.issue)).collect(),
        created: None,
        acceptable: Vec::new(),
        holdout: Holdout::default(),
        kind: String::new(),
        tier: String::new(),
        core: true,
    };
    let candidates = verdict.verdict.candidates();
    let outcome = Outcome {
        ranked: candidates.iter().map(|it| it.issue.number).collect(),
        tier: candidates.first().map_or(Tier::Weak, |first| first.tier),
        share: 0.0,
        any: 0.0,
    };
    let tried = Tried {
        case,
        answer: Answer::default(),
        b0: Vec::new(),
        b1: Vec::new(),
        query_ms: 0.0,
    };
    Ok(Some((tried, outcome)))
}
