//! A mail to an approver as octets, with a gate of its own: other headers than a
//! reply has, and a longer text.

use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue, InReplyTo,
    MIME_VERSION_1_0, MessageId, References, Subject,
};
use lettre::message::{Body, Message};

use super::compose::{bracketed, mailbox, moment, one_line, subject};
use super::gate::form::Form;
use super::gate::{GateRefusal, only_text};
use crate::domain::Seconds;
use crate::domain::mail::LOOP_HEADER;
use crate::domain::message_id;

/// The longest text of a letter, in octets after decoding.
pub const MAX_LETTER_OCTETS: usize = 200 * 1024;
/// RFC 3834, section 5: a machine writes it by itself, and no machine answers.
const AUTO_SUBMITTED: &str = "auto-generated";

/// Everything that goes into a letter. Nothing else does.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// One line.
    pub subject: &'a str,
    /// The text.
    pub body: &'a str,
    /// Our name for people; may be empty.
    pub from_name: &'a str,
    /// Our address.
    pub from_address: &'a str,
    /// The approver's address, from the configuration.
    pub to: &'a str,
    /// Where answers go.
    pub reply_to: &'a str,
    /// Our own id, without angle brackets.
    pub message_id: &'a str,
    /// The mail that it tells about, if that has a valid id.
    pub in_reply_to: Option<&'a str>,
    /// When it was written.
    pub date: Seconds,
    /// The value of [`LOOP_HEADER`].
    pub loop_value: &'a str,
}

/// Writes a letter and leads it through its gate.
///
/// # Errors
/// The gate's word, also for addresses that are none.
pub fn compose_letter(letter: &Letter<'_>) -> Result<Vec<u8>, GateRefusal> {
    let raw = |name: &'static str, value: &str| {
        HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(value))
    };
    let mut message = Message::builder()
        .header(Date::new(moment(letter.date)))
        .from(mailbox(letter.from_name, letter.from_address)?)
        .to(mailbox("", letter.to)?)
        .reply_to(mailbox("", letter.reply_to)?)
        .header(Subject::from(subject(letter.subject)))
        .header(MessageId::from(bracketed(letter.message_id)));
    if let Some(id) = letter.in_reply_to.filter(|id| message_id::is_valid(id)) {
        message = message
            .header(InReplyTo::from(bracketed(id)))
            .header(References::from(bracketed(id)));
    }
    let text = format!("{}\n", letter.body.trim_end_matches('\n'));
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| GateRefusal::Body("it can't be encoded".to_owned()))?;
    let message = message
        .raw_header(raw("Auto-Submitted", AUTO_SUBMITTED))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw(LOOP_HEADER, letter.loop_value))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| GateRefusal::Address(error.to_string()))?;
    let bytes = message.formatted();
    gate(&bytes, letter)?;
    Ok(bytes)
}

/// The last look: what was written is what was meant.
fn gate(bytes: &[u8], letter: &Letter<'_>) -> Result<(), GateRefusal> {
    let form = Form {
        from: letter.from_address,
        to: letter.to,
        reply_to: Some(letter.reply_to),
        message_id: letter.message_id,
        automatic: Some((AUTO_SUBMITTED, letter.loop_value)),
        is_threaded: true,
    };
    if only_text(&form.read(bytes)?)?.len() > MAX_LETTER_OCTETS {
        return Err(GateRefusal::Body("it is too long".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter<'a>(subject: &'a str, body: &'a str) -> Letter<'a> {
        Letter {
            subject,
            body,
            from_name: "Buildbot Watch",
            from_address: "watch@example.org",
            to: "ada@example.org",
            reply_to: "decide+0123@watch.example",
            message_id: "bbw.letter.1@example.org",
            in_reply_to: None,
            date: 1_795_331_696,
            loop_value: "3f2a",
        }
    }

    #[test]
    fn a_letter_has_exactly_these_octets() {
        let bytes = compose_letter(&letter("1@1a2b: test_os", "Known?\n.\nÄ\n")).unwrap();
        let text = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
        expect_test::expect![[r#"
            Date: Sun, 22 Nov 2026 07:14:56 +0000
            From: "Buildbot Watch" <watch@example.org>
            To: ada@example.org
            Reply-To: decide+0123@watch.example
            Subject: 1@1a2b: test_os
            Message-ID: <bbw.letter.1@example.org>
            Auto-Submitted: auto-generated
            X-Auto-Response-Suppress: All
            X-Buildbot-Watch-Loop: 3f2a
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            Known?
            .
            =C3=84
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn nothing_slips_into_the_headers() {
        let hostile = "a\r\nBcc: x@evil.example\r\n\r\nb";
        let bytes = compose_letter(&letter(hostile, "text")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains("\nBcc"), "{text}");
        let mut addressed = letter("a", "text");
        addressed.to = "a@b, c@d";
        assert!(compose_letter(&addressed).is_err());
        addressed.to = "a@b\r\nBcc: c@d";
        assert!(compose_letter(&addressed).is_err());
        let long = "x\n".repeat(MAX_LETTER_OCTETS);
        for body in ["", "a\u{0}b", "\u{1b}[31m", &long] {
            assert!(compose_letter(&letter("a", body)).is_err(), "{:.20}", body);
        }
    }
}
