//! A condition as it is meant, and whether it holds.

use regex::{Regex, RegexBuilder};

use super::{Field, Subject};

/// What a compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 256 * 1024;

/// Why a pattern is refused that would take more.
pub(super) const TOO_LARGE: &str = "it is too large";

/// How deep the groups of a pattern may stand in each other.
const PATTERN_DEPTH: u32 = 50;

/// Says of a failure whether a rule takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Every one holds.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A field has exactly this value.
    Equals(Field, String),
    /// The patterns are found in a value of the field, each behind what the one
    /// before it matched.
    Matches(Field, Vec<Pattern>),
}

impl Condition {
    /// Whether it holds for a failure. Of a field that is not told nothing is equal
    /// and nothing is found; so the opposite holds.
    pub fn holds(&self, subject: &Subject) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(subject)),
            Self::Not(part) => !part.holds(subject),
            Self::Equals(field, text) => subject.values(*field).any(|value| value == text),
            Self::Matches(field, patterns) => subject
                .values(*field)
                .any(|value| are_found(patterns, value)),
        }
    }

    /// How many patterns are in it.
    pub fn patterns(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::patterns).sum(),
            Self::Not(part) => part.patterns(),
            Self::Equals(..) => 0,
            Self::Matches(_, patterns) => patterns.len(),
        }
    }
}

fn are_found(patterns: &[Pattern], text: &str) -> bool {
    let mut behind = 0;
    for pattern in patterns {
        match pattern.0.find_at(text, behind) {
            Some(found) => behind = found.end(),
            None => return false,
        }
    }
    true
}

/// A pattern; two are equal if they are written alike.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern in which `^` and `$` stand for the ends of a line.
    ///
    /// # Errors
    ///
    /// Why it is none, in a few words.
    pub(super) fn new(written: &str) -> Result<Self, String> {
        let compiled = RegexBuilder::new(written)
            .multi_line(true)
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_SIZE)
            .nest_limit(PATTERN_DEPTH)
            .build();
        compiled.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => TOO_LARGE.to_owned(),
            other => in_a_line(&other.to_string()),
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// The crate draws the pattern and a mark below it, and says why in the last line.
fn in_a_line(words: &str) -> String {
    let last = words.lines().last().unwrap_or(words).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
