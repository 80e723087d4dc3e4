//! What a dying process says: the interpreter's fatal errors, failed assertions
//! of C code, the C library's complaints, and the signal that ends it.

use std::sync::LazyLock;

use regex::Regex;

use super::others::from_sources;
use super::telling;
use crate::domain::failure::{FailureKind, Place};
use crate::parsing::{excerpt, pattern};

/// Words that begin a report of a process's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastWords {
    /// A crash, or faulthandler's timeout.
    pub(super) kind: FailureKind,
    /// Where in the line they begin.
    pub(super) at: usize,
    /// A fatal error may follow, of which these words say the reason.
    pub(super) is_reason: bool,
}

/// A failed assertion of C code, in the words of the C libraries and of Python.
static ASSERTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?x)
        (?: ^ | :\ | \.\.\.\ )
        (?: (?P<file1> [\w./\\:-]+ \. [A-Za-z]{1,4} ) : (?P<line1> \d+ ) : \ (?: (?: [\w:<>]+ [\s*&]+ ){0,5} )
              (?P<func1> [\w:~<>]+ ) (?: \( (?: [^()] | \([^()]*\) )* \) (?:\ const)? )?
            : \ Assertion \  (?: [`"'] .* ['"] \ failed | failed ) \b
        | Assertion \ failed: \  .*? , \ (?: function \ (?P<func2> [^,]+ ) , \ )?
            file \ (?P<file2> [^,]+ ) , \ line \ (?P<line2> \d+ )
        | Assertion \ failed: \  .* \( (?P<file3> [^\s():]+ ) : \ (?P<func3> \w+ ) : \ (?P<line3> \d+ ) \) )"#,
    )
});

/// What glibc, musl, the BSDs, macOS and Python's debug allocator say of a
/// damaged heap or stack.
const COMPLAINTS: [&str; 14] = [
    "*** stack smashing detected ***",
    "*** buffer overflow detected ***",
    "*** Error in `",
    "double free or corruption",
    "corrupted size vs. prev_size",
    "corrupted double-linked list",
    "malloc(): ",
    "malloc_consolidate(): ",
    "realloc(): ",
    "free(): ",
    "munmap_chunk(): ",
    "malloc_printerr",
    "*** error for object",
    "Debug memory block at address p=",
];

const TIMEOUT: &str = "Timeout (";

/// Words of which one is in every line that [`find`] finds.
pub(super) const TELLING: &str = r"Timeout \(|atal |Assertion|\*\*\*|alloc|free\(\)|corrupt|munmap_chunk|Debug memory|wasm trap: |rror: |failed|cted exit";

/// Finds them in a line; a test's own output may be glued before them.
pub(super) fn find(line: &str) -> Option<LastWords> {
    if !telling::is_there(line) {
        return None;
    }
    if let Some(at) = line.rfind(TIMEOUT)
        && timeout_seconds(line.get(at..)?).is_some()
    {
        return words(line, FailureKind::Timeout, at, false);
    }
    for fatal in ["Fatal Python error: ", "Windows fatal exception: "] {
        if let Some(at) = line.find(fatal) {
            return words(line, FailureKind::Crash, at, false);
        }
    }
    if line.contains("Assertion") && line.len() < 4000 && ASSERTION.is_match(line) {
        return words(line, FailureKind::Crash, begin_of_output(line), true);
    }
    if let Some(text) = trap(line) {
        return words(line, FailureKind::Crash, line.len() - text.len(), false);
    }
    let at = begin_of_output(line);
    let output = line.get(at..)?;
    let complains = COMPLAINTS.iter().any(|words| output.starts_with(words))
        || (output.contains("malloc: *** error for object") && !output.contains('"'));
    complains.then_some(LastWords {
        kind: FailureKind::Crash,
        at,
        is_reason: true,
    })
}

/// Unless they are quoted: a test's message may show what a child process said.
fn words(line: &str, kind: FailureKind, at: usize, is_reason: bool) -> Option<LastWords> {
    let before = line.get(..at)?;
    let is_quoted = before.ends_with(['\'', '"', '`'])
        || before.trim_end().ends_with(['>', '|', '#'])
        || before.contains("b'");
    (!is_quoted).then_some(LastWords {
        kind,
        at,
        is_reason,
    })
}

/// Behind `test_x (…) ... `.
fn begin_of_output(line: &str) -> usize {
    line.find(" ... ").map_or(0, |at| at + " ... ".len())
}

/// The seconds of `Timeout (0:20:00)!`, also with a fraction.
pub(super) fn timeout_seconds(line: &str) -> Option<u64> {
    let time = line.trim_end().strip_prefix(TIMEOUT)?.strip_suffix(")!")?;
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let total = hours.checked_mul(3600)?.checked_add(minutes * 60)?;
    parts.next().is_none().then_some(total + seconds)
}

/// Where in C code an assertion failed.
pub(super) fn place(line: &str) -> Option<Place> {
    if !line.contains("Assertion") {
        return None;
    }
    let found = ASSERTION.captures(line)?;
    let part = |names: [&str; 3]| {
        names
            .iter()
            .find_map(|name| found.name(name))
            .map(|part| part.as_str().to_owned())
    };
    Some(Place {
        file: top_of_sources(&part(["file1", "file2", "file3"])?),
        line: part(["line1", "line2", "line3"]).and_then(|line| line.parse().ok()),
        function: part(["func1", "func2", "func3"]),
    })
}

/// A path of C code from the top folder of the sources on.
pub(super) fn top_of_sources(path: &str) -> String {
    let short = excerpt::without_build_folder(path);
    if short == path {
        return from_sources(path.trim_start_matches("./"));
    }
    short.trim_start_matches("./").to_owned()
}

/// The signal that words of a shell, of make or of faulthandler tell:
/// `Segmentation fault (core dumped)`.
pub(super) fn signal(words: &str) -> Option<&'static str> {
    let words = words.trim();
    let words = words.strip_suffix(" (core dumped)").unwrap_or(words);
    [
        ("Segmentation fault", "SIGSEGV"),
        ("Aborted", "SIGABRT"),
        ("Abort trap", "SIGABRT"),
        ("Bus error", "SIGBUS"),
        ("Illegal instruction", "SIGILL"),
        ("Floating point exception", "SIGFPE"),
        ("Floating-point exception", "SIGFPE"),
        ("Trace/breakpoint trap", "SIGTRAP"),
        ("Trace/BPT trap", "SIGTRAP"),
        ("Bad system call", "SIGSYS"),
        ("Killed", "SIGKILL"),
        ("Terminated", "SIGTERM"),
    ]
    .into_iter()
    .find(|(name, _)| {
        words.strip_prefix(name).is_some_and(|rest| {
            // `Segmentation fault: 11` of the BSDs and macOS.
            rest.is_empty() || rest.starts_with(": ") && rest.len() <= 4
        })
    })
    .map(|(_, signal)| signal)
}

/// What the engine that runs WebAssembly (wasmtime, Node) or the testbed on a phone
/// (Gradle, Xcode) says of a program that died, without the number before it. Python
/// raises none of these.
pub(super) fn trap(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = match line.split_once(": ") {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => line,
    };
    [
        "wasm trap: ",
        "RangeError: Maximum call stack size exceeded",
        "RuntimeError: memory access out of bounds",
        "RuntimeError: table index is out of bounds",
        "RuntimeError: null function or function signature mismatch",
        "fatal runtime error: ",
        "Restarting after unexpected exit, crash, or test timeout",
        "Test run failed to complete. Instrumentation run failed due to ",
    ]
    .iter()
    .any(|start| text.starts_with(start))
    .then_some(text)
}

/// Whether a signal is a crash of the program; others come from outside.
pub(super) fn is_crash(signal: &str) -> bool {
    matches!(
        signal,
        "SIGSEGV" | "SIGABRT" | "SIGBUS" | "SIGILL" | "SIGFPE" | "SIGTRAP" | "SIGSYS"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_libraries() {
        for (line, at) in [
            ("Timeout (0:20:00)!", 0),
            ("test_x (a.B) ... Timeout (1:00:00.500000)!", 17),
            ("Fatal Python error: Aborted", 0),
            ("outputFatal Python error: init_fs_encoding: failed", 6),
            ("Windows fatal exception: code 0xc0000374", 0),
            (
                "python: Objects/dictobject.c:1234: insertdict: Assertion `x != 0' failed.",
                0,
            ),
            (
                "Objects/typeobject.c:83: _Py_NegativeRefcount: Assertion failed: object has negative ref count",
                0,
            ),
            (
                "Modules/gcmodule.c:442: update_refs: Assertion \"gc_get_refs(gc) != 0\" failed",
                0,
            ),
            (
                "Assertion failed: (x > 0), function f, file Python/ceval.c, line 99.",
                0,
            ),
            (
                "Assertion failed: x, file ..\\Objects\\dictobject.c, line 99",
                0,
            ),
            ("Assertion failed: p (Python/ceval.c: f: 12)", 0),
            (
                "test_x (a.B) ... *** stack smashing detected ***: terminated",
                17,
            ),
            ("malloc(): invalid size (unsorted)", 0),
            (
                "python(123,0x1f) malloc: *** error for object 0x1: pointer being freed was not allocated",
                0,
            ),
            ("Debug memory block at address p=0x7f: API 'o'", 0),
        ] {
            assert_eq!(find(line).map(|words| words.at), Some(at), "{line}");
        }
        for line in [
            "",
            "AssertionError: 1 != 2",
            "Assertion failed: no",
            "stderr: b'Fatal Python error: Aborted'",
            "Timeout (20 min)!",
            "xxx Timeout (0:0)!",
            "# Timeout (0:00:01)!",
            "the malloc(): words",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
    }

    #[test]
    fn places_of_assertions() {
        let shown = |line: &str| {
            let place = place(line).unwrap();
            let function = place.function.unwrap_or_default();
            format!("{}:{} {function}", place.file, place.line.unwrap())
        };
        assert_eq!(
            shown("python: /b/build/Objects/dictobject.c:1234: insertdict: Assertion `x' failed."),
            "Objects/dictobject.c:1234 insertdict"
        );
        assert_eq!(
            shown("Assertion failed: (x, y), function f, file ./Python/ceval.c, line 99."),
            "Python/ceval.c:99 f"
        );
        assert_eq!(
            shown("Assertion failed: x, file ..\\Objects\\dictobject.c, line 99"),
            "Objects\\dictobject.c:99 "
        );
        assert_eq!(
            shown(
                "python: Python/optimizer_analysis.c:520: int optimize_uops(PyCodeObject *, uint64_t *, void (*)(int), int): Assertion `(x - y) < 3' failed."
            ),
            "Python/optimizer_analysis.c:520 optimize_uops"
        );
        assert_eq!(
            shown(
                "x: src/a.cc:7: virtual void ns::A<int>::f(const B&) const: Assertion `p' failed."
            ),
            "src/a.cc:7 ns::A<int>::f"
        );
        assert_eq!(
            shown("Assertion failed: p (src/x.c: f: 12)"),
            "src/x.c:12 f"
        );
    }

    #[test]
    fn traps_of_web_assembly() {
        for line in [
            "    2: wasm trap: call stack exhausted",
            "wasm trap: out of bounds memory access",
            "RuntimeError: memory access out of bounds",
            "fatal runtime error: stack overflow",
            "Test run failed to complete. Instrumentation run failed due to Process crashed.",
            "Restarting after unexpected exit, crash, or test timeout in -[T testPython]; summary",
        ] {
            assert!(trap(line).is_some(), "{line}");
            assert!(find(line).is_some(), "{line}");
        }
        for line in ["", "RuntimeError: unreachable", "a wasm trap: x", "2: no"] {
            assert_eq!(trap(line), None);
        }
    }

    #[test]
    fn times_and_signals() {
        assert_eq!(timeout_seconds("Timeout (1:20:05)!"), Some(4805));
        assert_eq!(timeout_seconds("Timeout (0:00:04.250000)!"), Some(4));
        assert_eq!(timeout_seconds("Timeout (99999999999999999999:0:0)!"), None);
        assert_eq!(signal("Segmentation fault (core dumped)"), Some("SIGSEGV"));
        assert_eq!(signal("Segmentation fault: 11"), Some("SIGSEGV"));
        assert_eq!(signal("Aborted by the user"), None);
        assert_eq!(signal("Killed"), Some("SIGKILL"));
    }
}
