//! A disk that takes nothing for a while: the service waits, it does not end.

use std::path::Path;
use std::time::Duration;

use anyhow::{Error, Result};
use tokio::time::sleep;

use super::Loops;
use super::signals::{Signal, Signals};
use super::systemd;
use crate::store::{disk_trouble, is_disk_trouble};
use crate::worker;

/// How often it is looked whether there is room again.
const LOOK: Duration = Duration::from_secs(5);

/// Loops that ran for this long had a disk that takes data.
const GOOD: Duration = Duration::from_secs(60);

/// With less room than this a disk counts as full, in octets.
const LEAST_ROOM: u64 = 1024 * 1024;

/// What was told of the disk under the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    is_told: bool,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// With the loops as they are: what they were at is done again.
    GoOn,
    /// The service was told to end.
    End,
}

impl Disk {
    /// As far as is known.
    pub(super) const fn good() -> Self {
        Self { is_told: false }
    }

    /// The loops ran for so long before it did not take what they wrote.
    pub(super) fn was_good_for(&mut self, length: Duration) {
        self.is_told &= length < GOOD;
    }

    /// Waits until the disk takes data again. What was being delivered when it did
    /// not is in doubt, as after a crash.
    ///
    /// # Errors
    ///
    /// The error itself, if the disk is not its cause or the loops were to end.
    pub(super) async fn outlast(
        &mut self,
        loops: &Loops,
        error: Error,
        signals: &mut Signals,
    ) -> Result<After> {
        let folder = &loops.settings.config.store.state_dir;
        let Some((what, remedy)) = disk_trouble(&error, folder) else {
            return Err(error);
        };
        if loops.control.stopping.get() {
            return Err(error);
        }
        if !self.is_told {
            let why = format!("{error:#}");
            tracing::error!(what, remedy, why, "the service waits for its disk");
            self.is_told = true;
        }
        systemd::tell_status(&what);
        let mut pings = std::pin::pin!(systemd::watchdog(|| Duration::ZERO));
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = &mut pings => {}
                signal = signals.next() => match signal {
                    Signal::Terminate => {
                        systemd::tell_stopping();
                        return Ok(After::End);
                    }
                    Signal::Reload => {
                        tracing::warn!(what, "the configuration is not read again now");
                    }
                },
            }
            if is_full(folder) {
                continue;
            }
            match worker::wake(&loops.parts) {
                Ok(()) => break,
                Err(error) if is_disk_trouble(&error) => {}
                Err(error) => return Err(error),
            }
        }
        tracing::info!("the service goes on: its disk has room");
        Ok(After::GoOn)
    }
}

/// Whether there is next to no room; what cannot be told is tried.
#[cfg(unix)]
pub fn is_full(folder: &Path) -> bool {
    let Ok(about) = rustix::fs::statvfs(folder) else {
        return false;
    };
    about.f_bavail.saturating_mul(about.f_frsize) < LEAST_ROOM
}

/// Whether there is next to no room.
#[cfg(not(unix))]
pub fn is_full(_folder: &Path) -> bool {
    false
}
