//! How a failure finds its bug report: the manual search, done over the mirror,
//! and the judgement of what it found.
//!
//! 1. [`Question::of`] says what is asked.
//! 2. The caller asks the mirror how rare its words are, and [`searches`] says
//!    what to look for.
//! 3. The caller hands over what was found: first the heads, of which
//!    [`shortlist`] picks those whose texts are worth loading, then those.
//! 4. [`weigh`] gives each a score, [`judge`] says how sure that makes us.

mod asked;
mod cutoff;
mod evidence;
mod facts;
mod features;
mod lineage;
mod model;
mod question;
mod report;
mod search;
mod tokens;
mod words;

pub use cutoff::Cutoff;
pub use features::{Feature, Features};
pub use lineage::{Master, master};
pub use model::Model;
pub use question::Question;
pub use report::Report;
pub use search::{Scope, Search, Step, searches};
pub use tokens::{Rarity, title_pieces};

use asked::Asked;
use serde::{Deserialize, Serialize};

use crate::domain::issue::IssueRef;

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
    /// Of a closed report that would be likely or strong if it were open: how it
    /// ended. A new report links it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Past>,
    /// Sentences a person can check: `the method test_popen is in the title`.
    pub evidence: Vec<String>,
}

/// How a report ended whose failure is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Past {
    /// It was closed as fixed: this is a regression.
    Fixed,
    /// It was closed for another reason.
    Closed,
    /// It was closed, but only after the build's revision was settled, or so late that
    /// nobody knows: for that it counts as open.
    Later,
}

/// What matching says of one failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// A report is preselected: the first candidate. It is open, or was closed less than
    /// a day before the failure.
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

impl Verdict {
    /// The reports it names, best first, whatever it says of them.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::Known { candidates } | Self::Ambiguous { candidates } => candidates,
            Self::New { related, .. } => related,
        }
    }
}

/// A verdict carries this many reports at most: nobody reads more.
const MAX_CANDIDATES: usize = 10;

/// A report with its score, and what it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The report.
    pub report: Report,
    /// What is true of it, as numbers.
    pub features: Features,
    /// Their weighed sum.
    pub score: f64,
    /// The same in sentences.
    pub evidence: Vec<String>,
    /// Whether it may be linked: it is open, or was closed so late that the build may
    /// not have what mended it ([`Report::counts_as_open`]).
    pub counts_as_open: bool,
}

/// The reports whose texts are worth loading: the best `most` by their heads.
pub fn shortlist(
    question: &Question,
    rarity: &Rarity,
    heads: Vec<Report>,
    model: &Model,
    most: usize,
) -> Vec<Report> {
    let asked = Asked::of(question, rarity);
    let seen = heads
        .into_iter()
        .map(|head| head.seen_from(question.cutoff));
    let mut heads: Vec<Report> = seen.collect();
    heads.sort_by_cached_key(|head| {
        let facts = facts::look(&asked, head);
        let score = model.score(&features::measure(&facts, rarity));
        (std::cmp::Reverse(ordered(score)), head.issue.number)
    });
    heads.truncate(most);
    heads
}

/// Scores are compared to a millionth, so that the order does not hang on the
/// last digit of a sum.
fn ordered(score: f64) -> i64 {
    (score * 1e6).round() as i64
}

/// Gives each report its score, the best first. The same answer for the same
/// reports: ties go to the one in which something was said last, then to the
/// higher number.
pub fn weigh(
    question: &Question,
    rarity: &Rarity,
    reports: Vec<Report>,
    model: &Model,
) -> Vec<Scored> {
    let asked = Asked::of(question, rarity);
    let mut scored: Vec<Scored> = reports
        .into_iter()
        .map(|report| {
            let report = report.seen_from(question.cutoff);
            let facts = facts::look(&asked, &report);
            let features = features::measure(&facts, rarity);
            let evidence = evidence::sentences(question, &facts);
            Scored {
                score: model.score(&features),
                features,
                evidence,
                counts_as_open: facts.counts_as_open,
                report,
            }
        })
        .collect();
    sort(&mut scored);
    scored
}

/// The best first.
pub fn sort(scored: &mut [Scored]) {
    scored.sort_by_key(|one| {
        let report = &one.report;
        std::cmp::Reverse((ordered(one.score), report.last_said_at, report.issue.number))
    });
}

/// Each report once: the best of the ways that lead to it. In the order of [`sort`].
pub fn once(scored: Vec<Scored>) -> Vec<Scored> {
    let mut seen = std::collections::BTreeSet::new();
    let first = |one: &Scored| seen.insert(one.report.issue.number);
    scored.into_iter().filter(first).collect()
}

