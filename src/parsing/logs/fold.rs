//! From everything that was gathered to the failures of the build: the same
//! seen twice is one, a file without any detail is one too, and what passed when
//! it was run again is flaky.

use super::files::File;
use super::found::Found;
use super::reader::{Loose, Reader};
use super::regrtest::Outcome;
use super::{Findings, last_resort, others, traceback};
use crate::domain::failure::{FailureKind, TestId};

/// Most failures of one build; a broken interpreter fails every file.
const MAX_FAILURES: usize = 600;

/// The failures, those that stay first, flaky ones last.
pub(super) fn fold(mut reader: Reader) -> Findings {
    drop_dumps_of_passed_files(&mut reader);
    others::take_over(&mut reader);
    let failed_again = files_reported_again(&reader);
    let mut all = unite(std::mem::take(&mut reader.found));
    add_marked(&mut all, &reader);
    for file in reader.files.iter() {
        add_file(&mut all, file, &reader);
    }
    if all.is_empty() {
        all.extend(warnings_alone(&reader).map(United::of));
    }
    let known: Vec<FailureKind> = all.iter().map(|known| known.found.kind).collect();
    let last = last_resort::besides(&reader, &known);
    all.extend(last.into_iter().map(United::of));
    all.truncate(MAX_FAILURES);
    let mut findings = Findings::default();
    let mut failures = Vec::new();
    for found in all {
        let flaky = is_flaky(&found, &reader, &failed_again);
        let (failure, hits) = found.found.into_failure(flaky);
        findings.redactions += hits;
        failures.push(failure);
    }
    failures.sort_by_key(|failure| (failure.flaky, failure.kind == FailureKind::EnvChanged));
    findings.failures = failures;
    findings
}

/// One cause, with the runs in which it was seen.
struct United {
    found: Found,
    in_first: bool,
    in_rerun: bool,
}

impl United {
    fn of(found: Found) -> Self {
        Self {
            in_first: !found.in_rerun,
            in_rerun: found.in_rerun,
            found,
        }
    }

    fn take(&mut self, other: Found) {
        if self.found.kind == FailureKind::Leak {
            // References and memory blocks of one file are one leak.
            for leak in other.details.leaks {
                if !self.found.details.leaks.contains(&leak) {
                    self.found.details.leaks.push(leak);
                }
            }
            for line in other.excerpt {
                if !self.found.excerpt.contains(&line) {
                    self.found.excerpt.push(line);
                }
            }
        } else if self.found.test.subtest != other.test.subtest
            && other.in_rerun == self.found.in_rerun
        {
            self.found.similar += 1;
        }
        self.in_first |= !other.in_rerun;
        self.in_rerun |= other.in_rerun;
    }
}

fn unite(found: Vec<Found>) -> Vec<United> {
    let mut all: Vec<United> = Vec::new();
    for one in found {
        match all.iter_mut().find(|known| known.found.is_same(&one)) {
            Some(known) => known.take(one),
            None => all.push(United::of(one)),
        }
    }
    all
}

/// A dump in the output of a file that passed is not its end: Windows reports
/// exceptions that are handled, and tests of crashes print them.
///
/// Nor is one in the output of a file that failed and reports a test: the file's
/// process lived on, so the dump is a child's.
fn drop_dumps_of_passed_files(reader: &mut Reader) {
    let files = &reader.files;
    let reporting: Vec<Option<String>> = reader
        .found
        .iter()
        .filter(|found| found.kind.is_of_a_test())
        .map(|found| found.owner.clone())
        .collect();
    reader.found.retain(|found| {
        let is_dump = matches!(found.kind, FailureKind::Crash | FailureKind::Timeout);
        let owner = found.owner.as_deref().and_then(|owner| files.get(owner));
        let ended = owner.and_then(|file| {
            if found.in_rerun {
                file.second.as_ref()
            } else {
                file.first.as_ref()
            }
        });
        !is_dump
            || ended.is_none_or(|outcome| match outcome {
                Outcome::Failed | Outcome::EnvChanged | Outcome::Leaked => {
                    found.details.sanitizer.is_some() || !reporting.contains(&found.owner)
                }
                _ => outcome.is_bad(),
            })
    });
}

