//! Nearly every line of a log says nothing: such lines are passed over many at a
//! time, without a look at each.
//!
//! A line says nothing unless one of [`MARKS`] stands in it. Each reader of a
//! form has its marks here; one that is missing makes the reader blind for its
//! form in long logs, which the property tests find: a log that is read in
//! pieces smaller than a line is read without this.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use regex::bytes::Regex;

/// Whatever any reader reacts to while no block is open holds one of these.
/// Letters that a mail's body lost at the beginning of a line do not matter
/// here: bodies are not skipped.
const MARKS: [&str; 63] = [
    // regrtest
    "] test",
    "] idlelib",
    "Re-running ",
    " failed",
    " crashed",
    "tests skipped",
    "test skipped",
    " omitted",
    "slowest tests",
    "tests OK",
    "run no tests",
    "altered the",
    "re-run test",
    "esult: ",
    "running (",
    "running: ",
    "Ran ",
    "Run ",
    "Kill ",
    // unittest
    "FAIL",
    "ERROR",
    "UNEXPECTED",
    "unexpected success",
    // tracebacks, warnings, leaks
    "Traceback (",
    "File \"",
    "Exception",
    "exception was never",
    "Warning -- ",
    " leaked [",
    // faulthandler and the interpreter
    "Timeout (",
    "atal",
    "thread 0x",
    "Thread 0x",
    "Assertion",
    "fault",
    "Bus error",
    "Abort",
    "Killed",
    // sanitizers
    "Sanitizer",
    "runtime error",
    // compilers and tools
    "rror: ",
    "rror ",
    "rror[",
    "undefined ",
    "Undefined ",
    "ld: ",
    " *** ",
    "WARNING: ",
    // other runners
    "session starts",
    "panic",
    "XPASS",
    "Failure",
    "Failed",
    "----",
    "____",
    "E   ",
    "Subprocess ",
    // the machine and Buildbot
    "timed out",
    "No space left",
    "lost",
    "signal ",
    "program finished",
    "WinError",
];

/// The beginnings of commands to a terminal, and bytes that are taken out.
const ODD: &str = r"\x1b|\x00";

static MARK: LazyLock<Regex> = LazyLock::new(|| {
    let marks: Vec<String> = MARKS.iter().map(|mark| regex::escape(mark)).collect();
    let all = format!(r"(?-u){}|{ODD}", marks.join("|"));
    crate::parsing::bytes_pattern(&all)
});

/// What can be passed over at the beginning of a piece of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Boring<'a> {
    /// Whole lines, with their ends; empty if the first line may say something.
    pub(super) lines: &'a [u8],
    /// What follows them.
    pub(super) rest: &'a [u8],
}

/// Splits off the lines that say nothing. `bytes` begins at the beginning of a
/// line.
pub(super) fn boring(bytes: &[u8]) -> Boring<'_> {
    let mut from = 0;
    let end = loop {
        let Some(mark) = bytes.get(from..).and_then(|rest| MARK.find(rest)) else {
            break memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        };
        let mark = from + mark.start();
        let begin = line_before(bytes, mark);
        let Some(length) = bytes
            .get(mark..)
            .and_then(|rest| memchr::memchr(b'\n', rest))
        else {
            break begin;
        };
        let end = mark + length;
        if !passed(bytes.get(begin..end).unwrap_or_default()) {
            break begin;
        }
        from = end + 1;
    };
    let (lines, rest) = bytes.split_at(end);
    Boring { lines, rest }
}

/// The parts of lines that say nothing by themselves which may matter for what
/// comes next, as ranges of bytes: the last test that was named, with the line
/// below it; and the last [`TAIL`] lines behind these.
pub(super) fn tail(lines: &[u8]) -> [Range<usize>; 2] {
    let at = memmem::rfind(lines, b") ...").unwrap_or(0);
    let begin = line_before(lines, at);
    let mut ends = memchr::memchr_iter(b'\n', lines.get(begin..).unwrap_or_default());
    // A docstring stands below the test's name.
    let below = ends.nth(1).map_or(lines.len(), |end| begin + end + 1);
    let behind = lines.get(below..).unwrap_or_default();
    let mut ends = memchr::memrchr_iter(b'\n', behind);
    let last = ends.nth(TAIL).map_or(below, |end| below + end + 1);
    [begin..below, last..lines.len()]
}

/// Lines of a test's output that may matter.
const TAIL: usize = 50;

/// `test_x (…) ... ok`, whatever the test is called.
fn passed(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.ends_with(b" ... ok") && line.len() < 1000 && !line.contains(&0x1b) && !line.contains(&0)
}

/// The beginning of the line in which `at` stands.
fn line_before(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, rest: &str) {
        let boring = boring(text.as_bytes());
        assert_eq!(String::from_utf8_lossy(boring.rest), rest, "{text:?}");
    }

    #[test]
    fn what_may_say_something_is_not_passed_over() {
        check("", "");
        check("some output\nmore", "more");
        check(
            "otest_a (x.T) ... ok\noutput\noFAIL: test_b (x.T)\n",
            "oFAIL: test_b (x.T)\n",
        );
        check(
            "test_FAILED (x.T) ... ok\r\ntest_b ... FAIL\n",
            "test_b ... FAIL\n",
        );
        check("ERROR in the last line", "ERROR in the last line");
        check("a\n\x1b[1mb\n", "\x1b[1mb\n");
    }

    #[test]
    fn the_tail_has_the_last_test() {
        let lines = format!(
            "test_a (x.T) ... ok\ntest_b (x.T)\nDoc ... ok\ntest_c (x.T) ... one\ntwo\n{}end\n",
            "output ... x\n".repeat(TAIL)
        );
        let [named, behind] = tail(lines.as_bytes()).map(|range| lines.get(range).unwrap());
        assert_eq!(named, "test_c (x.T) ... one\ntwo\n");
        assert_eq!(behind.lines().count(), TAIL);
        assert_eq!(tail(b"x\n"), [0..2, 2..2]);
    }
}
