//! Who is asked about which drafts now.

use anyhow::{Context, Result};
use ring::digest;

use super::{Room, words};
use crate::desk::summary;
use crate::desk::words::count;
use crate::domain::approvers::{Mails, Person, Verb, reminder_is_due};
use crate::domain::delivery::{letter_id, loop_header};
use crate::domain::draft::hex;
use crate::smtp::{self, MAX_LETTER_OCTETS};
use crate::store::{
    DraftRow, LetterKind, ListFilter, NewLetter, NotificationId, NotificationRow, Switch, TokenId,
    TokenRow,
};
use crate::templates::LetterFields;

/// Drafts that are looked at in one pass, the oldest first.
const DRAFTS_LOOKED_AT: usize = 200;

/// Letters written in one pass, so that others get their turn.
const LETTERS_A_PASS: usize = 5;

/// Drafts that one mail asks about.
const DRAFTS_A_MAIL: usize = 20;

/// Room for the drafts of one mail, in octets.
const MOST_OCTETS: usize = MAX_LETTER_OCTETS - 8 * 1024;

/// Writes the letters that are due. Says how many. None are written while STOP is on
/// or somebody paused: they would be out of date when they leave.
pub(super) fn ask_all(room: Room<'_>) -> Result<usize> {
    let store = &room.parts.store;
    if store.switch(Switch::Stop)?.is_some() || store.switch(Switch::Pause)?.is_some() {
        return Ok(0);
    }
    let waiting = store.list(ListFilter::ToDecide, DRAFTS_LOOKED_AT)?;
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

/// A draft that waits, and what its approver was told of it before.
struct Waiting {
    row: NotificationRow,
    told: u32,
    is_to_remind: bool,
}

fn ask(room: Room<'_>, person: &Person, ids: &[NotificationId], most: usize) -> Result<usize> {
    let store = &room.parts.store;
    let name = person.name.as_str();
    let mut waiting = Vec::new();
    for id in ids {
        // One that cannot be read must not stand in the way of others.
        let Ok(row) = store.load(*id) else { continue };
        let Some(draft) = &row.draft else { continue };
        let about = store.letters_about(name, *id, draft.revision)?;
        waiting.push(Waiting {
            told: about.0,
            is_to_remind: reminder_is_due(room.approvers.remind_after, about, room.now),
            row,
        });
    }
    let mut written = 0;
    if let Mails::Each = person.mails {
        for new in waiting.iter().filter(|it| it.told == 0).take(most) {
            written += post(room, person, LetterKind::Request, &[&new.row])?;
        }
    }
    if let Mails::Digest(rhythm) = person.mails
        && waiting.iter().any(|it| it.told == 0)
        && rhythm.is_due(store.last_letter(name, LetterKind::Digest)?, room.now)
    {
        let rows: Vec<_> = waiting.iter().filter(|it| it.told == 0).collect();
        let rows: Vec<_> = rows.iter().map(|it| &it.row).collect();
        written += post(room, person, LetterKind::Digest, &rows)?;
    }
    let to_remind: Vec<_> = waiting.iter().filter(|it| it.is_to_remind).collect();
    let last = store.last_letter(name, LetterKind::Reminder)?;
    let pause = room.approvers.remind_after.unwrap_or(0);
    let is_damped = last.is_some_and(|last| room.now.saturating_sub(last) < pause);
    if written < most && !to_remind.is_empty() && !is_damped {
        let rows: Vec<_> = to_remind.iter().map(|it| &it.row).collect();
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
    let about = (person.name.as_str(), row.id, draft.revision);
    let (told, _) = room.parts.store.letters_about(about.0, about.1, about.2)?;
    if told == 0 {
        post(room, person, LetterKind::Request, &[row])?;
    }
    Ok(())
}

/// Freezes one letter and puts it into the queue. Gives how many were written.
fn post(
    room: Room<'_>,
    person: &Person,
    kind: LetterKind,
    rows: &[&NotificationRow],
) -> Result<usize> {
    let mut texts = Vec::new();
    let mut tokens: Vec<TokenRow> = Vec::new();
    let mut octets = 0;
    for row in rows.iter().take(DRAFTS_A_MAIL) {
        let Some(draft) = &row.draft else { continue };
        let token = token_of(room, person, row, draft)?;
        let text = match words::draft(room, person, row, draft, &token) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(notification = %row.id, error = format!("{error:#}"), "a draft cannot be put into a mail to an approver");
                continue;
            }
        };
        if !texts.is_empty() && octets + text.len() > MOST_OCTETS {
            break;
        }
        octets += text.len();
        texts.push(text);
        tokens.push(token);
    }
    let Some(first) = tokens.first() else {
        return Ok(0);
    };
    let several = tokens.len() > 1;
    let fields = LetterFields {
        reminder: kind == LetterKind::Reminder,
        count: count(texts.len(), "draft"),
        several,
        more: rows.len() - texts.len(),
        drafts: texts,
    };
    let body = room.parts.templates.approvals(&fields)?;
    let subject = match (rows, kind) {
        ([only], LetterKind::Reminder) => format!("Reminder: {}", words::subject(only)),
        ([only], _) => words::subject(only),
        (_, LetterKind::Reminder) => format!("Reminder: {} to decide on", fields.count),
        (_, _) => format!("{} to decide on", fields.count),
    };
    let reply_to = match several {
        true => room.approvers.answers_to.clone(),
        false => room.approvers.answer_address(&first.token),
    };
    let ids: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
    let letter = ToPost {
        kind,
        subject: &subject,
        body: &body,
        reply_to: &reply_to,
        answers: None,
        tokens: &ids,
    };
    Ok(usize::from(freeze(room, person, &letter)?))
}

