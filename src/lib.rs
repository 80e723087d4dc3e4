//! buildbot-watch reads the failure notifications of a mailing list, finds the
//! bug report each belongs to or drafts a new one, asks a human, and after
//! approval files or comments on the report and answers the notification.
//!
//! # Where things are
//!
//! In reading order:
//!
//! | module | what |
//! |---|---|
//! | [`domain`] | what the program knows and decides: plain values, pure functions |
//! | [`parsing`] | from text to the domain: mails, notices, logs; pure |
//! | [`store`] | everything remembered: one SQLite file |
//! | [`worker`] | the one loop: what is due, one step each |
//! | [`imap`], [`maildir`] | mails come in (a Maildir also takes replies) |
//! | [`smtp`] | one mail goes out, step by step |
//! | [`trackers`], [`ci`] | bug reports; builds and their logs. Both ask by [`http`] |
//! | [`evaluate`] | how well reports are found, on labelled cases |
//! | [`hooks`], [`irc`] | people are told that something waits for them |
//! | [`templates`] | every word that leaves, replaceable |
//! | [`config`] | the file as written, the configuration as meant |
//! | [`daemon`] | the service: the two loops, readiness, a clean stop |
//! | [`desk`] | what all ways to decide share |
//! | [`approvals`] | approvers are asked by mail, and decide by mail |
//! | [`web`] | the page |
//! | [`cli`] | one function a verb |
//!
//! Adapters (`imap`, `maildir`, `smtp`, `trackers`, `ci`, `hooks`, `irc`, `store`,
//! `config`, `templates`) know the domain and never each other; `daemon` puts them
//! together and `worker` uses them. `web`, `approvals` and `cli` decide through `desk`.
//! `tests/it/architecture.rs` keeps it so, and keeps files under 400 lines of code and
//! functions under 60.
//!
//! # A walk: one notification
//!
//! 1. `daemon::intake` hears of a mail by IDLE, fetches it, and stores its bytes
//!    and the mailbox's cursor in one transaction ([`store::Store::take_in`]).
//! 2. `worker::reading` decodes it ([`parsing::mime`]), asks what kind of mail it
//!    is ([`domain::classify`]), reads the notice ([`parsing::read`]) and fetches
//!    the log if the mail does not carry it ([`ci`]).
//! 3. `worker::matching` searches the mirror of the tracker for each failure
//!    ([`domain::matching`]); `worker::mirroring` keeps that mirror.
//! 4. `worker::drafting` decides what would be done ([`domain::draft`]) and puts it
//!    into words ([`templates`]). If the draft of another notification waits for a
//!    person and is about the same failures, `worker::incidents` attaches it to that
//!    one instead, and the decision there settles both.
//! 5. A person approves exactly those bytes ([`store::Store::approve`]); the same
//!    transaction fills the outbox. Where the configuration has an automatic rule that
//!    is on, `worker::auto` asks it first ([`domain::policy::auto`]).
//! 6. `worker::delivering` asks the policy ([`domain::policy`]), freezes the bytes,
//!    prepares, claims, and sends the one request that has the effect.
//! 7. The list's copy of the reply comes back by step 1 and confirms it.
//!
//! # What holds everywhere
//!
//! - A stage is never stored: [`domain::life`] derives it from the row's facts.
//! - Nothing leaves without a decision on exactly these bytes; the database itself
//!   refuses an outbox row without one.
//! - What broke before a claim provably did nothing; what broke after it is in
//!   doubt and is never sent again by the program.
//! - `now` is an argument everywhere below `worker` and `daemon`.
//! - Text from outside is hostile until [`domain::untrusted`] made it safe.
//!
//! Deliberately absent: mocks and test hooks (tests point the program at real
//! servers), a tracker trait (an enum is enough), remote search (it never proves
//! that something does not exist), a resend (a doubt is for people).

pub mod approvals;
pub mod ci;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod desk;
pub mod domain;
pub mod evaluate;
pub mod hooks;
pub mod http;
pub mod imap;
pub mod irc;
pub mod maildir;
pub mod parsing;
pub mod smtp;
pub mod store;
pub mod templates;
pub mod tls;
pub mod trackers;
pub mod web;
pub mod worker;
