//! Small mails that are divided in the usual way: nearly all. The library takes them
//! apart at once, and afterwards it is clear that the survey would have found
//! nothing to say.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};
use memchr::memmem;

use super::bounds::{MAX_HEADERS, MAX_PARTS};

/// Up to this size the library may take a mail apart before it is known how it is
/// divided: a bomb of it costs 2 MiB.
const MAX_SMALL: usize = 80 * 1024;

/// A small mail that is a text alone, or texts one after the other of which the last
/// one is closed; `None` for any other, about which the survey has to say something.
pub(super) fn parse(raw: &[u8]) -> Option<Message<'_>> {
    if raw.len() > MAX_SMALL {
        return None;
    }
    let message = MessageParser::new().parse(raw)?;
    let headers: usize = message.parts.iter().map(|part| part.headers.len()).sum();
    let is_usual = match message.parts.as_slice() {
        [only] => !has_parts(only) && memmem::find(raw, b"multipart").is_none(),
        [root, parts @ ..] => parts.iter().all(is_leaf) && is_closed(raw, root, parts),
        [] => false,
    };
    let is_bounded = headers <= MAX_HEADERS && message.parts.len() <= MAX_PARTS;
    (is_usual && is_bounded).then_some(message)
}

fn has_parts(part: &MessagePart<'_>) -> bool {
    matches!(part.body, PartType::Message(_) | PartType::Multipart(_))
}

/// Whether the part has no parts, and does not say that it has some.
fn is_leaf(part: &MessagePart<'_>) -> bool {
    let may_have_some = part.content_type().is_some_and(|content_type| {
        ["message", "multipart"]
            .iter()
            .any(|name| content_type.ctype().eq_ignore_ascii_case(name))
    });
    !has_parts(part) && !may_have_some
}

/// Whether the boundary that ends the multipart stands behind its last part.
fn is_closed(raw: &[u8], root: &MessagePart<'_>, parts: &[MessagePart<'_>]) -> bool {
    let Some((content_type, last)) = root.content_type().zip(parts.last()) else {
        return false;
    };
    // Parts of a digest are messages without saying so.
    let is_digest = content_type
        .subtype()
        .is_some_and(|subtype| subtype.eq_ignore_ascii_case("digest"));
    let behind = raw.get(last.offset_end as usize..).unwrap_or_default();
    let behind = behind.strip_prefix(b"\r").unwrap_or(behind);
    let behind = behind.strip_prefix(b"\n").unwrap_or(behind);
    let ends = content_type.attribute("boundary").is_some_and(|boundary| {
        behind
            .strip_prefix(b"--")
            .and_then(|behind| behind.strip_prefix(boundary.as_bytes()))
            .is_some_and(|behind| behind.starts_with(b"--"))
    });
    matches!(root.body, PartType::Multipart(_)) && ends && !is_digest
}
