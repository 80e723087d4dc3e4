//! The program under a debugger's eyes: it is stopped before and after each
//! system call, each step is told by its name as it comes, and the program is
//! killed exactly at the one that is wanted.

use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::calls::{Call, unread};
use super::steps::{Namer, Step};
use crate::service::PROGRAM;

/// How long an answer is waited for before the program is killed without: some
/// commands get none.
const ANSWER: Duration = Duration::from_secs(10);

/// When a program is killed, at the step that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the call.
    Before,
    /// When it was made; the other side may not have seen it yet.
    Sent,
    /// When the other side has answered, and the answer was not read yet.
    Answered,
}

/// Where a program is killed: at the step of this name.
#[derive(Debug, Clone)]
pub struct Kill {
    pub step: String,
    pub moment: Moment,
}

/// A program that is traced, in a thread of its own.
///
/// As long as it is, nobody else may ask how the process is: a stop would be
/// taken for its end.
pub struct Traced {
    process: Pid,
    progress: Arc<Mutex<Progress>>,
    thread: JoinHandle<Ended>,
}

/// How far a traced program is.
#[derive(Debug)]
struct Progress {
    stepped_at: Instant,
    is_over: bool,
    names: Vec<String>,
}

/// What a traced program did.
#[derive(Debug)]
pub struct Ended {
    /// In order.
    pub steps: Vec<Step>,
    /// Whether it was killed where it should be.
    pub was_hit: bool,
}

/// How a program gets traced.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    Running,
    Stopped,
}

/// A command that starts the program stopped, for [`Traced::start`].
pub fn stopped() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\"", PROGRAM]);
    command
}

impl Traced {
    /// Attaches to a running program; returns once it is traced.
    pub fn attach(process: u32, kill: Option<Kill>) -> Self {
        Self::begin(process, kill, Beginning::Running)
    }

    /// A program that was started by a command that stops first, as [`stopped`].
    pub fn start(process: u32, kill: Option<Kill>) -> Self {
        Self::begin(process, kill, Beginning::Stopped)
    }

    fn begin(process: u32, kill: Option<Kill>, beginning: Beginning) -> Self {
        let process = Pid::from_raw(process.try_into().expect("a process"));
        let progress = Arc::new(Mutex::new(Progress {
            stepped_at: Instant::now(),
            is_over: false,
            names: Vec::new(),
        }));
        let (is_traced, traced) = std::sync::mpsc::channel();
        let thread = {
            let progress = Arc::clone(&progress);
            std::thread::spawn(move || {
                let over = Over(progress);
                seize(process, beginning);
                is_traced.send(()).expect("somebody waits");
                let mut tracer = Tracer {
                    process,
                    kill,
                    namer: Namer::of(process),
                    progress: &over.0,
                    inside: None,
                    ended: Ended {
                        steps: Vec::new(),
                        was_hit: false,
                    },
                };
                tracer.run();
                tracer.ended
            })
        };
        // If it cannot be traced, the thread says why when it is joined.
        let _ = traced.recv();
        Self {
            process,
            progress,
            thread,
        }
    }

    /// Whether the program is over, killed or not.
    pub fn is_over(&self) -> bool {
        lock(&self.progress).is_over
    }

    /// Whether a thing is so, of a program that has made no step for `quiet`. It
    /// is not killed while this is looked at: then nobody else may have the
    /// database open.
    pub fn is_quiet_and(&self, quiet: Duration, is_so: impl FnOnce() -> bool) -> bool {
        let progress = lock(&self.progress);
        !progress.is_over && progress.stepped_at.elapsed() >= quiet && is_so()
    }

    /// What it did so far and does now, for people.
    pub fn tell(&self) -> String {
        let about = |file| std::fs::read_to_string(format!("/proc/{}/{file}", self.process));
        let state = about("stat").unwrap_or_default();
        let call = about("syscall").unwrap_or_default();
        let steps = lock(&self.progress).names.join("\n");
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.process));
        let files = files.into_iter().flatten().flatten();
        let files: Vec<String> = files
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .map(|file| file.display().to_string())
            .filter(|file| file.contains("sqlite3"))
            .collect();
        let files = files.join("\n");
        format!("{steps}\nits state: {state}\nits system call: {call}\nits files:\n{files}")
    }

    /// Ends the program if it is not over, and tells what it did. It must not have
    /// ended by itself.
    pub fn end(self) -> Ended {
        let was_over = self.is_over();
        if !was_over {
            let _ = kill(self.process, Signal::SIGKILL);
        }
        match self.thread.join() {
            Ok(ended) => {
                assert!(ended.was_hit || !was_over, "it ended by itself: {ended:?}");
                ended
            }
            Err(why) => std::panic::resume_unwind(why),
        }
    }
}

