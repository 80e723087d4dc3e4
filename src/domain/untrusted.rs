//! Text from logs, mails and trackers made safe for Markdown, mail and terminals
//! (I13, I14, I17).
//!
//! Every function here takes any text and returns text that is safe in the one
//! place it is named for. Nothing here trusts a caller to have cleaned before.

mod tracker;

pub use tracker::{
    MAX_FENCE_LINE_CHARS, MAX_INLINE_CHARS, code_span, fence, markdown_inline, roundup_inline,
};

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::domain::pattern::pattern;

/// One line for a terminal or a log: whatever could move the cursor, change
/// colours, reorder or hide text stands there as `\u{1b}`, line breaks as `\n`.
pub fn terminal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\t' => safe.push(' '),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            _ => push_visibly(&mut safe, char),
        }
    }
    safe
}

/// Several lines for a terminal: like [`terminal`], but `\n` breaks lines and a
/// tab is four spaces. `\r\n` counts as one line break.
pub fn terminal_lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\n' => safe.push('\n'),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => safe.push_str("    "),
            _ => push_visibly(&mut safe, char),
        }
    }
    safe
}

fn push_visibly(safe: &mut String, char: char) {
    if char.is_control() || is_invisible(char) {
        // Writing to a String cannot fail.
        let _ = write!(safe, "\\u{{{:x}}}", u32::from(char));
    } else {
        safe.push(char);
    }
}

/// One line for a mail, a title or a page: terminal sequences, control
/// characters and invisible characters are gone, white space is one space, and
/// what is longer than `max_chars` characters ends in `…` (which counts).
pub fn plain_line(text: &str, max_chars: usize) -> String {
    let text = without_terminal_sequences(text);
    let mut line = String::with_capacity(text.len().min(4 * max_chars));
    let mut chars = 0;
    let mut space_due = false;
    for char in text.chars() {
        if is_white(char) {
            space_due = !line.is_empty();
            continue;
        }
        if char.is_control() || is_invisible(char) {
            continue;
        }
        if chars + usize::from(space_due) >= max_chars {
            return cut(&line, max_chars);
        }
        if space_due {
            line.push(' ');
            chars += 1;
            space_due = false;
        }
        line.push(char);
        chars += 1;
    }
    line
}

/// [`plain_line`] for a mail header: besides, nothing in it can be taken for an
/// encoded word (RFC 2047, section 2), which a reader would decode into other text.
pub fn header_text(text: &str, max_chars: usize) -> String {
    let line = plain_line(text, max_chars).replace("=?", "= ?");
    cut_if_longer(&line, max_chars)
}

/// At most `max_chars` characters, the last one `…` if something was cut.
fn cut_if_longer(text: &str, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    cut(text, max_chars)
}

/// The first `max_chars - 1` characters and `…`.
fn cut(text: &str, max_chars: usize) -> String {
    let Some(kept) = max_chars.checked_sub(1) else {
        return String::new();
    };
    let mut short: String = text.chars().take(kept).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Text without CSI, OSC and other escape sequences (ECMA-48, section 5), so
/// that a coloured log does not leave `[31m` behind. A lone escape stays: the
/// callers drop control characters one by one.
fn without_terminal_sequences(text: &str) -> std::borrow::Cow<'_, str> {
    static SEQUENCE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?x)
            (?: \x1b\[ | \u{9b} ) [0-?]* [\x20-/]* [@-~]        # CSI: colours, cursor
            | (?: \x1b[\]PX^_] | [\u{9d}\u{90}\u{98}\u{9e}\u{9f}] )
              [^\x07\x1b\u{9c}\n]* (?: \x07 | \x1b\\ | \u{9c} )   # OSC, DCS: titles, links
            | \x1b[\x20-/]*[0-~]                                # two and three characters
            ",
        )
    });
    // ESC, or the first byte of U+0080 to U+00BF, where the other controls are.
    if memchr::memchr2(0x1b, 0xc2, text.as_bytes()).is_none() {
        return text.into();
    }
    SEQUENCE.replace_all(text, "")
}

/// White space of any kind that may stand for one space: also the line and
/// paragraph separators and the next-line control.
fn is_white(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{1c}'..='\u{1f}')
}

