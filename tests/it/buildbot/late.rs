//! From a mail without a log to the log: what the worker waits for, and how long.

use std::time::{SystemTime, UNIX_EPOCH};

use buildbot_watch::domain::notification::{Build, Notification, ReadFrom};
use buildbot_watch::store::NotificationId;
use serde_json::json;

use super::scripted::{Gate, ended, link_to, start, written};
use super::{ci, quoted, stand_in};
use crate::hostile::bounds::replay_on;
use crate::mailflow::desk::{Desk, Notice, STRING};
use crate::world::{run, world};

const DAY: i64 = 24 * 60 * 60;

/// A desk that asks this Buildbot.
pub(super) fn desk(base: &str) -> Desk {
    let desk = Desk::with_sections(&format!("[ci]\nbuildbots = [\"{base}\"]\nwait = \"10m\"\n"));
    desk.settle();
    desk
}

fn here() -> Desk {
    desk(&world().buildbot.url)
}

/// A notice that says nothing of the failure; `age` is in seconds.
pub(super) struct Bare<'a> {
    pub(super) builder: &'a str,
    pub(super) url: &'a str,
    pub(super) more: &'a str,
    pub(super) age: i64,
}

impl Bare<'_> {
    pub(super) fn mail(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let date = mail_parser::DateTime::from_timestamp(now.as_secs() as i64 - self.age);
        format!(
            "Message-ID: <{}@mx.example.test>\nList-Id: <buildbot-status.python.org>\n\
             From: buildbot@python.org\nTo: buildbot-status@python.org\n\
             Subject: Buildbot (Python): python/cpython - failed test (failure) (main)\n\
             Date: {}\n\n\
             The Buildbot has detected a new failure on builder {} while building python/cpython.\n\
             Full details are available at:\n    {}\n\n{}\
             BUILD FAILED: failed test (failure)\n\nSincerely,\n -The Buildbot\n",
            world().fresh_user("late"),
            date.to_rfc822(),
            self.builder,
            self.url,
            self.more,
        )
    }
}

/// About a build of the builder whose steps a test says.
fn about(number: u64) -> String {
    Bare {
        builder: &world().buildbot.scripted_builder_name,
        url: &link_to(number).url,
        more: "",
        age: 60,
    }
    .mail()
}

pub(super) fn reading(desk: &Desk, id: i64) -> Notification {
    let row = desk.store().load(NotificationId(id)).expect("a row");
    row.reading.expect("a mail that was read").notification
}

fn tests_of(build: &Build) -> Vec<String> {
    let failures = build.failures.iter();
    failures.map(|failure| failure.test.qualified()).collect()
}

/// Lets time pass: for a row that waits, and since the mail came in.
fn pass(desk: &Desk, seconds: i64) {
    let database = desk.path("state/buildbot-watch.sqlite3");
    let database = rusqlite::Connection::open(database).expect("the database");
    let changed = database.execute(
        "UPDATE notifications
         SET received_at = received_at - ?1, waiting_until = waiting_until - ?1
         WHERE waiting_until IS NOT NULL",
        [seconds],
    );
    assert_eq!(changed.expect("a change"), 1);
}

/// The log of a test that fails, as the world has it.
fn failing() -> String {
    let log = world().folder.join("buildbot/failing_test_log.txt");
    format!("cat '{}'", log.display())
}

#[test]
fn the_log_that_tells_is_found_and_holes_are_filled() {
    let number = run(async {
        let number = start(json!({
            "configure": "echo checking for gcc... no; exit 1",
            "test": format!("{}; exit 2", failing()),
        }));
        let number = number.await;
        ended(&ci(), number).await;
        number
    });
    let desk = here();
    desk.take(about(number));
    let notification = reading(&desk, 1);
    let build = &notification.builds[0];
    assert_eq!(build.read_from, ReadFrom::Api);
    let test = "test_os.MemfdCreateTests.test_memfd_create";
    assert_eq!(tests_of(build), [test]);
    assert_eq!(build.worker.as_deref(), Some("angelico-debian-amd64"));
    assert!(build.began_at.is_some());
    assert!(
        notification.remarks.iter().all(|it| !it.contains("log")),
        "{notification:?}"
    );
    assert_eq!(desk.row(1)["stage"], "drafted");
}

/// The same with a log as an attachment.
pub(super) fn with_log(mail: &str, log: &str) -> String {
    let (headers, text) = mail.split_once("\n\n").unwrap();
    format!(
        "{headers}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=edge\n\n\
         --edge\nContent-Type: text/plain\n\n{text}\n\
         --edge\nContent-Type: text/plain\n\
         Content-Disposition: attachment; filename=test.stdio\n\n{log}\n--edge--\n"
    )
}

