use super::*;

fn read(log: &str) -> Vec<Found> {
    let mut pytest = Pytest::default();
    for (line, number) in log.lines().zip(1..) {
        pytest.push(line, Some(number));
    }
    pytest.finish()
}

fn shown(found: &Found) -> String {
    let test = &found.test;
    let parts = [&test.file, &test.class, &test.method, &test.subtest]
        .map(|part| part.as_deref().unwrap_or("-"))
        .join(" | ");
    let line = found.line.as_deref().unwrap_or("-");
    format!("{}: {parts}: {line}", found.kind.name())
}

#[test]
fn titles() {
    assert_eq!(title("=== FAILURES ==="), Some("FAILURES"));
    assert!(Pytest::begins("===== short test summary info ====="));
    for line in [
        "==========",
        "== Tests result: FAILURE ==",
        "=== x",
        "======= a test ====",
    ] {
        assert!(!Pytest::begins(line), "{line}");
    }
}

#[test]
fn ids_of_the_summary() {
    for (line, expect) in [
        (
            "FAILED t/test_a.py::A::B::test_x[a - b] - KeyError: 'b'",
            "failure: t/test_a.py | A.B | test_x | [a - b]: KeyError: 'b'",
        ),
        (
            "ERROR t/test_a.py - ModuleNotFoundError: No module named 'x'",
            "import_error: t/test_a.py | - | - | -: ModuleNotFoundError: No module named 'x'",
        ),
        (
            "FAILED t/test_a.py::test_x - [XPASS(strict)] why",
            "unexpected_success: t/test_a.py | - | test_x | -: [XPASS(strict)] why",
        ),
        (
            "FAILED t/test_a.py::test_x - Failed: Timeout (>1.5s) from pytest-timeout.",
            "timeout: t/test_a.py | - | test_x | -: Failed: Timeout (>1.5s) from pytest-timeout.",
        ),
        (
            "FAILED t/test_a.py::test_x - worker 'gw1' crashed while running 't/test_a.py::test_x'",
            "crash: t/test_a.py | - | test_x | -: worker 'gw1' crashed while running 't/test_a.py::test_x'",
        ),
        (
            "SUBFAILED[the msg] (i=1) t/test_a.py::T::test_x - assert 1 == 2",
            "failure: t/test_a.py | T | test_x | [the msg] (i=1): AssertionError: assert 1 == 2",
        ),
    ] {
        let log = format!("=== short test summary info ===\n{line}\n=== 1 failed in 1s ===\n");
        let found = read(&log);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(shown(&found[0]), expect);
    }
}

#[test]
fn a_report_without_a_summary() {
    let log = "=== FAILURES ===\n___ TestA.test_x[1] ___\n\n    def test_x(self):\n>       f()\n\n\
               tests/test_a.py:12: \n_ _ _ _ _ \n\n>       raise OSError\nE       OSError\n\nsrc/x.py:4: OSError\n\
               --- Captured stdout call ---\nE   ValueError: no\n=== 1 failed in 1s ===\n";
    let found = read(log);
    assert_eq!(
        shown(&found[0]),
        "failure: tests/test_a.py | TestA | test_x | [1]: OSError"
    );
    assert_eq!(found[0].details.frames.len(), 2);
}

#[test]
fn the_last_of_a_chain_counts() {
    let log = "=== FAILURES ===\n___ test_x ___\nE   KeyError: 'a'\n\ntests/test_a.py:2: KeyError\n\n\
               During handling of the above exception, another exception occurred:\n\n\
               E   ValueError: b\n\ntests/test_a.py:4: ValueError\n";
    let found = read(log);
    assert_eq!(
        (found[0].line.as_deref(), found[0].exception.as_deref()),
        (Some("ValueError: b"), Some("ValueError"))
    );
    assert_eq!(found[0].details.chain, ["KeyError: 'a'"]);
}

#[test]
fn a_run_that_died_has_the_marked_tests() {
    let log = "=== test session starts ===\ntests/test_a.py::T::test_x FAILED   [ 50%]\n\
               [gw1] [ 60%] ERROR tests/test_b.py::test_y\ntests/test_c.py::test_z PASSED [70%]\n";
    let found: Vec<String> = read(log).iter().map(shown).collect();
    assert_eq!(
        found,
        [
            "failure: tests/test_a.py | T | test_x | -: -",
            "error: tests/test_b.py | - | test_y | -: -"
        ]
    );
}
