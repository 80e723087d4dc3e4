//! Why a verb was not done, and what the person can do about it.

use std::fmt;

/// What is wrong and how to mend it, for the person who typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// One sentence without a full stop; may name foreign text, which is
    /// escaped when it is printed.
    pub(super) what: String,
    /// What to do about it; absent when nothing can be done.
    pub(super) remedy: Option<String>,
}

impl Refusal {
    /// With a remedy.
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Where nothing more can be said.
    pub(super) fn plain(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Refusal {}
