//! The service: start, readiness, the two loops, a clean stop.
//!
//! ```text
//! intake   mailbox -> store          one connection, again and again
//! work     store -> everything else  one writer
//! ```
//!
//! Both live on one thread and share the store. The page, if there is one, has a
//! thread and a connection of its own. SIGTERM lets them finish what
//! cannot be broken off, SIGHUP starts them anew with the configuration as it is
//! now. A crash at any point is like a stop: the next start goes on.

mod alerting;
mod build;
mod disk;
mod filing;
mod intake;
mod logging;
mod page;
mod settle;
mod signals;
mod systemd;

use std::cell::Cell;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until};

use crate::approvals;
use crate::config::{Config, Environment, Mistakes, Secrets};
use crate::domain::Seconds;
use crate::store::{DaemonLock, LockRefused, Store, disk_trouble, lock_daemon};
use crate::worker::{self, Memory, Parts};

pub use alerting::{hook_of, irc_of, test_message, webhook_name};
pub use build::{
    ci_of, database, imap_of, names_of, office_of, parts_of, smtp_of, surroundings_of, tracker_of,
};
pub use disk::is_full;
pub use filing::file_build;
pub use intake::mailbox_name;
use page::Page;
pub use page::{serve_page, settings_of};
pub use settle::{History, Settled, TakenFrom, finish, settle, take_in_path};
use signals::{Signal, Signals};

/// What is not done this long after SIGTERM is broken off; it is then in doubt,
/// as after a crash. systemd's limit and the promise are 20 seconds.
const GRACE: Duration = Duration::from_secs(15);

/// How often the work loop looks whether another process decided something.
const LOOK_FOR_DECISIONS: Duration = Duration::from_millis(500);

/// Between two passes there is time for mails to come in, however much is due.
const BREATH: Duration = Duration::from_millis(10);

/// A configuration and the secrets it names.
#[derive(Debug)]
pub struct Settings {
    /// The configuration as meant.
    pub config: Config,
    /// Resolved once; tokens that age are resolved anew where they are used.
    pub secrets: Secrets,
    /// What resolving depends on.
    pub environment: Environment,
}

impl Settings {
    /// Reads the file and its secrets.
    ///
    /// # Errors
    ///
    /// Every mistake of the file and of the secrets, all at once.
    pub fn load(path: &Path) -> Result<Self, Mistakes> {
        let environment = Environment::of_process();
        let (config, secrets) = Config::load(path, &environment)?;
        Ok(Self {
            config,
            secrets,
            environment,
        })
    }
}

