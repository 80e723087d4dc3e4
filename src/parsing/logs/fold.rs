//! From everything that was gathered to the failures of the build: the same
//! seen twice is one, a file without any detail is one too, and what passed when
//! it was run again is flaky.

mod ends;

use super::files::File;
use super::found::Found;
use super::reader::{Loose, Reader};
use super::regrtest::Outcome;
use super::{Findings, last_resort, others, traceback};
use crate::domain::failure::{FailureKind, Leak, TestId};
use crate::parsing::excerpt;

/// Most failures of one build; a broken interpreter fails every file.
const MAX_FAILURES: usize = 600;

/// The failures, those that stay first, flaky ones last.
pub(super) fn fold(mut reader: Reader) -> Findings {
    others::take_over(&mut reader);
    assign_owners(&mut reader);
    drop_output_of_passed_files(&mut reader);
    let failed_again = files_reported_again(&reader);
    let mut all = unite(std::mem::take(&mut reader.found));
    give_classes(&mut all);
    add_marked(&mut all, &reader);
    for file in reader.files.iter() {
        add_file(&mut all, file, &reader);
    }
    if all.is_empty() {
        all.extend(warnings_alone(&reader).map(United::of));
    }
    for united in &mut all {
        ends::complete(&mut united.found, &reader.files);
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
        self.in_first |= !other.in_rerun;
        self.in_rerun |= other.in_rerun;
        if self.found.kind == FailureKind::Leak {
            return self.take_leak(other);
        }
        if self.found.test.subtest != other.test.subtest && other.in_rerun == self.found.in_rerun {
            self.found.similar += 1;
            return;
        }
        // Only a verbose run tells the class, and only some tell the lines.
        let class = self.found.test.class.take();
        self.found.test.class = class.or_else(|| other.test.class.clone());
        if self.found.line.is_none() && other.line.is_some() {
            let similar = self.found.similar;
            self.found = Found { similar, ..other };
        }
    }

    /// References and memory blocks of one file are one leak; the numbers of the
    /// first run count.
    fn take_leak(&mut self, other: Found) {
        let leaks = &mut self.found.details.leaks;
        let is_told = |leak: &Leak| leaks.iter().any(|known| known.resource == leak.resource);
        if !other.details.leaks.is_empty() && other.details.leaks.iter().all(is_told) {
            return;
        }
        leaks.extend(other.details.leaks);
        for line in other.excerpt {
            if !self.found.excerpt.contains(&line) {
                self.found.excerpt.push(line);
            }
        }
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

/// A test's file tells which of regrtest's files it belongs to.
fn assign_owners(reader: &mut Reader) {
    let files = &reader.files;
    for found in reader.found.iter_mut().chain(&mut reader.marked) {
        let file = found.test.file.as_deref().and_then(|file| files.of(file));
        if let Some(file) = file {
            found.owner = Some(file.name.clone());
        }
    }
}

/// `test test_x failed -- Traceback …` names no class. Where the same test is
/// reported when it is run again, in one class alone, that is the one.
fn give_classes(all: &mut Vec<United>) {
    let mut at = 0;
    while let Some(nameless) = all.get(at) {
        let mut named = all
            .iter()
            .enumerate()
            .filter(|(_, known)| names(known, nameless));
        match (named.next().map(|(named, _)| named), named.next()) {
            (Some(named), None) => {
                let nameless = all.remove(at);
                let named = named - usize::from(named > at);
                if let Some(named) = all.get_mut(named) {
                    named.in_first |= nameless.in_first;
                    named.in_rerun |= nameless.in_rerun;
                    let line = nameless.found.details.log_line;
                    named.found.details.log_line = line.or(named.found.details.log_line);
                }
            }
            _ => at += 1,
        }
    }
}

/// Whether a report with a class may be of the failure that has none.
fn names(report: &United, nameless: &United) -> bool {
    let (known, found) = (&report.found, &nameless.found);
    if found.test.class.is_some() || known.exception != found.exception {
        return false;
    }
    if found.test.method.is_some() {
        return known.test.class.is_some()
            && known.test.file == found.test.file
            && known.test.method == found.test.method
            && known.apart == found.apart;
    }
    // No frame of the test itself was shown: then it must have been run again, and the
    // text be the same.
    found.kind.is_of_a_test()
        && found.exception.is_some()
        && nameless.in_first
        && !report.in_first
        && known.test.method.is_some()
        && known.owner == found.owner
        && known.kind == found.kind
        && known.line == found.line
}

/// A dump in the output of a file that passed is not its end: Windows reports
/// exceptions that are handled, and tests of crashes print them. Nor is a
/// traceback in it a failure. Where a file reports tests and its process lived
/// on, a dump is a child's.
fn drop_output_of_passed_files(reader: &mut Reader) {
    let files = &reader.files;
    let passed = |owner: Option<&str>, in_rerun: bool| {
        let file = owner.and_then(|owner| files.get(owner));
        let ended = file.and_then(|file| file.outcome(in_rerun));
        ended.is_some_and(|ended| !ended.is_bad())
    };
    let reporting: Vec<Option<String>> = reader
        .found
        .iter()
        .filter(|found| found.kind.is_of_a_test())
        .map(|found| found.owner.clone())
        .collect();
    let last_file = reader.file.clone();
    let lives_on = |found: &Found| {
        let file = found.owner.as_deref().and_then(|owner| files.get(owner));
        let ended = file.and_then(|file| file.outcome(found.in_rerun));
        let is_child =
            ended.is_some_and(|ended| ended.end().is_none()) && reporting.contains(&found.owner);
        // The same process ran the next file.
        let goes_on = file.is_some_and(|file| file.seen)
            && ended.is_none()
            && !found.in_rerun
            && last_file != found.owner;
        found.details.sanitizer.is_none() && (is_child || goes_on)
    };
    reader.found.retain(|found| {
        let is_dump = matches!(found.kind, FailureKind::Crash | FailureKind::Timeout);
        let is_quiet = passed(found.owner.as_deref(), found.in_rerun) || lives_on(found);
        !is_dump || !is_quiet
    });
    let is_success = reader.result.as_deref() == Some("SUCCESS");
    reader
        .loose
        .retain(|loose| !is_success && !passed(loose.owner.as_deref(), false));
}

/// Tests that were marked as failed in the list, and never reported.
fn add_marked(all: &mut Vec<United>, reader: &Reader) {
    for marked in &reader.marked {
        let (test, owner) = (&marked.test, &marked.owner);
        let is_reported = |known: &United| {
            let class = &known.found.test.class;
            known.found.test.method == test.method
                && (known.found.owner == *owner || known.found.test.file == test.file)
                && (*class == test.class || class.is_none() || test.class.is_none())
        };
        let file = owner.as_deref().and_then(|owner| reader.files.get(owner));
        let passed = file
            .and_then(|file| file.first.as_ref())
            .is_some_and(|outcome| !outcome.is_bad());
        let is_run = test
            .file
            .as_deref()
            .is_none_or(|file| reader.files.is_run(file));
        if !passed && is_run && !all.iter().any(is_reported) {
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
    let died = bad.is_some_and(|bad| bad.end().is_some());
    let is_told = all.iter().any(|known| {
        let tells_end = matches!(known.found.kind, FailureKind::Crash | FailureKind::Timeout);
        known.found.is_of(&file.name) && (tells_end || !died)
    });
    // Without `--fail-env-changed` it counts as passed.
    let is_success = reader.result.as_deref() == Some("SUCCESS");
    let env_changed = file.env_changed && !is_success;
    let is_run = file.seen || !reader.files.from_start;
    if (bad.is_none() && !env_changed) || is_told || !is_run {
        return;
    }
    let mut found = match bad {
        Some(bad) if died => ends::of_file(file, bad),
        Some(Outcome::Leaked) => Found::new(FailureKind::Leak, test_of_file(file)),
        Some(bad @ (Outcome::Failed | Outcome::Errored)) => of_file(file, bad, reader),
        _ if is_success => return,
        _ => changed_environment(file),
    };
    found.details.log_line = found.details.log_line.or(file.line);
    found.owner = Some(file.name.clone());
    all.push(United::of(found));
}

fn test_of_file(file: &File) -> TestId {
    TestId {
        file: Some(file.name.clone()),
        ..TestId::default()
    }
}

/// A file that failed; a traceback in its output, such as a child process's, is
/// most likely why.
fn of_file(file: &File, outcome: &Outcome, reader: &Reader) -> Found {
    let kind = match outcome {
        Outcome::Errored => FailureKind::TestError,
        _ => FailureKind::TestFailed,
    };
    let mut test = test_of_file(file);
    if let Some(words) = &file.words {
        return Found::with_line(kind, test, words);
    }
    let in_output = |loose: &&Loose| loose.owner.as_deref() == Some(file.name.as_str());
    let Some(loose) = reader.loose.iter().find(in_output) else {
        test.method.clone_from(&file.matching);
        return Found::new(kind, test);
    };
    let in_test = traceback::test_of(&loose.traceback.frames);
    let place = in_test.or_else(|| loose.test.clone());
    let place = place.filter(|place| super::test_id::is_in_file(place, &file.name));
    Found::of_traceback(kind, place.unwrap_or(test), None, &loose.traceback)
}

/// A quoted part of a log may hold the warnings and not how the file ended.
fn warnings_alone(reader: &Reader) -> impl Iterator<Item = Found> {
    let is_alone = |file: &&File| !file.altered.is_empty() && file.first.is_none();
    reader
        .files
        .iter()
        .filter(is_alone)
        .map(changed_environment)
}

fn changed_environment(file: &File) -> Found {
    let mut test = test_of_file(file);
    let tests = file.altered.iter().filter_map(|altered| {
        let through = altered.traceback.as_ref();
        through
            .and_then(|traceback| traceback::test_of(&traceback.frames))
            .filter(|test| test.method.is_some())
            .or_else(|| altered.test.clone())
            .filter(|test| super::test_id::is_in_file(test, &file.name))
    });
    let tests: Vec<TestId> = tests.collect();
    if let [first, others @ ..] = tests.as_slice()
        && others.iter().all(|other| other == first)
    {
        test.clone_from(first);
    }
    let uncaught = file
        .altered
        .iter()
        .find_map(|altered| altered.traceback.as_ref());
    let mut found = match uncaught {
        Some(traceback) => Found::of_traceback(FailureKind::EnvChanged, test, None, traceback),
        None => Found::new(FailureKind::EnvChanged, test),
    };
    found.kind = FailureKind::EnvChanged;
    let first = file.altered.first();
    let line = || first?.lines.first().cloned();
    found.line = found.line.take().or_else(line);
    found.details.log_line = first.and_then(|altered| altered.number);
    let lines = file.altered.iter().flat_map(|altered| &altered.lines);
    let of_traceback = std::mem::take(&mut found.excerpt);
    let room = excerpt::MAX_LINES.saturating_sub(of_traceback.len().min(8));
    found.excerpt = lines.take(room).cloned().chain(of_traceback).collect();
    for what in file
        .altered
        .iter()
        .filter_map(|altered| altered.what.as_ref())
    {
        if !found.details.altered.contains(what) {
            found.details.altered.push(what.clone());
        }
    }
    found
}

/// The files of which a test was reported while tests were run again.
fn files_reported_again(reader: &Reader) -> Vec<String> {
    let mut files: Vec<String> = reader
        .found
        .iter()
        .filter(|found| found.in_rerun && found.kind.is_of_a_test() && found.test.method.is_some())
        .filter_map(|found| found.owner.clone())
        .filter(|owner| {
            let file = reader.files.get(owner);
            let ended = file.and_then(|file| file.outcome(true));
            // One that died did not come to all its tests.
            ended.is_none_or(|ended| ended.end().is_none())
        })
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
