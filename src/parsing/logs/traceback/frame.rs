//! One frame of a traceback or of a thread's dump, and what a list of them tells.

use std::borrow::Cow;

use crate::domain::failure::TestId;
use crate::parsing::logs::found::clipped;
use crate::parsing::logs::test_id;

/// Most frames kept of those that follow each other and are the same.
const MAX_REPEATED: usize = 3;

/// One frame of a traceback or of a thread's dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::parsing::logs) struct Frame {
    pub(in crate::parsing::logs) path: String,
    /// The test file that the path is of: asked for again and again.
    pub(in crate::parsing::logs) test_file: Option<String>,
    /// Empty where a syntax error stands.
    pub(in crate::parsing::logs) function: String,
    /// `  File "…", line N, in f` as printed.
    pub(in crate::parsing::logs) line: String,
    /// The line of code below it.
    pub(in crate::parsing::logs) code: Option<String>,
    /// `[Previous line repeated 9 more times]`.
    pub(in crate::parsing::logs) repeated: Option<String>,
}

impl Frame {
    /// Reads `  File "path", line N, in f` and faulthandler's `line N in f`.
    pub(in crate::parsing::logs) fn parse(line: &str) -> Option<Self> {
        let rest = line.trim_start().strip_prefix("File \"")?;
        let (path, rest) = rest.split_once("\", line ")?;
        let function = rest.split_once(" in ").map_or("", |(_, function)| function);
        Some(Self {
            path: clipped(path).to_owned(),
            test_file: test_id::file_of_path(clipped(path)),
            function: clipped(function.trim()).to_owned(),
            line: clipped(line).to_owned(),
            code: None,
            repeated: None,
        })
    }

    /// The number of the line.
    pub(in crate::parsing::logs) fn number(&self) -> Option<u32> {
        let (_, rest) = self.line.split_once("\", line ")?;
        let digits = rest.split(|char: char| !char.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// Takes an indented line below the frame: code, marks, a repetition.
    pub(super) fn push(&mut self, line: &str) {
        let text = clipped(line.trim());
        if text.starts_with("[Previous line repeated ") {
            self.repeated = Some(format!("  {text}"));
        } else if self.code.is_none() && !text.chars().all(|ch| "^~ ".contains(ch)) {
            self.code = Some(format!("    {text}"));
        }
    }

    /// The lines as printed.
    fn lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.line.as_str())
            .chain(self.code.as_deref())
            .chain(self.repeated.as_deref())
    }

    /// A frame of the machinery that runs tests.
    fn is_machinery(&self) -> bool {
        let path = match self.path.contains('\\') {
            true => Cow::Owned(self.path.replace('\\', "/")),
            false => Cow::Borrowed(self.path.as_str()),
        };
        [
            "/unittest/",
            "/libregrtest/",
            "/test/support/",
            "/test/test_support.py",
            "/test/regrtest.py",
            "/test/__main__.py",
            "/runpy.py",
            "/_pytest/",
            "/pluggy/",
            "/xdist/",
            "/execnet/",
        ]
        .iter()
        .any(|part| path.contains(part))
            || (path.starts_with('<') && !self.function.is_empty())
    }
}

/// The frames, outermost first, without those of the machinery that runs tests
/// and those through which it came to the test; all, where no other is left.
pub(in crate::parsing::logs) fn own(frames: &[Frame]) -> Vec<&Frame> {
    let first_in_test = frames.iter().position(|frame| frame.test_file.is_some());
    let own = frames
        .iter()
        .skip(first_in_test.unwrap_or_default())
        .filter(|frame| !frame.is_machinery());
    let own = folded(own);
    if own.is_empty() {
        folded(frames.iter())
    } else {
        own
    }
}

/// A recursion without end repeats itself.
fn folded<'a>(frames: impl Iterator<Item = &'a Frame>) -> Vec<&'a Frame> {
    let mut kept: Vec<&Frame> = Vec::new();
    let mut same = 0;
    for frame in frames {
        same = match kept.last() {
            Some(last) if last.line == frame.line => same + 1,
            _ => 1,
        };
        if same <= MAX_REPEATED {
            kept.push(frame);
        }
    }
    kept
}

/// The test that a list of frames, outermost first, belongs to.
pub(in crate::parsing::logs) fn test_of(frames: &[Frame]) -> Option<TestId> {
    let in_tests = || {
        frames
            .iter()
            .filter_map(|frame| Some((frame.test_file.as_ref()?, frame)))
    };
    let test = in_tests().find(|(_, frame)| test_id::is_test_function(&frame.function));
    let method = test.as_ref().map(|(_, frame)| frame.function.clone());
    let (file, _) = test.or_else(|| in_tests().next_back())?;
    Some(TestId {
        file: Some(file.clone()),
        method,
        ..TestId::default()
    })
}

/// Whether the file has tests that several test files run:
/// `Lib/test/_test_multiprocessing.py`, `Lib/test/lock_tests.py`.
pub(in crate::parsing::logs) fn is_shared(path: &str) -> bool {
    let mut parts = path.rsplit(['/', '\\']);
    let is_script = |file: &str| {
        let of_tests = ["regrtest.py", "__main__.py", "__init__.py"];
        file.ends_with(".py") && !file.starts_with("test") && !of_tests.contains(&file)
    };
    parts.next().is_some_and(is_script) && parts.next() == Some("test")
}

/// The frames for an excerpt: those of the machinery left out, at most `limit`
/// lines, the outermost frame and the innermost ones.
pub(in crate::parsing::logs) fn frame_lines(frames: &[Frame], limit: usize) -> Vec<&str> {
    let own = own(frames);
    let length = |frame: &Frame| frame.lines().count();
    let mut room = limit.saturating_sub(own.first().map_or(0, |frame| length(frame)));
    let mut inner = Vec::new();
    for frame in own.iter().skip(1).rev() {
        if length(frame) > room {
            break;
        }
        room -= length(frame);
        inner.push(*frame);
    }
    own.first()
        .copied()
        .into_iter()
        .chain(inner.into_iter().rev())
        .flat_map(Frame::lines)
        .collect()
}
