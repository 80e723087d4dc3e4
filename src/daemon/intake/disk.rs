//! From a Maildir or an mbox file, by looking from time to time.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use ring::digest;
use tokio::time::sleep;

use super::{Folder, Found, mailbox_label, mailbox_name, take_in};
use crate::config::{Config, Mailbox};
use crate::daemon::Control;
use crate::maildir::{FileMail, Limits, Maildir, Mbox};
use crate::parsing::mime;
use crate::store::{Service, Store, Taken};
use crate::worker::Parts;

/// A mailbox on disk has no UIDVALIDITY: its mails are known by name or content.
const UIDVALIDITY: i64 = 1;

/// What becomes of mails that were there before the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// They are passed over (I3).
    PassOver,
    /// They are taken in.
    TakeIn,
}

/// Looks again and again; an error is the store's.
pub(super) async fn watch(config: &Config, parts: &Parts, control: &Control) -> Result<()> {
    let label = mailbox_label(&config.mailbox);
    let mut look = Look {
        config,
        parts,
        history: History::PassOver,
        mbox: Some(MboxFile::new()),
    };
    let mut told = false;
    loop {
        control.beat_intake(Folder::Notices);
        let Looked { new, trouble } = look.now()?;
        let is_first = trouble.is_none() && !parts.caught_up.replace(true);
        if new > 0 || is_first {
            control.wake.notify_one();
        }
        match &trouble {
            Some(error) => {
                let (why, now) = (format!("{error:#}"), parts.clock.now());
                parts.store.note_trouble(Service::Mailbox, &why, now)?;
            }
            None => {
                parts.store.clear_trouble(Service::Mailbox)?;
            }
        }
        match trouble {
            Some(error) if !told => {
                let why = format!("{error:#}");
                tracing::warn!(mailbox = label, why, "the mailbox cannot be read");
                told = true;
            }
            None if told => {
                tracing::info!(mailbox = label, "the mailbox is back");
                told = false;
            }
            Some(_) | None => {}
        }
        sleep(config.mailbox.poll()).await;
    }
}

/// Takes in what is there now; gives how many mails were new.
///
/// # Errors
///
/// The mailbox cannot be read, or the store fails.
pub(in crate::daemon) fn take_in_once(
    config: &Config,
    parts: &Parts,
    history: History,
) -> Result<usize> {
    let mut look = Look {
        config,
        parts,
        history,
        mbox: None,
    };
    let looked = look.now()?;
    looked.trouble.map_or(Ok(looked.new), Err)
}

/// What one look came to.
struct Looked {
    /// Mails that were new.
    new: usize,
    /// What could not be read, if anything.
    trouble: Option<anyhow::Error>,
}

/// How a mailbox on disk is looked at.
struct Look<'a> {
    config: &'a Config,
    parts: &'a Parts,
    history: History,
    /// Where an mbox is watched that others write to.
    mbox: Option<MboxFile>,
}

impl Look<'_> {
    /// Looks once; an error is the store's.
    fn now(&mut self) -> Result<Looked> {
        let mailbox = &self.config.mailbox;
        let (Mailbox::Maildir { path, .. } | Mailbox::Mbox { path, .. }) = mailbox else {
            return Ok(Looked {
                new: 0,
                trouble: None,
            });
        };
        let mut shelf = Shelf::open(self.parts, mailbox_name(mailbox), self.history)?;
        if !path.exists() {
            // It is often made by the first mail, which then is no history.
            shelf.start()?;
        }
        let limits = Limits {
            max_size: self.config.limits.max_mail_bytes,
            head_size: crate::daemon::build::HEAD_SIZE,
        };
        let looked = match mailbox {
            Mailbox::Maildir { .. } => look_into_maildir(path, limits, &mut shelf),
            _ => look_into_mbox(path, limits, &mut shelf, self.mbox.as_mut()),
        };
        match looked {
            Ok(()) => shelf.close(),
            Err(Broken::Store(error)) => Err(error),
            Err(Broken::Mailbox(error)) => Ok(Looked {
                new: shelf.new,
                trouble: Some(error),
            }),
        }
    }
}

enum Broken {
    Mailbox(anyhow::Error),
    Store(anyhow::Error),
}

fn look_into_maildir(path: &Path, limits: Limits, shelf: &mut Shelf<'_>) -> Result<(), Broken> {
    let maildir = Maildir::open(path).map_err(Broken::Mailbox)?;
    for entry in maildir.entries().map_err(Broken::Mailbox)? {
        let uid = number(entry.name.as_bytes());
        let mail = || maildir.read(&entry, limits);
        shelf.offer(uid, mail).map_err(Broken::Store)?;
    }
    Ok(())
}

fn look_into_mbox(
    path: &Path,
    limits: Limits,
    shelf: &mut Shelf<'_>,
    file: Option<&mut MboxFile>,
) -> Result<(), Broken> {
    let mut now = None;
    let mut length = u64::MAX;
    if let Some(file) = &file {
        let Some(stamp) = file.may_be_read(path).map_err(Broken::Mailbox)? else {
            shelf.is_left_alone = true;
            return Ok(());
        };
        now = Some(stamp);
        length = stamp.length;
    }
    for mail in Mbox::open_up_to(path, limits, length).map_err(Broken::Mailbox)? {
        let mail = mail.map_err(Broken::Mailbox)?;
        let uid = number(mime::content_key(&mail.raw).as_bytes());
        shelf.offer(uid, || Ok(Some(mail))).map_err(Broken::Store)?;
    }
    if let Some(file) = file {
        file.seen = now;
    }
    Ok(())
}

