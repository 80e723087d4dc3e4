//! The weights, from labelled cases: the greatest likelihood of a multinomial
//! logit with a penalty on large weights, by gradient ascent. No chance in it: the
//! same cases give the same weights.

use serde::Serialize;

use crate::domain::matching::{Feature, Features, Model, Tier};
use crate::evaluate::Tried;
use crate::evaluate::figures::Outcome;

/// What one case has to teach.
#[derive(Debug, Clone)]
pub struct Row {
    /// The reports that were found.
    reports: Vec<Features>,
    /// Which of them are right, by place.
    right: Vec<usize>,
    /// Whether it teaches anything: that none is right, or which one is.
    teaches: bool,
    /// How much it counts.
    weight: f64,
}

impl Row {
    /// From a case and what was found for it. Where a right report exists and was
    /// not found, there is nothing to learn from.
    pub fn of(tried: &Tried, weight: f64) -> Self {
        let case = &tried.case;
        let is_right = |number| case.expected.iter().any(|it| it.number() == Some(number));
        let scored = &tried.answer.scored;
        let numbers = scored.iter().map(|one| one.report.issue.number);
        let right: Vec<usize> = numbers
            .enumerate()
            .filter(|(_, number)| is_right(*number))
            .map(|(place, _)| place)
            .collect();
        Self {
            reports: scored.iter().map(|one| one.features).collect(),
            teaches: !case.log.trim().is_empty() && (case.expected.is_empty() || !right.is_empty()),
            right,
            weight,
        }
    }
}

/// How much a large weight costs.
const PENALTY: f64 = 1.0;

/// So many steps are made.
const STEPS: i32 = 600;

/// How far the first steps go, in units of a weight.
const PACE: f64 = 0.1;

const COUNT: usize = Feature::ALL.len();

/// What is fitted: the weights, and the score of none.
#[derive(Clone, Copy)]
struct Point([f64; COUNT], f64);

/// Fits the weights; the bounds are those of [`Model::FITTED`].
pub fn fit(rows: &[&Row]) -> Model {
    let mut at = Model {
        weights: [0.0; COUNT],
        none: 2.0,
        ..Model::FITTED
    };
    // Adam (Kingma, Ba 2014), over all rows at once.
    let (mut mean, mut square) = (Point([0.0; COUNT], 0.0), Point([0.0; COUNT], 0.0));
    for step in 1..=STEPS {
        let slope = slope(rows, &at);
        let pace = if step > STEPS / 2 { PACE / 5.0 } else { PACE };
        let adapt = |value: &mut f64, slope: f64, mean: &mut f64, square: &mut f64| {
            *mean = 0.9 * *mean + 0.1 * slope;
            *square = 0.99 * *square + 0.01 * slope * slope;
            let scale = (*square / (1.0 - 0.99_f64.powi(step))).sqrt() + 1e-8;
            *value += pace * (*mean / (1.0 - 0.9_f64.powi(step))) / scale;
        };
        let moments = mean.0.iter_mut().zip(square.0.iter_mut());
        for ((weight, slope), (mean, square)) in at.weights.iter_mut().zip(slope.0).zip(moments) {
            adapt(weight, slope, mean, square);
        }
        for (weight, feature) in at.weights.iter_mut().zip(Feature::ALL) {
            *weight = match feature.speaks_for() {
                true => weight.max(0.0),
                false => weight.min(0.0),
            };
        }
        adapt(&mut at.none, slope.1, &mut mean.1, &mut square.1);
    }
    at
}

/// Where the likelihood grows.
fn slope(rows: &[&Row], at: &Model) -> Point {
    let mut slope = Point(at.weights.map(|weight| -PENALTY * weight), 0.0);
    let mut add = |features: &Features, much: f64| {
        for (slope, value) in slope.0.iter_mut().zip(features) {
            *slope += much * value;
        }
    };
    let mut none = 0.0;
    for row in rows.iter().filter(|row| row.teaches) {
        let scores: Vec<f64> = row.reports.iter().map(|report| at.score(report)).collect();
        let shares = at.shares(&scores);
        let share_of = |place: &usize| shares.get(*place).copied().unwrap_or(0.0);
        let right: f64 = row.right.iter().map(share_of).sum();
        for (place, (report, share)) in row.reports.iter().zip(&shares).enumerate() {
            let wanted = if row.right.contains(&place) {
                share / right.max(f64::MIN_POSITIVE)
            } else {
                0.0
            };
            add(report, row.weight * (wanted - share));
        }
        let left = 1.0 - shares.iter().sum::<f64>();
        let wanted = if row.right.is_empty() { 1.0 } else { 0.0 };
        none += row.weight * (wanted - left);
    }
    slope.1 = none;
    slope
}

/// From where on a link is strong, and likely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    strong: f64,
    likely: f64,
}

impl Bounds {
    /// The model with these bounds.
    pub fn on(self, model: &Model) -> Model {
        Model {
            strong: self.strong,
            likely: self.likely,
            ..model.clone()
        }
    }
}

/// Wanted of strong links; more than is asked for, because it is measured on the
/// same cases.
const STRONG_PRECISION: f64 = 0.97;

/// The bound of the cases at hand lies right above the surest of their mistakes;
/// the next mistake may be a little surer.
const STRONG_MARGIN: f64 = 0.08;

/// What may be offered to an automatic rule is about twice as probable as not, however
/// seldom it was wrong so far.
const STRONG_LEAST: f64 = 0.66;

/// Wanted of cases without a right issue, for the same reason.
const MOST_FALSE_LINKS: f64 = 0.09;

