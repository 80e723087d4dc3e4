//! Answers that came in: who wrote them, about what, and what becomes of them.
//!
//! Whoever is not verified gets no answer, nor does a machine. A verified approver
//! is told once what became of their mail.

use anyhow::Result;

use super::asking::ask_again;
use super::writing::{ToPost, Written, compose, keep};
use super::{Room, deciding, words};
use crate::domain::Seconds;
use crate::domain::approvers::{Person, Verb};
use crate::domain::decision::Decision;
use crate::domain::untrusted::plain_line;
use crate::parsing::answers::{self, About, NoAnswer};
use crate::store::{
    AnswerOutcome, LetterKind, NotificationId, NotificationRow, PROGRAM, TokenRow, is_disk_trouble,
};
use crate::templates::AnsweredFields;

/// Answers handled in one pass.
const ANSWERS_A_PASS: usize = 10;

/// After so many attempts that broke off, an answer decides nothing (I16).
const MOST_ATTEMPTS: u32 = 3;

/// Characters of what is recorded of an answer.
const RECORDED: usize = 400;

/// So many results are written to an approver within a day; above that only those of
/// decisions. Whatever answers by itself and does not say so comes to an end here.
const RESULTS_A_DAY: u64 = 20;

const DAY: Seconds = 24 * 3600;

/// What became of an answer.
pub(super) struct Said {
    /// Whether something was decided.
    pub(super) is_decided: bool,
    /// For the person: the decision, or why there is none.
    pub(super) words: String,
    /// What changed since the mail that was answered, line by line.
    pub(super) changes: Vec<String>,
    /// What can be done now; may be empty.
    pub(super) next: String,
    /// Whether the person gets a mail about the draft as it is now.
    pub(super) asks_again: bool,
}

impl Said {
    pub(super) fn plainly(words: impl Into<String>) -> Self {
        Self {
            is_decided: false,
            words: words.into(),
            changes: Vec::new(),
            next: String::new(),
            asks_again: false,
        }
    }
}

/// The end of one answer.
struct End<'a> {
    person: Option<&'a Person>,
    about: Option<NotificationId>,
    said: Said,
}

impl<'a> End<'a> {
    fn of(person: &'a Person, about: Option<NotificationId>, said: Said) -> Self {
        let person = Some(person);
        Self {
            person,
            about,
            said,
        }
    }
}

/// Handles what came in. Says how many there were.
pub(super) fn handle_all(room: Room<'_>) -> Result<usize> {
    let answers = room.parts.store.pending_answers(ANSWERS_A_PASS)?;
    for answer in &answers {
        room.parts.beat();
        handle(room, *answer)?;
    }
    Ok(answers.len())
}

fn handle(room: Room<'_>, answer: NotificationId) -> Result<()> {
    let store = &room.parts.store;
    let attempts = store.count_answer(answer)?;
    let broken_off = |why: &str| End {
        person: None,
        about: None,
        said: Said::plainly(format!("{MOST_ATTEMPTS} attempts to handle it {why}")),
    };
    if attempts > MOST_ATTEMPTS {
        return finish(room, answer, None, &broken_off("broke off"));
    }
    let row = store.load(answer);
    let ended = row.and_then(|row| end_of(room, &row).map(|end| (row, end)));
    match ended {
        Ok((row, end)) => finish(room, answer, row.message_id.as_deref(), &end),
        Err(error) if is_disk_trouble(&error) => {
            store.forget_answer_attempt(answer)?;
            Err(error)
        }
        Err(error) => {
            let why = format!("{error:#}");
            tracing::warn!(notification = %answer, why, "an approver's answer cannot be handled");
            match attempts >= MOST_ATTEMPTS {
                true => finish(room, answer, None, &broken_off(&format!("failed: {why}"))),
                false => Ok(()),
            }
        }
    }
}

/// Tells the person, if that is known for sure, and records it. In this order: a
/// second telling is refused by the store, a second recording too.
fn finish(
    room: Room<'_>,
    answer: NotificationId,
    message_id: Option<&str>,
    end: &End<'_>,
) -> Result<()> {
    if let Some(person) = end.person {
        tell(room, person, (answer, message_id), end)?;
    }
    let outcome = AnswerOutcome {
        about: end.about,
        who: end.person.map_or(PROGRAM, |person| person.name.as_str()),
        words: &plain_line(&end.said.words, RECORDED),
    };
    tracing::info!(notification = %answer, "an approver's answer was handled; `history` tells more");
    room.parts.store.finish_answer(answer, &outcome, room.now)
}

fn tell(
    room: Room<'_>,
    person: &Person,
    answer: (NotificationId, Option<&str>),
    end: &End<'_>,
) -> Result<()> {
    let store = &room.parts.store;
    let name = person.name.as_str();
    let lately = store.letters_written(name, LetterKind::Result, room.now - DAY)?;
    if lately >= RESULTS_A_DAY && !end.said.is_decided {
        return Ok(());
    }
    let about = end.about.map(|id| store.load(id)).transpose()?;
    // The decision stands, and `history` tells of it, also if this cannot be written.
    match result(room, person, answer, (end, about.as_ref())) {
        Ok(letter) => {
            keep(room, person, &letter, &[])?;
        }
        Err(error) if is_disk_trouble(&error) => return Err(error),
        Err(error) => {
            let why = plain_line(&format!("{error:#}"), RECORDED);
            tracing::error!(notification = %answer.0, why, "a mail about an approver's answer cannot be written; `history` tells what became of it");
        }
    }
    match &about {
        Some(row) if end.said.asks_again => ask_again(room, person, row),
        _ => Ok(()),
    }
}

