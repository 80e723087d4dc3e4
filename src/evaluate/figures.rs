//! The figures of an evaluation.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::matching::{self, Model, Scored, Tier};
use crate::evaluate::Tried;
use crate::evaluate::asking::Answer;
use crate::evaluate::cases::Name;

/// What the answer to a case is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The reports, best first.
    pub ranked: Vec<u64>,
    /// How sure it is of the first; weak where there is none.
    pub tier: Tier,
    /// The probability of the first.
    pub share: f64,
    /// The probability that there is a report.
    pub any: f64,
}

impl Outcome {
    /// Judges an answer by a model.
    pub fn of(answer: &Answer, model: &Model) -> Self {
        let mut scored: Vec<Scored> = answer.scored.clone();
        for one in &mut scored {
            one.score = model.score(&one.features);
        }
        matching::sort(&mut scored);
        let scores: Vec<f64> = scored.iter().map(|one| one.score).collect();
        let verdict = matching::judge(&scored, Vec::new(), model);
        let shares = model.shares(&scores);
        let first = verdict.candidates().first();
        Self {
            tier: first.map_or(Tier::Weak, |first| first.tier),
            share: shares.first().copied().unwrap_or(0.0),
            any: shares.iter().sum(),
            ranked: scored.iter().map(|one| one.report.issue.number).collect(),
        }
    }
}

/// What is measured, over some cases. Shares are from 0.0 to 1.0, and 0.0 where
/// there is no case to share.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// How many cases.
    pub cases: usize,
    /// How many of them have an issue that is right.
    pub positives: usize,
    /// The right issue is the first, as a share of the positives.
    pub recall_at_1: f64,
    /// It is among the first three.
    pub recall_at_3: f64,
    /// It is among the first five.
    pub recall_at_5: f64,
    /// The mean of one over its place; 0 where it was not found.
    pub mrr: f64,
    /// By the tier of the first.
    pub tiers: Tiers,
    /// A strong or likely link, as a share of the cases without a right issue.
    pub false_links_where_none: f64,
    /// New or weak, as a share of the positives.
    pub wrong_new: f64,
    /// Without this program.
    pub baselines: Baselines,
    /// How long one failure takes.
    pub query_ms: Times,
}

/// The tiers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tiers {
    /// May be offered for an automatic rule.
    pub strong: OfTier,
    /// Preselected.
    pub likely: OfTier,
    /// Listed.
    pub weak: OfTier,
}

/// The cases whose first report has a tier.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OfTier {
    /// How many.
    pub n: usize,
    /// In how many of them it is right or acceptable, as a share.
    pub precision: f64,
    /// In how many of them it is right, as a share of the positives.
    pub coverage: f64,
}

/// Both baselines.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Baselines {
    /// The manual search.
    pub b0: Baseline,
    /// The likeness of titles.
    pub b1: Baseline,
}

/// One baseline. It has no tiers: whatever it names first is its link.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Baseline {
    /// As above.
    pub recall_at_1: f64,
    /// As above.
    pub recall_at_5: f64,
    /// It names some issue.
    pub false_links_where_none: f64,
}

/// Milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Times {
    /// The median.
    pub p50: f64,
    /// One of a hundred takes longer.
    pub p99: f64,
}

