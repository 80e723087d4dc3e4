//! One failure on many builders: one draft, one decision, and no more mails than
//! the caps allow.

use super::desk::{Desk, Notice, notice_on as on, person, text_of};

/// A desk with the same failure on so many builders, numbered from 1.
fn with_failures(sections: &str, many: usize) -> Desk {
    let desk = Desk::with_sections(sections);
    for number in 1..=many {
        desk.put(on(&builder(number), &format!("n{number}")));
    }
    desk.settle();
    desk
}

fn builder(number: usize) -> String {
    format!("AMD64 Machine{number:02} 3.x")
}

/// Stage and, of a closed one, the reason.
#[track_caller]
fn standing(desk: &Desk, id: i64) -> (String, String) {
    let row = desk.row(id);
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (word(&row["stage"]), word(&row["closed"]["reason"]))
}

const TOGETHER: &str = "settled_together";

#[test]
fn forty_broken_builders_are_one_draft_and_one_decision() {
    let desk = with_failures("", 40);
    let waiting = desk.json(&["list"]);
    assert_eq!(waiting["total"], 1, "{waiting}");
    assert_eq!(desk.row(1)["along"].as_array().unwrap().len(), 39);
    assert_eq!(standing(&desk, 40).0, "attached");
    let shown = desk.done(&["show", "1"]);
    assert!(
        shown.contains("settles 39 more notifications") && shown.contains("Machine01 3.x and 39"),
        "{shown}"
    );
    let other = desk.done(&["show", "17"]);
    assert!(other.contains("attached to 1"), "{other}");
    let refused = desk.refused(&["approve", "17", "--yes"]);
    assert!(refused.contains("no draft of its own"), "{refused}");
    assert!(desk.done(&["list", "--attached"]).contains("attached"));

    desk.approve(1);
    let reports = desk.reports();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].1.contains("and 39 more"), "{}", reports[0].1);
    assert!(
        reports[0].2.contains("and 30 more builds"),
        "{}",
        reports[0].2
    );
    let sent = desk.sent();
    assert_eq!(sent.len(), 1, "one speaks for all");
    assert!(text_of(&sent[0]).contains("and 39 more builders"));
    assert_eq!(standing(&desk, 1).0, "delivered");
    for id in 2..=40 {
        assert_eq!(standing(&desk, id).1, TOGETHER, "{id}");
    }
    assert!(desk.json(&["status"])["stop"].is_null());
    let incidents = desk.json(&["incidents"]);
    let one = &incidents["incidents"][0];
    assert_eq!(incidents["incidents"].as_array().unwrap().len(), 1);
    for count in ["notifications", "last_24_hours", "last_30_days"] {
        assert_eq!(one[count], 40, "{one}");
    }
    assert_eq!(one["report"]["issue"], 1);
    assert_eq!(one["builders"].as_array().unwrap().len(), 40);
    let told = desk.done(&["incidents"]);
    assert!(
        told.contains("Machine01 3.x and 39 more builders") && told.contains("#1: "),
        "{told}"
    );
    let trail = desk.done(&["history", "40"]);
    assert!(
        trail.contains("attached") && trail.contains("along with 1"),
        "{trail}"
    );
}

#[test]
fn a_few_get_a_reply_each_in_their_own_threads() {
    let desk = with_failures("", 4);
    desk.approve(1);
    assert_eq!((desk.reports().len(), desk.sent().len()), (1, 4));
    let sent: Vec<String> = desk
        .sent()
        .into_iter()
        .map(|mail| String::from_utf8(mail).unwrap())
        .collect();
    for number in 1..=4 {
        let answers = format!("In-Reply-To: <n{number}@mx.example.test>");
        let of_it: Vec<_> = sent.iter().filter(|mail| mail.contains(&answers)).collect();
        assert_eq!(of_it.len(), 1, "{sent:?}");
        let text = text_of(of_it[0].as_bytes());
        assert!(
            text.contains(&format!(
                "failed on {}:\nhttps://tracker.invalid/issue/1",
                builder(number)
            )),
            "{text}"
        );
    }
    assert_eq!(standing(&desk, 4).1, TOGETHER);
    assert!(desk.json(&["status"])["stop"].is_null());
    // A second one to the same mail is impossible.
    let refused = desk.refused(&["retry", "3"]);
    assert!(refused.contains("approved by Ada Lovelace"), "{refused}");
}

