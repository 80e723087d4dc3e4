//! What every way to decide shares: what a draft, a failure and the whole state
//! come to in a few words, and what follows from a person's word besides the
//! decision itself. No screen, no page.
//!
//! | file | what |
//! |---|---|
//! | `summary`, `words`, `failures`, `mails` | one notification in a few words |
//! | `repeating`, `unfinished`, `facts`, `reports` | what a person should know before deciding |
//! | `resolving` | what became of a delivery, by a person who looked |
//! | `linking` | which report failures belong to, and what is learnt from it |
//!
//! The decisions themselves are read by [`crate::domain::decision`] and taken by
//! [`crate::store::Store`].

pub mod facts;
pub(crate) mod failures;
pub(crate) mod linking;
pub(crate) mod mails;
pub(crate) mod repeating;
pub(crate) mod reports;
pub(crate) mod resolving;
pub(crate) mod summary;
pub(crate) mod unfinished;
pub(crate) mod words;

use crate::store::Store;
use crate::trackers::Tracker;

/// What decisions are taken with.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a Store,
    /// For its names and addresses alone.
    pub(crate) tracker: &'a Tracker,
}
