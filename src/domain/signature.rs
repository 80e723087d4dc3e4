//! A versioned fingerprint of a failure: same cause, same signature.
//!
//! [`of`] gives the exact one, [`near()`] compares what is not quite the same.
//! What each kind of failure is told by:
//!
//! | kind | test | exception, message | besides |
//! |---|---|---|---|
//! | failed, error | yes | yes | the innermost own frames |
//! | unexpected success | yes | no | - |
//! | crash | yes | yes | the innermost frames of the thread that crashed; the sanitizer's word |
//! | timeout | yes | only without a test | the outermost frames of test files: where it had come to is chance |
//! | leak | yes | no | which resources |
//! | altered environment | yes | only if nothing else is known | what was altered |
//! | import error | yes | yes | - |
//! | compile | yes | yes | - |
//! | infrastructure | no | yes | - |
//!
//! Never: the subtest, line numbers, the builder, the machine, and what stood
//! before in the log. How messages are masked: [`mask`](mod@mask). For people:
//! `signature/README.md`.

pub mod mask;
mod near;
mod stored;

pub use mask::mask;
pub use near::{NearForm, near};

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::domain::draft::hex;
use crate::domain::failure::{FailureKind, TestId};

/// Part of every signature made by [`of`]. It changes whenever the same
/// failure would get another signature; then stored ones are signed anew.
pub const VERSION: &str = "v2";

/// How many frames count, from the innermost outwards.
const MAX_FRAMES: usize = 6;

/// Fewer of a crash: how a test came to the place says less.
const MAX_CRASH_FRAMES: usize = 3;

/// The test's own function, and what it called.
const MAX_TIMEOUT_FRAMES: usize = 2;

/// What is masked is cut there, so that it does not matter where the reader cut
/// the message.
const MAX_MASKED_CHARS: usize = 240;

/// `v2:` and the hex of a hash over the masked parts of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature(pub String);

impl Signature {
    /// Whether [`of`] of this version of the program made it.
    pub fn is_current(&self) -> bool {
        self.0
            .split_once(':')
            .is_some_and(|(version, _)| version == VERSION)
    }
}

/// What a signature is made from: what went wrong and where, and nothing of
/// when, on which machine, in which build or in which subtest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The test; its subtest does not count.
    pub test: &'a TestId,
    /// A leak is never the same as a crash.
    pub kind: FailureKind,
    /// The exception's type, with or without its module.
    pub exception: Option<&'a str>,
    /// The exception's message, or the one line that says it best; masked here.
    pub message: Option<&'a str>,
    /// The traceback's own frames, outermost first.
    pub frames: Vec<Frame>,
    /// Which resources leaked, what was altered, what a sanitizer found; in any
    /// order.
    pub told: Vec<&'a str>,
}

/// One line of a traceback without what moves with every change of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The file's name without its folder: `test_os.py`.
    pub file: String,
    /// The function: `test_popen`.
    pub function: String,
}

impl Frame {
    /// The frame, unless it belongs to the machinery that runs tests or to no
    /// file (`<frozen runpy>`, `<string>`): such frames say nothing of the cause.
    /// Takes paths of Unix and of Windows.
    pub fn own(path: &str, function: &str) -> Option<Self> {
        let mut places = path.rsplit(['/', '\\']);
        let file = places.next().filter(|file| !file.starts_with('<'))?;
        let folder = places.next().unwrap_or_default();
        let machinery = matches!(
            folder,
            "unittest" | "importlib" | "libregrtest" | "_pytest" | "site-packages"
        ) || matches!(file, "regrtest.py" | "runpy.py" | "contextlib.py");
        (!file.is_empty() && !machinery).then(|| Self {
            file: file.to_owned(),
            function: function.trim().to_owned(),
        })
    }

    fn is_test(&self) -> bool {
        self.file.starts_with("test") || self.file.starts_with("_test")
    }
}

/// The signature of a failure.
///
/// The same for any machine, builder, time, process, port, address, temporary
/// path, build directory, duration, count, line number and subtest. SHA-256 over
/// the parts, each with its length in front, so that no text can stand for two.
pub fn of(parts: &Parts<'_>) -> Signature {
    let telling = Telling::of(parts);
    let mut fields = vec![VERSION, kind_code(parts.kind)];
    fields.extend(telling.test);
    fields.extend([telling.exception, telling.message.as_str()]);
    let lists = [&telling.told, &telling.frames];
    let lengths = lists.map(|list| list.len().to_string());
    for (list, length) in lists.into_iter().zip(&lengths) {
        fields.push(length);
        fields.extend(list.iter().map(String::as_str));
    }
    let mut context = digest::Context::new(&digest::SHA256);
    for field in &fields {
        context.update(&(field.len() as u64).to_be_bytes());
        context.update(field.as_bytes());
    }
    let digest = context.finish();
    let short = digest.as_ref().get(..16).unwrap_or_default();
    Signature(format!("{VERSION}:{}", hex(short)))
}

