//! One thing that went wrong in a build.

use serde::{Deserialize, Serialize};

use crate::domain::signature::Signature;

/// Which test failed, as far as the log or the mail says.
///
/// For `FAIL: test_popen (test.test_os.ProcessTests.test_popen) (i=1)` the file
/// is `test_os`, the class `ProcessTests`, the method `test_popen` and the
/// subtest `(i=1)`. For split packages the file is dotted:
/// `test_asyncio.test_events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TestId {
    /// The test file without `test.` and `.py`, for example `test_os`.
    pub file: Option<String>,
    /// The class, without its module.
    pub class: Option<String>,
    /// The method; also `setUpClass`, `tearDownClass`, `setUpModule`.
    pub method: Option<String>,
    /// What `subTest` added: `[msg] (i=1)`, as printed.
    pub subtest: Option<String>,
}

impl TestId {
    /// The top of a dotted file: `test_asyncio` for `test_asyncio.test_events`.
    /// The paths of pytest (`tests/test_a.py`) and of Go's packages
    /// (`example.com/a`) are modules as they are.
    pub fn module(&self) -> Option<&str> {
        let file = self.file.as_deref()?;
        let is_path = file.contains(['/', '\\']) || file.ends_with(".py");
        match file.split_once('.') {
            Some((top, _)) if !is_path => Some(top),
            _ => Some(file),
        }
    }

    /// The most telling form for a person: `test_os.ProcessTests.test_popen`.
    /// Empty when nothing is known.
    pub fn qualified(&self) -> String {
        [&self.file, &self.class, &self.method]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(".")
    }
}

/// What kind of thing went wrong. A leak is never the same bug as a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An assertion failed (`FAIL:`), or a file failed and no more is known.
    #[serde(rename = "failure", alias = "test_failed")]
    TestFailed,
    /// A test raised (`ERROR:`).
    #[serde(rename = "error", alias = "test_error")]
    TestError,
    /// A test file, or what runs them, could not be imported, so that no tests ran.
    ImportError,
    /// A test that is expected to fail passed.
    UnexpectedSuccess,
    /// The interpreter died: a signal, a fatal error, an access violation, a
    /// sanitizer's report.
    Crash,
    /// A test or the whole run took too long.
    Timeout,
    /// References, memory blocks or file descriptors leaked.
    Leak,
    /// A test left the environment altered.
    EnvChanged,
    /// The build did not compile or link.
    Compile,
    /// The machine, the network or the worker failed, not the code.
    Infrastructure,
    /// Something failed, and the text does not say what.
    #[serde(rename = "other", alias = "unknown")]
    Unknown,
}

impl FailureKind {
    /// The name in JSON: `failure`, `import_error`, `env_changed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TestFailed => "failure",
            Self::TestError => "error",
            Self::ImportError => "import_error",
            Self::UnexpectedSuccess => "unexpected_success",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Leak => "leak",
            Self::EnvChanged => "env_changed",
            Self::Compile => "compile",
            Self::Infrastructure => "infrastructure",
            Self::Unknown => "other",
        }
    }

    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::TestFailed,
        Self::TestError,
        Self::ImportError,
        Self::UnexpectedSuccess,
        Self::Crash,
        Self::Timeout,
        Self::Leak,
        Self::EnvChanged,
        Self::Compile,
        Self::Infrastructure,
        Self::Unknown,
    ];

    /// Whether a test itself said so, with an exception or a bare `FAIL`.
    pub fn is_of_a_test(self) -> bool {
        matches!(
            self,
            Self::TestFailed | Self::TestError | Self::ImportError | Self::UnexpectedSuccess
        )
    }

    /// One or two words for a person, fit to follow "fails:".
    pub fn words(self) -> &'static str {
        match self {
            Self::TestFailed => "failed",
            Self::TestError => "error",
            Self::ImportError => "import error",
            Self::UnexpectedSuccess => "unexpected success",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Leak => "leak",
            Self::EnvChanged => "environment changed",
            Self::Compile => "compile error",
            Self::Infrastructure => "infrastructure",
            Self::Unknown => "unknown failure",
        }
    }
}

/// One thing that went wrong, with what a person needs to recognise it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The test, as far as known; empty for compile errors and the like.
    pub test: TestId,
    /// What went wrong.
    pub kind: FailureKind,
    /// The exception's type (`AssertionError`), if one was printed.
    pub exception: Option<String>,
    /// What the exception says behind its type, first line; at most 300
    /// characters, cleaned as `line` is.
    #[serde(default)]
    pub message: Option<String>,
    /// The one line that says it best: the exception line with its message, the
    /// `Timeout (0:20:00)!`, the leak's numbers, the first compiler error.
    /// At most 300 characters, control characters removed, secrets redacted.
    pub line: Option<String>,
    /// At most 15 lines for the bug report, secrets redacted.
    pub excerpt: Vec<String>,
    /// Same cause, same signature.
    pub signature: Signature,
    /// Failed first, passed when run again.
    pub flaky: bool,
    /// It follows from another failure of the same build: the disk was full, the
    /// interpreter did not compile.
    #[serde(default)]
    pub consequence: bool,
    /// Numbers, frames and other facts, as far as the text has them.
    #[serde(default)]
    pub details: Details,
}

/// Facts about a failure. What is absent was not told. All texts are bounded as
/// a failure's line is, cleaned and redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The number of the log's line, from 1, at which the failure is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_line: Option<u64>,
    /// The docstring that unittest prints below the test's name, first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docstring: Option<String>,
    /// The frames without those of the machinery that runs tests, outermost
    /// first; at most [`Details::MAX_FRAMES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Place>,
    /// The exceptions that came before in a chain, as their lines, first one
    /// first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The exceptions within an exception group that are no groups themselves,
    /// as their lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<String>,
    /// What leaked, and how much in each repetition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// What was left altered: `os.environ`, `files`, `threading_cleanup`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<String>,
    /// The exit code of the process that ran the test; negative for a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// The signal that ended it: `SIGSEGV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// After how long it was ended, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// How many threads were dumped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// The sanitizer and what it found: `AddressSanitizer: heap-use-after-free`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sanitizer: Option<String>,
    /// Where a compiler found the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The test files that ran when the run was ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<String>,
    /// How many more subtests went wrong in the same way.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_subtests: usize,
}

impl Details {
    /// Most frames that are kept.
    pub const MAX_FRAMES: usize = 20;
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, from the top folder of the sources on where that is known:
    /// `Lib/test/test_os.py`.
    pub file: String,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// The function, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

/// What one resource leaked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// `references`, `memory blocks`, `file descriptors`.
    pub resource: String,
    /// How many in each repetition.
    pub runs: Vec<i64>,
    /// All of them.
    pub sum: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::TestId;

    #[test]
    fn only_dotted_names_have_a_top() {
        for (file, module) in [
            ("test_os", "test_os"),
            ("test_asyncio.test_events", "test_asyncio"),
            ("tests/test_a.py", "tests/test_a.py"),
            ("test_a.py", "test_a.py"),
            (r"tests\test_a.py", r"tests\test_a.py"),
            ("example.com/shop/cart", "example.com/shop/cart"),
        ] {
            let test = TestId {
                file: Some(file.to_owned()),
                ..TestId::default()
            };
            assert_eq!(test.module(), Some(module));
        }
        assert_eq!(TestId::default().module(), None);
    }
}
