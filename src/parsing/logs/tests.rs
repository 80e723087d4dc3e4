use super::*;

fn kinds(log: &str) -> Vec<(FailureKind, String)> {
    read_log(log, None)
        .failures
        .iter()
        .map(|failure| (failure.kind, failure.test.qualified()))
        .collect()
}

fn report(header: &str, text: &str) -> String {
    format!("{}\n{header}\n{}\n{text}\n", "=".repeat(70), "-".repeat(70))
}

#[test]
fn what_a_test_of_the_test_runner_quotes_is_no_failure() {
    let inner = report(
        "FAIL: test_in (test.test_inner.T.test_in)",
        "Traceback (most recent call last):\nX: y",
    );
    let log = format!(
        "0:00:01 [1/2/1] test_regrtest failed (1 failure)\n{}{}\n0:00:02 [2/2/1] test_ok passed\n",
        report(
            "FAIL: test_rerun (test.test_regrtest.ArgsTestCase.test_rerun)",
            &format!(
                "Traceback (most recent call last):\n  File \"/b/Lib/test/test_regrtest.py\", line 1, in test_rerun\n    \
                 x\nAssertionError: Command failed\n\nstdout:\n---\n0:00:00 [1/1/1] test_inner failed (1 failure)\n{inner}\n\
                 1 test failed:\n    test_inner\n---\n"
            )
        ),
        "-".repeat(70)
    );
    assert_eq!(
        kinds(&log),
        [(
            FailureKind::TestFailed,
            "test_regrtest.ArgsTestCase.test_rerun".to_owned()
        )]
    );
}

#[test]
fn a_handled_exception_of_windows_is_no_crash() {
    let dump = "Windows fatal exception: code 0xc0000374\n\nCurrent thread 0x00001d3c (most recent call first):\n  \
                File \"C:\\b\\Lib\\test\\test_os.py\", line 1 in test_x\n";
    assert_eq!(kinds(&format!("0:00:01 [1/1] test_os passed\n{dump}")), []);
    assert_eq!(
        kinds(&format!(
            "0:00:01 [1/1/1] test_os worker non-zero exit code (Exit code 3221226356)\n{dump}"
        )),
        [(FailureKind::Crash, "test_os.test_x".to_owned())]
    );
}

#[test]
fn a_run_that_died_tells_the_marked_and_the_running_test() {
    let log = "0:00:01 load avg: 1.0 [ 5/9] test_a\ntest_one (test.test_a.T.test_one) ... FAIL\n\
               test_two (test.test_a.T.test_two) ... Fatal Python error: Aborted\n\nCurrent thread 0x01 (most recent call first):\n  \
               File \"/b/Lib/test/test_a.py\", line 9 in test_two\n\nExtension modules: _x (total: 1)\nmake: *** [Makefile:1: buildbottest] Aborted\n";
    assert_eq!(
        kinds(log),
        [
            (FailureKind::Crash, "test_a.T.test_two".to_owned()),
            (FailureKind::TestFailed, "test_a.T.test_one".to_owned())
        ]
    );
}

#[test]
fn a_timeout_of_the_run_stands_beside_the_tests_that_failed() {
    let log = format!(
        "0:00:01 [1/9/1] test_a failed (1 error)\n{}{}\n0:00:09 running (1): test_b (20 min)\n\
         command timed out: 1200 seconds without output running [b'make'], attempting to kill\n\
         process killed by signal 15\n",
        report("ERROR: test_x (test.test_a.T)", "ValueError: 1"),
        "-".repeat(70)
    );
    assert_eq!(
        kinds(&log),
        [
            (FailureKind::TestError, "test_a.T.test_x".to_owned()),
            (FailureKind::Timeout, "test_b".to_owned())
        ]
    );
}

