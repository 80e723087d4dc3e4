//! The very short mail to the list.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use ring::digest;

use super::{Job, claim, thread_of};
use crate::domain::delivery::{Outcome, Receipt, loop_header, message_id};
use crate::domain::draft::{Draft, Reply, fill_tokens, hex};
use crate::domain::issue::IssueRef;
use crate::maildir::{OutgoingMaildir, Written};
use crate::smtp::{self, Dialogue, Outgoing as OutgoingMail};
use crate::store::{Claim, DeliveryRow, FrozenId, LedgerEntry, NotificationRow, is_disk_trouble};
use crate::worker::{Outgoing, Parts};

/// Sends the reply. `None`: it was put off, and that is recorded.
pub(super) async fn send(parts: &Parts, job: &Job<'_>) -> Result<Option<Outcome>> {
    let row = match freeze(parts, job) {
        Ok(row) => row,
        Err(error) if is_disk_trouble(&error) => return Err(error),
        Err(error) => {
            let why = format!("{error:#}");
            return Ok(Some(Outcome::Refused { why }));
        }
    };
    if let Some(done) = already_on_the_list(parts, &row)? {
        return Ok(Some(done));
    }
    let bytes = row.frozen.as_deref().context("no frozen bytes")?;
    match &parts.outgoing {
        Outgoing::Maildir(folder) => {
            if claim_mail(parts, job, &row)?.is_none() {
                return Ok(None);
            }
            Ok(Some(write(folder, &row, bytes)))
        }
        Outgoing::Smtp(settings_now) => {
            let settings = match settings_now() {
                Ok(settings) => settings,
                Err(error) => {
                    return Ok(Some(Outcome::Later {
                        why: format!("{error:#}"),
                        after_seconds: None,
                    }));
                }
            };
            let to = &parts.rules.list.list_address;
            let ready = match Dialogue::open(&settings).await {
                Ok(dialogue) => dialogue.prepare(&parts.rules.bounce, to).await,
                Err(outcome) => Err(outcome),
            };
            let ready = match ready {
                Ok(ready) => ready,
                Err(outcome) => return Ok(Some(outcome)),
            };
            // The server waits for the mail now; without its final dot it will
            // forget everything (RFC 5321, section 4.1.1.4).
            if claim_mail(parts, job, &row)?.is_none() {
                ready.abort();
                return Ok(None);
            }
            Ok(Some(ready.finish(bytes).await))
        }
    }
}

/// A reply whose id came back from the list before this database sent it: it was
/// sent by a later state of this database (I22). Reading it set STOP; whoever
/// cleared that need not be told again.
fn already_on_the_list(parts: &Parts, row: &DeliveryRow) -> Result<Option<Outcome>> {
    let Some(FrozenId::MessageId(id)) = &row.frozen_id else {
        return Ok(None);
    };
    if parts.store.find_by_message_id(id)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Outcome::Done(Receipt::Mail {
        answer: "the list had it already".to_owned(),
    })))
}

/// Commits the complete bytes before any network byte (I4). Bytes that were
/// frozen before stay as they are, with their Date and Message-ID.
fn freeze(parts: &Parts, job: &Job<'_>) -> Result<DeliveryRow> {
    if job.row.frozen.is_some() {
        return Ok(job.row.clone());
    }
    let reply = filled(job.row, &job.notification, &job.draft)?;
    let key = parts.store.instance_key()?;
    let (from_name, from_address) = &parts.rules.sender;
    let domain = from_address.rsplit('@').next().unwrap_or("localhost");
    let id = message_id(&key, &job.row.identity(&job.about().content_key), domain);
    let bytes = smtp::compose(&OutgoingMail {
        reply: &reply,
        from_name,
        from_address,
        to: &parts.rules.list.list_address,
        message_id: &id,
        date: parts.clock.now(),
        loop_value: &loop_header(&key, &id),
    })?;
    let now = parts.clock.now();
    let id = FrozenId::MessageId(id);
    parts.store.freeze(job.row.id, &bytes, &id, now)
}

/// The approved reply, with its tokens replaced and nothing else.
fn filled(row: &DeliveryRow, notification: &NotificationRow, draft: &Draft) -> Result<Reply> {
    let reply = draft
        .reply_to(row.answers.map(|answered| answered.0))
        .context("the draft has no such reply")?;
    let opened: BTreeMap<usize, IssueRef> = notification
        .deliveries
        .iter()
        .filter(|earlier| earlier.revision == row.revision)
        .filter_map(|earlier| match &earlier.receipt {
            Some(Receipt::Issue(issue)) => Some((earlier.position, issue.clone())),
            Some(Receipt::Mail { .. }) | None => None,
        })
        .collect();
    Ok(Reply {
        body: fill_tokens(&reply.body, &opened, &row.approved_by)?,
        ..reply.clone()
    })
}

/// The digest of the text people would see, without what differs each time.
pub(super) fn body_digest(row: &DeliveryRow, notification: &NotificationRow) -> Option<String> {
    let draft = notification.draft.as_ref()?;
    let reply = filled(row, notification, &draft.draft).ok()?;
    Some(digest_of_body(&reply.body))
}

fn digest_of_body(body: &str) -> String {
    hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref())
}

/// What the ledger would keep of a reply's text if this person approved it; `None`
/// if it names a report that is still to be opened.
pub fn body_digest_approved_by(reply: &Reply, approver: &str) -> Option<String> {
    let body = fill_tokens(&reply.body, &BTreeMap::new(), approver).ok()?;
    Some(digest_of_body(&body))
}

fn claim_mail(parts: &Parts, job: &Job<'_>, row: &DeliveryRow) -> Result<Option<Claim>> {
    let body = body_digest(row, &job.notification).context("the reply has no text")?;
    let entry = LedgerEntry {
        target: &parts.rules.list.list_address,
        thread: &thread_of(job.about()),
        body_digest: &body,
    };
    let digest = row.frozen_digest.as_deref().unwrap_or_default();
    claim(parts, row, &entry, digest)
}

/// Writes the mail to a Maildir, which can be done twice without harm: the file
/// is named by the Message-ID.
fn write(folder: &Path, row: &DeliveryRow, bytes: &[u8]) -> Outcome {
    let Some(FrozenId::MessageId(id)) = &row.frozen_id else {
        let why = "the mail has no Message-ID".to_owned();
        return Outcome::Refused { why };
    };
    let written = OutgoingMaildir::open(folder).and_then(|folder| folder.write(id, bytes));
    match written {
        Ok(Written::New(path) | Written::Already(path)) => Outcome::Done(Receipt::Mail {
            answer: format!("written to {}", path.display()),
        }),
        Err(error) => Outcome::Later {
            why: format!("{error:#}"),
            after_seconds: None,
        },
    }
}
