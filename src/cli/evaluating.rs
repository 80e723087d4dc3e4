//! `evaluate`: how well matching does on labelled cases.

mod wrong;

use std::collections::HashSet;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::args::Evaluate;
use super::importing::tracker_of;
use super::session::Session;
use super::tables;
use super::words::{count, wrapped};
use crate::domain::matching::{Feature, Model};
use crate::domain::untrusted::terminal;
use crate::evaluate::cases::{Case, Name};
use crate::evaluate::figures::{Baseline, Baselines, Figures};
use crate::evaluate::fit::TradeOff;
use crate::evaluate::{Fitted, Measured, Tried, history, measure};
use crate::parsing::issues::FiledIssue;
use wrong::WrongAnswer;

/// Measures, and prints the figures.
pub(super) fn evaluate(session: &Session, wanted: &Evaluate) -> Result<()> {
    let Some(cases) = &wanted.cases else {
        return of_history(session);
    };
    let cases = tables::cases(cases)?;
    let filed = tables::reports(&wanted.issues)?;
    let unknown = unknown(&filed, &cases);
    let measured = measure(filed, cases)?;
    let fitted = match wanted.fit {
        true => Some(measured.fit(beside(wanted)?.as_ref())),
        false => None,
    };
    let wrong = match wanted.show {
        Some(_) => wrong_answers(&measured, fitted.as_ref()),
        None => Vec::new(),
    };
    let headline = measured.figures(&Model::FITTED, Case::is_headline);
    let mut document = document(&measured, &headline, fitted.as_ref());
    if let Some(object) = document.as_object_mut() {
        let unknown = unknown.iter().map(Unknown::document);
        object.insert("unknown_issues".to_owned(), unknown.collect());
        if wanted.show.is_some() {
            let wrong = wrong.iter().map(WrongAnswer::document);
            object.insert("wrong".to_owned(), wrong.collect());
        }
    }
    session.screen.document(&document);
    print(session, &measured, &headline, fitted.as_ref());
    for one in &wrong {
        session.screen.say(one.lines());
    }
    for one in &unknown {
        for line in wrapped(&terminal(&one.words()), session.screen.width()) {
            session.screen.say(line);
        }
    }
    Ok(())
}

/// What else a fit is to learn from.
fn beside(wanted: &Evaluate) -> Result<Option<Measured>> {
    let Some(cases) = &wanted.also_cases else {
        return Ok(None);
    };
    let measured = measure(tables::reports(&wanted.also_issues)?, tables::cases(cases)?);
    measured.map(Some)
}

fn print(session: &Session, measured: &Measured, headline: &Figures, fitted: Option<&Fitted>) {
    let screen = &session.screen;
    let beside = Some(&headline.baselines);
    screen.say(table("core cases with a log", headline, beside));
    for (what, groups) in breakdowns(measured) {
        // Cases that say no tier or kind are in the headline.
        let named = groups.into_iter().filter(|(name, _)| !name.is_empty());
        for (name, figures) in named {
            screen.say(one_line(&format!("{what} {}", terminal(&name)), &figures));
        }
    }
    if let Some(fitted) = fitted {
        screen.say(table(
            "the same, cross-validated over issues",
            &fitted.cross_validated,
            beside,
        ));
        screen.say(trade_off_lines(&fitted.trade_offs));
        screen.say(model_lines(&fitted.model));
    }
}

/// With a fit, each is judged by what the cases without it teach.
fn wrong_answers<'a>(measured: &'a Measured, fitted: Option<&Fitted>) -> Vec<WrongAnswer<'a>> {
    let outcomes = measured.cases.iter().enumerate().map(|(place, one)| {
        let unseen = fitted.and_then(|fitted| fitted.outcomes.get(place).cloned());
        (one, unseen.unwrap_or_else(|| one.outcome(&Model::FITTED)))
    });
    outcomes
        .filter_map(|(one, outcome)| WrongAnswer::of(one, outcome))
        .collect()
}

/// An answer of a case that no file of reports has: nothing could find it.
struct Unknown {
    case: String,
    issue: Name,
}

impl Unknown {
    fn document(&self) -> Value {
        json!({ "case": self.case, "issue": self.issue.to_string() })
    }

    fn words(&self) -> String {
        format!(
            "! {} expects {}, which is in no file of bug reports, and so counts as not found: \
             correct the case, or give the file with --issues.",
            self.case, self.issue
        )
    }
}

fn unknown(filed: &[FiledIssue], cases: &[Case]) -> Vec<Unknown> {
    let numbers: HashSet<u64> = filed.iter().map(|one| one.issue.number).collect();
    let keys: HashSet<&str> = filed.iter().map(|one| one.key.as_str()).collect();
    let is_known = |name: &Name| match name {
        Name::Number(number) => numbers.contains(number),
        Name::Key(key) => keys.contains(key.as_str()),
    };
    let of = |case: &Case| -> Vec<Unknown> {
        let missing = case.expected.iter().filter(|name| !is_known(name));
        let unknown = |name: &Name| Unknown {
            case: case.id.clone(),
            issue: name.clone(),
        };
        missing.map(unknown).collect()
    };
    cases.iter().flat_map(of).collect()
}

