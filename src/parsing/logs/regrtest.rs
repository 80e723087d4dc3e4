//! The lines that Python's regrtest prints about test files.

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
    },
    /// `test test_x failed` and the like; the text behind ` -- `.
    Ended {
        /// The file.
        file: String,
        /// How it ended.
        outcome: Outcome,
        /// A traceback follows.
        traceback: bool,
    },
    /// From here on tests are run again.
    RerunBegins,
    /// This file is run again.
    Rerun(String),
    /// A list of files follows.
    List(List),
    /// `== Tests result: FAILURE then SUCCESS ==` or `Result: …`.
    Result(String),
}

/// How a test file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    /// The words about its end.
    Crashed(String),
    TimedOut(String),
    EnvChanged,
    Leaked,
    /// Skipped, denied, interrupted: neither good nor bad.
    Other,
}

impl Outcome {
    /// Whether somebody has to look.
    pub(super) fn is_bad(&self) -> bool {
        !matches!(self, Self::Passed | Self::Other)
    }
}

/// Which files a list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Failed,
    FailedAgain,
    EnvChanged,
    Rerun,
    /// Skipped, omitted, slow: of no interest.
    Other,
}

/// `0:01:02 load avg: 1.20 [ 12/430/1] test_x …`; time and load may be missing.
static PROGRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:\d+:\d\d:\d\d )?(?:load avg: [\d.]+ )?\[ *\d+(?:/\d+)*\] (\S+)(.*)$")
});
static LIST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\d+|All \d+) (?:re-run )?tests? ?(failed again|failed|altered the execution environment|skipped|omitted|OK|run no tests)?[^:]*:$",
    )
});
/// The stamp before `Re-running …`, and its end.
static RERUN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:\d+:\d\d:\d\d )?(?:load avg: [\d.]+ )?Re-running (.+?)(?: \(.*\))?$")
});

/// Reads one line; `None` if regrtest did not write it.
pub(super) fn read(line: &str) -> Option<Said> {
    // Cheap looks first: a log has many lines and few of these.
    if line.contains("] ")
        && line.starts_with(|ch: char| ch.is_ascii_digit() || "[l".contains(ch))
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
        return Some(rerun(found.get(1)?.as_str()));
    }
    if line.ends_with(':')
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
    Some(Said::Result(result.to_owned()))
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

fn progress(line: &str) -> Option<Said> {
    let found = PROGRESS.captures(line)?;
    let file = found.get(1)?.as_str();
    let rest = found.get(2)?.as_str();
    let (own, suffix) = match rest.split_once(" -- ") {
        Some((own, suffix)) => (own, Some(suffix)),
        None => (rest, None),
    };
    let own = own.trim();
    let before = suffix
        .filter(|suffix| !suffix.starts_with("running"))
        .and_then(|suffix| suffix.split_once(' '))
        .and_then(|(file, words)| Some((file.to_owned(), outcome(words)?)));
    Some(Said::Progress {
        file: file.to_owned(),
        outcome: outcome(own),
        before,
    })
}

