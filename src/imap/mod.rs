//! Mails from an IMAP mailbox: connect, open, fetch, wait for more.
//!
//! The caller owns the loop and the store; a [`Session`] only answers what it is
//! asked, so that every mail can be stored before the next one is fetched:
//!
//! ```text
//! connect -> plan(cursor, session.selected()) -> uids_from(n)
//!         -> fetch(uid) -> store ... -> idle -> uids_from(n) -> ...
//! ```
//!
//! The mailbox is opened with EXAMINE and read with BODY.PEEK: nothing in it is
//! ever changed, also not `\Seen`. After an error that is not the server's plain
//! "no" the session is closed; connect again, after [`ImapError::trouble`]'s wait.
//!
//! async-imap does the syntax. Its verbs are not used, because they pass over a
//! tagged NO and take a connection that breaks for the end of the answer, so
//! that a broken search would look like an empty mailbox; see `wire.rs`. It also
//! writes every octet, passwords included, to the `log` crate at level trace:
//! deliberately nothing in this program listens to that crate.

mod check;
mod connect;
mod error;
mod fetch;
mod idle;
mod login;
mod names;
mod starttls;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response};

pub use crate::imap::check::check;
pub use crate::imap::error::ImapError;
pub use crate::imap::fetch::{Fetched, Fetching};
pub use crate::imap::idle::Woken;

use crate::domain::Seconds;
use crate::domain::mailbox::{Selected, at_or_above};
use crate::domain::secret::Secret;
use crate::imap::wire::Wire;

/// Where the mailbox is and how to get in.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    /// The server's name; its certificate must be for this name.
    pub host: String,
    /// Usually 993 for [`Security::Implicit`], 143 for [`Security::StartTls`].
    pub port: u16,
    /// How TLS is begun. There is no setting without TLS.
    pub security: Security,
    /// The account's name.
    pub user: String,
    /// What proves that the account is ours.
    pub login: Login,
    /// The folder to watch, in plain Unicode: `INBOX`.
    pub folder: String,
    /// A mail larger than this many octets is not fetched whole.
    pub max_size: u64,
    /// Of such a mail this many octets are fetched.
    pub head_size: u64,
    /// Which certificates are trusted.
    pub tls: Arc<rustls::ClientConfig>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// How TLS is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first octet (RFC 8314).
    Implicit,
    /// A plain connection that is turned into a TLS one before anything else.
    StartTls,
}

/// What proves that the account is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A password.
    Password(Secret),
    /// An OAuth 2 access token, for the mechanism XOAUTH2.
    OAuth2(Secret),
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection, and again for TLS.
    pub connect: Duration,
    /// For the answer to one command; a mail comes in pieces of 1 MiB, each of
    /// which has this long.
    pub command: Duration,
    /// Between two looks where the server has no IDLE.
    pub poll: Duration,
}

impl Timeouts {
    /// What fits servers on the internet.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(15),
        command: Duration::from_secs(60),
        poll: Duration::from_secs(60),
    };
}

/// The longest one [`Session::idle`] should last. A connection that died without
/// a word is found when the wait is over and the server does not answer; RFC
/// 2177 alone would allow 29 minutes.
pub const IDLE_AT_MOST: Duration = Duration::from_secs(4 * 60);

/// An open mailbox.
#[derive(Debug)]
pub struct Session {
    wire: Wire,
    settings: ImapSettings,
    selected: Selected,
    has_idle: bool,
}

/// Connects, logs in and opens the folder.
///
/// # Errors
/// Any [`ImapError`]; [`ImapError::remedy`] says what the operator can do.
pub async fn connect(settings: &ImapSettings) -> Result<Session, ImapError> {
    let greeted = connect::open_connection(settings).await?;
    let mut wire = login::log_in(greeted, settings).await?;
    let capabilities = wire.capabilities().await?;
    let selected = names::examine(&mut wire, &settings.folder).await?;
    Ok(Session {
        wire,
        settings: settings.clone(),
        selected,
        has_idle: capabilities.iter().any(|name| name == "IDLE"),
    })
}

impl Session {
    /// What the server said when the folder was last opened.
    pub const fn selected(&self) -> Selected {
        self.selected
    }

    /// Whether the server says by itself when mail comes.
    pub const fn has_idle(&self) -> bool {
        self.has_idle
    }

    /// Opens the folder again, so that a new UIDVALIDITY or a UIDNEXT that went
    /// back is seen. To be done before every reconciliation.
    ///
    /// # Errors
    /// The folder is gone, or the connection is.
    pub async fn reopen(&mut self) -> Result<Selected, ImapError> {
        self.selected = names::examine(&mut self.wire, &self.settings.folder).await?;
        Ok(self.selected)
    }

    /// The UIDs from `from` on, in order. `uids_from(1)` are all there are.
    ///
    /// # Errors
    /// The connection is gone, or the server refuses.
    pub async fn uids_from(&mut self, from: u32) -> Result<Vec<u32>, ImapError> {
        // RFC 9051, section 7.1: a server may hold back news until a command
        // that may carry it; NOOP may, a UID SEARCH need not.
        self.wire.command("NOOP", |_| ()).await?;
        self.wire.forget_news();
        let found = self.search(&format!("UID {}:*", from.max(1))).await?;
        Ok(at_or_above(from, found))
    }

    /// The UIDs of mails that the server took in on a day before the one of
    /// `time`, in order, by the server's clock. To the day: BEFORE disregards time
    /// and time zone (RFC 9051, section 6.4.4).
    ///
    /// # Errors
    /// The connection is gone, or the server refuses.
    pub async fn uids_before(&mut self, time: Seconds) -> Result<Vec<u32>, ImapError> {
        let found = self.search(&format!("BEFORE {}", day(time))).await?;
        Ok(at_or_above(1, found))
    }

    async fn search(&mut self, what: &str) -> Result<Vec<u32>, ImapError> {
        let mut found = Vec::new();
        self.wire
            .command(&format!("UID SEARCH {what}"), |response| {
                if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                    found.extend_from_slice(uids);
                }
            })
            .await?;
        Ok(found)
    }

    /// Says goodbye. Dropping the session does as well, but less politely.
    pub async fn log_out(mut self) {
        let _ = self.wire.command("LOGOUT", |_| ()).await;
    }
}

/// `7-Nov-2026`, in UTC (RFC 9051, section 9, `date-text`).
fn day(time: Seconds) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = mail_parser::DateTime::from_timestamp(time);
    let month = usize::from(date.month).checked_sub(1);
    let month = month.and_then(|month| MONTHS.get(month)).unwrap_or(&"Jan");
    format!("{}-{month}-{}", date.day, date.year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_imap_wants_them() {
        assert_eq!(day(1_784_281_465), "17-Jul-2026");
        assert_eq!(day(0), "1-Jan-1970");
    }
}
