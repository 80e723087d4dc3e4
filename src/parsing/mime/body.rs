//! The text of a mail and its attachments.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::html;
use crate::domain::mail::Attachment;

/// Bytes kept of one attachment.
const MAX_ATTACHMENT: usize = 64 * 1024 * 1024;
/// Bytes kept of the text.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// Bytes of HTML that are turned into text.
const MAX_HTML: usize = 2 * MAX_TEXT;
/// Lines from the end in which a list's footer is looked for.
const FOOTER_LINES: usize = 12;

/// The text, the attachments, and what is to be remarked about them.
pub(super) struct Body {
    pub(super) text: String,
    pub(super) attachments: Vec<Attachment>,
    pub(super) remarks: Vec<String>,
}

/// Takes the message apart, part by part, so that no more than one part is in
/// memory twice.
pub(super) fn take(message: Message<'_>) -> Body {
    let shown = message.text_body;
    let mut body = Body {
        text: String::new(),
        attachments: Vec::new(),
        remarks: Vec::new(),
    };
    for (index, mut part) in message.parts.into_iter().enumerate() {
        let content = std::mem::take(&mut part.body);
        if let Some(name) = name_of(&part) {
            if let Some(attachment) = attachment(name, content, &mut body.remarks) {
                body.attachments.push(attachment);
            }
        } else if shown.iter().any(|id| *id as usize == index) {
            body.add_text(content);
        }
    }
    body.text.truncate(footer_start(&body.text));
    body
}

impl Body {
    fn add_text(&mut self, content: PartType<'_>) {
        let mut text = match content {
            PartType::Text(text) => text.into_owned(),
            PartType::Html(source) => html::to_text(clipped(&source, MAX_HTML)),
            _ => return,
        };
        // Cut first: what is cut off is not worth a copy.
        let room = MAX_TEXT.saturating_sub(self.text.len());
        if cut(&mut text, room) {
            self.remarks
                .push("the text was longer than 8 MiB and is cut off".to_owned());
        }
        let text = tidy(text);
        if self.text.is_empty() {
            self.text = text;
            return;
        }
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(&text);
    }
}

fn name_of(part: &MessagePart<'_>) -> Option<String> {
    let name = part.attachment_name()?;
    let name: String = name.chars().filter(|ch| !ch.is_control()).collect();
    Some(name.chars().take(200).collect())
}

