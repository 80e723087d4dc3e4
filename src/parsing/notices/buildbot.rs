//! Buildbot's notices: CPython's template of all its eras, the default templates
//! of Buildbot 0.7 to 4, and mails about missing workers.
//!
//! A notice is known by its first sentence, not by the mail's subject: the
//! subjects changed four times, and those of today do not name the builder.

mod fields;
mod link;

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Notice, Subject};
use crate::domain::notification::{Build, BuildResult, CiSystem};
use crate::parsing::excerpt::one_line;
use crate::parsing::pattern;
use fields::Fields;
pub(in crate::parsing) use fields::revision_in_git_log;
pub(super) use link::find as of_address;

/// Most builds read of one mail; CPython has about 100 builders for a branch.
const MAX_BUILDS: usize = 200;

/// The first sentences, in the order of their age:
///
/// * `The Buildbot has detected a new failure of B on P.` (up to 0.7)
/// * `The Buildbot has detected a new failure on builder B while building P.`
///   (0.8 to 3.4, and CPython's own template)
/// * `A new failure has been detected on builder B while building P.` (from 3.5)
static SENTENCE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)(?:The Buildbot has detected a|A) ([a-z][a-z ]{2,40}?)(?: has been detected)? (?:on builder (.+) while building (.*)|of (\S.*) on (\S+))\.[ \t]*$",
    )
});
/// `The Buildbot worker named X went away.`, and what 0.8 said.
static MISSING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)^(?:The Buildbot worker named|(?:The Buildbot )?has noticed that the (?:buildslave|worker) named) (\S+) went away",
    )
});

/// The notices in a mail's text; none if it is no notice of Buildbot.
pub(in crate::parsing) fn read<'a>(text: &'a str, subject: &str) -> Vec<Notice<'a>> {
    let starts: Vec<(usize, Captures<'a>)> = SENTENCE
        .captures_iter(text)
        .filter_map(|found| Some((found.get(0)?.start(), found)))
        .filter(|(start, found)| is_first_sentence(text, *start, found))
        .take(MAX_BUILDS)
        .collect();
    let ends = starts.iter().skip(1).map(|(start, _)| *start);
    let notices: Vec<Notice<'a>> = starts
        .iter()
        .zip(ends.chain([text.len()]))
        .enumerate()
        .filter_map(|(index, ((start, found), end))| {
            let part = text.get(*start..end)?;
            // A log may quote the sentence; a glued notice also has its address.
            (index == 0 || part.lines().take(6).any(is_address_line))
                .then(|| build_notice(found, part, subject))
        })
        .collect();
    if notices.is_empty() {
        return missing_worker(text).into_iter().collect();
    }
    notices
}

/// Whether the sentence begins a notice: at the start of a line, or glued to the
/// end of the notice before, for the templates' last line end is lost when
/// several builds are told in one mail.
fn is_first_sentence(text: &str, start: usize, found: &Captures<'_>) -> bool {
    let says_status = found
        .get(1)
        .is_some_and(|status| result_of(status.as_str()).is_some());
    let says_detected = found.get(0).is_some_and(|all| {
        all.as_str().starts_with("The Buildbot has detected")
            || all.as_str().contains(" has been detected on builder ")
    });
    let before = text
        .get(..start)
        .and_then(|before| before.rsplit('\n').next())
        .unwrap_or_default();
    let is_glued = before.ends_with("-The Buildbot")
        || (!before.starts_with('>')
            && before.trim_start().starts_with("- ")
            && before.ends_with("/stdio"));
    says_status && says_detected && (before.is_empty() || is_glued)
}

fn is_address_line(line: &str) -> bool {
    line.starts_with("Full details are available at") || link::find(line).is_some()
}

fn build_notice<'a>(found: &Captures<'_>, text: &'a str, subject: &str) -> Notice<'a> {
    let part = |index: usize| {
        found
            .get(index)
            .map(|part| one_line(part.as_str()))
            .filter(|part| !part.is_empty())
    };
    let status = part(1).unwrap_or_default();
    let builder = part(2).or_else(|| part(4)).unwrap_or_default();
    let fields = Fields::read(text);
    let in_subject = fields::parentheses(subject);
    let revision_in_subject = in_subject.filter(|word| fields::is_revision(word));
    let branch = branch_of(&builder)
        .or(in_subject.filter(|word| !fields::is_revision(word)))
        .map(str::to_owned)
        .or(fields.branch);
    let revision = fields
        .revision
        .or_else(|| revision_in_subject.map(str::to_owned));
    let result = result_of(&status).unwrap_or(BuildResult::Failure);
    let build = Build {
        state: fields.state,
        worker: fields.worker,
        project: part(3).or_else(|| part(5)),
        branch,
        revision,
        link: fields.link,
        blamelist: fields.blamelist,
        reason: fields.reason,
        ..Build::bare(CiSystem::Buildbot, builder, result)
    };
    Notice {
        failed_steps: fields.failed_steps,
        remarks: holes(&build),
        subject: Subject::Build {
            build: Box::new(build),
            restored: status.starts_with("restored"),
        },
        text,
    }
}

