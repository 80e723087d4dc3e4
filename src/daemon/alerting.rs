//! People are told, on their own channels, that something waits for them.
//!
//! Each channel goes on by itself beside the two loops, and none of them is ever a
//! reason to stop: one that takes nothing is tried again, ever more seldom. What there
//! is to tell follows from the store each time; only what was told is kept.

mod channels;
mod matters;
mod words;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::{LocalBoxFuture, join_all};
use tokio::time::{Instant, sleep};

use super::Settings;
use super::build::seconds;
use crate::config::Alerts;
use crate::domain::Seconds;
use crate::domain::alert::{Damping, Event, Markup, Matter, Message, Next, next};
use crate::domain::backoff::{Trouble, backoff};
use crate::hooks::{Hook, Posted};
use crate::irc::{IrcError, IrcSettings, Said, Session};
use crate::worker::Parts;

use channels::IRC;
pub(super) use channels::channel_names;
pub use channels::{hook_of, irc_of, webhook_name};
pub use words::test_message;

/// How often is looked whether there is something to tell.
const LOOK: Duration = Duration::from_secs(2);

/// When the store cannot be asked, it is asked again after so long.
const STORE_AGAIN: Duration = Duration::from_secs(30);

/// A connection that stood for so long was a good one.
const GOOD: Duration = Duration::from_secs(300);

/// Lines that are said on IRC at once.
const IRC_LINES: usize = 5;

/// What every channel needs to know.
struct Telling<'a> {
    parts: &'a Parts,
    damping: Damping,
    /// How the addresses of the page begin, if people can open it; ends in `/`.
    page: Option<String>,
}

/// One channel: what it is called, and what it is told of.
struct Target<'a> {
    telling: &'a Telling<'a>,
    name: String,
    events: &'a BTreeSet<Event>,
}

/// Tells people, for as long as the service runs.
///
/// # Errors
///
/// None: it never ends by itself.
pub(super) async fn tell(settings: &Settings, parts: &Parts) -> Result<()> {
    let config = &settings.config;
    let telling = Telling {
        parts,
        damping: damping_of(&config.alerts),
        page: config.web.as_ref().and_then(words::page_of),
    };
    let mut names: Vec<String> = Vec::new();
    let mut channels: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    for webhook in &config.alerts.webhooks {
        let name = webhook_name(webhook);
        names.push(name.clone());
        let target = telling.target(name, &webhook.events);
        match hook_of(settings, webhook) {
            Ok(hook) => channels.push(Box::pin(target.serve_hook(hook))),
            Err(error) => target.trouble(&format!("{error:#}"), "Correct the configuration."),
        }
    }
    if let Some(irc) = &config.alerts.irc {
        names.push(IRC.to_owned());
        let target = telling.target(IRC.to_owned(), &irc.events);
        match irc_of(settings, irc) {
            Ok(settings) => channels.push(Box::pin(target.serve_irc(settings))),
            Err(error) => target.trouble(&format!("{error:#}"), "Correct the configuration."),
        }
    }
    if let Err(error) = parts.store.keep_alert_troubles(&names) {
        tracing::debug!(
            error = format!("{error:#}"),
            "old troubles are not forgotten"
        );
    }
    join_all(channels).await;
    std::future::pending().await
}

fn damping_of(alerts: &Alerts) -> Damping {
    Damping {
        bundle: seconds(alerts.bundle),
        most_an_hour: alerts.most_an_hour,
        remind_after: seconds(alerts.remind_after),
        remind_every: seconds(alerts.remind_every),
        trouble_after: seconds(alerts.trouble_after),
    }
}

impl<'a> Telling<'a> {
    fn target(&'a self, name: String, events: &'a BTreeSet<Event>) -> Target<'a> {
        Target {
            telling: self,
            name,
            events,
        }
    }
}