#[test]
fn many_answers_of_one_decision_wait_for_their_turn() {
    let desk = with_failures("[drafts]\none_reply_from = 0\n", 9);
    desk.approve(1);
    desk.settle();
    assert_eq!(desk.sent().len(), 5, "one below the cap of six an hour");
    let status = desk.json(&["status"]);
    assert!(status["stop"].is_null(), "{status}");
    let why = status["underway_waits_for"].to_string();
    assert!(why.contains("keep below it"), "{why}");
    assert_eq!(standing(&desk, 1).0, "approved");
    assert_eq!(standing(&desk, 9).0, "attached");
}

#[test]
fn who_comes_while_the_report_is_being_opened_waits_for_it() {
    let desk = with_failures("", 2);
    desk.done(&["pause"]);
    desk.done(&["approve", &desk.key(1)]);
    for number in 3..=5 {
        desk.put(on(&builder(number), &format!("n{number}")));
    }
    desk.settle();
    assert_eq!(standing(&desk, 5).0, "attached");
    assert_eq!(desk.json(&["list"])["total"], 0, "no second draft");
    desk.done(&["resume"]);
    desk.settle();
    assert_eq!((desk.reports().len(), desk.sent().len()), (1, 2));
    // None of them was approved: they are asked for, together.
    let row = desk.row(3);
    assert_eq!(row["actions"][0]["do"], "comment", "{row}");
    assert_eq!(row["actions"][0]["issue"], 1);
    assert_eq!(row["along"], serde_json::json!([4, 5]));
    desk.approve(3);
    assert_eq!(
        (
            desk.reports().len(),
            desk.comments().len(),
            desk.sent().len()
        ),
        (1, 1, 5)
    );
}

