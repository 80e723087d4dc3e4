//! A database of a version that made other signatures: what people said is found
//! again, and nothing is called new before all were made anew.

use buildbot_watch::domain::signature::VERSION;
use rusqlite::Connection;

use super::desk::{Desk, altered, notice};

impl Desk {
    fn database(&self) -> Connection {
        let path = self.path("state/buildbot-watch.sqlite3");
        assert!(path.exists());
        Connection::open(path).expect("a database")
    }

    /// Makes the database what the first version would have written.
    fn age(&self) {
        let database = self.database();
        let mut query = database
            .prepare("SELECT id, reading FROM notifications WHERE reading IS NOT NULL")
            .expect("a query");
        let rows: Vec<(i64, String)> = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("rows")
            .map(|row| row.expect("a row"))
            .collect();
        for (id, reading) in rows {
            let mut reading: serde_json::Value = serde_json::from_str(&reading).expect("JSON");
            let failure = &mut reading["notification"]["builds"][0]["failures"][0];
            let now = failure["signature"].as_str().expect("a name").to_owned();
            assert!(now.starts_with(VERSION), "{now}");
            let old = now.replacen(VERSION, "v1", 1);
            failure["signature"] = old.clone().into();
            let fields = failure.as_object_mut().expect("an object");
            fields.remove("message");
            fields.remove("details");
            let change = "UPDATE notifications SET reading = ?2 WHERE id = ?1";
            database
                .execute(change, rusqlite::params![id, reading.to_string()])
                .expect("a reading");
            let change = "UPDATE pairs SET signature = ?2 WHERE signature = ?1";
            database.execute(change, [now, old]).expect("a pair");
        }
        database
            .execute_batch(
                "DELETE FROM remembered;
                 UPDATE signing SET version = '', upto = 0, ended = 0, attempts = 0;",
            )
            .expect("an old database");
    }

    fn signatures(&self) -> Vec<String> {
        let database = self.database();
        let mut query = database
            .prepare(
                "SELECT reading ->> '$.notification.builds[0].failures[0].signature'
                 FROM notifications
                 WHERE reading IS NOT NULL
                 ORDER BY id",
            )
            .expect("a query");
        let names = query.query_map([], |row| row.get(0)).expect("rows");
        names.map(|name| name.expect("a name")).collect()
    }
}

/// A draft that waits would take in the next notice about its failure.
fn out_of_the_way(desk: &Desk, id: i64) {
    desk.done(&["reject", &id.to_string(), "--reason", "seen"]);
}

/// A desk on which a person linked the first notice to a report of other words.
fn with_linked() -> (Desk, i64) {
    let desk = Desk::new("");
    desk.settle();
    let report = desk.report("Something about capitals", "It is wrong now and then.");
    desk.take(notice("first"));
    desk.done(&["link", &desk.key(1), &report.to_string()]);
    out_of_the_way(&desk, 1);
    (desk, report)
}

/// That memory, and no search, proposes the report.
#[track_caller]
fn is_remembered(desk: &Desk, id: i64, report: i64) {
    let row = desk.row(id);
    assert_eq!(row["actions"][0]["issue"], report, "{row}");
    let shown = desk.done(&["show", &id.to_string()]);
    assert!(shown.contains("Ada Lovelace said"), "{shown}");
}

#[test]
fn what_a_person_said_of_an_old_signature_is_found_by_the_new_one() {
    let (desk, report) = with_linked();
    let before = desk.signatures();
    desk.age();
    assert_ne!(desk.signatures(), before);
    desk.take(notice("second").replace("builds/4", "builds/5"));
    assert_eq!(desk.signatures()[0], before[0]);
    is_remembered(&desk, 2, report);
    let pairs = "SELECT count(*) FROM pairs WHERE signature LIKE 'v1:%'";
    let kept: i64 = desk
        .database()
        .query_row(pairs, [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1, "what was said stays as it was said");
    let trail = "SELECT detail FROM audit WHERE what = 'signed anew'";
    let told: String = desk
        .database()
        .query_row(trail, [], |row| row.get(0))
        .unwrap();
    assert!(told.contains(VERSION), "{told}");
}

#[test]
fn a_program_that_ended_in_between_goes_on_where_it_was() {
    let (desk, report) = with_linked();
    desk.take(altered("other"));
    let other = desk.report("Something about small letters", "Now and then.");
    desk.done(&["link", &desk.key(2), &other.to_string()]);
    out_of_the_way(&desk, 2);
    desk.age();
    let old = desk.signatures();
    {
        // It ended when it had read the first mail again, and before it kept
        // what it had found.
        let store = desk.store();
        assert_eq!(store.left_to_sign(VERSION).unwrap(), Some(2));
        store.signing(VERSION).unwrap();
        store.count_signing().unwrap();
    }
    assert_eq!(desk.signatures(), old);
    desk.settle();
    assert!(desk.store().signing_ended(VERSION).unwrap());
    desk.put(notice("second").replace("builds/4", "builds/5"));
    desk.put(altered("third").replace("builds/4", "builds/6"));
    desk.settle();
    is_remembered(&desk, 3, report);
    is_remembered(&desk, 4, other);
}

#[test]
fn nothing_is_called_new_before_all_is_signed() {
    let desk = Desk::new("");
    desk.take(notice("first"));
    out_of_the_way(&desk, 1);
    // More than one pass takes.
    desk.database()
        .execute_batch(
            "WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < 250)
             INSERT INTO notifications
                 (content_key, mailbox, received_at, truncated, reading,
                  closed_reason, closed_note, closed_at)
             SELECT 'copy ' || n, mailbox, received_at, 0, reading, 'expired', 'long ago', 1
             FROM notifications, copies
             WHERE id = 1;",
        )
        .unwrap();
    desk.age();
    desk.take(notice("new").replace("builds/4", "builds/5"));
    let row = desk.row(252);
    assert_eq!(row["stage"], "parsed", "{row}");
    let why = row["standing"].to_string();
    assert!(why.contains("signatures of earlier failures"), "{row}");
    assert!(desk.store().signing_ended(VERSION).unwrap());
    assert!(
        desk.signatures()
            .iter()
            .all(|name| name.starts_with(VERSION))
    );

    let due = "UPDATE notifications SET waiting_until = 0 WHERE id = 252";
    desk.database().execute(due, []).unwrap();
    desk.settle();
    let row = desk.row(252);
    assert_eq!(row["stage"], "drafted", "{row}");
    assert_eq!(row["actions"][0]["do"], "open", "{row}");
}