/// What the bounds are chosen by: how sure the first report of a case is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct First {
    /// Its probability, and that of any; 0.0 where it may be no link.
    share: f64,
    any: f64,
    /// Whether it is right or acceptable.
    fine: bool,
    /// Whether a right report exists.
    positive: bool,
}

impl First {
    /// By a model that has not seen the case; none if it does not count.
    pub fn of(tried: &Tried, model: &Model) -> Option<Self> {
        let case = &tried.case;
        let open = Outcome::of(
            &tried.answer,
            &Model {
                likely: 0.0,
                ..model.clone()
            },
        );
        let first = open.ranked.first();
        let names = case.expected.iter().chain(&case.acceptable);
        let may_be_linked = open.tier > Tier::Weak;
        case.is_headline().then(|| Self {
            share: if may_be_linked { open.share } else { 0.0 },
            any: if may_be_linked { open.any } else { 0.0 },
            fine: first
                .is_some_and(|first| names.into_iter().any(|it| it.number() == Some(*first))),
            positive: !case.expected.is_empty(),
        })
    }
}

/// What a bound of the likely links costs, and what it gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TradeOff {
    /// The bound.
    pub likely: f64,
    /// Links where none existed, as a share of those cases.
    pub false_links_where_none: f64,
    /// New, though an issue existed, as a share of those cases.
    pub wrong_new: f64,
}

/// Over ten bounds, the lowest first.
pub fn trade_offs(firsts: &[First]) -> Vec<TradeOff> {
    let share = |positive: bool, is_wrong: &dyn Fn(&First) -> bool| {
        let all = || firsts.iter().filter(|first| first.positive == positive);
        let wrong = all().filter(|first| is_wrong(first)).count();
        wrong as f64 / all().count().max(1) as f64
    };
    (0..10)
        .map(|step| f64::from(step) / 10.0)
        .map(|likely| TradeOff {
            likely,
            false_links_where_none: share(false, &|it| {
                !it.fine && it.any > 0.0 && it.any >= likely
            }),
            wrong_new: share(true, &|it| it.any == 0.0 || it.any < likely),
        })
        .collect()
}

/// The lowest bounds that keep what is wanted.
pub fn bounds(firsts: &[First]) -> Bounds {
    let steps = || (1..50).map(|step| f64::from(step) / 50.0);
    let negatives = firsts.iter().filter(|first| !first.positive).count();
    let likely = steps().find(|bound| {
        let linked = firsts
            .iter()
            .filter(|first| !first.positive && !first.fine && first.any >= *bound);
        linked.count() as f64 <= MOST_FALSE_LINKS * negatives as f64
    });
    let strong = steps().find(|bound| {
        let strong: Vec<&First> = firsts
            .iter()
            .filter(|first| first.share >= *bound)
            .collect();
        let fine = strong.iter().filter(|first| first.fine).count();
        fine as f64 >= STRONG_PRECISION * strong.len() as f64
    });
    Bounds {
        strong: (strong.unwrap_or(1.0) + STRONG_MARGIN).max(STRONG_LEAST),
        likely: likely.unwrap_or(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two reports that differ in one feature; the one that has it is right, or none.
    fn row(right: bool) -> Row {
        let mut with = [0.0; COUNT];
        if right && let Some(first) = with.first_mut() {
            *first = 1.0;
        }
        Row {
            reports: vec![with, [0.0; COUNT]],
            right: if right { vec![0] } else { Vec::new() },
            teaches: true,
            weight: 1.0,
        }
    }

    #[test]
    fn what_tells_right_from_wrong_gets_weight() {
        let rows: Vec<Row> = (0..20).map(|place| row(place % 2 == 0)).collect();
        let rows: Vec<&Row> = rows.iter().collect();
        let model = fit(&rows);
        let [first, others @ ..] = model.weights;
        assert!(first > 1.0, "{first}");
        assert!(
            others.iter().all(|weight| weight.abs() < 1e-6),
            "{others:?}"
        );
        let score = |row: &Row| {
            row.reports
                .iter()
                .map(|it| model.score(it))
                .collect::<Vec<_>>()
        };
        assert!(model.shares(&score(&row(true)))[0] > 0.5);
        assert!(model.shares(&score(&row(false)))[0] < 0.3);
        assert_eq!(fit(&rows), model, "no chance in it");
    }

    #[test]
    fn bounds_keep_what_is_wanted() {
        let first = |share, fine, positive| First {
            share,
            any: share,
            fine,
            positive,
        };
        let mut firsts = vec![first(0.9, true, true); 10];
        firsts.extend(vec![first(0.61, false, false); 2]);
        firsts.extend(vec![first(0.1, false, false); 18]);
        let bounds = bounds(&firsts);
        assert!((bounds.strong - 0.70).abs() < 1e-9, "{bounds:?}");
        assert!((bounds.likely - 0.62).abs() < 1e-9, "{bounds:?}");
        let costs: Vec<(u32, u32)> = trade_offs(&firsts)
            .iter()
            .map(|it| (it.false_links_where_none, it.wrong_new))
            .map(|(links, new)| ((links * 100.0).round() as u32, (new * 100.0).round() as u32))
            .collect();
        assert_eq!(costs[0], (100, 0));
        assert_eq!(costs[2..7], [(10, 0); 5]);
        assert_eq!(costs[7..], [(0, 0); 3]);

        // Without any mistake strong links are not taken from chance on.
        let bounds = super::bounds(&[first(0.3, true, true); 10]);
        assert!((bounds.strong - STRONG_LEAST).abs() < 1e-9, "{bounds:?}");
    }
}
