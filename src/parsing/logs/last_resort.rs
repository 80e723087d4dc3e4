//! What is no test's doing, or not known to be.

use super::buildbot_steps::{Cause, Fault, is_of_network};
use super::found::Found;
use super::reader::{Reader, is_import_error, of_loose};
use super::test_id;
use crate::domain::failure::{FailureKind, TestId};

/// What stands beside the failures that are known, or in their place when there
/// are none.
pub(super) fn besides(reader: &Reader, known: &[FailureKind]) -> Vec<Found> {
    if known.is_empty() {
        cause(reader)
    } else {
        end_of_the_run(reader, known).into_iter().collect()
    }
}

/// Why a step failed in which no test is known to have failed: a compiler's
/// error, the end of the run, a traceback that no test reported, a fault of the
/// machine.
fn cause(reader: &Reader) -> Vec<Found> {
    let compile = compile_error(reader).filter(|_| reader.errors.has_cause());
    let fault = reader.faults.best();
    let is_grave = |fault: &&Fault| fault.cause >= Cause::Exhausted;
    let grave = fault.filter(is_grave).map(|fault| of_fault(fault, reader));
    if grave.is_some() || compile.is_some() {
        let mut both: Vec<Found> = grave.into_iter().chain(compile).collect();
        both.sort_by_key(|found| found.details.log_line);
        return both;
    }
    let from_outside = fault.filter(|fault| matches!(fault.cause, Cause::Git | Cause::Network));
    let found = from_outside
        .map(|fault| of_fault(fault, reader))
        .or_else(|| of_last_traceback(reader))
        .or_else(|| fault.map(|fault| of_fault(fault, reader)))
        .or_else(|| {
            let fault = reader.faults.of_exit_code()?;
            Some(of_fault(&fault, reader))
        });
    found.into_iter().collect()
}

/// Why the run ended early: Buildbot ended it, the worker went away, the
/// interpreter died without a word.
fn end_of_the_run(reader: &Reader, known: &[FailureKind]) -> Option<Found> {
    let knows = |kind| known.contains(&kind);
    let fault = reader.faults.best()?;
    let is_news = match fault.cause {
        Cause::TimedOut => !knows(FailureKind::Timeout),
        Cause::WorkerLost => true,
        Cause::Died => {
            reader.tests_seen && !knows(FailureKind::Crash) && !knows(FailureKind::Timeout)
        }
        _ => false,
    };
    is_news.then(|| of_fault(fault, reader))
}

/// The first error of a compiler, also where only `make` says that something
/// failed; none once tests were run.
pub(super) fn compile_error(reader: &Reader) -> Option<Found> {
    let first = reader.errors.best()?;
    if reader.tests_seen {
        return None;
    }
    let mut excerpt = first.lines.clone();
    if first.more > 0 {
        excerpt.push(format!("(and {} more)", first.more));
    }
    let mut found = Found {
        line: first.lines.first().cloned(),
        excerpt,
        ..Found::new(FailureKind::Compile, TestId::default())
    };
    found.details.log_line = first.number;
    found.details.place.clone_from(&first.place);
    Some(found)
}

/// That a step failed of which nothing else is known: regrtest's result, else the
/// line of make or another tool that says it. `None` where no command failed.
pub(super) fn unexplained(reader: &Reader) -> Option<Found> {
    reader.faults.exit_code().filter(|code| *code != 0)?;
    let result = reader.result.as_deref().filter(|_| reader.tests_seen);
    if let Some(result) = result.filter(|result| !result.ends_with("SUCCESS")) {
        // A signal to regrtest itself.
        let kind = match result.contains("INTERRUPTED") {
            true => FailureKind::Infrastructure,
            false => FailureKind::Unknown,
        };
        let line = format!("Result: {result}");
        return Some(Found::with_line(kind, TestId::default(), &line));
    }
    let mut found = compile_error(reader)?;
    found.kind = FailureKind::Unknown;
    Some(found)
}

/// A traceback that no test reported. Where no tests were run and a tool says
/// that it failed, it is of a script of the build.
fn of_last_traceback(reader: &Reader) -> Option<Found> {
    let loose = reader.loose.last()?;
    let mut found = of_loose(&loose.traceback, None);
    if found.test.file.is_none() {
        found.test = loose.test.clone().unwrap_or_default();
    }
    // The tests could not begin.
    if found.test == TestId::default()
        && is_import_error(found.exception.as_deref())
        && loose.traceback.is_of_regrtest()
    {
        found.kind = FailureKind::ImportError;
    }
    // A script of the build that fetches something.
    if found.test == TestId::default()
        && !reader.tests_seen
        && found.line.as_deref().is_some_and(is_of_network)
    {
        found.kind = FailureKind::Infrastructure;
    }
    let tool = compile_error(reader).and_then(|found| found.line);
    let is_of_build = tool.is_some_and(|line| !line.contains("test"));
    if is_of_build && found.test == TestId::default() && found.kind.is_of_a_test() {
        found.kind = FailureKind::Compile;
        found.details.place = found.details.frames.last().cloned();
    }
    Some(found)
}

fn of_fault(fault: &Fault, reader: &Reader) -> Found {
    // What the machine does is no test's doing.
    let test = match fault.kind {
        FailureKind::Infrastructure => TestId::default(),
        _ => running_test(reader),
    };
    let mut found = Found::with_line(fault.kind, test, &fault.line);
    let running = running(reader);
    if fault.kind == FailureKind::Infrastructure && running.len() == 1
        || reader.running_files.len() > 1
    {
        let names = running.join(", ");
        found.excerpt.push(format!("running at the end: {names}"));
    }
    found.excerpt.extend(fault.below.iter().cloned());
    found.details.log_line = fault.number;
    found.details.signal = fault.signal.map(str::to_owned);
    // Of a program that died, not make's word that one did.
    found.details.exit_code = reader
        .faults
        .exit_code()
        .filter(|code| fault.kind == FailureKind::Crash && !(-1..=128).contains(code));
    found.details.timeout_seconds = fault.timeout_seconds;
    found.details.running = running;
    found
}

/// What ran when the run ended: the test, else the files.
fn running(reader: &Reader) -> Vec<String> {
    let test = running_test(reader);
    if test.method.is_some() || reader.running_files.is_empty() {
        return Some(test.qualified())
            .filter(|name| !name.is_empty())
            .into_iter()
            .collect();
    }
    reader.running_files.clone()
}

/// The only test, or test file, that can have been running at the end.
fn running_test(reader: &Reader) -> TestId {
    if let Some(test) = reader.running_test() {
        return test.clone();
    }
    let one_by_one = reader.file.as_deref().filter(|file| {
        reader
            .files
            .get(file)
            .is_none_or(|file| file.first.is_none())
    });
    let only = match reader.running_files.as_slice() {
        [] => one_by_one,
        [only] => Some(only.as_str()),
        _ => None,
    };
    let Some(only) = only.map(test_id::without_test) else {
        return TestId::default();
    };
    // Of a file that has not ended, the test of which the output says no end.
    let file = reader.files.get(only).filter(|file| file.first.is_none());
    let unfinished = file.and_then(|file| file.unfinished.clone());
    unfinished
        .filter(|test| test_id::is_in_file(test, only))
        .unwrap_or_else(|| TestId {
            file: Some(only.to_owned()),
            ..TestId::default()
        })
}
