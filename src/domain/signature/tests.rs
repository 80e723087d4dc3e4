use super::*;

mod pairs;

fn test_id(file: &str, class: &str, method: &str) -> TestId {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    TestId {
        file: known(file),
        class: known(class),
        method: known(method),
        subtest: None,
    }
}

fn sign(test: &TestId, kind: FailureKind, exception: &str, message: &str) -> Signature {
    of(&Parts {
        test,
        kind,
        exception: Some(exception),
        message: Some(message),
        frames: Vec::new(),
        told: Vec::new(),
    })
}

fn frames(places: &[(&str, &str)]) -> Vec<Frame> {
    places
        .iter()
        .filter_map(|(path, function)| Frame::own(path, function))
        .collect()
}

fn framed(kind: FailureKind, places: &[(&str, &str)]) -> Signature {
    of(&Parts {
        test: &test_id("test_os", "", "test_f"),
        kind,
        exception: None,
        message: None,
        frames: frames(places),
        told: Vec::new(),
    })
}

fn telling(kind: FailureKind, message: &str, told: &[&str]) -> Signature {
    of(&Parts {
        test: &test_id("test_os", "", ""),
        kind,
        exception: None,
        message: Some(message),
        frames: frames(&[("/a/Lib/test/test_os.py", message)]),
        told: told.to_vec(),
    })
}

#[test]
fn the_version_is_in_the_name_and_the_value_is_pinned() {
    let test = test_id("test_os", "ProcessTests", "test_popen");
    let signature = sign(&test, FailureKind::TestFailed, "AssertionError", "1 != 2");
    assert_eq!(signature.0, "v2:5035606d96ac7754d1a21127ccfffbd4");
    assert!(signature.is_current());
    assert!(!Signature("v1:03902bae447e621c1198af83087ce0c3".to_owned()).is_current());
    assert!(!Signature("v2".to_owned()).is_current());
}

#[test]
fn the_subtest_and_the_exceptions_module_do_not_count() {
    let test = test_id("test_socket", "TCPTest", "test_connect");
    let mut in_subtest = test.clone();
    in_subtest.subtest = Some("(i=3)".to_owned());
    let kind = FailureKind::TestError;
    assert_eq!(
        sign(&test, kind, "OSError", "no"),
        sign(&in_subtest, kind, "builtins.OSError", "no"),
    );
}

#[test]
fn another_test_kind_or_exception_differs() {
    let kind = FailureKind::TestFailed;
    let test = test_id("test_os", "ProcessTests", "test_popen");
    let base = sign(&test, kind, "AssertionError", "1 != 2");
    let other_test = test_id("test_os", "ProcessTests", "test_popen2");
    let shifted = test_id("test_osProcessTests", "", "test_popen");
    for other in [
        sign(&test, FailureKind::TestError, "AssertionError", "1 != 2"),
        sign(&test, FailureKind::Crash, "AssertionError", "1 != 2"),
        sign(&test, kind, "ValueError", "1 != 2"),
        sign(&other_test, kind, "AssertionError", "1 != 2"),
        sign(&shifted, kind, "AssertionError", "1 != 2"),
    ] {
        assert_ne!(base, other);
    }
}

#[test]
fn frames_count_without_the_machinery_and_recursion_once() {
    let kind = FailureKind::TestError;
    let plain = framed(
        kind,
        &[("/a/Lib/test/test_os.py", "f"), ("/a/Lib/os.py", "g")],
    );
    let mut elsewhere = vec![
        ("C:\\b\\lib\\unittest\\case.py", "run"),
        ("<frozen importlib._bootstrap>", "_load"),
        ("C:\\b\\Lib\\test\\test_os.py", "f"),
    ];
    elsewhere.extend([("C:\\b\\Lib\\os.py", "g"); 30]);
    assert_eq!(plain, framed(kind, &elsewhere));
    assert_ne!(plain, framed(kind, &[("/a/Lib/test/test_os.py", "f")]));
}

#[test]
fn functions_that_call_each_other_count_once() {
    let recursion = |depth: usize| {
        let mut places = vec![("/a/Lib/test/test_os.py", "test_f")];
        places.extend(
            [("/a/Lib/a.py", "f"), ("/a/Lib/b.py", "g")]
                .iter()
                .cycle()
                .take(depth),
        );
        framed(FailureKind::TestError, &places)
    };
    assert_eq!(recursion(8), recursion(9));
    assert_eq!(recursion(8), recursion(1001));
    assert_ne!(recursion(8), recursion(1));
}

