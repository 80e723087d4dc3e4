//! What stood before a failure in a log makes no difference to its signature.

use std::collections::BTreeSet;
use std::fs;

use super::*;

/// A line without the letter of its stream.
fn content(line: &str) -> &str {
    line.strip_prefix(['o', 'e', 'h'])
        .unwrap_or(line)
        .trim_end()
}

fn is_rule_of(line: &str, char: char) -> bool {
    let text = content(line);
    text.len() == 70 && text.chars().all(|other| other == char)
}

/// The test of a report: its header up to the subtest.
fn test_of<'a>(report: &[&'a str]) -> &'a str {
    let header = report.get(1).copied().unwrap_or_default();
    header.split_once(')').map_or(header, |(test, _)| test)
}

/// The log with each run of reports in the opposite order, and how many reports
/// changed their places. Those of one test stay in theirs: they are one failure.
fn turned(log: &str) -> (String, usize) {
    let mut turned = Vec::new();
    let mut reports: Vec<Vec<&str>> = Vec::new();
    let mut moved = 0;
    let mut close = |reports: &mut Vec<Vec<&str>>, turned: &mut Vec<String>| {
        if reports.len() > 1 {
            moved += reports.len();
        }
        while let Some(last) = reports.last() {
            let test = test_of(last).to_owned();
            for report in reports.extract_if(.., |report| test_of(report) == test) {
                turned.extend(report.into_iter().map(str::to_owned));
            }
        }
    };
    for line in log.split_inclusive('\n') {
        let rules = |report: &Vec<&str>| report.iter().filter(|line| is_rule_of(line, '-')).count();
        if is_rule_of(line, '=') {
            reports.push(vec![line]);
        } else if is_rule_of(line, '-') && reports.last().is_some_and(|last| rules(last) > 0) {
            close(&mut reports, &mut turned);
            turned.push(line.to_owned());
        } else if let Some(report) = reports.last_mut() {
            report.push(line);
        } else {
            turned.push(line.to_owned());
        }
    }
    close(&mut reports, &mut turned);
    (turned.concat(), moved)
}

fn signatures(log: &str) -> BTreeSet<String> {
    let failures = read_log(log, None).failures;
    failures
        .into_iter()
        .map(|failure| failure.signature.0)
        .collect()
}

#[test]
fn reports_in_another_order_have_the_same_signatures() {
    let mut all_moved = 0;
    for entry in fs::read_dir("fixtures/logs").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "txt") {
            continue;
        }
        let log = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        // Behind a report that is cut off another one would be its text; rules in
        // colour are not found here.
        if path.to_string_lossy().contains("/cut-") || log.contains('\u{1b}') {
            continue;
        }
        let (turned, moved) = turned(&log);
        assert_eq!(signatures(&turned), signatures(&log), "{path:?}");
        all_moved += moved;
    }
    assert!(all_moved >= 20, "{all_moved}");
}

#[test]
fn a_failure_is_signed_the_same_alone_and_among_others() {
    let report = |name: &str, message: &str| {
        format!(
            "{}\nFAIL: {name} (test.test_a.T.{name})\n{}\nTraceback (most recent call last):\n  \
             File \"/b/Lib/test/test_a.py\", line 12, in {name}\n    self.fail()\nAssertionError: {message}\n\n",
            "=".repeat(70),
            "-".repeat(70)
        )
    };
    let reports: Vec<String> = (0..6)
        .map(|n| report(&format!("test_{n}"), &format!("no {}", "x".repeat(n))))
        .collect();
    let alone: BTreeSet<String> = reports.iter().flat_map(|one| signatures(one)).collect();
    assert_eq!(alone.len(), 6);
    assert_eq!(signatures(&reports.concat()), alone);
}
