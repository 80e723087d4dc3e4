//! The blocks in which unittest reports what failed.

use super::test_id;
use crate::domain::failure::{FailureKind, TestId};

/// Length of unittest's separators.
const RULE: usize = 70;
/// Lines between a header and the rule below it: a docstring or `Doctest: …`.
const MAX_DOCSTRING: usize = 3;

/// `======…`, before each report.
pub(super) fn is_double_rule(line: &str) -> bool {
    line.len() == RULE && line.bytes().all(|byte| byte == b'=')
}

/// `------…`, between a report's header and its text, and after the last one.
pub(super) fn is_rule(line: &str) -> bool {
    line.len() == RULE && line.bytes().all(|byte| byte == b'-')
}

/// The head of a report: `FAIL: test_x (…)` and what follows it up to the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) test: TestId,
    pub(super) kind: FailureKind,
    /// The header's line as printed.
    pub(super) line: String,
    lines_behind: usize,
}

impl Header {
    /// Reads the first line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(": ")?;
        let kind = match word {
            "FAIL" => FailureKind::TestFailed,
            "UNEXPECTED SUCCESS" => FailureKind::UnexpectedSuccess,
            "ERROR" if rest.contains("(unittest.loader.") => FailureKind::ImportError,
            "ERROR" => FailureKind::TestError,
            _ => return None,
        };
        Some(Self {
            test: test_id::parse(rest)?,
            kind,
            line: line.to_owned(),
            lines_behind: 0,
        })
    }

    /// Takes a line below the first; `false` when it was no header after all.
    pub(super) fn goes_on_with(&mut self, line: &str) -> bool {
        self.lines_behind += 1;
        if self.test.class.is_none()
            && let Some(name) = line.strip_prefix("Doctest: ")
        {
            self.test = test_id::parse(&format!("{name} ()")).unwrap_or_default();
        }
        self.lines_behind <= MAX_DOCSTRING
    }
}

/// What a line of the verbose list says: `test_x (…) ... FAIL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verbose<'a> {
    /// A test begins, and nothing is said of its end yet.
    Begins(TestId),
    /// A test begins, and other output is glued to the line.
    Glued(TestId, &'a str),
    /// It failed or raised.
    Failed(TestId, FailureKind),
    /// It ended in some other way.
    Ended(TestId),
}

/// Reads a line of the verbose list. `pending` is the test of a line before that
/// had no result because a docstring follows.
pub(super) fn verbose<'a>(line: &'a str, pending: Option<&TestId>) -> Option<Verbose<'a>> {
    let Some((name, result)) = line.split_once(" ...") else {
        let is_whole = line.ends_with(')') && !line.starts_with(' ');
        return is_whole
            .then(|| test_id::parse(line))
            .flatten()
            .map(Verbose::Begins);
    };
    let named = test_id::parse(name.trim_start());
    let test = match (named, pending) {
        (Some(test), _) => test,
        (None, Some(pending)) => pending.clone(),
        (None, None) => return None,
    };
    let result = result.strip_prefix(' ').unwrap_or(result);
    Some(match result {
        "" => Verbose::Begins(test),
        "FAIL" => Verbose::Failed(test, FailureKind::TestFailed),
        "ERROR" => Verbose::Failed(test, FailureKind::TestError),
        "ok" | "expected failure" | "unexpected success" => Verbose::Ended(test),
        _ if result.starts_with("skipped ") => Verbose::Ended(test),
        _ => Verbose::Glued(test, result),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let header = Header::parse("FAIL: test_x (test.test_a.T.test_x) [m] (i=1)").unwrap();
        assert_eq!(header.kind, FailureKind::TestFailed);
        assert_eq!(header.test.subtest.as_deref(), Some("[m] (i=1)"));
        assert!(Header::parse("ERROR: something else").is_none());
        assert!(Header::parse("FAILED (failures=1)").is_none());
        let mut doctest = Header::parse("FAIL: tut ()").unwrap();
        assert!(doctest.goes_on_with("Doctest: test.test_generators.tut"));
        assert_eq!(doctest.test.file.as_deref(), Some("test_generators"));
    }

    #[test]
    fn the_verbose_list() {
        let test = || test_id::parse("test_x (test.test_a.T.test_x)").unwrap();
        let line = "test_x (test.test_a.T.test_x) ...";
        assert_eq!(verbose(line, None), Some(Verbose::Begins(test())));
        assert_eq!(
            verbose(&format!("{line} ok"), None),
            Some(Verbose::Ended(test()))
        );
        assert_eq!(
            verbose(&format!("{line} Timeout (0:20:00)!"), None),
            Some(Verbose::Glued(test(), "Timeout (0:20:00)!"))
        );
        assert_eq!(
            verbose("What it does. ... ERROR", Some(&test())),
            Some(Verbose::Failed(test(), FailureKind::TestError))
        );
        assert_eq!(verbose("Loading ... done", None), None);
    }
}
