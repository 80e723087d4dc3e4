//! What the readers of the hosted CI systems' notices share.

use regex::{Captures, Regex};

use super::{Notice, Subject};
use crate::domain::mail::Mail;
use crate::domain::notification::{Build, BuildLink, BuildResult, CiSystem};
use crate::parsing::excerpt::one_line;

/// Most builds made of one mail: failed jobs that it names.
pub(super) const MAX_JOBS: usize = 20;

/// What a notice says, whichever system wrote it.
pub(super) struct Told {
    /// The workflow, definition or project.
    pub(super) builder: String,
    /// The jobs that it says failed; often none are named.
    pub(super) jobs: Vec<String>,
    pub(super) result: BuildResult,
    /// It passes after a failure.
    pub(super) restored: bool,
    /// In its words.
    pub(super) state: String,
    pub(super) project: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) link: BuildLink,
}

/// One notice for each job that is named, else one for the whole. Nothing is read
/// of the text for failures: it holds commit messages, and never a log.
pub(super) fn notices(told: &Told) -> Vec<Notice<'static>> {
    let mut names: Vec<String> = told
        .jobs
        .iter()
        .take(MAX_JOBS)
        .map(|job| format!("{} / {}", told.builder, one_line(job)))
        .collect();
    let mut remarks = Vec::new();
    if told.jobs.len() > MAX_JOBS {
        remarks.push(format!(
            "{}: {} more failed jobs are left out",
            told.builder,
            told.jobs.len() - MAX_JOBS
        ));
    }
    if names.is_empty() {
        names.push(told.builder.clone());
    }
    names
        .into_iter()
        .map(|name| Notice {
            subject: Subject::Build {
                build: Box::new(build(told, name)),
                restored: told.restored,
            },
            text: "",
            failed_steps: Vec::new(),
            remarks: std::mem::take(&mut remarks),
        })
        .collect()
}

fn build(told: &Told, builder: String) -> Build {
    Build {
        state: Some(told.state.clone()),
        project: told.project.clone(),
        branch: told.branch.clone(),
        revision: told.revision.clone(),
        link: Some(told.link.clone()),
        ..Build::bare(told.link.ci, builder, told.result)
    }
}

/// The subject's parts, as it is or behind the prefix of a mailing list.
pub(super) fn in_subject<'a>(pattern: &Regex, subject: &'a str) -> Option<Captures<'a>> {
    let subject = subject.trim();
    pattern.captures(subject).or_else(|| {
        let (_, rest) = subject.strip_prefix('[')?.split_once(']')?;
        pattern.captures(rest.trim_start())
    })
}

/// The lines that are not quoted from another mail.
pub(super) fn own_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['>', '|']))
}

/// What stands behind `name:` on a line of its own.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    own_lines(text).find_map(|line| {
        let value = line.strip_prefix(name)?.trim_start().strip_prefix(':')?;
        Some(value.trim()).filter(|value| !value.is_empty())
    })
}

/// The first address of this form outside of quotes that `agrees`.
pub(super) fn find_link(
    text: &str,
    form: &Regex,
    agrees: impl Fn(&Captures<'_>) -> Option<BuildLink>,
) -> Option<BuildLink> {
    own_lines(text).find_map(|line| form.captures_iter(line).find_map(|found| agrees(&found)))
}

/// A link of a hosted system.
pub(super) fn link(
    ci: CiSystem,
    url: &str,
    base: &str,
    project: &str,
    number: u64,
    name: Option<String>,
) -> BuildLink {
    BuildLink {
        url: url.to_owned(),
        ci,
        base: base.to_owned(),
        builder: project.to_owned(),
        number,
        name,
    }
}

/// Whether the mail comes from one of these addresses, or from any of a domain
/// that is written `@example.org`. A list may put itself in place of an author and
/// the author into Reply-To.
pub(super) fn is_from(mail: &Mail, senders: &[&str]) -> bool {
    mail.from.iter().chain(&mail.reply_to).any(|address| {
        senders.iter().any(|sender| match sender.starts_with('@') {
            true => address.ends_with(sender),
            false => address == sender,
        })
    })
}

/// A group of the captures on one line; `None` if it is empty.
pub(super) fn part(found: &Captures<'_>, index: usize) -> Option<String> {
    found
        .get(index)
        .map(|part| one_line(part.as_str()))
        .filter(|part| !part.is_empty())
}

/// The fullest form of a commit that the text has, given its first digits.
pub(super) fn fullest_revision(text: &str, short: &str) -> String {
    own_lines(text)
        .flat_map(|line| line.split(|ch: char| !ch.is_ascii_hexdigit()))
        .filter(|word| word.len() <= 40 && word.starts_with(short))
        .max_by_key(|word| word.len())
        .unwrap_or(short)
        .to_owned()
}
