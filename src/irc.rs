//! A small client for IRC that only speaks: it joins one channel, says what people
//! are to be told, and obeys nothing that anybody says there.
//!
//! `line` is the grammar, `wire` the connection, `register` and `join` the way in,
//! `session` what is done there, `check` the same for the `check` command. TLS is from
//! the first byte; with an account (SASL) it never goes in without having logged in.

mod check;
mod join;
mod line;
mod register;
mod session;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

pub use check::check;
pub use session::{Said, Session};

use crate::domain::backoff::Trouble;
use crate::domain::secret::Secret;
use crate::domain::untrusted::plain_line;

/// Everything that is needed to speak in a channel.
#[derive(Debug, Clone)]
pub struct IrcSettings {
    /// The server's name, as its certificate has it.
    pub host: String,
    /// Where it listens with TLS.
    pub port: u16,
    /// Which certificates are trusted.
    pub tls: Arc<ClientConfig>,
    /// What to be called; if that is taken, something like it.
    pub nick: String,
    /// How to log in to an account, if there is one.
    pub login: Option<Login>,
    /// The channel: `#name`.
    pub channel: String,
    /// Its key, if it has one.
    pub key: Option<Secret>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// How to log in to an account (SASL, in the IRCv3 form).
#[derive(Debug, Clone)]
pub enum Login {
    /// By a password (PLAIN, RFC 4616).
    Password {
        /// The account.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// By the client certificate in [`IrcSettings::tls`] (EXTERNAL, RFC 4422,
    /// appendix A).
    Certificate {
        /// The account, if the certificate alone does not tell it.
        user: Option<String>,
    },
}

impl Login {
    /// The name of the mechanism.
    fn mechanism(&self) -> &'static str {
        match self {
            Self::Password { .. } => "PLAIN",
            Self::Certificate { .. } => "EXTERNAL",
        }
    }

    /// The account, where it is said.
    fn user(&self) -> Option<&str> {
        match self {
            Self::Password { user, .. } => Some(user),
            Self::Certificate { user } => user.as_deref(),
        }
    }

    /// What to do when the server does not take it.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Password { .. } => "Check user and password of [irc].",
            Self::Certificate { .. } => {
                "Tell the account the fingerprint of the certificate of [irc] (NickServ: CERT ADD)."
            }
        }
    }
}

/// How long to wait for others.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the connection and TLS.
    pub connect: Duration,
    /// For the server to let us in, and into the channel: some look our name up first.
    pub enter: Duration,
    /// For the answer that tells that a connection still stands.
    pub answer: Duration,
    /// Between two lines that we say, once a few were said at once.
    pub between_lines: Duration,
}

impl Timeouts {
    /// What is usual.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(15),
        enter: Duration::from_secs(60),
        answer: Duration::from_secs(30),
        between_lines: Duration::from_secs(2),
    };
}

/// Why there is no speaking there now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct IrcError {
    /// What went wrong, one line.
    pub what: String,
    /// What a person can do, one sentence.
    pub remedy: &'static str,
    /// Whether it may be over by itself soon.
    pub trouble: Trouble,
}

impl IrcError {
    /// The network or the server is away.
    fn away(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: "Check the server's name and port, and whether it is well.",
            trouble: Trouble::Away,
        }
    }

    /// The server said no.
    fn refused(what: impl Into<String>, remedy: &'static str) -> Self {
        Self {
            what: what.into(),
            remedy,
            trouble: Trouble::Refused,
        }
    }

    /// What a server says when it ends the connection.
    fn ended(words: &str) -> Self {
        let lower = words.to_ascii_lowercase();
        let words = plain_line(words, 200);
        let is = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        if is(&["thrott", "too fast", "too many", "reconnect"]) {
            let what = format!("the server wants to be called less often: {words}");
            return Self::refused(what, "Nothing: it is tried again, ever more seldom.");
        }
        if is(&[
            "k-line", "k:line", "kline", "g-line", "banned", "z-line", "dnsbl",
        ]) {
            let what = format!("the server lets nobody in from here: {words}");
            return Self::refused(what, "Ask those who run the server.");
        }
        Self::away(format!("the server ended the connection: {words}"))
    }
}
