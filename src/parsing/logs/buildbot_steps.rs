//! What Buildbot, hosted systems, make, git and the machine say of a step that no
//! test is the cause of.

use std::sync::LazyLock;

use regex::Regex;

use super::{exit, hosted_words, last_words};
use crate::domain::failure::FailureKind;
use crate::parsing::pattern;

/// A fault that is not the code's, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FailureKind,
    /// As printed.
    pub(super) line: String,
    pub(super) cause: Cause,
    pub(super) signal: Option<&'static str>,
    /// After how many seconds Buildbot ended the step.
    pub(super) timeout_seconds: Option<u64>,
    /// The number of its line in the log.
    pub(super) number: Option<u64>,
    /// What git says below it.
    pub(super) below: Vec<String>,
}

/// What a fault is of, the least grave first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A signal from outside, or an exit code that tells of one.
    Killed,
    /// The program died by a signal of its own.
    Died,
    /// Another machine did not answer, or a disk takes nothing.
    Network,
    /// Git could not fetch or check out.
    Git,
    /// No room on the disk, no memory, or no room in the log.
    Exhausted,
    /// The worker went away.
    WorkerLost,
    /// Buildbot, or a hosted system, ended the step.
    TimedOut,
}

/// The gravest fault of a step.
#[derive(Debug, Default, Clone)]
pub(super) struct Faults {
    best: Option<Fault>,
    exit_code: Option<i64>,
    step_ended: bool,
}

impl Faults {
    /// Looks at one line; the first of the gravest cause is kept. `tests_seen`
    /// says that tests print what they like. Whether the line tells of a fault
    /// of the machine, whatever else it looks like.
    pub(super) fn push(&mut self, line: &str, number: Option<u64>, tests_seen: bool) -> bool {
        if let Some(code) = line.strip_prefix("program finished with exit code ") {
            self.step_ended = true;
            self.exit_code = code.trim().parse().ok();
        }
        let Some(fault) = read(line, tests_seen) else {
            self.push_below(line);
            return false;
        };
        let is_of_machine = fault.cause == Cause::Exhausted;
        if self
            .best
            .as_ref()
            .is_none_or(|best| best.cause < fault.cause)
        {
            self.best = Some(Fault { number, ..fault });
        }
        is_of_machine
    }

    /// Git tells the cause on the line below, as `errno=Connection refused`.
    fn push_below(&mut self, line: &str) {
        if self.is_open()
            && !line.is_empty()
            && let Some(best) = &mut self.best
        {
            best.below.push(line.to_owned());
        }
    }

    /// Whether the next line belongs to the last fault.
    pub(super) fn is_open(&self) -> bool {
        self.best.as_ref().is_some_and(|best| {
            best.cause == Cause::Git && best.below.is_empty() && best.line.ends_with(':')
        })
    }

    /// The gravest one.
    pub(super) fn best(&self) -> Option<&Fault> {
        self.best.as_ref()
    }

    /// Whether Buildbot says that a step's command ended.
    pub(super) fn step_ended(&self) -> bool {
        self.step_ended
    }

    /// With which code Buildbot saw the step end.
    pub(super) fn exit_code(&self) -> Option<i64> {
        self.exit_code
    }

    /// What the exit code alone tells: that of a shell whose program died, or
    /// the negative one of Python's `subprocess`.
    pub(super) fn of_exit_code(&self) -> Option<Fault> {
        let code = self.exit_code?;
        let number = match code {
            // Buildbot's own word for "unknown".
            -1 => return None,
            -64..=-2 => -code,
            129..=192 => code - 128,
            _ => return None,
        };
        let signal = exit::signal_name(number)?;
        Some(of_signal(
            signal,
            &format!("program finished with exit code {code}"),
        ))
    }
}

/// `[Errno 28]` and `[Errno 122]` of POSIX and `[WinError 112]` of Windows.
pub(super) fn is_disk_full(line: &str) -> bool {
    line.contains("No space left on device")
        || line.contains("Disk quota exceeded")
        || line.contains("[WinError 112]")
}

/// `command timed out: 20 seconds without output running [b'make', …` without
/// the command.
pub(super) fn without_command(line: &str) -> &str {
    if !line.starts_with(TIMED_OUT) {
        return line;
    }
    line.split_once(" running ").map_or(line, |(what, _)| what)
}

const TIMED_OUT: &str = "command timed out: ";

