//! The labelled lines of a notice.

use super::link;
use crate::domain::notification::BuildLink;
use crate::parsing::excerpt::{headline, one_line};
use crate::parsing::redact::redact;

/// Most people of a blamelist that are kept.
const MAX_PEOPLE: usize = 200;
/// Most failed steps that are kept.
const MAX_STEPS: usize = 100;

/// What stands in the lines before the sections with text of logs.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) state: Option<String>,
    pub(super) worker: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) link: Option<BuildLink>,
    pub(super) blamelist: Vec<String>,
    pub(super) failed_steps: Vec<String>,
    pub(super) reason: Option<String>,
}

impl Fields {
    /// Reads one build's part of a mail.
    pub(super) fn read(text: &str) -> Self {
        let mut fields = Self::default();
        let mut in_blamelist = false;
        let mut lines = text.lines();
        for line in lines.by_ref() {
            if line.starts_with("Summary of the results of the build")
                || line.starts_with("Captured traceback")
            {
                break;
            }
            // A mail server breaks a line that is too long and goes on with a space.
            in_blamelist =
                (in_blamelist && line.starts_with(' ')) || line.starts_with("Blamelist:");
            if in_blamelist {
                fields.blame(line.strip_prefix("Blamelist:").unwrap_or(line));
            } else {
                fields.label(line);
            }
        }
        for line in lines {
            fields.git(line);
        }
        if fields.failed_steps.is_empty() {
            fields.failed_steps = steps_of_state(fields.state.as_deref());
        }
        fields
    }

    fn label(&mut self, line: &str) {
        if self.link.is_none() {
            self.link = link::find(line);
        }
        if let Some(step) = failed_step(line) {
            self.failed_steps.push(step);
            self.failed_steps.truncate(MAX_STEPS);
            return;
        }
        let Some((label, value)) = line.split_once(':').or(Some((line, ""))) else {
            return;
        };
        let value = || known(value);
        match label.trim() {
            "Worker for this Build" | "Buildslave for this Build" | "Worker" => {
                self.worker = value();
            }
            "Build state" | "BUILD FAILED" | "Build Had Warnings" => {
                self.state = value().map(|state| redact(&state).0);
            }
            "Revision" => self.revision = value().filter(|revision| is_revision(revision)),
            "Build Reason" => self.reason = value().map(|reason| redact(&reason).0),
            "Build Source Stamp" => self.source_stamp(value().as_deref().unwrap_or_default()),
            _ => {}
        }
    }

    /// `[branch master] 0123abc`, `HEAD`.
    fn source_stamp(&mut self, value: &str) {
        let (branch, revision) = match value
            .strip_prefix("[branch ")
            .and_then(|rest| rest.split_once(']'))
        {
            Some((branch, revision)) => (Some(branch.trim().to_owned()), revision.trim()),
            None => (None, value),
        };
        self.branch = branch;
        if is_revision(revision) {
            self.revision = Some(revision.to_owned());
        }
    }

    fn blame(&mut self, people: &str) {
        let people = people
            .split(',')
            .map(headline)
            .filter(|person| !person.is_empty());
        self.blamelist.extend(people);
        self.blamelist.truncate(MAX_PEOPLE);
    }

    /// What git said on stderr stands among the tracebacks where there is no
    /// traceback: the only place of CPython's template that names the commit.
    fn git(&mut self, line: &str) {
        if let Some(revision) = checked_out(line) {
            let known = self.revision.as_ref().map_or(0, String::len);
            if revision.len() > known {
                self.revision = Some(revision.to_owned());
            }
        }
    }
}

/// The commit that git says it checked out, with all its digits if it says them.
pub(in crate::parsing) fn revision_in_git_log(log: &str) -> Option<String> {
    log.lines()
        .filter_map(|line| checked_out(line.strip_prefix(['e', 'o', 'h']).unwrap_or(line)))
        .max_by_key(|revision| revision.len())
        .map(str::to_owned)
}

