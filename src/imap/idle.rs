//! Waiting for mail.
//!
//! async-imap has an IDLE of its own, which is not used: it waits for ever when
//! the server says NO to IDLE, panics on a BAD without words, reports a lost
//! connection as if somebody had interrupted the wait, and begins its time
//! anew with every `* OK Still here`, so that it never ends.

use std::time::Duration;

use async_imap::Session as Syntax;
use async_imap::imap_proto::{RequestId, Response, Status};
use tokio::time::{Instant, timeout, timeout_at};

use crate::imap::Session;
use crate::imap::error::ImapError;
use crate::imap::wire::{Stream, bye, from_syntax, is_new_mail, tagged};

/// Why a wait ended.
#[derive(Debug)]
pub enum Woken {
    /// There may be new mail.
    NewMail,
    /// The time is over; nothing was said. Look anyway: it costs little.
    TimedOut,
    /// The connection is gone.
    Disconnected(ImapError),
}

/// What one stretch of listening came to.
enum Heard {
    NewMail,
    /// The server is ready to tell.
    Ready,
    /// The server does not want to.
    No,
    /// The command is over.
    Done,
}

impl Session {
    /// Waits until mail comes that was not announced before the last
    /// [`Session::uids_from`], at most `at_most` (give [`super::IDLE_AT_MOST`]).
    /// Where the server has no IDLE it looks once, after the configured time.
    ///
    /// Dropping the future closes the connection.
    pub async fn idle(&mut self, at_most: Duration) -> Woken {
        if self.wire.has_news() {
            return Woken::NewMail;
        }
        if !self.has_idle {
            return self.look_later(at_most).await;
        }
        let deadline = Instant::now() + at_most;
        match self.listen_until(deadline).await {
            Ok(Some(woken)) => woken,
            Ok(None) => {
                self.has_idle = false;
                self.look_later(at_most).await
            }
            Err(error) => Woken::Disconnected(error),
        }
    }

    /// One whole IDLE; nothing if the server refuses it.
    async fn listen_until(&mut self, deadline: Instant) -> Result<Option<Woken>, ImapError> {
        let patience = self.wire.patience();
        let late = || ImapError::TimedOut {
            command: "IDLE".to_owned(),
            seconds: patience.as_secs(),
        };
        let mut syntax = self.wire.take()?;
        let beginning = async {
            let id = syntax.run_command("IDLE").await.map_err(from_syntax)?;
            let heard = listen(&mut syntax, &id, Until::Ready).await?;
            Ok::<_, ImapError>((id, heard))
        };
        let (id, heard) = timeout(patience, beginning).await.map_err(|_| late())??;
        if matches!(heard, Heard::No) {
            self.wire.put_back(syntax);
            return Ok(None);
        }
        let mut has_new_mail = matches!(heard, Heard::NewMail);
        if !has_new_mail {
            let news = timeout_at(deadline, listen(&mut syntax, &id, Until::News)).await;
            has_new_mail = matches!(news.unwrap_or(Ok(Heard::Ready))?, Heard::NewMail);
        }
        let ending = async {
            let done = syntax.run_command_untagged("DONE").await;
            done.map_err(from_syntax)?;
            listen(&mut syntax, &id, Until::Done).await
        };
        let heard = timeout(patience, ending).await.map_err(|_| late())??;
        self.wire.put_back(syntax);
        if has_new_mail || matches!(heard, Heard::NewMail) {
            return Ok(Some(Woken::NewMail));
        }
        Ok(Some(Woken::TimedOut))
    }

    async fn look_later(&mut self, at_most: Duration) -> Woken {
        tokio::time::sleep(self.settings.timeouts.poll.min(at_most)).await;
        match self.wire.command("NOOP", |_| ()).await {
            Ok(()) if self.wire.has_news() => Woken::NewMail,
            Ok(()) => Woken::TimedOut,
            Err(error) => Woken::Disconnected(error),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The `+` after which the server tells.
    Ready,
    /// Mail.
    News,
    /// The tagged line after DONE.
    Done,
}

/// Reads what the server says until what is waited for. Mail that is announced
/// on the way is not forgotten.
async fn listen(
    syntax: &mut Syntax<Stream>,
    id: &RequestId,
    until: Until,
) -> Result<Heard, ImapError> {
    let mut has_new_mail = false;
    loop {
        let said = syntax.read_response().await;
        let Some(said) = said.map_err(|error| ImapError::from_io(&error))? else {
            return Err(ImapError::lost("the server closed it"));
        };
        let end = match said.parsed() {
            Response::Continue(_) if until == Until::Ready => Some(Heard::Ready),
            Response::Done {
                tag,
                status,
                outcome,
            } if tag == id => match until {
                Until::Ready => Some(Heard::No),
                Until::News => return Err(ImapError::lost("the server ended IDLE by itself")),
                Until::Done => {
                    tagged("IDLE", status, outcome.information.as_deref())?;
                    Some(Heard::Done)
                }
            },
            Response::Data {
                status: Status::Bye,
                outcome,
            } => return Err(bye(outcome.information.as_deref())),
            other => {
                has_new_mail |= is_new_mail(other);
                (has_new_mail && until == Until::News).then_some(Heard::NewMail)
            }
        };
        match end {
            Some(Heard::Ready | Heard::Done) if has_new_mail => return Ok(Heard::NewMail),
            Some(end) => return Ok(end),
            None => {}
        }
    }
}
