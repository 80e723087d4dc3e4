//! What the words of a title say: names, kinds of failure, platforms.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use regex::{Regex, RegexSet};

use crate::domain::failure::FailureKind;
use crate::domain::pattern::pattern;

/// A shorter name is found in too many titles.
const SHORTEST_HELPFUL: usize = 5;

/// Names that are in every log, or are made by the test runner.
const STOP_LIST: &[&str] = &[
    "test_main",
    "setup",
    "teardown",
    "setupclass",
    "teardownclass",
    "setupmodule",
    "teardownmodule",
    "asyncsetup",
    "asyncteardown",
    "runtest",
    "run_test",
    "test_suite",
    "load_tests",
    "testcase",
    "_failedtest",
    "__init__",
    "__main__",
    "tests",
    "basetest",
    "basictest",
    "basictests",
    "exit code",
];

/// Methods that many test classes have: alone they say little.
const GENERIC_METHODS: &[&str] = &[
    "basic",
    "basics",
    "simple",
    "all",
    "init",
    "new",
    "repr",
    "str",
    "copy",
    "deepcopy",
    "pickle",
    "pickling",
    "close",
    "open",
    "read",
    "write",
    "readline",
    "readlines",
    "seek",
    "tell",
    "len",
    "bool",
    "int",
    "iter",
    "eq",
    "hash",
    "compare",
    "comparison",
    "get",
    "set",
    "add",
    "remove",
    "update",
    "clear",
    "pop",
    "contains",
    "getitem",
    "setitem",
    "delitem",
    "call",
    "error",
    "errors",
    "exception",
    "exceptions",
    "empty",
    "default",
    "constructor",
    "attributes",
    "args",
    "keywords",
    "subclass",
    "subclassing",
    "gc",
    "weakref",
    "cycle",
    "issue",
    "bug",
    "regression",
    "send",
    "recv",
    "connect",
    "start",
    "stop",
    "wait",
    "cancel",
    "timeout",
    "run",
    "format",
    "encode",
    "decode",
    "warnings",
    "types",
    "context_manager",
    "cleanup",
    "shutdown",
];

/// Whether looking for a name can tell reports apart at all.
pub(super) fn is_helpful(name: &str) -> bool {
    name.chars().count() >= SHORTEST_HELPFUL && !STOP_LIST.contains(&name.to_lowercase().as_str())
}

/// Whether a file is one of tests, not the source file of a compile error.
pub(super) fn is_test_file(name: &str) -> bool {
    name.starts_with("test_")
}

/// Whether a method's name is one that many classes have.
pub(super) fn is_generic_method(method: &str) -> bool {
    let lower = method.to_lowercase();
    let bare = lower
        .strip_prefix("test_")
        .or_else(|| lower.strip_prefix("test"))
        .unwrap_or(&lower);
    let bare = bare.trim_end_matches(|char: char| char.is_ascii_digit() || char == '_');
    bare.len() < 3 || GENERIC_METHODS.contains(&bare)
}

/// A name that is looked for in many texts, as a whole word and whatever its case:
/// `test_os` stands in `test.test_os.x`, not in `test_os_extra`.
#[derive(Debug)]
pub(super) struct WholeWord {
    small: Finder<'static>,
}

impl WholeWord {
    pub(super) fn of(name: &str) -> Self {
        Self {
            small: Finder::new(&name.to_lowercase()).into_owned(),
        }
    }

    /// Whether it stands in a text of small letters.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let is_part =
            |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
        let length = self.small.needle().len();
        let mut places = self.small.find_iter(text.as_bytes());
        length > 0
            && places.any(|start| {
                let before = text.get(..start).and_then(|text| text.chars().next_back());
                let after = text.get(start + length..);
                !is_part(before) && !is_part(after.and_then(|text| text.chars().next()))
            })
    }
}

/// The names of tests in a title, as written.
pub(super) fn test_names(title: &str) -> Vec<&str> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"\b(?:test_\w+|_test_\w+|Test[A-Z]\w*|[A-Z]\w+(?:Tests?|TestCase)|test[A-Z]\w*)\b")
    });
    NAME.find_iter(title).map(|name| name.as_str()).collect()
}

/// The C file of a compiler's error line: `longobject.c`.
pub(super) fn source_file(line: &str) -> Option<String> {
    static FILE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?:^|[\s/\\(])([\w\-]{3,60}\.(?:cc?|cpp|cxx|h|hpp|m))\b"));
    FILE.captures(line)
        .and_then(|found| found.get(1))
        .map(|name| name.as_str().to_owned())
}

/// Kinds as far as titles tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Leak,
    Crash,
    Timeout,
    EnvChanged,
    Compile,
}

