//! The forms of regrtest's and unittest's output, one by one, in small logs.

use super::*;

const RULE: &str = "----------------------------------------------------------------------";
const FRAME: &str = "  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    y()\n";

/// A report of unittest, with the rule before it.
fn report(header: &str, text: &str) -> String {
    format!("{}\n{header}\n{RULE}\n{text}\n", "=".repeat(70))
}

/// One that raised in `test_a`.
fn raised(header: &str, exception: &str) -> String {
    let text = format!("Traceback (most recent call last):\n{FRAME}{exception}\n");
    report(header, &text)
}

fn read(log: &str) -> Vec<Failure> {
    read_log(log, None).failures
}

/// `kind[, flaky] file|class|method|subtest: line` of each.
fn told(log: &str) -> Vec<String> {
    read(log)
        .iter()
        .map(|failure| {
            let test = &failure.test;
            let parts = [&test.file, &test.class, &test.method, &test.subtest]
                .map(|part| part.as_deref().unwrap_or("-"))
                .join("|");
            let flaky = if failure.flaky { ", flaky" } else { "" };
            let line = failure.line.as_deref().unwrap_or("-");
            format!("{}{flaky} {parts}: {line}", failure.kind.name())
        })
        .collect()
}

#[track_caller]
fn check(log: &str, expect: &[&str]) {
    assert_eq!(told(log), expect, "{log}");
}

fn failed(file: &str, text: &str) -> String {
    format!(
        "0:00:01 [1/1/1] {file} failed (1 failure)\n{text}{RULE}\nRan 1 test in 1s\n\nFAILED (failures=1)\n"
    )
}

#[test]
fn reports_of_fixtures_and_of_both_forms() {
    for (header, expect) in [
        (
            "FAIL: test_x (test.test_a.T)",
            "failure test_a|T|test_x|-: V: 1",
        ),
        (
            "FAIL: test_x (test.test_a.T.test_x)",
            "failure test_a|T|test_x|-: V: 1",
        ),
        (
            "ERROR: test_x (test.test_a.T.test_x) [a (b) [c]] (i=1, m='x) y')",
            "error test_a|T|test_x|[a (b) [c]] (i=1, m='x) y'): V: 1",
        ),
        (
            "ERROR: test_x (test.test_a.T.test_x) (<subtest>)",
            "error test_a|T|test_x|(<subtest>): V: 1",
        ),
        (
            "ERROR: setUpClass (test.test_a.T)",
            "error test_a|T|setUpClass|-: V: 1",
        ),
        (
            "ERROR: tearDownClass (test.test_a.T)",
            "error test_a|T|tearDownClass|-: V: 1",
        ),
        (
            "ERROR: setUpModule (test.test_a)",
            "error test_a|-|setUpModule|-: V: 1",
        ),
        (
            "ERROR: tearDownModule (test.test_a.test_b)",
            "error test_a.test_b|-|tearDownModule|-: V: 1",
        ),
        (
            "ERROR: test_x (test.test_a.T.test_x.<locals>.Own.test_x)",
            "error test_a|T.test_x.<locals>.Own|test_x|-: V: 1",
        ),
    ] {
        check(&failed("test_a", &raised(header, "V: 1")), &[expect]);
    }
}

#[test]
fn tests_of_other_modules_belong_to_the_file_that_ran() {
    let header = "FAIL: test_x (test.datetimetester.TestDate_Pure.test_x)";
    check(
        &failed("test_datetime", &report(header, "AssertionError: 1")),
        &["failure test_datetime|TestDate_Pure|test_x|-: AssertionError: 1"],
    );
    // The error stream of an old worker comes before its progress line.
    let log = format!(
        "0:00:01 [1/2] test_b passed\n{}{RULE}\nRan 1 test in 1s\n0:00:02 [2/2/1] test_datetime failed (1 failure)\n",
        report(
            "FAIL: test_x (test.datetimetester.TestDate_Pure)",
            "AssertionError: 1"
        )
    );
    check(
        &log,
        &["failure test_datetime|TestDate_Pure|test_x|-: AssertionError: 1"],
    );
}

