//! Deliveries of which nobody knows whether they happened: looked into, confirmed
//! by the list's copy, or resolved by a person.

use anyhow::{Result, ensure};
use rusqlite::{Connection, params};

use super::listing::LONGEST_WAIT;
use super::outcome::{end, set_done, set_failed, set_queued};
use super::{DeliveryId, DeliveryKind, DeliveryRow, Finish, PROGRAM, Store, audit, outbox};
use crate::domain::Seconds;
use crate::domain::delivery::Receipt;
use crate::domain::life::DeliveryState;

/// What a person found out about a delivery in doubt or refused.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// It happened: here it is.
    Happened(Receipt),
    /// It did not happen: try again.
    TryAgain,
    /// It did not happen, and should not.
    GiveUp,
}

/// Our own mail that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Where it stood. `Queued` means that the database is older than the mail:
    /// it was restored (I22).
    pub was: DeliveryState,
}

impl Store {
    /// At start: whatever was claimed when the program died is in doubt. What can
    /// be listed in a tracker is looked into from `check_at` on. Returns those.
    pub fn doubt_crashed_claims(
        &self,
        check_at: Seconds,
        now: Seconds,
    ) -> Result<Vec<DeliveryRow>> {
        let crashed = outbox::select(
            &self.connection,
            "WHERE deliveries.claimed_at IS NOT NULL
               AND deliveries.in_doubt_since IS NULL
               AND deliveries.done_at IS NULL
               AND deliveries.failed_why IS NULL
             ORDER BY deliveries.id",
            [],
        )?;
        let mut in_doubt = Vec::new();
        for delivery in crashed {
            let why = "the program ended before the answer came";
            let check_at = (delivery.kind != DeliveryKind::Reply).then_some(check_at);
            self.finish(delivery.id, Finish::InDoubt { why, check_at }, now)?;
            in_doubt.push(self.delivery(delivery.id)?);
        }
        Ok(in_doubt)
    }

    /// Deliveries in doubt whose next look is due. One without a date never is:
    /// only the list's copy or a person resolves it.
    pub fn due_doubts(&self, now: Seconds) -> Result<Vec<DeliveryRow>> {
        outbox::select(
            &self.connection,
            "WHERE deliveries.in_doubt_since IS NOT NULL
               AND (deliveries.due_at <= ?1 OR deliveries.due_at > ?1 + ?2)
             ORDER BY deliveries.id",
            params![now, LONGEST_WAIT],
        )
    }

    /// All deliveries in doubt.
    pub fn doubts(&self) -> Result<Vec<DeliveryRow>> {
        outbox::select(
            &self.connection,
            "WHERE deliveries.in_doubt_since IS NOT NULL ORDER BY deliveries.id",
            [],
        )
    }

    /// All deliveries refused for good that nobody gave up or withdrew, newest first.
    pub fn failed_deliveries(&self, limit: usize) -> Result<Vec<DeliveryRow>> {
        outbox::select(
            &self.connection,
            "WHERE deliveries.failed_why IS NOT NULL
               AND deliveries.given_up_by IS NULL
               AND deliveries.withdrawn_at IS NULL
             ORDER BY deliveries.id DESC LIMIT ?1",
            [limit],
        )
    }

    /// Looked into, and not found: look again at `next`, or leave it to a person.
    pub fn doubt_checked(
        &self,
        delivery: DeliveryId,
        next: Option<Seconds>,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        let found = outbox::one(&transaction, delivery)?;
        transaction.execute(
            "UPDATE deliveries
             SET doubt_checks = doubt_checks + 1, due_at = ?2
             WHERE id = ?1 AND in_doubt_since IS NOT NULL",
            params![delivery, next],
        )?;
        let detail = match next {
            Some(_) => "not found yet",
            None => "not found; a person has to look",
        };
        end(transaction, &found, PROGRAM, "looked into", detail, now)
    }

    /// It could not be looked into, which proves nothing: look at `next`.
    pub fn doubt_postponed(&self, delivery: DeliveryId, next: Seconds) -> Result<()> {
        self.connection.execute(
            "UPDATE deliveries
             SET due_at = ?2
             WHERE id = ?1 AND in_doubt_since IS NOT NULL",
            params![delivery, next],
        )?;
        Ok(())
    }

