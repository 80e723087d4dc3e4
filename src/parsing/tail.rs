//! Parts of a log: what they tell, and whether what is missing matters.

use super::logs::{Findings, LogReader};
use crate::domain::failure::{Failure, FailureKind};

/// Reads a log of which lines may be missing, most often all but its end.
#[derive(Debug, Default)]
pub struct TailReader {
    reader: LogReader,
    start: Start,
    missing: u64,
}

/// How the lines begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Start {
    /// Nothing tells yet.
    #[default]
    Unknown,
    /// With what regrtest itself prints between two tests.
    BetweenTests,
    /// With the end of a failure.
    WithinAFailure,
}

/// What the lines of a log that were read tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What the lines tell.
    pub findings: Findings,
    /// Whether it is worth reading the missing lines: some are missing, and
    /// those that were read tell nothing, or name a test without saying how it
    /// failed, or begin with the end of a failure.
    pub leaves_open: bool,
}

impl TailReader {
    /// So many lines are missing here.
    pub fn miss(&mut self, lines: u64) {
        self.missing += lines;
        self.reader.miss(lines);
    }

    /// Takes the next lines, each with its end; with their streams' letters, if
    /// they have some.
    pub fn lines(&mut self, lines: &str) {
        let mut unknown = lines.lines();
        while self.start == Start::Unknown
            && let Some(line) = unknown.next()
        {
            self.start = start(line);
        }
        self.reader.push(lines.as_bytes());
    }

    /// What the lines tell. `state` is the build's state in the CI system's words.
    pub fn finish(self, state: Option<&str>) -> Told {
        let findings = self.reader.finish(state);
        let is_open = findings.failures.is_empty()
            || self.start == Start::WithinAFailure
            || findings.failures.iter().any(is_unexplained);
        Told {
            findings,
            leaves_open: is_open && self.missing > 0,
        }
    }
}

fn start(line: &str) -> Start {
    let line = line.strip_prefix(['o', 'e', 'h']).unwrap_or(line);
    // `0:00:01 load avg: 2.14 [  1/492] test_x passed`, `[  1/492] test_x`.
    let first = line.as_bytes().first();
    let is_progress =
        line.contains('[') && first.is_some_and(|byte| *byte == b'[' || byte.is_ascii_digit());
    if is_progress || line.starts_with("== ") {
        Start::BetweenTests
    } else if ["Traceback (most recent call last)", "  File \"", "FAILED ("]
        .iter()
        .any(|beginning| line.starts_with(beginning))
    {
        Start::WithinAFailure
    } else {
        Start::Unknown
    }
}

/// Whether a failure is only named; or only `make` says that something failed.
fn is_unexplained(failure: &Failure) -> bool {
    match &failure.line {
        None => true,
        Some(line) => failure.kind == FailureKind::Compile && line.starts_with("make"),
    }
}

#[cfg(test)]
mod tests {
    use super::{TailReader, Told};

    fn read(missing: u64, lines: &str) -> Told {
        let mut reader = TailReader::default();
        if missing > 0 {
            reader.miss(missing);
        }
        reader.lines(lines);
        reader.finish(Some("failed test (failure)"))
    }

    const FAILURE: &str = "\
o0:00:01 load avg: 2.14 [  1/492] test_fnmatch passed
o======================================================================
oFAIL: test_x (test.test_os.PidTests.test_x)
o----------------------------------------------------------------------
oTraceback (most recent call last):
o  File \"/b/Lib/test/test_os.py\", line 12, in test_x
o    self.assertTrue(x)
oAssertionError: False is not true
o
o----------------------------------------------------------------------
oRan 1 test in 0.008s
o
oFAILED (failures=1)
otest test_os failed
o0:00:09 load avg: 2.14 [492/492/1] test_zipimport passed
o
o1 test failed:
o    test_os
";

    #[test]
    fn an_end_that_explains_what_it_names_is_enough() {
        let told = read(70_000, FAILURE);
        assert_eq!(told.findings.failures.len(), 1);
        assert!(!told.leaves_open);
    }

    #[test]
    fn the_rest_is_wanted_where_the_end_leaves_something_open() {
        let named =
            "o0:00:09 [492/492/2] test_zipimport passed\no\no1 test failed:\no    test_os\n";
        assert!(read(70_000, named).leaves_open);
        let passed = "o0:00:09 [1/492] test_io passed\noall is well\n";
        assert!(read(70_000, passed).leaves_open);
        // The end of another failure, of which the first lines are missing.
        let cut = format!("o    self.assertEqual(1, 2)\noFAILED (failures=1)\n{FAILURE}");
        assert!(read(70_000, &cut).leaves_open);
        let dots = format!("otest_y (test.test_io.T.test_y) ... ok\n{FAILURE}");
        assert!(!read(70_000, &dots).leaves_open);
    }

    #[test]
    fn nothing_is_wanted_of_a_whole_log() {
        for lines in ["", "o1 test failed:\no    test_os\n", FAILURE] {
            assert!(!read(0, lines).leaves_open, "{lines}");
        }
    }
}
