//! What the services around the program last failed with, and what the disk
//! under the database does.

use std::path::Path;

use anyhow::{Error, Result};
use rusqlite::{ErrorCode, ffi, params};

use super::Store;
use crate::domain::Seconds;
use crate::domain::untrusted::plain_line;

/// Longer words are cut, in characters.
pub(super) const WORDS_CHARS: usize = 500;

/// A service the program depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Where notifications come from.
    Mailbox,
    /// Where approvers' answers come to, if that is a folder of its own.
    Answers,
    /// Where replies leave.
    Outgoing,
    /// Where bug reports are.
    Tracker,
    /// Where logs are.
    Ci,
}

impl Service {
    /// Its name in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Answers => "answers",
            Self::Outgoing => "outgoing",
            Self::Tracker => "tracker",
            Self::Ci => "ci",
        }
    }
}

/// A service that failed the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTrouble {
    /// [`Service::name`], or that of a channel on which people are told.
    pub service: String,
    /// What it failed with last, one line.
    pub words: String,
    /// Since when it fails.
    pub since: Seconds,
}

impl Store {
    /// A service failed. Keeps since when, and the last words only. Says whether it
    /// worked before.
    pub fn note_trouble(&self, service: Service, words: &str, now: Seconds) -> Result<bool> {
        let is_known: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM service_troubles WHERE service = ?1)")?
            .query_row([service.name()], |row| row.get(0))?;
        self.connection
            .prepare_cached(
                "INSERT INTO service_troubles (service, words, since) VALUES (?1, ?2, ?3)
                 ON CONFLICT (service) DO UPDATE SET words = excluded.words
                 WHERE words <> excluded.words",
            )?
            .execute(params![service.name(), plain_line(words, WORDS_CHARS), now])?;
        Ok(!is_known)
    }

    /// A service answered as it should. Says whether it failed before.
    pub fn clear_trouble(&self, service: Service) -> Result<bool> {
        let cleared = self
            .connection
            .prepare_cached("DELETE FROM service_troubles WHERE service = ?1")?
            .execute([service.name()])?;
        Ok(cleared > 0)
    }

    /// The services that failed the last time, by name.
    pub fn troubles(&self) -> Result<Vec<ServiceTrouble>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT service, words, since FROM service_troubles
             UNION ALL
             SELECT target, words, since FROM alert_troubles
             ORDER BY service",
        )?;
        let troubles = statement.query_map([], |row| {
            Ok(ServiceTrouble {
                service: row.get(0)?,
                words: row.get(1)?,
                since: row.get(2)?,
            })
        })?;
        Ok(troubles.collect::<Result<_, _>>()?)
    }
}

/// What the disk under a database does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Full,
    Broken,
    ReadOnly,
    Closed,
}

impl Disk {
    fn of(error: &Error) -> Option<Self> {
        let error = error.chain().find_map(|cause| {
            let cause = cause.downcast_ref::<rusqlite::Error>()?;
            cause.sqlite_error()
        })?;
        match error.code {
            ErrorCode::DiskFull => Some(Self::Full),
            // The file beside the database by which processes share it could not
            // be given its size.
            ErrorCode::SystemIoFailure if error.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                Some(Self::Full)
            }
            ErrorCode::SystemIoFailure => Some(Self::Broken),
            ErrorCode::ReadOnly => Some(Self::ReadOnly),
            ErrorCode::CannotOpen => Some(Self::Closed),
            _ => None,
        }
    }
}

/// Whether the disk under the database is the cause of an error, and not what was
/// to be recorded.
pub fn is_disk_trouble(error: &Error) -> bool {
    Disk::of(error).is_some()
}

/// What is wrong, and what to do, when the disk under the database in `folder`
/// is the cause of an error; `None` for any other cause.
pub fn disk_trouble(error: &Error, folder: &Path) -> Option<(String, String)> {
    let folder = folder.display();
    Some(match Disk::of(error)? {
        Disk::Full => (
            format!("the disk of {folder} is full: nothing can be recorded"),
            format!("make room there (`df -h {folder}` tells how much there is); nothing is lost"),
        ),
        Disk::Broken => (
            format!("the disk under {folder} does not read or write: {error:#}"),
            format!(
                "look at the disk of {folder}, whether it is full or a quota is; nothing is lost"
            ),
        ),
        Disk::ReadOnly => (
            format!("the database in {folder} cannot be written to: {error:#}"),
            format!("let the service's user write to {folder}"),
        ),
        Disk::Closed => (
            format!("the database in {folder} cannot be opened: {error:#}"),
            format!("check who may write to {folder}, and whether its disk is full"),
        ),
    })
}
