//! What faulthandler and the interpreter's fatal errors print: a line that says
//! what happened, and the frames of every thread.

use super::found::clipped;
use super::last_words::{self, LastWords};
use super::traceback::{Frame, exception_type, frame_lines, is_shared, test_of};
use super::{regrtest, test_id, unittest};
use crate::domain::failure::{FailureKind, Place, TestId};
use crate::parsing::excerpt;

/// Threads kept of one dump, and frames of each thread.
const MAX_THREADS: usize = 64;
const MAX_FRAMES: usize = 100;
/// Lines that may stand between the first line and the first thread: Python
/// shows an object whose reference count is wrong.
const MAX_BETWEEN: usize = 16;

/// A dump that is being read.
#[derive(Debug, Clone)]
pub(super) struct Dump {
    pub(super) kind: FailureKind,
    /// `Timeout (0:20:00)!`, `Fatal Python error: Segmentation fault`, or the
    /// failed assertion that is the reason of the fatal error.
    pub(super) line: String,
    /// The line may be the reason of a fatal error below it.
    is_reason: bool,
    /// That fatal error.
    fatal: Option<String>,
    /// The exception because of which the interpreter could not begin.
    exception: Option<String>,
    threads: Vec<Thread>,
    /// All of them, also those that are not kept.
    count: u32,
    between: usize,
    in_c_stack: bool,
}

#[derive(Debug, Clone)]
struct Thread {
    is_current: bool,
    header: String,
    /// Innermost first, as printed.
    frames: Vec<Frame>,
    /// How often the last one was printed again.
    repeated: usize,
}

impl Thread {
    /// A function that calls itself stands once.
    fn push(&mut self, frame: Frame) {
        if let Some(last) = self.frames.last_mut()
            && last.line == frame.line
        {
            self.repeated += 1;
            last.repeated = Some(format!("  (and {} more times)", self.repeated));
        } else if self.frames.len() < MAX_FRAMES {
            self.repeated = 0;
            self.frames.push(frame);
        }
    }
}

impl Dump {
    /// Begins with the text from the telling words on, wherever they stand in
    /// the line: a test's own output may be glued before them.
    pub(super) fn begin(line: &str) -> Option<Self> {
        let LastWords {
            kind,
            at,
            is_reason,
        } = last_words::find(line)?;
        let line = line.get(at..)?.trim_end();
        Some(Self {
            kind,
            line: if is_reason {
                excerpt::without_build_folder(line)
            } else {
                line.to_owned()
            },
            is_reason,
            fatal: None,
            exception: None,
            threads: Vec::new(),
            count: 0,
            between: 0,
            in_c_stack: false,
        })
    }

    /// Takes a line; `false` if it does not belong to the dump.
    pub(super) fn goes_on_with(&mut self, line: &str) -> bool {
        if is_c_stack(line) {
            self.in_c_stack = true;
            return true;
        }
        if is_thread(line) {
            self.in_c_stack = false;
            self.push_thread(line);
            return true;
        }
        if let Some(frame) = line.starts_with("  ").then(|| Frame::parse(line)).flatten() {
            if let Some(thread) = self.threads.last_mut()
                && !self.in_c_stack
            {
                thread.push(frame);
            }
            return true;
        }
        if line.is_empty() || line.starts_with("  ") || is_epilogue(line) {
            return true;
        }
        self.takes_between(line)
    }

    fn push_thread(&mut self, line: &str) {
        self.count = self.count.saturating_add(1);
        let is_current = line.starts_with("Current thread") || line.starts_with("Stack (");
        // The thread that crashed is kept however many there are.
        if self.threads.len() >= MAX_THREADS {
            if !is_current {
                return;
            }
            self.threads.pop();
        }
        self.threads.push(Thread {
            is_current,
            header: line.to_owned(),
            frames: Vec::new(),
            repeated: 0,
        });
    }

