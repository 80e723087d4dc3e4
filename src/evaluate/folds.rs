//! Cases apart by issues: two that share one are always on the same side.

use std::collections::BTreeMap;

use crate::domain::matching::Model;
use crate::evaluate::Tried;
use crate::evaluate::cases::Name;
use crate::evaluate::fit::{Row, fit};

/// So many parts; each is judged by what the others teach.
const FOLDS: usize = 10;

/// Which part each case is in, by place.
#[derive(Debug)]
pub(super) struct Folds(Vec<usize>);

impl Folds {
    /// Cases that share an issue, expected, opened or hidden, go together.
    pub(super) fn of(cases: &[Tried]) -> Self {
        let mut groups = Groups((0..cases.len()).collect());
        let mut first: BTreeMap<&Name, usize> = BTreeMap::new();
        for (place, one) in cases.iter().enumerate() {
            let case = &one.case;
            let holdout = [
                &case.created,
                &case.holdout.issue,
                &case.holdout.remove_issue,
            ];
            for name in case.expected.iter().chain(holdout.into_iter().flatten()) {
                let known = *first.entry(name).or_insert(place);
                groups.join(known, place);
            }
        }
        let mut order: BTreeMap<usize, usize> = BTreeMap::new();
        let mut folds = Vec::new();
        for place in 0..cases.len() {
            let next = order.len();
            let number = *order.entry(groups.top(place)).or_insert(next);
            folds.push(number % FOLDS);
        }
        Self(folds)
    }

    /// The part of the case at a place.
    pub(super) fn of_case(&self, place: usize) -> Option<usize> {
        self.0.get(place).copied()
    }

    /// For each case the model that its part has no share in; all have one in
    /// `beside`.
    pub(super) fn fitted_without(&self, rows: &[Row], beside: &[Row]) -> Vec<Model> {
        let models: Vec<Model> = (0..FOLDS)
            .map(|fold| {
                let others = rows.iter().zip(&self.0).filter(|(_, part)| **part != fold);
                let others = others.map(|(row, _)| row).chain(beside);
                fit(&others.collect::<Vec<_>>())
            })
            .collect();
        let model = |fold: &usize| models.get(*fold).cloned().unwrap_or(Model::FITTED);
        self.0.iter().map(model).collect()
    }
}

/// Each place points at another of its group, or at itself.
struct Groups(Vec<usize>);

impl Groups {
    fn top(&self, mut place: usize) -> usize {
        while let Some(next) = self.0.get(place).filter(|next| **next != place) {
            place = *next;
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.top(one), self.top(other));
        if let Some(cell) = self.0.get_mut(other) {
            *cell = one;
        }
    }
}
