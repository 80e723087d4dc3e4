//! The inputs of `read`: which mails and logs stand behind a path.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use tempfile::NamedTempFile;

use super::args::InputForm;
use super::refusal::Refusal;
use super::words::count;
use crate::maildir::{self, FileMail, Limits};
use crate::parsing::logs::{Findings, LogReader};

/// A larger mail is not read whole; of one that is, the beginning is read.
const LIMITS: Limits = Limits {
    max_size: 32 << 20,
    head_size: 4 << 20,
};
/// Of a larger log in a file the end is read, in bytes.
const LOG_CAP: u64 = 64 << 20;
/// So much is looked at to tell what an input is.
const HEAD: usize = 64 << 10;
/// Read at once, of a log.
const PIECE: usize = 64 << 10;

/// One thing to be understood.
#[derive(Debug)]
pub(super) enum Input {
    /// A mail, and where it comes from.
    Mail(FileMail),
    /// What the log at that path told.
    Log {
        origin: String,
        findings: Findings,
        /// How much of its beginning was left out, in bytes.
        skipped: u64,
    },
}

/// What an input looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    Empty,
    Mbox,
    Mail,
    Log,
}

/// Hands every input behind a path to `each`, as a result: one that cannot be
/// read does not keep the others back.
///
/// # Errors
/// Nothing can be read there.
pub(super) fn each_of(
    path: &Path,
    form: Option<InputForm>,
    each: &mut dyn FnMut(Result<Input>),
) -> Result<()> {
    if path == Path::new("-") {
        let stdin = io::stdin().lock();
        return stream(stdin, "standard input", form, each);
    }
    let origin = path.display().to_string();
    let about = std::fs::metadata(path).map_err(|error| unreadable(&origin, &error))?;
    if about.is_dir() {
        return mails(path, each).map_err(|_| not_a_mailbox(&origin).into());
    }
    let mut file = File::open(path).map_err(|error| unreadable(&origin, &error))?;
    if !about.is_file() {
        return stream(file, &origin, form, each);
    }
    let head = head_of(&mut file).with_context(|| format!("reading {origin}"))?;
    match looks(&head, form) {
        Looks::Empty => Err(empty(&origin)),
        Looks::Mbox | Looks::Mail => mails(path, each),
        Looks::Log => {
            let skipped = about.len().saturating_sub(LOG_CAP);
            each(log_from(file, skipped, &origin));
            Ok(())
        }
    }
}

/// A pipe or a device: its beginning is read once.
fn stream(
    mut source: impl Read,
    origin: &str,
    form: Option<InputForm>,
    each: &mut dyn FnMut(Result<Input>),
) -> Result<()> {
    let head = head_of(&mut source).with_context(|| format!("reading {origin}"))?;
    let looks = looks(&head, form);
    let whole = Cursor::new(head).chain(source);
    match looks {
        Looks::Empty => Err(empty(origin)),
        Looks::Log => {
            let findings = log_of(whole).with_context(|| format!("reading {origin}"));
            each(findings.map(|findings| Input::Log {
                origin: origin.to_owned(),
                findings,
                skipped: 0,
            }));
            Ok(())
        }
        Looks::Mbox | Looks::Mail => {
            let file = spooled(whole)?;
            mails(file.path(), &mut |input| {
                each(input.map(|input| renamed(input, file.path(), origin)));
            })
        }
    }
}

/// Mails are read from files: an mbox may be longer than memory.
fn spooled(mut source: impl Read) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new().context("making a temporary file")?;
    io::copy(&mut source, &mut file).context("copying the input to a temporary file")?;
    file.flush()
        .context("copying the input to a temporary file")?;
    Ok(file)
}

fn renamed(input: Input, from: &Path, to: &str) -> Input {
    match input {
        Input::Mail(mail) => Input::Mail(FileMail {
            origin: mail.origin.replace(&from.display().to_string(), to),
            ..mail
        }),
        log @ Input::Log { .. } => log,
    }
}

fn mails(path: &Path, each: &mut dyn FnMut(Result<Input>)) -> Result<()> {
    let mut found = 0;
    for mail in maildir::replay(path, LIMITS)? {
        found += 1;
        each(mail.map(Input::Mail));
    }
    if found == 0 {
        return Err(anyhow!("{} holds no mails", path.display()));
    }
    Ok(())
}

