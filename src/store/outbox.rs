//! The outbox up to the claim: what is due, and its frozen bytes.

use anyhow::{Context, Result, ensure};
use ring::digest;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::listing::LONGEST_WAIT;
use super::{DecisionId, DeliveryId, NotificationId, PROGRAM, Store, audit};
use crate::domain::Seconds;
use crate::domain::delivery::{DeliveryKind, Receipt};
use crate::domain::draft::hex;
use crate::domain::life::{DeliveryFacts, DeliveryState, delivery_state};

/// What a delivered effect is found by again; both kinds are keyed hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrozenId {
    /// A mail's Message-ID, without angle brackets.
    MessageId(String),
    /// The hidden marker of an issue or a comment.
    Marker(String),
}

/// One outbox row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its number.
    pub id: DeliveryId,
    /// For which notification.
    pub notification: NotificationId,
    /// Of which revision of the draft.
    pub revision: u32,
    /// The digest of that revision: the approved one.
    pub digest: String,
    /// Which action of the draft, from 0; the reply comes after the last.
    pub position: usize,
    /// What it does.
    pub kind: DeliveryKind,
    /// The approval.
    pub decision: DecisionId,
    /// Who approved.
    pub approved_by: String,
    /// The complete bytes, once they are made; never changed afterwards.
    pub frozen: Option<Vec<u8>>,
    /// SHA-256 of them, in hex.
    pub frozen_digest: Option<String>,
    /// What it is found by again, made with the frozen bytes.
    pub frozen_id: Option<FrozenId>,
    /// What the tracker's harmless preparation gave.
    pub prepared: Option<String>,
    /// Attempts begun.
    pub attempts: u32,
    /// Nothing is tried (or, in doubt, looked up) before; `None`: only a person
    /// can go on.
    pub due_at: Option<Seconds>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Since when nobody knows.
    pub in_doubt_since: Option<Seconds>,
    /// How often the doubt was looked into.
    pub doubt_checks: u32,
    /// What it is found by, when done.
    pub receipt: Option<Receipt>,
    /// Why it was refused for good.
    pub failed_why: Option<String>,
    /// What the last attempt ended in, in words.
    pub last_error: Option<String>,
    /// When it was done.
    pub done_at: Option<Seconds>,
    /// When the list's copy of it came back; for replies only.
    pub confirmed_at: Option<Seconds>,
    /// Who said that it needs no more care, of one that was refused.
    pub given_up_by: Option<String>,
    /// How many approvals of the notification (for a reply: how many replies to the
    /// same notification) were withdrawn before this one. A later one has ids of
    /// its own, for a frozen id is never used twice.
    pub withdrawn_before: u32,
    /// The notification that a reply answers, if it is settled along with the one
    /// whose draft this is of.
    pub answers: Option<NotificationId>,
}

impl DeliveryRow {
    /// The notification whose mail this is about.
    pub fn about(&self) -> NotificationId {
        self.answers.unwrap_or(self.notification)
    }

    /// Whether it opens a report again that was closed; known once it is frozen.
    pub fn reopens(&self) -> bool {
        let frozen = self.frozen.as_deref().unwrap_or_default();
        let work: Result<serde_json::Map<String, serde_json::Value>, _> =
            serde_json::from_slice(frozen);
        work.is_ok_and(|work| work.contains_key("reopen"))
    }

    /// What its ids are made from: the same for every attempt at it.
    pub fn identity(&self, content_key: &str) -> String {
        match self.withdrawn_before {
            0 => content_key.to_owned(),
            again => format!("{content_key} again {again}"),
        }
    }
}

