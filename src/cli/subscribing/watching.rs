//! The mailbox, looked at beside the service: nothing in it is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use crate::cli::refusal::Refusal;
use crate::domain::Seconds;
use crate::domain::mail::Mail;
use crate::domain::mailbox::Selected;
use crate::imap::{self, Fetching, ImapError, ImapSettings, Session};
use crate::parsing::mime::{self, Completeness};
use crate::store::Subscription;

/// A connection that broke is made anew after so long.
const CONNECT_AGAIN: Duration = Duration::from_secs(5);

/// After so many connections that broke one after the other it is given up.
const MOST_FAILURES: u32 = 5;

/// Servers' clocks and days differ.
const DAY: Seconds = 86_400;

/// One mail, and as it is understood.
pub(super) struct Seen {
    pub(super) mail: Mail,
    pub(super) raw: Vec<u8>,
}

/// The folder that is watched, over all connections.
pub(super) struct Watched {
    settings: ImapSettings,
    session: Option<Session>,
    selected: Selected,
    /// What was looked at: UIDVALIDITY and UID.
    seen: BTreeSet<(u32, u32)>,
    failures: u32,
}

impl Watched {
    /// Connects.
    pub(super) async fn open(settings: ImapSettings) -> Result<Self> {
        let session = imap::connect(&settings).await.map_err(told)?;
        Ok(Self {
            selected: session.selected(),
            settings,
            session: Some(session),
            seen: BTreeSet::new(),
            failures: 0,
        })
    }

    /// The folder when it was last opened.
    pub(super) const fn selected(&self) -> Selected {
        self.selected
    }

    /// What came since a request was begun and was not looked at yet; nothing while
    /// the connection is broken.
    pub(super) async fn new_mails(&mut self, since: &Subscription) -> Result<Vec<Seen>> {
        match self.fetch_new(since).await {
            Ok(mails) => {
                self.failures = 0;
                Ok(mails)
            }
            Err(error) => {
                self.session = None;
                self.failures += 1;
                if self.failures >= MOST_FAILURES {
                    return Err(told(error));
                }
                tokio::time::sleep(CONNECT_AGAIN).await;
                Ok(Vec::new())
            }
        }
    }

    async fn fetch_new(&mut self, since: &Subscription) -> Result<Vec<Seen>, ImapError> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => imap::connect(&self.settings).await?,
        };
        self.selected = session.selected();
        let validity = self.selected.uidvalidity;
        let mut mails = Vec::new();
        for uid in uids_since(&mut session, since).await? {
            if self.seen.contains(&(validity, uid)) {
                continue;
            }
            if let Fetching::Mail(fetched) = session.fetch(uid).await? {
                let completeness = match fetched.truncated {
                    true => Completeness::CutOff,
                    false => Completeness::Whole,
                };
                // One that breaks the reader is no mail of the list's.
                if let Ok(mail) = mime::parse(&fetched.raw, completeness) {
                    let raw = fetched.raw;
                    mails.push(Seen { mail, raw });
                }
            }
            self.seen.insert((validity, uid));
        }
        self.session = Some(session);
        Ok(mails)
    }

    /// Waits for mail, at most so long.
    pub(super) async fn wait(&mut self, at_most: Duration) {
        if let Some(session) = &mut self.session {
            // One that broke is noticed by the next look.
            let _ = session.idle(at_most).await;
        }
    }
}

/// The mails that came after a request was begun. Where UIDs mean something else than
/// then, those that the server took in on its day or later.
async fn uids_since(session: &mut Session, since: &Subscription) -> Result<Vec<u32>, ImapError> {
    if i64::from(session.selected().uidvalidity) == since.uidvalidity {
        let first = u32::try_from(since.uidnext).unwrap_or(1);
        return session.uids_from(first).await;
    }
    let before = session.uids_before(since.begun_at - DAY).await?;
    let all = session.uids_from(1).await?;
    Ok(all
        .into_iter()
        .filter(|uid| !before.contains(uid))
        .collect())
}

fn told(error: ImapError) -> anyhow::Error {
    let what = format!("the mailbox cannot be read: {error}");
    Refusal::new(what, error.remedy()).into()
}
