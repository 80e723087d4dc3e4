//! The Test Anything Protocol, versions 12 to 14: what Perl's, Node's and many
//! other programs print of their tests.

use super::found::{Found, clipped};
use super::others::{MAX_FAILED, MAX_LINES, from_sources};
use crate::domain::failure::{FailureKind, Place, TestId};

/// Longest name of a test, in bytes.
const MAX_NAME: usize = 300;

/// Reads the output of one program or of several.
#[derive(Debug, Default)]
pub(super) struct Tap {
    /// The test program, as `prove` names it.
    program: Option<String>,
    failed: Vec<Failed>,
    /// What the last failed test tells of itself may follow.
    is_open: bool,
    /// What Perl's tests say on the other stream, before or after the result.
    notes: Vec<Note>,
    in_note: bool,
    /// Within the YAML block below it.
    in_block: bool,
    /// The text of a key of that block goes on below, where lines are indented
    /// deeper than this.
    text: Option<usize>,
}

/// `#   Failed test 'adds'`, and the lines below it.
#[derive(Debug)]
struct Note {
    name: String,
    place: Option<Place>,
    lines: Vec<String>,
}

#[derive(Debug)]
struct Failed {
    depth: usize,
    name: Option<String>,
    /// The test of which this one is a part.
    within: Option<String>,
    program: Option<String>,
    kind: FailureKind,
    number: Option<u64>,
    line: String,
    /// What it says of why.
    message: Option<String>,
    place: Option<Place>,
    lines: Vec<String>,
}

impl Tap {
    /// Whether only such a program prints this line.
    pub(super) fn begins(line: &str) -> bool {
        line.starts_with("TAP version ")
            || (result(line).is_some() && line.starts_with("not ok "))
            || program_of(line).is_some()
            || noted(line.strip_prefix('#').unwrap_or_default()).is_some()
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        if self.in_block {
            return self.push_block(line);
        }
        if let Some((is_ok, name)) = result(text) {
            self.ended(depth, is_ok, name, line, number);
        } else if let Some(reason) = line.strip_prefix("Bail out!") {
            self.is_open = false;
            self.keep(Failed {
                name: None,
                kind: FailureKind::TestError,
                message: Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty()),
                ..self.new_failed(0, line, number)
            });
        } else if let Some(program) = program_of(line) {
            self.program = Some(program.to_owned());
            self.is_open = false;
        } else if self.is_open && text == "---" {
            self.in_block = true;
            self.text = None;
        } else if let Some(said) = text.strip_prefix('#') {
            self.push_comment(said);
        }
    }

    /// `not ok 2 - adds`, or a good one.
    fn ended(&mut self, depth: usize, is_ok: bool, name: &str, line: &str, number: Option<u64>) {
        self.is_open = false;
        let (name, is_excused) = without_directive(name);
        let name = Some(name).filter(|name| !name.is_empty()).map(cut);
        // Its parts came before it, and failed for it.
        let is_other = |part: &Failed| part.depth <= depth || part.program != self.program;
        let begin = self.failed.iter().rposition(is_other);
        let begin = begin.map_or(0, |at| at + 1);
        if is_excused {
            self.failed.truncate(begin);
            return;
        }
        let parts = self.failed.get_mut(begin..).unwrap_or_default();
        for part in &mut *parts {
            part.depth = depth;
            part.within = part.within.take().or_else(|| name.map(str::to_owned));
        }
        if is_ok || !parts.is_empty() {
            return;
        }
        let failed = Failed {
            name: name.map(str::to_owned),
            ..self.new_failed(depth, line, number)
        };
        self.is_open = self.keep(failed);
    }

    fn new_failed(&self, depth: usize, line: &str, number: Option<u64>) -> Failed {
        Failed {
            depth,
            name: None,
            within: None,
            program: self.program.clone(),
            kind: FailureKind::TestFailed,
            number,
            line: clipped(line.trim()).to_owned(),
            message: None,
            place: None,
            lines: Vec::new(),
        }
    }

    fn keep(&mut self, failed: Failed) -> bool {
        let has_room = self.failed.len() < MAX_FAILED;
        if has_room {
            self.failed.push(failed);
        }
        has_room
    }

    /// A line of the YAML block: `error: 'x'`, or `error: |-` and its text below.
    fn push_block(&mut self, line: &str) {
        let text = line.trim();
        if text == "..." {
            self.in_block = false;
            self.is_open = false;
            return;
        }
        let Some(failed) = self.failed.last_mut() else {
            return;
        };
        let depth = line.len() - line.trim_start().len();
        if self.text.is_some_and(|key| text.is_empty() || depth > key) {
            if !text.is_empty() {
                failed.tell(text);
            }
            return;
        }
        self.text = None;
        let key = text.split_once(':').filter(|(key, _)| is_key(key));
        match key.map(|(key, value)| (key, unquoted(value.trim()))) {
            Some(("error" | "message", value)) => {
                if value.is_empty() || value.starts_with(['|', '>']) {
                    self.text = Some(depth);
                } else {
                    failed.tell(value);
                }
            }
            Some(("location" | "at", value)) => {
                failed.place = failed.place.take().or_else(|| place_of(value));
            }
            Some(("expected" | "actual" | "got" | "expect" | "found" | "wanted", _)) => {
                failed.show(text);
            }
            _ => {}
        }
    }

    fn push_comment(&mut self, said: &str) {
        if let Some(name) = noted(said) {
            self.in_note = self.notes.len() < MAX_FAILED;
            if self.in_note {
                self.notes.push(Note {
                    name: cut(name).to_owned(),
                    place: None,
                    lines: Vec::new(),
                });
            }
            return;
        }
        let said = said.trim();
        self.in_note &= !said.starts_with("Looks like you ")
            && !said.starts_with("Subtest: ")
            && !said.starts_with("Failed (TODO) test");
        let Some(note) = self.notes.last_mut().filter(|_| self.in_note) else {
            return;
        };
        match said.strip_prefix("at ").and_then(place_of) {
            Some(place) if note.place.is_none() => note.place = Some(place),
            _ if said.is_empty() || note.lines.len() >= MAX_LINES => {}
            _ => note.lines.push(clipped(said).to_owned()),
        }
    }

    pub(super) fn finish(mut self) -> Vec<Found> {
        for failed in &mut self.failed {
            let is_its = |note: &Note| Some(&note.name) == failed.name.as_ref();
            let Some(at) = self.notes.iter().position(is_its) else {
                continue;
            };
            // Names come again: each has its own.
            let note = self.notes.remove(at);
            failed.place = failed.place.take().or(note.place);
            note.lines.iter().for_each(|line| failed.tell(line));
        }
        self.failed.into_iter().map(Failed::into_found).collect()
    }
}

