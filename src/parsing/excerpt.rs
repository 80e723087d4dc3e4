//! The few lines a person needs to see, and the one that says it best.

mod source_path;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::parsing::pattern;
pub use source_path::without_build_folder;

/// Lines of an excerpt.
pub const MAX_LINES: usize = 15;
/// Characters of the one line and of each line of an excerpt.
pub const MAX_CHARS: usize = 300;

/// Text on one line: line ends and tabs become spaces, other control characters
/// and those that change the direction of writing are dropped, the ends trimmed.
pub fn one_line(text: &str) -> String {
    // Trimmed first: what is left of a header or a line is nearly always plain.
    plain(text.trim()).trim().to_owned()
}

/// [`one_line`] of at most [`MAX_CHARS`] characters, with an ellipsis where it
/// was cut.
pub fn headline(text: &str) -> String {
    shortened(one_line(text))
}

/// The lines for a bug report, best first to last, at most [`MAX_LINES`] of at
/// most [`MAX_CHARS`] characters; indentation stays.
pub fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    lines
        .into_iter()
        .take(MAX_LINES)
        .map(|line| shortened(plain(line).trim_end().to_owned()))
        .collect()
}

/// A compiler's message without what MSBuild puts around it: the number of the
/// process in front (`12>`) and the project at the end.
pub fn without_project(line: &str) -> String {
    static AROUND: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^\s*\d+>|\s*\[[^\[\]]*\.\w*proj(?:::[^\[\]]*)?\]\s*$"));
    AROUND.replace_all(line, "").into_owned()
}

fn plain(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    text.chars()
        .filter_map(|ch| match ch {
            '\n' | '\r' | '\t' => Some(' '),
            _ if ch.is_control() || turns_direction(ch) => None,
            _ => Some(ch),
        })
        .collect()
}

/// Embeddings, overrides and isolates (Unicode UAX 9) and the marks.
fn turns_direction(ch: char) -> bool {
    matches!(ch, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

fn shortened(line: String) -> String {
    if line.len() <= MAX_CHARS || line.chars().nth(MAX_CHARS).is_none() {
        return line;
    }
    let mut short: String = line.chars().take(MAX_CHARS - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_one_plain_line() {
        assert_eq!(one_line(" a\r\n\tb\u{202e}c\0\u{9b} "), "a   bc");
        assert_eq!(headline(&"é".repeat(400)).chars().count(), MAX_CHARS);
        assert_eq!(headline(&"é".repeat(300)), "é".repeat(300));
    }

    #[test]
    fn source_paths_begin_at_their_top_folder() {
        let check = |line: &str, expect: &str| {
            assert_eq!(without_build_folder(line), expect);
        };
        check(
            "  File \"/home/bot/3.x.bot/build/Lib/test/test_os.py\", line 3, in f",
            "  File \"Lib/test/test_os.py\", line 3, in f",
        );
        check(
            r#"  File "C:\b\3.x\build\Lib\test\test_os.py", line 3 in f"#,
            r#"  File "Lib\test\test_os.py", line 3 in f"#,
        );
        check(
            "/home/Python/x/build/Modules/_decimal/Include/a.h:3:1: error: x",
            "Modules/_decimal/Include/a.h:3:1: error: x",
        );
        check("../Objects/a.c:3:1: error", "Objects/a.c:3:1: error");
        check(
            "Modules/../Include/a.h:1: error",
            "Modules/../Include/a.h:1: error",
        );
        check(
            "  File \"/opt/x/build/target/lib/python3.13/test/test_os.py\"",
            "  File \"lib/python3.13/test/test_os.py\"",
        );
        for folder in [r"C:\buildarea\3.8.bot\build", r"D:\a\cpython\cpython"] {
            check(
                &format!(r#"  File "{folder}\lib\test\test_os.py", line 3"#),
                r#"  File "lib\test\test_os.py", line 3"#,
            );
        }
        check(
            r#"  File "C:\buildarea\3.8.bot\build\lib\os.py", line 3"#,
            r#"  File "lib\os.py", line 3"#,
        );
        check("/usr/include/stdio.h:1", "/usr/include/stdio.h:1");
        check("/usr/lib/libx.so", "/usr/lib/libx.so");
    }

    #[test]
    fn what_msbuild_adds_is_taken_off() {
        let check = |line: &str, expect: &str| assert_eq!(without_project(line), expect);
        check(
            r"  12>a.c(3,4): error C2065: 'x[1]': bad [D:\b\p.vcxproj]",
            "a.c(3,4): error C2065: 'x[1]': bad",
        );
        check("a.c(3): error C1: x [y]", "a.c(3): error C1: x [y]");
        check(
            r"a.cs(1,2): error X1: y [D:\p.csproj::TargetFramework=net4]",
            "a.cs(1,2): error X1: y",
        );
    }

    #[test]
    fn an_excerpt_keeps_indentation_and_its_bounds() {
        let text = "  a  \n".repeat(40);
        let excerpt = lines(text.lines());
        assert_eq!(excerpt.len(), MAX_LINES);
        assert!(excerpt.iter().all(|line| line == "  a"));
    }
}