impl Target<'_> {
    fn now(&self) -> Seconds {
        self.telling.parts.clock.now()
    }

    /// What is to be told now, if anything.
    fn due(&self) -> Result<Option<Vec<Matter>>> {
        let store = &self.telling.parts.store;
        let now = self.now();
        let matters = matters::all(store, &self.name, now)?;
        let keys = matters.iter().map(|matter| matter.key.as_str());
        let log = store.alert_log(&self.name, keys, now)?;
        let damping = &self.telling.damping;
        Ok(match next(&matters, self.events, &log, damping, now) {
            Next::Tell(told) => Some(told),
            Next::Nothing | Next::NotBefore(_) => None,
        })
    }

    fn message(&self, matters: &[Matter]) -> Message {
        let page = self.telling.page.as_deref();
        words::message(&self.telling.parts.store, matters, page, self.now())
    }

    /// The channel takes nothing: told once, until it works again.
    fn trouble(&self, why: &str, remedy: &str) {
        let store = &self.telling.parts.store;
        match store.note_alert_trouble(&self.name, why, self.now()) {
            Ok(true) => {
                tracing::warn!(
                    channel = self.name,
                    why,
                    remedy,
                    "people cannot be told here"
                );
            }
            Ok(false) => tracing::debug!(channel = self.name, why, "people still cannot be told"),
            Err(error) => tracing::debug!(error = format!("{error:#}"), "a trouble is not noted"),
        }
    }

    fn works(&self) {
        match self.telling.parts.store.clear_alert_trouble(&self.name) {
            Ok(true) => tracing::info!(channel = self.name, "people can be told here again"),
            Ok(false) => {}
            Err(error) => tracing::debug!(error = format!("{error:#}"), "a trouble is not cleared"),
        }
    }

    /// The pause before the next attempt.
    fn pause(&self, trouble: Trouble, attempt: u32) -> Duration {
        let random = (self.telling.parts.chance() * 1023.0) as u64;
        backoff(trouble, attempt, random)
    }

    /// Posts to a webhook whatever there is to tell.
    async fn serve_hook(self, hook: Hook) {
        let mut attempts = 0;
        loop {
            let pause = match self.post_due(&hook, &mut attempts).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::debug!(error = format!("{error:#}"), "nothing can be told now");
                    STORE_AGAIN
                }
            };
            sleep(pause).await;
        }
    }

    async fn post_due(&self, hook: &Hook, attempts: &mut u32) -> Result<Duration> {
        let Some(matters) = self.due()? else {
            return Ok(LOOK);
        };
        let store = &self.telling.parts.store;
        let message = self.message(&matters);
        let keys: Vec<String> = matters.into_iter().map(|matter| matter.key).collect();
        // Recorded first: nobody is told twice, whatever happens now.
        let alert = store.begin_alert(&self.name, &keys, self.now())?;
        let posted = hook.post(&message, &alert.to_string(), self.now()).await;
        let asked = match posted {
            Posted::Taken(pause) => {
                *attempts = 0;
                tracing::info!(channel = self.name, things = keys.len(), "people were told");
                self.works();
                return Ok(pause.unwrap_or(LOOK).max(LOOK));
            }
            Posted::Refused { why, remedy, pause } => {
                store.take_back_alert(alert)?;
                self.trouble(&why, remedy);
                pause
            }
            Posted::Unclear(why) => {
                let remedy = "Whether this message arrived is not known; it is not sent again.";
                self.trouble(&why, remedy);
                None
            }
        };
        *attempts += 1;
        let pause = self.pause(Trouble::Refused, *attempts);
        Ok(pause.max(asked.unwrap_or_default()))
    }

    /// Stays in a channel on IRC and says there whatever there is to tell.
    async fn serve_irc(self, settings: IrcSettings) {
        let mut attempts = 0;
        loop {
            let error = match Session::open(&settings).await {
                Ok(session) => {
                    tracing::info!(channel = self.name, nick = session.nick(), "on IRC");
                    self.works();
                    let begun = Instant::now();
                    let error = self.in_channel(session).await;
                    if begun.elapsed() > GOOD {
                        attempts = 0;
                    }
                    error
                }
                Err(error) => error,
            };
            self.trouble(&error.what, error.remedy);
            attempts += 1;
            // Servers count how often somebody comes.
            sleep(self.pause(error.trouble, attempts + 1)).await;
        }
    }

    async fn in_channel(&self, mut session: Session) -> IrcError {
        loop {
            if let Err(error) = session.stay(LOOK).await {
                return error;
            }
            match self.say_due(&mut session).await {
                Ok(None) => {}
                Ok(Some(error)) => return error,
                Err(error) => {
                    tracing::debug!(error = format!("{error:#}"), "nothing can be told now");
                    if let Err(error) = session.stay(STORE_AGAIN).await {
                        return error;
                    }
                }
            }
        }
    }

    /// Says what is due; gives why the session ends.
    async fn say_due(&self, session: &mut Session) -> Result<Option<IrcError>> {
        if self.due()?.is_none() {
            return Ok(None);
        }
        // Nothing counts as told on a line that is dead already.
        if let Err(error) = session.answers().await {
            return Ok(Some(error));
        }
        let Some(matters) = self.due()? else {
            return Ok(None);
        };
        let store = &self.telling.parts.store;
        let lines = self.message(&matters).lines(Markup::Plain, IRC_LINES);
        let keys: Vec<String> = matters.into_iter().map(|matter| matter.key).collect();
        let alert = store.begin_alert(&self.name, &keys, self.now())?;
        Ok(match session.say(&lines).await {
            Said::Taken => {
                tracing::info!(channel = self.name, things = keys.len(), "people were told");
                None
            }
            Said::Refused(error) => {
                store.take_back_alert(alert)?;
                Some(error)
            }
            Said::Unclear(error) => Some(error),
        })
    }
}
