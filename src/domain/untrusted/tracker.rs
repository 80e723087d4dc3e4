//! Untrusted text in issues and comments: inside fences and outside.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{cut_if_longer, is_invisible, plain_line, without_terminal_sequences};
use crate::domain::pattern::pattern;

/// A longer line inside a [`fence`] is cut here and ends in `…`.
pub const MAX_FENCE_LINE_CHARS: usize = 400;

/// [`markdown_inline`] and [`roundup_inline`] cut longer text here.
pub const MAX_INLINE_CHARS: usize = 500;

/// Put between the parts of a reference, so that a tracker makes no link, no
/// mention and no cross-reference of it, while a person reads the same text.
const BREAK: char = '\u{200b}';

/// A fenced block of Markdown. The fence is longer than any run of backticks
/// in the text, so nothing in it can end the block (CommonMark, section 4.5).
/// Ends without a line break. Inside, trackers make no links and no mentions.
pub fn fence(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let text = without_terminal_sequences(&text);
    let lines: Vec<String> = text.lines().map(fence_line).collect();
    let inside = lines.join("\n");
    // Measured last: what was removed may have joined shorter runs.
    let marks = "`".repeat(longest_backtick_run(&inside).max(2) + 1);
    format!("{marks}\n{}\n{marks}", inside.trim_end())
}

fn fence_line(line: &str) -> String {
    let shown: String = line
        .replace('\t', "    ")
        .chars()
        .map(|char| if is_line_break(char) { ' ' } else { char })
        .filter(|char| !char.is_control() && !is_invisible(*char))
        .collect();
    // The hidden mark by which we know our own reports: whoever copied one into
    // a log must not make another report carry it.
    let shown = shown.replace("buildbot-watch:", "buildbot-watch\u{200b}:");
    cut_if_longer(shown.trim_end(), MAX_FENCE_LINE_CHARS)
}

/// Characters that some readers take for the end of a line.
fn is_line_break(char: char) -> bool {
    matches!(
        char,
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// A code span of Markdown that holds exactly the text as one line (CommonMark,
/// section 6.1). Not for cells of tables, where `|` ends the cell even in code.
pub fn code_span(text: &str) -> String {
    let line = plain_line(text, MAX_INLINE_CHARS);
    if line.is_empty() {
        return "` `".to_owned();
    }
    let marks = "`".repeat(longest_backtick_run(&line) + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{marks}{pad}{line}{pad}{marks}")
}

fn longest_backtick_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for char in text.chars() {
        run = if char == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// One line for Markdown outside of fences. It shows as the text itself: no
/// markup, HTML or link of it works, and GitHub takes nothing in it for a
/// mention, an issue, a commit or an address.
pub fn markdown_inline(text: &str) -> String {
    let line = plain_line(text, MAX_INLINE_CHARS);
    let broken = without_hex_ids(&without_references(&line));
    escape_markup(&broken)
}

/// One line for a Roundup message. Roundup makes links of addresses, of mail
/// addresses and of designators such as `issue12`, `msg 3` or `#4` (its
/// `cgi/templating.py`, `hyper_re`); nothing in the text works as one.
pub fn roundup_inline(text: &str) -> String {
    // Roundup takes a whole run of letters for the name of a class: `Debug 3`
    // names none, although `bug 3` might.
    static DESIGNATOR: LazyLock<Regex> = LazyLock::new(|| pattern(r"(([A-Za-z_]+)[\s\-\#]*)(\d)"));
    let line = plain_line(text, MAX_INLINE_CHARS);
    let broken = without_references(&line);
    DESIGNATOR
        .replace_all(&broken, |found: &Captures<'_>| {
            let word = found.get(2).map_or("", |word| word.as_str());
            if is_designating(word) {
                join_broken(found, 1, 3)
            } else {
                found.get(0).map_or("", |all| all.as_str()).to_owned()
            }
        })
        .into_owned()
}

/// The classes of trackers, and the words that bugs.python.org made links of.
fn is_designating(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "issue",
        "bug",
        "msg",
        "file",
        "user",
        "query",
        "keyword",
        "component",
        "version",
        "status",
        "priority",
        "severity",
        "stage",
        "resolution",
        "type",
        "request",
        "patch",
        "repo",
        "repos",
        "pr",
        "bpo",
        "gh",
        "task",
        "support",
        "milestone",
        "project",
        "changeset",
        "rev",
        "revision",
        "pep",
        "r",
    ];
    WORDS.iter().any(|one| one.eq_ignore_ascii_case(word))
}

/// Breaks addresses, mentions, `#n`, `owner/repo#n` and `GH-n`.
fn without_references(line: &str) -> String {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)(:)(//)|(www)(\.)"));
    static PREFIXED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)((?:gh|bpo|pep|cve|ghsa|issue)-)(\w)|(#)(\w)|(@)()"));
    let line: Cow<'_, str> = ADDRESS.replace_all(line, both_broken);
    PREFIXED.replace_all(&line, both_broken).into_owned()
}

/// The first pair of groups that took part, with a break in between.
fn both_broken(found: &Captures<'_>) -> String {
    let first = (1..found.len()).step_by(2);
    first
        .filter(|group| found.get(*group).is_some())
        .map(|group| join_broken(found, group, group + 1))
        .collect()
}

fn join_broken(found: &Captures<'_>, left: usize, right: usize) -> String {
    let part = |group| found.get(group).map_or("", |part| part.as_str());
    format!("{}{BREAK}{}", part(left), part(right))
}

/// GitHub links 7 to 40 hex digits that name a commit: no run of hex digits
/// that could be one stays longer than six.
fn without_hex_ids(line: &str) -> String {
    static RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9A-Za-z]{7,}"));
    RUN.replace_all(line, |found: &Captures<'_>| {
        let run = found.get(0).map_or("", |run| run.as_str());
        if !run.chars().all(|char| char.is_ascii_hexdigit()) {
            return run.to_owned();
        }
        let mut broken = String::with_capacity(run.len() * 2);
        for (index, char) in run.chars().enumerate() {
            if index > 0 && index % 6 == 0 {
                broken.push(BREAK);
            }
            broken.push(char);
        }
        broken
    })
    .into_owned()
}

