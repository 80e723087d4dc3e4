//! What pytest prints of tests that failed: its reports, and the summary that
//! names them.

mod entry;

use entry::{Entry, Phase, is_separator};

use super::found::{Found, clipped};
use super::last_words;
use super::others::MAX_FAILED;
use crate::domain::failure::{FailureKind, TestId};

/// The part of the output that is read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    Progress,
    Reports,
    Summary,
    Other,
}

/// Reads the output of pytest.
#[derive(Debug, Default)]
pub(super) struct Pytest {
    section: Section,
    /// What was reported.
    entries: Vec<Entry>,
    /// What the summary names.
    named: Vec<Named>,
    /// What the list of tests says failed, for runs that died.
    marked: Vec<Named>,
    /// The process died, or was ended, behind this test's or file's name.
    died: Option<Found>,
    /// pytest itself failed.
    internal: Option<(String, Option<u64>)>,
}

/// A test that failed, by pytest's own id.
#[derive(Debug, Clone)]
struct Named {
    /// `tests/test_a.py::TestA::test_x[1]`.
    id: String,
    is_error: bool,
    /// What `subtests` added.
    subtest: Option<String>,
    /// Behind ` - `; may be cut.
    message: Option<String>,
    number: Option<u64>,
}

impl Pytest {
    /// Whether only pytest prints such a line.
    pub(super) fn begins(line: &str) -> bool {
        title(line).is_some_and(|title| {
            matches!(
                title,
                "test session starts" | "FAILURES" | "ERRORS" | "short test summary info"
            )
        })
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        if let Some(title) = title(line) {
            self.section = match title {
                "FAILURES" | "ERRORS" => Section::Reports,
                "short test summary info" => Section::Summary,
                "test session starts" => Section::Progress,
                _ => Section::Other,
            };
            return;
        }
        if let Some(error) = line.strip_prefix("INTERNALERROR> ") {
            if !error.starts_with(' ') && error.contains("rror") {
                self.internal = Some((error.to_owned(), number));
            }
            return;
        }
        match self.section {
            Section::Progress => self.push_progress(line, number),
            Section::Reports => self.push_report(line, number),
            Section::Summary => {
                if let Some(named) = Named::of_summary(line, number)
                    && self.named.len() < MAX_FAILED
                {
                    self.named.push(named);
                }
            }
            Section::Other => {}
        }
    }

    fn push_progress(&mut self, line: &str, number: Option<u64>) {
        if line.contains(".py")
            && let Some(died) = died(line, number)
        {
            self.died = Some(died);
            return;
        }
        if line.contains("::")
            && let Some(named) = Named::of_progress(line, number)
            && self.marked.len() < MAX_FAILED
        {
            self.marked.push(named);
        }
    }

    fn push_report(&mut self, line: &str, number: Option<u64>) {
        if line.starts_with('_')
            && !is_separator(line)
            && let Some(entry) = Entry::begin(line, number)
            && self.entries.len() < MAX_FAILED
        {
            self.entries.push(entry);
            return;
        }
        if let Some(entry) = self.entries.last_mut() {
            entry.push(line);
        }
    }

    /// The tests that failed, in the order of the reports.
    pub(super) fn finish(self) -> Vec<Found> {
        let Self {
            mut entries,
            named,
            marked,
            internal,
            died,
            ..
        } = self;
        let has_summary = !named.is_empty();
        let mut found: Vec<Found> = Vec::new();
        for named in named
            .into_iter()
            .chain(if has_summary { Vec::new() } else { marked })
        {
            let at = entries.iter().position(|entry| entry.is_of(&named));
            let entry = at.map(|at| entries.remove(at));
            found.push(named.into_found(entry));
        }
        // Reports that no summary names: it was turned off, or cut off.
        found.extend(entries.into_iter().map(|entry| {
            let test = entry.test();
            entry.into_found(test, false)
        }));
        found.extend(died);
        found.sort_by_key(|found| found.details.log_line);
        if found.is_empty()
            && let Some((line, number)) = internal
        {
            let mut failed = Found::with_line(FailureKind::Unknown, TestId::default(), &line);
            failed.details.log_line = number;
            found.push(failed);
        }
        found
    }
}

