use super::outbox::{claim, done, frozen};
use super::*;
use crate::domain::delivery::Receipt;
use crate::domain::life::{ClosedReason, DeliveryState, Stage};
use crate::store::{Confirmed, DeliveryId, Finish, ListFilter, Resolution};

const DOUBT: Finish<'static> = Finish::InDoubt {
    why: "connection lost",
    check_at: Some(NOW + 5),
};

fn state(store: &Store, delivery: DeliveryId) -> DeliveryState {
    store.delivery(delivery).unwrap().state
}

/// The three deliveries, the actions done.
fn actions_done(store: &Store, n: i64) -> (NotificationId, DeliveryId) {
    let [open, comment, reply] = frozen(store, n);
    for action in [open, comment] {
        claim(store, action, NOW).unwrap();
        store.finish(action, Finish::Done(&done()), NOW).unwrap();
    }
    (store.delivery(open).unwrap().notification, reply)
}

#[test]
fn when_the_reply_is_done_the_notification_is_delivered() {
    let store = store();
    let (id, reply) = actions_done(&store, 1);
    claim(&store, reply, NOW).unwrap();
    let receipt = Receipt::Mail {
        answer: "250 queued".to_owned(),
    };
    store.finish(reply, Finish::Done(&receipt), NOW).unwrap();
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Delivered);
    assert_eq!(row.deliveries[0].receipt, Some(done()));
    assert_eq!(row.deliveries[2].receipt, Some(receipt));
    assert_eq!(store.list(ListFilter::Delivered, 10).unwrap(), [id]);
    assert_eq!(store.count(ListFilter::Open).unwrap(), 0);
}

#[test]
fn what_was_claimed_at_a_crash_is_in_doubt_and_never_due() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let before = Store::open(&path).unwrap();
    let [open, comment, _] = frozen(&before, 1);
    let (_, reply) = actions_done(&before, 2);
    claim(&before, open, NOW).unwrap();
    claim(&before, reply, NOW).unwrap();
    drop(before);

    let store = Store::open(&path).unwrap();
    let doubted = store.doubt_crashed_claims(NOW + 5, NOW).unwrap();
    let ids: Vec<_> = doubted.iter().map(|delivery| delivery.id).collect();
    assert_eq!(ids, [open, reply]);
    assert!(
        doubted
            .iter()
            .all(|delivery| delivery.state == DeliveryState::InDoubt)
    );
    assert!(store.doubt_crashed_claims(NOW + 5, NOW).unwrap().is_empty());
    let due: Vec<_> = store.due_deliveries(NOW + 1_000, 10).unwrap();
    assert_eq!(
        due.iter().map(|delivery| delivery.id).collect::<Vec<_>>(),
        [comment]
    );
    claim(&store, reply, NOW).unwrap_err();

    // A tracker is looked into; a mail waits for its copy or a person.
    assert!(store.due_doubts(NOW + 4).unwrap().is_empty());
    let look: Vec<_> = store.due_doubts(NOW + 5).unwrap();
    assert_eq!(
        look.iter().map(|delivery| delivery.id).collect::<Vec<_>>(),
        [open]
    );
    store.doubt_checked(open, Some(NOW + 30), NOW + 5).unwrap();
    assert!(store.due_doubts(NOW + 29).unwrap().is_empty());
    store.doubt_checked(open, None, NOW + 30).unwrap();
    assert!(store.due_doubts(NOW + 100).unwrap().is_empty());
    assert_eq!(store.delivery(open).unwrap().doubt_checks, 2);
    assert_eq!(store.doubts().unwrap().len(), 2);
}

#[test]
fn a_doubt_is_ended_by_the_copy_that_comes_back() {
    let store = store();
    let (id, reply) = actions_done(&store, 1);
    claim(&store, reply, NOW).unwrap();
    store.finish(reply, DOUBT, NOW).unwrap();
    assert_eq!(store.confirm_by_message_id("2@bot", NOW).unwrap(), None);
    let confirmed = |was| {
        Some(Confirmed {
            delivery: reply,
            was,
        })
    };
    let first = store.confirm_by_message_id("1@bot", NOW).unwrap();
    assert_eq!(first, confirmed(DeliveryState::InDoubt));
    let again = store.confirm_by_message_id("1@bot", NOW).unwrap();
    assert_eq!(again, confirmed(DeliveryState::Done));
    assert_eq!(store.load(id).unwrap().stage, Stage::Delivered);
}

#[test]
fn a_copy_of_a_mail_still_queued_tells_of_a_restored_database() {
    let store = store();
    let (id, reply) = actions_done(&store, 1);
    let confirmed = store.confirm_by_message_id("1@bot", NOW).unwrap().unwrap();
    assert_eq!(confirmed.was, DeliveryState::Queued);
    assert_eq!(state(&store, reply), DeliveryState::Done);
    assert_eq!(store.load(id).unwrap().stage, Stage::Delivered);
}

