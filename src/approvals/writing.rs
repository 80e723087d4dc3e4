//! Letters are put into words and frozen.
//!
//! A draft that cannot be put into a letter (an operator's template, a text that is
//! too long) must neither be tried for ever nor keep others back: attempts are counted
//! before they are made, and end with a line in `history`. The draft stays as it is,
//! and is decided elsewhere; the next start makes one more.

use anyhow::{Context, Result};
use ring::digest;

use super::{Room, words};
use crate::desk::words::count;
use crate::domain::Seconds;
use crate::domain::approvers::Person;
use crate::domain::delivery::{letter_id, loop_header, retry_after};
use crate::domain::draft::hex;
use crate::domain::untrusted::plain_line;
use crate::smtp::{self, MAX_LETTER_OCTETS};
use crate::store::{
    DraftRow, LetterKind, NewLetter, NotificationId, NotificationRow, Store, TokenId, TokenRow,
    is_disk_trouble,
};
use crate::templates::LetterFields;

/// Drafts that one mail asks about.
const DRAFTS_A_MAIL: usize = 20;

/// Room for the drafts of one mail, in octets.
const MOST_OCTETS: usize = MAX_LETTER_OCTETS - 8 * 1024;

/// After so many attempts a draft is not put into a mail to this approver any more.
const MOST_ATTEMPTS: u32 = 3;

/// Characters of what is recorded of a failure.
const RECORDED: usize = 400;

/// Tries once more what was given up.
pub(super) fn try_anew(store: &Store) -> Result<()> {
    let anew = store.write_anew(MOST_ATTEMPTS)?;
    if anew > 0 {
        tracing::info!(
            drafts = anew,
            "mails to approvers that were given up are tried anew"
        );
    }
    Ok(())
}

/// A draft in words, for one approver.
struct Asked<'a> {
    row: &'a NotificationRow,
    draft: &'a DraftRow,
    token: TokenRow,
    text: String,
    attempt: u32,
}

/// Freezes one letter and puts it into the queue. Gives how many were written.
pub(super) fn post(
    room: Room<'_>,
    person: &Person,
    kind: LetterKind,
    rows: &[&NotificationRow],
) -> Result<usize> {
    let mut all: Vec<Asked<'_>> = Vec::new();
    let mut octets = 0;
    let mut more = rows.len();
    for row in rows.iter().take(DRAFTS_A_MAIL) {
        let Some(asked) = put_into_words(room, person, row)? else {
            more -= 1;
            continue;
        };
        if !all.is_empty() && octets + asked.text.len() > MOST_OCTETS {
            let about = (row.id, asked.draft.revision);
            let store = &room.parts.store;
            store.forget_writing(person.name.as_str(), about)?;
            break;
        }
        octets += asked.text.len();
        more -= 1;
        all.push(asked);
    }
    let Some((written, all)) = together(room, person, kind, all, more)? else {
        return Ok(0);
    };
    let tokens: Vec<TokenId> = all.iter().map(|asked| asked.token.id).collect();
    Ok(usize::from(keep(room, person, &written, &tokens)?))
}

/// One letter about these drafts, and which it asks about. One of them must not spoil
/// it for all: where it cannot be written, those that cannot be asked about alone are
/// left out, which is recorded.
fn together<'a>(
    room: Room<'_>,
    person: &Person,
    kind: LetterKind,
    mut all: Vec<Asked<'a>>,
    more: usize,
) -> Result<Option<(Written, Vec<Asked<'a>>)>> {
    while !all.is_empty() {
        let error = match letter(room, person, kind, &all, more) {
            Ok(written) => return Ok(Some((written, all))),
            Err(error) => error,
        };
        if is_disk_trouble(&error) {
            for asked in &all {
                let store = &room.parts.store;
                store.forget_writing(person.name.as_str(), asked.about())?;
            }
            return Err(error);
        }
        let mut good = Vec::new();
        let mut bad = Vec::new();
        for asked in all {
            match letter(room, person, kind, std::slice::from_ref(&asked), 0) {
                Ok(_) => good.push(asked),
                Err(why) => bad.push((asked, why)),
            }
        }
        for (asked, why) in &bad {
            not_written(room, person, asked.about(), asked.attempt, why)?;
        }
        if bad.is_empty() {
            // Each of them alone is good.
            for asked in good.drain(..) {
                not_written(room, person, asked.about(), asked.attempt, &error)?;
            }
        }
        all = good;
    }
    Ok(None)
}

impl Asked<'_> {
    fn about(&self) -> (NotificationId, u32) {
        (self.row.id, self.draft.revision)
    }
}

