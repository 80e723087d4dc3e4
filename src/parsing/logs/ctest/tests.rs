use super::*;

fn read(log: &str) -> Vec<String> {
    let mut ctest = Ctest::default();
    for (line, number) in log.lines().zip(1..) {
        ctest.push(line, Some(number));
    }
    let shown = |found: &Found| {
        let test = &found.test;
        let parts = [&test.file, &test.class, &test.method, &test.subtest]
            .map(|part| part.as_deref().unwrap_or("-"))
            .join(" | ");
        let line = found.line.as_deref().unwrap_or("-");
        format!("{}: {parts}: {line}", found.kind.name())
    };
    ctest.finish().iter().map(shown).collect()
}

#[test]
fn how_programs_end() {
    let log = "1/5 Test  #1: a ......***Failed    0.04 sec\n2/5 Test #12: b ...***Timeout   1.03 sec\n\
               3/5 Test #3: c ...***Exception: SegFault  0.01 sec\n4/5 Test #4: d ...   Passed    0.01 sec\n\
               5/5 Test #5: e ...Subprocess aborted***Exception:   0.01 sec\n";
    assert_eq!(
        read(log),
        [
            "failure: a | - | - | -: a (Failed)",
            "timeout: b | - | - | -: b (Timeout)",
            "crash: c | - | - | -: c (SegFault)",
            "crash: e | - | - | -: e (Subprocess aborted)"
        ]
    );
    let listed = "The following tests FAILED:\n\t  1 - a b (Failed)    slow net\n\t 23 - x (Not Run)\n\nErrors\n";
    assert_eq!(
        read(listed),
        [
            "failure: a b | - | - | -: a b (Failed)",
            "error: x | - | - | -: x (Not Run)"
        ]
    );
}

#[test]
fn tests_of_a_program() {
    let log = "    Start 1: prog\n1: [ RUN      ] A.B\n1: a.cc:12: Failure\n1: Value of: x\n1:   Actual: false\n1: \n\
               1: a.cc:13: Failure\n1: Failed\n1: [  FAILED  ] A.B (1 ms)\n1: [ RUN      ] P/A.C/1\n\
               1: [  FAILED  ] P/A.C/1, where GetParam() = (1, 2) (0 ms)\n1: [  FAILED  ] 2 tests, listed below:\n\
               1: [  FAILED  ] A.B\n1: [  FAILED  ] P/A.C/1, where GetParam() = (1, 2)\n\
               1/1 Test #1: prog ...***Failed  0.1 sec\n\nThe following tests FAILED:\n\t1 - prog (Failed)\n";
    assert_eq!(
        read(log),
        [
            "failure: prog | A | B | -: Value of: x Actual: false",
            "failure: prog | P/A | C/1 | GetParam() = (1, 2): [  FAILED  ] P/A.C/1"
        ]
    );
}

#[test]
fn a_test_that_dies() {
    let log = "[ RUN      ] A.B\nSegmentation fault (core dumped)\nSegmentation fault\n";
    assert_eq!(
        read(log),
        ["crash: - | A | B | -: Segmentation fault (core dumped)"]
    );
    assert_eq!(read("[ RUN      ] A.B\n"), Vec::<String>::new());
}
