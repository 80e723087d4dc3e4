//! The outbox, in order: what was approved leaves, once (I4 to I7, I9, I10).
//!
//! ```text
//! due -> gate -> the exact bytes frozen -> harmless preparation -> CLAIM -> the one request -> recorded
//!                 (committed before any network byte)      (committed right before it)
//! ```
//!
//! What breaks before the claim provably did nothing. What breaks after it is
//! in doubt.

mod mail;
mod report;
pub(super) mod restored;

use std::time::Duration;

pub use mail::body_digest_approved_by;
pub(super) use report::{note_reopened, work_of};

use anyhow::{Context, Result};

use super::auto::{self, ByRule};
use super::{Memory, Parts};
use crate::domain::Seconds;
use crate::domain::delivery::{DeliveryKind, Outcome, Receipt, doubt_check_due, retry_after};
use crate::domain::draft::Draft;
use crate::domain::policy::{AllowedBy, Effect, Gate, LedgerCounts, Switches, may_leave};
use crate::store::{
    Claim, ClaimRefused, DeliveryRow, Finish, LedgerEntry, LedgerScope, NotificationId,
    NotificationRow, PROGRAM, Service, Switch, is_disk_trouble,
};

const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;

/// A wait of so many seconds is not worth a new attempt.
const SHORT_PAUSE: Seconds = 3;

/// How many deliveries one pass makes.
const DELIVERIES_A_PASS: usize = 20;

/// Makes what is due, one after the other: there is one writer. Gives how many
/// attempts it made.
///
/// Nothing leaves before the whole mailbox was looked at since the start, and
/// every mail in it read: one may be a reply that this database, brought back
/// from an older copy, does not know (I22).
pub(super) async fn deliver_due(parts: &Parts, memory: &mut Memory) -> Result<usize> {
    if !parts.caught_up.get() {
        tell_what_waits(parts)?;
        return Ok(0);
    }
    if parts.store.has_unread()? {
        return Ok(0);
    }
    if parts.store.switch(Switch::Stop)?.is_some() || parts.store.switch(Switch::Pause)?.is_some() {
        // What is due stays as it is until the switch is off.
        return Ok(0);
    }
    let mut attempts = 0;
    while attempts < DELIVERIES_A_PASS {
        if parts.is_stopping() {
            break;
        }
        parts.beat();
        // Asked anew each time: a delivery makes the next one of its draft due.
        let due = parts.store.due_deliveries(parts.clock.now(), 1)?;
        let Some(row) = due.into_iter().next() else {
            break;
        };
        deliver(parts, memory, &row).await?;
        attempts += 1;
    }
    Ok(attempts)
}

/// What a delivery waits for while the mailbox cannot be read.
const MAILBOX_FIRST: &str = "nothing leaves before the whole mailbox was read once since the \
                             start: a mail in it may tell that this was sent already";

/// While the mailbox cannot be read, people learn what that keeps back. A start
/// that goes well is not worth a word.
fn tell_what_waits(parts: &Parts) -> Result<()> {
    let mailbox = Service::Mailbox.name();
    if !parts
        .store
        .troubles()?
        .iter()
        .any(|it| it.service == mailbox)
    {
        return Ok(());
    }
    let now = parts.clock.now();
    for row in parts.store.due_deliveries(now, DELIVERIES_A_PASS)? {
        if row.last_error.as_deref() != Some(MAILBOX_FIRST) {
            tracing::warn!(notification = %row.notification, delivery = %row.id, why = MAILBOX_FIRST, "not now");
            let (why, due_at) = (MAILBOX_FIRST, now);
            parts
                .store
                .finish(row.id, Finish::Later { why, due_at }, now)?;
        }
    }
    Ok(())
}

/// One delivery with all it needs, decoded once.
struct Job<'a> {
    row: &'a DeliveryRow,
    notification: NotificationRow,
    /// The one that a reply answers, if it is settled along with that.
    answered: Option<NotificationRow>,
    draft: Draft,
}

impl Job<'_> {
    /// The notification whose mail this is about.
    fn about(&self) -> &NotificationRow {
        self.answered.as_ref().unwrap_or(&self.notification)
    }
}

