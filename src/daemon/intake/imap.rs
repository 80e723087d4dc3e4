//! From an IMAP mailbox: connect, catch up, wait, again and again.
//!
//! ```text
//! connect -> open (FirstStart | Fetch | Rescan) -> reconcile -> fetch new -> IDLE -> fetch new ...
//!    ^                                                                        |
//!    +------------------- back-off <------------- anything broke <------------+
//! ```

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{Folder, Found, give_up, mailbox_label, mailbox_name, take_in};
use crate::daemon::{Control, Settings, build};
use crate::domain::Seconds;
use crate::domain::backoff::{Trouble, backoff};
use crate::domain::mailbox::{AfterFailure, Cursor, FetchFailure, FetchTries, Plan, missing, plan};
use crate::imap::{self, Fetching, IDLE_AT_MOST, ImapError, ImapSettings, Session, Woken};
use crate::store::{MailboxCursor, Service, Store, Taken};
use crate::worker::Parts;

/// While it waits, the loop says this often that it is alive.
const BEAT: Duration = Duration::from_secs(20);

/// Mails that came to the mailbox more than this before the first start are
/// history also after their UIDs changed. Servers' clocks and days differ.
const DAY: Seconds = 86_400;

/// Why one connection ended.
enum Ended {
    /// The mailbox, the network, the server: try again.
    Mailbox(ImapError),
    /// What reaching it needs cannot be had: a certificate file, a secret.
    Settings(anyhow::Error),
    /// The store: nothing can go on.
    Store(anyhow::Error),
}

impl From<ImapError> for Ended {
    fn from(error: ImapError) -> Self {
        Self::Mailbox(error)
    }
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Store(error)
    }
}

/// Whether a mailbox is as it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    AsBefore,
    /// The first time, or its UIDs mean something else than before.
    Anew,
}

/// One mailbox over all its connections.
struct Watch<'a> {
    settings: &'a Settings,
    name: String,
    /// The same for people, without the account.
    label: String,
    reconcile_every: Seconds,
    parts: &'a Parts,
    control: &'a Control,
    folder: Folder,
    tries: FetchTries,
    failures: u32,
}

/// Watches for ever; an error is the store's.
pub(super) async fn watch(
    settings: &Settings,
    (parts, control): (&Parts, &Control),
    folder: Folder,
) -> Result<()> {
    let every = settings.config.limits.reconcile_every.as_secs();
    let mut watch = Watch {
        settings,
        name: mailbox_name(&settings.config.mailbox),
        label: mailbox_label(&settings.config.mailbox),
        reconcile_every: Seconds::try_from(every).unwrap_or(Seconds::MAX),
        parts,
        control,
        folder,
        tries: FetchTries::new(),
        failures: 0,
    };
    loop {
        watch.beat();
        let Err(ended) = watch.connection().await;
        let trouble = match ended {
            Ended::Store(error) => return Err(error),
            Ended::Mailbox(error) => {
                watch.tell(&error.to_string(), error.remedy(), error.trouble())
            }
            Ended::Settings(error) => {
                let remedy = "`buildbot-watch check` tells more.";
                watch.tell(&format!("{error:#}"), remedy, Trouble::Refused)
            }
        };
        let trouble = trouble?;
        watch.pause(trouble).await;
    }
}

