//! AppVeyor's notices, with its own template for mails.
//!
//! The subject is `Build failed: project 1.0.123`; the text is HTML and links to the
//! build and the commit.

use std::sync::LazyLock;

use regex::Regex;

use super::Notice;
use super::hosted::{self, Told, field, find_link, in_subject, own_lines, part};
use crate::domain::mail::Mail;
use crate::domain::notification::{BuildLink, BuildResult, CiSystem};
use crate::parsing::pattern;

static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^Build (failed|success|succeeded|passed|completed|cancelled|canceled): (\S.*) (\S+)$")
});
/// With the build's id, or in older mails with its version.
static BUILD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(https?://[A-Za-z0-9.:-]+/)project/([A-Za-z0-9._-]+/([A-Za-z0-9._-]+))/(?:builds/([0-9]{1,18})|build/([A-Za-z0-9._+%-]+))(?:/job/[a-z0-9]+)?",
    )
});
static COMMIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"https?://[A-Za-z0-9.:-]+/([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/commits?/([0-9a-f]{7,40})(?-u:\b)",
    )
});
static COMMIT_WORD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^Commit:? ([0-9a-f]{7,40})(?-u:\b)"));

/// The notice of a mail of AppVeyor about a build.
pub(super) fn read(mail: &Mail) -> Option<Vec<Notice<'static>>> {
    let found = in_subject(&SUBJECT, &mail.subject)?;
    let (name, version) = (part(&found, 2)?, part(&found, 3)?);
    let text = &mail.text;
    let link = link_of(text, &name, &version)?;
    if !is_genuine(mail, &name, &version) {
        return None;
    }
    let commit = own_lines(text).find_map(|line| COMMIT.captures(line));
    let project = commit.as_ref().and_then(|found| part(found, 1));
    let revision = commit
        .and_then(|found| part(&found, 2))
        .or_else(|| own_lines(text).find_map(|line| part(&COMMIT_WORD.captures(line)?, 1)));
    let branch = field(text, "Branch").filter(|word| !word.contains(char::is_whitespace));
    let status = part(&found, 1)?;
    Some(hosted::notices(&Told {
        builder: name,
        jobs: Vec::new(),
        result: result(&status),
        restored: false,
        state: format!("build {status}"),
        project: project.or_else(|| Some(link.builder.clone())),
        branch: branch.map(ToOwned::to_owned),
        revision,
        link,
    }))
}

/// The link's version is the subject's; where it has an id, its project is.
fn link_of(text: &str, name: &str, version: &str) -> Option<BuildLink> {
    find_link(text, &BUILD, |found| {
        let slug = found.get(3)?.as_str();
        let number = match (found.get(4), found.get(5)) {
            (Some(id), _) if is_slug_of(slug, name) => id.as_str().parse().ok()?,
            (_, Some(in_link)) if in_link.as_str() == version => 0,
            _ => return None,
        };
        let (url, base) = (found.get(0)?.as_str(), found.get(1)?.as_str());
        let (project, name) = (found.get(2)?.as_str(), Some(version.to_owned()));
        let ci = CiSystem::AppVeyor;
        Some(hosted::link(ci, url, base, project, number, name))
    })
}

/// The build that an address leads to.
pub(super) fn of_address(address: &str) -> Option<BuildLink> {
    let found = BUILD.captures(address)?;
    let id = found
        .get(4)
        .map(|id| id.as_str().parse())
        .transpose()
        .ok()?;
    let version = found.get(5).map(|version| version.as_str().to_owned());
    let (url, base) = (found.get(0)?.as_str(), found.get(1)?.as_str());
    let (ci, project) = (CiSystem::AppVeyor, found.get(2)?.as_str());
    Some(hosted::link(
        ci,
        url,
        base,
        project,
        id.unwrap_or(0),
        version,
    ))
}

/// The slug is the name in small letters with a hyphen for anything else, and a
/// suffix where that is taken.
fn is_slug_of(slug: &str, name: &str) -> bool {
    let expected: String = name
        .chars()
        .map(|ch| match ch.is_ascii_alphanumeric() {
            true => ch.to_ascii_lowercase(),
            false => '-',
        })
        .collect();
    let slug: String = slug.to_ascii_lowercase().replace(['.', '_'], "-");
    slug.strip_prefix(&expected)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Besides subject and link: AppVeyor's address, or the form of its text.
fn is_genuine(mail: &Mail, name: &str, version: &str) -> bool {
    let by_sender = hosted::is_from(mail, &["@appveyor.com"]);
    let sentence = format!("Build {name} {version} ");
    let by_text = !mail.has_thread_headers
        && own_lines(&mail.text).any(|line| line.starts_with(&sentence))
        && own_lines(&mail.text).any(|line| COMMIT_WORD.is_match(line));
    by_sender || by_text
}

fn result(status: &str) -> BuildResult {
    match status {
        "failed" => BuildResult::Failure,
        "cancelled" | "canceled" => BuildResult::Cancelled,
        _ => BuildResult::Success,
    }
}
