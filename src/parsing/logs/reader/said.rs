//! What single lines say, and what follows from it.

use super::closing::is_import_error;
use super::{Block, Expected, Reader};
use crate::domain::failure::{FailureKind, Leak, TestId};
use crate::parsing::logs::found::Found;
use crate::parsing::logs::regrtest::{Cause, Outcome, Said};
use crate::parsing::logs::test_id;
use crate::parsing::logs::traceback::{START, Traceback, exception_type};
use crate::parsing::logs::unittest::{self, Verbose};

impl Reader {
    pub(super) fn heard(&mut self, said: Said) {
        match said {
            Said::Progress {
                file,
                outcome,
                before,
                place,
            } => {
                self.files.from_start |= place.index == Some(1);
                self.place = Some(place);
                self.progress(file, outcome, before);
            }
            Said::Ended {
                file,
                crashed,
                cause,
            } => self.file_ended(file, crashed, cause),
            Said::RerunBegins => {
                self.in_rerun = true;
                self.place = None;
            }
            Said::Rerun(file, matching) => {
                self.in_rerun = true;
                self.counted.clear();
                if let Some(entry) = self.files.entry(&file) {
                    entry.was_rerun = true;
                    entry.matching = matching.or(entry.matching.take());
                }
                self.file = Some(test_id::without_test(&file).to_owned());
            }
            Said::List(list) => {
                self.leave_file();
                self.settle(None);
                self.files.begin_list(list);
                self.block = Block::List(list);
            }
            Said::Result(result) => {
                self.leave_file();
                self.settle(None);
                self.result = Some(result);
            }
        }
    }

    /// What another stream put into a report.
    pub(super) fn heard_aside(&mut self, said: Said) {
        if let Said::Ended { file, .. } = said {
            let number = self.number;
            self.files
                .ended(&file, Outcome::Failed, self.in_rerun, number);
        }
    }

    fn progress(
        &mut self,
        file: String,
        outcome: Option<Outcome>,
        before: Option<(String, Outcome)>,
    ) {
        self.tests_seen = true;
        self.leave_file();
        if self.is_sequential && !self.in_rerun {
            self.survived(None);
        }
        for (file, outcome) in before
            .into_iter()
            .chain(outcome.clone().map(|outcome| (file.clone(), outcome)))
        {
            self.files.ended(&file, outcome, self.in_rerun, self.number);
        }
        if let Some(entry) = self.files.entry(&file) {
            entry.seen = true;
        }
        // So says only a regrtest that merges both streams.
        self.is_merged |= matches!(&outcome, Some(Outcome::Crashed(words)) if words.starts_with("worker non-zero"));
        let file = test_id::without_test(&file).to_owned();
        self.settle(Some((&file, outcome.as_ref())));
        self.file = Some(file);
    }

    /// `test test_x failed`.
    fn file_ended(&mut self, file: String, crashed: bool, cause: Cause) {
        self.files
            .ended(&file, Outcome::Failed, self.in_rerun, self.number);
        self.counted.clear();
        if self.file.is_none() {
            self.name_owner(test_id::without_test(&file));
        }
        self.file = Some(test_id::without_test(&file).to_owned());
        match cause {
            Cause::Untold => {}
            Cause::Traceback => {
                self.block = Block::Loose(
                    Expected::Ended { file, crashed },
                    Traceback::begin(START).unwrap_or_default(),
                    0,
                );
            }
            Cause::Words(words) if crashed => {
                self.keep(of_words(&file, &words));
            }
            Cause::Words(words) => {
                if let Some(entry) = self.files.entry(&file) {
                    entry.words = Some(words);
                }
            }
        }
    }

    /// A part of a log that begins in the output of a file says only behind it whose
    /// it was: of the reports of tests that are not in a file of that name.
    fn name_owner(&mut self, file: &str) {
        for found in self.found.iter_mut().filter(|found| found.owner.is_none()) {
            let own = found.test.file.as_deref();
            if own.is_some_and(|own| own.contains('.') && !own.starts_with("test")) {
                found.test.file = Some(file.to_owned());
                found.owner = Some(file.to_owned());
            }
        }
    }

    /// `test_x failed (1 error)`, behind the last file of a run one by one.
    pub(super) fn own_outcome(&mut self, line: &str) -> bool {
        let Some((name, words)) = line.split_once(' ') else {
            return false;
        };
        let is_own = self.file.as_deref() == Some(test_id::without_test(name));
        let outcome = Outcome::read(words).filter(|outcome| is_own && outcome.is_bad());
        let Some(outcome) = outcome else {
            return false;
        };
        self.leave_file();
        self.files.ended(name, outcome, self.in_rerun, self.number);
        true
    }

    /// The output of a file ends. A test that is still running did not end.
    pub(super) fn leave_file(&mut self) {
        self.counted.clear();
        self.last_test.set(None);
        let Some(running) = self.running.take() else {
            return;
        };
        let own = running.file.as_deref();
        // The error stream of a worker may show another file's test.
        let file = match (&self.file, own) {
            (Some(file), Some(own))
                if own.starts_with("test") && !test_id::is_in_file(&running, file) =>
            {
                self.files.of(own).map(|file| file.name.clone())
            }
            (file, _) => file.clone(),
        };
        if let Some(entry) = file.and_then(|file| self.files.entry(&file)) {
            entry.unfinished = Some(running);
        }
    }

    /// `tells` says whether the line has one of the telling words.
    pub(super) fn verbose(&mut self, verbose: Verbose<'_>, tells: bool) {
        match verbose {
            Verbose::Begins(test) => self.running = Some(test),
            Verbose::Glued(test, rest) => {
                self.running = Some(test);
                self.is_glued = true;
                if tells {
                    self.faults.push(rest, self.number, self.tests_seen);
                }
                self.begin_output(rest, tells);
                self.is_glued = false;
            }
            Verbose::Failed(test, kind) => {
                self.mark(match kind {
                    // Up to Python 3.10 no report follows.
                    FailureKind::UnexpectedSuccess => {
                        Found::with_line(kind, test.clone(), "unexpected success")
                    }
                    _ => Found::new(kind, test.clone()),
                });
                self.ran(Some(test));
            }
            Verbose::Ended(test) => {
                self.survived(Some(&test));
                self.ran(Some(test));
            }
        }
    }

    pub(super) fn leaked(&mut self, file: &str, leak: Leak, line: &str) {
        let mut found = Found::with_line(FailureKind::Leak, of_file(file), line);
        found.details.leaks.push(leak);
        self.keep(found);
    }

    pub(super) fn ran(&mut self, test: Option<TestId>) {
        self.running = None;
        self.last_test.set(test);
    }

    /// The result of the running test, alone on its line behind other output.
    pub(super) fn ending(&self, line: &str) -> Option<Verbose<'static>> {
        unittest::result(line, self.running.as_ref()?)
    }
}

fn of_file(file: &str) -> TestId {
    TestId {
        file: Some(test_id::without_test(file).to_owned()),
        ..TestId::default()
    }
}

/// Python 2 says on one line why a file crashed:
/// `<type 'exceptions.ImportError'>: No module named _ssl`.
fn of_words(file: &str, words: &str) -> Found {
    let exception = exception_type(words);
    let kind = if is_import_error(exception.as_deref()) {
        FailureKind::ImportError
    } else {
        FailureKind::TestError
    };
    let mut found = Found::with_line(kind, of_file(file), words);
    if let (Some(name), Some((_, message))) = (&exception, words.split_once(": ")) {
        found.line = Some(format!("{name}: {message}"));
    }
    found.exception = exception;
    found
}