/// The letter that tells the person.
fn result(
    room: Room<'_>,
    person: &Person,
    answer: (NotificationId, Option<&str>),
    (end, about): (&End<'_>, Option<&NotificationRow>),
) -> Result<Written> {
    let lines = end.said.changes.iter();
    let body = room.parts.templates.answered(&AnsweredFields {
        said: plain_line(&end.said.words, 1000),
        changes: lines.map(|line| words::as_it_stands(line)).collect(),
        next: plain_line(&end.said.next, 1000),
    })?;
    let subject = match about {
        Some(row) => format!("Re: {}", words::subject(row)),
        None => "Your answer decided nothing".to_owned(),
    };
    compose(
        room,
        person,
        &ToPost {
            kind: LetterKind::Result,
            subject: &subject,
            body: &body,
            reply_to: &room.approvers.answers_to,
            answers: Some(answer),
        },
    )
}

fn end_of<'a>(room: Room<'a>, row: &NotificationRow) -> Result<End<'a>> {
    let raw = room.parts.store.raw(row.id)?;
    let nobody = |words: String| End {
        person: None,
        about: None,
        said: Said::plainly(words),
    };
    let envelope = match answers::envelope(&raw, room.approvers) {
        Ok(envelope) => envelope,
        Err(why) => {
            if let NoAnswer::Unverified(why) = &why {
                // An approver waits for a word about it, and gets none.
                let why = plain_line(why, RECORDED);
                tracing::warn!(notification = %row.id, why, "the sender of an answer is not verified; it decides nothing");
            }
            return Ok(nobody(why.to_string()));
        }
    };
    let Some(person) = room.approvers.with_address(&envelope.from) else {
        let from = plain_line(&envelope.from, 100);
        return Ok(nobody(format!("{from} is not an approver")));
    };
    // What has no id could be sent again and again.
    if row.message_id.is_none() || row.truncated {
        let said = Said::plainly("Nothing was decided: your mail has no valid Message-ID");
        return Ok(End::of(person, None, said));
    }
    let token = match token_meant(room, &envelope.about)? {
        Ok(token) => token,
        Err(why) => {
            let said = Said::plainly(format!("Nothing was decided: {why}"));
            return Ok(End::of(person, None, said));
        }
    };
    // Not even the draft's number is for others.
    if token.approver != person.name.as_str() {
        let words = "Nothing was decided: the mail you answered was not written to you";
        return Ok(End::of(person, None, Said::plainly(words)));
    }
    let about = Some(token.notification);
    let said = match word(room, person, &token, &raw) {
        Err(why) => Said {
            next: "The mail that you answered is still valid: answer it again.".to_owned(),
            ..Said::plainly(format!("Nothing was decided: {why}"))
        },
        Ok((decision, text)) => {
            let given = deciding::Given {
                person,
                token: &token,
                decision: &decision,
                text: &text,
                answer: row.id,
            };
            deciding::decide(room, &given)?
        }
    };
    Ok(End::of(person, about, said))
}

/// What the person wrote, if they may: the decision, and the text below it.
fn word(
    room: Room<'_>,
    person: &Person,
    token: &TokenRow,
    raw: &[u8],
) -> Result<(Decision, String), String> {
    let own = answers::words_of(raw).map_err(|why| why.to_string())?;
    let decision = answers::decision(&own).map_err(|why| why.0)?;
    let may = Verb::of(&decision).is_some_and(|verb| person.may.contains(&verb));
    if !may {
        let page = match &room.approvers.page {
            Some(page) => format!("{page}/draft/{}", token.notification),
            None => "the command line".to_owned(),
        };
        return Err(format!(
            "you may not {} by mail; use {page}",
            decision.verb()
        ));
    }
    Ok((decision, own.more.join("\n")))
}

/// Which draft is meant: by the token in the address, else by the mail that was
/// answered. Where both speak, they have to agree.
fn token_meant(room: Room<'_>, about: &About) -> Result<Result<TokenRow, &'static str>> {
    let store = &room.parts.store;
    let mut asked = Vec::new();
    for id in &about.in_reply_to {
        if let Some(letter) = store.letter_with_id(id)? {
            asked.extend(store.tokens_of(letter)?);
        }
    }
    let named = match about.tokens.as_slice() {
        [] => None,
        [one] => Some(one),
        _ => return Ok(Err("it is addressed to several drafts at once")),
    };
    Ok(match (named, asked.as_slice()) {
        (Some(named), asked) => match store.token(named)? {
            None => Err("no draft has the address that it was sent to"),
            Some(token) if !asked.is_empty() && !asked.contains(&token) => {
                Err("its address names another draft than the mail it answers")
            }
            Some(token) => Ok(token),
        },
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("it does not tell which draft it is about: use the reply button"),
        (None, _) => Err(
            "the mail it answers asks about several drafts: use the address below \
                          the one you mean",
        ),
    })
}