fn checked_out(line: &str) -> Option<&str> {
    let after = |words: &str| line.strip_prefix(words);
    let revision = after("Note: switching to '")
        .and_then(|rest| rest.split_once('\''))
        .map(|(revision, _)| revision)
        .or_else(|| after("HEAD is now at ").and_then(|rest| rest.split(' ').next()))?;
    is_revision(revision).then_some(revision)
}

/// 7 to 40 hex digits.
pub(super) fn is_revision(word: &str) -> bool {
    (7..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The word in the parentheses that end a subject: `… (main)`.
pub(super) fn parentheses(subject: &str) -> Option<&str> {
    let (_, word) = subject.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let is_word = |ch: char| ch.is_ascii_alphanumeric() || "._-/".contains(ch);
    let is_result = matches!(
        word,
        "failure" | "exception" | "warnings" | "retry" | "success"
    );
    (!word.is_empty() && !is_result && word.chars().all(is_word)).then_some(word)
}

/// The step of `- 5: test ( failure )`.
fn failed_step(line: &str) -> Option<String> {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line);
    let (number, rest) = line.split_once(": ")?;
    number.parse::<u32>().ok()?;
    let (name, result) = rest.split_once(" ( ")?;
    let is_bad = ["failure", "exception", "retry"]
        .iter()
        .any(|bad| result.starts_with(bad));
    is_bad.then(|| one_line(name))
}

/// The steps of `failed test (failure) (timed out)`, `failed a (failure) b (failure)`.
/// Up to 0.8 the results are not told: `failed test`.
fn steps_of_state(state: Option<&str>) -> Vec<String> {
    let Some(state) = state else {
        return Vec::new();
    };
    let Some((_, steps)) = state
        .split_once("failed ")
        .or_else(|| state.split_once("exception "))
    else {
        return Vec::new();
    };
    let named: Vec<String> = steps
        .split(['(', ')'])
        .step_by(2)
        .map(|step| {
            step.trim()
                .trim_start_matches("failed ")
                .trim_start_matches("exception ")
                .to_owned()
        })
        .filter(|step| !step.is_empty())
        .collect();
    if steps.contains('(') {
        return named;
    }
    steps.split_whitespace().map(str::to_owned).collect()
}

/// What is known; `<unknown>` and `(unknown)` are not.
fn known(value: &str) -> Option<String> {
    let value = headline(value);
    (!value.is_empty() && !matches!(value.as_str(), "<unknown>" | "(unknown)")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps() {
        for (state, steps) in [
            ("failed test (failure)", vec!["test"]),
            ("failed test (failure) (timed out)", vec!["test"]),
            (
                "failed Run test suite (failure) clean (failure)",
                vec!["Run test suite", "clean"],
            ),
            (
                "exception test (failure) uploading test-results.xml (exception)",
                vec!["test", "uploading test-results.xml"],
            ),
            ("failed test clean", vec!["test", "clean"]),
            ("build successful", vec![]),
        ] {
            let found = steps_of_state(Some(state));
            assert!(
                steps
                    .iter()
                    .all(|step| found.iter().any(|other| other == step)),
                "{state}: {found:?}"
            );
        }
        assert_eq!(
            failed_step("- 5: test ( failure )").as_deref(),
            Some("test")
        );
        assert_eq!(failed_step("- 4: pythoninfo ( success )"), None);
    }

    #[test]
    fn what_ends_a_subject() {
        assert_eq!(
            parentheses("☠ Buildbot (Python): p - failed test (failure) (main)"),
            Some("main")
        );
        assert_eq!(parentheses("x - failed test (failure)"), None);
        assert_eq!(parentheses("Buildbot failure in Python on A 3.x"), None);
    }

    #[test]
    fn a_broken_blamelist_line_is_read_on() {
        let fields = Fields::read("Blamelist: A <a@x>,B\n C <c@x>, D\nBUILD FAILED: failed test\n");
        assert_eq!(fields.blamelist, ["A <a@x>", "B", "C <c@x>", "D"]);
        assert_eq!(fields.state.as_deref(), Some("failed test"));
    }
}
