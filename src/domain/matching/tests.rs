use super::*;
use crate::domain::failure::{Details, FailureKind, TestId};
use crate::domain::signature::Signature;
use crate::domain::untrusted::tests::hostile_texts;

const NOW: Seconds = 2_000;

/// `file/class/method`; an empty part is not known.
pub(super) fn failure(kind: FailureKind, test: &str) -> Failure {
    let mut parts = test.split('/').map(|part| match part {
        "" => None,
        part => Some(part.to_owned()),
    });
    let mut part = || parts.next().flatten();
    Failure {
        test: TestId {
            file: part(),
            class: part(),
            method: part(),
            subtest: None,
        },
        kind,
        exception: None,
        message: None,
        line: None,
        excerpt: Vec::new(),
        signature: Signature(String::new()),
        flaky: false,
        consequence: false,
        details: Details::default(),
    }
}

/// A small tracker: `12 open title` or `12 closed title | text`.
fn search_in(tracker: &[&str], failure: &Failure) -> Vec<(Search, Vec<Hit>)> {
    let reports = || {
        tracker.iter().map(|line| {
            let (number, rest) = line.split_once(' ').unwrap();
            let (state, rest) = rest.split_once(' ').unwrap();
            let (title, text) = rest.split_once(" | ").unwrap_or((rest, ""));
            let number = number.parse().unwrap();
            let hit = Hit {
                issue: IssueRef {
                    number,
                    url: format!("https://tracker.example/{number}"),
                    title: title.to_owned(),
                },
                open: state == "open",
                updated_at: 1_000 + number as i64,
                closed_at: None,
            };
            (hit, format!("{title} {text}"))
        })
    };
    searches(failure)
        .into_iter()
        .map(|search| {
            let holds = |hit: &Hit, text: &str| {
                search.terms.iter().all(|term| match search.scope {
                    Scope::Title => hit.issue.title.contains(term.as_str()),
                    Scope::FullText => words::has_word(text, term),
                })
            };
            let hits = reports()
                .filter(|(hit, text)| holds(hit, text))
                .map(|(hit, _)| hit)
                .collect();
            (search, hits)
        })
        .collect()
}

/// `known strong: 1 2`, `ambiguous: 1 2`, `new: 3`.
fn verdict(failure: &Failure, tracker: &[&str]) -> String {
    let found = search_in(tracker, failure);
    let verdict = decide(failure, "AMD64 FreeBSD 3.x", &found, NOW);
    let (word, candidates) = match &verdict {
        Verdict::Known { candidates } => match candidates[0].tier {
            Tier::Strong => ("known strong", candidates),
            Tier::Likely => ("known likely", candidates),
            Tier::Weak => ("known weak", candidates),
        },
        Verdict::Ambiguous { candidates } => ("ambiguous", candidates),
        Verdict::New { related, .. } => ("new", related),
    };
    let numbers: Vec<String> = candidates
        .iter()
        .map(|candidate| candidate.issue.number.to_string())
        .collect();
    format!("{word}: {}", numbers.join(" "))
        .trim_end()
        .to_owned()
}

fn check(test: &str, tracker: &[&str], expect: &str) {
    let failure = failure(FailureKind::TestFailed, test);
    assert_eq!(verdict(&failure, tracker), expect, "{test} {tracker:?}");
}

fn check_kind(kind: FailureKind, test: &str, tracker: &[&str], expect: &str) {
    assert_eq!(
        verdict(&failure(kind, test), tracker),
        expect,
        "{kind:?} {test} {tracker:?}"
    );
}

const POPEN: &str = "test_os/ProcessTests/test_popen";

#[test]
fn method_and_file_in_an_open_title_are_strong() {
    check(
        POPEN,
        &["1 open test_os: test_popen() fails"],
        "known strong: 1",
    );
    check(
        POPEN,
        &["1 open test.test_os.ProcessTests.test_popen fails"],
        "known strong: 1",
    );
    check(
        "test_futures.test_loops/LoopTests/test_popen",
        &[
            "1 open test_futures: test_popen() fails",
            "2 open test_futures hangs",
        ],
        "known strong: 1 2",
    );
}

