use super::*;

fn mail<'a>(uid: i64, content_key: &'a str, message_id: Option<&'a str>) -> IncomingMail<'a> {
    IncomingMail {
        mailbox: "list",
        uidvalidity: 5,
        uid,
        content_key,
        message_id,
        raw: content_key.as_bytes(),
        truncated: false,
    }
}

#[test]
fn the_same_mail_is_taken_in_once_whatever_its_uid() {
    let store = store();
    let first = mail(1, "a", Some("a@x"));
    let Taken::New(id) = store.take_in(&first, 2, NOW).unwrap() else {
        panic!("it is new");
    };
    assert_eq!(store.take_in(&first, 2, NOW).unwrap(), Taken::Known(id));
    let moved = IncomingMail {
        uidvalidity: 6,
        uid: 90,
        ..first
    };
    assert_eq!(store.take_in(&moved, 91, NOW).unwrap(), Taken::Known(id));
    assert_eq!(store.raw(id).unwrap(), b"a");
    assert_eq!(store.find_by_message_id("a@x").unwrap(), Some(id));
    assert_eq!(store.find_by_message_id("A@x").unwrap(), None);
    assert_eq!(store.trail(id).unwrap().len(), 1);
    assert!(store.known_uids("list", 6).unwrap().contains(&90));
}

#[test]
fn the_same_message_id_with_other_content_is_a_conflict_kept_once() {
    let store = store();
    let Taken::New(id) = store.take_in(&mail(1, "a", Some("a@x")), 2, NOW).unwrap() else {
        panic!("it is new");
    };
    for uid in [2, 3] {
        let other = mail(uid, "b", Some("a@x"));
        assert_eq!(
            store.take_in(&other, uid + 1, NOW).unwrap(),
            Taken::Conflict(id)
        );
    }
    assert_eq!(store.conflicts().unwrap(), [id]);
    assert_eq!(store.raw(id).unwrap(), b"a");
    assert_eq!(store.due(NOW, 10).unwrap(), [id]);
}

#[test]
fn without_a_message_id_the_content_decides() {
    let store = store();
    let taken: Vec<_> = ["a", "b", "a"]
        .iter()
        .zip(1..)
        .map(|(key, uid)| store.take_in(&mail(uid, key, None), uid + 1, NOW).unwrap())
        .collect();
    let [Taken::New(first), Taken::New(_), Taken::Known(again)] = taken[..] else {
        panic!("{taken:?}");
    };
    assert_eq!(first, again);
}

#[test]
fn mail_uid_and_cursor_are_written_together_or_not_at_all() {
    let store = store();
    store.start_mailbox("list", 5, 1, NOW).unwrap();
    for table in ["raw_mails", "seen_uids", "audit"] {
        store
            .connection
            .execute_batch(&format!(
                "CREATE TEMP TRIGGER broken BEFORE INSERT ON main.{table}
                 BEGIN SELECT RAISE(ABORT, 'disk gone'); END"
            ))
            .unwrap();
        store.take_in(&mail(1, "a", None), 2, NOW).unwrap_err();
        store
            .connection
            .execute_batch("DROP TRIGGER broken")
            .unwrap();
        assert_eq!(store.due(NOW, 10).unwrap(), []);
        assert!(store.known_uids("list", 5).unwrap().is_empty());
        assert_eq!(store.cursor("list").unwrap().unwrap().uidnext, 1);
    }
    store.take_in(&mail(1, "a", None), 2, NOW).unwrap();
    assert_eq!(store.cursor("list").unwrap().unwrap().uidnext, 2);
}

#[test]
fn the_cursor_starts_at_now_and_goes_back_only_when_told() {
    let store = store();
    assert_eq!(store.cursor("list").unwrap(), None);
    store.save_cursor("list", 5, 1).unwrap_err();
    store.start_mailbox("list", 5, 100, NOW).unwrap();
    store.start_mailbox("list", 9, 1, NOW + 1).unwrap();
    let started = store.cursor("list").unwrap().unwrap();
    assert_eq!((started.uidvalidity, started.uidnext), (5, 100));
    assert_eq!((started.first_uid, started.started_at), (100, NOW));

    store.take_in(&mail(120, "a", None), 121, NOW).unwrap();
    store.take_in(&mail(110, "b", None), 111, NOW).unwrap();
    assert_eq!(store.cursor("list").unwrap().unwrap().uidnext, 121);
    store.save_cursor("list", 5, 90).unwrap();
    let back = store.cursor("list").unwrap().unwrap();
    assert_eq!((back.uidnext, back.first_uid), (90, 100));

    store.pass_over("list", 5, &[95, 96]).unwrap();
    store.restart_mailbox("list", 5, &[40]).unwrap();
    assert_eq!(store.known_uids("list", 5).unwrap(), [40].into());
    let again = store.cursor("list").unwrap().unwrap();
    assert_eq!((again.uidnext, again.first_uid), (1, 1));
    assert_eq!((again.started_at, again.reconciled_at), (NOW, None));
    store.restart_mailbox("nobody", 5, &[]).unwrap_err();

    store.save_cursor("list", 6, 1).unwrap();
    // A mail of the old UIDVALIDITY comes late: it must not move the new cursor.
    store.take_in(&mail(130, "c", None), 131, NOW).unwrap();
    let renewed = store.cursor("list").unwrap().unwrap();
    assert_eq!(
        (renewed.uidvalidity, renewed.uidnext, renewed.first_uid),
        (6, 1, 1)
    );

    store.mark_reconciled("list", NOW + 5).unwrap();
    assert_eq!(
        store.cursor("list").unwrap().unwrap().reconciled_at,
        Some(NOW + 5)
    );
}

#[test]
fn uids_passed_over_are_known_and_forget_no_notification() {
    let store = store();
    store.take_in(&mail(2, "a", None), 3, NOW).unwrap();
    store.pass_over("list", 5, &[1, 2, 3]).unwrap();
    let known = store.known_uids("list", 5).unwrap();
    assert_eq!(known.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    let of_two: Option<i64> = store
        .connection
        .query_row(
            "SELECT notification FROM seen_uids WHERE uid = 2",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(of_two, Some(1));
}
