//! The lines that Python's regrtest prints about test files.

mod outcome;

pub(super) use outcome::Outcome;

use std::sync::LazyLock;

use regex::Regex;

use crate::parsing::pattern;

/// What regrtest says with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A progress line: this file is, or was, run.
    Progress {
        /// The file the line is about; what follows is its output.
        file: String,
        /// How it ended, where the line says so.
        outcome: Option<Outcome>,
        /// How the file before ended, for runs one after the other.
        before: Option<(String, Outcome)>,
        /// Which file of the run it is, and of how many.
        place: Place,
    },
    /// `test test_x failed` and the like.
    Ended {
        /// The file.
        file: String,
        /// `crashed`: it raised outside of any test.
        crashed: bool,
        /// What stands behind ` -- `.
        cause: Cause,
    },
    /// From here on tests are run again.
    RerunBegins,
    /// This file is run again; the one test of it, where only one is.
    Rerun(String, Option<String>),
    /// A list of files follows.
    List(List),
    /// `== Tests result: FAILURE then SUCCESS ==` or `Result: …`.
    Result(String),
}

/// The numbers of a progress line, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: Option<u32>,
    pub(super) total: Option<u32>,
}

/// What regrtest says of why a file failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing, or that there were several.
    Untold,
    /// A traceback follows.
    Traceback,
    /// These words.
    Words(String),
}

/// Which files a list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Failed,
    FailedAgain,
    EnvChanged,
    Rerun,
    /// No test of them ran.
    NoTests,
    /// Skipped, omitted, slow: of no interest.
    Other,
}

static LIST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\d+|All \d+) (?:re-run )?tests? ?(failed again|failed|altered the execution environment|skipped|omitted|OK|run no tests)?[^:]*:$",
    )
});
/// The stamp before `Re-running …`, and its end.
static RERUN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:\d+:\d\d:\d\d )?(?:load avg: [\d.]+ )?Re-running (.+?)(?: \((.*)\))?$")
});

/// Reads one line; `None` if regrtest did not write it.
pub(super) fn read(line: &str) -> Option<Said> {
    // Cheap looks first: a log has many lines and few of these.
    if line.starts_with(|ch: char| ch.is_ascii_digit() || "[l".contains(ch))
        && let Some(said) = progress(line)
    {
        return Some(said);
    }
    if let Some(rest) = line.strip_prefix("test ") {
        return ended(rest);
    }
    if line.contains("Re-running ")
        && let Some(found) = RERUN.captures(line)
    {
        let matching = found.get(2).map(|matching| matching.as_str());
        return Some(rerun(found.get(1)?.as_str(), matching));
    }
    let begins_list = |line: &str| line.starts_with(char::is_numeric) || line.starts_with("All ");
    if line.ends_with(':')
        && begins_list(line.trim_start())
        && let Some(found) = LIST.captures(line.trim_start())
    {
        return Some(Said::List(list(
            line,
            found.get(1).map(|kind| kind.as_str()),
        )));
    }
    let result = line
        .strip_prefix("== Tests result: ")
        .and_then(|rest| rest.strip_suffix(" =="))
        .or_else(|| line.strip_prefix("Tests result: "))
        .or_else(|| line.strip_prefix("Result: "))?;
    is_result(result).then(|| Said::Result(result.to_owned()))
}

/// `FAILURE then SUCCESS`, `FAILURE, ENV CHANGED`.
fn is_result(words: &str) -> bool {
    words
        .split(" then ")
        .flat_map(|run| run.split(", "))
        .all(|word| !word.is_empty() && word.chars().all(|ch| ch.is_ascii_uppercase() || ch == ' '))
}

/// The names in a line of a list; `None` where the list ends. The four spaces
/// before them get lost when somebody quotes a log.
pub(super) fn names(line: &str) -> Option<impl Iterator<Item = &str>> {
    let is_name = |name: &str| {
        name.chars()
            .all(|ch| ch.is_alphanumeric() || "_.-".contains(ch))
    };
    let is_test = |name: &str| is_name(name) && name.starts_with("test");
    let mut words = line.split_whitespace();
    let are_names = if line.starts_with("    ") {
        words.all(is_name)
    } else {
        !line.is_empty() && words.all(is_test)
    };
    are_names.then(|| line.split_whitespace())
}

