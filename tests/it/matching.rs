//! How well reports are found, through the real program: `match`, `explain`,
//! `evaluate`. No servers are needed.

mod explained;
mod floors;
mod history;
mod lifecycle;
mod measured;
mod mistakes;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Said, run};

/// The labelled cases that are shipped, and their tracker.
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/matching/cases.jsonl");
const ISSUES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/matching/issues.jsonl"
);

/// A folder with files of the test's own.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes one; its path.
    fn add(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The document of a run that went well.
#[track_caller]
fn document(said: Said) -> Value {
    let out = said.ok();
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

/// What `evaluate` says of files, as a document.
fn evaluated(issues: &str, cases: &str, more: &[&str]) -> Value {
    let mut line = vec!["evaluate", "--json", "--issues", issues, "--cases", cases];
    line.extend(more);
    document(run(&line))
}

/// The first of the shipped cases, in a file of their own; their logs are found
/// from there.
fn first_cases(files: &Files, count: usize) -> String {
    let text = fs::read_to_string(CASES).unwrap();
    let logs = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs/");
    let lines = text.lines().take(count);
    let lines: Vec<String> = lines.map(|line| line.replace("../logs/", logs)).collect();
    files.add("some-cases.jsonl", lines.join("\n"))
}
