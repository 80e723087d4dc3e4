//! What is proven of a subscription, and what is doubtful in the list's mails.

use anyhow::Result;
use rusqlite::{Connection, params};

use super::row::last;
use crate::domain::Seconds;
use crate::domain::subscribing::{Proof, Token};
use crate::store::{PROGRAM, Store, audit};

/// A question whose language is not known, among those of the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// When it was first seen.
    pub seen_at: Seconds,
    /// How many others there are since the list was last asked.
    pub others: u32,
}

impl Store {
    /// Records what proves that the list takes us in, if that was not proven; says
    /// whether it did.
    pub fn prove_subscription(&self, proof: Proof, now: Seconds) -> Result<bool> {
        let transaction = self.begin()?;
        let unproven = last(&transaction)?.filter(|it| it.is_unproven());
        if let Some(it) = &unproven {
            transaction.execute(
                "UPDATE subscriptions SET proven_at = ?2, proof = ?3 WHERE id = ?1",
                params![it.id, now, proof.name()],
            )?;
            let detail = format!("{} takes {} in: {}", it.list, it.address, proof.words());
            let what = "subscription proven";
            audit::write_line(&transaction, None, PROGRAM, what, &detail, now)?;
        }
        transaction.commit()?;
        Ok(unproven.is_some())
    }

    /// Remembers a question whose language is not known, and how many others there are.
    pub fn note_question(
        &self,
        subscription: i64,
        token: &Token,
        now: Seconds,
    ) -> Result<Question> {
        let transaction = self.begin()?;
        transaction.execute(
            "INSERT INTO subscription_questions (subscription, token, seen_at)
             VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            params![subscription, token.as_str(), now],
        )?;
        let seen_at = transaction.query_row(
            "SELECT seen_at FROM subscription_questions WHERE subscription = ?1 AND token = ?2",
            params![subscription, token.as_str()],
            |row| row.get(0),
        )?;
        let others = transaction.query_row(
            "SELECT count(*) FROM subscription_questions
             WHERE subscription = ?1 AND token <> ?2
               AND seen_at >= (SELECT coalesce(max(claimed_at), 0) FROM subscription_mails
                               WHERE subscription = ?1 AND token IS NULL)",
            params![subscription, token.as_str()],
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(Question { seen_at, others })
    }

    /// Records that a mail came back: it did not arrive, and may be sent again.
    pub fn subscription_mail_bounced(
        &self,
        message_id: &str,
        why: &str,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE subscription_mails SET sent_at = NULL, failed_why = ?2 WHERE message_id = ?1",
            params![message_id, why],
        )?;
        let detail = format!("<{message_id}>: {why}");
        audit::write_line(&transaction, None, PROGRAM, "came back", &detail, now)?;
        Ok(transaction.commit()?)
    }
}

/// The list asks whether we mean it: what said welcome before was not the list.
pub(super) fn take_welcome_back(
    connection: &Connection,
    subscription: i64,
    now: Seconds,
) -> Result<()> {
    let changed = connection.execute(
        "UPDATE subscriptions SET ended_at = NULL, outcome = NULL, list_id = NULL
         WHERE id = ?1 AND ended_at IS NOT NULL",
        [subscription],
    )?;
    if changed > 0 {
        let detail = "a welcome came before the list's question, and is not believed";
        let what = "welcome taken back";
        audit::write_line(connection, None, PROGRAM, what, detail, now)?;
    }
    Ok(())
}
