//! One command and its whole answer.
//!
//! The end of an answer is the tagged line and nothing else: a connection that
//! breaks before it is an error, and so is a tagged NO or BAD. A command whose
//! future is dropped or times out takes the connection with it, for nobody knows
//! how much of the answer is still to come.

use std::time::Duration;

use async_imap::Session as Syntax;
use async_imap::imap_proto::{Capability, MailboxDatum, Response, Status};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::imap::error::{ImapError, one_line};

/// What mails come over.
pub(super) type Stream = TlsStream<TcpStream>;

/// A connection after login.
#[derive(Debug)]
pub(super) struct Wire {
    /// Absent once the connection can't be used any more.
    syntax: Option<Syntax<Stream>>,
    patience: Duration,
    news: News,
}

/// Mail that was announced with the answer to some command: nothing will
/// announce it again, so whoever waits for mail has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct News {
    /// How many mails there are, by the server's last word; absent if it may have
    /// said another one.
    exists: Option<u32>,
    came: bool,
}

impl News {
    /// The same number again is no news: some servers say it at other times.
    fn hear(&mut self, response: &Response<'_>) {
        match response {
            Response::MailboxData(MailboxDatum::Exists(number)) => {
                self.came |= self.exists != Some(*number);
                self.exists = Some(*number);
            }
            Response::Expunge(_) => self.exists = None,
            _ => {}
        }
    }
}

impl Wire {
    pub(super) const fn new(syntax: Syntax<Stream>, patience: Duration) -> Self {
        Self {
            syntax: Some(syntax),
            patience,
            news: News {
                exists: None,
                came: false,
            },
        }
    }

    /// Whether mail was announced since [`Wire::forget_news`].
    pub(super) const fn has_news(&self) -> bool {
        self.news.came
    }

    /// To be called right before looking for mail.
    pub(super) const fn forget_news(&mut self) {
        self.news.came = false;
    }

    /// Sends a command, shows `look` every untagged response, and waits for the
    /// tagged OK.
    pub(super) async fn command(
        &mut self,
        command: &str,
        mut look: impl FnMut(&Response<'_>),
    ) -> Result<(), ImapError> {
        let mut syntax = self.take()?;
        let news = &mut self.news;
        let mut look = |response: &Response<'_>| {
            news.hear(response);
            look(response);
        };
        let answer = timeout(self.patience, converse(&mut syntax, command, &mut look)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(ImapError::TimedOut {
                command: name_of(command),
                seconds: self.patience.as_secs(),
            })
        });
        let goes_on = match &answer {
            Ok(()) => true,
            Err(error) => error.is_plain_refusal(),
        };
        if goes_on {
            self.syntax = Some(syntax);
        }
        answer
    }

    /// What the server can do, in upper case.
    pub(super) async fn capabilities(&mut self) -> Result<Vec<String>, ImapError> {
        let mut names = Vec::new();
        self.command("CAPABILITY", |response| {
            if let Response::Capabilities(capabilities) = response {
                names.extend(capabilities.iter().map(capability_name));
            }
        })
        .await?;
        Ok(names)
    }

    /// Takes the connection out; unless it is put back it is closed.
    pub(super) fn take(&mut self) -> Result<Syntax<Stream>, ImapError> {
        self.syntax
            .take()
            .ok_or_else(|| ImapError::lost("it was closed after an earlier error"))
    }

    /// Puts it back. What was said meanwhile is not known here.
    pub(super) fn put_back(&mut self, syntax: Syntax<Stream>) {
        self.news.exists = None;
        self.syntax = Some(syntax);
    }

    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }
}

/// Capabilities are case-insensitive (RFC 9051, section 7.2.2).
pub(super) fn capability_name(capability: &Capability<'_>) -> String {
    match capability {
        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
        Capability::Auth(mechanism) => format!("AUTH={}", mechanism.to_uppercase()),
        Capability::Atom(name) => name.to_uppercase(),
    }
}

async fn converse(
    syntax: &mut Syntax<Stream>,
    command: &str,
    look: &mut impl FnMut(&Response<'_>),
) -> Result<(), ImapError> {
    let id = syntax.run_command(command).await.map_err(from_syntax)?;
    loop {
        let answer = syntax.read_response().await;
        let Some(answer) = answer.map_err(|error| ImapError::from_io(&error))? else {
            return Err(ImapError::lost("the server closed it"));
        };
        match answer.parsed() {
            Response::Done {
                tag,
                status,
                outcome,
            } if *tag == id => return tagged(command, status, outcome.information.as_deref()),
            Response::Data {
                status: Status::Bye,
                outcome,
            } => return Err(bye(outcome.information.as_deref())),
            untagged => look(untagged),
        }
    }
}

/// EXISTS is said when mail comes, and by some servers at other times.
pub(super) const fn is_new_mail(response: &Response<'_>) -> bool {
    matches!(
        response,
        Response::MailboxData(MailboxDatum::Exists(_) | MailboxDatum::Recent(_))
    )
}

/// What the line that ends an answer says.
pub(super) fn tagged(
    command: &str,
    status: &Status,
    information: Option<&str>,
) -> Result<(), ImapError> {
    if *status == Status::Ok {
        return Ok(());
    }
    Err(ImapError::Refused {
        command: name_of(command),
        answer: one_line(information.unwrap_or("no reason given")),
    })
}

/// The server ends the connection.
pub(super) fn bye(information: Option<&str>) -> ImapError {
    ImapError::lost(&format!(
        "the server says goodbye: {}",
        information.unwrap_or("no reason given")
    ))
}

/// What async-imap's own errors mean after login.
pub(super) fn from_syntax(error: async_imap::error::Error) -> ImapError {
    match error {
        async_imap::error::Error::Io(error) => ImapError::from_io(&error),
        async_imap::error::Error::ConnectionLost => ImapError::lost("the server closed it"),
        other => ImapError::Unreadable {
            why: one_line(&other.to_string()),
        },
    }
}

/// `UID FETCH` of `UID FETCH 7 (RFC822.SIZE)`: arguments are not for messages.
fn name_of(command: &str) -> String {
    let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let words: Vec<&str> = command.split(' ').take_while(is_word).take(2).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_of_mails_is_news() {
        let exists = |number| Response::MailboxData(MailboxDatum::Exists(number));
        let mut news = News {
            exists: None,
            came: false,
        };
        let mut heard = |response: Response<'_>| {
            news.came = false;
            news.hear(&response);
            news.came
        };
        assert!(heard(exists(3)));
        assert!(!heard(exists(3)));
        assert!(!heard(Response::Expunge(1)));
        assert!(heard(exists(3)), "one went and one came");
        assert!(heard(exists(4)));
    }

    #[test]
    fn commands_are_named_without_their_arguments() {
        assert_eq!(name_of("UID FETCH 7 (RFC822.SIZE)"), "UID FETCH");
        assert_eq!(name_of("EXAMINE \"INBOX\""), "EXAMINE");
        assert_eq!(name_of("NOOP"), "NOOP");
    }
}