/// `make: *** [Makefile:1772: buildbottest] Segmentation fault`, the words of a
/// shell with or without its own place and the process's number.
static DIED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) ^ (?:
            (?:g?make|ninja) (?:\[\d+\])? : \ \*\*\* \ \[ [^\]]* \] \ (?P<make> .* )
          | (?: \S*/ )? (?:ba|da|k|z)?sh : \ (?: line \ \d+ : \ )? (?: \d+ : \ )? \s* (?: \d+ \s+ )? (?P<shell> [A-Z][a-z]+ .*? ) (?: \s\s .* )?
        ) $",
    )
});

/// Words of which one is in every line that tells of a fault, for one quick look
/// at the many that do not.
static TELLING: LazyLock<Regex> = LazyLock::new(|| {
    const OWN: &str = r"command timed out|Failure instance|remoteFailed|slave lost|worker lost|lost connection|No space left|WinError 112|emory|fork: |process killed|\*\*\* \[|sh: |Segmentation|Abort|Bus error|Illegal instr|Floating|Trace/|Bad system|Killed|Terminated|rror|fatal: |failed|Failed|ssh: |curl: |E: Unable|Could not|Connection|timed out|resolution|resolving|unreachable|did not send all|wasm trap: |mentation run|cted exit|quota exceeded|Read-only file|overwritten|addrinfo|canceled while|handshake timeout|i/o timeout|servname|No route|certificate";
    pattern(&format!("{OWN}|{}", hosted_words::TELLING))
});

fn read(line: &str, tests_seen: bool) -> Option<Fault> {
    if line.len() > 4000 || !TELLING.is_match(line) {
        return None;
    }
    if let Some(rest) = line.strip_prefix(TIMED_OUT) {
        let seconds = rest.split(' ').next().and_then(|word| word.parse().ok());
        let mut timeout = fault(FailureKind::Timeout, Cause::TimedOut, line);
        timeout.timeout_seconds = seconds;
        return Some(timeout);
    }
    let infrastructure = |cause| Some(fault(FailureKind::Infrastructure, cause, line));
    if let Some((cause, seconds)) = hosted_words::read(line) {
        let mut fault = match cause {
            Cause::TimedOut => fault(FailureKind::Timeout, cause, line),
            _ => fault(FailureKind::Infrastructure, cause, line),
        };
        fault.timeout_seconds = seconds;
        return Some(fault);
    }
    if is_lost_worker(line) {
        return infrastructure(Cause::WorkerLost);
    }
    if is_disk_full(line) || is_out_of_memory(line, tests_seen) {
        return infrastructure(Cause::Exhausted);
    }
    if let Some(number) = line.strip_prefix("process killed by signal ") {
        let signal = number.trim().parse().ok().and_then(exit::signal_name);
        return Some(match signal {
            Some(signal) => of_signal(signal, line),
            None => fault(FailureKind::Infrastructure, Cause::Killed, line),
        });
    }
    if let Some(signal) = death(line) {
        return Some(of_signal(signal, line));
    }
    if let Some(trap) = last_words::trap(line) {
        return Some(fault(FailureKind::Crash, Cause::Died, trap));
    }
    if tests_seen {
        return None;
    }
    if line.contains("Read-only file system") {
        return infrastructure(Cause::Network);
    }
    if is_of_git(line) {
        return infrastructure(Cause::Git);
    }
    is_of_network(line)
        .then(|| infrastructure(Cause::Network))
        .flatten()
}

fn fault(kind: FailureKind, cause: Cause, line: &str) -> Fault {
    Fault {
        kind,
        line: line.trim().to_owned(),
        cause,
        signal: None,
        timeout_seconds: None,
        number: None,
        below: Vec::new(),
    }
}

/// A signal of the program's own doing is a crash; the others come from the
/// machine or its people.
fn of_signal(signal: &'static str, line: &str) -> Fault {
    let (kind, cause) = if last_words::is_crash(signal) {
        (FailureKind::Crash, Cause::Died)
    } else {
        (FailureKind::Infrastructure, Cause::Killed)
    };
    Fault {
        signal: Some(signal),
        ..fault(kind, cause, line)
    }
}

/// The signal that make or a shell tells.
fn death(line: &str) -> Option<&'static str> {
    if let Some(signal) = last_words::signal(line) {
        return Some(signal);
    }
    let is_told = line.contains(": *** [") || line.contains("sh: ");
    let found = is_told.then(|| DIED.captures(line)).flatten()?;
    let words = found.name("make").or_else(|| found.name("shell"))?;
    last_words::signal(words.as_str())
}