/// How a file looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    changed_at: SystemTime,
}

/// An mbox file that other programs write to.
struct MboxFile {
    /// When it was read last.
    seen: Option<Stamp>,
}

impl MboxFile {
    /// Who appends a mail does not pause for this long in the middle of it.
    const SETTLED: Duration = Duration::from_secs(3);

    /// A lock file of that age was left behind (as liblockfile has it).
    const STALE: Duration = Duration::from_secs(5 * 60);

    fn new() -> Self {
        Self { seen: None }
    }

    /// What to read, if there is something new and nobody is writing: a mail that
    /// is only half written would be taken for a whole one.
    fn may_be_read(&self, path: &Path) -> Result<Option<Stamp>> {
        let context = || format!("reading {}", path.display());
        let file = path.metadata().with_context(context)?;
        let now = Stamp {
            length: file.len(),
            changed_at: file.modified().with_context(context)?,
        };
        let is_quiet = self.seen != Some(now)
            && !is_younger(now.changed_at, Self::SETTLED)
            && !is_locked(path);
        Ok(is_quiet.then_some(now))
    }
}

/// The lock most delivery agents make: the file's name with `.lock`.
fn is_locked(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let made_at = Path::new(&name).metadata().and_then(|file| file.modified());
    made_at.is_ok_and(|made_at| is_younger(made_at, MboxFile::STALE))
}

/// A time in the future is no time to wait for.
fn is_younger(time: SystemTime, age: Duration) -> bool {
    time.elapsed().is_ok_and(|elapsed| elapsed < age)
}

/// One look at a mailbox on disk.
struct Shelf<'a> {
    store: &'a Store,
    parts: &'a Parts,
    name: String,
    known: std::collections::BTreeSet<i64>,
    /// The mailbox has no cursor yet.
    is_first: bool,
    /// The mails found are history.
    pass_over: bool,
    passed_over: Vec<i64>,
    new: usize,
    /// A mail that could not be read, while others could.
    trouble: Option<anyhow::Error>,
    /// It was not the time to look.
    is_left_alone: bool,
}

impl<'a> Shelf<'a> {
    fn open(parts: &'a Parts, name: String, history: History) -> Result<Self> {
        let store = &parts.store;
        let is_first = store.cursor(&name)?.is_none();
        let known = store.known_uids(&name, UIDVALIDITY)?;
        Ok(Self {
            store,
            parts,
            name,
            known,
            is_first,
            pass_over: is_first && history == History::PassOver,
            passed_over: Vec::new(),
            new: 0,
            trouble: None,
            is_left_alone: false,
        })
    }

    /// Takes a mail in unless it is known; an error is the store's.
    fn offer(&mut self, uid: i64, read: impl FnOnce() -> Result<Option<FileMail>>) -> Result<()> {
        if self.known.contains(&uid) {
            return Ok(());
        }
        if self.pass_over {
            self.passed_over.push(uid);
            return Ok(());
        }
        let mail = match read() {
            Ok(Some(mail)) => mail,
            Ok(None) => return Ok(()),
            // It is tried again at the next look; the others need not wait for it.
            Err(error) => {
                self.trouble.get_or_insert(error);
                return Ok(());
            }
        };
        let found = Found {
            mailbox: &self.name,
            uidvalidity: UIDVALIDITY,
            uid,
            uidnext: 1,
            raw: &mail.raw,
            truncated: mail.truncated,
        };
        let taken = take_in(self.store, &found, self.parts.clock.now())?;
        if matches!(taken, Taken::New(_)) {
            self.new += 1;
        }
        self.known.insert(uid);
        Ok(())
    }

    /// The mailbox begins now, with what was passed over behind it.
    fn start(&mut self) -> Result<()> {
        self.pass_over = false;
        self.is_first = false;
        self.store
            .start_mailbox(&self.name, UIDVALIDITY, 1, self.parts.clock.now())
    }

    fn close(mut self) -> Result<Looked> {
        if self.is_first && !self.is_left_alone {
            self.store
                .pass_over(&self.name, UIDVALIDITY, &self.passed_over)?;
            // Last, so that a look that broke off is still the first one.
            self.start()?;
            tracing::info!(
                mails = self.passed_over.len(),
                "first start: the mails that are there are history; `replay` takes them in"
            );
        }
        Ok(Looked {
            new: self.new,
            trouble: self.trouble,
        })
    }
}

/// 63 bits of a hash: what stands for a UID where there is none.
pub(in crate::daemon) fn number(name: &[u8]) -> i64 {
    let hash = digest::digest(&digest::SHA256, name);
    let first = hash.as_ref().iter().take(8);
    let number = first.fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    i64::try_from(number >> 1).unwrap_or(i64::MAX)
}
