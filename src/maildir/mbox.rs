//! Mails from an mbox file, one at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::maildir::{FileMail, Limits};

/// Longest line that is held in memory at once, in octets; the rest of a longer
/// one is read as if it were the next line, which changes nothing.
const LONGEST_LINE: u64 = 65536;

/// The mails of an mbox file in order, read as they are asked for.
///
/// A mail begins at a line `From ` with a time of day and a year that is the
/// first or stands after an empty one. One `>` is taken from lines that begin with `>From `, `>>From ` and so
/// on (the form called mboxrd). Files that quote fewer lines, or none, are read
/// as well: sentences that begin with "From " have no time of day in them.
#[derive(Debug)]
pub struct Mbox {
    path: PathBuf,
    reader: BufReader<io::Take<File>>,
    limits: Limits,
    line: Vec<u8>,
    /// Whether `line` is the `From ` line of the next mail.
    at_a_mail: bool,
    count: usize,
}

impl Mbox {
    /// Opens an mbox file.
    ///
    /// # Errors
    /// It can't be read, or does not begin with `From `.
    pub fn open(path: &Path, limits: Limits) -> Result<Self> {
        Self::open_up_to(path, limits, u64::MAX)
    }

    /// Opens an mbox file of which only the first `length` octets are read: the
    /// rest may be a mail that is just being written.
    ///
    /// # Errors
    /// As [`Mbox::open`].
    pub fn open_up_to(path: &Path, limits: Limits, length: u64) -> Result<Self> {
        let context = || format!("reading {}", path.display());
        let file = File::open(path).with_context(context)?;
        let mut mbox = Self {
            path: path.to_owned(),
            reader: BufReader::new(file.take(length)),
            limits,
            line: Vec::new(),
            at_a_mail: false,
            count: 0,
        };
        let has_line = mbox.next_line().with_context(context)?;
        mbox.at_a_mail = has_line && mbox.line.starts_with(b"From ");
        if has_line && !mbox.at_a_mail {
            anyhow::bail!(
                "{} is not an mbox: it does not begin with From",
                path.display()
            );
        }
        Ok(mbox)
    }

    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut limited = io::Read::take(&mut self.reader, LONGEST_LINE);
        Ok(limited.read_until(b'\n', &mut self.line)? > 0)
    }

    fn next_mail(&mut self) -> io::Result<FileMail> {
        self.count += 1;
        let mut mail = Collected {
            raw: Vec::new(),
            size: 0,
            limits: self.limits,
        };
        let mut after_empty_line = false;
        let mut at_line_start = self.line.ends_with(b"\n");
        self.at_a_mail = false;
        while self.next_line()? {
            if at_line_start && after_empty_line && is_separator(&self.line) {
                self.at_a_mail = true;
                break;
            }
            let text = if at_line_start {
                unquoted(&self.line)
            } else {
                &self.line
            };
            mail.add(text);
            after_empty_line = at_line_start && matches!(self.line.as_slice(), b"\n" | b"\r\n");
            at_line_start = self.line.ends_with(b"\n");
        }
        Ok(mail.finish(format!("{}, mail {}", self.path.display(), self.count)))
    }
}

impl Iterator for Mbox {
    type Item = Result<FileMail>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.at_a_mail {
            return None;
        }
        let mail = self.next_mail();
        Some(mail.with_context(|| format!("reading {}", self.path.display())))
    }
}

/// A mail as far as it has been read, within the limits.
struct Collected {
    raw: Vec<u8>,
    size: u64,
    limits: Limits,
}

impl Collected {
    fn add(&mut self, octets: &[u8]) {
        let room = self.limits.max_size.saturating_sub(self.size);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        self.size += octets.len() as u64;
        self.raw
            .extend_from_slice(octets.get(..room).unwrap_or(octets));
    }

    /// The empty line before the next `From ` is the form's, not the mail's.
    fn finish(mut self, origin: String) -> FileMail {
        for end in [b"\r\n\r\n".as_slice(), b"\n\n"] {
            if self.raw.ends_with(end) && self.size == self.raw.len() as u64 {
                self.raw.truncate(self.raw.len() - end.len() / 2);
                self.size = self.raw.len() as u64;
                break;
            }
        }
        let truncated = self.size > self.raw.len() as u64;
        if truncated {
            let head = usize::try_from(self.limits.head_size).unwrap_or(usize::MAX);
            self.raw.truncate(head);
            self.raw.shrink_to_fit();
        }
        FileMail {
            origin,
            raw: self.raw,
            size: self.size,
            truncated,
        }
    }
}

/// `From a@b Sat Nov 21 09:15:00 2026`, as every writer of the form has it.
fn is_separator(line: &[u8]) -> bool {
    let words = || {
        line.split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
    };
    let is_time = |word: &[u8]| {
        let mut parts = word.split(|octet| *octet == b':');
        let are_pairs = parts.all(|part| part.len() == 2 && part.iter().all(u8::is_ascii_digit));
        are_pairs && word.len() >= 5
    };
    let is_year = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    line.starts_with(b"From ") && words().any(is_time) && words().any(is_year)
}

fn unquoted(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b">") else {
        return line;
    };
    let behind = rest.iter().position(|octet| *octet != b'>');
    let is_quoted = behind
        .and_then(|at| rest.get(at..))
        .is_some_and(|text| text.starts_with(b"From "));
    if is_quoted { rest } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_size: 1000,
        head_size: 5,
    };

    #[track_caller]
    fn check(content: &[u8], expect: &[&[u8]]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let mails: Vec<FileMail> = Mbox::open(file.path(), LIMITS)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let raws: Vec<&[u8]> = mails.iter().map(|mail| mail.raw.as_slice()).collect();
        assert_eq!(raws, expect);
    }

    #[test]
    fn mails_begin_at_from_lines_after_empty_ones() {
        check(
            b"From a@b Sat Nov 21 09:15:00 2026\nSubject: 1\n\nFrom here on\n\n\
              From c@d Sun Nov 22 09:15:00 2026\nSubject: 2\n\nx\n",
            &[
                b"Subject: 1\n\nFrom here on\n".as_slice(),
                b"Subject: 2\n\nx\n",
            ],
        );
        check(
            b"From a Sat Nov 21 09:15 2026\r\nS: 1\r\n\r\nx\r\n\r\n\
              From b Sat Nov 21 09:15:00 2026 +0100\r\nS: 2\r\n\r\n",
            &[b"S: 1\r\n\r\nx\r\n".as_slice(), b"S: 2\r\n"],
        );
        check(b"", &[]);
        check(b"From a", &[b""]);
    }

    #[test]
    fn one_quote_mark_is_taken_off() {
        check(
            b"From a\nS: 1\n\n>From x\n>>From y\n> From z\n>Fromage\n",
            &[b"S: 1\n\nFrom x\n>From y\n> From z\n>Fromage\n"],
        );
    }

    #[test]
    fn of_a_large_mail_the_head_is_kept_and_the_next_one_found() {
        let mut content = b"From a\n12345".to_vec();
        content.extend_from_slice(&[b'x'; 200_000]);
        content.extend_from_slice(b"\n\nFrom b Sat Nov 21 09:15:00 2026\nS: 2\n");
        check(&content, &[b"12345".as_slice(), b"S: 2\n"]);
    }

    #[test]
    fn other_files_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Subject: x\n\n").unwrap();
        let error = Mbox::open(file.path(), LIMITS).unwrap_err().to_string();
        assert!(error.contains("is not an mbox"), "{error}");
    }
}