/// Tests that were marked as failed in the list, and never reported.
fn add_marked(all: &mut Vec<United>, reader: &Reader) {
    for marked in &reader.marked {
        let is_reported = |known: &United| {
            known.found.test.method == marked.test.method && known.found.owner == marked.owner
        };
        let passed = marked
            .owner
            .as_deref()
            .and_then(|owner| reader.files.get(owner))
            .and_then(|file| file.first.as_ref())
            .is_some_and(|outcome| !outcome.is_bad());
        if !passed && !all.iter().any(is_reported) {
            all.push(United::of(marked.clone()));
        }
    }
}

/// A file that failed, and nothing told how.
fn add_file(all: &mut Vec<United>, file: &File, reader: &Reader) {
    let bad = [file.first.as_ref(), file.second.as_ref()]
        .into_iter()
        .flatten()
        .find(|outcome| outcome.is_bad());
    let died = matches!(bad, Some(Outcome::Crashed(_) | Outcome::TimedOut(_)));
    let is_told = all.iter().any(|known| {
        let tells_end = matches!(known.found.kind, FailureKind::Crash | FailureKind::Timeout);
        known.found.is_of(&file.name) && (tells_end || !died)
    });
    if (bad.is_none() && !file.env_changed) || is_told {
        return;
    }
    let test = TestId {
        file: Some(file.name.clone()),
        ..TestId::default()
    };
    let unfinished = file.unfinished.clone().unwrap_or_else(|| test.clone());
    let said = |words: &str| format!("{} {words}", file.name);
    let mut found = match bad {
        Some(Outcome::Crashed(words)) => {
            Found::with_line(FailureKind::Crash, unfinished, &said(words))
        }
        Some(Outcome::TimedOut(words)) => {
            Found::with_line(FailureKind::Timeout, unfinished, &said(words))
        }
        Some(Outcome::Leaked) => Found::new(FailureKind::Leak, test),
        Some(Outcome::Failed) => of_file(file, test, reader),
        _ => changed_environment(file, test),
    };
    found.owner = Some(file.name.clone());
    all.push(United::of(found));
}

/// A file that failed; a traceback in its output, such as a child process's, is
/// most likely why.
fn of_file(file: &File, test: TestId, reader: &Reader) -> Found {
    let in_output = |loose: &&Loose| loose.owner.as_deref() == Some(file.name.as_str());
    let Some(loose) = reader.loose.iter().find(in_output) else {
        return Found::new(FailureKind::TestFailed, test);
    };
    let in_test = traceback::test_of(&loose.traceback.frames);
    let place = in_test.or_else(|| loose.test.clone());
    let place = place.filter(|place| super::test_id::is_in_file(place, &file.name));
    Found::of_traceback(
        FailureKind::TestFailed,
        place.unwrap_or(test),
        None,
        &loose.traceback,
    )
}

/// A quoted part of a log may hold the warnings and not how the file ended.
fn warnings_alone(reader: &Reader) -> impl Iterator<Item = Found> {
    reader
        .files
        .iter()
        .filter(|file| !file.warnings.is_empty() && file.first.is_none())
        .map(|file| {
            let test = TestId {
                file: Some(file.name.clone()),
                ..TestId::default()
            };
            changed_environment(file, test)
        })
}

fn changed_environment(file: &File, test: TestId) -> Found {
    Found {
        line: file.warnings.first().cloned(),
        excerpt: file.warnings.clone(),
        ..Found::new(FailureKind::EnvChanged, test)
    }
}

/// The files of which a test was reported while tests were run again.
fn files_reported_again(reader: &Reader) -> Vec<String> {
    let mut files: Vec<String> = reader
        .found
        .iter()
        .filter(|found| found.in_rerun && found.test.method.is_some())
        .filter_map(|found| found.owner.clone())
        .collect();
    files.dedup();
    files
}

/// Failed first, and not when it was run again.
fn is_flaky(united: &United, reader: &Reader, failed_again: &[String]) -> bool {
    let Some(owner) = united
        .found
        .owner
        .as_deref()
        .or(united.found.test.file.as_deref())
    else {
        return false;
    };
    if united.in_rerun {
        return false;
    }
    if reader.files.passed_again(owner, reader.result.as_deref()) {
        return true;
    }
    // The file failed again, but with other tests: this one passed.
    united.found.kind.is_of_a_test()
        && united.found.test.method.is_some()
        && failed_again.iter().any(|file| file == owner)
}
