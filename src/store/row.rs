//! A notification's row as the worker and the command line read it.

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{DecisionId, DecisionKind, DeliveryRow, Filed, NotificationId, Store, filing, outbox};
use crate::domain::Seconds;
use crate::domain::draft::Draft;
use crate::domain::life::{ClosedReason, Deliveries, Facts, FinalWord, Stage, stage};
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::domain::notification::Notification;

/// Everything known of one notification, decoded; its stage is possible.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationRow {
    /// Its number, shown to people.
    pub id: NotificationId,
    /// Its identity (I2).
    pub content_key: String,
    /// The Message-ID without angle brackets, if it is a valid one.
    pub message_id: Option<String>,
    /// The mailbox it came from.
    pub mailbox: String,
    /// When it was taken in, by our clock.
    pub received_at: Seconds,
    /// Whether only the beginning of the mail was fetched.
    pub truncated: bool,
    /// Attempts at the present step that have not ended in an orderly way.
    pub attempts: u32,
    /// Not before then, and why.
    pub waiting: Option<Waiting>,
    /// Held until somebody releases it.
    pub held: Option<Held>,
    /// Why it was quarantined.
    pub quarantined: Option<String>,
    /// Why nothing more happens.
    pub closed: Option<Closed>,
    /// What a person filed; absent where a mail is behind it.
    pub filed: Option<Filed>,
    /// What the mail said.
    pub reading: Option<Reading>,
    /// What matching said, in the draft's order.
    pub verdicts: Option<Vec<FailureVerdict>>,
    /// The notification it is attached to: what is decided on that settles it.
    pub attached_to: Option<NotificationId>,
    /// The current revision.
    pub draft: Option<DraftRow>,
    /// The approval or rejection that counts.
    pub decision: Option<DecisionRow>,
    /// The outbox rows of that approval, in order.
    pub deliveries: Vec<DeliveryRow>,
    /// What the stage was derived from.
    pub facts: Facts,
    /// Where it stands.
    pub stage: Stage,
}

/// A deadline of the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Nothing is tried before.
    pub until: Seconds,
    /// For what, in words.
    pub why: String,
}

/// Somebody or some rule holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Why, in words.
    pub why: String,
    /// Who held it.
    pub who: String,
}

/// Nothing more happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Why, for the program.
    pub reason: ClosedReason,
    /// Why, in a sentence.
    pub note: String,
    /// When.
    pub at: Seconds,
}

/// What reading a mail came to. Secrets are redacted before it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The mail, as far as a reply and a person need it.
    pub mail: MailSummary,
    /// What the CI system said.
    pub notification: Notification,
    /// How many secrets were redacted; more than 0 disables automatic rules (I15).
    pub redactions: u32,
}

/// A mail without its text and attachments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSummary {
    /// Message-ID without angle brackets, if valid.
    pub message_id: Option<String>,
    /// Valid ids of In-Reply-To.
    pub in_reply_to: Vec<String>,
    /// Valid ids of References, oldest first.
    pub references: Vec<String>,
    /// Addresses of From.
    pub from: Vec<String>,
    /// The display name of the first From address.
    pub from_name: Option<String>,
    /// The decoded subject on one line.
    pub subject: String,
    /// The Date header, shown and never decided on.
    pub date: Option<String>,
    /// What was wrong with the mail, in words.
    pub remarks: Vec<String>,
}

impl From<&Mail> for MailSummary {
    fn from(mail: &Mail) -> Self {
        Self {
            message_id: mail.message_id.clone(),
            in_reply_to: mail.in_reply_to.clone(),
            references: mail.references.clone(),
            from: mail.from.clone(),
            from_name: mail.from_name.clone(),
            subject: mail.subject.clone(),
            date: mail.date.clone(),
            remarks: mail.remarks.clone(),
        }
    }
}

/// A verdict and the failures of the reading it is about (several when they were
/// taken together).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureVerdict {
    /// Which build of the notification, from 0.
    pub build: usize,
    /// Which failures of that build, from 0; empty if the build has none.
    pub failures: Vec<usize>,
    /// What matching said.
    pub verdict: Verdict,
}

/// One revision of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// Counts from 1; never reused.
    pub revision: u32,
    /// What would leave.
    pub draft: Draft,
    /// [`Draft::digest_of_revision`] when it was made.
    pub digest: String,
    /// When.
    pub made_at: Seconds,
    /// By whom.
    pub made_by: String,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Its number.
    pub id: DecisionId,
    /// On which revision of the draft.
    pub revision: u32,
    /// On exactly which bytes.
    pub digest: String,
    /// What was decided.
    pub kind: DecisionKind,
    /// By whom: shown in place of the approver's token.
    pub who: String,
    /// Why, in words; may be empty.
    pub reason: String,
    /// The rule that decided, when no person did (I6).
    pub auto_rule: Option<String>,
    /// When.
    pub at: Seconds,
}

