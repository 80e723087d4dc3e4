//! Drafts from notifications to the words, one file for each case.

use std::fmt::Write as _;

use expect_test::{ExpectFile, expect, expect_file};

use super::material::{
    ambiguous, build, failed, failure, issue, known, seen_before, settings, unseen,
};
use super::*;
use crate::domain::draft::{Choice, Flavour, Material, Settings, Target, plan};
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::domain::notification::{Build, Notification};

struct Case {
    builds: Vec<Build>,
    verdicts: Vec<Verdict>,
    choices: Vec<Choice>,
}

/// Builds whose failures all have the same verdict.
fn all(builds: Vec<Build>, verdict: &Verdict) -> Case {
    let count = builds.iter().map(|build| build.failures.len()).sum();
    Case {
        builds,
        verdicts: vec![verdict.clone(); count],
        choices: Vec::new(),
    }
}

fn one(failures: Vec<Failure>, verdict: &Verdict) -> Case {
    all(
        vec![build("AMD64 Fedora Stable 3.x", 19, failures)],
        verdict,
    )
}

impl Case {
    fn draft(&self, settings: &Settings) -> Draft {
        let mail = Mail {
            message_id: Some("20261122052600.4N3XyZ0001@mail.python.org".into()),
            subject: "[Buildbot-status] ☠ Buildbot (Python): python/cpython - failed test \
                      (failure) (main)"
                .into(),
            ..Mail::default()
        };
        let notification = Notification {
            builds: self.builds.clone(),
            remarks: Vec::new(),
        };
        let material = Material {
            mail: Some(&mail),
            notification: &notification,
            verdicts: &self.verdicts,
            choices: &self.choices,
            companions: &[],
            quiet: &[],
        };
        let (templates, problems) = Templates::load(None);
        assert_eq!(problems, []);
        templates.draft(&plan(&material, settings)).unwrap()
    }
}

/// Everything of a draft as a person would read it.
fn shown(draft: &Draft) -> String {
    let mut text = String::new();
    for (index, action) in draft.actions.iter().enumerate() {
        let number = index + 1;
        let _ = match action {
            Action::Open(new) => writeln!(
                text,
                "--- {number}. open: {}\n--- versions {:?}, components {:?}\n{}",
                new.title, new.versions, new.components, new.body
            ),
            Action::Comment { issue, body } => {
                writeln!(text, "--- {number}. comment on {}\n{body}", issue.number)
            }
            Action::Reopen { issue, body } => {
                writeln!(text, "--- {number}. open again {}\n{body}", issue.number)
            }
            Action::Count { issue, .. } => {
                writeln!(text, "--- {number}. count for {}", issue.number)
            }
            Action::Choose { about, candidates } => {
                let numbers: Vec<u64> = candidates.iter().map(|issue| issue.number).collect();
                writeln!(text, "--- {number}. choose among {numbers:?}\n{about}\n")
            }
        };
    }
    if let Some(reply) = &draft.reply {
        let _ = writeln!(text, "--- mail: {}\n{}", reply.subject, reply.body);
    }
    for along in &draft.along {
        let text = &mut text;
        let _ = match &along.reply {
            Some(reply) => writeln!(
                text,
                "--- mail to {}: {}\n{}",
                along.notification, reply.subject, reply.body
            ),
            None => writeln!(text, "--- settles {}", along.notification),
        };
    }
    for warning in &draft.warnings {
        let _ = writeln!(text, "--- warning: {warning}");
    }
    text
}

#[track_caller]
fn check(case: &Case, expect: ExpectFile) {
    let github = case.draft(&settings(Flavour::GitHub));
    let roundup = case.draft(&settings(Flavour::Roundup));
    assert_eq!(roundup, case.draft(&settings(Flavour::Embedded)));
    for draft in [&github, &roundup] {
        assert_eq!(
            crate::domain::draft::from_editable(&crate::domain::draft::to_editable(draft), draft)
                .as_ref(),
            Ok(draft)
        );
    }
    expect.assert_eq(&format!(
        "===== GitHub =====\n{}\n===== Roundup =====\n{}",
        shown(&github),
        shown(&roundup)
    ));
}

macro_rules! case_file {
    ($name:literal) => {
        expect_file![concat!("../../fixtures/drafts/", $name, ".expect")]
    };
}

#[test]
fn a_known_failure_is_a_comment() {
    let line = "AssertionError: 'Abc-Def' != 'Abc-def'";
    let test = failed("test_string.ModuleTest.test_capwords", line);
    check(&one(vec![test], &known(33630)), case_file!("known"));
}

#[test]
fn a_new_failure_is_a_report() {
    let line = "AssertionError: 'Abc-Def' != 'Abc-def'";
    let test = failed("test_string.ModuleTest.test_capwords", line);
    check(&one(vec![test], &seen_before(4242)), case_file!("new"));
}

