//! From the raw mail to what the CI system said, with the logs it speaks of.

mod begun;
mod fits;
mod jobs;
pub(super) mod logs;

use anyhow::Result;

use super::delivering::restored;
use super::{Incoming, MailLogs, Memory, Parts, filing, remembering, subscribing};
use crate::domain::classify::{MailKind, classify};
use crate::domain::delivery::is_own_loop_header;
use crate::domain::life::{ClosedReason, Stage};
use crate::domain::mail::Mail;
use crate::domain::mention::{Mention, issue_mentions};
use crate::domain::notification::{Build, BuildResult, Notification};
use crate::domain::subscribing::Proof;
use crate::parsing::mime::{self, Completeness};
use crate::parsing::{self, Event, NoFailure};
use crate::store::{Confirmed, MailSummary, NotificationId, NotificationRow, Reading};

/// So much of a mail is looked at for what it says of our subscription.
const LOOKED_AT: usize = 64 * 1024;

/// Reads one mail: it is closed with a reason, or becomes a notification.
pub(super) async fn read(parts: &Parts, memory: &mut Memory, row: &NotificationRow) -> Result<()> {
    if let Some(filed) = &row.filed {
        return filing::read_again(parts, memory, row, filed).await;
    }
    let raw = parts.store.raw(row.id)?;
    let completeness = if row.truncated {
        Completeness::CutOff
    } else {
        Completeness::Whole
    };
    let mail = mime::parse(&raw, completeness)?;
    let beginning = raw.get(..LOOKED_AT).unwrap_or(&raw).to_vec();
    drop(raw);
    if is_letter(parts, &mail)? {
        let note = "our own mail to an approver";
        return close(parts, row.id, ClosedReason::OwnMail, note);
    }
    if is_ours(parts, &mail)? {
        return own_mail(parts, row.id, &mail);
    }
    let incoming = Incoming {
        mail: &mail,
        raw: &beginning,
    };
    if let Some(until) = subscribing::overhear(parts, row.id, incoming).await? {
        let why = "the list asks in a language that is not known: nothing else may come";
        return parts
            .store
            .wait_until(row.id, until, why, parts.clock.now());
    }
    let (reason, note) = match classify(&mail, &parts.rules.list) {
        MailKind::Notification => return notice(parts, memory, row, &mail).await,
        MailKind::Answer => {
            let note = "it came to the address for answers of approvers";
            return parts.store.take_answer(row.id, note, parts.clock.now());
        }
        MailKind::HumanReply => {
            human_reply(parts, &mail)?;
            (ClosedReason::HumanReply, "a person's reply".to_owned())
        }
        MailKind::HumanMail => (ClosedReason::HumanReply, "a person's mail".to_owned()),
        MailKind::OwnEcho => (
            ClosedReason::OwnMail,
            "written from our own address, but not by this program".to_owned(),
        ),
        MailKind::OtherList(why) => (ClosedReason::OtherList, why),
        MailKind::Refused(why) => (ClosedReason::Refused, why),
    };
    close(parts, row.id, reason, &note)
}

fn close(parts: &Parts, id: NotificationId, reason: ClosedReason, note: &str) -> Result<()> {
    // The note may name people; `show` has it.
    tracing::info!(notification = %id, reason = reason.name(), "nothing to do");
    tracing::debug!(notification = %id, note, "why there is nothing to do");
    parts
        .store
        .close_notification(id, reason, note, parts.clock.now())
}

/// Whether it is a mail that this program wrote to an approver: no copy of a reply.
fn is_letter(parts: &Parts, mail: &Mail) -> Result<bool> {
    match mail.message_id.as_deref() {
        Some(id) => Ok(parts.store.letter_with_id(id)?.is_some()),
        None => Ok(false),
    }
}

/// Whether this program wrote the mail: its id is in the store, or the loop
/// header proves it, which nobody without the key can write.
fn is_ours(parts: &Parts, mail: &Mail) -> Result<bool> {
    let Some(id) = mail.message_id.as_deref() else {
        return Ok(false);
    };
    if parts.store.delivery_by_message_id(id)?.is_some() {
        return Ok(true);
    }
    let key = parts.store.instance_key()?;
    Ok(mail
        .loop_header
        .as_deref()
        .is_some_and(|header| is_own_loop_header(&key, id, header)))
}

/// The list's copy of our own mail confirms its delivery (I4). One that the
/// store does not know, or had not sent yet, means that an old database was
/// brought back (I22).
fn own_mail(parts: &Parts, id: NotificationId, mail: &Mail) -> Result<()> {
    let now = parts.clock.now();
    let message_id = mail.message_id.as_deref().unwrap_or_default();
    let confirmed = parts.store.confirm_by_message_id(message_id, now)?;
    let note = match &confirmed {
        Some(Confirmed { delivery, .. }) => {
            format!("the list's copy of our own reply (delivery {delivery})")
        }
        None => "our own mail, of which the store knows nothing".to_owned(),
    };
    let found = format!("the list carries our mail <{message_id}>");
    match &confirmed {
        Some(Confirmed { delivery, .. }) => {
            parts.store.prove_subscription(Proof::OwnPost, now)?;
            restored::tell(parts, *delivery, &found)?;
        }
        None => restored::stop(parts, &found)?,
    }
    close(parts, id, ClosedReason::OwnMail, &note)
}

