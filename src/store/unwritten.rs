//! Drafts about which an approver cannot be asked by mail: each attempt to write one is
//! counted before it is made, and after some there are no more (I16); a mail that was
//! refused for good has no successor. Both are tried anew when the program starts or
//! reads its configuration again: whoever mended the cause does either.

use anyhow::Result;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{LetterId, NotificationId, PROGRAM, Store, audit};
use crate::domain::Seconds;

/// One revision of a draft.
type Revision = (NotificationId, u32);

/// Whether a mail about one revision of a draft may be written to an approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Nothing failed, or the pause after that is over.
    Possible,
    /// The last one was refused for good: no more than a reminder.
    Refused,
    /// The pause is not over, or it was given up.
    NotNow,
}

impl Store {
    /// Whether a mail about this revision may be written now.
    pub fn writing(
        &self,
        approver: &str,
        (notification, revision): Revision,
        now: Seconds,
    ) -> Result<Writing> {
        let failed: Option<(u32, Option<Seconds>)> = self
            .connection
            .prepare_cached(
                "SELECT attempts, due_at FROM unwritten_letters
                 WHERE approver = ?1 AND notification = ?2 AND revision = ?3",
            )?
            .query_row(params![approver, notification, revision], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(match failed {
            None => Writing::Possible,
            Some((_, Some(due_at))) if due_at <= now => Writing::Possible,
            // It was written, and no attempt after that failed.
            Some((0, None)) => Writing::Refused,
            Some(_) => Writing::NotNow,
        })
    }

    /// Lets what was given up be tried once more, but not what broke the program off
    /// in more than `attempts`: that would do so at each start.
    pub fn write_anew(&self, attempts: u32) -> Result<usize> {
        Ok(self.connection.execute(
            "UPDATE unwritten_letters SET attempts = max(attempts - 1, 0), due_at = 0
             WHERE due_at IS NULL AND attempts <= ?1",
            [attempts],
        )?)
    }

    /// Counts an attempt before it is made, and says which it is. [`Store::post`]
    /// forgets them.
    pub fn count_writing(
        &self,
        approver: &str,
        (notification, revision): Revision,
        now: Seconds,
    ) -> Result<u32> {
        Ok(self
            .connection
            .prepare_cached(
                "INSERT INTO unwritten_letters (approver, notification, revision, attempts, due_at)
                 VALUES (?1, ?2, ?3, 1, ?4)
                 ON CONFLICT DO UPDATE SET attempts = attempts + 1
                 RETURNING attempts",
            )?
            .query_row(params![approver, notification, revision, now], |row| {
                row.get(0)
            })?)
    }

    /// Takes the count of an attempt back that was not made.
    pub fn forget_writing(&self, approver: &str, (notification, revision): Revision) -> Result<()> {
        self.connection.execute(
            "UPDATE unwritten_letters SET attempts = max(attempts - 1, 0)
             WHERE approver = ?1 AND notification = ?2 AND revision = ?3",
            params![approver, notification, revision],
        )?;
        Ok(())
    }

    /// The attempt failed; the next is not made before `due_at`.
    pub fn put_off_writing(
        &self,
        approver: &str,
        (notification, revision): Revision,
        due_at: Seconds,
    ) -> Result<()> {
        self.connection.execute(
            "UPDATE unwritten_letters SET due_at = ?4
             WHERE approver = ?1 AND notification = ?2 AND revision = ?3",
            params![approver, notification, revision, due_at],
        )?;
        Ok(())
    }

    /// No more attempts are made; `why` goes into the trail of the notification, unless
    /// it stands there already.
    pub fn give_up_writing(
        &self,
        approver: &str,
        (notification, revision): Revision,
        why: &str,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE unwritten_letters SET due_at = NULL
             WHERE approver = ?1 AND notification = ?2 AND revision = ?3",
            params![approver, notification, revision],
        )?;
        tell_once(&transaction, notification, why, now)?;
        Ok(transaction.commit()?)
    }
}

/// A letter was refused for good: what it asks about is not asked in another.
pub(super) fn refused(
    transaction: &Transaction<'_>,
    letter: LetterId,
    why: &str,
    now: Seconds,
) -> Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO unwritten_letters (approver, notification, revision, attempts, due_at)
         SELECT approver, notification, revision, 0, NULL
         FROM answer_tokens
         JOIN letter_tokens ON letter_tokens.token = answer_tokens.id
         WHERE letter_tokens.letter = ?1
         ON CONFLICT DO UPDATE SET attempts = 0, due_at = NULL
         RETURNING approver, notification",
    )?;
    let asked = statement.query_map([letter], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let asked: Vec<(String, NotificationId)> = asked.collect::<Result<_, _>>()?;
    for (approver, notification) in asked {
        let words = format!("the mail to {approver} was refused: {why}");
        tell_once(transaction, notification, &words, now)?;
    }
    Ok(())
}

/// A line in the trail of a notification, if it is not there already: it is tried anew
/// at each start.
fn tell_once(
    transaction: &Transaction<'_>,
    notification: NotificationId,
    words: &str,
    now: Seconds,
) -> Result<()> {
    let what = "not asked by mail";
    let is_told: bool = transaction
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM audit WHERE notification = ?1 AND what = ?2 AND detail = ?3)",
        )?
        .query_row(params![notification, what, words], |row| row.get(0))?;
    if !is_told {
        audit::write_line(transaction, Some(notification), PROGRAM, what, words, now)?;
    }
    Ok(())
}

/// What a letter asks about was written at last.
pub(super) fn forget(transaction: &Transaction<'_>, letter: LetterId) -> Result<()> {
    transaction.execute(
        "DELETE FROM unwritten_letters
         WHERE (approver, notification, revision) IN (
             SELECT approver, notification, revision
             FROM answer_tokens
             JOIN letter_tokens ON letter_tokens.token = answer_tokens.id
             WHERE letter_tokens.letter = ?1)",
        [letter],
    )?;
    Ok(())
}
