//! Go's `go test` and `go build`.

mod panic;

use std::collections::HashMap;

use panic::Panic;

use super::found::Found;
use super::others::{MAX_FAILED, MAX_LINES};
use crate::domain::failure::{FailureKind, Place, TestId};

/// Tests of which messages are kept at a time.
const MAX_TALKING: usize = 2000;

/// Reads the output of `go test`.
#[derive(Debug, Default)]
pub(super) struct Golang {
    tests_seen: bool,
    /// The test that was named last: what is printed is its output.
    current: Option<String>,
    /// What tests printed, package by package.
    messages: HashMap<String, Vec<String>>,
    /// Tests of the package that failed.
    failed: Vec<(String, Option<u64>)>,
    /// The panic that ends the package's tests.
    panic: Option<Panic>,
    /// `# example.com/x`: errors of the compiler follow.
    compiling: Option<Compiling>,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Compiling {
    lines: Vec<String>,
    place: Option<Place>,
    number: Option<u64>,
    more: usize,
}

impl Golang {
    /// Whether only Go's tools print such a line.
    pub(super) fn begins(line: &str) -> bool {
        line.starts_with("=== RUN   ")
            || line.starts_with("--- FAIL: ")
            || line.starts_with("FAIL\t")
            || line.starts_with("ok  \t")
            || line.starts_with("panic: test timed out after ")
            || package_of(line).is_some()
    }

    /// Whether tests were run, and not only compiled.
    pub(super) fn tests_seen(&self) -> bool {
        self.tests_seen
    }

    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        if let Some(package) = end_of_package(line) {
            self.tests_seen = true;
            self.close(package);
            return;
        }
        if let Some(panic) = &mut self.panic {
            panic.push(line);
            return;
        }
        if self.compiles(line, number) {
            return;
        }
        if let Some(name) = named(line) {
            self.tests_seen = true;
            self.current = Some(name.to_owned());
        } else if let Some(name) = ended(line, "--- FAIL: ") {
            self.tests_seen = true;
            if self.failed.len() < MAX_FAILED {
                self.failed.push((name.to_owned(), number));
            }
            self.current = Some(name.to_owned());
        } else if let Some(name) = ended(line, "--- PASS: ").or_else(|| ended(line, "--- SKIP: ")) {
            self.current = Some(name.to_owned());
        } else if let Some(panic) = Panic::begin(line, number) {
            self.panic = Some(panic);
        } else if line.starts_with("    ") {
            self.push_message(line);
        }
    }

    /// `    a_test.go:10: message`, and the lines below that are indented more.
    fn push_message(&mut self, line: &str) {
        let Some(current) = &self.current else {
            return;
        };
        if !self.messages.contains_key(current) {
            if message_of(line).is_none() || self.messages.len() >= MAX_TALKING {
                return;
            }
            self.messages.insert(current.clone(), Vec::new());
        }
        if let Some(lines) = self.messages.get_mut(current)
            && lines.len() < MAX_LINES
        {
            lines.push(line.to_owned());
        }
    }

    /// Takes the errors of a package that does not compile.
    fn compiles(&mut self, line: &str, number: Option<u64>) -> bool {
        if package_of(line).is_some() {
            self.close_compiling();
            self.compiling = Some(Compiling {
                lines: vec![line.to_owned()],
                place: None,
                number,
                more: 0,
            });
            return true;
        }
        let Some(compiling) = &mut self.compiling else {
            return false;
        };
        if let Some(place) = place_of(line) {
            if compiling.place.is_some() {
                compiling.more += 1;
            }
            compiling.place.get_or_insert(place);
        } else if compiling.place.is_none() || !line.starts_with([' ', '\t']) {
            self.close_compiling();
            return false;
        }
        if compiling.lines.len() < MAX_LINES {
            compiling.lines.push(line.to_owned());
        }
        true
    }

    fn close_compiling(&mut self) {
        let Some(compiling) = self.compiling.take() else {
            return;
        };
        if compiling.place.is_none() || self.found.len() >= MAX_FAILED {
            return;
        }
        let mut excerpt = compiling.lines.clone();
        if compiling.more > 0 {
            excerpt.push(format!("(and {} more)", compiling.more));
        }
        let mut found = Found {
            line: compiling.lines.get(1).cloned(),
            excerpt,
            ..Found::new(FailureKind::Compile, TestId::default())
        };
        found.details.log_line = compiling.number;
        found.details.place = compiling.place;
        self.found.push(found);
    }

