use super::*;

fn file_and_outcome(line: &str) -> (String, Option<Outcome>) {
    match read(line) {
        Some(Said::Progress { file, outcome, .. }) => (file, outcome),
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn check_progress(line: &str, outcome: Option<Outcome>) {
    assert_eq!(
        file_and_outcome(line),
        ("test_x".to_owned(), outcome),
        "{line}"
    );
}

#[test]
fn progress_of_all_versions() {
    for (line, outcome) in [
        (
            "0:00:01 load avg: 14.99 [2/3/1] test_x worker non-zero exit code (Exit code -11 (SIGSEGV))",
            Some(Outcome::Crashed(
                "worker non-zero exit code (Exit code -11 (SIGSEGV))".into(),
            )),
        ),
        (
            "0:00:09 [2/3/1] test_x failed (1 failure)",
            Some(Outcome::Failed),
        ),
        ("[ 12/401] test_x", None),
        (
            "0:00:00 [ 12/401/2] test_x -- running: test_a (30 sec)",
            None,
        ),
        (
            "0:00:00 [3/3] test_x passed (1 min 2 sec) -- running (1): test_a (31.0 sec)",
            Some(Outcome::Passed),
        ),
        (
            "0:00:00 [3/3] test_x skipped (resource denied)",
            Some(Outcome::Other),
        ),
        (
            "0:00:00 [3/3] test_x timed out (20 min 3 sec)",
            Some(Outcome::TimedOut("timed out (20 min 3 sec)".into())),
        ),
        (
            "0:00:00 [3/3/1] test_x failed (env changed) (1 min)",
            Some(Outcome::EnvChanged),
        ),
    ] {
        check_progress(line, outcome);
    }
}

#[test]
fn steps_of_other_programs_are_no_progress() {
    for line in [
        "[1/2] Linking target shop",
        "[3/9] Building C object test_a.o",
        "[ 12/400] c++",
        "[2/2] Running",
        "0:00:04 load avg: 17.80 [3/3/2] sect passed",
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn failures_in_progress() {
    for (line, outcome) in [
        (
            "0:00:00 [3/3/1] test_x failed (2 errors)",
            Some(Outcome::Errored),
        ),
        (
            "0:00:00 [3/3/1] test_x failed (1 error, 2 failures)",
            Some(Outcome::Failed),
        ),
        (
            "0:00:00 [3/3/1] test_x failed (uncaught exception)",
            Some(Outcome::Failed),
        ),
        (
            "0:00:00 [3/3/1] test_x worker bug (empty JSON)",
            Some(Outcome::Crashed("worker bug (empty JSON)".into())),
        ),
        ("0:00:00 [3/3/1] test_x interrupted", Some(Outcome::Other)),
        (
            "[1/2] test_x crashed (Exit code -11)",
            Some(Outcome::Crashed("crashed (Exit code -11)".into())),
        ),
    ] {
        check_progress(line, outcome);
    }
}

#[test]
fn progress_of_one_by_one() {
    let line = "0:00:00 load avg: 0.1 [ 2/3/1] test_b -- test_a failed (env changed)";
    assert_eq!(
        read(line),
        Some(Said::Progress {
            file: "test_b".into(),
            outcome: None,
            before: Some(("test_a".into(), Outcome::EnvChanged)),
            place: Place {
                index: Some(2),
                total: Some(3)
            },
        })
    );
}

fn ended(file: &str, crashed: bool, cause: Cause) -> Said {
    Said::Ended {
        file: file.to_owned(),
        crashed,
        cause,
    }
}

#[test]
fn lists_and_reruns() {
    let cases = [
        ("1 test failed:", Said::List(List::Failed)),
        ("22 tests failed again:", Said::List(List::FailedAgain)),
        ("2 re-run tests:", Said::List(List::Rerun)),
        (
            "1 test altered the execution environment (env changed):",
            Said::List(List::EnvChanged),
        ),
        (
            "1 test altered the execution environment:",
            Said::List(List::EnvChanged),
        ),
        (
            "3 tests skipped (resource denied):",
            Said::List(List::Other),
        ),
        ("Re-running failed tests in verbose mode", Said::RerunBegins),
        (
            "0:00:06 load avg: 14.11 Re-running 1 failed tests in verbose mode in subprocesses",
            Said::RerunBegins,
        ),
        (
            "Re-running test 'test_x' in verbose mode",
            Said::Rerun("test_x".into(), None),
        ),
        (
            "0:00:06 load avg: 14.11 Re-running test_x in verbose mode (matching: test_a, test_b)",
            Said::Rerun("test_x".into(), None),
        ),
        (
            "0:00:06 Re-running test_x in verbose mode (matching: test_a)",
            Said::Rerun("test_x".into(), Some("test_a".into())),
        ),
        ("2 tests run no tests:", Said::List(List::NoTests)),
        (
            "== Tests result: FAILURE then SUCCESS ==",
            Said::Result("FAILURE then SUCCESS".into()),
        ),
        ("Result: ENV CHANGED", Said::Result("ENV CHANGED".into())),
    ];
    for (line, said) in cases {
        assert_eq!(read(line), Some(said), "{line}");
    }
    for line in [
        "test_x (a.B) ... ok",
        "- test_queue: 21.5 sec",
        "Ran 3 tests in 1s",
        "Result: 3 of 4",
        "test connection failed",
        "10 slowest tests:",
    ] {
        assert!(
            matches!(read(line), None | Some(Said::List(List::Other))),
            "{line}"
        );
    }
}

#[test]
fn ends_of_files() {
    let cases = [
        (
            "test test_x failed -- multiple errors occurred; run in verbose mode for details",
            ended("test_x", false, Cause::Untold),
        ),
        ("test test_x failed", ended("test_x", false, Cause::Untold)),
        (
            "test test_x crashed -- Traceback (most recent call last):",
            ended("test_x", true, Cause::Traceback),
        ),
        (
            "test test_x crashed -- <type 'exceptions.ImportError'>: No module named y",
            ended(
                "test_x",
                true,
                Cause::Words("<type 'exceptions.ImportError'>: No module named y".into()),
            ),
        ),
        (
            "test test_x failed -- 1 of 20 doctests failed",
            ended(
                "test_x",
                false,
                Cause::Words("1 of 20 doctests failed".into()),
            ),
        ),
    ];
    for (line, said) in cases {
        assert_eq!(read(line), Some(said), "{line}");
    }
}