/// One draft in words; `None` if it cannot be put into words, which is recorded.
fn put_into_words<'a>(
    room: Room<'_>,
    person: &Person,
    row: &'a NotificationRow,
) -> Result<Option<Asked<'a>>> {
    let store = &room.parts.store;
    let name = person.name.as_str();
    let Some(draft) = &row.draft else {
        return Ok(None);
    };
    let about = (row.id, draft.revision);
    let attempt = store.count_writing(name, about, room.now)?;
    if attempt > MOST_ATTEMPTS {
        // The program ended during each of them.
        let error = anyhow::anyhow!("the program broke off");
        not_written(room, person, about, attempt, &error)?;
        return Ok(None);
    }
    let token = store.token_for(
        name,
        (row.id, &row.content_key),
        (draft.revision, &draft.digest),
        room.now,
    )?;
    match words::draft(room, person, row, draft, &token) {
        Ok(text) => Ok(Some(Asked {
            row,
            draft,
            token,
            text,
            attempt,
        })),
        Err(error) if is_disk_trouble(&error) => {
            store.forget_writing(name, about)?;
            Err(error)
        }
        Err(error) => {
            not_written(room, person, about, attempt, &error)?;
            Ok(None)
        }
    }
}

/// Records a failed attempt: told the first time, given up the last.
fn not_written(
    room: Room<'_>,
    person: &Person,
    about: (NotificationId, u32),
    attempt: u32,
    error: &anyhow::Error,
) -> Result<()> {
    let store = &room.parts.store;
    let name = person.name.as_str();
    let (notification, _) = about;
    let why = plain_line(&format!("{error:#}"), RECORDED);
    if attempt >= MOST_ATTEMPTS {
        let words = format!("no mail to {name} can be written, {MOST_ATTEMPTS} attempts: {why}");
        tracing::error!(%notification, why, "a mail to an approver cannot be written, and is given up; decide on the draft elsewhere");
        return store.give_up_writing(name, about, &words, room.now);
    }
    if attempt == 1 {
        tracing::warn!(%notification, why, "a mail to an approver cannot be written; it is tried again");
    }
    let pause = retry_after(attempt, None, room.parts.chance());
    let due_at = room.now + Seconds::try_from(pause).unwrap_or(Seconds::MAX);
    store.put_off_writing(name, about, due_at)
}

/// A letter that asks about these drafts; there are `more` that it has no room for.
fn letter(
    room: Room<'_>,
    person: &Person,
    kind: LetterKind,
    all: &[Asked<'_>],
    more: usize,
) -> Result<Written> {
    let first = all.first().context("a letter about nothing")?;
    let several = all.len() > 1;
    let fields = LetterFields {
        reminder: kind == LetterKind::Reminder,
        count: count(all.len(), "draft"),
        several,
        more,
        overview: match several {
            true => all.iter().map(|asked| words::in_short(asked.row)).collect(),
            false => Vec::new(),
        },
        drafts: all.iter().map(|asked| asked.text.clone()).collect(),
    };
    let body = room.parts.templates.approvals(&fields)?;
    let subject = match several || more > 0 {
        true => format!("{} to decide on", fields.count),
        false => words::subject(first.row),
    };
    let subject = match kind {
        LetterKind::Reminder => format!("Reminder: {subject}"),
        _ => subject,
    };
    let reply_to = match several {
        true => room.approvers.answers_to.clone(),
        false => room.approvers.answer_address(&first.token.token),
    };
    compose(
        room,
        person,
        &ToPost {
            kind,
            subject: &subject,
            body: &body,
            reply_to: &reply_to,
            answers: None,
        },
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
}

/// A letter whose bytes are complete.
pub(super) struct Written {
    kind: LetterKind,
    answers: Option<NotificationId>,
    id: String,
    bytes: Vec<u8>,
}

/// Writes the bytes.
///
/// # Errors
///
/// The gate's word.
pub(super) fn compose(room: Room<'_>, person: &Person, letter: &ToPost<'_>) -> Result<Written> {
    let key = room.parts.store.instance_key()?;
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
    let bytes = smtp::compose_letter(&smtp::Letter {
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
    })?;
    Ok(Written {
        kind: letter.kind,
        answers: letter.answers.map(|(answer, _)| answer),
        id,
        bytes,
    })
}

/// Commits the bytes. False if it was told before.
pub(super) fn keep(
    room: Room<'_>,
    person: &Person,
    letter: &Written,
    tokens: &[TokenId],
) -> Result<bool> {
    room.parts
        .store
        .post(
            &NewLetter {
                kind: letter.kind,
                approver: person.name.as_str(),
                address: &person.address,
                answers: letter.answers,
                message_id: &letter.id,
                bytes: &letter.bytes,
                tokens,
            },
            room.now,
        )
        .context("a mail to an approver cannot be kept")
}
