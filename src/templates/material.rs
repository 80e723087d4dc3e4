//! Builds, failures and verdicts for the tests of drafts.

use std::collections::BTreeMap;

use crate::domain::draft::{Flavour, Settings};
use crate::domain::failure::{Details, Failure, FailureKind, TestId};
use crate::domain::issue::IssueRef;
use crate::domain::matching::{Candidate, Past, Tier, Verdict};
use crate::domain::notification::{Build, BuildLink, BuildResult, CiSystem, ReadFrom};
use crate::domain::signature::Signature;

pub(super) fn settings(flavour: Flavour) -> Settings {
    let list = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    Settings {
        flavour,
        list_address: "buildbot-status@python.org".into(),
        components: list(&["Tests"]),
        components_of: BTreeMap::from([
            ("test_asyncio".into(), list(&["asyncio", "Tests"])),
            ("compile".into(), list(&["Build"])),
        ]),
        versions: match flavour {
            Flavour::GitHub => BTreeMap::new(),
            _ => BTreeMap::from([("3.x".into(), "Python 3.16".into())]),
        },
        trusted_links: list(&["https://buildbot.python.org/"]),
        one_reply_from: 5,
        reopens: false,
    }
}

pub(super) fn build(builder: &str, number: u64, failures: Vec<Failure>) -> Build {
    Build {
        ci: CiSystem::Buildbot,
        redactions: 0,
        began_at: None,
        revision_seen_at: None,
        reason: None,
        builder: builder.into(),
        result: BuildResult::Failure,
        state: Some("failed test (failure)".into()),
        worker: Some("cstratak-fedora".into()),
        project: Some("python/cpython".into()),
        branch: builder.split(' ').next_back().map(Into::into),
        revision: Some("0123456789abcdef0123456789abcdef01234567".into()),
        link: Some(BuildLink {
            url: format!("https://buildbot.python.org/all/#/builders/{number}/builds/2"),
            ci: CiSystem::Buildbot,
            base: "https://buildbot.python.org/all/".into(),
            builder: number.to_string(),
            number: 2,
            name: None,
        }),
        blamelist: vec!["Committer <committer@example.org>".into()],
        failures,
        read_from: ReadFrom::Attachment,
    }
}

/// `test_os.ProcessTests.test_popen` with a line of the log.
pub(super) fn failure(kind: FailureKind, test: &str, line: &str) -> Failure {
    let mut parts: Vec<&str> = test.split('.').collect();
    let is_class = |part: &str| part.chars().next().is_some_and(char::is_uppercase);
    let class_at = parts.iter().position(|part| is_class(part));
    let rest = class_at.map_or(Vec::new(), |at| parts.split_off(at));
    let file = parts.join(".");
    let frame = format!("  File \"Lib/test/{file}.py\", line 29, in run");
    Failure {
        test: TestId {
            file: (!file.is_empty()).then_some(file),
            class: rest.first().map(ToString::to_string),
            method: rest.get(1).map(ToString::to_string),
            subtest: None,
        },
        kind,
        exception: line.split_once(": ").map(|(name, _)| name.to_owned()),
        message: line.split_once(": ").map(|(_, message)| message.to_owned()),
        line: Some(line.into()),
        excerpt: match kind {
            FailureKind::TestFailed | FailureKind::TestError => vec![
                "Traceback (most recent call last):".into(),
                frame,
                line.into(),
            ],
            _ => vec![line.into()],
        },
        signature: Signature(format!("v1:{test}")),
        flaky: false,
        consequence: false,
        details: Details::default(),
    }
}

pub(super) fn failed(test: &str, line: &str) -> Failure {
    failure(FailureKind::TestFailed, test, line)
}

pub(super) fn issue(number: u64) -> IssueRef {
    IssueRef {
        number,
        url: format!("https://github.com/python/cpython/issues/{number}"),
        title: "test_string: test_capwords() fails".into(),
    }
}

pub(super) fn candidate(number: u64, tier: Tier, open: bool) -> Candidate {
    Candidate {
        issue: issue(number),
        open,
        tier,
        past: None,
        evidence: vec!["the method is in the title".into()],
    }
}

pub(super) fn known(number: u64) -> Verdict {
    Verdict::Known {
        candidates: vec![candidate(number, Tier::Likely, true)],
    }
}

pub(super) fn ambiguous(numbers: &[u64]) -> Verdict {
    Verdict::Ambiguous {
        candidates: numbers
            .iter()
            .map(|number| candidate(*number, Tier::Likely, true))
            .collect(),
    }
}

pub(super) fn unseen() -> Verdict {
    Verdict::New {
        related: Vec::new(),
        searched: vec!["test_popen".into()],
    }
}

pub(super) fn seen_before(number: u64) -> Verdict {
    Verdict::New {
        related: vec![
            Candidate {
                past: Some(Past::Fixed),
                ..candidate(number, Tier::Weak, false)
            },
            Candidate {
                past: Some(Past::Closed),
                ..candidate(number + 2, Tier::Weak, false)
            },
            candidate(number + 1, Tier::Weak, true),
        ],
        searched: Vec::new(),
    }
}
