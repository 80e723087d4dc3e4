//! Cases are files: a raw mail or log, and beside it what must be read from it.
//! `UPDATE_EXPECT=1 cargo test --lib parsing` writes the expectations anew; read
//! them against the raw text before committing.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;

use super::mime::{Completeness, parse};
use super::{Event, Reading, apply_log, logs, read};
use crate::domain::failure::Failure;
use crate::domain::mail::{Attachment, Mail};
use crate::domain::notification::{Build, CiSystem, Notification};

fn fixtures(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?}");
    files
}

fn mail(path: &Path) -> Mail {
    parse(&fs::read(path).unwrap(), Completeness::Whole).unwrap()
}

fn fixture(name: &str) -> Notification {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/mails")
        .join(name);
    match read(&mail(&path)) {
        Reading::Notification(notification) => notification,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_mail_reads_as_expected() {
    for path in fixtures("mails", "eml") {
        let mail = mail(&path);
        let mut shown = format!("subject: {}\n", mail.subject);
        match read(&mail) {
            Reading::Notification(notification) => show_notification(&mut shown, &notification),
            Reading::NoFailure(told) => {
                writeln!(shown, "no failure: {:?}: {}", told.what, told.sentence).unwrap();
                told.builds
                    .iter()
                    .for_each(|build| show_build(&mut shown, build));
            }
            Reading::NotANotice => shown.push_str("not a notice\n"),
        }
        expect_file![path.with_extension("expect")].assert_eq(&shown);
    }
}

#[test]
fn every_log_reads_as_expected() {
    let not_utf8 = fixtures("logs", "bytes");
    for path in fixtures("logs", "txt").into_iter().chain(not_utf8) {
        let mut reader = logs::LogReader::default();
        reader.push(&fs::read(&path).unwrap());
        let findings = reader.finish(None);
        let mut shown = String::new();
        findings
            .failures
            .iter()
            .for_each(|failure| show_failure(&mut shown, failure));
        expect_file![path.with_extension("expect")].assert_eq(&shown);
    }
}

/// A log with and without the stream letters says the same.
#[test]
fn stream_letters_make_no_difference() {
    for path in fixtures("logs", "txt") {
        let log = fs::read_to_string(&path).unwrap();
        if !log.starts_with('h') {
            continue;
        }
        let plain: String = log
            .lines()
            .map(|line| line.get(1..).unwrap().to_owned() + "\n")
            .collect();
        assert_eq!(
            logs::read_log(&log, None),
            logs::read_log(&plain, None),
            "{path:?}"
        );
    }
}

/// The same failure has the same signature in the mail's body and in the log.
#[test]
fn body_and_log_agree_on_the_signature() {
    let from_body = fixture("bb403-single-test-method.eml");
    let mut from_log = from_body.clone();
    let log = fs::read_to_string("fixtures/logs/single.stdio.txt").unwrap();
    assert_eq!(apply_log(&mut from_log.builds[0], &log), 1);
    assert_eq!(
        from_body.builds[0].failures[0].signature,
        from_log.builds[0].failures[0].signature
    );
    assert_eq!(apply_log(&mut from_log.builds[0], "nothing\n"), 0);
    assert_eq!(from_log.builds[0].failures.len(), 1);
    let end = "1 test failed:\n    test_string\n";
    assert_eq!(apply_log(&mut from_log.builds[0], end), 0);
    assert!(from_log.builds[0].failures[0].line.is_some());
}

#[test]
fn a_failed_build_always_has_a_failure() {
    for path in fixtures("mails", "eml") {
        if let Reading::Notification(notification) = read(&mail(&path)) {
            assert!(!notification.builds.is_empty(), "{path:?}");
            for build in &notification.builds {
                assert!(!build.failures.is_empty(), "{path:?}");
            }
        }
    }
}

#[test]
fn secrets_in_a_log_are_counted_and_gone() {
    let body = "The Buildbot has detected a new failure on builder B 3.x while building P.\n\n\
                BUILD FAILED: failed test (failure)\n";
    let log = "hmake\no======================================================================\n\
               oERROR: test_x (test.test_a.T.test_x)\n\
               o----------------------------------------------------------------------\n\
               oTraceback (most recent call last):\no  File \"/b/Lib/test/test_a.py\", line 1, in test_x\n\
               oOSError: https://bot:hunter2@example.org/ refused\no\nhprogram finished\n";
    let mail = Mail {
        text: body.to_owned(),
        attachments: vec![Attachment {
            name: "test.stdio".to_owned(),
            text: log.to_owned(),
        }],
        ..Mail::default()
    };
    let Reading::Notification(notification) = read(&mail) else {
        panic!("not read");
    };
    let build = &notification.builds[0];
    assert!(build.redactions > 0);
    let shown = format!("{notification:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        notification
            .remarks
            .iter()
            .any(|remark| remark.contains("taken out"))
    );
}

#[test]
fn a_mail_with_several_kinds_keeps_the_failed_builds() {
    let text = "The Buildbot has detected a restored build on builder A 3.x while building P.\n\
                Full details are available at:\n    https://x/#/builders/1/builds/2\n\nBuild succeeded!\n\nSincerely,\n \
                -The BuildbotThe Buildbot has detected a new failure on builder B 3.x while building P.\n\
                Full details are available at:\n    https://x/#/builders/2/builds/3\n\nBUILD FAILED: failed test (failure)\n";
    let Reading::Notification(notification) = read(&Mail {
        text: text.to_owned(),
        ..Mail::default()
    }) else {
        panic!("not read");
    };
    assert_eq!(notification.builds.len(), 1);
    assert_eq!(notification.builds[0].builder, "B 3.x");
    assert!(notification.remarks[0].contains("passes again: builder A 3.x"));
}

#[test]
fn a_missing_worker_is_no_failure() {
    let path = Path::new("fixtures/mails/bb403-worker-missing.eml");
    let Reading::NoFailure(told) = read(&mail(path)) else {
        panic!("not read");
    };
    assert_eq!(told.what, Event::WorkerMissing);
}

fn show_notification(out: &mut String, notification: &Notification) {
    for remark in &notification.remarks {
        writeln!(out, "remark: {remark}").unwrap();
    }
    for build in &notification.builds {
        show_build(out, build);
    }
}

fn show_build(out: &mut String, build: &Build) {
    let shown = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
    writeln!(
        out,
        "\nbuild: {} ({:?}), read from: {:?}",
        build.builder, build.result, build.read_from
    )
    .unwrap();
    if build.ci != CiSystem::Buildbot {
        writeln!(out, "  ci: {}", build.ci.name()).unwrap();
    }
    writeln!(out, "  state: {}", shown(&build.state)).unwrap();
    writeln!(
        out,
        "  worker: {}, project: {}, branch: {}, revision: {}",
        shown(&build.worker),
        shown(&build.project),
        shown(&build.branch),
        shown(&build.revision)
    )
    .unwrap();
    match &build.link {
        Some(link) => writeln!(
            out,
            "  link: {} (builder {}, build {})",
            link.url,
            link.builder,
            link.shown()
        )
        .unwrap(),
        None => writeln!(out, "  link: -").unwrap(),
    }
    writeln!(out, "  blamed: {}", build.blamelist.len()).unwrap();
    build
        .failures
        .iter()
        .for_each(|failure| show_failure(out, failure));
}

/// The parts of the test apart from each other, `-` for one that is not known;
/// the details as JSON.
fn show_failure(out: &mut String, failure: &Failure) {
    let test = &failure.test;
    let parts = [&test.file, &test.class, &test.method, &test.subtest]
        .map(|part| part.as_deref().unwrap_or("-"))
        .join(" | ");
    let flaky = if failure.flaky { ", flaky" } else { "" };
    let consequence = if failure.consequence {
        ", consequence"
    } else {
        ""
    };
    let kind = failure.kind.name();
    writeln!(out, "\n  {kind}{flaky}{consequence}: {parts}").unwrap();
    for (name, text) in [
        ("exception", &failure.exception),
        ("message", &failure.message),
        ("line", &failure.line),
    ] {
        if let Some(text) = text {
            writeln!(out, "  {name}: {text}").unwrap();
        }
    }
    let details = serde_json::to_string(&failure.details).unwrap();
    writeln!(out, "  details: {details}").unwrap();
    for line in &failure.excerpt {
        writeln!(out, "  | {line}").unwrap();
    }
}
