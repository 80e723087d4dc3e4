//! The weights, from labelled cases: the greatest likelihood of a multinomial
//! logit with a penalty on large weights, by gradient ascent. No chance in it: the
//! same cases give the same weights.

use crate::domain::matching::{Feature, Features, Model};
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
}

impl Row {
    /// From a case and what was found for it. Where a right report exists and was
    /// not found, there is nothing to learn from.
    pub fn of(tried: &Tried) -> Self {
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
            add(report, wanted - share);
        }
        let left = 1.0 - shares.iter().sum::<f64>();
        none += if row.right.is_empty() {
            1.0 - left
        } else {
            -left
        };
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

/// Wanted of cases without a right issue, for the same reason.
const MOST_FALSE_LINKS: f64 = 0.09;

/// The lowest bounds that keep what is wanted, over the cases that `pick` picks by
/// place, each judged by a model that has not seen it.
pub fn bounds(cases: &[Tried], unseen: &[Model], pick: impl Fn(usize) -> bool) -> Bounds {
    let judged: Vec<(&Tried, &Model)> = cases
        .iter()
        .zip(unseen)
        .enumerate()
        .filter(|(place, (one, _))| pick(*place) && one.case.is_headline())
        .map(|(_, judged)| judged)
        .collect();
    let outcomes = |bounds: Bounds| -> Vec<(&Tried, Outcome)> {
        let judge = |(one, model): &(&'_ Tried, &Model)| one.outcome(&bounds.on(model));
        judged.iter().map(|both| (both.0, judge(both))).collect()
    };
    let steps = || (1..50).map(|step| f64::from(step) / 50.0);
    let likely = steps().find(|likely| {
        let bounds = Bounds {
            strong: 2.0,
            likely: *likely,
        };
        let figures = super::Figures::of(outcomes(bounds).into_iter());
        figures.false_links_where_none <= MOST_FALSE_LINKS
    });
    let strong = steps().find(|strong| {
        let bounds = Bounds {
            strong: *strong,
            likely: 2.0,
        };
        let figures = super::Figures::of(outcomes(bounds).into_iter());
        figures.tiers.strong.precision >= STRONG_PRECISION
    });
    Bounds {
        strong: strong.unwrap_or(1.0),
        likely: likely.unwrap_or(1.0),
    }
}
