//! The blocks in which unittest reports what failed.

use super::found::clipped;
use super::test_id;
use crate::domain::failure::{FailureKind, TestId};

/// Length of unittest's separators.
const RULE: usize = 70;
/// Lines between a header and the rule below it: a docstring or `Doctest: …`,
/// and what another stream put there.
const MAX_BEHIND: usize = 12;
/// The same where no rule stood before the header, as in what people quote.
const MAX_QUOTED: usize = 3;
/// Longest text that `subTest` adds to a header on several lines, in bytes.
const MAX_SUBTEST: usize = 1000;

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
    /// The line below it: the first of the test's docstring.
    pub(super) docstring: Option<String>,
    lines_behind: usize,
}

impl Header {
    /// Reads the first line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        // A cheap look first: every line comes here.
        if !line.starts_with(['F', 'E', 'U']) {
            return None;
        }
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
            line: clipped(line).to_owned(),
            docstring: None,
            lines_behind: 0,
        })
    }

    /// Takes a line below the first; `false` when it was no header after all.
    /// `is_sure` when a rule stood before it.
    pub(super) fn goes_on_with(&mut self, line: &str, is_sure: bool) -> bool {
        if let Some(subtest) = &mut self.test.subtest
            && !subtest.ends_with([')', ']'])
            && subtest.len() + line.len() <= MAX_SUBTEST
        {
            // Its message, or what a parameter shows, has several lines.
            for text in [subtest, &mut self.line] {
                text.push(' ');
                text.push_str(line.trim());
            }
            return true;
        }
        self.lines_behind += 1;
        if let Some(name) = line.strip_prefix("Doctest: ") {
            let known = test_id::parse(&format!("{name} ()"));
            self.test = known
                .filter(|test| test.file.is_some())
                .unwrap_or_else(|| self.test.clone());
        } else if self.lines_behind == 1 && !line.trim().is_empty() {
            self.docstring = Some(clipped(line.trim()).to_owned());
        }
        self.lines_behind <= if is_sure { MAX_BEHIND } else { MAX_QUOTED }
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

/// The words that end a line of the verbose list, and what they say.
const RESULTS: [(&str, Option<FailureKind>); 5] = [
    ("ok", None),
    ("FAIL", Some(FailureKind::TestFailed)),
    ("ERROR", Some(FailureKind::TestError)),
    ("expected failure", None),
    ("unexpected success", Some(FailureKind::UnexpectedSuccess)),
];

/// What a result says, on the test's line or alone; `None` if it is none.
pub(super) fn result(words: &str, test: &TestId) -> Option<Verbose<'static>> {
    if words.starts_with("skipped ") {
        return Some(Verbose::Ended(test.clone()));
    }
    let (_, kind) = RESULTS.iter().find(|(result, _)| *result == words)?;
    Some(match kind {
        Some(kind) => Verbose::Failed(test.clone(), *kind),
        None => Verbose::Ended(test.clone()),
    })
}

/// Reads a line of the verbose list. `pending` is the test of a line before that
/// had no result because a docstring follows.
pub(super) fn verbose<'a>(line: &'a str, pending: Option<&TestId>) -> Option<Verbose<'a>> {
    let split = line.contains(" ...").then(|| line.split_once(" ..."));
    let Some((first, behind)) = split.flatten() else {
        let is_whole = line.ends_with(')') && !line.starts_with(' ');
        return is_whole
            .then(|| test_id::parse(line))
            .flatten()
            .map(Verbose::Begins);
    };
    // A subtest's message may hold dots as well.
    let (name, words) = match line.rsplit_once(" ... ") {
        Some((name, words)) if RESULTS.iter().any(|(result, _)| *result == words) => (name, words),
        _ => (first, behind.strip_prefix(' ').unwrap_or(behind)),
    };
    let test = test_id::parse(name.trim_start()).or_else(|| pending.cloned())?;
    Some(if words.is_empty() {
        Verbose::Begins(test)
    } else {
        result(words, &test).unwrap_or(Verbose::Glued(test, words))
    })
}

/// How many tests failed or raised, of `FAILED (failures=1, errors=2, skipped=3)`.
pub(super) fn failed_count(line: &str) -> Option<usize> {
    let counts = line.strip_prefix("FAILED (")?.strip_suffix(')')?;
    let count = |entry: &str| match entry.split_once('=')? {
        ("failures" | "errors", number) => number.parse::<usize>().ok(),
        _ => Some(0),
    };
    counts.split(", ").try_fold(0_usize, |total, entry| {
        Some(total.saturating_add(count(entry)?))
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
        assert!(doctest.goes_on_with("Doctest: test.test_generators.tut", true));
        assert_eq!(doctest.test.file.as_deref(), Some("test_generators"));
        assert_eq!(doctest.docstring, None);
    }

    #[test]
    fn the_text_of_a_subtest_may_have_several_lines() {
        let mut header = Header::parse("FAIL: test_x (test.test_a.T.test_x) [one").unwrap();
        assert!(header.goes_on_with("two] (i=1)", true));
        assert!(header.goes_on_with("A docstring.", true));
        assert_eq!(header.test.subtest.as_deref(), Some("[one two] (i=1)"));
        assert_eq!(header.docstring.as_deref(), Some("A docstring."));
    }

    #[test]
    fn the_first_line_below_a_header_is_the_docstring() {
        let mut header = Header::parse("ERROR: test_x (test.test_a.T)").unwrap();
        assert!(header.goes_on_with("FAIL: is what it does.", true));
        assert!(header.goes_on_with("test test_a failed", true));
        assert_eq!(header.docstring.as_deref(), Some("FAIL: is what it does."));
        assert!(!(0..20).all(|_| header.goes_on_with("noise", true)));
    }

    #[test]
    fn counts_of_a_run() {
        for (line, count) in [
            (
                "FAILED (failures=1, errors=2, skipped=3, expected failures=4)",
                Some(3),
            ),
            ("FAILED (unexpected successes=1)", Some(0)),
            ("FAILED (reasons=many)", Some(0)),
            ("FAILED (failures=many)", None),
            ("FAILED", None),
        ] {
            assert_eq!(failed_count(line), count, "{line}");
        }
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
        let subtest = "  test_x (test.test_a.T.test_x) [waiting ... (done)] (i=0) ... FAIL";
        let Some(Verbose::Failed(failed, FailureKind::TestFailed)) = verbose(subtest, None) else {
            panic!("{subtest}");
        };
        assert_eq!(
            failed.subtest.as_deref(),
            Some("[waiting ... (done)] (i=0)")
        );
        assert_eq!(
            verbose(&format!("{line} unexpected success"), None),
            Some(Verbose::Failed(test(), FailureKind::UnexpectedSuccess))
        );
    }
}