#[test]
fn a_docstring_is_no_header() {
    let header = "ERROR: test_x (test.test_a.T.test_x)\nERROR: in the docstring (of all places)";
    let failures = read(&failed("test_a", &raised(header, "V: 1")));
    assert_eq!(failures.len(), 1);
    assert_eq!(
        failures[0].details.docstring.as_deref(),
        Some("ERROR: in the docstring (of all places)")
    );
    let interleaved = "FAIL: test_x (test.test_a.T.test_x)\ntest test_a failed\nsome noise";
    check(
        &failed("test_a", &raised(interleaved, "V: 1")),
        &["failure test_a|T|test_x|-: V: 1"],
    );
}

#[test]
fn imports_that_fail() {
    let loader = report(
        "ERROR: test.test_a.test_b (unittest.loader._FailedTest.test.test_a.test_b)",
        "ImportError: Failed to import test module: test.test_a.test_b\nTraceback (most recent call last):\n  \
         File \"/b/Lib/unittest/loader.py\", line 396, in _find_test_path\n    module = 1\n  \
         File \"/b/Lib/test/test_a/test_b.py\", line 1, in <module>\n    import nothing\n\
         ModuleNotFoundError: No module named 'nothing'\n",
    );
    check(
        &failed("test_a", &loader),
        &["import_error test_a.test_b|-|-|-: ModuleNotFoundError: No module named 'nothing'"],
    );
    let crashed = |frames: &str, exception: &str| {
        format!(
            "0:00:01 [1/1/1] test_a failed (uncaught exception)\ntest test_a crashed -- Traceback (most recent call last):\n  \
             File \"/b/Lib/test/libregrtest/single.py\", line 128, in _load_run_test\n    test_mod = importlib.import_module(module_name)\n  \
             File \"/b/Lib/importlib/__init__.py\", line 88, in import_module\n    return 1\n{frames}{exception}\n"
        )
    };
    let module = "  File \"/b/Lib/test/test_a.py\", line 7, in <module>\n    x\n";
    check(
        &crashed(module, "AttributeError: module 'os' has no attribute 'x'"),
        &["import_error test_a|-|-|-: AttributeError: module 'os' has no attribute 'x'"],
    );
    check(
        &crashed("", "ModuleNotFoundError: No module named 'test.test_a'"),
        &["import_error test_a|-|-|-: ModuleNotFoundError: No module named 'test.test_a'"],
    );
    let in_a_test = "  File \"/b/Lib/test/test_a.py\", line 7, in test_main\n    x\n";
    check(
        &crashed(in_a_test, "ImportError: cannot import name 'x'"),
        &["error test_a|-|test_main|-: ImportError: cannot import name 'x'"],
    );
    check(
        "[1/2] test_a\ntest test_a crashed -- <type 'exceptions.SyntaxError'>: invalid syntax (test_a.py, line 1)\n",
        &["import_error test_a|-|-|-: SyntaxError: invalid syntax (test_a.py, line 1)"],
    );
}

#[test]
fn a_name_that_a_file_has_not_names_no_file() {
    let header = "ERROR: Missing (unittest.loader._FailedTest.Missing)";
    let text = "AttributeError: module 'test.test_a' has no attribute 'Missing'";
    check(
        &report(header, text),
        &[&format!("import_error -|-|-|-: {text}")],
    );
}