/// Characters that show nothing or change the direction of text: Unicode's
/// format characters, fillers and tags. A reader cannot see them, so they can
/// hide or reorder what an approver reads (bidi overrides: CVE-2021-42574).
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Pieces that attack one reader or another; tests join them in pairs.
    pub(crate) const HOSTILE: &[&str] = &[
        "",
        " ",
        "plain",
        "\u{1b}[31mred\u{1b}[0m",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]8;;http://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
        "\u{1b}\u{1b}[2J[2J",
        "\u{9b}2J",
        "\u{1b}",
        "\u{0}\u{7}\u{8}\u{7f}",
        "a\r\nBcc: x@example.org",
        "\rover",
        "x\u{85}y\u{2028}z\u{2029}w",
        "\u{202e}gpj.exe\u{202c}\u{2066}x\u{2069}",
        "zero\u{200b}width\u{200d}\u{feff}",
        "\u{e0041}\u{e007f}",
        "@all",
        "&#64;everyone &commat;x &#x40;y",
        "#12",
        "fixes #1, closes GH-2 gh-3",
        "python/cpython#99",
        "deadbeef1234567",
        "0123456789abcdef0123456789abcdef01234567",
        "https://github.com/python/cpython/issues/1",
        "www.example.org",
        "someone@example.org",
        "<img src=x onerror=alert(1)>",
        "<!-- hidden -->",
        "-->",
        "[text](javascript:alert(1))",
        "![i](http://evil.example/x.png)",
        "`code`",
        "```\nfence\n```",
        "~~~~\nother\n~~~~",
        "````````",
        "`",
        "\\",
        "\\`",
        "*b* _i_ __b__ ~~s~~ $x$ |c|",
        "# heading",
        "- item",
        "+ item",
        "1. item",
        "12) item",
        "> quote",
        "===",
        "---",
        "    indented",
        "\tindented",
        "issue12 msg3 Issue 7 file1 user2 PR 5 bpo-4 #5",
        "=?utf-8?q?=0d=0a?=",
        "ünïcödé ☠ 😀",
        "…",
    ];

    /// All hostile pieces and all their pairs.
    pub(crate) fn hostile_texts() -> impl Iterator<Item = String> {
        HOSTILE
            .iter()
            .flat_map(|first| HOSTILE.iter().map(move |second| format!("{first}{second}")))
    }

    #[test]
    fn terminal_shows_what_would_act() {
        let check = |text: &str, expect: &str| assert_eq!(terminal(text), expect);
        check("plain ünï ☠", "plain ünï ☠");
        check("\u{1b}[31mred", "\\u{1b}[31mred");
        check("\u{9b}31m", "\\u{9b}31m");
        check("a\nb\rc\td", "a\\nb\\rc d");
        check("\u{202e}abc\u{2066}", "\\u{202e}abc\\u{2066}");
        check("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}");
        check("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}");
        check("\u{0}\u{7f}\u{e0041}", "\\u{0}\\u{7f}\\u{e0041}");
    }

    #[test]
    fn terminal_lines_keep_line_breaks_only() {
        assert_eq!(
            terminal_lines("a\r\nb\tc\rd\n\u{1b}"),
            "a\nb    c\\u{d}d\n\\u{1b}"
        );
    }

    #[test]
    fn plain_lines_are_one_visible_line() {
        let check = |text: &str, max, expect: &str| assert_eq!(plain_line(text, max), expect);
        check("  a \t b\r\n c  ", 80, "a b c");
        check("\u{1b}[31mred\u{1b}[0m text", 80, "red text");
        check(
            "\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\",
            80,
            "link",
        );
        check("a\u{2028}b\u{85}c", 80, "a b c");
        check("a\u{202e}b\u{200b}c", 80, "abc");
        check("abcdef", 6, "abcdef");
        check("abcdefg", 6, "abcde…");
        check("abcde   ", 5, "abcde");
        check("abcd fgh", 6, "abcd…");
        check("abc", 1, "…");
        check("abc", 0, "");
        check("", 0, "");
        check("ünïcödé", 4, "ünï…");
    }

    #[test]
    fn header_texts_hold_no_encoded_words() {
        assert_eq!(
            header_text("=?utf-8?q?=0d=0aBcc:?=", 80),
            "= ?utf-8?q?=0d=0aBcc:?="
        );
        assert_eq!(header_text("=?=?", 4), "= ?…");
    }

    #[test]
    fn nothing_hostile_is_left_anywhere() {
        let acts = |char: char| char.is_control() || is_invisible(char);
        for text in hostile_texts() {
            assert!(!terminal(&text).chars().any(acts), "{text:?}");
            assert!(
                !terminal_lines(&text).replace('\n', "").chars().any(acts),
                "{text:?}"
            );
            for max in [0, 1, 5, 20, 200] {
                for line in [plain_line(&text, max), header_text(&text, max)] {
                    assert!(!line.chars().any(acts), "{text:?}");
                    assert!(line.chars().count() <= max, "{text:?} {max} {line:?}");
                    assert_eq!(line, line.trim(), "{text:?}");
                }
                assert!(!header_text(&text, max).contains("=?"));
            }
            assert_eq!(terminal(&terminal(&text)), terminal(&text));
        }
    }
}
