//! `make check` of Automake.
//!
//! Its `FAIL: name` is short, and others print the like: such lines count only
//! with the summary that Automake prints behind them.

use super::found::{Found, clipped};
use super::others::{MAX_FAILED, MAX_LINES};
use crate::domain::failure::{FailureKind, TestId};

/// Longest name of a test, in bytes.
const MAX_NAME: usize = 300;

/// Reads the tests that are said to have failed.
#[derive(Debug, Default)]
pub(super) struct Automake {
    failed: Vec<Failed>,
    /// The summary was seen.
    is_certain: bool,
    /// The test that the line before named, and the line's length: its output
    /// follows below a rule.
    named: Option<(usize, usize)>,
    /// The test whose output is being shown.
    shown: Option<usize>,
}

#[derive(Debug)]
struct Failed {
    program: String,
    /// The test within the program, where that tells of several.
    name: Option<String>,
    kind: FailureKind,
    line: String,
    number: Option<u64>,
    output: Vec<String>,
}

impl Automake {
    /// Whether the line may be Automake's.
    pub(super) fn begins(line: &str) -> bool {
        failed(line).is_some() || is_summary(line)
    }

    /// Whether Automake printed what was read.
    pub(super) fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// Whether the next line may belong to a test's output.
    pub(super) fn is_open(&self) -> bool {
        self.named.is_some() || self.shown.is_some()
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        let named = self.named.take();
        self.is_certain |= is_summary(line);
        if let Some((kind, name)) = failed(line) {
            self.shown = None;
            let at = self.keep(kind, name, line, number);
            self.named = at.map(|at| (at, line.len()));
        } else if !line.is_empty() && line.bytes().all(|byte| byte == b'=') {
            // A rule as long as the line above it, unlike those of the summary.
            self.shown = named.and_then(|(at, length)| (length == line.len()).then_some(at));
        } else if let Some(failed) = self.shown.and_then(|at| self.failed.get_mut(at)) {
            let is_end = ["FAIL ", "ERROR "].iter().any(|word| {
                line.strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with(failed.program.as_str()))
            });
            if is_end || failed.output.len() >= MAX_LINES {
                self.shown = None;
            } else if !line.trim().is_empty() {
                failed.output.push(clipped(line).to_owned());
            }
        }
    }

    /// Keeps it, unless it is known; where it stands.
    fn keep(
        &mut self,
        kind: FailureKind,
        name: &str,
        line: &str,
        number: Option<u64>,
    ) -> Option<usize> {
        let (program, name) = parts(name);
        // Above its output a program stands without its extension.
        let is_program = |known: &str| {
            known == program
                || known
                    .rsplit_once('.')
                    .is_some_and(|(stem, _)| stem == program)
        };
        let known = self
            .failed
            .iter()
            .position(|known| is_program(&known.program) && known.name.as_deref() == name);
        if known.is_some() || self.failed.len() >= MAX_FAILED {
            return known;
        }
        self.failed.push(Failed {
            program: program.to_owned(),
            name: name.map(str::to_owned),
            kind,
            line: line.to_owned(),
            number,
            output: Vec::new(),
        });
        Some(self.failed.len() - 1)
    }

    pub(super) fn finish(self) -> Vec<Found> {
        if !self.is_certain {
            return Vec::new();
        }
        self.failed.into_iter().map(Failed::into_found).collect()
    }
}

impl Failed {
    fn into_found(self) -> Found {
        let test = TestId {
            file: Some(self.program),
            method: self.name,
            ..TestId::default()
        };
        let mut found = Found {
            excerpt: std::iter::once(self.line.clone())
                .chain(self.output)
                .collect(),
            line: Some(self.line),
            ..Found::new(self.kind, test)
        };
        found.details.log_line = self.number;
        found
    }
}

/// The name in `FAIL: tests/a.sh` or `FAIL: a.test 3 - adds`; unittest's names have
/// parentheses behind them.
fn failed(line: &str) -> Option<(FailureKind, &str)> {
    let (word, name) = line.split_once(": ")?;
    let kind = match word {
        "FAIL" => FailureKind::TestFailed,
        "ERROR" => FailureKind::TestError,
        "XPASS" => FailureKind::UnexpectedSuccess,
        _ => return None,
    };
    let (program, part) = parts(name);
    let is_name = !program.is_empty()
        && !program.ends_with(':')
        && program
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-+./:@".contains(&byte));
    let is_whole = part.is_some() || program.len() == name.len();
    (is_name && is_whole && name.len() <= MAX_NAME).then_some((kind, name))
}

/// The program and the name of its test, of `a.test 3 - adds`.
fn parts(name: &str) -> (&str, Option<&str>) {
    let Some((program, rest)) = name.split_once(' ') else {
        return (name, None);
    };
    let part = rest.split_once(" - ").and_then(|(number, name)| {
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| name.trim())
    });
    (program, part)
}

/// `# FAIL:  2`, or the older `2 of 5 tests failed`.
fn is_summary(line: &str) -> bool {
    let counts = |rest: &str| rest.trim().bytes().all(|byte| byte.is_ascii_digit());
    let is_count = line.strip_prefix("# ").is_some_and(|rest| {
        rest.split_once(": ").is_some_and(|(word, count)| {
            matches!(word, "TOTAL" | "FAIL" | "ERROR" | "XPASS") && counts(count)
        })
    });
    let is_old = || {
        let (failed, rest) = line.split_once(" of ")?;
        let (total, rest) = rest.split_once(" test")?;
        let is_told = rest.contains("failed") || rest.contains("did not behave as expected");
        (is_told && counts(failed) && counts(total)).then_some(())
    };
    is_count || is_old().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, expected: &[&str]) {
        let mut automake = Automake::default();
        for (line, number) in log.lines().zip(1..) {
            automake.push(line, Some(number));
        }
        let shown: Vec<String> = automake
            .finish()
            .iter()
            .map(|found| {
                let name = found.test.qualified();
                format!("{:?} {name}: {}", found.kind, found.excerpt.join(" | "))
            })
            .collect();
        assert_eq!(shown, expected, "{log}");
    }

    #[test]
    fn what_failed() {
        check(
            "PASS: a\nFAIL: tests/b.sh\nXFAIL: c\nXPASS: d\nERROR: e\nFAIL: f.test 3 - adds\n====\nTestsuite summary for x 1.0\n====\n# TOTAL: 6\n# FAIL:  2\n",
            &[
                "TestFailed tests/b.sh: FAIL: tests/b.sh",
                "UnexpectedSuccess d: XPASS: d",
                "TestError e: ERROR: e",
                "TestFailed f.test.adds: FAIL: f.test 3 - adds",
            ],
        );
        check("FAIL: b\n1 of 5 tests failed\n", &["TestFailed b: FAIL: b"]);
    }

    #[test]
    fn what_a_test_printed() {
        check(
            "FAIL: b.sh\n# FAIL:  1\nFAIL: b\n=======\n\nx is 3\nFAIL b.sh (exit status: 1)\nmore\n",
            &["TestFailed b.sh: FAIL: b.sh | x is 3"],
        );
    }

    #[test]
    fn other_lines_are_none() {
        check("FAIL: b\n", &[]);
        for line in [
            "FAIL: test_x (test.test_a.T)",
            "ERROR: something went wrong",
            "FAIL: ",
            "FAILED (failures=1)",
            "# FAIL: many",
            "3 of them failed",
        ] {
            assert!(!Automake::begins(line), "{line}");
        }
    }
}
