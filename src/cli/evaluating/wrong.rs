//! The cases that were answered wrongly, each with what was found.

use serde_json::{Value, json};

use crate::domain::matching::{Model, Scored, Tier};
use crate::domain::untrusted::terminal_lines;
use crate::evaluate::Tried;
use crate::evaluate::cases::Name;
use crate::evaluate::figures::Outcome;

/// So many reports are shown of a wrong answer.
const SHOWN: usize = 3;

/// So much of a log is shown, in lines.
const LOG_LINES: usize = 4;

/// A case that was answered wrongly: not the right one first, or a link where
/// there is none.
pub(super) struct WrongAnswer<'a> {
    tried: &'a Tried,
    outcome: Outcome,
}

impl<'a> WrongAnswer<'a> {
    /// None if it was answered well, or if it has no log to be asked about.
    pub(super) fn of(tried: &'a Tried, outcome: Outcome) -> Option<Self> {
        let case = &tried.case;
        let first = outcome.ranked.first();
        let is_right = match case.expected.as_slice() {
            [] => outcome.tier == Tier::Weak || first.is_some_and(|it| named(&case.acceptable, it)),
            expected => first.is_some_and(|it| named(expected, it)) && outcome.tier > Tier::Weak,
        };
        (!is_right && !case.log.trim().is_empty()).then_some(Self { tried, outcome })
    }

    /// The place of the first that is right, from 0.
    fn right(&self) -> Option<usize> {
        let expected = &self.tried.case.expected;
        let ranked = &self.outcome.ranked;
        ranked.iter().position(|it| named(expected, it))
    }

    /// The first ones, and the right one if it is further down; each with its place.
    fn shown(&self) -> Vec<(usize, &Scored)> {
        let ranked = &self.outcome.ranked;
        let right = self.right().filter(|place| *place >= SHOWN);
        let places = (0..SHOWN.min(ranked.len())).chain(right);
        let scored = |place: usize| {
            let number = ranked.get(place)?;
            let mut all = self.tried.answer.scored.iter();
            Some((place, all.find(|it| it.report.issue.number == *number)?))
        };
        places.filter_map(scored).collect()
    }

    /// For a person.
    pub(super) fn lines(&self) -> String {
        let case = &self.tried.case;
        let log: Vec<&str> = case.log.lines().take(LOG_LINES).collect();
        let wanted = match (case.expected.is_empty(), self.right()) {
            (true, _) => "none is right".to_owned(),
            (false, None) => format!("{} was not found", names(&case.expected)),
            (false, Some(place)) => format!("{} is number {}", names(&case.expected), place + 1),
        };
        let mut lines = vec![format!(
            "{}{}: {} at {:.2}, {wanted}; {} on {}\n    | {}",
            case.id,
            if case.is_headline() { "" } else { " (aside)" },
            tier(self.outcome.tier),
            self.outcome.any,
            self.tried.answer.failure,
            case.builder,
            log.join("\n    | "),
        )];
        for (place, scored) in self.shown() {
            let parts: Vec<String> = Model::FITTED
                .parts(&scored.features)
                .into_iter()
                .map(|(feature, part)| format!("{part:+.1} {}", feature.name()))
                .collect();
            lines.push(format!(
                "    {}. #{} {:.2} {}\n        {}",
                place + 1,
                scored.report.issue.number,
                scored.score,
                scored.report.title(),
                parts.join(", ")
            ));
        }
        terminal_lines(&lines.join("\n"))
    }

    /// For programs.
    pub(super) fn document(&self) -> Value {
        let case = &self.tried.case;
        let found = self.shown().into_iter().map(|(place, scored)| {
            json!({
                "place": place + 1,
                "issue": scored.report.issue,
                "score": scored.score,
                "evidence": scored.evidence,
            })
        });
        json!({
            "id": case.id,
            "headline": case.is_headline(),
            "expected": case.expected.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "right_at": self.right().map(|place| place + 1),
            "tier": self.outcome.tier,
            "probability": self.outcome.any,
            "found": found.collect::<Vec<_>>(),
        })
    }
}

fn named(names: &[Name], number: &u64) -> bool {
    names.iter().any(|it| it.number() == Some(*number))
}

fn names(names: &[Name]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(" or ")
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Strong => "strong",
        Tier::Likely => "likely",
        Tier::Weak => "new",
    }
}