/// Of the parts, what tells one cause from another for this kind of failure.
struct Telling<'a> {
    /// File, class, method.
    test: [&'a str; 3],
    exception: &'a str,
    /// Masked.
    message: String,
    told: Vec<String>,
    frames: Vec<String>,
}

impl<'a> Telling<'a> {
    fn of(parts: &Parts<'a>) -> Self {
        let test = [&parts.test.file, &parts.test.class, &parts.test.method]
            .map(|part| part.as_deref().unwrap_or_default());
        let told = told(parts);
        let has_message = match parts.kind {
            FailureKind::Leak | FailureKind::UnexpectedSuccess => false,
            FailureKind::EnvChanged => told.is_empty(),
            FailureKind::Timeout => test.iter().all(|part| part.is_empty()),
            _ => true,
        };
        let message = parts.message.filter(|_| has_message);
        let exception = parts.exception.unwrap_or_default();
        let exception = exception.rsplit('.').next().unwrap_or(exception).trim();
        Self {
            test: match parts.kind {
                FailureKind::Infrastructure => [""; 3],
                _ => test,
            },
            exception,
            message: message
                .map(|message| masked(exception, message))
                .unwrap_or_default(),
            told,
            frames: telling_frames(parts),
        }
    }
}

/// Sorted. Where references leak, so do the memory blocks they hold: sometimes
/// enough of them to be told of, sometimes not.
fn told(parts: &Parts<'_>) -> Vec<String> {
    let mut told: Vec<String> = parts.told.iter().map(|words| mask(words)).collect();
    told.sort_unstable();
    told.dedup();
    if told.iter().any(|resource| resource == "references") {
        told.retain(|resource| resource != "memory blocks");
    }
    told
}

fn masked(exception: &str, message: &str) -> String {
    let message = match exception {
        "ImportError" | "ModuleNotFoundError" => without_origin(message),
        _ => message,
    };
    let masked = mask(message);
    let masked = masked.trim_end_matches('…');
    masked.chars().take(MAX_MASKED_CHARS).collect()
}

/// `cannot import name 'x' from 'y' (/usr/lib/y.py)` without the file.
fn without_origin(message: &str) -> &str {
    match message.rsplit_once(" (") {
        Some((words, origin)) if origin.contains(['/', '\\']) || origin == "unknown location)" => {
            words
        }
        _ => message,
    }
}

fn telling_frames(parts: &Parts<'_>) -> Vec<String> {
    match parts.kind {
        FailureKind::Timeout => {
            let in_tests = parts.frames.iter().filter(|frame| frame.is_test());
            let mut frames = folded(in_tests.collect());
            frames.truncate(MAX_TIMEOUT_FRAMES);
            frames
        }
        FailureKind::Crash => innermost(parts, MAX_CRASH_FRAMES),
        FailureKind::TestFailed | FailureKind::TestError | FailureKind::Unknown => {
            innermost(parts, MAX_FRAMES)
        }
        FailureKind::ImportError
        | FailureKind::UnexpectedSuccess
        | FailureKind::Leak
        | FailureKind::EnvChanged
        | FailureKind::Compile
        | FailureKind::Infrastructure => Vec::new(),
    }
}

fn innermost(parts: &Parts<'_>, most: usize) -> Vec<String> {
    let mut frames = folded(parts.frames.iter().collect());
    frames.split_off(frames.len().saturating_sub(most))
}

/// Each function once. Where functions call each other over and over, it is
/// chance which one was the last: then they stand in the order of their names.
fn folded(frames: Vec<&Frame>) -> Vec<String> {
    let names = frames
        .into_iter()
        .map(|frame| format!("{}:{}", frame.file, frame.function));
    let mut once: Vec<String> = Vec::new();
    let mut repeated: Option<usize> = None;
    for name in names {
        match once.iter().position(|known| *known == name) {
            Some(at) => repeated = Some(repeated.map_or(at, |first| first.min(at))),
            None => once.push(name),
        }
    }
    // Whoever called the first of them stays in front.
    if let Some(circle) = repeated.and_then(|first| once.get_mut(first..)) {
        circle.sort_unstable();
    }
    once
}

/// Not [`FailureKind::words`]: those may be reworded, a signature may not.
fn kind_code(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::TestFailed => "failed",
        FailureKind::TestError => "error",
        FailureKind::ImportError => "import",
        FailureKind::UnexpectedSuccess => "unexpected",
        FailureKind::Crash => "crash",
        FailureKind::Timeout => "timeout",
        FailureKind::Leak => "leak",
        FailureKind::EnvChanged => "env",
        FailureKind::Compile => "compile",
        FailureKind::Infrastructure => "infrastructure",
        FailureKind::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests;
