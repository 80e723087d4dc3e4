//! A word on exact texts, once (I7).

use std::process::Stdio;

use buildbot_watch::domain::untrusted::terminal_lines;
use serde_json::Value;

use super::desk::{Desk, Notice, STRING, text_of};

fn with_draft(fixture: &str) -> Desk {
    let desk = Desk::new("");
    desk.take(
        Notice {
            fixture,
            builder: "AMD64 Debian root 3.x",
            id: "first",
        }
        .mail(),
    );
    desk
}

/// A text of a draft as `show --json` gives it.
#[track_caller]
fn text(row: &Value, path: &str) -> String {
    let found = row.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{path}: {row}")).to_owned()
}

#[test]
fn of_two_at_once_one_wins_and_the_other_is_told() {
    for _ in 0..4 {
        let desk = with_draft(STRING);
        let key = desk.key(1);
        let people = ["Ada Lovelace", "Grace Hopper", "Alan Turing"];
        let running: Vec<_> = people
            .iter()
            .map(|name| {
                desk.command(&["approve", &key, "--as", name])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("the program runs")
            })
            .collect();
        let ended: Vec<_> = running
            .into_iter()
            .map(|child| child.wait_with_output().expect("it ends"))
            .collect();
        let row = desk.row(1);
        let winner = text(&row, "/decision/who");
        for (name, ended) in people.iter().zip(&ended) {
            let said = String::from_utf8_lossy(&ended.stderr);
            if **name == winner {
                // It may find another at work on the deliveries, which is fine.
                assert!(ended.status.success() || said.contains("another"), "{said}");
            } else {
                assert!(!ended.status.success(), "{name} and {winner}");
                assert!(
                    said.contains(&format!("was approved by {winner}")),
                    "{said}"
                );
            }
        }
        desk.settle();
        assert_eq!((desk.sent().len(), desk.reports().len()), (1, 1));
        let reply = text_of(&desk.sent()[0]);
        assert!(reply.contains(&format!("Checked by {winner}")), "{reply}");
    }
}

#[test]
fn an_old_digest_is_refused_after_an_edit() {
    let desk = with_draft(STRING);
    let old = desk.key(1);
    let edit = |command: &str| {
        let mut edit = desk.command(&["edit", "1"]);
        let editor = desk.path("editor.sh");
        std::fs::write(&editor, format!("#!/bin/sh\n{command}\n")).expect("an editor");
        let editor = format!("sh {}", editor.display());
        let ended = edit.env_remove("VISUAL").env("EDITOR", editor).output();
        ended.expect("the program runs")
    };
    let ended = edit("sed -i 's/fails on/sometimes fails on/' \"$1\"");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{said}");
    assert_ne!(desk.key(1), old);
    for verb in [["approve", old.as_str()], ["reject", &old]] {
        let mut words = verb.to_vec();
        if verb[0] == "reject" {
            words.extend(["--reason", "x"]);
        }
        let said = desk.refused(&words);
        assert!(said.contains("is not the current text"), "{said}");
    }
    let wrong = format!("1@{}", "0".repeat(8));
    desk.refused(&["approve", &wrong]);
    // Saved unchanged: the same texts, the same digest.
    let new = desk.key(1);
    edit("true");
    assert_eq!(desk.key(1), new);
    desk.approve(1);
    assert!(
        desk.reports()[0].1.contains("sometimes fails"),
        "{:?}",
        desk.reports()
    );
    // What was decided stays decided.
    for words in [
        vec!["approve", new.as_str()],
        vec!["reject", "1", "--reason", "x"],
        vec!["edit", "1"],
        vec!["link", "1", "1"],
        vec!["retry", "1"],
    ] {
        desk.refused(&words);
    }
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn what_leaves_is_what_was_shown() {
    for fixture in [
        STRING,
        "bb43-env-changed.eml",
        "bb403-longline-nul-esc-utf8.eml",
        "bb403-many-files-subtests.eml",
        "bb43-refleak-fdleak.eml",
        "bb43-compile-failure.eml",
        "bb403-multi-builder-buildset.eml",
    ] {
        let desk = with_draft(fixture);
        let row = desk.row(1);
        let shown = desk.done(&["show", "1"]);
        let draft = &row["draft_texts"];
        let actions = draft["actions"].as_array().expect("actions");
        desk.done(&["approve", &desk.key(1)]);
        for _ in 0..actions.len() {
            desk.run(&["release", "1"]);
            desk.settle();
        }
        // A few reports are more than one run may open.
        let reports = desk.reports();
        let mut reply = text(draft, "/reply/body");
        for (number, action) in actions.iter().enumerate() {
            let (title, body) = (text(action, "/title"), text(action, "/body"));
            let opened = reports.iter().find(|(_, found, _)| *found == title);
            let Some((issue, _, found)) = opened else {
                panic!("{fixture}: no report {title:?} among {reports:#?}");
            };
            assert_eq!(*found, body, "{fixture}");
            is_shown(&shown, &body, fixture);
            let url = format!("https://tracker.invalid/issue/{issue}");
            reply = reply.replace(&format!("<<new issue {}>>", number + 1), &url);
        }
        let reply = reply.replace("<<approver>>", "Ada Lovelace");
        let sent = desk.sent();
        assert_eq!(sent.len(), 1, "{fixture}: {}", desk.row(1));
        assert_eq!(text_of(&sent[0]).trim_end(), reply.trim_end(), "{fixture}");
        is_shown(&shown, &text(draft, "/reply/body"), fixture);
    }
}

/// Every line of a text stands in what was printed, behind the bar; what a
/// terminal would not show is written out.
#[track_caller]
fn is_shown(shown: &str, text: &str, fixture: &str) {
    // Long lines go on behind another mark, and are broken at blanks.
    let printed: String = shown
        .lines()
        .filter_map(|line| line.strip_prefix("  |").or(line.strip_prefix("  ¦")))
        .flat_map(str::split_whitespace)
        .collect();
    let wanted = terminal_lines(text);
    let wanted: String = wanted.split_whitespace().collect();
    let stands = printed.contains(&wanted);
    assert!(stands, "{fixture}: {wanted:#?} is not in {printed:#?}");
}

#[test]
fn a_rejected_draft_never_leaves() {
    let desk = with_draft(STRING);
    desk.done(&["reject", &desk.key(1), "--reason", "out of disk space"]);
    assert_eq!(desk.closed(1).0, "rejected");
    let said = desk.refused(&["approve", "1", "--yes"]);
    assert!(said.contains("rejected by Ada Lovelace"), "{said}");
    desk.settle();
    assert!(desk.sent().is_empty() && desk.reports().is_empty());
}
