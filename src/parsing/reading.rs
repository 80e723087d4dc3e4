//! Puts the parts together: notice, logs, failures.

use super::logs::{self, Findings};
use super::notices::{self, Notice, Subject, buildbot};
use super::{Event, NoFailure, Reading};
use crate::domain::failure::Failure;
use crate::domain::mail::{Attachment, Mail};
use crate::domain::notification::{Build, BuildResult, CiSystem, Notification, ReadFrom};

/// Reads a notice and everything the mail itself says about the failures: from
/// the log of the failed step if it is attached, else from the body.
pub fn read(mail: &Mail) -> Reading {
    let notices = notices::read(mail);
    if notices.is_empty() {
        return Reading::NotANotice;
    }
    if notices.iter().any(is_failed) {
        return Reading::Notification(notification(mail, notices));
    }
    no_failure(notices).map_or(Reading::NotANotice, Reading::NoFailure)
}

/// Replaces what the mail said about a build's failures by what the log says
/// that was fetched from the CI system. A log that tells nothing, or only names
/// files where the mail tells what went wrong, leaves the build as it was (the
/// end of a log may do that). Returns how many failures were taken from the log.
pub fn apply_log(build: &mut Build, log: &str) -> usize {
    apply_findings(build, logs::read_log(log, build.state.as_deref()))
}

/// The same with what a [`logs::LogReader`] has read.
pub fn apply_findings(build: &mut Build, findings: Findings) -> usize {
    let count = findings.failures.len();
    let is_worse = telling(build, &findings.failures) == 0 && telling(build, &build.failures) > 0;
    if count == 0 || is_worse {
        return 0;
    }
    take(build, findings, ReadFrom::Api);
    count
}

/// How many failures say more than a name or the build's state.
fn telling(build: &Build, failures: &[Failure]) -> usize {
    failures
        .iter()
        .filter(|failure| failure.line.is_some() && failure.line != build.state)
        .count()
}

fn take(build: &mut Build, findings: Findings, from: ReadFrom) {
    build.failures = findings.failures;
    build.redactions = findings.redactions;
    build.read_from = from;
}

fn is_failed(notice: &Notice<'_>) -> bool {
    match &notice.subject {
        Subject::Build { build, .. } => is_failure(build),
        Subject::Worker(_) => false,
    }
}

/// What Travis CI calls an error may be a test that hung or code that does not
/// compile: the log decides.
fn is_failure(build: &Build) -> bool {
    build.result == BuildResult::Failure
        || (build.ci == CiSystem::Travis && build.result == BuildResult::Exception)
}

/// The builds that failed, with their failures; the others become remarks.
fn notification(mail: &Mail, notices: Vec<Notice<'_>>) -> Notification {
    let mut remarks = mail.remarks.clone();
    let several = notices.len() > 1;
    if several && !mail.attachments.is_empty() {
        remarks.push(
            "the mail speaks of several builds and does not say whose logs are attached: they were not read"
                .to_owned(),
        );
    }
    let attachments: &[Attachment] = if several { &[] } else { &mail.attachments };
    let mut builds = Vec::new();
    for notice in notices {
        if !is_failed(&notice) {
            remarks.extend(sentence(&notice.subject).map(|(_, sentence)| sentence));
            continue;
        }
        remarks.extend(notice.remarks);
        if let Subject::Build { build, .. } = notice.subject {
            let mut build = *build;
            fill(&mut build, notice.text, &notice.failed_steps, attachments);
            if build.redactions > 0 {
                remarks.push(format!(
                    "{}: {} secrets were taken out",
                    build.builder, build.redactions
                ));
            }
            builds.push(build);
        }
    }
    Notification { builds, remarks }
}

/// The best text first: the failed step's log, another step's log, the body.
/// Where nothing is found, the state alone makes one failure.
fn fill(build: &mut Build, text: &str, failed_steps: &[String], attachments: &[Attachment]) {
    let state = build.state.clone();
    if build.revision.as_ref().is_none_or(|known| known.len() < 40) {
        let git = attachments.iter().find(|log| log.name == "git.stdio");
        let named = git.and_then(|log| buildbot::revision_in_git_log(&log.text));
        build.revision = named.or(build.revision.take());
    }
    for log in step_logs(attachments, failed_steps) {
        let findings = logs::read_log(&log.text, state.as_deref());
        if !findings.failures.is_empty() {
            return take(build, findings, ReadFrom::Attachment);
        }
    }
    let findings = logs::from_body(text, state.as_deref());
    if !findings.failures.is_empty() {
        return take(build, findings, ReadFrom::Body);
    }
    build.failures = vec![unexplained(build)];
    build.read_from = ReadFrom::Body;
}

/// The failure of a build of which nothing but its end is known.
pub fn unexplained(build: &Build) -> Failure {
    logs::unexplained(build.state.as_deref())
}

/// The steps' logs, those of the failed steps first. `test.warnings (3)` and the
/// like are parts of a log, not logs.
fn step_logs<'a>(attachments: &'a [Attachment], failed_steps: &[String]) -> Vec<&'a Attachment> {
    let is_failed = |attachment: &Attachment| {
        failed_steps
            .iter()
            .any(|step| attachment.name.strip_suffix(".stdio") == Some(step))
    };
    let mut logs: Vec<&Attachment> = attachments
        .iter()
        .filter(|attachment| attachment.name.ends_with(".stdio"))
        .collect();
    logs.sort_by_key(|attachment| !is_failed(attachment));
    logs
}

fn no_failure(notices: Vec<Notice<'_>>) -> Option<NoFailure> {
    let told: Vec<(Event, String)> = notices
        .iter()
        .filter_map(|notice| sentence(&notice.subject))
        .collect();
    let what = told.first()?.0;
    let sentences: Vec<String> = told.into_iter().map(|(_, sentence)| sentence).collect();
    let builds = notices
        .into_iter()
        .filter_map(|notice| match notice.subject {
            Subject::Build { build, .. } => Some(*build),
            Subject::Worker(_) => None,
        })
        .collect();
    Some(NoFailure {
        what,
        sentence: sentences.join("; "),
        builds,
    })
}

/// Why a notice is no failure; `None` for a failure.
fn sentence(subject: &Subject) -> Option<(Event, String)> {
    let (build, restored) = match subject {
        Subject::Worker(name) => {
            let sentence = format!("worker {name} is missing; its owner was told");
            return Some((Event::WorkerMissing, sentence));
        }
        Subject::Build { build, restored } => (build, *restored),
    };
    let builder = &build.builder;
    Some(match build.result {
        _ if is_failure(build) => return None,
        BuildResult::Failure => return None,
        BuildResult::Success if restored => (
            Event::Recovered,
            format!("the build passes again: builder {builder}"),
        ),
        BuildResult::Success => (
            Event::Passed,
            format!("the build passes: builder {builder}"),
        ),
        BuildResult::Warnings => (
            Event::Warnings,
            format!(
                "only warnings, such as a test that passed when it was run again: builder {builder}"
            ),
        ),
        BuildResult::Exception => (
            Event::Infrastructure,
            format!("the CI system itself failed, not the code: builder {builder}"),
        ),
        BuildResult::Retry => (
            Event::Infrastructure,
            format!("the build is repeated, as the worker was lost: builder {builder}"),
        ),
        BuildResult::Cancelled => (
            Event::Cancelled,
            format!("the build was cancelled: builder {builder}"),
        ),
        BuildResult::Skipped => (
            Event::Cancelled,
            format!("the build was skipped: builder {builder}"),
        ),
    })
}