fn log_from(mut file: File, skipped: u64, origin: &str) -> Result<Input> {
    let context = || format!("reading {origin}");
    file.seek(SeekFrom::Start(skipped)).with_context(context)?;
    let findings = log_of(file).with_context(context)?;
    Ok(Input::Log {
        origin: origin.to_owned(),
        findings,
        skipped,
    })
}

fn log_of(mut source: impl Read) -> io::Result<Findings> {
    let mut reader = LogReader::default();
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(reader.finish(None)),
            Ok(length) => reader.push(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn head_of(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn looks(head: &[u8], form: Option<InputForm>) -> Looks {
    match form {
        _ if head.is_empty() => Looks::Empty,
        Some(InputForm::Log) => Looks::Log,
        _ if is_mbox(head) => Looks::Mbox,
        Some(InputForm::Mail) => Looks::Mail,
        None if is_mail(head) => Looks::Mail,
        None => Looks::Log,
    }
}

fn is_mbox(head: &[u8]) -> bool {
    head.strip_prefix(b"From ").is_some_and(|rest| {
        let mut lines = rest.splitn(2, |byte| *byte == b'\n');
        lines.next();
        lines.next().is_some_and(is_mail)
    })
}

/// Headers that hardly any log begins with; two of them make a mail.
const KNOWN: [&str; 14] = [
    "content-type",
    "date",
    "delivered-to",
    "dkim-signature",
    "from",
    "list-id",
    "message-id",
    "mime-version",
    "received",
    "reply-to",
    "return-path",
    "subject",
    "to",
    "x-original-to",
];

/// Whether a text begins with the header of a mail (RFC 5322, section 2.2): only
/// fields until the first empty line, and two of those that mails have.
fn is_mail(head: &[u8]) -> bool {
    let mut known = 0;
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let Some(end) = line.iter().position(|byte| *byte == b':') else {
            // The last one may be cut off.
            return known >= 2 && head.ends_with(line);
        };
        let name = line.get(..end).unwrap_or_default();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return false;
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        known += usize::from(KNOWN.contains(&name.as_str()));
    }
    known >= 2
}

/// Why a file is not read, with what to do about it.
pub(super) fn unreadable(origin: &str, error: &io::Error) -> Refusal {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "read it as a user who may",
        _ => return Refusal::plain(format!("{origin} cannot be read: {error}")),
    };
    Refusal::new(format!("{origin} cannot be read: {error}"), remedy)
}

fn not_a_mailbox(origin: &str) -> Refusal {
    Refusal::new(
        format!(
            "{origin} is a folder without mails: neither new and cur of a Maildir nor .eml files"
        ),
        "name the files in it",
    )
}

/// Nothing is in it.
pub(super) fn empty(origin: &str) -> anyhow::Error {
    Refusal::plain(format!("{origin} is empty")).into()
}

/// `the first 236 MiB are left out`.
pub(super) fn left_out(skipped: u64) -> String {
    let mib = usize::try_from(skipped.div_ceil(1 << 20)).unwrap_or(usize::MAX);
    let verb = if mib == 1 { "is" } else { "are" };
    format!(
        "the first {} of the log {verb} left out",
        count(mib, "MiB").trim_end_matches('s')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_and_logs_are_told_apart() {
        let check = |head: &str, expect: Looks| {
            assert_eq!(looks(head.as_bytes(), None), expect, "{head}");
        };
        check("", Looks::Empty);
        check("From: a@b\nTo: c@d\n\nx", Looks::Mail);
        check(
            "Received: from x\n by y;\n z\nSubject: s\r\n\r\nx",
            Looks::Mail,
        );
        check(
            "From a@b Sat Nov 21 09:15:00 2026\nFrom: a@b\nTo: c\n\n",
            Looks::Mbox,
        );
        check("From here on\nall: is\nlog: x\n", Looks::Log);
        check("FAIL: test_x (test.test_a.T)\n", Looks::Log);
        check("hmake test\noFrom: a\noTo: b\n", Looks::Log);
        check("date: 1\n\n", Looks::Log);
        let as_log = looks(b"From: a@b\nTo: c@d\n\nx", Some(InputForm::Log));
        assert_eq!(as_log, Looks::Log);
        assert_eq!(looks(b"x\n", Some(InputForm::Mail)), Looks::Mail);
    }

    #[test]
    fn what_is_left_out_is_said() {
        assert_eq!(left_out(1), "the first 1 MiB of the log is left out");
        assert_eq!(left_out(5 << 20), "the first 5 MiB of the log are left out");
    }
}