/// What the scores amount to. `scored` is in the order of [`sort`], each report
/// once.
pub fn judge(scored: &[Scored], searched: Vec<String>, model: &Model) -> Verdict {
    let scores: Vec<f64> = scored.iter().map(|one| one.score).collect();
    let shares = model.shares(&scores);
    let any: f64 = shares.iter().sum();
    let candidates: Vec<Candidate> = scored
        .iter()
        .zip(&shares)
        .enumerate()
        .take(MAX_CANDIDATES)
        .map(|(place, (one, share))| match one.counts_as_open {
            true => candidate(one, model.tier(*share, any)),
            false => candidate(one, tier_if_open(scored, place, model)),
        })
        .collect();
    verdict_of(candidates, searched)
}

/// How sure a closed report would be if it were open: it is not less the same
/// failure for being closed.
fn tier_if_open(scored: &[Scored], place: usize, model: &Model) -> Tier {
    let closed = |one: &Scored| {
        let mut parts = model.parts(&one.features).into_iter();
        let part = parts.find(|(feature, _)| *feature == Feature::Closed);
        part.map_or(0.0, |(_, part)| part)
    };
    let scores = scored.iter().enumerate();
    let scores: Vec<f64> = scores
        .map(|(at, one)| match at == place {
            true => one.score - closed(one),
            false => one.score,
        })
        .collect();
    let shares = model.shares(&scores);
    let share = shares.get(place).copied().unwrap_or(0.0);
    model.tier(share, shares.iter().sum())
}

fn verdict_of(candidates: Vec<Candidate>, searched: Vec<String>) -> Verdict {
    let best = candidates.first().map_or(Tier::Weak, |first| first.tier);
    let rivals = candidates.iter().filter(|other| other.tier == best).count();
    match (best, rivals) {
        (Tier::Strong | Tier::Likely, 1) => Verdict::Known { candidates },
        (Tier::Strong | Tier::Likely, _) => Verdict::Ambiguous { candidates },
        (Tier::Weak, _) => Verdict::New {
            related: candidates,
            searched,
        },
    }
}

/// The verdict without the reports of which people said that the failure does not
/// belong to them: those go to the end of the list. `said` gives the words.
pub fn push_down(
    verdict: Verdict,
    searched: Vec<String>,
    said: impl Fn(u64) -> Option<String>,
) -> Verdict {
    let mut kept = Vec::new();
    let mut rejected = Vec::new();
    for mut candidate in verdict.candidates().iter().cloned() {
        match said(candidate.issue.number) {
            None => kept.push(candidate),
            Some(words) => {
                candidate.tier = Tier::Weak;
                candidate.past = None;
                candidate.evidence.insert(0, format!("against: {words}"));
                rejected.push(candidate);
            }
        }
    }
    if rejected.is_empty() {
        return verdict;
    }
    kept.extend(rejected);
    verdict_of(kept, searched)
}

/// A closed report is never more than weak: what was mended and fails again is
/// new, and links the old one. One that was closed a moment ago is likely at most: a
/// person decides whether the build had the change.
fn candidate(scored: &Scored, tier: Tier) -> Candidate {
    let report = &scored.report;
    let mut evidence = scored.evidence.clone();
    let past = match scored.counts_as_open && !report.open {
        true => Some(Past::Later),
        false => (tier > Tier::Weak).then(|| report.past()).flatten(),
    };
    if past == Some(Past::Fixed) {
        evidence.extend(report.regression());
    }
    Candidate {
        issue: report.issue.clone(),
        open: report.open && report.closed_since().is_none(),
        tier: match (report.open, scored.counts_as_open) {
            (true, _) => tier,
            (false, true) => tier.min(Tier::Likely),
            (false, false) => Tier::Weak,
        },
        past,
        evidence,
    }
}

/// The verdict with a closed report in front of those that a new one would link:
/// the failure is known to belong there, whatever the search found of it. Where a
/// report is chosen already, that one stays.
pub fn with_past(verdict: Verdict, report: &Report, evidence: String) -> Verdict {
    let (Verdict::New { related, searched }, Some(past)) = (&verdict, report.past()) else {
        return verdict;
    };
    let is_it = |it: &&Candidate| it.issue.number == report.issue.number;
    let mut all = vec![evidence];
    if past == Past::Fixed {
        all.extend(report.regression());
    }
    let known = related.iter().find(is_it).map(|it| it.evidence.clone());
    for words in known.into_iter().flatten() {
        if !all.contains(&words) {
            all.push(words);
        }
    }
    let first = Candidate {
        issue: report.issue.clone(),
        open: false,
        tier: Tier::Weak,
        past: Some(past),
        evidence: all,
    };
    let others = related.iter().filter(|it| !is_it(it)).cloned();
    Verdict::New {
        related: std::iter::once(first).chain(others).collect(),
        searched: searched.clone(),
    }
}

#[cfg(test)]
mod tests;
