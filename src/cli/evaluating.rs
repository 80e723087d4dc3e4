//! `evaluate`: how well matching does on labelled cases.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::args::Evaluate;
use super::importing::tracker_of;
use super::session::Session;
use crate::domain::matching::{Feature, Model, Tier};
use crate::evaluate::cases::{self, Case, Name};
use crate::evaluate::figures::{Figures, Outcome};
use crate::evaluate::{Fitted, Measured, Tried, history, measure};
use crate::parsing::issues::{self, FiledIssue};

/// So many reports are shown of a wrong answer.
const SHOWN: usize = 3;

/// Measures, and prints the figures.
pub(super) fn evaluate(session: &Session, wanted: &Evaluate) -> Result<()> {
    let Some(cases) = &wanted.cases else {
        return of_history(session);
    };
    let mut filed = Vec::new();
    for path in &wanted.issues {
        filed.extend(read_issues(path)?);
    }
    issues::follow_all(&mut filed);
    let measured = measure(filed, cases::read(cases)?)?;
    let fitted = wanted.fit.then(|| measured.fit());
    let headline = measured.figures(&Model::FITTED, Case::is_headline);
    let screen = &session.screen;
    screen.document(&document(&measured, &headline, fitted.as_ref()));
    screen.say(table("core cases with a log", &headline));
    for (what, groups) in breakdowns(&measured) {
        for (name, figures) in groups {
            screen.say(one_line(&format!("{what} {name}"), &figures));
        }
    }
    if let Some(fitted) = &fitted {
        screen.say(table(
            "the same, cross-validated over issues",
            &fitted.cross_validated,
        ));
        screen.say(model_lines(&fitted.model));
    }
    if wanted.show.is_some() {
        for (place, one) in measured.cases.iter().enumerate() {
            let outcome = match &fitted {
                Some(fitted) => fitted.outcomes.get(place).cloned(),
                None => Some(one.outcome(&Model::FITTED)),
            };
            if let Some(lines) = outcome.and_then(|outcome| wrong(one, &outcome)) {
                screen.say(lines);
            }
        }
    }
    Ok(())
}

/// By the decisions in the store.
fn of_history(session: &Session) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let figures = history(&store, &tracker_of(&config)?.name())?;
    let screen = &session.screen;
    screen.document(&json!(figures));
    match figures.cases {
        0 => screen.say("Nobody has said yet of any failure where it belongs."),
        _ => screen.say(table("failures that people decided on", &figures)),
    }
    Ok(())
}

fn read_issues(path: &Path) -> Result<Vec<FiledIssue>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    issues::read(&text).with_context(|| format!("reading {}", path.display()))
}

type Groups = Vec<(String, Figures)>;

/// By tier of evidence, kind of case and kind of failure; core cases with a log.
fn breakdowns(measured: &Measured) -> Vec<(&'static str, Groups)> {
    let by = |key: fn(&Tried) -> String| -> Groups {
        let judged = measured
            .cases
            .iter()
            .filter(|one| one.case.is_headline())
            .map(|one| (one, one.outcome(&Model::FITTED)));
        Figures::by(judged, key).into_iter().collect()
    };
    vec![
        ("tier", by(|one| one.case.tier.clone())),
        ("kind", by(|one| one.case.kind.clone())),
        ("failure", by(|one| one.answer.failure.to_owned())),
    ]
}