#[test]
fn one_of_two_methods_that_passes_again_is_flaky() {
    let header = |name: &str| format!("FAIL: {name} (test.test_a.T.{name})");
    let rule = "-".repeat(70);
    let log = format!(
        "0:00:01 [1/1/1] test_a failed (2 failures)\n{}{}{rule}\nRan 2 tests in 1s\n\
         0:00:02 Re-running 1 failed tests in verbose mode in subprocesses\n\
         0:00:02 [1/1/1] test_a failed (1 failure)\n\
         Re-running test_a in verbose mode (matching: test_x, test_y)\n{}{rule}\nRan 2 tests in 1s\n\
         == Tests result: FAILURE then FAILURE ==\n",
        report(&header("test_x"), "AssertionError: 1"),
        report(&header("test_y"), "AssertionError: 2"),
        report(&header("test_y"), "AssertionError: 2"),
    );
    let failures = read_log(&log, None).failures;
    let flaky: Vec<_> = failures
        .iter()
        .map(|failure| (failure.test.method.as_deref().unwrap(), failure.flaky))
        .collect();
    assert_eq!(flaky, [("test_y", false), ("test_x", true)]);
}

#[test]
fn a_compile_step_without_any_compiler_error_has_the_words_of_make() {
    let log = "gcc -c a.c\nmake: *** [Makefile:10: regen] Error 1\n";
    assert_eq!(read_log(log, Some("failed test (failure)")).failures, []);
    let failures = read_log(log, Some("failed compile (failure)")).failures;
    assert_eq!(failures[0].kind, FailureKind::Compile);
    assert_eq!(
        failures[0].line.as_deref(),
        Some("make: *** [Makefile:10: regen] Error 1")
    );
}

#[test]
fn a_mail_that_shows_nothing_but_the_exit_code_tells_the_kind() {
    let body = "Captured traceback\n==================\n\nHEAD is now at 1234567 x\n\n\
                make: *** [Makefile:14: buildbottest] Error 3\n\n\nTest report\n===========\n";
    let failures = from_body(body, Some("failed test (failure)")).failures;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].kind, FailureKind::EnvChanged);
}

#[test]
fn listed_leaks_are_told_once() {
    let body = "Test report\n===========\n\nFailed tests:\n\n- test_bisect\n\nTest leaking resources:\n\n\
                - test_bisect: references\n- test_bisect: memory blocks\n";
    let failures = from_body(body, None).failures;
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].kind, FailureKind::Leak);
    assert_eq!(failures[0].excerpt.len(), 2);
}

#[test]
fn the_state_alone_tells_the_kind() {
    for (state, kind) in [
        (
            Some("failed test (failure) (timed out)"),
            FailureKind::Timeout,
        ),
        (
            Some("exception test (failure) uploading (exception)"),
            FailureKind::Infrastructure,
        ),
        (Some("failed compile (failure)"), FailureKind::Compile),
        (Some("failed test (failure)"), FailureKind::Unknown),
        (None, FailureKind::Unknown),
    ] {
        assert_eq!(unexplained(state).kind, kind, "{state:?}");
    }
}

#[test]
fn hostile_logs_stay_bounded() {
    let many = (0..20_000)
        .map(|n| report(&format!("FAIL: test_{n} (test.test_a.T.test_{n})"), "X: y"))
        .collect::<String>();
    let files: String = (0..20_000)
        .map(|n| format!("[{n}/9/9] test_{n} failed\n"))
        .collect();
    let open = report(
        "FAIL: test_x (test.test_a.T.test_x)",
        &"text\n".repeat(200_000),
    );
    let frames = "Traceback (most recent call last):\n".to_owned()
        + &"  File \"x\", line 1, in f\n".repeat(200_000);
    let threads = "Timeout (0:00:01)!\n".to_owned()
        + &"Thread 0x1 (most recent call first):\n  File \"x\", line 1 in f\n".repeat(100_000);
    for log in [many, files, open, frames, threads, "=".repeat(1_000_000)] {
        let findings = read_log(&log, None);
        assert!(
            findings.failures.len() <= 600,
            "{}",
            findings.failures.len()
        );
        for failure in &findings.failures {
            assert!(failure.excerpt.len() <= crate::parsing::excerpt::MAX_LINES);
        }
    }
}