#[test]
fn an_answer_that_comes_after_the_copy_changes_nothing() {
    let store = store();
    let (id, reply) = actions_done(&store, 1);
    claim(&store, reply, NOW).unwrap();
    store.confirm_by_message_id("1@bot", NOW).unwrap();
    let later = Finish::Later {
        why: "451",
        due_at: NOW,
    };
    for answer in [
        DOUBT,
        later,
        Finish::Failed { why: "554" },
        Finish::Done(&done()),
    ] {
        store.finish(reply, answer, NOW).unwrap();
        assert_eq!(state(&store, reply), DeliveryState::Done);
    }
    assert_eq!(store.load(id).unwrap().stage, Stage::Delivered);
    let told = store.trail(id).unwrap();
    assert_eq!(
        told.iter()
            .filter(|line| line.what == "late answer")
            .count(),
        4
    );
    assert_eq!(
        told.iter().filter(|line| line.what == "delivered").count(),
        1
    );
}

#[test]
fn only_a_person_says_that_a_doubted_one_did_not_happen() {
    let store = store();
    let [open, comment, _] = frozen(&store, 1);
    store.finish(open, DOUBT, NOW).unwrap_err();
    claim(&store, open, NOW).unwrap();
    store
        .resolve(open, &Resolution::TryAgain, "anna", NOW)
        .unwrap_err();
    store.finish(open, DOUBT, NOW).unwrap();
    let later = Finish::Later {
        why: "?",
        due_at: NOW,
    };
    store.finish(open, later, NOW).unwrap_err();
    assert_eq!(state(&store, open), DeliveryState::InDoubt);

    store
        .resolve(open, &Resolution::TryAgain, "anna", NOW)
        .unwrap();
    assert_eq!(state(&store, open), DeliveryState::Queued);
    claim(&store, open, NOW).unwrap();
    store.finish(open, DOUBT, NOW).unwrap();
    store
        .resolve(open, &Resolution::Happened(done()), "anna", NOW)
        .unwrap();
    assert_eq!(state(&store, open), DeliveryState::Done);
    store
        .resolve(open, &Resolution::GiveUp, "anna", NOW)
        .unwrap_err();

    claim(&store, comment, NOW).unwrap();
    store.finish(comment, DOUBT, NOW).unwrap();
    store
        .resolve(comment, &Resolution::GiveUp, "anna", NOW)
        .unwrap();
    assert_eq!(state(&store, comment), DeliveryState::Failed);
    let failed = store.delivery(comment).unwrap();
    assert_eq!(failed.failed_why.as_deref(), Some("given up by anna"));
    assert!(
        store.failed_deliveries(10).unwrap().is_empty(),
        "nobody need look any more"
    );
}

#[test]
fn a_refused_action_closes_the_notification_once_nothing_can_move() {
    let store = store();
    let [open, comment, reply] = frozen(&store, 1);
    let id = store.delivery(open).unwrap().notification;
    claim(&store, open, NOW).unwrap();
    store
        .finish(open, Finish::Failed { why: "403" }, NOW)
        .unwrap();
    assert_eq!(
        store.load(id).unwrap().stage,
        Stage::Approved,
        "the comment can still move"
    );
    claim(&store, comment, NOW).unwrap();
    store.finish(comment, Finish::Done(&done()), NOW).unwrap();
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Closed(ClosedReason::Undeliverable));
    assert_eq!(row.closed.unwrap().note, "403");
    assert!(store.due_deliveries(NOW, 10).unwrap().is_empty());
    claim(&store, reply, NOW).unwrap_err();

    // A person mends the rights and tries again.
    store
        .resolve(open, &Resolution::TryAgain, "anna", NOW)
        .unwrap();
    assert_eq!(store.load(id).unwrap().stage, Stage::Approved);
    for delivery in [open, reply] {
        claim(&store, delivery, NOW).unwrap();
        store.finish(delivery, Finish::Done(&done()), NOW).unwrap();
    }
    assert_eq!(store.load(id).unwrap().stage, Stage::Delivered);
}

#[test]
fn a_refused_reply_closes_the_notification_and_a_late_copy_opens_it() {
    let store = store();
    let (id, reply) = actions_done(&store, 1);
    claim(&store, reply, NOW).unwrap();
    store
        .finish(reply, Finish::Failed { why: "550 no" }, NOW)
        .unwrap();
    assert_eq!(
        store.load(id).unwrap().stage,
        Stage::Closed(ClosedReason::Undeliverable)
    );
    store.finish(reply, Finish::Done(&done()), NOW).unwrap_err();
    let confirmed = store.confirm_by_message_id("1@bot", NOW).unwrap().unwrap();
    assert_eq!(confirmed.was, DeliveryState::Failed);
    assert_eq!(store.load(id).unwrap().stage, Stage::Delivered);
}
