//! Builds that a person filed: the program was told of them, but by no mail.

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OptionalExtension, params};

use super::{NotificationId, PROGRAM, Reading, Store, Taken, audit, notifications};
use crate::domain::Seconds;
use crate::domain::life::ClosedReason;
use crate::domain::notification::Build;

/// Where filed builds are remembered to come from.
const FILED: &str = "filed";

/// What a person filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// The build, with its link, as the CI system showed it; without its failures.
    pub build: Build,
    /// Who.
    pub who: String,
}

/// A build that a person asked to file, which is not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Its number.
    pub id: i64,
    /// Where the build is, as it was written.
    pub address: String,
    /// Who asked.
    pub who: String,
}

impl Store {
    /// Notes that somebody asks to file a build, before anything is asked of a CI
    /// system: a kill does not forget it. One that is noted already is the same.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn note_filing(&self, address: &str, who: &str, now: Seconds) -> Result<Noted> {
        let transaction = self.begin()?;
        let known = transaction
            .query_row(
                "SELECT id FROM filings WHERE address = ?1 AND ended_at IS NULL",
                [address],
                |row| row.get(0),
            )
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                transaction.execute(
                    "INSERT INTO filings (address, who, noted_at) VALUES (?1, ?2, ?3)",
                    params![address, who, now],
                )?;
                transaction.last_insert_rowid()
            }
        };
        transaction.commit()?;
        Ok(Noted {
            id,
            address: address.to_owned(),
            who: who.to_owned(),
        })
    }

    /// What was noted before a moment and is not done, oldest first.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn filings_noted_before(&self, moment: Seconds) -> Result<Vec<Noted>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, address, who FROM filings
             WHERE ended_at IS NULL AND noted_at <= ?1
             ORDER BY id",
        )?;
        let noted = statement.query_map([moment], |row| {
            Ok(Noted {
                id: row.get(0)?,
                address: row.get(1)?,
                who: row.get(2)?,
            })
        })?;
        Ok(noted.collect::<Result<_, _>>()?)
    }

    /// Counts an attempt at what was noted, before it is made; gives the number of it.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn count_filing(&self, id: i64, now: Seconds) -> Result<u32> {
        Ok(self.connection.query_row(
            "UPDATE filings SET attempts = attempts + 1, noted_at = ?2 WHERE id = ?1
             RETURNING attempts",
            params![id, now],
            |row| row.get(0),
        )?)
    }

    /// Ends what was noted: with the notification, or why there is none.
    ///
    /// # Errors
    ///
    /// The database fails.
    pub fn end_filing(&self, id: i64, outcome: &str, now: Seconds) -> Result<()> {
        self.connection.execute(
            "UPDATE filings SET ended_at = ?2, outcome = ?3 WHERE id = ?1 AND ended_at IS NULL",
            params![id, now, outcome],
        )?;
        Ok(())
    }

    /// Takes a build in that somebody filed, read already: Parsed. `key` is what tells
    /// it from all other builds; one with the same is known.
    ///
    /// # Errors
    ///
    /// The database fails, and nothing was stored.
    pub fn file_build(
        &self,
        key: &str,
        filed: &Filed,
        reading: &Reading,
        now: Seconds,
    ) -> Result<Taken> {
        let transaction = self.begin()?;
        let key = format!("filed {key}");
        let known = transaction
            .query_row(
                "SELECT id FROM notifications WHERE content_key = ?1",
                [&key],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = known {
            return Ok(Taken::Known(id));
        }
        transaction.execute(
            "INSERT INTO notifications (content_key, mailbox, received_at, truncated, reading)
             VALUES (?1, ?2, ?3, 0, ?4)",
            params![key, FILED, now, serde_json::to_string(reading)?],
        )?;
        let id = NotificationId(transaction.last_insert_rowid());
        transaction.execute(
            "INSERT INTO filed (notification, build, who) VALUES (?1, ?2, ?3)",
            params![id, serde_json::to_string(&filed.build)?, filed.who],
        )?;
        let link = filed.build.link.as_ref();
        let detail = link.map_or("", |link| &link.url);
        audit::write_line(&transaction, Some(id), &filed.who, "filed", detail, now)?;
        notifications::must_be_possible(&transaction, id)?;
        transaction.commit()?;
        Ok(Taken::New(id))
    }

    /// Closes a filed build because the mail about it, `by`, came in: its failures
    /// happened once, and are that one's.
    ///
    /// # Errors
    ///
    /// It is decided or closed already, or the database fails.
    pub fn supersede(&self, id: NotificationId, by: NotificationId, now: Seconds) -> Result<()> {
        let step = self.step(id)?;
        ensure!(
            step.facts.closed.is_none(),
            "notification {id} is closed already"
        );
        step.transaction
            .execute("DELETE FROM occurrences WHERE notification = ?1", [id])?;
        let note = format!("the mail about this build came in: {by} takes its place");
        let reason = ClosedReason::Superseded;
        notifications::close(&step.transaction, id, reason, &note, now)?;
        step.end(PROGRAM, "closed", &format!("{reason}: {note}"), now)
    }

    /// The notifications that tell of a build of that number, oldest first, each with
    /// its builds, and whether somebody filed it. Of any CI system: the caller knows
    /// which build is meant.
    ///
    /// # Errors
    ///
    /// The database fails, or holds what cannot be read.
    pub fn telling_of(&self, number: u64) -> Result<Vec<(NotificationId, Vec<Build>, bool)>> {
        // A number that begins alike is found as well.
        let written = format!("\"number\":{number}");
        let mut statement = self.connection.prepare_cached(
            "SELECT id, json_extract(reading, '$.notification.builds'),
                    EXISTS (SELECT 1 FROM filed WHERE notification = notifications.id)
             FROM notifications
             WHERE reading IS NOT NULL AND instr(reading, ?1) > 0
             ORDER BY id",
        )?;
        let rows = statement.query_map([written], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })?;
        let mut telling = Vec::new();
        for row in rows {
            let (id, builds, is_filed) = row?;
            let builds = serde_json::from_str(&builds)
                .with_context(|| format!("notification {id} cannot be read"))?;
            telling.push((id, builds, is_filed));
        }
        Ok(telling)
    }
}

/// What was filed, if no mail is behind the notification.
pub(super) fn of_notification(
    connection: &Connection,
    id: NotificationId,
) -> Result<Option<Filed>> {
    let found: Option<(String, String)> = connection
        .prepare_cached("SELECT build, who FROM filed WHERE notification = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(build, who)| {
            Ok(Filed {
                build: serde_json::from_str(&build)?,
                who,
            })
        })
        .transpose()
}