/// By the decisions in the store.
fn of_history(session: &Session) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let figures = history(&store, &tracker_of(&config)?.name())?;
    let screen = &session.screen;
    let mut document = json!(figures);
    // Nobody asked the baselines, nor measured the time.
    for unknown in ["baselines", "query_ms"] {
        if let Some(value) = document.get_mut(unknown) {
            *value = Value::Null;
        }
    }
    screen.document(&document);
    match figures.cases {
        0 => screen.say("Nobody has said yet of any failure where it belongs."),
        _ => {
            screen.say(table("failures that people decided on", &figures, None));
            let words = "New reports that people let open are not counted: nobody said that \
                         there was none.";
            for line in wrapped(words, screen.width()) {
                screen.say(line);
            }
        }
    }
    Ok(())
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
    let by: Map<String, Value> = breakdowns(measured)
        .into_iter()
        .map(|(what, groups)| {
            let groups: Map<String, Value> = groups
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
                    "trade_offs": fitted.trade_offs,
                }),
            );
        }
    }
    document
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A share of so many; of none there is no share.
fn percent_of(share: f64, whole: usize) -> String {
    match whole {
        0 => "-".to_owned(),
        _ => percent(share),
    }
}

/// For a person; beside the baselines, where they were asked.
fn table(heading: &str, figures: &Figures, beside: Option<&Baselines>) -> String {
    let tiers = &figures.tiers;
    let mut lines = vec![format!(
        "{heading}: {}, {} with a report",
        count(figures.cases, "case"),
        figures.positives
    )];
    if beside.is_some() {
        lines.push(format!(
            "{:36} {:>8} {:>8} {:>8}",
            "", "program", "by hand", "titles"
        ));
    }
    let (with, without) = (
        figures.positives,
        figures.cases.saturating_sub(figures.positives),
    );
    type OfBaseline = Option<fn(&Baseline) -> f64>;
    let mut row = |what: &str, own: f64, whole: usize, of: OfBaseline| {
        let both = beside.zip(of);
        let both = both.map(|(beside, of)| [of(&beside.b0), of(&beside.b1)]);
        let both = both.map(|both| both.map(|share| percent_of(share, whole)));
        let [b0, b1] = both.unwrap_or_default();
        let own = percent_of(own, whole);
        let line = format!("  {what:<34} {own:>8} {b0:>8} {b1:>8}");
        lines.push(line.trim_end().to_owned());
    };
    let first = figures.recall_at_1;
    row("right first", first, with, Some(|it| it.recall_at_1));
    row("among three", figures.recall_at_3, with, None);
    let five = figures.recall_at_5;
    row("among five", five, with, Some(|it| it.recall_at_5));
    row(
        "a link where none existed",
        figures.false_links_where_none,
        without,
        Some(|it| it.false_links_where_none),
    );
    row("new, though one existed", figures.wrong_new, with, None);
    for (name, tier) in [
        ("strong", &tiers.strong),
        ("likely", &tiers.likely),
        ("weak", &tiers.weak),
    ] {
        lines.push(format!(
            "  {name:<6} {:>4} links, {:>7} right, {:>7} of the reports there are",
            tier.n,
            percent_of(tier.precision, tier.n),
            percent_of(tier.coverage, with)
        ));
    }
    if beside.is_some() {
        lines.push(format!(
            "  half of the failures take {:.1} ms at most, 99 of 100 {:.1} ms",
            figures.query_ms.p50, figures.query_ms.p99
        ));
    }
    lines.join("\n")
}

fn one_line(name: &str, figures: &Figures) -> String {
    let (all, with) = (figures.cases, figures.positives);
    let without = all.saturating_sub(with);
    let first = percent_of(figures.recall_at_1, with);
    let five = percent_of(figures.recall_at_5, with);
    let links = percent_of(figures.false_links_where_none, without);
    let new = percent_of(figures.wrong_new, with);
    format!(
        "  {name:<34} {all:>3} cases, {with:>3} with a report: first {first:>7}, in five {five:>7}, \
         new {new:>7}; without: a link {links:>7}"
    )
}

/// What links cost: the fewer failures are called new, the more links are false.
fn trade_off_lines(all: &[TradeOff]) -> String {
    let line = |it: &TradeOff| {
        format!(
            "  likely from {:.1}: a link where none existed {:>8}, new, though one existed {:>8}",
            it.likely,
            percent(it.false_links_where_none),
            percent(it.wrong_new)
        )
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    lines.join("\n")
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
