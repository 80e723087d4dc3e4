//! Old drafts end with a record, and a builder that passes again is seen.

use std::time::Duration;

use serde_json::Value;

use super::{BUILDER, ENVIRONMENT, ENVIRONMENT_BUILDER, failure};
use crate::mailflow::desk::{Desk, STRING};

/// The number of the builder's failing build, in the fixture of that failure.
const FAILED: u64 = 4;

/// The mail of a build that passes again.
fn recovery(builder: &str, build: u64, id: &str) -> String {
    let text = failure("default-plain-4.x-recovery.eml", builder, id);
    // The subject is encoded, so that the builder stands in the text alone.
    text.replace("RISC-V 64-bit Ubuntu Clang 3.x", builder)
        .replace(
            "/builders/2/builds/3",
            &format!("/builders/15/builds/{build}"),
        )
}

fn row_of(desk: &Desk, id: i64) -> Value {
    let rows = desk.json(&["list"]);
    let rows = rows["notifications"].as_array().unwrap().clone();
    let row = rows.into_iter().find(|row| row["id"] == id);
    row.unwrap_or_else(|| panic!("{id} does not wait"))
}

fn configure(desk: &Desk, from: &str, to: &str) {
    let path = desk.path("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_builder_that_passes_again_is_seen_until_it_fails_again() {
    let desk = Desk::new("");
    desk.take(failure(STRING, BUILDER, "one"));
    assert_eq!(row_of(&desk, 1)["recovered"], false);
    desk.take(recovery("AMD64 Other 3.x", FAILED + 1, "other"));
    desk.take(recovery(BUILDER, FAILED - 1, "before"));
    assert_eq!(
        row_of(&desk, 1)["recovered"],
        false,
        "neither says anything"
    );

    desk.take(recovery(BUILDER, FAILED + 1, "after"));
    let row = row_of(&desk, 1);
    assert_eq!(row["recovered"], true, "{row}");
    assert_eq!(row["recoveries"][0]["builder"], BUILDER, "{row}");
    assert_eq!(row["recoveries"][0]["build"], "5", "{row}");
    let listed = desk.done(&["list"]);
    assert!(
        listed.contains("Builders that pass again: 1 (recovered)"),
        "{listed}"
    );
    let shown = desk.done(&["show", "1"]);
    let words = format!("{BUILDER} has recovered: build 5 passed");
    assert!(shown.contains(&words), "{shown}");
    assert_eq!(desk.row(1)["recovered"], true);

    // Of the same incident: it is attached, and the builder fails.
    let again = failure(STRING, BUILDER, "two").replace("builds/4", "builds/6");
    desk.take(again);
    let row = row_of(&desk, 1);
    assert_eq!(
        (&row["recovered"], &row["along"][0]),
        (&false.into(), &5.into()),
        "{row}"
    );
    assert!(!desk.done(&["list"]).contains("pass again"));

    desk.take(recovery(BUILDER, 7, "once-more"));
    assert_eq!(row_of(&desk, 1)["recovered"], true);
    // A person may want the report all the same.
    desk.approve(1);
    desk.settle();
    assert_eq!(desk.reports().len(), 1);
    assert_eq!(desk.row(1)["recovered"], false, "it does not wait any more");
}

#[test]
fn what_would_only_comment_is_closed_if_that_is_wanted() {
    let desk = Desk::with_sections("");
    configure(
        &desk,
        "[drafts.versions]",
        "[drafts]\nrecovered = \"close\"\n[drafts.versions]",
    );
    // The first opens a report, and the next belongs to that.
    desk.take(failure(STRING, BUILDER, "one"));
    desk.take(failure(ENVIRONMENT, BUILDER, "other"));
    desk.approve(1);
    desk.settle();
    assert_eq!(desk.reports().len(), 1);
    desk.take(failure(STRING, BUILDER, "two").replace("builds/4", "builds/6"));
    let id = desk.all()[0]["id"].as_i64().unwrap();
    let said = desk.row(id)["actions"][0]["do"].clone();
    assert!(said == "comment" || said == "count", "{said}");
    let other = FAILED + 3;
    desk.take(recovery(ENVIRONMENT_BUILDER, 999, "passes-too"));
    desk.take(recovery(BUILDER, other, "passes"));

    let (reason, note) = desk.closed(id);
    assert_eq!(reason, "recovered");
    assert_eq!(
        note,
        format!("the builders pass again: {BUILDER} (build {other})")
    );
    let history = desk.done(&["history", &id.to_string()]);
    assert!(history.contains("the builders pass again"), "{history}");
    // What would open a report waits on, and says so.
    assert_eq!(row_of(&desk, 2)["recovered"], true);
    assert_eq!(desk.row(2)["actions"][0]["do"], "open");
}

#[test]
fn drafts_that_nobody_decided_on_end_and_come_back_when_wanted() {
    let desk = Desk::with_sections("");
    configure(
        &desk,
        "[drafts.versions]",
        "[drafts]\nexpire_after = \"30d\"\n[drafts.versions]",
    );
    desk.take(failure(STRING, BUILDER, "one"));
    desk.take(failure(STRING, "AMD64 Other 3.x", "along"));
    desk.take(failure(ENVIRONMENT, BUILDER, "approved"));
    assert_eq!(desk.row(2)["stage"], "attached");
    desk.done(&["pause"]);
    desk.approve(3);
    configure(&desk, "\"30d\"", "\"1s\" # soon");
    std::thread::sleep(Duration::from_secs(3));
    desk.settle();

    let (reason, note) = desk.closed(1);
    assert_eq!(
        (reason.as_str(), note.as_str()),
        ("expired", "nobody decided within 0 hours")
    );
    let (reason, note) = desk.closed(2);
    assert_eq!(reason, "settled_together");
    assert!(
        note.contains("nobody decided") && note.ends_with("(along with 1)"),
        "{note}"
    );
    assert_eq!(
        desk.row(3)["stage"],
        "approved",
        "what is under way goes on"
    );
    for id in ["1", "2"] {
        let history = desk.done(&["history", id]);
        assert!(history.contains("nobody decided"), "{history}");
    }
    // Where a person looks: it waits no more, is among the closed ones, and the way
    // back stands below it.
    assert_eq!(desk.json(&["list"])["total"], 0);
    let closed = desk.done(&["list", "--closed"]);
    assert!(closed.contains("expired"), "{closed}");
    let shown = desk.done(&["show", "1"]);
    for words in ["expired", "nobody decided within", "retry 1"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }

    configure(&desk, "\"1s\" # soon", "\"30d\"");
    desk.done(&["retry", "1"]);
    desk.settle();
    let row = desk.row(1);
    assert_eq!(row["stage"], "drafted", "it has all its time again: {row}");
    desk.done(&["retry", "2"]);
    desk.settle();
    assert_eq!(desk.row(2)["attached_to"], 1);
    desk.approve(1);
    assert_eq!(desk.row(1)["stage"], "approved");
}
