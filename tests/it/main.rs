//! The one integration binary: it runs against the real servers that
//! `tests/run` starts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test stops where something is not as it should be"
)]

mod architecture;
mod buildbot;
mod check;
mod cli;
mod crash;
mod daemon;
mod embedded;
mod filing;
mod first_look;
mod full_disk;
mod github;
mod github_stand_in;
mod hosted_ci;
mod hostile;
mod imap;
mod imap_quirks;
mod maildir;
mod mailflow;
mod main_job;
mod matching;
mod noticing;
mod other_user;
mod proxy;
mod read;
mod review;
mod roundup;
mod service;
mod smtp;
mod subscribing;
mod sync;
mod systemd;
mod web;
mod world;