impl Manner {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Leak => "a leak",
            Self::Crash => "a crash",
            Self::Timeout => "a timeout",
            Self::EnvChanged => "an altered environment",
            Self::Compile => "a compile error",
        }
    }

    /// The words by which titles speak of it.
    pub(super) fn stems(self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Leak => &["leak", "leaks", "leaked", "leaking", "refleak", "refleaks"],
            Self::Crash => &[
                "crash",
                "crashes",
                "crashed",
                "segfault",
                "segfaults",
                "segmentation",
                "sigsegv",
                "abort",
                "aborted",
                "fatal",
            ],
            Self::Timeout => &[
                "hang", "hangs", "hung", "timeout", "timeouts", "timed", "deadlock", "stuck",
            ],
            Self::EnvChanged => &[
                "env",
                "environment",
                "altered",
                "dangling",
                "threading_cleanup",
                "leaks",
                "leaked",
            ],
            Self::Compile => &["compile", "compilation", "compiler", "build", "link"],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The manner of a failure; none for a test that plainly failed.
    pub(super) fn of(kind: FailureKind) -> Option<Self> {
        match kind {
            FailureKind::Leak => Some(Self::Leak),
            FailureKind::Crash => Some(Self::Crash),
            FailureKind::Timeout => Some(Self::Timeout),
            FailureKind::EnvChanged => Some(Self::EnvChanged),
            FailureKind::Compile => Some(Self::Compile),
            FailureKind::TestFailed
            | FailureKind::TestError
            | FailureKind::ImportError
            | FailureKind::UnexpectedSuccess
            | FailureKind::Infrastructure
            | FailureKind::Unknown => None,
        }
    }
}

/// The manners that a title in small letters speaks of. "Refleaks" in the name of a builder is
/// none, and what the test runner calls an altered environment is often called
/// a leak of threads, processes or files.
pub(super) fn manners(title: &str) -> Vec<Manner> {
    const LEFT_BEHIND: &str = r"\b(?:leak\w*\b.*\b(?:dangling|threads?|processe?s?|temp\w*|director\w+|files?)\b|dangling (?:threads?|process\w*)|threading_cleanup)";
    const MANNERS: [(Manner, &str); 5] = [
        (
            Manner::Leak,
            r"\b(?:leak(?:s|ed|ing)?|leakage|ref(?:erence)?\s?leak)\b",
        ),
        (
            Manner::Crash,
            r"\b(?:crash\w*|seg(?:mentation)?[ -]?fault\w*|sig(?:segv|abrt|bus|ill)|core dump\w*|access violation|fatal (?:python )?error|fatal exception|abort(?:s|ed)?|stack overflow|bus error)\b",
        ),
        (
            Manner::Timeout,
            r"\b(?:hang(?:s|ing|ed)?|hung|time(?:s|d)?[ -]?out|timeouts?|stuck|dead-?lock\w*|freezes|never (?:ends|finishes)|killed after)\b",
        ),
        (
            Manner::EnvChanged,
            r"\b(?:env(?:ironment)?[ _]changed|altered|execution environment)\b",
        ),
        (
            Manner::Compile,
            r"\b(?:compil(?:e|es|er|ation|ing)|link(?:er|ing)|build (?:error|fail\w*|broken)|undefined (?:symbol|reference))\b",
        ),
    ];
    static WORDS: LazyLock<RegexSet> =
        LazyLock::new(|| set(MANNERS.iter().map(|(_, words)| *words).chain([LEFT_BEHIND])));
    static BUILDER: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\bref-?leaks?\s+(?:\d\.\w+|main|master|build\w*|worker)"));
    // Most titles say none of it.
    let found = WORDS.matches(title);
    if !found.matched_any() {
        return Vec::new();
    }
    let (title, found) = match BUILDER.replace_all(title, " ") {
        Cow::Borrowed(title) => (Cow::Borrowed(title), found),
        Cow::Owned(title) => {
            let found = WORDS.matches(&title);
            (Cow::Owned(title), found)
        }
    };
    let descriptors = title.contains("descriptor");
    if found.matched(MANNERS.len()) && !descriptors {
        return vec![Manner::EnvChanged];
    }
    found
        .into_iter()
        .filter_map(|index| MANNERS.get(index))
        .map(|(manner, _)| *manner)
        .collect()
}