fn document(measured: &Measured, headline: &Figures, fitted: Option<&Fitted>) -> Value {
    let mut document = json!(headline);
    let by: serde_json::Map<String, Value> = breakdowns(measured)
        .into_iter()
        .map(|(what, groups)| {
            let groups: serde_json::Map<String, Value> = groups
                .into_iter()
                .map(|(name, figures)| (name, json!(figures)))
                .collect();
            (what.to_owned(), Value::Object(groups))
        })
        .collect();
    if let Some(object) = document.as_object_mut() {
        object.insert("by".to_owned(), Value::Object(by));
        let all = measured.figures(&Model::FITTED, |_| true);
        object.insert("all_cases".to_owned(), json!(all));
        if let Some(fitted) = fitted {
            let weights: Vec<Value> = Feature::ALL
                .iter()
                .zip(fitted.model.weights)
                .map(|(feature, weight)| json!({ "feature": feature.name(), "weight": weight }))
                .collect();
            object.insert(
                "fit".to_owned(),
                json!({
                    "weights": weights,
                    "none": fitted.model.none,
                    "strong": fitted.model.strong,
                    "likely": fitted.model.likely,
                    "cross_validated": fitted.cross_validated,
                }),
            );
        }
    }
    document
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn table(heading: &str, figures: &Figures) -> String {
    let tiers = &figures.tiers;
    let (b0, b1) = (&figures.baselines.b0, &figures.baselines.b1);
    let mut lines = vec![format!(
        "{heading}: {} cases, {} with an issue",
        figures.cases, figures.positives
    )];
    let mut row = |what: &str, own: f64, b0: Option<f64>, b1: Option<f64>| {
        let baseline = |share: Option<f64>| share.map_or_else(String::new, percent);
        lines.push(format!(
            "  {what:<34} {:>8} {:>8} {:>8}",
            percent(own),
            baseline(b0),
            baseline(b1)
        ));
    };
    row(
        "right first (manual, titles)",
        figures.recall_at_1,
        Some(b0.recall_at_1),
        Some(b1.recall_at_1),
    );
    row("among three", figures.recall_at_3, None, None);
    row(
        "among five",
        figures.recall_at_5,
        Some(b0.recall_at_5),
        Some(b1.recall_at_5),
    );
    row(
        "a link where none existed",
        figures.false_links_where_none,
        Some(b0.false_links_where_none),
        Some(b1.false_links_where_none),
    );
    row("new, though one existed", figures.wrong_new, None, None);
    for (name, tier) in [
        ("strong", &tiers.strong),
        ("likely", &tiers.likely),
        ("weak", &tiers.weak),
    ] {
        lines.push(format!(
            "  {name:<6} {:>4} links, right {:>8}, of all that exist {:>8}",
            tier.n,
            percent(tier.precision),
            percent(tier.coverage)
        ));
    }
    lines.push(format!(
        "  a failure takes {:.1} ms, one of a hundred {:.1} ms",
        figures.query_ms.p50, figures.query_ms.p99
    ));
    lines.join("\n")
}

fn one_line(name: &str, figures: &Figures) -> String {
    format!(
        "  {name:<34} {:>3} cases, {:>3} with: first {:>8}, five {:>8}, false {:>8}, new {:>8}",
        figures.cases,
        figures.positives,
        percent(figures.recall_at_1),
        percent(figures.recall_at_5),
        percent(figures.false_links_where_none),
        percent(figures.wrong_new),
    )
}

fn model_lines(model: &Model) -> String {
    let mut lines: Vec<String> = Feature::ALL
        .iter()
        .zip(model.weights)
        .map(|(feature, weight)| format!("  {weight:>7.3} {}", feature.name()))
        .collect();
    lines.push(format!("  {:>7.3} none of them", model.none));
    lines.push(format!("  {:>7.3} strong from", model.strong));
    lines.push(format!("  {:>7.3} likely from", model.likely));
    lines.join("\n")
}

/// A case that was answered wrongly: not the right one first, or a link where
/// there is none.
fn wrong(one: &Tried, outcome: &Outcome) -> Option<String> {
    let case = &one.case;
    let names = |names: &[Name], number: &u64| names.iter().any(|it| it.number() == Some(*number));
    let first = outcome.ranked.first();
    let is_right = match case.expected.as_slice() {
        [] => outcome.tier == Tier::Weak || first.is_some_and(|it| names(&case.acceptable, it)),
        expected => first.is_some_and(|it| names(expected, it)) && outcome.tier > Tier::Weak,
    };
    if is_right || case.log.trim().is_empty() {
        return None;
    }
    let place = outcome
        .ranked
        .iter()
        .position(|it| names(&case.expected, it));
    let log: Vec<&str> = case.log.lines().take(4).collect();
    let mut lines = vec![format!(
        "{}{}: {:?} {:.2}, expected {:?} at {:?}, failure {}, builder {}\n    | {}",
        case.id,
        if case.is_headline() { "" } else { " (aside)" },
        outcome.tier,
        outcome.any,
        case.expected,
        place.map(|place| place + 1),
        one.answer.failure,
        case.builder,
        log.join("\n    | "),
    )];
    let wanted = place.into_iter().filter(|place| *place >= SHOWN);
    for place in (0..SHOWN.min(outcome.ranked.len())).chain(wanted) {
        let number = outcome.ranked.get(place)?;
        let scored = one
            .answer
            .scored
            .iter()
            .find(|it| it.report.issue.number == *number)?;
        let parts: Vec<String> = Model::FITTED
            .parts(&scored.features)
            .into_iter()
            .map(|(feature, part)| format!("{} {part:.1}", feature.name()))
            .collect();
        lines.push(format!(
            "    {}. #{number} {:.2} {}\n        {}",
            place + 1,
            scored.score,
            scored.report.title(),
            parts.join(", ")
        ));
    }
    Some(lines.join("\n"))
}
