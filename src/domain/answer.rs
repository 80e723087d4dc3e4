//! Which failures a person means who names bug reports in an answer.

use crate::domain::failure::Failure;
use crate::domain::mention::Named;

/// Which of the failures a person means who names a report of this title: those
/// whose test stands in front of it, else behind it, else in the report's title. Of
/// failures that are all the same, all. Empty if nobody can tell.
pub fn failures_meant(named: &Named, title: &str, failures: &[&Failure]) -> Vec<usize> {
    let all = || (0..failures.len()).collect();
    let mut signatures = failures.iter().map(|failure| &failure.signature);
    let first = signatures.next();
    if signatures.all(|other| Some(other) == first) {
        return all();
    }
    [named.before.as_str(), named.behind.as_str(), title]
        .into_iter()
        .map(|text| tests_named(text, failures))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The failures whose method stands in a text; where none does, whose class, then
/// whose file, then whose folder of tests.
fn tests_named(text: &str, failures: &[&Failure]) -> Vec<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> = text.split(|c: char| !is_part(c)).collect();
    let named_by = |name: fn(&Failure) -> Option<&str>| -> Vec<usize> {
        let is_named = |failure: &Failure| name(failure).is_some_and(|name| words.contains(&name));
        let named = failures.iter().enumerate();
        let named = named.filter(|(_, failure)| is_named(failure));
        named.map(|(index, _)| index).collect()
    };
    let levels: [fn(&Failure) -> Option<&str>; 4] = [
        // `setUpClass` is no test's name.
        |failure| {
            failure
                .test
                .method
                .as_deref()
                .filter(|name| name.starts_with("test"))
        },
        |failure| failure.test.class.as_deref(),
        |failure| failure.test.file.as_deref()?.rsplit('.').next(),
        |failure| failure.test.module(),
    ];
    let mut levels = levels.into_iter().map(named_by);
    levels.find(|found| !found.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mail::Mail;
    use crate::domain::mention::{Mention, issue_mentions};

    fn failure(file: &str, class: &str, method: &str, signature: &str) -> Failure {
        let failure = serde_json::json!({
            "test": {"file": file, "class": class, "method": method, "subtest": null},
            "kind": "failure", "exception": null, "line": null, "excerpt": [],
            "signature": signature, "flaky": false
        });
        serde_json::from_value(failure).unwrap()
    }

    /// For each report that is named, the failures that are meant by it.
    #[track_caller]
    fn check(text: &str, title: &str, expected: &[(u64, &[usize])]) {
        let failures = [
            failure("test_os", "FileTests", "test_open", "v2:a"),
            failure("test_os", "PathTests", "test_join", "v2:b"),
            failure(
                "test_asyncio.test_events",
                "LoopTests",
                "setUpClass",
                "v2:c",
            ),
            failure("test_asyncio.test_tasks", "TaskTests", "test_open", "v2:d"),
        ];
        let failures: Vec<&Failure> = failures.iter().collect();
        let mail = Mail {
            text: text.to_owned(),
            ..Mail::default()
        };
        let meant: Vec<(u64, Vec<usize>)> = issue_mentions(&mail)
            .iter()
            .map(|named| match named.mention {
                Mention::Number(number) => (number, failures_meant(named, title, &failures)),
                ref other => panic!("{other:?}"),
            })
            .collect();
        let expected: Vec<(u64, Vec<usize>)> = expected
            .iter()
            .map(|(number, indexes)| (*number, indexes.to_vec()))
            .collect();
        assert_eq!(meant, expected, "{text:?}");
    }

    #[test]
    fn tests_are_named_with_their_reports() {
        check("test_join: #1\n", "", &[(1, &[1])]);
        check(
            "test_os: ...\n#1\n\ntest_tasks:\n#2",
            "",
            &[(1, &[0, 1]), (2, &[3])],
        );
        check(
            "test_os is #1, test_asyncio is #2.",
            "",
            &[(1, &[0, 1]), (2, &[2, 3])],
        );
        check(
            "#1 (test_join)\n#2 is test_events",
            "",
            &[(1, &[1]), (2, &[2])],
        );
        check("PathTests.test_join fails: #1", "", &[(1, &[1])]);
        // Two tests have that method.
        check("test_open: #1", "", &[(1, &[0, 3])]);
        check(
            "See Lib/test/test_asyncio/test_tasks.py, #1",
            "",
            &[(1, &[3])],
        );
        check("> test_os\n> #9\nKnown: #1", "", &[(1, &[])]);
        check("The setUpClass of it: #1", "", &[(1, &[])]);
    }

    #[test]
    fn the_reports_title_tells_where_the_person_does_not() {
        check("Known: #1", "test_tasks hangs", &[(1, &[3])]);
        check("Known: #1", "Something about capitals", &[(1, &[])]);
        check("test_join: #1", "test_tasks hangs", &[(1, &[1])]);
    }

    #[test]
    fn what_is_one_failure_needs_no_name() {
        let one = failure("test_os", "T", "test_a", "v2:a");
        let named = Named {
            mention: Mention::Number(1),
            before: String::new(),
            behind: String::new(),
        };
        assert_eq!(failures_meant(&named, "", &[&one]), [0]);
        assert_eq!(failures_meant(&named, "", &[&one, &one]), [0, 1]);
        assert!(failures_meant(&named, "", &[]).is_empty());
    }
}