#[test]
fn doctests_with_and_without_unittest() {
    let doctest = format!(
        "{}{RULE}\nFile \"/b/Lib/test/test_a.py\", line 20, in test.test_a.C.f\nFailed example:\n    f()\nExpected:\n    1\nGot:\n    2\n\n\n",
        report(
            "FAIL: f (test.test_a.C)\nDoctest: test.test_a.C.f",
            "Traceback (most recent call last):\n  File \"/b/Lib/doctest.py\", line 1, in runTest\n    raise 1\n\
             AssertionError: Failed doctest test for test.test_a.C.f\n  File \"/b/Lib/test/test_a.py\", line 18, in f\n"
        )
    );
    let failures = read(&failed("test_a", &doctest));
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].test.qualified(), "test_a.C.f");
    assert_eq!(
        failures[0].excerpt[3..].join(","),
        "Failed example:,    f(),Expected:,    1,Got:,    2"
    );
    assert_eq!(failures[0].details.frames[0].line, Some(20));
    assert_eq!(failures[0].details.docstring, None);

    let stars = "*".repeat(70);
    let plain = format!(
        "[1/2/1] test_a\n{stars}\nFile \"/b/Lib/test/test_a.py\", line 12, in test.test_a.f\nFailed example:\n    f()\n\
         Expected:\n    1\nGot:\n    2\n{stars}\n1 items had failures:\n   1 of   3 in test.test_a.f\n***Test Failed*** 1 failures.\n\
         test test_a failed -- 1 of 20 doctests failed\n[2/2/1] test_b\n"
    );
    let failures = read(&plain);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].test.qualified(), "test_a.f");
    assert!(failures[0].excerpt.contains(&"Got:".to_owned()));
}

#[test]
fn unexpected_successes_of_both_eras() {
    let header = |name: &str| format!("UNEXPECTED SUCCESS: {name} (test.test_a.T.{name})");
    let log = format!(
        "0:00:01 [1/1/1] test_a failed\n{}\n{}\n{}\n{RULE}\nRan 2 tests in 1s\n\nFAILED (unexpected successes=2)\n",
        "=".repeat(70),
        header("test_x"),
        header("test_y")
    );
    let expect = ["test_x", "test_y"]
        .map(|name| format!("unexpected_success test_a|T|{name}|-: {}", header(name)));
    assert_eq!(told(&log), expect);
    check(
        "0:00:01 [1/1/1] test_a failed\ntest_x (test.test_a.T) ... unexpected success\n\
         test_y (test.test_a.T) ... ok\n\nRan 2 tests in 1s\n",
        &["unexpected_success test_a|T|test_x|-: unexpected success"],
    );
    // Printed in the output of a test that passed.
    check(
        "0:00:01 [1/1] test_a passed\nUNEXPECTED SUCCESS: test_x (test.test_a.T.test_x)\n",
        &[],
    );
}

#[test]
fn what_a_message_quotes_is_no_failure() {
    let quoted = format!(
        "ValueError: first\n{}{RULE}\nRan 9 tests in 1s\n",
        report(
            "FAIL: test_fake (test.test_fake.F.test_fake)",
            "AssertionError: fake"
        )
    );
    check(
        &failed(
            "test_a",
            &raised("ERROR: test_x (test.test_a.T.test_x)", &quoted),
        ),
        &["error test_a|T|test_x|-: ValueError: first"],
    );
    let progress = "ValueError: first\n0:00:09 [7/9/9] test_fake failed\n1 test failed:\n    test_fake\nFAIL: test_fake (a.b.C)";
    check(
        &failed(
            "test_a",
            &raised("ERROR: test_x (test.test_a.T.test_x)", progress),
        ),
        &["error test_a|T|test_x|-: ValueError: first"],
    );
}

#[test]
fn what_a_passed_test_prints_is_no_failure() {
    let log = format!(
        "0:00:01 [1/2] test_a passed\ntest_x (test.test_a.T.test_x) ... Traceback (most recent call last):\n{FRAME}ValueError: 1\nok\n\
         Exception ignored in: <x>\nTraceback (most recent call last):\n{FRAME}ValueError: 2\n\
         FAIL: test_y (test.test_a.T.test_y)\ntest_z (test.test_z.T.test_z) ... FAIL\n1 test failed:\n    test_inner\n\
         test_x leaked [1, 0, 0] memory blocks, sum=1 (this is fine)\n\
         0:00:02 [2/2] test_b passed\n== Tests result: SUCCESS ==\n"
    );
    check(&log, &[]);
}

