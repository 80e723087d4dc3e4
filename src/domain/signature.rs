//! A versioned fingerprint of a failure: same cause, same signature.

mod mask;

pub use mask::mask;

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::domain::draft::hex;
use crate::domain::failure::{FailureKind, TestId};

/// Part of every signature made by [`of`]. It changes whenever the same
/// failure would get another signature; then stored ones are signed anew.
pub const VERSION: &str = "v1";

/// How many frames count, from the innermost outwards.
const MAX_FRAMES: usize = 6;

/// `v1:` and the hex of a hash over the masked parts of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature(pub String);

/// What a signature is made from: what went wrong and where, and nothing of
/// when, on which machine, in which build or in which subtest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The test; its subtest does not count.
    pub test: &'a TestId,
    /// A leak is never the same as a crash.
    pub kind: FailureKind,
    /// The exception's type, with or without its module.
    pub exception: Option<&'a str>,
    /// The exception's message, or the one line that says it best; masked here.
    pub message: Option<&'a str>,
    /// The traceback's own frames as printed, outermost first.
    pub frames: &'a [Frame],
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
    let exception = parts
        .exception
        .map(|name| name.rsplit('.').next().unwrap_or(name).trim());
    let mut fields: Vec<String> = [
        Some(VERSION),
        Some(kind_code(parts.kind)),
        parts.test.file.as_deref(),
        parts.test.class.as_deref(),
        parts.test.method.as_deref(),
        exception,
    ]
    .into_iter()
    .map(|field| field.unwrap_or_default().to_owned())
    .collect();
    fields.push(parts.message.map(mask).unwrap_or_default());
    fields.extend(telling_frames(parts));

    let mut context = digest::Context::new(&digest::SHA256);
    for field in &fields {
        context.update(&(field.len() as u64).to_be_bytes());
        context.update(field.as_bytes());
    }
    let digest = context.finish();
    let short = digest.as_ref().get(..16).unwrap_or_default();
    Signature(format!("{VERSION}:{}", hex(short)))
}

/// The innermost frames; a function that calls itself counts once. Where a
/// test merely took too long, the place it had reached is chance: only the
/// frames of test files count.
fn telling_frames(parts: &Parts<'_>) -> Vec<String> {
    let by_chance = parts.kind == FailureKind::Timeout;
    let mut frames: Vec<String> = parts
        .frames
        .iter()
        .filter(|frame| !by_chance || frame.is_test())
        .map(|frame| format!("{}:{}", frame.file, frame.function))
        .collect();
    frames.dedup();
    frames.split_off(frames.len().saturating_sub(MAX_FRAMES))
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
mod tests {
    use super::*;

    fn test_id(file: &str, class: &str, method: &str) -> TestId {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        TestId {
            file: known(file),
            class: known(class),
            method: known(method),
            subtest: None,
        }
    }

    fn sign(test: &TestId, kind: FailureKind, exception: &str, message: &str) -> Signature {
        of(&Parts {
            test,
            kind,
            exception: Some(exception),
            message: Some(message),
            frames: &[],
        })
    }

    #[test]
    fn the_version_is_in_the_name_and_the_value_is_pinned() {
        let test = test_id("test_os", "ProcessTests", "test_popen");
        let signature = sign(&test, FailureKind::TestFailed, "AssertionError", "1 != 2");
        assert_eq!(signature.0, "v1:03902bae447e621c1198af83087ce0c3");
    }

    #[test]
    fn the_same_cause_has_the_same_signature() {
        let test = test_id("test_socket", "TCPTest", "test_connect");
        let mut in_subtest = test.clone();
        in_subtest.subtest = Some("(i=3)".to_owned());
        let pairs = [
            (
                "refused after 1.25 sec on port 40123",
                "refused after 0.3 sec on port 51200",
            ),
            ("<socket fd=5 at 0x7f00aa>", "<socket fd=7 at 0x7fffbb>"),
            (
                "No such file: '/home/bot/worker/build/Lib/test/data.txt'",
                "No such file: 'D:\\buildarea\\3.x.bot\\build\\Lib\\test\\data.txt'",
            ),
            (
                "can't remove /tmp/tmpab12cd_9/x",
                "can't remove /var/tmp/tmpzz99qq_1/x",
            ),
            ("Timeout (0:20:00)!", "Timeout (1:00:00)!"),
        ];
        for (one, other) in pairs {
            assert_eq!(
                sign(&test, FailureKind::TestError, "OSError", one),
                sign(
                    &in_subtest,
                    FailureKind::TestError,
                    "builtins.OSError",
                    other
                ),
                "{one} / {other}: {} / {}",
                mask(one),
                mask(other)
            );
        }
    }

    #[test]
    fn different_causes_differ() {
        let test = test_id("test_os", "ProcessTests", "test_popen");
        let base = sign(&test, FailureKind::TestFailed, "AssertionError", "1 != 2");
        let others = [
            sign(&test, FailureKind::Crash, "AssertionError", "1 != 2"),
            sign(&test, FailureKind::TestFailed, "ValueError", "1 != 2"),
            sign(
                &test,
                FailureKind::TestFailed,
                "AssertionError",
                "2 not in list",
            ),
            sign(&test, FailureKind::TestFailed, "AssertionError", "3 != 3"),
            sign(
                &test_id("test_os", "ProcessTests", "test_popen2"),
                FailureKind::TestFailed,
                "AssertionError",
                "1 != 2",
            ),
            sign(
                &test_id("test_osProcessTests", "", "test_popen"),
                FailureKind::TestFailed,
                "AssertionError",
                "1 != 2",
            ),
        ];
        for other in others {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn frames_count_without_the_machinery() {
        let test = test_id("test_os", "", "");
        let signed = |kind, frames: &[(&str, &str)]| {
            let frames: Vec<Frame> = frames
                .iter()
                .filter_map(|(path, function)| Frame::own(path, function))
                .collect();
            of(&Parts {
                test: &test,
                kind,
                exception: None,
                message: None,
                frames: &frames,
            })
        };
        let kind = FailureKind::TestError;
        let plain = signed(
            kind,
            &[("/a/Lib/test/test_os.py", "f"), ("/a/Lib/os.py", "g")],
        );
        let elsewhere = signed(
            kind,
            &[
                ("C:\\b\\lib\\unittest\\case.py", "run"),
                ("<frozen importlib._bootstrap>", "_load"),
                ("C:\\b\\Lib\\test\\test_os.py", "f"),
                ("C:\\b\\Lib\\os.py", "g"),
                ("C:\\b\\Lib\\os.py", "g"),
            ],
        );
        assert_eq!(plain, elsewhere);
        assert_ne!(plain, signed(kind, &[("/a/Lib/test/test_os.py", "f")]));
        // Where a test hangs is chance.
        assert_eq!(
            signed(
                FailureKind::Timeout,
                &[("/a/Lib/selectors.py", "select"), ("test_os.py", "f")]
            ),
            signed(
                FailureKind::Timeout,
                &[("/a/Lib/socket.py", "recv"), ("test_os.py", "f")]
            ),
        );
    }
}
