//! How the builds went that mails told of: which builders pass again that failed.
//!
//! Nothing is marked as recovered: it follows from the last that was heard of a
//! builder. So a later failure takes it back, and a restart changes nothing.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, params};

use super::{ListFilter, NotificationId, Store};
use crate::domain::Seconds;
use crate::domain::notification::Build;

/// A builder that failed and passes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Its name.
    pub builder: String,
    /// What people call the build that passed; empty if the mail did not tell.
    pub build: String,
    /// When the mail came in that told so, by our clock.
    pub at: Seconds,
}

/// What is known of the builders that a notification, and those attached to it,
/// told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recoveries {
    /// Those that pass again, by name.
    pub recovered: Vec<Recovery>,
    /// How many have not been heard of as passing since.
    pub failing: usize,
}

impl Recoveries {
    /// Whether every one of the builders passes again.
    pub fn is_whole(&self) -> bool {
        self.failing == 0 && !self.recovered.is_empty()
    }
}

/// A builder's failure: the builder, branch and CI system, and the build's number.
type Failed = (String, String, String, i64);

impl Store {
    /// Records that builds pass, as the mail of a notification told.
    pub fn note_passed(&self, notification: NotificationId, builds: &[Build]) -> Result<()> {
        let transaction = self.begin()?;
        record(&transaction, notification, builds, true)?;
        Ok(transaction.commit()?)
    }

    /// Which builders of a notification, and of the open ones attached to it, pass
    /// again. Later is what came in later (I23); of two builds whose numbers are
    /// known the higher one must have passed.
    pub fn recoveries(&self, notification: NotificationId) -> Result<Recoveries> {
        let mut statement = self.connection.prepare_cached(
            "SELECT builder, branch, ci, max(number)
             FROM build_outcomes
             WHERE passed = 0
               AND (notification = ?1 OR notification IN (
                   SELECT id FROM notifications
                   WHERE attached_to = ?1 AND closed_reason IS NULL AND quarantined_why IS NULL))
             GROUP BY builder, branch, ci
             ORDER BY builder, branch, ci",
        )?;
        let failed = statement.query_map([notification], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        let failed: Vec<Failed> = failed.collect::<Result<_, _>>()?;
        let mut found = Recoveries::default();
        for one in &failed {
            match self.recovery_of(one)? {
                Some(recovery) => found.recovered.push(recovery),
                None => found.failing += 1,
            }
        }
        Ok(found)
    }

    /// The last that was heard of a builder, if that is a success.
    fn recovery_of(&self, (builder, branch, ci, number): &Failed) -> Result<Option<Recovery>> {
        let last = self
            .connection
            .prepare_cached(
                "SELECT passed, number, shown, received_at
                 FROM build_outcomes
                 JOIN notifications ON notifications.id = build_outcomes.notification
                 WHERE builder = ?1 AND branch = ?2 AND ci = ?3
                 ORDER BY notification DESC, position DESC
                 LIMIT 1",
            )?
            .query_row(params![builder, branch, ci], |row| {
                let recovery = Recovery {
                    builder: builder.clone(),
                    build: row.get(2)?,
                    at: row.get(3)?,
                };
                Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, recovery))
            })
            .optional()?;
        Ok(last.and_then(|(passed, passed_number, recovery)| {
            let is_later = *number == 0 || passed_number == 0 || passed_number > *number;
            (passed && is_later).then_some(recovery)
        }))
    }

    /// The drafts to decide on of which a builder was heard of as passing since,
    /// oldest first.
    pub fn perhaps_recovered(&self) -> Result<Vec<NotificationId>> {
        let (to_decide, _) = ListFilter::ToDecide.sql();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id
             FROM notifications
             WHERE {to_decide}
               AND EXISTS (
                   SELECT 1
                   FROM build_outcomes AS failed
                   JOIN build_outcomes AS later
                     ON later.builder = failed.builder
                    AND later.branch = failed.branch
                    AND later.ci = failed.ci
                    AND later.notification > failed.notification
                   WHERE failed.notification = notifications.id
                     AND failed.passed = 0
                     AND later.passed = 1)
             ORDER BY id"
        ))?;
        let ids = statement.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

/// Records how the builds of a mail went, in place of what was recorded of it before.
pub(super) fn record(
    connection: &Connection,
    notification: NotificationId,
    builds: &[Build],
    passed: bool,
) -> Result<()> {
    connection.execute(
        "DELETE FROM build_outcomes WHERE notification = ?1",
        [notification],
    )?;
    for (position, build) in builds.iter().enumerate() {
        let link = build.link.as_ref();
        // SQLite counts to 2^63.
        let number = link.and_then(|link| i64::try_from(link.number).ok());
        connection.execute(
            "INSERT INTO build_outcomes
                 (notification, position, ci, builder, branch, number, shown, passed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                notification,
                position,
                build.ci.key(),
                build.builder,
                build.branch.as_deref().unwrap_or_default(),
                number.unwrap_or(0),
                link.map(|link| link.shown()).unwrap_or_default(),
                passed
            ],
        )?;
    }
    Ok(())
}
