use super::*;
use crate::domain::failure::{Details, Failure, FailureKind, TestId};
use crate::domain::matching::{Model, Question};
use crate::domain::signature::Signature;
use crate::store::Mirror;

fn question(test: [&str; 3]) -> Question {
    let [file, class, method] = test.map(|part| Some(part.to_owned()));
    let failure = Failure {
        test: TestId {
            file,
            class,
            method,
            subtest: None,
        },
        kind: FailureKind::TestFailed,
        exception: None,
        message: None,
        line: None,
        excerpt: Vec::new(),
        signature: Signature(String::new()),
        flaky: false,
        consequence: false,
        details: Details::default(),
    };
    Question::of(&failure, "AMD64 FreeBSD 3.x", NOW)
}

fn found(mirror: Mirror<'_>, question: &Question) -> Vec<u64> {
    let found = mirror.retrieve(question, &Model::FITTED).unwrap();
    let reports = found.scored.iter();
    reports.map(|one| one.report.issue.number).collect()
}

#[test]
fn every_step_finds_its_reports() {
    let store = store();
    let mirror = store.mirror("here");
    let mut in_text = issue(5, "Pipes stay open");
    in_text.body = "It happens in test_popen.".to_owned();
    let issues = [
        issue(1, "test_os: test_popen() fails"),
        issue(2, "test_os fails on FreeBSD"),
        issue(3, "test_popen_like.py is slow"),
        issue(4, "An unrelated walrus"),
        in_text,
    ];
    mirror.upsert(&issues, None).unwrap();
    store.mirror("there").upsert(&issues, None).unwrap();
    let question = question(["test_os", "ProcessTests", "test_popen"]);
    let mut numbers = found(mirror, &question);
    assert_eq!(numbers[0], 1);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 5]);
    assert!(found(store.mirror("nowhere"), &question).is_empty());
}

#[test]
fn a_duplicate_stands_for_its_master() {
    let store = store();
    let mirror = store.mirror("here");
    let duplicate = |number, of, title| Issue {
        open: false,
        duplicate_of: Some(of),
        ..issue(number, title)
    };
    let issues = [
        duplicate(1, 2, "test_os: test_popen() fails"),
        duplicate(2, 3, "Pipes"),
        issue(3, "Pipes stay open"),
        // Two that point at each other stand for themselves.
        duplicate(8, 9, "test_os: test_popen() is slow"),
        duplicate(9, 8, "test_os: test_popen() is too slow"),
    ];
    mirror.upsert(&issues, None).unwrap();
    let question = question(["test_os", "ProcessTests", "test_popen"]);
    let mut numbers = found(mirror, &question);
    assert_eq!(numbers[0], 3, "{numbers:?}");
    numbers.sort_unstable();
    assert_eq!(numbers, [3, 8, 9]);
}
