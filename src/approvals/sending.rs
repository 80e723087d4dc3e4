//! Letters leave: each once.
//!
//! | the server says                    | then                                       |
//! |------------------------------------|--------------------------------------------|
//! | yes                                | sent                                       |
//! | not now, or nothing before the dot | tried again, with longer and longer pauses |
//! | no                                 | over; the log tells it, and the next start |
//! |                                    | or reload writes another                   |
//! | nothing after the dot              | over: it may have been sent                |
//!
//! A result that is lost stands in `history`; a lost question is asked again by the
//! next reminder. So nothing here is worth a second copy.

use std::path::Path;

use anyhow::Result;

use super::Room;
use crate::domain::Seconds;
use crate::domain::delivery::{Outcome, Receipt, retry_after};
use crate::maildir::OutgoingMaildir;
use crate::smtp::Dialogue;
use crate::store::{DECIDED_MEANWHILE, LetterEnd, LetterRow, NOBODY_ANY_MORE, Switch};
use crate::worker::Outgoing;

const HOUR: Seconds = 3600;

/// Letters sent in one pass, so that others get their turn.
const LETTERS_A_PASS: usize = 5;

/// How long a letter waits that the cap held up.
const CAPPED: Seconds = 300;

/// Sends what is due. Says how many attempts it made. Like replies, nothing leaves
/// before the mailbox was looked at once since the start.
pub(super) async fn send_due(room: Room<'_>) -> Result<usize> {
    let store = &room.parts.store;
    if !room.parts.caught_up.get()
        || store.switch(Switch::Stop)?.is_some()
        || store.switch(Switch::Pause)?.is_some()
    {
        return Ok(0);
    }
    let due = store.due_letters(room.now, LETTERS_A_PASS)?;
    let attempts = due.len();
    for letter in due {
        if room.parts.is_stopping() {
            break;
        }
        room.parts.beat();
        if let Some(outcome) = send(room, &letter).await? {
            record(room, &letter, outcome)?;
        }
    }
    Ok(attempts)
}

/// One attempt; `None` if it came to an end without one.
async fn send(room: Room<'_>, letter: &LetterRow) -> Result<Option<Outcome>> {
    let store = &room.parts.store;
    let over = |why| store.end_letter(letter.id, LetterEnd::Over(why), room.now);
    let person = room.approvers.named(&letter.approver);
    if person.is_none_or(|person| person.address != letter.address) {
        over(NOBODY_ANY_MORE)?;
        return Ok(None);
    }
    if letter.asks && !store.still_asks(letter.id)? {
        over(DECIDED_MEANWHILE)?;
        return Ok(None);
    }
    let lately = store.letters_claimed(&letter.approver, room.now - HOUR)?;
    if lately >= u64::from(room.approvers.mails_an_hour) {
        let why = format!("{lately} mails to this approver in the last hour: the cap");
        let end = LetterEnd::Later {
            why: &why,
            due_at: room.now + CAPPED,
        };
        store.end_letter(letter.id, end, room.now)?;
        return Ok(None);
    }
    match &room.parts.outgoing {
        Outgoing::Maildir(folder) => Ok(claim(room, letter)?.then(|| write(folder, letter))),
        Outgoing::Smtp(settings_now) => {
            let settings = match settings_now() {
                Ok(settings) => settings,
                Err(error) => return Ok(Some(later(format!("{error:#}")))),
            };
            let bounce = &room.parts.rules.bounce;
            let ready = match Dialogue::open(&settings).await {
                Ok(dialogue) => dialogue.prepare(bounce, &letter.address).await,
                Err(outcome) => Err(outcome),
            };
            let ready = match ready {
                Ok(ready) => ready,
                Err(outcome) => return Ok(Some(outcome)),
            };
            if !claim(room, letter)? {
                ready.abort();
                return Ok(None);
            }
            Ok(Some(ready.finish(&letter.bytes).await))
        }
    }
}

fn later(why: String) -> Outcome {
    Outcome::Later {
        why,
        after_seconds: None,
    }
}

fn claim(room: Room<'_>, letter: &LetterRow) -> Result<bool> {
    match room.parts.store.claim_letter(letter.id, room.now)? {
        Ok(()) => Ok(true),
        Err(why) => {
            tracing::info!(letter = %letter.id, why, "a mail to an approver is not sent now");
            Ok(false)
        }
    }
}

fn write(folder: &Path, letter: &LetterRow) -> Outcome {
    let folder = OutgoingMaildir::open(folder);
    match folder.and_then(|folder| folder.write(&letter.message_id, &letter.bytes)) {
        Ok(_) => Outcome::Done(Receipt::Mail {
            answer: "written to a folder".to_owned(),
        }),
        Err(error) => later(format!("{error:#}")),
    }
}

fn record(room: Room<'_>, letter: &LetterRow, outcome: Outcome) -> Result<()> {
    let id = letter.id;
    let end = |end: LetterEnd<'_>| room.parts.store.end_letter(id, end, room.now);
    match outcome {
        Outcome::Done(_) => {
            tracing::info!(letter = %id, "a mail to an approver left");
            end(LetterEnd::Sent)
        }
        Outcome::Later { why, after_seconds } => {
            let attempts = letter.attempts.saturating_add(1);
            let pause = retry_after(attempts, after_seconds, room.parts.chance());
            if letter.last_error.as_deref() != Some(why.as_str()) {
                tracing::info!(letter = %id, why, "a mail to an approver does not leave now; it will be tried again");
            }
            end(LetterEnd::Later {
                why: &why,
                due_at: room.now + Seconds::try_from(pause).unwrap_or(HOUR),
            })
        }
        Outcome::Refused { why } => {
            tracing::error!(letter = %id, why, "a mail to an approver is refused for good");
            end(LetterEnd::Refused(&why))
        }
        Outcome::Unknown { why } => {
            tracing::warn!(letter = %id, why, "nobody knows whether a mail to an approver left; it is not sent again");
            end(LetterEnd::Over(&why))
        }
    }
}
