//! How a mail is divided, counted in constant memory before the MIME library
//! sees it (I12).
//!
//! The library keeps every part and every header, so a bomb costs it 24 to 29
//! times its size. This walk takes the same decisions (mail-parser 0.11.9,
//! `parsers/message.rs` and `parsers/mime.rs`: a boundary counts wherever it
//! stands, also in the middle of a line; a boundary that never comes makes the
//! multipart a text) but keeps only the open boundaries, and reads one block of
//! headers at a time with the library's own header parser.

use mail_parser::{Message, MessageParser, MimeHeaders};
use memchr::memmem;

use super::growth::EncodedText;

/// Parts of one mail, nested ones included.
pub(super) const MAX_PARTS: usize = 200;
/// Multiparts and messages inside one another.
const MAX_DEPTH: usize = 20;
/// Headers of the mail and all its parts together.
pub(super) const MAX_HEADERS: usize = 500;
/// Bytes of those headers.
pub(super) const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Bytes that decoding may add to the text of all parts.
const MAX_GROWTH: usize = 16 * 1024 * 1024;
/// Boundaries may be looked for in vain; this many times the mail's size may be
/// read for that, so that the walk stays linear.
const MAX_READS: usize = 8;

/// What the walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Survey {
    /// Within the bounds. The boundaries that were still open at the end,
    /// outermost first: none for a whole and well-formed mail.
    Fits {
        /// Boundaries without the two hyphens.
        open: Vec<Vec<u8>>,
    },
    /// Within the bounds, but decoding it makes it much larger.
    Grows,
    /// Beyond a bound, said in words.
    Beyond(&'static str),
}

/// Walks the mail.
pub(super) fn survey(raw: &[u8]) -> Survey {
    let mut walk = Walk {
        raw,
        at: 0,
        budget: raw.len().saturating_mul(MAX_READS),
        parts: 0,
        headers: 0,
        header_bytes: 0,
        texts: Vec::new(),
        here: Level::root(),
        outer: Vec::new(),
    };
    loop {
        match walk.part() {
            Ok(Step::NextPart) => {}
            Ok(Step::End) if walk.grows() => return Survey::Grows,
            Ok(Step::End) => return Survey::Fits { open: walk.open() },
            Err(why) => return Survey::Beyond(why),
        }
    }
}

/// The end of the first block of headers: where the body begins. All of `raw`
/// if there is no blank line.
pub(super) fn body_start(raw: &[u8]) -> usize {
    let mut line_start = 0;
    for (at, byte) in raw.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        if matches!(raw.get(line_start..at), Some([] | [b'\r'])) {
            return at + 1;
        }
        line_start = at + 1;
    }
    raw.len()
}

enum Step {
    NextPart,
    End,
}

struct Level {
    boundary: Option<Vec<u8>>,
    is_message: bool,
    is_digest: bool,
}

impl Level {
    fn root() -> Self {
        Self {
            boundary: None,
            is_message: true,
            is_digest: false,
        }
    }
}

struct Walk<'a> {
    raw: &'a [u8],
    at: usize,
    budget: usize,
    parts: usize,
    headers: usize,
    header_bytes: usize,
    /// How the parts without parts are written, and their bytes.
    texts: Vec<(EncodedText, &'a [u8])>,
    here: Level,
    outer: Vec<Level>,
}

