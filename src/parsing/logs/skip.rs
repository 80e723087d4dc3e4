//! Nearly every line of a log says nothing: such lines are passed over many at a
//! time, without a look at each.
//!
//! A line says nothing unless one of the marks stands in it. Each reader of a
//! form has its marks here; one that is missing makes the reader blind for its
//! form in long logs, which the property tests find: a log that is read in
//! pieces smaller than a line is read without this.
//!
//! The marks of a list are looked for at once, by SIMD, as long as their first four
//! bytes are at most 64 different ones. So a mark begins where it is rare in a
//! log: `ng -- ` stands for `Warning -- `. Two lists of 40 cost a third of one of
//! 80: the more marks, the more places look like one.

use std::sync::LazyLock;

use memchr::memmem;
use regex::bytes::Regex;

use crate::parsing::bytes_pattern;

/// Whatever a reader of tests reacts to while no block is open holds one of
/// these. Letters that a mail's body lost at the beginning of a line do not
/// matter here: bodies are not skipped.
const OF_TESTS: [&str; 33] = [
    // regrtest
    "] test",
    "] idlelib",
    "Re-running ",
    " failed",
    " crashed",
    " worker ",
    " tests skipped",
    " test skipped",
    " omitted",
    " run no tests",
    "altered the",
    "re-run test",
    "lt: ",
    "running (",
    "running: ",
    "Ran ",
    "Run ",
    // unittest and doctest
    "FAIL",
    "ERROR",
    "UNEXPECTED",
    "unexpected success",
    "====",
    "****",
    // tracebacks, warnings, leaks
    "Traceback (",
    "  File \"",
    "Exception i",
    "Unhandled exc",
    "never retrieved",
    "Failed to import",
    "ng -- ",
    " leaked [",
    // the end of a run for a profile
    "guided opt",
    "retain-prof",
];

/// The same of processes that die and of machines, which say it whatever runs.
const OF_ENDS: [&str; 46] = [
    // faulthandler, the interpreter and the C library
    "Timeout (",
    "atal",
    "Assertion",
    "*** ",
    "(): ",
    "double free",
    "upted ",
    "c_printerr",
    "Debug memory",
    // how processes die
    " fault",
    "Bus error",
    "Abort",
    "Kill",
    "Illegal inst",
    "nt exception",
    "Trace/",
    "Bad system",
    "Terminated",
    "sh: ",
    // sanitizers
    "Sanitizer",
    "me error: ",
    // the machine, Buildbot, and keys, of which no line may be shown
    "imed out",
    "lost",
    "Failed: ",
    "Failure inst",
    "by signal",
    "WinError",
    "No space",
    "rarily unav",
    "m finished with",
    "----",
    // hosted systems and WebAssembly
    "##[error]",
    "maximum",
    "No output has",
    "exceeded the limit",
    "shutdown sig",
    "hearing from",
    "did not connect",
    "not acquired by",
    "wasm trap",
    "out of bounds",
    "null function",
    "Maximum call",
    // testbeds of Android and iOS
    "mentation run",
    "cted exit",
    "quota exc",
];

/// What besides them the readers of builds and of other runners react to, as
/// long as regrtest said nothing.
const OF_BUILDS: [&str; 50] = [
    // compilers and tools
    "ror:",
    "ror ",
    "ror[",
    "undefined ",
    "Undefined ",
    "ld: ",
    "bfd:",
    ".exe: ",
    "ple definition",
    "t up to date",
    "dyld",
    ".c\", line",
    ".h\", line",
    "1506-",
    "treated as e",
    "ING: ",
    "Fail",
    "d stopped",
    // other runners
    "=== ",
    "ok  \t",
    "panic",
    "t project ",
    "[ RUN ",
    "not ok ",
    "TAP version",
    "Bail out",
    "# Looks ",
    "   Compiling ",
    "running ",
    // git, the network, and memory
    "Could not",
    "t known",
    "n refused",
    "n reset by",
    "unreachable",
    "y failure",
    "n timeout",
    "Cannot alloc",
    "y exhausted",
    "t of memory",
    "addrinfo",
    "ed while wait",
    "e timeout",
    "/o timeout",
    "servname",
    "No route",
    "certificate",
    "curl: ",
    "overwritten",
    "E: Failed",
    "E: Unable",
];

