//! The one pass over a log: each line goes to the block that is open, else to
//! the readers of each form in turn.

mod blocks;
mod closing;
mod died;
mod last_test;
mod said;
mod settle;

pub(super) use closing::{is_import_error, of_loose};
use last_test::LastTest;

use super::buildbot_steps::Faults;
use super::compiler::Errors;
use super::doctest::{self, Example};
use super::environment::{self, Altered};
use super::faulthandler::Dump;
use super::files::Files;
use super::found::{Found, clipped};
use super::leaks;
use super::others::Others;
use super::regrtest::{self, List, Place, Said};
use super::sanitizer::Report;
use super::skip::{self, Scope};
use super::telling;
use super::traceback::Traceback;
use super::unittest::{self, Header};
use crate::domain::failure::TestId;

/// Most things kept of one log; what comes later is left out.
const MAX_FOUND: usize = 500;

/// Where the lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A log: a traceback outside of a report is usually only a warning.
    Log,
    /// A mail's own text: tracebacks without their headers, one after the other.
    Body,
}

/// Everything that was gathered.
#[derive(Debug)]
pub(super) struct Reader {
    source: Source,
    block: Block,
    /// The number of the line that is read, where lines have numbers.
    number: Option<u64>,
    /// The number of the line with which the block began, or that stands alone.
    begun: Option<u64>,
    /// The file whose output this is.
    pub(super) file: Option<String>,
    /// The test that is running, or whose line goes on below.
    running: Option<TestId>,
    /// What is read stands behind the running test's name on the same line: it
    /// comes from the same stream.
    is_glued: bool,
    /// The test that ran last.
    last_test: LastTest,
    pub(super) in_rerun: bool,
    /// The numbers of the last progress line.
    place: Option<Place>,
    /// The line before was unittest's rule before a report.
    behind_rule: bool,
    /// What a sentence said of the traceback that comes, and for how many lines
    /// that holds.
    expected: (Expected, u8),
    /// For how many lines values may follow the last warning.
    attentive: u8,
    /// Warnings of which it is not known yet whose they are.
    waiting: Vec<Altered>,
    /// How many of what was found are known to stand with the right file.
    settled: usize,
    /// A dump of a crash was found of which it is not known whether it was the end.
    has_crash: bool,
    /// One process runs all files.
    is_sequential: bool,
    /// What workers write to both streams comes as one, behind the progress line.
    is_merged: bool,
    /// Where in what was found the reports of the run of tests stand that has
    /// not ended yet.
    reports: Vec<usize>,
    /// The same of the run before, in the output of the same file.
    counted: Vec<usize>,
    /// Some progress of test files was seen.
    pub(super) tests_seen: bool,
    /// Some test ended, or a run of tests.
    ran_tests: bool,
    pub(super) found: Vec<Found>,
    /// `test_x (…) ... FAIL`, for runs that died before the report.
    pub(super) marked: Vec<Found>,
    pub(super) files: Files,
    /// Tracebacks outside of reports.
    pub(super) loose: Vec<Loose>,
    pub(super) errors: Errors,
    pub(super) faults: Faults,
    /// Other test runners than CPython's.
    pub(super) others: Others,
    pub(super) result: Option<String>,
    /// The files that were running when regrtest last said so.
    pub(super) running_files: Vec<String>,
}

/// A traceback outside of a report, and where it stood.
#[derive(Debug)]
pub(super) struct Loose {
    /// The file in whose output it stood.
    pub(super) owner: Option<String>,
    /// The test that was running, or had just run.
    pub(super) test: Option<TestId>,
    pub(super) traceback: Traceback,
}

#[derive(Debug)]
enum Block {
    None,
    /// The second tells whether a rule stood before it.
    Header(Header, bool),
    Report(Header, Traceback),
    /// A traceback without a header, and how many empty lines came behind it.
    Loose(Expected, Traceback, u8),
    Dump(Dump),
    Sanitizer(Report),
    List(List),
    /// The stars before a doctest's example.
    Stars,
    Example(Example),
}