impl NotificationRow {
    /// Whether `retry` would start over with it.
    pub fn can_start_over(&self) -> bool {
        match self.decision {
            None => true,
            Some(_) => {
                self.stage == Stage::Closed(ClosedReason::Undeliverable)
                    && self.deliveries.iter().all(|row| row.receipt.is_none())
            }
        }
    }
}

impl Store {
    /// Reads everything about a notification. Fails on a row that cannot be
    /// decoded or is impossible; the caller quarantines or shows it.
    pub fn load(&self, notification: NotificationId) -> Result<NotificationRow> {
        // One snapshot for all the statements below.
        let snapshot = self.connection.unchecked_transaction()?;
        let in_words = || format!("notification {notification} cannot be read");
        let facts = facts(&snapshot, notification)
            .with_context(in_words)?
            .with_context(|| format!("there is no notification {notification}"))?;
        let mut row = snapshot
            .prepare_cached("SELECT * FROM notifications WHERE id = ?1")?
            .query_row([notification], |row| Ok(plain_columns(row, facts)))?
            .with_context(in_words)?;
        row.filed = filing::of_notification(&snapshot, notification).with_context(in_words)?;
        row.draft = current_draft(&snapshot, notification).with_context(in_words)?;
        row.decision = final_decision(&snapshot, notification).with_context(in_words)?;
        row.deliveries = outbox::of_notification(&snapshot, notification).with_context(in_words)?;
        Ok(row)
    }

    /// Every revision of a draft, oldest first.
    pub fn drafts(&self, notification: NotificationId) -> Result<Vec<DraftRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT revision, draft, digest, made_at, made_by
             FROM drafts
             WHERE notification = ?1
             ORDER BY revision",
        )?;
        let rows = statement.query_map([notification], |row| Ok(draft_row(row)))?;
        rows.map(|row| row?).collect()
    }

    /// Every decision on a notification, oldest first.
    pub fn decisions(&self, notification: NotificationId) -> Result<Vec<DecisionRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, revision, digest, kind, who, reason, auto_rule, at
             FROM decisions
             WHERE notification = ?1
             ORDER BY id",
        )?;
        let rows = statement.query_map([notification], |row| Ok(decision_row(row)))?;
        rows.map(|row| row?).collect()
    }
}

/// What the rows of a notification record; `None` if there is no such one.
pub(super) fn facts(connection: &Connection, id: NotificationId) -> Result<Option<Facts>> {
    let Some((recorded, counts)) = connection
        .prepare_cached(
            "SELECT
                 reading IS NOT NULL,
                 verdicts IS NOT NULL,
                 current_revision IS NOT NULL,
                 closed_reason,
                 quarantined_why IS NOT NULL,
                 (SELECT kind FROM decisions
                  WHERE notification = notifications.id AND kind IN ('approve', 'reject')
                    AND id NOT IN (SELECT decision FROM withdrawals)),
                 (SELECT count(*) FROM deliveries
                  WHERE notification = notifications.id AND withdrawn_at IS NULL),
                 (SELECT count(*) FROM deliveries
                  WHERE notification = notifications.id AND done_at IS NOT NULL AND withdrawn_at IS NULL),
                 (SELECT count(*) FROM deliveries
                  WHERE notification = notifications.id AND failed_why IS NOT NULL AND withdrawn_at IS NULL),
                 -- A reply that was not claimed cannot move once an action failed.
                 (SELECT count(*) FROM deliveries
                  WHERE notification = notifications.id
                    AND done_at IS NULL AND failed_why IS NULL
                    AND (kind <> 'reply' OR claimed_at IS NOT NULL OR NOT EXISTS (
                        SELECT 1 FROM deliveries AS action
                        WHERE action.notification = notifications.id
                          AND action.kind <> 'reply'
                          AND action.failed_why IS NOT NULL
                          AND action.withdrawn_at IS NULL))),
                 attached_to IS NOT NULL
             FROM notifications
             WHERE id = ?1",
        )?
        .query_row([id], |row| {
            let counts: [i64; 4] = [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?];
            let recorded: Recorded = (
                [row.get(0)?, row.get(1)?, row.get(2)?, row.get(4)?, row.get(10)?],
                row.get(3)?,
                row.get(5)?,
            );
            Ok((recorded, counts))
        })
        .optional()?
    else {
        return Ok(None);
    };
    let ([read, matched, drafted, quarantined, attached], closed, decided) = recorded;
    Ok(Some(Facts {
        read,
        matched,
        drafted,
        attached,
        decided: match decided.as_deref() {
            Some("approve") => Some(FinalWord::Approved),
            Some(_) => Some(FinalWord::Rejected),
            None => None,
        },
        deliveries: taken_together(counts),
        closed: closed.as_deref().map(closed_reason).transpose()?,
        quarantined,
    }))
}

