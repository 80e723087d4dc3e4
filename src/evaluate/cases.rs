//! Labelled cases in a file: one JSON object a line.
//!
//! | field | what |
//! |---|---|
//! | `id` | its name |
//! | `date` | the day of the build: `2026-11-22`, or `2026-11` |
//! | `builder` | who told of it |
//! | `log`, `log_file` | what is fed to the program; the path of a file is counted from the folder of the cases |
//! | `expected` | numbers or keys of issues, any of which is right; null: a new one was right |
//! | `created` | the issue that was then opened: hidden |
//! | `acceptable` | issues that are not to be counted as false links |
//! | `holdout` | `remove_issue`: hidden; `issue` with `comment_index`: that comment is hidden, with `also_hide_later_comments` all later ones, too; with `remove_lines_containing`: those lines of its body are |
//! | `kind`, `tier` | what kind of case it is, how good its evidence is: for the break-down |
//! | `core` | counts in the headline, if it has a log; true if absent |
//!
//! Further fields are left alone.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::domain::Seconds;
use crate::parsing::issues;

const DAY: Seconds = 86_400;

/// A failure with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// The last second of its day.
    pub at: Seconds,
    /// Who told of it; may be empty.
    pub builder: String,
    /// What is fed to the program; empty if there is nothing.
    pub log: String,
    /// Issues any of which is right; empty: a new one was right.
    pub expected: Vec<Name>,
    /// The issue that was then opened.
    pub created: Option<Name>,
    /// No false links.
    pub acceptable: Vec<Name>,
    /// What is hidden.
    pub holdout: Holdout,
    /// For the break-down.
    pub kind: String,
    /// For the break-down.
    pub tier: String,
    /// Whether it counts in the headline, if it has a log.
    pub core: bool,
}

impl Case {
    /// Whether it counts in the headline.
    pub fn is_headline(&self) -> bool {
        self.core && !self.log.trim().is_empty()
    }
}

/// An issue as a case names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub enum Name {
    /// By its number.
    Number(u64),
    /// By its key: `bpo-1034`.
    Key(String),
}

impl Name {
    /// The number, once the pool knows it.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Key(_) => None,
        }
    }
}

/// What has to be hidden because it was written for the case or after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Holdout {
    /// An issue that is hidden.
    pub remove_issue: Option<Name>,
    /// An issue of which a part is hidden.
    pub issue: Option<Name>,
    /// Its comment, counted from 0.
    pub comment_index: Option<usize>,
    /// And all later ones.
    pub also_hide_later_comments: bool,
    /// Lines of its body.
    pub remove_lines_containing: Vec<String>,
}

#[derive(Deserialize)]
struct Written {
    id: String,
    date: String,
    builder: Option<String>,
    log: Option<String>,
    log_file: Option<String>,
    expected: Option<Vec<Name>>,
    created: Option<Name>,
    acceptable: Option<Vec<Name>>,
    holdout: Option<Holdout>,
    kind: Option<String>,
    tier: Option<String>,
    core: Option<bool>,
}

/// Reads a file of cases.
///
/// # Errors
///
/// It, or the log of a case, cannot be read, or a line is no case.
pub fn read(path: &Path) -> Result<Vec<Case>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut cases = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {}", path.display(), index + 1);
        let written: Written = serde_json::from_str(line).with_context(place)?;
        cases.push(written.case(folder).with_context(place)?);
    }
    ensure!(!cases.is_empty(), "{} has no cases", path.display());
    Ok(cases)
}

impl Written {
    fn case(self, folder: &Path) -> Result<Case> {
        let first = issues::moment(&self.date).context("its date is no date such as 2026-11-22")?;
        // A month stands for all of it.
        let days = if self.date.len() > "2026-11".len() {
            1
        } else {
            31
        };
        let log = match (self.log, self.log_file) {
            (Some(log), _) => log,
            (None, Some(file)) => {
                let path = folder.join(file);
                let bytes =
                    fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
            (None, None) => String::new(),
        };
        Ok(Case {
            id: self.id,
            at: first + days * DAY - 1,
            builder: self.builder.unwrap_or_default(),
            log,
            expected: self.expected.unwrap_or_default(),
            created: self.created,
            acceptable: self.acceptable.unwrap_or_default(),
            holdout: self.holdout.unwrap_or_default(),
            kind: self.kind.unwrap_or_default(),
            tier: self.tier.unwrap_or_default(),
            core: self.core.unwrap_or(true),
        })
    }
}
