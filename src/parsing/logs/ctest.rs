//! CMake's ctest, and Google's tests, which ctest often runs.

use super::found::Found;
use super::last_words;
use super::others::{MAX_FAILED, MAX_LINES, from_sources};
use crate::domain::failure::{FailureKind, Place, TestId};

const FAILED: &str = "[  FAILED  ] ";

/// Reads the output of ctest, of Google's tests, or of both.
#[derive(Debug, Default)]
pub(super) struct Ctest {
    /// The program whose output follows.
    program: Option<String>,
    /// The test that began and did not end.
    running: Option<Running>,
    /// Google's tests that failed.
    found: Vec<Found>,
    /// Programs that failed, as ctest tells when they end.
    ended: Vec<Program>,
    /// Programs that failed, as ctest lists them in the end.
    listed: Vec<Program>,
    in_list: bool,
}

#[derive(Debug, Clone)]
struct Program {
    name: String,
    /// `Failed`, `Timeout`, `SEGFAULT`.
    words: String,
    seconds: Option<u64>,
    line: String,
    number: Option<u64>,
}

#[derive(Debug)]
struct Running {
    name: String,
    number: Option<u64>,
    place: Option<Place>,
    lines: Vec<String>,
    /// The first failure's text goes on.
    is_open: bool,
    more: usize,
}

impl Ctest {
    /// Whether only ctest or Google's tests print such a line.
    pub(super) fn begins(line: &str) -> bool {
        [
            "Test project /",
            "The following tests FAILED:",
            "[==========] Running ",
            "[ RUN      ] ",
            "[  FAILED  ] ",
        ]
        .iter()
        .any(|start| line.starts_with(start))
            || (line.starts_with("Test project ") && line.contains(":\\"))
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        // `ctest -V` puts the number of the test before its output.
        let line = match line.split_once(": ") {
            Some((prefix, rest)) if is_number(prefix) => rest,
            _ => line,
        };
        if self.in_list {
            if let Some(program) = Program::listed(line, number) {
                keep(&mut self.listed, program);
                return;
            }
            self.in_list = line.is_empty();
        }
        if line == "The following tests FAILED:" {
            self.in_list = true;
        } else if let Some((name, program)) = Program::ended(line, number) {
            self.program = Some(name);
            if let Some(program) = program {
                keep(&mut self.ended, program);
            }
        } else if line.trim_start().starts_with("Start ") && line.contains(": ") {
            self.program = line
                .split_once(": ")
                .map(|(_, name)| name.trim().to_owned());
            self.died(None);
        } else {
            self.push_google(line, number);
        }
    }

    fn push_google(&mut self, line: &str, number: Option<u64>) {
        if let Some(name) = line.strip_prefix("[ RUN      ] ") {
            self.running = Some(Running {
                name: name.trim().to_owned(),
                number,
                place: None,
                lines: Vec::new(),
                is_open: false,
                more: 0,
            });
        } else if line.starts_with("[       OK ] ") || line.starts_with("[  SKIPPED ] ") {
            self.running = None;
        } else if line.starts_with(FAILED) {
            self.failed(line, number);
        } else if let Some(signal) = last_words::signal(line).filter(|it| last_words::is_crash(it))
        {
            self.died(Some((signal, line)));
        } else if let Some(running) = &mut self.running {
            running.push(line);
        }
    }

    /// `[  FAILED  ] Circle.Area (0 ms)`; in the list at the end without a time.
    fn failed(&mut self, line: &str, number: Option<u64>) {
        let Some(name) = line.strip_prefix(FAILED) else {
            return;
        };
        let (name, parameter) = parts(name);
        let Some(test) = test_of(name, parameter, self.program.as_deref()) else {
            return;
        };
        match self.running.take() {
            Some(running) if running.name == name => self.keep(running.into_found(test, name)),
            Some(mut running) => {
                // The test's own output.
                running.push(line);
                self.running = Some(running);
            }
            None => {
                let is_known = |found: &Found| {
                    found.test.class == test.class
                        && found.test.method == test.method
                        && (found.test.file == test.file || test.file.is_none())
                };
                if !self.found.iter().any(is_known) {
                    let line = format!("[  FAILED  ] {name}");
                    let mut found = Found::with_line(FailureKind::TestFailed, test, &line);
                    found.details.log_line = number;
                    self.keep(found);
                }
            }
        }
    }