/// `0:01:02 load avg: 1.20 [ 12/430/1] test_x …`; time and load may be missing. By
/// hand, for there are hundreds of them in a log.
fn progress(line: &str) -> Option<Said> {
    let line = without_time(line).unwrap_or(line);
    let line = without_load(line).unwrap_or(line);
    let (numbers, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let mut numbers = numbers.trim_start_matches(' ').split('/');
    if !numbers.clone().all(is_number) {
        return None;
    }
    let place = Place {
        index: numbers.next()?.parse().ok(),
        total: numbers.next().and_then(|number| number.parse().ok()),
    };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (file, rest) = rest
        .split_at_checked(end)
        .filter(|(file, _)| !file.is_empty())?;
    let (own, suffix) = match rest.split_once(" -- ") {
        Some((own, suffix)) => (own, Some(suffix)),
        None => (rest, None),
    };
    let own = own.trim();
    let outcome = Outcome::read(own);
    // Ninja and others count their steps in the same way; and lines of long logs are
    // passed over that name nothing of these.
    let is_file = file.starts_with("test") || file.starts_with("idlelib");
    let is_name = |ch: char| ch.is_alphanumeric() || "_.-".contains(ch);
    if !is_file || !file.chars().all(is_name) || !(own.is_empty() || outcome.is_some()) {
        return None;
    }
    let before = suffix
        .filter(|suffix| !suffix.starts_with("running"))
        .and_then(|suffix| suffix.split_once(' '))
        .and_then(|(file, words)| Some((file.to_owned(), Outcome::read(words)?)));
    Some(Said::Progress {
        file: file.to_owned(),
        outcome,
        before,
        place,
    })
}

/// Behind `0:01:02 `.
fn without_time(line: &str) -> Option<&str> {
    let (hours, rest) = line.split_once(':')?;
    let (minutes, rest) = rest.split_once(':')?;
    let (seconds, rest) = rest.split_once(' ')?;
    let is_time = [hours, minutes, seconds].into_iter().all(is_number)
        && minutes.len() == 2
        && seconds.len() == 2;
    is_time.then_some(rest)
}

/// Behind `load avg: 1.20 `.
fn without_load(line: &str) -> Option<&str> {
    let (load, rest) = line.strip_prefix("load avg: ")?.split_once(' ')?;
    let is_load = load
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (is_load && !load.is_empty()).then_some(rest)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The files of `-- running (2): test_a (30.1 sec), test_b (1 min)`, which ends a
/// progress line, or is a line of its own while nothing ends.
pub(super) fn running(line: &str) -> Option<Vec<String>> {
    if !line.contains("running") {
        return None;
    }
    let (before, rest) = line
        .split_once("running (")
        .or_else(|| line.split_once("running: "))?;
    if !before.is_empty() && !before.starts_with(|ch: char| ch.is_ascii_digit() || ch == '[') {
        return None;
    }
    let list = rest.split_once("): ").map_or(rest, |(_, list)| list);
    let files: Vec<String> = list
        .split(", ")
        .filter_map(|entry| entry.split_whitespace().next())
        .filter(|file| file.starts_with("test"))
        .map(str::to_owned)
        .collect();
    (!files.is_empty()).then_some(files)
}

/// Behind `test `: `test_x failed -- multiple errors occurred`.
fn ended(rest: &str) -> Option<Said> {
    let (file, words) = rest.split_once(' ')?;
    let crashed = match words.split([' ', ':']).next()? {
        "failed" => false,
        "crashed" => true,
        _ => return None,
    };
    let cause = match words.split_once(" -- ").map(|(_, cause)| cause) {
        Some("Traceback (most recent call last):") => Cause::Traceback,
        Some(words) if !words.starts_with("multiple errors occurred") => {
            Cause::Words(words.to_owned())
        }
        _ => Cause::Untold,
    };
    file.starts_with("test").then(|| Said::Ended {
        file: file.to_owned(),
        crashed,
        cause,
    })
}

fn rerun(what: &str, matching: Option<&str>) -> Said {
    let file = what
        .strip_suffix(" in verbose mode")
        .map(|file| file.trim_start_matches("test '").trim_end_matches('\''));
    let only = matching
        .and_then(|matching| matching.strip_prefix("matching: "))
        .filter(|names| !names.contains(','));
    match file {
        Some(file) if !file.contains(' ') => Said::Rerun(file.to_owned(), only.map(str::to_owned)),
        _ => Said::RerunBegins,
    }
}

fn list(line: &str, kind: Option<&str>) -> List {
    if line.contains(" re-run ") {
        return List::Rerun;
    }
    match kind {
        Some("failed") => List::Failed,
        Some("failed again") => List::FailedAgain,
        Some("altered the execution environment") => List::EnvChanged,
        Some("run no tests") => List::NoTests,
        _ => List::Other,
    }
}

#[cfg(test)]
mod tests;
