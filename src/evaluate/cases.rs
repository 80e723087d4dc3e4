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

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

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

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "#{number}"),
            Self::Key(key) => f.write_str(key),
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

/// Why a file of cases is not used.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// It cannot be read.
    #[error("{} cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The log of a case cannot be read.
    #[error("{}, line {line}: {} cannot be read: {why}", path.display(), log.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The log.
        log: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A line is no case.
    #[error("{}, line {line}: {why}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// It has only empty lines.
    #[error("no case is in {}", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a file of cases, with their logs.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn read(path: &Path) -> Result<Vec<Case>, Wrong> {
    let bytes = fs::read(path).map_err(|why| Wrong::File {
        path: path.to_owned(),
        why,
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut cases = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // Some editors begin a file with a byte order mark.
        let line = line.trim_start_matches('\u{feff}').trim();
        if !line.is_empty() {
            cases.push(read_line(path, index + 1, line)?);
        }
    }
    if cases.is_empty() {
        return Err(Wrong::Nothing {
            path: path.to_owned(),
        });
    }
    Ok(cases)
}

fn read_line(path: &Path, line: usize, text: &str) -> Result<Case, Wrong> {
    let wrong = |why: String| Wrong::Line {
        path: path.to_owned(),
        line,
        why,
    };
    let written: Written =
        serde_json::from_str(text).map_err(|error| wrong(issues::in_words(&error)))?;
    let log = match (&written.log, &written.log_file) {
        (Some(log), _) => log.clone(),
        (None, Some(file)) => {
            let log = path.parent().unwrap_or(Path::new("")).join(file);
            match fs::read(&log) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(why) => {
                    let path = path.to_owned();
                    return Err(Wrong::Log {
                        path,
                        line,
                        log,
                        why,
                    });
                }
            }
        }
        (None, None) => String::new(),
    };
    written.case(log).map_err(wrong)
}

impl Written {
    fn case(self, log: String) -> Result<Case, String> {
        let first = issues::moment(&self.date)
            .ok_or_else(|| format!("its date {:?} is none, such as 2026-11-22", self.date))?;
        // A month stands for all of it.
        let days = if self.date.len() > "2026-11".len() {
            1
        } else {
            31
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
