//! Doctests that run without unittest, up to Python 3.12:
//!
//! ```text
//! **********************************************************************
//! File "/…/Lib/test/test_x.py", line 12, in test.test_x.f
//! Failed example:
//!     f()
//! Expected:
//!     1
//! Got:
//!     2
//! **********************************************************************
//! 1 items had failures:
//! ```

use super::found::{Found, clipped};
use super::test_id;
use super::traceback::{Frame, exception_type};
use crate::domain::failure::{FailureKind, TestId};
use crate::parsing::excerpt;

/// Length of doctest's separator.
const STARS: usize = 70;

/// `*****…`, before and after each example that failed.
pub(super) fn is_stars(line: &str) -> bool {
    line.len() == STARS && line.bytes().all(|byte| byte == b'*')
}

/// One example that failed.
#[derive(Debug)]
pub(super) struct Example {
    test: TestId,
    lines: Vec<String>,
    exception: Option<String>,
}

impl Example {
    /// Begins with the line behind the stars.
    pub(super) fn begin(line: &str) -> Option<Self> {
        let frame = Frame::parse(line).filter(|_| line.starts_with("File \""))?;
        let mut test = test_id::parse(&format!("{} ()", frame.function))?;
        if test.file.is_none() {
            test.file.clone_from(&frame.test_file);
        }
        Some(Self {
            test,
            lines: vec![clipped(line).to_owned()],
            exception: None,
        })
    }

    /// Takes a line below it.
    pub(super) fn push(&mut self, line: &str) {
        if self.lines.len() < excerpt::MAX_LINES && !line.trim().is_empty() {
            self.lines.push(clipped(line).to_owned());
        }
        // Below `Exception raised:` all is indented by four.
        if let Some(text) = line.strip_prefix("    ")
            && !text.starts_with(' ')
            && exception_type(text).is_some_and(|name| name.ends_with("Error"))
        {
            self.exception = Some(clipped(text).to_owned());
        }
    }

    /// What it tells.
    pub(super) fn found(self) -> Found {
        let line = self
            .exception
            .clone()
            .or_else(|| self.lines.first().cloned());
        Found {
            exception: self.exception.as_deref().and_then(exception_type),
            line,
            excerpt: self.lines,
            ..Found::new(FailureKind::TestFailed, self.test)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_tells_its_test() {
        assert!(is_stars(&"*".repeat(70)));
        let line = "File \"/b/Lib/test/test_a.py\", line 12, in test.test_a.C.f";
        let mut example = Example::begin(line).unwrap();
        example.push("Exception raised:");
        example.push("    Traceback (most recent call last):");
        example.push("      File \"x\", line 1, in f");
        example.push("    KeyError: 1");
        let found = example.found();
        assert_eq!(found.test.qualified(), "test_a.C.f");
        assert_eq!(found.line.as_deref(), Some("KeyError: 1"));
        assert_eq!(found.exception.as_deref(), Some("KeyError"));
        assert!(Example::begin("1 items had failures:").is_none());
    }
}
