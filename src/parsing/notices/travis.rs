//! Travis CI's notices.
//!
//! The subject is `Broken: owner/repo#123 (branch - sha)`, for builds that a timer
//! began with `[CRON] ` in front; the text has fields and the build's address.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Notice;
use super::hosted::{self, Told, field, find_link, in_subject, part};
use crate::domain::mail::Mail;
use crate::domain::notification::{BuildLink, BuildResult, CiSystem};
use crate::parsing::pattern;

static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\[CRON\] )?(?:(Passed|Failed|Broken|Fixed|Still Failing|Errored|Canceled|Pending):|\[(Passed|Failed|Broken|Fixed|Still Failing|Errored|Canceled)\]) ([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)#([0-9]{1,12}) \((.+) - ([0-9a-f]{7,40})\)$",
    )
});
static BUILD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(https?://[A-Za-z0-9.:-]+/(?:github/|gitlab/|bitbucket/)?)([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/builds/([0-9]{1,18})(?-u:\b)",
    )
});

/// The notice of a mail of Travis CI about a build.
pub(super) fn read(mail: &Mail) -> Option<Vec<Notice<'static>>> {
    let found = in_subject(&SUBJECT, &mail.subject)?;
    let status = part(&found, 1).or_else(|| part(&found, 2))?;
    let repository = part(&found, 3)?;
    let number = part(&found, 4)?;
    let link = link_of(&mail.text, &repository, &number)?;
    if !is_genuine(mail, &number, &link) {
        return None;
    }
    let short = part(&found, 6)?;
    Some(hosted::notices(&Told {
        builder: repository.clone(),
        jobs: Vec::new(),
        result: result(&status)?,
        restored: status == "Fixed",
        state: state(&status),
        project: Some(repository),
        branch: part(&found, 5),
        revision: Some(hosted::fullest_revision(&mail.text, &short)),
        link,
    }))
}

fn link_of(text: &str, repository: &str, number: &str) -> Option<BuildLink> {
    find_link(text, &BUILD, |found| {
        let link = linked(found).filter(|link| link.builder.eq_ignore_ascii_case(repository))?;
        let name = Some(number.to_owned());
        Some(BuildLink { name, ..link })
    })
}

/// The build that an address leads to; its number for people is not in there.
pub(super) fn of_address(address: &str) -> Option<BuildLink> {
    linked(&BUILD.captures(address)?)
}

fn linked(found: &Captures<'_>) -> Option<BuildLink> {
    let id = found.get(3)?.as_str().parse().ok()?;
    let (url, base) = (found.get(0)?.as_str(), found.get(1)?.as_str());
    // The same site under its older address.
    let base = match base {
        "https://travis-ci.com/" | "https://travis-ci.com/github/" => {
            "https://app.travis-ci.com/github/"
        }
        "https://travis-ci.org/github/" => "https://travis-ci.org/",
        base => base,
    };
    let project = found.get(2)?.as_str();
    Some(hosted::link(CiSystem::Travis, url, base, project, id, None))
}

/// Besides subject and link: Travis' address, the thread of the build that each of
/// its mails names in In-Reply-To, or the fields of its text. In any other thread
/// the text does not count, for an answer may hold it.
fn is_genuine(mail: &Mail, number: &str, link: &BuildLink) -> bool {
    let by_sender = hosted::is_from(mail, &["@travis-ci.org", "@travis-ci.com"]);
    let thread = format!("{}+{}+", link.builder, link.number);
    let by_thread = mail.in_reply_to.iter().any(|id| id.starts_with(&thread));
    let by_text = !mail.has_thread_headers
        && field(&mail.text, "Build")
            .is_some_and(|build| build.split_whitespace().next() == Some(&format!("#{number}")))
        && field(&mail.text, "Status").is_some()
        && field(&mail.text, "Commit").is_some();
    by_sender || by_thread || by_text
}

fn state(status: &str) -> String {
    match status {
        "Errored" => "build errored (exception)".to_owned(),
        _ => format!("build {}", status.to_lowercase()),
    }
}

/// `Errored`: a command before the tests failed, or nothing was heard of the build
/// for too long. Its log tells whether it was the code.
fn result(status: &str) -> Option<BuildResult> {
    Some(match status {
        "Failed" | "Broken" | "Still Failing" => BuildResult::Failure,
        "Errored" => BuildResult::Exception,
        "Passed" | "Fixed" => BuildResult::Success,
        "Canceled" => BuildResult::Cancelled,
        // It has not begun.
        "Pending" => BuildResult::Skipped,
        _ => return None,
    })
}
