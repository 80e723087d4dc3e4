use super::*;
use crate::domain::delivery::Receipt;
use crate::domain::life::DeliveryState;
use crate::store::{
    Change, ClaimRefused, DeliveryId, DeliveryKind, Finish, LedgerScope, PROGRAM, Switch,
};

/// Claims a delivery with the bytes that are frozen, and its ledger line.
pub(super) fn claim(store: &Store, delivery: DeliveryId, now: Seconds) -> Result<(), ClaimRefused> {
    let digest = store.delivery(delivery).unwrap().frozen_digest.unwrap();
    let claim = store.claim(delivery, &digest, &ENTRY, now)?;
    assert_eq!(claim.delivery(), delivery);
    Ok(())
}

pub(super) fn ids(store: &Store, id: NotificationId) -> Vec<DeliveryId> {
    let row = store.load(id).unwrap();
    row.deliveries.iter().map(|delivery| delivery.id).collect()
}

/// The draft's three deliveries, frozen.
pub(super) fn frozen(store: &Store, n: i64) -> [DeliveryId; 3] {
    let id = approved(store, n);
    let deliveries: [DeliveryId; 3] = ids(store, id).try_into().unwrap();
    let [open, comment, reply] = deliveries;
    store
        .freeze(open, b"open", &marker(&format!("{n} open")), NOW)
        .unwrap();
    store
        .freeze(comment, b"comment", &marker(&format!("{n} comment")), NOW)
        .unwrap();
    store
        .freeze(reply, b"reply", &message_id(&format!("{n}@bot")), NOW)
        .unwrap();
    deliveries
}

pub(super) fn done() -> Receipt {
    Receipt::Issue(issue_ref(12))
}

fn due(store: &Store, now: Seconds) -> Vec<DeliveryId> {
    let rows = store.due_deliveries(now, 10).unwrap();
    rows.iter().map(|delivery| delivery.id).collect()
}

#[test]
fn the_reply_is_due_only_when_every_action_is_done() {
    let store = store();
    let [open, comment, reply] = frozen(&store, 1);
    assert_eq!(due(&store, NOW), [open, comment]);
    let refused = claim(&store, reply, NOW).unwrap_err();
    assert!(matches!(refused, ClaimRefused::EarlierNotDone), "{refused}");
    let by_hand = store
        .connection
        .execute(
            "UPDATE deliveries SET claimed_at = 1 WHERE id = ?1",
            [reply],
        )
        .unwrap_err();
    assert!(by_hand.to_string().contains("earlier action"), "{by_hand}");

    for action in [comment, open] {
        assert!(!due(&store, NOW).contains(&reply));
        claim(&store, action, NOW).unwrap();
        store.finish(action, Finish::Done(&done()), NOW).unwrap();
    }
    assert_eq!(due(&store, NOW), [reply]);
    claim(&store, reply, NOW).unwrap();
    assert_eq!(due(&store, NOW), []);
}

#[test]
fn a_claim_looks_at_every_switch_again() {
    let store = store();
    let [open, ..] = frozen(&store, 1);
    let about = store.delivery(open).unwrap().notification;
    let refused = || claim(&store, open, NOW).unwrap_err().to_string();

    store
        .switch_on(Switch::Stop, "7 replies in an hour", PROGRAM, NOW)
        .unwrap();
    store
        .switch_on(Switch::Stop, "later reason", PROGRAM, NOW + 1)
        .unwrap();
    assert_eq!(refused(), "STOP: 7 replies in an hour");
    let was = store
        .switch_off(Switch::Stop, "anna", NOW)
        .unwrap()
        .unwrap();
    assert_eq!((was.reason.as_str(), was.at), ("7 replies in an hour", NOW));
    assert_eq!(store.switch_off(Switch::Stop, "anna", NOW).unwrap(), None);

    store
        .switch_on(Switch::Pause, "release day", "anna", NOW)
        .unwrap();
    assert_eq!(refused(), "paused: release day");
    store.switch_off(Switch::Pause, "anna", NOW).unwrap();

    store.hold(about, "look first", "ben", NOW).unwrap();
    assert_eq!(refused(), "held: look first");
    assert_eq!(due(&store, NOW), []);
    store.release(about, "ben", NOW).unwrap();

    let none = store.ledger_count(DeliveryKind::OpenIssue, LedgerScope::All, 0, DeliveryId(0));
    assert_eq!(none.unwrap(), 0, "a refused claim leaves no line");
    claim(&store, open, NOW).unwrap();
    assert_eq!(refused(), "it is being sent, not queued");
    let told: Vec<_> = store
        .recent_trail(20)
        .unwrap()
        .into_iter()
        .map(|line| line.what)
        .collect();
    assert!(told.contains(&"stop cleared".to_owned()), "{told:?}");
}

