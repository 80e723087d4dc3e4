//! What is no test's doing, or not known to be.

use super::found::Found;
use super::reader::{Reader, of_loose};
use super::test_id;
use crate::domain::failure::{FailureKind, TestId};

/// Why a step failed in which no test is known to have failed: a compiler's
/// error, the end of the run, a traceback that no test reported, a fault of the
/// machine.
pub(super) fn cause(reader: &Reader) -> Option<Found> {
    let compile = compile_error(reader).filter(|_| reader.errors.has_cause());
    compile
        .or_else(|| end_of_the_run(reader))
        .or_else(|| {
            let loose = reader.loose.last()?;
            let mut found = of_loose(&loose.traceback, None);
            if found.test.file.is_none() {
                found.test = loose.test.clone().unwrap_or_default();
            }
            Some(found)
        })
        .or_else(|| {
            let fault = reader.faults.best()?;
            Some(with_running(fault.kind, &fault.line, reader))
        })
}

/// `command timed out: …`: Buildbot ended the run.
pub(super) fn end_of_the_run(reader: &Reader) -> Option<Found> {
    let fault = reader.faults.best()?;
    (fault.kind == FailureKind::Timeout).then(|| with_running(fault.kind, &fault.line, reader))
}

/// The first error of a compiler, also where only `make` says that something
/// failed; none once tests were run.
pub(super) fn compile_error(reader: &Reader) -> Option<Found> {
    let (lines, more) = reader.errors.best()?;
    if reader.tests_seen {
        return None;
    }
    let mut excerpt = lines.to_vec();
    if more > 0 {
        excerpt.push(format!("(and {more} more)"));
    }
    Some(Found {
        line: lines.first().cloned(),
        excerpt,
        ..Found::new(FailureKind::Compile, TestId::default())
    })
}

fn with_running(kind: FailureKind, line: &str, reader: &Reader) -> Found {
    let mut found = Found::with_line(kind, running_test(reader), line);
    if reader.running_files.len() > 1 {
        let files = reader.running_files.join(", ");
        found.excerpt.push(format!("running at the end: {files}"));
    }
    found
}

/// The only test file that can have been running at the end.
fn running_test(reader: &Reader) -> TestId {
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
    TestId {
        file: only.map(|file| test_id::without_test(file).to_owned()),
        ..TestId::default()
    }
}
