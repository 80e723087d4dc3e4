//! Notices of Azure Pipelines (Azure DevOps, formerly Team Services).
//!
//! The subject is `[Build failed] Definition - repo:branch - Project - sha`, in older
//! mails `[Build Failed] Definition - 20180401.5`; the text is HTML and links to the
//! build.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Notice;
use super::hosted::{self, Told, find_link, in_subject, own_lines, part};
use crate::domain::mail::Mail;
use crate::domain::notification::{BuildLink, BuildResult, CiSystem};
use crate::parsing::pattern;

static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^\[Build (failed|succeeded|partially succeeded|canceled|cancelled)\] (\S.*)$")
});
/// `https://dev.azure.com/org/project/_build/results?buildId=1`,
/// `https://org.visualstudio.com/project/_build?buildId=1`, and those of own servers.
static BUILD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(https?://([A-Za-z0-9.:-]+)/(?:tfs/)?)(?:([A-Za-z0-9._%-]+)/)?([A-Za-z0-9._%-]+)/_build(?:/results|/index)?\?(?:[A-Za-z0-9._%=-]+&)*buildId=([0-9]{1,18})(?-u:\b)",
    )
});

/// What the subject says.
struct About<'a> {
    definition: &'a str,
    branch: Option<&'a str>,
    project: Option<&'a str>,
    revision: Option<&'a str>,
    /// `20180401.5`
    number: Option<&'a str>,
}

/// The notice of a mail of Azure Pipelines about a build.
pub(super) fn read(mail: &Mail) -> Option<Vec<Notice<'static>>> {
    let found = in_subject(&SUBJECT, &mail.subject)?;
    let status = part(&found, 1)?.to_lowercase();
    let rest = part(&found, 2)?;
    let about = about(&rest);
    let link = link_of(&mail.text, &about)?;
    if !is_genuine(mail) {
        return None;
    }
    let revision = about
        .revision
        .map(|short| hosted::fullest_revision(&mail.text, short));
    Some(hosted::notices(&Told {
        builder: about.definition.to_owned(),
        jobs: Vec::new(),
        result: result(&status)?,
        restored: false,
        state: format!("build {status}"),
        project: Some(link.builder.replace("%20", " ")),
        branch: about.branch.map(ToOwned::to_owned),
        revision,
        link,
    }))
}

fn about(rest: &str) -> About<'_> {
    let is_commit = |word: &&str| {
        (7..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let last_is_commit = rest
        .rsplit_once(" - ")
        .filter(|(_, last)| is_commit(last))
        .and_then(|(front, sha)| {
            let (front, project) = front.rsplit_once(" - ")?;
            let (definition, source) = front.rsplit_once(" - ")?;
            Some((definition, source, project, sha))
        });
    if let Some((definition, source, project, sha)) = last_is_commit {
        return About {
            definition,
            branch: branch(source),
            project: Some(project),
            revision: Some(sha),
            number: None,
        };
    }
    let (definition, number) = match rest.rsplit_once(" - ") {
        Some((definition, number)) if !number.contains(' ') => (definition, Some(number)),
        _ => (rest, None),
    };
    About {
        definition,
        branch: None,
        project: None,
        revision: None,
        number,
    }
}

/// `repo:branch`; a pull request's merge is no branch.
fn branch(source: &str) -> Option<&str> {
    let branch = source.rsplit_once(':').map_or(source, |(_, branch)| branch);
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    let is_pull_request = branch.starts_with("refs/pull/") || branch.starts_with("pull/");
    let is_good = !is_pull_request && !branch.is_empty() && !branch.contains(' ');
    is_good.then_some(branch)
}

fn link_of(text: &str, about: &About<'_>) -> Option<BuildLink> {
    find_link(text, &BUILD, |found| {
        let project = found.get(4)?.as_str();
        let agrees = about.project.is_none_or(|named| {
            project.replace("%20", " ").eq_ignore_ascii_case(named) || is_guid(project)
        });
        if !agrees {
            return None;
        }
        let name = about.number.map(ToOwned::to_owned);
        linked(found).map(|link| BuildLink { name, ..link })
    })
}

/// The build that an address leads to.
pub(super) fn of_address(address: &str) -> Option<BuildLink> {
    linked(&BUILD.captures(address)?)
}

fn linked(found: &Captures<'_>) -> Option<BuildLink> {
    let (host, project) = (found.get(2)?.as_str(), found.get(4)?.as_str());
    let first = found.get(3).map(|first| first.as_str());
    // The organisation once was the host's first word.
    let (base, place) = match (host.strip_suffix(".visualstudio.com"), first) {
        (Some(org), _) => ("https://dev.azure.com/", format!("{org}/{project}")),
        (None, Some(org)) => (found.get(1)?.as_str(), format!("{org}/{project}")),
        (None, None) => return None,
    };
    let number = found.get(5)?.as_str().parse().ok()?;
    let (ci, url) = (CiSystem::Azure, found.get(0)?.as_str());
    Some(hosted::link(ci, url, base, &place, number, None))
}

fn is_guid(word: &str) -> bool {
    word.len() == 36
        && word
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Besides subject and link: Azure's address, or its name in the text.
fn is_genuine(mail: &Mail) -> bool {
    let senders = [
        "azuredevops@microsoft.com",
        "vstsalert@microsoft.com",
        "vstsbuild@microsoft.com",
        "@visualstudio.com",
    ];
    let names = [
        "Azure DevOps",
        "Azure Pipelines",
        "Visual Studio Team Services",
    ];
    let by_text = !mail.has_thread_headers
        && own_lines(&mail.text).any(|line| names.iter().any(|name| line.contains(name)));
    hosted::is_from(mail, &senders) || by_text
}

fn result(status: &str) -> Option<BuildResult> {
    Some(match status {
        "failed" => BuildResult::Failure,
        "partially succeeded" => BuildResult::Warnings,
        "succeeded" => BuildResult::Success,
        "canceled" | "cancelled" => BuildResult::Cancelled,
        _ => return None,
    })
}
