//! The logs of other test runners than CPython's, read plainly: which tests
//! failed, and the first lines of why.
//!
//! Each runner is read from the first line on that only it prints. What they
//! found counts only where regrtest printed nothing.

use super::automake::Automake;
use super::cargo::Cargo;
use super::ctest::Ctest;
use super::found::Found;
use super::golang::Golang;
use super::lit::Lit;
use super::meson::Meson;
use super::pytest::Pytest;
use super::reader::Reader;
use super::tap::Tap;
use super::trial::Trial;
use crate::domain::failure::{FailureKind, Place};

/// Most failures kept of one runner.
pub(super) const MAX_FAILED: usize = 400;
/// Most lines kept of one failure.
pub(super) const MAX_LINES: usize = 12;

/// One reader each, once its runner has shown itself.
#[derive(Debug, Default)]
pub(super) struct Others {
    pytest: Option<Box<Pytest>>,
    ctest: Option<Box<Ctest>>,
    cargo: Option<Box<Cargo>>,
    golang: Option<Box<Golang>>,
    tap: Option<Box<Tap>>,
    lit: Option<Box<Lit>>,
    trial: Option<Box<Trial>>,
    meson: Option<Box<Meson>>,
    /// There as soon as a line looks like one of its.
    automake: Option<Box<Automake>>,
}

impl Others {
    /// Looks at one line, at its first byte unless a runner is known.
    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        match line.as_bytes().first() {
            Some(b'=') => {
                begin(&mut self.pytest, Pytest::begins, line);
                begin(&mut self.golang, Golang::begins, line);
                begin(&mut self.trial, Trial::begins, line);
            }
            Some(b'[') => begin(&mut self.ctest, Ctest::begins, line),
            Some(b'T') => {
                begin(&mut self.ctest, Ctest::begins, line);
                begin(&mut self.tap, Tap::begins, line);
                begin(&mut self.lit, Lit::begins, line);
            }
            Some(b'n' | b't' | b'.') => begin(&mut self.tap, Tap::begins, line),
            Some(b'r' | b'e') => begin(&mut self.cargo, Cargo::begins, line),
            Some(b' ') => {
                begin(&mut self.cargo, Cargo::begins, line);
                begin(&mut self.meson, Meson::begins, line);
            }
            Some(b'0'..=b'9') => {
                begin(&mut self.meson, Meson::begins, line);
                begin(&mut self.automake, Automake::begins, line);
            }
            Some(b'S') => begin(&mut self.meson, Meson::begins, line),
            Some(b'*' | b'U') => begin(&mut self.lit, Lit::begins, line),
            Some(b'E' | b'X') => {
                begin(&mut self.automake, Automake::begins, line);
                begin(&mut self.lit, Lit::begins, line);
            }
            Some(b'-') => {
                begin(&mut self.cargo, Cargo::begins, line);
                begin(&mut self.golang, Golang::begins, line);
            }
            Some(b'F' | b'#') => {
                begin(&mut self.golang, Golang::begins, line);
                begin(&mut self.automake, Automake::begins, line);
                begin(&mut self.tap, Tap::begins, line);
                begin(&mut self.lit, Lit::begins, line);
            }
            Some(b'p' | b'o') => begin(&mut self.golang, Golang::begins, line),
            _ => {}
        }
        self.hand_on(line, number);
    }

    /// Gives the line to the runners that are known.
    fn hand_on(&mut self, line: &str, number: Option<u64>) {
        if let Some(pytest) = &mut self.pytest {
            pytest.push(line, number);
        }
        if let Some(ctest) = &mut self.ctest {
            ctest.push(line, number);
        }
        if let Some(cargo) = &mut self.cargo {
            cargo.push(line, number);
        }
        if let Some(golang) = &mut self.golang {
            golang.push(line, number);
        }
        if let Some(tap) = &mut self.tap {
            tap.push(line, number);
        }
        if let Some(lit) = &mut self.lit {
            lit.push(line, number);
        }
        if let Some(trial) = &mut self.trial {
            trial.push(line, number);
        }
        if let Some(meson) = &mut self.meson {
            meson.push(line, number);
        }
        if let Some(automake) = &mut self.automake {
            automake.push(line, number);
        }
    }

    /// Whether some runner's lines are being read.
    pub(super) fn is_reading(&self) -> bool {
        self.pytest.is_some()
            || self.ctest.is_some()
            || self.cargo.is_some()
            || self.golang.is_some()
            || self.tap.is_some()
            || self.lit.is_some()
            || self.meson.is_some()
            || self.automake.as_ref().is_some_and(|it| it.is_open())
            || self.trial.as_ref().is_some_and(|it| it.is_open())
    }

    /// Whether tests of some runner were seen.
    pub(super) fn tests_seen(&self) -> bool {
        self.pytest.is_some()
            || self.ctest.is_some()
            || self.tap.is_some()
            || self.lit.is_some()
            || self.meson.is_some()
            || self.automake.as_ref().is_some_and(|it| it.is_certain())
            || self.trial.as_ref().is_some_and(|it| it.tests_seen())
            || self.cargo.as_ref().is_some_and(|cargo| cargo.tests_seen())
            || self
                .golang
                .as_ref()
                .is_some_and(|golang| golang.tests_seen())
    }

    /// What failed, in the order of the log for each runner.
    pub(super) fn finish(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        if let Some(pytest) = self.pytest.take() {
            found.extend(pytest.finish());
        }
        if let Some(ctest) = self.ctest.take() {
            found.extend(ctest.finish());
        }
        if let Some(cargo) = self.cargo.take() {
            found.extend(cargo.finish());
        }
        if let Some(golang) = self.golang.take() {
            found.extend(golang.finish());
        }
        if let Some(lit) = self.lit.take() {
            found.extend(lit.finish());
        }
        if let Some(trial) = self.trial.take() {
            found.extend(trial.finish());
        }
        let before = found.len();
        if let Some(meson) = self.meson.take() {
            found.extend(meson.finish());
        }
        if let Some(automake) = self.automake.take() {
            found.extend(automake.finish());
        }
        // Their programs often speak this protocol, which they sum up.
        if let Some(tap) = self.tap.take()
            && found.len() == before
        {
            found.extend(tap.finish());
        }
        // Every name is a failure of its own, also of one test's parameters.
        for (one, number) in found.iter_mut().zip(1..) {
            one.apart = number;
        }
        found
    }
}