#[test]
fn methods_of_one_class_are_named_by_it() {
    let line = "OSError: [Errno 1] Operation not permitted";
    let tests = ["test_close_file", "test_dup2", "test_open_file"]
        .map(|method| failed(&format!("test_posix.TestPosixSpawn.{method}"), line));
    let builds = vec![build("PPC64 Fedora 3.x", 11, tests.to_vec())];
    check(&all(builds, &unseen()), case_file!("one-class"));
}

#[test]
fn several_builds_share_issues() {
    let string = || {
        failed(
            "test_string.ModuleTest.test_capwords",
            "AssertionError: 'A' != 'a'",
        )
    };
    let queue = |class: &str| {
        let line = "OSError: [Errno 28] No space left on device";
        failed(&format!("test_queue.{class}.test_basic"), line)
    };
    let builds = vec![
        build("ARM64 macOS 3.12", 9, vec![string()]),
        build(
            "AMD64 Ubuntu Shared 3.12",
            12,
            vec![queue("PyQueueTest"), string()],
        ),
        build(
            "x86 Debian Installed with X 3.12",
            18,
            vec![queue("PyQueueTest"), queue("CQueueTest")],
        ),
    ];
    let verdicts = vec![known(77), unseen(), known(77), unseen(), unseen()];
    let case = Case {
        builds,
        verdicts,
        choices: Vec::new(),
    };
    check(&case, case_file!("several-builds"));
}

#[test]
fn many_tests_of_a_module_are_one_report() {
    let tests = (0..6).map(|n| {
        let file = ["test_events", "test_subprocess", "test_tasks"][n % 3];
        failed(
            &format!("test_asyncio.{file}.Tests.test_{n}"),
            "TimeoutError: too slow",
        )
    });
    check(&one(tests.collect(), &unseen()), case_file!("aggregate"));
}

#[test]
fn many_modules_are_a_broken_build() {
    let tests = [
        "test_os",
        "test_io",
        "test_ssl",
        "test_re",
        "test_json.test_enum",
    ]
    .map(|file| failed(&format!("{file}.Tests.test_a"), "ImportError: no module _x"));
    check(&one(tests.to_vec(), &unseen()), case_file!("build-broken"));
}

#[test]
fn each_kind_has_its_words() {
    use FailureKind::{Compile, Crash, EnvChanged, Leak, TestFailed, Timeout};
    let case = |kind, test: &str, line: &str| one(vec![failure(kind, test, line)], &unseen());
    let line = "Fatal Python error: Segmentation fault";
    check(&case(Crash, "test_bool", line), case_file!("crash"));
    let line = "test_bisect leaked [1, 1, 1] references, sum=3";
    check(&case(Leak, "test_bisect", line), case_file!("leak"));
    let line = "Timeout (0:20:00)!";
    check(&case(Timeout, "test_sched", line), case_file!("timeout"));
    let line = "Warning -- os.environ was modified by test_site";
    check(
        &case(EnvChanged, "test_site", line),
        case_file!("env-changed"),
    );
    let line = "Objects/longobject.c:12:3: error: unknown type name 'digits'";
    check(&case(Compile, "", line), case_file!("compile"));
    let line = "ImportError: cannot import name 'x'";
    check(&case(TestFailed, "", line), case_file!("unknown-test"));
}

#[test]
fn undecided_flaky_and_infrastructure() {
    let flaky = Failure {
        flaky: true,
        ..failed("test_ssl.ThreadedTests.test_echo", "OSError: timed out")
    };
    let line = "lost connection to the worker";
    let lost = failure(FailureKind::Infrastructure, "", line);
    let other = failed("test_os.ProcessTests.test_popen", "AssertionError: 1 != 0");
    let builds = vec![
        build("AMD64 Windows10 3.x", 146, vec![flaky, lost, other]),
        build("AMD64 FreeBSD 3.x", 172, Vec::new()),
    ];
    let verdicts = vec![ambiguous(&[101, 102]), unseen(), known(55)];
    let mut case = Case {
        builds,
        verdicts,
        choices: Vec::new(),
    };
    check(&case, case_file!("undecided"));
    assert!(case.draft(&settings(Flavour::GitHub)).is_undecided());

    let choice = |failure, target| Choice { failure, target };
    case.choices = vec![
        choice(0, Target::New),
        choice(0, Target::Issue(issue(102))),
        choice(2, Target::New),
    ];
    check(&case, case_file!("linked"));
    assert!(!case.draft(&settings(Flavour::GitHub)).is_undecided());
}

