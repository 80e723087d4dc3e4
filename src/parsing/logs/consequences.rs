//! Which failures follow from another one: a full disk or a compiler's error is
//! the cause of what goes wrong behind it.

use super::buildbot_steps::is_disk_full;
use crate::domain::failure::{Failure, FailureKind};

/// Marks what stands behind a cause of everything in the log. Behind a full disk
/// compilers fail too.
pub(super) fn mark(failures: &mut [Failure]) {
    let at = |failure: &Failure| failure.details.log_line;
    let disk_full = failures.iter().filter(|it| is_full_disk(it)).filter_map(at);
    let compile = failures
        .iter()
        .filter(|failure| failure.kind == FailureKind::Compile)
        .filter_map(at);
    let (disk_full, compile) = (disk_full.min(), compile.min());
    let Some(cause) = disk_full.into_iter().chain(compile).min() else {
        return;
    };
    let is_of_disk = disk_full == Some(cause);
    for failure in failures.iter_mut() {
        let is_behind = failure.details.log_line.is_none_or(|line| line > cause);
        let is_cause =
            is_full_disk(failure) || (failure.kind == FailureKind::Compile && !is_of_disk);
        failure.consequence = is_behind && !is_cause;
    }
}

fn is_full_disk(failure: &Failure) -> bool {
    failure.kind == FailureKind::Infrastructure && failure.line.as_deref().is_some_and(is_disk_full)
}
