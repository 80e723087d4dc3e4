//! The last look at every mail before it leaves.
//!
//! The gate does not trust the code that wrote the mail. It reads the octets
//! twice, with a strict scan of its own and with the parser that reads received
//! mail, and both must find what was expected and nothing else.

use std::collections::BTreeSet;

use mail_parser::{Message, MessageParser, MimeHeaders};

use crate::domain::draft::APPROVER_TOKEN;
use crate::domain::mail::LOOP_HEADER;
use crate::domain::message_id;

/// The longest text a reply may have, in octets after decoding.
pub const MAX_BODY_OCTETS: usize = 4096;
/// The most lines a reply may have.
pub const MAX_BODY_LINES: usize = 20;
/// The longest line of a mail without its CRLF (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// What must be found in the mail.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The one author.
    pub from_address: &'a str,
    /// The one recipient: the list.
    pub to: &'a str,
    /// Our own id, without angle brackets.
    pub message_id: &'a str,
    /// The value of the loop header.
    pub loop_value: &'a str,
}

/// Why a mail does not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// A carriage return or a line feed by itself, which ends a line for some
    /// programs and not for others.
    #[error("it has a bare CR or LF at octet {0}")]
    BareLineBreak(usize),
    /// An octet that is NUL or not ASCII; everything we write is encoded.
    #[error("it has the octet {octet:#04x} at {at}")]
    Octet {
        /// Which one.
        octet: u8,
        /// Where.
        at: usize,
    },
    /// A line over 998 octets, or the last one has no end.
    #[error("line {0} is too long or has no end")]
    Line(usize),
    /// Headers other than the expected ones.
    #[error("its headers are not the expected ones: {0}")]
    Headers(String),
    /// A header says something other than expected.
    #[error("its header {0} does not say what it should")]
    Header(&'static str),
    /// An address that is none.
    #[error("an address is not valid: {0}")]
    Address(String),
    /// The text is too long or holds what no reply may hold.
    #[error("its text is refused: {0}")]
    Body(String),
}

/// Headers every reply has.
const ALWAYS: [&str; 11] = [
    "auto-submitted",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
    "x-auto-response-suppress",
    "x-buildbot-watch-loop",
];
/// Headers a reply has when the mail it answers has a valid id.
const SOMETIMES: [&str; 2] = ["in-reply-to", "references"];

/// Lets a mail pass, or says why not.
///
/// # Errors
/// The first thing that is not as expected.
pub fn gate(bytes: &[u8], expected: &Expected<'_>) -> Result<(), GateRefusal> {
    let message = read_twice(bytes, &ALWAYS, &SOMETIMES)?;
    check_header_values(&message, expected)?;
    check_body(&message)
}

/// The mail as the parser sees it, if our own scan finds the same: only octets that
/// may leave, `always` each header once, `sometimes` at most once, and no other.
pub(super) fn read_twice<'a>(
    bytes: &'a [u8],
    always: &[&str],
    sometimes: &[&str],
) -> Result<Message<'a>, GateRefusal> {
    check_octets(bytes)?;
    check_header_names(header_names(bytes)?, always, sometimes)?;
    let message = MessageParser::default()
        .parse(bytes)
        .ok_or_else(|| GateRefusal::Headers("it can't be parsed".to_owned()))?;
    let parsed = message.parts.first().map(|part| &part.headers);
    let names = parsed.into_iter().flatten();
    let names = names.map(|header| header.name().to_ascii_lowercase());
    check_header_names(names, always, sometimes)?;
    Ok(message)
}

fn check_octets(bytes: &[u8]) -> Result<(), GateRefusal> {
    let mut previous = 0;
    for (at, octet) in bytes.iter().copied().enumerate() {
        if (octet == b'\n') != (previous == b'\r') {
            return Err(GateRefusal::BareLineBreak(at));
        }
        if octet == 0 || !octet.is_ascii() {
            return Err(GateRefusal::Octet { octet, at });
        }
        previous = octet;
    }
    let too_long = bytes
        .split_inclusive(|octet| *octet == b'\n')
        .position(|line| line.len() > MAX_LINE + 2 || !line.ends_with(b"\r\n"));
    match too_long {
        Some(index) => Err(GateRefusal::Line(index + 1)),
        None => Ok(()),
    }
}