    /// Lines before the first thread.
    fn takes_between(&mut self, line: &str) -> bool {
        self.between += 1;
        if !self.threads.is_empty() || self.between > MAX_BETWEEN || is_other_output(line) {
            return false;
        }
        match last_words::find(line) {
            None => {
                let is_exception = |name: String| name.ends_with("Error");
                if line.contains(": ") && exception_type(line).is_some_and(is_exception) {
                    self.exception = Some(clipped(line).to_owned());
                }
                true
            }
            Some(words) if words.kind == FailureKind::Crash && self.is_reason => {
                if !words.is_reason {
                    self.is_reason = false;
                    self.fatal = line.get(words.at..).map(|line| line.trim_end().to_owned());
                }
                true
            }
            Some(_) => false,
        }
    }

    /// How many threads it shows; none if it shows no thread.
    pub(super) fn threads(&self) -> Option<u32> {
        Some(self.count).filter(|count| *count > 0)
    }

    /// After how long the run was ended.
    pub(super) fn timeout_seconds(&self) -> Option<u64> {
        last_words::timeout_seconds(&self.line)
    }

    /// The signal that ended the process, where the words tell.
    pub(super) fn signal(&self) -> Option<&'static str> {
        let fatal = self.fatal.as_deref().unwrap_or(&self.line);
        last_words::signal(fatal.strip_prefix("Fatal Python error: ")?)
    }

    /// The test that the telling thread was in; one test runs at a time, so
    /// another thread may know when that one does not.
    pub(super) fn test(&self) -> Option<TestId> {
        let of_telling = test_of(&self.frames());
        let has_method = |test: &TestId| test.method.is_some();
        if of_telling.as_ref().is_some_and(has_method) {
            return of_telling;
        }
        let in_test = self.in_test();
        in_test
            .and_then(|thread| test_of(&outermost_first(thread)))
            .or_else(|| self.test_of_several())
            .or(of_telling)
    }

    /// The method of a test that several test files share: its file is the one
    /// that regrtest ran.
    fn test_of_several(&self) -> Option<TestId> {
        let is_test =
            |frame: &&Frame| is_shared(&frame.path) && test_id::is_test_function(&frame.function);
        let method = self
            .threads
            .iter()
            .find_map(|thread| thread.frames.iter().rev().find(is_test))?;
        Some(TestId {
            method: Some(method.function.clone()),
            ..TestId::default()
        })
    }

    /// Where in its test file the telling thread hangs, and in what it waits:
    /// `in test_lock_timeout (test_sched.py:123), waiting in threading.join`.
    /// None for a crash, of which the dump's line says more.
    pub(super) fn place(&self) -> Option<String> {
        if self.kind != FailureKind::Timeout {
            return None;
        }
        let frame = self.frame_in_test()?;
        let file = frame.path.rsplit(['/', '\\']).next()?;
        let number = frame.number()?;
        let waiting = self
            .waiting_in()
            .map_or_else(String::new, |call| format!(", waiting in {call}"));
        Some(format!("in {} ({file}:{number}){waiting}", frame.function))
    }

    /// Where the assertion failed; else where in the test file the telling
    /// thread was.
    pub(super) fn source(&self) -> Option<Place> {
        last_words::place(&self.line).or_else(|| {
            let frame = self.frame_in_test()?;
            Some(Place {
                file: last_words::top_of_sources(&frame.path),
                line: frame.number(),
                function: Some(frame.function.clone()),
            })
        })
    }

    /// The telling thread's frames, outermost first.
    pub(super) fn frames(&self) -> Vec<Frame> {
        self.telling().map_or_else(Vec::new, outermost_first)
    }

    /// The line, the thread, its own frames innermost first.
    pub(super) fn excerpt(&self, limit: usize) -> Vec<String> {
        let frames = self.frames();
        let mut shown = frame_lines(&frames, limit.saturating_sub(4));
        shown.reverse();
        // What stands below a frame stays below it.
        for at in 1..shown.len() {
            if shown
                .get(at - 1)
                .is_some_and(|line| line.starts_with("  (and "))
            {
                shown.swap(at - 1, at);
            }
        }
        let header = self.telling().map(|thread| thread.header.as_str());
        let others = self.count.saturating_sub(1);
        let others = match others {
            0 => None,
            1 => Some("(and 1 more thread)".to_owned()),
            more => Some(format!("(and {more} more threads)")),
        };
        std::iter::once(self.line.as_str())
            .chain(self.fatal.as_deref())
            .chain(self.exception.as_deref())
            .chain(header)
            .chain(shown)
            .map(str::to_owned)
            .chain(others)
            .collect()
    }

    /// The thread that crashed; for a timeout the one that runs a test.
    fn telling(&self) -> Option<&Thread> {
        let current = self.threads.iter().find(|thread| thread.is_current);
        let crashed = current.filter(|_| self.kind != FailureKind::Timeout);
        crashed
            .or_else(|| self.in_test())
            .or(current)
            .or(self.threads.last())
    }

    /// The thread in which unittest runs a test; else one in a test's function.
    fn in_test(&self) -> Option<&Thread> {
        let find = |is_it: fn(&Thread) -> bool| self.threads.iter().find(|thread| is_it(thread));
        find(|thread| {
            thread.frames.iter().any(is_in_test_method) && thread.frames.iter().any(is_unittest)
        })
        .or_else(|| find(|thread| thread.frames.iter().any(is_in_test_method)))
    }

    /// The telling thread's innermost frame in a test file.
    fn frame_in_test(&self) -> Option<&Frame> {
        let frames = &self.telling()?.frames;
        frames.iter().find(|frame| is_in_tests(frame))
    }

    /// What the test called that waits: `subprocess.communicate`.
    fn waiting_in(&self) -> Option<String> {
        let frames = &self.telling()?.frames;
        let below_test = frames.iter().position(is_in_tests)?;
        let call = frames
            .iter()
            .take(below_test)
            .rev()
            .find(|frame| is_waiting(&frame.function))?;
        let path = call.path.replace('\\', "/");
        let mut parts = path.rsplit('/');
        let file = parts.next()?;
        let module = match file {
            "__init__.py" => parts.next()?,
            _ => file.strip_suffix(".py")?,
        };
        Some(format!("{module}.{}", call.function))
    }
}

