//! STOP and pause: durable, looked at again right before each write.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, audit};
use crate::domain::Seconds;

/// The two switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Something is wrong: nothing leaves and no draft is made until a person
    /// clears it.
    Stop,
    /// A person wants nothing to leave for now; drafts go on.
    Pause,
}

/// A switch that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchState {
    /// Why, in words.
    pub reason: String,
    /// Who turned it on.
    pub who: String,
    /// When.
    pub at: Seconds,
}

impl Switch {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Pause => "pause",
        }
    }
}

impl Store {
    /// Turns a switch on. One that is on already keeps its first reason; the
    /// audit trail has both.
    pub fn switch_on(&self, switch: Switch, reason: &str, who: &str, now: Seconds) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "INSERT INTO switches (name, reason, who, at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO NOTHING",
            params![switch.name(), reason, who, now],
        )?;
        audit::write_line(&transaction, None, who, switch.name(), reason, now)?;
        Ok(transaction.commit()?)
    }

    /// Turns a switch off and says what it was; `None` if it was off. What was put
    /// off meanwhile is due at once: somebody is waiting for it.
    pub fn switch_off(
        &self,
        switch: Switch,
        who: &str,
        now: Seconds,
    ) -> Result<Option<SwitchState>> {
        let transaction = self.begin()?;
        let was = read(&transaction, switch)?;
        if let Some(was) = &was {
            transaction.execute("DELETE FROM switches WHERE name = ?1", [switch.name()])?;
            transaction.execute(
                "UPDATE deliveries SET due_at = ?1
                 WHERE due_at > ?1 AND claimed_at IS NULL AND done_at IS NULL AND failed_why IS NULL",
                [now],
            )?;
            transaction.execute(
                "UPDATE notifications SET waiting_until = ?1
                 WHERE waiting_until > ?1 AND closed_reason IS NULL",
                [now],
            )?;
            let what = format!("{} cleared", switch.name());
            audit::write_line(&transaction, None, who, &what, &was.reason, now)?;
        }
        transaction.commit()?;
        Ok(was)
    }

    /// When a person last cleared STOP.
    pub fn stop_cleared_at(&self) -> Result<Option<Seconds>> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT at
                 FROM audit
                 WHERE notification IS NULL AND what = 'stop cleared'
                 ORDER BY id DESC
                 LIMIT 1",
            )?
            .query_row([], |row| row.get(0))
            .optional()?)
    }

    /// The state of a switch; `None` if it is off.
    pub fn switch(&self, switch: Switch) -> Result<Option<SwitchState>> {
        read(&self.connection, switch)
    }
}

pub(super) fn read(connection: &Connection, switch: Switch) -> Result<Option<SwitchState>> {
    Ok(connection
        .prepare_cached("SELECT reason, who, at FROM switches WHERE name = ?1")?
        .query_row([switch.name()], |row| {
            Ok(SwitchState {
                reason: row.get(0)?,
                who: row.get(1)?,
                at: row.get(2)?,
            })
        })
        .optional()?)
}
