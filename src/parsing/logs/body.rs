//! What a mail's own text tells of the failures: the three sections of CPython's
//! template.
//!
//! The text went through `lstrip("eo")` line by line, so an `e` or `o` that
//! began a line is gone; tracebacks are in random order, without headers and
//! cut at their first blank line; chains are in pieces.

use super::found::Found;
use super::reader::{Loose, Reader, Source, of_loose};
use super::regrtest::Outcome;
use super::test_id;
use super::traceback::{Traceback, test_of};
use crate::domain::failure::{FailureKind, TestId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Head,
    /// The summary and the tracebacks: text of logs.
    Log,
    Report(Listed),
    End,
}

/// What the report is listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Nothing,
    Files,
    Tests,
    Leaks,
}

/// Reads one build's part of a mail.
pub(super) fn read(body: &str) -> Reader {
    let mut reader = Reader::new(Source::Body);
    let mut section = Section::Head;
    let mut tests = Vec::new();
    let mut env_changed = false;
    for line in body.lines() {
        section = next_section(section, line);
        match section {
            Section::Log => {
                env_changed |= is_exit_env_changed(line);
                reader.push(line);
            }
            Section::Report(listed) => {
                reader.end();
                if let Some(entry) = line.strip_prefix("- ") {
                    read_entry(listed, entry.trim(), &mut reader, &mut tests);
                }
            }
            Section::Head | Section::End => {}
        }
    }
    reader.end();
    match_tracebacks(&mut reader, &tests);
    if env_changed && reader.found.is_empty() && reader.files.iter().next().is_none() {
        let line = "regrtest: the environment was changed (exit code 3)";
        reader.keep(Found::with_line(
            FailureKind::EnvChanged,
            TestId::default(),
            line,
        ));
    }
    reader
}

fn next_section(section: Section, line: &str) -> Section {
    match (section, line) {
        (_, "Summary of the results of the build (if available):" | "Captured traceback") => {
            Section::Log
        }
        (_, "Test report") => Section::Report(Listed::Nothing),
        (Section::Report(_), "Failed tests:") => Section::Report(Listed::Files),
        (Section::Report(_), "Failed subtests:") => Section::Report(Listed::Tests),
        (Section::Report(_), "Test leaking resources:") => Section::Report(Listed::Leaks),
        (Section::Report(_), "Sincerely,") => Section::End,
        _ => section,
    }
}

fn read_entry(listed: Listed, entry: &str, reader: &mut Reader, tests: &mut Vec<TestId>) {
    match listed {
        Listed::Nothing => {}
        Listed::Files => {
            if !entry.contains(char::is_whitespace) {
                reader.files.ended(entry, Outcome::Failed, false, None);
            }
        }
        Listed::Tests => {
            if let Some((name, place)) = entry.split_once(" - ")
                && tests.len() < 500
            {
                let test = test_id::parse(&format!("{name} ({place})"));
                tests.extend(test);
            }
        }
        Listed::Leaks => {
            if let Some((file, what)) = entry.split_once(": ") {
                let test = TestId {
                    file: Some(test_id::without_test(file).to_owned()),
                    ..TestId::default()
                };
                let line = format!("{file} leaked {what}");
                reader.keep(Found::with_line(FailureKind::Leak, test, &line));
            }
        }
    }
}

/// `make: *** [Makefile:14: buildbottest] Error 3`: the one trace in a mail of
/// an altered environment.
fn is_exit_env_changed(line: &str) -> bool {
    line.contains("make: *** [")
        && line.contains("buildbottest] ")
        && line.trim_end().ends_with("rror 3")
}

/// Each listed test gets the traceback that went through it; tests with a
/// docstring are not listed, and are known from their traceback alone. Where two
/// classes have a method of the same name and there are two tracebacks, nobody
/// can tell which belongs to which: then each traceback stands without a class.
fn match_tracebacks(reader: &mut Reader, tests: &[TestId]) {
    let loose: Vec<(Option<TestId>, Traceback)> = std::mem::take(&mut reader.loose)
        .into_iter()
        .map(|loose| (test_of(&loose.traceback.frames), loose.traceback))
        .collect();
    for test in tests {
        let mut through_it = loose
            .iter()
            .filter(|(place, _)| place.as_ref().is_some_and(|place| is_place_of(place, test)));
        let found = match (through_it.next(), through_it.next()) {
            (Some(_), Some(_)) if has_namesake(test, tests) => continue,
            (Some((_, traceback)), _) => of_loose(traceback, Some(test.clone())),
            (None, _) => Found::new(FailureKind::TestFailed, test.clone()),
        };
        reader.keep(found);
    }
    for (place, traceback) in loose {
        let Some(place) = place else {
            reader.loose.push(Loose {
                owner: None,
                test: None,
                traceback,
            });
            continue;
        };
        let is_told = tests
            .iter()
            .any(|test| is_place_of(&place, test) && !is_ambiguous(test, tests, reader));
        if !is_told {
            reader.keep_apart(of_loose(&traceback, Some(place)));
        }
    }
}

/// Whether a listed test was left to its tracebacks.
fn is_ambiguous(test: &TestId, tests: &[TestId], reader: &Reader) -> bool {
    has_namesake(test, tests) && !reader.found.iter().any(|known| known.test == *test)
}

/// Whether another class has a test of the same name in the same file.
fn has_namesake(test: &TestId, tests: &[TestId]) -> bool {
    tests.iter().any(|other| {
        other.file == test.file && other.method == test.method && other.class != test.class
    })
}

fn is_place_of(place: &TestId, test: &TestId) -> bool {
    place.method == test.method
        && place
            .file
            .as_deref()
            .zip(test.file.as_deref())
            .is_some_and(|(place, file)| {
                place == file
                    || place.starts_with(&format!("{file}."))
                    || file.starts_with(&format!("{place}."))
            })
}
