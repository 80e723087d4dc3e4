//! Who is asked about which drafts now.

use anyhow::Result;

use super::Room;
use super::writing::post;
use crate::desk::summary;
use crate::domain::approvers::{Mails, Person, Verb, reminder_is_due};
use crate::store::{LetterKind, ListFilter, NotificationRow, Switch, Writing};

/// Drafts that are looked at in one pass, the oldest first.
const DRAFTS_LOOKED_AT: usize = 200;

/// Letters written in one pass, so that others get their turn.
const LETTERS_A_PASS: usize = 5;

/// Writes the letters that are due. Says how many. None are written while STOP is on
/// or somebody paused: they would be out of date when they leave.
pub(super) fn ask_all(room: Room<'_>) -> Result<usize> {
    let store = &room.parts.store;
    if store.switch(Switch::Stop)?.is_some() || store.switch(Switch::Pause)?.is_some() {
        return Ok(0);
    }
    let mut waiting = Vec::new();
    for id in store.list(ListFilter::ToDecide, DRAFTS_LOOKED_AT)? {
        // One that cannot be read must not stand in the way of others.
        waiting.extend(store.load(id));
    }
    if waiting.is_empty() {
        return Ok(0);
    }
    let mut written = 0;
    for person in &room.approvers.people {
        if person.may.is_empty() {
            continue;
        }
        written += ask(room, person, &waiting, LETTERS_A_PASS - written)?;
        if written >= LETTERS_A_PASS {
            break;
        }
    }
    Ok(written)
}

/// A draft that waits, and whether its approver is to be told of it.
struct Waiting<'a> {
    row: &'a NotificationRow,
    is_new: bool,
    is_to_remind: bool,
}

fn ask(room: Room<'_>, person: &Person, rows: &[NotificationRow], most: usize) -> Result<usize> {
    let store = &room.parts.store;
    let name = person.name.as_str();
    let mut waiting = Vec::new();
    for row in rows {
        let Some(draft) = &row.draft else { continue };
        let writing = store.writing(name, (row.id, draft.revision), room.now)?;
        if writing == Writing::NotNow {
            continue;
        }
        let before = store.letters_about(name, row.id, draft.revision)?;
        let letters = (before.written, before.last_at);
        let is_new = before.told == 0 && writing == Writing::Possible;
        let is_due = reminder_is_due(room.approvers.remind_after, letters, room.now);
        waiting.push(Waiting {
            row,
            is_new,
            is_to_remind: is_due && !is_new,
        });
    }
    let mut written = 0;
    if let Mails::Each = person.mails {
        for new in waiting.iter().filter(|it| it.is_new).take(most) {
            written += post(room, person, LetterKind::Request, &[new.row])?;
        }
    }
    if let Mails::Digest(rhythm) = person.mails
        && waiting.iter().any(|it| it.is_new)
        && rhythm.is_due(store.last_letter(name, LetterKind::Digest)?, room.now)
    {
        let new = waiting.iter().filter(|it| it.is_new);
        let rows: Vec<_> = new.map(|it| it.row).collect();
        written += post(room, person, LetterKind::Digest, &rows)?;
    }
    let to_remind: Vec<_> = waiting.iter().filter(|it| it.is_to_remind).collect();
    let last = store.last_letter(name, LetterKind::Reminder)?;
    let pause = room.approvers.remind_after.unwrap_or(0);
    let is_damped = last.is_some_and(|last| room.now.saturating_sub(last) < pause);
    if written < most && !to_remind.is_empty() && !is_damped {
        let rows: Vec<_> = to_remind.iter().map(|it| it.row).collect();
        written += post(room, person, LetterKind::Reminder, &rows)?;
    }
    Ok(written)
}

/// Asks one approver about the current revision of one draft, once more: after an
/// answer that another revision made worthless, or that made this one.
pub(super) fn ask_again(room: Room<'_>, person: &Person, row: &NotificationRow) -> Result<()> {
    let Some(draft) = &row.draft else {
        return Ok(());
    };
    let name = person.name.as_str();
    let store = &room.parts.store;
    let before = store.letters_about(name, row.id, draft.revision)?;
    let writing = store.writing(name, (row.id, draft.revision), room.now)?;
    if before.told == 0 && writing == Writing::Possible {
        post(room, person, LetterKind::Request, &[row])?;
    }
    Ok(())
}

/// What an approver may say, a line each; the four lines of a mail, or fewer.
pub(super) fn verbs(person: &Person, is_approvable: bool) -> Vec<String> {
    let may = |verb| person.may.contains(&verb);
    let mut lines = Vec::new();
    if may(Verb::Approve) && is_approvable {
        lines
            .push("approve          everything above leaves, exactly as it stands here".to_owned());
    }
    let refuse = match (may(Verb::Reject), may(Verb::Hold)) {
        (true, true) => "reject REASON    it never leaves; or: hold REASON, it waits",
        (true, false) => "reject REASON    it never leaves",
        (false, true) => "hold REASON      it waits until somebody releases it",
        (false, false) => "",
    };
    lines.push(refuse.to_owned());
    if may(Verb::Link) {
        let words = "link ISSUE       it belongs to that report; link 2 ISSUE: only failure 2; link new: none";
        lines.push(words.to_owned());
    }
    if may(Verb::Edit) {
        let words = "edit             and below it a text's marker line (=====) and the new text";
        lines.push(words.to_owned());
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// `12@1a2b3c4d`, for a person.
pub(super) fn key(row: &NotificationRow) -> String {
    summary::key(row)
}
