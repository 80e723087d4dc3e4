//! The reply as octets: the same ones for the same input.

use std::time::{Duration, SystemTime};

use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, Header, HeaderName, HeaderValue, InReplyTo,
    MIME_VERSION_1_0, MessageId, References, Subject,
};
use lettre::message::{Body, Mailbox, Message};

use crate::domain::Seconds;
use crate::domain::draft::Reply;
use crate::domain::mail::LOOP_HEADER;
use crate::domain::message_id;
use crate::smtp::gate::{Expected, GateRefusal, gate};

/// Everything that goes into the reply. Nothing else does.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// What a human approved, its tokens replaced.
    pub reply: &'a Reply,
    /// Our name for people; may be empty.
    pub from_name: &'a str,
    /// Our address.
    pub from_address: &'a str,
    /// The list's address, from the configuration.
    pub to: &'a str,
    /// Our own id, without angle brackets.
    pub message_id: &'a str,
    /// When the mail was frozen.
    pub date: Seconds,
    /// The value of [`LOOP_HEADER`]: keyed, so that nobody can guess it.
    pub loop_value: &'a str,
}

impl<'a> Outgoing<'a> {
    /// What the gate has to find.
    pub fn expected(&self) -> Expected<'a> {
        Expected {
            from_address: self.from_address,
            to: self.to,
            message_id: self.message_id,
            loop_value: self.loop_value,
        }
    }
}

/// Writes the reply and leads it through the [`gate`].
///
/// Received ids that are no valid message ids are left out. The text is
/// quoted-printable, so that archives show it as it is.
///
/// # Errors
/// The gate's word, also for addresses that are none.
pub fn compose(outgoing: &Outgoing<'_>) -> Result<Vec<u8>, GateRefusal> {
    let reply = outgoing.reply;
    let mut message = Message::builder()
        .header(Date::new(moment(outgoing.date)))
        .from(mailbox(outgoing.from_name, outgoing.from_address)?)
        .to(mailbox("", outgoing.to)?)
        .header(Subject::from(subject(&reply.subject)))
        .header(MessageId::from(bracketed(outgoing.message_id)));
    let answered = reply
        .in_reply_to
        .as_deref()
        .filter(|id| message_id::is_valid(id));
    if let Some(id) = answered {
        message = message.header(InReplyTo::from(bracketed(id)));
    }
    let references = references(reply);
    if !references.is_empty() {
        message = message.header(References::from(references));
    }
    let text = format!("{}\n", reply.body.trim_end_matches('\n'));
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| GateRefusal::Body("it can't be encoded".to_owned()))?;
    let message = message
        .header(AutoSubmitted)
        .header(AutoResponseSuppress)
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str(LOOP_HEADER),
            one_line(outgoing.loop_value),
        ))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| GateRefusal::Address(error.to_string()))?;
    let bytes = message.formatted();
    gate(&bytes, &outgoing.expected())?;
    Ok(bytes)
}

/// Seconds the Date header can show: 1970 to 9999.
pub(super) fn moment(date: Seconds) -> SystemTime {
    let seconds = u64::try_from(date).unwrap_or(0).min(253_402_300_799);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn mailbox(name: &str, address: &str) -> Result<Mailbox, GateRefusal> {
    let address = address
        .parse()
        .map_err(|error| GateRefusal::Address(format!("{address:?}: {error}")))?;
    let name = Some(one_line(name)).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address))
}

/// The thread so far and the mail we answer, each id once, oldest first. Of a
/// long thread the first and the last ones are kept (RFC 5537, section 3.4.4).
fn references(reply: &Reply) -> String {
    let mut ids: Vec<&str> = Vec::new();
    let all = reply.references.iter().chain(&reply.in_reply_to);
    for id in all
        .map(String::as_str)
        .filter(|id| message_id::is_valid(id))
    {
        ids.retain(|earlier| *earlier != id);
        ids.push(id);
    }
    let surplus = ids.len().saturating_sub(20);
    if surplus > 0 {
        ids.drain(1..=surplus);
    }
    let bracketed: Vec<String> = ids.into_iter().map(bracketed).collect();
    bracketed.join(" ")
}

pub(super) fn bracketed(id: &str) -> String {
    format!("<{id}>")
}

/// On one line. What looks like an encoded word (RFC 2047) is not ours and must
/// not be decoded into something nobody approved.
fn subject(text: &str) -> String {
    one_line(text).replace("=?", "= ?")
}

fn one_line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.collect::<String>().trim().to_owned()
}

/// A header that always says the same.
macro_rules! constant_header {
    ($type:ident, $name:literal, $value:literal) => {
        #[derive(Clone)]
        struct $type;

        impl Header for $type {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($name)
            }

            fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(Self)
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), $value.to_owned())
            }
        }
    };
}

// RFC 3834, section 5: this mail is an automatic answer to another mail.
constant_header!(AutoSubmitted, "Auto-Submitted", "auto-replied");
// For Exchange, which does not look at Auto-Submitted (MS-OXCMAIL, 2.2.3.2.14).
constant_header!(AutoResponseSuppress, "X-Auto-Response-Suppress", "All");

#[cfg(test)]
mod tests;
