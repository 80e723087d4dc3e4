//! The test that ran last.

use crate::domain::failure::TestId;
use crate::parsing::logs::unittest::{self, Verbose};

/// Nearly all tests pass, and nobody asks for their names: of those the line is
/// kept, and read when somebody does.
#[derive(Debug, Default)]
pub(super) struct LastTest {
    line: String,
    test: Option<TestId>,
}

impl LastTest {
    /// The test of `test_x (...) ... ok`.
    pub(super) fn set_line(&mut self, line: &str) {
        self.test = None;
        self.line.clear();
        self.line.push_str(line);
    }

    pub(super) fn set(&mut self, test: Option<TestId>) {
        self.line.clear();
        self.test = test;
    }

    pub(super) fn get(&self) -> Option<TestId> {
        if self.line.is_empty() {
            return self.test.clone();
        }
        match unittest::verbose(&self.line, None) {
            Some(Verbose::Ended(test)) => Some(test),
            _ => None,
        }
    }
}
