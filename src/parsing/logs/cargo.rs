//! Rust's cargo: compiling, and the tests of libtest.

use super::found::Found;
use super::others::{MAX_FAILED, MAX_LINES};
use crate::domain::failure::{FailureKind, Place, TestId};

/// Reads the output of `cargo build` and `cargo test`.
#[derive(Debug, Default)]
pub(super) struct Cargo {
    tests_seen: bool,
    /// The source of the test program that runs: `tests/api.rs`.
    target: Option<String>,
    /// Tests of which a line says that they failed.
    marked: Vec<Marked>,
    /// What they printed.
    reports: Vec<Report>,
    in_report: bool,
    /// The compiler's first error, and what it shows below.
    error: Option<CompileError>,
    /// An error of which the next line tells the place.
    pending: Option<(String, Option<u64>)>,
    more_errors: usize,
    /// The test program died by a signal.
    died: Option<(String, Option<u64>)>,
}

#[derive(Debug)]
struct Marked {
    name: String,
    target: Option<String>,
    number: Option<u64>,
}

/// `---- name stdout ----` and what follows.
#[derive(Debug)]
struct Report {
    name: String,
    place: Option<Place>,
    lines: Vec<String>,
    /// The line below is the panic's message.
    message_follows: bool,
    message: Option<String>,
}

#[derive(Debug)]
struct CompileError {
    lines: Vec<String>,
    place: Option<Place>,
    number: Option<u64>,
    is_open: bool,
}

impl Cargo {
    /// Whether only cargo, rustc or libtest print such a line.
    pub(super) fn begins(line: &str) -> bool {
        is_running(line)
            || report_name(line).is_some()
            || line.starts_with("error[E0")
            || line.starts_with("error: could not compile `")
            || (line.starts_with("   Compiling ") && line.contains(" v"))
    }

    /// Whether tests were run, and not only compiled.
    pub(super) fn tests_seen(&self) -> bool {
        self.tests_seen
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        if is_running(line) {
            self.tests_seen = true;
            self.in_report = false;
        } else if let Some(name) = report_name(line) {
            self.tests_seen = true;
            self.in_report = self.reports.len() < MAX_FAILED;
            if self.in_report {
                self.reports.push(Report::new(name));
            }
        } else if line == "failures:"
            || line.starts_with("test result: ")
            || line.starts_with("     Summary [")
        {
            self.in_report = false;
        } else if self.in_report {
            if let Some(report) = self.reports.last_mut() {
                report.push(line);
            }
        } else if let Some(target) = target_of(line) {
            self.target = target;
        } else if let Some(name) = line.strip_prefix("test ") {
            self.push_test(name, number);
        } else if line.contains("process didn't exit successfully") && line.contains("(signal: ") {
            self.died
                .get_or_insert_with(|| (line.trim().to_owned(), number));
        } else {
            self.push_compiler(line, number);
        }
    }

    fn push_test(&mut self, line: &str, number: Option<u64>) {
        let name = line
            .strip_suffix(" ... FAILED")
            .or_else(|| line.strip_suffix(" ... FAILED (allowed)"));
        if let Some(name) = name
            && self.marked.len() < MAX_FAILED
        {
            let name = name.trim_end_matches(" - should panic");
            self.marked.push(Marked {
                name: name.to_owned(),
                target: self.target.clone(),
                number,
            });
        }
    }

    /// `error[E0425]: …`, below it ` --> src/lib.rs:1:5` and the code.
    fn push_compiler(&mut self, line: &str, number: Option<u64>) {
        if line.starts_with("error[E") || line.starts_with("error: ") {
            self.close_error();
            let is_sum = [
                "error: could not compile",
                "error: aborting due to",
                "error: test failed",
                "error: doctest failed",
                "error: process didn't exit",
                "error: bench failed",
            ]
            .iter()
            .any(|start| line.starts_with(start));
            if is_sum {
                self.pending = None;
            } else if line.starts_with("error: linking with ") {
                self.begin_error(line, None, number);
            } else {
                self.pending = Some((line.to_owned(), number));
            }
            return;
        }
        if let Some((error, number)) = self.pending.take() {
            if let Some(place) = arrow(line) {
                self.begin_error(&error, Some(place), number);
            } else if line.starts_with(' ') {
                // `error: a long message,` goes on below.
                self.pending = Some((error, number));
                return;
            }
        }
        if let Some(error) = &mut self.error
            && error.is_open
        {
            if line.is_empty() || error.lines.len() >= MAX_LINES {
                error.is_open = false;
            } else {
                error.lines.push(line.to_owned());
            }
        }
    }

    fn begin_error(&mut self, line: &str, place: Option<Place>, number: Option<u64>) {
        if self.error.is_some() {
            self.more_errors += 1;
            return;
        }
        self.error = Some(CompileError {
            lines: vec![line.to_owned()],
            place,
            number,
            is_open: true,
        });
    }

    fn close_error(&mut self) {
        if let Some(error) = &mut self.error {
            error.is_open = false;
        }
    }

    /// The compiler's first error, else the tests that failed.
    pub(super) fn finish(self) -> Vec<Found> {
        let mut found = Vec::new();
        let Self {
            marked,
            mut reports,
            error,
            more_errors,
            died,
            ..
        } = self;
        found.extend(error.map(|error| error.into_found(more_errors)));
        for marked in marked {
            let at = reports.iter().position(|report| report.name == marked.name);
            let report = at.map(|at| reports.remove(at));
            found.push(of_test(&marked.name, marked.target, marked.number, report));
        }
        for report in reports {
            let name = report.name.clone();
            // Passing tests have a report too where their output is shown.
            if report.message.is_some() {
                found.push(of_test(&name, None, None, Some(report)));
            }
        }
        if let Some((line, number)) = died {
            let mut crash = Found::with_line(FailureKind::Crash, TestId::default(), &line);
            crash.details.log_line = number;
            crash.details.signal = line
                .split_once("(signal: ")
                .and_then(|(_, rest)| rest.split_once(", "))
                .and_then(|(_, rest)| rest.split([':', ')']).next())
                .map(str::to_owned);
            found.push(crash);
        }
        found
    }
}

