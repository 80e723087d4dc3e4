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
    pub fn module(&self) -> Option<&str> {
        self.file.as_deref().and_then(|file| file.split('.').next())
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
    TestFailed,
    /// A test raised (`ERROR:`).
    TestError,
    /// The interpreter died: a signal, a fatal error, an access violation.
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
    Unknown,
}

impl FailureKind {
    /// One or two words for a person, fit to follow "fails:".
    pub fn words(self) -> &'static str {
        match self {
            Self::TestFailed => "failed",
            Self::TestError => "error",
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
}
