use super::*;

fn read(text: &str) -> Dump {
    let mut lines = text.lines();
    let mut dump = Dump::begin(lines.next().unwrap()).unwrap();
    for line in lines {
        assert!(dump.goes_on_with(line), "{line}");
    }
    dump
}

const HANG: &str = "Timeout (0:20:00)!\n\
    Thread 0x00007f54 [ticker] (most recent call first):\n  \
    File \"/b/build/Lib/threading.py\", line 3 in wait\n  \
    File \"/b/build/Lib/test/test_a.py\", line 9 in work\n\n\
    Thread 0x00007f55 [python] (most recent call first):\n  \
    File \"/b/build/Lib/selectors.py\", line 5 in select\n  \
    File \"/b/build/Lib/subprocess.py\", line 5 in _communicate\n  \
    File \"/b/build/Lib/subprocess.py\", line 6 in communicate\n  \
    File \"/b/build/Lib/test/test_a.py\", line 7 in test_child\n  \
    File \"/b/build/Lib/unittest/case.py\", line 8 in run\n  ...\n";

#[test]
fn the_thread_that_hangs_is_the_one_that_runs_the_test() {
    let dump = read(HANG);
    assert_eq!(dump.test().unwrap().qualified(), "test_a.test_child");
    assert_eq!(
        dump.place().unwrap(),
        "in test_child (test_a.py:7), waiting in subprocess.communicate"
    );
    assert_eq!(
        (dump.threads(), dump.timeout_seconds()),
        (Some(2), Some(1200))
    );
    let source = dump.source().unwrap();
    assert_eq!(source.file, "Lib/test/test_a.py");
    assert_eq!(dump.excerpt(15).last().unwrap(), "(and 1 more thread)");
}

#[test]
fn the_stack_of_c_is_no_thread() {
    let dump = read(
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x01 [python] (most recent call first):\n  \
         <no Python frame>\n\nThread 0x02 (most recent call first):\n  \
         File \"/b/Lib/test/test_a.py\", line 7 in test_child\n\n\
         Current thread's C stack trace (most recent call first):\n  \
         Binary file \"python\", at _Py_DumpStack+0x4a [0x499c1d]\n  <truncated rest of calls>\n\n\
         Extension modules: _x (total: 1)\n",
    );
    assert_eq!(dump.threads(), Some(2));
    assert_eq!(dump.signal(), Some("SIGSEGV"));
    assert_eq!(dump.test().unwrap().qualified(), "test_a.test_child");
    assert_eq!(
        dump.excerpt(15),
        [
            "Fatal Python error: Segmentation fault",
            "Current thread 0x01 [python] (most recent call first):",
            "(and 1 more thread)"
        ]
    );
}

#[test]
fn the_reason_of_a_fatal_error_comes_first() {
    let dump = read(
        "Objects/typeobject.c:83: _Py_NegativeRefcount: Assertion failed: object has negative ref count\n\
         Enable tracemalloc to get the memory block allocation traceback\n\n\
         object address  : 0x7f\nobject refcount : -1\nobject type name: int\nobject repr     : 1\n\n\
         Fatal Python error: _PyObject_AssertFailed: _PyObject_AssertFailed\n\
         Python runtime state: initialized\n\nCurrent thread 0x01 (most recent call first):\n  \
         File \"/b/Lib/test/test_a.py\", line 7 in test_x\n",
    );
    assert_eq!(
        dump.line,
        "Objects/typeobject.c:83: _Py_NegativeRefcount: Assertion failed: object has negative ref count"
    );
    assert_eq!(
        dump.excerpt(15).get(1).unwrap(),
        "Fatal Python error: _PyObject_AssertFailed: _PyObject_AssertFailed"
    );
    assert_eq!(dump.source().unwrap().line, Some(83));
}

#[test]
fn a_dump_without_threads_ends_where_regrtest_goes_on() {
    let mut dump = Dump::begin("free(): invalid pointer").unwrap();
    assert!(!dump.goes_on_with("0:00:01 [2/3/1] test_x crashed (Exit code -6)"));
    let mut dump = Dump::begin("Fatal Python error: Aborted").unwrap();
    assert!(!dump.goes_on_with("Fatal Python error: Aborted"));
    assert_eq!(dump.test(), None);
}
