//! Mails to approvers: a durable queue with a ledger of its own. They are no replies,
//! and count in none of the list's caps; STOP and pause stop them, too.

use anyhow::Result;
use rusqlite::{OptionalExtension, Row, params};

use super::{LetterId, NotificationId, Store, Switch, TokenId, switches, unwritten};
use crate::domain::Seconds;

/// A letter ended for this reason: it was not needed any more.
pub const DECIDED_MEANWHILE: &str = "what it asks was decided meanwhile";

/// A letter ended for this reason: the configuration names nobody like that.
pub const NOBODY_ANY_MORE: &str = "nobody of that name and address is an approver any more";

/// What a letter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// It asks about one draft.
    Request,
    /// It asks about all drafts of a time.
    Digest,
    /// It brings drafts to mind that wait.
    Reminder,
    /// It tells what became of an answer.
    Result,
}

impl LetterKind {
    /// As it is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Digest => "digest",
            Self::Reminder => "reminder",
            Self::Result => "result",
        }
    }
}

/// A letter whose bytes are complete.
#[derive(Debug, Clone, Copy)]
pub struct NewLetter<'a> {
    /// What it is for.
    pub kind: LetterKind,
    /// To whom, by the name of the configuration.
    pub approver: &'a str,
    /// And the address.
    pub address: &'a str,
    /// The answer that it tells about; for [`LetterKind::Result`] alone.
    pub answers: Option<NotificationId>,
    /// Without angle brackets.
    pub message_id: &'a str,
    /// The whole mail.
    pub bytes: &'a [u8],
    /// The drafts it asks about.
    pub tokens: &'a [TokenId],
}

/// A letter that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRow {
    /// Its number.
    pub id: LetterId,
    /// To whom.
    pub approver: String,
    /// And the address.
    pub address: String,
    /// Without angle brackets.
    pub message_id: String,
    /// The whole mail.
    pub bytes: Vec<u8>,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether it asks about drafts.
    pub asks: bool,
    /// Why it did not leave the last time.
    pub last_error: Option<String>,
}