/// Marks that the regex crate looks for at once (its Teddy), by their beginnings.
#[cfg(test)]
const MOST: usize = 64;

static TESTS: LazyLock<Regex> = LazyLock::new(|| any_of(&OF_TESTS));
static ENDS: LazyLock<Regex> = LazyLock::new(|| any_of(&OF_ENDS));
static BUILDS: LazyLock<Regex> = LazyLock::new(|| any_of(&OF_BUILDS));

fn any_of(marks: &[&str]) -> Regex {
    let marks: Vec<String> = marks.iter().map(|mark| regex::escape(mark)).collect();
    bytes_pattern(&format!("(?-u){}", marks.join("|")))
}

/// Whose lines may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of any tool.
    Anything,
    /// Those of tests: regrtest has begun, and errors of tools are none.
    Tests,
}

/// Finds the lines in a piece of a log that may say something.
#[derive(Debug)]
pub(super) struct Search<'a> {
    piece: &'a [u8],
    tests: Next,
    ends: Next,
    builds: Next,
    odd: Next,
}

impl<'a> Search<'a> {
    pub(super) fn new(piece: &'a [u8]) -> Self {
        Self {
            piece,
            tests: Next::default(),
            ends: Next::default(),
            builds: Next::default(),
            odd: Next::default(),
        }
    }

    /// The end of the whole lines from `at` on that say nothing: `at` if the first
    /// line may say something. `at` is the beginning of a line.
    pub(super) fn boring(&mut self, at: usize, scope: Scope) -> usize {
        let mut begin = at;
        loop {
            let mark = self.mark(begin, scope);
            let line = line_before(self.piece, mark).max(begin);
            // A mark may stand in the name of a test that passed.
            match behind_passed(self.piece, line) {
                end if end == line => return line,
                end => begin = end,
            }
        }
    }

    /// Where the next mark stands; the end of the piece if there is none.
    fn mark(&mut self, from: usize, scope: Scope) -> usize {
        let piece = self.piece;
        let find = |regex: &Regex| regex.find_at(piece, from).map(|found| found.start());
        let tests = self.tests.get(from, || find(&TESTS));
        let ends = self.ends.get(from, || find(&ENDS));
        // Beginnings of commands to a terminal, and bytes that are taken out.
        let odd = self.odd.get(from, || {
            memchr::memchr2(0x1b, 0, piece.get(from..)?).map(|at| from + at)
        });
        let next = tests.min(ends).min(odd);
        let next = match scope {
            Scope::Anything => next.min(self.builds.get(from, || find(&BUILDS))),
            Scope::Tests => next,
        };
        next.min(piece.len())
    }
}

/// Where something stands next, so that it is looked for only once.
#[derive(Debug, Default)]
struct Next(Option<usize>);

impl Next {
    fn get(&mut self, from: usize, find: impl FnOnce() -> Option<usize>) -> usize {
        match self.0 {
            Some(at) if at >= from => at,
            _ => *self.0.insert(find().unwrap_or(usize::MAX)),
        }
    }
}

/// What of lines that say nothing has to be looked at all the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// From here on the lines of which [`names_a_test`] holds: with them it is
    /// known which test runs, or ran last, whatever was known before.
    pub(super) tests: usize,
    /// From here on all of them.
    pub(super) all: usize,
}

