//! What the program knows and decides, free of I/O, clocks and environment.
//!
//! Everything here is a plain value or a pure function, so that every rule can
//! be tested without a server. `now` is always an argument, in seconds since
//! the Unix epoch (see [`Seconds`]).

pub mod alert;
pub mod answer;
pub mod approvers;
pub mod backoff;
pub mod calendar;
pub mod classify;
pub mod decision;
pub mod delivery;
pub mod draft;
pub mod failure;
pub mod finding;
pub mod folding;
pub mod incident;
pub mod issue;
pub mod life;
pub mod mail;
pub mod mailbox;
pub mod matching;
pub mod mention;
pub mod message_id;
pub mod notification;
pub mod pattern;
pub mod policy;
pub mod rules;
pub mod secret;
pub mod signature;
pub mod silence;
pub mod subscribing;
pub mod untrusted;

/// A moment in seconds since 1970-01-01T00:00:00Z.
pub type Seconds = i64;
