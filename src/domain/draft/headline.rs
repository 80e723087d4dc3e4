//! What happened in one breath: `test_posix: TestPosixSpawn fails`.

use crate::domain::draft::grouping::{Group, Manner, Subject};

/// A sentence without its place, in both tenses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    /// `test_posix: TestPosixSpawn fails`, for a report.
    pub(crate) now: String,
    /// `test_posix: TestPosixSpawn failed`, for what was seen.
    pub(crate) past: String,
}

/// Sums up a group. The parts come from logs: still untrusted.
pub(crate) fn headline(group: &Group<'_>) -> Headline {
    let topic = &group.topic;
    let (subject, several) = match &topic.subject {
        Subject::Source(source) if source.is_empty() => return same("compile error".to_owned()),
        Subject::Source(source) => return same(format!("compile error: {source}")),
        Subject::Build => return broken_build(group),
        Subject::Unknown => match topic.manner {
            Manner::Fails => (build_subject(group), false),
            _ => ("the test suite".to_owned(), false),
        },
        Subject::Module(name) => (format!("{name}: {} tests", group.tests().len()), true),
        Subject::File(file) => match files(group).as_slice() {
            [] | [_] => file_subject(file, group),
            several => (names(several), true),
        },
    };
    let (now, past) = verbs(group, several);
    let (then, then_past) = match (group.is_flaky(), several) {
        (false, _) => ("", ""),
        (true, false) => (" (passes on re-run)", " (passed on re-run)"),
        (true, true) => (" (pass on re-run)", " (passed on re-run)"),
    };
    Headline {
        now: format!("{subject} {now}{then}"),
        past: format!("{subject} {past}{then_past}"),
    }
}

fn same(words: String) -> Headline {
    Headline {
        now: words.clone(),
        past: words,
    }
}

/// The test files concerned, each once: one known issue may be about several.
fn files<'a>(group: &Group<'a>) -> Vec<&'a str> {
    each_once(
        group
            .items
            .iter()
            .filter_map(|item| item.failure.test.file.as_deref()),
    )
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// `test_a, test_b, test_c and 2 more`.
fn names(all: &[&str]) -> String {
    let shown: Vec<&str> = all.iter().take(3).copied().collect();
    match all.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn broken_build(group: &Group<'_>) -> Headline {
    let modules = group
        .items
        .iter()
        .filter_map(|item| item.failure.test.module());
    let list = names(&each_once(modules));
    Headline {
        now: format!("build broken: {list} fail"),
        past: format!("build broken: {list} failed"),
    }
}

fn build_subject(group: &Group<'_>) -> String {
    let exception = group
        .items
        .iter()
        .find_map(|item| item.failure.exception.as_deref());
    match exception {
        Some(exception) => format!("the test suite ({exception})"),
        None => "the build".to_owned(),
    }
}

/// The file with its method, its class, or how many tests, whatever all the
/// failures have in common; and whether it is a plural.
fn file_subject(file: &str, group: &Group<'_>) -> (String, bool) {
    let mut methods: Vec<&str> = Vec::new();
    let mut classes: Vec<Option<&str>> = Vec::new();
    let mut unnamed = false;
    for item in &group.items {
        let test = &item.failure.test;
        let Some(method) = test.method.as_deref() else {
            // A crash of the whole file says no more than the file's name.
            unnamed |= group.items.len() == 1;
            continue;
        };
        if !methods.contains(&method) {
            methods.push(method);
        }
        if !classes.contains(&test.class.as_deref()) {
            classes.push(test.class.as_deref());
        }
    }
    let of_class = |method: &str| matches!(method, "setUpClass" | "tearDownClass");
    match (methods.as_slice(), classes.as_slice()) {
        _ if unnamed => (file.to_owned(), false),
        ([], _) => (file.to_owned(), false),
        ([method], [Some(class)]) if of_class(method) => (format!("{file}: {class}"), false),
        ([method], _) => (format!("{file}: {method}()"), false),
        (_, [Some(class)]) => (format!("{file}: {class}"), false),
        _ => (format!("{file}: {} tests", group.tests().len()), true),
    }
}

fn verbs(group: &Group<'_>, several: bool) -> (String, String) {
    let (one, many, past) = match group.topic.manner {
        Manner::Fails | Manner::DoesNotCompile => ("fails", "fail", "failed"),
        Manner::Crashes => ("crashes", "crash", "crashed"),
        Manner::Hangs => ("hangs (timeout)", "hang (timeout)", "hung (timeout)"),
        Manner::Alters => (
            "alters the environment",
            "alter the environment",
            "altered the environment",
        ),
        Manner::Leaks => {
            let what = leaked(group);
            let verb = if several { "leak" } else { "leaks" };
            return (format!("{verb} {what}"), format!("leaked {what}"));
        }
    };
    let now = if several { many } else { one };
    (now.to_owned(), past.to_owned())
}

/// What leaked, as regrtest names it.
fn leaked(group: &Group<'_>) -> String {
    let says = |what: &str| {
        group.items.iter().any(|item| {
            let failure = item.failure;
            let lines = failure.line.iter().chain(&failure.excerpt);
            lines.into_iter().any(|line| line.contains(what))
        })
    };
    let found: Vec<&str> = ["references", "memory blocks", "file descriptors"]
        .into_iter()
        .filter(|what| says(what))
        .collect();
    if found.is_empty() {
        return "references".to_owned();
    }
    found.join(" and ")
}
