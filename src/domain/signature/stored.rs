//! The parts of a failure as it is kept. Every signature is made from these, so
//! that it can be made again from what the store has.

use super::{Frame, Parts};
use crate::domain::failure::{Failure, FailureKind};

impl<'a> Parts<'a> {
    /// What a signature of this failure is made from.
    ///
    /// A failure that an early version of the program stored has neither message
    /// nor frames of its own: they are taken from its line and its excerpt, which
    /// show most of them.
    pub fn of(failure: &'a Failure) -> Self {
        Self {
            test: &failure.test,
            kind: failure.kind,
            exception: failure.exception.as_deref(),
            message: message(failure),
            frames: frames(failure),
            told: told(failure),
        }
    }
}

fn message(failure: &Failure) -> Option<&str> {
    let line = failure.line.as_deref();
    match failure.exception {
        Some(_) => line.map(|line| line.split_once(": ").map_or("", |(_, message)| message)),
        None => line,
    }
}

fn frames(failure: &Failure) -> Vec<Frame> {
    failure
        .excerpt
        .iter()
        .filter_map(|line| {
            let rest = line.trim_start().strip_prefix("File \"")?;
            let (path, rest) = rest.split_once("\", line ")?;
            let (_, function) = rest.split_once(" in ").unwrap_or_default();
            Frame::own(path, function)
        })
        .collect()
}

fn told(failure: &Failure) -> Vec<&str> {
    let lines = failure.line.iter().chain(&failure.excerpt);
    let lines = lines.map(String::as_str);
    match failure.kind {
        FailureKind::Leak => lines.filter_map(leaked).collect(),
        FailureKind::EnvChanged => lines.filter_map(altered).collect(),
        _ => Vec::new(),
    }
}

/// `references` of `test_x leaked [1, 1, 1] references, sum=3`.
fn leaked(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(" leaked [")?;
    let (_, rest) = rest.split_once("] ")?;
    Some(rest.split_once(", sum=")?.0)
}

/// `os.environ` of `Warning -- os.environ was modified by test_x`.
fn altered(line: &str) -> Option<&str> {
    let text = line.strip_prefix("Warning -- ")?;
    let modified = text.split_once(" was modified by ").map(|(what, _)| what);
    let left = || {
        let (_, what) = text.split_once(" leaked ")?;
        Some(what.split_once(" (")?.0)
    };
    modified.or_else(left)
}
