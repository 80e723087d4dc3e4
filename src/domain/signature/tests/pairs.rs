//! Two exception lines of one test: the same cause, or two.

use super::*;

/// What differs is chance.
#[rustfmt::skip]
const SAME: &[(&str, &str)] = &[
    // Addresses and object representations.
    ("AssertionError: <Foo object at 0x7f00aa> is not None", "AssertionError: <Foo object at 0x55e1c0ffee> is not None"),
    ("ValueError: 0x7f3a1c is not 0x7f3a1c", "ValueError: 0x7f9b00 is not 0x7f9b00"),
    ("RuntimeError: <A at 0x10> and <A at 0x20>", "RuntimeError: <A at 0x70> and <A at 0x80>"),
    ("AssertionError: <Task pending name='Task-123'> is not done", "AssertionError: <Task pending name='Task-7'> is not done"),
    ("AssertionError: <Thread(Thread-5 (worker), started 140123456789)>", "AssertionError: <Thread(Thread-61 (worker), started 139987654321)>"),
    ("AssertionError: unexpectedly alive: ForkServerPoolWorker-42", "AssertionError: unexpectedly alive: ForkServerPoolWorker-3"),
    ("ValueError: <SpawnProcess name='SpawnProcess-3' pid=812 parent=1>", "ValueError: <SpawnProcess name='SpawnProcess-12' pid=99102 parent=7>"),
    ("ResourceWarning: unclosed <socket.socket fd=5, family=2>", "ResourceWarning: unclosed <socket.socket fd=17, family=2>"),
    // Ports and machines.
    ("ConnectionRefusedError: [Errno 111] ('127.0.0.1', 40123)", "ConnectionRefusedError: [Errno 111] ('127.0.0.1', 55012)"),
    ("OSError: [Errno 98] Address in use: ('::1', 1024, 0, 0)", "OSError: [Errno 98] Address in use: ('::1', 65000, 0, 0)"),
    ("URLError: http://localhost:8080/x refused", "URLError: http://localhost:41000/x refused"),
    ("TimeoutError: no answer from 10.0.0.7:8080", "TimeoutError: no answer from 192.168.178.23:9090"),
    ("AssertionError: port 40123 was reused", "AssertionError: port 51200 was reused"),
    // Processes.
    ("AssertionError: process 4711 died", "AssertionError: process 12 died"),
    ("ChildProcessError: pid=4711 is gone", "ChildProcessError: pid=99 is gone"),
    ("AssertionError: child 77 exited with code 1", "AssertionError: child 4711 exited with code 1"),
    ("RuntimeError: ==14==ERROR: AddressSanitizer", "RuntimeError: ==99812==ERROR: AddressSanitizer"),
    // Temporary files.
    ("FileNotFoundError: [Errno 2] No such file: '/tmp/tmpab12cd_9/x'", "FileNotFoundError: [Errno 2] No such file: '/var/tmp/tmpzz99qq_1/x'"),
    ("FileNotFoundError: [Errno 2] No such file: '/private/var/folders/zz/a_1/T/tmpab12cd_9'", "FileNotFoundError: [Errno 2] No such file: 'C:\\\\Users\\\\Some Bot\\\\AppData\\\\Local\\\\Temp\\\\tmpq1w2e3r4'"),
    ("PermissionError: [WinError 32] in use: '@test_1234_tmp'", "PermissionError: [WinError 32] in use: '@test_99_tmp'"),
    ("OSError: '/home/b/build/build/test_python_worker_12æ/x'", "OSError: 'D:\\b\\build\\test_python_worker_4711æ/x'"),
    ("OSError: AF_UNIX path: '/tmp/pymp-ab12cd_9/listener-zz99qq_1'", "OSError: AF_UNIX path: '/tmp/pymp-00000000/listener-aaaaaaaa'"),
    ("OSError: \\\\.\\pipe\\pyc-812-0-ab12cd_9 is busy", "OSError: \\\\.\\pipe\\pyc-99102-3-zz99qq_1 is busy"),
    ("FileExistsError: [Errno 17] File exists: '/psm_0a1b2c3d'", "FileExistsError: [Errno 17] File exists: '/psm_ffee0011'"),
    // Times.
    ("AssertionError: took 1.25 sec", "AssertionError: took 0.3 sec"),
    ("AssertionError: timed out after 20 min 3 sec", "AssertionError: timed out after 59 min 41 sec"),
    ("TimeoutError: Timeout (0:20:00)!", "TimeoutError: Timeout (1:00:00)!"),
    ("AssertionError: '2024-07-22T10:11:12Z' is old", "AssertionError: '2026-01-02T03:04:05Z' is old"),
    ("AssertionError: 'Mon Jul 22 10:11:12 2024' is old", "AssertionError: 'Tue Jan  2 03:04:05 2026' is old"),
    ("AssertionError: timeout=30 was not enough", "AssertionError: timeout=300 was not enough"),
    // Counts and measures.
    ("AssertionError: 3 threads are alive", "AssertionError: 12 threads are alive"),
    ("AssertionError: 1.7 not less than or equal to 1.5", "AssertionError: 2.25 not less than or equal to 1.5"),
    ("AssertionError: 1003 != 1000", "AssertionError: 1017 != 1000"),
    ("AssertionError: 0.30000000000000004 != 0.3 within 7 places", "AssertionError: 0.3000000000000001 != 0.3 within 7 places"),
    ("AssertionError: dangling: 2, count: 1", "AssertionError: dangling: 7, count: 3"),
    ("AssertionError: random seed: 5 failed", "AssertionError: random seed: 4000000 failed"),
    // Random ids.
    ("KeyError: '550e8400-e29b-41d4-a716-446655440000'", "KeyError: '00112233-4455-6677-8899-aabbccddeeff'"),
    ("ValueError: commit 5cbb8317fd0a9d3bb2f4d6ae1c0e1b2a3c4d5e6f", "ValueError: commit 7717aa3a0b1c2d3e4f5061728394a5b6c7d8e9f0"),
    ("KeyError: 'a8f3k2j9d0q7'", "KeyError: 'z1x2c3v4b5n6'"),
    // Places.
    ("OSError: No such file: '/home/b/3.x/build/Lib/test/data.txt'", "OSError: No such file: 'D:\\\\buildarea\\\\3.x.b\\\\build\\\\Lib\\\\test\\\\data.txt'"),
    ("SyntaxError: invalid syntax (test_x.py, line 12)", "SyntaxError: invalid syntax (test_x.py, line 4711)"),
    ("ImportError: cannot import name 'x' from 'y' (/usr/lib/python3.13/y.py)", "ImportError: cannot import name 'x' from 'y' (C:\\Python314\\Lib\\y.py)"),
    ("ImportError: _ssl.cpython-313-x86_64-linux-gnu.so: undefined symbol: f", "ImportError: _ssl.cpython-314d-darwin.so: undefined symbol: f"),
    ("AssertionError: 'Python 3.13.0a1+' in banner", "AssertionError: 'Python 3.14.2' in banner"),
];

