//! Whose it was: what names no file is told from where it stood and from how
//! the files around it ended.
//!
//! A file's output follows its progress line, but up to Python 3.11.6 what workers
//! wrote to the standard error stream may come before it.

use super::Reader;
use crate::domain::failure::{FailureKind, TestId};
use crate::parsing::logs::environment::{self, Altered};
use crate::parsing::logs::found::{Found, clipped};
use crate::parsing::logs::regrtest::Outcome;
use crate::parsing::logs::traceback::{Traceback, test_of};
use crate::parsing::logs::unittest;

/// Most warnings that wait for the next progress line, and lines of each.
const MAX_WAITING: usize = 64;
const MAX_LINES: usize = 6;
/// How soon the values must follow a warning, in lines.
const VALUES_WITHIN: u8 = 5;

impl Reader {
    /// A line of regrtest about something that was found altered.
    pub(super) fn warned(&mut self, warning: &environment::Warning<'_>, line: &str) {
        if !warning.is_telling {
            return self.valued(line);
        }
        self.attentive = VALUES_WITHIN;
        if self.waiting.len() >= MAX_WAITING {
            return;
        }
        let sure = self.running.as_ref().filter(|_| self.is_glued);
        // A quoted part of a log may name no file but the tests'.
        let quoted = || self.running.clone().or_else(|| self.last_test.get())?.file;
        let quoted = self.file.is_none().then(quoted).flatten();
        self.waiting.push(Altered {
            file: warning
                .file
                .or(quoted.as_deref())
                .map(|file| clipped(file).to_owned()),
            what: warning.altered.map(|what| clipped(what).to_owned()),
            lines: vec![clipped(line).to_owned()],
            test: sure.filter(|_| warning.file.is_none()).cloned(),
            traceback: None,
            number: self.number,
            shows_values: environment::shows_values(warning),
        });
    }

    /// The value below a warning, or the sentence before a traceback.
    pub(super) fn valued(&mut self, line: &str) {
        let Some(last) = self.waiting.last_mut().filter(|_| self.attentive > 0) else {
            return;
        };
        let shown = last.shows_values && environment::value(line).is_some();
        let is_sentence = line.starts_with("Exception ");
        if (shown || is_sentence) && last.lines.len() < MAX_LINES {
            last.lines.push(clipped(line).to_owned());
        }
    }

    /// The traceback of an exception that nobody caught.
    pub(super) fn uncaught(&mut self, traceback: Traceback) {
        if let Some(last) = self.waiting.last_mut() {
            last.traceback = Some(traceback);
        }
    }

    /// The next file's progress line has come, or the output ends.
    pub(super) fn settle(&mut self, next: Option<(&str, Option<&Outcome>)>) {
        self.has_crash = false;
        if self.waiting.is_empty() && self.settled == self.found.len() {
            return;
        }
        let before = self.file.clone();
        let outcome = |file: Option<&str>| {
            let file = self.files.get(file?)?;
            file.outcome(self.in_rerun).cloned()
        };
        let ended = outcome(before.as_deref());
        let next_outcome = next.and_then(|(_, outcome)| outcome);
        // Of the file before, unless that ended otherwise and the next so.
        let is_merged = self.is_merged;
        let is_before = |fits: &dyn Fn(&Outcome) -> bool| {
            is_merged && before.is_some()
                || before.is_some() && ended.as_ref().is_none_or(fits)
                || !next_outcome.is_some_and(fits)
        };
        let next = next.map(|(file, _)| file.to_owned());
        let altered = is_before(&|it| *it == Outcome::EnvChanged);
        let failed = is_before(&Outcome::is_bad);
        let owner = |is_before: bool| if is_before { &before } else { &next };
        for waiting in std::mem::take(&mut self.waiting) {
            let through = waiting.traceback.as_ref();
            let through = through
                .and_then(|traceback| test_of(&traceback.frames)?.file)
                .filter(|file| self.files.of(file).is_some());
            let file = match waiting.file.as_deref() {
                Some(named) if self.files.is_run(named) => Some(named),
                Some(_) => None,
                None => through.as_deref().or(owner(altered).as_deref()),
            };
            let Some(file) = file else {
                continue;
            };
            let name = self
                .files
                .of(file)
                .map_or(file, |file| &file.name)
                .to_owned();
            self.files.alter(&name, waiting);
        }
        if !failed {
            for found in self.found.iter_mut().skip(self.settled) {
                if found.is_guessed {
                    found.owner.clone_from(&next);
                    found.test.file.clone_from(&next);
                }
            }
        }
        self.settled = self.found.len();
    }