/// What a traceback without a header is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// Output of a test or of its child: usually only a warning.
    Output,
    /// Python says that it ignored the exception.
    Ignored,
    /// Below regrtest's warning of an exception that nobody caught.
    Uncaught,
    /// `test test_x failed -- Traceback (most recent call last):`, or `crashed`.
    Ended { file: String, crashed: bool },
    /// `Failed to import test module: test_x`.
    Import { line: String },
}

impl Expected {
    /// Whether the message of the exception goes on up to an empty line.
    fn keeps_message(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Import { .. })
    }

    /// Whether it goes on behind empty lines too: nothing but regrtest follows.
    fn keeps_paragraphs(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

impl Reader {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            block: Block::None,
            number: None,
            begun: None,
            file: None,
            running: None,
            is_glued: false,
            last_test: LastTest::default(),
            in_rerun: false,
            place: None,
            behind_rule: false,
            expected: (Expected::Output, 0),
            attentive: 0,
            waiting: Vec::new(),
            settled: 0,
            has_crash: false,
            is_sequential: false,
            is_merged: false,
            reports: Vec::new(),
            counted: Vec::new(),
            tests_seen: false,
            ran_tests: false,
            found: Vec::new(),
            marked: Vec::new(),
            files: Files::default(),
            loose: Vec::new(),
            errors: Errors::default(),
            faults: Faults::default(),
            others: Others::default(),
            result: None,
            running_files: Vec::new(),
        }
    }

    /// Takes one line of a log, without its end, and its number.
    pub(super) fn push_numbered(&mut self, number: u64, line: &str) {
        self.number = Some(number);
        self.push(line);
    }

    /// Takes one line, without its end.
    pub(super) fn push(&mut self, line: &str) {
        if self.is_idle() && skip::is_passed(line.as_bytes()) {
            self.begun = self.number;
            self.behind_rule = false;
            self.running = None;
            self.last_test.set_line(line);
            return;
        }
        if self.tests_seen && is_behind_profile_run(line) {
            self.forget_profile_run();
        }
        let is_quoted = self.is_in_report();
        let is_taken = self.block_takes(line);
        let is_quoted = is_quoted && is_taken;
        // Of what a test's report quotes nobody else is asked once tests run.
        let tells = !(is_quoted && self.tests_seen) && telling::is_there(line);
        self.look_aside(line, is_quoted, tells);
        if !is_taken {
            self.begin(line, tells);
        }
        self.behind_rule = unittest::is_double_rule(line);
        self.attentive = self.attentive.saturating_sub(1);
    }

    /// What failed in the run of tests that only gathers a profile for the compiler
    /// is no failure: the build went on.
    fn forget_profile_run(&mut self) {
        *self = Self {
            number: self.number,
            errors: std::mem::take(&mut self.errors),
            ..Self::new(self.source)
        };
    }

    /// To be called after the last line.
    pub(super) fn end(&mut self) {
        self.end_block();
        // Without regrtest no file keeps it.
        let running = self.running.clone().filter(|_| self.file.is_none());
        self.leave_file();
        self.running = running;
        self.settle(None);
    }

    /// Whether nothing is open that the next line may belong to.
    pub(super) fn is_idle(&self) -> bool {
        let is_outside = self.tests_seen || !(self.errors.is_open() || self.others.is_reading());
        matches!(self.block, Block::None)
            && is_outside
            && !self.faults.is_open()
            && self.expected.0 == Expected::Output
            && self.attentive == 0
            && !self.has_crash
    }

    /// Whose lines may come.
    pub(super) fn scope(&self) -> Scope {
        if self.tests_seen {
            Scope::Tests
        } else {
            Scope::Anything
        }
    }

    /// Whether regrtest, unittest or Buildbot wrote some of it.
    pub(super) fn is_recognised(&self) -> bool {
        self.tests_seen
            || self.ran_tests
            || self.result.is_some()
            || self.files.iter().next().is_some()
            || self.faults.step_ended()
            || self.others.tests_seen()
    }

    /// No block took the line: what does it begin, or say by itself?
    fn begin(&mut self, line: &str, tells: bool) {
        self.begun = self.number;
        self.ran_tests |= line.starts_with("Ran ") && line.contains(" test");
        if line.contains("Run ") && line.contains("tests") {
            self.is_sequential = line.contains("sequentially");
            self.is_merged |= line.contains(" worker process");
        }
        if line.is_empty() {
            return;
        }
        if let Some(ended) = self.ending(line) {
            self.verbose(ended, tells);
        } else if let Some(said) = regrtest::read(line) {
            if matches!(said, Said::Progress { .. }) {
                self.running_files = regrtest::running(line).unwrap_or_default();
            }
            self.heard(said);
        } else if let Some(files) = regrtest::running(line) {
            self.running_files = files;
        } else if let Some(header) = Header::parse(line) {
            self.block = Block::Header(header, self.behind_rule);
        } else if let Some(verbose) = unittest::verbose(line, self.running.as_ref()) {
            self.verbose(verbose, tells);
        } else if !self.own_outcome(line) {
            self.ran_tests(line);
            self.counted(line);
            self.begin_output(line, tells);
        }
    }

    /// What a test, or the interpreter, printed: on a line of its own, or behind
    /// the name of the test that runs.
    fn begin_output(&mut self, line: &str, tells: bool) {
        if let Some(traceback) = Traceback::begin(line) {
            let expected = self.take_expected();
            self.block = Block::Loose(expected, traceback, 0);
        } else if let Some((file, leak)) = leaks::read(line) {
            self.leaked(file, leak, line);
        } else if let Some(warning) = environment::read(line) {
            self.warned(&warning, line);
            if warning.begins_traceback {
                self.expected = (Expected::Uncaught, EXPECTED_WITHIN);
            }
        } else if let Some(dump) = tells.then(|| Dump::begin(line)).flatten() {
            self.block = Block::Dump(dump);
        } else if let Some(report) = tells.then(|| Report::begin(line)).flatten() {
            self.block = Block::Sanitizer(report);
        } else if doctest::is_stars(line) {
            self.block = Block::Stars;
        } else {
            self.announced(line);
        }
    }

    /// A sentence that says what traceback follows, or a value of a warning.
    fn announced(&mut self, line: &str) {
        if environment::value(line).is_some() || self.expected.0 == Expected::Uncaught {
            self.valued(line);
        } else if line.starts_with("Failed to import test module: ") {
            let line = clipped(line).to_owned();
            self.expected = (Expected::Import { line }, EXPECTED_WITHIN);
            return;
        } else if IGNORED.iter().any(|start| line.starts_with(start)) {
            self.expected = (Expected::Ignored, EXPECTED_WITHIN);
            return;
        }
        self.expected.1 = self.expected.1.saturating_sub(1);
        if self.expected.1 == 0 {
            self.expected.0 = Expected::Output;
        }
    }

    fn take_expected(&mut self) -> Expected {
        self.expected.1 = 0;
        std::mem::replace(&mut self.expected.0, Expected::Output)
    }
}

/// Whether CPython's `make` says that the tests have been run for a profile, and
/// that it compiles again with that.
fn is_behind_profile_run(line: &str) -> bool {
    line.starts_with("Rebuilding with profile guided optimizations")
        || (line.ends_with(" clean-retain-profile") && line.contains("make"))
}

/// How soon a traceback must follow the sentence that announces it, in lines.
const EXPECTED_WITHIN: u8 = 4;
/// How sentences begin before the traceback of an exception that Python ignored
/// or that a test may well have meant to leave uncaught.
const IGNORED: [&str; 5] = [
    "Exception ignored ",
    "Exception in thread ",
    "Unhandled exception in thread started by",
    "Task exception was never retrieved",
    "Exception in callback ",
];
