//! How the mails to approvers and the messages to channels stand, for people.

use anyhow::Result;
use rusqlite::{OptionalExtension, params};

use super::letters::{DECIDED_MEANWHILE, NOBODY_ANY_MORE};
use super::{ListFilter, Store};
use crate::domain::Seconds;

/// How the mails to one approver stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Drafts that a mail that left asks about, and that still wait as it shows them.
    pub unanswered: u64,
    /// When the last mail left.
    pub last_sent_at: Option<Seconds>,
    /// Mails that have not left yet.
    pub queued: u64,
    /// Why the oldest of those did not leave when it was tried.
    pub queued_why: Option<String>,
    /// Drafts that wait and about which no mail can be written or was taken: that is
    /// tried again when the program starts or reads its configuration again.
    pub given_up: u64,
    /// The last mail that did not leave and will not, or of which nobody knows.
    pub last_failed: Option<FailedLetter>,
}

/// A mail to an approver that is over and was not sent for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLetter {
    /// When it was tried, or written if it never was.
    pub at: Seconds,
    /// Why, in words.
    pub why: String,
}

impl Asked {
    /// Whether the last that is known of these mails is a failure.
    pub fn fails(&self) -> bool {
        let failed = self.last_failed.as_ref().map(|it| it.at);
        self.queued_why.is_some()
            || self.given_up > 0
            || failed.is_some_and(|at| Some(at) >= self.last_sent_at)
    }
}

impl Store {
    /// How the mails to an approver stand, by the name of the configuration.
    pub fn asked(&self, approver: &str) -> Result<Asked> {
        let (to_decide, _) = ListFilter::ToDecide.sql();
        let unanswered = format!(
            "SELECT count(DISTINCT answer_tokens.notification)
             FROM answer_tokens
             JOIN letter_tokens ON letter_tokens.token = answer_tokens.id
             JOIN letters ON letters.id = letter_tokens.letter
             WHERE answer_tokens.approver = ?1
               AND answer_tokens.used_by IS NULL
               AND letters.sent_at IS NOT NULL
               AND (answer_tokens.notification, answer_tokens.revision) IN (
                   SELECT id, current_revision FROM notifications WHERE {to_decide})"
        );
        let given_up = format!(
            "SELECT count(*)
             FROM unwritten_letters
             WHERE approver = ?1
               AND due_at IS NULL
               AND (notification, revision) IN (
                   SELECT id, current_revision FROM notifications WHERE {to_decide})"
        );
        let (last_sent_at, queued) = self.connection.query_row(
            "SELECT max(sent_at), count(due_at) FROM letters WHERE approver = ?1",
            [approver],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let queued_why = self.connection.query_row(
            "SELECT last_error FROM letters
             WHERE approver = ?1 AND due_at IS NOT NULL
             ORDER BY id LIMIT 1",
            [approver],
            |row| row.get(0),
        );
        let last_failed = self.connection.query_row(
            "SELECT coalesce((SELECT max(at) FROM letter_claims WHERE letter = letters.id), made_at),
                    ended_why
             FROM letters
             WHERE approver = ?1 AND ended_why IS NOT NULL AND ended_why NOT IN (?2, ?3)
             ORDER BY id DESC LIMIT 1",
            [approver, DECIDED_MEANWHILE, NOBODY_ANY_MORE],
            |row| {
                Ok(FailedLetter {
                    at: row.get(0)?,
                    why: row.get(1)?,
                })
            },
        );
        Ok(Asked {
            unanswered: self
                .connection
                .query_row(&unanswered, [approver], |row| row.get(0))?,
            given_up: self
                .connection
                .query_row(&given_up, [approver], |row| row.get(0))?,
            last_sent_at,
            queued,
            queued_why: queued_why.optional()?.flatten(),
            last_failed: last_failed.optional()?,
        })
    }

    /// When something was last told on a channel. What bears a later time than `now`
    /// was written under another clock (I23).
    pub fn last_told(&self, target: &str, now: Seconds) -> Result<Option<Seconds>> {
        Ok(self
            .connection
            .prepare_cached("SELECT max(at) FROM alerts WHERE target = ?1 AND at <= ?2")?
            .query_row(params![target, now], |row| row.get(0))?)
    }
}
