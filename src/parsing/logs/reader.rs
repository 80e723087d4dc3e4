//! The one pass over a log: each line goes to the block that is open, else to
//! the readers of each form in turn.

mod closing;
mod said;
mod settle;

pub(super) use closing::of_loose;

use super::buildbot_steps::Faults;
use super::compiler::Errors;
use super::doctest::{self, Example};
use super::environment::{self, Altered};
use super::faulthandler::Dump;
use super::files::Files;
use super::found::Found;
use super::leaks;
use super::regrtest::{self, Cause, List, Place, Said};
use super::traceback::Traceback;
use super::unittest::{self, Header};
use crate::domain::failure::{FailureKind, TestId};

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
    last_test: Option<TestId>,
    pub(super) in_rerun: bool,
    /// The numbers of the last progress line.
    place: Option<Place>,
    /// The line before was unittest's rule before a report.
    behind_rule: bool,
    /// What a sentence said of the traceback that comes, and for how many lines
    /// that holds.
    expected: (Expected, u8),
    /// Warnings of which it is not known yet whose they are.
    waiting: Vec<Altered>,
    /// How many of what was found are known to stand with the right file.
    settled: usize,
    /// Where in what was found the reports of the run of tests stand that has
    /// not ended yet.
    reports: Vec<usize>,
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
    /// A traceback without a header. The last tells whether an empty line came.
    Loose(Expected, Traceback, bool),
    Dump(Dump),
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
            last_test: None,
            in_rerun: false,
            place: None,
            behind_rule: false,
            expected: (Expected::Output, 0),
            waiting: Vec::new(),
            settled: 0,
            reports: Vec::new(),
            tests_seen: false,
            ran_tests: false,
            found: Vec::new(),
            marked: Vec::new(),
            files: Files::default(),
            loose: Vec::new(),
            errors: Errors::default(),
            faults: Faults::default(),
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
        if !self.tests_seen {
            self.errors.push(line);
        }
        self.faults.push(line);
        if !self.block_takes(line) {
            self.begin(line);
        }
        self.behind_rule = unittest::is_double_rule(line);
    }

    /// To be called after the last line.
    pub(super) fn end(&mut self) {
        self.end_block();
        self.leave_file();
        self.settle(None);
    }

    /// Whether regrtest, unittest or Buildbot wrote some of it.
    pub(super) fn is_recognised(&self) -> bool {
        self.tests_seen
            || self.ran_tests
            || self.result.is_some()
            || self.files.iter().next().is_some()
            || self.faults.step_ended()
    }

    /// Offers the line to the open block; `false` if none took it.
    fn block_takes(&mut self, line: &str) -> bool {
        let place = self.place;
        let takes = match &mut self.block {
            Block::None => return false,
            Block::Header(..) => return self.header_takes(line),
            Block::Report(_, traceback) => {
                if traceback.is_in_frames() && is_aside(line) {
                    // Another stream, in the midst of it.
                    if let Some(said) = regrtest::read(line) {
                        self.heard_aside(said);
                    }
                    return true;
                }
                report_takes(traceback, line, place)
            }
            Block::Loose(expected, traceback, is_behind_empty) => {
                let keeps = expected.keeps_message() || self.source == Source::Body;
                loose_takes(traceback, line, keeps, is_behind_empty)
            }
            Block::Dump(dump) => dump.goes_on_with(line),
            Block::List(list) => {
                let list = *list;
                let is_final = self.result.is_some();
                let names = regrtest::names(line);
                let takes = names.is_some();
                names
                    .into_iter()
                    .flatten()
                    .for_each(|name| self.files.listed(list, name, is_final));
                takes
            }
            Block::Stars => match Example::begin(line) {
                Some(example) => {
                    self.block = Block::Example(example);
                    true
                }
                None => false,
            },
            Block::Example(example) => {
                let goes_on = !doctest::is_stars(line) && regrtest::read(line).is_none();
                if goes_on {
                    example.push(line);
                }
                goes_on
            }
        };
        if !takes {
            self.end_block();
        }
        takes
    }

    /// A line below `FAIL: test_x (…)`.
    fn header_takes(&mut self, line: &str) -> bool {
        let Block::Header(header, is_sure) = &mut self.block else {
            return false;
        };
        let is_unexpected = header.kind == FailureKind::UnexpectedSuccess;
        if unittest::is_rule(line) && !is_unexpected {
            self.block = Block::Report(header.clone(), Traceback::default());
            return true;
        }
        if let Some(traceback) = Traceback::begin(line) {
            self.block = Block::Report(header.clone(), traceback);
            return true;
        }
        let goes_on = !unittest::is_rule(line)
            && !unittest::is_double_rule(line)
            && Header::parse(line).is_none()
            && header.goes_on_with(line, *is_sure);
        if !goes_on {
            // Unexpected successes stand one below the other.
            self.behind_rule = is_unexpected && *is_sure;
            self.end_block();
        }
        goes_on
    }

    /// No block took the line: what does it begin, or say by itself?
    fn begin(&mut self, line: &str) {
        self.begun = self.number;
        self.ran_tests |= line.starts_with("Ran ") && line.contains(" test");
        if line.is_empty() {
            return;
        }
        let running = regrtest::running(line);
        if let Some(ended) = self.ending(line) {
            self.verbose(ended);
        } else if let Some(said) = regrtest::read(line) {
            if matches!(said, Said::Progress { .. }) {
                self.running_files = running.unwrap_or_default();
            }
            self.heard(said);
        } else if let Some(files) = running {
            self.running_files = files;
        } else if let Some(header) = Header::parse(line) {
            self.block = Block::Header(header, self.behind_rule);
        } else if let Some(verbose) = unittest::verbose(line, self.running.as_ref()) {
            self.verbose(verbose);
        } else if !self.own_outcome(line) {
            self.ran_tests(line);
            self.counted(line);
            self.begin_output(line);
        }
    }

    /// What a test, or the interpreter, printed: on a line of its own, or behind
    /// the name of the test that runs.
    fn begin_output(&mut self, line: &str) {
        if let Some(traceback) = Traceback::begin(line) {
            let expected = self.take_expected();
            self.block = Block::Loose(expected, traceback, false);
        } else if let Some((file, leak)) = leaks::read(line) {
            self.leaked(file, leak, line);
        } else if let Some(warning) = environment::read(line) {
            self.warned(&warning, line);
            if warning.begins_traceback {
                self.expected = (Expected::Uncaught, EXPECTED_WITHIN);
            }
        } else if let Some(dump) = Dump::begin(line) {
            self.block = Block::Dump(dump);
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
            let line = line.to_owned();
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

/// A line of regrtest that another stream may put among the frames of a report.
fn is_aside(line: &str) -> bool {
    match regrtest::read(line) {
        Some(Said::Ended { cause, .. }) => cause != Cause::Traceback,
        _ => line.starts_with("Warning -- ") || line.starts_with("make: *** "),
    }
}

/// Takes a line of a report; `false` where the report has ended.
fn report_takes(traceback: &mut Traceback, line: &str, place: Option<Place>) -> bool {
    if traceback.ended_by_rule(line) {
        return false;
    }
    let is_rule = unittest::is_rule(line);
    if is_rule && traceback.takes_rule() {
        return true;
    }
    let is_end = is_rule || unittest::is_double_rule(line) || ends_output(line, place);
    let takes = traceback.is_fenced() || !is_end;
    if takes {
        traceback.push(line);
    }
    takes
}

/// Whether regrtest goes on with the line, so that a report or a message was cut
/// off. A message may quote such lines: those of the run count its files.
fn ends_output(line: &str, last: Option<Place>) -> bool {
    match regrtest::read(line) {
        Some(Said::Progress { place, .. }) => {
            let known = last.filter(|last| last.total.is_some() && place.total.is_some());
            known.is_none_or(|last| last.total == place.total && last.index <= place.index)
        }
        Some(Said::Rerun(..)) => true,
        Some(Said::Result(_)) => line.starts_with("== Tests result: "),
        _ => false,
    }
}

/// Takes a line of a traceback outside of a report; `false` where it has ended.
fn loose_takes(
    traceback: &mut Traceback,
    line: &str,
    keeps_message: bool,
    is_behind_empty: &mut bool,
) -> bool {
    let takes = if !traceback.is_complete() {
        !line.is_empty() && (line.starts_with(' ') || regrtest::read(line).is_none())
    } else if traceback.goes_on_with(line) {
        true
    } else if line.is_empty() && !*is_behind_empty {
        // The sentence of a chain may follow.
        *is_behind_empty = true;
        return true;
    } else {
        keeps_message && !*is_behind_empty && goes_on_with_message(line)
    };
    if takes {
        *is_behind_empty = false;
        traceback.push(line);
    }
    takes
}

fn goes_on_with_message(line: &str) -> bool {
    !line.is_empty()
        && Traceback::begin(line).is_none()
        && regrtest::read(line).is_none()
        && !line.starts_with("Kill <")
        && !line.starts_with("make: *** ")
        && !(line.contains(" ... ") && unittest::verbose(line, None).is_some())
}
