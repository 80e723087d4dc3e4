//! Notices: what a CI system says in a mail's own text, one file a system.

pub(super) mod buildbot;

use crate::domain::notification::Build;

/// One build, or one missing worker, of which a notice speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice<'a> {
    /// What the notice is about.
    pub(super) subject: Subject,
    /// Its part of the mail's text.
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
