use super::*;
use crate::domain::life::{ClosedReason, Stage};
use crate::store::{ListFilter, NotDecided, PROGRAM};

#[test]
fn the_worker_goes_step_by_step_in_order_of_insertion() {
    let store = store();
    let first = take_in(&store, 1);
    let second = take_in(&store, 2);
    assert_eq!(store.due(NOW, 10).unwrap(), [first, second]);
    assert_eq!(store.due(NOW, 1).unwrap(), [first]);
    assert_eq!(store.load(first).unwrap().stage, Stage::Received);

    store.record_verdicts(first, &verdicts(), NOW).unwrap_err();
    store.record_draft(first, &draft(), NOW).unwrap_err();
    store.record_reading(first, &reading(), NOW).unwrap();
    store.record_reading(first, &reading(), NOW).unwrap_err();
    store.record_verdicts(first, &verdicts(), NOW).unwrap();
    store.record_draft(first, &draft(), NOW).unwrap();
    assert_eq!(store.due(NOW, 10).unwrap(), [second]);

    let row = store.load(first).unwrap();
    assert_eq!(row.stage, Stage::Drafted);
    assert_eq!(row.reading, Some(reading()));
    assert_eq!(row.verdicts, Some(verdicts()));
    let current = row.draft.unwrap();
    assert_eq!((current.revision, &current.draft), (1, &draft()));
    assert_eq!(current.digest, draft().digest_of_revision(current.revision));
    let told: Vec<_> = store
        .trail(first)
        .unwrap()
        .into_iter()
        .map(|line| line.what)
        .collect();
    assert_eq!(told, ["received", "read", "matched", "drafted"]);
    assert!(store.load(NotificationId(99)).is_err());
}

#[test]
fn an_attempt_counts_until_a_step_ends() {
    let store = store();
    let id = take_in(&store, 1);
    assert_eq!(store.count_attempt(id).unwrap(), 1);
    assert_eq!(store.count_attempt(id).unwrap(), 2);
    store.record_reading(id, &reading(), NOW).unwrap();
    assert_eq!(store.count_attempt(id).unwrap(), 1);
    store.wait_until(id, NOW + 60, "no log yet", NOW).unwrap();
    assert_eq!(store.count_attempt(id).unwrap(), 1);
}

#[test]
fn what_waits_or_is_held_is_not_due() {
    let store = store();
    let id = take_in(&store, 1);
    store.wait_until(id, NOW + 60, "no log yet", NOW).unwrap();
    store.wait_until(id, NOW + 70, "no log yet", NOW).unwrap();
    assert_eq!(store.due(NOW + 69, 10).unwrap(), []);
    assert_eq!(store.next_deadline(NOW).unwrap(), Some(NOW + 70));
    assert_eq!(store.due(NOW + 70, 10).unwrap(), [id]);
    let waits = store
        .trail(id)
        .unwrap()
        .iter()
        .filter(|line| line.what == "waits")
        .count();
    assert_eq!(waits, 1, "the same reason is told once");
    // The clock was years ahead when the deadline was written.
    store
        .wait_until(id, NOW + 100_000_000, "no log yet", NOW)
        .unwrap();
    assert_eq!(store.due(NOW, 10).unwrap(), [id]);

    store.hold(id, "too many new ones", PROGRAM, NOW).unwrap();
    assert_eq!(store.due(NOW, 10).unwrap(), []);
    assert_eq!(store.list(ListFilter::Held, 10).unwrap(), [id]);
    assert!(store.release(id, "anna", NOW).unwrap());
    assert!(!store.release(id, "anna", NOW).unwrap());
    assert_eq!(store.due(NOW, 10).unwrap(), [id]);
}

