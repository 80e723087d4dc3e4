//! Mails from and to files: the embedded counterpart of IMAP and SMTP.
//!
//! A [`Maildir`] that somebody else delivers to is read and never changed: no
//! mail is moved to `cur` or marked. An [`OutgoingMaildir`] takes the replies
//! where there is no SMTP server. [`fn@replay`] reads whatever a person points at.

mod mbox;
mod outgoing;
mod replay;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use crate::maildir::mbox::Mbox;
pub use crate::maildir::outgoing::{OutgoingMaildir, Written};
pub use crate::maildir::replay::{Replay, replay};

/// A folder with `new` and `cur` that mails are delivered to.
#[derive(Debug, Clone)]
pub struct Maildir {
    path: PathBuf,
}

/// One mail's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The file's name without its flags: the mail's identity for as long as it
    /// lies in this Maildir, also when a mail program moves and marks it.
    pub name: String,
    path: PathBuf,
}

/// What one mail can be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A mail larger than this many octets is not read whole.
    pub max_size: u64,
    /// Of such a mail this many octets are read.
    pub head_size: u64,
}

/// One mail from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMail {
    /// Where it comes from, for people: a file's name, or `FILE, mail 3`.
    pub origin: String,
    /// Its octets; the first part of them if it is `truncated`.
    pub raw: Vec<u8>,
    /// How large it is, in octets.
    pub size: u64,
    /// Whether it is larger than allowed and `raw` is only its head.
    pub truncated: bool,
}

impl Maildir {
    /// Uses the Maildir at `path`.
    ///
    /// # Errors
    /// It is not a folder with `new` or `cur` in it.
    pub fn open(path: &Path) -> Result<Self> {
        if !is_maildir(path) {
            bail!(
                "{} is not a Maildir: it has no folder called new or cur",
                path.display()
            );
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The mails that lie there now, in the order of delivery as far as their
    /// names tell it. To be asked again every few seconds.
    ///
    /// # Errors
    /// A folder can't be read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for folder in ["cur", "new"] {
            let folder = self.path.join(folder);
            if !folder.exists() {
                continue;
            }
            let context = || format!("reading {}", folder.display());
            for file in std::fs::read_dir(&folder).with_context(context)? {
                let path = file.with_context(context)?.path();
                entries.extend(entry(path));
            }
        }
        entries.sort_by_cached_key(|entry| (delivered_at(&entry.name), entry.clone()));
        // A mail that is just moved from new to cur may be seen in both.
        entries.dedup_by(|one, other| one.name == other.name);
        Ok(entries)
    }

    /// Reads one mail; nothing if it was deleted meanwhile.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn read(&self, entry: &Entry, limits: Limits) -> Result<Option<FileMail>> {
        if entry.path.exists() {
            return read_file(&entry.path, limits).map(Some);
        }
        // A mail program has moved or marked it since.
        let moved = self.entries()?.into_iter().find(|e| e.name == entry.name);
        match moved {
            Some(entry) => read_file(&entry.path, limits).map(Some),
            None => Ok(None),
        }
    }
}

fn is_maildir(path: &Path) -> bool {
    path.join("new").is_dir() || path.join("cur").is_dir()
}

fn entry(path: PathBuf) -> Option<Entry> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') || !path.is_file() {
        return None;
    }
    let name = base_name(name).to_owned();
    Some(Entry { name, path })
}

/// The name without the flags a mail program adds: `17.M1.host:2,S` is `17.M1.host`.
fn base_name(name: &str) -> &str {
    name.split_once(":2,").map_or(name, |(base, _)| base)
}

/// The second and microsecond in `1795000000.M5121P7.host`, as most delivery agents
/// name mails; the microseconds have no leading zeros, so that as texts they would
/// come in another order. None, which comes first, for names of another form.
fn delivered_at(name: &str) -> Option<(u64, u64)> {
    let (seconds, rest) = name.split_once('.')?;
    let digits: String = rest
        .strip_prefix('M')?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((seconds.parse().ok()?, digits.parse().ok()?))
}

/// Reads a file that is one mail.
fn read_file(path: &Path, limits: Limits) -> Result<FileMail> {
    let context = || format!("reading {}", path.display());
    let file = File::open(path).with_context(context)?;
    let size = file.metadata().with_context(context)?.len();
    let octets = if size > limits.max_size {
        limits.head_size.min(limits.max_size)
    } else {
        limits.max_size
    };
    let mut raw = Vec::new();
    let read = file.take(octets).read_to_end(&mut raw);
    read.with_context(context)?;
    let truncated = (raw.len() as u64) < size;
    Ok(FileMail {
        origin: path.display().to_string(),
        raw,
        size,
        truncated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_size: 100,
        head_size: 10,
    };

    fn maildir() -> (tempfile::TempDir, Maildir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("new")).unwrap();
        std::fs::create_dir(folder.path().join("cur")).unwrap();
        let maildir = Maildir::open(folder.path()).unwrap();
        (folder, maildir)
    }

    #[test]
    fn mails_keep_their_identity_when_they_are_moved_and_marked() {
        let (folder, maildir) = maildir();
        std::fs::write(folder.path().join("new/2.M1.host"), "b").unwrap();
        std::fs::write(folder.path().join("cur/1.M9.host:2,S"), "a").unwrap();
        std::fs::write(folder.path().join("new/.hidden"), "x").unwrap();
        let entries = maildir.entries().unwrap();
        let names: Vec<&str> = entries.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["1.M9.host", "2.M1.host"]);

        let from = folder.path().join("new/2.M1.host");
        std::fs::rename(from, folder.path().join("cur/2.M1.host:2,RS")).unwrap();
        let read = maildir.read(&entries[1], LIMITS).unwrap().unwrap();
        assert_eq!(read.raw, b"b");
        assert_eq!(maildir.entries().unwrap()[1].name, "2.M1.host");

        std::fs::remove_file(folder.path().join("cur/2.M1.host:2,RS")).unwrap();
        assert_eq!(maildir.read(&entries[1], LIMITS).unwrap(), None);
    }

    #[test]
    fn of_a_large_mail_the_head_is_read() {
        let (folder, maildir) = maildir();
        std::fs::write(folder.path().join("new/1"), [b'x'; 100]).unwrap();
        std::fs::write(folder.path().join("new/2"), [b'x'; 101]).unwrap();
        let entries = maildir.entries().unwrap();
        let whole = maildir.read(&entries[0], LIMITS).unwrap().unwrap();
        assert_eq!((whole.raw.len(), whole.truncated), (100, false));
        let head = maildir.read(&entries[1], LIMITS).unwrap().unwrap();
        assert_eq!((head.raw.len(), head.truncated, head.size), (10, true, 101));
    }

    #[test]
    fn another_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Maildir::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("has no folder called new or cur"),
            "{error}"
        );
    }

    #[test]
    fn mails_of_one_second_come_in_the_order_of_delivery() {
        let (folder, maildir) = maildir();
        for name in ["17.M20P1.h", "17.M3P9.h", "9.M99P1.h", "odd", "17.M100P1.h"] {
            std::fs::write(folder.path().join("new").join(name), "x").unwrap();
        }
        let names: Vec<String> = maildir
            .entries()
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        let expect = ["odd", "9.M99P1.h", "17.M3P9.h", "17.M20P1.h", "17.M100P1.h"];
        assert_eq!(names, expect);
    }
}
