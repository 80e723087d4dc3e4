//! A Python traceback, gathered line by line.

use super::test_id;
use crate::domain::failure::TestId;

/// Frames kept from the outermost and to the innermost end.
const OUTER_FRAMES: usize = 8;
const INNER_FRAMES: usize = 24;
/// Lines kept behind the exception's line.
const MESSAGE_LINES: usize = 12;
/// Lines within a fence.
const MAX_FENCED: usize = 5000;

pub(super) const START: &str = "Traceback (most recent call last):";
const FENCE: &str = "---";
/// Sentences between the tracebacks of a chain.
pub(super) const CHAINS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// One frame of a traceback or of a thread's dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) path: String,
    pub(super) function: String,
    /// `  File "…", line N, in f` as printed.
    pub(super) line: String,
    /// The line of code below it.
    pub(super) code: Option<String>,
}

impl Frame {
    /// Reads `  File "path", line N, in f` and faulthandler's `line N in f`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let rest = line.trim_start().strip_prefix("File \"")?;
        let (path, rest) = rest.split_once("\", line ")?;
        let function = rest.split_once(" in ").map_or("", |(_, function)| function);
        Some(Self {
            path: path.to_owned(),
            function: function.trim().to_owned(),
            line: line.to_owned(),
            code: None,
        })
    }

    /// The number of the line.
    pub(super) fn number(&self) -> Option<u32> {
        let (_, rest) = self.line.split_once("\", line ")?;
        let digits = rest.split(|char: char| !char.is_ascii_digit()).next()?;
        digits.parse().ok()
    }

    /// A frame of the machinery that runs tests.
    fn is_machinery(&self) -> bool {
        let path = self.path.replace('\\', "/");
        [
            "/unittest/",
            "/libregrtest/",
            "/test/support/",
            "/test/regrtest.py",
            "/test/__main__.py",
            "/runpy.py",
        ]
        .iter()
        .any(|part| path.contains(part))
            || path.starts_with('<')
    }
}

/// The test that a list of frames, outermost first, belongs to.
pub(super) fn test_of(frames: &[Frame]) -> Option<TestId> {
    let in_tests = || {
        frames
            .iter()
            .filter_map(|frame| Some((test_id::file_of_path(&frame.path)?, frame)))
    };
    let test = in_tests().find(|(_, frame)| test_id::is_test_function(&frame.function));
    let method = test.as_ref().map(|(_, frame)| frame.function.clone());
    let (file, _) = test.or_else(|| in_tests().next_back())?;
    Some(TestId {
        file: Some(file),
        method,
        ..TestId::default()
    })
}

/// The frames for an excerpt: those of the machinery left out, at most `limit`
/// lines, the outermost frame and the innermost ones.
pub(super) fn frame_lines(frames: &[Frame], limit: usize) -> Vec<&str> {
    let own: Vec<&Frame> = frames
        .iter()
        .filter(|frame| !frame.is_machinery())
        .collect();
    let own = if own.is_empty() {
        frames.iter().collect()
    } else {
        own
    };
    let length = |frame: &Frame| 1 + usize::from(frame.code.is_some());
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
        .flat_map(|frame| std::iter::once(frame.line.as_str()).chain(frame.code.as_deref()))
        .collect()
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Before,
    Frames,
    Message,
    /// A sentence said that another traceback follows.
    Chained,
}

/// A traceback, or a chain of them of which the last one counts.
#[derive(Debug, Default, Clone)]
pub(super) struct Traceback {
    at: At,
    /// Outermost first.
    pub(super) frames: Vec<Frame>,
    /// `AssertionError: 1 != 2`.
    pub(super) exception: Option<String>,
    /// What follows the exception's line.
    pub(super) message: Vec<String>,
    before: Option<String>,
    /// Lines since a fence was opened; see [`Self::is_fenced`].
    fenced: Option<usize>,
}

impl Traceback {
    /// One that begins with this line; `None` if no traceback begins here.
    pub(super) fn begin(line: &str) -> Option<Self> {
        let mut traceback = Self {
            at: At::Frames,
            ..Self::default()
        };
        if is_start(line) {
            return Some(traceback);
        }
        // The first line of one whose beginning was cut off.
        let is_frame = line.starts_with("  File \"") && line.contains(", in ");
        is_frame.then(|| {
            traceback.push_frame(line);
            traceback
        })
    }

    /// Takes a line that belongs to it.
    pub(super) fn push(&mut self, line: &str) {
        match self.at {
            At::Before | At::Chained if is_start(line) => {
                *self = Self {
                    at: At::Frames,
                    before: self.before.take(),
                    ..Self::default()
                };
            }
            At::Before if Frame::parse(line).is_some() => {
                self.at = At::Frames;
                self.push_frame(line);
            }
            At::Before => {
                if self.before.is_none() && !line.trim().is_empty() {
                    self.before = Some(line.to_owned());
                }
            }
            At::Frames => self.push_frame(line),
            At::Message | At::Chained => self.push_message(line),
        }
    }

