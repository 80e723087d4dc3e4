//! After a change of how signatures are made: those of the stored failures are
//! made anew, so that what people said of them is found again.
//!
//! A failure that has a signature of the version before was stored with
//! everything a signature is made from. One of the first version was not: its mail
//! is read again, and the same failure looked for in it. Where it is not there,
//! because the log came from the CI system, its line and excerpt have to do.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Parts;
use crate::domain::failure::Failure;
use crate::domain::notification::{Build, Notification};
use crate::domain::signature::{self, VERSION};
use crate::parsing;
use crate::parsing::mime::{self, Completeness};
use crate::store::{NotificationId, NotificationRow, Renamed};

/// Deliveries and new mails must not wait for thousands of old ones: so many in
/// one pass, and fewer where mails are large.
const MAILS_A_PASS: usize = 100;
const AT_ONCE: Duration = Duration::from_secs(2);

/// A mail that ended the program so often is not read again.
const MOST_ATTEMPTS: u32 = 2;

/// The version whose failures do not hold what a signature is made from.
const WITHOUT_PARTS: &str = "v1:";

/// Signs anew what fits into a moment; says whether there is more to do.
///
/// # Errors
///
/// The store fails.
pub(super) fn go_on(parts: &Parts) -> Result<bool> {
    let begun = Instant::now();
    let mut done = 0;
    while let Some(signing) = parts.store.signing(VERSION)? {
        parts.beat();
        let Some(next) = signing.next else {
            let renamed = parts.store.end_signing(VERSION, parts.clock.now())?;
            if renamed > 0 {
                tracing::info!(renamed, version = VERSION, "all signatures are made anew");
            }
            return Ok(false);
        };
        if parts.is_stopping() || done == MAILS_A_PASS || begun.elapsed() > AT_ONCE {
            return Ok(true);
        }
        done += 1;
        parts.store.count_signing()?;
        sign_anew(parts, next, signing.attempts < MOST_ATTEMPTS)?;
    }
    Ok(false)
}

/// Why nothing may be called new yet: what people said of a failure may still be
/// known by its old signature only.
pub(super) fn why_not_new(parts: &Parts) -> Result<Option<String>> {
    let left = parts.store.left_to_sign(VERSION)?;
    Ok(left.map(|left| {
        format!("the signatures of earlier failures are being made anew, {left} mails are left")
    }))
}

fn sign_anew(parts: &Parts, id: NotificationId, may_read_mail: bool) -> Result<()> {
    let row = match parts.store.load(id) {
        Ok(row) => row,
        Err(error) => {
            // `show` and the worker's steps tell of it as well.
            tracing::warn!(notification = %id, error = format!("{error:#}"), "its signatures stay as they are");
            return parts.store.sign_anew(id, None, &[]);
        }
    };
    let Some(mut reading) = row.reading.clone() else {
        return parts.store.sign_anew(id, None, &[]);
    };
    let again = if may_read_mail && lacks_parts(&reading.notification) {
        read_again(parts, &row)
    } else {
        None
    };
    let mut renamed = Vec::new();
    for (index, build) in reading.notification.builds.iter_mut().enumerate() {
        let again = again.as_ref().and_then(|again| again.builds.get(index));
        rename(build, again, &mut renamed);
    }
    let changed = Some(&reading).filter(|_| !renamed.is_empty());
    parts.store.sign_anew(id, changed, &renamed)
}

fn lacks_parts(notification: &Notification) -> bool {
    let mut failures = notification.builds.iter().flat_map(|build| &build.failures);
    failures.any(|failure| failure.signature.0.starts_with(WITHOUT_PARTS))
}

/// What the mail says to this version of the program; none if it can make nothing
/// of it.
pub(super) fn read_again(parts: &Parts, row: &NotificationRow) -> Option<Notification> {
    let raw = parts.store.raw(row.id).ok()?;
    let completeness = if row.truncated {
        Completeness::CutOff
    } else {
        Completeness::Whole
    };
    let mail = mime::parse(&raw, completeness).ok()?;
    match parsing::read(&mail) {
        parsing::Reading::Notification(notification) => Some(notification),
        parsing::Reading::NoFailure(_) | parsing::Reading::NotANotice => None,
    }
}

