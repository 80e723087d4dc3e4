//! Deciding by mail: approvers are asked about drafts, and their answers decide.
//!
//! ```text
//! asking    which drafts, whom, when                               each, digest, reminder
//! writing   a draft -> a letter, frozen, in the queue
//! sending   a letter that is due -> the approver, once
//! handling  an answer that came in -> who, about what, which words
//! deciding  those -> the store's one compare-and-set, as on the page
//! ```
//!
//! Answers come in like every mail: `daemon::intake` stores them, `worker::reading`
//! sees that they are answers and notes them as to be handled. One that was being
//! handled when the program ended is handled again, and comes to the same end: its
//! token is its own, and the decision is taken once.
//!
//! Nothing here is a reply: the list is never written to, and its caps count other
//! things. STOP and pause stop these mails, too.

mod asking;
mod deciding;
mod handling;
mod sending;
mod words;
mod writing;

use anyhow::Result;

use crate::desk::Desk;
use crate::domain::Seconds;
use crate::domain::approvers::Approvers;
use crate::worker::Parts;

/// How long nothing is looked at, if nothing is due before: digests and reminders may
/// be late by this.
const LOOK: Seconds = 60;

/// What the steps work with.
#[derive(Clone, Copy)]
struct Room<'a> {
    parts: &'a Parts,
    approvers: &'a Approvers,
    now: Seconds,
}

impl Room<'_> {
    fn desk(&self) -> Desk<'_> {
        Desk {
            store: &self.parts.store,
            tracker: &self.parts.tracker,
        }
    }
}

/// Once at start, and when the configuration was read again: a letter that was being
/// sent when the program ended is not sent again. What it asked is asked by the next
/// reminder; what it told stands in `history`. What could not be asked and certainly
/// was not is tried anew: the cause may be mended.
///
/// # Errors
///
/// The store fails.
pub fn wake(parts: &Parts) -> Result<()> {
    let ended = parts.store.end_crashed_letters()?;
    if ended > 0 {
        tracing::warn!(
            letters = ended,
            "mails to approvers were being sent when the program ended; they are not sent again"
        );
    }
    writing::try_anew(&parts.store)
}

/// Does everything that is due: answers first. Says when something is due next;
/// `None` if nobody decides by mail.
///
/// # Errors
///
/// Only the store's. What mail servers do wrong is recorded, and tried again.
pub async fn pass(parts: &Parts) -> Result<Option<Seconds>> {
    let Some(approvers) = &parts.rules.approvers else {
        return Ok(None);
    };
    let room = Room {
        parts,
        approvers,
        now: parts.clock.now(),
    };
    let handled = handling::handle_all(room)?;
    let asked = asking::ask_all(room)?;
    let sent = sending::send_due(room).await?;
    if handled + asked + sent > 0 {
        return Ok(Some(room.now));
    }
    let next = parts.store.next_letter(room.now)?;
    let look = room.now + LOOK;
    Ok(Some(next.map_or(look, |at| at.min(look))))
}
