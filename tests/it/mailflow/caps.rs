//! The loop breaker (I9), the caps on new reports (I11), STOP and pause.

use std::time::Duration;

use super::desk::{Desk, Notice, STRING, text_of};

const ENVIRONMENT: &str = "bb43-env-changed.eml";
const TIMEOUT: &str = "bb43-timeout-faulthandler.eml";

fn notice(fixture: &str, id: &str) -> String {
    let builder = "AMD64 Debian root 3.x";
    Notice {
        fixture,
        builder,
        id,
    }
    .mail()
}

/// A desk with drafts about different failures, numbered from 1.
fn with_drafts(limits: &str, fixtures: &[&str]) -> Desk {
    let desk = Desk::new(limits);
    for (number, fixture) in fixtures.iter().enumerate() {
        desk.put(notice(fixture, &format!("n{number}")));
    }
    desk.settle();
    for number in 1..=fixtures.len() {
        let row = desk.row(i64::try_from(number).unwrap());
        assert_eq!(row["stage"], "drafted", "{row}");
    }
    desk
}

const MANY_NEW: &str = "new_issues_a_run = 9\nnew_issues_a_day = 9\n";

#[test]
fn too_many_replies_in_an_hour_stop_everything_until_a_person_clears_it() {
    let limits = format!("{MANY_NEW}replies_an_hour = 1\n");
    let desk = with_drafts(&limits, &[STRING, ENVIRONMENT, TIMEOUT]);
    desk.approve(1);
    assert_eq!(desk.sent().len(), 1);
    assert!(desk.json(&["status"])["stop"].is_null());
    desk.approve(2);
    assert_eq!(desk.sent().len(), 1, "the cap is one");
    let stop = desk.json(&["status"])["stop"]["reason"].to_string();
    assert!(stop.contains("the cap is 1"), "{stop}");
    // Durable, and seen wherever somebody looks.
    for verb in ["status", "list"] {
        let told = desk.done(&[verb]);
        assert!(told.contains("STOP"), "{told}");
    }
    desk.approve(3);
    desk.settle();
    assert_eq!(desk.sent().len(), 1);
    let reports = desk.reports().len();
    // The replies of the second in which it is cleared count.
    std::thread::sleep(Duration::from_millis(1100));
    // A person clears it: then one more may leave, and the next one stops it again.
    desk.done(&["clear-stop"]);
    desk.settle();
    assert!(desk.json(&["status"])["stop"].is_object(), "the third one");
    assert_eq!(desk.sent().len(), 2);
    assert!(desk.reports().len() >= reports);
    let trail = desk.done(&["history", "2"]);
    assert!(trail.contains("delivered"), "{trail}");
}

#[test]
fn while_stopped_nothing_is_drafted_and_mails_still_come_in() {
    let desk = with_drafts(MANY_NEW, &[STRING]);
    desk.done(&["stop", "--reason", "it answers itself"]);
    desk.done(&["approve", &desk.key(1)]);
    desk.take(notice(ENVIRONMENT, "later"));
    assert_eq!(desk.row(2)["stage"], "parsed", "{}", desk.row(2));
    assert!(desk.sent().is_empty() && desk.reports().is_empty());
    desk.done(&["clear-stop"]);
    desk.settle();
    assert_eq!((desk.sent().len(), desk.reports().len()), (1, 1));
}

#[test]
fn while_paused_drafts_are_made_and_nothing_leaves() {
    let desk = with_drafts(MANY_NEW, &[STRING]);
    desk.done(&["pause", "--reason", "holidays"]);
    desk.done(&["approve", &desk.key(1)]);
    desk.take(notice(ENVIRONMENT, "later"));
    assert_eq!(desk.row(2)["stage"], "drafted");
    assert!(desk.sent().is_empty() && desk.reports().is_empty());
    desk.done(&["resume"]);
    desk.settle();
    assert_eq!((desk.sent().len(), desk.reports().len()), (1, 1));
}

#[test]
fn the_same_text_is_held_until_a_person_releases_it() {
    let desk = with_drafts(MANY_NEW, &[STRING]);
    desk.approve(1);
    // The same failure on the same builder, approved by the same person.
    desk.take(notice(STRING, "second"));
    desk.approve(2);
    assert_eq!((desk.comments().len(), desk.sent().len()), (1, 1));
    let held = desk.row(2)["held"]["why"].to_string();
    assert!(held.contains("the same text went to the list"), "{held}");
    let listed = desk.done(&["list", "--held"]);
    assert!(listed.contains("the same text"), "{listed}");
    desk.settle();
    assert_eq!(desk.sent().len(), 1);
    desk.done(&["release", "2"]);
    desk.settle();
    let sent = desk.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(text_of(&sent[0]), text_of(&sent[1]));
    assert_eq!(desk.comments().len(), 1);
}

#[test]
fn new_reports_beyond_the_caps_wait_for_a_person() {
    let limits = "new_issues_a_run = 9\nnew_issues_a_day = 1\n";
    let desk = with_drafts(limits, &[STRING, ENVIRONMENT]);
    desk.approve(1);
    desk.approve(2);
    desk.settle();
    assert_eq!((desk.reports().len(), desk.sent().len()), (1, 1));
    let row = desk.row(2);
    assert!(
        row["held"]["why"].to_string().contains("the cap is 1"),
        "{row}"
    );
    assert!(desk.json(&["status"])["stop"].is_null());
    desk.done(&["release", "2"]);
    desk.settle();
    assert_eq!((desk.reports().len(), desk.sent().len()), (2, 2));
}

#[test]
fn one_run_opens_no_more_than_its_cap() {
    let limits = "new_issues_a_run = 1\nnew_issues_a_day = 9\n";
    let desk = with_drafts(limits, &[STRING, ENVIRONMENT, TIMEOUT]);
    // All at once: a service that had been away finds them all.
    desk.done(&["pause"]);
    desk.done(&["approve", &desk.key(1), &desk.key(2), &desk.key(3)]);
    desk.done(&["resume"]);
    desk.settle();
    let held = [1, 2, 3].map(|id| desk.row(id)["held"].is_object());
    assert!(desk.reports().len() < 3 || held.contains(&true), "{held:?}");
}

#[test]
fn a_second_reply_in_a_thread_is_capped() {
    // Each notification begins a thread of its own and is answered once, so the
    // cap can only be reached by setting it to nothing.
    let desk = with_drafts(&format!("{MANY_NEW}replies_a_thread = 0\n"), &[STRING]);
    desk.approve(1);
    let stop = desk.json(&["status"])["stop"]["reason"].to_string();
    assert!(stop.contains("in this thread"), "{stop}");
    assert!(desk.sent().is_empty());
}