fn attachment(
    name: String,
    content: PartType<'_>,
    remarks: &mut Vec<String>,
) -> Option<Attachment> {
    let text = match content {
        PartType::Text(text) | PartType::Html(text) => text.into_owned(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => readable(bytes.into_owned()),
        PartType::Message(_) | PartType::Multipart(_) => return None,
    };
    let mut text = tidy(text);
    if cut(&mut text, MAX_ATTACHMENT) {
        remarks.push(format!(
            "the attachment {name} was longer than 64 MiB and is cut off"
        ));
    }
    Some(Attachment { name, text })
}

fn cut(text: &mut String, limit: usize) -> bool {
    let end = clipped(text, limit).len();
    let is_longer = end < text.len();
    text.truncate(end);
    if is_longer {
        text.shrink_to_fit();
    }
    is_longer
}

/// The beginning of a text, at most `limit` bytes, no character broken.
fn clipped(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// Bytes as text, each invalid one a question mark: the usual replacement would
/// make the text up to three times as long.
fn readable(mut bytes: Vec<u8>) -> String {
    let mut from = 0;
    while let Err(invalid) = std::str::from_utf8(bytes.get(from..).unwrap_or_default()) {
        let start = from + invalid.valid_up_to();
        let end = invalid
            .error_len()
            .map_or(bytes.len(), |length| start + length);
        if let Some(broken) = bytes.get_mut(start..end) {
            broken.fill(b'?');
        }
        from = end;
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
}

/// Lines end in `\n`; terminal escape sequences and control characters other
/// than tabs are dropped. Done in place: a log has megabytes.
fn tidy(text: String) -> String {
    let plain = plain_length(text.as_bytes());
    if plain == text.len() {
        return text;
    }
    // Nearly always nothing but the ends of lines.
    let has_others = has_any(text.as_bytes(), |byte| (byte != b'\r') & is_odd(byte));
    let length = |bytes: &[u8]| match has_others {
        true => plain_length(bytes),
        false => memchr::memchr(b'\r', bytes).unwrap_or(bytes.len()),
    };
    let mut bytes = text.into_bytes();
    let mut written = plain;
    let mut at = plain;
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        match byte {
            b'\r' => {
                if bytes.get(at) != Some(&b'\n')
                    && let Some(place) = bytes.get_mut(written)
                {
                    *place = b'\n';
                    written += 1;
                }
            }
            0x1b => at += escape_length(bytes.get(at..).unwrap_or_default()),
            _ => {}
        }
        let plain = length(bytes.get(at..).unwrap_or_default());
        bytes.copy_within(at..at + plain, written);
        at += plain;
        written += plain;
    }
    bytes.truncate(written);
    // Only whole ASCII characters were taken out, so this never replaces any.
    String::from_utf8(bytes)
        .unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
}

/// Bytes looked at together, which the compiler makes SIMD of.
const BLOCK: usize = 64;

/// How many bytes at the beginning stay as they are.
fn plain_length(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let plain = blocks.iter().take_while(|block| !has_any(*block, is_odd));
    let plain = BLOCK * plain.count();
    let rest = bytes.get(plain..).unwrap_or_default();
    plain
        + rest
            .iter()
            .position(|byte| is_odd(*byte))
            .unwrap_or(rest.len())
}

/// Control characters that do not stay. Without branches, which SIMD has not.
fn is_odd(byte: u8) -> bool {
    ((byte < 0x20) & (byte != b'\n') & (byte != b'\t')) | (byte == 0x7f)
}

/// Looks at all of them: that is quicker than to stop at the first.
fn has_any(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> bool {
    bytes
        .iter()
        .fold(0, |any, byte| any | u8::from(is_it(*byte)))
        != 0
}

/// The length of a control sequence (ECMA-48, 5.4) behind its escape character:
/// `[31m`. Nothing for other escapes.
fn escape_length(rest: &[u8]) -> usize {
    let Some(parameters) = rest.strip_prefix(b"[") else {
        return 0;
    };
    let length = parameters
        .iter()
        .take(32)
        .take_while(|byte| (0x20..0x40).contains(*byte))
        .count();
    match parameters.get(length) {
        Some(0x40..0x7f) => length + 2,
        _ => 0,
    }
}

/// Where Mailman's footer begins: a line of underscores near the end with a
/// word about the list behind it (Mailman 2 and 3 alike).
fn footer_start(text: &str) -> usize {
    let tells_of_list = |footer: &str| {
        let footer = footer.to_lowercase();
        footer.contains("mailing list") || footer.contains("unsubscribe")
    };
    let mut end = text.trim_end().len();
    for line in text.trim_end().rsplit('\n').take(FOOTER_LINES) {
        let start = end.saturating_sub(line.len());
        let is_rule = line.len() >= 40 && line.bytes().all(|byte| byte == b'_');
        if is_rule && text.get(end..).is_some_and(tells_of_list) {
            return start;
        }
        end = start.saturating_sub(1);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_plain() {
        let cases = [
            ("a\r\nb\rc\n", "a\nb\nc\n"),
            ("a\0b\x07c\td", "abc\td"),
            ("\x1b[1;31mFAIL\x1b[0m é\x1b", "FAIL é"),
            ("\x1b[", "["),
        ];
        for (from, to) in cases {
            assert_eq!(tidy(from.to_owned()), to);
        }
    }

    #[test]
    fn invalid_bytes_do_not_make_a_text_longer() {
        assert_eq!(
            readable(b"a\xff\xe2\x82b\xe2\x82\xac\xf0\x9f".to_vec()),
            "a???b€??"
        );
    }

    #[test]
    fn only_a_footer_is_cut() {
        let rule = "_".repeat(47);
        let mail =
            format!("text\n{rule}\nX mailing list -- x@y\nTo unsubscribe send an email to z\n");
        assert_eq!(footer_start(&mail), 5);
        let table = format!("text\n{rule}\nrow\n");
        assert_eq!(footer_start(&table), table.len());
    }
}