/// Looks through whole lines, from the last one on.
pub(super) fn shown(lines: &[u8], scope: Scope) -> Shown {
    let all = match scope {
        Scope::Anything => CONTEXT,
        // The line above a report is a rule or not.
        Scope::Tests => 1,
    };
    let mut ends = memchr::memrchr_iter(b'\n', lines);
    let all = ends.nth(all).map_or(0, |end| end + 1);
    let mut end = lines.len();
    let mut ended = false;
    while end > 0 {
        let begin = line_before(lines, end - 1);
        match Role::of(lines.get(begin..end - 1).unwrap_or_default()) {
            Role::Ended => return Shown { tests: begin, all },
            Role::Begun if ended => return Shown { tests: begin, all },
            Role::Result => ended = true,
            Role::Begun | Role::Other => {}
        }
        end = begin;
    }
    Shown { tests: 0, all }
}

/// Lines of a build that may matter for the next one that says something.
const CONTEXT: usize = 50;

/// Whether a line without a mark may tell of the test that runs, in words of
/// unittest's verbose list: a name, a result, or both.
pub(super) fn names_a_test(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.ends_with(b")")
        || line.ends_with(b"ok")
        || line.ends_with(b"failure")
        || memmem::find(line, b" ...").is_some()
        || memmem::find(line, b"skipped ").is_some()
        || memchr::memchr(b'\r', line).is_some()
        || line.len() > MAX_NAME
}

/// What a line of the verbose list says, whatever stood before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `test_x (…) ... ok`: this test ended, and no other one is running.
    Ended,
    /// `test_x (…)`, `test_x (…) ...`: this test is running.
    Begun,
    /// `ok`, alone or behind a docstring: the running test has ended.
    Result,
    /// Anything else.
    Other,
}

impl Role {
    fn of(line: &[u8]) -> Self {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is_passed(line) {
            return Self::Ended;
        }
        let name = [&b") ... "[..], b") ...", b")"]
            .iter()
            .find_map(|end| line.strip_suffix(*end));
        if name.is_some_and(is_plain_name) {
            Self::Begun
        } else if line.ends_with(b" ... ok") || matches!(line, b"ok" | b"ook" | b"eok") {
            Self::Result
        } else {
            Self::Other
        }
    }
}

/// Whether the line is `test_x (test.test_y.Z.test_x) ... ok` and so says, whatever
/// stood before it, that this test ended and no other one is running.
pub(super) fn is_passed(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_suffix(b") ... ok").is_some_and(is_plain_name)
}

/// Whether this is `test_x (test.test_y.Z.test_x` with or without a stream letter
/// in front: a name that only the verbose list prints and that no reader can take
/// for something else.
fn is_plain_name(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'(', text) else {
        return false;
    };
    let (name, place) = text.split_at(at);
    let Some(name) = name.strip_suffix(b" ") else {
        return false;
    };
    let place = place.get(1..).unwrap_or_default();
    // Bytes, and no branches: so the compiler makes SIMD of it.
    let is_odd = |byte: u8| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        u8::from(!(is_letter | is_digit | (byte == b'_') | (byte == b'.')))
    };
    let is_name = |text: &[u8]| text.iter().fold(0, |odd, byte| odd | is_odd(*byte)) == 0;
    name.len() > 1
        && text.len() <= MAX_NAME
        && is_name(name)
        && is_name(place)
        && memchr::memchr(b'.', place).is_some()
        && !NO_NAMES.iter().any(|word| name.ends_with(word))
}

/// Longer lines are looked at.
const MAX_NAME: usize = 900;
/// Words with which sentences of regrtest begin.
const NO_NAMES: [&[u8]; 2] = [b"unning", b"Run"];

/// The end of the lines of tests that passed from `at` on, where a line begins: of
/// a few, for where the name of a class has a mark in it, its other tests follow.
fn behind_passed(piece: &[u8], at: usize) -> usize {
    const FEW: usize = 100;
    let mut end = at;
    for _ in 0..FEW {
        let rest = piece.get(end..).unwrap_or_default();
        let line = memchr::memchr(b'\n', rest).and_then(|length| rest.get(..length));
        match line.filter(|line| is_passed(line)) {
            Some(line) => end += line.len() + 1,
            None => break,
        }
    }
    end
}

/// The beginning of the line in which `at` stands.
fn line_before(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests;