    /// The program ended while a test was running.
    fn died(&mut self, how: Option<(&str, &str)>) {
        let Some(running) = self.running.take() else {
            return;
        };
        let (Some((signal, line)), Some(test)) =
            (how, test_of(&running.name, None, self.program.as_deref()))
        else {
            return;
        };
        let mut found = Found::with_line(FailureKind::Crash, test, line.trim());
        found
            .excerpt
            .insert(0, format!("[ RUN      ] {}", running.name));
        found.details.signal = Some(signal.to_owned());
        found.details.log_line = running.number;
        self.keep(found);
    }

    fn keep(&mut self, found: Found) {
        if self.found.len() < MAX_FAILED {
            self.found.push(found);
        }
    }

    /// Google's tests, and the programs that have none that failed.
    pub(super) fn finish(self) -> Vec<Found> {
        let Self {
            mut found,
            ended,
            listed,
            ..
        } = self;
        let only_ended = listed.is_empty();
        let mut programs = if only_ended { Vec::new() } else { listed };
        for program in ended {
            match programs.iter_mut().find(|known| known.name == program.name) {
                Some(known) => {
                    known.seconds = program.seconds;
                    known.number = program.number;
                }
                None if only_ended => programs.push(program),
                None => {}
            }
        }
        let google = found.len();
        for program in programs {
            let kind = program.kind();
            let of_program = |one: &Found| one.test.file.as_deref() == Some(&program.name);
            let is_told = found.iter().take(google).any(|one| {
                of_program(one) && (kind == FailureKind::TestFailed || one.kind == kind)
            });
            if !is_told {
                found.push(program.into_found(kind));
            }
        }
        found.sort_by_key(|found| found.details.log_line);
        found
    }
}

impl Program {
    /// `1/4 Test #1: shape_test ......***Failed  0.04 sec`: the name, and how it
    /// ended if it failed.
    fn ended(line: &str, number: Option<u64>) -> Option<(String, Option<Self>)> {
        let line = line.trim();
        if !line.ends_with(" sec") || !line.starts_with(|ch: char| ch.is_ascii_digit()) {
            return None;
        }
        let (count, rest) = line.split_once(" Test ")?;
        let (_, rest) = rest.trim_start().strip_prefix('#')?.split_once(": ")?;
        let (name, words) = rest.split_once(" .").or_else(|| rest.split_once("  "))?;
        let name = name.trim().to_owned();
        if !count.contains('/') {
            return None;
        }
        let words = words.trim_start_matches('.').trim();
        let (words, time) = words.strip_suffix(" sec")?.trim_end().rsplit_once(' ')?;
        let Some((before, after)) = words.split_once("***") else {
            return Some((name, None));
        };
        let words = match after.trim().trim_end_matches(':').trim() {
            "Exception" if !before.trim().is_empty() => before.trim().to_owned(),
            words => words.trim_start_matches("Exception: ").to_owned(),
        };
        let seconds = time.split('.').next().and_then(|whole| whole.parse().ok());
        let program = Self {
            name: name.clone(),
            line: format!("{name} ({words})"),
            words,
            seconds,
            number,
        };
        Some((name, Some(program)))
    }

    /// `  1 - shape_test (Failed)`, with labels behind in newer versions.
    fn listed(line: &str, number: Option<u64>) -> Option<Self> {
        let (count, rest) = line.trim().split_once(" - ")?;
        let (name, words) = rest.rsplit_once(" (")?;
        let (words, _) = words.split_once(')')?;
        let name = name.trim().to_owned();
        is_number(count.trim()).then(|| Self {
            line: format!("{name} ({words})"),
            name,
            words: words.to_owned(),
            seconds: None,
            number,
        })
    }

