//! Whatever stands in a mail or a log, a draft stays what it is (I13, I14).

use super::material::{build, failed, settings, unseen};
use super::*;
use crate::domain::draft::{Flavour, Material, Settings, from_editable, plan, to_editable};
use crate::domain::failure::FailureKind;
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::domain::notification::{Build, Notification};
use crate::domain::pattern::pattern;
use crate::domain::untrusted::tests::HOSTILE;

const MORE: &[&str] = &[
    "<<approver>>",
    "<<new issue 1>>",
    "<<<<new issue 7>>>>",
    "{{what}} {{#if x}}",
    "===== mail to the list",
    "x](https://evil.example/) [y",
    "javascript:alert(1)",
    "https://github.com/python/cpython/issues/1#/builders/1/builds/2",
    "https://buildbot.python.org/)![x](https://evil.example/x.png",
    "test_os\n\n### Injected heading\n\n@victim see #1 and deadbeef1234567",
];

/// Every field that a mail or a log fills in holds the same hostile text.
fn hostile_build(text: &str) -> Build {
    let mut failures = Vec::new();
    for kind in [
        FailureKind::TestFailed,
        FailureKind::Compile,
        FailureKind::Crash,
    ] {
        let mut failure = failed("test_os.T.test_a", text);
        failure.kind = kind;
        failure.exception = Some(text.into());
        failure.excerpt = vec![text.into(), text.into()];
        failure.test.file = (kind != FailureKind::Compile).then(|| text.into());
        failure.test.class = Some(text.into());
        failure.test.method = Some(text.into());
        failure.test.subtest = Some(text.into());
        failures.push(failure);
    }
    let mut build = build(text, 1, failures);
    build.worker = Some(text.into());
    build.state = Some(text.into());
    build.branch = Some(text.into());
    build.revision = Some(text.into());
    if let Some(link) = &mut build.link {
        link.url = text.into();
        link.builder = text.into();
    }
    build
}

fn draft(builds: Vec<Build>, subject: &str, settings: &Settings) -> Draft {
    let count = builds.iter().map(|build| build.failures.len()).sum();
    let verdicts: Vec<Verdict> = vec![unseen(); count];
    let mail = Mail {
        subject: subject.into(),
        ..Mail::default()
    };
    let notification = Notification {
        builds,
        remarks: Vec::new(),
    };
    let material = Material {
        mail: Some(&mail),
        notification: &notification,
        verdicts: &verdicts,
        choices: &[],
        companions: &[],
        quiet: &[],
    };
    thread_local!(static TEMPLATES: Templates = Templates::load(None).0);
    TEMPLATES.with(|templates| templates.draft(&plan(&material, settings)).unwrap())
}

/// The lines outside of fences, without code spans and links to the trusted master.
fn outside(body: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<&str> = None;
    for line in body.lines() {
        let is_fence = line.len() >= 3 && line.chars().all(|char| char == '`');
        match fence {
            Some(open) if open == line => fence = None,
            Some(_) => {}
            None if is_fence => fence = Some(line),
            None => {
                outside.push_str(line);
                outside.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "an open fence in {body}");
    let trusted = pattern(r"https://buildbot\.python\.org/[A-Za-z0-9:/#%._~?&=+-]*");
    let outside = trusted.replace_all(&outside, "TRUSTED").into_owned();
    let spans = pattern(r"(worker|revision) (`[^`]+`|``[^`]+(`[^`]+)*``|`{3,}.*?`{3,})");
    spans.replace_all(&outside, "").into_owned()
}

#[test]
fn nothing_hostile_acts_in_a_tracker() {
    let acts = pattern(
        r"(?i)@\w|(?:^|[^\\])#\d|\bgh-\d|://|www\.|(?:^|[^0-9a-z])[0-9a-f]{7,40}(?:[^0-9a-z]|$)",
    );
    let foreign_link = pattern(r"[^\\]\]\((?:[^T]|T[^R])");
    let heading = pattern(r"(?m)^#+ (.*)$");
    for text in HOSTILE.iter().chain(MORE) {
        for flavour in [Flavour::GitHub, Flavour::Roundup] {
            let draft = draft(vec![hostile_build(text)], text, &settings(flavour));
            assert!(draft.actions.len() >= 2, "{text:?}");
            for action in &draft.actions {
                let Action::Open(new) = action else {
                    panic!("{action:?}");
                };
                let outside = outside(&new.body);
                assert!(
                    !acts.is_match(&outside.replace('\\', "")) || flavour != Flavour::GitHub,
                    "{text:?}\n{outside}"
                );
                let headings: Vec<&str> = heading
                    .captures_iter(&outside)
                    .map(|found| found.get(1).unwrap().as_str())
                    .collect();
                if flavour == Flavour::GitHub {
                    assert_eq!(headings.len(), 4, "{text:?}\n{outside}");
                    assert!(!foreign_link.is_match(&outside), "{text:?}\n{outside}");
                }
                let special = |char: char| "@#`<>&*|\\".contains(char) || char.is_control();
                assert!(!new.title.contains(special), "{text:?} {:?}", new.title);
                assert!(new.title.chars().count() < TITLE_CHARS);
            }
        }
    }
}

#[test]
fn nothing_hostile_acts_in_a_mail() {
    for text in HOSTILE.iter().chain(MORE) {
        let draft = draft(vec![hostile_build(text)], text, &settings(Flavour::GitHub));
        let reply = draft.reply.as_ref().unwrap();
        assert!(!reply.subject.contains(char::is_control), "{text:?}");
        let lines: Vec<&str> = reply.body.lines().collect();
        assert!(lines.len() <= 16, "{text:?}\n{}", reply.body);
        for line in &lines {
            assert!(!line.contains(char::is_control), "{text:?} {line:?}");
            assert!(line.chars().count() <= 320, "{text:?} {line:?}");
        }
        // Only our own tokens are left, each exactly once.
        let count = |token: &str| reply.body.matches(token).count();
        assert_eq!(
            count(crate::domain::draft::APPROVER_TOKEN),
            1,
            "{}",
            reply.body
        );
        assert_eq!(count("<<"), 1 + draft.actions.len(), "{}", reply.body);
        // An editor gives it back as it was.
        assert_eq!(
            from_editable(&to_editable(&draft), &draft),
            Ok(draft.clone())
        );
    }
}

#[test]
fn nothing_grows_without_bounds() {
    let long = "`@x #1 <b> ".repeat(200);
    let builds: Vec<Build> = (0..40)
        .map(|number| {
            let failures = (0..50).map(|n| {
                let mut failure = failed(&format!("test_{n}.T.test_{number}"), &long);
                failure.excerpt = vec![long.clone(); 15];
                failure
            });
            let mut build = build(&format!("{number} {long}"), number, failures.collect());
            build.worker = Some(long.clone());
            build
        })
        .collect();
    for flavour in [Flavour::GitHub, Flavour::Roundup] {
        let draft = draft(builds.clone(), &long, &settings(flavour));
        for action in &draft.actions {
            let Action::Open(new) = action else {
                panic!("{action:?}");
            };
            assert!(new.body.chars().count() < BODY_CHARS);
            assert!(new.title.chars().count() < TITLE_CHARS);
        }
        let reply = draft.reply.unwrap();
        assert!(reply.body.chars().count() < 3000, "{}", reply.body);
        assert!(reply.subject.chars().count() <= 204);
        assert!(
            draft
                .warnings
                .iter()
                .all(|words| words.chars().count() < 500)
        );
    }
}
