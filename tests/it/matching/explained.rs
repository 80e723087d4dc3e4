//! `match` and `explain`: which reports, and why.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::{Files, document};
use crate::cli::{Demo, program, run, said};

const TRACKER: &str = r#"{"number": 7, "title": "test_pipes: PipeTests.test_drain() hangs on FreeBSD", "created": "2026-01-02", "body": "Nobody reads the other end."}
{"number": 8, "title": "test_pipes: rewrite in terms of subprocess", "created": "2025-01-02", "body": ""}
{"number": 9, "title": "test_flags: test_order() fails with KeyError", "state": "closed", "created": "2026-02-02", "closed": "2026-02-05", "resolution": "fixed", "body": ""}
{"number": 10, "title": "test_flags.test_order raises KeyError again", "state": "closed", "created": "2026-03-02", "closed": "2026-03-03", "resolution": "duplicate", "duplicate_of": 11, "body": ""}
{"number": 11, "title": "Flags are sorted by their hash", "created": "2026-03-01", "body": ""}
{"number": 12, "title": "test_ring: each is the other's duplicate", "state": "closed", "created": "2026-03-01", "closed": "2026-03-03", "resolution": "duplicate", "duplicate_of": 13, "body": ""}
{"number": 13, "title": "test_ring: so it is, test_ring", "state": "closed", "created": "2026-03-01", "closed": "2026-03-03", "resolution": "duplicate", "duplicate_of": 12, "body": ""}
"#;

const HANG: &str = "test_pipes: PipeTests.test_drain() hangs on AMD64 FreeBSD 3.x";

const ORDER: &str = "\
======================================================================
ERROR: test_order (test.test_flags.FlagTests.test_order)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"/build/Lib/test/test_flags.py\", line 12, in test_order
    flags['a']
    ~~~~~^^^^^
KeyError: 'a'

----------------------------------------------------------------------
Ran 1 test in 0.001s

FAILED (errors=1)
";

/// The reports that a text is matched with, best first.
fn candidates(text: &str) -> Vec<Value> {
    let files = Files::new();
    let (text, issues) = (files.add("text", text), files.add("issues.jsonl", TRACKER));
    let document = document(run(&[
        "match", "--json", "--text", &text, "--issues", &issues,
    ]));
    document["failures"][0]["candidates"]
        .as_array()
        .unwrap()
        .clone()
}

fn numbers(candidates: &[Value]) -> Vec<u64> {
    let number = |it: &Value| it["issue"]["number"].as_u64().unwrap();
    candidates.iter().map(number).collect()
}

fn evidence(candidate: &Value) -> Vec<&str> {
    let sentences = candidate["evidence"].as_array().unwrap().iter();
    sentences.map(|it| it.as_str().unwrap()).collect()
}

#[test]
fn a_text_finds_its_report_and_says_why() {
    let files = Files::new();
    let text = files.add("text", HANG);
    let issues = files.add("issues.jsonl", TRACKER);
    let shown = run(&["match", "--text", &text, "--issues", &issues]).ok();
    for part in [
        "searched for title: test_drain",
        "probability that it is none of these:",
        "#7 (",
        "- the method test_drain is in the title",
        "- the file test_pipes is in the title",
        "- the title names FreeBSD, as the builder does",
        "- it is open",
        "score ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let first = shown.find("#7 (").unwrap();
    assert!(
        shown.find("#8 (").is_none_or(|other| first < other),
        "{shown}"
    );
}

#[test]
fn no_word_is_told_twice() {
    for text in [HANG, ORDER] {
        for candidate in candidates(text) {
            let told = evidence(&candidate).join("\n").to_lowercase();
            for name in [
                "test_drain",
                "test_pipes",
                "freebsd",
                "test_order",
                "test_flags",
                "keyerror",
            ] {
                let lines = told.lines().filter(|line| !line.starts_with("against"));
                let telling = lines.filter(|line| line.contains(name)).count();
                assert!(telling <= 1, "{name}:\n{told}");
            }
        }
    }
}

#[test]
fn a_log_is_read_as_bytes_from_the_standard_input() {
    let files = Files::new();
    let issues = files.add("issues.jsonl", TRACKER);
    let mut child = program()
        .args(["match", "--json", "--text", "-", "--issues", &issues])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = [b"\xff\xfe no text\n".as_slice(), ORDER.as_bytes()].concat();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    let found = document(said(child.wait_with_output().unwrap()));
    let candidates = found["failures"][0]["candidates"].as_array().unwrap();
    assert!(numbers(candidates).contains(&9), "{found}");
}

#[test]
fn the_lineage_of_a_report_is_told() {
    let candidates = candidates(ORDER);
    let by_number = |number| {
        let found = candidates.iter().find(|it| it["issue"]["number"] == number);
        found.unwrap_or_else(|| panic!("{number} is not in {candidates:?}"))
    };
    // The duplicate stands for its master, which alone nobody would have found.
    assert_eq!(
        evidence(by_number(11))[0],
        "#10 was closed as a duplicate of it; of that one:"
    );
    assert!(!numbers(&candidates).contains(&10), "{candidates:?}");
    let fixed = by_number(9);
    assert_eq!(fixed["tier"], "weak", "{fixed}");
    assert!(
        evidence(fixed).contains(&"it is closed as fixed"),
        "{fixed}"
    );
}

#[test]
fn duplicates_of_each_other_end_nothing() {
    let found = numbers(&candidates("test_ring fails on AMD64 FreeBSD 3.x"));
    assert!(found.contains(&12) && found.contains(&13), "{found:?}");
}

#[test]
fn a_notification_is_explained_with_its_failures() {
    let demo = Demo::new();
    let shown = demo.run("explain 1").ok();
    for part in [
        "test_capwords",
        "searched for",
        "#2 (strong",
        "score ",
        "show 1 --dir",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let document = demo.json("explain 1");
    assert_eq!(document["id"], 1);
    let failure = &document["failures"][0];
    assert_eq!(failure["verdict"], "known", "{failure}");
    let shares = failure["candidates"].as_array().unwrap().iter();
    let shares: f64 = shares.map(|it| it["probability"].as_f64().unwrap()).sum();
    let none = failure["none"].as_f64().unwrap();
    assert!(shares + none <= 1.0 + 1e-9, "{failure}");
    // The score is the sum of what it says it is made of.
    let first = &failure["candidates"][0];
    let parts = first["features"].as_array().unwrap().iter();
    let sum: f64 = parts.map(|it| it["adds"].as_f64().unwrap()).sum();
    assert!(
        (sum - first["score"].as_f64().unwrap()).abs() < 1e-6,
        "{first}"
    );
    demo.run("explain 99").refused(&["no notification 99"]);
}