impl Named {
    /// `FAILED tests/test_a.py::test_x - KeyError: 'b'`.
    fn of_summary(line: &str, number: Option<u64>) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        let (is_error, subtest, rest) = match word {
            "FAILED" | "SUBFAIL" => (false, None, rest),
            "ERROR" => (true, None, rest),
            _ => {
                // `SUBFAILED[msg] (i=1) tests/…`; the message may have spaces.
                let what = line.strip_prefix("SUBFAILED")?;
                let at = what.find(".py::")?;
                let begin = what.get(..at)?.rfind(' ')?;
                let subtest = what.get(..begin)?.trim();
                (false, Some(subtest.to_owned()), what.get(begin + 1..)?)
            }
        };
        let (id, message) = split_message(rest);
        let is_id = id.contains(".py") || id.contains("::");
        is_id.then(|| Self {
            id: id.to_owned(),
            is_error,
            subtest: subtest.filter(|subtest| !subtest.is_empty()),
            message: message.map(str::to_owned),
            number,
        })
    }

    /// `tests/test_a.py::test_x FAILED   [ 21%]`, and xdist's
    /// `[gw0] [ 21%] FAILED tests/test_a.py::test_x`.
    fn of_progress(line: &str, number: Option<u64>) -> Option<Self> {
        let named = |id: &str, word: &str| {
            (!id.is_empty() && !id.starts_with(char::is_whitespace)).then(|| Self {
                id: id.trim().to_owned(),
                is_error: word == "ERROR",
                subtest: None,
                message: None,
                number,
            })
        };
        if line.starts_with("[gw") {
            let (_, rest) = line.split_once("%] ")?;
            let (word, id) = rest.split_once(' ')?;
            return matches!(word, "FAILED" | "ERROR")
                .then(|| named(id, word))
                .flatten();
        }
        let line = line.trim_end();
        let line = line.rsplit_once('[').map_or(line, |(before, percent)| {
            if percent.ends_with("%]") {
                before
            } else {
                line
            }
        });
        let (id, word) = line.trim_end().rsplit_once(' ')?;
        (matches!(word, "FAILED" | "ERROR") && id.contains(".py::"))
            .then(|| named(id, word))
            .flatten()
    }

    /// The name that the report's header has: `TestA.test_x[1]`.
    fn report_name(&self) -> String {
        let Some((_, inside)) = self.id.split_once("::") else {
            return self.id.clone();
        };
        match inside.split_once('[') {
            Some((name, parameter)) => format!("{}[{parameter}", name.replace("::", ".")),
            None => inside.replace("::", "."),
        }
    }

    fn test(&self) -> TestId {
        let (file, inside) = match self.id.split_once("::") {
            Some((file, inside)) => (file, Some(inside)),
            None => (self.id.as_str(), None),
        };
        let (name, parameter) = match inside.and_then(|inside| inside.find('[')) {
            Some(at) => {
                let inside = inside.unwrap_or_default();
                (inside.get(..at), inside.get(at..))
            }
            None => (inside, None),
        };
        let (class, method) = match name.and_then(|name| name.rsplit_once("::")) {
            Some((class, method)) => (Some(class.replace("::", ".")), Some(method)),
            None => (None, name),
        };
        let subtest = match (parameter, &self.subtest) {
            (Some(parameter), Some(subtest)) => Some(format!("{parameter} {subtest}")),
            (Some(only), None) => Some(only.to_owned()),
            (None, subtest) => subtest.clone(),
        };
        TestId {
            file: Some(file.to_owned()),
            class,
            method: method.map(str::to_owned),
            subtest,
        }
    }

    fn into_found(self, entry: Option<Entry>) -> Found {
        let test = self.test();
        let word = if self.is_error { "ERROR" } else { "FAILED" };
        let header = format!("{word} {}", self.id);
        let mut found = match entry {
            Some(entry) => entry.into_found(test, self.is_error),
            None => {
                let mut entry = Entry::of_message(self.message.as_deref().unwrap_or_default());
                entry.number = self.number;
                let is_collected = !self.id.contains("::") && self.is_error;
                if is_collected {
                    entry.phase = Phase::Collect;
                }
                entry.into_found(test, self.is_error)
            }
        };
        found.excerpt.insert(0, header);
        found
    }
}

impl Entry {
    /// Whether the summary's line is of this report.
    fn is_of(&self, named: &Named) -> bool {
        if let Some(id) = self.crashed_id() {
            return id == named.id;
        }
        let name = self.name.as_str();
        let is_same_phase = named.is_error == (self.phase != Phase::Call);
        is_same_phase && (name == named.report_name() || name.starts_with(&named.id))
            || (named.subtest.is_some() && name.starts_with(&named.report_name()))
    }
}

/// `tests/test_a.py::test_x Fatal Python error: Aborted`, or behind the dots of the
/// tests that passed in a file: what the process said when it died, and of which test
/// or file.
fn died(line: &str, number: Option<u64>) -> Option<Found> {
    let whole = last_words::find(line).filter(|words| words.at > 0);
    let (words, (before, text)) = match whole {
        Some(words) => (words, line.split_at_checked(words.at)?),
        None => {
            let (id, text) = line
                .split_once(' ')
                .filter(|(id, _)| id.contains(".py::"))?;
            (last_words::find(text)?, (id, text))
        }
    };
    let before = before.trim_end();
    let (id, dots) = match before.split_once(' ') {
        Some((id, dots)) if !before.ends_with(']') => (id, dots.trim()),
        _ => (before, ""),
    };
    let are_dots = dots.chars().all(|ch| ".sxXFEfu,".contains(ch));
    let is_id = id.contains(".py::") || id.ends_with(".py");
    if !is_id || !are_dots || (id.contains("::") && !dots.is_empty()) {
        return None;
    }
    let named = Named {
        id: clipped(id).replace('\\', "/"),
        is_error: false,
        subtest: None,
        message: None,
        number,
    };
    let mut found = Found::with_line(words.kind, named.test(), text.trim());
    found.details.log_line = number;
    found.details.timeout_seconds = last_words::timeout_seconds(text.trim());
    Some(found)
}

/// The text between the signs of `===== title =====`.
fn title(line: &str) -> Option<&str> {
    let inside = line.strip_prefix("===")?.trim_end().strip_suffix("===")?;
    let title = inside.trim_matches('=');
    let title = title.strip_prefix(' ')?.strip_suffix(' ')?;
    (!title.is_empty()).then_some(title)
}

/// The id and what stands behind ` - `, which a parameter may hold too.
fn split_message(text: &str) -> (&str, Option<&str>) {
    let bracket = text.find('[');
    let dash = text.find(" - ");
    match (bracket, dash) {
        (Some(bracket), Some(dash)) if bracket < dash => match text.find("] - ") {
            Some(end) => (
                text.get(..=end).unwrap_or(text),
                text.get(end + "] - ".len()..),
            ),
            None => (text, None),
        },
        (_, Some(dash)) => (
            text.get(..dash).unwrap_or(text),
            text.get(dash + " - ".len()..),
        ),
        (_, None) => (text, None),
    }
}

#[cfg(test)]
mod tests;