#[test]
fn a_selective_method_alone_is_likely() {
    check(
        POPEN,
        &["1 open test_popen fails sometimes"],
        "known likely: 1",
    );
    check(
        "test_os/FileTests/test_read",
        &["1 open test_read fails sometimes"],
        "new: 1",
    );
    check(POPEN, &["1 open test_popen_extra fails"], "new: 1");
    let many: Vec<String> = (1..8)
        .map(|n| format!("{n} open test_popen in place {n}"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(POPEN, &many, "new: 7 6 5 4 3 2 1");
}

#[test]
fn the_file_alone_is_likely_when_nothing_else_is_named() {
    check(
        POPEN,
        &["1 open test_os fails on FreeBSD"],
        "known likely: 1",
    );
    check("test_os//", &["1 open test_os fails"], "known likely: 1");
    check(
        POPEN,
        &["1 open test_os fails", "2 open test_os is flaky"],
        "ambiguous: 2 1",
    );
    check(POPEN, &["1 open test_os: test_fork() fails"], "new: 1");
    check(
        POPEN,
        &["1 open test_os: test_fork() fails", "2 open test_os fails"],
        "known likely: 2 1",
    );
    check(POPEN, &["1 open test_os_extra fails"], "new: 1");
    check(POPEN, &["1 open Add more cases to test_os"], "new: 1");
    // Another platform: a person has to look.
    check(POPEN, &["1 open test_os fails on Windows"], "ambiguous: 1");
}

#[test]
fn old_reports_are_less_sure() {
    let years_later = |title: &str| {
        let failure = failure(FailureKind::TestFailed, POPEN);
        let found = search_in(&[title], &failure);
        match decide(&failure, "", &found, 3 * 365 * 86_400) {
            Verdict::Known { candidates } => Some(candidates[0].tier),
            Verdict::Ambiguous { .. } => None,
            Verdict::New { .. } => panic!("{title}"),
        }
    };
    assert_eq!(
        years_later("1 open test_os: test_popen() fails"),
        Some(Tier::Likely)
    );
    assert_eq!(years_later("1 open test_os fails"), None);
}

#[test]
fn a_leak_is_not_a_crash() {
    use FailureKind::{Crash, Leak, TestFailed, Timeout};
    check_kind(
        Leak,
        "test_os//",
        &["1 open test_os leaks references"],
        "known likely: 1",
    );
    check_kind(
        Crash,
        "test_os//",
        &["1 open test_os leaks references"],
        "new: 1",
    );
    check_kind(
        TestFailed,
        "test_os//",
        &["1 open test_os leaks references"],
        "new: 1",
    );
    check_kind(
        Timeout,
        "test_os//",
        &["1 open test_os hangs"],
        "known likely: 1",
    );
    check_kind(
        TestFailed,
        POPEN,
        &["1 open test_os: test_popen() hangs"],
        "new: 1",
    );
    check_kind(
        Leak,
        "test_os//",
        &["1 open test_os leaks references", "2 open test_os crashes"],
        "known likely: 1 2",
    );
    let mut by_exception = failure(TestFailed, POPEN);
    by_exception.exception = Some("asyncio.TimeoutError".to_owned());
    assert_eq!(
        verdict(&by_exception, &["1 open test_os: test_popen() hangs"]),
        "known strong: 1"
    );
}

#[test]
fn closed_ones_are_only_related() {
    check(POPEN, &["1 closed test_os: test_popen() fails"], "new: 1");
    check(
        POPEN,
        &[
            "1 closed test_os: test_popen() fails",
            "2 open test_popen fails",
        ],
        "known likely: 2 1",
    );
}

#[test]
fn the_text_alone_is_weak() {
    check(POPEN, &["1 open something | in test_os"], "new: 1");
    check(
        POPEN,
        &["1 open something | test_popen in test_os"],
        "ambiguous: 1",
    );
    check(
        POPEN,
        &["1 closed something | test_popen in test_os"],
        "new: 1",
    );
    check(
        POPEN,
        &["1 open test_fork fails | test_popen in test_os"],
        "new: 1",
    );
}

#[test]
fn several_equally_good_ones_are_for_a_person() {
    check(
        POPEN,
        &[
            "1 open test_os: test_popen fails",
            "2 open test_popen (test_os) fails",
        ],
        "ambiguous: 2 1",
    );
    // The builder's platform decides the order, not the choice.
    check(
        POPEN,
        &[
            "1 open test_os test_popen on FreeBSD",
            "2 open test_os test_popen on Windows",
        ],
        "ambiguous: 1 2",
    );
}

#[test]
fn nothing_known_is_new() {
    check("//", &["1 open test_os fails"], "new:");
    check(POPEN, &[], "new:");
    check(
        "test_os//setUpClass",
        &["1 open setUpClass is slow"],
        "new:",
    );
}

#[test]
fn evidence_can_be_checked() {
    let crash = failure(FailureKind::Crash, POPEN);
    let tracker = ["1 open test_os: test_fork() leaks on Windows | test_popen"];
    let Verdict::New { related, searched } = decide(
        &crash,
        "AMD64 FreeBSD 3.x",
        &search_in(&tracker, &crash),
        NOW,
    ) else {
        panic!();
    };
    assert_eq!(
        related[0].evidence,
        [
            "the file test_os is in the title",
            "test_popen is in its text",
            "against: the title speaks of a leak, this is \"crash\"",
            "against: the title names Windows, the builder does not",
            "against: the title names test_fork",
            "it is open",
        ]
    );
    assert_eq!(searched[0], "title: test_popen");
}

#[test]
fn hostile_names_and_titles_do_no_harm() {
    for text in hostile_texts().step_by(7) {
        let failure = failure(FailureKind::TestFailed, &format!("{text}/{text}/{text}"));
        for (search, _) in search_in(&[], &failure) {
            assert!(!search.terms.is_empty());
            let hit = Hit {
                issue: IssueRef {
                    number: 1,
                    url: String::new(),
                    title: text.clone(),
                },
                open: true,
                updated_at: 0,
                closed_at: None,
            };
            decide(&failure, &text, &[(search, vec![hit])], NOW);
        }
    }
}