impl Walk<'_> {
    /// One part: its headers, and its body up to the boundary that ends it.
    fn part(&mut self) -> Result<Step, &'static str> {
        let Some(headers) = self.read_headers()? else {
            return Ok(Step::End);
        };
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err("more than 200 MIME parts");
        }
        if let Some(boundary) = headers.boundary {
            let found = self.seek(&boundary)?;
            if found {
                self.descend(Level {
                    boundary: Some(boundary),
                    is_message: false,
                    is_digest: headers.is_digest,
                })?;
                self.skip_line_end();
                return Ok(Step::NextPart);
            }
        } else if headers.is_message || (headers.is_untyped && self.here.is_digest) {
            if headers.text.is_encoded() {
                // RFC 2046, 5.2.1 forbids it; it would hide a bomb from this walk.
                return Err("an encoded message inside the mail");
            }
            let boundary = self.here.boundary.take();
            self.descend(Level {
                boundary,
                is_message: true,
                is_digest: false,
            })?;
            return Ok(Step::NextPart);
        }
        let begin = self.at;
        let is_followed = match self.here.boundary.clone() {
            Some(boundary) => self.seek(&boundary)?,
            None => false,
        };
        let end = if is_followed { self.at } else { self.raw.len() };
        let body = self.raw.get(begin..end).unwrap_or_default();
        self.texts.push((headers.text, body));
        if is_followed {
            self.ascend()
        } else {
            Ok(Step::End)
        }
    }

    /// After a boundary: the next part, or the end of one or more multiparts.
    fn ascend(&mut self) -> Result<Step, &'static str> {
        loop {
            if self.here.is_message {
                let Some(mut outer) = self.outer.pop() else {
                    return Ok(Step::End);
                };
                outer.boundary = self.here.boundary.take();
                self.here = outer;
            }
            if !self.is_multipart_end() {
                return Ok(Step::NextPart);
            }
            self.here.boundary = None;
            let Some(outer) = self.outer.pop() else {
                return Ok(Step::End);
            };
            self.here = outer;
            let Some(boundary) = self.here.boundary.clone() else {
                return Ok(Step::End);
            };
            if !self.seek(&boundary)? {
                return Ok(Step::End);
            }
        }
    }

    fn descend(&mut self, inner: Level) -> Result<(), &'static str> {
        if self.outer.len() >= MAX_DEPTH {
            return Err("MIME parts nested more than 20 deep");
        }
        self.outer.push(std::mem::replace(&mut self.here, inner));
        Ok(())
    }

    /// Whether decoding adds more than it may. Counted only where it could.
    fn grows(&self) -> bool {
        let sum = |growth: fn(EncodedText, &[u8]) -> usize| {
            let growths = self.texts.iter().map(|(text, body)| growth(*text, body));
            growths.fold(0, usize::saturating_add)
        };
        sum(EncodedText::most) > MAX_GROWTH && sum(EncodedText::growth) > MAX_GROWTH
    }

    fn open(&self) -> Vec<Vec<u8>> {
        self.outer
            .iter()
            .chain(std::iter::once(&self.here))
            .filter_map(|level| level.boundary.clone())
            .collect()
    }

    /// Moves behind the next `--boundary`; stays where it is if there is none.
    fn seek(&mut self, boundary: &[u8]) -> Result<bool, &'static str> {
        if boundary.is_empty() {
            return Ok(false);
        }
        let rest = self.raw.get(self.at..).unwrap_or_default();
        let found = find_delimiter(rest, boundary);
        let read = found.unwrap_or(rest.len());
        if read > self.budget {
            return Err("too many boundaries that never come");
        }
        self.budget -= read;
        if let Some(end) = found {
            self.at += end;
        }
        Ok(found.is_some())
    }

    fn is_multipart_end(&mut self) -> bool {
        match self.raw.get(self.at..).unwrap_or_default() {
            [b'\r', b'\n', ..] | [b'-', b'-', ..] => {
                self.at += 2;
                self.raw.get(self.at - 1) == Some(&b'-')
            }
            [b'\n', ..] => {
                self.at += 1;
                false
            }
            [space, ..] if space.is_ascii_whitespace() => {
                self.at += 1;
                self.skip_line_end();
                false
            }
            _ => false,
        }
    }

    fn skip_line_end(&mut self) {
        while let Some(byte) = self.raw.get(self.at) {
            match byte {
                b'\r' | b' ' | b'\t' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    return;
                }
                _ => return,
            }
        }
    }

    /// Reads one block of headers and moves to the body behind it. `None` when
    /// the mail ends within the block.
    fn read_headers(&mut self) -> Result<Option<PartHeaders>, &'static str> {
        let rest = self.raw.get(self.at..).unwrap_or_default();
        let room = MAX_HEADER_BYTES.saturating_sub(self.header_bytes);
        let window = rest.get(..room).unwrap_or(rest);
        let parsed = MessageParser::new().parse_headers(window);
        let headers = parsed.as_ref().map(Message::headers).unwrap_or_default();
        let last_end = headers.last().map_or(0, |last| last.offset_end as usize);
        let Some(length) = block_end(window, last_end) else {
            return if window.len() < rest.len() {
                Err("more than 256 KiB of headers")
            } else {
                Ok(None)
            };
        };
        self.headers += headers.len();
        if self.headers > MAX_HEADERS {
            return Err("more than 500 headers");
        }
        self.header_bytes += length;
        self.at += length;
        Ok(Some(parsed.map_or(PartHeaders::NONE, PartHeaders::of)))
    }
}

struct PartHeaders {
    boundary: Option<Vec<u8>>,
    is_message: bool,
    is_digest: bool,
    is_untyped: bool,
    text: EncodedText,
}

impl PartHeaders {
    const NONE: Self = Self {
        boundary: None,
        is_message: false,
        is_digest: false,
        is_untyped: true,
        text: EncodedText::PLAIN,
    };

    fn of(message: Message<'_>) -> Self {
        let encoding = message.content_transfer_encoding().unwrap_or_default();
        let content_type = message.content_type();
        let is_multipart = content_type.is_some_and(|ct| ct.ctype() == "multipart");
        Self {
            boundary: content_type
                .filter(|_| is_multipart)
                .and_then(|ct| ct.attribute("boundary"))
                .map(|boundary| boundary.as_bytes().to_vec()),
            // A part of a digest is a message without saying so (RFC 2046, 5.1.5).
            is_untyped: content_type.is_none(),
            is_digest: is_multipart
                && content_type.is_some_and(|ct| ct.subtype() == Some("digest")),
            is_message: content_type.is_some_and(|ct| {
                ct.ctype() == "message" && matches!(ct.subtype(), Some("rfc822" | "global"))
            }),
            text: EncodedText::of(
                encoding,
                content_type.and_then(|ct| ct.attribute("charset")),
            ),
        }
    }
}

/// Behind the blank line that ends a block of headers, from the end of the last
/// header on. Lines that are no header are skipped, as the library does.
fn block_end(window: &[u8], last_header_end: usize) -> Option<usize> {
    let mut at = last_header_end;
    loop {
        match window.get(at)? {
            b'\n' => return Some(at + 1),
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let rest = window.get(at..)?;
                at += rest.iter().position(|byte| *byte == b'\n')? + 1;
            }
        }
    }
}

/// The end of the first `--boundary`.
fn find_delimiter(text: &[u8], boundary: &[u8]) -> Option<usize> {
    let delimiter = [b"--", boundary].concat();
    memmem::find(text, &delimiter).map(|at| at + delimiter.len())
}
