//! How much larger a text becomes by decoding it (I12).
//!
//! Charsets are turned into UTF-8, where a byte that is not ASCII can take three,
//! and so does each byte that has no meaning. A log of such bytes would cost the
//! program three times its size, and more while it grows.

use std::sync::LazyLock;

/// How the text of a part is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EncodedText {
    transfer: Transfer,
    charset: Charset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Identity,
    Base64,
    QuotedPrintable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// ASCII is ASCII in it.
    Usual,
    /// Two bytes of anything can become three: UTF-16, ISO-2022-JP.
    Wide,
}

/// How the names of charsets begin in which ASCII is ASCII.
const USUAL: [&str; 8] = [
    "utf-8", "utf8", "us-ascii", "ascii", "iso-8859", "windows-", "cp", "koi8",
];

impl EncodedText {
    /// A part that says nothing.
    pub(super) const PLAIN: Self = Self {
        transfer: Transfer::Identity,
        charset: Charset::Usual,
    };

    /// By the headers of its part.
    pub(super) fn of(encoding: &str, charset: Option<&str>) -> Self {
        let encoding = encoding.to_ascii_lowercase();
        let charset = charset.unwrap_or("utf-8").to_ascii_lowercase();
        Self {
            transfer: match encoding.as_str() {
                "base64" => Transfer::Base64,
                "quoted-printable" => Transfer::QuotedPrintable,
                _ => Transfer::Identity,
            },
            charset: if USUAL.iter().any(|name| charset.starts_with(name)) {
                Charset::Usual
            } else {
                Charset::Wide
            },
        }
    }

    pub(super) fn is_encoded(self) -> bool {
        self.transfer != Transfer::Identity
    }

    /// What [`Self::growth`] is at most, without a look at the body.
    pub(super) fn most(self, body: &[u8]) -> usize {
        let high = match self.transfer {
            Transfer::Identity | Transfer::QuotedPrintable => body.len(),
            // Three bytes of four letters.
            Transfer::Base64 => body.len() / 4 * 3 + 3,
        };
        high.saturating_mul(2)
    }

    /// Bytes by which this body can become larger than it is, at most.
    pub(super) fn growth(self, body: &[u8]) -> usize {
        let high = match self.transfer {
            Transfer::Identity => high_bytes(body),
            Transfer::QuotedPrintable => high_bytes(body) + high_escapes(body),
            Transfer::Base64 => high_in_base64(body),
        };
        let by_width = match self.charset {
            Charset::Usual => 0,
            Charset::Wide => body.len() / 2,
        };
        by_width.max(high.saturating_mul(2))
    }
}

fn high_bytes(body: &[u8]) -> usize {
    body.iter().filter(|byte| !byte.is_ascii()).count()
}

/// `=80` to `=FF` (RFC 2045, 6.7).
fn high_escapes(body: &[u8]) -> usize {
    let is_high = |pair: &&[u8]| matches!(pair, [b'=', b'8' | b'9' | b'A'..=b'F' | b'a'..=b'f']);
    body.windows(2).filter(is_high).count()
}

/// The first bits of the bytes that base64 (RFC 2045, 6.8) stands for.
fn high_in_base64(body: &[u8]) -> usize {
    let table = &*FIRST_BITS;
    let bits = |letter: u8| table.get(usize::from(letter)).copied().unwrap_or(NONE);
    let mut high = 0;
    let mut rest = body;
    let mut place = 0;
    while let [letter, behind @ ..] = rest {
        if place == 0
            && let Some((letters, behind)) = rest.split_first_chunk::<4>()
        {
            let [a, b, c, d] = letters.map(bits);
            if (a | b | c | d) & NONE == 0 {
                high += usize::from((a & 1) + (b >> 1 & 1) + (c >> 2 & 1));
                rest = behind;
                continue;
            }
        }
        rest = behind;
        let bits = bits(*letter);
        if bits != NONE {
            high += usize::from(bits >> place & 1);
            place = (place + 1) % 4;
        }
    }
    high
}

/// What is no letter of base64.
const NONE: u8 = 0x80;

/// What a letter adds as the first, second, and third of four, from the lowest bit
/// on: four letters of six bits are three bytes, and the first bits of those are
/// the first of the first letter, the third of the second, the fifth of the third.
static FIRST_BITS: LazyLock<[u8; 256]> = LazyLock::new(|| {
    std::array::from_fn(|letter| {
        let value = match u8::try_from(letter).unwrap_or_default() {
            letter @ b'A'..=b'Z' => letter - b'A',
            letter @ b'a'..=b'z' => letter - b'a' + 26,
            letter @ b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return NONE,
        };
        (value >> 5 & 1) | (value >> 3 & 1) << 1 | (value >> 1 & 1) << 2
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(encoding: &str, charset: &str, body: &[u8], expect: usize) {
        let text = EncodedText::of(encoding, Some(charset));
        assert_eq!(text.growth(body), expect, "{body:?}");
    }

    #[test]
    fn only_what_is_not_ascii_grows() {
        check("7bit", "utf-8", b"0:00:01 test_x failed\n", 0);
        check("8bit", "utf-8", b"\xff\xfe x", 4);
        check("8bit", "KOI8-R", b"\xff\xfe x", 4);
        check("quoted-printable", "utf-8", b"=FF=3D=9a=\n=e2x\xff", 8);
        // "test", "\xff\xff\xff\xff", and "a\xffb\xff" with rubbish between.
        check("base64", "utf-8", b"dGVzdA==\r\n", 0);
        check("BASE64", "utf-8", b"/////w==", 8);
        check("base64", "utf-8", b"Yf-9i\r\n/w==", 4);
    }

    #[test]
    fn in_wide_charsets_everything_does() {
        check("7bit", "UTF-16LE", b"NNNN", 2);
        check("7bit", "iso-2022-jp", b"NNNN", 2);
        assert_eq!(EncodedText::PLAIN.growth(b"NNNN"), 0);
    }
}
