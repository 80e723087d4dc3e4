//! What a test left altered.

use super::traceback::Traceback;
use crate::domain::failure::TestId;

/// Most warnings kept for one file.
pub(super) const MAX_WARNINGS: usize = 8;

/// A `Warning -- …` line of regrtest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Warning<'a> {
    /// The file, where the line names it.
    pub(super) file: Option<&'a str>,
    /// What is altered: `os.environ`, `threading_cleanup`. `None` where the line
    /// goes on about what an earlier one said, or says something else.
    pub(super) altered: Option<&'a str>,
    /// Whether the line says what is altered, rather than its values.
    pub(super) is_telling: bool,
    /// Whether the traceback of an exception follows that nobody caught.
    pub(super) begins_traceback: bool,
}

/// Something that was found altered, and what was printed of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Altered {
    /// The file, where the warning names it or the traceback goes through it.
    pub(super) file: Option<String>,
    pub(super) what: Option<String>,
    /// The warning and what follows it.
    pub(super) lines: Vec<String>,
    /// The test in whose output it stood, where that is sure.
    pub(super) test: Option<TestId>,
    /// Of an exception that nobody caught.
    pub(super) traceback: Option<Traceback>,
    /// The number of the warning's line.
    pub(super) number: Option<u64>,
    /// The values below are shown.
    pub(super) shows_values: bool,
}

/// Reads a warning; `None` for any other line.
///
/// Values of `os.environ` are never kept: they are the worker's environment.
pub(super) fn read(line: &str) -> Option<Warning<'_>> {
    let text = line.strip_prefix("Warning -- ")?;
    let begins_traceback = text.starts_with("Uncaught thread exception")
        || text.starts_with("Unraisable exception")
        || text.starts_with("Unhandled exception in");
    let is_test = |file: &&str| file.starts_with("test");
    let (file, altered) = if let Some((what, file)) = text.split_once(" was modified by ") {
        (Some(file.trim()).filter(is_test), Some(what))
    } else if let Some((file, _)) = text.split_once(" leaked temporary files ") {
        (Some(file.trim()).filter(is_test), Some("temporary files"))
    } else if begins_traceback {
        (None, Some(text))
    } else {
        let function = text.split_once("()").map(|(function, _)| function);
        (None, function.filter(|name| is_function(name)))
    };
    Some(Warning {
        file,
        altered: altered.map(str::trim),
        is_telling: !text.starts_with(' '),
        begins_traceback,
    })
}

/// `threading_cleanup() failed to …`, `reap_children() reaped …`.
fn is_function(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|ch| ch.is_ascii_alphanumeric() || "_.".contains(ch))
}

/// The value behind a warning, from `Warning --   After:  ['x']` of newer and
/// `  After:  ['x']` of older versions.
pub(super) fn value(line: &str) -> Option<&str> {
    let text = line.strip_prefix("Warning -- ").unwrap_or(line);
    (text.starts_with("  Before: ") || text.starts_with("  After: ")).then_some(text)
}

/// Whether the values below a warning are shown: the names of files that were
/// left behind say something, addresses do not, and the environment holds
/// passwords.
pub(super) fn shows_values(warning: &Warning<'_>) -> bool {
    warning.altered == Some("files")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> (Option<&str>, Option<&str>) {
        let warning = read(line).unwrap();
        (warning.file, warning.altered)
    }

    #[test]
    fn warnings() {
        assert_eq!(
            told("Warning -- os.environ was modified by test_bool"),
            (Some("test_bool"), Some("os.environ"))
        );
        assert_eq!(
            told(
                "Warning -- asyncio.events._event_loop_policy was modified by test_asyncio.test_x"
            ),
            (
                Some("test_asyncio.test_x"),
                Some("asyncio.events._event_loop_policy")
            )
        );
        assert_eq!(
            told("Warning -- test_x leaked temporary files (1): y"),
            (Some("test_x"), Some("temporary files"))
        );
        assert_eq!(
            told(
                "Warning -- threading_cleanup() failed to cleanup 1 threads (count: 1, dangling: 2)"
            ),
            (None, Some("threading_cleanup"))
        );
        assert_eq!(
            told("Warning -- reap_children() reaped child process 123"),
            (None, Some("reap_children"))
        );
        assert_eq!(
            told("Warning -- Uncaught thread exception: ValueError"),
            (None, Some("Uncaught thread exception: ValueError"))
        );
        assert!(
            read("Warning -- Unraisable exception")
                .unwrap()
                .begins_traceback
        );
        assert_eq!(
            told("Warning -- Dangling thread: <_MainThread(MainThread, started 1)>"),
            (None, None)
        );
        assert!(!read("Warning --   Before: (1, {})").unwrap().is_telling);
        assert_eq!(read("Warning: x"), None);
    }

    #[test]
    fn values() {
        assert_eq!(value("Warning --   After:  ['x']"), Some("  After:  ['x']"));
        assert_eq!(value("  Before: []"), Some("  Before: []"));
        assert_eq!(value("Before: []"), None);
        let shown = |line| shows_values(&read(line).unwrap());
        assert!(shown("Warning -- files was modified by test_x"));
        assert!(!shown("Warning -- os.environ was modified by test_x"));
    }
}
