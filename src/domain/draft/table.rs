//! The table of failures that were counted since the last comment on a report.

use serde::Serialize;

use crate::domain::Seconds;
use crate::domain::calendar::date_of;
use crate::domain::draft::fields::Ink;
use crate::domain::draft::plan::{Flavour, Settings};

/// More builders than this are counted, not listed.
const LISTED_BUILDERS: usize = 50;

/// How often something happened on one builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The builder's name, as the CI system has it.
    pub builder: String,
    /// How many notifications told of it.
    pub times: u64,
    /// When the last one came in.
    pub last_at: Seconds,
}

/// For `table.md.hbs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableFields {
    /// Markdown, or plain text.
    pub github: bool,
    /// One for each builder, at most 50, in the order given.
    pub rows: Vec<TableRow>,
    /// How many builders are not listed; absent for none.
    pub more: Option<usize>,
}

/// One builder, within [`TableFields`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableRow {
    /// The builder's name.
    pub builder: String,
    /// How often.
    pub times: u64,
    /// The day of the last time: `2026-11-22` (UTC).
    pub last: String,
}

/// The fields of a table; `None` where comments cannot be edited (Roundup's
/// messages stay as they are), and for nothing to tell.
pub(crate) fn fields(counted: &[Counted], settings: &Settings) -> Option<TableFields> {
    let github = match settings.flavour {
        Flavour::GitHub => true,
        Flavour::Embedded => false,
        Flavour::Roundup => return None,
    };
    let more = counted.len().saturating_sub(LISTED_BUILDERS);
    let ink = Ink(settings.flavour);
    let row = |one: &Counted| TableRow {
        builder: ink.text(&one.builder),
        times: one.times,
        last: day(one.last_at),
    };
    (!counted.is_empty()).then(|| TableFields {
        github,
        rows: counted.iter().take(LISTED_BUILDERS).map(row).collect(),
        more: (more > 0).then_some(more),
    })
}

fn day(at: Seconds) -> String {
    let (year, month, day) = date_of(at.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}