#[test]
fn only_the_frozen_bytes_are_claimed() {
    let store = store();
    let id = approved(&store, 1);
    let open = ids(&store, id)[0];
    let refused = store.claim(open, "", &ENTRY, NOW).unwrap_err();
    assert!(
        matches!(refused, ClaimRefused::OtherBytes),
        "not frozen: {refused}"
    );

    let first = store.freeze(open, b"bytes", &marker("m"), NOW).unwrap();
    let again = store
        .freeze(open, b"other bytes", &marker("n"), NOW)
        .unwrap();
    assert_eq!(first, again, "what was frozen stays");
    assert_eq!(again.frozen.as_deref(), Some(b"bytes".as_slice()));
    assert_eq!(
        again.frozen_digest.as_deref(),
        Some("277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9")
    );
    let refused = store.claim(open, "277089", &ENTRY, NOW).unwrap_err();
    assert!(matches!(refused, ClaimRefused::OtherBytes), "{refused}");
    assert_eq!(store.delivery_by_marker("m").unwrap(), Some(open));
    assert_eq!(store.delivery_by_marker("n").unwrap(), None);
}

#[test]
fn an_id_belongs_to_one_delivery_of_its_kind() {
    let store = store();
    let id = approved(&store, 1);
    let deliveries = ids(&store, id);
    let [open, comment, reply] = deliveries[..] else {
        panic!("{deliveries:?}");
    };
    store.freeze(open, b"a", &marker("m"), NOW).unwrap();
    store.freeze(comment, b"b", &marker("m"), NOW).unwrap_err();
    store
        .freeze(comment, b"b", &message_id("a@bot"), NOW)
        .unwrap_err();
    store.freeze(reply, b"c", &marker("r"), NOW).unwrap_err();
    store
        .freeze(reply, b"c", &message_id("a@bot"), NOW)
        .unwrap();
    assert_eq!(store.own_message_ids().unwrap(), ["a@bot"]);
    assert_eq!(store.delivery_by_message_id("a@bot").unwrap(), Some(reply));
}

#[test]
fn the_ledger_counts_each_delivery_once_whatever_its_attempts() {
    let store = store();
    let [open, comment, _] = frozen(&store, 1);
    let [other, ..] = frozen(&store, 2);
    let about = store.delivery(open).unwrap().notification;
    for at in [NOW, NOW + 10] {
        claim(&store, open, at).unwrap();
        let later = Finish::Later {
            why: "502",
            due_at: at,
        };
        store.finish(open, later, at).unwrap();
    }
    claim(&store, comment, NOW + 10).unwrap();
    claim(&store, other, NOW + 20).unwrap();
    let count = |scope, since, except| {
        store
            .ledger_count(DeliveryKind::OpenIssue, scope, since, except)
            .unwrap()
    };
    let nobody = DeliveryId(0);
    assert_eq!(count(LedgerScope::All, 0, nobody), 2);
    assert_eq!(count(LedgerScope::All, 0, open), 1);
    assert_eq!(count(LedgerScope::All, NOW + 11, nobody), 1);
    assert_eq!(count(LedgerScope::All, NOW + 21, nobody), 0);
    assert_eq!(count(LedgerScope::Notification(about), 0, nobody), 1);
    assert_eq!(count(LedgerScope::Thread(ENTRY.thread), 0, nobody), 2);
    assert_eq!(count(LedgerScope::Thread("other"), 0, nobody), 0);
    let same = |body_digest| LedgerScope::SameBody {
        target: ENTRY.target,
        body_digest,
    };
    assert_eq!(count(same(ENTRY.body_digest), 0, open), 1);
    assert_eq!(count(same("other"), 0, nobody), 0);
}

#[test]
fn attempts_and_preparation_are_kept_until_it_is_queued_again() {
    let store = store();
    let [open, ..] = frozen(&store, 1);
    assert_eq!(store.count_delivery_attempt(open).unwrap(), 1);
    store.save_prepared(open, "https://tracker/once/1").unwrap();
    let prepared = store.delivery(open).unwrap().prepared;
    assert_eq!(prepared.as_deref(), Some("https://tracker/once/1"));
    claim(&store, open, NOW).unwrap();
    let later = Finish::Later {
        why: "503",
        due_at: NOW + 30,
    };
    store.finish(open, later, NOW).unwrap();
    let row = store.delivery(open).unwrap();
    assert_eq!(row.state, DeliveryState::Queued);
    assert_eq!((row.attempts, row.prepared), (1, None));
    assert_eq!(row.last_error.as_deref(), Some("503"));
    assert!(!due(&store, NOW + 29).contains(&open));
    assert!(due(&store, NOW + 30).contains(&open));
    assert_eq!(store.next_deadline(NOW).unwrap(), Some(NOW + 30));
    assert_eq!(store.count_delivery_attempt(open).unwrap(), 2);
}

#[test]
fn no_revision_follows_an_approval() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    store.approve(&by_anna(id, &revised), NOW).unwrap();
    store
        .revise(&by_anna(id, &revised), Change::Edit, &draft(), NOW)
        .unwrap_err();
    let by_hand = store.connection.execute(
        "INSERT INTO drafts (notification, revision, draft, digest, made_at, made_by)
         VALUES (?1, 2, '{}', 'd', 0, 'mallory')",
        [id],
    );
    assert!(by_hand.unwrap_err().to_string().contains("no new revision"));
}
