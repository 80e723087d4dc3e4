//! The service as it is run, on real servers that come and go.

mod github;
mod mailbox;
mod outgoing;
mod reloading;
mod rights;
mod silence;
mod starting;
mod stopping;
pub mod support;
mod tracker;
mod troubles;
