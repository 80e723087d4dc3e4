//! The one loop: it takes what is due, asks the domain what follows, lets one
//! adapter act, and records the result.
//!
//! ```text
//! reading      Received -> Parsed     the mail, and the log it speaks of
//! matching     Parsed   -> Matched    every failure against the mirror
//! filing       a build that a person names, read at once
//! drafting     Matched  -> Drafted    the exact texts, for a person to decide on
//! incidents    what is settled along with another, and what no more
//! auto         Drafted  -> Approved   by an automatic rule that is on
//! delivering   Approved -> Delivered  the outbox, in order
//! doubts       what became of an effect that nobody answered for
//! signing      old signatures are made anew
//! ruling       drafts that wait, after a change of the rules
//! closing      drafts that nobody decided on, or whose builders pass again
//! mirroring    the copy of the tracker's bug reports
//! silence      a list that says nothing for too long
//! subscribing  what is asked of the list about our subscription
//! unseen       replies that the list never showed
//! ```
//!
//! Every step is repeatable up to its commit; a kill between any two
//! instructions leaves a row that the next pass takes up again.

mod auto;
mod clock;
mod closing;
mod delivering;
mod doubts;
mod drafting;
mod filing;
mod incidents;
mod matching;
mod mirroring;
mod parts;
mod reading;
mod remembering;
mod ruling;
mod signing;
mod silence;
mod subscribing;
mod unseen;

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::life::Stage;
use crate::store::{NotificationId, NotificationRow, Switch, is_disk_trouble};

pub use auto::{AutoMemory, Opinion, Replay, around_now, opinions};
pub use clock::{Clock, wall_clock};
pub use delivering::body_digest_approved_by;
pub use drafting::redraft;
pub use filing::{NotFiled, draft_filed, file};
pub use incidents::Occasion;
pub use matching::match_row;
pub use mirroring::{MANY as MANY_LISTED, PageListed, list_page, mirror_max_age};
pub use parts::{AfterRecovery, MailLogs, Memory, Outgoing, Parts, Rules, SmtpNow, UnfitMirror};
pub use subscribing::{Attempt, Clerk, Heard, Incoming};
pub use unseen::UNSEEN_AFTER;

/// After so many attempts that did not end in an orderly way, a mail is laid
/// aside (I16).
const MOST_ATTEMPTS: u32 = 3;

/// How many rows one pass takes, so that deliveries do not wait for a flood.
const ROWS_A_PASS: usize = 50;

/// Once at start, and after a disk that took nothing: what was claimed when the
/// program broke off is in doubt (I4, I5).
pub fn wake(parts: &Parts) -> Result<()> {
    let now = parts.clock.now();
    if let Some(id) = parts.broken_off.get() {
        parts.store.forget_attempt(id)?;
        parts.broken_off.set(None);
    }
    for row in parts.store.doubt_crashed_claims(now, now)? {
        tracing::warn!(delivery = %row.id, notification = %row.notification,
            "the program ended while this was being delivered; looking for what became of it");
    }
    Ok(())
}

/// Does one step of everything that is due. Says when something is due next: at
/// once, as long as there was something to do.
///
/// # Errors
///
/// Only the store's: without it nothing can be done. What the outside world
/// does wrong is recorded, and tried again in time.
pub async fn pass(parts: &Parts, memory: &mut Memory) -> Result<Seconds> {
    let begun = parts.clock.now();
    memory.opened_this_run.clear();
    mirroring::bring_up_to_date(parts, memory).await?;
    let signs_anew = signing::go_on(parts)?;
    filing::take_up(parts, memory).await?;
    let due = parts.store.due(parts.clock.now(), ROWS_A_PASS)?;
    let mut is_idle = due.is_empty() && !signs_anew && memory.is_tidy;
    for id in due {
        parts.beat();
        if parts.is_stopping() {
            break;
        }
        step(parts, memory, id).await?;
    }
    if !signs_anew {
        is_idle &= !ruling::go_on(parts)?;
    }
    closing::expire(parts)?;
    closing::recovered(parts)?;
    incidents::gather(parts)?;
    is_idle &= auto::decide(parts, memory)? == 0;
    silence::look(parts, memory)?;
    unseen::look(parts)?;
    doubts::look_into(parts).await?;
    is_idle &= delivering::deliver_due(parts, memory).await? == 0;
    if !is_idle {
        return Ok(parts.clock.now());
    }
    // Not from now: what became due during the pass, after it was looked for,
    // would wait for the next listing of the tracker.
    let deadline = parts.store.next_deadline(begun)?;
    Ok(deadline.map_or(memory.next_sync, |at| at.min(memory.next_sync)))
}

/// The next step of one notification.
async fn step(parts: &Parts, memory: &mut Memory, id: NotificationId) -> Result<()> {
    let now = parts.clock.now();
    let row = match parts.store.load(id) {
        Ok(row) => row,
        Err(error) if is_disk_trouble(&error) => return Err(error),
        Err(error) => return lay_aside(parts, id, &format!("its row cannot be read: {error:#}")),
    };
    if row.stage != Stage::Received
        && let Some(stop) = parts.store.switch(Switch::Stop)?
    {
        let why = format!("STOP is on: {}", stop.reason);
        return parts.store.wait_until(id, now + 30, &why, now);
    }
    if parts.store.count_attempt(id)? > MOST_ATTEMPTS {
        let why = format!(
            "{MOST_ATTEMPTS} attempts at this step ({}) broke off",
            row.stage
        );
        return lay_aside(parts, id, &why);
    }
    if let Err(error) = act(parts, memory, &row).await {
        if is_disk_trouble(&error) {
            // Not the mail's fault, which is read again when there is room.
            if parts.store.forget_attempt(id).is_err() {
                parts.broken_off.set(Some(id));
            }
            return Err(error);
        }
        tracing::warn!(notification = %id, stage = %row.stage, error = format!("{error:#}"), "a step failed");
        if row.attempts + 1 >= MOST_ATTEMPTS {
            return lay_aside(parts, id, &format!("{error:#}"));
        }
    }
    Ok(())
}

async fn act(parts: &Parts, memory: &mut Memory, row: &NotificationRow) -> Result<()> {
    match row.stage {
        Stage::Received => reading::read(parts, memory, row).await,
        Stage::Parsed => matching::find_reports(parts, row),
        Stage::Matched => drafting::draft(parts, row),
        Stage::Drafted
        | Stage::Attached
        | Stage::Approved
        | Stage::Delivered
        | Stage::Closed(_)
        | Stage::Quarantined => Ok(()),
    }
}

fn lay_aside(parts: &Parts, id: NotificationId, why: &str) -> Result<()> {
    tracing::error!(notification = %id, why, "a mail is laid aside; `show` tells more");
    parts.store.quarantine(id, why, parts.clock.now())
}
