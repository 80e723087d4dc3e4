//! What a block told, when it has ended.

use super::{Block, Expected, Loose, MAX_FOUND, Reader, Source};
use crate::domain::failure::{FailureKind, TestId};
use crate::parsing::logs::found::{Found, clipped};
use crate::parsing::logs::test_id;
use crate::parsing::logs::traceback::{Traceback, is_shared, test_of};
use crate::parsing::logs::unittest::Header;

/// regrtest raises this when unittest's loader found errors; it printed them.
const ERRORS_WHILE_LOADING: &str = "Exception: errors while loading tests";
/// What an import raises that is not the test's own doing.
const IMPORT_ERRORS: [&str; 5] = [
    "ImportError",
    "ModuleNotFoundError",
    "SyntaxError",
    "IndentationError",
    "TabError",
];

impl Reader {
    pub(super) fn end_block(&mut self) {
        match std::mem::replace(&mut self.block, Block::None) {
            Block::Report(header, traceback) => self.close_report(header, &traceback),
            Block::Loose(expected, traceback, _) => self.close_loose(expected, traceback),
            Block::Dump(dump) => self.close_dump(&dump),
            Block::Sanitizer(report) => self.close_sanitizer(report),
            Block::Header(header, is_sure) => self.close_header(header, is_sure),
            Block::Example(example) => self.mark(example.found()),
            Block::None | Block::List(_) | Block::Stars => {}
        }
    }

    fn close_report(&mut self, header: Header, traceback: &Traceback) {
        let mut found =
            Found::of_traceback(header.kind, header.test, Some(&header.line), traceback);
        found.details.docstring = header.docstring;
        if self.reports.len() < MAX_FOUND {
            self.reports.push(self.found.len());
        }
        self.keep(found);
    }

    /// A header without a report. Where no rule stood before it and tests ran,
    /// it is only what a test printed.
    fn close_header(&mut self, header: Header, is_sure: bool) {
        let mut found = Found::with_line(header.kind, header.test, &header.line);
        found.details.docstring = header.docstring;
        if header.kind == FailureKind::UnexpectedSuccess && is_sure {
            self.keep(found);
        } else if is_sure || !(self.tests_seen || self.ran_tests) {
            self.mark(found);
        }
    }

    fn close_loose(&mut self, expected: Expected, traceback: Traceback) {
        match expected {
            Expected::Ended { file, crashed } => self.close_ended(&file, crashed, &traceback),
            Expected::Import { line } => self.close_import(&line, &traceback),
            _ if !traceback.is_complete() => {}
            Expected::Uncaught => self.uncaught(traceback),
            Expected::Ignored => {}
            Expected::Output => self.close_output(traceback),
        }
    }

    /// `test test_x failed -- Traceback …`: the file is known, the class is not.
    fn close_ended(&mut self, file: &str, crashed: bool, traceback: &Traceback) {
        let mut found = of_loose(traceback, None);
        if !test_id::is_in_file(&found.test, test_id::without_test(file)) {
            found.test.file = Some(test_id::without_test(file).to_owned());
        }
        if found.test.method.is_none() {
            let mut frames = traceback.frames.iter();
            let shared = frames
                .find(|frame| is_shared(&frame.path) && test_id::is_test_function(&frame.function));
            found.test.method = shared.map(|frame| frame.function.clone());
        }
        if traceback.headline() == Some(ERRORS_WHILE_LOADING) {
            let is_told = |known: &Found| {
                known.kind == FailureKind::ImportError
                    && test_id::is_in_file(&known.test, test_id::without_test(file))
            };
            if self.found.iter().any(is_told) {
                return;
            }
            found.kind = FailureKind::ImportError;
        }
        if crashed && is_import(traceback) {
            found.kind = FailureKind::ImportError;
            found.test.method = None;
        }
        self.keep(found);
    }

    /// `Failed to import test module: test_x`, from unittest's loader.
    fn close_import(&mut self, line: &str, traceback: &Traceback) {
        let name = clipped(line.rsplit(' ').next().unwrap_or_default());
        let test = TestId {
            file: Some(test_id::without_test(name).to_owned()),
            ..TestId::default()
        };
        let kind = FailureKind::ImportError;
        self.keep(Found::of_traceback(kind, test, Some(line), traceback));
    }

    /// Of a log the last one in the output of each file.
    fn close_output(&mut self, traceback: Traceback) {
        let test = self.running.clone().or_else(|| self.last_test.get());
        // regrtest itself raised, whatever file it had just shown.
        let is_of_regrtest = traceback.is_of_regrtest();
        let test = test.filter(|_| !is_of_regrtest);
        let loose = Loose {
            owner: self.file.clone().filter(|_| !is_of_regrtest),
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
    pub(super) fn mark(&mut self, found: Found) {
        if self.marked.len() < MAX_FOUND {
            let found = self.owned(found);
            self.marked.push(found);
        }
    }

    /// Puts it with the others, with what the context knows.
    pub(in crate::parsing::logs) fn keep(&mut self, found: Found) {
        if self.found.len() < MAX_FOUND {
            let found = self.owned(found);
            self.found.push(found);
        }
    }

    /// Puts it with the others although one there may look the same: the texts
    /// differ.
    pub(in crate::parsing::logs) fn keep_apart(&mut self, mut found: Found) {
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
            found.is_guessed = true;
        }
        found
    }
}

/// What a traceback without a header tells. The exception's type says whether an
/// assertion failed; for fixtures of classes and modules that makes no difference.
pub(in crate::parsing::logs) fn of_loose(traceback: &Traceback, test: Option<TestId>) -> Found {
    let test = test
        .or_else(|| test_of(&traceback.frames))
        .unwrap_or_default();
    let is_fixture = matches!(
        test.method.as_deref(),
        Some("setUpClass" | "tearDownClass" | "setUpModule" | "tearDownModule")
    );
    let kind = match traceback.exception_type().as_deref() {
        Some("AssertionError") if !is_fixture => FailureKind::TestFailed,
        _ => FailureKind::TestError,
    };
    Found::of_traceback(kind, test, None, traceback)
}

/// Whether a test file raised while it was imported, or could not be.
fn is_import(traceback: &Traceback) -> bool {
    let mut in_tests = traceback
        .frames
        .iter()
        .filter(|frame| frame.test_file.is_some());
    match in_tests.next() {
        Some(frame) => matches!(frame.function.as_str(), "<module>" | ""),
        None => is_import_error(traceback.exception_type().as_deref()),
    }
}

/// Whether an exception of this type is one of an import.
pub(in crate::parsing::logs) fn is_import_error(exception: Option<&str>) -> bool {
    exception.is_some_and(|name| IMPORT_ERRORS.contains(&name))
}
