//! A mail to the list's own program, which asks it to take our address in, to let
//! it go, or confirms that. It answers nothing and no person reads it, so it has a
//! form of its own: a command as the subject, `end` as the text.
//!
//! It has no loop header: that is for what the list sends on. Nor does it say that a
//! program wrote it (Auto-Submitted): a person asks for it and waits for the answer.

use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, MIME_VERSION_1_0, MessageId, Subject,
};
use lettre::message::{Body, Message};

use crate::domain::Seconds;
use crate::smtp::compose::{bracketed, mailbox, moment};
use crate::smtp::gate::form::Form;
use crate::smtp::gate::{GateRefusal, only_text};

/// After this word Mailman reads no more commands.
const TEXT: &str = "end";

/// Everything that goes into a request.
#[derive(Debug, Clone, Copy)]
pub struct ListRequest<'a> {
    /// Our name for people; may be empty.
    pub from_name: &'a str,
    /// Our address: the one that is subscribed or not.
    pub from_address: &'a str,
    /// The list's own address for this.
    pub to: &'a str,
    /// `join`, `leave`, or `confirm` and a token.
    pub command: &'a str,
    /// Our own id, without angle brackets.
    pub message_id: &'a str,
    /// When it was written.
    pub date: Seconds,
}

/// Writes the request and looks at it once more as [`fn@crate::smtp::gate`] does.
///
/// # Errors
/// The first thing that is not as expected, also an address that is none.
pub fn compose_request(request: &ListRequest<'_>) -> Result<Vec<u8>, GateRefusal> {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let body = Body::new_with_encoding(format!("{TEXT}\n"), encoding)
        .map_err(|_| GateRefusal::Body("it can't be encoded".to_owned()))?;
    let message = Message::builder()
        .header(Date::new(moment(request.date)))
        .from(mailbox(request.from_name, request.from_address)?)
        .to(mailbox("", request.to)?)
        .header(Subject::from(request.command.to_owned()))
        .header(MessageId::from(bracketed(request.message_id)))
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| GateRefusal::Address(error.to_string()))?;
    let bytes = message.formatted();
    gate_request(&bytes, request)?;
    Ok(bytes)
}

fn gate_request(bytes: &[u8], expected: &ListRequest<'_>) -> Result<(), GateRefusal> {
    let form = Form {
        from: expected.from_address,
        to: expected.to,
        reply_to: None,
        message_id: expected.message_id,
        automatic: None,
        is_threaded: false,
    };
    let message = form.read(bytes)?;
    let is_command = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b' ';
    let is_said = message.subject() == Some(expected.command);
    if !is_said || !expected.command.bytes().all(is_command) {
        return Err(GateRefusal::Header("Subject"));
    }
    if only_text(&message)?.trim_end() != TEXT {
        return Err(GateRefusal::Body("it is not the expected one".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const REQUEST: ListRequest<'static> = ListRequest {
        from_name: "Buildbot Watch",
        from_address: "watch@example.org",
        to: "buildbot-status-join@python.org",
        command: "join",
        message_id: "bbw.5e1f9c0a@example.org",
        date: 1_795_331_696,
    };

    #[test]
    fn a_request_has_exactly_these_octets() {
        let mail = String::from_utf8(compose_request(&REQUEST).unwrap()).unwrap();
        expect![[r#"
            Date: Sun, 22 Nov 2026 07:14:56 +0000
            From: "Buildbot Watch" <watch@example.org>
            To: buildbot-status-join@python.org
            Subject: join
            Message-ID: <bbw.5e1f9c0a@example.org>
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            end
        "#]]
        .assert_eq(&mail.replace("\r\n", "\n"));
    }

    #[test]
    fn nothing_else_leaves() {
        let mail = compose_request(&REQUEST).unwrap();
        let text = String::from_utf8(mail).unwrap();
        for (from, to) in [
            ("join@python.org", "join@python.org, victim@example.net"),
            ("Subject: join", "Subject: join\r\nBcc: victim@example.net"),
            ("Subject: join", "Subject: leave"),
            ("Subject: join\r\n", "Subject: join\n"),
            ("end", "leave"),
            ("\r\nend", "\r\nend\r\nleave"),
            ("end", "\0end"),
            ("From: ", "Sender: x@example.net\r\nFrom: "),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from:?}");
            let passed = gate_request(changed.as_bytes(), &REQUEST);
            assert!(passed.is_err(), "{to:?}");
        }
        for command in ["join\r\nBcc: a@b", "JOIN", "confirm <x>"] {
            let request = ListRequest { command, ..REQUEST };
            assert!(compose_request(&request).is_err(), "{command:?}");
        }
        let to = "buildbot-status-join@python.org>, <x@example.net";
        assert!(compose_request(&ListRequest { to, ..REQUEST }).is_err());
    }
}