impl Watch<'_> {
    /// One connection, from the greeting until something breaks.
    async fn connection(&mut self) -> Result<std::convert::Infallible, Ended> {
        let settings = self.imap_settings()?;
        let mut session = imap::connect(&settings).await?;
        self.open(&mut session).await?;
        self.reconcile(&mut session).await?;
        // Not before: a server that lets us in and then breaks off is not well.
        if self.failures > 0 {
            tracing::info!(mailbox = self.label, "the mailbox is back");
        }
        self.failures = 0;
        self.store().clear_trouble(self.service())?;
        loop {
            self.fetch_new(&mut session).await?;
            self.beat();
            match session.idle(IDLE_AT_MOST.min(settings.timeouts.poll)).await {
                Woken::NewMail => {}
                Woken::Disconnected(error) => return Err(error.into()),
                Woken::TimedOut => {
                    // A mailbox that was made anew meanwhile is seen here.
                    session.reopen().await?;
                    if self.open(&mut session).await? == Opened::Anew || self.reconcile_is_due()? {
                        self.reconcile(&mut session).await?;
                    }
                }
            }
        }
    }

    fn imap_settings(&self) -> Result<ImapSettings, Ended> {
        match build::imap_of(self.settings) {
            Ok(Some(settings)) => Ok(settings),
            Ok(None) => Err(Ended::Settings(anyhow::anyhow!(
                "the mailbox is not an IMAP one"
            ))),
            Err(error) => Err(Ended::Settings(error)),
        }
    }

    fn beat(&self) {
        self.control.beat_intake(self.folder);
    }

    fn service(&self) -> Service {
        match self.folder {
            Folder::Notices => Service::Mailbox,
            Folder::Answers => Service::Answers,
        }
    }

    fn store(&self) -> &Store {
        &self.parts.store
    }

    fn now(&self) -> Seconds {
        self.parts.clock.now()
    }

    /// Compares what the server says with the stored cursor (I3).
    async fn open(&self, session: &mut Session) -> Result<Opened, Ended> {
        let selected = session.selected();
        let stored = self.store().cursor(&self.name)?;
        match plan(stored.as_ref().and_then(cursor_of).as_ref(), &selected) {
            Plan::Fetch { .. } => Ok(Opened::AsBefore),
            Plan::FirstStart { cursor } => {
                tracing::info!(
                    mailbox = self.label,
                    mails = selected.exists,
                    "first start: the mails that are there are history; `replay` takes them in"
                );
                self.store().start_mailbox(
                    &self.name,
                    i64::from(cursor.uidvalidity),
                    i64::from(cursor.uidnext),
                    self.now(),
                )?;
                Ok(Opened::Anew)
            }
            Plan::Rescan { anomaly, cursor } => {
                let started_at = stored.map_or_else(|| self.now(), |stored| stored.started_at);
                let history = session.uids_before(started_at - DAY).await?;
                tracing::warn!(
                    mailbox = self.label,
                    why = anomaly.to_string(),
                    mails = selected.exists,
                    history = history.len(),
                    "looking at every mail again"
                );
                let history: Vec<i64> = history.into_iter().map(i64::from).collect();
                let validity = i64::from(cursor.uidvalidity);
                self.store()
                    .restart_mailbox(&self.name, validity, &history)?;
                Ok(Opened::Anew)
            }
        }
    }

    fn cursor(&self) -> Result<(MailboxCursor, Cursor)> {
        let stored = self.store().cursor(&self.name)?;
        stored
            .and_then(|stored| cursor_of(&stored).map(|cursor| (stored, cursor)))
            .ok_or_else(|| anyhow::anyhow!("the mailbox {} has no cursor", self.name))
    }

    async fn fetch_new(&mut self, session: &mut Session) -> Result<(), Ended> {
        let (_, cursor) = self.cursor()?;
        for uid in session.uids_from(cursor.uidnext).await? {
            self.take(session, uid).await?;
        }
        Ok(())
    }

    fn reconcile_is_due(&self) -> Result<bool> {
        let (stored, _) = self.cursor()?;
        let since = stored.reconciled_at.unwrap_or(0);
        Ok(self.now().saturating_sub(since) >= self.reconcile_every)
    }

    /// Looks for mails that are in the mailbox and not in the store: at start,
    /// from time to time, after anything odd (I1).
    async fn reconcile(&mut self, session: &mut Session) -> Result<(), Ended> {
        let (stored, cursor) = self.cursor()?;
        let first = u32::try_from(stored.first_uid).unwrap_or(1);
        let known = self.store().known_uids(&self.name, stored.uidvalidity)?;
        let known = known
            .iter()
            .filter_map(|uid| u32::try_from(*uid).ok())
            .collect();
        let there = session.uids_from(first).await?;
        for uid in missing(there, &known, first) {
            if uid < cursor.uidnext {
                tracing::warn!(mailbox = self.label, uid, "a mail had been missed");
            }
            self.take(session, uid).await?;
        }
        let (_, cursor) = self.cursor()?;
        let cursor = cursor.caught_up(&session.selected());
        let (validity, next) = (i64::from(cursor.uidvalidity), i64::from(cursor.uidnext));
        self.store().save_cursor(&self.name, validity, next)?;
        self.store().mark_reconciled(&self.name, self.now())?;
        // What left before, and who answered it, is told by the list's copies.
        if self.folder == Folder::Notices && !self.parts.caught_up.replace(true) {
            self.control.wake.notify_one();
        }
        Ok(())
    }

    async fn take(&mut self, session: &mut Session, uid: u32) -> Result<(), Ended> {
        self.beat();
        let (stored, cursor) = self.cursor()?;
        let found = Found {
            mailbox: &self.name,
            uidvalidity: stored.uidvalidity,
            uid: i64::from(uid),
            uidnext: i64::from(cursor.past(uid).uidnext),
            raw: &[],
            truncated: false,
        };
        match session.fetch(uid).await {
            Ok(Fetching::Mail(mail)) => {
                let (raw, truncated) = (mail.raw.as_slice(), mail.truncated);
                let found = Found {
                    raw,
                    truncated,
                    ..found
                };
                let taken = take_in(self.store(), &found, self.now())?;
                self.tries.settled(uid);
                if matches!(taken, Taken::New(_)) {
                    self.control.wake.notify_one();
                }
                Ok(())
            }
            Ok(Fetching::Gone) => {
                self.store()
                    .pass_over(&self.name, stored.uidvalidity, &[found.uid])?;
                Ok(())
            }
            Err(error) => {
                let failure = match error {
                    ImapError::Unreadable { .. } | ImapError::Refused { .. } => {
                        FetchFailure::Unreadable
                    }
                    _ => FetchFailure::ConnectionLost,
                };
                if self.tries.failed(uid, failure) == AfterFailure::GiveUp {
                    give_up(self.store(), &found, &error.to_string(), self.now())?;
                }
                Err(error.into())
            }
        }
    }

    /// Tells people once, and those who look closer every time (I18).
    fn tell(&mut self, why: &str, remedy: &str, trouble: Trouble) -> Result<Trouble> {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= 3 || trouble == Trouble::Refused {
            let words = format!("{why}. {remedy}");
            self.store()
                .note_trouble(self.service(), &words, self.now())?;
        }
        match (self.failures, trouble) {
            // Servers end idle connections; that alone is nothing to tell.
            (1, Trouble::Away) => tracing::info!(mailbox = self.label, why, "connecting again"),
            (1, Trouble::Refused) | (3, Trouble::Away) => {
                tracing::warn!(
                    mailbox = self.label,
                    why,
                    remedy,
                    "the mailbox cannot be read"
                );
            }
            _ => tracing::debug!(
                mailbox = self.label,
                why,
                "the mailbox still cannot be read"
            ),
        }
        Ok(trouble)
    }

    async fn pause(&self, trouble: Trouble) {
        let random = (self.parts.chance() * 1023.0) as u64;
        let mut left = backoff(trouble, self.failures, random);
        let begun = Instant::now();
        let whole = left;
        while !left.is_zero() {
            self.beat();
            sleep(left.min(BEAT)).await;
            left = whole.saturating_sub(begun.elapsed());
        }
    }
}

fn cursor_of(stored: &MailboxCursor) -> Option<Cursor> {
    Some(Cursor {
        uidvalidity: u32::try_from(stored.uidvalidity).ok()?,
        uidnext: u32::try_from(stored.uidnext).ok()?,
    })
}