/// The letters that asked an approver about one revision of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedBefore {
    /// How many were written.
    pub written: u32,
    /// How many of those left, may have left, or are still to leave.
    pub told: u32,
    /// When the last was written; 0 if none was.
    pub last_at: Seconds,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub enum LetterEnd<'a> {
    /// The server took it.
    Sent,
    /// Provably nothing happened; it is tried again.
    Later {
        /// Why, in words.
        why: &'a str,
        /// When.
        due_at: Seconds,
    },
    /// The server refused it for good: it did not leave.
    Refused(&'a str),
    /// It is not sent (again), for this reason.
    Over(&'a str),
}

impl Store {
    /// Puts a letter into the queue, due at once. False if the answer it tells about
    /// was told about already; nothing is changed then.
    pub fn post(&self, letter: &NewLetter<'_>, now: Seconds) -> Result<bool> {
        let transaction = self.begin()?;
        let id: Option<LetterId> = transaction
            .query_row(
                "INSERT INTO letters
                     (kind, approver, address, answers, message_id, frozen, made_at, due_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
                 ON CONFLICT DO NOTHING
                 RETURNING id",
                params![
                    letter.kind.name(),
                    letter.approver,
                    letter.address,
                    letter.answers,
                    letter.message_id,
                    letter.bytes,
                    now
                ],
                |row| row.get(0),
            )
            .optional()?;
        let Some(id) = id else {
            return Ok(false);
        };
        for token in letter.tokens {
            transaction.execute(
                "INSERT INTO letter_tokens (letter, token) VALUES (?1, ?2)",
                params![id, token],
            )?;
        }
        unwritten::forget(&transaction, id)?;
        transaction.commit()?;
        Ok(true)
    }

    /// The letters to send now, oldest first.
    pub fn due_letters(&self, now: Seconds, limit: usize) -> Result<Vec<LetterRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, approver, address, message_id, frozen, attempts, kind <> 'result',
                    last_error
             FROM letters
             WHERE due_at <= ?1
             ORDER BY id
             LIMIT ?2",
        )?;
        let rows = statement.query_map(params![now, limit], letter_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the next letter is due that is not yet.
    pub fn next_letter(&self, now: Seconds) -> Result<Option<Seconds>> {
        Ok(self.connection.query_row(
            "SELECT min(due_at) FROM letters WHERE due_at > ?1",
            [now],
            |row| row.get(0),
        )?)
    }

    /// Whether a mail of that id is a letter of ours, and which.
    pub fn letter_with_id(&self, message_id: &str) -> Result<Option<LetterId>> {
        Ok(self
            .connection
            .prepare_cached("SELECT id FROM letters WHERE message_id = ?1")?
            .query_row([message_id], |row| row.get(0))
            .optional()?)
    }

    /// Claims a letter right before the request with the effect, and writes the
    /// ledger's line. Says in words why not, if STOP or pause is on.
    pub fn claim_letter(&self, letter: LetterId, now: Seconds) -> Result<Result<(), String>> {
        let transaction = self.begin()?;
        for switch in [Switch::Stop, Switch::Pause] {
            if let Some(on) = switches::read(&transaction, switch)? {
                return Ok(Err(format!("{}: {}", switch.name(), on.reason)));
            }
        }
        let claimed = transaction.execute(
            "UPDATE letters SET claimed_at = ?2, attempts = attempts + 1
             WHERE id = ?1 AND due_at IS NOT NULL AND claimed_at IS NULL",
            params![letter, now],
        )?;
        if claimed == 0 {
            return Ok(Err("it is claimed already".to_owned()));
        }
        transaction.execute(
            "INSERT INTO letter_claims (letter, approver, at)
             SELECT id, approver, ?2 FROM letters WHERE id = ?1",
            params![letter, now],
        )?;
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// Records how an attempt ended.
    pub fn end_letter(&self, letter: LetterId, end: LetterEnd<'_>, now: Seconds) -> Result<()> {
        match end {
            LetterEnd::Sent => self.connection.execute(
                "UPDATE letters SET sent_at = ?2, due_at = NULL WHERE id = ?1",
                params![letter, now],
            ),
            LetterEnd::Later { why, due_at } => self.connection.execute(
                "UPDATE letters
                 SET due_at = ?3, last_error = ?2, claimed_at = NULL,
                     attempts = attempts + (claimed_at IS NULL)
                 WHERE id = ?1",
                params![letter, why, due_at],
            ),
            LetterEnd::Refused(why) => return self.refuse_letter(letter, why, now),
            LetterEnd::Over(why) => self.connection.execute(
                "UPDATE letters SET ended_why = ?2, due_at = NULL WHERE id = ?1",
                params![letter, why],
            ),
        }?;
        Ok(())
    }

    /// Takes the claim back: it is certain that nothing left.
    fn refuse_letter(&self, letter: LetterId, why: &str, now: Seconds) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE letters SET ended_why = ?2, due_at = NULL, claimed_at = NULL WHERE id = ?1",
            params![letter, why],
        )?;
        unwritten::refused(&transaction, letter, why, now)?;
        Ok(transaction.commit()?)
    }

    /// Ends every letter that was claimed when the program broke off: nobody knows
    /// whether it left, and it is not sent again. Says how many there are.
    pub fn end_crashed_letters(&self) -> Result<usize> {
        Ok(self.connection.execute(
            "UPDATE letters
             SET due_at = NULL, ended_why = 'the program ended while it was being sent'
             WHERE claimed_at IS NOT NULL AND due_at IS NOT NULL",
            [],
        )?)
    }

    /// How many letters to an approver were claimed at or after `since`, whatever
    /// became of them.
    pub fn letters_claimed(&self, approver: &str, since: Seconds) -> Result<u64> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(DISTINCT letter) FROM letter_claims WHERE approver = ?1 AND at >= ?2",
            )?
            .query_row(params![approver, since], |row| row.get(0))?)
    }

    /// How many letters of a kind were written to an approver at or after `since`.
    pub fn letters_written(&self, approver: &str, kind: LetterKind, since: Seconds) -> Result<u64> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*) FROM letters WHERE approver = ?1 AND kind = ?2 AND made_at >= ?3",
            )?
            .query_row(params![approver, kind.name(), since], |row| row.get(0))?)
    }

    /// When the last letter of a kind was written to an approver.
    pub fn last_letter(&self, approver: &str, kind: LetterKind) -> Result<Option<Seconds>> {
        Ok(self
            .connection
            .prepare_cached("SELECT max(made_at) FROM letters WHERE approver = ?1 AND kind = ?2")?
            .query_row(params![approver, kind.name()], |row| row.get(0))?)
    }

    /// The letters that asked an approver about one revision of a draft. One that is
    /// over without a claim did not leave.
    pub fn letters_about(
        &self,
        approver: &str,
        notification: NotificationId,
        revision: u32,
    ) -> Result<AskedBefore> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*),
                        count(*) FILTER (WHERE ended_why IS NULL OR claimed_at IS NOT NULL),
                        coalesce(max(letters.made_at), 0)
                 FROM answer_tokens
                 JOIN letter_tokens ON letter_tokens.token = answer_tokens.id
                 JOIN letters ON letters.id = letter_tokens.letter
                 WHERE answer_tokens.approver = ?1
                   AND answer_tokens.notification = ?2
                   AND answer_tokens.revision = ?3",
            )?
            .query_row(params![approver, notification, revision], |row| {
                Ok(AskedBefore {
                    written: row.get(0)?,
                    told: row.get(1)?,
                    last_at: row.get(2)?,
                })
            })?)
    }

    /// Whether a letter asks about a draft that still waits for a person, in the
    /// revision it shows.
    pub fn still_asks(&self, letter: LetterId) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1
                     FROM letter_tokens
                     JOIN answer_tokens ON answer_tokens.id = letter_tokens.token
                     JOIN notifications ON notifications.id = answer_tokens.notification
                     WHERE letter_tokens.letter = ?1
                       AND answer_tokens.used_by IS NULL
                       AND notifications.current_revision = answer_tokens.revision
                       AND notifications.closed_reason IS NULL
                       AND notifications.quarantined_why IS NULL
                       AND NOT EXISTS (
                           SELECT 1 FROM deliveries
                           WHERE notification = notifications.id AND withdrawn_at IS NULL))",
            )?
            .query_row([letter], |row| row.get(0))?)
    }
}

fn letter_row(row: &Row<'_>) -> rusqlite::Result<LetterRow> {
    Ok(LetterRow {
        id: row.get(0)?,
        approver: row.get(1)?,
        address: row.get(2)?,
        message_id: row.get(3)?,
        bytes: row.get(4)?,
        attempts: row.get(5)?,
        asks: row.get(6)?,
        last_error: row.get(7)?,
    })
}
