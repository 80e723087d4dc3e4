//! A Maildir that takes what would go out by SMTP.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ring::digest;

use crate::domain::draft::hex;
use crate::maildir::base_name;

/// A Maildir we write to.
#[derive(Debug, Clone)]
pub struct OutgoingMaildir {
    path: PathBuf,
}

/// What became of a mail that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It lies there now.
    New(PathBuf),
    /// A mail with the same id was there already; nothing was written.
    Already(PathBuf),
}

impl OutgoingMaildir {
    /// Uses the Maildir at `path`, and makes it if need be.
    ///
    /// # Errors
    /// It can't be made.
    pub fn open(path: &Path) -> Result<Self> {
        for folder in ["tmp", "new", "cur"] {
            let folder = path.join(folder);
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("making {}", folder.display()))?;
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Writes a mail so that it is there whole or not at all, also after a
    /// power cut. The file's name comes from the Message-ID alone, so a second
    /// writing of the same mail finds the first; an error means that nothing
    /// can be said, and writing again is safe.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn write(&self, message_id: &str, mail: &[u8]) -> Result<Written> {
        let name = file_name(message_id);
        if let Some(path) = self.find(&name)? {
            return Ok(Written::Already(path));
        }
        let unfinished = self.path.join("tmp").join(&name);
        let finished = self.path.join("new").join(&name);
        let context = || format!("writing {}", finished.display());
        let mut file = File::create(&unfinished).with_context(context)?;
        file.write_all(mail).with_context(context)?;
        file.sync_all().with_context(context)?;
        std::fs::rename(&unfinished, &finished).with_context(context)?;
        let folder = File::open(self.path.join("new")).with_context(context)?;
        folder.sync_all().with_context(context)?;
        Ok(Written::New(finished))
    }

    /// Looks in `new` and `cur`: a mail program may have moved and marked it.
    fn find(&self, name: &str) -> Result<Option<PathBuf>> {
        for folder in ["new", "cur"] {
            let folder = self.path.join(folder);
            let context = || format!("reading {}", folder.display());
            for file in std::fs::read_dir(&folder).with_context(context)? {
                let path = file.with_context(context)?.path();
                let found = path.file_name().and_then(|found| found.to_str());
                if found.map(base_name) == Some(name) {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }
}

/// Ids can hold slashes and be long; their hash can't.
fn file_name(message_id: &str) -> String {
    let hash = hex(digest::digest(&digest::SHA256, message_id.as_bytes()).as_ref());
    format!("{hash}.buildbot-watch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let outgoing = OutgoingMaildir::open(folder.path()).unwrap();
        let Written::New(path) = outgoing.write("a/../b@c", b"one").unwrap() else {
            panic!("not new");
        };
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(
            outgoing.write("a/../b@c", b"two").unwrap(),
            Written::Already(path.clone())
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"one");

        let marked = folder.path().join("cur").join(format!(
            "{}:2,S",
            path.file_name().unwrap().to_str().unwrap()
        ));
        std::fs::rename(&path, &marked).unwrap();
        assert_eq!(
            outgoing.write("a/../b@c", b"two").unwrap(),
            Written::Already(marked)
        );
        assert!(matches!(
            outgoing.write("other@c", b"three").unwrap(),
            Written::New(_)
        ));
    }

    #[test]
    fn what_a_crash_left_behind_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let outgoing = OutgoingMaildir::open(folder.path()).unwrap();
        let half = folder.path().join("tmp").join(file_name("a@b"));
        std::fs::write(half, b"hal").unwrap();
        let Written::New(path) = outgoing.write("a@b", b"whole").unwrap() else {
            panic!("not new");
        };
        assert_eq!(std::fs::read(path).unwrap(), b"whole");
    }
}
