use super::*;
use crate::domain::Seconds;
use crate::domain::failure::{Details, Failure, FailureKind, TestId};
use crate::domain::signature::Signature;
use crate::domain::untrusted::tests::hostile_texts;

const DAY: Seconds = 86_400;
const NOW: Seconds = 10_000 * DAY;
const BUILDER: &str = "AMD64 FreeBSD 3.x";

/// `file/class/method`; an empty part is not known.
fn failure(kind: FailureKind, test: &str) -> Failure {
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

/// A small tracker: `12 open title` or `12 closed title | text`, each `days` old;
/// `fixed` is closed as well.
fn reports(tracker: &[&str], days: Seconds) -> Vec<Report> {
    let report = |line: &&str| {
        let (number, rest) = line.split_once(' ').unwrap();
        let (state, rest) = rest.split_once(' ').unwrap();
        let (title, text) = rest.split_once(" | ").unwrap_or((rest, ""));
        let number: u64 = number.parse().unwrap();
        Report {
            cutoff: None,
            issue: IssueRef {
                number,
                url: format!("https://tracker.example/{number}"),
                title: title.to_owned(),
            },
            by: None,
            open: state == "open",
            created_at: NOW - days * DAY,
            last_said_at: NOW - days * DAY,
            closed_at: None,
            labels: Vec::new(),
            duplicate_of: None,
            resolution: (state == "fixed").then(|| "fixed".to_owned()),
            text: text.to_lowercase(),
        }
    };
    tracker.iter().map(report).collect()
}

fn judged(failure: &Failure, tracker: Vec<Report>) -> Verdict {
    let question = Question::of(failure, BUILDER, NOW);
    let with = |word: &String| {
        let holds = |report: &&Report| report.title().to_lowercase().contains(word.as_str());
        (word.clone(), tracker.iter().filter(holds).count() as u64)
    };
    let rarity = Rarity {
        titles: 10_000,
        with: question
            .words()
            .iter()
            .chain(question.pieces())
            .map(with)
            .collect(),
    };
    let searched = searches(&question, &rarity)
        .iter()
        .map(Search::words)
        .collect();
    let scored = weigh(&question, &rarity, tracker, &Model::FITTED);
    judge(&once(scored), searched, &Model::FITTED)
}

/// `known strong: 1 2`, `ambiguous: 1 2`, `new: 3`.
fn verdict(failure: &Failure, tracker: Vec<Report>) -> String {
    let verdict = judged(failure, tracker);
    let word = match &verdict {
        Verdict::Known { candidates } => match candidates[0].tier {
            Tier::Strong => "known strong",
            Tier::Likely => "known likely",
            Tier::Weak => "known weak",
        },
        Verdict::Ambiguous { .. } => "ambiguous",
        Verdict::New { .. } => "new",
    };
    let numbers = verdict
        .candidates()
        .iter()
        .map(|it| it.issue.number.to_string());
    let numbers: Vec<String> = numbers.collect();
    format!("{word}: {}", numbers.join(" "))
        .trim_end()
        .to_owned()
}

/// In a tracker whose reports are a week old.
fn check(kind: FailureKind, test: &str, tracker: &[&str], expect: &str) {
    assert_eq!(
        verdict(&failure(kind, test), reports(tracker, 7)),
        expect,
        "{kind:?} {test} {tracker:?}"
    );
}

const POPEN: &str = "test_os/ProcessTests/test_popen";

use FailureKind::{Crash, Leak, TestFailed, Timeout};

#[test]
fn a_report_that_was_closed_a_moment_ago_is_linked() {
    let closed = |hours: Seconds| {
        let mut tracker = reports(&["1 fixed test_os: test_popen() fails"], 7);
        tracker[0].closed_at = Some(NOW - hours * 3600);
        verdict(&failure(TestFailed, POPEN), tracker)
    };
    // Closed after the failure, before it, too long before it.
    assert_eq!(closed(-5), "known likely: 1");
    assert_eq!(closed(20), "known likely: 1");
    assert_eq!(closed(30), "new: 1");
}

#[test]
fn a_title_that_names_no_test_is_not_linked_for_its_platform() {
    check(
        Timeout,
        POPEN,
        &["1 open the build hangs on FreeBSD"],
        "new: 1",
    );
    check(
        Timeout,
        POPEN,
        &["1 open test_os hangs on FreeBSD"],
        "known strong: 1",
    );
}

#[test]
fn method_and_file_in_an_open_title_are_strong() {
    for title in [
        "1 open test_os: test_popen() fails",
        "1 open test.test_os.ProcessTests.test_popen fails",
        "1 open test_popen (test_os) fails randomly on FreeBSD",
    ] {
        check(TestFailed, POPEN, &[title], "known strong: 1");
    }
    check(
        TestFailed,
        "test_futures.test_loops/LoopTests/test_popen",
        &[
            "1 open test_futures.test_loops: test_popen() fails",
            "2 open test_futures hangs",
        ],
        "known strong: 1 2",
    );
}

#[test]
fn a_half_named_report_is_found_by_what_else_it_says() {
    check(
        Leak,
        "test_os//",
        &["1 open test_os leaks references on FreeBSD"],
        "known strong: 1",
    );
    check(
        Timeout,
        "test_os//",
        &["1 open test_os hangs on FreeBSD"],
        "known strong: 1",
    );
    check(
        TestFailed,
        POPEN,
        &[
            "1 open test_os: test_fork() fails",
            "2 open test_os: test_popen fails",
        ],
        "known strong: 2 1",
    );
    check(
        Leak,
        "test_os//",
        &["1 open test_os leaks references", "2 open test_os crashes"],
        "known likely: 1 2",
    );
}

#[test]
fn another_test_or_another_manner_is_another_bug() {
    check(
        TestFailed,
        POPEN,
        &["1 open test_os: test_fork() fails"],
        "new: 1",
    );
    check(TestFailed, POPEN, &["1 open test_os_extra fails"], "new: 1");
    check(
        TestFailed,
        POPEN,
        &["1 open test_os: test_fork() leaks references"],
        "new: 1",
    );
    check(
        Crash,
        "test_os//",
        &["1 open test_os: leaks references on Windows"],
        "new: 1",
    );
    check(
        Crash,
        POPEN,
        &["1 open test_fork() leaks | test_popen"],
        "new: 1",
    );
}

#[test]
fn a_test_that_timed_out_may_hang() {
    let mut by_exception = failure(TestFailed, POPEN);
    by_exception.exception = Some("asyncio.TimeoutError".to_owned());
    assert_eq!(
        verdict(
            &by_exception,
            reports(&["1 open test_os: test_popen() hangs"], 7)
        ),
        "known strong: 1"
    );
}

#[test]
fn old_reports_are_less_sure() {
    let share = |days| {
        let tracker = reports(&["1 open test_os fails on FreeBSD"], days);
        let question = Question::of(&failure(TestFailed, POPEN), BUILDER, NOW);
        let scored = weigh(&question, &Rarity::default(), tracker, &Model::FITTED);
        scored[0].score
    };
    assert!(share(1) > share(100));
    assert!(share(100) > share(700));
    assert!(share(700) > share(800));
    // A report of the future is as one of today.
    assert!((share(-5) - share(0)).abs() < 1e-9);
}

#[test]
fn closed_ones_are_only_related() {
    check(
        TestFailed,
        POPEN,
        &["1 closed test_os: test_popen() fails"],
        "new: 1",
    );
    check(
        TestFailed,
        POPEN,
        &[
            "1 closed test_os: test_popen() fails",
            "2 open test_os: test_popen fails",
        ],
        "known likely: 2 1",
    );
    let tracker = reports(&["1 fixed test_os: test_popen() fails"], 7);
    let Verdict::New { related, .. } = judged(&failure(TestFailed, POPEN), tracker) else {
        panic!();
    };
    let said = &related[0].evidence;
    assert!(
        said.contains(&"it is closed as fixed".to_owned()),
        "{said:?}"
    );
    assert!(said.last().unwrap().ends_with("a regression"), "{said:?}");
}

#[test]
fn a_duplicate_leads_to_its_master() {
    let tracker = reports(
        &[
            "1 closed test_os: test_popen() fails",
            "2 open Pipes are not closed",
        ],
        7,
    );
    let [duplicate, master] = <[Report; 2]>::try_from(tracker).unwrap();
    let led = duplicate.clone().standing_for(&master);
    let verdict = judged(&failure(TestFailed, POPEN), vec![led, master]);
    let first = &verdict.candidates()[0];
    assert_eq!((first.issue.number, first.tier), (2, Tier::Strong));
    assert_eq!(first.issue.title, "Pipes are not closed");
    assert_eq!(
        first.evidence[0],
        "#1 was closed as a duplicate of it; of that one:"
    );
    let all: Vec<u64> = verdict
        .candidates()
        .iter()
        .map(|it| it.issue.number)
        .collect();
    assert_eq!(all, [2], "each once");
}

#[test]
fn several_equally_good_ones_are_for_a_person() {
    let tracker = [
        "1 open test_os: test_popen fails",
        "2 open test_popen (test_os) fails",
    ];
    check(TestFailed, POPEN, &tracker, "ambiguous: 2 1");
}

#[test]
fn what_people_rejected_is_never_on_top() {
    let tracker = [
        "1 open test_os: test_popen fails on FreeBSD",
        "2 open test_os: test_popen fails",
    ];
    let verdict = judged(&failure(TestFailed, POPEN), reports(&tracker, 7));
    assert_eq!(verdict.candidates()[0].issue.number, 1);
    let said = |number| (number == 1).then(|| "ada said no".to_owned());
    let pushed = push_down(verdict.clone(), Vec::new(), said);
    let numbers: Vec<u64> = pushed
        .candidates()
        .iter()
        .map(|it| it.issue.number)
        .collect();
    assert_eq!(numbers, [2, 1]);
    let last = &pushed.candidates()[1];
    assert_eq!(
        (last.tier, last.evidence[0].as_str()),
        (Tier::Weak, "against: ada said no")
    );
    assert_eq!(push_down(verdict.clone(), Vec::new(), |_| None), verdict);
    let none = push_down(verdict, vec!["x".to_owned()], |_| Some(String::new()));
    assert!(matches!(none, Verdict::New { related, .. } if related.len() == 2));
}

#[test]
fn nothing_known_is_new() {
    check(TestFailed, "//", &["1 open test_os fails"], "new: 1");
    check(TestFailed, POPEN, &[], "new:");
    assert!(
        searches(
            &Question::of(&failure(TestFailed, "//"), "", NOW),
            &Rarity::default()
        )
        .is_empty()
    );
}

#[test]
fn the_three_steps() {
    let check = |test: &str, expect: &[&str]| {
        let question = Question::of(&failure(TestFailed, test), "", NOW);
        let searched: Vec<String> = searches(&question, &Rarity::default())
            .iter()
            .filter(|search| search.scope != Scope::TitleParts)
            .map(Search::words)
            .collect();
        assert_eq!(searched, expect, "{test}");
    };
    check(
        "test_os/ProcessTests/test_popen",
        &[
            "title: test_popen",
            "title: ProcessTests",
            "title: test_os",
            "title: os",
            "title: _os",
            "text: test_popen test_os",
            "text: test_popen",
            "text: test_os",
        ],
    );
    check(
        "test_asyncio.test_events//setUpClass",
        &[
            "title: test_events",
            "title: test_asyncio",
            "title: events",
            "title: _events",
            "title: asyncio",
            "title: _asyncio",
            "text: test_events",
        ],
    );
}

#[test]
fn a_compile_error_is_looked_for_by_its_source_file() {
    let mut error = failure(FailureKind::Compile, "//");
    error.line = Some("Objects/longobject.c:12:3: error: expected ';'".to_owned());
    let question = Question::of(&error, "", NOW);
    let searched: Vec<String> = searches(&question, &Rarity::default())
        .iter()
        .map(Search::words)
        .collect();
    assert!(
        searched.contains(&"title: longobject.c".to_owned()),
        "{searched:?}"
    );
    assert!(
        searched.contains(&"text: longobject.c".to_owned()),
        "{searched:?}"
    );
}

#[test]
fn evidence_can_be_checked() {
    let crash = failure(Crash, POPEN);
    let tracker = ["1 open test_os: test_fork() leaks on Windows | in test_popen"];
    let verdict = judged(&crash, reports(&tracker, 7));
    assert_eq!(
        verdict.candidates()[0].evidence,
        [
            "the file test_os is in the title",
            "against: the title speaks of a leak, this is \"crash\"",
            "against: the title names Windows, the builder does not",
            "the method is in its texts",
            "against: the title names test_fork",
            "it is open",
        ]
    );
    let Verdict::New { searched, .. } = verdict else {
        panic!();
    };
    assert_eq!(searched[0], "title: test_popen");
}

#[test]
fn shares_of_all_and_none_make_one() {
    let model = Model::FITTED;
    let shares = model.shares(&[model.none, model.none]);
    let third = |share: &f64| (share - 1.0 / 3.0).abs() < 1e-9;
    assert!(shares.iter().all(third), "{shares:?}");
    assert!(model.shares(&[1e6])[0] > 0.999);
    assert!(model.shares(&[]).is_empty());
}

#[test]
fn hostile_names_and_titles_do_no_harm() {
    for text in hostile_texts().step_by(7) {
        let failure = failure(TestFailed, &format!("{text}/{text}/{text}"));
        let mut tracker = reports(&["1 open x"], 1);
        tracker[0].issue.title.clone_from(&text);
        tracker[0].text.clone_from(&text);
        let verdict = judged(&failure, tracker);
        assert!(verdict.candidates().len() <= 1);
    }
}
