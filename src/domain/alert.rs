//! What people are told of on a channel of theirs (a webhook, IRC) without having
//! asked: what is worth it, how often, and in which words.

mod damping;
mod wording;

pub use damping::{Damping, Log, Next, next};
pub use wording::{Item, Line, Markup, Message, Piece};

use crate::domain::Seconds;

/// A reminder's [`Matter::key`]: the one matter that is told again and again.
pub const REMINDER: &str = "reminder";

/// A kind of thing that people may want to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// STOP was set.
    Stop,
    /// Something is in doubt, was refused or cannot be read, and needs a person.
    Person,
    /// A service is in trouble for long.
    Service,
    /// New drafts wait for a decision.
    Drafts,
    /// Drafts wait for a decision for long.
    Reminder,
}

impl Event {
    /// Every event, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::Stop,
        Self::Person,
        Self::Service,
        Self::Drafts,
        Self::Reminder,
    ];

    /// Its name in the configuration and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Person => "person",
            Self::Service => "service",
            Self::Drafts => "drafts",
            Self::Reminder => "reminder",
        }
    }

    /// The event of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// Something that people are told of once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    /// What kind it is of.
    pub event: Event,
    /// What tells it from others: `draft 12`, `stop 1800000000`.
    pub key: String,
    /// Since when it is so.
    pub since: Seconds,
    /// The notification that it is about.
    pub notification: Option<i64>,
}

/// Which receiver the address of a webhook belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Any program.
    Json,
    /// Discord.
    Discord,
    /// Slack.
    Slack,
    /// Zulip, by its Slack-compatible incoming webhook.
    Zulip,
    /// Matrix, by matrix-hookshot.
    Matrix,
}

impl Shape {
    /// Every shape with its name in the configuration.
    pub const ALL: [(&'static str, Self); 5] = [
        ("json", Self::Json),
        ("discord", Self::Discord),
        ("slack", Self::Slack),
        ("zulip", Self::Zulip),
        ("matrix", Self::Matrix),
    ];
}
