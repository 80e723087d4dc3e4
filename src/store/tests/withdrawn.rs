use super::outbox::{claim, done, frozen, ids};
use super::*;
use crate::domain::life::{ClosedReason, DeliveryState, Stage};
use crate::store::{
    Change, DeliveryId, DeliveryKind, Finish, LedgerScope, NotDecided, Resolution, Service,
};

/// All actions refused for good: the notification is closed.
fn undeliverable(store: &Store) -> (NotificationId, [DeliveryId; 3]) {
    let rows @ [open, comment, _] = frozen(store, 1);
    for action in [open, comment] {
        claim(store, action, NOW).unwrap();
        let refused = Finish::Failed { why: "403" };
        store.finish(action, refused, NOW).unwrap();
    }
    (store.delivery(open).unwrap().notification, rows)
}

#[test]
fn an_approval_of_which_nothing_happened_is_withdrawn_and_decided_anew() {
    let store = store();
    let (id, old) = undeliverable(&store);
    assert!(store.load(id).unwrap().can_start_over());
    let first = store.load(id).unwrap().draft.unwrap();
    store.start_over(id, "anna", NOW).unwrap();
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Received);
    assert!(row.decision.is_none() && row.deliveries.is_empty());
    assert!(store.due_deliveries(NOW + 9, 10).unwrap().is_empty());
    assert!(store.failed_deliveries(9).unwrap().is_empty());
    for delivery in old {
        claim(&store, delivery, NOW).unwrap_err();
        store
            .resolve(delivery, &Resolution::TryAgain, "ben", NOW)
            .unwrap_err();
    }

    store.record_reading(id, &reading(), NOW).unwrap();
    store.record_verdicts(id, &verdicts(), NOW).unwrap();
    let again = store.record_draft(id, &draft(), NOW).unwrap();
    assert_eq!(again.revision, 2);
    assert_ne!(
        again.digest, first.digest,
        "the same text, yet another digest"
    );
    store.approve(&by_anna(id, &again), NOW).unwrap();
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Approved);
    assert!(row.deliveries.iter().all(|row| row.withdrawn_before == 1));
    let new: [DeliveryId; 3] = ids(&store, id).try_into().unwrap();
    for (n, delivery) in new.into_iter().enumerate() {
        let bytes_id = match row.deliveries[n].kind {
            DeliveryKind::Reply => message_id("again@bot"),
            _ => marker(&format!("again {n}")),
        };
        store.freeze(delivery, b"again", &bytes_id, NOW).unwrap();
        claim(&store, delivery, NOW).unwrap();
        store.finish(delivery, Finish::Done(&done()), NOW).unwrap();
    }
    assert_eq!(store.load(id).unwrap().stage, Stage::Delivered);
    let told = store.trail(id).unwrap();
    assert!(
        told.iter()
            .any(|line| line.what == "withdrawn" && line.who == "anna")
    );
    let count = |scope| {
        store
            .ledger_count(DeliveryKind::OpenIssue, scope, 0, DeliveryId(0))
            .unwrap()
    };
    assert_eq!(count(LedgerScope::Notification(id)), 1);
    assert_eq!(count(LedgerScope::All), 2);
}

#[test]
fn an_approval_of_which_something_happened_stands() {
    let store = store();
    let [open, comment, _] = frozen(&store, 1);
    let id = store.delivery(open).unwrap().notification;
    claim(&store, open, NOW).unwrap();
    store.finish(open, Finish::Done(&done()), NOW).unwrap();
    let by_hand = || {
        store
            .connection
            .execute("INSERT INTO withdrawals VALUES (1, 'mallory', 0)", [])
            .unwrap_err()
            .to_string()
    };
    assert!(by_hand().contains("nothing happened"));
    assert!(matches!(
        store.start_over(id, "anna", NOW),
        Err(NotDecided::AlreadyDecided { .. })
    ));
    claim(&store, comment, NOW).unwrap();
    store
        .finish(comment, Finish::Failed { why: "403" }, NOW)
        .unwrap();
    assert!(!store.load(id).unwrap().can_start_over());
    assert!(matches!(
        store.start_over(id, "anna", NOW),
        Err(NotDecided::PartlyHappened)
    ));
    assert!(by_hand().contains("nothing happened"));
    let stray = store
        .connection
        .execute("UPDATE deliveries SET withdrawn_at = 1 WHERE id = 2", [])
        .unwrap_err();
    assert!(stray.to_string().contains("was not withdrawn"), "{stray}");
}

