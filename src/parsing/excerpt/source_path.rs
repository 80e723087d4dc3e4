//! The paths of source files, from the top folder of the sources on. By hand: an
//! excerpt has a path in every other line.

use std::ops::Range;

/// The folders at the top of Python's sources.
const TOPS: [&str; 11] = [
    "Lib", "Modules", "Objects", "Python", "Parser", "Include", "Programs", "PCbuild", "PC", "Mac",
    "Tools",
];

/// The line with the paths of source files from their top folder on: the folder
/// in which a machine builds says nothing to others. Windows may write `lib` for
/// `Lib`; a folder of this name counts only where Python's is meant.
pub fn without_build_folder(line: &str) -> String {
    if memchr::memchr2(b'/', b'\\', line.as_bytes()).is_none() {
        return line.to_owned();
    }
    let mut short = String::with_capacity(line.len());
    let mut end = 0;
    let mut from = 0;
    while let Some(path) = next_path(line, from) {
        short.push_str(line.get(end..path.folder.start).unwrap_or_default());
        end = path.folder.end;
        from = path.inside;
    }
    short.push_str(line.get(end..).unwrap_or_default());
    short
}

/// A path of a source file.
struct Path {
    /// What stands before the top folder.
    folder: Range<usize>,
    /// Where the top folder's content begins.
    inside: usize,
}

/// The next path at the beginning of the line, or behind a space, a quote, a
/// parenthesis, `>` or `=`.
fn next_path(line: &str, from: usize) -> Option<Path> {
    let is_before = |ch: char| ch.is_whitespace() || matches!(ch, '"' | '\'' | '(' | '>' | '=');
    let behind = line.get(from..)?.match_indices(is_before);
    let behind = behind.map(|(at, before)| from + at + before.len());
    // What was looked at: a path may have `=` in it.
    let mut seen = 0;
    for start in (from == 0).then_some(0).into_iter().chain(behind) {
        let root = start + root_length(line.get(start..)?);
        if root < seen || !line.get(root..)?.starts_with(is_separator) {
            continue;
        }
        match top_folder(line, root) {
            Ok(top) => {
                return Some(Path {
                    folder: start..top.start,
                    inside: top.end,
                });
            }
            Err(end) => seen = end,
        }
    }
    None
}

/// The length of `C:`, `..` or `.` before the first separator.
fn root_length(path: &str) -> usize {
    match path.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => 2,
        [b'.', b'.', ..] => 2,
        [b'.', ..] => 1,
        _ => 0,
    }
}

/// The top folder in a path, with the separator behind it: what follows a folder
/// `build`, before any other. Or the end of the path.
fn top_folder(line: &str, root: usize) -> Result<Range<usize>, usize> {
    let length = |from: usize, is_in: fn(char) -> bool| {
        let rest = line.get(from..).unwrap_or_default();
        rest.find(|ch| !is_in(ch)).unwrap_or(rest.len())
    };
    let mut other = None;
    let mut above: Option<Range<usize>> = None;
    let mut at = root;
    loop {
        let start = at + length(at, is_separator);
        let end = start + length(start, is_in_name);
        let is_folder = line
            .get(end..)
            .is_some_and(|rest| rest.starts_with(is_separator));
        if start == at || !is_folder {
            return other.ok_or(end);
        }
        let name = line.get(start..end).unwrap_or_default();
        let before = above.as_ref().and_then(|above| line.get(above.clone()));
        let is_top = name.starts_with(|ch: char| ch.is_ascii_uppercase()) && TOPS.contains(&name);
        if before == Some("build") && (is_top || name == "lib") {
            return Ok(start..end + 1);
        }
        let is_library = match before {
            Some("lib") => name == "test" || is_version(name),
            Some("lib64") => is_version(name),
            _ => false,
        };
        let top = above
            .filter(|_| is_library)
            .map_or(start, |above| above.start);
        if is_top || is_library {
            other = other.or(Some(top..end + 1));
        }
        above = Some(start..end);
        at = end;
    }
}

fn is_separator(ch: char) -> bool {
    matches!(ch, '/' | '\\')
}

fn is_in_name(ch: char) -> bool {
    !ch.is_whitespace() && !r#"\/'",;:()<>"#.contains(ch)
}

/// `python3.13`, `python3.13t`
fn is_version(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix("python")
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(major, minor)| {
            is_number(major) && is_number(minor.strip_suffix('t').unwrap_or(minor))
        })
}

#[cfg(test)]
mod tests {
    use regex::{Captures, Regex};

    use super::*;

    /// The same in the words of a pattern, which takes ten times as long.
    fn by_pattern(line: &str) -> String {
        let tops = TOPS.join("|");
        let pattern = Regex::new(&format!(
            r#"(?x)
            (?P<before> ^ | [\s"'(>=] )
            (?: [A-Za-z]: | \.\.? )?
            (?: (?P<above> (?: [\\/]+ [^\s\\/'",;:()<>]+ )*? ) [\\/]+ build
                    [\\/]+ (?P<built> (?: {tops} | lib ) [\\/] )
              | (?: [\\/]+ [^\s\\/'",;:()<>]+ )*?
                    [\\/]+ (?P<rest> (?: {tops} | lib(?:64)?[\\/]+python[0-9]+\.[0-9]+t? | lib[\\/]+test ) [\\/] ) )"#,
        ))
        .unwrap();
        pattern
            .replace_all(line, |found: &Captures<'_>| {
                let part = |name| found.name(name).map_or("", |part| part.as_str());
                format!("{}{}{}", part("before"), part("built"), part("rest"))
            })
            .into_owned()
    }

    #[test]
    fn it_is_what_the_pattern_says() {
        const PARTS: [&str; 24] = [
            "/",
            "\\",
            "//",
            " ",
            "=",
            "(",
            ":",
            "C:",
            ".",
            "..",
            "build",
            "Lib",
            "lib",
            "lib64",
            "test",
            "python3.13",
            "python3.13t",
            "python3",
            "PC",
            "PCbuild",
            "x",
            "é",
            "\u{a0}",
            "\"",
        ];
        let mut state = 1_u32;
        for _ in 0..150 {
            let mut line = String::new();
            for _ in 0..14 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 16) as usize % (2 * PARTS.len());
                line.push_str(PARTS.get(at).unwrap_or(&"/"));
            }
            assert_eq!(without_build_folder(&line), by_pattern(&line), "{line:?}");
        }
    }

    #[test]
    fn long_lines_take_no_long_time() {
        let line = "=/a".repeat(100_000);
        assert_eq!(without_build_folder(&line), line);
    }
}