/// The operating systems that a builder's name or a title in small letters speaks of.
pub(super) fn platforms(text: &str) -> Vec<&'static str> {
    const PLATFORMS: &[(&str, &str)] = &[
        ("Windows", r"\bwin(?:dows|32|64)?\s?(?:\d+|xp|vista)?\b"),
        (
            "macOS",
            r"\b(?:macos|mac\s?os|os\s?x|darwin|sierra|tiger|catalina|mojave)\b",
        ),
        ("FreeBSD", r"\bfreebsd\w*"),
        ("OpenBSD", r"\bopenbsd\w*"),
        ("NetBSD", r"\bnetbsd\w*"),
        ("AIX", r"\baix\b"),
        ("Solaris", r"\b(?:solaris|sparc|openindiana|illumos)\b"),
        ("Cygwin", r"\bcygwin\b"),
        ("Alpine", r"\b(?:alpine|musl)\b"),
        ("Android", r"\bandroid\b"),
        ("iOS", r"\bios\b"),
        ("WebAssembly", r"\b(?:wasm\w*|wasi|emscripten)\b"),
        (
            "Linux",
            r"\b(?:linux|fedora|debian|ubuntu|rhel\w*|centos\w*|gentoo|arch|suse|raspbian)\b",
        ),
    ];
    static PATTERNS: LazyLock<RegexSet> =
        LazyLock::new(|| set(PLATFORMS.iter().map(|(_, words)| *words)));
    PATTERNS
        .matches(text)
        .into_iter()
        .filter_map(|index| PLATFORMS.get(index))
        .map(|(name, _)| *name)
        .collect()
}

/// Patterns that are all looked for in one pass. They are of small letters: with both
/// kinds there are too many beginnings for a quick look whether there is any.
fn set(patterns: impl Iterator<Item = &'static str>) -> RegexSet {
    RegexSet::new(patterns).unwrap_or_else(|error| unreachable!("a fixed pattern: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_telling_names_are_helpful() {
        for name in ["test_os", "test_popen", "ProcessTests"] {
            assert!(is_helpful(name), "{name}");
        }
        for name in [
            "",
            "os",
            "test",
            "setUp",
            "tearDownClass",
            "test_main",
            "runTest",
            "☠☠",
        ] {
            assert!(!is_helpful(name), "{name}");
        }
        for name in [
            "test_basic",
            "test_read",
            "test_1",
            "testClose",
            "test_send_2",
        ] {
            assert!(is_generic_method(name), "{name}");
        }
        for name in [
            "test_popen",
            "test_memfd_create",
            "test_shutdown_default_executor",
        ] {
            assert!(!is_generic_method(name), "{name}");
        }
    }

    #[test]
    fn words_end_where_names_end() {
        let name = WholeWord::of("TEST_os");
        for text in [
            "test_os",
            "TEST_OS: x",
            "test.test_os.X",
            "(test_os)",
            "x test_os()",
            "ÿtest_osÿ test_os",
        ] {
            assert!(name.is_in(&text.to_lowercase()), "{text}");
        }
        for text in [
            "",
            "test_os_extra",
            "my_test_os",
            "test_os2",
            "test_o",
            "ütest_os",
        ] {
            assert!(!name.is_in(text), "{text}");
        }
        assert!(!WholeWord::of("").is_in("anything"));
    }

    #[test]
    fn manners_are_read_from_titles() {
        let check = |title: &str, expect: &[Manner]| {
            assert_eq!(manners(&title.to_lowercase()), expect, "{title}");
        };
        check("test_a leaks references", &[Manner::Leak]);
        check("test_a fails on X Refleaks 3.x", &[]);
        check("test_a: Segmentation fault", &[Manner::Crash]);
        check("test_a hangs, killed after 3 hours", &[Manner::Timeout]);
        check("test_a timed out", &[Manner::Timeout]);
        check(
            "test_a altered the execution environment",
            &[Manner::EnvChanged],
        );
        check("test_a leaks dangling threads", &[Manner::EnvChanged]);
        check("test_a leaked temporary files", &[Manner::EnvChanged]);
        check("test_a leaks file descriptors", &[Manner::Leak]);
        check("test_a fails", &[]);
    }

    #[test]
    fn platforms_are_read_from_builders() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(platforms(&text.to_lowercase()), expect, "{text}");
        };
        check("AMD64 Windows10 3.x", &["Windows"]);
        check("x86-64 High Sierra 3.7", &["macOS"]);
        check("AMD64 FreeBSD 10-STABLE", &["FreeBSD"]);
        check("PPC64LE Fedora Rawhide", &["Linux"]);
        check("no platform", &[]);
    }

    #[test]
    fn names_of_tests_in_titles() {
        assert_eq!(
            test_names("test_a: TestB.test_c() and FooTests fail, testing"),
            ["test_a", "TestB", "test_c", "FooTests"]
        );
        assert_eq!(
            source_file("../x/Modules/_ssl.c:1:2: error"),
            Some("_ssl.c".to_owned())
        );
        assert_eq!(source_file("a.c"), None);
        assert_eq!(source_file("foo(12,3): error C2065"), None);
    }
}