fn outermost_first(thread: &Thread) -> Vec<Frame> {
    let mut frames = thread.frames.clone();
    frames.reverse();
    frames
}

fn is_in_test_method(frame: &Frame) -> bool {
    test_of(std::slice::from_ref(frame)).is_some_and(|test| test.method.is_some())
}

fn is_in_tests(frame: &Frame) -> bool {
    frame.test_file.is_some() || is_shared(&frame.path)
}

fn is_unittest(frame: &Frame) -> bool {
    frame.path.replace('\\', "/").contains("/unittest/")
}

/// Whether a function of the library waits for something.
fn is_waiting(function: &str) -> bool {
    matches!(
        function,
        "join"
            | "wait"
            | "wait_for"
            | "communicate"
            | "select"
            | "poll"
            | "acquire"
            | "get"
            | "put"
            | "recv"
            | "recv_into"
            | "read"
            | "readline"
            | "readinto"
            | "accept"
            | "connect"
            | "create_connection"
            | "getresponse"
            | "urlopen"
            | "sendall"
            | "result"
            | "shutdown"
            | "sleep"
            | "waitpid"
            | "_wait_for_tstate_lock"
            | "sleeping_retry"
            | "busy_retry"
    )
}

fn is_thread(line: &str) -> bool {
    // The last where free-threading keeps it from showing the others.
    ["Thread 0x", "Current thread 0x", "Stack ("]
        .iter()
        .any(|start| line.starts_with(start))
        && line.trim_end().ends_with("(most recent call first):")
}

fn is_c_stack(line: &str) -> bool {
    line.starts_with("Current thread's C stack trace")
}

fn is_epilogue(line: &str) -> bool {
    [
        "Extension modules:",
        "Python runtime state:",
        "Current thread",
        "Thread 0x",
        "<",
        "...",
    ]
    .iter()
    .any(|start| line.starts_with(start))
}

/// What does not belong to a dump, however early it comes.
fn is_other_output(line: &str) -> bool {
    line.contains(" ... ")
        || line.starts_with("make")
        || line.starts_with("program finished with ")
        || unittest::is_rule(line)
        || unittest::is_double_rule(line)
        || regrtest::read(line).is_some()
}

#[cfg(test)]
mod tests;
