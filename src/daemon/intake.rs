//! Mails come in: from the mailbox into the store, each once.

mod disk;
mod imap;

use anyhow::Result;

use super::{Control, Settings};
use crate::config::{Config, Imap, Mailbox};
use crate::domain::Seconds;
use crate::parsing::mime;
use crate::store::{IncomingMail, Store, Taken};
use crate::worker::Parts;

pub use disk::History;
pub(super) use disk::{number, take_in_once};

/// Watches the mailbox for as long as the service runs.
///
/// # Errors
///
/// Only the store's. A mailbox that cannot be reached is tried again and again.
pub(super) async fn watch(settings: &Settings, parts: &Parts, control: &Control) -> Result<()> {
    match &settings.config.mailbox {
        Mailbox::Imap(_) => {
            let own = imap::watch(settings, (parts, control), Folder::Notices);
            match with_answers(settings) {
                None => own.await,
                Some(other) => {
                    let answers = imap::watch(&other, (parts, control), Folder::Answers);
                    tokio::try_join!(own, answers).map(|_| ())
                }
            }
        }
        Mailbox::Maildir { .. } | Mailbox::Mbox { .. } => {
            disk::watch(&settings.config, parts, control).await
        }
    }
}

/// Which of a mailbox's folders is watched: the one of `[mailbox]`, which everything
/// comes to, or a further one that answers are filtered into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folder {
    Notices,
    Answers,
}

/// The same settings with the folder of answers in place of the mailbox's own; `None`
/// if there is no such folder.
fn with_answers(settings: &Settings) -> Option<Settings> {
    let folder = settings.config.approvers.as_ref()?.folder.clone()?;
    let Mailbox::Imap(imap) = &settings.config.mailbox else {
        return None;
    };
    let mailbox = Mailbox::Imap(Imap {
        folder,
        ..imap.clone()
    });
    Some(Settings {
        config: Config {
            mailbox,
            ..settings.config.clone()
        },
        secrets: settings.secrets.clone(),
        environment: settings.environment.clone(),
    })
}

/// What a mailbox is called in the store.
pub fn mailbox_name(mailbox: &Mailbox) -> String {
    match mailbox {
        Mailbox::Imap(config) => format!(
            "imap://{}@{}:{}/{}",
            config.login.user, config.host, config.port, config.folder
        ),
        Mailbox::Maildir { path, .. } => format!("maildir:{}", path.display()),
        Mailbox::Mbox { path, .. } => format!("mbox:{}", path.display()),
    }
}

/// What a mailbox is called in the log: without the account, which may be an address.
fn mailbox_label(mailbox: &Mailbox) -> String {
    match mailbox {
        Mailbox::Imap(config) => format!("{} on {}", config.folder, config.host),
        Mailbox::Maildir { path, .. } | Mailbox::Mbox { path, .. } => path.display().to_string(),
    }
}

/// A mail as it was found, wherever that was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) mailbox: &'a str,
    pub(super) uidvalidity: i64,
    pub(super) uid: i64,
    /// The first UID that was not looked at after this one.
    pub(super) uidnext: i64,
    pub(super) raw: &'a [u8],
    pub(super) truncated: bool,
}

/// Stores a mail with the cursor behind it, in one transaction (I1).
pub(super) fn take_in(store: &Store, found: &Found<'_>, now: Seconds) -> Result<Taken> {
    // The mail is taken apart by the worker, which counts its attempts (I16).
    let message_id = mime::message_id(found.raw);
    let taken = store.take_in(
        &IncomingMail {
            mailbox: found.mailbox,
            uidvalidity: found.uidvalidity,
            uid: found.uid,
            content_key: &mime::content_key(found.raw),
            message_id: message_id.as_deref(),
            raw: found.raw,
            truncated: found.truncated,
        },
        found.uidnext,
        now,
    )?;
    match taken {
        Taken::New(id) => tracing::info!(notification = %id, uid = found.uid, "a mail came in"),
        Taken::Known(id) => {
            tracing::debug!(notification = %id, uid = found.uid, "the mail was here before");
        }
        Taken::Conflict(id) => {
            tracing::warn!(notification = %id, uid = found.uid,
                "another mail with the same Message-ID and other content; it is kept for a person to compare");
        }
    }
    Ok(taken)
}

/// A mail that the server cannot give is laid aside under a name of its own, so
/// that it is accounted for and does not stand in the way of others (I1, I16).
fn give_up(store: &Store, found: &Found<'_>, why: &str, now: Seconds) -> Result<()> {
    let key = format!(
        "unfetchable {} {} {}",
        found.mailbox, found.uidvalidity, found.uid
    );
    let mail = IncomingMail {
        mailbox: found.mailbox,
        uidvalidity: found.uidvalidity,
        uid: found.uid,
        content_key: &key,
        message_id: None,
        raw: &[],
        truncated: true,
    };
    if let Taken::New(id) = store.take_in(&mail, found.uidnext, now)? {
        tracing::error!(notification = %id, uid = found.uid, why, "a mail cannot be fetched and is laid aside");
        store.quarantine(id, &format!("it cannot be fetched: {why}"), now)?;
    }
    Ok(())
}