/// A row, or none when it cannot be read: then it is laid aside.
fn readable(parts: &Parts, id: NotificationId) -> Result<Option<NotificationRow>> {
    match parts.store.load(id) {
        Ok(row) => Ok(Some(row)),
        Err(error) if is_disk_trouble(&error) => Err(error),
        Err(error) => {
            let why = format!("its row cannot be read: {error:#}");
            super::lay_aside(parts, id, &why)?;
            Ok(None)
        }
    }
}

async fn deliver(parts: &Parts, memory: &mut Memory, row: &DeliveryRow) -> Result<()> {
    let Some(notification) = readable(parts, row.notification)? else {
        return Ok(());
    };
    let answered = match row.answers {
        Some(id) => match readable(parts, id)? {
            Some(answered) => Some(answered),
            None => return fail(parts, row, "the notification it answers cannot be read"),
        },
        None => None,
    };
    let about = answered.as_ref().unwrap_or(&notification);
    let gate = gate_in_time(parts, memory, row, &notification, about).await?;
    match gate {
        Gate::Go => {}
        // Nothing is tried, so the trail needs to say it once only.
        Gate::Wait { until, why } if row.last_error.as_ref() == Some(&why) => {
            return parts.store.postpone_delivery(row.id, until);
        }
        Gate::Wait { until, why } => return later(parts, row, &why, until),
        Gate::Hold { why } => {
            tracing::warn!(notification = %row.notification, delivery = %row.id, why, "held until a person releases it");
            let now = parts.clock.now();
            return parts.store.hold(row.about(), &why, PROGRAM, now);
        }
        Gate::Stop { why } => {
            tracing::error!(notification = %row.notification, delivery = %row.id, why, "STOP: nothing leaves until a person clears it");
            let now = parts.clock.now();
            return parts.store.switch_on(Switch::Stop, &why, PROGRAM, now);
        }
    }
    let attempts = parts.store.count_delivery_attempt(row.id)?;
    let job = match approved_draft(parts, row) {
        Ok(draft) => Job {
            row,
            notification,
            answered,
            draft,
        },
        Err(error) if is_disk_trouble(&error) => return Err(error),
        Err(error) => return fail(parts, row, &format!("{error:#}")),
    };
    let outcome = match row.kind {
        DeliveryKind::Reply => mail::send(parts, &job).await?,
        DeliveryKind::OpenIssue | DeliveryKind::Comment => report::write(parts, &job).await?,
    };
    if let Some(outcome) = outcome {
        if row.kind == DeliveryKind::Reply {
            note(parts, &outcome)?;
        }
        record(parts, memory, row, attempts, outcome)?;
    }
    Ok(())
}

/// Keeps for `status` whether mail can leave, and tells people when that changes.
fn note(parts: &Parts, outcome: &Outcome) -> Result<()> {
    match outcome {
        // A refusal of this one mail is an answer, and told with the delivery.
        Outcome::Done(_) | Outcome::Refused { .. } => {
            if parts.store.clear_trouble(Service::Outgoing)? {
                tracing::info!("mails leave again");
            }
        }
        Outcome::Later { why, .. } | Outcome::Unknown { why } => {
            let now = parts.clock.now();
            if parts.store.note_trouble(Service::Outgoing, why, now)? {
                tracing::warn!(why, "no mail can leave; replies wait");
            }
        }
    }
    Ok(())
}

/// The draft as approved. Bytes whose digest is another are refused (I6).
fn approved_draft(parts: &Parts, row: &DeliveryRow) -> Result<Draft> {
    let draft = parts
        .store
        .drafts(row.notification)?
        .into_iter()
        .find(|draft| draft.revision == row.revision)
        .context("the approved revision is not in the store")?
        .draft;
    anyhow::ensure!(
        draft.has_digest(row.revision, &row.digest),
        "the draft is not the one that was approved"
    );
    Ok(draft)
}

/// The gate's answer; a short pause between two writes is waited out here.
async fn gate_in_time(
    parts: &Parts,
    memory: &Memory,
    row: &DeliveryRow,
    notification: &NotificationRow,
    about: &NotificationRow,
) -> Result<Gate> {
    for _ in 0..SHORT_PAUSE {
        let now = parts.clock.now();
        let gate = gate(parts, memory, row, (notification, about), now)?;
        match gate {
            Gate::Wait { until, .. } if until - now <= SHORT_PAUSE => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => return Ok(other),
        }
    }
    let now = parts.clock.now();
    gate(parts, memory, row, (notification, about), now)
}