#[test]
fn where_a_test_hangs_is_chance() {
    let hung = |places: &[(&str, &str)]| framed(FailureKind::Timeout, places);
    let one = hung(&[
        ("/a/Lib/test/test_os.py", "test_f"),
        ("/a/Lib/test/test_os.py", "wait_for"),
        ("/a/Lib/selectors.py", "select"),
    ]);
    assert_eq!(
        one,
        hung(&[
            ("/a/Lib/test/test_os.py", "test_f"),
            ("/a/Lib/threading.py", "join"),
            ("/a/Lib/test/test_os.py", "wait_for"),
            ("/a/Lib/test/test_os.py", "look"),
            ("/a/Lib/socket.py", "recv"),
        ])
    );
    assert_ne!(one, hung(&[("/a/Lib/test/test_os.py", "tearDown")]));
}

#[test]
fn of_a_crash_the_place_counts_and_not_the_way_there() {
    let crashed = |outer: &str, inner: &str| {
        framed(
            FailureKind::Crash,
            &[
                ("/a/Lib/test/test_os.py", outer),
                ("/a/Lib/a.py", "f"),
                ("/a/Lib/b.py", "g"),
                ("/a/Lib/c.py", inner),
            ],
        )
    };
    assert_eq!(crashed("test_x", "h"), crashed("test_y", "h"));
    assert_ne!(crashed("test_x", "h"), crashed("test_x", "i"));
}

#[test]
fn a_leak_is_told_by_its_resources() {
    let leaked = |line: &str, told: &[&str]| telling(FailureKind::Leak, line, told);
    let references = leaked(
        "test_os leaked [1, 1, 1] references, sum=3",
        &["references"],
    );
    assert_eq!(
        references,
        leaked(
            "test_os leaked [4, 5, 6] memory blocks, sum=15",
            &["memory blocks", "references"]
        )
    );
    assert_ne!(references, leaked("", &["file descriptors"]));
    assert_ne!(references, leaked("", &["references", "file descriptors"]));
    assert_ne!(references, leaked("", &["memory blocks"]));
}

#[test]
fn a_missing_module_is_told_by_its_name() {
    let missing = |message: &str, frame: &str| {
        of(&Parts {
            test: &test_id("test_ssl", "", ""),
            kind: FailureKind::ImportError,
            exception: Some("ModuleNotFoundError"),
            message: Some(message),
            frames: frames(&[(frame, "<module>")]),
            told: Vec::new(),
        })
    };
    let ssl = missing("No module named '_ssl'", "/a/Lib/ssl.py");
    assert_eq!(
        ssl,
        missing("No module named '_ssl'", "/a/Lib/asyncio/x.py")
    );
    assert_ne!(ssl, missing("No module named '_bz2'", "/a/Lib/ssl.py"));
}

#[test]
fn an_altered_environment_is_told_by_what_was_altered() {
    let altered = |line: &str, told: &[&str]| telling(FailureKind::EnvChanged, line, told);
    let environ = altered("a", &["os.environ", "files"]);
    assert_eq!(environ, altered("b", &["files", "os.environ"]));
    assert_ne!(environ, altered("a", &["os.environ"]));
    assert_ne!(
        altered("threading_cleanup() failed", &[]),
        altered("Uncaught thread exception", &[])
    );
}

#[test]
fn a_machines_fault_is_the_same_in_every_test() {
    let disk_full = |method: &str| {
        let test = test_id("test_os", "T", method);
        let message = "[Errno 28] No space left on device: '/tmp/abc'";
        sign(&test, FailureKind::Infrastructure, "OSError", message)
    };
    assert_eq!(disk_full("test_a"), disk_full("test_b"));
}

#[test]
fn no_text_stands_for_two() {
    let signed = |told: &[&str], places: &[(&str, &str)]| {
        of(&Parts {
            test: &test_id("test_os", "", ""),
            kind: FailureKind::TestError,
            exception: None,
            message: None,
            frames: frames(places),
            told: told.to_vec(),
        })
    };
    assert_ne!(signed(&["a.py:f"], &[]), signed(&[], &[("a.py", "f")]));
}

#[test]
fn where_the_reader_cut_a_long_message_does_not_matter() {
    let test = test_id("test_os", "", "");
    let sign = |text: &str| sign(&test, FailureKind::TestFailed, "AssertionError", text);
    let long = "word ".repeat(100);
    let cut: String = long.chars().take(299).chain(['…']).collect();
    assert_eq!(sign(&long), sign(&cut));
}