/// Backslashes before everything that Markdown or GitHub's extensions (tables,
/// strike-through, formulas) would act on (CommonMark, section 2.4).
fn escape_markup(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len() * 2);
    let mut before = None;
    let mut chars = line.chars().peekable();
    // Only digits so far: `1.` or `2)` would begin a list.
    let mut only_digits = true;
    while let Some(char) = chars.next() {
        let special = match char {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '#' => true,
            // Inside a word it is no markup, and names are full of it.
            '_' => !(is_word(before) && is_word(chars.peek().copied())),
            '-' | '+' | '=' | ':' => before.is_none(),
            '.' | ')' => only_digits && before.is_some(),
            _ => false,
        };
        only_digits &= char.is_ascii_digit();
        if special {
            escaped.push('\\');
        }
        escaped.push(char);
        before = Some(char);
    }
    escaped
}

fn is_word(char: Option<char>) -> bool {
    char.is_some_and(|char| char.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::super::tests::hostile_texts;
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_run_inside() {
        let check = |text: &str, expect: &str| assert_eq!(fence(text), expect);
        check("a\nb", "```\na\nb\n```");
        check("x ``` y", "````\nx ``` y\n````");
        check("`````\nout", "``````\n`````\nout\n``````");
        check(
            "\u{1b}[31mred\u{1b}[0m\r\n\tx\u{202e}\r",
            "```\nred\n    x\n```",
        );
        check("a\u{2028}```\u{85}b", "````\na ``` b\n````");
        check("`\u{200b}`\u{0}``", "`````\n````\n`````");
        check("", "```\n\n```");
        check(
            "<!-- buildbot-watch:0a -->",
            "```\n<!-- buildbot-watch\u{200b}:0a -->\n```",
        );
    }

    #[test]
    fn long_lines_in_a_fence_are_cut() {
        let shown = fence(&"x".repeat(10_000));
        assert_eq!(shown.chars().count(), 4 + MAX_FENCE_LINE_CHARS + 4);
    }

    #[test]
    fn a_code_span_holds_the_text() {
        let check = |text: &str, expect: &str| assert_eq!(code_span(text), expect);
        check("test_os", "`test_os`");
        check("a`b", "``a`b``");
        check("`a", "`` `a ``");
        check("a\nb @x", "`a b @x`");
        check("", "` `");
    }

    #[test]
    fn markdown_shows_the_text_and_does_nothing() {
        let check = |text: &str, expect: &str| {
            assert_eq!(markdown_inline(text).replace(BREAK, "¦"), expect);
        };
        check("test_os.TestX.test_a failed", "test_os.TestX.test_a failed");
        check("@all &#64;all", "@¦all \\&\\#¦64;all");
        check("#12 a/b#3 GH-4", "\\#¦12 a/b\\#¦3 GH-¦4");
        check(
            "see https://github.com/a/b/issues/1",
            "see https:¦//github.com/a/b/issues/1",
        );
        check("deadbeef12", "deadbe¦ef12");
        check("word testcase12", "word testcase12");
        check("<b>x</b><!-- y -->", "\\<b\\>x\\</b\\>\\<!-- y --\\>");
        check("[a](b) ![c](d)", "\\[a\\](b) !\\[c\\](d)");
        check("__init__ _x_ a_b", "\\_\\_init\\_\\_ \\_x\\_ a_b");
        check("- x", "\\- x");
        check("12. x 1. y", "12\\. x 1. y");
        check("# x", "\\# x");
        check("`a` $b$ \\", "\\`a\\` \\$b\\$ \\\\");
    }

    #[test]
    fn roundup_makes_no_links() {
        let check = |text: &str, expect: &str| {
            assert_eq!(roundup_inline(text).replace(BREAK, "¦"), expect);
        };
        check("issue12 Msg 3 #12 file_4", "issue¦12 Msg ¦3 #¦12 file_4");
        check("PR5, bpo-42, 9issue1", "PR¦5, bpo-¦42, 9issue¦1");
        check(
            "http://x.example/ www.y.example a@b",
            "http:¦//x.example/ www¦.y.example a@¦b",
        );
        check("python3.13 test_os2", "python3.13 test_os2");
        check("AMD64 Non-Debug 3.x", "AMD64 Non-Debug 3.x");
        check("Windows Server 2022", "Windows Server 2022");
        check("bug 3 r2, issue1issue2", "bug ¦3 r¦2, issue¦1issue¦2");
    }

    /// What GitHub's filters and Markdown would act on, in the shown text.
    #[test]
    fn no_hostile_text_keeps_a_reference() {
        let acts =
            pattern(r"(?i)@\w|#\w|\bgh-\d|://|www\.|(?:^|[^0-9a-z])[0-9a-f]{7,40}(?:[^0-9a-z]|$)");
        let roundup = pattern(
            r"(?i)(?:(ht|f)tps?://|www\.)|[-+=%/\w.]+@[\w.-]+|(?:^|[^a-z_])(?:issue|msg|file|user)\s*\d|#\d",
        );
        let bare = pattern(r"(?:^|[^\\])(?:\\\\)*[`*\[\]<>|~&$#]");
        for text in hostile_texts() {
            let inline = markdown_inline(&text);
            assert!(
                !acts.is_match(&inline.replace('\\', "")),
                "{text:?} {inline:?}"
            );
            assert!(!bare.is_match(&inline), "{text:?} {inline:?}");
            assert!(!inline.contains('\n'));
            let inline = roundup_inline(&text);
            assert!(!roundup.is_match(&inline), "{text:?} {inline:?}");
        }
    }

    #[test]
    fn no_hostile_text_leaves_a_fence_or_a_span() {
        for text in hostile_texts() {
            let block = fence(&text);
            let lines: Vec<&str> = block.lines().collect();
            let (marks, inside) = (lines[0], &lines[1..lines.len() - 1]);
            assert_eq!(lines[lines.len() - 1], marks);
            assert!(inside.iter().all(|line| !line.contains(marks)), "{text:?}");
            assert!(!block.contains(|char: char| char != '\n' && char.is_control()));

            let span = code_span(&text);
            let marks = "`".repeat(span.chars().take_while(|char| *char == '`').count());
            let inside = span
                .strip_prefix(&marks)
                .unwrap()
                .strip_suffix(&marks)
                .unwrap();
            assert!(!inside.contains(&marks), "{text:?} {span:?}");
            assert!(!span.contains('\n'));
        }
    }
}