/// The files of `-- running (2): test_a (30.1 sec), test_b (1 min)`, which ends a
/// progress line, or is a line of its own while nothing ends.
pub(super) fn running(line: &str) -> Option<Vec<String>> {
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

fn outcome(words: &str) -> Option<Outcome> {
    let starts = |what: &str| words.starts_with(what);
    if words.is_empty() {
        return None;
    }
    Some(if starts("passed") {
        Outcome::Passed
    } else if starts("failed (env changed)") {
        Outcome::EnvChanged
    } else if starts("failed (reference leak)") {
        Outcome::Leaked
    } else if starts("failed") || starts("worker bug") {
        Outcome::Failed
    } else if starts("timed out") {
        Outcome::TimedOut(words.to_owned())
    } else if starts("crashed") || starts("process crashed") || starts("worker non-zero exit code")
    {
        Outcome::Crashed(words.to_owned())
    } else if starts("skipped")
        || starts("ran no tests")
        || starts("run no tests")
        || starts("interrupted")
    {
        Outcome::Other
    } else {
        return None;
    })
}

/// Behind `test `: `test_x failed -- multiple errors occurred`.
fn ended(rest: &str) -> Option<Said> {
    let (file, words) = rest.split_once(' ')?;
    let outcome = match words.split([' ', ':']).next()? {
        "failed" | "crashed" => Outcome::Failed,
        _ => return None,
    };
    file.starts_with(|ch: char| ch.is_alphabetic())
        .then(|| Said::Ended {
            file: file.to_owned(),
            outcome,
            traceback: words.ends_with("Traceback (most recent call last):"),
        })
}

fn rerun(what: &str) -> Said {
    let file = what
        .strip_suffix(" in verbose mode")
        .map(|file| file.trim_start_matches("test '").trim_end_matches('\''));
    match file {
        Some(file) if !file.contains(' ') => Said::Rerun(file.to_owned()),
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
        _ => List::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_and_outcome(line: &str) -> (String, Option<Outcome>) {
        match read(line) {
            Some(Said::Progress { file, outcome, .. }) => (file, outcome),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn progress_of_all_versions() {
        for (line, outcome) in [
            (
                "0:00:01 load avg: 14.99 [2/3/1] test_x worker non-zero exit code (Exit code -11 (SIGSEGV))",
                Some(Outcome::Crashed(
                    "worker non-zero exit code (Exit code -11 (SIGSEGV))".into(),
                )),
            ),
            (
                "0:00:09 [2/3/1] test_x failed (1 failure)",
                Some(Outcome::Failed),
            ),
            ("[ 12/401] test_x", None),
            (
                "0:00:00 [ 12/401/2] test_x -- running: test_a (30 sec)",
                None,
            ),
            (
                "0:00:00 [3/3] test_x passed (1 min 2 sec) -- running (1): test_a (31.0 sec)",
                Some(Outcome::Passed),
            ),
            (
                "0:00:00 [3/3] test_x skipped (resource denied)",
                Some(Outcome::Other),
            ),
            (
                "0:00:00 [3/3] test_x timed out (20 min 3 sec)",
                Some(Outcome::TimedOut("timed out (20 min 3 sec)".into())),
            ),
            (
                "0:00:00 [3/3/1] test_x failed (env changed) (1 min)",
                Some(Outcome::EnvChanged),
            ),
            (
                "[1/2] test_x crashed (Exit code -11)",
                Some(Outcome::Crashed("crashed (Exit code -11)".into())),
            ),
        ] {
            assert_eq!(
                file_and_outcome(line),
                ("test_x".to_owned(), outcome),
                "{line}"
            );
        }
        let line = "0:00:00 load avg: 0.1 [ 2/3/1] test_b -- test_a failed (env changed)";
        assert_eq!(
            read(line),
            Some(Said::Progress {
                file: "test_b".into(),
                outcome: None,
                before: Some(("test_a".into(), Outcome::EnvChanged))
            })
        );
    }

    #[test]
    fn lists_and_reruns() {
        let cases = [
            ("1 test failed:", Said::List(List::Failed)),
            ("22 tests failed again:", Said::List(List::FailedAgain)),
            ("2 re-run tests:", Said::List(List::Rerun)),
            (
                "1 test altered the execution environment (env changed):",
                Said::List(List::EnvChanged),
            ),
            (
                "1 test altered the execution environment:",
                Said::List(List::EnvChanged),
            ),
            (
                "3 tests skipped (resource denied):",
                Said::List(List::Other),
            ),
            ("Re-running failed tests in verbose mode", Said::RerunBegins),
            (
                "0:00:06 load avg: 14.11 Re-running 1 failed tests in verbose mode in subprocesses",
                Said::RerunBegins,
            ),
            (
                "Re-running test 'test_x' in verbose mode",
                Said::Rerun("test_x".into()),
            ),
            (
                "0:00:06 load avg: 14.11 Re-running test_x in verbose mode (matching: test_a, test_b)",
                Said::Rerun("test_x".into()),
            ),
            (
                "== Tests result: FAILURE then SUCCESS ==",
                Said::Result("FAILURE then SUCCESS".into()),
            ),
            ("Result: ENV CHANGED", Said::Result("ENV CHANGED".into())),
        ];
        for (line, said) in cases {
            assert_eq!(read(line), Some(said), "{line}");
        }
        for line in [
            "test_x (a.B) ... ok",
            "- test_queue: 21.5 sec",
            "Ran 3 tests in 1s",
            "10 slowest tests:",
        ] {
            assert!(
                matches!(read(line), None | Some(Said::List(List::Other))),
                "{line}"
            );
        }
    }
}
