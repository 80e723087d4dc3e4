//! What follows an exception's line: the rest of its message, a diff, or what
//! another program printed.

use std::collections::VecDeque;

/// Lines kept of a message, and of the end of what another program printed.
const MAX_LINES: usize = 14;
const MAX_QUOTED: usize = 6;
/// Lines within a fence.
const MAX_FENCED: usize = 5000;
/// Longest label before a fence, in bytes: `stderr:`.
const MAX_LABEL: usize = 40;

const FENCE: &str = "---";

/// The lines of a message, blank ones left out.
///
/// CPython's tests that run other programs quote their output between two lines
/// of `---` below a label (`stderr:`). Whatever stands there belongs to the
/// message, and its end says most.
#[derive(Debug, Default, Clone)]
pub(super) struct Message {
    lines: Vec<String>,
    /// A short line that ended with a colon: a fence may follow.
    label: Option<String>,
    fence: Option<Fence>,
}

#[derive(Debug, Default, Clone)]
struct Fence {
    label: String,
    length: usize,
    last: VecDeque<String>,
}

impl Message {
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether a fence is open. One that is not closed soon is none.
    pub(super) fn is_fenced(&self) -> bool {
        self.fence
            .as_ref()
            .is_some_and(|fence| fence.length < MAX_FENCED)
    }

    pub(super) fn push(&mut self, line: &str) {
        let is_fence = line.trim_end() == FENCE;
        match (&mut self.fence, is_fence) {
            (Some(_), true) => self.close(),
            (Some(fence), false) => fence.push(line),
            (None, _) => match self.label.take() {
                Some(label) if is_fence => {
                    self.fence = Some(Fence {
                        label,
                        ..Fence::default()
                    });
                }
                label => {
                    label.into_iter().for_each(|label| self.keep(label));
                    self.push_plain(line);
                }
            },
        }
    }

    fn push_plain(&mut self, line: &str) {
        // The command says less than what came of it, and is long.
        if line.trim().is_empty() || line.starts_with("command line: ") {
            return;
        }
        if line.len() <= MAX_LABEL && line.ends_with(':') {
            self.label = Some(line.to_owned());
        } else {
            self.keep(line.to_owned());
        }
    }

    fn close(&mut self) {
        let Some(fence) = self.fence.take() else {
            return;
        };
        if fence.last.is_empty() {
            return;
        }
        self.keep(fence.label);
        fence.last.into_iter().for_each(|line| self.keep(line));
    }

    fn keep(&mut self, line: String) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        }
    }
}

impl Fence {
    fn push(&mut self, line: &str) {
        self.length += 1;
        if line.trim().is_empty() {
            return;
        }
        if self.last.len() >= MAX_QUOTED {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }
}