impl Store {
    /// Queued deliveries that may be tried now, in order of insertion. A reply is
    /// among them only when every action of its draft is done (I10). Not those of
    /// held or closed notifications, and not the answers to held ones.
    pub fn due_deliveries(&self, now: Seconds, limit: usize) -> Result<Vec<DeliveryRow>> {
        select(
            &self.connection,
            "WHERE deliveries.done_at IS NULL
               AND deliveries.failed_why IS NULL
               AND deliveries.claimed_at IS NULL
               AND (deliveries.due_at <= ?1 OR deliveries.due_at > ?1 + ?2)
               AND notifications.closed_reason IS NULL
               AND notifications.held_why IS NULL
               AND NOT EXISTS (
                   SELECT 1
                   FROM notifications AS answered
                   WHERE answered.id = deliveries.answers AND answered.held_why IS NOT NULL)
               AND (deliveries.kind <> 'reply' OR NOT EXISTS (
                   SELECT 1
                   FROM deliveries AS earlier
                   WHERE earlier.notification = deliveries.notification
                     AND earlier.kind <> 'reply'
                     AND earlier.withdrawn_at IS NULL
                     AND earlier.done_at IS NULL))
             ORDER BY deliveries.id
             LIMIT ?3",
            params![now, LONGEST_WAIT, limit],
        )
    }

    /// A queued delivery is not tried before `due_at`, for the reason it was told
    /// already; nothing was tried, and the trail is not written to.
    pub fn postpone_delivery(&self, delivery: DeliveryId, due_at: Seconds) -> Result<()> {
        self.connection.execute(
            "UPDATE deliveries
             SET due_at = ?2
             WHERE id = ?1
               AND done_at IS NULL AND failed_why IS NULL AND claimed_at IS NULL",
            params![delivery, due_at],
        )?;
        Ok(())
    }

    /// One outbox row.
    pub fn delivery(&self, delivery: DeliveryId) -> Result<DeliveryRow> {
        one(&self.connection, delivery)
    }

    /// Counts an attempt, committed before it begins, and says how many there were.
    pub fn count_delivery_attempt(&self, delivery: DeliveryId) -> Result<u32> {
        self.connection
            .query_row(
                "UPDATE deliveries
                 SET attempts = attempts + 1
                 WHERE id = ?1
                 RETURNING attempts",
                [delivery],
                |row| row.get(0),
            )
            .with_context(|| format!("there is no delivery {delivery} to try"))
    }

    /// Commits the complete bytes and their id before any network byte (I4). If
    /// bytes were frozen before, those stay, and are what is returned.
    pub fn freeze(
        &self,
        delivery: DeliveryId,
        bytes: &[u8],
        id: &FrozenId,
        now: Seconds,
    ) -> Result<DeliveryRow> {
        let transaction = self.begin()?;
        let found = one(&transaction, delivery)?;
        if found.frozen.is_some() {
            return Ok(found);
        }
        let (message_id, marker) = match id {
            FrozenId::MessageId(message_id) => (Some(message_id), None),
            FrozenId::Marker(marker) => (None, Some(marker)),
        };
        let digest = hex(digest::digest(&digest::SHA256, bytes).as_ref());
        transaction.execute(
            "UPDATE deliveries
             SET frozen = ?2, frozen_digest = ?3, message_id = ?4, marker = ?5
             WHERE id = ?1",
            params![delivery, bytes, digest, message_id, marker],
        )?;
        let detail = format!("{} {delivery}, sha256 {digest}", found.kind.name());
        let about = Some(found.notification);
        audit::write_line(&transaction, about, PROGRAM, "frozen", &detail, now)?;
        let frozen = one(&transaction, delivery)?;
        transaction.commit()?;
        Ok(frozen)
    }

    /// Keeps what the tracker's preparation gave (a Post-Once-Exactly URL, a
    /// message's id), replacing what was there.
    pub fn save_prepared(&self, delivery: DeliveryId, prepared: &str) -> Result<()> {
        let changed = self.connection.execute(
            "UPDATE deliveries SET prepared = ?2 WHERE id = ?1",
            params![delivery, prepared],
        )?;
        ensure!(changed == 1, "there is no delivery {delivery}");
        Ok(())
    }

    /// The delivery that made this Message-ID, without angle brackets.
    pub fn delivery_by_message_id(&self, message_id: &str) -> Result<Option<DeliveryId>> {
        find(
            &self.connection,
            "SELECT id FROM deliveries WHERE message_id = ?1",
            message_id,
        )
    }

    /// The delivery that made this marker.
    pub fn delivery_by_marker(&self, marker: &str) -> Result<Option<DeliveryId>> {
        find(
            &self.connection,
            "SELECT id FROM deliveries WHERE marker = ?1",
            marker,
        )
    }

