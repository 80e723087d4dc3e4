//! A Python traceback, gathered line by line.

mod frame;
mod group;
mod message;

pub(super) use frame::{Frame, frame_lines, is_shared, own, test_of};
use group::{Branch, Group};
use message::Message;

use super::found::clipped;

/// Frames kept from the outermost and to the innermost end.
const OUTER_FRAMES: usize = 8;
const INNER_FRAMES: usize = 24;
/// Exceptions kept that came before in a chain.
const MAX_CHAIN: usize = 8;
/// Those of them that an excerpt shows.
const SHOWN_CHAIN: usize = 2;

pub(super) const START: &str = "Traceback (most recent call last):";
/// Sentences between the tracebacks of a chain.
pub(super) const CHAINS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];
/// Begins the message by which unittest reports a doctest.
const DOCTEST: &str = "Failed doctest test for ";

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Before,
    Frames,
    Message,
    /// A sentence said that another traceback follows.
    Chained,
}

/// An exception that came before in a chain.
#[derive(Debug, Clone)]
struct Link {
    exception: String,
    /// How the next one came of it, as printed.
    sentence: String,
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
    message: Message,
    before: Option<String>,
    links: Vec<Link>,
    group: Option<Group>,
    /// A doctest's examples stand between rules, and one has just come.
    after_rule: bool,
    /// The frames were replaced by the place of a doctest's example.
    has_example: bool,
}

impl Traceback {
    /// One that begins with this line; `None` if no traceback begins here.
    pub(super) fn begin(line: &str) -> Option<Self> {
        let group = Group::begin(line);
        let is_start = line == START || group.is_some();
        // The first line of one whose beginning was cut off.
        let is_frame = line.starts_with("  File \"") && line.contains(", in ");
        if !is_start && !is_frame {
            return None;
        }
        let mut traceback = Self {
            at: At::Frames,
            group,
            ..Self::default()
        };
        if is_frame {
            traceback.push_frame(line);
        }
        Some(traceback)
    }

    /// Takes a line that belongs to it.
    pub(super) fn push(&mut self, line: &str) {
        self.after_rule = false;
        let Some(group) = &mut self.group else {
            return self.push_own(line);
        };
        match group.push(line) {
            Branch::Own(text) => self.push_own(text),
            Branch::Outside => self.push_own(line),
            Branch::Taken => {}
        }
    }

    fn push_own(&mut self, line: &str) {
        match self.at {
            At::Before | At::Chained if is_start(line) => {
                *self = Self {
                    at: At::Frames,
                    before: self.before.take(),
                    links: std::mem::take(&mut self.links),
                    group: Group::begin(line),
                    ..Self::default()
                };
            }
            At::Before if Frame::parse(line).is_some() => {
                self.at = At::Frames;
                self.push_frame(line);
            }
            At::Before => {
                if self.before.is_none() && !line.trim().is_empty() {
                    self.before = Some(clipped(line).to_owned());
                } else {
                    self.message.push(line);
                }
            }
            At::Frames => self.push_frame(line),
            At::Chained if line.trim().is_empty() => {}
            At::Message | At::Chained => self.push_message(line),
        }
    }

    /// Whether it begins where regrtest does: no test file runs through that.
    pub(super) fn is_of_regrtest(&self) -> bool {
        let is_main = |path: &str| path.replace('\\', "/").ends_with("/test/__main__.py");
        self.frames.iter().any(|frame| is_main(&frame.path))
    }