/// Flags (read, matched, drafted, quarantined, attached), the closed reason, the
/// final decision.
type Recorded = ([bool; 5], Option<String>, Option<String>);

fn taken_together([all, done, failed, movable]: [i64; 4]) -> Deliveries {
    if all == 0 {
        Deliveries::None
    } else if done == all {
        Deliveries::Done
    } else if failed > 0 && movable == 0 {
        Deliveries::Failed
    } else {
        Deliveries::Open
    }
}

fn closed_reason(name: &str) -> Result<ClosedReason> {
    ClosedReason::from_name(name).with_context(|| format!("closed for an unknown reason: {name}"))
}

/// The row without what other tables hold.
fn plain_columns(row: &Row<'_>, facts: Facts) -> Result<NotificationRow> {
    let reading: Option<String> = row.get("reading")?;
    let verdicts: Option<String> = row.get("verdicts")?;
    Ok(NotificationRow {
        id: row.get("id")?,
        content_key: row.get("content_key")?,
        message_id: row.get("message_id")?,
        mailbox: row.get("mailbox")?,
        received_at: row.get("received_at")?,
        truncated: row.get("truncated")?,
        attempts: row.get("attempts")?,
        waiting: Option::zip(row.get("waiting_until")?, row.get("waiting_why")?)
            .map(|(until, why)| Waiting { until, why }),
        held: Option::zip(row.get("held_why")?, row.get("held_by")?)
            .map(|(why, who)| Held { why, who }),
        quarantined: row.get("quarantined_why")?,
        closed: match facts.closed {
            Some(reason) => Some(Closed {
                reason,
                note: row.get("closed_note")?,
                at: row.get("closed_at")?,
            }),
            None => None,
        },
        reading: reading.as_deref().map(serde_json::from_str).transpose()?,
        verdicts: verdicts.as_deref().map(serde_json::from_str).transpose()?,
        attached_to: row.get("attached_to")?,
        filed: None,
        draft: None,
        decision: None,
        deliveries: Vec::new(),
        facts,
        stage: stage(&facts)?,
    })
}

pub(super) fn current_draft(
    connection: &Connection,
    id: NotificationId,
) -> Result<Option<DraftRow>> {
    connection
        .prepare_cached(
            "SELECT revision, draft, digest, made_at, made_by
             FROM drafts
             JOIN notifications ON notifications.id = drafts.notification
                               AND notifications.current_revision = drafts.revision
             WHERE notifications.id = ?1",
        )?
        .query_row([id], |row| Ok(draft_row(row)))
        .optional()?
        .transpose()
}

pub(super) fn final_decision(
    connection: &Connection,
    id: NotificationId,
) -> Result<Option<DecisionRow>> {
    connection
        .prepare_cached(
            "SELECT id, revision, digest, kind, who, reason, auto_rule, at
             FROM decisions
             WHERE notification = ?1 AND kind IN ('approve', 'reject')
               AND id NOT IN (SELECT decision FROM withdrawals)",
        )?
        .query_row([id], |row| Ok(decision_row(row)))
        .optional()?
        .transpose()
}

fn draft_row(row: &Row<'_>) -> Result<DraftRow> {
    let draft: String = row.get("draft")?;
    Ok(DraftRow {
        revision: row.get("revision")?,
        draft: serde_json::from_str(&draft).context("a draft cannot be read")?,
        digest: row.get("digest")?,
        made_at: row.get("made_at")?,
        made_by: row.get("made_by")?,
    })
}

fn decision_row(row: &Row<'_>) -> Result<DecisionRow> {
    let kind: String = row.get("kind")?;
    Ok(DecisionRow {
        id: row.get("id")?,
        revision: row.get("revision")?,
        digest: row.get("digest")?,
        kind: DecisionKind::from_name(&kind)
            .with_context(|| format!("a decision of an unknown kind: {kind}"))?,
        who: row.get("who")?,
        reason: row.get("reason")?,
        auto_rule: row.get("auto_rule")?,
        at: row.get("at")?,
    })
}
