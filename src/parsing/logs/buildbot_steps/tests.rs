use super::*;

fn cause(line: &str) -> Option<(FailureKind, Cause)> {
    read(line, false).map(|fault| (fault.kind, fault.cause))
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn faults_of_the_machine() {
    use Cause::{Died, Exhausted, Git, Killed, Network, TimedOut, WorkerLost};
    use FailureKind::{Crash, Infrastructure, Timeout};
    for (line, kind, of) in [
        (
            "command timed out: 1200 seconds without output running [b'make'], attempting to kill",
            Timeout,
            TimedOut,
        ),
        (
            "[Failure instance: Traceback (failure with no frames): <class 'twisted.internet.error.ConnectionLost'>: x",
            Infrastructure,
            WorkerLost,
        ),
        (
            "/tmp/cc.s: Fatal error: can't fill 256 bytes: 'No space left on device'",
            Infrastructure,
            Exhausted,
        ),
        (
            "gcc: fatal error: Killed signal terminated program cc1",
            Infrastructure,
            Exhausted,
        ),
        (
            "c++: internal compiler error: Killed (program cc1plus)",
            Infrastructure,
            Exhausted,
        ),
        (
            "virtual memory exhausted: Cannot allocate memory",
            Infrastructure,
            Exhausted,
        ),
        (
            "/bin/sh: fork: retry: Resource temporarily unavailable",
            Infrastructure,
            Exhausted,
        ),
        (
            "fatal: unable to access 'https://x/': Could not resolve host: x",
            Infrastructure,
            Git,
        ),
        (
            "fatal: Unable to create '/b/.git/index.lock': File exists.",
            Infrastructure,
            Git,
        ),
        (
            "error: RPC failed; curl 56 Recv failure",
            Infrastructure,
            Git,
        ),
        (
            "curl: (6) Could not resolve host: example.org",
            Infrastructure,
            Network,
        ),
        ("process killed by signal 9", Infrastructure, Killed),
        ("process killed by signal 11", Crash, Died),
        (
            "make: *** [Makefile:1772: buildbottest] Killed",
            Infrastructure,
            Killed,
        ),
        (
            "make[1]: *** [Makefile:1: test] Segmentation fault (core dumped)",
            Crash,
            Died,
        ),
        (
            "/bin/sh: line 1: 12345 Segmentation fault      (core dumped) ./python -m x",
            Crash,
            Died,
        ),
        (
            "/bin/bash: line 1:  1234 Killed                  ./python x",
            Infrastructure,
            Killed,
        ),
        ("Segmentation fault (core dumped)", Crash, Died),
        ("Bus error", Crash, Died),
    ] {
        assert_eq!(cause(line), Some((kind, of)), "{line}");
    }
}

#[test]
fn other_lines() {
    for line in [
        "",
        "fatal: x",
        "MemoryError",
        "OSError: [Errno 12] Cannot allocate memory",
        "make: *** [Makefile:10: Objects/longobject.o] Error 1",
        "sh: line 1: Segmentation: command not found",
        "test_connection_lost ... ok",
        "Killed by the user",
        "ConnectionRefusedError: [Errno 111] Connection refused",
    ] {
        let found = cause(line).filter(|(_, cause)| *cause != Cause::Network);
        assert_eq!(found, None, "{line}");
    }
    assert_eq!(read("curl: (6) Could not resolve host: x", true), None);
}

#[test]
fn the_gravest_one_counts_and_the_exit_code_tells() {
    let mut faults = Faults::default();
    for line in [
        "make: *** [Makefile:1: test] Terminated",
        "command timed out: 14400 seconds elapsed running [b'make'], attempting to kill",
        "process killed by signal 15",
        "program finished with exit code -1",
    ] {
        faults.push(line, Some(1), true);
    }
    let best = faults.best().unwrap();
    assert_eq!(best.timeout_seconds, Some(14400));
    assert_eq!(faults.of_exit_code(), None);
    faults.push("program finished with exit code 139", None, true);
    assert_eq!(faults.of_exit_code().unwrap().signal, Some("SIGSEGV"));
}