#[test]
fn reruns_of_all_eras() {
    let first = format!(
        "[1/1] test_a\ntest test_a failed -- Traceback (most recent call last):\n{FRAME}AssertionError: 1\n\n1 test failed:\n    test_a\n"
    );
    let again = raised("FAIL: test_x (test.test_a.T)", "AssertionError: 1") + RULE;
    for (rerun, expect) in [
        (
            "Re-running failed tests in verbose mode\nRe-running test 'test_a' in verbose mode\ntest_x (test.test_a.T) ... ok\n\nRan 1 test in 1s\n\nOK\n".to_owned(),
            "failure, flaky test_a|-|test_x|-: AssertionError: 1",
        ),
        (
            format!("Re-running failed tests in verbose mode\nRe-running test_a in verbose mode\n{again}\n1 test failed again:\n    test_a\n"),
            "failure test_a|T|test_x|-: AssertionError: 1",
        ),
        (
            "Re-running test_a in verbose mode (matching: test_x)\n\nRan 0 tests in 0s\n\nOK\n".to_owned(),
            "failure test_a|-|test_x|-: AssertionError: 1",
        ),
        (
            "0:00:06 load avg: 1.1 Re-running 1 failed tests in verbose mode in subprocesses\n0:00:07 [1/1] test_a passed\n".to_owned(),
            "failure, flaky test_a|-|test_x|-: AssertionError: 1",
        ),
    ] {
        let result = if expect.contains("flaky") { "SUCCESS" } else { "FAILURE" };
        let end = format!("== Tests result: FAILURE then {result} ==\n1 re-run test:\n    test_a\n");
        check(&format!("{first}{rerun}{end}"), &[expect]);
    }
}

#[test]
fn ends_that_pass_when_run_again_are_flaky() {
    for (words, expect) in [
        (
            "worker non-zero exit code (Exit code -11 (SIGSEGV))",
            "crash, flaky test_a|-|-|-: test_a worker non-zero exit code (Exit code -11 (SIGSEGV))",
        ),
        (
            "timed out (20 min 3 sec)",
            "timeout, flaky test_a|-|-|-: test_a timed out (20 min 3 sec)",
        ),
    ] {
        let log = format!(
            "0:00:01 [1/1/1] test_a {words}\nRe-running 1 failed tests in verbose mode in subprocesses\n0:00:02 [1/1] test_a passed\n\
             == Tests result: FAILURE then SUCCESS ==\n"
        );
        check(&log, &[expect]);
    }
}

#[test]
fn a_test_that_was_not_reached_again_is_not_flaky() {
    let log = format!(
        "0:00:01 [1/1/1] test_a failed (2 failures)\n{}{}{RULE}\nRan 2 tests in 1s\n\
         0:00:02 Re-running 1 failed tests in verbose mode in subprocesses\n\
         0:00:03 [1/1/1] test_a worker non-zero exit code (Exit code -11)\nRe-running test_a in verbose mode (matching: test_x, test_y)\n{}{RULE}\n\
         == Tests result: FAILURE then FAILURE ==\n",
        report("FAIL: test_x (test.test_a.T.test_x)", "AssertionError: 1"),
        report("FAIL: test_y (test.test_a.T.test_y)", "AssertionError: 2"),
        report("FAIL: test_x (test.test_a.T.test_x)", "AssertionError: 1"),
    );
    assert!(read(&log).iter().all(|failure| !failure.flaky));
}

#[test]
fn the_words_of_a_process_end_become_numbers() {
    let details = |words: &str| {
        let log = format!("0:00:01 load avg: 1 [1/1/1] test_a-b.c {words}\n");
        let failures = read(&log);
        assert_eq!(
            failures[0].test.file.as_deref(),
            Some("test_a-b.c"),
            "{log}"
        );
        failures.into_iter().next().unwrap().details
    };
    let crash = details("crashed (Exit code -11)");
    assert_eq!(
        (crash.exit_code, crash.signal.as_deref()),
        (Some(-11), Some("SIGSEGV"))
    );
    let crash = details("process crashed (Exit code 3221225477)");
    assert_eq!(
        crash.signal.as_deref(),
        Some("access violation (0xC0000005)")
    );
    assert_eq!(
        details("timed out (20 min 3 sec)").timeout_seconds,
        Some(1203)
    );
    assert_eq!(details("timed out (20 min 3 sec)").log_line, Some(1));
}