#[test]
fn when_a_build_began_is_asked_also_where_the_mail_has_the_log() {
    let (number, ended_at) = run(async {
        let number = start(json!({ "test": "echo nothing; exit 2" })).await;
        (number, ended(&ci(), number).await.ended_at)
    });
    let log = std::fs::read_to_string(world().folder.join("buildbot/failing_test_log.txt"));
    let mail = with_log(&about(number), &log.unwrap());
    let asking = here();
    asking.take(&mail);
    let build = reading(&asking, 1).builds.remove(0);
    assert_eq!(build.read_from, ReadFrom::Attachment);
    assert!(
        build.began_at.is_some() && build.began_at <= ended_at,
        "{build:?}"
    );
    // Where nobody answers it is not known, and nothing waits for it.
    let away = desk("http://127.0.0.1:9/");
    away.take(mail.replace(&world().buildbot.url, "http://127.0.0.1:9/"));
    let build = reading(&away, 1).builds.remove(0);
    assert_eq!(
        (build.read_from, build.began_at),
        (ReadFrom::Attachment, None)
    );
    assert_eq!(away.row(1)["stage"], "drafted");
}

#[test]
fn a_late_log_is_waited_for_and_nobody_else_waits() {
    let gate = Gate::closed();
    let script = gate.script("echo begun", &format!("{}; exit 2", failing()));
    let number = run(start(json!({ "test": script })));
    let desk = here();
    desk.take(about(number));
    let waits = desk.row(1);
    assert_eq!(waits["stage"], "received", "{waits}");
    let why = waits["waiting"]["why"]
        .as_str()
        .expect("a reason")
        .to_owned();
    assert!(why.contains("is still running"), "{why}");
    let status = desk.json(&["status"]);
    assert_eq!(
        (&status["unfinished"], &status["unfinished_why"]),
        (&json!(1), &json!(why))
    );
    for words in [vec!["status"], vec!["list"], vec!["show", "1"]] {
        let shown = desk
            .done(&words)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(shown.contains("is still running"), "{shown}");
    }
    // Another one goes on meanwhile; and a wait is no attempt that failed.
    let (fixture, builder, id) = (STRING, "AMD64 Fedora Stable 3.x", "other");
    desk.take(
        Notice {
            fixture,
            builder,
            id,
        }
        .mail(),
    );
    assert_eq!(desk.row(2)["stage"], "drafted");
    for _ in 0..4 {
        pass(&desk, 31);
        desk.settle();
        assert_eq!(desk.row(1)["stage"], "received");
    }
    gate.open();
    run(ended(&ci(), number));
    pass(&desk, 31);
    desk.settle();
    let build = &reading(&desk, 1).builds[0];
    assert_eq!(build.read_from, ReadFrom::Api);
    assert_eq!(
        tests_of(build),
        ["test_os.MemfdCreateTests.test_memfd_create"]
    );
}

#[test]
fn after_the_deadline_it_goes_on_with_what_there_is() {
    let gate = Gate::closed();
    let number = run(async {
        let number = start(json!({ "test": gate.script(&failing(), "exit 2") })).await;
        let ci = ci();
        written(&ci, number, 100).await;
        number
    });
    let desk = here();
    desk.take(about(number));
    assert_eq!(desk.row(1)["stage"], "received");
    pass(&desk, 11 * 60);
    desk.settle();
    gate.open();
    let row = desk.row(1);
    assert_eq!(row["stage"], "drafted", "{row}");
    let notification = reading(&desk, 1);
    // What was written until then.
    let build = &notification.builds[0];
    assert_eq!(
        tests_of(build),
        ["test_os.MemfdCreateTests.test_memfd_create"]
    );
    let remarks = notification.remarks.join("\n");
    assert!(remarks.contains("is still running"), "{remarks}");
    assert!(remarks.contains("as far as it is written"), "{remarks}");
    let shown = desk.done(&["show", "1"]);
    assert!(shown.contains("has not ended"), "{shown}");
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story in the order of its events"
)]
fn without_a_log_the_draft_says_why() {
    let scripted = &world().buildbot.scripted_builder_name;
    let main = &world().buildbot.builder_name;
    let base = &world().buildbot.url;
    let red = world().buildbot.red_build;
    let hash = |builder: &str, number: u64| {
        format!("{base}#/builders/{}/builds/{number}", quoted(builder))
    };
    let old = hash(main, red).replace("#/", "");
    let commit = "Build Source Stamp: [branch main] 0123456789abcdef0123456789abcdef01234567\n";
    let deleted = world().buildbot.deleted_build;
    for (builder, url, more, age, words) in [
        (
            scripted,
            hash(scripted, deleted),
            "",
            60,
            "the log was deleted",
        ),
        (
            scripted,
            hash(main, red),
            "",
            60,
            "is of builder AMD64 Debian root 3.x now",
        ),
        (main, hash(main, red), commit, 60, "is of another commit"),
        (main, hash(main, red), "", -2 * DAY, ""),
        (main, hash(main, red), "", 900 * DAY, "is of another time"),
        (main, old.clone(), "", 3000 * DAY, "is of another time"),
        (main, hash(main, 1), "", 60, "did not fail"),
        (
            main,
            hash(main, 77_777),
            "",
            DAY,
            "is not there, or not any more",
        ),
        (
            main,
            hash("No Such Builder", 1),
            "",
            DAY,
            "there is no builder No Such Builder",
        ),
    ] {
        let desk = here();
        desk.take(
            Bare {
                builder,
                url: &url,
                more,
                age,
            }
            .mail(),
        );
        let notification = reading(&desk, 1);
        let remarks = notification.remarks.join("\n");
        assert!(remarks.contains(words), "{url}: {remarks:?}");
        let from = notification.builds[0].read_from;
        let expected = if words.is_empty() {
            ReadFrom::Api
        } else {
            ReadFrom::Body
        };
        assert_eq!(from, expected, "{url}: {remarks:?}");
    }
    // A link of 0.8 counts when time or commit agree.
    let commit = "Build Source Stamp: [branch main] 6f1f3b9f3ad5\n";
    for (more, age) in [("", 60), (commit, 3000 * DAY)] {
        let desk = here();
        desk.take(
            Bare {
                builder: main,
                url: &old,
                more,
                age,
            }
            .mail(),
        );
        let build = &reading(&desk, 1).builds[0];
        assert_eq!(build.read_from, ReadFrom::Api);
        let revision = "6f1f3b9f3ad5d0d1a9ce1e2b6f7a1c5a4d1b2c3e";
        assert_eq!(build.revision.as_deref(), Some(revision));
    }
}