impl Report {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: None,
            lines: Vec::new(),
            message_follows: false,
            message: None,
        }
    }

    fn push(&mut self, line: &str) {
        if std::mem::take(&mut self.message_follows) {
            self.message.get_or_insert_with(|| line.trim().to_owned());
        }
        if let Some((_, panic)) = line.split_once("panicked at ")
            && line.trim_start().starts_with("thread '")
            && self.place.is_none()
        {
            self.push_panic(panic);
        } else if [
            "Error: ",
            "error[E",
            "note: test did not panic as expected",
            "note: panic did not",
        ]
        .iter()
        .any(|start| line.starts_with(start))
        {
            self.message.get_or_insert_with(|| line.trim().to_owned());
        } else if self.place.is_none()
            && let Some(place) = arrow(line)
        {
            self.place = Some(place);
        }
        if self.lines.len() < MAX_LINES && !line.is_empty() && !line.starts_with("note: run with") {
            self.lines.push(line.to_owned());
        }
    }

    /// `src/lib.rs:5:9:` with the message below, or up to Rust 1.72
    /// `'message', src/lib.rs:5:9`.
    fn push_panic(&mut self, panic: &str) {
        let panic = panic.trim_end();
        if let Some(place) = panic.strip_suffix(':') {
            self.place = place_of(place);
            self.message_follows = true;
        } else if let Some((message, place)) = panic.rsplit_once(", ") {
            self.place = place_of(place);
            let message = message.trim_matches('\'').to_owned();
            self.message.get_or_insert(message);
        } else {
            // The message has several lines.
            let message = panic.trim_start_matches('\'').to_owned();
            self.message.get_or_insert(message);
        }
    }
}

impl CompileError {
    fn into_found(self, more: usize) -> Found {
        let mut excerpt = self.lines.clone();
        if more > 0 {
            excerpt.push(format!("(and {more} more)"));
        }
        let mut found = Found {
            line: self.lines.first().cloned(),
            excerpt,
            ..Found::new(FailureKind::Compile, TestId::default())
        };
        found.details.log_line = self.number;
        found.details.place = self.place;
        found
    }
}

fn of_test(
    name: &str,
    target: Option<String>,
    number: Option<u64>,
    report: Option<Report>,
) -> Found {
    let test = test_of(name, target);
    let mut found = Found {
        excerpt: vec![format!("test {name} ... FAILED")],
        ..Found::new(FailureKind::TestFailed, test)
    };
    found.details.log_line = number;
    if let Some(report) = report {
        found.line = report.message;
        found.excerpt.extend(report.lines);
        found.details.frames.extend(report.place.clone());
        found.details.place = report.place;
    }
    found
        .line
        .get_or_insert_with(|| format!("test {name} ... FAILED"));
    found
}

/// `module::tests::name`; a test of the documentation is
/// `src/lib.rs - module::f (line 3)`.
fn test_of(name: &str, target: Option<String>) -> TestId {
    if let Some((file, item)) = name.split_once(" - ") {
        let (method, line) = match item.split_once(" (line ") {
            Some((method, line)) => (method, Some(format!("(line {line}"))),
            None => (item, None),
        };
        // The top of a module has no name.
        let is_named = !method.is_empty() && !method.starts_with("(line ");
        return TestId {
            file: Some(file.to_owned()),
            class: None,
            method: is_named.then(|| method.to_owned()),
            subtest: line.or_else(|| (!is_named).then(|| method.to_owned())),
        };
    }
    match name.rsplit_once("::") {
        Some((module, method)) => TestId {
            file: Some(module.to_owned()),
            method: Some(method.to_owned()),
            ..TestId::default()
        },
        None => TestId {
            file: target,
            method: Some(name.to_owned()),
            ..TestId::default()
        },
    }
}

/// `running 3 tests`
fn is_running(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("running ") else {
        return false;
    };
    matches!(rest.split_once(' '), Some((count, "test" | "tests")) if count.parse::<u32>().is_ok())
}

/// The name of `---- module::name stdout ----`, and of nextest's
/// `--- STDERR:   crate module::name ---`.
fn report_name(line: &str) -> Option<&str> {
    if let Some(inside) = line.strip_prefix("--- STDERR: ") {
        return inside.strip_suffix(" ---")?.rsplit(' ').next();
    }
    let inside = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    inside
        .strip_suffix(" stdout")
        .or_else(|| inside.strip_suffix(" stderr"))
}

/// The source of a test program, none for one of which no test is in a file of
/// its own; outer none for any other line.
fn target_of(line: &str) -> Option<Option<String>> {
    if line.starts_with("   Doc-tests ") {
        return Some(None);
    }
    let rest = line.strip_prefix("     Running ")?;
    let rest = rest.strip_prefix("unittests ").unwrap_or(rest);
    let (source, _) = rest.split_once(" (")?;
    Some(Some(source.to_owned()).filter(|source| source.ends_with(".rs")))
}

/// ` --> src/lib.rs:1:5`
fn arrow(line: &str) -> Option<Place> {
    place_of(line.trim_start().strip_prefix("--> ")?)
}

fn place_of(text: &str) -> Option<Place> {
    let (rest, _column) = text.trim().rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Place {
        file: file.to_owned(),
        line: Some(line.parse().ok()?),
        function: None,
    })
}

#[cfg(test)]
mod tests;
