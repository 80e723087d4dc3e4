//! In the channel: we say something now and then, and stay reachable.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::line::{Line, privmsg};
use super::wire::Wire;
use super::{IrcError, IrcSettings, join, register};
use crate::domain::untrusted::plain_line;

/// A server that says nothing for so long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(90);

/// So many lines are said at once; servers take ten or so within a few seconds.
const AT_ONCE: usize = 3;

/// A place in the channel.
pub struct Session {
    wire: Wire,
    settings: IrcSettings,
    nick: String,
    asked: u64,
}

/// What became of words that were said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The server took all of them.
    Taken,
    /// It took none.
    Refused(IrcError),
    /// Nobody knows: the connection broke off.
    Unclear(IrcError),
}

impl Session {
    /// Connects, logs in and joins.
    ///
    /// # Errors
    ///
    /// Which step failed, and why.
    pub async fn open(settings: &IrcSettings) -> Result<Self, IrcError> {
        let mut wire = Wire::connect(settings).await?;
        let nick = registered(&mut wire, settings).await?;
        joined(&mut wire, settings, &nick).await?;
        Ok(Self::at(wire, settings, nick))
    }

    /// With a connection that is in the channel.
    pub(super) fn at(wire: Wire, settings: &IrcSettings, nick: String) -> Self {
        Self {
            wire,
            settings: settings.clone(),
            nick,
            asked: 0,
        }
    }

    /// What we are called there.
    pub fn nick(&self) -> &str {
        &self.nick
    }

    /// Stays in the channel for so long and does what the server asks for.
    ///
    /// # Errors
    ///
    /// The connection is gone, or we are not in the channel any more.
    pub async fn stay(&mut self, span: Duration) -> Result<(), IrcError> {
        let end = Instant::now() + span;
        while let Ok(line) = timeout_at(end, self.wire.next()).await {
            self.heard(&line?).await?;
        }
        if self.wire.heard_at.elapsed() > QUIET {
            self.answers().await?;
        }
        Ok(())
    }

    /// Makes sure that the server is there and has taken everything so far.
    ///
    /// # Errors
    ///
    /// It does not answer, or what it answers ends the session.
    pub async fn answers(&mut self) -> Result<(), IrcError> {
        self.refusal().await.map(|_| ())
    }

    /// Says lines in the channel.
    pub async fn say(&mut self, lines: &[String]) -> Said {
        match self.say_all(lines).await {
            Ok(None) => Said::Taken,
            Ok(Some(refusal)) => Said::Refused(refusal),
            Err(error) => Said::Unclear(error),
        }
    }

    async fn say_all(&mut self, lines: &[String]) -> Result<Option<IrcError>, IrcError> {
        for (index, line) in lines.iter().enumerate() {
            if index >= AT_ONCE {
                self.stay(self.settings.timeouts.between_lines).await?;
            }
            let said = privmsg(&self.nick, &self.settings.channel, line);
            self.wire.send(&said).await?;
            if index == 0
                && let Some(refusal) = self.refusal().await?
            {
                return Ok(Some(refusal));
            }
        }
        self.answers().await?;
        Ok(None)
    }

    /// Asks the server for an answer, which comes after everything that it has to say
    /// of what we sent before: a refusal among that, if there is one.
    async fn refusal(&mut self) -> Result<Option<IrcError>, IrcError> {
        self.asked += 1;
        let token = format!("bbw{}", self.asked);
        let patience = self.settings.timeouts.answer;
        let mut refused = None;
        let asking = async {
            self.wire.send(&format!("PING :{token}")).await?;
            loop {
                let line = self.wire.next().await?;
                if line.command == "PONG" && line.words() == token {
                    return Ok(());
                }
                self.heard(&line).await?;
                if refused.is_none() {
                    refused = self.refused(&line);
                }
            }
        };
        timeout(patience, asking)
            .await
            .map_err(|_| IrcError::away("the server does not answer any more"))??;
        Ok(refused)
    }

    /// Not taken: 404 cannot send to channel, 403 and 442 not there, 417 too long, 437
    /// and 439 too much for now.
    fn refused(&self, line: &Line) -> Option<IrcError> {
        let is_refusal =
            ["403", "404", "417", "437", "439", "442"].contains(&line.command.as_str());
        let channel = &self.settings.channel;
        if !is_refusal || !line.param(1).eq_ignore_ascii_case(channel) {
            return None;
        }
        let words = plain_line(line.words(), 200);
        Some(IrcError::refused(
            format!("nothing can be said in {channel}: {words}"),
            "Ask its operators to let us speak (+v).",
        ))
    }

    /// Does what the server asks for; what people say is not listened to.
    async fn heard(&mut self, line: &Line) -> Result<(), IrcError> {
        let is_own = line.from.eq_ignore_ascii_case(&self.nick);
        match line.command.as_str() {
            "PING" => self.wire.send(&format!("PONG :{}", line.words())).await,
            "ERROR" => Err(IrcError::ended(line.words())),
            "KICK" if line.param(1).eq_ignore_ascii_case(&self.nick) => {
                let words = plain_line(line.words(), 200);
                Err(IrcError::refused(
                    format!("we were thrown out of {}: {words}", line.param(0)),
                    "Ask its operators.",
                ))
            }
            "NICK" if is_own => {
                self.nick = plain_line(line.param(0), 64);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Says goodbye.
    pub async fn quit(mut self) {
        if self.wire.send("QUIT :bye").await.is_ok() {
            // What the server answers is of no interest, only that it does.
            let _ = timeout(Duration::from_secs(2), async {
                while self.wire.next().await.is_ok() {}
            })
            .await;
        }
    }
}

/// Registers within the time that there is.
pub(super) async fn registered(
    wire: &mut Wire,
    settings: &IrcSettings,
) -> Result<String, IrcError> {
    timeout(settings.timeouts.enter, register::register(wire, settings))
        .await
        .map_err(|_| IrcError::away("the server does not let us in, and does not say why"))?
}

/// Joins within the time that there is.
pub(super) async fn joined(
    wire: &mut Wire,
    settings: &IrcSettings,
    nick: &str,
) -> Result<(), IrcError> {
    timeout(settings.timeouts.enter, join::join(wire, settings, nick))
        .await
        .map_err(|_| {
            IrcError::away("the server does not let us into the channel, and does not say why")
        })?
}