#[test]
fn a_build_that_is_not_there_yet_is_asked_for_again_for_some_minutes() {
    let main = &world().buildbot.builder_name;
    let url = format!("{}#/builders/77777/builds/1", world().buildbot.url);
    let desk = here();
    desk.take(
        Bare {
            builder: main,
            url: &url,
            more: "",
            age: 0,
        }
        .mail(),
    );
    assert_eq!(desk.row(1)["stage"], "received");
    pass(&desk, 6 * 60);
    desk.settle();
    assert_eq!(desk.row(1)["stage"], "drafted");
}

#[test]
fn a_buildbot_that_does_not_answer_is_not_asked_for_each_mail() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    trap.set_nonblocking(true).expect("a socket");
    let base = format!("http://{}/", trap.local_addr().expect("an address"));
    let asked = || {
        let mut count = 0;
        while trap.accept().is_ok() {
            count += 1;
        }
        count
    };
    // It takes connections, and never says a word.
    let desk = Desk::with_sections(&format!(
        "[ci]\nbuildbots = [\"{base}\"]\nwait = \"10m\"\ntimeout = \"1s\"\n"
    ));
    for _ in 0..5 {
        let url = format!("{base}#/builders/1/builds/2");
        let builder = "AMD64 Debian root 3.x";
        desk.put(
            Bare {
                builder,
                url: &url,
                more: "",
                age: 60,
            }
            .mail(),
        );
    }
    desk.settle();
    assert_eq!(asked(), 1);
    for id in 1..=5 {
        let row = desk.row(id);
        assert_eq!(row["stage"], "received", "{row}");
        assert!(row["waiting"]["why"].is_string(), "{row}");
    }
    let status = desk.done(&["status"]);
    assert!(status.contains("The CI system does not answer"), "{status}");
}

/// A log in whose second line a test fails, and the others say nothing.
fn fails_at_once(lines: usize, length: usize) -> String {
    let filler = "x".repeat(length);
    stand_in::aside(move || {
        stand_in::with_log(lines, move |number| match number {
            1 => "oFAIL: test_x (test.test_y.T.test_x)".to_owned(),
            _ => format!("o{number} {filler}"),
        })
    })
}

fn about_the_only_build(base: &str) -> String {
    Bare {
        builder: "AMD64 Debian root 3.x",
        url: &format!("{base}#/builders/1/builds/2"),
        more: "",
        age: 60,
    }
    .mail()
}

#[test]
fn all_of_a_log_is_read_where_its_end_tells_nothing() {
    let base = fails_at_once(30_000, 20);
    let desk = desk(&base);
    desk.take(about_the_only_build(&base));
    let failure = &reading(&desk, 1).builds[0].failures[0];
    assert_eq!(failure.test.qualified(), "test_y.T.test_x");
    assert_eq!(failure.details.log_line, Some(2));
}

#[test]
fn a_log_of_60_mib_takes_no_more_memory_than_a_small_one() {
    let read = |lines: usize| {
        let base = fails_at_once(lines, 4_000);
        let what = format!("a log of {lines} lines");
        let (row, peak) = replay_on(&desk(&base), &what, about_the_only_build(&base));
        assert_eq!(row["failures"][0]["test"], "test_y.T.test_x", "{row}");
        peak
    };
    let (small, large) = (read(100), read(15_700));
    assert!(large < small + (24 << 20), "{small} and {large} bytes");
}
