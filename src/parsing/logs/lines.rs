//! A log's lines as the readers want them: whatever the pieces in which the log
//! comes, without Buildbot's stream letters, what hosted systems put
//! before a line, escape sequences and NULs, bounded,
//! without private keys.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::ci_decoration::undecorated;
use super::skip::{self, Shown};

/// Longest line that is looked at, in bytes; the rest of it is skipped.
pub(super) const MAX_LINE: usize = 64 * 1024;
/// Lines looked at to tell whether a log has stream letters, and their bytes.
const SAMPLE_LINES: usize = 200;
const SAMPLE_BYTES: usize = 256 * 1024;

/// Makes lines of pieces, in constant memory.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    letters: Letters,
    in_key: bool,
    /// The number of the last whole line, from 1.
    number: u64,
}

/// Whether each line begins with the letter of its stream.
#[derive(Debug)]
enum Letters {
    /// Not known yet; the lines so far.
    Undecided(Sample),
    There,
    Missing,
}

impl Default for Letters {
    fn default() -> Self {
        Self::Undecided(Sample::default())
    }
}

#[derive(Debug, Default)]
struct Sample {
    text: Vec<u8>,
    count: Count,
}

/// What the first lines say of the letters.
#[derive(Debug, Default)]
struct Count {
    lines: usize,
    bytes: usize,
    with_letter: usize,
    begins_with_header: bool,
}

impl Lines {
    /// Decides about the letters before the first line is taken, if these first bytes
    /// of the log are enough for that or all of it: then no line has to wait.
    pub(super) fn look_ahead(&mut self, bytes: &[u8], are_all: bool) {
        let is_begin =
            matches!(&self.letters, Letters::Undecided(sample) if sample.count.lines == 0);
        if !is_begin || !self.partial.is_empty() {
            return;
        }
        let mut count = Count::default();
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            count.add(clipped(bytes.get(begin..end).unwrap_or_default()));
            begin = end + 1;
            if count.is_enough() {
                break;
            }
        }
        let last = bytes.get(begin..).unwrap_or_default();
        if are_all && !count.is_enough() && !last.is_empty() {
            count.add(clipped(last));
        }
        if count.is_enough() || (are_all && count.lines > 0) {
            self.letters = count.letters();
        }
    }

    /// Takes the next bytes of the log up to the end of a line, and gives what is
    /// left of them; `each` gets the lines that became whole, with their numbers.
    pub(super) fn push<'a>(
        &mut self,
        bytes: &'a [u8],
        each: &mut impl FnMut(u64, &str),
    ) -> &'a [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        let (line, rest) = bytes.split_at(end);
        if self.partial.is_empty() {
            self.whole(clipped(line), each);
        } else {
            self.keep(line);
            let line = std::mem::take(&mut self.partial);
            self.whole(&line, each);
            self.partial = line;
            self.partial.clear();
        }
        rest.get(1..).unwrap_or_default()
    }

    /// Whether whole lines may be passed over here.
    pub(super) fn may_skip(&self) -> bool {
        // A short log is read sooner than its lines are searched for.
        let is_long = self.number >= SAMPLE_LINES as u64;
        let is_decided = !matches!(self.letters, Letters::Undecided(_));
        is_long && self.partial.is_empty() && is_decided && !self.in_key
    }

    /// Passes over whole lines; those that have to be shown are given out all the
    /// same.
    pub(super) fn skip(&mut self, lines: &[u8], shown: &Shown, each: &mut impl FnMut(u64, &str)) {
        let mut at = shown.tests.min(shown.all);
        let mut counted = 0;
        while let Some(rest) = lines.get(at..).filter(|rest| !rest.is_empty()) {
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let (line, _) = rest.split_at(length);
            if at >= shown.all || skip::names_a_test(line) {
                self.number += count(lines.get(counted..at).unwrap_or_default());
                self.emit(clipped(line), each);
                counted = at + length + 1;
            }
            at += length + 1;
        }
        self.number += count(lines.get(counted..).unwrap_or_default());
    }

    /// So many lines are missing here; a line that had begun ends.
    pub(super) fn miss(&mut self, lines: u64, each: &mut impl FnMut(u64, &str)) {
        self.flush(each);
        self.number += lines;
    }

    /// The log has ended.
    pub(super) fn end(mut self, each: &mut impl FnMut(u64, &str)) {
        self.flush(each);
    }

    /// Gives out what waited, if there is anything.
    fn flush(&mut self, each: &mut impl FnMut(u64, &str)) {
        let last = std::mem::take(&mut self.partial);
        if !last.is_empty() {
            self.whole(&last, each);
        }
        if matches!(&self.letters, Letters::Undecided(sample) if sample.count.lines > 0) {
            self.decide(each);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.partial.len());
        let bytes = bytes.get(..room).unwrap_or(bytes);
        self.partial.extend_from_slice(bytes);
    }

    fn whole(&mut self, line: &[u8], each: &mut impl FnMut(u64, &str)) {
        if let Letters::Undecided(sample) = &mut self.letters {
            sample.push(line);
            if sample.count.is_enough() {
                self.decide(each);
            }
            return;
        }
        self.emit(line, each);
    }

    /// Decides about the letters, and gives out the lines that waited for that.
    fn decide(&mut self, each: &mut impl FnMut(u64, &str)) {
        let Letters::Undecided(sample) = &mut self.letters else {
            return;
        };
        let sample = std::mem::take(sample);
        self.letters = sample.count.letters();
        for line in sample.text.split_inclusive(|byte| *byte == b'\n') {
            self.emit(line.strip_suffix(b"\n").unwrap_or(line), each);
        }
    }

    fn emit(&mut self, line: &[u8], each: &mut impl FnMut(u64, &str)) {
        self.number += 1;
        let line = match (&self.letters, line.split_first()) {
            (Letters::There, Some((b'h' | b'o' | b'e', rest))) => rest,
            _ => line,
        };
        // Much quicker than the lossy way, and nearly always enough.
        let text = match std::str::from_utf8(line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(line),
        };
        // Nearly all lines are plain.
        if memchr::memchr3(b'\r', 0x1b, 0, text.as_bytes()).is_none() {
            return self.give(&text, each);
        }
        let text = text.trim_end_matches('\r');
        // Progress bars draw over themselves.
        for part in text.split('\r') {
            self.give(&plain(part), each);
        }
    }

    fn give(&mut self, line: &str, each: &mut impl FnMut(u64, &str)) {
        let line = undecorated(line);
        if self.is_shown(line) {
            each(self.number, line);
        }
    }

    /// Lines of private keys are not.
    fn is_shown(&mut self, line: &str) -> bool {
        static KEY: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("PRIVATE KEY-----"));
        let was_in_key = self.in_key;
        if KEY.find(line.as_bytes()).is_some() && line.contains("-----BEGIN ") {
            self.in_key = true;
        }
        let hidden = self.in_key || was_in_key;
        if hidden && (line.is_empty() || line.contains("-----END ")) {
            self.in_key = false;
        }
        !hidden
    }
}

