//! From features to probabilities.
//!
//! A report's score is the weighed sum of its features. That no report is the
//! right one has a score as well, the same for every failure; the probability of
//! each is the share of its exponential in the sum of all (multinomial logit). So
//! two reports that are alike share what one alone would have.

use crate::domain::matching::Tier;
use crate::domain::matching::features::{Feature, Features};

/// Weights of the features, in the order of [`Feature::ALL`], and what is
/// compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// One for each feature.
    pub weights: Features,
    /// The score of "none of them".
    pub none: f64,
    /// From this probability on a report is strong.
    pub strong: f64,
    /// From this probability that there is one, the best is likely.
    pub likely: f64,
}

impl Model {
    /// The weights that `evaluate --fit` printed for cases from CPython's tracker, with
    /// the shipped cases beside them.
    pub const FITTED: Self = Self {
        weights: [
            0.898, 0.0, 0.0, 1.989, 1.689, -1.867, -0.236, 1.518, -1.063, -1.318, 0.952, 0.958,
            0.147, 2.26, 0.416, 1.378, -1.117, 2.888, -1.598, -1.289, -1.725,
        ],
        none: 4.789,
        strong: 0.66,
        likely: 0.52,
    };

    /// The weighed sum.
    pub fn score(&self, features: &Features) -> f64 {
        let products = self
            .weights
            .iter()
            .zip(features)
            .map(|(one, other)| one * other);
        products.sum()
    }

    /// The probability of each of the scores, in their order. What is left to 1.0
    /// is that of none.
    pub fn shares(&self, scores: &[f64]) -> Vec<f64> {
        let greatest = scores.iter().copied().fold(self.none, f64::max);
        let exponentials: Vec<f64> = scores
            .iter()
            .map(|score| (score - greatest).exp())
            .collect();
        let sum = exponentials.iter().sum::<f64>() + (self.none - greatest).exp();
        exponentials.into_iter().map(|one| one / sum).collect()
    }

    /// The tier of a report with that probability, where some report is right
    /// with the probability `any`.
    pub fn tier(&self, share: f64, any: f64) -> Tier {
        if share >= self.strong {
            Tier::Strong
        } else if any >= self.likely && share >= any / 3.0 {
            Tier::Likely
        } else {
            Tier::Weak
        }
    }

    /// What each feature adds to the score, the weightiest first; without those
    /// that add nothing.
    pub fn parts(&self, features: &Features) -> Vec<(Feature, f64)> {
        let mut parts: Vec<(Feature, f64)> = Feature::ALL
            .into_iter()
            .zip(self.weights.iter().zip(features))
            .map(|(feature, (weight, value))| (feature, weight * value))
            .filter(|(_, part)| part.abs() >= 0.05)
            .collect();
        parts.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
        parts
    }
}
