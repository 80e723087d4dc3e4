//! Answers of approvers: each mail is handled once, each token is used once.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{LetterId, NotificationId, Store, TokenId, audit, notifications};
use crate::domain::Seconds;
use crate::domain::delivery::answer_token;
use crate::domain::life::ClosedReason;

/// What a letter asks about, for one approver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its number.
    pub id: TokenId,
    /// What stands in the address.
    pub token: String,
    /// For whom.
    pub approver: String,
    /// About which notification.
    pub notification: NotificationId,
    /// Which revision of its draft.
    pub revision: u32,
    /// On exactly which bytes.
    pub digest: String,
    /// The answer that used it, and when.
    pub used: Option<(NotificationId, Seconds)>,
}

const TOKEN: &str = "SELECT id, token, approver, notification, revision, digest, used_by, used_at
                     FROM answer_tokens";

/// What was decided, or why nothing was.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The draft's notification, if that is known.
    pub about: Option<NotificationId>,
    /// Who answered, if that is known.
    pub who: &'a str,
    /// One sentence without a full stop.
    pub words: &'a str,
}

impl Store {
    /// The token for an approver's next word on one revision of a draft: the one
    /// that is not used yet, else a new one.
    pub fn token_for(
        &self,
        approver: &str,
        (notification, content_key): (NotificationId, &str),
        (revision, digest): (u32, &str),
        now: Seconds,
    ) -> Result<TokenRow> {
        let key = self.instance_key()?;
        let transaction = self.begin()?;
        let of_draft = params![notification, revision, approver];
        let unused = transaction
            .prepare_cached(&format!(
                "{TOKEN}
                 WHERE notification = ?1 AND revision = ?2 AND approver = ?3 AND used_by IS NULL"
            ))?
            .query_row(of_draft, token_row)
            .optional()?;
        if let Some(found) = unused {
            return Ok(found);
        }
        let round: u64 = transaction.query_row(
            "SELECT count(*) FROM answer_tokens
             WHERE notification = ?1 AND revision = ?2 AND approver = ?3",
            of_draft,
            |row| row.get(0),
        )?;
        let token = answer_token(&key, (content_key, revision, digest), approver, round);
        transaction.execute(
            "INSERT INTO answer_tokens (token, approver, notification, revision, digest, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![token, approver, notification, revision, digest, now],
        )?;
        let made = token_with(&transaction, &token)?;
        transaction.commit()?;
        made.ok_or_else(|| anyhow::anyhow!("the token that was just made is gone"))
    }

    /// The row of a token that somebody sent.
    pub fn token(&self, token: &str) -> Result<Option<TokenRow>> {
        token_with(&self.connection, token)
    }

    /// Everything a letter asks about.
    pub fn tokens_of(&self, letter: LetterId) -> Result<Vec<TokenRow>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "{TOKEN} WHERE id IN (SELECT token FROM letter_tokens WHERE letter = ?1) ORDER BY id"
        ))?;
        let rows = statement.query_map([letter], token_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Uses a token up for one answer. False if another answer used it; the same one
    /// may do so again, after a crash.
    pub fn use_token(&self, token: TokenId, answer: NotificationId, now: Seconds) -> Result<bool> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE answer_tokens SET used_by = ?2, used_at = ?3 WHERE id = ?1 AND used_by IS NULL",
            params![token, answer, now],
        )?;
        let is_ours = transaction.query_row(
            "SELECT used_by = ?2 FROM answer_tokens WHERE id = ?1",
            params![token, answer],
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(is_ours)
    }

    /// Closes a mail to the address for answers, and notes that it is to be handled, in
    /// one transaction.
    pub fn take_answer(&self, mail: NotificationId, note: &str, now: Seconds) -> Result<()> {
        let step = self.step(mail)?;
        notifications::close(&step.transaction, mail, ClosedReason::Answer, note, now)?;
        step.transaction.execute(
            "INSERT INTO answers (notification, taken_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![mail, now],
        )?;
        let detail = format!("{}: {note}", ClosedReason::Answer);
        step.end(super::PROGRAM, "closed", &detail, now)
    }

    /// Answers that were not handled yet, oldest first.
    pub fn pending_answers(&self, limit: usize) -> Result<Vec<NotificationId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT notification FROM answers WHERE done_at IS NULL ORDER BY notification LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts an attempt before the answer is taken apart (I16), and says which it is.
    pub fn count_answer(&self, answer: NotificationId) -> Result<u32> {
        Ok(self.connection.query_row(
            "UPDATE answers SET attempts = attempts + 1 WHERE notification = ?1
             RETURNING attempts",
            [answer],
            |row| row.get(0),
        )?)
    }

    /// Takes the count of an attempt back, which the disk broke off.
    pub fn forget_answer_attempt(&self, answer: NotificationId) -> Result<()> {
        self.connection.execute(
            "UPDATE answers SET attempts = max(attempts - 1, 0)
             WHERE notification = ?1 AND done_at IS NULL",
            [answer],
        )?;
        Ok(())
    }

    /// Records what became of an answer, in the trail of the mail and of the draft.
    pub fn finish_answer(
        &self,
        answer: NotificationId,
        outcome: &Outcome<'_>,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE answers SET done_at = ?2, outcome = ?3 WHERE notification = ?1",
            params![answer, now, outcome.words],
        )?;
        let line = |id, detail: &str| {
            audit::write_line(&transaction, Some(id), outcome.who, "by mail", detail, now)
        };
        line(answer, outcome.words)?;
        if let Some(about) = outcome.about.filter(|about| *about != answer) {
            line(about, &format!("{} (mail {answer})", outcome.words))?;
        }
        Ok(transaction.commit()?)
    }
}

fn token_with(connection: &Connection, token: &str) -> Result<Option<TokenRow>> {
    Ok(connection
        .prepare_cached(&format!("{TOKEN} WHERE token = ?1"))?
        .query_row([token], token_row)
        .optional()?)
}

fn token_row(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: row.get(0)?,
        token: row.get(1)?,
        approver: row.get(2)?,
        notification: row.get(3)?,
        revision: row.get(4)?,
        digest: row.get(5)?,
        used: Option::zip(row.get(6)?, row.get(7)?),
    })
}
