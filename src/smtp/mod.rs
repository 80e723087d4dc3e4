//! One mail through one SMTP dialogue, in three steps.
//!
//! ```text
//! Dialogue::open   connect, TLS, EHLO, AUTH       nothing is at stake
//!   .prepare       MAIL, RCPT, DATA up to 354     nothing is at stake
//!   -- the caller claims the delivery, and commits --
//!   .finish        the mail, the final dot        from here on there is doubt
//! ```
//!
//! Each step takes the value before it, so that none can be left out or done
//! twice. Which answer means what stands in `answers.rs`.
//!
//! A dialogue dropped between `prepare` and `finish` closes the connection
//! without a word, and must: anything sent after 354 would be part of the mail.
//! The server then throws away what it has (RFC 5321, section 4.1.1.4: the mail
//! is taken only at "the end of mail data indication").

mod answers;
mod check;
mod compose;
mod connect;
mod gate;
mod letter;
mod request;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use tokio::time::timeout;

pub use crate::smtp::check::check;
pub use crate::smtp::compose::{Outgoing, compose};
pub use crate::smtp::gate::{Expected, GateRefusal, MAX_BODY_LINES, MAX_BODY_OCTETS, gate};
pub use crate::smtp::letter::{Letter, MAX_LETTER_OCTETS, compose_letter};
pub use crate::smtp::request::{ListRequest, compose_request};

use crate::domain::delivery::Outcome;
use crate::domain::secret::Secret;
use crate::smtp::answers::{Silence, Step};

/// Where mail is handed in and how.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server's name; its certificate must be for this name.
    pub host: String,
    /// Usually 465 for [`Security::Implicit`], 587 for [`Security::StartTls`].
    pub port: u16,
    /// How TLS is begun.
    pub security: Security,
    /// Who we are, where the server asks.
    pub credentials: Option<Credentials>,
    /// What we call ourselves in EHLO: this machine's full name.
    pub hello_name: String,
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
    /// None, to a relay on this machine. Refused for any other address.
    LoopbackWithoutTls,
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account's name.
    pub user: String,
    /// What proves that it is ours.
    pub login: Login,
}

/// What proves that the account is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A password, for PLAIN or LOGIN.
    Password(Secret),
    /// An OAuth 2 access token, for XOAUTH2.
    OAuth2(Secret),
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection, and again for TLS.
    pub connect: Duration,
    /// For the answer to each command. Giving up early is harmless here.
    pub command: Duration,
    /// For the answer to the final dot. Giving up early makes doubt, so this is
    /// long: RFC 5321, section 4.5.3.2.6 asks for ten minutes.
    pub final_dot: Duration,
}

impl Timeouts {
    /// What fits servers on the internet.
    pub const USUAL: Self = Self {
        connect: Duration::from_secs(15),
        command: Duration::from_secs(60),
        final_dot: Duration::from_secs(600),
    };
}

/// A connection on which a mail can be begun.
pub struct Dialogue {
    connection: AsyncSmtpConnection,
    timeouts: Timeouts,
}

/// A connection on which the server waits for the mail itself.
pub struct Prepared {
    connection: AsyncSmtpConnection,
    timeouts: Timeouts,
}

impl Dialogue {
    /// Connects, begins TLS, says hello and logs in.
    ///
    /// # Errors
    /// Always [`Outcome::Later`]: nothing was sent, and nothing here can be the
    /// mail's own fault.
    pub async fn open(settings: &SmtpSettings) -> Result<Self, Outcome> {
        let transport = connect::open_transport(settings).await?;
        let mut connection = connect::say_hello(transport, settings).await?;
        connect::log_in(&mut connection, settings).await?;
        Ok(Self {
            connection,
            timeouts: settings.timeouts,
        })
    }

    /// Names sender and recipient, and waits until the server wants the mail.
    /// `envelope_from` is our own bounce address.
    ///
    /// # Errors
    /// [`Outcome::Later`] or [`Outcome::Refused`]; nothing was sent.
    pub async fn prepare(mut self, envelope_from: &str, to: &str) -> Result<Prepared, Outcome> {
        let from = address(envelope_from)?;
        let to = address(to)?;
        self.command(Step::Sender, Mail::new(Some(from), Vec::new()))
            .await?;
        self.command(Step::Recipient, Rcpt::new(to, Vec::new()))
            .await?;
        self.command(Step::Data, Data).await?;
        Ok(Prepared {
            connection: self.connection,
            timeouts: self.timeouts,
        })
    }

    /// Says goodbye without a mail.
    pub async fn leave(mut self) {
        let _ = timeout(self.timeouts.command, self.connection.command(Quit)).await;
    }

    async fn command(
        &mut self,
        step: Step,
        command: impl std::fmt::Display,
    ) -> Result<(), Outcome> {
        let answer = timeout(self.timeouts.command, self.connection.command(command)).await;
        let answer = answer.map_err(|_| answers::timed_out(step, Silence::NothingSent))?;
        answers::before_the_mail(step, answer)
    }
}

impl Prepared {
    /// Sends the mail and the final dot. `mail` passed [`fn@gate`]: its lines end
    /// in CRLF and nothing else.
    ///
    /// [`Outcome::Later`] and [`Outcome::Refused`] mean that the server said so
    /// or that the dot was never sent. Anything else but its yes is
    /// [`Outcome::Unknown`].
    pub async fn finish(mut self, mail: &[u8]) -> Outcome {
        // The client writes the last line's end together with the dot.
        let mail = mail.strip_suffix(b"\r\n").unwrap_or(mail);
        let dot_follows = Arc::new(AtomicBool::new(false));
        let pieces = Pieces {
            mail: Some(mail),
            dot_follows: dot_follows.clone(),
        };
        let sending = self.connection.message_iter(pieces);
        let answer = timeout(self.timeouts.final_dot, sending).await;
        let silence = if dot_follows.load(Ordering::Relaxed) {
            Silence::DotSent
        } else {
            Silence::NothingSent
        };
        let outcome = answer.map_or_else(
            |_| answers::timed_out(Step::FinalDot, silence),
            |answer| answers::after_the_mail(answer, silence),
        );
        if matches!(outcome, Outcome::Done(_)) {
            let _ = timeout(self.timeouts.connect, self.connection.command(Quit)).await;
        }
        outcome
    }

    /// Closes the connection without sending anything more, because the claim
    /// was refused. No RSET and no QUIT: they would become the mail's text.
    pub fn abort(self) {
        drop(self);
    }
}

/// The mail as one piece. lettre writes and flushes each piece before it asks
/// for the next, and writes the final dot after the last: being asked again is
/// the proof that the dot is about to be sent.
struct Pieces<'a> {
    mail: Option<&'a [u8]>,
    dot_follows: Arc<AtomicBool>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mail = self.mail.take();
        if mail.is_none() {
            self.dot_follows.store(true, Ordering::Relaxed);
        }
        mail
    }
}

fn address(text: &str) -> Result<Address, Outcome> {
    text.parse().map_err(|error| Outcome::Later {
        why: format!("{text:?} in the configuration is not a mail address: {error}"),
        after_seconds: None,
    })
}
