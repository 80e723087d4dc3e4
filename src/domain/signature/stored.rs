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
    if failure.exception.is_none() {
        return line;
    }
    let of_line = || line.map(|line| line.split_once(": ").map_or("", |(_, message)| message));
    failure.message.as_deref().or_else(of_line)
}

fn frames(failure: &Failure) -> Vec<Frame> {
    let places = &failure.details.frames;
    if !places.is_empty() {
        return places
            .iter()
            .filter_map(|place| Frame::own(&place.file, place.function.as_deref().unwrap_or("")))
            .collect();
    }
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
    let details = &failure.details;
    let lines = failure.line.iter().chain(&failure.excerpt);
    let lines = lines.map(String::as_str);
    match failure.kind {
        FailureKind::Leak if details.leaks.is_empty() => lines.filter_map(leaked).collect(),
        FailureKind::Leak => details
            .leaks
            .iter()
            .map(|leak| leak.resource.as_str())
            .collect(),
        FailureKind::EnvChanged if details.altered.is_empty() => {
            lines.filter_map(altered).collect()
        }
        FailureKind::EnvChanged => details.altered.iter().map(String::as_str).collect(),
        _ => details.sanitizer.as_deref().into_iter().collect(),
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
