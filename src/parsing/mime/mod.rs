//! Raw bytes to a [`Mail`].

mod body;
mod bounds;
mod growth;
mod headers;
mod html;
mod ids;
mod key;
mod small;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{DateTime, Message, MessageParser};

use crate::domain::Seconds;
use crate::domain::mail::Mail;
use bounds::{MAX_HEADER_BYTES, Survey};
pub(super) use headers::{addresses_in, names_recipients};
pub(super) use ids::valid_ids;
pub use key::content_key;

/// A mail that ends within a part is closed by hand up to this size, so that a
/// log that was cut off is still decoded. It takes a copy.
const MAX_MENDED: usize = 16 * 1024 * 1024;
/// Bytes read of a mail that decoding makes much larger than it is.
const BEGINNING: usize = 4 * 1024 * 1024;
/// Headers read of a mail that is beyond the bounds.
const MAX_HEADERS_ALONE: usize = 500;

/// Whether the raw bytes are the whole mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// All of it.
    Whole,
    /// The mail was over the size limit; only its beginning was fetched.
    CutOff,
}

/// The MIME library gave up on a mail in a way it promises not to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mail could not be parsed: {0}")]
pub struct Unparsable(pub String);

/// Decodes a mail. Bounded in memory and time for any input (I12): a mail that
/// is nested or divided beyond the bounds (200 parts, 20 deep, 500 headers of
/// 256 KiB) yields its headers and a remark.
///
/// # Errors
///
/// Only when the MIME library panics, which would be its bug.
pub fn parse(raw: &[u8], completeness: Completeness) -> Result<Mail, Unparsable> {
    catch_unwind(AssertUnwindSafe(|| decode(raw, completeness))).map_err(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .map(|words| (*words).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Unparsable(words.unwrap_or_else(|| "the MIME library panicked".to_owned()))
    })
}

/// The moment that a Date header names (RFC 5322, section 3.3); none if it is no
/// date.
pub fn written_at(date: &str) -> Option<Seconds> {
    let date = DateTime::parse_rfc822(&format!("{date}\n"))?;
    date.is_valid().then(|| date.to_timestamp())
}

/// The Message-ID that [`parse`] would find, from a bounded beginning of the
/// headers alone: for whoever has to store a mail before it is taken apart.
pub fn message_id(raw: &[u8]) -> Option<String> {
    catch_unwind(|| decode_headers(raw).message_id)
        .ok()
        .flatten()
}

fn decode(raw: &[u8], completeness: Completeness) -> Mail {
    let mut mail = match small::parse(raw) {
        Some(message) => taken(message, raw),
        None => decode_surveyed(raw),
    };
    if completeness == Completeness::CutOff {
        mail.remarks
            .push("the mail was too large; only its beginning was fetched".to_owned());
    }
    mail
}

fn decode_surveyed(raw: &[u8]) -> Mail {
    match bounds::survey(raw) {
        Survey::Fits { open } => decode_whole(&mended(raw, &open)),
        Survey::Grows => {
            let mut mail = decode_surveyed(raw.get(..BEGINNING).unwrap_or(raw));
            mail.remarks
                .push("decoding makes it much larger: only its beginning was read".to_owned());
            mail
        }
        Survey::Beyond(why) => {
            let mut mail = decode_headers(raw);
            mail.remarks
                .push(format!("{why}: only the headers were read"));
            mail
        }
    }
}

fn decode_whole(raw: &[u8]) -> Mail {
    let Some(message) = MessageParser::new().parse(raw) else {
        return Mail {
            remarks: vec!["the mail has no headers".to_owned()],
            ..Mail::default()
        };
    };
    taken(message, raw)
}

fn taken(message: Message<'_>, raw: &[u8]) -> Mail {
    let mut mail = headers::read(&message, raw);
    let body = body::take(message);
    mail.text = body.text;
    mail.attachments = body.attachments;
    mail.remarks.extend(body.remarks);
    mail
}

/// The bounded beginning of the headers, without any body.
fn decode_headers(raw: &[u8]) -> Mail {
    let head = raw.get(..bounds::body_start(raw)).unwrap_or(raw);
    let head = head.get(..MAX_HEADER_BYTES).unwrap_or(head);
    let head = head.get(..end_of_headers(head)).unwrap_or(head);
    match MessageParser::new().parse_headers(head) {
        Some(message) => headers::read(&message, head),
        None => Mail::default(),
    }
}

/// The end of the last header that is read; a header may have many lines.
fn end_of_headers(head: &[u8]) -> usize {
    let mut headers = 0;
    let mut end = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            headers += 1;
        }
        if headers > MAX_HEADERS_ALONE {
            break;
        }
        end += line.len();
    }
    end
}

/// The mail with its open multiparts closed.
fn mended<'a>(raw: &'a [u8], open: &[Vec<u8>]) -> Cow<'a, [u8]> {
    if open.is_empty() || raw.len() > MAX_MENDED {
        return Cow::Borrowed(raw);
    }
    let mut mended = raw.to_vec();
    for boundary in open.iter().rev() {
        mended.extend_from_slice(b"\r\n--");
        mended.extend_from_slice(boundary);
        mended.extend_from_slice(b"--");
    }
    mended.extend_from_slice(b"\r\n");
    Cow::Owned(mended)
}

#[cfg(test)]
mod tests;