/// A line that begins with a path, without the folder in which Buildbot builds.
pub(super) fn from_sources(line: &str) -> String {
    let is_absolute = line.starts_with('/') || line.get(1..3) == Some(":\\");
    let folder = ["/build/", "\\build\\"].iter().find_map(|folder| {
        let at = line.find(folder)?;
        line.get(at + folder.len()..)
    });
    let (before_space, _) = line.split_once(' ').unwrap_or((line, ""));
    match folder {
        Some(rest) if is_absolute && before_space.len() > line.len() - rest.len() => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    }
}

/// Puts what other runners tell in the place of what their logs happen to quote.
/// A crash that the interpreter reports tells more than that a worker died.
pub(super) fn take_over(reader: &mut Reader) {
    if reader.tests_seen {
        return;
    }
    let mut found = reader.others.finish();
    if found.is_empty() {
        return;
    }
    let dumps = std::mem::take(&mut reader.found);
    for dump in dumps {
        if !matches!(dump.kind, FailureKind::Crash | FailureKind::Timeout) {
            continue;
        }
        let is_same = |one: &&mut Found| {
            let (known, shown) = (&one.test.method, &dump.test.method);
            let is_either = known.is_none() || shown.is_none();
            one.kind == dump.kind && (known == shown || is_either)
        };
        match found.iter_mut().find(is_same) {
            Some(one) => {
                if one.test.method.is_none() {
                    one.test.method = test_in(one.test.file.as_deref(), &dump.details.frames);
                }
                one.excerpt.retain(|line| !dump.excerpt.contains(line));
                one.excerpt.extend(dump.excerpt);
                one.details.frames = dump.details.frames;
                one.details.threads = dump.details.threads;
                one.details.signal = one.details.signal.take().or(dump.details.signal);
                one.details.place = dump.details.place;
            }
            None if dump.details.sanitizer.is_some() => found.push(dump),
            None => {}
        }
    }
    reader.marked.clear();
    reader.loose.clear();
    reader.found = found;
}

/// The test in a file, `tests/a/test_b.py`, through which the frames go.
fn test_in(file: Option<&str>, frames: &[Place]) -> Option<String> {
    let file = file?;
    let mut tests = frames
        .iter()
        .filter(|frame| frame.file.replace('\\', "/").ends_with(file))
        .filter_map(|frame| frame.function.as_deref());
    tests
        .find(|function| function.starts_with("test"))
        .map(str::to_owned)
}

fn begin<R: Default>(reader: &mut Option<Box<R>>, begins: fn(&str) -> bool, line: &str) {
    if reader.is_none() && begins(line) {
        *reader = Some(Box::default());
    }
}
