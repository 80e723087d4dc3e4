//! How a test file ended, in regrtest's words.

/// How a test file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::parsing::logs) enum Outcome {
    Passed,
    Failed,
    /// Tests raised, and no assertion failed.
    Errored,
    /// The words about its end.
    Crashed(String),
    TimedOut(String),
    EnvChanged,
    Leaked,
    /// Skipped, denied, interrupted, without tests: neither good nor bad.
    Other,
}

impl Outcome {
    /// Whether somebody has to look.
    pub(in crate::parsing::logs) fn is_bad(&self) -> bool {
        !matches!(self, Self::Passed | Self::Other)
    }

    /// The words about the end of a process; `None` where it ended by itself.
    pub(in crate::parsing::logs) fn end(&self) -> Option<&str> {
        match self {
            Self::Crashed(words) | Self::TimedOut(words) => Some(words),
            _ => None,
        }
    }

    /// Reads what stands behind a file's name; `None` if it is no outcome.
    pub(in crate::parsing::logs) fn read(words: &str) -> Option<Self> {
        let starts = |what: &str| words.starts_with(what);
        let any = |all: &[&str]| all.iter().any(|what| starts(what));
        Some(if words.is_empty() {
            return None;
        } else if starts("passed") {
            Self::Passed
        } else if starts("failed (env changed)") {
            Self::EnvChanged
        } else if starts("failed (reference leak)") {
            Self::Leaked
        } else if starts("failed") {
            let counts = words.split_once(')').map_or(words, |(counts, _)| counts);
            if counts.contains(" error") && !counts.contains("failure") {
                Self::Errored
            } else {
                Self::Failed
            }
        } else if starts("timed out") {
            Self::TimedOut(words.to_owned())
        } else if any(&[
            "crashed",
            "process crashed",
            "worker non-zero exit code",
            "worker bug",
        ]) {
            Self::Crashed(words.to_owned())
        } else if any(&["skipped", "ran no tests", "run no tests", "interrupted"]) {
            Self::Other
        } else {
            return None;
        })
    }
}
