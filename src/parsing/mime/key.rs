//! The identity of a mail by its content (I2).

use ring::digest::{Context, SHA256};

use super::bounds::body_start;
use crate::domain::draft::hex;

/// The headers that belong to a mail's identity. Trace headers (Received,
/// Return-Path, Delivered-To, X-Mailman-...) do not: they tell of the way.
const IDENTITY: [&str; 6] = [
    "list-id",
    "message-id",
    "from",
    "date",
    "subject",
    "in-reply-to",
];

/// The mail's identity by content: hex SHA-256 over List-Id, Message-ID, From,
/// Date, Subject, In-Reply-To and the body, and over nothing that the way of a
/// mail adds or changes: trace headers, the folding of headers, the kind of line
/// ends, blank lines at the end.
pub fn content_key(raw: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    let (head, body) = raw.split_at(body_start(raw));
    for name in IDENTITY {
        update_with_headers(&mut context, head, name);
    }
    context.update(b"\n");
    update_with_body(&mut context, body);
    hex(context.finish().as_ref())
}

/// The values of all headers of a name, unfolded, each run of white space one
/// space. Word by word, so that nothing is copied: one header can be the whole
/// mail.
fn update_with_headers(context: &mut Context, head: &[u8], name: &str) {
    let mut is_open = false;
    let mut has_word = false;
    for line in head.split(|byte| *byte == b'\n') {
        let is_folded = line.first().is_some_and(|byte| b" \t".contains(byte));
        let value = if is_folded && is_open {
            line
        } else if is_folded {
            continue;
        } else {
            if is_open {
                context.update(b"\n");
            }
            is_open = false;
            let Some(value) = value_of(line, name) else {
                continue;
            };
            is_open = true;
            has_word = false;
            context.update(name.as_bytes());
            context.update(b":");
            value
        };
        let words = value.split(u8::is_ascii_whitespace);
        for word in words.filter(|word| !word.is_empty()) {
            if has_word {
                context.update(b" ");
            }
            has_word = true;
            context.update(word);
        }
    }
    if is_open {
        context.update(b"\n");
    }
}

/// What stands behind the colon, if the line begins a header of that name.
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (field, value) = line.split_at(colon);
    let is_wanted = field.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    is_wanted.then(|| value.get(1..).unwrap_or_default())
}

/// Line by line, so that nothing is copied; line ends count as `\n`, and blank
/// lines only when something follows.
fn update_with_body(context: &mut Context, body: &[u8]) {
    let mut blank_lines = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        for _ in 0..blank_lines {
            context.update(b"\n");
        }
        blank_lines = 0;
        context.update(line);
        context.update(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_of_a_mail_does_not_change_its_key() {
        let fetched =
            "Received: by x\r\nFrom: a@b\r\nSubject: one\r\n two\r\n\r\nText\r\n\r\nMore\r\n\r\n";
        let redelivered =
            "Return-Path: <>\nX-Mailman-Version: 3\nFrom:  a@b\nSubject: one two\n\nText\n\nMore\n";
        let key = content_key(fetched.as_bytes());
        assert_eq!(key, content_key(redelivered.as_bytes()));
        // Stored in every database: it stays what it is.
        assert_eq!(
            key,
            "3367000fd678df4881f901773f2aacf99d9b79e7259125f183598ab3a1d6331e"
        );
    }

    #[test]
    fn anything_else_does() {
        let key = content_key(b"From: a@b\nSubject: one\n\nText\n\nMore\n");
        for other in [
            "From: a@c\nSubject: one\n\nText\n\nMore\n",
            "From: a@b\nSubject: two\n\nText\n\nMore\n",
            "From: a@b\nSubject: one\nMessage-ID: <a@b>\n\nText\n\nMore\n",
            "From: a@b\nSubject: one\n\nText\nMore\n",
            "From: a@b\nSubject: one\n\nText\n\nMore!\n",
        ] {
            assert_ne!(key, content_key(other.as_bytes()), "{other}");
        }
    }
}
