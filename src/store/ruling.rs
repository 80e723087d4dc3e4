//! After a change of the rules that people write: the drafts that wait are looked
//! at once more, one at a time.

use anyhow::Result;

use super::decisions::refuse_decided;
use super::{NotDecided, NotificationId, PROGRAM, Store, audit, notifications};
use crate::domain::Seconds;

impl Store {
    /// Whether the drafts that wait were compared with the rules of this digest.
    pub fn rules_replayed(&self, digest: &str) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached("SELECT ended = 1 AND digest = ?1 FROM rules_replayed")?
            .query_row([digest], |row| row.get(0))?)
    }

    /// The next draft to be compared with the rules of this digest: one that the
    /// program made, that nobody decided on, and that is not held. None when all
    /// were. Begins at the first one when the digest is another than the last time.
    pub fn next_to_rule(&self, digest: &str) -> Result<Option<NotificationId>> {
        self.connection.execute(
            "UPDATE rules_replayed
             SET digest = ?1, upto = 0, ended = 0, changed = 0
             WHERE digest <> ?1",
            [digest],
        )?;
        let mut statement = self.connection.prepare_cached(
            "SELECT notifications.id
             FROM notifications
             JOIN drafts ON drafts.notification = notifications.id
                        AND drafts.revision = notifications.current_revision
             WHERE notifications.id > (SELECT upto FROM rules_replayed)
               AND closed_reason IS NULL
               AND quarantined_why IS NULL
               AND held_why IS NULL
               AND drafts.made_by = ?1
               AND NOT EXISTS (
                   SELECT 1 FROM decisions
                   WHERE decisions.notification = notifications.id
                     AND kind IN ('approve', 'reject')
                     AND decisions.id NOT IN (SELECT decision FROM withdrawals))
             ORDER BY notifications.id
             LIMIT 1",
        )?;
        let mut ids = statement.query_map([PROGRAM], |row| row.get(0))?;
        Ok(ids.next().transpose()?)
    }

    /// The rules change nothing about this draft: goes on behind it.
    pub fn pass_over_rules(&self, notification: NotificationId) -> Result<()> {
        self.connection
            .execute("UPDATE rules_replayed SET upto = ?1", [notification])?;
        Ok(())
    }

    /// Lets a draft be matched and drafted anew, and goes on behind it. Its
    /// revisions stay; the next one has a number and a digest of its own, so that
    /// nobody approves what was shown before (I7).
    pub fn match_anew(
        &self,
        notification: NotificationId,
        why: &str,
        now: Seconds,
    ) -> Result<(), NotDecided> {
        let transaction = self.begin()?;
        refuse_decided(&transaction, notification)?;
        transaction.execute(
            "UPDATE rules_replayed SET upto = ?1, changed = changed + 1",
            [notification],
        )?;
        transaction.execute(
            "UPDATE notifications
             SET verdicts = NULL, current_revision = NULL, attempts = 0,
                 waiting_until = NULL, waiting_why = NULL
             WHERE id = ?1 AND closed_reason IS NULL AND quarantined_why IS NULL",
            [notification],
        )?;
        let id = Some(notification);
        audit::write_line(&transaction, id, PROGRAM, "matched anew", why, now)?;
        notifications::must_be_possible(&transaction, notification)?;
        Ok(transaction.commit()?)
    }

    /// All drafts were compared; says how many are made anew.
    pub fn end_ruling(&self, digest: &str, now: Seconds) -> Result<u64> {
        let transaction = self.begin()?;
        transaction.execute(
            "UPDATE rules_replayed SET ended = 1 WHERE digest = ?1",
            [digest],
        )?;
        let changed: u64 =
            transaction.query_row("SELECT changed FROM rules_replayed", [], |row| row.get(0))?;
        let short = digest.get(..8).unwrap_or("none");
        let detail = format!("the rules ({short}) are in use; drafts made anew: {changed}");
        audit::write_line(&transaction, None, PROGRAM, "rules", &detail, now)?;
        transaction.commit()?;
        Ok(changed)
    }
}