impl Failed {
    fn tell(&mut self, text: &str) {
        match &mut self.message {
            None => self.message = Some(clipped(text).to_owned()),
            Some(message) if message.ends_with(':') => {
                message.push(' ');
                message.push_str(clipped(text));
            }
            Some(_) => {}
        }
        self.show(text);
    }

    fn show(&mut self, text: &str) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(clipped(text).to_owned());
        }
    }

    fn into_found(self) -> Found {
        let test = TestId {
            file: self.program,
            class: self.within,
            method: self.name,
            subtest: None,
        };
        let mut found = Found {
            line: Some(self.message.unwrap_or_else(|| self.line.clone())),
            excerpt: std::iter::once(self.line).chain(self.lines).collect(),
            ..Found::new(self.kind, test)
        };
        found.details.log_line = self.number;
        found.details.frames.extend(self.place.clone());
        found.details.place = self.place;
        found
    }
}

/// Whether `not ok 3 - name` or `ok 3 name` is good, and the name.
fn result(text: &str) -> Option<(bool, &str)> {
    let (is_ok, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    let rest = rest.strip_prefix(' ')?;
    let name = rest.trim_start_matches(|ch: char| ch.is_ascii_digit());
    let has_number = name.len() < rest.len();
    let is_end = name.is_empty() || name.starts_with(' ');
    let name = name.trim();
    let name = name.strip_prefix("- ").unwrap_or(name);
    (has_number && is_end).then_some((is_ok, name.trim_start_matches('-').trim()))
}

/// The name in `   Failed test 'adds'` of a comment.
fn noted(said: &str) -> Option<&str> {
    let name = said.trim().strip_prefix("Failed test '")?;
    name.strip_suffix('\'')
}

/// The name without `# TODO …`, `# SKIP …` or `# time=…`, and whether it may
/// fail: `TODO` and `SKIP` excuse it.
fn without_directive(name: &str) -> (&str, bool) {
    let Some((before, directive)) = name.rsplit_once('#').filter(|(before, _)| {
        !before.ends_with('\\') && (before.is_empty() || before.ends_with(' '))
    }) else {
        return (name, false);
    };
    let word = directive.trim_start().to_ascii_lowercase();
    let is_excused = word.starts_with("todo") || word.starts_with("skip");
    if is_excused || word.starts_with("time=") {
        (before.trim_end(), is_excused)
    } else {
        (name, false)
    }
}

/// `t/basic.t .. ` of `prove`.
fn program_of(line: &str) -> Option<&str> {
    let (program, rest) = line.split_once(' ')?;
    (program.ends_with(".t") && rest.starts_with("..")).then_some(program)
}

/// `t/basic.t line 10.`, `'/x/a.test.js:5:3'`.
fn place_of(text: &str) -> Option<Place> {
    let (file, number) = match text.split_once(" line ") {
        Some(place) => place,
        None => {
            let (before, last) = text.rsplit_once(':')?;
            match before.rsplit_once(':') {
                Some((file, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (file, line)
                }
                _ => (before, last),
            }
        }
    };
    Some(Place {
        file: from_sources(file),
        line: Some(number.trim_end_matches('.').parse().ok()?),
        function: None,
    })
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn unquoted(value: &str) -> &str {
    ['\'', '"']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests;
