use super::*;

fn check(log: &str, expected: &[&str]) {
    let mut tap = Tap::default();
    for (line, number) in log.lines().zip(1..) {
        tap.push(line, Some(number));
    }
    let shown: Vec<String> = tap
        .finish()
        .iter()
        .map(|found| {
            let name = found.test.qualified();
            let place = found.details.place.as_ref();
            let place = place.map_or(String::new(), |place| {
                format!(" at {}:{}", place.file, place.line.unwrap_or(0))
            });
            format!("{name}: {}{place}", found.line.as_deref().unwrap())
        })
        .collect();
    assert_eq!(shown, expected, "{log}");
}

#[test]
fn what_failed_and_why() {
    check(
        "TAP version 13\n1..4\nok 1 - opens\nnot ok 2 - is valid\n  ---\n  message: 'First line invalid'\n  severity: fail\n  data:\n    got: 'Flirble'\n  ...\nnot ok 3 - later # TODO not written\nnot ok 4 - here # SKIP no network\n",
        &["is valid: First line invalid"],
    );
    check(
        "1..2\nnot ok 1 - adds\n\n#   Failed test 'adds'\n#   at t/sum.t line 10.\n#          got: '3'\n#     expected: '2'\nnot ok 2\n# Looks like you failed 2 tests of 2.\n",
        &["adds: got: '3' at t/sum.t:10", ": not ok 2"],
    );
    check(
        "#   Failed test 'adds'\n#   at t/sum.t line 3.\n#          got: '6'\nok 1 - none\nnot ok 2 - adds\n#   Failed (TODO) test 'rounds'\n#   x\n",
        &["adds: got: '6' at t/sum.t:3"],
    );
    check("Bail out! No database\n", &[": No database"]);
}

#[test]
fn parts_of_a_test() {
    check(
        "# Subtest: math\n    # Subtest: adds\n    not ok 1 - adds\n      ---\n      location: '/w/build/test/a.test.js:5:3'\n      error: |-\n        Expected values to be equal:\n        \n        1 !== 2\n      code: 'ERR_ASSERTION'\n      ...\n    1..1\nnot ok 1 - math\n  ---\n  error: '1 subtest failed'\n  ...\nnot ok 2 - alone\n",
        &[
            "math.adds: Expected values to be equal: 1 !== 2 at test/a.test.js:5",
            "alone: not ok 2 - alone",
        ],
    );
}

#[test]
fn programs_of_prove() {
    check(
        "t/a.t .. \nok 1 - x\nok\nt/b.t ....... \nnot ok 1 - y\n",
        &["t/b.t.y: not ok 1 - y"],
    );
}

#[test]
fn other_lines_begin_nothing() {
    for line in [
        "not ok",
        "not okay 1",
        "ok 1 - x",
        "not ok then",
        "# not ok 1",
        "1..4",
    ] {
        assert!(!Tap::begins(line), "{line}");
    }
    assert!(Tap::begins("not ok 12 - name"));
    assert!(Tap::begins("TAP version 14"));
}
