//! Files with one JSON object per line, for `match` and `evaluate`: bug reports and
//! cases, with what to do about a line that is neither.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::inputs::unreadable;
use super::refusal::Refusal;
use crate::evaluate::cases::{self, Case, Wrong};
use crate::parsing::issues::{self, FiledIssue};

/// The bug reports of some files together.
///
/// # Errors
///
/// A file cannot be read, a line is no report, or there is none at all.
pub(super) fn reports(paths: &[PathBuf]) -> Result<Vec<FiledIssue>> {
    let mut filed = Vec::new();
    for path in paths {
        filed.extend(of_file(path)?);
    }
    if filed.is_empty() {
        let names: Vec<String> = paths.iter().map(|it| it.display().to_string()).collect();
        let what = format!("no bug report is in {}", names.join(", "));
        return Err(Refusal::new(what, A_REPORT).into());
    }
    issues::follow_all(&mut filed);
    Ok(filed)
}

const A_REPORT: &str = "give it a JSON object per line, each with number and title at least";

fn of_file(path: &Path) -> Result<Vec<FiledIssue>> {
    let origin = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| unreadable(&origin, &error))?;
    let read = issues::read(&String::from_utf8_lossy(&bytes));
    Ok(read.map_err(|wrong| Refusal::new(format!("{origin}, {wrong}"), A_REPORT))?)
}

/// The cases of a file.
///
/// # Errors
///
/// It, or the log of one, cannot be read, a line is no case, or there is none.
pub(super) fn cases(path: &Path) -> Result<Vec<Case>> {
    Ok(cases::read(path).map_err(|wrong| match wrong {
        Wrong::File { path, why } => unreadable(&path.display().to_string(), &why),
        Wrong::Log { .. } => Refusal::new(
            wrong.to_string(),
            "correct its log_file: a path is counted from the folder of the cases",
        ),
        Wrong::Line { .. } | Wrong::Nothing { .. } => Refusal::new(
            wrong.to_string(),
            "give it a JSON object per line, each with id, date, log or log_file, and expected",
        ),
    })?)
}