    /// The package's tests ended: now its name is known.
    fn close(&mut self, package: Option<&str>) {
        self.close_compiling();
        self.current = None;
        let failed = std::mem::take(&mut self.failed);
        let mut messages = std::mem::take(&mut self.messages);
        let mut panic = self.panic.take();
        for (name, number) in &failed {
            let lines = messages.remove(name);
            let inner = format!("{name}/");
            let is_parent = failed.iter().any(|(other, _)| other.starts_with(&inner));
            let is_last = failed.last().is_some_and(|(last, _)| last == name);
            let panicked = is_last
                .then(|| panic.take_if(|panic| !panic.is_timeout()))
                .flatten();
            if lines.is_none() && panicked.is_none() && is_parent {
                continue;
            }
            let test = test_of(name, package);
            self.found.push(match panicked {
                Some(panic) => panic.into_found(test),
                None => failure(name, test, *number, lines.unwrap_or_default()),
            });
        }
        if let Some(panic) = panic {
            let test = panic.test().map(|name| test_of(&name, package));
            let test = test.unwrap_or_else(|| TestId {
                file: package.map(str::to_owned),
                ..TestId::default()
            });
            self.found.push(panic.into_found(test));
        }
        self.found.truncate(MAX_FAILED);
    }

    pub(super) fn finish(mut self) -> Vec<Found> {
        self.close(None);
        self.found
    }
}

fn failure(name: &str, test: TestId, number: Option<u64>, lines: Vec<String>) -> Found {
    let place_and_text = lines.iter().find_map(|line| message_of(line));
    let header = format!("--- FAIL: {name}");
    let line = place_and_text
        .as_ref()
        .map(|(_, text)| (*text).to_owned())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| header.clone());
    let place = place_and_text.map(|(place, _)| place);
    let mut found = Found {
        line: Some(line),
        excerpt: std::iter::once(header).chain(lines).collect(),
        ..Found::new(FailureKind::TestFailed, test)
    };
    found.details.log_line = number;
    found.details.frames.extend(place.clone());
    found.details.place = place;
    found
}

/// `TestTable/big_one` of a package.
fn test_of(name: &str, package: Option<&str>) -> TestId {
    let (method, subtest) = match name.split_once('/') {
        Some((method, subtest)) => (method, Some(subtest.to_owned())),
        None => (name, None),
    };
    TestId {
        file: package.map(str::to_owned),
        class: None,
        method: Some(method.to_owned()),
        subtest,
    }
}

/// `=== RUN   TestX`, `=== NAME  TestX`, `=== CONT  TestX`.
fn named(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("=== ")?;
    let (word, name) = rest.split_once(' ')?;
    matches!(word, "RUN" | "NAME" | "CONT").then(|| name.trim())
}

/// The name of `    --- FAIL: TestTable/big_one (0.00s)`.
fn ended<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.trim_start().strip_prefix(word)?;
    let (name, time) = rest.rsplit_once(" (")?;
    time.ends_with("s)").then_some(name)
}

/// The package of `FAIL\texample.com/x\t0.010s` or `ok  \t…`; inner none for a
/// bare `FAIL`.
fn end_of_package(line: &str) -> Option<Option<&str>> {
    let rest = line
        .strip_prefix("FAIL\t")
        .or_else(|| line.strip_prefix("ok  \t"))?;
    let name = rest.split(['\t', ' ']).next()?;
    Some(Some(name))
}

/// `# example.com/x [example.com/x.test]`
fn package_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("# ")?;
    let name = match rest.split_once(" [") {
        Some((name, test)) => test.ends_with(".test]").then_some(name)?,
        None => rest,
    };
    let is_name = |ch: char| ch.is_ascii_alphanumeric() || "./_-~".contains(ch);
    (!name.is_empty() && name.len() < 300 && name.chars().all(is_name)).then_some(name)
}

/// `inner/inner.go:3:26: cannot use 5 …`, `vet: ./x.go:3:2: …`.
fn place_of(line: &str) -> Option<Place> {
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    let at = line.find(".go:")? + ".go".len();
    let file = line.get(..at)?;
    let number = line.get(at + 1..)?.split(':').next()?;
    (!file.contains(' ')).then_some(Place {
        file: file.trim_start_matches("./").to_owned(),
        line: Some(number.parse().ok()?),
        function: None,
    })
}

