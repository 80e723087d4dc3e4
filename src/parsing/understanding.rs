//! What an input says by itself, without a configuration: for whoever wants to
//! know how a mail or a log is read.

use super::logs::Findings;
use super::{Event, NoFailure, Reading, read};
use crate::domain::classify::is_reply_subject;
use crate::domain::mail::Mail;
use crate::domain::notification::{Build, CiSystem};

/// What was understood of one mail or log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Understood {
    /// What it is.
    pub kind: InputKind,
    /// Why it is that, in words without a full stop, where the kind alone does not
    /// say it.
    pub reason: Option<String>,
    /// The builds it speaks of.
    pub builds: Vec<Build>,
    /// What could not be read, in words.
    pub remarks: Vec<String>,
}

/// What a mail or a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Something failed.
    Failure,
    /// A build passes, or passes again.
    Recovery,
    /// A build had warnings only.
    Warning,
    /// A worker is missing.
    WorkerMissing,
    /// A person's answer.
    Reply,
    /// A mail that this program wrote.
    Own,
    /// Anything else.
    Other,
}

impl InputKind {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Recovery => "recovery",
            Self::Warning => "warning",
            Self::WorkerMissing => "worker_missing",
            Self::Reply => "reply",
            Self::Own => "own",
            Self::Other => "other",
        }
    }
}

/// Understands a mail. Whether it came through a list, and through which, does
/// not count here.
pub fn understand(mail: &Mail) -> Understood {
    let plain = |kind, reason: &str| Understood {
        kind,
        reason: Some(reason.to_owned()),
        builds: Vec::new(),
        remarks: mail.remarks.clone(),
    };
    if mail.loop_header.is_some() {
        return plain(InputKind::Own, "it has this program's loop header");
    }
    let reading = read(mail);
    let is_in_thread = mail.has_thread_headers && !threads_its_notices(&reading);
    let is_reply = is_in_thread || is_reply_subject(&mail.subject);
    match reading {
        // What a person quotes is told by the CI system elsewhere.
        _ if is_reply => plain(InputKind::Reply, "it belongs to a thread or answers a mail"),
        Reading::Notification(notification) => Understood {
            kind: InputKind::Failure,
            reason: None,
            builds: notification.builds,
            remarks: notification.remarks,
        },
        Reading::NoFailure(told) => no_failure(told, mail),
        Reading::NotANotice => plain(
            InputKind::Other,
            "the mail has no form of notification that is known",
        ),
    }
}

/// Travis CI's own mails belong to threads, by builds and their results. The readers
/// of hosted systems' notices know them from answers.
fn threads_its_notices(reading: &Reading) -> bool {
    let builds = match reading {
        Reading::Notification(notification) => &notification.builds,
        Reading::NoFailure(told) => &told.builds,
        Reading::NotANotice => return false,
    };
    builds.iter().any(|build| build.ci != CiSystem::Buildbot)
}

fn no_failure(told: NoFailure, mail: &Mail) -> Understood {
    Understood {
        kind: match told.what {
            Event::Recovered | Event::Passed => InputKind::Recovery,
            Event::Warnings => InputKind::Warning,
            Event::WorkerMissing => InputKind::WorkerMissing,
            Event::Infrastructure | Event::Cancelled => InputKind::Other,
        },
        reason: Some(told.sentence),
        builds: told.builds,
        remarks: mail.remarks.clone(),
    }
}

/// What a log alone says: its kind, and why.
pub fn log_kind(findings: &Findings) -> (InputKind, Option<&'static str>) {
    match (findings.failures.is_empty(), findings.recognised) {
        (false, _) => (InputKind::Failure, None),
        (true, true) => (InputKind::Other, Some("the log tells of no failure")),
        (true, false) => (
            InputKind::Other,
            Some("the text has no form of log that is known"),
        ),
    }
}