/// Runs the service until SIGTERM or SIGINT.
///
/// # Errors
///
/// The configuration is wrong, the store cannot be opened, or another daemon
/// works on it. What goes wrong outside never ends the service.
pub fn run(path: &Path) -> Result<ExitCode> {
    let settings = Settings::load(path)?;
    logging::start(&settings.config.log)?;
    for warning in &settings.config.warnings {
        tracing::warn!("{warning}");
    }
    let _lock = lock(&settings.config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let folder = settings.config.store.state_dir.clone();
    let ended = runtime.block_on(serve(path, settings));
    if let Err(error) = &ended {
        let why = format!("{error:#}");
        match disk_trouble(error, &folder) {
            Some((what, remedy)) => {
                tracing::error!(what, remedy, why, "the service ends");
            }
            None => tracing::error!(why, "the service ends"),
        }
    }
    // A resolver that hangs in a thread of its own must not hold up the end.
    runtime.shutdown_background();
    ended.map(|()| ExitCode::SUCCESS)
}

/// One daemon on one store.
fn lock(config: &Config) -> Result<DaemonLock> {
    let folder = &config.store.state_dir;
    std::fs::create_dir_all(folder).with_context(|| {
        let folder = folder.display();
        format!(
            "the state folder {folder} cannot be made; make it for the user of the service: \
                 install -d -m 700 -o USER {folder}"
        )
    })?;
    // A command that looks whether a daemon runs holds the lock for an instant.
    for _ in 0..10 {
        match lock_daemon(folder) {
            Err(LockRefused::Held { .. }) => std::thread::sleep(Duration::from_millis(100)),
            other => return Ok(other?),
        }
    }
    Ok(lock_daemon(folder)?)
}

async fn serve(path: &Path, settings: Settings) -> Result<()> {
    let mut signals = Signals::listen()?;
    let mut loops = Loops::first(settings)?;
    worker::wake(&loops.parts)?;
    let mut disk = disk::Disk::good();
    loop {
        let begun = Instant::now();
        match loops.run(path, &mut signals).await {
            Ok(None) => break,
            Ok(Some(next)) => loops = next,
            Err(error) => {
                disk.was_good_for(begun.elapsed());
                match disk.outlast(&loops, error, &mut signals).await? {
                    disk::After::GoOn => {}
                    disk::After::End => break,
                }
            }
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// One generation of the two loops, from one reading of the configuration.
struct Loops {
    settings: Settings,
    parts: Parts,
    control: Control,
}

/// How the loops are told to end, and tell that they go on.
#[derive(Debug)]
struct Control {
    stopping: Rc<Cell<bool>>,
    wake: Notify,
    intake_pulse: Cell<Instant>,
    /// Of the loop that watches a folder of answers; none as long as there is none.
    answers_pulse: Cell<Option<Instant>>,
    work_pulse: Rc<Cell<Instant>>,
}

impl Control {
    fn beat_intake(&self, folder: intake::Folder) {
        match folder {
            intake::Folder::Notices => self.intake_pulse.set(Instant::now()),
            intake::Folder::Answers => self.answers_pulse.set(Some(Instant::now())),
        }
    }

    /// How long ago the loop that was heard of least lately made progress.
    fn oldest_pulse(&self) -> Duration {
        let work = self.work_pulse.get().elapsed();
        let answers = self.answers_pulse.get().map(|at| at.elapsed());
        work.max(self.intake_pulse.get().elapsed())
            .max(answers.unwrap_or_default())
    }

    fn ask_to_stop(&self) {
        self.stopping.set(true);
        self.wake.notify_one();
    }
}

impl Loops {
    fn first(settings: Settings) -> Result<Self> {
        let store = Store::open(&database(&settings.config))?;
        let parts = parts_of(&settings, store)?;
        Ok(Self::with(settings, parts))
    }

    fn with(settings: Settings, parts: Parts) -> Self {
        let control = Control {
            stopping: Rc::clone(&parts.stopping),
            wake: Notify::new(),
            intake_pulse: Cell::new(Instant::now()),
            answers_pulse: Cell::new(None),
            work_pulse: Rc::clone(&parts.pulse),
        };
        Self {
            settings,
            parts,
            control,
        }
    }

    /// Runs until a signal; gives the loops to go on with after SIGHUP.
    async fn run(&self, path: &Path, signals: &mut Signals) -> Result<Option<Self>> {
        let _page = Page::start(&self.settings)?;
        approvals::wake(&self.parts)?;
        systemd::tell_ready(&self.settings.config);
        tracing::info!(
            list = self.settings.config.list.id,
            tracker = self.parts.tracker.name(),
            version = env!("CARGO_PKG_VERSION"),
            "ready"
        );
        let mut loops = std::pin::pin!(async {
            tokio::select! {
                ended = self.work() => ended,
                never = intake::watch(&self.settings, &self.parts, &self.control) => never,
                never = alerting::tell(&self.settings, &self.parts) => never,
                () = systemd::watchdog(|| self.control.oldest_pulse()) => Ok(()),
            }
        });
        let mut next = None;
        let mut broken_off_at = None;
        loop {
            tokio::select! {
                ended = &mut loops => {
                    ended?;
                    return Ok(next);
                }
                signal = signals.next() => match signal {
                    Signal::Terminate => {
                        systemd::tell_stopping();
                        next = None;
                        broken_off_at.get_or_insert_with(|| tokio::time::Instant::now() + GRACE);
                        self.control.ask_to_stop();
                    }
                    Signal::Reload if broken_off_at.is_some() => {}
                    // What is under way is not broken off for this.
                    Signal::Reload => if let Some(renewed) = self.renewed(path) {
                        next = Some(renewed);
                        self.control.ask_to_stop();
                    },
                },
                () = passed(broken_off_at) => {
                    tracing::warn!("something took too long to stop and was broken off; the next start finds out what became of it");
                    return Ok(None);
                }
            }
        }
    }

    /// The loops of the configuration as it is now. Whatever is wrong with it,
    /// the old one stays.
    fn renewed(&self, path: &Path) -> Option<Self> {
        let settings = match Settings::load(path) {
            Ok(settings) => settings,
            Err(mistakes) => {
                tracing::error!(
                    "the configuration is not taken over, the old one stays:\n{mistakes}"
                );
                return None;
            }
        };
        match self.prepare(settings) {
            Ok(next) => {
                tracing::info!("the configuration was read again");
                Some(next)
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::error!(
                    why,
                    "the configuration is not taken over, the old one stays"
                );
                None
            }
        }
    }

    fn prepare(&self, settings: Settings) -> Result<Self> {
        let (old, new) = (&self.settings.config, &settings.config);
        // The lock is on the old one.
        ensure!(
            old.store == new.store,
            "[store] state_dir is another; that needs a restart"
        );
        if old.log != new.log {
            tracing::warn!("what changed in [log] needs a restart");
        }
        for warning in &new.warnings {
            tracing::warn!("{warning}");
        }
        let store = Store::open(&database(new))?;
        // A broken file keeps what was in use before.
        let mut templates = self.parts.templates.clone();
        build::tell(&templates.reload_from(new.drafts.templates.as_deref()));
        let parts = build::parts_with(&settings, store, templates)?;
        Ok(Self::with(settings, parts))
    }

    /// The work loop; ends when told to.
    async fn work(&self) -> Result<()> {
        let mut memory = Memory::fresh();
        let mut seen = None;
        let mut deadline = None;
        while !self.control.stopping.get() {
            self.parts.beat();
            let version = self.parts.store.data_version()?;
            let now = self.parts.clock.now();
            let is_due = deadline.is_none_or(|at: Seconds| at <= now);
            if is_due || seen != Some(version) {
                let next = worker::pass(&self.parts, &mut memory).await?;
                let asked = approvals::pass(&self.parts).await?;
                deadline = Some(asked.map_or(next, |at| at.min(next)));
                // The one from before the pass: a decision during it counts.
                seen = Some(version);
            }
            let is_due = deadline.is_none_or(|at: Seconds| at <= self.parts.clock.now());
            let pause = if is_due { BREATH } else { LOOK_FOR_DECISIONS };
            tokio::select! {
                // New mail: our own connection wrote it, which data_version does
                // not show.
                () = self.control.wake.notified() => deadline = None,
                () = sleep(pause) => {}
            }
        }
        Ok(())
    }
}

/// Waits for a time, or for ever.
async fn passed(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_loop_alone_does_not_keep_the_watchdog_quiet() {
        let long_ago = Instant::now() - Duration::from_secs(3600);
        let now = Instant::now();
        for (work, intake, answers) in [
            (long_ago, now, None),
            (now, long_ago, Some(now)),
            (now, now, Some(long_ago)),
        ] {
            let control = Control {
                stopping: Rc::new(Cell::new(false)),
                wake: Notify::new(),
                intake_pulse: Cell::new(intake),
                answers_pulse: Cell::new(answers),
                work_pulse: Rc::new(Cell::new(work)),
            };
            assert!(control.oldest_pulse() >= Duration::from_secs(3600));
            control.beat_intake(intake::Folder::Notices);
            control.beat_intake(intake::Folder::Answers);
            control.work_pulse.set(Instant::now());
            assert!(control.oldest_pulse() < Duration::from_secs(60));
        }
    }
}
