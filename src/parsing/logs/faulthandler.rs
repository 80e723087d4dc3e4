//! What faulthandler and the interpreter's fatal errors print: a line that says
//! what happened, and the frames of every thread.

use super::test_id;
use super::traceback::{Frame, frame_lines, test_of};
use crate::domain::failure::{FailureKind, TestId};

/// Threads kept of one dump, and frames of each thread.
const MAX_THREADS: usize = 64;
const MAX_FRAMES: usize = 100;
/// Lines that may stand between the first line and the first thread.
const MAX_BETWEEN: usize = 8;

/// A dump that is being read.
#[derive(Debug, Clone)]
pub(super) struct Dump {
    pub(super) kind: FailureKind,
    /// `Timeout (0:20:00)!`, `Fatal Python error: Segmentation fault`.
    pub(super) line: String,
    threads: Vec<Thread>,
    between: usize,
}

#[derive(Debug, Clone)]
struct Thread {
    is_current: bool,
    header: String,
    /// Innermost first, as printed.
    frames: Vec<Frame>,
}

impl Dump {
    /// Begins with the text from the telling words on, wherever they stand in
    /// the line: a test's own output may be glued before them.
    pub(super) fn begin(line: &str) -> Option<Self> {
        let (kind, at) = telling_words(line)?;
        Some(Self {
            kind,
            line: line.get(at..)?.trim_end().to_owned(),
            threads: Vec::new(),
            between: 0,
        })
    }

    /// Takes a line; `false` if it does not belong to the dump.
    pub(super) fn goes_on_with(&mut self, line: &str) -> bool {
        if is_thread(line) {
            if self.threads.len() < MAX_THREADS {
                self.threads.push(Thread {
                    is_current: line.starts_with("Current thread"),
                    header: line.to_owned(),
                    frames: Vec::new(),
                });
            }
            return true;
        }
        if let Some(frame) = line.starts_with("  ").then(|| Frame::parse(line)).flatten() {
            if let Some(thread) = self.threads.last_mut()
                && thread.frames.len() < MAX_FRAMES
            {
                thread.frames.push(frame);
            }
            return true;
        }
        if line.is_empty() || line.starts_with("  ") || is_epilogue(line) {
            return true;
        }
        self.between += 1;
        self.threads.is_empty() && self.between <= MAX_BETWEEN && telling_words(line).is_none()
    }

    /// How many threads it shows; none if it shows no thread.
    pub(super) fn threads(&self) -> Option<u32> {
        u32::try_from(self.threads.len())
            .ok()
            .filter(|count| *count > 0)
    }

    /// The test that the telling thread was in.
    pub(super) fn test(&self) -> Option<TestId> {
        test_of(&self.frames())
    }

    /// Where in its test file the telling thread hangs:
    /// `in test_lock_timeout (test_sched.py:123)`. None for a crash, of which
    /// the dump's line says more.
    pub(super) fn place(&self) -> Option<String> {
        if self.kind != FailureKind::Timeout {
            return None;
        }
        let frames = &self.telling()?.frames;
        let frame = frames
            .iter()
            .find(|frame| test_id::file_of_path(&frame.path).is_some())?;
        let file = frame.path.rsplit(['/', '\\']).next()?;
        let number = frame.number()?;
        Some(format!("in {} ({file}:{number})", frame.function))
    }

    /// The telling thread's frames, outermost first.
    pub(super) fn frames(&self) -> Vec<Frame> {
        let mut frames = self
            .telling()
            .map_or_else(Vec::new, |thread| thread.frames.clone());
        frames.reverse();
        frames
    }

    /// The line, the thread, its own frames innermost first.
    pub(super) fn excerpt(&self, limit: usize) -> Vec<String> {
        let frames = self.frames();
        let mut shown = frame_lines(&frames, limit.saturating_sub(2));
        shown.reverse();
        let header = self.telling().map(|thread| thread.header.as_str());
        std::iter::once(self.line.as_str())
            .chain(header)
            .chain(shown)
            .map(str::to_owned)
            .collect()
    }

    /// The thread that crashed; for a timeout the one that runs a test.
    fn telling(&self) -> Option<&Thread> {
        let current = self.threads.iter().find(|thread| thread.is_current);
        let in_test = || {
            self.threads
                .iter()
                .find(|thread| thread.frames.iter().any(is_in_test_method))
        };
        let crashed = current.filter(|_| self.kind != FailureKind::Timeout);
        crashed.or_else(in_test).or(current).or(self.threads.last())
    }
}

fn is_in_test_method(frame: &Frame) -> bool {
    test_of(std::slice::from_ref(frame)).is_some_and(|test| test.method.is_some())
}

fn telling_words(line: &str) -> Option<(FailureKind, usize)> {
    if let Some(at) = line.find("Timeout (")
        && line.trim_end().ends_with(")!")
    {
        return Some((FailureKind::Timeout, at));
    }
    ["Fatal Python error: ", "Windows fatal exception: "]
        .iter()
        .find_map(|words| line.find(words))
        .map(|at| (FailureKind::Crash, at))
}

fn is_thread(line: &str) -> bool {
    (line.starts_with("Thread 0x") || line.starts_with("Current thread"))
        && line.trim_end().ends_with("(most recent call first):")
}

fn is_epilogue(line: &str) -> bool {
    [
        "Extension modules:",
        "Python runtime state:",
        "<",
        "Current thread",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}
