//! The worker's steps from the raw mail to a draft.

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, Transaction, params};

use super::decisions::{refuse_decided, short};
use super::withdraw::withdraw_undeliverable;
use super::{
    FailureVerdict, NotDecided, NotificationId, PROGRAM, Reading, Store, along, audit, recovery,
    row,
};
use crate::domain::Seconds;
use crate::domain::draft::Draft;
use crate::domain::life::{ClosedReason, Facts, Stage, stage};
use crate::domain::matching::{Tier, Verdict};

/// A new revision of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised {
    /// Its number.
    pub revision: u32,
    /// Its digest, to be named by the approval.
    pub digest: String,
}

impl Store {
    /// Counts an attempt, committed before the risky part begins (I16), and says
    /// how many there were since the last step that ended.
    pub fn count_attempt(&self, notification: NotificationId) -> Result<u32> {
        self.connection
            .query_row(
                "UPDATE notifications
                 SET attempts = attempts + 1
                 WHERE id = ?1
                 RETURNING attempts",
                [notification],
                |row| row.get(0),
            )
            .with_context(|| format!("there is no notification {notification}"))
    }

    /// Takes an attempt back that broke off for no fault of the notification.
    pub fn forget_attempt(&self, notification: NotificationId) -> Result<()> {
        self.connection.execute(
            "UPDATE notifications
             SET attempts = attempts - 1
             WHERE id = ?1 AND attempts > 0",
            [notification],
        )?;
        Ok(())
    }

    /// Received -> Parsed.
    pub fn record_reading(
        &self,
        notification: NotificationId,
        reading: &Reading,
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        step.must_be(Stage::Received)?;
        step.transaction.execute(
            "UPDATE notifications
             SET reading = ?2, attempts = 0, waiting_until = NULL, waiting_why = NULL
             WHERE id = ?1",
            params![notification, serde_json::to_string(reading)?],
        )?;
        let builds = &reading.notification.builds;
        recovery::record(&step.transaction, notification, builds, false)?;
        step.end(PROGRAM, "read", &reading_in_words(reading), now)
    }

    /// Parsed -> Matched.
    pub fn record_verdicts(
        &self,
        notification: NotificationId,
        verdicts: &[FailureVerdict],
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        step.must_be(Stage::Parsed)?;
        step.transaction.execute(
            "UPDATE notifications
             SET verdicts = ?2, attempts = 0, waiting_until = NULL, waiting_why = NULL
             WHERE id = ?1",
            params![notification, serde_json::to_string(verdicts)?],
        )?;
        let reading: String = step.transaction.query_row(
            "SELECT reading FROM notifications WHERE id = ?1",
            [notification],
            |row| row.get(0),
        )?;
        let reading: Reading = serde_json::from_str(&reading)?;
        let words = verdicts_in_words(&reading, verdicts);
        step.end(PROGRAM, "matched", &words, now)
    }

    /// Matched -> Drafted, with a new revision. A person's changes go through
    /// [`Store::revise`].
    pub fn record_draft(
        &self,
        notification: NotificationId,
        draft: &Draft,
        now: Seconds,
    ) -> Result<Revised> {
        let step = self.step(notification)?;
        step.must_be(Stage::Matched)?;
        let revised = insert_draft(&step.transaction, notification, draft, PROGRAM, now)?;
        step.end(
            PROGRAM,
            "drafted",
            &format!("revision {} ({})", revised.revision, short(&revised.digest)),
            now,
        )?;
        Ok(revised)
    }

    /// Closes a notification. Fails if the reason does not fit its stage.
    pub fn close_notification(
        &self,
        notification: NotificationId,
        reason: ClosedReason,
        note: &str,
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        ensure!(
            step.facts.closed.is_none(),
            "notification {notification} is closed already"
        );
        close(&step.transaction, notification, reason, note, now)?;
        step.end(PROGRAM, "closed", &format!("{reason}: {note}"), now)
    }

    /// Tries nothing more before `until`. An orderly end of an attempt: the
    /// count begins anew.
    pub fn wait_until(
        &self,
        notification: NotificationId,
        until: Seconds,
        why: &str,
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        let news = step.transaction.query_row(
            "SELECT waiting_why IS NOT ?2 FROM notifications WHERE id = ?1",
            params![notification, why],
            |row| row.get::<_, bool>(0),
        )?;
        step.transaction.execute(
            "UPDATE notifications
             SET waiting_until = ?2, waiting_why = ?3, attempts = 0
             WHERE id = ?1",
            params![notification, until, why],
        )?;
        if news {
            return step.end(PROGRAM, "waits", why, now);
        }
        // Said once is enough: the trail stays readable.
        Ok(step.transaction.commit()?)
    }