fn token_of(
    room: Room<'_>,
    person: &Person,
    row: &NotificationRow,
    draft: &DraftRow,
) -> Result<TokenRow> {
    room.parts.store.token_for(
        person.name.as_str(),
        (row.id, &row.content_key),
        (draft.revision, &draft.digest),
        room.now,
    )
}

/// A letter in words.
pub(super) struct ToPost<'a> {
    pub(super) kind: LetterKind,
    pub(super) subject: &'a str,
    pub(super) body: &'a str,
    pub(super) reply_to: &'a str,
    /// The answer that it tells about, and its id.
    pub(super) answers: Option<(NotificationId, Option<&'a str>)>,
    pub(super) tokens: &'a [TokenId],
}

/// Writes the bytes and commits them. False if it was told before, or cannot be
/// written, which is said in the log.
pub(super) fn freeze(room: Room<'_>, person: &Person, letter: &ToPost<'_>) -> Result<bool> {
    let store = &room.parts.store;
    let key = store.instance_key()?;
    let (from_name, from_address) = &room.parts.rules.sender;
    let domain = from_address.rsplit('@').next().unwrap_or("localhost");
    let text = digest::digest(&digest::SHA256, letter.body.as_bytes());
    let answer = letter.answers.map_or(0, |(answer, _)| answer.0);
    let about = [
        letter.kind.name(),
        &answer.to_string(),
        person.name.as_str(),
        &room.now.to_string(),
        &hex(text.as_ref()),
    ];
    let id = letter_id(&key, &about, domain);
    let composed = smtp::compose_letter(&smtp::Letter {
        subject: letter.subject,
        body: letter.body,
        from_name,
        from_address,
        to: &person.address,
        reply_to: letter.reply_to,
        message_id: &id,
        in_reply_to: letter.answers.and_then(|(_, id)| id),
        date: room.now,
        loop_value: &loop_header(&key, &id),
    });
    let bytes = match composed {
        Ok(bytes) => bytes,
        Err(why) => {
            tracing::error!(kind = letter.kind.name(), %why, "a mail to an approver cannot be written");
            return Ok(false);
        }
    };
    store
        .post(
            &NewLetter {
                kind: letter.kind,
                approver: person.name.as_str(),
                address: &person.address,
                answers: letter.answers.map(|(answer, _)| answer),
                message_id: &id,
                bytes: &bytes,
                tokens: letter.tokens,
            },
            room.now,
        )
        .context("a mail to an approver cannot be kept")
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
        let words =
            "link ISSUE       it belongs to that report (link 2 ISSUE: only failure 2; new: none)";
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