impl Figures {
    /// Counts.
    pub fn of<'a>(judged: impl Iterator<Item = (&'a Tried, Outcome)>) -> Self {
        let judged: Vec<(&Tried, Outcome)> = judged.collect();
        let is_positive = |one: &&(&Tried, Outcome)| !one.0.case.expected.is_empty();
        let (positives, negatives): (Vec<_>, Vec<_>) = judged.iter().partition(is_positive);
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        let places: Vec<Option<usize>> = positives
            .iter()
            .map(|(one, outcome)| place(&one.case.expected, &outcome.ranked))
            .collect();
        let within = |most: usize| {
            let found = places.iter().flatten().filter(|place| **place < most);
            share(found.count(), positives.len())
        };
        let reciprocal = places
            .iter()
            .flatten()
            .map(|place| 1.0 / (place + 1) as f64);
        let linked = negatives.iter().filter(|(one, outcome)| {
            outcome.tier > Tier::Weak && !is_first(&one.case.acceptable, &outcome.ranked)
        });
        let called_new = positives
            .iter()
            .filter(|(_, outcome)| outcome.tier == Tier::Weak);
        let tier = |tier| of_tier(&judged, tier, positives.len());
        let baseline = |ranked: fn(&Tried) -> &[u64]| baseline(&judged, ranked);
        Self {
            cases: judged.len(),
            positives: positives.len(),
            recall_at_1: within(1),
            recall_at_3: within(3),
            recall_at_5: within(5),
            mrr: reciprocal.sum::<f64>() / positives.len().max(1) as f64,
            tiers: Tiers {
                strong: tier(Tier::Strong),
                likely: tier(Tier::Likely),
                weak: tier(Tier::Weak),
            },
            false_links_where_none: share(linked.count(), negatives.len()),
            wrong_new: share(called_new.count(), positives.len()),
            baselines: Baselines {
                b0: baseline(|one| &one.b0),
                b1: baseline(|one| &one.b1),
            },
            query_ms: times(judged.iter().map(|(one, _)| one.query_ms).collect()),
        }
    }

    /// The same for each value of something, in its order.
    pub fn by<'a, K: Ord>(
        judged: impl Iterator<Item = (&'a Tried, Outcome)>,
        key: impl Fn(&Tried) -> K,
    ) -> BTreeMap<K, Self> {
        let mut groups: BTreeMap<K, Vec<(&Tried, Outcome)>> = BTreeMap::new();
        for (one, outcome) in judged {
            groups.entry(key(one)).or_default().push((one, outcome));
        }
        let counted = |(key, group): (K, Vec<_>)| (key, Self::of(group.into_iter()));
        groups.into_iter().map(counted).collect()
    }
}

fn of_tier(judged: &[(&Tried, Outcome)], tier: Tier, positives: usize) -> OfTier {
    let of_it: Vec<_> = judged
        .iter()
        .filter(|(_, outcome)| outcome.tier == tier && !outcome.ranked.is_empty())
        .collect();
    let right =
        |(one, outcome): &&&(&Tried, Outcome)| is_first(&one.case.expected, &outcome.ranked);
    let acceptable =
        |(one, outcome): &&&(&Tried, Outcome)| is_first(&one.case.acceptable, &outcome.ranked);
    let rights = of_it.iter().filter(right).count();
    let fine = of_it
        .iter()
        .filter(|one| right(one) || acceptable(one))
        .count();
    OfTier {
        n: of_it.len(),
        precision: fine as f64 / of_it.len().max(1) as f64,
        coverage: rights as f64 / positives.max(1) as f64,
    }
}

fn baseline(judged: &[(&Tried, Outcome)], ranked: fn(&Tried) -> &[u64]) -> Baseline {
    let (positives, negatives): (Vec<_>, Vec<_>) = judged
        .iter()
        .map(|(one, _)| *one)
        .partition(|one| !one.case.expected.is_empty());
    let within = |most: usize| {
        let found = positives
            .iter()
            .filter_map(|one| place(&one.case.expected, ranked(one)))
            .filter(|place| *place < most);
        found.count() as f64 / positives.len().max(1) as f64
    };
    let linked = negatives
        .iter()
        .filter(|one| !ranked(one).is_empty() && !is_first(&one.case.acceptable, ranked(one)));
    Baseline {
        recall_at_1: within(1),
        recall_at_5: within(5),
        false_links_where_none: linked.count() as f64 / negatives.len().max(1) as f64,
    }
}

/// Where the first of the names is, counted from 0.
fn place(names: &[Name], ranked: &[u64]) -> Option<usize> {
    let is_named = |number: &u64| names.iter().any(|name| name.number() == Some(*number));
    ranked.iter().position(is_named)
}

fn is_first(names: &[Name], ranked: &[u64]) -> bool {
    place(names, ranked) == Some(0)
}

fn times(mut times: Vec<f64>) -> Times {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (times.len() as f64 * share).ceil() as usize;
        times.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
    };
    Times {
        p50: at(0.5),
        p99: at(0.99),
    }
}
