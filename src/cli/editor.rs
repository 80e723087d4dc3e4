//! The person's editor.

use std::env;
use std::io::{IsTerminal, stdin, stdout};
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::refusal::Refusal;

/// What is looked for where nobody names one.
const USUAL: [&str; 2] = ["vi", "nano"];

const REMEDY: &str = "name another one in $EDITOR";

/// Opens a file in $VISUAL, $EDITOR, or what this machine has, and waits until it is
/// closed; the shell splits what they hold, as for other programs.
///
/// One that is named may need no terminal; the usual ones do.
///
/// # Errors
///
/// There is none, or it ended with an error.
pub(super) fn run(file: &Path) -> Result<()> {
    let editor = named().map_or_else(usual, Ok)?;
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("editor")
        .arg(file)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let what = format!("the editor {editor:?} ended with {status}");
            Err(Refusal::new(what, REMEDY).into())
        }
        Err(error) => {
            let what = format!("the editor {editor:?} cannot be started: {error}");
            Err(Refusal::new(what, REMEDY).into())
        }
    }
}

fn named() -> Option<String> {
    let named = ["VISUAL", "EDITOR"].iter();
    let mut named = named.filter_map(|name| env::var(name).ok());
    named.find(|text| !text.trim().is_empty())
}

fn usual() -> Result<String, Refusal> {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        let what = "there is no terminal here for an editor";
        let remedy = "run this from a terminal, or name an editor that needs none in $EDITOR";
        return Err(Refusal::new(what, remedy));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    match USUAL.into_iter().find(|name| is_there(name)) {
        Some(name) => Ok(name.to_owned()),
        None => Err(Refusal::new(
            format!("there is no editor here: neither {}", USUAL.join(" nor ")),
            "install one, or name yours in $EDITOR",
        )),
    }
}
