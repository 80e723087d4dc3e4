//! One report of pytest: its header, the code, the exception, the places.

use crate::domain::failure::{Details, FailureKind, Place, TestId};
use crate::parsing::logs::found::Found;
use crate::parsing::logs::others::{MAX_LINES, from_sources};
use crate::parsing::logs::traceback::{CHAINS, Frame, exception_type};

/// What pytest was doing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Call,
    Setup,
    Teardown,
    Collect,
}

/// A report that is being read.
#[derive(Debug, Default, Clone)]
pub(super) struct Entry {
    /// `TestA.test_x[1]`, or a path.
    pub(super) name: String,
    pub(super) phase: Phase,
    /// The number of its header's line.
    pub(super) number: Option<u64>,
    /// The line of code that failed.
    code: Option<String>,
    /// The lines that begin with `E`, without it.
    errors: Vec<String>,
    /// Lines that stand for the exception: `[XPASS(strict)] …`.
    message: Option<String>,
    /// The first line of a file that was not collected: `import file mismatch:`.
    first: Option<String>,
    places: Vec<Place>,
    /// The exception's type as the last place has it.
    exception: Option<String>,
    /// The exceptions before, in a chain.
    chain: Vec<String>,
    /// The test's own output follows.
    is_over: bool,
}

/// `_ _ _ _ _` between the frames of a report.
pub(super) fn is_separator(line: &str) -> bool {
    line.starts_with("_ _")
}

impl Entry {
    /// Reads `____ ERROR at setup of test_x ____`.
    pub(super) fn begin(line: &str, number: Option<u64>) -> Option<Self> {
        let (before, rest) = line.trim_end().split_once(' ')?;
        let (name, behind) = rest.rsplit_once(' ')?;
        let is_rule = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'_');
        if !is_rule(before) || !is_rule(behind) {
            return None;
        }
        let (phase, name) = [
            ("ERROR at setup of ", Phase::Setup),
            ("ERROR at teardown of ", Phase::Teardown),
            ("ERROR collecting ", Phase::Collect),
        ]
        .into_iter()
        .find_map(|(words, phase)| Some((phase, name.strip_prefix(words)?)))
        .unwrap_or((Phase::Call, name));
        Some(Self {
            name: name.to_owned(),
            phase,
            number,
            ..Self::default()
        })
    }

    /// One of which only the summary's words are known.
    pub(super) fn of_message(message: &str) -> Self {
        let mut entry = Self::default();
        if stands_for_exception(message) {
            entry.message = Some(message.to_owned());
        } else if !message.is_empty() {
            entry.errors.push(message.to_owned());
        }
        entry
    }

    /// Takes a line of the report.
    pub(super) fn push(&mut self, line: &str) {
        if self.is_over {
            return;
        }
        if line.starts_with('-') && line.contains(" Captured ") {
            self.is_over = true;
        } else if CHAINS.contains(&line.trim()) {
            self.chain_goes_on();
        } else if let Some(error) = error_of(line) {
            // A syntax error has its place here.
            if let Some(frame) = Frame::parse(error) {
                self.push_frame(frame);
            }
            if self.errors.len() < MAX_LINES {
                self.errors.push(error.to_owned());
            }
        } else if let Some(code) = line.strip_prefix('>') {
            self.code = Some(format!(">   {}", code.trim()));
        } else if stands_for_exception(line) {
            self.message.get_or_insert_with(|| line.trim().to_owned());
        } else if let Some((place, word)) = place_of(line) {
            if !word.is_empty() {
                self.exception = Some(word.to_owned());
            }
            self.push_place(place);
        } else if let Some(frame) = Frame::parse(line) {
            self.push_frame(frame);
        } else if self.phase == Phase::Collect && !line.is_empty() {
            self.first.get_or_insert_with(|| line.trim().to_owned());
        }
    }

    fn push_frame(&mut self, frame: Frame) {
        self.push_place(Place {
            line: frame.number(),
            file: from_sources(&frame.path),
            function: Some(frame.function).filter(|function| !function.is_empty()),
        });
    }

    fn push_place(&mut self, place: Place) {
        // The outermost one tells the test's file, the innermost ones the rest.
        if self.places.len() >= Details::MAX_FRAMES {
            self.places.remove(1);
        }
        self.places.push(place);
    }

    /// What came before was only the reason.
    fn chain_goes_on(&mut self) {
        let line = self.headline();
        self.chain.extend(line);
        self.errors.clear();
        self.places.clear();
        self.exception = None;
    }

    /// The id of the test that was running when a worker of xdist died.
    pub(super) fn crashed_id(&self) -> Option<&str> {
        let message = self.message.as_deref()?;
        let (_, id) = message.split_once("crashed while running '")?;
        id.strip_suffix('\'')
    }

    /// The test as far as the report alone tells.
    pub(super) fn test(&self) -> TestId {
        let file = match self.phase {
            Phase::Collect => Some(self.name.clone()),
            _ => self.places.first().map(|place| place.file.clone()),
        };
        if self.phase == Phase::Collect {
            return TestId {
                file,
                ..TestId::default()
            };
        }
        let is_test_file = |file: &String| {
            let name = file.rsplit('/').next().unwrap_or(file);
            name.starts_with("test") || name.ends_with("_test.py")
        };
        let bracket = self.name.find('[').unwrap_or(self.name.len());
        let name = self.name.get(..bracket).unwrap_or_default();
        let subtest = self.name.get(bracket..).unwrap_or_default();
        let (class, method) = match name.rsplit_once('.') {
            Some((class, method)) => (Some(class.to_owned()), method),
            None => (None, name),
        };
        TestId {
            file: file.filter(is_test_file),
            class,
            method: Some(method.to_owned()),
            subtest: (!subtest.is_empty()).then(|| subtest.to_owned()),
        }
    }

    pub(super) fn into_found(self, test: TestId, is_error: bool) -> Found {
        let line = self.headline();
        let kind = self.kind(line.as_deref().unwrap_or_default(), is_error);
        let exception = match kind {
            FailureKind::Crash | FailureKind::UnexpectedSuccess => None,
            _ => line.as_deref().and_then(typed),
        };
        let mut excerpt: Vec<String> = self.code.iter().cloned().collect();
        excerpt.extend(self.message.iter().cloned());
        if excerpt.is_empty() && self.errors.is_empty() {
            excerpt.extend(line.iter().cloned());
        }
        excerpt.extend(self.errors.iter().map(|error| format!("E{error}")));
        if let Some(place) = self.places.last() {
            let number = place.line.unwrap_or_default();
            excerpt.push(format!("{}:{number}", place.file));
        }
        let mut found = Found {
            exception,
            excerpt,
            line,
            ..Found::new(kind, test)
        };
        if kind == FailureKind::Timeout {
            found.details.timeout_seconds = found.line.as_deref().and_then(timeout_seconds);
        }
        found.details.log_line = self.number;
        found.details.place = self.places.last().cloned();
        found.details.chain = self.chain;
        found.details.frames = self.places;
        found
    }

    fn kind(&self, line: &str, is_error: bool) -> FailureKind {
        if line.starts_with("[XPASS(strict)]") {
            FailureKind::UnexpectedSuccess
        } else if line.contains(" crashed while running '") {
            FailureKind::Crash
        } else if line.starts_with("Failed: Timeout ") {
            FailureKind::Timeout
        } else if self.phase == Phase::Collect {
            FailureKind::ImportError
        } else if is_error || self.phase != Phase::Call {
            FailureKind::TestError
        } else {
            FailureKind::TestFailed
        }
    }

    /// The exception's line: of the lines with `E` the first of those that are
    /// indented least, with its type, which pytest leaves out of an `assert`.
    fn headline(&self) -> Option<String> {
        let indent = |line: &&String| line.len() - line.trim_start().len();
        let Some(line) = self.errors.iter().min_by_key(indent) else {
            return self.message.clone().or_else(|| self.first.clone());
        };
        let line = line.trim();
        let known = self.exception.as_deref().filter(|name| is_type(name));
        let name = match (known, typed(line)) {
            (Some(known), Some(own)) if known.rsplit('.').next() == Some(&own) => None,
            (Some(known), None) => Some(known),
            (Some(known), Some(_)) if line.starts_with("assert ") => Some(known),
            (None, _) if line.starts_with("assert ") => Some("AssertionError"),
            _ => None,
        };
        Some(name.map_or_else(|| line.to_owned(), |name| format!("{name}: {line}")))
    }
}