fn gate(
    parts: &Parts,
    memory: &Memory,
    row: &DeliveryRow,
    (notification, about): (&NotificationRow, &NotificationRow),
    now: Seconds,
) -> Result<Gate> {
    let effect = Effect {
        kind: row.kind,
        allowed_by: allowed_by(parts, row)?,
        notification_at: about.received_at,
        along: row.answers.is_some(),
    };
    let switches = Switches {
        stop: parts.store.switch(Switch::Stop)?.map(|on| on.reason),
        paused: parts.store.switch(Switch::Pause)?.map(|on| on.reason),
        tracker_wants_quiet_until: memory.quiet_until,
    };
    let counts = count(parts, memory, row, (notification, about), now)?;
    Ok(may_leave(
        &effect,
        &switches,
        &parts.rules.limits,
        &counts,
        now,
    ))
}

/// Who allows a delivery, as things stand: whoever releases what a rule approved takes
/// that upon themselves.
fn allowed_by(parts: &Parts, row: &DeliveryRow) -> Result<AllowedBy> {
    if was_released(parts, row)? {
        return Ok(AllowedBy::Release);
    }
    Ok(match auto::rule_behind(parts, row.decision)? {
        Some(ByRule { name, off }) => AllowedBy::Rule { name, off },
        None => AllowedBy::Person,
    })
}

/// Whether a person let go of it after the program had held it.
fn was_released(parts: &Parts, row: &DeliveryRow) -> Result<bool> {
    let trail = parts.store.trail(row.about())?;
    let last = trail
        .iter()
        .rev()
        .find(|line| line.what == "held" || line.what == "released");
    Ok(last.is_some_and(|line| line.what == "released"))
}

fn count(
    parts: &Parts,
    memory: &Memory,
    row: &DeliveryRow,
    (notification, about): (&NotificationRow, &NotificationRow),
    now: Seconds,
) -> Result<LedgerCounts> {
    let limits = &parts.rules.limits;
    let thread = thread_of(about);
    let body = match row.kind {
        DeliveryKind::Reply => mail::body_digest(row, notification),
        DeliveryKind::OpenIssue | DeliveryKind::Comment => None,
    };
    let of = |kind, scope, since| parts.store.ledger_count(kind, scope, since, row.id);
    let replies = |scope, since| of(DeliveryKind::Reply, scope, since);
    let writes = |since| -> Result<u64> {
        Ok(of(DeliveryKind::OpenIssue, LedgerScope::All, since)?
            + of(DeliveryKind::Comment, LedgerScope::All, since)?)
    };
    let same_body = match &body {
        Some(digest) => replies(
            LedgerScope::SameBody {
                target: &parts.rules.list.list_address,
                body_digest: digest,
            },
            now - Seconds::from(limits.same_body_days) * DAY,
        )?,
        None => 0,
    };
    let cleared = parts.store.stop_cleared_at()?.unwrap_or(0);
    Ok(LedgerCounts {
        replies_to_notification: replies(LedgerScope::Notification(row.about()), 0)?,
        replies_in_thread: replies(LedgerScope::Thread(&thread), 0)?,
        replies_last_hour: replies(LedgerScope::All, cleared.max(now - HOUR))?,
        replies_last_day: replies(LedgerScope::All, cleared.max(now - DAY))?,
        replies_with_same_body: same_body,
        new_issues_this_run: opened_for_others(memory, row),
        new_issues_last_day: of(DeliveryKind::OpenIssue, LedgerScope::All, now - DAY)?,
        tracker_writes_just_now: writes(
            now - Seconds::from(limits.seconds_between_tracker_writes),
        )?,
        tracker_writes_last_minute: writes(now - 60)?,
        tracker_writes_last_hour: writes(now - HOUR)?,
    })
}

/// Issues of one approved draft do not count against each other: the cap is there
/// for many drafts that all say "new".
fn opened_for_others(memory: &Memory, row: &DeliveryRow) -> u64 {
    let opened = memory.opened_this_run.iter();
    opened.filter(|id| **id != row.notification).count() as u64
}