/// What differs is the cause.
#[rustfmt::skip]
const DIFFERENT: &[(&str, &str)] = &[
    // Another exception, or other words.
    ("ValueError: bad", "TypeError: bad"),
    ("AssertionError: 1 != 2", "AssertionError: 2 not found in [1]"),
    ("AssertionError: x is None", "AssertionError: x is not None"),
    ("AssertionError: True is not false", "AssertionError: False is not true"),
    ("AssertionError: ValueError not raised", "AssertionError: TypeError not raised"),
    ("AssertionError: ValueError not raised by f", "AssertionError: ValueError not raised by g"),
    ("RuntimeError: Event loop is closed", "RuntimeError: Event loop stopped"),
    ("AssertionError: Lists differ", "AssertionError: Tuples differ"),
    ("AttributeError: 'A' object has no attribute 'x'", "AttributeError: 'A' object has no attribute 'y'"),
    ("AttributeError: 'A' object has no attribute 'x'", "AttributeError: 'B' object has no attribute 'x'"),
    ("ModuleNotFoundError: No module named '_ssl'", "ModuleNotFoundError: No module named '_bz2'"),
    ("ImportError: cannot import name 'x' from 'y' (/a/y.py)", "ImportError: cannot import name 'z' from 'y' (/a/y.py)"),
    ("KeyError: 'a'", "KeyError: 'b'"),
    ("NameError: name 'a' is not defined", "NameError: name 'b' is not defined"),
    // The same words, another code.
    ("OSError: [Errno 13] failed", "OSError: [Errno 2] failed"),
    ("OSError: [Errno 111] failed", "OSError: [Errno 104] failed"),
    ("OSError: [WinError 10054] failed", "OSError: [WinError 10061] failed"),
    ("AssertionError: Process return code is 1", "AssertionError: Process return code is 3"),
    ("AssertionError: -11 != 0", "AssertionError: -6 != 0"),
    ("AssertionError: exit code -11", "AssertionError: exit code -9"),
    ("AssertionError: exit code 0xC0000005", "AssertionError: exit code 0xC0000409"),
    ("AssertionError: exit code 3221225477", "AssertionError: exit code 3221226505"),
    ("AssertionError: died of signal 11", "AssertionError: died of signal 6"),
    ("AssertionError: returncode=120", "AssertionError: returncode=139"),
    ("HTTPError: HTTP Error 404: no", "HTTPError: HTTP Error 503: no"),
    ("AssertionError: 200 != 404", "AssertionError: 200 != 500"),
    ("BuildError: make: *** [all] Error 2", "BuildError: make: *** [all] Error 127"),
    ("CompileError: error C2065: x", "CompileError: error C2143: x"),
    // Numbers that a test has written down.
    ("AssertionError: 1 != 2", "AssertionError: 1 != 3"),
    ("AssertionError: 1 != 2", "AssertionError: -1 != 2"),
    ("AssertionError: Lists differ: [1, 2] != [1, 3]", "AssertionError: Lists differ: [1, 2] != [1, 4]"),
    ("AssertionError: 1 != 2", "AssertionError: 2 != 1"),
    ("UnicodeDecodeError: can't decode byte 0x80", "UnicodeDecodeError: can't decode byte 0xff"),
    ("ValueError: int32", "ValueError: int64"),
    ("LookupError: unknown encoding: ISO-8859-1", "LookupError: unknown encoding: ISO-8859-15"),
    // The same values or not.
    ("AssertionError: 0x7f3a1c is not 0x7f3a1c", "AssertionError: 0x7f3a1c is not 0x7f9b00"),
    ("AssertionError: 0xa != 0xa", "AssertionError: 0xa != 0xb"),
    ("AssertionError: port 40123, not 40123", "AssertionError: port 40123, not 40124"),
    ("AssertionError: '/tmp/abc' != '/tmp/abc'", "AssertionError: '/tmp/abc' != '/tmp/def'"),
    ("AssertionError: 1000 != 1000", "AssertionError: 1000 != 1001"),
    // Names in paths, hosts.
    ("FileNotFoundError: [Errno 2] '/tmp/tmpab12cd_9/x'", "FileNotFoundError: [Errno 2] '/tmp/tmpab12cd_9/y'"),
    ("FileNotFoundError: [Errno 2] '/b/Lib/test/a.txt'", "FileNotFoundError: [Errno 2] '/b/Lib/test/b.txt'"),
    ("FileNotFoundError: [Errno 2] 'tmpfile.txt'", "FileNotFoundError: [Errno 2] 'tmpdata.txt'"),
    ("gaierror: [Errno -2] pythontest.net", "gaierror: [Errno -2] example.org"),
    ("gaierror: [Errno -2] pythontest.net", "gaierror: [Errno -3] pythontest.net"),
    ("AssertionError: 3 threads are alive", "AssertionError: 3 processes are alive"),
];

fn signed(line: &str) -> (Signature, String) {
    let (exception, message) = line.split_once(": ").unwrap();
    let test = test_id("test_x", "XTest", "test_y");
    let signature = sign(&test, FailureKind::TestError, exception, message);
    (signature, mask(message))
}

#[test]
fn chance_makes_no_difference() {
    assert!(SAME.len() >= 40);
    let apart: Vec<String> = SAME
        .iter()
        .map(|(one, other)| (signed(one), signed(other)))
        .filter(|(one, other)| one.0 != other.0)
        .map(|(one, other)| format!("{}\n{}\n", one.1, other.1))
        .collect();
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

#[test]
fn causes_make_a_difference() {
    assert!(DIFFERENT.len() >= 40);
    let alike: Vec<&str> = DIFFERENT
        .iter()
        .filter(|(one, other)| signed(one).0 == signed(other).0)
        .map(|(one, _)| *one)
        .collect();
    assert!(alike.is_empty(), "{}", alike.join("\n"));
}
