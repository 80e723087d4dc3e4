//! What is known of each test file.

use std::collections::HashMap;

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
    /// What it left altered, in regrtest's words.
    pub(super) warnings: Vec<String>,
}

/// All files, in the order in which they were first named.
#[derive(Debug, Default)]
pub(super) struct Files {
    all: Vec<File>,
    index: HashMap<String, usize>,
    /// The last list of files that failed, and of those that failed again.
    last_failed: Option<Vec<String>>,
    again: Option<Vec<String>>,
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

    /// How a file ended. What was said first is the most exact.
    pub(super) fn ended(&mut self, name: &str, outcome: Outcome, in_rerun: bool) {
        let Some(file) = self.entry(name) else {
            return;
        };
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
            List::EnvChanged | List::Rerun | List::Other => {}
        }
    }

    pub(super) fn listed(&mut self, list: List, name: &str) {
        let names = match list {
            List::Failed => self.last_failed.as_mut(),
            List::FailedAgain => self.again.as_mut(),
            List::EnvChanged | List::Rerun | List::Other => None,
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
        match list {
            List::Failed => {
                file.first.get_or_insert(Outcome::Failed);
            }
            List::FailedAgain | List::Rerun => file.was_rerun = true,
            List::EnvChanged => file.env_changed = true,
            List::Other => {}
        }
    }

    /// Whether a file failed first and passed when it was run again. `result` is
    /// regrtest's last word, such as `FAILURE then SUCCESS`.
    pub(super) fn passed_again(&self, name: &str, result: Option<&str>) -> bool {
        let Some(file) = self.get(name).filter(|file| file.was_rerun) else {
            return false;
        };
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
