//! The JSON that GitHub speaks, as far as it is read.

use serde::Deserialize;

use crate::domain::Seconds;
use crate::trackers::dates;

#[derive(Deserialize, Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: u64,
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct IssueRow {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) state_reason: Option<String>,
    pub(super) user: Option<Account>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) closed_at: Option<String>,
    #[serde(default)]
    pub(super) locked: bool,
    /// Present where it is a pull request.
    pub(super) pull_request: Option<serde::de::IgnoredAny>,
}

/// GitHub's description allows both.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Label {
    Plain(String),
    Named { name: Option<String> },
}

impl Label {
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Label::Plain(name) => Some(name),
            Label::Named { name } => name.as_deref(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct CommentRow {
    pub(super) id: u64,
    pub(super) html_url: String,
    pub(super) issue_url: String,
    pub(super) body: Option<String>,
    pub(super) user: Option<Account>,
    pub(super) created_at: String,
    pub(super) updated_at: String,
}

impl CommentRow {
    /// The issue's number; `None` for a pull request's comment.
    pub(super) fn issue(&self) -> Option<u64> {
        if self.html_url.contains("/pull/") {
            return None;
        }
        self.issue_url.rsplit_once('/')?.1.parse().ok()
    }
}

/// What a search says, without what it found.
#[derive(Deserialize)]
pub(super) struct SearchCount {
    pub(super) total_count: u64,
    pub(super) incomplete_results: bool,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) has_issues: bool,
    pub(super) permissions: Option<Permissions>,
}

#[derive(Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) triage: bool,
    #[serde(default)]
    pub(super) push: bool,
}

pub(super) fn seconds(text: &str) -> Seconds {
    dates::parse(text).unwrap_or(0)
}
