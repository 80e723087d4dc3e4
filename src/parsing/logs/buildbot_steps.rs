//! What Buildbot itself says about a step, and faults of the machine.

use crate::domain::failure::FailureKind;

/// A fault that is not the code's, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FailureKind,
    /// As printed.
    pub(super) line: String,
    weight: u8,
}

/// The gravest fault of a step.
#[derive(Debug, Default, Clone)]
pub(super) struct Faults {
    best: Option<Fault>,
    step_ended: bool,
}

impl Faults {
    /// Looks at one line; the first of the gravest kind is kept.
    pub(super) fn push(&mut self, line: &str) {
        self.step_ended |= line.starts_with("program finished with exit code ");
        let Some(fault) = read(line) else {
            return;
        };
        if self
            .best
            .as_ref()
            .is_none_or(|best| best.weight < fault.weight)
        {
            self.best = Some(fault);
        }
    }

    /// Whether Buildbot says that a step's command ended.
    pub(super) fn step_ended(&self) -> bool {
        self.step_ended
    }

    /// The gravest one.
    pub(super) fn best(&self) -> Option<&Fault> {
        self.best.as_ref()
    }
}

/// `[Errno 28]` of POSIX and `[WinError 112]` of Windows.
pub(super) fn is_disk_full(line: &str) -> bool {
    line.contains("No space left on device") || line.contains("[WinError 112]")
}

/// `command timed out: 20 seconds without output running [b'make', …` without
/// the command.
pub(super) fn without_command(line: &str) -> &str {
    if !line.starts_with("command timed out: ") {
        return line;
    }
    line.split_once(" running ").map_or(line, |(what, _)| what)
}

fn read(line: &str) -> Option<Fault> {
    let fault = |kind, weight| {
        Some(Fault {
            kind,
            line: line.trim().to_owned(),
            weight,
        })
    };
    if line.starts_with("command timed out: ") {
        return fault(FailureKind::Timeout, 4);
    }
    if is_disk_full(line) {
        return fault(FailureKind::Infrastructure, 3);
    }
    if line.contains("ConnectionLost")
        || line.contains("slave lost")
        || line.contains("worker lost")
    {
        return fault(FailureKind::Infrastructure, 2);
    }
    if line.starts_with("Segmentation fault") || line.starts_with("Bus error") {
        return fault(FailureKind::Crash, 2);
    }
    if line.starts_with("process killed by signal ") {
        return fault(FailureKind::Infrastructure, 1);
    }
    None
}
