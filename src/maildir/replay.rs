//! Whatever a person points at, as a row of mails.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::maildir::{FileMail, Limits, Maildir, Mbox, is_maildir, read_file};

/// Mails from files, read as they are asked for: one is in memory at a time.
#[derive(Debug)]
pub struct Replay(Source);

#[derive(Debug)]
enum Source {
    Mbox(Mbox),
    Files {
        paths: std::vec::IntoIter<PathBuf>,
        limits: Limits,
    },
}

/// The mails at `path` in order: a Maildir, an mbox file, a folder of `.eml`
/// files (by name), or one mail in a file.
///
/// # Errors
/// Nothing can be read there, or it is a folder without mails. Single mails
/// that can't be read are errors of the iteration, which goes on.
pub fn replay(path: &Path, limits: Limits) -> Result<Replay> {
    if is_maildir(path) {
        let entries = Maildir::open(path)?.entries()?;
        let paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path).collect();
        return Ok(files(paths, limits));
    }
    if path.is_dir() {
        return Ok(files(eml_files(path)?, limits));
    }
    if begins_like_an_mbox(path)? {
        return Ok(Replay(Source::Mbox(Mbox::open(path, limits)?)));
    }
    Ok(files(vec![path.to_owned()], limits))
}

fn files(paths: Vec<PathBuf>, limits: Limits) -> Replay {
    let paths = paths.into_iter();
    Replay(Source::Files { paths, limits })
}

impl Iterator for Replay {
    type Item = Result<FileMail>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Mbox(mbox) => mbox.next(),
            Source::Files { paths, limits } => {
                let path = paths.next()?;
                Some(read_file(&path, *limits))
            }
        }
    }
}

fn eml_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("reading {}", folder.display());
    let mut paths = Vec::new();
    for file in std::fs::read_dir(folder).with_context(context)? {
        let path = file.with_context(context)?.path();
        let is_eml = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("eml"));
        if is_eml && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        bail!(
            "{} holds no mails: neither new and cur of a Maildir nor .eml files",
            folder.display()
        );
    }
    paths.sort();
    Ok(paths)
}

fn begins_like_an_mbox(path: &Path) -> Result<bool> {
    let limits = Limits {
        max_size: 5,
        head_size: 5,
    };
    Ok(read_file(path, limits)?.raw == b"From ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_size: 1000,
        head_size: 100,
    };

    #[track_caller]
    fn check(path: &Path, expect: &[&str]) {
        let raws: Vec<String> = replay(path, LIMITS)
            .unwrap()
            .map(|mail| String::from_utf8(mail.unwrap().raw).unwrap())
            .collect();
        assert_eq!(raws, expect);
    }

    #[test]
    fn every_form_is_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("b.eml"), "B: b\n\n").unwrap();
        std::fs::write(at("a.EML"), "A: a\n\n").unwrap();
        std::fs::write(at("notes.txt"), "no mail").unwrap();
        check(folder.path(), &["A: a\n\n", "B: b\n\n"]);
        check(&at("b.eml"), &["B: b\n\n"]);

        std::fs::write(
            at("all.mbox"),
            "From x\nA: a\n\nFrom y Sat Nov 21 09:15:00 2026\nB: b\n",
        )
        .unwrap();
        check(&at("all.mbox"), &["A: a\n", "B: b\n"]);

        std::fs::create_dir_all(at("md/new")).unwrap();
        std::fs::write(at("md/new/1"), "M: m\n\n").unwrap();
        check(&at("md"), &["M: m\n\n"]);
    }

    #[test]
    fn nothing_is_not_an_empty_row() {
        let folder = tempfile::tempdir().unwrap();
        assert!(replay(folder.path(), LIMITS).is_err());
        assert!(replay(&folder.path().join("missing"), LIMITS).is_err());
    }
}