    /// The list's copy of our mail came back: it is done, wherever it stood.
    /// `None` if the id is none of ours.
    pub fn confirm_by_message_id(
        &self,
        message_id: &str,
        now: Seconds,
    ) -> Result<Option<Confirmed>> {
        let Some(delivery) = self.delivery_by_message_id(message_id)? else {
            return Ok(None);
        };
        let transaction = self.begin()?;
        let found = outbox::one(&transaction, delivery)?;
        let confirmed = Confirmed {
            delivery,
            was: found.state,
        };
        let is_withdrawn: bool = transaction.query_row(
            "SELECT withdrawn_at IS NOT NULL FROM deliveries WHERE id = ?1",
            [delivery],
            |row| row.get(0),
        )?;
        transaction.execute(
            "UPDATE deliveries SET confirmed_at = coalesce(confirmed_at, ?2) WHERE id = ?1",
            params![delivery, now],
        )?;
        if is_withdrawn {
            hold_for_withdrawn(&transaction, &found, now)?;
            transaction.commit()?;
            return Ok(Some(confirmed));
        }
        if found.state == DeliveryState::Done {
            if found.confirmed_at.is_none() {
                let about = Some(found.notification);
                let detail = format!("{} {delivery}: by the list's copy", found.kind.name());
                audit::write_line(&transaction, about, PROGRAM, "confirmed", &detail, now)?;
            }
            transaction.commit()?;
            return Ok(Some(confirmed));
        }
        let receipt = Receipt::Mail {
            answer: "the list's copy came back".to_owned(),
        };
        set_done(&transaction, delivery, &receipt, now)?;
        let detail = format!("the list's copy came back; it was {}", found.state);
        end(transaction, &found, PROGRAM, "done", &detail, now)?;
        Ok(Some(confirmed))
    }

    /// Replies that were done before `before` and of which the list's copy has not
    /// come back, oldest first.
    pub fn unseen_replies(&self, before: Seconds) -> Result<Vec<DeliveryRow>> {
        outbox::select(
            &self.connection,
            "WHERE deliveries.kind = 'reply'
               AND deliveries.done_at <= ?1
               AND deliveries.confirmed_at IS NULL
             ORDER BY deliveries.id",
            [before],
        )
    }

    /// A person says what became of a delivery that is in doubt or failed.
    pub fn resolve(
        &self,
        delivery: DeliveryId,
        resolution: &Resolution,
        who: &str,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        let found = outbox::one(&transaction, delivery)?;
        ensure!(
            matches!(found.state, DeliveryState::InDoubt | DeliveryState::Failed),
            "delivery {delivery} is {}, neither in doubt nor failed",
            found.state
        );
        let is_withdrawn: bool = transaction.query_row(
            "SELECT withdrawn_at IS NOT NULL FROM deliveries WHERE id = ?1",
            [delivery],
            |row| row.get(0),
        )?;
        ensure!(
            !is_withdrawn,
            "delivery {delivery} belongs to an approval that was withdrawn"
        );
        let detail = match resolution {
            Resolution::Happened(receipt) => {
                set_done(&transaction, delivery, receipt, now)?;
                requeue_reply(&transaction, &found, now)?;
                "it happened"
            }
            Resolution::TryAgain => {
                set_queued(
                    &transaction,
                    delivery,
                    "tried again at a person's word",
                    now,
                )?;
                requeue_reply(&transaction, &found, now)?;
                "it did not happen: try again"
            }
            Resolution::GiveUp => {
                give_up(&transaction, &found, who)?;
                "it did not happen: given up"
            }
        };
        end(transaction, &found, who, "resolved", detail, now)
    }
}

/// Given up, with the reply that cannot leave without it.
fn give_up(connection: &Connection, found: &DeliveryRow, who: &str) -> Result<()> {
    let words = format!("given up by {who}");
    let why = match &found.failed_why {
        Some(why) if found.given_up_by.is_none() => format!("{why}; {words}"),
        Some(why) => why.clone(),
        None => words,
    };
    set_failed(connection, found.id, &why)?;
    connection.execute(
        "UPDATE deliveries SET given_up_by = ?2 WHERE id = ?1",
        params![found.id, who],
    )?;
    if found.kind == DeliveryKind::Reply {
        return Ok(());
    }
    connection.execute(
        "UPDATE deliveries
         SET failed_why = ?2, last_error = ?2, due_at = NULL, given_up_by = ?3
         WHERE notification = ?1 AND kind = 'reply' AND withdrawn_at IS NULL
           AND claimed_at IS NULL AND done_at IS NULL AND failed_why IS NULL",
        params![
            found.notification,
            format!("not sent: an earlier action was given up by {who}"),
            who
        ],
    )?;
    Ok(())
}

/// A reply that was given up with an action waits for it again.
fn requeue_reply(connection: &Connection, action: &DeliveryRow, now: Seconds) -> Result<()> {
    if action.kind == DeliveryKind::Reply {
        return Ok(());
    }
    connection.execute(
        "UPDATE deliveries
         SET failed_why = NULL, last_error = NULL, given_up_by = NULL, due_at = ?2
         WHERE notification = ?1 AND kind = 'reply' AND withdrawn_at IS NULL
           AND claimed_at IS NULL AND given_up_by IS NOT NULL",
        params![action.notification, now],
    )?;
    Ok(())
}

/// A reply arrived although everybody was sure that it had not: a person looks
/// before another one leaves.
fn hold_for_withdrawn(connection: &Connection, delivery: &DeliveryRow, now: Seconds) -> Result<()> {
    let why = "the list carries the reply of an approval that was withdrawn";
    connection.execute(
        "UPDATE notifications SET held_why = ?2, held_by = ?3
         WHERE id = ?1 AND closed_reason IS NULL",
        params![delivery.notification, why, PROGRAM],
    )?;
    let about = Some(delivery.notification);
    audit::write_line(connection, about, PROGRAM, "held", why, now)
}