    /// Whether the exception's line was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.exception.is_some()
    }

    /// Whether the message is quoting another program's output between two lines
    /// of `---`, as CPython's tests of its test runner do. Whatever stands there
    /// belongs to the message. A fence that is not closed soon is none.
    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.is_some_and(|lines| lines < MAX_FENCED)
    }

    /// Whether a line can go on with it although it is complete.
    pub(super) fn goes_on_with(&self, line: &str) -> bool {
        let text = ungrouped(line).trim();
        CHAINS.contains(&text) || (self.at == At::Chained && (text.is_empty() || is_start(line)))
    }

    /// The exception's line; without a traceback, the first line there was.
    pub(super) fn headline(&self) -> Option<&str> {
        self.exception.as_deref().or(self.before.as_deref())
    }

    /// `AssertionError` of `AssertionError: 1 != 2`, without its module.
    pub(super) fn exception_type(&self) -> Option<String> {
        self.headline().and_then(exception_type)
    }

    /// The lines for an excerpt, `header` first.
    pub(super) fn excerpt(&self, header: Option<&str>, limit: usize) -> Vec<String> {
        let tail = usize::from(self.exception.is_some()) + self.message.len().min(3);
        let head = usize::from(header.is_some()) + 1;
        let room = limit.saturating_sub(head + tail);
        let frames = frame_lines(&self.frames, room);
        let start = (!frames.is_empty()).then_some(START);
        header
            .into_iter()
            .chain(start)
            .chain(frames)
            .chain(self.headline())
            .chain(self.message.iter().map(String::as_str))
            .take(limit)
            .map(str::to_owned)
            .collect()
    }

    fn push_frame(&mut self, line: &str) {
        let line = ungrouped(line);
        if let Some(frame) = Frame::parse(line) {
            if self.frames.len() >= OUTER_FRAMES + INNER_FRAMES {
                self.frames.remove(OUTER_FRAMES);
            }
            self.frames.push(frame);
            return;
        }
        if line.starts_with([' ', '\t']) {
            let code = line.trim();
            let is_marks = code.chars().all(|ch| "^~ ".contains(ch));
            if let Some(frame) = self.frames.last_mut()
                && frame.code.is_none()
                && !is_marks
            {
                frame.code = Some(format!("    {code}"));
            }
            return;
        }
        if !line.is_empty() {
            self.exception = Some(line.to_owned());
            self.at = At::Message;
        }
    }

    fn push_message(&mut self, line: &str) {
        self.fenced = match (self.fenced, line.trim_end() == FENCE) {
            (None, true) => Some(0),
            (Some(_), true) | (None, false) => None,
            (Some(lines), false) => Some(lines + 1),
        };
        if CHAINS.contains(&ungrouped(line).trim()) {
            self.at = At::Chained;
            return;
        }
        if self.message.len() < MESSAGE_LINES && !line.trim().is_empty() {
            self.message.push(line.to_owned());
        }
    }
}

fn is_start(line: &str) -> bool {
    line == START
        || line
            .trim_end()
            .ends_with("Exception Group Traceback (most recent call last):")
}

/// Without the bars of an exception group.
fn ungrouped(line: &str) -> &str {
    line.strip_prefix("  | ")
        .or_else(|| line.strip_prefix("  + "))
        .unwrap_or(line)
}

/// `socket.timeout: timed out` is a `timeout`; a sentence is none.
pub(super) fn exception_type(line: &str) -> Option<String> {
    let name = line.split_once(':').map_or(line, |(name, _)| name);
    let name = name.rsplit('.').next()?;
    let is_type = name.starts_with(|ch: char| ch.is_alphabetic() || ch == '_')
        && name.chars().all(|ch| ch.is_alphanumeric() || ch == '_');
    is_type.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Traceback {
        let mut traceback = Traceback::default();
        text.lines().for_each(|line| traceback.push(line));
        traceback
    }

    #[test]
    fn the_last_of_a_chain_counts() {
        let traceback = read(
            "Traceback (most recent call last):\n  File \"/b/Lib/a.py\", line 1, in f\n    x\n    ^\nKeyError: 1\n\n\
             During handling of the above exception, another exception occurred:\n\n\
             Traceback (most recent call last):\n  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    y()\n\
             test.support.TestFailed: no\nmore\n",
        );
        assert_eq!(traceback.headline(), Some("test.support.TestFailed: no"));
        assert_eq!(traceback.exception_type().as_deref(), Some("TestFailed"));
        assert_eq!(traceback.message, ["more"]);
        let test = test_of(&traceback.frames).unwrap();
        assert_eq!(test.qualified(), "test_a.test_x");
    }

    #[test]
    fn a_traceback_within_a_message_does_not_count() {
        let traceback = read(
            "Traceback (most recent call last):\n  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    y()\n\
             AssertionError: Process return code is 1\nstderr:\n---\nTraceback (most recent call last):\n\
             \x20 File \"<string>\", line 1, in <module>\nImportError: x\n---\n",
        );
        assert_eq!(
            traceback.exception_type().as_deref(),
            Some("AssertionError")
        );
    }

    #[test]
    fn without_a_traceback_the_first_line_counts() {
        let traceback = read("ImportError: Failed to import test module: test_x\n");
        assert_eq!(traceback.exception_type().as_deref(), Some("ImportError"));
        assert_eq!(read("").headline(), None);
    }

    #[test]
    fn an_excerpt_has_the_outermost_and_the_innermost_frames() {
        let frames: String = (0..40)
            .map(|n| format!("  File \"/b/Lib/m.py\", line {n}, in f{n}\n    call{n}()\n"))
            .collect();
        let traceback = read(&format!(
            "Traceback (most recent call last):\n{frames}ValueError: x\n"
        ));
        let excerpt = traceback.excerpt(Some("ERROR: test_x (test.test_m.T.test_x)"), 15);
        assert_eq!(excerpt.len(), 15);
        assert!(
            excerpt[2].contains("in f0") && excerpt[13].contains("call39"),
            "{excerpt:#?}"
        );
        assert_eq!(excerpt[14], "ValueError: x");
    }
}
