//! The JSON that Roundup speaks, as far as it is read.

use serde::Deserialize;

use crate::domain::Seconds;
use crate::trackers::dates;

#[derive(Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) data: T,
}

#[derive(Deserialize)]
pub(super) struct Collection<T> {
    pub(super) collection: Vec<T>,
    #[serde(default, rename = "@links")]
    links: Links,
    /// -1 where the server gave up counting.
    #[serde(default, rename = "@total_size")]
    pub(super) total: i64,
}

impl<T> Collection<T> {
    pub(super) fn has_more(&self) -> bool {
        !self.links.next.is_empty()
    }
}

#[derive(Deserialize, Default)]
struct Links {
    #[serde(default)]
    next: Vec<serde_json::Value>,
}

/// A single item: its fields stand one level deeper than in a collection.
#[derive(Deserialize)]
pub(super) struct Item<T> {
    pub(super) attributes: T,
    #[serde(rename = "@etag")]
    pub(super) etag: String,
}

/// Anything with an id; the name where it was asked for and there is one.
#[derive(Deserialize, Clone)]
pub(super) struct Named {
    pub(super) id: String,
    #[serde(alias = "username")]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct IssueRow {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) activity: String,
    pub(super) creation: String,
    #[serde(default)]
    pub(super) messages: Vec<MessageRow>,
    pub(super) status: Option<Named>,
    #[serde(default)]
    pub(super) versions: Vec<Named>,
    #[serde(default)]
    pub(super) components: Vec<Named>,
    #[serde(default)]
    pub(super) keywords: Vec<Named>,
    pub(super) creator: Option<Named>,
    pub(super) resolution: Option<Named>,
    pub(super) superseder: Option<OneOrMany>,
}

/// The classic schema allows several superseders, that of bugs.python.org one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(Named),
    Many(Vec<Named>),
}

impl OneOrMany {
    pub(super) fn first(&self) -> Option<&Named> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(many) => many.first(),
        }
    }
}

#[derive(Deserialize, Clone)]
pub(super) struct MessageRow {
    pub(super) id: String,
    /// A message's label is its `activity`, where the schema names no other.
    pub(super) activity: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) author: Option<Named>,
    pub(super) content: Option<String>,
    pub(super) creation: Option<String>,
}

/// One of our own messages in a list.
#[derive(Deserialize)]
pub(super) struct OwnMessage {
    pub(super) id: String,
    pub(super) messageid: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TitledIssue {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) creator: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct IssueMessages {
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) messages: Vec<MessageRow>,
}

#[derive(Deserialize)]
pub(super) struct WholeIssue {
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) messages: Vec<MessageRow>,
    pub(super) status: Option<Named>,
    pub(super) resolution: Option<Named>,
}

#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct PostOnce {
    pub(super) link: String,
}

pub(super) fn seconds(text: Option<&str>) -> Seconds {
    text.and_then(dates::parse).unwrap_or(0)
}