/// Tells that it is over, even if the tracer fails.
struct Over(Arc<Mutex<Progress>>);

impl Drop for Over {
    fn drop(&mut self) {
        lock(&self.0).is_over = true;
    }
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seize(process: Pid, beginning: Beginning) {
    if matches!(beginning, Beginning::Stopped) {
        let stopped = waitpid(process, Some(WaitPidFlag::WUNTRACED));
        assert!(
            matches!(stopped, Ok(WaitStatus::Stopped(..))),
            "it did not stop: {stopped:?}"
        );
    }
    // Other threads make no steps, and are killed along.
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).expect("a process of our own can be traced");
    match beginning {
        Beginning::Running => ptrace::interrupt(process).expect("it is stopped"),
        Beginning::Stopped => kill(process, Signal::SIGCONT).expect("it goes on"),
    }
}

struct Tracer<'a> {
    process: Pid,
    kill: Option<Kill>,
    namer: Namer,
    progress: &'a Mutex<Progress>,
    /// The call that is being made.
    inside: Option<Inside>,
    ended: Ended,
}

/// A system call that was begun.
struct Inside {
    call: Call,
    step: Option<Step>,
    /// What was there to be read already, of the connection that is written to.
    unread: u64,
}

impl Tracer<'_> {
    fn run(&mut self) {
        let all = WaitPidFlag::__WALL;
        let any = WaitPidFlag::WEXITED | WaitPidFlag::WSTOPPED | WaitPidFlag::WNOWAIT | all;
        loop {
            // Its end is left to be seen by whoever started it.
            match waitid(Id::Pid(self.process), any) {
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return,
                // A test that fails takes the program along.
                Err(Errno::ECHILD) => return,
                Err(Errno::EINTR) => continue,
                other => drop(other.expect("a process of our own")),
            }
            let signal = match waitpid(self.process, Some(all | WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::PtraceSyscall(_)) => {
                    self.at_a_call();
                    None
                }
                Ok(WaitStatus::Stopped(_, signal)) => Some(signal),
                _ => None,
            };
            // It fails if the program was killed just now.
            let _ = ptrace::syscall(self.process, signal);
        }
    }

    fn at_a_call(&mut self) {
        if self.ended.was_hit {
            return;
        }
        let Some(call) = Call::of(self.process) else {
            return;
        };
        match self.inside.take() {
            None => self.enter(call),
            Some(inside) => self.exit(inside, call.result),
        }
    }

    fn enter(&mut self, call: Call) {
        let step = self.namer.enter(&call);
        if let Some(step) = &step {
            self.ended.steps.push(step.clone());
            let mut progress = lock(self.progress);
            progress.stepped_at = Instant::now();
            progress.names.push(step.name.clone());
        }
        let unread = step.as_ref().map_or(0, |step| self.unread(step));
        if self.is_wanted(step.as_ref(), Moment::Before) {
            self.kill();
        }
        self.inside = Some(Inside { call, step, unread });
    }

    fn exit(&mut self, inside: Inside, result: i64) {
        self.namer.exit(&inside.call, result);
        let step = inside.step.as_ref();
        if self.is_wanted(step, Moment::Sent) {
            self.kill();
        } else if self.is_wanted(step, Moment::Answered) {
            let begun = Instant::now();
            let has_answer = || step.is_some_and(|step| self.unread(step) > inside.unread);
            while !has_answer() && begun.elapsed() < ANSWER {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.kill();
        }
    }

    fn unread(&self, step: &Step) -> u64 {
        let socket = step.socket.as_deref();
        socket.map_or(0, |socket| unread(self.process, socket))
    }

    fn is_wanted(&self, step: Option<&Step>, moment: Moment) -> bool {
        let wanted = self.kill.as_ref().zip(step);
        wanted.is_some_and(|(kill, step)| kill.moment == moment && kill.step == step.name)
    }

    /// At the entry of a call, it is not made any more.
    fn kill(&mut self) {
        let mut progress = lock(self.progress);
        kill(self.process, Signal::SIGKILL).expect("it is killed");
        self.ended.was_hit = true;
        progress.is_over = true;
    }
}
