//! `evaluate --show wrong` and `evaluate --fit`.

use std::fs;

use serde_json::Value;

use super::{Files, ISSUES, evaluated, first_cases};
use crate::cli::run;

const TRACKER: &str = r#"{"number": 7, "title": "test_pipes: test_drain() hangs on FreeBSD", "created": "2026-01-02"}
{"number": 8, "title": "Docs: how to write a decorator", "created": "2026-01-02"}
"#;
const CASES: &str = r#"{"id": "well", "date": "2026-02-03", "builder": "AMD64 FreeBSD 3.x", "log": "test_drain (test.test_pipes.PipeTests.test_drain) hangs", "expected": [7]}
{"id": "badly", "date": "2026-02-03", "builder": "AMD64 FreeBSD 3.x", "log": "test_drain (test.test_pipes.PipeTests.test_drain) hangs", "expected": [8]}
{"id": "too-early", "date": "2025-02-03", "builder": "AMD64 FreeBSD 3.x", "log": "test_drain (test.test_pipes.PipeTests.test_drain) hangs", "expected": null}
"#;

#[test]
fn what_was_answered_wrongly_is_shown() {
    let files = Files::new();
    let issues = files.add("issues.jsonl", TRACKER);
    let cases = files.add("cases.jsonl", CASES);
    let shown = run(&[
        "evaluate", "--issues", &issues, "--cases", &cases, "--show", "wrong",
    ])
    .ok();
    for part in [
        "badly: ",
        "#8 was not found",
        "| test_drain (test.test_pipes.PipeTests.test_drain) hangs",
        "1. #7 ",
        "test_pipes: test_drain() hangs on FreeBSD",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(
        !shown.contains("too-early"),
        "nothing was there to be found: {shown}"
    );
    let document = evaluated(&issues, &cases, &["--show", "wrong"]);
    let wrong = document["wrong"].as_array().unwrap();
    let badly = wrong.iter().find(|it| it["id"] == "badly").unwrap();
    assert_eq!(badly["right_at"], Value::Null);
    assert_eq!(badly["found"][0]["issue"]["number"], 7);
    assert!(evaluated(&issues, &cases, &[]).get("wrong").is_none());
}

#[test]
fn a_fit_prints_its_weights_and_has_no_chance_in_it() {
    let files = Files::new();
    let cases = first_cases(&files, 24);
    let fit = |_: usize| evaluated(ISSUES, &cases, &["--fit"])["fit"].clone();
    let [once, again] = [0, 1].map(fit).map(without_times);
    assert_eq!(once, again);
    let weights = once["weights"].as_array().unwrap();
    assert!(weights.len() > 3, "{once}");
    for weight in weights {
        assert!(
            weight["feature"].is_string() && weight["weight"].is_f64(),
            "{weight}"
        );
    }
    let some = |it: &&Value| it["weight"].as_f64().unwrap().abs() > 0.1;
    assert!(
        weights.iter().any(|it| some(&it)),
        "it learnt nothing: {once}"
    );
    for bound in ["none", "strong", "likely"] {
        assert!(once[bound].is_f64(), "{bound}: {once}");
    }
    assert_eq!(once["cross_validated"]["cases"], core_cases(&cases));

    let shown = run(&["evaluate", "--issues", ISSUES, "--cases", &cases, "--fit"]).ok();
    for part in [
        "cross-validated over issues",
        "none of them",
        "strong from",
        "likely from",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let first = weights[0]["feature"].as_str().unwrap();
    assert!(shown.contains(first), "{first}: {shown}");
}

fn core_cases(cases: &str) -> usize {
    let text = fs::read_to_string(cases).unwrap();
    text.lines()
        .filter(|line| line.contains("\"core\": true"))
        .count()
}

fn without_times(mut fit: Value) -> Value {
    fit["cross_validated"]["query_ms"] = Value::Null;
    fit
}