    /// Lays a notification aside until a person starts it over.
    pub fn quarantine(&self, notification: NotificationId, why: &str, now: Seconds) -> Result<()> {
        let step = self.step(notification)?;
        let was_impossible = stage(&step.facts).is_err();
        step.transaction.execute(
            "UPDATE notifications
             SET quarantined_why = ?2, waiting_until = NULL, waiting_why = NULL
             WHERE id = ?1",
            params![notification, why],
        )?;
        if was_impossible {
            // Laid aside all the same, or the worker would meet it again and again.
            let id = Some(notification);
            audit::write_line(&step.transaction, id, PROGRAM, "quarantined", why, now)?;
            return Ok(step.transaction.commit()?);
        }
        step.end(PROGRAM, "quarantined", why, now)
    }

    /// Holds a notification that is not closed: no step is done, nothing of it
    /// leaves. `who` is a person, a rule, or [`PROGRAM`].
    pub fn hold(
        &self,
        notification: NotificationId,
        why: &str,
        who: &str,
        now: Seconds,
    ) -> Result<()> {
        let step = self.step(notification)?;
        ensure!(
            step.facts.closed.is_none(),
            "notification {notification} is closed already"
        );
        step.transaction.execute(
            "UPDATE notifications SET held_why = ?2, held_by = ?3 WHERE id = ?1",
            params![notification, why, who],
        )?;
        step.end(who, "held", why, now)
    }

    /// Lets go of a held one; says whether it was held.
    pub fn release(&self, notification: NotificationId, who: &str, now: Seconds) -> Result<bool> {
        let step = self.step(notification)?;
        let changed = step.transaction.execute(
            "UPDATE notifications
             SET held_why = NULL, held_by = NULL
             WHERE id = ?1 AND held_why IS NOT NULL",
            [notification],
        )?;
        if changed == 0 {
            return Ok(false);
        }
        step.end(who, "released", "", now)?;
        Ok(true)
    }

    /// Reads, matches and drafts once more, from the raw mail: also a closed or
    /// quarantined one, as long as nobody approved or rejected. An approval that
    /// was undeliverable, and of which nothing happened, is withdrawn first.
    pub fn start_over(
        &self,
        notification: NotificationId,
        who: &str,
        now: Seconds,
    ) -> Result<(), NotDecided> {
        let transaction = self.begin()?;
        withdraw_undeliverable(&transaction, notification, who, now)?;
        refuse_decided(&transaction, notification)?;
        along::refuse_answered(&transaction, notification)?;
        let changed = transaction.execute(
            "UPDATE notifications
             SET reading = NULL, verdicts = NULL, current_revision = NULL, attached_to = NULL,
                 closed_reason = NULL, closed_note = NULL, closed_at = NULL,
                 quarantined_why = NULL, held_why = NULL, held_by = NULL,
                 waiting_until = NULL, waiting_why = NULL, attempts = 0
             WHERE id = ?1",
            [notification],
        )?;
        if changed == 0 {
            return Err(NotDecided::Unknown(notification));
        }
        audit::write_line(
            &transaction,
            Some(notification),
            who,
            "started over",
            "",
            now,
        )?;
        Ok(transaction.commit()?)
    }

    /// Begins a change of one notification.
    pub(super) fn step(&self, notification: NotificationId) -> Result<Step<'_>> {
        let transaction = self.begin()?;
        let facts = row::facts(&transaction, notification)?
            .with_context(|| format!("there is no notification {notification}"))?;
        Ok(Step {
            transaction,
            notification,
            facts,
        })
    }
}

/// A change of one notification: what it was, and the transaction in which no
/// other process can change it.
pub(super) struct Step<'a> {
    pub(super) transaction: Transaction<'a>,
    notification: NotificationId,
    pub(super) facts: Facts,
}