    /// Every Message-ID the program made, whether it was sent or not.
    pub fn own_message_ids(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT message_id FROM deliveries WHERE message_id IS NOT NULL ORDER BY id",
        )?;
        let ids = statement.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

fn find(connection: &Connection, sql: &str, key: &str) -> Result<Option<DeliveryId>> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

pub(super) fn of_notification(
    connection: &Connection,
    id: NotificationId,
) -> Result<Vec<DeliveryRow>> {
    select(
        connection,
        "WHERE deliveries.notification = ?1 AND deliveries.withdrawn_at IS NULL
         ORDER BY deliveries.position",
        [id],
    )
}

pub(super) fn one(connection: &Connection, delivery: DeliveryId) -> Result<DeliveryRow> {
    select(connection, "WHERE deliveries.id = ?1", [delivery])?
        .pop()
        .with_context(|| format!("there is no delivery {delivery}"))
}

/// Reads outbox rows; `rest` is the statement from its WHERE on.
pub(super) fn select(
    connection: &Connection,
    rest: &str,
    parameters: impl Params,
) -> Result<Vec<DeliveryRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT deliveries.*, drafts.digest, decisions.who AS approved_by,
                CASE deliveries.kind
                WHEN 'reply' THEN
                    (SELECT count(*)
                     FROM deliveries AS earlier
                     WHERE earlier.kind = 'reply'
                       AND earlier.withdrawn_at IS NOT NULL
                       AND earlier.id < deliveries.id
                       AND coalesce(earlier.answers, earlier.notification)
                           = coalesce(deliveries.answers, deliveries.notification))
                ELSE
                    (SELECT count(*)
                     FROM withdrawals
                     JOIN decisions AS earlier ON earlier.id = withdrawals.decision
                     WHERE earlier.notification = deliveries.notification
                       AND earlier.id < deliveries.decision)
                END AS withdrawn_before
         FROM deliveries
         JOIN decisions ON decisions.id = deliveries.decision
         JOIN drafts ON drafts.notification = deliveries.notification
                    AND drafts.revision = deliveries.revision
         JOIN notifications ON notifications.id = deliveries.notification
         {rest}"
    ))?;
    let rows = statement.query_map(parameters, |row| Ok(delivery_row(row)))?;
    rows.map(|row| row?).collect()
}

fn delivery_row(row: &Row<'_>) -> Result<DeliveryRow> {
    let kind: String = row.get("kind")?;
    let receipt: Option<String> = row.get("receipt")?;
    let failed_why: Option<String> = row.get("failed_why")?;
    let in_doubt_since: Option<Seconds> = row.get("in_doubt_since")?;
    let state = delivery_state(DeliveryFacts {
        claimed: row.get::<_, Option<Seconds>>("claimed_at")?.is_some(),
        in_doubt: in_doubt_since.is_some(),
        done: receipt.is_some(),
        failed: failed_why.is_some(),
    })?;
    let message_id: Option<String> = row.get("message_id")?;
    let marker: Option<String> = row.get("marker")?;
    Ok(DeliveryRow {
        id: row.get("id")?,
        notification: row.get("notification")?,
        revision: row.get("revision")?,
        digest: row.get("digest")?,
        position: row.get("position")?,
        kind: DeliveryKind::from_name(&kind)
            .with_context(|| format!("a delivery of an unknown kind: {kind}"))?,
        decision: row.get("decision")?,
        approved_by: row.get("approved_by")?,
        frozen: row.get("frozen")?,
        frozen_digest: row.get("frozen_digest")?,
        frozen_id: message_id
            .map(FrozenId::MessageId)
            .or(marker.map(FrozenId::Marker)),
        prepared: row.get("prepared")?,
        attempts: row.get("attempts")?,
        due_at: row.get("due_at")?,
        state,
        in_doubt_since,
        doubt_checks: row.get("doubt_checks")?,
        receipt: receipt
            .as_deref()
            .map(serde_json::from_str)
            .transpose()
            .context("a receipt cannot be read")?,
        failed_why,
        last_error: row.get("last_error")?,
        done_at: row.get("done_at")?,
        confirmed_at: row.get("confirmed_at")?,
        given_up_by: row.get("given_up_by")?,
        withdrawn_before: row.get("withdrawn_before")?,
        answers: row.get("answers")?,
    })
}
