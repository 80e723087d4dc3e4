//! What can go wrong with a mailbox, in words an operator can act on.

use std::io;

use crate::domain::backoff::Trouble;

/// Why a mailbox could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The name has no address.
    #[error("the host {host} is not known: {why}")]
    HostUnknown {
        /// As configured.
        host: String,
        /// The resolver's words.
        why: String,
    },
    /// Nobody listens there, or the network is away.
    #[error("no connection to {server}: {why}")]
    Unreachable {
        /// `host:port`.
        server: String,
        /// The system's words.
        why: String,
    },
    /// The server shows a certificate that is not trusted, for another name, or
    /// out of date.
    #[error("{server} is not trusted: {why}")]
    CertificateNotTrusted {
        /// `host:port`.
        server: String,
        /// What is wrong with it.
        why: String,
        /// What can be done about just that.
        remedy: &'static str,
    },
    /// TLS can't be had, or somebody tampers with its beginning.
    #[error("no TLS with {server}: {why}")]
    NoTls {
        /// `host:port`.
        server: String,
        /// What happened.
        why: String,
    },
    /// The password or token is wrong.
    #[error("the server refuses the login of {user}: {answer}")]
    LoginRefused {
        /// The account.
        user: String,
        /// The server's words.
        answer: String,
    },
    /// The folder does not exist.
    #[error("there is no folder {folder:?}; there are: {}", existing.join(", "))]
    FolderMissing {
        /// As configured.
        folder: String,
        /// What the account has, as the server spells it.
        existing: Vec<String>,
    },
    /// The server said no; the connection goes on.
    #[error("the server says no to {command}: {answer}")]
    Refused {
        /// The command's name.
        command: String,
        /// The server's words.
        answer: String,
    },
    /// The server said something that can't be read.
    #[error("the server's answer can't be read: {why}")]
    Unreadable {
        /// The beginning of what it said.
        why: String,
    },
    /// No answer in time.
    #[error("no answer to {command} in {seconds} seconds")]
    TimedOut {
        /// The command's name, or the step of connecting.
        command: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection broke, or the server ended it.
    #[error("the connection is lost: {why}")]
    Lost {
        /// The system's or the server's words.
        why: String,
    },
}

impl ImapError {
    /// How long to wait before connecting again.
    pub const fn trouble(&self) -> Trouble {
        match self {
            Self::HostUnknown { .. }
            | Self::Unreachable { .. }
            | Self::Unreadable { .. }
            | Self::TimedOut { .. }
            | Self::Lost { .. } => Trouble::Away,
            Self::CertificateNotTrusted { .. }
            | Self::NoTls { .. }
            | Self::LoginRefused { .. }
            | Self::FolderMissing { .. }
            | Self::Refused { .. } => Trouble::Refused,
        }
    }

    /// What the operator can do about it, as one sentence.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::HostUnknown { .. } => "Check the host's spelling and this machine's resolver.",
            Self::Unreachable { .. } | Self::TimedOut { .. } => {
                "Check host and port, the firewall, and whether the server runs."
            }
            Self::CertificateNotTrusted { remedy, .. } => remedy,
            Self::NoTls { .. } => {
                "Port 993 wants implicit TLS, port 143 wants STARTTLS; \
                 a server without TLS can't be used."
            }
            Self::LoginRefused { .. } => "Check the user name and the password or token.",
            Self::FolderMissing { .. } => "Name one of the folders that exist.",
            Self::Refused { .. } | Self::Unreadable { .. } => {
                "If it stays, ask those who run the server, with these words."
            }
            Self::Lost { .. } => "Nothing, if it passes: it connects again by itself.",
        }
    }

    /// Whether the connection can still be used.
    pub(super) const fn is_plain_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// What an I/O error of an established connection means. async-imap reports
    /// answers it can't parse as errors of no particular kind.
    pub(super) fn from_io(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::Other {
            return Self::Unreadable {
                why: one_line(&error.to_string()),
            };
        }
        Self::Lost {
            why: one_line(&error.to_string()),
        }
    }

    pub(super) fn lost(why: &str) -> Self {
        Self::Lost { why: one_line(why) }
    }
}

/// A server's words on one line without control characters, at most 300 of them.
pub(super) fn one_line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(300).collect::<String>().trim().to_owned()
}
