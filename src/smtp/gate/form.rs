//! What every mail that leaves looks like: which headers it has and what they say.

use std::collections::BTreeSet;

use mail_parser::{Message, MessageParser, MimeHeaders};

use super::GateRefusal;
use crate::domain::mail::LOOP_HEADER;
use crate::domain::message_id;

/// The longest line of a mail without its CRLF (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// Headers every mail has.
const ALWAYS: [&str; 8] = [
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
];
/// Headers of a mail that no person asked for (RFC 3834, section 5).
const AUTOMATIC: [&str; 3] = [
    "auto-submitted",
    "x-auto-response-suppress",
    "x-buildbot-watch-loop",
];
/// Headers of a mail that answers one with a valid id.
const THREAD: [&str; 2] = ["in-reply-to", "references"];

/// What must be found in a mail; each of its headers once, and no other.
#[derive(Debug, Clone, Copy)]
pub(in crate::smtp) struct Form<'a> {
    /// The one author.
    pub(in crate::smtp) from: &'a str,
    /// The one recipient.
    pub(in crate::smtp) to: &'a str,
    /// The one address for answers, if there is that header.
    pub(in crate::smtp) reply_to: Option<&'a str>,
    /// Our own id, without angle brackets.
    pub(in crate::smtp) message_id: &'a str,
    /// What Auto-Submitted says, and the value of the loop header.
    pub(in crate::smtp) automatic: Option<(&'static str, &'a str)>,
    /// Whether it may answer another mail.
    pub(in crate::smtp) is_threaded: bool,
}

impl Form<'_> {
    /// The mail as the parser sees it, if our own scan finds the same: only octets
    /// that may leave, and headers of this form.
    pub(in crate::smtp) fn read<'m>(&self, bytes: &'m [u8]) -> Result<Message<'m>, GateRefusal> {
        check_octets(bytes)?;
        self.check_names(header_names(bytes)?)?;
        let message = MessageParser::default()
            .parse(bytes)
            .ok_or_else(|| GateRefusal::Headers("it can't be parsed".to_owned()))?;
        let parsed = message.parts.first().map(|part| &part.headers);
        let names = parsed.into_iter().flatten();
        self.check_names(names.map(|header| header.name().to_ascii_lowercase()))?;
        self.check_values(&message)?;
        Ok(message)
    }

    /// Each expected header once, and no other.
    fn check_names(&self, names: impl IntoIterator<Item = String>) -> Result<(), GateRefusal> {
        let mut always = ALWAYS.to_vec();
        always.extend(AUTOMATIC.iter().filter(|_| self.automatic.is_some()));
        always.extend(self.reply_to.map(|_| "reply-to"));
        let may_stand =
            |name: &str| always.contains(&name) || (self.is_threaded && THREAD.contains(&name));
        let mut found = BTreeSet::new();
        for name in names {
            if !may_stand(&name) {
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

    fn check_values(&self, message: &Message<'_>) -> Result<(), GateRefusal> {
        let says = |name: &str, wanted: &str| {
            let raw = message.header_raw(name).map(str::trim);
            raw.is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        };
        let automatic = |name: &str, of: fn((&'static str, &str)) -> String| {
            self.automatic.is_none_or(|it| says(name, &of(it)))
        };
        let encoding = message.content_transfer_encoding();
        let checks = [
            ("To", only(message.to(), self.to)),
            ("From", only(message.from(), self.from)),
            (
                "Reply-To",
                self.reply_to.is_none_or(|to| only(message.reply_to(), to)),
            ),
            ("Message-ID", message.message_id() == Some(self.message_id)),
            (
                "Auto-Submitted",
                automatic("Auto-Submitted", |(word, _)| word.to_owned()),
            ),
            (
                "X-Auto-Response-Suppress",
                automatic("X-Auto-Response-Suppress", |_| "All".to_owned()),
            ),
            (
                LOOP_HEADER,
                automatic(LOOP_HEADER, |(_, value)| value.to_owned()),
            ),
            ("MIME-Version", says("MIME-Version", "1.0")),
            (
                "Content-Type",
                says("Content-Type", "text/plain; charset=utf-8"),
            ),
            (
                "Content-Transfer-Encoding",
                encoding.is_some_and(|it| it.eq_ignore_ascii_case("quoted-printable")),
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

/// Whether a header names this address and no other.
fn only(addresses: Option<&mail_parser::Address<'_>>, wanted: &str) -> bool {
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
