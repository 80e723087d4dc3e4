//! Filing a build, beside the service or without it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use super::{Settings, build};
use crate::config::{Config, Environment, Outgoing, Secrets};
use crate::desk::filing::{Filing, NotFiled, Taken};
use crate::store::{Store, lock_daemon};
use crate::worker;

/// Reads the build at an address and takes it in, in the name of `who`. Where no
/// service runs on the store, it is matched and drafted as well.
///
/// # Errors
///
/// Why not; nothing was stored.
pub fn file_build(settings: &Settings, address: &str, who: &str) -> Result<Taken, NotFiled> {
    let config = &settings.config;
    // Nothing leaves here: no secret of the mail server is needed.
    let outgoing = Outgoing::Maildir {
        path: config.store.state_dir.join("nothing-leaves"),
        sender: config.outgoing.sender().clone(),
    };
    let settings = Settings {
        config: Config {
            outgoing,
            ..config.clone()
        },
        secrets: settings.secrets.clone(),
        environment: settings.environment.clone(),
    };
    let folder = &settings.config.store.state_dir;
    let store = Store::open(&build::database(&settings.config))?;
    let parts = build::parts_of(&settings, store)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let filed = runtime.block_on(async {
        let taken = worker::file(&parts, address, who).await?;
        // A service would do it as well, and only one may.
        if let (Taken::New(id), Ok(_lock)) = (taken, lock_daemon(folder)) {
            worker::draft_filed(&parts, id).await?;
        }
        Ok(taken)
    });
    // A resolver that hangs in a thread of its own must not hold up the answer.
    runtime.shutdown_background();
    filed
}

/// The same for the page: one after the other, however many ask.
pub(super) fn filing_of(config: &Config, secrets: Secrets) -> Filing {
    let settings = Mutex::new(Settings {
        config: config.clone(),
        secrets,
        environment: Environment::of_process(),
    });
    Arc::new(move |address: &str, who: &str| {
        let settings = settings.lock().unwrap_or_else(PoisonError::into_inner);
        file_build(&settings, address, who)
    })
}
