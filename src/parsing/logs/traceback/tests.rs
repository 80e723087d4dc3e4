use super::*;

fn read(text: &str) -> Traceback {
    let mut traceback = Traceback::default();
    text.lines().for_each(|line| traceback.push(line));
    traceback
}

#[test]
fn the_last_of_a_chain_counts() {
    let traceback = read(
        "Traceback (most recent call last):\n  File \"/b/Lib/a.py\", line 1, in f\n    x\n    ^\nKeyError: 1\n\n\
         During handling of the above exception, another exception occurred:\n\n\
         Traceback (most recent call last):\n  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    y()\n\
         test.support.TestFailed: no\nmore\n",
    );
    assert_eq!(traceback.headline(), Some("test.support.TestFailed: no"));
    assert_eq!(traceback.exception_type().as_deref(), Some("TestFailed"));
    assert_eq!(traceback.message.lines(), ["more"]);
    let test = test_of(&traceback.frames).unwrap();
    assert_eq!(test.qualified(), "test_a.test_x");
}

#[test]
fn a_traceback_within_a_message_does_not_count() {
    let traceback = read(
        "Traceback (most recent call last):\n  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    y()\n\
         AssertionError: Process return code is 1\nstderr:\n---\nTraceback (most recent call last):\n\
         \x20 File \"<string>\", line 1, in <module>\nImportError: x\n---\n",
    );
    assert_eq!(
        traceback.exception_type().as_deref(),
        Some("AssertionError")
    );
}

#[test]
fn without_a_traceback_the_first_line_counts() {
    let traceback = read("ImportError: Failed to import test module: test_x\n");
    assert_eq!(traceback.exception_type().as_deref(), Some("ImportError"));
    assert_eq!(read("").headline(), None);
}

#[test]
fn an_excerpt_has_the_outermost_and_the_innermost_frames() {
    let frames: String = (0..40)
        .map(|n| format!("  File \"/b/Lib/m.py\", line {n}, in f{n}\n    call{n}()\n"))
        .collect();
    let traceback = read(&format!(
        "Traceback (most recent call last):\n{frames}ValueError: x\n"
    ));
    let excerpt = traceback.excerpt(Some("ERROR: test_x (test.test_m.T.test_x)"), 15);
    assert_eq!(excerpt.len(), 15);
    assert!(
        excerpt[2].contains("in f0") && excerpt[13].contains("call39"),
        "{excerpt:#?}"
    );
    assert_eq!(excerpt[14], "ValueError: x");
}

const FRAME: &str = "  File \"/b/Lib/test/test_a.py\", line 2, in test_x\n    y()\n    ~^^\n";

fn raised(exception: &str) -> Traceback {
    read(&format!("{START}\n{FRAME}{exception}"))
}

#[test]
fn a_chain_is_kept() {
    let traceback = read(&format!(
        "{START}\n{FRAME}KeyError: 'dns'\n\n{}\n\n{START}\n{FRAME}ConnectionError: no\n\n{}\n\n{START}\n{FRAME}RuntimeError: cannot\n",
        CHAINS[0], CHAINS[1]
    ));
    assert_eq!(traceback.headline(), Some("RuntimeError: cannot"));
    assert_eq!(
        traceback.chain(),
        ["KeyError: 'dns'", "ConnectionError: no"]
    );
    let excerpt = traceback.excerpt(Some("ERROR: x"), 15);
    assert_eq!(
        excerpt[..5],
        [
            "ERROR: x",
            "KeyError: 'dns'",
            CHAINS[0],
            "ConnectionError: no",
            CHAINS[1]
        ]
    );
    assert_eq!(excerpt.last().unwrap(), "RuntimeError: cannot");
}

