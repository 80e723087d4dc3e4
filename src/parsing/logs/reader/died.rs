//! What is left of a process that died.

use super::{Block, Reader};
use crate::domain::failure::{FailureKind, TestId};
use crate::parsing::excerpt;
use crate::parsing::logs::faulthandler::Dump;
use crate::parsing::logs::found::{self, Found};
use crate::parsing::logs::last_words;
use crate::parsing::logs::sanitizer::{MAX_REPORTS, Report};

const WINDOWS: &str = "Windows fatal exception: ";

impl Reader {
    pub(super) fn close_dump(&mut self, dump: &Dump) {
        // Where the interpreter said why it died, a trap is only how that was seen; and
        // it may die once more while it shows its stack.
        let is_trap = last_words::trap(&dump.line).is_some();
        let is_told = |known: &Found| {
            known.kind == FailureKind::Crash
                && known.owner == self.file
                && known.in_rerun == self.in_rerun
                && (is_trap || known.line.as_ref() == Some(&dump.line))
        };
        if dump.threads().is_none() && self.found.iter().skip(self.settled).any(is_told) {
            return;
        }
        let mut test = dump.test().unwrap_or_default();
        // Frames have no class; the line of the verbose list has.
        if let Some(running) = &self.running
            && (test.method.is_none() || test.method == running.method)
        {
            test = running.clone();
        }
        let frames = dump.frames();
        let mut found = Found {
            line: Some(dump.line.clone()),
            place: dump.place(),
            excerpt: dump.excerpt(excerpt::MAX_LINES),
            ..Found::new(dump.kind, test)
        };
        found.details.frames = found::places(&frames);
        found.details.threads = dump.threads();
        found.details.timeout_seconds = dump.timeout_seconds();
        found.details.signal = dump.signal().map(str::to_owned);
        found.details.place = dump.source();
        self.has_crash |= found.kind == FailureKind::Crash;
        self.keep(found);
        // Windows tells of exceptions that may be handled.
        if !dump.line.starts_with(WINDOWS) {
            self.running = None;
        }
    }

    /// The test may go on: not every report ends the process.
    pub(super) fn close_sanitizer(&mut self, report: Report) {
        let test = self.running.clone().unwrap_or_default();
        let found = report.into_found(test);
        let same = |known: &&Found| known.details.sanitizer.is_some();
        let reports = self.found.iter().filter(same);
        // Many reports of one race are one.
        if reports
            .clone()
            .any(|known| known.apart == found.apart && known.test == found.test)
            || reports.count() >= MAX_REPORTS
        {
            return;
        }
        self.keep(found);
    }

    /// Looks for what is no test's: faults of the machine, errors of compilers,
    /// other runners. What a test's report quotes is no fault. `tells` says whether
    /// the line has one of the [`telling`] words.
    ///
    /// [`telling`]: crate::parsing::logs::telling
    pub(super) fn look_aside(&mut self, line: &str, is_quoted: bool, tells: bool) {
        let is_fault = match (is_quoted, tells) {
            (true, _) => false,
            (false, true) => self.faults.push(line, self.number, self.tests_seen),
            (false, false) => {
                self.faults.push_below(line);
                false
            }
        };
        if self.tests_seen {
            return;
        }
        self.others.push(line, self.number);
        if is_fault || self.others.tests_seen() {
            return;
        }
        if tells {
            self.errors.push(line, self.number);
        } else {
            self.errors.push_context(line);
        }
    }

    /// Whether what is read now is quoted by a test's report.
    pub(super) fn is_in_report(&self) -> bool {
        matches!(
            self.block,
            Block::Header(..) | Block::Report(..) | Block::Loose(..) | Block::Example(_)
        )
    }

    /// The test that was running when the log ended.
    pub(in crate::parsing::logs) fn running_test(&self) -> Option<&TestId> {
        self.running.as_ref()
    }
}
