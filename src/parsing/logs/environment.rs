//! What a test left altered.

/// Most warnings kept for one file.
pub(super) const MAX_WARNINGS: usize = 8;

/// A `Warning -- …` line of regrtest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Warning<'a> {
    /// The file, where the line names it.
    pub(super) file: Option<&'a str>,
    /// Whether the line says what is altered, rather than its values.
    pub(super) is_telling: bool,
}

/// Reads a warning; `None` for any other line.
///
/// Values of `os.environ` are never kept: they are the worker's environment.
pub(super) fn read(line: &str) -> Option<Warning<'_>> {
    let text = line.strip_prefix("Warning -- ")?;
    let is_value = text.starts_with(' ');
    let named = text
        .split_once(" was modified by ")
        .map(|(_, file)| file)
        .or_else(|| text.split_once(" leaked ").map(|(file, _)| file));
    Some(Warning {
        file: named.map(str::trim).filter(|file| file.starts_with("test")),
        is_telling: !is_value,
    })
}

/// Whether the lines below a warning show the worker's environment, which holds
/// passwords.
pub(super) fn has_secret_values(warning: &str) -> bool {
    warning.contains("os.environ")
}

/// Whether a line shows an environment, whatever stood above it.
pub(super) fn is_environment(line: &str) -> bool {
    line.contains("environ(")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings() {
        let file = |line| read(line).and_then(|warning| warning.file);
        assert_eq!(
            file("Warning -- os.environ was modified by test_bool"),
            Some("test_bool")
        );
        assert_eq!(
            file("Warning -- test_x leaked temporary files (1): y"),
            Some("test_x")
        );
        assert_eq!(
            file("Warning -- threading_cleanup() failed to cleanup 1 threads"),
            None
        );
        assert!(!read("Warning --   Before: (1, {})").unwrap().is_telling);
        assert_eq!(read("Warning: x"), None);
    }
}
