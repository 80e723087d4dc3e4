//! From a log or a few lines to an answer.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::matching::{self, Model, Question, Scored};
use crate::parsing::logs;
use crate::store::Mirror;

/// Further failures of one log are not looked for.
const MOST_QUESTIONS: usize = 20;

/// A longer text is a log, whose words say nothing of the builder, in bytes.
const SHORT_TEXT: usize = 1000;

/// What was found for all failures of a log together.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Each report once, with its best score; the best first.
    pub scored: Vec<Scored>,
    /// What kind of failure the first one is.
    pub failure: &'static str,
}

/// The questions of a log, or of a few lines that name tests, or of a text.
#[derive(Debug, Clone)]
pub struct Questions {
    /// One for each failure that is not the consequence of another.
    pub questions: Vec<Question>,
    /// The failures; none where the text names no test and is no log.
    pub failures: Vec<Failure>,
}

impl Questions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }
}

/// What a text asks, told by a builder of that name.
pub fn questions(text: &str, builder: &str, at: Seconds) -> Questions {
    let findings = logs::read_log(text, None);
    let names_a_test = |failure: &Failure| failure.test != Default::default();
    let is_log = findings.failures.iter().any(names_a_test);
    let findings = match is_log {
        true => findings,
        false => logs::read_fragment(text),
    };
    // What people write names the builder beside the test.
    let context = match is_log || text.len() > SHORT_TEXT {
        true => builder.to_owned(),
        false => format!("{builder} {text}"),
    };
    let mut failures: Vec<Failure> = findings
        .failures
        .into_iter()
        .filter(|failure| !failure.consequence)
        .collect();
    if failures.iter().any(names_a_test) {
        failures.retain(names_a_test);
    }
    failures.truncate(MOST_QUESTIONS);
    let questions = match failures.iter().any(names_a_test) {
        true => {
            let of = |failure| Question::of(failure, &context, at);
            failures.iter().map(of).collect()
        }
        false if text.trim().is_empty() => Vec::new(),
        false => vec![Question::of_text(text, &context, at)],
    };
    Questions {
        questions,
        failures,
    }
}

/// Asks the mirror.
///
/// # Errors
///
/// The store fails.
pub fn ask(mirror: Mirror<'_>, asked: &Questions) -> Result<Answer> {
    let mut best: BTreeMap<u64, Scored> = BTreeMap::new();
    for question in &asked.questions {
        for mut one in mirror.retrieve(question, &Model::FITTED)?.scored {
            one.report.text = String::new();
            let known = best.get(&one.report.issue.number);
            if known.is_none_or(|known| known.score < one.score) {
                best.insert(one.report.issue.number, one);
            }
        }
    }
    let mut scored: Vec<Scored> = best.into_values().collect();
    matching::sort(&mut scored);
    Ok(Answer {
        scored,
        failure: asked
            .failures
            .first()
            .map_or("none read", |failure| failure.kind.name()),
    })
}
