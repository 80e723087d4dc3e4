//! What was closed as fixed and fails again, where the old report is opened again.

use buildbot_watch::worker::wall_clock;
use rusqlite::Connection;

use super::desk::{Desk, Notice, STRING, text_of};

const DAY: i64 = 86_400;
const TITLE: &str = "test_string: ModuleTest.test_capwords() fails";
const BODY: &str = "AssertionError: 'Abc-Def Def-Ghi Ghi' != 'Abc-def Def-ghi Ghi'";

fn on(builder: &str, id: &str) -> String {
    Notice {
        fixture: STRING,
        builder,
        id,
    }
    .mail()
}

fn tracker(desk: &Desk) -> Connection {
    Connection::open(desk.path("tracker.sqlite3")).expect("a tracker")
}

/// Somebody closes the report as fixed, or opens it, so many seconds ago.
fn set(desk: &Desk, fixed: bool, ago: i64) {
    let changed = tracker(desk).execute(
        "UPDATE issues
         SET is_open = NOT ?1, closed_at = iif(?1, ?2, NULL), resolution = iif(?1, 'fixed', NULL),
             change = 1 + (SELECT max(change) FROM issues)",
        rusqlite::params![fixed, wall_clock() - ago],
    );
    assert_eq!(changed.expect("a change"), 1);
}

fn is_open(desk: &Desk) -> bool {
    let query = "SELECT is_open FROM issues";
    let row = tracker(desk).query_row(query, [], |row| row.get(0));
    row.expect("a report")
}

/// A desk with a report that was fixed three days ago, and its failure there again.
fn fixed_and_failing() -> Desk {
    let desk = Desk::new("");
    let path = desk.path("config.toml");
    let text = std::fs::read_to_string(&path).expect("a configuration");
    let kind = "kind = \"embedded\"";
    let text = text.replace(kind, &format!("{kind}\nregression = \"reopen\""));
    std::fs::write(path, text).expect("a configuration");
    desk.settle();
    assert_eq!(desk.report(TITLE, BODY), 1);
    set(&desk, true, 3 * DAY);
    desk.take(on("AMD64 One 3.x", "n1"));
    desk
}

/// What would be done first about a notification.
#[track_caller]
fn would(desk: &Desk, id: i64) -> (String, i64) {
    let action = &desk.row(id)["actions"][0];
    let word = action["do"].as_str().unwrap_or_default().to_owned();
    (word, action["issue"].as_i64().unwrap_or_default())
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn it_is_opened_again_with_the_comment_that_was_shown() {
    let desk = fixed_and_failing();
    assert_eq!(would(&desk, 1), ("reopen".to_owned(), 1));
    let shown = flat(&desk.done(&["show", "1"]));
    for part in [
        "1. Open #1 again, which was closed as fixed, and comment on it",
        "This was closed as fixed, and it happens again.",
        "it was fixed 3 days before this came in: a regression",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(flat(&desk.done(&["list"])).contains("open #1 again"));
    assert!(desk.done(&["explain", "1"]).contains("a regression"));

    // While it is on its way, nobody drafts the same.
    desk.done(&["pause"]);
    desk.approve(1);
    desk.take(on("AMD64 Two 3.x", "n2"));
    assert_eq!(desk.row(2)["stage"], "attached");
    desk.done(&["resume"]);
    desk.settle();
    assert!(is_open(&desk));
    let comments = desk.comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].2.contains("it happens again"), "{comments:?}");
    let sent = text_of(&desk.sent()[0]);
    assert!(sent.contains("https://tracker.invalid/issue/1"), "{sent}");
    assert!(desk.done(&["history", "1"]).contains("opened again"));
    let shown = flat(&desk.done(&["show", "1"]));
    assert!(
        shown.contains("opening again, with a comment: done"),
        "{shown}"
    );
    // Now it is a report like any other.
    assert_eq!(would(&desk, 2), ("count".to_owned(), 1));
    let incidents = desk.json(&["incidents"]);
    assert_eq!(incidents["incidents"][0]["report"]["issue"], 1);

    // Closed once more: another draft of the same day does not open it again.
    desk.approve(2);
    set(&desk, true, 2 * DAY);
    desk.take(on("AMD64 Three 3.x", "n3"));
    assert_eq!(would(&desk, 3), ("reopen".to_owned(), 1));
    assert!(flat(&desk.done(&["show", "3"])).contains("it was fixed 2 days before this came in"));
    desk.approve(3);
    assert!(!is_open(&desk));
    assert_eq!((desk.comments().len(), desk.sent().len()), (1, 3));
    assert!(desk.done(&["history", "3"]).contains("no comment on #1"));
}

#[test]
fn what_somebody_opened_meanwhile_is_only_commented_on() {
    let desk = fixed_and_failing();
    set(&desk, false, 0);
    desk.approve(1);
    assert!(is_open(&desk));
    assert_eq!((desk.comments().len(), desk.sent().len()), (1, 1));
}

#[test]
fn one_that_cannot_be_opened_again_is_told_with_the_way_out() {
    let desk = fixed_and_failing();
    let key = desk.key(1);
    tracker(&desk)
        .execute("DELETE FROM issues", [])
        .expect("it is gone");
    desk.done(&["approve", &key]);
    desk.settle();
    let row = desk.row(1);
    let why = row["deliveries"][0]["failed_why"].as_str().expect("why");
    for part in [
        "#1 was not opened again: there is no issue 1",
        "--try-again",
        "`retry 1`, and `link` it to `new`",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // The way out works.
    let delivery = row["deliveries"][0]["delivery"].to_string();
    desk.done(&["resolve", &delivery, "--give-up"]);
    desk.done(&["retry", "1"]);
    desk.settle();
    desk.done(&["link", "1", "new"]);
    desk.approve(1);
    assert_eq!((desk.reports().len(), desk.sent().len()), (1, 1));
}

#[test]
fn people_choose_otherwise_and_back() {
    let desk = fixed_and_failing();
    desk.done(&["link", "1", "new"]);
    assert_eq!(would(&desk, 1).0, "open");
    let said = flat(&desk.done(&["link", "1", "1"]));
    assert!(said.contains("#1 is closed as fixed"), "{said}");
    assert_eq!(would(&desk, 1), ("reopen".to_owned(), 1));
    let edited = desk
        .command(&["edit", "1"])
        .env("EDITOR", "sed -i 's/it happens again/it is back/'")
        .output()
        .expect("it runs");
    assert!(edited.status.success(), "{edited:?}");
    desk.approve(1);
    assert!(is_open(&desk));
    assert!(desk.comments()[0].2.contains("it is back"));
}

#[test]
fn a_refused_opening_is_remembered_as_any_refusal() {
    let desk = fixed_and_failing();
    desk.done(&["reject", "1", "--reason", "another bug"]);
    desk.take(on("AMD64 Two 3.x", "n2"));
    assert_eq!(would(&desk, 2).0, "open");
    let shown = flat(&desk.done(&["show", "2"]));
    assert!(shown.contains("does not belong to it"), "{shown}");
}