    /// Whether the exception's line was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.exception.is_some()
    }

    /// Whether it is among its frames, where every line is indented.
    pub(super) fn is_in_frames(&self) -> bool {
        self.at == At::Frames
    }

    /// Whether the message is quoting another program's output.
    pub(super) fn is_fenced(&self) -> bool {
        self.message.is_fenced()
    }

    /// Whether a line can go on with it although it is complete.
    pub(super) fn goes_on_with(&self, line: &str) -> bool {
        if self.group.is_some() && line.trim_start().starts_with(['|', '+']) {
            return true;
        }
        CHAINS.contains(&line.trim())
            || (self.at == At::Chained && (line.trim().is_empty() || is_start(line)))
    }

    /// unittest's rule within a doctest's report; `false` where a rule ends it.
    pub(super) fn takes_rule(&mut self) -> bool {
        let takes = self.is_doctest() && !self.after_rule;
        self.after_rule = takes;
        takes
    }

    /// Whether the line is not what stands behind the rules of a doctest: the
    /// rule ended the report.
    pub(super) fn ended_by_rule(&self, line: &str) -> bool {
        self.after_rule && !line.starts_with("File \"")
    }

    /// Whether it is unittest's report of a doctest.
    pub(super) fn is_doctest(&self) -> bool {
        self.exception
            .as_deref()
            .is_some_and(|line| line.contains(DOCTEST))
    }

    /// The exception's line; without a traceback, the first line there was.
    pub(super) fn headline(&self) -> Option<&str> {
        self.exception.as_deref().or(self.before.as_deref())
    }

    /// The same; where its message begins on the next line, with that.
    pub(super) fn said(&self) -> Option<String> {
        let line = self.headline()?;
        let first = self.message.lines().first();
        Some(match first.filter(|_| line.trim_end().ends_with(':')) {
            Some(first) => format!("{} {}", line.trim_end(), first.trim()),
            None => line.to_owned(),
        })
    }

    /// `AssertionError` of `AssertionError: 1 != 2`, without its module.
    pub(super) fn exception_type(&self) -> Option<String> {
        self.headline().and_then(exception_type)
    }

    /// The lines of the exceptions that came before it, first one first.
    pub(super) fn chain(&self) -> Vec<String> {
        self.links
            .iter()
            .map(|link| link.exception.clone())
            .collect()
    }

    /// The lines of the exceptions in a group that are no groups themselves.
    pub(super) fn group(&self) -> Vec<String> {
        self.group
            .as_ref()
            .map_or_else(Vec::new, |group| group.leaves.clone())
    }

    /// The lines for an excerpt, `header` first.
    pub(super) fn excerpt(&self, header: Option<&str>, limit: usize) -> Vec<String> {
        let message: Vec<&str> = match &self.group {
            Some(group) => &group.shown,
            None => self.message.lines(),
        }
        .iter()
        .map(String::as_str)
        .collect();
        let skipped = self.links.len().saturating_sub(SHOWN_CHAIN);
        let chain: Vec<&str> = self
            .links
            .iter()
            .skip(skipped)
            .flat_map(|link| [link.exception.as_str(), link.sentence.as_str()])
            .collect();
        let tail = usize::from(self.exception.is_some()) + message.len().min(5);
        let head = usize::from(header.is_some()) + chain.len() + 1;
        let room = limit.saturating_sub(head + tail);
        let frames = if self.is_doctest() {
            Vec::new()
        } else {
            frame_lines(&self.frames, room)
        };
        let start = (!frames.is_empty()).then_some(START);
        header
            .into_iter()
            .chain(chain)
            .chain(start)
            .chain(frames)
            .chain(self.headline())
            .chain(message)
            .take(limit)
            .map(str::to_owned)
            .collect()
    }

    fn push_frame(&mut self, line: &str) {
        if let Some(frame) = Frame::parse(line) {
            if self.frames.len() >= OUTER_FRAMES + INNER_FRAMES {
                self.frames.remove(OUTER_FRAMES);
            }
            self.frames.push(frame);
            return;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(frame) = self.frames.last_mut() {
                frame.push(line);
            }
        } else if !line.is_empty() {
            self.exception = Some(clipped(line).to_owned());
            self.at = At::Message;
        }
    }

    fn push_message(&mut self, line: &str) {
        let text = line.trim();
        if !self.message.is_fenced() && CHAINS.contains(&text) {
            self.at = At::Chained;
            if let Some(exception) = self.exception.clone()
                && self.links.len() < MAX_CHAIN
            {
                let sentence = text.to_owned();
                self.links.push(Link {
                    exception,
                    sentence,
                });
            }
            return;
        }
        self.at = At::Message;
        if self.is_doctest() {
            // `  File "…", line 18, in ratio` says less than the example below.
            if line.starts_with("  File \"") {
                return;
            }
            self.note_example(line);
        }
        self.message.push(line);
    }

    /// The first example of a doctest is where it failed.
    fn note_example(&mut self, line: &str) {
        if !self.has_example
            && let Some(frame) = Frame::parse(line).filter(|_| line.starts_with("File \""))
        {
            self.frames = vec![frame];
            self.has_example = true;
        }
    }
}

fn is_start(line: &str) -> bool {
    line == START || Group::begin(line).is_some()
}

/// `socket.timeout: timed out` is a `timeout`; a sentence is none. Python 2
/// writes `<type 'exceptions.ImportError'>: …` in places.
pub(super) fn exception_type(line: &str) -> Option<String> {
    let line = line
        .strip_prefix("<type '")
        .or_else(|| line.strip_prefix("<class '"))
        .unwrap_or(line);
    let name = line.split_once(':').map_or(line, |(name, _)| name);
    let name = name.trim_end_matches("'>").rsplit('.').next()?;
    let is_type = name.starts_with(|ch: char| ch.is_alphabetic() || ch == '_')
        && name.chars().all(|ch| ch.is_alphanumeric() || ch == '_');
    is_type.then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