/// The place and text of `    a_test.go:10: message`.
fn message_of(line: &str) -> Option<(Place, &str)> {
    let place = place_of(line.trim_start())?;
    let (_, rest) = line.split_once(".go:")?;
    let (_, text) = rest.split_once(':')?;
    Some((place, text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> Vec<String> {
        let mut golang = Golang::default();
        for (line, number) in log.lines().zip(1..) {
            golang.push(line, Some(number));
        }
        let shown = |found: &Found| {
            let test = &found.test;
            let parts = [&test.file, &test.method, &test.subtest]
                .map(|part| part.as_deref().unwrap_or("-"))
                .join(" | ");
            let place = found.details.place.as_ref();
            let place = place.map_or_else(String::new, |place| {
                format!(" at {}:{}", place.file, place.line.unwrap())
            });
            let line = found.line.as_deref().unwrap_or("-");
            format!("{}: {parts}: {line}{place}", found.kind.name())
        };
        golang.finish().iter().map(shown).collect()
    }

    #[test]
    fn messages_stand_before_or_behind() {
        let quiet = "--- FAIL: TestA (0.00s)\n    a_test.go:10: got 1\n        want 2\n--- FAIL: TestB (0.00s)\n    \
                     --- FAIL: TestB/sub_1 (0.00s)\n        b_test.go:3: no\nFAIL\nFAIL\texample.com/x\t0.01s\n";
        let expect = [
            "failure: example.com/x | TestA | -: got 1 at a_test.go:10",
            "failure: example.com/x | TestB | sub_1: no at b_test.go:3",
        ];
        assert_eq!(read(quiet), expect);
        let loud = "=== RUN   TestA\n    a_test.go:10: got 1\n        want 2\n--- FAIL: TestA (0.00s)\n=== RUN   TestB\n\
                    === RUN   TestB/sub_1\n    b_test.go:3: no\n--- FAIL: TestB (0.00s)\n    --- FAIL: TestB/sub_1 (0.00s)\n\
                    === RUN   TestC\n    c_test.go:1: fine\n--- PASS: TestC (0.00s)\nFAIL\nFAIL\texample.com/x\t0.01s\n";
        assert_eq!(read(loud), expect);
    }

    #[test]
    fn packages_that_do_not_compile() {
        let log = "# a/b [a/b.test]\nb/b.go:3:26: cannot use 5\n\thave int\nb/b_test.go:5:28: undefined: x\n\
                   FAIL\ta/b [build failed]\n# a/c\nnothing\n";
        assert_eq!(
            read(log),
            ["compile: - | - | -: b/b.go:3:26: cannot use 5 at b/b.go:3"]
        );
    }

    #[test]
    fn panics_and_timeouts() {
        let log = "--- FAIL: TestI (0.00s)\npanic: boom [recovered]\n\tpanic: boom\n\ngoroutine 18 [running]:\n\
                   testing.tRunner.func1.2({0x6c, 0x17})\n\t/usr/lib/go/src/testing/testing.go:2125 +0x232\n\
                   panic({0x6c?, 0x17?})\n\t/usr/lib/go/src/runtime/panic.go:859 +0x125\n\
                   a/b.(*T).TestI(0x17?)\n\t/b/b_test.go:8 +0x9\nFAIL\ta/b\t0.007s\n";
        assert_eq!(
            read(log),
            ["crash: a/b | TestI | -: panic: boom [recovered] at /b/b_test.go:8"]
        );
        let log = "panic: test timed out after 1m30s\n\trunning tests:\n\t\tTestHang/x (1s)\n\ngoroutine 20 [chan receive]:\n\
                   a/b.TestHang(0x14?)\n\t/b/b_test.go:7 +0x25\nFAIL\ta/b\t90.0s\n";
        assert_eq!(
            read(log),
            ["timeout: a/b | TestHang | x: panic: test timed out after 1m30s at /b/b_test.go:7"]
        );
    }

    #[test]
    fn other_lines() {
        for line in [
            "FAIL",
            "=== x",
            "# a comment of words",
            "--- x",
            "panic: at the disco",
        ] {
            assert!(!Golang::begins(line), "{line}");
        }
    }
}
