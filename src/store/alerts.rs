//! What people were told of on each channel (a webhook, IRC), so that nothing is
//! told twice, also not after a restart.
//!
//! A message is written down before it leaves. What provably did not arrive is
//! taken back and told later; what broke off in between counts as told.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use rusqlite::params;
use rusqlite::types::{ToSql, ToSqlOutput};

use super::troubles::WORDS_CHARS;
use super::{ListFilter, NotificationId, Store};
use crate::domain::Seconds;
use crate::domain::alert::{Log, REMINDER};
use crate::domain::untrusted::plain_line;

/// Counts the messages, from 1; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertId(i64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ToSql for AlertId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

const HOUR: Seconds = 3600;

impl Store {
    /// What was told on a channel: of these matters, and of late.
    pub fn alert_log<'a>(
        &self,
        target: &str,
        matters: impl Iterator<Item = &'a str>,
        now: Seconds,
    ) -> Result<Log> {
        let mut told = BTreeSet::new();
        let mut is_told = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM alerts_told WHERE target = ?1 AND matter = ?2)",
        )?;
        for matter in matters {
            if is_told.query_row([target, matter], |row| row.get(0))? {
                told.insert(matter.to_owned());
            }
        }
        // What bears a later time was written under another clock (I23).
        let mut sent = self.connection.prepare_cached(
            "SELECT at FROM alerts WHERE target = ?1 AND at > ?2 - ?3 AND at <= ?2 ORDER BY at",
        )?;
        let sent = sent.query_map(params![target, now, HOUR], |row| row.get(0))?;
        let reminded: Option<Seconds> = self
            .connection
            .prepare_cached(
                "SELECT max(at)
                 FROM alerts
                 JOIN alerts_told ON alerts_told.alert = alerts.id
                 WHERE alerts_told.target = ?1 AND matter = ?2 AND at <= ?3",
            )?
            .query_row(params![target, REMINDER, now], |row| row.get(0))?;
        Ok(Log {
            told,
            sent: sent.collect::<Result<_, _>>()?,
            reminded,
        })
    }

    /// A message is about to leave that tells of these matters.
    pub fn begin_alert(&self, target: &str, matters: &[String], now: Seconds) -> Result<AlertId> {
        let transaction = self.begin()?;
        let id: i64 = transaction.query_row(
            "INSERT INTO alerts (target, at) VALUES (?1, ?2) RETURNING id",
            params![target, now],
            |row| row.get(0),
        )?;
        for matter in matters {
            transaction.execute(
                "INSERT INTO alerts_told (target, matter, alert) VALUES (?1, ?2, ?3)
                 ON CONFLICT (target, matter) DO UPDATE SET alert = excluded.alert",
                params![target, matter, id],
            )?;
        }
        transaction.commit()?;
        Ok(AlertId(id))
    }

    /// It provably did not arrive: what it was to tell is told later.
    pub fn take_back_alert(&self, alert: AlertId) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute("DELETE FROM alerts_told WHERE alert = ?1", [alert])?;
        transaction.execute("DELETE FROM alerts WHERE id = ?1", [alert])?;
        Ok(transaction.commit()?)
    }

    /// The drafts to decide on with the time at which each was first made, in order
    /// of arrival.
    pub fn waiting_drafts(&self) -> Result<Vec<(NotificationId, Seconds)>> {
        let (to_decide, _) = ListFilter::ToDecide.sql();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, (SELECT min(made_at) FROM drafts WHERE notification = notifications.id)
             FROM notifications
             WHERE {to_decide}
             ORDER BY id"
        ))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A channel takes nothing. Keeps since when, and the last words only. Says
    /// whether it worked before.
    pub fn note_alert_trouble(&self, target: &str, words: &str, now: Seconds) -> Result<bool> {
        let is_known: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM alert_troubles WHERE target = ?1)")?
            .query_row([target], |row| row.get(0))?;
        self.connection
            .prepare_cached(
                "INSERT INTO alert_troubles (target, words, since) VALUES (?1, ?2, ?3)
                 ON CONFLICT (target) DO UPDATE SET words = excluded.words
                 WHERE words <> excluded.words",
            )?
            .execute(params![target, plain_line(words, WORDS_CHARS), now])?;
        Ok(!is_known)
    }

    /// A channel took a message. Says whether it failed before.
    pub fn clear_alert_trouble(&self, target: &str) -> Result<bool> {
        let cleared = self
            .connection
            .prepare_cached("DELETE FROM alert_troubles WHERE target = ?1")?
            .execute([target])?;
        Ok(cleared > 0)
    }

    /// Forgets the troubles of channels that are not configured any more.
    pub fn keep_alert_troubles(&self, configured: &[String]) -> Result<()> {
        for trouble in self.troubles()? {
            if !configured.contains(&trouble.service) {
                self.clear_alert_trouble(&trouble.service)?;
            }
        }
        Ok(())
    }
}