/// The thread an effect belongs to: the first mail's Message-ID.
fn thread_of(notification: &NotificationRow) -> String {
    let first = notification
        .reading
        .as_ref()
        .and_then(|reading| reading.mail.references.first().cloned());
    first
        .or_else(|| notification.message_id.clone())
        .unwrap_or_else(|| format!("notification {}", notification.id))
}

/// Claims a delivery right before the request with the effect; `None` when it
/// may not leave any more, which is recorded.
fn claim(
    parts: &Parts,
    row: &DeliveryRow,
    entry: &LedgerEntry<'_>,
    digest: &str,
) -> Result<Option<Claim>> {
    let now = parts.clock.now();
    if let AllowedBy::Rule { off: Some(why), .. } = allowed_by(parts, row)? {
        // It was on a moment ago; the gate says the rest.
        later(parts, row, &why, now)?;
        return Ok(None);
    }
    match parts.store.claim(row.id, digest, entry, now) {
        Ok(claim) => Ok(Some(claim)),
        Err(ClaimRefused::Store(error)) => Err(error),
        Err(refused) => {
            tracing::info!(notification = %row.notification, delivery = %row.id, why = %refused, "not sent");
            later(parts, row, &refused.to_string(), now + 30)?;
            Ok(None)
        }
    }
}

/// Records how an attempt ended.
fn record(
    parts: &Parts,
    memory: &mut Memory,
    row: &DeliveryRow,
    attempts: u32,
    outcome: Outcome,
) -> Result<()> {
    let now = parts.clock.now();
    match outcome {
        Outcome::Done(receipt) => {
            tracing::info!(notification = %row.notification, delivery = %row.id, kind = row.kind.name(), receipt = describe(&receipt), "delivered");
            if row.kind == DeliveryKind::OpenIssue {
                memory.opened_this_run.push(row.notification);
                // So that the next failure of this kind finds it.
                memory.next_sync = now;
            }
            note_reopened(parts, &parts.store.delivery(row.id)?)?;
            parts.store.finish(row.id, Finish::Done(&receipt), now)
        }
        Outcome::Later { why, after_seconds } => {
            let pause = retry_after(attempts, after_seconds, parts.chance());
            let due_at = now + Seconds::try_from(pause).unwrap_or(DAY);
            if after_seconds.is_some() && row.kind.is_tracker_write() {
                memory.quiet_until = Some(due_at);
            }
            later(parts, row, &why, due_at)
        }
        Outcome::Refused { why } => fail(parts, row, &why),
        Outcome::Unknown { why } => {
            tracing::warn!(notification = %row.notification, delivery = %row.id, kind = row.kind.name(), why, "no definite answer; it is not sent again");
            let check_at = match row.kind {
                DeliveryKind::Reply => None,
                DeliveryKind::OpenIssue | DeliveryKind::Comment => {
                    doubt_check_due(0, now, &parts.rules.doubt_checks)
                }
            };
            let why = &why;
            parts
                .store
                .finish(row.id, Finish::InDoubt { why, check_at }, now)
        }
    }
}

fn later(parts: &Parts, row: &DeliveryRow, why: &str, due_at: Seconds) -> Result<()> {
    // Once for people; the repetitions are for those who look closer.
    if row.last_error.as_deref() == Some(why) {
        tracing::debug!(notification = %row.notification, delivery = %row.id, kind = row.kind.name(), why, "still not now");
    } else {
        tracing::info!(notification = %row.notification, delivery = %row.id, kind = row.kind.name(), why, "not now; it will be tried again");
    }
    let now = parts.clock.now();
    parts
        .store
        .finish(row.id, Finish::Later { why, due_at }, now)
}

fn fail(parts: &Parts, row: &DeliveryRow, why: &str) -> Result<()> {
    tracing::error!(notification = %row.notification, delivery = %row.id, kind = row.kind.name(), why, "refused for good; a person has to look");
    let now = parts.clock.now();
    parts.store.finish(row.id, Finish::Failed { why }, now)
}

fn describe(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Issue(issue) => issue.url.clone(),
        Receipt::Mail { answer } => answer.clone(),
    }
}
