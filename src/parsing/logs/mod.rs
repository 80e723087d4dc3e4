//! From the log of a step, or the text of a mail, to [`Failure`]s.
//!
//! One pass over the lines, in linear time, keeping only what is reported: the
//! reader in `reader.rs` offers each line to the forms, each in a file of its
//! own, and `fold.rs` makes failures of what they found.

mod automake;
mod body;
mod buildbot_steps;
mod cargo;
mod ci_decoration;
mod compiler;
mod consequences;
mod ctest;
mod doctest;
mod environment;
mod exit;
mod faulthandler;
mod files;
mod fold;
mod found;
mod fragment;
mod golang;
mod hosted_words;
mod last_resort;
mod last_words;
mod leaks;
mod lines;
mod lit;
mod meson;
mod others;
mod pytest;
mod reader;
mod regrtest;
mod sanitizer;
mod skip;
mod tap;
mod telling;
mod test_id;
mod traceback;
mod trial;
mod unittest;

use crate::domain::failure::{Failure, FailureKind, TestId};
use found::Found;
use lines::Lines;
use reader::{Reader, Source};
use skip::Search;

/// What a text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What went wrong: first what stays, then what passed when run again.
    /// Empty when the text does not tell.
    pub failures: Vec<Failure>,
    /// How many secrets were taken out of them.
    pub redactions: usize,
    /// Whether the text has the form of a log that is known, failures or not.
    pub recognised: bool,
}

/// Reads the log of a step as it comes, with or without Buildbot's stream
/// letters. Needs constant memory, however long the log is: some 100 KiB and
/// what it found.
#[derive(Debug)]
pub struct LogReader {
    lines: Lines,
    reader: Reader,
}

impl Default for LogReader {
    fn default() -> Self {
        Self {
            lines: Lines::default(),
            reader: Reader::new(Source::Log),
        }
    }
}

impl LogReader {
    /// Takes the next bytes; lines and characters may be split anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { lines, reader } = self;
        lines.look_ahead(bytes, false);
        let mut search = Search::new(bytes);
        let mut at = 0;
        while at < bytes.len() {
            if lines.may_skip() && reader.is_idle() {
                let end = search.boring(at, reader.scope());
                let boring = bytes.get(at..end).unwrap_or_default();
                if !boring.is_empty() {
                    let shown = skip::shown(boring, reader.scope());
                    lines.skip(boring, &shown, &mut |number, line| {
                        reader.push_numbered(number, line);
                    });
                    at = end;
                }
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let rest = lines.push(rest, &mut |number, line| {
                reader.push_numbered(number, line);
            });
            at = bytes.len() - rest.len();
        }
    }

    /// So many lines of the log are missing here.
    pub fn miss(&mut self, lines: u64) {
        let reader = &mut self.reader;
        self.lines.miss(lines, &mut |number, line| {
            reader.push_numbered(number, line)
        });
    }

    /// What the log told. `state` is the build's state in the CI system's words;
    /// a failed compile step makes `make`'s word count that something failed.
    pub fn finish(self, state: Option<&str>) -> Findings {
        let Self { lines, mut reader } = self;
        lines.end(&mut |number, line| reader.push_numbered(number, line));
        conclude(reader, state)
    }
}

/// Reads the whole log of a step, as [`LogReader`] does.
pub fn read_log(log: &str, state: Option<&str>) -> Findings {
    let mut reader = LogReader::default();
    reader.lines.look_ahead(log.as_bytes(), true);
    reader.push(log.as_bytes());
    reader.finish(state)
}

/// Reads what a person quoted or wrote of a failure: a part of a log, or else
/// the tests that a short text names. Not for whole logs and notices, where a
/// name alone says nothing.
pub fn read_fragment(text: &str) -> Findings {
    let findings = read_log(text, None);
    if findings
        .failures
        .iter()
        .any(|failure| failure.test.file.is_some())
    {
        return findings;
    }
    let named = fragment::read(text);
    if named.failures.is_empty() {
        findings
    } else {
        named
    }
}

/// Reads one build's part of a mail's text.
pub fn from_body(body: &str, state: Option<&str>) -> Findings {
    conclude(body::read(body), state)
}

/// Folds; where nothing was found in a compile step, `make`'s word that
/// something failed counts.
fn conclude(mut reader: Reader, state: Option<&str>) -> Findings {
    reader.end();
    let recognised = reader.is_recognised();
    // There, what does not compile is one package of several.
    let is_of_others = reader.others.tests_seen() && !reader.tests_seen;
    let weak_error = last_resort::compile_error(&reader)
        .filter(|_| state.is_some_and(|state| state.contains("failed compile")));
    let unexplained = last_resort::unexplained(&reader).filter(|_| state.is_none());
    let mut findings = fold::fold(reader);
    if let Some(found) = weak_error.or(unexplained)
        && findings.failures.is_empty()
    {
        findings = only(found);
    }
    findings.recognised = recognised || !findings.failures.is_empty();
    if !is_of_others {
        consequences::mark(&mut findings.failures);
    }
    findings
}

/// The failure of a build of which nothing else is known: its state alone says
/// what kind it may be.
pub fn unexplained(state: Option<&str>) -> Failure {
    let has = |word: &str| state.is_some_and(|state| state.contains(word));
    let kind = if has("(timed out)") {
        FailureKind::Timeout
    } else if has("lost connection") || has("(exception)") || has("(retry)") {
        FailureKind::Infrastructure
    } else if has("failed compile") {
        FailureKind::Compile
    } else {
        FailureKind::Unknown
    };
    let found = match state {
        Some(state) => Found::with_line(kind, TestId::default(), state),
        None => Found::new(kind, TestId::default()),
    };
    found.into_failure(false).0
}

fn only(found: Found) -> Findings {
    let (failure, redactions) = found.into_failure(false);
    Findings {
        failures: vec![failure],
        redactions,
        recognised: true,
    }
}

#[cfg(test)]
mod grammar_tests;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod tests;