#[test]
fn the_leaves_of_a_group_are_kept() {
    let traceback = read(
        "OSError: [Errno 5] x\n  + Exception Group Traceback (most recent call last):\n\
         \x20 |   File \"/b/Lib/test/test_a.py\", line 41, in test_nested\n  |     raise ExceptionGroup('o', [1])\n\
         \x20 | ExceptionGroup: outer (2 sub-exceptions)\n  | a note\n  +-+---------------- 1 ----------------\n\
         \x20   | Traceback (most recent call last):\n    |   File \"/b/Lib/test/test_a.py\", line 2, in bad\n    |     raise x\n\
         \x20   | KeyError: 'cause'\n    | \n    | During handling of the above exception, another exception occurred:\n    | \n\
         \x20   | Traceback (most recent call last):\n    |   File \"/b/Lib/test/test_a.py\", line 2, in bad\n\
         \x20   | ValueError: v\n    | its note\n    +---------------- 2 ----------------\n\
         \x20   | ExceptionGroup: inner (1 sub-exception)\n    +-+---------------- 1 ----------------\n      | KeyError: 'k'\n\
         \x20     +------------------------------------\n",
    );
    assert_eq!(
        traceback.headline(),
        Some("ExceptionGroup: outer (2 sub-exceptions)")
    );
    assert_eq!(traceback.group(), ["ValueError: v", "KeyError: 'k'"]);
    assert_eq!(traceback.frames.len(), 1);
    assert_eq!(
        traceback.excerpt(None, 15)[3..],
        [
            "ExceptionGroup: outer (2 sub-exceptions)",
            "    | ValueError: v",
            "    | ExceptionGroup: inner (1 sub-exception)",
            "      | KeyError: 'k'"
        ]
    );
}

#[test]
fn the_end_of_a_quoted_output_is_kept_and_the_command_is_not() {
    let quoted: String = (0..20).map(|n| format!("line {n}\n")).collect();
    let traceback = raised(&format!(
        "AssertionError: Process return code is 1\ncommand line: ['python']\n\nstdout:\n---\n\n---\n\nstderr:\n---\n{quoted}KeyError: 'gone'\n---\n"
    ));
    let message = traceback.message.lines();
    assert_eq!(message.first().unwrap(), "stderr:");
    assert_eq!(message.last().unwrap(), "KeyError: 'gone'");
    assert_eq!(message.len(), 7);
    assert!(!traceback.is_fenced());
    // A line of dashes in a message opens nothing.
    assert!(!raised("ValueError: a\n---\n").is_fenced());
}

#[test]
fn a_message_may_begin_on_the_next_line_or_be_missing() {
    assert_eq!(
        raised("AssertionError: \n- a\n+ b\n").said().unwrap(),
        "AssertionError: - a"
    );
    let bare = raised("AssertionError\n");
    assert_eq!(bare.said().unwrap(), "AssertionError");
    assert_eq!(bare.exception_type().unwrap(), "AssertionError");
}

#[test]
fn the_place_of_a_syntax_error_and_repetitions_are_shown() {
    let syntax = raised(
        "  File \"<fragment>\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n",
    );
    assert_eq!(
        syntax.excerpt(None, 15)[3..],
        [
            "  File \"<fragment>\", line 1",
            "    def f(:",
            "SyntaxError: invalid syntax"
        ]
    );
    let deep = raised("  [Previous line repeated 106 more times]\nRecursionError: deep\n");
    assert_eq!(
        deep.excerpt(None, 15)[3],
        "  [Previous line repeated 106 more times]"
    );
}

#[test]
fn types_of_exceptions() {
    for (line, name) in [
        ("test.support.TestFailed: no", Some("TestFailed")),
        (
            "<type 'exceptions.ImportError'>: No module",
            Some("ImportError"),
        ),
        ("test.test_a.T.test_x.<locals>.Own: x", Some("Own")),
        ("KeyboardInterrupt", Some("KeyboardInterrupt")),
        ("a sentence: x", None),
    ] {
        assert_eq!(exception_type(line).as_deref(), name, "{line}");
    }
}

#[test]
fn a_doctest_shows_its_example() {
    let mut traceback = raised("AssertionError: Failed doctest test for test.test_a.f\n");
    traceback.push("  File \"/b/Lib/test/test_a.py\", line 18, in f");
    assert!(traceback.takes_rule());
    assert!(traceback.ended_by_rule("Ran 1 test in 1s"));
    let lines = "File \"/b/Lib/test/test_a.py\", line 20, in test.test_a.f\nFailed example:\n    f()\nExpected:\n    1\nGot:\n    2";
    assert!(!traceback.ended_by_rule(lines.lines().next().unwrap()));
    lines.lines().for_each(|line| traceback.push(line));
    assert_eq!(traceback.frames.len(), 1);
    let excerpt = traceback.excerpt(Some("FAIL: f (test.test_a)"), 15);
    assert_eq!(excerpt[2..].join("\n"), lines);
    assert!(!raised("AssertionError: x\n").takes_rule());
}
