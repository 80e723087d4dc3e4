//! What the services around the program last failed with, and what the disk
//! under the database does.

use std::path::Path;

use anyhow::{Error, Result};
use rusqlite::{ErrorCode, params};

use super::Store;
use crate::domain::Seconds;
use crate::domain::untrusted::plain_line;

/// Longer words are cut, in characters.
const WORDS_CHARS: usize = 500;

/// A service the program depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Where notifications come from.
    Mailbox,
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
            Self::Outgoing => "outgoing",
            Self::Tracker => "tracker",
            Self::Ci => "ci",
        }
    }
}

/// A service that failed the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTrouble {
    /// [`Service::name`].
    pub service: String,
    /// What it failed with last, one line.
    pub words: String,
    /// Since when it fails.
    pub since: Seconds,
}

impl Store {
    /// A service failed. Keeps since when, and the last words only.
    pub fn note_trouble(&self, service: Service, words: &str, now: Seconds) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO service_troubles (service, words, since) VALUES (?1, ?2, ?3)
                 ON CONFLICT (service) DO UPDATE SET words = excluded.words
                 WHERE words <> excluded.words",
            )?
            .execute(params![service.name(), plain_line(words, WORDS_CHARS), now])?;
        Ok(())
    }

    /// A service answered as it should.
    pub fn clear_trouble(&self, service: Service) -> Result<()> {
        self.connection
            .prepare_cached("DELETE FROM service_troubles WHERE service = ?1")?
            .execute([service.name()])?;
        Ok(())
    }

    /// The services that failed the last time, by name.
    pub fn troubles(&self) -> Result<Vec<ServiceTrouble>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT service, words, since FROM service_troubles ORDER BY service",
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

/// What is wrong, and what to do, when the disk under the database in `folder`
/// is the cause of an error; `None` for any other cause.
pub fn disk_trouble(error: &Error, folder: &Path) -> Option<(String, String)> {
    let code = error.chain().find_map(|cause| {
        let cause = cause.downcast_ref::<rusqlite::Error>()?;
        cause.sqlite_error_code()
    })?;
    let folder = folder.display();
    match code {
        ErrorCode::DiskFull => Some((
            "the disk is full: nothing can be recorded, so nothing is done".to_owned(),
            format!("make room in {folder}; nothing is lost"),
        )),
        ErrorCode::SystemIoFailure => Some((
            format!("the disk under {folder} does not read or write: {error:#}"),
            format!("look at the disk of {folder} and whether it is full; nothing is lost"),
        )),
        ErrorCode::ReadOnly => Some((
            format!("the database in {folder} cannot be written to: {error:#}"),
            format!("let the service's user write to {folder}"),
        )),
        _ => None,
    }
}