impl Sample {
    fn push(&mut self, line: &[u8]) {
        self.count.add(line);
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }
}

impl Count {
    fn add(&mut self, line: &[u8]) {
        if self.lines == 0 {
            self.begins_with_header = line.starts_with(b"h");
        }
        self.lines += 1;
        self.bytes += line.len() + 1;
        self.with_letter += usize::from(matches!(line.first(), Some(b'h' | b'o' | b'e')));
    }

    fn is_enough(&self) -> bool {
        self.lines >= SAMPLE_LINES || self.bytes >= SAMPLE_BYTES
    }

    /// Buildbot stores `h` (header), `o` (stdout) or `e` (stderr) before each
    /// line. A log in which (nearly) every line begins so, has them; a short one
    /// must begin with a header.
    fn letters(&self) -> Letters {
        let nearly_all = self.lines > 0 && self.with_letter * 50 >= self.lines * 49;
        if nearly_all && (self.lines >= 10 || self.begins_with_header) {
            Letters::There
        } else {
            Letters::Missing
        }
    }
}

/// Without what terminals take as commands (ECMA-48), and without NULs.
fn plain(line: &str) -> Cow<'_, str> {
    if memchr::memchr2(0x1b, 0, line.as_bytes()).is_none() {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(ch) = chars.next() {
        match ch {
            '\0' => {}
            '\u{1b}' => skip_sequence(&mut chars),
            _ => plain.push(ch),
        }
    }
    Cow::Owned(plain)
}

