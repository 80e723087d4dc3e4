//! What single lines say, and what follows from it.

use super::{Block, Reader};
use crate::domain::failure::{FailureKind, Leak, TestId};
use crate::parsing::excerpt;
use crate::parsing::logs::environment::{self, MAX_WARNINGS};
use crate::parsing::logs::found::Found;
use crate::parsing::logs::regrtest::Said;
use crate::parsing::logs::test_id;
use crate::parsing::logs::traceback::{START, Traceback};
use crate::parsing::logs::unittest::Verbose;

impl Reader {
    pub(super) fn heard(&mut self, said: Said) {
        match said {
            Said::Progress {
                file,
                outcome,
                before,
            } => {
                self.tests_seen = true;
                self.leave_file();
                for (file, outcome) in before
                    .into_iter()
                    .chain(outcome.map(|outcome| (file.clone(), outcome)))
                {
                    self.files.ended(&file, outcome, self.in_rerun);
                }
                self.file = Some(test_id::without_test(&file).to_owned());
            }
            Said::Ended {
                file,
                outcome,
                traceback,
            } => {
                self.files.ended(&file, outcome, self.in_rerun);
                self.file = Some(test_id::without_test(&file).to_owned());
                if traceback {
                    self.block = Block::Loose {
                        named: true,
                        traceback: Traceback::begin(START).unwrap_or_default(),
                    };
                }
            }
            Said::RerunBegins => self.in_rerun = true,
            Said::Rerun(file) => {
                self.in_rerun = true;
                if let Some(entry) = self.files.entry(&file) {
                    entry.was_rerun = true;
                }
                self.file = Some(test_id::without_test(&file).to_owned());
            }
            Said::List(list) => {
                self.leave_file();
                self.files.begin_list(list);
                self.block = Block::List(list);
            }
            Said::Result(result) => {
                self.leave_file();
                self.result = Some(result);
            }
        }
    }

    /// The output of a file ends. A test that is still running did not end.
    pub(super) fn leave_file(&mut self) {
        let running = self.running.take();
        self.last_test = None;
        if let Some(file) = self.file.clone().filter(|_| running.is_some())
            && let Some(entry) = self.files.entry(&file)
        {
            entry.unfinished = running;
        }
    }

    pub(super) fn verbose(&mut self, verbose: Verbose<'_>) {
        match verbose {
            Verbose::Begins(test) => self.running = Some(test),
            Verbose::Glued(test, rest) => {
                self.running = Some(test);
                self.begin_output(rest);
            }
            Verbose::Failed(test, kind) => {
                self.mark(Found::new(kind, test.clone()));
                self.ran(Some(test));
            }
            Verbose::Ended(test) => self.ran(Some(test)),
        }
    }

    pub(super) fn leaked(&mut self, file: &str, leak: Leak, line: &str) {
        let test = TestId {
            file: Some(test_id::without_test(file).to_owned()),
            ..TestId::default()
        };
        let mut found = Found::with_line(FailureKind::Leak, test, line);
        found.details.leaks.push(leak);
        self.keep(found);
    }

    pub(super) fn warned(&mut self, warning: &environment::Warning<'_>, line: &str) {
        if warning.is_telling {
            self.hides_values = environment::has_secret_values(line);
        } else if self.hides_values || environment::is_environment(line) {
            return;
        }
        let test = self.running.as_ref().or(self.last_test.as_ref());
        let of_test = test.and_then(|test| test.file.as_deref());
        let Some(file) = warning.file.or(self.file.as_deref()).or(of_test) else {
            return;
        };
        let line = excerpt::headline(line);
        if let Some(entry) = self.files.entry(file)
            && entry.warnings.len() < MAX_WARNINGS
            && !entry.warnings.contains(&line)
        {
            entry.warnings.push(line);
        }
    }

    pub(super) fn ran(&mut self, test: Option<TestId>) {
        self.running = None;
        self.last_test = test;
    }

    /// The result of the running test, alone on its line behind other output.
    pub(super) fn ending(&self, line: &str) -> Option<Verbose<'static>> {
        let running = self.running.clone()?;
        match line {
            "ok" => Some(Verbose::Ended(running)),
            "FAIL" => Some(Verbose::Failed(running, FailureKind::TestFailed)),
            "ERROR" => Some(Verbose::Failed(running, FailureKind::TestError)),
            _ => None,
        }
    }
}