/// Gives each failure of a build the signature of this version.
fn rename(build: &mut Build, again: Option<&Build>, renamed: &mut Vec<Renamed>) {
    let mut candidates: Vec<&Failure> = again.map_or_else(Vec::new, |again| {
        // What the CI system's log told, the mail does not.
        let same_text = again.builder == build.builder && again.read_from == build.read_from;
        again.failures.iter().filter(|_| same_text).collect()
    });
    for failure in &mut build.failures {
        if failure.signature.is_current() {
            continue;
        }
        let old = failure.signature.clone();
        let found = candidates.iter().position(|other| is_same(failure, other));
        match found.map(|at| candidates.remove(at)) {
            Some(other) => {
                *failure = Failure {
                    flaky: failure.flaky,
                    ..other.clone()
                }
            }
            None => failure.signature = signature::of(&signature::Parts::of(failure)),
        }
        renamed.push(Renamed {
            old,
            failure: failure.clone(),
        });
    }
}

/// Whether two readings of a mail tell of the same failure. The kind may have got
/// a better name since.
fn is_same(stored: &Failure, read: &Failure) -> bool {
    let (one, other) = (&stored.test, &read.test);
    let same_test =
        (&one.file, &one.class, &one.method) == (&other.file, &other.class, &other.method);
    let same_words = stored.exception == read.exception && stored.line == read.line;
    same_test && (stored.kind == read.kind || same_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Details;
    use crate::domain::signature::Signature;
    use crate::parsing::logs;

    /// The failures of every log among the fixtures.
    fn failures() -> Vec<Failure> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs");
        let mut failures = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "txt") {
                let log = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
                failures.extend(logs::read_log(&log, None).failures);
            }
        }
        assert!(failures.len() > 50);
        failures
    }

    /// As the first version stored it.
    fn aged(failure: &Failure) -> Failure {
        Failure {
            signature: Signature("v1:00".to_owned()),
            message: None,
            details: Details::default(),
            ..failure.clone()
        }
    }

    #[test]
    fn what_is_stored_is_enough_to_sign_it_again() {
        for failure in failures() {
            let json = serde_json::to_string(&failure).unwrap();
            let stored: Failure = serde_json::from_str(&json).unwrap();
            let signature = signature::of(&signature::Parts::of(&stored));
            assert_eq!(signature, failure.signature, "{failure:#?}");
            assert!(signature.is_current());
        }
    }

    #[test]
    fn line_and_excerpt_of_the_first_version_give_nearly_every_signature() {
        let failures = failures();
        let agree = failures
            .iter()
            .filter(|failure| {
                signature::of(&signature::Parts::of(&aged(failure))) == failure.signature
            })
            .count();
        // The others have more own frames than an excerpt has room for, or are told
        // by details that the first version did not keep.
        assert!(
            agree * 100 >= failures.len() * 80,
            "{agree} of {}",
            failures.len()
        );
    }

    fn build_of(failures: Vec<Failure>) -> Build {
        let build = serde_json::json!({
            "builder": "B 3.x", "result": "failure", "state": null, "worker": null,
            "project": null, "branch": null, "revision": null, "link": null,
            "blamelist": [], "failures": failures, "read_from": "attachment"
        });
        serde_json::from_value(build).unwrap()
    }

    #[test]
    fn the_same_failure_of_the_mail_is_taken_as_it_is_read_now() {
        // Of two that have no test nobody can tell which is which.
        let named = failures().into_iter().filter(|it| it.test.method.is_some());
        let mut failures: Vec<Failure> = Vec::new();
        for failure in named.take(12) {
            if failures.iter().all(|known| known.test != failure.test) {
                failures.push(failure);
            }
        }
        let again = build_of(failures.iter().rev().cloned().collect());
        let mut build = build_of(failures.iter().map(aged).collect());
        let mut renamed = Vec::new();
        rename(&mut build, Some(&again), &mut renamed);
        assert_eq!(build.failures, failures);
        assert_eq!(renamed.len(), failures.len());
        assert!(renamed.iter().all(|one| one.old.0 == "v1:00"));

        // What has a signature of this version stays as it is.
        renamed.clear();
        rename(&mut build, None, &mut renamed);
        assert!(renamed.is_empty());
        assert_eq!(build.failures, failures);
    }

    #[test]
    fn a_log_of_the_ci_system_is_not_looked_for_in_the_mail() {
        let failures = failures();
        let mut build = build_of(failures.iter().map(aged).collect());
        build.read_from = crate::domain::notification::ReadFrom::Api;
        let mut renamed = Vec::new();
        rename(&mut build, Some(&build_of(failures)), &mut renamed);
        let untouched =
            |failure: &Failure| failure.message.is_none() && failure.details == Details::default();
        assert!(build.failures.iter().all(untouched));
        assert!(renamed.iter().all(|one| one.failure.signature.is_current()));
    }
}