    /// `Ran 3 tests in 0.1s`: the reports of a run are complete.
    pub(super) fn ran_tests(&mut self, line: &str) {
        let Some(count) = line.strip_prefix("Ran ") else {
            return;
        };
        self.forget_quoted_run();
        if self.in_rerun
            && count.starts_with("0 tests ")
            && let Some(file) = self.file.clone()
            && let Some(entry) = self.files.entry(&file)
        {
            entry.ran_none = true;
        }
        if let Some(running) = self.running.take() {
            self.last_test.set(Some(running));
        }
        if let Some(last) = self.last_test.get() {
            self.marked.retain(|marked| {
                marked.test.file != last.file || marked.kind == FailureKind::UnexpectedSuccess
            });
        }
    }

    /// `FAILED (failures=1)`: where more was reported, a message quoted the
    /// reports of tests that were not run.
    pub(super) fn counted(&mut self, line: &str) {
        let Some(count) = unittest::failed_count(line) else {
            return;
        };
        if count == 0 && line.contains("unexpected successes=") {
            self.succeeded_unexpectedly(line);
        }
        let mut excess = self.reports.len().saturating_sub(count);
        self.counted = if excess == 0 {
            self.reports.clone()
        } else {
            Vec::new()
        };
        for at in std::mem::take(&mut self.reports).into_iter().rev() {
            if excess > 0 && self.is_foreign(at) {
                self.forget(at);
                excess -= 1;
            }
        }
    }

    /// A file runs its tests once: what came before, with reports of tests that were
    /// not run, is what a test printed.
    fn forget_quoted_run(&mut self) {
        for at in std::mem::take(&mut self.counted).into_iter().rev() {
            if self.is_foreign(at) {
                self.forget(at);
            }
        }
    }

    /// Whether what was found is of a file that is none of the run's.
    fn is_foreign(&self, at: usize) -> bool {
        let file = self.found.get(at).and_then(|it| it.test.file.as_deref());
        file.is_some_and(|file| !self.files.is_run(file))
    }

    /// `FAILED (unexpected successes=1)`: where the list of tests is not shown, no line
    /// names the test.
    fn succeeded_unexpectedly(&mut self, line: &str) {
        let kind = FailureKind::UnexpectedSuccess;
        let is_named =
            |found: &Found| found.kind == kind && (found.owner == self.file || self.file.is_none());
        if !self.found.iter().chain(&self.marked).any(is_named) {
            self.keep(Found::with_line(kind, TestId::default(), line));
        }
    }

    /// A test of the file that has just been left, or this one, ended: the process
    /// lives on. faulthandler on Windows also shows exceptions that are handled.
    pub(super) fn survived(&mut self, test: Option<&TestId>) {
        if !self.has_crash {
            return;
        }
        for at in (self.settled..self.found.len()).rev() {
            let is_over = self.found.get(at).is_some_and(|found| {
                let is_it = |test: &TestId| {
                    test.method == found.test.method && test.file == found.test.file
                };
                found.kind == FailureKind::Crash
                    && found.details.sanitizer.is_none()
                    && test.is_none_or(is_it)
            });
            if is_over {
                self.forget(at);
            }
        }
    }

    fn forget(&mut self, at: usize) {
        if at < self.found.len() {
            self.found.remove(at);
            self.settled = self.settled.min(self.found.len());
            self.reports.retain(|report| *report != at);
            for report in self.reports.iter_mut().filter(|report| **report > at) {
                *report -= 1;
            }
        }
    }
}
