//! The one pass over a log: each line goes to the block that is open, else to
//! the readers of each form in turn.

mod died;
mod said;

use super::buildbot_steps::Faults;
use super::compiler::Errors;
use super::environment;
use super::faulthandler::Dump;
use super::files::Files;
use super::found::Found;
use super::leaks;
use super::others::Others;
use super::regrtest::{self, List, Said};
use super::sanitizer::Report;
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
    /// The test that ran last.
    last_test: Option<TestId>,
    pub(super) in_rerun: bool,
    /// The values below the last warning are not to be kept.
    hides_values: bool,
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
    Header(Header),
    Report(Header, Traceback),
    /// A traceback without a header; `named` by `test test_x failed -- Traceback`.
    Loose {
        named: bool,
        traceback: Traceback,
    },
    Dump(Dump),
    Sanitizer(Report),
    List(List),
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
            last_test: None,
            in_rerun: false,
            hides_values: false,
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
        let is_quoted = self.is_in_report();
        let is_taken = self.block_takes(line);
        let is_fault =
            !(is_quoted && is_taken) && self.faults.push(line, self.number, self.tests_seen);
        if !self.tests_seen {
            self.others.push(line, self.number);
            if !is_fault && !self.others.tests_seen() {
                self.errors.push(line, self.number);
            }
        }
        if !is_taken {
            self.begin(line);
        }
    }

    /// To be called after the last line.
    pub(super) fn end(&mut self) {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::Report(header, traceback) => self.close_report(header, &traceback),
            Block::Loose { named, traceback } => self.close_loose(named, traceback),
            Block::Dump(dump) => self.close_dump(&dump),
            Block::Sanitizer(report) => self.close_sanitizer(report),
            Block::Header(header) => {
                let found = Found::with_line(header.kind, header.test, &header.line);
                self.mark(found);
            }
            Block::None | Block::List(_) => {}
        }
    }

    /// Whether no block is open that the next line may belong to.
    pub(super) fn is_idle(&self) -> bool {
        let is_reading = self.errors.is_open() || self.others.is_reading();
        matches!(self.block, Block::None) && !is_reading
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

    /// Offers the line to the open block; `false` if none took it.
    fn block_takes(&mut self, line: &str) -> bool {
        match &mut self.block {
            Block::None => return false,
            Block::Header(header) => {
                if unittest::is_rule(line) {
                    let header = header.clone();
                    self.block = Block::Report(header, Traceback::default());
                    return true;
                }
                if let Some(traceback) = Traceback::begin(line) {
                    let header = header.clone();
                    self.block = Block::Report(header, traceback);
                    return true;
                }
                if Header::parse(line).is_none() && header.goes_on_with(line) {
                    return true;
                }
            }
            Block::Report(_, traceback) => {
                if traceback.is_fenced() || !ends_report(line) {
                    traceback.push(line);
                    return true;
                }
            }
            Block::Loose { named, traceback } => {
                let keeps_message = *named || self.source == Source::Body;
                if loose_takes(traceback, line, keeps_message) {
                    traceback.push(line);
                    return true;
                }
            }
            Block::Dump(dump) => {
                if dump.goes_on_with(line) {
                    return true;
                }
            }
            Block::Sanitizer(report) => {
                if report.goes_on_with(line) {
                    return true;
                }
            }
            Block::List(list) => {
                let list = *list;
                if let Some(names) = regrtest::names(line) {
                    names.for_each(|name| self.files.listed(list, name));
                    return true;
                }
            }
        }
        self.end();
        false
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
            self.block = Block::Header(header);
        } else if let Some(verbose) = unittest::verbose(line, self.running.as_ref()) {
            self.verbose(verbose);
        } else {
            self.begin_output(line);
        }
    }

    /// What a test, or the interpreter, printed: on a line of its own, or behind
    /// the name of the test that runs.
    fn begin_output(&mut self, line: &str) {
        if let Some(traceback) = Traceback::begin(line) {
            self.block = Block::Loose {
                named: false,
                traceback,
            };
        } else if let Some((file, leak)) = leaks::read(line) {
            self.leaked(file, leak, line);
        } else if let Some(warning) = environment::read(line) {
            self.warned(&warning, line);
        } else if let Some(dump) = Dump::begin(line) {
            self.block = Block::Dump(dump);
        } else if let Some(report) = Report::begin(line) {
            self.block = Block::Sanitizer(report);
        }
    }

    fn close_report(&mut self, header: Header, traceback: &Traceback) {
        let found = Found::of_traceback(header.kind, header.test, Some(&header.line), traceback);
        self.keep(found);
    }

    fn close_loose(&mut self, named: bool, traceback: Traceback) {
        if named {
            let found = of_loose(&traceback, None);
            self.keep(found);
            return;
        }
        if !traceback.is_complete() {
            return;
        }
        // Of a log the last one in the output of each file.
        let test = self.running.clone().or_else(|| self.last_test.clone());
        let loose = Loose {
            owner: self.file.clone(),
            test: test.filter(|_| self.source == Source::Log),
            traceback,
        };
        if self.source == Source::Log {
            self.loose.retain(|known| known.owner != loose.owner);
        }
        if self.loose.len() < MAX_FOUND {
            self.loose.push(loose);
        }
    }

    /// Something failed by a word alone.
    fn mark(&mut self, found: Found) {
        if self.marked.len() < MAX_FOUND {
            let found = self.owned(found);
            self.marked.push(found);
        }
    }

    /// Puts it with the others, with what the context knows.
    pub(super) fn keep(&mut self, found: Found) {
        if self.found.len() < MAX_FOUND {
            let found = self.owned(found);
            self.found.push(found);
        }
    }

    /// Puts it with the others although one there may look the same: the texts
    /// differ.
    pub(super) fn keep_apart(&mut self, mut found: Found) {
        found.apart = self.found.len();
        self.keep(found);
    }

    fn owned(&self, mut found: Found) -> Found {
        found.in_rerun = self.in_rerun;
        found.details.log_line = found.details.log_line.or(self.begun);
        found.owner.clone_from(&self.file);
        let names_test_file = found
            .test
            .file
            .as_deref()
            .is_some_and(|file| file.starts_with("test"));
        if !names_test_file && self.file.is_some() {
            found.test.file.clone_from(&self.file);
        }
        found
    }
}

/// What a traceback without a header tells. The exception's type says whether an
/// assertion failed.
pub(super) fn of_loose(traceback: &Traceback, test: Option<TestId>) -> Found {
    let test = test
        .or_else(|| super::traceback::test_of(&traceback.frames))
        .unwrap_or_default();
    let kind = match traceback.exception_type().as_deref() {
        Some("AssertionError") => FailureKind::TestFailed,
        _ => FailureKind::TestError,
    };
    Found::of_traceback(kind, test, None, traceback)
}

/// A rule, or the next progress line where the report was cut off.
fn ends_report(line: &str) -> bool {
    unittest::is_rule(line)
        || unittest::is_double_rule(line)
        || matches!(regrtest::read(line), Some(Said::Progress { .. }))
}

/// Whether a traceback outside of a report goes on with the line.
fn loose_takes(traceback: &Traceback, line: &str, keeps_message: bool) -> bool {
    if !traceback.is_complete() {
        return !line.is_empty();
    }
    if traceback.goes_on_with(line) {
        return true;
    }
    keeps_message
        && !line.is_empty()
        && Traceback::begin(line).is_none()
        && regrtest::read(line).is_none()
}