#[test]
fn a_dump_before_its_progress_line_is_of_the_file_that_died() {
    let log = "0:00:01 [1/2] test_b passed\nFatal Python error: Aborted\n\nCurrent thread 0x01 (most recent call first):\n  \
               File \"/b/Lib/threading.py\", line 9 in run\n\n0:00:02 [2/2/1] test_a crashed (Exit code -6)\n";
    check(log, &["crash test_a|-|-|-: Fatal Python error: Aborted"]);
    let details = &read(log)[0].details;
    assert_eq!((details.exit_code, details.threads), (Some(-6), Some(1)));
}

#[test]
fn altered_environments_by_their_names() {
    let log = "0:00:01 [1/3/1] test_a failed (env changed)\nWarning -- os.environ was modified by test_a\n\
               Warning --   Before: (1, environ({'API_TOKEN': 'hunter2hunter2'}))\n\
               Warning -- files was modified by test_a\nWarning --   After:  ['left.txt'] \n\
               Warning -- test_a leaked temporary files (1): x.lock\n\
               Warning -- asyncio.events._event_loop_policy was modified by test_a\n\
               0:00:02 [2/3/2] test_b failed (env changed)\n\
               test_x (test.test_b.T.test_x) ... Warning -- threading_cleanup() failed to cleanup 1 threads (count: 1, dangling: 2)\n\
               Warning -- Dangling thread: <_MainThread(MainThread, started 1)>\nok\n\
               0:00:03 [3/3] test_c passed\n";
    let failures = read(log);
    assert_eq!(
        failures[0].details.altered,
        [
            "os.environ",
            "files",
            "temporary files",
            "asyncio.events._event_loop_policy"
        ]
    );
    let shown = failures[0].excerpt.join("\n");
    assert!(
        shown.contains("left.txt") && !shown.contains("hunter2"),
        "{shown}"
    );
    assert_eq!(failures[1].test.qualified(), "test_b.T.test_x");
    assert_eq!(failures[1].details.altered, ["threading_cleanup"]);
    assert_eq!(failures[1].details.log_line, Some(9));
}

#[test]
fn a_warning_before_its_progress_line_is_of_the_file_that_altered() {
    let log = "0:00:01 [1/2] test_b passed\nWarning -- reap_children() reaped child process 7\n\
               0:00:02 [2/2/1] test_a failed (env changed)\n";
    check(
        log,
        &["env_changed test_a|-|-|-: Warning -- reap_children() reaped child process 7"],
    );
}

#[test]
fn exceptions_that_nobody_caught_are_told() {
    let log = format!(
        "0:00:01 [1/2/1] test_a failed (env changed)\nWarning -- Uncaught thread exception: ValueError\n\
         Exception in thread Thread-1 (run):\nTraceback (most recent call last):\n{FRAME}ValueError: no\n\
         0:00:02 [2/2] test_b passed\n"
    );
    check(&log, &["env_changed test_a|-|test_x|-: ValueError: no"]);
    let failure = &read(&log)[0];
    assert_eq!(failure.exception.as_deref(), Some("ValueError"));
    assert_eq!(failure.message.as_deref(), Some("no"));
    assert_eq!(
        failure.details.altered,
        ["Uncaught thread exception: ValueError"]
    );
}

#[test]
fn leaks_of_one_file_are_one() {
    let leaks =
        "test_a leaked [1, 1, 1] references, sum=3\ntest_a leaked [2, 2, 2] memory blocks, sum=6\n";
    let log = format!(
        "0:00:01 [1/1/1] test_a failed (reference leak)\nbeginning 6 repetitions\n123456\n......\n{leaks}\
         Re-running test_a in verbose mode\n{leaks}"
    );
    check(
        &log,
        &["leak test_a|-|-|-: test_a leaked [1, 1, 1] references, sum=3"],
    );
    let resources: Vec<String> = read(&log)[0]
        .details
        .leaks
        .iter()
        .map(|leak| leak.resource.clone())
        .collect();
    assert_eq!(resources, ["references", "memory blocks"]);
}

