//! Plans of every form, with which templates are tried out.

use std::collections::BTreeMap;

use crate::domain::draft::{Flavour, Material, Plan, Quiet, Settings, plan};
use crate::domain::failure::{Details, Failure, FailureKind, TestId};
use crate::domain::issue::IssueRef;
use crate::domain::mail::Mail;
use crate::domain::matching::{Candidate, Past, Tier, Verdict};
use crate::domain::notification::{Build, BuildLink, BuildResult, CiSystem, Notification};
use crate::domain::signature::Signature;

/// For each flavour: everything known, and hardly anything known; each with a new
/// report for what was fixed, and with the old one opened again.
pub(super) fn plans() -> Vec<Plan> {
    let flavours = [Flavour::GitHub, Flavour::Roundup, Flavour::Embedded];
    let both = |flavour| [false, true].map(|reopens| (flavour, reopens));
    let all = flavours.into_iter().flat_map(both);
    all.flat_map(|(flavour, reopens)| of_flavour(flavour, reopens))
        .collect()
}

fn of_flavour(flavour: Flavour, reopens: bool) -> [Plan; 2] {
    let settings = Settings {
        flavour,
        list_address: "buildbot-status@example.org".to_owned(),
        components: vec!["Tests".to_owned()],
        components_of: BTreeMap::new(),
        versions: BTreeMap::from([("3.x".to_owned(), "Python 3.16".to_owned())]),
        trusted_links: Vec::new(),
        one_reply_from: 5,
        reopens,
    };
    let mail = Mail {
        message_id: Some("sample@example.org".to_owned()),
        subject: "[Buildbot-status] sample".to_owned(),
        ..Mail::default()
    };
    [full(), bare()].map(|notification| {
        let count = notification.builds.iter().map(|it| it.failures.len()).sum();
        let mut verdicts = vec![unseen(); count];
        if let Some(first) = verdicts.first_mut().filter(|_| count > 1) {
            *first = Verdict::Known {
                candidates: vec![candidate()],
            };
        }
        plan(
            &Material {
                mail: Some(&mail),
                notification: &notification,
                verdicts: &verdicts,
                choices: &[],
                companions: &[],
                quiet: &[Quiet {
                    issue: candidate().issue.number,
                    commented: false,
                    untold: 3,
                    counted: Vec::new(),
                }],
            },
            &settings,
        )
    })
}

fn unseen() -> Verdict {
    Verdict::New {
        related: [Past::Fixed, Past::Closed]
            .map(|past| Candidate {
                open: false,
                tier: Tier::Weak,
                past: Some(past),
                ..candidate()
            })
            .to_vec(),
        searched: Vec::new(),
    }
}

fn candidate() -> Candidate {
    Candidate {
        issue: IssueRef {
            number: 33630,
            url: "https://bugs.example.org/issue33630".to_owned(),
            title: "test_posix: TestPosixSpawn fails on PPC64 Fedora 3.x".to_owned(),
        },
        open: true,
        tier: Tier::Likely,
        past: None,
        evidence: Vec::new(),
    }
}

/// More builds, failures and issues than are listed one by one.
fn full() -> Notification {
    let link = BuildLink {
        url: "https://buildbot.example.org/#/builders/1/builds/2".to_owned(),
        ci: CiSystem::Buildbot,
        base: "https://buildbot.example.org/".to_owned(),
        builder: "1".to_owned(),
        number: 2,
        name: None,
    };
    let failures = [
        failure("test_posix", Some("test_close")),
        failure("test_os", Some("test_popen")),
        failure("test_string", None),
    ];
    let build = Build {
        worker: Some("fedora-ppc64".to_owned()),
        branch: Some("3.x".to_owned()),
        revision: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        link: Some(link),
        ..build(failures.to_vec())
    };
    Notification {
        builds: vec![build; 12],
        remarks: Vec::new(),
    }
}

/// One failure of which nothing is known.
fn bare() -> Notification {
    let nothing = Failure {
        test: TestId::default(),
        kind: FailureKind::Unknown,
        exception: None,
        message: None,
        line: None,
        excerpt: Vec::new(),
        signature: Signature("v1:0".to_owned()),
        flaky: false,
        consequence: false,
        details: Details::default(),
    };
    Notification {
        builds: vec![build(vec![nothing])],
        remarks: Vec::new(),
    }
}

fn build(failures: Vec<Failure>) -> Build {
    let builder = "PPC64 Fedora 3.x".to_owned();
    Build {
        failures,
        ..Build::bare(CiSystem::Buildbot, builder, BuildResult::Failure)
    }
}

fn failure(file: &str, method: Option<&str>) -> Failure {
    Failure {
        test: TestId {
            file: Some(file.to_owned()),
            class: method.map(|_| "SampleTests".to_owned()),
            method: method.map(str::to_owned),
            subtest: None,
        },
        kind: FailureKind::TestFailed,
        exception: Some("AssertionError".to_owned()),
        message: Some("1 != 2".to_owned()),
        line: Some("AssertionError: 1 != 2".to_owned()),
        excerpt: vec!["Traceback (most recent call last):".to_owned()],
        signature: Signature(format!("v1:{file}")),
        flaky: true,
        consequence: false,
        details: Details::default(),
    }
}
