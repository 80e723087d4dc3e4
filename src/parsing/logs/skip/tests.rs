use std::collections::HashSet;

use super::*;
use crate::domain::failure::TestId;
use crate::parsing::logs::test_id;
use crate::parsing::logs::unittest::{Verbose, verbose};

#[track_caller]
fn check(text: &str, scope: Scope, rest: &str) {
    let end = Search::new(text.as_bytes()).boring(0, scope);
    assert_eq!(text.get(end..), Some(rest), "{text:?}");
}

#[test]
fn what_may_say_something_is_not_passed_over() {
    check("", Scope::Tests, "");
    check("some output\nmore", Scope::Tests, "more");
    check(
        "otest_a (x.T) ... ok\noutput\noFAIL: test_b (x.T)\n",
        Scope::Tests,
        "oFAIL: test_b (x.T)\n",
    );
    check(
        "test_FAILED (x.T) ... ok\r\ntest_b ... FAIL\n",
        Scope::Tests,
        "test_b ... FAIL\n",
    );
    check(
        "Timeout (0:01:00)! ... ok\n",
        Scope::Tests,
        "Timeout (0:01:00)! ... ok\n",
    );
    check(
        "ERROR in the last line",
        Scope::Tests,
        "ERROR in the last line",
    );
    check("a\n\x1b[1mb\n", Scope::Tests, "\x1b[1mb\n");
    check("a\nF\0AIL\n", Scope::Tests, "F\0AIL\n");
}

#[test]
fn errors_of_tools_count_until_tests_run() {
    let log = "gcc -c a.c\na.c:1:1: error: x\n";
    check(log, Scope::Anything, "a.c:1:1: error: x\n");
    check(log, Scope::Tests, "");
}

#[test]
fn a_search_goes_on_where_it_was() {
    let log = "a\nFAIL 1\nb\nFAIL 2\nc\n";
    let mut search = Search::new(log.as_bytes());
    let ends: Vec<usize> = [0, 9, 11, 18]
        .into_iter()
        .map(|at| search.boring(at, Scope::Anything))
        .collect();
    assert_eq!(ends, [2, 11, 11, 20]);
}

/// More of them would be looked for one byte after the other.
#[test]
fn marks_begin_with_few_different_bytes() {
    for marks in [&OF_TESTS[..], &OF_ENDS, &OF_BUILDS] {
        assert!(marks.iter().all(|mark| mark.len() >= 4));
        let begins: HashSet<&str> = marks.iter().filter_map(|mark| mark.get(..4)).collect();
        assert!(begins.len() <= MOST, "{}", begins.len());
    }
}

/// A role is what the reader of the verbose list takes the line for, whatever ran
/// before.
#[test]
fn roles_are_those_of_the_verbose_list() {
    let before = test_id::parse("test_before (x.T)").unwrap();
    for (line, role) in [
        ("test_x (test.test_a.T.test_x) ... ok", Role::Ended),
        ("setUpClass (test.test_a.T) ... ok\r", Role::Ended),
        ("test_x (test.test_a.T.test_x)", Role::Begun),
        ("test_x (test.test_a.T.test_x) ...", Role::Begun),
        ("test_x (test.test_a.T.test_x) ... ", Role::Begun),
        ("What it does. ... ok", Role::Result),
        ("test_x (test.test_a.T) [1] (i=2) ... ok", Role::Result),
        ("test_x (test.test_a.T) ... printed", Role::Other),
        ("test_x (test.test_a.T) ... expected failure", Role::Other),
        ("test_x (a b) ... done", Role::Other),
        (" test_x (test.test_a.T)", Role::Other),
        ("Re-running (test.x)", Role::Other),
        ("running (test.x)", Role::Other),
        ("see (above)", Role::Other),
        ("output", Role::Other),
    ] {
        assert_eq!(Role::of(line.as_bytes()), role, "{line}");
        let shown = line.trim_end_matches('\r');
        for pending in [None, Some(&before)] {
            let read = verbose(shown, pending);
            let named = |test: &TestId| pending != Some(test);
            let fits = match role {
                Role::Ended => matches!(&read, Some(Verbose::Ended(test)) if named(test)),
                Role::Begun => matches!(&read, Some(Verbose::Begins(test)) if named(test)),
                Role::Result => matches!(&read, Some(Verbose::Ended(_))) || pending.is_none(),
                Role::Other => true,
            };
            assert!(fits, "{line}: {read:?}");
            assert!(read.is_none() || names_a_test(line.as_bytes()), "{line}");
        }
    }
    assert_eq!(Role::of(b"ok"), Role::Result);
}

#[test]
fn what_is_shown_tells_the_running_test() {
    let from = |lines: &str, scope| {
        let shown = shown(lines.as_bytes(), scope);
        (
            lines.get(shown.tests..).unwrap().to_owned(),
            lines.get(shown.all..).unwrap().to_owned(),
        )
    };
    let lines = "test_a (x.T) ... ok\ntest_b (x.T) ... one\ntwo\nend\n";
    assert_eq!(
        from(lines, Scope::Tests),
        (lines.to_owned(), "end\n".to_owned())
    );
    assert_eq!(from(lines, Scope::Anything).1, lines);
    let lines = "x ... ok\ntest_a (x.T)\nIt does.\nSo ... ok\ntest_b (x.T)\nIt too.\n";
    let (tests, _) = from(lines, Scope::Tests);
    assert_eq!(Some(tests.as_str()), lines.get("x ... ok\n".len()..));
    let many = "output\n".repeat(CONTEXT + 10);
    let (tests, all) = from(&many, Scope::Anything);
    assert_eq!((tests.len(), all.lines().count()), (many.len(), CONTEXT));
}