#[test]
fn giving_up_an_action_gives_up_its_reply_until_somebody_tries_again() {
    let store = store();
    let (id, [open, comment, reply]) = undeliverable(&store);
    assert_eq!(store.failed_deliveries(9).unwrap().len(), 2);
    for action in [open, comment] {
        store
            .resolve(action, &Resolution::GiveUp, "anna", NOW)
            .unwrap();
    }
    assert!(store.failed_deliveries(9).unwrap().is_empty());
    assert_eq!(store.delivery(reply).unwrap().state, DeliveryState::Failed);
    let why = store.delivery(open).unwrap().failed_why.unwrap();
    assert_eq!(why, "403; given up by anna");
    assert_eq!(
        store.load(id).unwrap().stage,
        Stage::Closed(ClosedReason::Undeliverable)
    );
    for action in [open, comment] {
        store
            .resolve(action, &Resolution::TryAgain, "anna", NOW)
            .unwrap();
        claim(&store, action, NOW).unwrap();
        store.finish(action, Finish::Done(&done()), NOW).unwrap();
    }
    let due = store.due_deliveries(NOW, 9).unwrap();
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [reply]);
}

#[test]
fn a_copy_of_a_withdrawn_reply_holds_the_new_one() {
    let store = store();
    let (id, _) = undeliverable(&store);
    store.start_over(id, "anna", NOW).unwrap();
    let confirmed = store.confirm_by_message_id("1@bot", NOW).unwrap().unwrap();
    assert_eq!(confirmed.was, DeliveryState::Failed);
    assert!(store.load(id).unwrap().held.is_some());
}

#[test]
fn going_back_to_an_earlier_text_makes_no_earlier_digest_valid() {
    let store = store();
    let (id, first) = drafted(&store, 1);
    let mut other = draft();
    other.actions.remove(0);
    let second = store
        .revise(&by_anna(id, &first), Change::Edit, &other, NOW)
        .unwrap();
    let third = store
        .revise(&by_anna(id, &second), Change::Link, &draft(), NOW)
        .unwrap();
    assert_ne!(third.digest, first.digest);
    let old = NewDecision {
        digest: &first.digest,
        ..by_anna(id, &third)
    };
    assert!(matches!(
        store.approve(&old, NOW),
        Err(NotDecided::Revised { .. })
    ));
    store.approve(&by_anna(id, &third), NOW).unwrap();
    let told = store.trail(id).unwrap();
    let told = |what: &str| {
        let line = told.iter().find(|line| line.what == what).unwrap();
        line.detail.clone()
    };
    assert!(told("edited").contains("differs in: action 1, action 2"));
    assert!(told("approved").contains(third.digest.get(..8).unwrap()));
    assert_eq!(told("matched"), "new");
}

#[test]
fn the_copy_of_a_reply_that_is_done_is_remembered() {
    let store = store();
    let [open, comment, reply] = frozen(&store, 1);
    for delivery in [open, comment, reply] {
        claim(&store, delivery, NOW).unwrap();
        store.finish(delivery, Finish::Done(&done()), NOW).unwrap();
    }
    let unseen = |before| store.unseen_replies(before).unwrap().len();
    assert_eq!((unseen(NOW - 1), unseen(NOW)), (0, 1));
    store.confirm_by_message_id("1@bot", NOW + 5).unwrap();
    store.confirm_by_message_id("1@bot", NOW + 9).unwrap();
    assert_eq!(unseen(NOW + 99), 0);
    let row = store.delivery(reply).unwrap();
    assert_eq!((row.confirmed_at, row.done_at), (Some(NOW + 5), Some(NOW)));
    let told = store.trail(row.notification).unwrap();
    let lines = told.iter().filter(|line| line.what == "confirmed");
    assert_eq!(lines.count(), 1);
}

#[test]
fn the_last_words_of_a_service_are_kept_until_it_answers() {
    let store = store();
    store
        .note_trouble(Service::Mailbox, "refused", NOW)
        .unwrap();
    store
        .note_trouble(Service::Mailbox, "no\nroute", NOW + 9)
        .unwrap();
    let troubles = store.troubles().unwrap();
    assert_eq!(troubles.len(), 1);
    assert_eq!(
        (troubles[0].words.as_str(), troubles[0].since),
        ("no route", NOW)
    );
    store.clear_trouble(Service::Mailbox).unwrap();
    assert!(store.troubles().unwrap().is_empty());
}
