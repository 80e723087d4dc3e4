//! What is known of each test file.

use std::collections::HashMap;

use super::environment::{Altered, MAX_WARNINGS};
use super::regrtest::{List, Outcome};
use super::test_id::without_test;
use crate::domain::failure::TestId;

/// Most files kept; CPython has about 500.
const MAX_FILES: usize = 3000;

/// One test file.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) name: String,
    /// How it ended when it was run first.
    pub(super) first: Option<Outcome>,
    /// How it ended when it was run again.
    pub(super) second: Option<Outcome>,
    /// It was run again, whatever came of it.
    pub(super) was_rerun: bool,
    pub(super) env_changed: bool,
    /// The test of which the output says no end.
    pub(super) unfinished: Option<TestId>,
    /// What it left altered.
    pub(super) altered: Vec<Altered>,
    /// A progress line or one of the lists at the end named it.
    pub(super) seen: bool,
    /// No test of it ran when it was run again: that proves nothing.
    pub(super) ran_none: bool,
    /// What regrtest said of why it failed.
    pub(super) words: Option<String>,
    /// The only test that was run again.
    pub(super) matching: Option<String>,
    /// The number of the line that says how it ended first.
    pub(super) line: Option<u64>,
}

impl File {
    /// How it ended in one of the two runs.
    pub(super) fn outcome(&self, in_rerun: bool) -> Option<&Outcome> {
        if in_rerun {
            self.second.as_ref()
        } else {
            self.first.as_ref()
        }
    }

    /// Keeps what it left altered.
    pub(super) fn alter(&mut self, altered: Altered) {
        let is_known = |known: &Altered| known.lines.first() == altered.lines.first();
        if self.altered.len() < MAX_WARNINGS && !self.altered.iter().any(is_known) {
            self.altered.push(altered);
        }
    }
}

/// All files, in the order in which they were first named.
#[derive(Debug, Default)]
pub(super) struct Files {
    all: Vec<File>,
    index: HashMap<String, usize>,
    /// The last list of files that failed, and of those that failed again.
    last_failed: Option<Vec<String>>,
    again: Option<Vec<String>>,
    /// The run was seen from its first file on.
    pub(super) from_start: bool,
}

impl Files {
    pub(super) fn iter(&self) -> impl Iterator<Item = &File> {
        self.all.iter()
    }

    pub(super) fn get(&self, name: &str) -> Option<&File> {
        self.index
            .get(without_test(name))
            .and_then(|at| self.all.get(*at))
    }

    /// The file, new if it was not named before; `None` when there are too many.
    pub(super) fn entry(&mut self, name: &str) -> Option<&mut File> {
        let name = without_test(name);
        let at = match self.index.get(name) {
            Some(at) => *at,
            None if self.all.len() < MAX_FILES => {
                self.all.push(File {
                    name: name.to_owned(),
                    ..File::default()
                });
                self.index.insert(name.to_owned(), self.all.len() - 1);
                self.all.len() - 1
            }
            None => return None,
        };
        self.all.get_mut(at)
    }

    /// The file to which a dotted name belongs: `test_json` for
    /// `test_json.test_decode`.
    pub(super) fn of(&self, name: &str) -> Option<&File> {
        let mut name = without_test(name);
        loop {
            if let Some(file) = self.get(name) {
                return Some(file);
            }
            name = name.rsplit_once('.')?.0;
        }
    }

    /// Whether the file is one of the run's, as far as that is known.
    pub(super) fn is_run(&self, name: &str) -> bool {
        !self.from_start || self.of(name).is_some_and(|file| file.seen)
    }

    /// How a file ended, and the number of the line that says so. What was said
    /// first is the most exact.
    pub(super) fn ended(
        &mut self,
        name: &str,
        outcome: Outcome,
        in_rerun: bool,
        number: Option<u64>,
    ) {
        let Some(file) = self.entry(name) else {
            return;
        };
        if outcome.is_bad() {
            file.line = file.line.or(number);
        }
        file.env_changed |= outcome == Outcome::EnvChanged && !in_rerun;
        let place = if in_rerun {
            file.was_rerun = true;
            &mut file.second
        } else {
            &mut file.first
        };
        place.get_or_insert(outcome);
    }

    pub(super) fn begin_list(&mut self, list: List) {
        match list {
            List::Failed => self.last_failed = Some(Vec::new()),
            List::FailedAgain => self.again = Some(Vec::new()),
            List::EnvChanged | List::Rerun | List::NoTests | List::Other => {}
        }
    }

    /// A list names a file. `is_final` for those behind regrtest's result.
    pub(super) fn listed(&mut self, list: List, name: &str, is_final: bool) {
        let names = match list {
            List::Failed => self.last_failed.as_mut(),
            List::FailedAgain => self.again.as_mut(),
            List::EnvChanged | List::Rerun | List::NoTests | List::Other => None,
        };
        if let Some(names) = names
            && names.len() < MAX_FILES
        {
            names.push(without_test(name).to_owned());
        }
        if list == List::Other {
            return;
        }
        let Some(file) = self.entry(name) else {
            return;
        };
        file.seen |= is_final;
        match list {
            List::Failed => {
                file.first.get_or_insert(Outcome::Failed);
            }
            List::FailedAgain | List::Rerun => file.was_rerun = true,
            List::EnvChanged => file.env_changed = true,
            List::NoTests => file.ran_none = true,
            List::Other => {}
        }
    }

    /// Whether a file failed first and passed when it was run again. `result` is
    /// regrtest's last word, such as `FAILURE then SUCCESS`.
    pub(super) fn passed_again(&self, name: &str, result: Option<&str>) -> bool {
        let Some(file) = self.get(name).filter(|file| file.was_rerun) else {
            return false;
        };
        if file.ran_none {
            return false;
        }
        if let Some(second) = &file.second {
            return *second == Outcome::Passed;
        }
        if result.is_some_and(|result| result.ends_with("then SUCCESS")) {
            return true;
        }
        let is_in = |list: &Option<Vec<String>>| {
            list.as_ref()
                .map(|names| names.iter().any(|listed| listed == name))
        };
        match is_in(&self.again) {
            Some(failed_again) => !failed_again,
            None => {
                result.is_some_and(|result| result.contains(" then "))
                    && is_in(&self.last_failed) == Some(false)
            }
        }
    }
}