/// The names before the first empty line, in lower case, by our own scan.
fn header_names(bytes: &[u8]) -> Result<Vec<String>, GateRefusal> {
    let mut names = Vec::new();
    for line in bytes.split_inclusive(|octet| *octet == b'\n') {
        if line == b"\r\n" {
            return Ok(names);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let name = line.split(|octet| *octet == b':').next().unwrap_or(line);
        names.push(String::from_utf8_lossy(name).to_ascii_lowercase());
    }
    Err(GateRefusal::Headers("they have no end".to_owned()))
}

/// Each expected header once, and no other.
fn check_header_names(
    names: impl IntoIterator<Item = String>,
    always: &[&str],
    sometimes: &[&str],
) -> Result<(), GateRefusal> {
    let mut found = BTreeSet::new();
    for name in names {
        let is_known = always.contains(&name.as_str()) || sometimes.contains(&name.as_str());
        if !is_known {
            return Err(GateRefusal::Headers(format!("{name:?} is not one of them")));
        }
        if !found.insert(name.clone()) {
            return Err(GateRefusal::Headers(format!("{name:?} stands there twice")));
        }
    }
    match always.iter().find(|name| !found.contains(**name)) {
        Some(missing) => Err(GateRefusal::Headers(format!("{missing:?} is missing"))),
        None => Ok(()),
    }
}

fn check_header_values(message: &Message<'_>, expected: &Expected<'_>) -> Result<(), GateRefusal> {
    let says = |name: &str, wanted: &str| {
        let raw = message.header_raw(name).map(str::trim);
        raw.is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    let subject = message.subject().unwrap_or_default();
    let checks = [
        ("To", only(message.to(), expected.to)),
        ("From", only(message.from(), expected.from_address)),
        (
            "Message-ID",
            message.message_id() == Some(expected.message_id),
        ),
        ("Subject", subject.starts_with("Re: ")),
        ("Auto-Submitted", says("Auto-Submitted", "auto-replied")),
        (
            "X-Auto-Response-Suppress",
            says("X-Auto-Response-Suppress", "All"),
        ),
        (LOOP_HEADER, says(LOOP_HEADER, expected.loop_value)),
        ("MIME-Version", says("MIME-Version", "1.0")),
        (
            "Content-Type",
            says("Content-Type", "text/plain; charset=utf-8"),
        ),
        (
            "Content-Transfer-Encoding",
            message
                .content_transfer_encoding()
                .is_some_and(|encoding| encoding.eq_ignore_ascii_case("quoted-printable")),
        ),
        (
            "Date",
            message.date().is_some_and(mail_parser::DateTime::is_valid),
        ),
        ("In-Reply-To", ids_are_clean(message.in_reply_to())),
        ("References", ids_are_clean(message.references())),
    ];
    match checks.iter().find(|(_, is_right)| !is_right) {
        Some((name, _)) => Err(GateRefusal::Header(name)),
        None => Ok(()),
    }
}

/// Whether a header names this address and no other.
pub(super) fn only(addresses: Option<&mail_parser::Address<'_>>, wanted: &str) -> bool {
    let found: Vec<&str> = addresses
        .into_iter()
        .flat_map(mail_parser::Address::iter)
        .map(|address| address.address().unwrap_or_default())
        .collect();
    found == [wanted]
}

fn ids_are_clean(value: &mail_parser::HeaderValue<'_>) -> bool {
    use mail_parser::HeaderValue::{Empty, Text, TextList};
    let is_clean = |id: &str| message_id::is_valid(id);
    match value {
        Empty => true,
        Text(id) => is_clean(id),
        TextList(ids) => ids.iter().all(|id| is_clean(id)),
        _ => false,
    }
}

fn check_body(message: &Message<'_>) -> Result<(), GateRefusal> {
    let refuse = |why: &str| Err(GateRefusal::Body(why.to_owned()));
    if message.parts.len() != 1 {
        return refuse("there is more than one part");
    }
    let Some(text) = message.body_text(0) else {
        return refuse("there is none");
    };
    if text.trim().is_empty() {
        return refuse("it is empty");
    }
    if text.len() > MAX_BODY_OCTETS || text.lines().count() > MAX_BODY_LINES {
        return refuse("it is longer than a short reply");
    }
    if text.contains("<<new issue ") || text.contains(APPROVER_TOKEN) {
        return refuse("a token in it was not replaced");
    }
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if !text.chars().all(is_harmless) {
        return refuse("it has control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
