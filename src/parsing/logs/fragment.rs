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
/// the one behind it. `test_x (test_os.PathTests)` is how unittest writes it.
fn tests_of(text: &str) -> Vec<TestId> {
    let mut tests: Vec<TestId> = Vec::new();
    let mut after_colon = false;
    for raw in text.split(|ch: char| !ch.is_alphanumeric() && !"_.():".contains(ch)) {
        let word = raw.trim_matches(|ch: char| !ch.is_alphanumeric() && !"_()".contains(ch));
        let bare = word.trim_matches(['(', ')']);
        let name = test_id::without_test(bare.strip_suffix(".py").unwrap_or(bare));
        let is_method = word.ends_with("()") || after_colon;
        let is_place = word.ends_with(')') && !is_method && name.contains('.');
        if is_name(name) && tests.len() < MAX_TESTS {
            match tests.last_mut().filter(|_| is_place).and_then(only_name) {
                Some(last) => *last = of_place(last, name),
                None => add(&mut tests, name, is_method),
            }
        }
        if !raw.is_empty() {
            after_colon = is_name(name) && raw.ends_with(':');
        }
    }
    tests
}

/// A test of which only a name is known: of its file, as it seems.
fn only_name(test: &mut TestId) -> Option<&mut TestId> {
    let is_only = test.class.is_none() && test.method.is_none();
    (is_only && test.file.as_deref().is_some_and(|name| !name.contains('.'))).then_some(test)
}

/// What seemed to be a file is a method where its place follows in parentheses.
fn of_place(test: &TestId, place: &str) -> TestId {
    test_id::of_parts(test.file.as_deref().unwrap_or_default(), place)
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
    if let Some(last) = tests.last_mut()
        && completes(last, &test)
    {
        fill(last, test);
    } else if !tests.contains(&test) {
        tests.push(test);
    }
}

/// Whether two names in a row are of one test: the file may stand before the class
/// and the method, or behind: `test_x() of test_os`.
fn completes(last: &TestId, next: &TestId) -> bool {
    let only_file = |test: &TestId| test.class.is_none() && test.method.is_none();
    let behind = last.file.is_none() && next.file.is_some() && next.method.is_none();
    let before = only_file(last) && next.file.is_none() && next.class.is_some();
    behind || before
}

fn fill(test: &mut TestId, other: TestId) {
    test.file = test.file.take().or(other.file);
    test.class = test.class.take().or(other.class);
    test.method = test.method.take().or(other.method);
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
            (
                "test_beta (test.test_alpha.SomeTests) hangs",
                "Timeout test_alpha.SomeTests.test_beta",
            ),
            (
                "test_alpha SomeTests.test_beta fails",
                "TestFailed test_alpha.SomeTests.test_beta",
            ),
            (
                "test_beta() Lib/test/test_alpha.py",
                "TestFailed test_alpha.test_beta",
            ),
            (
                "test_alpha (and test_gamma), test_delta/test_eta",
                "TestFailed test_alpha, TestFailed test_gamma, TestFailed test_delta, TestFailed test_eta",
            ),
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