fn is_lost_worker(line: &str) -> bool {
    let is_failure = line.contains("[Failure instance: ");
    (is_failure
        && [
            "ConnectionLost",
            "ConnectionDone",
            "PBConnectionLost",
            "remoteFailed",
        ]
        .iter()
        .any(|word| line.contains(word)))
        || [
            "remoteFailed: ",
            "slave lost",
            "worker lost",
            "lost connection",
        ]
        .iter()
        .any(|start| line.starts_with(start))
}

/// What compilers, shells and the kernel say. `MemoryError` is Python's, and a
/// test's matter.
fn is_out_of_memory(line: &str, tests_seen: bool) -> bool {
    if line.contains("fork: ") && line.contains("Resource temporarily unavailable") {
        return true;
    }
    if tests_seen {
        return false;
    }
    let is_of_compiler = line.contains("rror: ") || line.contains("cc1");
    (line.contains("Cannot allocate memory") && !line.contains("OSError"))
        || line.contains("virtual memory exhausted")
        || line.contains("LLVM ERROR: out of memory")
        || (is_of_compiler
            && [
                "Killed (program",
                "Killed signal terminated program",
                "unable to execute command: Killed",
                ": out of memory allocating ",
                "fatal error C1060",
                "fatal error C1076",
                "fatal error LNK1102",
                "ld terminated with signal 9",
            ]
            .iter()
            .any(|words| line.contains(words)))
}

/// Git's `fatal: …` of fetching and checking out.
fn is_of_git(line: &str) -> bool {
    let text = line.strip_prefix("rror: ").unwrap_or(line);
    if let Some(fatal) = text.strip_prefix("fatal: ") {
        return [
            "unable to access ",
            "unable to connect to ",
            "unable to look up ",
            "Unable to create '",
            "the remote end hung up",
            "early EOF",
            "unpack-objects failed",
            "index-pack failed",
            "fetch-pack: ",
            "protocol error",
            "not a git repository",
            "Could not read from remote",
            "could not read ",
            "Could not parse object",
            "reference is not a tree",
            "Authentication failed",
            "remote error: ",
            "repository '",
            "couldn't find remote ref",
            "Couldn't find remote ref",
            "unable to read tree",
            "bad object ",
            "expected flush after ",
            "Could not reset index file ",
            "unable to write new index file",
            "loose object ",
            "cannot lock ref",
        ]
        .iter()
        .any(|start| fatal.starts_with(start));
    }
    [
        "error: RPC failed",
        "RPC failed; ",
        "ssh: connect to host ",
        "ssh: Could not resolve hostname ",
        "error: unable to unlink old '",
        "error: object file ",
        "error: Your local changes to the following files would be overwritten by ",
        "error: The following untracked working tree files would be overwritten by ",
    ]
    .iter()
    .any(|start| text.starts_with(start))
        || text.contains(" did not send all necessary objects")
}

/// Another machine that a step of the build needs does not answer.
pub(super) fn is_of_network(line: &str) -> bool {
    let starts = [
        "curl: (",
        "wget: ",
        "E: Failed to fetch ",
        "E: Unable to fetch ",
        "Err:",
        "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool",
        "ERROR: Could not find a version that satisfies",
        "pip._vendor.urllib3.exceptions.",
        "urllib.error.URLError: ",
        "npm ERR! network ",
        "npm error network ",
        "docker: Error response from daemon: ",
    ]
    .iter()
    .any(|start| line.starts_with(start));
    let tells = [
        "Could not resolve host",
        "Could not resolve '",
        "Temporary failure in name resolution",
        "Temporary failure resolving",
        "Name or service not known",
        "Connection timed out",
        "Connection refused",
        "Connection reset by peer",
        "Network is unreachable",
        "Failed to connect to ",
        "Read timed out",
        "Operation timed out",
        "The requested URL returned error: 5",
        "SSL connection timeout",
        "getaddrinfo failed",
        "getaddrinfo ENOTFOUND",
        "request canceled while waiting for connection",
        "TLS handshake timeout",
        ": i/o timeout",
        "nodename nor servname provided",
        "No route to host",
        "SSL certificate problem",
        "CERTIFICATE_VERIFY_FAILED",
        "Could not connect to server",
        "Couldn't connect to server",
    ]
    .iter()
    .any(|words| line.contains(words));
    tells && (starts || line.contains("rror")) || (starts && line.starts_with("E: "))
}

#[cfg(test)]
mod tests;