/// A person's answer that names an issue of the tracker closes the draft it
/// answers, if nobody decided on that yet; and it is remembered.
fn human_reply(parts: &Parts, mail: &Mail) -> Result<()> {
    let Some(answered) = answered_notification(parts, mail)? else {
        return Ok(());
    };
    let mut named = Vec::new();
    for mention in issue_mentions(mail) {
        if let Some(issue) = issue_meant(parts, &mention.mention)? {
            named.push((issue, mention));
        }
    }
    let Ok(row) = parts.store.load(answered) else {
        return Ok(());
    };
    let is_decided = row.decision.is_some() || parts.store.is_settled_along(answered)?;
    let is_over = is_decided || matches!(row.stage, Stage::Closed(_) | Stage::Quarantined);
    if is_over {
        // A thread goes on about much: what is named late must be a report at least.
        let name = parts.tracker.name();
        let mirror = parts.store.mirror(&name);
        named.retain(|(issue, _)| matches!(mirror.issue(*issue), Ok(Some(_))));
    }
    let Some((first, _)) = named.first() else {
        return Ok(());
    };
    let who = mail
        .from_name
        .clone()
        .or_else(|| mail.from.first().cloned());
    let who = who.unwrap_or_else(|| "somebody".to_owned());
    if !is_over {
        let url = parts.tracker.issue_url(*first);
        let note = format!("{who} answered on the list and named {url}");
        close(parts, answered, ClosedReason::AnsweredByHuman, &note)?;
    }
    remembering::remember(parts, &row, &named, &who)
}

/// The issue of our tracker that a mention means. Much has a number: one alone
/// counts only if there is such a report.
fn issue_meant(parts: &Parts, mention: &Mention) -> Result<Option<u64>> {
    Ok(match mention {
        Mention::Url(url) => parts.tracker.parse_issue(url),
        Mention::Named(word, number) => parts.tracker.is_called(word).then_some(*number),
        Mention::Number(number) => {
            let name = parts.tracker.name();
            let known = parts.store.mirror(&name).issue(*number)?;
            known.map(|issue| issue.number)
        }
    })
}

fn answered_notification(parts: &Parts, mail: &Mail) -> Result<Option<NotificationId>> {
    for id in mail.in_reply_to.iter().chain(mail.references.iter().rev()) {
        if let Some(found) = parts.store.find_by_message_id(id)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn notice(
    parts: &Parts,
    memory: &mut Memory,
    row: &NotificationRow,
    mail: &Mail,
) -> Result<()> {
    match parsing::read(mail) {
        parsing::Reading::Notification(notification) => {
            notification_read(parts, memory, row, mail, notification).await
        }
        parsing::Reading::NoFailure(told) => {
            if matches!(told.what, Event::Recovered | Event::Passed) {
                parts.store.note_passed(row.id, &passed(&told))?;
            }
            let NoFailure { what, sentence, .. } = told;
            let reason = match what {
                Event::Recovered => ClosedReason::Recovered,
                Event::Passed
                | Event::Warnings
                | Event::Infrastructure
                | Event::Cancelled
                | Event::WorkerMissing => ClosedReason::NotAFailure,
            };
            close(parts, row.id, reason, &sentence)
        }
        parsing::Reading::NotANotice => close(
            parts,
            row.id,
            ClosedReason::NotAFailure,
            "the mail has no form of notification that is known",
        ),
    }
}

/// The builds of a notice that pass: it may tell of others besides.
fn passed(told: &NoFailure) -> Vec<Build> {
    let builds = told.builds.iter();
    builds
        .filter(|build| build.result == BuildResult::Success)
        .cloned()
        .collect()
}

/// Fetches what the mail lacks, as far as that is wanted. Some: why it is worth waiting.
async fn complete(
    parts: &Parts,
    memory: &mut Memory,
    notification: &mut Notification,
    times: logs::Times,
) -> Option<String> {
    match parts.rules.mail_logs {
        MailLogs::Fetched => logs::complete(parts, memory, notification, times).await,
        MailLogs::Left => match jobs::complete(parts, memory, notification, times.deadline).await {
            Ok(remarks) => {
                notification.remarks.extend(remarks);
                None
            }
            Err(why) => Some(why),
        },
    }
}

async fn notification_read(
    parts: &Parts,
    memory: &mut Memory,
    row: &NotificationRow,
    mail: &Mail,
    mut notification: Notification,
) -> Result<()> {
    let times = logs::Times {
        mailed_at: mail.date.as_deref().and_then(mime::written_at),
        received_at: row.received_at,
        deadline: row.received_at + parts.rules.log_wait,
    };
    if let Some(why) = complete(parts, memory, &mut notification, times).await {
        let now = parts.clock.now();
        let until = times.deadline.min(now + logs::ASK_AGAIN);
        return parts.store.wait_until(row.id, until, &why, now);
    }
    filing::take_over(parts, row.id, &mut notification)?;
    let reading = Reading {
        mail: MailSummary::from(mail),
        redactions: notification
            .builds
            .iter()
            .map(|build| build.redactions)
            .sum::<usize>()
            .try_into()
            .unwrap_or(u32::MAX),
        notification,
    };
    parts
        .store
        .record_reading(row.id, &reading, parts.clock.now())
}
