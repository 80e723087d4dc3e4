//! Files whose process died or was ended.

use super::{File, Found, Outcome, test_of_file};
use crate::domain::failure::FailureKind;
use crate::parsing::logs::exit;
use crate::parsing::logs::files::Files;
use crate::parsing::logs::test_id;

/// A file of which nothing but its end is known.
pub(super) fn of_file(file: &File, outcome: &Outcome) -> Found {
    let kind = match outcome {
        Outcome::TimedOut(_) => FailureKind::Timeout,
        _ => FailureKind::Crash,
    };
    let words = outcome.end().unwrap_or_default();
    let line = format!("{} {words}", file.name);
    Found::with_line(kind, test_of_file(file), &line)
}

/// Fills in what regrtest says of the end of the process: its exit code, and the
/// test that was running.
pub(super) fn complete(found: &mut Found, files: &Files) {
    if !matches!(found.kind, FailureKind::Crash | FailureKind::Timeout) {
        return;
    }
    let Some(file) = found.owner.as_deref().and_then(|owner| files.get(owner)) else {
        return;
    };
    let end = |in_rerun| file.outcome(in_rerun).and_then(Outcome::end);
    if let Some(words) = end(found.in_rerun).or_else(|| end(!found.in_rerun)) {
        let details = &mut found.details;
        details.exit_code = details.exit_code.or_else(|| exit::code(words));
        if details.signal.is_none() {
            details.signal = details.exit_code.and_then(exit::signal);
        }
        let is_timeout = found.kind == FailureKind::Timeout;
        details.timeout_seconds = details
            .timeout_seconds
            .or_else(|| exit::seconds(words).filter(|_| is_timeout));
    }
    let (test, running) = (&found.test, file.unfinished.as_ref());
    if test.class.is_none()
        && let Some(running) = running
        && (test.method.is_none() || test.method == running.method)
        && test_id::is_in_file(running, &file.name)
    {
        found.test = running.clone();
    }
}
