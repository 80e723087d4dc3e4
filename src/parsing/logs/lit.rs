//! LLVM's lit: which tests failed, and the first error of each.
//!
//! ```text
//! FAIL: Suite :: Driver/flag.c (17 of 300)
//! ******************** TEST 'Suite :: Driver/flag.c' FAILED ********************
//! …
//! ********************
//! ```

use super::found::{Found, clipped};
use super::others::{MAX_FAILED, MAX_LINES};
use crate::domain::failure::{FailureKind, TestId};

const STARS: &str = "********************";

/// Reads the output of lit.
#[derive(Debug, Default)]
pub(super) struct Lit {
    failed: Vec<Failed>,
    /// The test whose output is being shown.
    shown: Option<usize>,
}

#[derive(Debug)]
struct Failed {
    name: String,
    kind: FailureKind,
    line: String,
    number: Option<u64>,
    /// Its output from the first error on.
    output: Vec<String>,
}

impl Lit {
    /// Whether only lit prints such a line.
    pub(super) fn begins(line: &str) -> bool {
        ended(line).is_some() || shown(line).is_some()
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        if let Some((kind, name)) = ended(line) {
            self.shown = None;
            self.keep(name, kind, line, number);
        } else if let Some(name) = shown(line) {
            self.shown = self.keep(name, FailureKind::TestFailed, line, number);
        } else if line == STARS {
            self.shown = None;
        } else if let Some(failed) = self.shown.and_then(|at| self.failed.get_mut(at)) {
            let is_error = line.contains("error: ") || line.contains("Assertion ");
            let begins = is_error && !line.starts_with(['+', '#']) && !line.starts_with("RUN: ");
            let is_text = !line.trim().is_empty() && line != "--";
            let goes_on = !failed.output.is_empty() && is_text;
            if (begins || goes_on) && failed.output.len() < MAX_LINES {
                failed.output.push(clipped(line).to_owned());
            }
        }
    }

    /// Keeps it, unless it is known; where it stands.
    fn keep(
        &mut self,
        name: &str,
        kind: FailureKind,
        line: &str,
        number: Option<u64>,
    ) -> Option<usize> {
        let known = self.failed.iter().position(|failed| failed.name == name);
        if known.is_some() || self.failed.len() >= MAX_FAILED {
            return known;
        }
        self.failed.push(Failed {
            name: name.to_owned(),
            kind,
            line: clipped(line).to_owned(),
            number,
            output: Vec::new(),
        });
        Some(self.failed.len() - 1)
    }

    /// The tests that failed, in the order of the log.
    pub(super) fn finish(self) -> Vec<Found> {
        let found = self.failed.into_iter().map(|failed| {
            let test = TestId {
                file: Some(failed.name),
                ..TestId::default()
            };
            let mut found = Found::with_line(failed.kind, test, &failed.line);
            found.line = failed.output.first().cloned().or(found.line);
            found.excerpt.extend(failed.output);
            found.details.log_line = failed.number;
            found
        });
        found.collect()
    }
}

/// `FAIL: Suite :: a/b.c (17 of 300)`: how it ended, and its name.
fn ended(line: &str) -> Option<(FailureKind, &str)> {
    let (word, rest) = line.split_once(": ")?;
    let kind = match word {
        "FAIL" => FailureKind::TestFailed,
        "UNRESOLVED" => FailureKind::TestError,
        "TIMEOUT" => FailureKind::Timeout,
        "XPASS" => FailureKind::UnexpectedSuccess,
        _ => return None,
    };
    let (name, count) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let (at, total) = count.split_once(" of ")?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (name.contains(" :: ") && is_number(at) && is_number(total)).then_some((kind, name))
}

/// The name in the line of stars before a test's output.
fn shown(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(STARS)?.strip_prefix(" TEST '")?;
    let (name, _) = rest.split_once("' FAILED ")?;
    name.contains(" :: ").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_failed_with_their_first_error() {
        let log = "FAIL: Shapes :: round/area.c (17 of 300)\n\
            ******************** TEST 'Shapes :: round/area.c' FAILED ********************\n\
            RUN: at line 1: shapes %s | check\n\
            /b/round/area.c:9:11: error: CHECK: expected string not found in input\n\
            // CHECK: 3.14\n\
            ********************\n\
            TIMEOUT: Shapes :: slow.c (18 of 300)\n\
            Failed Tests (1):\n";
        let mut lit = Lit::default();
        for (line, number) in log.lines().zip(1..) {
            assert!(number > 2 || Lit::begins(line), "{line}");
            lit.push(line, Some(number));
        }
        let found = lit.finish();
        let shown: Vec<_> = found
            .iter()
            .map(|one| (one.kind, one.test.qualified(), one.excerpt.len()))
            .collect();
        assert_eq!(
            shown,
            [
                (
                    FailureKind::TestFailed,
                    "Shapes :: round/area.c".to_owned(),
                    3
                ),
                (FailureKind::Timeout, "Shapes :: slow.c".to_owned(), 1),
            ]
        );
        assert!(
            found[0]
                .line
                .as_deref()
                .unwrap()
                .contains("CHECK: expected")
        );
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "FAIL: area (17 of 300)",
            "FAIL: Shapes :: area.c",
            "FAIL: test_x (a.b.C)",
            "PASS: Shapes :: area.c (1 of 3)",
            "******************** TEST 'x' FAILED ****",
        ] {
            assert!(!Lit::begins(line), "{line}");
        }
    }
}
