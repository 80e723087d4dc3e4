//! How well failures find their bug reports, measured on labelled cases.
//!
//! Each case is asked in a store that holds exactly what existed at its date, by
//! the same search and judgement as the daemon's; then by two baselines. See
//! [`cases`] for the file and `pool` for what a case may see.

pub mod asking;
mod baselines;
pub mod cases;
pub mod figures;
pub mod fit;
mod folds;
mod history;
mod pool;

use std::time::Instant;

use anyhow::Result;

use crate::domain::matching::Model;
use crate::parsing::issues::FiledIssue;
use asking::{Answer, ask};
use baselines::Titles;
use cases::Case;
use figures::{Figures, Outcome};
use fit::{First, Row, TradeOff};
use folds::Folds;
pub use history::history;
use pool::Pool;

/// What came of all cases.
#[derive(Debug)]
pub struct Measured {
    /// One for each case, in the order of the file.
    pub cases: Vec<Tried>,
}

/// One case with the answers to it.
#[derive(Debug)]
pub struct Tried {
    /// The case; its numbers are those of the pool.
    pub case: Case,
    /// What the program found.
    pub answer: Answer,
    /// What the manual search found: report numbers, best first.
    pub b0: Vec<u64>,
    /// What title similarity found.
    pub b1: Vec<u64>,
    /// How long the program's answer took, in milliseconds.
    pub query_ms: f64,
}

impl Tried {
    /// What the program's answer is worth under a model.
    pub fn outcome(&self, model: &Model) -> Outcome {
        Outcome::of(&self.answer, model)
    }
}

/// Asks every case.
///
/// # Errors
///
/// The store fails.
pub fn measure(issues: Vec<FiledIssue>, cases: Vec<Case>) -> Result<Measured> {
    let mut pool = Pool::new(issues)?;
    let mut cases: Vec<(usize, Case)> = cases
        .into_iter()
        .map(|case| pool.resolved(case))
        .enumerate()
        .collect();
    cases.sort_by_key(|(place, case)| (case.at, *place));
    let mut tried = Vec::new();
    for (place, case) in cases {
        pool.show(&case)?;
        let questions = asking::questions(&case.log, &case.builder, case.at);
        let begun = Instant::now();
        let answer = ask(pool.mirror(), &questions)?;
        let query_ms = begun.elapsed().as_secs_f64() * 1000.0 / questions.len().max(1) as f64;
        let titles = Titles::of(&case);
        let one = Tried {
            b0: baselines::manual(pool.mirror(), &titles)?,
            b1: baselines::similar(pool.mirror(), &titles)?,
            answer,
            query_ms,
            case,
        };
        tried.push((place, one));
    }
    tried.sort_by_key(|(place, _)| *place);
    Ok(Measured {
        cases: tried.into_iter().map(|(_, one)| one).collect(),
    })
}

/// What a fit on the cases gives, and what it is worth on cases it has not seen.
#[derive(Debug)]
pub struct Fitted {
    /// Fitted on all cases.
    pub model: Model,
    /// The figures where each case is judged by a model fitted without it and
    /// without every case that shares an issue with it.
    pub cross_validated: Figures,
    /// What each bound of the likely links would cost there; the weights have not seen
    /// the case.
    pub trade_offs: Vec<TradeOff>,
    /// Each case's outcome there, in the order of the cases.
    pub outcomes: Vec<Outcome>,
}

/// How much a case counts that stands beside those that are judged.
const BESIDE: f64 = 0.5;

impl Measured {
    /// The figures of the cases that `pick` picks, under a model.
    pub fn figures(&self, model: &Model, pick: impl Fn(&Case) -> bool) -> Figures {
        let picked = self.cases.iter().filter(|one| pick(&one.case));
        Figures::of(picked.map(|one| (one, one.outcome(model))))
    }

    /// Fits the weights and the two bounds. The weights learn from the cases
    /// `beside` as well, at half weight; what is judged, and what the bounds are
    /// chosen by, are these alone.
    pub fn fit(&self, beside: Option<&Self>) -> Fitted {
        let rows: Vec<Row> = self.cases.iter().map(|one| Row::of(one, 1.0)).collect();
        let beside = beside.map_or(&[][..], |beside| &beside.cases);
        let beside: Vec<Row> = beside.iter().map(|one| Row::of(one, BESIDE)).collect();
        let folds = Folds::of(&self.cases);
        let unseen: Vec<Model> = folds.fitted_without(&rows, &beside);
        let judged = self.cases.iter().zip(&unseen);
        let firsts: Vec<Option<First>> = judged.map(|(one, model)| First::of(one, model)).collect();
        let without = |fold: Option<usize>| {
            let others = firsts.iter().enumerate();
            let others =
                others.filter(|(place, _)| fold.is_none() || folds.of_case(*place) != fold);
            fit::bounds(&others.filter_map(|(_, first)| *first).collect::<Vec<_>>())
        };
        let outcomes: Vec<Outcome> = self
            .cases
            .iter()
            .zip(&unseen)
            .enumerate()
            // Not even the bounds know the case.
            .map(|(place, (one, model))| one.outcome(&without(folds.of_case(place)).on(model)))
            .collect();
        let judged = self.cases.iter().zip(outcomes.iter().cloned());
        let headline = judged.filter(|(one, _)| one.case.is_headline());
        Fitted {
            model: without(None).on(&fit::fit(&rows.iter().chain(&beside).collect::<Vec<_>>())),
            cross_validated: Figures::of(headline),
            trade_offs: fit::trade_offs(&firsts.iter().copied().flatten().collect::<Vec<_>>()),
            outcomes,
        }
    }
}
