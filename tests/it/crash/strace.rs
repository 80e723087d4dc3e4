//! The program, killed from outside at a chosen system call.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::trace::{CALLS, Step, Trace};
use crate::service::PROGRAM;

/// Where the program is killed.
#[derive(Debug, Clone)]
pub enum Kill {
    /// Nowhere.
    Never,
    /// Instead of this call.
    Before(Step),
    /// When this call was made and the program has not gone on; after a pause.
    After(Step, Duration),
}

/// How long a program that is to be killed after a call is held there.
const HELD: Duration = Duration::from_secs(2);

impl Kill {
    /// The arguments for strace. It counts each kind of call by itself, and each
    /// thread by itself: the program's own is the only one that makes these.
    fn arguments(&self) -> Vec<String> {
        let what = match self {
            Self::Never => return Vec::new(),
            Self::Before(step) => {
                // The error keeps a kernel from making the call all the same.
                let how = "error=EINTR:signal=SIGKILL";
                format!("{}:{how}:when={}", step.call, step.count)
            }
            Self::After(step, _) => {
                let held = HELD.as_micros();
                format!("{}:delay_exit={held}:when={}", step.call, step.count)
            }
        };
        vec!["-e".to_owned(), format!("inject={what}")]
    }
}

fn common(output: &Path) -> Vec<String> {
    let mut words: Vec<String> = ["-f", "-yy", "-s", "96"].map(str::to_owned).to_vec();
    words.extend(["-e".to_owned(), format!("trace={CALLS}")]);
    words.extend(["-o".to_owned(), output.display().to_string()]);
    words
}

/// A command that starts the program and traces it from its first instruction;
/// the program is the child, not strace.
pub fn from_the_start(output: &Path, kill: &Kill) -> Command {
    let mut command = Command::new("strace");
    command
        .arg("-D")
        .args(common(output))
        .args(kill.arguments())
        .arg(PROGRAM);
    command
}

/// A program that is traced.
pub struct Traced {
    /// Unless strace ends with the program.
    strace: Option<Child>,
    output: PathBuf,
    kill: Kill,
    process: u32,
    /// When the call was made after which the program is to be killed.
    made_at: Option<Instant>,
}

impl Traced {
    /// Attaches to a running program; returns once it is traced.
    pub fn attach(process: u32, output: &Path, kill: Kill) -> Self {
        let mut strace = as_root("strace")
            .args(common(output))
            .args(kill.arguments())
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace runs");
        let stderr = strace.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let said = lines.next().and_then(Result::ok).unwrap_or_default();
        assert!(said.contains("attached"), "strace said {said:?}");
        Self {
            strace: Some(strace),
            ..Self::started(process, output, kill)
        }
    }

    /// A program that was started by [`from_the_start`].
    pub fn started(process: u32, output: &Path, kill: Kill) -> Self {
        Self {
            strace: None,
            output: output.to_owned(),
            kill,
            process,
            made_at: None,
        }
    }

    /// To be called often: kills the program where it is held.
    pub fn look(&mut self) {
        let Kill::After(step, pause) = &self.kill else {
            return;
        };
        let (step, pause) = (step.clone(), *pause);
        if self.made_at.is_none() {
            let is_made = |made: &Step| made.call == step.call && made.count == step.count;
            if self.trace().steps.iter().any(is_made) {
                self.made_at = Some(Instant::now());
            }
        }
        if self.made_at.is_some_and(|at| at.elapsed() >= pause) {
            let process = self.process.to_string();
            let killed = as_root("kill").args(["-KILL", &process]).status();
            assert!(killed.is_ok_and(|it| it.success()), "it cannot be killed");
            self.kill = Kill::Never;
        }
    }

    /// What was traced so far.
    pub fn trace(&self) -> Trace {
        Trace::read(&std::fs::read_to_string(&self.output).unwrap_or_default())
    }

    /// The whole trace; the program runs on by itself if it was not killed.
    pub fn end(mut self) -> Trace {
        let start = Instant::now();
        if let Some(strace) = &mut self.strace {
            // It may have ended with the program.
            let _ = as_root("kill")
                .args(["-INT", &strace.id().to_string()])
                .stderr(Stdio::null())
                .status();
            while strace.try_wait().expect("a child").is_none() {
                assert!(start.elapsed() < HELD * 5, "strace hangs");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self.trace()
    }
}

/// Attaching to a process that is not one's own child needs root on many systems.
fn as_root(program: &str) -> Command {
    use std::os::unix::fs::MetadataExt;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
    if is_root {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