#[test]
fn a_closing_has_to_fit_and_happens_once() {
    let store = store();
    let (id, _) = drafted(&store, 1);
    for unfit in [
        ClosedReason::NotAFailure,
        ClosedReason::Rejected,
        ClosedReason::Undeliverable,
    ] {
        store.close_notification(id, unfit, "no", NOW).unwrap_err();
    }
    assert_eq!(store.load(id).unwrap().stage, Stage::Drafted);
    let note = "green again in build 8";
    store
        .close_notification(id, ClosedReason::Recovered, note, NOW)
        .unwrap();
    store
        .close_notification(id, ClosedReason::Expired, "late", NOW)
        .unwrap_err();
    let closed = store.load(id).unwrap().closed.unwrap();
    assert_eq!(
        (closed.reason, closed.note.as_str()),
        (ClosedReason::Recovered, note)
    );
    store.quarantine(id, "no", NOW).unwrap_err();
    store.hold(id, "no", "anna", NOW).unwrap_err();

    let approved = approved(&store, 2);
    store
        .close_notification(approved, ClosedReason::Expired, "late", NOW)
        .unwrap_err();
}

#[test]
fn starting_over_keeps_old_revisions_and_ends_with_the_decision() {
    let store = store();
    let (id, _) = drafted(&store, 1);
    store.start_over(id, "anna", NOW).unwrap();
    assert_eq!(store.load(id).unwrap().stage, Stage::Received);
    assert_eq!(store.due(NOW, 10).unwrap(), [id]);
    store.quarantine(id, "parser died", NOW).unwrap();
    assert_eq!(store.load(id).unwrap().stage, Stage::Quarantined);
    assert_eq!(store.list(ListFilter::Quarantined, 10).unwrap(), [id]);
    assert_eq!(store.due(NOW, 10).unwrap(), []);
    store.start_over(id, "anna", NOW).unwrap();
    store.record_reading(id, &reading(), NOW).unwrap();
    store.record_verdicts(id, &verdicts(), NOW).unwrap();
    let revised = store.record_draft(id, &draft(), NOW).unwrap();
    assert_eq!(revised.revision, 2);
    assert_eq!(store.drafts(id).unwrap().len(), 2);
    store.approve(&by_anna(id, &revised), NOW).unwrap();
    let refused = store.start_over(id, "anna", NOW).unwrap_err();
    assert!(
        matches!(refused, NotDecided::AlreadyDecided { .. }),
        "{refused}"
    );
    let unknown = store
        .start_over(NotificationId(99), "anna", NOW)
        .unwrap_err();
    assert!(matches!(unknown, NotDecided::Unknown(_)), "{unknown}");
}

#[test]
fn a_row_nobody_can_read_is_laid_aside_and_stops_nobody() {
    let store = store();
    let broken = take_in(&store, 1);
    let fine = take_in(&store, 2);
    store
        .connection
        .execute(
            "UPDATE notifications SET reading = '{' WHERE id = ?1",
            [broken],
        )
        .unwrap();
    assert_eq!(store.due(NOW, 10).unwrap(), [broken, fine]);
    store.load(broken).unwrap_err();
    store.quarantine(broken, "cannot be read", NOW).unwrap();
    assert_eq!(store.due(NOW, 10).unwrap(), [fine]);
}

#[test]
fn lists_and_counts_agree_with_the_stages() {
    let store = store();
    let received = take_in(&store, 1);
    let (to_decide, _) = drafted(&store, 2);
    let underway = approved(&store, 3);
    let closed = take_in(&store, 4);
    let reason = ClosedReason::OtherList;
    store
        .close_notification(closed, reason, "list x", NOW)
        .unwrap();
    let cases = [
        (ListFilter::ToDecide, vec![to_decide]),
        (ListFilter::Open, vec![received, to_decide, underway]),
        (ListFilter::Held, vec![]),
        (ListFilter::Underway, vec![underway]),
        (ListFilter::Quarantined, vec![]),
        (ListFilter::Closed(None), vec![closed]),
        (ListFilter::Closed(Some(reason)), vec![closed]),
        (ListFilter::Closed(Some(ClosedReason::OwnMail)), vec![]),
        (ListFilter::Delivered, vec![]),
        (ListFilter::All, vec![closed, underway, to_decide, received]),
    ];
    for (filter, expected) in cases {
        assert_eq!(store.list(filter, 10).unwrap(), expected, "{filter:?}");
        assert_eq!(
            store.count(filter).unwrap(),
            expected.len() as u64,
            "{filter:?}"
        );
    }
    assert_eq!(store.last_received_at().unwrap(), Some(NOW));
}
