//! Notices: what a CI system says in a mail's own text, one file a system.
//!
//! A system is known by several features that have nothing to do with each other:
//! the form of the subject (for Buildbot: of the first sentence), a link of its own
//! that agrees with it, and its sender or the form of its text. One word alone, or
//! a person who quotes a notice, is none.

mod address;
mod appveyor;
mod azure;
pub(super) mod buildbot;
mod github_actions;
mod hosted;
mod travis;

use crate::domain::mail::Mail;
use crate::domain::notification::Build;

/// One build, or one missing worker, of which a notice speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice<'a> {
    /// What the notice is about.
    pub(super) subject: Subject,
    /// Its part of the mail's text, as far as that tells of failures.
    pub(super) text: &'a str,
    /// The steps that failed, as far as the text names them.
    pub(super) failed_steps: Vec<String>,
    /// What was missing, in words.
    pub(super) remarks: Vec<String>,
}

/// What a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// A build; its failures are not read yet.
    Build {
        /// The build.
        build: Box<Build>,
        /// It passes again after a failure.
        restored: bool,
    },
    /// A worker that went away.
    Worker(String),
}

pub(super) use address::read as read_address;

/// The notices of a mail, whichever CI system wrote it; none if none did.
pub(super) fn read(mail: &Mail) -> Vec<Notice<'_>> {
    let notices = buildbot::read(&mail.text, &mail.subject);
    if !notices.is_empty() {
        return notices;
    }
    [
        github_actions::read,
        travis::read,
        appveyor::read,
        azure::read,
    ]
    .iter()
    .find_map(|read| read(mail))
    .unwrap_or_default()
}
