//! What people write about a failure instead of a log: `test_gdb: test_bt fails
//! with a timeout on s390x`.

use super::Findings;
use super::found::Found;
use super::test_id;
use crate::domain::failure::{FailureKind, TestId};

/// Longest text that is searched for words, in bytes; a longer one is a log.
const MAX_TEXT: usize = 4096;
/// Most tests taken from it.
const MAX_TESTS: usize = 8;

/// How words that tell the kind begin, in the order in which they count. A
/// builder called `Refleaks` is no leak: only lower case counts.
const KINDS: [(&str, FailureKind); 15] = [
    ("leak", FailureKind::Leak),
    ("refleak", FailureKind::Leak),
    ("env changed", FailureKind::EnvChanged),
    ("env_changed", FailureKind::EnvChanged),
    ("altered", FailureKind::EnvChanged),
    ("dangling", FailureKind::EnvChanged),
    ("threading_cleanup", FailureKind::EnvChanged),
    ("segfault", FailureKind::Crash),
    ("segmentation", FailureKind::Crash),
    ("crash", FailureKind::Crash),
    ("abort", FailureKind::Crash),
    ("timeout", FailureKind::Timeout),
    ("timed", FailureKind::Timeout),
    ("hang", FailureKind::Timeout),
    ("hung", FailureKind::Timeout),
];

/// The tests that a short text names. The whole text is the line of each.
pub(super) fn read(text: &str) -> Findings {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Findings::default();
    }
    let line = text.lines().next().unwrap_or_default();
    let kind = kind_of(text);
    let exception = text.split_whitespace().find_map(exception_of);
    let mut findings = Findings::default();
    for test in tests_of(text) {
        let found = Found {
            exception: exception.clone(),
            excerpt: text.lines().map(str::to_owned).collect(),
            ..Found::with_line(kind, test, line)
        };
        let (failure, hits) = found.into_failure(false);
        findings.failures.push(failure);
        findings.redactions += hits;
    }
    findings
}

fn kind_of(text: &str) -> FailureKind {
    let has = |start: &str| match start.contains(' ') {
        true => text.contains(start),
        false => text.split_whitespace().any(|word| word.starts_with(start)),
    };
    KINDS
        .iter()
        .find(|(start, _)| has(start))
        .map_or(FailureKind::TestFailed, |(_, kind)| *kind)
}

/// `OSError`, `ssl.SSLError:`.
fn exception_of(word: &str) -> Option<String> {
    let word = word.trim_matches(|ch: char| !ch.is_alphanumeric() && ch != '_');
    let name = word.split(['(', ':']).next()?.rsplit('.').next()?;
    let is_type = name.starts_with(char::is_uppercase)
        && (name.ends_with("Error") || name.ends_with("Exception"))
        && name.chars().all(char::is_alphanumeric);
    is_type.then(|| name.to_owned())
}

/// Words like `test_os`, `test_os.PathTests.test_x`, `test_x()`: a word with
/// parentheses, or that follows `file:`, is a method of the file before it, or else of
/// the one behind it.
fn tests_of(text: &str) -> Vec<TestId> {
    let mut tests: Vec<TestId> = Vec::new();
    let mut after_colon = false;
    for raw in text.split_whitespace() {
        let word = raw.trim_matches(|ch: char| !ch.is_alphanumeric() && !"_()".contains(ch));
        let name = word.strip_suffix("()").unwrap_or(word);
        let is_method = name.len() < word.len() || after_colon;
        if is_name(name) {
            if tests.len() < MAX_TESTS {
                add(&mut tests, test_id::without_test(name), is_method);
            }
            after_colon = raw.ends_with(':');
        } else {
            after_colon = false;
        }
    }
    tests
}

fn add(tests: &mut Vec<TestId>, name: &str, is_method: bool) {
    if is_method
        && !name.contains('.')
        && let Some(last) = tests.last_mut()
        && last.file.is_some()
        && last.method.is_none()
    {
        last.method = Some(name.to_owned());
        return;
    }
    let test = match name.rsplit_once('.') {
        Some((place, method)) if is_method => test_id::of_parts(method, place),
        None if is_method => TestId {
            method: Some(name.to_owned()),
            ..TestId::default()
        },
        _ => parse(name),
    };
    // Its file may come behind it: "test_x() of test_os".
    if let Some(last) = tests.last_mut()
        && last.file.is_none()
        && last.method.is_some()
        && test.file.is_some()
        && test.method.is_none()
    {
        last.file = test.file;
        last.class = test.class;
        return;
    }
    if !tests.contains(&test) {
        tests.push(test);
    }
}

/// `test_os.PathTests.test_x`: whatever of it is there.
fn parse(name: &str) -> TestId {
    let is_class = |part: &str| part.starts_with(char::is_uppercase);
    let has_class = name.split('.').any(is_class);
    match name.rsplit_once('.') {
        Some((place, last)) if has_class && !is_class(last) => test_id::of_parts(last, place),
        Some((place, class)) if is_class(class) => TestId {
            file: Some(place.to_owned()),
            class: Some(class.to_owned()),
            ..TestId::default()
        },
        _ => TestId {
            file: Some(name.to_owned()),
            ..TestId::default()
        },
    }
}

fn is_name(word: &str) -> bool {
    let names_test = word.starts_with("test_")
        || word.starts_with("test.test_")
        || word.contains(".test_")
        || word.starts_with("test__");
    names_test
        && !word.contains("..")
        && word
            .chars()
            .all(|ch| ch.is_alphanumeric() || ch == '_' || ch == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_people() {
        let cases = [
            (
                "test_alpha: test_beta() hangs on s390x",
                "Timeout test_alpha.test_beta",
            ),
            (
                "test_alpha and test_gamma leaked",
                "Leak test_alpha, Leak test_gamma",
            ),
            (
                "test.test_alpha.SomeTests.test_beta flaky",
                "TestFailed test_alpha.SomeTests.test_beta",
            ),
            (
                "SomeTests.test_beta fails with OSError",
                "TestFailed SomeTests.test_beta",
            ),
            (
                "test_alpha.SomeTests env changed",
                "EnvChanged test_alpha.SomeTests",
            ),
            (
                "test_beta() of test_alpha hangs",
                "Timeout test_alpha.test_beta",
            ),
            ("test_beta() fails", "TestFailed test_beta"),
            ("the disk is full", ""),
        ];
        for (text, expected) in cases {
            let shown: Vec<String> = read(text)
                .failures
                .iter()
                .map(|failure| format!("{:?} {}", failure.kind, failure.test.qualified()))
                .collect();
            assert_eq!(shown.join(", "), expected, "{text}");
        }
        let failure = &read("test_alpha: ssl.SSLError: no").failures[0];
        assert_eq!(failure.exception.as_deref(), Some("SSLError"));
    }
}
