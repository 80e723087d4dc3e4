//! Drafts that cannot be put into a mail to an approver: each attempt is counted
//! before it is made, and after some there are no more (I16).

use anyhow::Result;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{LetterId, NotificationId, PROGRAM, Store, audit};
use crate::domain::Seconds;

/// One revision of a draft.
type Revision = (NotificationId, u32);

impl Store {
    /// Whether a mail about this revision may be written now: nothing failed, or the
    /// pause after that is over and it was not given up.
    pub fn may_be_written(
        &self,
        approver: &str,
        (notification, revision): Revision,
        now: Seconds,
    ) -> Result<bool> {
        let due_at: Option<Option<Seconds>> = self
            .connection
            .prepare_cached(
                "SELECT due_at FROM unwritten_letters
                 WHERE approver = ?1 AND notification = ?2 AND revision = ?3",
            )?
            .query_row(params![approver, notification, revision], |row| row.get(0))
            .optional()?;
        Ok(match due_at {
            None => true,
            Some(due_at) => due_at.is_some_and(|due_at| due_at <= now),
        })
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

    /// No more attempts are made; `why` goes into the trail of the notification.
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
        audit::write_line(
            &transaction,
            Some(notification),
            PROGRAM,
            "not asked by mail",
            why,
            now,
        )?;
        Ok(transaction.commit()?)
    }
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
