//! A panic of Go, with the stacks of its goroutines.

use crate::domain::failure::{Details, FailureKind, Place, TestId};
use crate::parsing::logs::found::Found;
use crate::parsing::logs::others::from_sources;

/// Frames kept of all goroutines.
const MAX_FRAMES: usize = 200;
/// Tests kept that ran when the time was over.
const MAX_RUNNING: usize = 20;

/// A panic that is being read.
#[derive(Debug)]
pub(super) struct Panic {
    line: String,
    number: Option<u64>,
    /// The tests that ran when the time was over.
    running: Vec<String>,
    in_running: bool,
    /// Innermost first, goroutine by goroutine: own frames only.
    frames: Vec<(usize, Place)>,
    goroutine: usize,
    /// The function of which the next line tells the place.
    function: Option<String>,
}

impl Panic {
    /// `panic: …`, and the runtime's own `fatal error: …`.
    pub(super) fn begin(line: &str, number: Option<u64>) -> Option<Self> {
        let is_panic = line.starts_with("panic: ") || line.starts_with("fatal error: ");
        is_panic.then(|| Self {
            line: line.trim_end().to_owned(),
            number,
            running: Vec::new(),
            in_running: false,
            frames: Vec::new(),
            goroutine: 0,
            function: None,
        })
    }

    pub(super) fn push(&mut self, line: &str) {
        if line.trim() == "running tests:" {
            self.in_running = true;
        } else if line.starts_with("goroutine ") {
            self.in_running = false;
            self.goroutine += 1;
        } else if self.in_running {
            if let Some((name, _)) = line.trim().rsplit_once(" (")
                && self.running.len() < MAX_RUNNING
            {
                self.running.push(name.to_owned());
            }
        } else if let Some(place) = line.strip_prefix('\t') {
            self.push_place(place);
        } else {
            let function = line.rsplit_once('(').map(|(function, _)| function);
            self.function = function.map(str::to_owned);
        }
    }

    fn push_place(&mut self, place: &str) {
        let Some(function) = self.function.take() else {
            return;
        };
        let place = place.split(" +0x").next().unwrap_or(place);
        let Some((file, line)) = place.rsplit_once(':') else {
            return;
        };
        let is_foreign = [
            "/src/testing/",
            "/src/runtime/",
            "/src/time/",
            "_testmain.go",
        ]
        .iter()
        .any(|part| file.contains(part));
        if !is_foreign && self.frames.len() < MAX_FRAMES {
            let place = Place {
                file: from_sources(file),
                line: line.trim().parse().ok(),
                function: Some(function),
            };
            self.frames.push((self.goroutine, place));
        }
    }

    pub(super) fn is_timeout(&self) -> bool {
        self.line.starts_with("panic: test timed out after ")
    }

    /// The name of the test that ran: as the timeout tells, if only one ran;
    /// else of the function in the stack of the first goroutine.
    pub(super) fn test(&self) -> Option<String> {
        match self.running.as_slice() {
            [only] => return Some(only.clone()),
            [] => {}
            _ => return None,
        }
        let first = self.telling_goroutine()?;
        self.frames
            .iter()
            .filter(|(goroutine, _)| *goroutine == first)
            .find_map(|(_, place)| test_function(place).map(str::to_owned))
    }

    /// The goroutine in a test's function; the first one panicked.
    fn telling_goroutine(&self) -> Option<usize> {
        let in_test = |(_, place): &&(usize, Place)| {
            test_function(place).is_some_and(|name| self.running.is_empty() || self.runs(name))
        };
        let found = if self.is_timeout() {
            self.frames.iter().find(in_test)
        } else {
            self.frames.first()
        };
        found.map(|(goroutine, _)| *goroutine)
    }

    fn runs(&self, function: &str) -> bool {
        self.running
            .iter()
            .any(|name| name.split('/').next() == Some(function))
    }

    pub(super) fn into_found(self, test: TestId) -> Found {
        let kind = if self.is_timeout() {
            FailureKind::Timeout
        } else {
            FailureKind::Crash
        };
        let telling = self.telling_goroutine();
        let mut places: Vec<Place> = self
            .frames
            .iter()
            .filter(|(goroutine, _)| Some(*goroutine) == telling)
            .map(|(_, place)| place.clone())
            .take(Details::MAX_FRAMES)
            .collect();
        let mut excerpt = vec![self.line.clone()];
        excerpt.extend(
            self.running
                .iter()
                .map(|name| format!("    running: {name}")),
        );
        for place in places.iter().take(5) {
            let function = place.function.as_deref().unwrap_or_default();
            let line = place.line.unwrap_or_default();
            excerpt.push(format!("    {function}"));
            excerpt.push(format!("        {}:{line}", place.file));
        }
        let seconds = seconds(&self.line).filter(|_| kind == FailureKind::Timeout);
        let mut found = Found {
            line: Some(self.line),
            excerpt,
            ..Found::new(kind, test)
        };
        found.details.log_line = self.number;
        found.details.timeout_seconds = seconds;
        found.details.place = places.first().cloned();
        if self.running.len() > 1 {
            found.details.running = self.running;
        }
        places.reverse();
        found.details.frames = places;
        found
    }
}

/// `TestIndex` of `example.com/widget/boom.TestIndex`.
fn test_function(place: &Place) -> Option<&str> {
    let name = place.function.as_deref()?.rsplit(['.', '/']).next()?;
    let is_test = ["Test", "Fuzz", "Benchmark", "Example"]
        .iter()
        .any(|start| name.starts_with(start));
    is_test.then_some(name)
}

/// The seconds of `… timed out after 1h10m0s`.
fn seconds(line: &str) -> Option<u64> {
    let time = line.rsplit(' ').next()?;
    let mut total: u64 = 0;
    let mut number: u64 = 0;
    for ch in time.chars() {
        let unit = match ch {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            '.' => return Some(total + number),
            _ => {
                number = number
                    .checked_mul(10)?
                    .checked_add(ch.to_digit(10)?.into())?;
                continue;
            }
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        number = 0;
    }
    Some(total)
}
