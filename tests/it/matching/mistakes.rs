//! What can be wrong with the files of `match` and `evaluate`: what, where, and what
//! to do about it.

use super::{CASES, Files, ISSUES, evaluated};
use crate::cli::{Said, run};

const ISSUE: &str = r#"{"number": 7, "title": "test_pipes hangs", "created": "2026-01-02"}"#;
const CASE: &str =
    r#"{"id": "a", "date": "2026-02-03", "log": "test_pipes hangs", "expected": [7]}"#;

fn evaluate(issues: &str, cases: &str) -> Said {
    run(&["evaluate", "--issues", issues, "--cases", cases])
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let files = Files::new();
    let text = files.add("text", "test_pipes hangs");
    let words = [
        "/nonexistent",
        "cannot be read",
        "No such file",
        "check the path",
    ];
    evaluate("/nonexistent", CASES).refused(&words);
    evaluate(ISSUES, "/nonexistent").refused(&words);
    run(&["match", "--text", &text, "--issues", "/nonexistent"]).refused(&words);
    run(&["match", "--text", "/nonexistent", "--issues", ISSUES]).refused(&words);
}

#[test]
fn a_line_that_is_wrong_is_named() {
    let files = Files::new();
    let text = files.add("text", "test_pipes hangs");
    let issues = files.add("issues.jsonl", ISSUE);
    let cases = files.add("cases.jsonl", CASE);
    for (line, what) in [
        (r#"{"number": 8, "title": "#, "column"),
        (r#"{"title": "x"}"#, "number"),
        (r#"{"number": 8}"#, "title"),
    ] {
        let wrong = files.add("wrong.jsonl", format!("{ISSUE}\n\n{line}\n"));
        let words = ["wrong.jsonl, line 3", what, "a JSON object per line"];
        evaluate(&wrong, &cases).refused(&words);
        run(&["match", "--text", &text, "--issues", &wrong]).refused(&words);
    }
    for (line, what) in [
        (r#"{"id": "b""#, "column"),
        (r#"{"id": "b"}"#, "date"),
        (r#"{"id": "b", "date": "yesterday"}"#, "2026-11-22"),
        (
            r#"{"id": "b", "date": "2026-02-03", "expected": "seven"}"#,
            "expected",
        ),
        (
            r#"{"id": "b", "date": "2026-02-03", "log_file": "gone.txt"}"#,
            "gone.txt cannot be read",
        ),
    ] {
        let wrong = files.add("wrong.jsonl", format!("{CASE}\n{line}\n"));
        evaluate(&issues, &wrong).refused(&["wrong.jsonl, line 2", what]);
    }
}

#[test]
fn empty_files_measure_nothing() {
    let files = Files::new();
    let empty = files.add("empty", "\n\n");
    let (issues, cases) = (files.add("issues", ISSUE), files.add("cases", CASE));
    evaluate(&empty, &cases).refused(&["no bug report is in", "empty", "number and title"]);
    evaluate(&issues, &empty).refused(&["no case is in", "empty", "id, date"]);
    run(&["match", "--text", &empty, "--issues", &issues]).refused(&["empty is empty"]);
    run(&["match", "--text", &cases, "--issues", &empty]).refused(&["no bug report is in"]);
    // One of several may be.
    run(&[
        "match", "--text", &cases, "--issues", &issues, "--issues", &empty,
    ])
    .ok();
}

#[test]
fn an_answer_that_no_file_has_is_told_and_counts_as_not_found() {
    let files = Files::new();
    let issues = files.add("issues.jsonl", ISSUE);
    let unknown = CASE.replace("[7]", r#"[4711]"#).replace("\"a\"", "\"b\"");
    let by_key = CASE
        .replace("[7]", r#"["bpo-1"]"#)
        .replace("\"a\"", "\"c\"");
    let cases = files.add("cases.jsonl", format!("{CASE}\n{unknown}\n{by_key}\n"));
    let document = evaluated(&issues, &cases, &[]);
    assert_eq!(document["positives"], 3);
    assert_eq!(
        document["unknown_issues"],
        serde_json::json!([{ "case": "b", "issue": "#4711" }, { "case": "c", "issue": "bpo-1" }])
    );
    let said = evaluate(&issues, &cases).ok();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "! b expects #4711, which is in no file",
        "! c expects bpo-1",
        "--issues",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_is_missing_on_the_line_is_told() {
    for line in [
        vec!["evaluate"],
        vec!["evaluate", "--issues", ISSUES],
        vec!["evaluate", "--cases", CASES],
        vec!["evaluate", "--history", "--cases", CASES],
        vec![
            "evaluate", "--issues", ISSUES, "--cases", CASES, "--show", "right",
        ],
        vec!["match", "--text", "-"],
        vec!["explain"],
    ] {
        assert_eq!(run(&line).code, 2, "{line:?}");
    }
}

#[test]
fn hostile_text_in_files_does_not_act_on_the_terminal() {
    let files = Files::new();
    let hostile = r"\u001b[31m\u009b31m\u202etest_pipes hangs";
    let issues = files.add("issues", ISSUE.replace("test_pipes hangs", hostile));
    let case = CASE
        .replace("[7]", "[8]")
        .replace("test_pipes hangs", hostile);
    let case = case.replace(
        "\"a\"",
        r#""\u001b[31ma", "kind": "\u001b[31mk", "builder": "\u001b[31mb""#,
    );
    let cases = files.add("cases", case);
    let text = files.add("text", "\u{1b}[31m\u{9b}31m\u{202e}test_pipes hangs");
    for line in [
        vec![
            "evaluate", "--issues", &issues, "--cases", &cases, "--show", "wrong",
        ],
        vec!["match", "--text", &text, "--issues", &issues],
    ] {
        let shown = run(&line).ok();
        let acts = |char: &char| (char.is_control() && *char != '\n') || *char == '\u{202e}';
        assert_eq!(shown.chars().find(acts), None, "{shown}");
        assert!(shown.contains("test_pipes hangs"), "{shown}");
    }
}
