//! What every way to decide shares: what a draft, a failure and the whole state
//! come to in a few words, and what follows from a person's word besides the
//! decision itself. No screen, no page.
//!
//! | file | what |
//! |---|---|
//! | `summary`, `words`, `failures`, `mails` | one notification in a few words |
//! | `caution`, `recovered`, `repeating`, `unfinished`, `facts`, `reports` | what a person should know before deciding |
//! | `leaves` | what would leave, and where to |
//! | `outside` | how things stand with the list, approvers and channels |
//! | `filing` | a build that nobody mailed about |
//! | `deciding` | a word on a draft, and what follows from it |
//! | `reviewing` | all drafts that wait, decided on in one document |
//! | `resolving` | what became of a delivery, by a person who looked |
//! | `differences` | what changed between two revisions |
//! | `automatic` | how the automatic rules stand, and what they say of a draft |
//! | `linking` | which report failures belong to, and what is learnt from it |
//!
//! The decisions themselves are read by [`crate::domain::decision`] and taken by
//! [`crate::store::Store`].

pub(crate) mod automatic;
pub(crate) mod caution;
pub(crate) mod deciding;
pub(crate) mod differences;
pub mod facts;
pub(crate) mod failures;
pub mod filing;
pub(crate) mod leaves;
pub(crate) mod linking;
pub(crate) mod mails;
pub(crate) mod outside;
pub(crate) mod recovered;
pub(crate) mod repeating;
pub(crate) mod reports;
pub(crate) mod resolving;
pub(crate) mod reviewing;
pub(crate) mod summary;
pub(crate) mod unfinished;
pub(crate) mod words;

use crate::domain::draft::Settings;
use crate::store::Store;
use crate::templates::Templates;
use crate::trackers::Tracker;
use facts::Surroundings;

/// What decisions are taken with.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a Store,
    /// For its names and addresses alone.
    pub(crate) tracker: &'a Tracker,
}

/// Everything that is decided with, for as long as the program runs.
#[derive(Debug)]
pub struct Office {
    /// What is known, and where decisions go.
    pub store: Store,
    /// The tracker, for its names and addresses alone.
    pub tracker: Tracker,
    /// What texts are made with.
    pub templates: Templates,
    /// What is drafted how.
    pub drafts: Settings,
    /// Where `status` looks.
    pub around: Surroundings,
    /// The list's address.
    pub list: String,
    /// Who the list's mails are from: `name <address>`.
    pub sender: String,
}

impl Office {
    pub(crate) fn desk(&self) -> Desk<'_> {
        Desk {
            store: &self.store,
            tracker: &self.tracker,
        }
    }

    pub(crate) fn wording(&self) -> linking::Wording<'_> {
        linking::Wording {
            templates: &self.templates,
            settings: &self.drafts,
        }
    }
}
