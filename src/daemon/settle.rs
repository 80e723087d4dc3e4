//! Everything that is due, done once and without a service: for the demo, and
//! for taking history in.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Settings, build, intake, lock};
use crate::approvals;
use crate::config::Config;
use crate::maildir::{self, FileMail, Limits};
use crate::parsing::mime;
use crate::store::{Store, Taken};
use crate::worker::{self, Memory, Parts};

pub use super::intake::History;

/// More passes than this mean that something makes itself due again and again.
const MOST_PASSES: usize = 200;

/// Where mails from files are remembered to come from.
const FILES: &str = "files";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Mails that were new.
    pub taken_in: usize,
}

/// Takes in what a mailbox on disk holds and does everything that is due now,
/// deliveries included. No daemon may run on the same store.
///
/// # Errors
///
/// The configuration is wrong, a daemon runs, the mailbox or the store fails.
pub fn settle(path: &Path, history: History) -> Result<Settled> {
    let settings = Settings::load(path)?;
    let _lock = lock(&settings.config)?;
    let store = Store::open(&build::database(&settings.config))?;
    let parts = build::parts_of(&settings, store)?;
    let taken_in = intake::take_in_once(&settings.config, &parts, history)?;
    parts.caught_up.set(true);
    finish(&parts)?;
    Ok(Settled { taken_in })
}

/// Does everything that is due now.
///
/// # Errors
///
/// The store fails.
pub fn finish(parts: &Parts) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        worker::wake(parts)?;
        approvals::wake(parts)?;
        let mut memory = Memory::fresh();
        for _ in 0..MOST_PASSES {
            let next = worker::pass(parts, &mut memory).await?;
            let asked = approvals::pass(parts).await?;
            if asked.map_or(next, |at| at.min(next)) > parts.clock.now() {
                break;
            }
        }
        Ok(())
    })
}

/// One mail of a path that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenFrom {
    /// The file, and which mail in it.
    pub origin: String,
    /// What became of it.
    pub taken: Taken,
}

/// Takes in the mails of a Maildir, an mbox, a folder of `.eml` files or one
/// such file, each as `prepare` hands it back; what it does not hand back is left
/// out. Nothing else is done with them.
///
/// # Errors
///
/// The path cannot be read, or the store fails.
pub fn take_in_path(
    config: &Config,
    parts: &Parts,
    path: &Path,
    mut prepare: impl FnMut(FileMail) -> Option<FileMail>,
) -> Result<Vec<TakenFrom>> {
    let limits = Limits {
        max_size: config.limits.max_mail_bytes,
        head_size: build::HEAD_SIZE,
    };
    let now = parts.clock.now();
    parts.store.start_mailbox(FILES, 1, 1, now)?;
    let mut taken = Vec::new();
    for mail in maildir::replay(path, limits)? {
        let Some(mail) = prepare(mail?) else {
            continue;
        };
        let found = intake::Found {
            mailbox: FILES,
            uidvalidity: 1,
            uid: intake::number(mime::content_key(&mail.raw).as_bytes()),
            uidnext: 1,
            raw: &mail.raw,
            truncated: mail.truncated,
        };
        taken.push(TakenFrom {
            origin: mail.origin,
            taken: intake::take_in(&parts.store, &found, now)?,
        });
    }
    Ok(taken)
}
