//! How a failure finds its bug report: the manual search, done over the mirror.
//!
//! 1. [`searches`] says what to look for.
//! 2. The caller asks the mirror and hands over what it found.
//! 3. [`decide`] weighs every report by its title and says how sure it is.

mod search;
mod weigh;
mod words;

pub use search::{Hit, Scope, Search, Step, searches};

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::issue::IssueRef;
use search::Names;
use weigh::{Question, Weighed, weigh};

/// How sure a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Listed, never preselected.
    Weak,
    /// Preselected for the reviewer.
    Likely,
    /// May be offered for an automatic rule.
    Strong,
}

/// One bug report that may be the right one, with what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The report.
    pub issue: IssueRef,
    /// Whether it is open.
    pub open: bool,
    /// How sure.
    pub tier: Tier,
    /// Sentences a person can check: `the method test_popen is in the title`.
    pub evidence: Vec<String>,
}

/// What matching says of one failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// An open report is preselected: the first candidate.
    Known {
        /// Best first; the first is the preselected one.
        candidates: Vec<Candidate>,
    },
    /// Several may be it; a person chooses.
    Ambiguous {
        /// Best first.
        candidates: Vec<Candidate>,
    },
    /// No open report was found.
    New {
        /// Closed or weak ones, worth a look.
        related: Vec<Candidate>,
        /// What was searched for, so that a person can check.
        searched: Vec<String>,
    },
}

/// A method whose name stands in more titles than this says little by itself.
const MOST_SELECTIVE_TITLES: usize = 5;

/// A verdict carries this many reports at most: nobody reads more.
const MAX_CANDIDATES: usize = 10;

/// What the searches for a failure of this builder amount to. Takes the hits of
/// every search in [`searches`]; their order does not matter.
///
/// The same answer for the same hits: ties go to the report that changed last,
/// then to the higher number.
pub fn decide(
    failure: &Failure,
    builder: &str,
    found: &[(Search, Vec<Hit>)],
    now: Seconds,
) -> Verdict {
    let names = Names::of(failure);
    let question = Question {
        failure,
        builder,
        now,
        names: &names,
        method_is_selective: method_is_selective(&names, found),
    };
    let weighed = weigh_all(&question, found);
    let only_about_file = only(
        weighed
            .iter()
            .filter(|report| report.hit.open && report.is_about_the_file()),
    )
    .map(|report| report.hit.issue.number);
    let mut ranked: Vec<(Tier, &Weighed<'_>)> = weighed
        .iter()
        .map(|report| {
            let alone = only_about_file == Some(report.hit.issue.number);
            let tier = report.tier(&question);
            let likely = alone && report.may_be_likely_by_file(&question);
            (if likely { tier.max(Tier::Likely) } else { tier }, report)
        })
        .collect();
    ranked.sort_by_key(|(tier, report)| {
        let hit = report.hit;
        Reverse((*tier, report.points(), hit.updated_at, hit.issue.number))
    });
    let candidates = ranked
        .iter()
        .take(MAX_CANDIDATES)
        .map(|(tier, report)| report.candidate(&question, *tier))
        .collect();
    let best = ranked.first().map_or(Tier::Weak, |(tier, _)| *tier);
    let rivals = ranked.iter().filter(|(tier, _)| *tier == best).count();
    let open_choice = ranked.iter().any(|(_, report)| {
        report.hit.open && (report.is_about_the_file() || report.has_both_in_text())
    });
    match (best, rivals) {
        (Tier::Strong | Tier::Likely, 1) => Verdict::Known { candidates },
        (Tier::Strong | Tier::Likely, _) => Verdict::Ambiguous { candidates },
        (Tier::Weak, _) if open_choice => Verdict::Ambiguous { candidates },
        (Tier::Weak, _) => Verdict::New {
            related: candidates,
            searched: found.iter().map(|(search, _)| search.words()).collect(),
        },
    }
}

/// Every report once, with all searches that found it.
fn weigh_all<'a>(question: &Question<'a>, found: &'a [(Search, Vec<Hit>)]) -> Vec<Weighed<'a>> {
    let mut reports: BTreeMap<u64, (&Hit, Vec<&Search>)> = BTreeMap::new();
    for (search, hits) in found {
        for hit in hits {
            let report = reports.entry(hit.issue.number);
            report.or_insert((hit, Vec::new())).1.push(search);
        }
    }
    reports
        .into_values()
        .map(|(hit, found_by)| weigh(question, hit, &found_by))
        .collect()
}

fn method_is_selective(names: &Names, found: &[(Search, Vec<Hit>)]) -> bool {
    let Some(method) = &names.method else {
        return false;
    };
    let titles = found
        .iter()
        .filter(|(search, _)| search.scope == Scope::Title && search.terms == [method.clone()])
        .flat_map(|(_, hits)| hits)
        .filter(|hit| words::has_word(&hit.issue.title, method))
        .count();
    titles <= MOST_SELECTIVE_TITLES && !words::is_generic_method(method)
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
