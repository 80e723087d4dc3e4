//! An old copy of the database is brought back (I22).

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::desk::{Desk, Notice, STRING, list_copy};

const BUILDER: &str = "AMD64 Debian root 3.x";

fn notice(id: &str) -> String {
    Notice {
        fixture: STRING,
        builder: BUILDER,
        id,
    }
    .mail()
}

/// Copies a folder of files.
pub fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("a file").path();
        let name = path.file_name().expect("a name");
        fs::copy(&path, to.join(name)).expect("a copy");
    }
}

/// A desk on which a reply left after the database had been copied, with that
/// copy in the place of the database. Gives the reply.
fn with_old_database() -> (Desk, Vec<u8>) {
    let desk = Desk::new("");
    desk.take(notice("first"));
    let (state, backup) = (desk.path("state"), desk.path("backup"));
    copy(&state, &backup);
    desk.approve(1);
    let reply = desk.sent().remove(0);
    copy(&backup, &state);
    assert_eq!(desk.row(1)["stage"], "drafted");
    (desk, reply)
}

/// Whatever is written from now on is seen.
fn forget_what_was_sent(desk: &Desk) {
    fs::remove_dir_all(desk.path("sent")).expect("a folder");
}

#[test]
fn the_copy_on_the_list_stops_everything() {
    let (desk, reply) = with_old_database();
    forget_what_was_sent(&desk);
    desk.take(list_copy(&reply));
    let stop = desk.json(&["status"])["stop"]["reason"].to_string();
    assert!(stop.contains("an old copy of the database"), "{stop}");
    desk.approve(1);
    assert!(desk.sent().is_empty());
    assert_eq!((desk.reports().len(), desk.comments().len()), (1, 0));
}

#[test]
fn an_approval_before_the_copy_is_read_repeats_nothing() {
    let (desk, reply) = with_old_database();
    forget_what_was_sent(&desk);
    // Approved in another order than before, so that the numbers of the rows differ.
    let other = Notice {
        fixture: "bb43-env-changed.eml",
        builder: BUILDER,
        id: "second",
    };
    desk.take(other.mail());
    desk.done(&["pause"]);
    desk.done(&["approve", &desk.key(2), &desk.key(1)]);
    desk.put(list_copy(&reply));
    desk.done(&["resume"]);
    desk.settle();
    assert!(desk.json(&["status"])["stop"].is_object());
    assert!(desk.sent().is_empty());
    assert_eq!(desk.reports().len(), 1);
    // A person looks into it and lets the program go on: what was done is known
    // by what the list and the tracker hold, and what was not is done.
    // Each sign of the old database sets the switch once; what met it is looked at
    // again after half a minute.
    for _ in 0..60 {
        if desk.json(&["status"])["stop"].is_object() {
            desk.done(&["clear-stop"]);
        }
        for id in [1, 2] {
            desk.run(&["release", &id.to_string()]);
        }
        desk.settle();
        if desk.row(1)["stage"] == "delivered" {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    let first = desk.row(1);
    assert_eq!(first["stage"], "delivered", "{first}");
    let receipt = first["deliveries"][1]["receipt"]["answer"].to_string();
    assert!(receipt.contains("had it already"), "{first}");
    let titled = desk
        .reports()
        .iter()
        .filter(|(_, title, _)| title.contains("capwords"))
        .count();
    assert_eq!(titled, 1);
    let second = String::from_utf8(desk.sent().concat()).unwrap();
    assert!(
        !second.contains("first@mx"),
        "the first was sent again: {second}"
    );
}

#[test]
fn what_the_tracker_holds_stops_everything_too() {
    // The list's copy never comes: it was deleted, or the list is slow.
    let (desk, _) = with_old_database();
    forget_what_was_sent(&desk);
    desk.approve(1);
    let stop = desk.json(&["status"])["stop"]["reason"].to_string();
    assert!(stop.contains("an old copy of the database"), "{stop}");
    assert!(stop.contains("/issue/1"), "{stop}");
    assert_eq!(desk.reports().len(), 1);
    assert!(desk.sent().is_empty());
}

#[test]
fn a_copy_of_what_was_sent_is_no_sign_of_an_old_database() {
    let desk = Desk::new("");
    desk.take(notice("first"));
    desk.approve(1);
    let reply = desk.sent().remove(0);
    desk.take(list_copy(&reply));
    // By another way, and again.
    let text = String::from_utf8(list_copy(&reply)).unwrap();
    desk.take(
        text.replace("Date: ", "Date:  ")
            .replace("Subject: Re:", "Subject: [x] Re:"),
    );
    assert!(desk.json(&["status"])["stop"].is_null());
    assert_eq!(desk.row(1)["stage"], "delivered");
}
