//! Bug reports as the local mirror holds them.

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;

/// Enough of a bug report to point at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssueRef {
    /// The tracker's own number, without `#`.
    pub number: u64,
    /// The page a person opens.
    pub url: String,
    /// The title, as last seen.
    pub title: String,
}

/// A bug report with its comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The tracker's own number.
    pub number: u64,
    /// The page a person opens.
    pub url: String,
    /// One line.
    pub title: String,
    /// The text it was opened with.
    pub body: String,
    /// Later texts, oldest first.
    pub comments: Vec<IssueComment>,
    /// Labels, components, keywords and versions, by name.
    pub labels: Vec<String>,
    /// Whether work on it is not yet done.
    pub open: bool,
    /// When it was opened.
    pub created_at: Seconds,
    /// When it last changed; the tracker's clock.
    pub updated_at: Seconds,
    /// When it was closed, where the tracker says so.
    pub closed_at: Option<Seconds>,
}

/// One later text of a bug report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueComment {
    /// The tracker's id of it, unique within the tracker.
    pub id: String,
    /// The account's name.
    pub author: String,
    /// The text.
    pub text: String,
    /// When it was written.
    pub at: Seconds,
}

impl Issue {
    /// The pointer to this report.
    pub fn reference(&self) -> IssueRef {
        IssueRef {
            number: self.number,
            url: self.url.clone(),
            title: self.title.clone(),
        }
    }
}