/// Behind the `E` of an exception's lines.
fn error_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('E')?;
    (rest.is_empty() || rest.starts_with("   ")).then_some(rest)
}

fn stands_for_exception(line: &str) -> bool {
    line.starts_with("[XPASS(strict)]")
        || (line.starts_with("worker '") && line.contains(" crashed while running '"))
}

/// `tests/test_a.py:9: KeyError`, `tests/test_a.py:9: in test_x`, and
/// `tests/test_a.py:9: `; with the exception's type where it says one.
fn place_of(line: &str) -> Option<(Place, &str)> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let at = line.find(".py:")? + ".py".len();
    let (number, rest) = line.get(at + 1..)?.split_once(':')?;
    let number = number.parse().ok()?;
    let rest = rest.trim();
    let function = rest.strip_prefix("in ");
    let place = Place {
        file: line.get(..at)?.to_owned(),
        line: Some(number),
        function: function.map(str::to_owned),
    };
    Some((place, if function.is_some() { "" } else { rest }))
}

/// The type of `KeyError: 'b'`; not of a sentence.
fn typed(line: &str) -> Option<String> {
    let name = line.split_once(": ").map_or(line, |(name, _)| name);
    is_type(name).then(|| exception_type(line)).flatten()
}

fn is_type(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.starts_with(|ch: char| ch.is_uppercase() || ch == '_')
        && name
            .chars()
            .all(|ch| ch.is_alphanumeric() || "_.".contains(ch))
}

/// `Failed: Timeout (>1.5s) from pytest-timeout.`
fn timeout_seconds(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once('>')?;
    let (whole, _) = rest.split_once(['.', 's'])?;
    whole.parse().ok()
}
