//! What a check of one part of the installation found, for the person who asked.

/// One thing a check looked at, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at and what was seen, one line.
    pub what: String,
    /// What a person can do about it; absent when all is well.
    pub remedy: Option<String>,
}

/// How bad a [`Finding`] is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Fine,
    /// It works, but not everything will.
    Doubtful,
    /// It does not work.
    Bad,
}

impl Finding {
    /// All is well.
    pub fn fine(what: impl Into<String>) -> Self {
        Self {
            level: Level::Fine,
            what: what.into(),
            remedy: None,
        }
    }

    /// Part of the work cannot be done like this.
    pub fn doubtful(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Doubtful,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Nothing can be done like this.
    pub fn bad(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            level: Level::Bad,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }
}