fn missing_worker(text: &str) -> Option<Notice<'_>> {
    let name = MISSING.captures(text)?.get(1)?.as_str();
    Some(Notice {
        subject: Subject::Worker(one_line(name)),
        text,
        failed_steps: Vec::new(),
        remarks: Vec::new(),
    })
}

fn result_of(status: &str) -> Option<BuildResult> {
    Some(match status {
        "new failure" | "failed build" | "failure build" | "failure" => BuildResult::Failure,
        "problem in the build" | "warnings build" => BuildResult::Warnings,
        "passing build" | "restored build" | "success build" => BuildResult::Success,
        "build exception" | "exception build" => BuildResult::Exception,
        "retry build" => BuildResult::Retry,
        "cancelled build" => BuildResult::Cancelled,
        "skipped build" => BuildResult::Skipped,
        _ => return None,
    })
}

/// The last word of a builder's name, where it looks like a branch.
fn branch_of(builder: &str) -> Option<&str> {
    let word = builder.rsplit(' ').next()?;
    let is_version = word.split_once('.').is_some_and(|(major, minor)| {
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        major.len() == 1 && digits(major) && (digits(minor) || minor == "x")
    });
    (is_version || matches!(word, "main" | "master" | "PR" | "custom")).then_some(word)
}

fn holes(build: &Build) -> Vec<String> {
    [
        (build.link.is_none(), "the build's address"),
        (build.state.is_none(), "the build's state"),
        (build.worker.is_none(), "the worker"),
    ]
    .into_iter()
    .filter(|(missing, _)| *missing)
    .map(|(_, what)| format!("{}: {what} is missing", build.builder))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_of_builders() {
        for (builder, branch) in [
            ("AMD64 Fedora Stable 3.x", Some("3.x")),
            ("x86-64 High Sierra 2.7", Some("2.7")),
            ("AMD64 CentOS9 NoGIL Refleaks 3.15", Some("3.15")),
            ("AMD64 Arch Linux PR", Some("PR")),
            ("AMD64 FreeBSD 10.4", None),
            ("Docs", None),
        ] {
            assert_eq!(branch_of(builder), branch, "{builder}");
        }
    }

    #[test]
    fn quotes_and_other_sentences_are_no_notices() {
        for text in [
            "> The Buildbot has detected a new failure on builder B 3.x while building P.\n> Full details are available at:\n",
            "I see The Buildbot has detected a new failure on builder B while building P.\n",
            "The Buildbot has detected a strange thing on builder B while building P.\n",
            "A failed build on builder B while building P.\n",
            "A bug of mine on Monday.\n",
        ] {
            assert_eq!(read(text, ""), [], "{text}");
        }
    }

    #[test]
    fn a_log_that_quotes_the_sentence_is_no_second_notice() {
        let text = "The Buildbot has detected a new failure on builder B while building P.\nFull details are available at:\n\n\
                    Captured traceback\n==================\n\n\
                    The Buildbot has detected a new failure on builder C while building P.\nno\n";
        assert_eq!(read(text, "").len(), 1);
    }

    #[test]
    fn the_oldest_sentence() {
        let text = "The Buildbot has detected a new failure of osx-ppc-g++-4.2 on NsNam.\nFull details are available at:\n \
                    http://x.example:8010/builders/osx-ppc-g%2B%2B-4.2/builds/0\n\nBUILD FAILED: failed shell_5\n";
        let notices = read(text, "");
        let Subject::Build { build, .. } = &notices[0].subject else {
            panic!("no build");
        };
        assert_eq!(build.builder, "osx-ppc-g++-4.2");
        assert_eq!(build.project.as_deref(), Some("NsNam"));
        let link = build.link.as_ref().unwrap();
        assert_eq!(
            link.builder_url(),
            "http://x.example:8010/builders/osx-ppc-g%2B%2B-4.2"
        );
    }
}
