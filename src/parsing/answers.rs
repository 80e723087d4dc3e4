//! An answer of an approver: whether a person wrote it, who, about what, and which
//! words are their own. Everything that is not plainly so is refused (RFC 3834).

mod headers;
mod results;
mod sender;
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use crate::domain::approvers::{Approvers, Trust};
use crate::domain::mail::LOOP_HEADER;
use crate::parsing::mime;
use headers::{Header, values};

pub use words::{OwnWords, decision, own_words};

/// The longest answer, in octets: a few own words, and at most a whole letter quoted.
pub const MAX_ANSWER: usize = 512 * 1024;

/// The longest text of which the own words are looked for, in characters.
const MAX_TEXT: usize = 256 * 1024;

/// What an answer is about, by where it was sent and what it answers. Nothing of it
/// is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The tokens of the addresses it was sent to, each once.
    pub tokens: Vec<String>,
    /// The valid ids in In-Reply-To.
    pub in_reply_to: Vec<String>,
}

/// A mail whose headers are those of a person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who wrote it, verified; in lower case.
    pub from: String,
    /// What it is about.
    pub about: About,
}

/// Why a mail decides nothing. Whoever sent it is not told: nobody knows who that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// A machine wrote it, or a list passed it on.
    #[error("no person wrote it to us: {0}")]
    Automatic(String),
    /// Nobody can be sure who wrote it.
    #[error("its sender is not verified: {0}")]
    Unverified(String),
    /// It cannot be taken apart.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// Looks at the headers alone.
///
/// # Errors
///
/// Why it is no answer of a person whose name is known.
pub fn envelope(raw: &[u8], approvers: &Approvers) -> Result<Envelope, NoAnswer> {
    if raw.len() > MAX_ANSWER {
        return Err(NoAnswer::Unreadable("it is too long".to_owned()));
    }
    let headers = headers::headers(raw).map_err(NoAnswer::Unreadable)?;
    if let Some(why) = automatic(&headers) {
        return Err(NoAnswer::Automatic(why.to_owned()));
    }
    Ok(Envelope {
        from: verified(&headers, &approvers.trust)?,
        about: about(&headers, approvers),
    })
}

/// The address that wrote a mail, in lower case, if the trusted server says that its
/// domain signed it. Of other mails than answers, too.
///
/// # Errors
///
/// Why nobody can be sure of it.
pub fn verified_sender(raw: &[u8], trust: &Trust) -> Result<String, NoAnswer> {
    let headers = headers::headers(raw).map_err(NoAnswer::Unreadable)?;
    verified(&headers, trust)
}

fn verified(headers: &[Header], trust: &Trust) -> Result<String, NoAnswer> {
    sender::verified_sender(headers, trust).map_err(NoAnswer::Unverified)
}

/// Headers of mails that machines write or pass on, of which one is enough: RFC
/// 3834, section 2; RFC 5230, section 4.6; and what answering programs used before.
const MACHINES: [(&str, &str); 14] = [
    ("list-id", "it came through a mailing list"),
    ("list-post", "it came through a mailing list"),
    ("list-unsubscribe", "it came through a mailing list"),
    ("x-auto-response-suppress", "it asks not to be answered"),
    ("x-autoreply", "it is an automatic reply"),
    ("x-autorespond", "it is an automatic reply"),
    ("x-autoresponder", "it is an automatic reply"),
    ("x-auto-respond", "it is an automatic reply"),
    ("x-mail-autoreply", "it is an automatic reply"),
    ("x-vacation", "it is a vacation answer"),
    ("x-failed-recipients", "it is a bounce"),
    ("feedback-id", "it is bulk mail"),
    ("x-forwarded-message-id", "it forwards another mail"),
    ("x-loop", "a program sent it on"),
];

