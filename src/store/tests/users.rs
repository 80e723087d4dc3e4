use serde_json::{Value, json};

use super::*;
use crate::store::{IncidentId, Place};

const TOKEN: [u8; 32] = [7; 32];

fn with_ada() -> Store {
    let store = store();
    assert!(store.set_user("Ada", "$hash", "root", NOW).unwrap());
    store
}

#[test]
fn a_session_lasts_as_long_as_it_was_given() {
    let store = with_ada();
    store.begin_session(&TOKEN, "Ada", 100, NOW).unwrap();
    let whose = |now| store.session_user(&TOKEN, now).unwrap();
    assert_eq!(whose(NOW).as_deref(), Some("Ada"));
    assert_eq!(whose(NOW + 99).as_deref(), Some("Ada"));
    assert_eq!(whose(NOW + 100), None);
    // The clock was set back: nobody knows how long that session lasts.
    assert_eq!(whose(NOW - 1), None);
    assert_eq!(store.session_user(&[8; 32], NOW).unwrap(), None);
    assert_eq!(store.users(NOW).unwrap()[0].sessions, 1);
    assert_eq!(store.users(NOW + 100).unwrap()[0].sessions, 0);
    store.end_session(&TOKEN).unwrap();
    assert_eq!(whose(NOW), None);
}

#[test]
fn another_password_ends_every_session() {
    let store = with_ada();
    store.begin_session(&TOKEN, "Ada", 100, NOW).unwrap();
    assert!(!store.set_user("ada", "$other", "root", NOW).unwrap());
    assert_eq!(store.session_user(&TOKEN, NOW).unwrap(), None);
    let secret = store.secret_of("ADA").unwrap();
    assert_eq!(secret, Some(("ada".into(), "$other".into())));
    store.begin_session(&TOKEN, "ada", 100, NOW).unwrap();
    assert!(store.remove_user("ADA", "root", NOW).unwrap());
    assert!(!store.remove_user("ADA", "root", NOW).unwrap());
    assert_eq!(store.session_user(&TOKEN, NOW).unwrap(), None);
    assert!(store.begin_session(&TOKEN, "ada", 100, NOW).is_err());
    let trail = store.recent_trail(9).unwrap();
    let what: Vec<&str> = trail.iter().rev().map(|line| line.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "user added",
            "logged in",
            "password set",
            "logged in",
            "user removed"
        ]
    );
}

/// A store with one incident, which happened on three builders.
fn happened() -> Store {
    let store = store();
    let connection = &store.connection;
    connection
        .execute(
            "INSERT INTO incidents (signature, test, failure, began_at) VALUES ('s', 't', '{}', 1)",
            [],
        )
        .unwrap();
    let day = 86_400;
    for (n, builder, ago) in [
        (1, "a", 0),
        (2, "a", day + 1),
        (3, "b", 6 * day),
        (4, "b", 29 * day),
        (5, "b", 31 * day),
        (6, "b", 30 * day - 1),
        (7, "c", -5),
    ] {
        let id = take_in(&store, n);
        connection
            .execute(
                "INSERT INTO occurrences (notification, failure, incident, builder, at)
                 VALUES (?1, 0, 1, ?2, ?3)",
                rusqlite::params![id, builder, NOW - ago],
            )
            .unwrap();
    }
    store
}

#[test]
fn what_happened_lately_is_counted_by_builder_and_day() {
    let store = happened();
    let found = store.lately(IncidentId(1), Place::Builder, NOW, 9).unwrap();
    let counts: Vec<_> = found
        .iter()
        .map(|it| (it.place.as_str(), it.counts))
        .collect();
    assert_eq!(
        counts,
        [("b", [0, 1, 3]), ("a", [1, 2, 2]), ("c", [1, 1, 1])]
    );
    let b = &found[0].days;
    assert_eq!((b[0], b[23], b.iter().sum::<u64>()), (2, 1, 3));
    assert_eq!(found[1].days[28..], [1, 1]);
    let fewer = store.lately(IncidentId(1), Place::Builder, NOW, 1);
    assert_eq!(fewer.unwrap().len(), 1);
}

#[test]
fn what_happened_lately_is_counted_by_branch() {
    let store = happened();
    let connection = &store.connection;
    for (builder, branch) in [
        ("a", json!("3.x")),
        ("b", json!("3.14")),
        ("c", Value::Null),
    ] {
        let build = json!({ "builder": builder, "branch": branch });
        let other = json!({ "builder": "of another incident", "branch": "2.7" });
        let reading = json!({ "notification": { "builds": [build, other] } });
        connection
            .execute(
                "UPDATE notifications SET reading = ?2
                 WHERE id IN (SELECT notification FROM occurrences WHERE builder = ?1)",
                rusqlite::params![builder, reading.to_string()],
            )
            .unwrap();
    }
    let found = store.lately(IncidentId(1), Place::Branch, NOW, 9).unwrap();
    let counts: Vec<_> = found
        .iter()
        .map(|it| (it.place.as_str(), it.counts))
        .collect();
    assert_eq!(
        counts,
        [("3.14", [0, 1, 3]), ("3.x", [1, 2, 2]), ("", [1, 1, 1])]
    );
}
