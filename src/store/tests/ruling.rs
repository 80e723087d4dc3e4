use super::*;
use crate::domain::life::Stage;
use crate::store::{Change, NotDecided};

/// Everything that would be compared with the rules of this digest.
fn compared(store: &Store, digest: &str) -> Vec<NotificationId> {
    let mut ids = Vec::new();
    while let Some(next) = store.next_to_rule(digest).unwrap() {
        store.pass_over_rules(next).unwrap();
        ids.push(next);
    }
    store.end_ruling(digest, NOW).unwrap();
    ids
}

#[test]
fn drafts_of_the_program_that_wait_are_compared_once() {
    let store = store();
    assert!(store.rules_replayed("").unwrap(), "there are no rules");
    let (first, _) = drafted(&store, 1);
    approved(&store, 2);
    let (held, _) = drafted(&store, 3);
    store.hold(held, "wait", "anna", NOW).unwrap();
    let (changed, revised) = drafted(&store, 4);
    let mut by_person = draft();
    by_person.actions.pop();
    store
        .revise(&by_anna(changed, &revised), Change::Edit, &by_person, NOW)
        .unwrap();
    let (rejected, revised) = drafted(&store, 5);
    store.reject(&by_anna(rejected, &revised), NOW).unwrap();
    matched(&store, 6);
    let (last, _) = drafted(&store, 7);

    assert!(!store.rules_replayed("aa").unwrap());
    assert_eq!(compared(&store, "aa"), [first, last]);
    assert!(store.rules_replayed("aa").unwrap());
    // Another digest, also that of no rules, begins anew.
    assert_eq!(compared(&store, ""), [first, last]);
    assert!(!store.rules_replayed("aa").unwrap());
}

#[test]
fn what_is_matched_anew_gets_a_revision_and_a_digest_of_its_own() {
    let store = store();
    let (id, first) = drafted(&store, 1);
    assert_eq!(store.next_to_rule("aa").unwrap(), Some(id));
    store
        .match_anew(id, "the rule x takes test_os", NOW)
        .unwrap();
    assert_eq!(store.next_to_rule("aa").unwrap(), None);
    assert_eq!(store.end_ruling("aa", NOW).unwrap(), 1);
    assert_eq!(store.load(id).unwrap().stage, Stage::Parsed);
    let refused = store.approve(&by_anna(id, &first), NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::NoDraft), "{refused}");

    store.record_verdicts(id, &verdicts(), NOW).unwrap();
    let second = store.record_draft(id, &draft(), NOW).unwrap();
    assert_eq!(second.revision, 2);
    assert_ne!(second.digest, first.digest, "the same texts");
    let refused = store.approve(&by_anna(id, &first), NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::Revised { .. }), "{refused}");
    store.approve(&by_anna(id, &second), NOW).unwrap();
    let refused = store.match_anew(id, "too late", NOW).unwrap_err();
    assert!(
        matches!(refused, NotDecided::AlreadyDecided { .. }),
        "{refused}"
    );
    assert_eq!(store.load(id).unwrap().stage, Stage::Approved);
}
