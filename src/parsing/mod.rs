//! From text to the domain: raw mails, notices, logs. Pure: no I/O, no clock.
//!
//! The way of a mail:
//!
//! ```text
//! raw bytes --mime::parse--> Mail --read--> Reading::Notification (failures filled in)
//!                                   log fetched by API --apply_log--> the same build, better read
//! ```
//!
//! Nothing here fails hard on hostile or damaged text: what cannot be read is a
//! hole and a remark.

pub mod answers;
pub mod excerpt;
pub mod issues;
pub mod logs;
pub mod mime;
mod notices;
mod reading;
pub mod redact;
mod tail;
mod understanding;

pub use reading::{apply_findings, apply_log, read, unexplained};
pub use tail::{TailReader, Told};
pub use understanding::{InputKind, Understood, log_kind, understand};

use regex::Regex;

use crate::domain::notification::{Build, BuildLink, Notification};

/// What a mail turned out to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Builds failed. Every build has at least one failure.
    Notification(Notification),
    /// A genuine notice of a CI system, but nobody has to look for a bug.
    NoFailure(NoFailure),
    /// No form of notice that is known.
    NotANotice,
}

/// A notice about something that is no failure of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFailure {
    /// What it is about.
    pub what: Event,
    /// Why there is nothing to do, in words, without a full stop:
    /// `the build passes again: builder AMD64 Fedora Stable 3.x`.
    pub sentence: String,
    /// The builds it speaks of, without failures; empty for a missing worker.
    pub builds: Vec<Build>,
}

/// What a CI system tells besides failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The build passes again after a failure.
    Recovered,
    /// The build passes.
    Passed,
    /// Warnings only: a test that passed when it was run again.
    Warnings,
    /// The CI system itself failed, or the worker was lost.
    Infrastructure,
    /// The build was cancelled or skipped.
    Cancelled,
    /// A worker is missing; its owner was told.
    WorkerMissing,
}

/// Which build of which CI system an address leads to, as a person copies it from a
/// browser; of a page below a build (a step, a log, a job) the build's.
pub fn build_address(address: &str) -> Option<BuildLink> {
    notices::read_address(address)
}

/// Compiles a pattern of this program.
#[expect(
    clippy::expect_used,
    reason = "constant patterns, each compiled by a test"
)]
fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a valid pattern")
}

/// The same for text that need not be UTF-8.
#[expect(
    clippy::expect_used,
    reason = "constant patterns, each compiled by a test"
)]
fn bytes_pattern(source: &str) -> regex::bytes::Regex {
    regex::bytes::Regex::new(source).expect("a valid pattern")
}

#[cfg(test)]
pub(crate) mod property_tests;
#[cfg(test)]
mod subscribing_tests;
#[cfg(test)]
mod tests;