impl Step<'_> {
    pub(super) fn must_be(&self, expected: Stage) -> Result<()> {
        let found = stage(&self.facts)?;
        ensure!(
            found == expected,
            "notification {} is {found}, not {expected}",
            self.notification
        );
        Ok(())
    }

    /// Commits, unless the change made something impossible.
    pub(super) fn end(self, who: &str, what: &str, detail: &str, now: Seconds) -> Result<()> {
        let id = self.notification;
        audit::write_line(&self.transaction, Some(id), who, what, detail, now)?;
        must_be_possible(&self.transaction, id)?;
        Ok(self.transaction.commit()?)
    }
}

/// Refuses what no path through the life of a notification leads to.
pub(super) fn must_be_possible(connection: &Connection, id: NotificationId) -> Result<()> {
    if let Some(facts) = row::facts(connection, id)? {
        stage(&facts).with_context(|| format!("notification {id}"))?;
    }
    Ok(())
}

/// Adds the next revision and makes it the current one.
pub(super) fn insert_draft(
    connection: &Connection,
    id: NotificationId,
    draft: &Draft,
    made_by: &str,
    now: Seconds,
) -> Result<Revised> {
    let revision: u32 = connection.query_row(
        "SELECT coalesce(max(revision), 0) + 1 FROM drafts WHERE notification = ?1",
        [id],
        |row| row.get(0),
    )?;
    let digest = draft.digest_of_revision(revision);
    let json = serde_json::to_string(draft)?;
    connection.execute(
        "INSERT INTO drafts (notification, revision, draft, digest, made_at, made_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![id, revision, json, digest, now, made_by],
    )?;
    connection.execute(
        "UPDATE notifications
         SET current_revision = ?2, attempts = 0, waiting_until = NULL, waiting_why = NULL
         WHERE id = ?1",
        params![id, revision],
    )?;
    Ok(Revised { revision, digest })
}

pub(super) fn close(
    connection: &Connection,
    id: NotificationId,
    reason: ClosedReason,
    note: &str,
    now: Seconds,
) -> Result<()> {
    connection.execute(
        "UPDATE notifications
         SET closed_reason = ?2, closed_note = ?3, closed_at = ?4,
             held_why = NULL, held_by = NULL, waiting_until = NULL, waiting_why = NULL
         WHERE id = ?1",
        params![id, reason.name(), note, now],
    )?;
    Ok(())
}

fn reading_in_words(reading: &Reading) -> String {
    let builds = &reading.notification.builds;
    let failures: usize = builds.iter().map(|build| build.failures.len()).sum();
    format!("builds: {}, failures: {failures}", builds.len())
}

/// More failures than this are counted only.
const VERDICTS_TOLD: usize = 20;

/// `test_os: known #12 strong, #7 weak; test_x: new`.
fn verdicts_in_words(reading: &Reading, verdicts: &[FailureVerdict]) -> String {
    let mut words: Vec<String> = verdicts
        .iter()
        .take(VERDICTS_TOLD)
        .map(|found| {
            let candidates = in_words(&found.verdict);
            match failure_name(reading, found) {
                Some(name) => format!("{name}: {candidates}"),
                None => candidates,
            }
        })
        .collect();
    if verdicts.len() > VERDICTS_TOLD {
        words.push(format!("and {} more", verdicts.len() - VERDICTS_TOLD));
    }
    words.join("; ")
}

fn failure_name(reading: &Reading, found: &FailureVerdict) -> Option<String> {
    let build = reading.notification.builds.get(found.build)?;
    let failure = build.failures.get(*found.failures.first()?)?;
    Some(match failure.test.qualified() {
        name if name.is_empty() => failure.kind.words().to_owned(),
        name => name,
    })
}

fn in_words(verdict: &Verdict) -> String {
    let (word, candidates) = match verdict {
        Verdict::Known { candidates } => ("known", candidates),
        Verdict::Ambiguous { candidates } => ("ambiguous", candidates),
        Verdict::New { related, .. } => ("new", related),
    };
    let tier = |tier| match tier {
        Tier::Weak => "weak",
        Tier::Likely => "likely",
        Tier::Strong => "strong",
    };
    let candidates: Vec<String> = candidates
        .iter()
        .take(3)
        .map(|found| format!("#{} {}", found.issue.number, tier(found.tier)))
        .collect();
    match (candidates.as_slice(), verdict) {
        ([], _) => word.to_owned(),
        (_, Verdict::New { .. }) => format!("{word} (related: {})", candidates.join(", ")),
        _ => format!("{word} {}", candidates.join(", ")),
    }
}
