//! Twisted's trial: the reports of tests that failed, each between rules, with the
//! tests' names at the end.
//!
//! ```text
//! ===============================================================================
//! [FAIL]
//! Traceback (most recent call last):
//!   …
//! twisted.trial.unittest.FailTest: 4 != 5
//!
//! package.test.test_trees.OakTests.test_leaf
//! ```

use super::found::Found;
use super::others::MAX_FAILED;
use super::test_id;
use super::traceback::Traceback;
use crate::domain::failure::FailureKind;
use crate::parsing::excerpt;

/// Length of trial's rules.
const RULE: usize = 79;
/// Most tests that one report names.
const MAX_NAMES: usize = 50;

/// Reads the output of trial.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// A rule has just come.
    behind_rule: bool,
    report: Option<Report>,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Report {
    kind: FailureKind,
    number: Option<u64>,
    traceback: Traceback,
    names: Vec<String>,
}

impl Trial {
    /// Whether the line may be trial's.
    pub(super) fn begins(line: &str) -> bool {
        is_rule(line, b'=')
    }

    /// Whether a report is being read.
    pub(super) fn is_open(&self) -> bool {
        self.behind_rule || self.report.is_some()
    }

    /// Whether trial reported a test.
    pub(super) fn tests_seen(&self) -> bool {
        !self.found.is_empty()
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        let behind_rule = std::mem::replace(&mut self.behind_rule, is_rule(line, b'='));
        if self.behind_rule || is_rule(line, b'-') {
            self.close();
        } else if behind_rule && let Some(kind) = kind(line) {
            self.report = Some(Report {
                kind,
                number,
                traceback: Traceback::default(),
                names: Vec::new(),
            });
        } else if let Some(report) = &mut self.report {
            report.push(line);
        }
    }

    fn close(&mut self) {
        let Some(report) = self.report.take() else {
            return;
        };
        for name in &report.names {
            if self.found.len() < MAX_FAILED {
                self.found.push(report.found(name));
            }
        }
    }

    /// The tests that failed, in the order of the reports.
    pub(super) fn finish(mut self) -> Vec<Found> {
        self.close();
        self.found
    }
}

impl Report {
    fn push(&mut self, line: &str) {
        if is_name(line) {
            if self.names.len() < MAX_NAMES {
                self.names.push(line.to_owned());
            }
        } else if !line.trim().is_empty() {
            // What looked like a name was a line of the message.
            for name in std::mem::take(&mut self.names) {
                self.traceback.push(&name);
            }
            self.traceback.push(line);
        }
    }

    fn found(&self, name: &str) -> Found {
        let method = name.rsplit('.').next().unwrap_or_default();
        let test = test_id::of_parts(method, name);
        let mut found = Found::of_traceback(self.kind, test, Some(name), &self.traceback);
        found.excerpt.truncate(excerpt::MAX_LINES);
        found.details.log_line = self.number;
        found
    }
}

fn kind(line: &str) -> Option<FailureKind> {
    match line.trim_end() {
        "[FAIL]" => Some(FailureKind::TestFailed),
        "[ERROR]" => Some(FailureKind::TestError),
        "[SUCCESS!?!]" => Some(FailureKind::UnexpectedSuccess),
        _ => None,
    }
}

fn is_rule(line: &str, of: u8) -> bool {
    line.len() == RULE && line.bytes().all(|byte| byte == of)
}

/// `package.test.test_trees.OakTests.test_leaf`
fn is_name(line: &str) -> bool {
    line.contains(".test")
        && line.matches('.').count() >= 2
        && !line.ends_with('.')
        && line
            .chars()
            .all(|ch| ch.is_alphanumeric() || "_.".contains(ch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_name_their_tests() {
        let (double, single) = ("=".repeat(RULE), "-".repeat(RULE));
        let log = format!(
            "{double}\n[FAIL]\nTraceback (most recent call last):\n  \
             File \"/b/oak/test/test_trees.py\", line 31, in test_leaf\n    \
             self.assertEqual(a, 5)\ntwisted.trial.unittest.FailTest: 4 != 5\n\n\
             oak.test.test_trees.OakTests.test_leaf\noak.test.test_trees.ElmTests.test_leaf\n\
             {double}\n[SKIPPED]\nno\n\noak.test.test_trees.OakTests.test_skip\n\
             {double}\n[ERROR]\nTraceback (most recent call last):\n  \
             File \"/b/oak/test/test_trees.py\", line 40, in test_root\n    f()\n\
             builtins.ValueError: root\n\noak.test.test_trees.OakTests.test_root\n\
             {single}\nRan 4 tests in 0.1s\n"
        );
        let mut trial = Trial::default();
        for (line, number) in log.lines().zip(1..) {
            trial.push(line, Some(number));
        }
        let found = trial.finish();
        let shown: Vec<String> = found
            .iter()
            .map(|one| {
                let line = one.line.clone().unwrap();
                format!("{} {}: {line}", one.kind.name(), one.test.qualified())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "failure oak.test.test_trees.OakTests.test_leaf: twisted.trial.unittest.FailTest: 4 != 5",
                "failure oak.test.test_trees.ElmTests.test_leaf: twisted.trial.unittest.FailTest: 4 != 5",
                "error oak.test.test_trees.OakTests.test_root: builtins.ValueError: root",
            ]
        );
    }
}
