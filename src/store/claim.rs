//! The one transaction right before the request with the effect.

use rusqlite::{Connection, params};

use super::{
    DeliveryId, DeliveryKind, DeliveryRow, LedgerEntry, NotificationId, PROGRAM, Store, Switch,
    audit, outbox, switches,
};
use crate::domain::Seconds;
use crate::domain::life::DeliveryState;

/// A delivery that may be made now, once. Only [`Store::claim`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Claim {
    delivery: DeliveryId,
}

impl Claim {
    /// Which delivery.
    pub fn delivery(&self) -> DeliveryId {
        self.delivery
    }
}

/// Why a delivery may not be made now. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimRefused {
    /// STOP is on.
    #[error("STOP: {0}")]
    Stopped(String),
    /// Paused by a person.
    #[error("paused: {0}")]
    Paused(String),
    /// The notification is held.
    #[error("held: {0}")]
    Held(String),
    /// The notification was closed.
    #[error("closed: {0}")]
    Closed(String),
    /// It is not queued (any more).
    #[error("it is {0}, not queued")]
    NotQueued(DeliveryState),
    /// The bytes are not those that were frozen, or none were.
    #[error("the bytes to send are not the frozen ones")]
    OtherBytes,
    /// An earlier action of the same draft is not done (I10).
    #[error("an earlier action of the same draft is not done")]
    EarlierNotDone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

impl From<rusqlite::Error> for ClaimRefused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Claims a delivery right before the one request with the effect. In one
    /// transaction: looks at STOP, pause and hold again, checks that the row is
    /// queued, its turn has come and `frozen_digest` (of the bytes the sender
    /// holds) is the frozen one, and writes the claim and the ledger's line.
    pub fn claim(
        &self,
        delivery: DeliveryId,
        frozen_digest: &str,
        entry: &LedgerEntry<'_>,
        now: Seconds,
    ) -> Result<Claim, ClaimRefused> {
        let transaction = self.begin()?;
        if let Some(stop) = switches::read(&transaction, Switch::Stop)? {
            return Err(ClaimRefused::Stopped(stop.reason));
        }
        if let Some(pause) = switches::read(&transaction, Switch::Pause)? {
            return Err(ClaimRefused::Paused(pause.reason));
        }
        let found = outbox::one(&transaction, delivery)?;
        refuse_held_or_closed(&transaction, found.notification)?;
        if let Some(answered) = found.answers {
            refuse_held_or_closed(&transaction, answered)?;
        }
        if found.state != DeliveryState::Queued {
            return Err(ClaimRefused::NotQueued(found.state));
        }
        if found.frozen_digest.as_deref() != Some(frozen_digest) {
            return Err(ClaimRefused::OtherBytes);
        }
        if found.kind == DeliveryKind::Reply && !earlier_are_done(&transaction, &found)? {
            return Err(ClaimRefused::EarlierNotDone);
        }
        transaction.execute(
            "UPDATE deliveries SET claimed_at = ?2 WHERE id = ?1",
            params![delivery, now],
        )?;
        transaction.execute(
            "INSERT INTO ledger (delivery, notification, kind, target, thread, body_digest, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                delivery,
                found.about(),
                found.kind.name(),
                entry.target,
                entry.thread,
                entry.body_digest,
                now
            ],
        )?;
        let detail = format!("{} {delivery}", found.kind.name());
        let about = Some(found.notification);
        audit::write_line(&transaction, about, PROGRAM, "claimed", &detail, now)?;
        transaction.commit()?;
        Ok(Claim { delivery })
    }
}

fn refuse_held_or_closed(
    connection: &Connection,
    notification: NotificationId,
) -> Result<(), ClaimRefused> {
    let (held, closed): (Option<String>, Option<String>) = connection.query_row(
        "SELECT held_why, closed_note FROM notifications WHERE id = ?1",
        [notification],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match (held, closed) {
        (_, Some(note)) => Err(ClaimRefused::Closed(note)),
        (Some(why), None) => Err(ClaimRefused::Held(why)),
        (None, None) => Ok(()),
    }
}

fn earlier_are_done(connection: &Connection, delivery: &DeliveryRow) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT NOT EXISTS (
             SELECT 1
             FROM deliveries
             WHERE notification = ?1 AND kind <> 'reply' AND done_at IS NULL
               AND withdrawn_at IS NULL)",
        [delivery.notification],
        |row| row.get(0),
    )
}
