//! The last look at every mail before it leaves.
//!
//! The gate does not trust the code that wrote the mail. It reads the octets
//! twice, with a strict scan of its own and with the parser that reads received
//! mail, and both must find what was expected and nothing else: for every mail what
//! [`form`] says, here what a reply has besides.

pub(super) mod form;

use std::borrow::Cow;

use mail_parser::Message;

use crate::domain::draft::APPROVER_TOKEN;
use form::Form;

/// The longest text a reply may have, in octets after decoding.
pub const MAX_BODY_OCTETS: usize = 4096;
/// The most lines a reply may have.
pub const MAX_BODY_LINES: usize = 20;

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

/// Lets a mail pass, or says why not.
///
/// # Errors
/// The first thing that is not as expected.
pub fn gate(bytes: &[u8], expected: &Expected<'_>) -> Result<(), GateRefusal> {
    let form = Form {
        from: expected.from_address,
        to: expected.to,
        reply_to: None,
        message_id: expected.message_id,
        automatic: Some(("auto-replied", expected.loop_value)),
        is_threaded: true,
    };
    let message = form.read(bytes)?;
    if !message.subject().unwrap_or_default().starts_with("Re: ") {
        return Err(GateRefusal::Header("Subject"));
    }
    check_text(&only_text(&message)?)
}

/// The text of a mail that has nothing else.
pub(super) fn only_text<'a>(message: &'a Message<'_>) -> Result<Cow<'a, str>, GateRefusal> {
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
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if !text.chars().all(is_harmless) {
        return refuse("it has control characters");
    }
    Ok(text)
}

fn check_text(text: &str) -> Result<(), GateRefusal> {
    let refuse = |why: &str| Err(GateRefusal::Body(why.to_owned()));
    if text.len() > MAX_BODY_OCTETS || text.lines().count() > MAX_BODY_LINES {
        return refuse("it is longer than a short reply");
    }
    if text.contains("<<new issue ") || text.contains(APPROVER_TOKEN) {
        return refuse("a token in it was not replaced");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