#[test]
fn a_report_gets_one_comment_a_day_and_every_mail_its_reply() {
    let desk = with_failures("", 1);
    desk.approve(1);
    for number in 2..=4 {
        desk.take(on(&builder(number), &format!("n{number}")));
        desk.approve(i64::try_from(number).unwrap());
    }
    assert_eq!((desk.reports().len(), desk.comments().len()), (1, 1));
    assert_eq!(desk.sent().len(), 4);
    let row = desk.row(4);
    assert_eq!(row["actions"][0]["do"], "count", "{row}");
    assert_eq!(row["stage"], "delivered");
    let shown = desk.done(&["show", "4"]);
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("There was one within a day"), "{shown}");
    // The comment stays, and the table below it is the last one.
    let (_, _, text) = desk.comments().remove(0);
    assert!(text.contains("Machine02"), "{text}");
    assert_eq!(text.matches("It happened again").count(), 1, "{text}");
    for number in 3..=4 {
        let line = format!("{}: 1, last on", builder(number));
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn two_drafts_for_one_report_make_one_comment() {
    let desk = with_failures("", 1);
    desk.approve(1);
    // Another failure, which a person links to the same report.
    let other = Notice {
        fixture: "bb43-env-changed.eml",
        builder: "AMD64 Other 3.x",
        id: "other",
    };
    desk.take(other.mail());
    desk.done(&["link", "2", "1"]);
    desk.take(on(&builder(3), "n3"));
    assert_eq!(desk.row(3)["actions"][0]["do"], "comment");
    desk.approve(2);
    desk.approve(3);
    // The second came too late for the day, and its mail names the report all the same.
    let comments = desk.comments();
    assert_eq!((comments.len(), desk.sent().len()), (1, 3), "{comments:?}");
    assert_eq!(standing(&desk, 3).0, "delivered");
    let trail = desk.done(&["history", "3"]);
    assert!(trail.contains("no comment on #1"), "{trail}");
    desk.take(on(&builder(4), "n4"));
    assert_eq!(desk.row(4)["actions"][0]["do"], "count");
}

#[test]
fn what_a_person_says_of_one_is_said_of_all() {
    let desk = with_failures("", 3);
    desk.done(&["reject", "1", "--reason", "not a bug"]);
    for id in 2..=3 {
        let (reason, note) = desk.closed(id);
        assert_eq!(reason, TOGETHER);
        assert!(note.contains("not a bug (along with 1)"), "{note}");
    }
    desk.settle();
    assert!(desk.sent().is_empty() && desk.reports().is_empty());
}

#[test]
fn what_a_person_wrote_stays_and_who_comes_later_waits() {
    let desk = with_failures("", 2);
    let editor = "sed -i 's/^Checked by/Seen and checked by/'";
    let edited = desk
        .command(&["edit", "1"])
        .env("EDITOR", editor)
        .output()
        .expect("it runs");
    assert!(edited.status.success(), "{edited:?}");
    let key = desk.key(1);
    desk.take(on(&builder(3), "n3"));
    assert_eq!(desk.key(1), key, "the words are those of a person");
    assert_eq!(standing(&desk, 3).0, "attached");
    desk.done(&["approve", &key]);
    desk.settle();
    let sent = desk.sent();
    assert_eq!(sent.len(), 2, "the third was not in what was approved");
    for mail in &sent {
        assert!(text_of(mail).contains("Seen and checked by Ada Lovelace"));
    }
    assert_eq!(desk.row(3)["stage"], "drafted", "it goes on by itself");
}

#[test]
fn a_draft_that_grew_is_stale_where_it_was_shown_before() {
    let desk = with_failures("", 1);
    let before = desk.key(1);
    desk.take(on(&builder(2), "n2"));
    let refused = desk.refused(&["approve", &before]);
    assert!(refused.contains("is not the current text"), "{refused}");
    assert!(desk.sent().is_empty());
    desk.approve(1);
    assert_eq!(desk.sent().len(), 2);
}

#[test]
fn who_was_answered_by_a_person_is_left_out() {
    let desk = with_failures("", 3);
    let headers = "In-Reply-To: <n2@mx.example.test>\nMessage-ID: <p@example.org>\n";
    let body = "That is https://tracker.invalid/issue/1";
    desk.take(person("Re: boom", headers, body));
    assert_eq!(standing(&desk, 2).1, "answered_by_human");
    assert_eq!(desk.row(1)["along"], serde_json::json!([3]));
    desk.approve(1);
    assert_eq!(desk.sent().len(), 2);
}

const A: &str = "test.test_string.ModuleTest.test_capwords";
const B: &str = "test.test_sched.HangTests.test_lock";
const C: &str = "test.test_bisect.TestBisect.test_keys";

/// A notification of which the mail alone tells what failed.
fn failing(builder: &str, id: &str, tests: &[&str], base: &str) -> String {
    let tests: Vec<String> = tests
        .iter()
        .map(|test| format!("- {} - {test}\n", test.rsplit('.').next().unwrap()))
        .collect();
    format!(
        "Message-ID: <{id}@mx.example.test>\nList-Id: <buildbot-status.python.org>\n\
         From: buildbot@python.org\nTo: buildbot-status@python.org\n\
         Subject: Buildbot (Python): python/cpython - failed test (failure) (main)\n\
         Date: Sun, 22 Nov 2026 07:00:00 +0000\n\n\
         The Buildbot has detected a new failure on builder {builder} while building \
         python/cpython.\nFull details are available at:\n    {base}#/builders/1/builds/2\n\n\
         BUILD FAILED: failed test (failure)\n\nTest report\n===========\n\n\
         Failed subtests:\n\n{}\n\nSincerely,\n -The Buildbot\n",
        tests.concat()
    )
}

const ELSEWHERE: &str = "https://buildbot.python.org/all/";

#[test]
fn builds_that_share_a_failure_are_one_draft_with_all_that_failed() {
    let desk = Desk::new("");
    for (builder, id, tests) in [
        ("AMD64 One 3.x", "n1", &[A, B][..]),
        ("AMD64 Two 3.x", "n2", &[B, C]),
        ("AMD64 Three 3.x", "n3", &[C]),
    ] {
        desk.put(failing(builder, id, tests, ELSEWHERE));
    }
    desk.settle();
    assert_eq!(desk.json(&["list"])["total"], 1);
    let row = desk.row(1);
    assert_eq!(row["along"], serde_json::json!([2, 3]), "{row}");
    let opens: Vec<_> = row["actions"].as_array().unwrap().iter().collect();
    assert!(
        opens.len() == 3 && opens.iter().all(|it| it["do"] == "open"),
        "{row}"
    );
    desk.approve(1);
    desk.settle();
    assert_eq!(desk.reports().len(), 3);
    let sent = desk.sent();
    assert_eq!(sent.len(), 3);
    let answer = |id: &str| {
        let header = format!("In-Reply-To: <{id}@mx.example.test>");
        let is_it = |mail: &&Vec<u8>| String::from_utf8_lossy(mail).contains(&header);
        text_of(sent.iter().find(is_it).expect("a reply"))
    };
    let second = answer("n2");
    assert!(
        second.contains("test_sched") && second.contains("test_bisect"),
        "{second}"
    );
    assert!(!second.contains("test_string"), "{second}");
    assert!(!answer("n3").contains("test_sched"));
    // What failed only on another builder found its report, too.
    desk.take(failing("AMD64 Four 3.x", "n4", &[C], ELSEWHERE));
    assert_eq!(desk.row(4)["actions"][0]["do"], "comment");
}

#[test]
fn what_another_draft_is_about_is_not_drafted_twice() {
    let desk = Desk::new("");
    desk.take(failing("AMD64 One 3.x", "n1", &[A], ELSEWHERE));
    desk.take(failing("AMD64 Two 3.x", "n2", &[C], ELSEWHERE));
    assert_eq!(desk.json(&["list"])["total"], 2);
    // It shares a failure with both: it waits for the first.
    desk.take(failing("AMD64 Three 3.x", "n3", &[A, C], ELSEWHERE));
    assert_eq!(standing(&desk, 3).0, "attached");
    assert_eq!(desk.row(1)["actions"].as_array().unwrap().len(), 1);
    desk.approve(1);
    desk.settle();
    let row = desk.row(2);
    assert_eq!(row["along"], serde_json::json!([3]), "{row}");
    desk.approve(2);
    desk.settle();
    assert_eq!((desk.reports().len(), desk.sent().len()), (2, 3));
}

#[test]
fn the_first_that_is_still_being_read_joins_those_that_were_faster() {
    // Nobody answers there.
    let away = "http://127.0.0.1:9/";
    let desk = Desk::with_sections(&format!("[ci]\nbuildbots = [\"{away}\"]\nwait = \"10m\"\n"));
    desk.put(failing("AMD64 One 3.x", "n1", &[A], away));
    desk.put(failing("AMD64 Two 3.x", "n2", &[A], ELSEWHERE));
    desk.put(failing("AMD64 Three 3.x", "n3", &[A], ELSEWHERE));
    desk.settle();
    assert_eq!(desk.row(1)["stage"], "received");
    assert_eq!(desk.row(2)["along"], serde_json::json!([3]));
    let database = rusqlite::Connection::open(desk.path("state/buildbot-watch.sqlite3")).unwrap();
    let changed = database.execute(
        "UPDATE notifications SET received_at = received_at - 660, waiting_until = 0 WHERE id = 1",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    desk.settle();
    assert_eq!(standing(&desk, 1).0, "attached");
    assert_eq!(desk.json(&["list"])["total"], 1);
    desk.approve(2);
    desk.settle();
    assert_eq!((desk.reports().len(), desk.sent().len()), (1, 3));
}
