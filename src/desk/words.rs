//! Small pieces of text for people: ages, dates, cuts.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::Seconds;
use crate::domain::calendar::date_of;
// For programs.
pub(crate) use crate::domain::calendar::timestamp;
use crate::domain::untrusted::{terminal, terminal_lines};

const MINUTE: Seconds = 60;
const HOUR: Seconds = 60 * MINUTE;
const DAY: Seconds = 24 * HOUR;

/// How long ago, in one number: `3m`, `2h`, `5d`.
pub(crate) fn age(at: Seconds, now: Seconds) -> String {
    span(now.saturating_sub(at).max(0))
}

/// A span of time in one number.
pub(crate) fn span(seconds: Seconds) -> String {
    match seconds {
        DAY.. => format!("{}d", seconds / DAY),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        _ => format!("{seconds}s"),
    }
}

/// When, both ways: `3m ago (2026-11-22 07:18 UTC)`.
pub(crate) fn when(at: Seconds, now: Seconds) -> String {
    let date = date(at);
    if at > now {
        return format!("in {} ({date})", span(at - now));
    }
    format!("{} ago ({date})", age(at, now))
}

/// `2026-11-22 07:18 UTC`.
pub(crate) fn date(at: Seconds) -> String {
    let (year, month, day) = date_of(at.div_euclid(DAY));
    let time = at.rem_euclid(DAY);
    let (hour, minute) = (time / HOUR, time % HOUR / MINUTE);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// `1 draft`, `2 drafts`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

/// Foreign text on one line of at most `columns`, safe for a terminal.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    let safe = terminal(text);
    if safe.width() <= columns {
        return safe;
    }
    let mut short = String::new();
    let mut used = 1;
    for char in safe.chars() {
        used += char.width().unwrap_or(0);
        if used > columns {
            break;
        }
        short.push(char);
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Foreign text on one line of at most `columns`: what does not fit is taken from
/// the beginning of its longest path, since a path tells most at its end.
pub(crate) fn cut_path(text: &str, columns: usize) -> String {
    let safe = terminal(text);
    let over = safe.width().saturating_sub(columns);
    let is_end = |char: char| char.is_whitespace() || "\"'()<>[]".contains(char);
    let is_path =
        |part: &&str| (part.starts_with('/') && !part.starts_with("//")) || is_windows_path(part);
    let longest = safe
        .split(is_end)
        .filter(is_path)
        .max_by_key(|part| part.width());
    let (1.., Some(path)) = (over, longest) else {
        return safe;
    };
    let mut tails = path
        .match_indices(['/', '\\'])
        .filter_map(|(at, _)| path.get(at..));
    // At least the file's name stays. One column is the mark's.
    let fits = tails.find(|tail| tail.width() + over < path.width());
    let least = || path.rfind(['/', '\\']).and_then(|at| path.get(at..));
    match fits.or_else(least) {
        Some(tail) if tail.width() + 1 < path.width() => {
            safe.replacen(path, &format!("…{tail}"), 1)
        }
        _ => safe,
    }
}

/// `D:\build\x.c`, `\\server\share\x.c`.
fn is_windows_path(part: &str) -> bool {
    let after_drive = part.strip_prefix(|drive: char| drive.is_ascii_alphabetic());
    after_drive.is_some_and(|rest| rest.starts_with(":\\") || rest.starts_with(":/"))
        || part.starts_with("\\\\")
}

/// The lines of a foreign text, safe for a terminal, each with `bar` in front.
/// Whatever is longer than `columns` goes on in the next line, with a broken bar
/// in front; a link stays whole, so that it can be copied.
pub(crate) fn barred(text: &str, bar: &str, columns: usize) -> Vec<String> {
    let safe = terminal_lines(text);
    let room = columns.saturating_sub(bar.width()).max(1);
    let goes_on = bar.replace('|', "¦");
    let mut lines = Vec::new();
    for line in safe.trim_end_matches('\n').lines() {
        for (index, part) in folded(line, room).into_iter().enumerate() {
            let before = if index == 0 { bar } else { &goes_on };
            lines.push(format!("{before}{part}").trim_end().to_owned());
        }
    }
    lines
}

/// A line in parts of at most `columns`, broken after blanks where there are any.
/// Nothing is left out.
pub(crate) fn folded(line: &str, columns: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let width = word.trim_end().width();
        if used > 0 && used + width > columns {
            parts.push(String::new());
            used = 0;
        }
        let is_link = word.contains("://");
        for char in word.chars() {
            let wide = char.width().unwrap_or(0);
            if used + wide > columns && char != ' ' && !is_link {
                parts.push(String::new());
                used = 0;
            }
            if let Some(part) = parts.last_mut() {
                part.push(char);
            }
            used += wide;
        }
    }
    parts
}

/// Our own words broken into lines of at most `columns`. Of longer words only links
/// and paths stay whole, so that they can be copied.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let words = text.split_whitespace().flat_map(|word| {
        if word.contains('/') {
            return vec![word.to_owned()];
        }
        folded(word, columns.max(1))
    });
    for word in words {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// An argument as a shell reads it back.
pub(crate) fn quoted(argument: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "@%+=:,./_-".contains(char);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_one_number() {
        let ages = [0, 59, 60, 3599, 3600, 86_399, 86_400, 864_000].map(|ago| age(-ago, 0));
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "10d"]);
        assert_eq!(age(5, 0), "0s");
    }

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(timestamp(1_795_332_645), "2026-11-22T07:30:45Z");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59Z");
        assert_eq!(date(4_107_542_399), "2100-02-28 23:59 UTC");
    }

    #[test]
    fn cut_text_fits_its_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("abcd fgh", 6), "abcd…");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("\u{1b}[1m", 80), "\\u{1b}[1m");
    }

    #[test]
    fn paths_are_cut_at_their_beginning() {
        let line =
            "  File \"/home/bot/area/3.x.fedora/build/Lib/test/test_x.py\", line 3, in test_y";
        assert_eq!(cut_path(line, 99), line);
        let short = "  File \"…/Lib/test/test_x.py\", line 3, in test_y";
        assert_eq!(cut_path(line, 50), short);
        let least = "  File \"…/test_x.py\", line 3, in test_y";
        assert_eq!(cut_path(line, 20), least);
        assert_eq!(
            cut_path("see https://example.org/a/b/c", 10),
            "see https://example.org/a/b/c"
        );
        assert_eq!(cut_path("/a b", 1), "/a b");
        let windows = r"D:\buildarea\3.x.bolen-windows10\build\PC\winreg.c(100,5): error C2143";
        assert_eq!(
            cut_path(windows, 44),
            r"…\build\PC\winreg.c(100,5): error C2143"
        );
        assert_eq!(cut_path(windows, 10), r"…\winreg.c(100,5): error C2143");
    }

    #[test]
    fn long_lines_go_on_behind_a_broken_bar() {
        let text = "one two three\n\n  four https://example.org/a/long/link\nabcdefghijkl";
        let lines = barred(text, " | ", 11);
        assert_eq!(
            lines,
            [
                " | one two",
                " ¦ three",
                " |",
                " |   four",
                " ¦ https://example.org/a/long/link",
                " | abcdefgh",
                " ¦ ijkl"
            ]
        );
        for width in 1..20 {
            assert_eq!(folded(text, width).concat(), text);
        }
    }

    #[test]
    fn words_longer_than_a_line_are_broken_unless_they_lead_somewhere() {
        assert_eq!(
            wrapped("on test_a.B.test_c: x", 8),
            ["on", "test_a.B", ".test_c:", "x"]
        );
        assert_eq!(wrapped("in /var/lib/x/y", 8), ["in", "/var/lib/x/y"]);
    }

    #[test]
    fn shells_read_arguments_back() {
        assert_eq!(quoted("/tmp/bbw"), "/tmp/bbw");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
