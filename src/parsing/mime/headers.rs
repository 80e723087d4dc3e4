//! From the headers of a mail to the fields of a [`Mail`].

use mail_parser::{Address, Header, HeaderValue, Message, MimeHeaders};

use super::ids::{only_id, valid_ids};
use crate::domain::mail::{LOOP_HEADER, Mail};
use crate::parsing::excerpt::one_line;

/// Headers that RFC 5322, 3.6 allows once, or that decide what happens with the
/// mail. A second one is told in a remark.
const ONCE: [&str; 9] = [
    "Message-ID",
    "From",
    "Subject",
    "Date",
    "In-Reply-To",
    "References",
    "Reply-To",
    "List-Id",
    "Auto-Submitted",
];
/// Longest subject kept, in characters.
const MAX_SUBJECT: usize = 1000;
/// Most recipients kept of one mail.
const MAX_RECIPIENTS: usize = 200;

/// Reads the headers. Where a header stands twice the first one counts, as for
/// Python's `email` package and so for Mailman (the library's own accessors give
/// the last). For Auto-Submitted and Precedence the first one that speaks
/// against an answer counts.
pub(super) fn read(message: &Message<'_>, raw: &[u8]) -> Mail {
    let headers = Headers {
        all: message.headers(),
        raw,
    };
    let thread = [
        headers.all_text("In-Reply-To"),
        headers.all_text("References"),
    ];
    let [in_reply_to, references] = thread.each_ref().map(|values| {
        values
            .iter()
            .flat_map(|value| valid_ids(value))
            .collect::<Vec<_>>()
    });
    let from = headers.addresses("From");
    Mail {
        message_id: headers.text("Message-ID").and_then(|id| only_id(&id)),
        in_reply_to,
        references,
        has_thread_headers: thread.iter().any(|values| !values.is_empty()),
        from_name: from.first().and_then(|(name, _)| name.clone()),
        from: from
            .into_iter()
            .filter_map(|(_, address)| address)
            .collect(),
        reply_to: headers
            .addresses("Reply-To")
            .into_iter()
            .filter_map(|(_, address)| address)
            .collect(),
        recipients: headers.recipients(),
        subject: headers.subject(),
        list_ids: headers.list_ids(),
        return_path: headers
            .text("Return-Path")
            .map(|path| path.trim_matches(['<', '>', ' ']).to_lowercase()),
        auto_submitted: headers.most_restrictive("Auto-Submitted", |word| word != "no"),
        precedence: headers.most_restrictive("Precedence", |word| matches!(word, "bulk" | "junk")),
        auto_response_suppress: headers.text("X-Auto-Response-Suppress"),
        loop_header: headers.text(LOOP_HEADER),
        content_type: message.content_type().map_or_else(
            || "text/plain".to_owned(),
            |ct| format!("{}/{}", ct.ctype(), ct.subtype().unwrap_or("plain")).to_lowercase(),
        ),
        received_count: headers.named("Received").count(),
        date: headers.text("Date"),
        text: String::new(),
        attachments: Vec::new(),
        remarks: headers.duplicates(),
    }
}

struct Headers<'a, 'x> {
    all: &'a [Header<'x>],
    raw: &'a [u8],
}

impl<'a, 'x> Headers<'a, 'x> {
    fn named(&self, name: &str) -> impl Iterator<Item = &'a Header<'x>> {
        self.all
            .iter()
            .filter(move |header| header.name.as_str().eq_ignore_ascii_case(name))
    }

