//! The JSON that Buildbot speaks, as far as it is read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ci::{Log, LogKind};
use crate::domain::Seconds;

#[derive(Deserialize)]
pub(super) struct Builders {
    pub(super) builders: Vec<BuilderRow>,
}

#[derive(Deserialize)]
pub(super) struct BuilderRow {
    pub(super) builderid: u64,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Builds {
    pub(super) builds: Vec<BuildRow>,
}

#[derive(Deserialize)]
pub(super) struct BuildRow {
    pub(super) buildid: u64,
    pub(super) buildrequestid: Option<u64>,
    #[serde(default)]
    pub(super) complete: bool,
    pub(super) started_at: Option<Seconds>,
    pub(super) complete_at: Option<Seconds>,
    pub(super) results: Option<i64>,
    #[serde(default)]
    pub(super) state_string: String,
    /// Each is a value and where it came from.
    #[serde(default)]
    pub(super) properties: BTreeMap<String, (serde_json::Value, serde_json::Value)>,
}

#[derive(Deserialize)]
pub(super) struct BuildRequests {
    pub(super) buildrequests: Vec<BuildRequestRow>,
}

#[derive(Deserialize)]
pub(super) struct BuildRequestRow {
    pub(super) buildsetid: u64,
}

#[derive(Deserialize)]
pub(super) struct Buildsets {
    pub(super) buildsets: Vec<BuildsetRow>,
}

#[derive(Deserialize)]
pub(super) struct BuildsetRow {
    #[serde(default)]
    pub(super) sourcestamps: Vec<SourceStamp>,
}

/// What was to be built, of one codebase.
#[derive(Deserialize)]
pub(super) struct SourceStamp {
    /// None where it is whatever is newest.
    pub(super) revision: Option<String>,
    /// When the master saw this one first.
    pub(super) created_at: Seconds,
    /// What somebody wants tried on top of it.
    pub(super) patch: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Steps {
    pub(super) steps: Vec<StepRow>,
}

#[derive(Deserialize)]
pub(super) struct StepRow {
    pub(super) stepid: u64,
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) results: Option<i64>,
    pub(super) started_at: Option<Seconds>,
}

#[derive(Deserialize)]
pub(super) struct Logs {
    pub(super) logs: Vec<LogRow>,
}

#[derive(Deserialize)]
pub(super) struct LogRow {
    pub(super) logid: u64,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) num_lines: u64,
    pub(super) complete: bool,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct Chunks {
    pub(super) logchunks: Vec<Chunk>,
}

#[derive(Deserialize)]
pub(super) struct Chunk {
    pub(super) firstline: u64,
    pub(super) content: String,
}

impl BuildRow {
    pub(super) fn property(&self, name: &str) -> Option<String> {
        let (value, _) = self.properties.get(name)?;
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
    }
}

impl From<LogRow> for Log {
    fn from(row: LogRow) -> Self {
        Self {
            id: row.logid,
            name: row.name,
            kind: match row.kind.as_str() {
                "t" => LogKind::Text,
                "h" => LogKind::Html,
                "d" => LogKind::Deleted,
                _ => LogKind::Stream,
            },
            lines: row.num_lines,
            is_complete: row.complete,
        }
    }
}
