//! Signatures of an earlier version are made anew, one notification at a time,
//! and what was said of the old ones is found by the new ones.

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

use super::{NotificationId, PROGRAM, Reading, Store, audit};
use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::signature::Signature;

/// What the signing anew does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signing {
    /// The first notification that was read and not looked at yet.
    pub next: Option<NotificationId>,
    /// Attempts at it that did not end.
    pub attempts: u32,
}

/// One failure that got another signature.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The signature it had.
    pub old: Signature,
    /// The failure with the one it has now.
    pub failure: Failure,
}

impl Store {
    /// What is to be signed anew for this version of the signatures; none when all
    /// is done. Begins at the first notification when the version is another one
    /// than the last time.
    pub fn signing(&self, version: &str) -> Result<Option<Signing>> {
        if self.signing_ended(version)? {
            return Ok(None);
        }
        self.connection.execute(
            "UPDATE signing
             SET version = ?1, upto = 0, ended = 0, attempts = 0
             WHERE version <> ?1",
            [version],
        )?;
        let signing = self.connection.query_row(
            "SELECT attempts,
                    (SELECT id FROM notifications
                     WHERE id > upto AND reading IS NOT NULL
                     ORDER BY id LIMIT 1)
             FROM signing",
            [],
            |row| {
                Ok(Signing {
                    attempts: row.get(0)?,
                    next: row.get(1)?,
                })
            },
        )?;
        Ok(Some(signing))
    }

    /// How many notifications are left to be signed anew for this version; none
    /// when all is done.
    pub fn left_to_sign(&self, version: &str) -> Result<Option<u64>> {
        if self.signing_ended(version)? {
            return Ok(None);
        }
        let left = self.connection.query_row(
            "SELECT count(*)
             FROM notifications, signing
             WHERE reading IS NOT NULL AND (notifications.id > upto OR version <> ?1)",
            [version],
            |row| row.get(0),
        )?;
        Ok(Some(left))
    }

    /// Whether every stored failure has a signature of this version.
    pub fn signing_ended(&self, version: &str) -> Result<bool> {
        Ok(self.connection.query_row(
            "SELECT ended = 1 AND version = ?1 FROM signing",
            [version],
            |row| row.get(0),
        )?)
    }

    /// Counts an attempt at the next notification, committed before its mail is
    /// read again (I16).
    pub fn count_signing(&self) -> Result<()> {
        self.connection
            .execute("UPDATE signing SET attempts = attempts + 1", [])?;
        Ok(())
    }

    /// Keeps the failures' new signatures and what they were called before, and
    /// goes on behind this notification.
    pub fn sign_anew(
        &self,
        notification: NotificationId,
        reading: Option<&Reading>,
        renamed: &[Renamed],
    ) -> Result<()> {
        let transaction = self.begin()?;
        if let Some(reading) = reading {
            transaction.execute(
                "UPDATE notifications SET reading = ?2 WHERE id = ?1 AND reading IS NOT NULL",
                params![notification, serde_json::to_string(reading)?],
            )?;
        }
        for Renamed { old, failure } in renamed {
            let new = &failure.signature;
            if old == new {
                continue;
            }
            transaction.execute(
                "INSERT INTO signature_map (new, old, notification)
                 VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
                params![new.0, old.0, notification],
            )?;
            if is_paired(&transaction, old)? {
                remember(&transaction, failure)?;
            }
        }
        transaction.execute("UPDATE signing SET upto = ?1, attempts = 0", [notification])?;
        Ok(transaction.commit()?)
    }

    /// All is done; says how many signatures got another name.
    pub fn end_signing(&self, version: &str, now: Seconds) -> Result<u64> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE signing SET ended = 1, attempts = 0 WHERE version = ?1",
            [version],
        )?;
        let renamed: u64 = transaction.query_row(
            "SELECT count(DISTINCT old) FROM signature_map WHERE new LIKE ?1 || ':%'",
            [version],
            |row| row.get(0),
        )?;
        if renamed > 0 {
            let detail = format!("{renamed} signatures are now of version {version}");
            audit::write_line(&transaction, None, PROGRAM, "signed anew", &detail, now)?;
        }
        transaction.commit()?;
        Ok(renamed)
    }
}

/// Whether somebody said something of the signature, or of one it replaced.
fn is_paired(connection: &Connection, signature: &Signature) -> Result<bool> {
    Ok(connection
        .prepare_cached(
            "WITH RECURSIVE called (name) AS (
                 SELECT ?1
                 UNION
                 SELECT old FROM signature_map JOIN called ON new = name
             )
             SELECT EXISTS (SELECT 1 FROM pairs WHERE signature IN called)",
        )?
        .query_row([&signature.0], |row| row.get(0))?)
}

/// Keeps a failure of which somebody said something.
pub(super) fn remember(connection: &Connection, failure: &Failure) -> Result<()> {
    connection
        .execute(
            "INSERT INTO remembered (signature, test, failure)
             VALUES (?1, ?2, ?3)
             ON CONFLICT (signature) DO UPDATE
             SET test = excluded.test, failure = excluded.failure",
            params![
                failure.signature.0,
                failure.test.qualified(),
                serde_json::to_string(failure)?
            ],
        )
        .context("a failure cannot be kept")?;
    Ok(())
}
