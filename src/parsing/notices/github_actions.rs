//! GitHub's notices about runs of GitHub Actions.
//!
//! The subject is `[owner/repo] Run failed: Workflow - branch (sha)`, or `PR run
//! failed:` with the title of the pull request in place of the branch. The text has
//! the address of the run and the jobs' names, never a test's.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Notice;
use super::hosted::{self, Told, field, find_link, in_subject, own_lines, part};
use crate::domain::mail::Mail;
use crate::domain::notification::{BuildLink, BuildResult, CiSystem};
use crate::parsing::excerpt::one_line;
use crate::parsing::pattern;

static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\[([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)\] (PR )?[Rr]un ([a-z][a-z ]+): (.+?)(?: \(([0-9a-f]{7,40})\))?$",
    )
});
static RUN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(https?://[A-Za-z0-9.:-]+/)([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/actions/runs/([0-9]{1,18})(?-u:\b)",
    )
});
/// `* Tests / ubuntu failed (1 annotation)`
static JOB: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[*•-] )?(\S.*?) (failed|succeeded|cancelled|canceled|skipped|timed out)(?: \([0-9]+ annotations?\)| in [0-9].*)?$",
    )
});

/// The notices of a mail of GitHub about a run.
pub(super) fn read(mail: &Mail) -> Option<Vec<Notice<'static>>> {
    let found = in_subject(&SUBJECT, &mail.subject)?;
    let repository = part(&found, 1)?;
    let text = &mail.text;
    let link = link_of(text, &repository)?;
    if is_conversation(mail, &repository) || !is_genuine(mail, &repository) {
        return None;
    }
    let is_pull_request = found.get(2).is_some();
    let about = part(&found, 4)?;
    let (workflow, branch) = workflow_and_branch(text, &about, is_pull_request);
    let state = state(text).unwrap_or_else(|| format!("run {}", &found[3]));
    let result = match result(&found[3])? {
        BuildResult::Failure if state == "No jobs were run" => BuildResult::Exception,
        result => result,
    };
    let jobs = match result {
        BuildResult::Failure => failed_jobs(text),
        _ => Vec::new(),
    };
    let revision = part(&found, 5).map(|short| hosted::fullest_revision(text, &short));
    Some(hosted::notices(&Told {
        builder: workflow,
        jobs,
        result,
        restored: false,
        state,
        project: Some(repository),
        branch,
        revision,
        link,
    }))
}

fn link_of(text: &str, repository: &str) -> Option<BuildLink> {
    find_link(text, &RUN, |found| {
        linked(found).filter(|link| link.builder.eq_ignore_ascii_case(repository))
    })
}

/// The run that an address leads to.
pub(super) fn of_address(address: &str) -> Option<BuildLink> {
    linked(&RUN.captures(address)?)
}

fn linked(found: &Captures<'_>) -> Option<BuildLink> {
    let number = found.get(3)?.as_str().parse().ok()?;
    let (url, base) = (found.get(0)?.as_str(), found.get(1)?.as_str());
    let (ci, project) = (CiSystem::GitHubActions, found.get(2)?.as_str());
    Some(hosted::link(ci, url, base, project, number, None))
}

/// Whether it is about an issue, a pull request or the like: GitHub sends people's
/// words from the same address, and a title may be that of a notice.
fn is_conversation(mail: &Mail, repository: &str) -> bool {
    let of_repository = format!("{repository}/");
    let by_id = mail.message_id.as_deref().is_some_and(|id| {
        id.strip_prefix(&of_repository)
            .is_some_and(|rest| !rest.starts_with("check-suites/"))
    });
    let subject = mail.subject.trim_end();
    let by_subject = ["(Issue #", "(PR #", "(Discussion #"]
        .iter()
        .any(|mark| subject.ends_with(')') && subject.contains(mark));
    by_id || by_subject
}

/// Besides subject and link: GitHub's address, its List-Id or Message-ID for this
/// repository, or the form of its text. In a thread the text does not count, for
/// an answer may hold it.
fn is_genuine(mail: &Mail, repository: &str) -> bool {
    let by_sender = hosted::is_from(mail, &["notifications@github.com", "noreply@github.com"]);
    let (owner, name) = repository.split_once('/').unwrap_or_default();
    let list_id = format!("{name}.{owner}.github.com").to_lowercase();
    let by_list = mail.list_ids.contains(&list_id);
    let by_id = mail.message_id.as_ref().is_some_and(|id| {
        id.starts_with(&format!("{repository}/check-suites/")) && id.ends_with("@github.com")
    });
    let heading = format!("[{repository}] ");
    let by_text = !mail.has_thread_headers
        && own_lines(&mail.text).any(|line| line.starts_with("View results"))
        && own_lines(&mail.text).any(|line| {
            line.strip_prefix("Repository:")
                .is_some_and(|value| value.trim() == repository)
                || (line.starts_with(&heading) && line.ends_with(" workflow run"))
        });
    by_sender || by_list || by_id || by_text
}

fn result(word: &str) -> Option<BuildResult> {
    Some(match word {
        "failed" | "timed out" => BuildResult::Failure,
        // Nothing was run: the workflow itself is wrong.
        "failed at startup" => BuildResult::Exception,
        "cancelled" | "canceled" => BuildResult::Cancelled,
        "skipped" => BuildResult::Skipped,
        "succeeded" | "passed" | "completed" => BuildResult::Success,
        _ => return None,
    })
}

/// A branch has no blanks, a workflow's name and a title may have anything: so the
/// text's own word for the workflow is the better one.
fn workflow_and_branch(text: &str, about: &str, is_pull_request: bool) -> (String, Option<String>) {
    let heading = own_lines(text)
        .find(|line| line.starts_with('[') && line.ends_with(" workflow run"))
        .and_then(|line| line.strip_suffix(" workflow run")?.split_once("] "))
        .map(|(_, name)| name);
    let named = field(text, "Workflow").or(heading).map(one_line);
    let known = named.filter(|name| {
        about
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(" - "))
    });
    let split = if is_pull_request {
        about.split_once(" - ")
    } else {
        about.rsplit_once(" - ")
    };
    let (first, rest) = match &known {
        Some(name) => {
            let rest = about.strip_prefix(name.as_str()).unwrap_or_default();
            (name.as_str(), rest.strip_prefix(" - "))
        }
        None => split.map_or((about, None), |(first, rest)| (first, Some(rest))),
    };
    let is_branch = |word: &&str| !is_pull_request && !word.contains(char::is_whitespace);
    (
        first.to_owned(),
        rest.filter(is_branch).map(ToOwned::to_owned),
    )
}

/// GitHub's sentence about the jobs.
fn state(text: &str) -> Option<String> {
    own_lines(text)
        .flat_map(|line| line.split(": "))
        .find(|words| {
            [
                "All jobs have failed",
                "Some jobs were not successful",
                "No jobs were run",
                "All jobs were cancelled",
                "All jobs have succeeded",
            ]
            .contains(words)
        })
        .map(ToOwned::to_owned)
}

fn failed_jobs(text: &str) -> Vec<String> {
    let mut jobs: Vec<String> = Vec::new();
    let lines = own_lines(text).skip_while(|line| *line != "Jobs:").skip(1);
    for line in lines {
        let Some(found) = JOB.captures(line) else {
            continue;
        };
        let name = one_line(&found[1]);
        if matches!(&found[2], "failed" | "timed out") && !jobs.contains(&name) {
            jobs.push(name);
        }
        if jobs.len() > 10 * hosted::MAX_JOBS {
            break;
        }
    }
    jobs
}