fn automatic(headers: &[Header]) -> Option<&'static str> {
    let has = |name: &str| !values(headers, name).is_empty();
    if has(&LOOP_HEADER.to_ascii_lowercase()) {
        return Some("a program of this kind wrote it (loop header)");
    }
    if values(headers, "return-path").contains(&"<>") {
        return Some("its sender is the null sender: a bounce");
    }
    let first_word = |value: &str| {
        let word = value.split([' ', ';', '(']).next().unwrap_or_default();
        word.to_ascii_lowercase()
    };
    let mut auto = values(headers, "auto-submitted")
        .into_iter()
        .map(first_word);
    if auto.any(|word| word != "no") {
        return Some("a machine wrote it (Auto-Submitted)");
    }
    let found = MACHINES.iter().find(|(name, _)| has(name));
    if let Some((_, why)) = found {
        return Some(why);
    }
    let mut precedence = values(headers, "precedence").into_iter().map(first_word);
    if precedence.any(|word| ["bulk", "junk", "list", "auto_reply"].contains(&word.as_str())) {
        return Some("it is bulk mail (Precedence)");
    }
    let mut types = values(headers, "content-type").into_iter().map(first_word);
    if types.any(|word| word == "multipart/report" || word == "message/rfc822") {
        return Some("it is a report on another mail");
    }
    let subject = values(headers, "subject").join(" ").to_lowercase();
    let forwards = ["fw:", "fwd:", "wg:", "tr:", "rv:", "enc:", "i:", "vb:"];
    let forwards = forwards.iter().any(|mark| subject.starts_with(mark));
    forwards.then_some("its subject says that it was forwarded")
}

fn about(headers: &[Header], approvers: &Approvers) -> About {
    let mut tokens: Vec<String> = Vec::new();
    let named = headers.iter().filter(|it| mime::names_recipients(&it.name));
    for address in mime::addresses_in(named.map(|it| &it.value)) {
        if let Some(token) = approvers.token_in(&address).map(str::to_ascii_lowercase)
            && !tokens.contains(&token)
        {
            tokens.push(token);
        }
    }
    let answered = values(headers, "in-reply-to");
    About {
        tokens,
        in_reply_to: answered.into_iter().flat_map(mime::valid_ids).collect(),
    }
}

/// Why the text of a verified mail holds no words to decide by: the person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWords {
    /// There is no plain text.
    #[error("it has no plain text: send it as plain text, not as HTML alone")]
    NoPlainText,
    /// Another mail hangs on it.
    #[error("another mail is attached to it: answer without attachments")]
    ForwardsMail,
    /// It begins with a quote, or there is nothing at all.
    #[error("nothing of your own stands above what is quoted: write the verb on the first line")]
    NothingOwn,
    /// The MIME library gave up on it.
    #[error("it cannot be taken apart")]
    Broken,
}

/// The person's own words in the first plain text of a mail.
///
/// # Errors
///
/// Why there are none.
pub fn words_of(raw: &[u8]) -> Result<OwnWords, NoWords> {
    let text = catch_unwind(AssertUnwindSafe(|| plain_text(raw)));
    let text = text.unwrap_or(Err(NoWords::Broken))?;
    own_words(&text).ok_or(NoWords::NothingOwn)
}

fn plain_text(raw: &[u8]) -> Result<String, NoWords> {
    let raw = raw.get(..MAX_ANSWER).unwrap_or(raw);
    let message = MessageParser::new().parse(raw).ok_or(NoWords::Broken)?;
    let forwards = |part: &mail_parser::MessagePart<'_>| matches!(part.body, PartType::Message(_));
    if message.parts.iter().any(forwards) {
        return Err(NoWords::ForwardsMail);
    }
    first_text(&message).ok_or(NoWords::NoPlainText)
}

/// The first part that a reader shows, if that is plain text and no attachment.
fn first_text(message: &Message<'_>) -> Option<String> {
    let index = *message.text_body.first()?;
    let part = message.parts.get(index as usize)?;
    let PartType::Text(text) = &part.body else {
        return None;
    };
    let kind = part.content_type();
    let is_plain = kind.is_none_or(|kind| {
        kind.ctype().eq_ignore_ascii_case("text")
            && kind
                .subtype()
                .is_none_or(|it| it.eq_ignore_ascii_case("plain"))
    });
    let is_attached = part
        .content_disposition()
        .is_some_and(|it| !it.ctype().eq_ignore_ascii_case("inline"));
    if !is_plain || is_attached || part.attachment_name().is_some() {
        return None;
    }
    let text: String = text.chars().take(MAX_TEXT).collect();
    let attribute = |name: &str| kind.and_then(|kind| kind.attribute(name));
    let says = |name: &str, word: &str| {
        attribute(name).is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    Some(match says("format", "flowed") {
        true => words::joined(&text, says("delsp", "yes")),
        false => text,
    })
}

#[cfg(test)]
mod tests;