#[test]
fn subtests_unite_by_the_type_of_their_exception() {
    let header = |rest: &str| format!("ERROR: test_x (test.test_a.T.test_x) {rest}");
    let reports: String = [
        ("(i=1)", "ValueError: 1"),
        ("(i=2)", "KeyError: 2"),
        ("(i=3)", "ValueError: 3"),
    ]
    .map(|(rest, exception)| report(&header(rest), exception))
    .concat();
    let log = format!(
        "[1/1/1] test_a failed (3 errors)\n{reports}{RULE}\nRan 1 test in 1s\n\nFAILED (errors=3)\n"
    );
    check(
        &log,
        &[
            "error test_a|T|test_x|(i=1): ValueError: 1",
            "error test_a|T|test_x|(i=2): KeyError: 2",
        ],
    );
    assert_eq!(read(&log)[0].details.more_subtests, 1);
}

#[test]
fn final_lists_name_files_of_which_nothing_else_is_told() {
    check(
        "== Tests result: FAILURE ==\n\n2 tests failed:\n    test_a test_asyncio.test_events\n    test_b-c\n\n\
         1 test altered the execution environment (env changed):\n    test_d\n\n1 test skipped:\n    test_e\n",
        &[
            "failure test_a|-|-|-: -",
            "failure test_asyncio.test_events|-|-|-: -",
            "failure test_b-c|-|-|-: -",
            "env_changed test_d|-|-|-: -",
        ],
    );
    check(
        "0:00:01 [1/1] test_a passed\n== Tests result: FAILURE ==\n1 test failed:\n    test_a\n",
        &[],
    );
}

#[test]
fn runs_that_found_nothing_wrong_with_a_test() {
    for log in [
        "[1/1] test_a skipped (resource denied)\n== Tests result: SUCCESS ==\n",
        "[1/1] test_a ran no tests\n== Tests result: NO TESTS RAN ==\n",
        "[1/2] test_a interrupted\nTest suite interrupted by signal SIGINT.\n== Tests result: INTERRUPTED ==\n1 test omitted:\n    test_b\n",
        "[1/1] test_a failed (env changed)\nWarning -- files was modified by test_a\n== Tests result: SUCCESS ==\n",
    ] {
        check(log, &[]);
    }
}

#[test]
fn what_other_streams_put_among_frames_is_passed_over() {
    let text = format!(
        "Traceback (most recent call last):\n{FRAME}test test_a failed\nmake: *** [Makefile:1: buildbottest] Error 2\n{FRAME}ValueError: 1\n"
    );
    check(
        &failed(
            "test_a",
            &report("ERROR: test_x (test.test_a.T.test_x)", &text),
        ),
        &["error test_a|T|test_x|-: ValueError: 1"],
    );
}

#[test]
fn secrets_are_in_no_part_of_a_failure() {
    let secret = "password=hunter2hunter2";
    let log = failed(
        "test_a",
        &report(
            &format!(
                "ERROR: test_x (test.test_a.T.test_x) [{secret}] (i='{secret}')\nIt connects by {secret}."
            ),
            &format!(
                "Traceback (most recent call last):\n{FRAME}KeyError: '{secret}'\n\nDuring handling of the above exception, another exception occurred:\n\n\
                 Traceback (most recent call last):\n  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    connect({secret})\n\
                 OSError: https://bot:hunter2hunter2@example.org refused {secret}\nstderr:\n---\n{secret}\n---\n"
            ),
        ),
    );
    let findings = read_log(&log, None);
    assert!(findings.redactions > 0);
    assert_eq!(findings.failures.len(), 1);
    let shown = serde_json::to_string(&findings.failures).unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("[redacted]"));
}
