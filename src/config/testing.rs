//! What the tests of the configuration share.

use std::fs;
use std::path::PathBuf;

use expect_test::Expect;

use super::{Config, Mistakes};

/// What is needed, and nothing more. Its last line is the 14th.
pub(super) const SMALL: &str = r#"
[list]
id = "buildbot-status.python.org"
address = "Buildbot-Status@Python.org"
notifiers = ["buildbot@python.org"]
[mailbox]
kind = "maildir"
path = "in"
[outgoing]
kind = "maildir"
path = "out"
from_address = "watch@example.org"
[tracker]
kind = "embedded"
"#;

/// A file of its own in a folder of its own, which lives as long as the value.
pub(super) struct Written {
    pub(super) folder: tempfile::TempDir,
    pub(super) file: PathBuf,
}

pub(super) fn write(text: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, text).unwrap();
    Written { folder, file }
}

/// What a configuration means, or every mistake in it.
pub(super) fn read(text: &str) -> Result<Config, String> {
    let written = write(text);
    let told = |mistakes: Mistakes| {
        let folder = format!("{}/", written.folder.path().display());
        mistakes.to_string().replace(&folder, "")
    };
    Config::read(&written.file).map_err(told)
}

/// Compares every mistake; where there is none, every warning.
#[track_caller]
pub(super) fn check(text: &str, expect: Expect) {
    expect.assert_eq(&match read(text) {
        Ok(config) => config
            .warnings
            .iter()
            .map(|warning| format!("line {}: {}\n", warning.place.line, warning.words))
            .collect(),
        Err(told) => told,
    });
}