/// `ESC [ … letter`, `ESC ] … BEL` (or `ESC \`), `ESC letter`.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => {
            chars.find(|ch| ('\u{40}'..='\u{7e}').contains(ch));
        }
        Some(']') => skip_title(chars),
        _ => {}
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

/// Up to BEL, or to ESC and the character behind it.
fn skip_title(chars: &mut std::str::Chars<'_>) {
    if chars.find(|ch| matches!(ch, '\u{7}' | '\u{1b}')) == Some('\u{1b}') {
        chars.next();
    }
}

fn clipped(line: &[u8]) -> &[u8] {
    line.get(..MAX_LINE).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &[u8], piece: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut each = |_: u64, line: &str| all.push(line.to_owned());
        let mut lines = Lines::default();
        for mut bytes in log.chunks(piece) {
            while !bytes.is_empty() {
                bytes = lines.push(bytes, &mut each);
            }
        }
        lines.end(&mut each);
        all
    }

    fn check(log: &[u8], expect: &[&str]) {
        for piece in [1, 3, 7, 1000] {
            assert_eq!(lines(log, piece), expect, "in pieces of {piece}");
        }
    }

    #[test]
    fn letters_are_stripped_only_where_all_lines_have_them() {
        check(
            b"hmake test\noone\no\netwo\n",
            &["make test", "one", "", "two"],
        );
        let plain = b"make test\none\n\nerror\n";
        check(plain, &["make test", "one", "", "error"]);
    }

    #[test]
    fn private_keys_and_long_lines_are_cut_out() {
        let log = b"a\n-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nb\n";
        check(log, &["a", "b"]);
        let long = "x".repeat(MAX_LINE + 10) + "\nend";
        let lines = lines(long.as_bytes(), 1000);
        assert_eq!((lines[0].len(), lines[1].as_str()), (MAX_LINE, "end"));
    }

    #[test]
    fn line_ends_escapes_and_other_encodings() {
        check(
            b"one\r\n\x1b[31mred\x1b[0m \x1b]0;title\x07x\n10%\r20%\nnul\0nul\n\xff\xe9\n",
            &["one", "red x", "10%", "20%", "nulnul", "\u{fffd}\u{fffd}"],
        );
    }

    #[test]
    fn missing_lines_count() {
        let mut numbers = Vec::new();
        let mut each = |number: u64, line: &str| numbers.push((number, line.to_owned()));
        let mut lines = Lines::default();
        lines.miss(10, &mut each);
        let mut rest = &b"hmake\noa\nob"[..];
        while !rest.is_empty() {
            rest = lines.push(rest, &mut each);
        }
        lines.miss(5, &mut each);
        lines.push(b"oc\n", &mut each);
        lines.end(&mut each);
        let numbers: Vec<(u64, &str)> = numbers
            .iter()
            .map(|(number, line)| (*number, line.as_str()))
            .collect();
        assert_eq!(numbers, [(11, "make"), (12, "a"), (13, "b"), (19, "c")]);
    }

    #[test]
    fn what_hosted_systems_add_is_taken_off() {
        check(
            "\u{feff}2026-04-23T10:11:12.1234567Z ##[group]Run make\r\n\
             2026-04-23T10:11:13.1234567Z \u{1b}[31mFAIL\u{1b}[0m: test_x\r\n"
                .as_bytes(),
            &["Run make", "FAIL: test_x"],
        );
        check(
            b"travis_fold:start:s\r\x1b[0Ktravis_time:start:1\r\x1b[0K$ make\n[00:00:07] ok\n",
            &["", "", "$ make", "ok"],
        );
    }

    #[test]
    fn numbers_are_those_of_the_log() {
        let mut numbers = Vec::new();
        let mut each = |number: u64, line: &str| numbers.push((number, line.to_owned()));
        let mut lines = Lines::default();
        let mut rest = &b"a\n\nb\rc\nd"[..];
        while !rest.is_empty() {
            rest = lines.push(rest, &mut each);
        }
        lines.end(&mut each);
        let numbers: Vec<(u64, &str)> = numbers
            .iter()
            .map(|(n, line)| (*n, line.as_str()))
            .collect();
        assert_eq!(numbers, [(1, "a"), (2, ""), (3, "b"), (3, "c"), (4, "d")]);
    }
}