    fn kind(&self) -> FailureKind {
        match self.words.as_str() {
            "Failed" => FailureKind::TestFailed,
            "Timeout" => FailureKind::Timeout,
            words if words.starts_with("Not Run") => FailureKind::TestError,
            words if words.contains("ailed") => FailureKind::TestFailed,
            // `SEGFAULT`, `Subprocess aborted`, `ILLEGAL`, `NUMERICAL`.
            _ => FailureKind::Crash,
        }
    }

    fn into_found(self, kind: FailureKind) -> Found {
        let test = TestId {
            file: Some(self.name.clone()),
            ..TestId::default()
        };
        let mut found = Found::with_line(kind, test, &self.line);
        found.details.log_line = self.number;
        if kind == FailureKind::Timeout {
            found.details.timeout_seconds = self.seconds;
        }
        if kind == FailureKind::Crash {
            found.details.signal = match self.words.to_ascii_lowercase().as_str() {
                "segfault" => Some("SIGSEGV".to_owned()),
                "subprocess aborted" => Some("SIGABRT".to_owned()),
                "illegal" => Some("SIGILL".to_owned()),
                _ => None,
            };
        }
        found
    }
}

impl Running {
    fn push(&mut self, line: &str) {
        if let Some(place) = place_of(line) {
            if self.place.is_some() || !self.lines.is_empty() {
                self.more += 1;
                self.is_open = false;
                return;
            }
            self.lines.push(from_sources(line));
            self.place = place;
            self.is_open = true;
        } else if line.is_empty() {
            self.is_open = false;
        } else if self.is_open && self.lines.len() < MAX_LINES {
            self.lines.push(line.to_owned());
        }
    }

    fn into_found(self, test: TestId, name: &str) -> Found {
        let thrown = self
            .lines
            .first()
            .and_then(|line| line.strip_prefix("unknown file: error: "));
        let told: Vec<&str> = self.lines.iter().skip(1).map(|line| line.trim()).collect();
        let line = if let Some(thrown) = thrown {
            // No line of the test is known.
            thrown.to_owned()
        } else if told.is_empty() {
            format!("[  FAILED  ] {name}")
        } else {
            told.join(" ")
        };
        let mut excerpt = vec![format!("[  FAILED  ] {name}")];
        excerpt.extend(self.lines);
        if self.more > 0 {
            excerpt.push(format!("(and {} more)", self.more));
        }
        let mut found = Found {
            line: Some(line),
            excerpt,
            ..Found::new(FailureKind::TestFailed, test)
        };
        found.details.log_line = self.number;
        found.details.place = self.place;
        found
    }
}

/// `Circle.Area` and `GetParam() = 270`, without the time.
fn parts(name: &str) -> (&str, Option<&str>) {
    let name = match name.rsplit_once(" (") {
        Some((before, time)) if time.ends_with(" ms)") => before,
        _ => name,
    };
    match name.split_once(", where ") {
        Some((name, parameter)) => (name.trim(), Some(parameter.trim())),
        None => (name.trim(), None),
    }
}

fn test_of(name: &str, parameter: Option<&str>, program: Option<&str>) -> Option<TestId> {
    let (class, method) = name.split_once('.')?;
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|ch| ch.is_alphanumeric() || "_/<>:".contains(ch))
    };
    (is_name(class) && is_name(method)).then(|| TestId {
        file: program.map(str::to_owned),
        class: Some(class.to_owned()),
        method: Some(method.to_owned()),
        subtest: parameter.map(str::to_owned),
    })
}

/// The place of `shape_test.cc:3: Failure`, of MSVC's `a.cc(3): error: …`, and
/// none for `unknown file: Failure`.
fn place_of(line: &str) -> Option<Option<Place>> {
    let (place, _) = line
        .split_once(": Failure")
        .or_else(|| line.split_once(": error: "))?;
    if place == "unknown file" {
        return Some(None);
    }
    let (file, number) = match place.strip_suffix(')') {
        Some(place) => place.rsplit_once('(')?,
        None => place.rsplit_once(':')?,
    };
    Some(Some(Place {
        file: from_sources(file),
        line: Some(number.parse().ok()?),
        function: None,
    }))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn keep(programs: &mut Vec<Program>, program: Program) {
    if programs.len() < MAX_FAILED {
        programs.push(program);
    }
}

#[cfg(test)]
mod tests;