    /// The value as it stands, on one line, not decoded.
    fn raw_text(&self, header: &Header<'_>) -> String {
        let range = header.offset_start as usize..header.offset_end as usize;
        let value = self.raw.get(range).unwrap_or_default();
        match std::str::from_utf8(value) {
            Ok(value) => one_line(value),
            Err(_) => one_line(&String::from_utf8_lossy(value)),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.named(name).next().map(|header| self.raw_text(header))
    }

    fn all_text(&self, name: &str) -> Vec<String> {
        self.named(name)
            .map(|header| self.raw_text(header))
            .collect()
    }

    fn subject(&self) -> String {
        let decoded = self
            .named("Subject")
            .next()
            .and_then(|header| header.value.as_text())
            .unwrap_or_default();
        one_line(decoded).chars().take(MAX_SUBJECT).collect()
    }

    /// Name and lower-cased address of the first header of that name.
    fn addresses(&self, name: &str) -> Vec<(Option<String>, Option<String>)> {
        self.named(name)
            .next()
            .and_then(|header| match &header.value {
                HeaderValue::Address(addresses) => Some(addresses),
                _ => None,
            })
            .map(Address::iter)
            .into_iter()
            .flatten()
            .map(|one| {
                let name = one.name().map(one_line).filter(|name| !name.is_empty());
                let address = one.address().map(str::to_lowercase);
                (name, address.filter(|address| is_plain_address(address)))
            })
            .collect()
    }

    /// Everything like an address in To and Cc.
    fn recipients(&self) -> Vec<String> {
        let values = RECIPIENTS.iter().flat_map(|name| self.all_text(name));
        addresses_in(values)
    }

    /// The id within the angle brackets of each List-Id (RFC 2919, 2), or the
    /// whole value where there are none.
    fn list_ids(&self) -> Vec<String> {
        self.all_text("List-Id")
            .iter()
            .map(|value| {
                let id = value
                    .rsplit_once('<')
                    .and_then(|(_, rest)| rest.split_once('>'))
                    .map_or(value.as_str(), |(id, _)| id);
                id.trim().to_lowercase()
            })
            .collect()
    }

    /// The first word of the first such header that `restricts`, else of the first.
    fn most_restrictive(&self, name: &str, restricts: impl Fn(&str) -> bool) -> Option<String> {
        let words: Vec<String> = self
            .all_text(name)
            .iter()
            .map(|value| {
                value
                    .split([' ', ';', '('])
                    .next()
                    .unwrap_or_default()
                    .to_lowercase()
            })
            .collect();
        let strict = words.iter().find(|word| restricts(word));
        strict.or(words.first()).cloned()
    }

    fn duplicates(&self) -> Vec<String> {
        ONCE.iter()
            .filter_map(|name| {
                let count = self.named(name).count();
                (count > 1).then(|| format!("the header {name} stands {count} times"))
            })
            .collect()
    }
}

/// Headers that name whom a mail is for. Not those of delivery agents: they name the
/// watched mailbox, whoever the mail was written to.
const RECIPIENTS: [&str; 2] = ["To", "Cc"];

/// Whether a header names whom a mail is for.
pub(in crate::parsing) fn names_recipients(header: &str) -> bool {
    RECIPIENTS.iter().any(|it| it.eq_ignore_ascii_case(header))
}

/// Everything like an address in these values of headers, at most [`MAX_RECIPIENTS`].
pub(in crate::parsing) fn addresses_in(
    values: impl IntoIterator<Item = impl AsRef<str>>,
) -> Vec<String> {
    let between = |char: char| {
        matches!(char, '<' | '>' | ',' | ';' | ':' | '(' | ')' | '"') || char.is_whitespace()
    };
    let mut found = Vec::new();
    for value in values {
        let words = value.as_ref().split(between);
        let addresses = words.filter(|word| is_plain_address(word));
        found.extend(addresses.map(str::to_owned));
    }
    found.truncate(MAX_RECIPIENTS);
    found
}

/// One `@`, something on both sides, nothing that could end a header or begin
/// another address.
fn is_plain_address(address: &str) -> bool {
    let ends =
        |ch: char| matches!(ch, '<' | '>' | ',' | ';') || ch.is_whitespace() || ch.is_control();
    address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    }) && !address.contains(ends)
}