#[test]
fn infrastructure_alone_is_nothing_to_do() {
    let failure = failure(FailureKind::Infrastructure, "", "No space left on device");
    let draft = one(vec![failure], &unseen()).draft(&settings(Flavour::GitHub));
    assert_eq!((draft.actions, draft.reply), (Vec::new(), None));
    expect![[r#"
        [
            "infrastructure, not a bug, on AMD64 Fedora Stable 3.x: No space left on device",
        ]
    "#]]
    .assert_debug_eq(&draft.warnings);
}

/// One comment for all failures of an issue, and it names all their files.
#[test]
fn one_issue_for_several_files_names_them() {
    let failures = [
        "test_ssl",
        "test_ftplib",
        "test_poplib",
        "test_asyncio.test_sslproto",
    ]
    .map(|file| {
        failed(
            &format!("{file}.Tests.test_tls"),
            "SSLError: EE key too small",
        )
    });
    let draft = one(failures.to_vec(), &known(9)).draft(&settings(Flavour::GitHub));
    let [Action::Comment { body, .. }] = draft.actions.as_slice() else {
        panic!("{draft:?}");
    };
    let first = "test_ssl, test_ftplib, test_poplib and 1 more failed on:\n";
    assert!(body.starts_with(first), "{body}");
}

/// Without a verdict nothing is new (I11).
#[test]
fn a_failure_without_a_verdict_is_for_a_person() {
    let mut case = one(vec![failed("test_os.T.test_a", "x"); 2], &unseen());
    case.verdicts.pop();
    let draft = case.draft(&settings(Flavour::GitHub));
    assert!(draft.is_undecided());
}

#[test]
fn a_flaky_test_is_said_to_pass() {
    let failures = vec![Failure {
        flaky: true,
        ..failed("test_heapq.FlakyTests.test_race", "AssertionError: 1 != 2")
    }];
    check(&one(failures, &unseen()), case_file!("flaky"));
}

/// Also without a component configured for what does not compile.
#[test]
fn nothing_known_is_a_warning() {
    let state = "failed test (failure)";
    let nothing = |kind| Failure {
        line: Some(state.into()),
        excerpt: vec![state.into()],
        exception: None,
        ..failure(kind, "", state)
    };
    let name_alone = Failure {
        line: None,
        excerpt: Vec::new(),
        ..failed("test_sched", "")
    };
    let failures = vec![
        nothing(FailureKind::Unknown),
        nothing(FailureKind::Compile),
        name_alone,
    ];
    let case = one(failures, &unseen());
    check(&case, case_file!("nothing-known"));

    let components = |settings: &Settings| match case.draft(settings).actions.as_slice() {
        [_, Action::Open(new), _] => new.components.clone(),
        other => panic!("{other:?}"),
    };
    for (flavour, expect) in [(Flavour::GitHub, "build"), (Flavour::Roundup, "Build")] {
        let mut settings = settings(flavour);
        settings.components_of.clear();
        assert_eq!(components(&settings), [expect]);
        settings.components.clear();
        assert!(components(&settings).is_empty());
    }
}

#[test]
fn links_that_are_left_out_or_not_checked_are_told() {
    let case = one(vec![failed("test_os.T.test_a", "x")], &unseen());
    let with = |trusted: &[&str]| {
        let mut settings = settings(Flavour::Roundup);
        settings.trusted_links = trusted.iter().map(ToString::to_string).collect();
        let draft = case.draft(&settings);
        let shown = shown(&draft).contains("Build: https://buildbot.python.org/all/#/builders/");
        (shown, draft.warnings)
    };
    assert_eq!(with(&["https://buildbot.python.org/"]), (true, vec![]));
    expect![[r#"
        (
            true,
            [
                "whether buildbot.python.org is your Buildbot could not be checked: name it in [ci] buildbots",
            ],
        )
    "#]]
    .assert_debug_eq(&with(&[]));
    expect![[r#"
        (
            false,
            [
                "the link https://buildbot.python.org/all/#/builders/19/builds/2 is not on a configured Buildbot and was left out: add it to [ci] buildbots",
            ],
        )
    "#]]
    .assert_debug_eq(&with(&["https://bots.example.org/"]));
}

#[test]
fn builds_that_look_the_same_are_told_once() {
    let at = |number| {
        build(
            "AMD64 Fedora Stable 3.x",
            number,
            vec![failed("test_os.T.a", "x")],
        )
    };
    let case = all(vec![at(1), at(2), at(3)], &unseen());
    let with = |trusted: &str| {
        let mut settings = settings(Flavour::Roundup);
        settings.trusted_links = vec![trusted.to_owned()];
        let shown = shown(&case.draft(&settings));
        shown.matches("Builder: AMD64 Fedora Stable 3.x").count()
    };
    assert_eq!(with("https://buildbot.python.org/"), 3);
    assert_eq!(with("https://bots.example.org/"), 1);
}

/// Different manners are different bugs, an altered environment beside a
/// failure is not one.
#[test]
fn a_crash_and_a_failure_are_two_reports() {
    let failures = vec![
        failed("test_os.T.test_a", "AssertionError: x"),
        failure(FailureKind::Crash, "test_os", "Fatal Python error: Aborted"),
        failure(FailureKind::EnvChanged, "test_os", "Warning -- x"),
    ];
    let draft = one(failures, &unseen()).draft(&settings(Flavour::GitHub));
    let titles: Vec<&str> = draft
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Open(new) => Some(new.title.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        titles,
        [
            "test_os: test_a() fails on AMD64 Fedora Stable 3.x",
            "test_os crashes on AMD64 Fedora Stable 3.x"
        ]
    );
}
