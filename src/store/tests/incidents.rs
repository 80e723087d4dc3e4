use std::collections::BTreeMap;

use super::outbox::{claim, done, ids};
use super::*;
use crate::domain::failure::Failure;
use crate::domain::signature::{self, Parts, Signature};
use crate::store::{Finish, IncidentId, Occurrence, Renamed};

const DAY: Seconds = 86_400;

/// An error of `test_os`, signed as this version does.
fn failure(method: &str, line: &str) -> Failure {
    let (exception, message) = line.split_once(": ").unwrap();
    let json = serde_json::json!({
        "test": { "file": "test_os", "class": "T", "method": method, "subtest": null },
        "kind": "error", "exception": exception, "message": message, "line": line,
        "excerpt": [], "signature": "", "flaky": false,
    });
    let failure: Failure = serde_json::from_value(json).unwrap();
    Failure {
        signature: signature::of(&Parts::of(&failure)),
        ..failure
    }
}

fn note(store: &Store, id: NotificationId, builder: &str, failures: &[&Failure], at: Seconds) {
    let occurrences: Vec<_> = failures
        .iter()
        .enumerate()
        .map(|(index, failure)| Occurrence {
            index,
            failure,
            builder,
            revision: Some("abcdef"),
        })
        .collect();
    store.note_occurrences(id, &occurrences, at).unwrap();
}

/// The builders an incident happened on since `NOW`.
fn counted(store: &Store, incident: i64) -> Vec<(String, u64)> {
    let counted = store.counted_since(&[IncidentId(incident)], NOW).unwrap();
    counted
        .into_iter()
        .map(|one| (one.builder, one.times))
        .collect()
}

const LINE: &str = "OSError: the quick brown fox jumps over the lazy dog at noon";
const NEAR: &str = "OSError: the quick brown fox jumps over the lazy cat at noon";
const FAR: &str = "OSError: nothing of it is the same here, whatever one does about it";

#[test]
fn the_same_and_nearly_the_same_failure_are_one_incident() {
    let store = store();
    let [first, again, near] = [1, 2, 3].map(|n| take_in(&store, n));
    note(&store, first, "a", &[&failure("test_popen", LINE)], NOW);
    note(&store, again, "b", &[&failure("test_popen", LINE)], NOW + 5);
    note(&store, near, "b", &[&failure("test_popen", NEAR)], NOW + 6);
    let of = |id| store.incidents_of(id).unwrap();
    assert_eq!(of(first), BTreeMap::from([(0, IncidentId(1))]));
    assert_eq!(of(again), of(first));
    assert_eq!(of(near), of(first));
    let known = |method, line, revision| {
        store
            .incident_like(&failure(method, line), revision)
            .unwrap()
    };
    assert_eq!(known("test_popen", FAR, None), None);
    // The same test in the same way at the same commit, whatever the words.
    assert_eq!(
        known("test_popen", FAR, Some("abcdef")),
        Some(IncidentId(1))
    );
    assert_eq!(known("test_popen", FAR, Some("012345")), None);
    assert_eq!(known("test_other", LINE, Some("abcdef")), None);
    let other_kind = "ValueError: nothing of it is the same here, whatever one does";
    assert_eq!(known("test_popen", other_kind, Some("abcdef")), None);
}

#[test]
fn a_notification_that_is_matched_anew_is_counted_once() {
    let store = store();
    let id = take_in(&store, 1);
    let [one, other] = ["test_popen", "test_kill"].map(|method| failure(method, LINE));
    note(&store, id, "a", &[&one, &other], NOW);
    note(&store, id, "a", &[&other], NOW);
    assert_eq!(
        store.incidents_of(id).unwrap(),
        BTreeMap::from([(0, IncidentId(2))])
    );
    let listed = store.incidents(NOW, 9).unwrap();
    assert_eq!(listed.len(), 1, "the other one never happened");
}

#[test]
fn an_incident_is_found_by_the_names_its_signature_had() {
    let store = store();
    let id = take_in(&store, 1);
    let old = Failure {
        signature: Signature("v1:old".to_owned()),
        ..failure("test_popen", FAR)
    };
    note(&store, id, "a", &[&old], NOW);
    let new = failure("test_popen", LINE);
    assert_eq!(store.incident_like(&new, None).unwrap(), None);
    let renamed = Renamed {
        old: old.signature,
        failure: new.clone(),
    };
    store.sign_anew(id, None, &[renamed]).unwrap();
    assert_eq!(
        store.incident_like(&new, None).unwrap(),
        Some(IncidentId(1))
    );
}

#[test]
fn an_incident_is_listed_with_its_counts() {
    let store = store();
    let failure = failure("test_popen", LINE);
    for (n, builder, age) in [(1, "a", 40), (2, "b", 20), (3, "b", 5), (4, "b", 0)] {
        let id = take_in(&store, n);
        // Two failures of one incident are one notification.
        note(&store, id, builder, &[&failure, &failure], NOW - age * DAY);
    }
    let listed = store.incidents(NOW + 60, 9).unwrap();
    let [one] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(one.began_at, NOW - 40 * DAY);
    assert_eq!(one.last_at, NOW);
    assert_eq!((one.notifications, one.lately), (4, [1, 2, 3]));
    assert_eq!(one.builders, [("b".to_owned(), 3), ("a".to_owned(), 1)]);
    let since = store
        .happened_since(IncidentId(1), NOW - 20 * DAY, NotificationId(4))
        .unwrap();
    // What came in in the very second counts, too.
    assert_eq!(since, [NotificationId(2), NotificationId(3)]);
}

#[test]
fn the_report_of_an_incident_is_the_one_written_for_it() {
    let store = store();
    let id = matched(&store, 1);
    let [one, other] = ["test_popen", "test_kill"].map(|method| failure(method, LINE));
    note(&store, id, "a", &[&one, &other], NOW);
    let draft = Draft {
        incidents: vec![vec![1], vec![2]],
        ..draft()
    };
    let revised = store.record_draft(id, &draft, NOW).unwrap();
    let leads = |except| {
        let incidents = [IncidentId(1), IncidentId(2)];
        let except = Some(NotificationId(except));
        store.leads(&incidents, except).unwrap()
    };
    assert_eq!(leads(99), [id]);
    assert!(leads(1).is_empty());
    store.approve(&by_anna(id, &revised), NOW).unwrap();
    let [open, comment, reply] = ids(&store, id).try_into().unwrap();
    let reports = |incident| store.reports_of(IncidentId(incident)).unwrap();
    assert!(reports(1).is_empty());
    store.freeze(open, b"{}", &marker("m1"), NOW).unwrap();
    claim(&store, open, NOW).unwrap();
    store.finish(open, Finish::Done(&done()), NOW).unwrap();
    assert_eq!(reports(1), [issue_ref(12)]);
    assert!(reports(2).is_empty(), "that is what the comment is for");
    assert_eq!(leads(99), [id], "not all of it has left");
    let last = |except| {
        let found = store.comments_since(ENTRY.target, NOW, NotificationId(except));
        found.unwrap().get(&7).copied()
    };
    let work = serde_json::json!({ "comment": { "issue": issue_ref(7), "body": "x" } });
    let frozen = work.to_string();
    store
        .freeze(comment, frozen.as_bytes(), &marker("m2"), NOW)
        .unwrap();
    assert_eq!(last(99), None);
    claim(&store, comment, NOW + 3).unwrap();
    assert_eq!(last(99), Some(NOW + 3), "it is being made");
    assert_eq!(last(1), None, "its own comment does not keep it from it");
    let receipt = crate::domain::delivery::Receipt::Issue(issue_ref(7));
    store
        .finish(comment, Finish::Done(&receipt), NOW + 4)
        .unwrap();
    assert_eq!(reports(2), [issue_ref(7)]);
    let mail = crate::domain::delivery::Receipt::Mail {
        answer: "250".to_owned(),
    };
    // A mail's bytes are no JSON, and are in nobody's way.
    store
        .freeze(reply, b"Subject: x\r\n\r\nx", &message_id("r"), NOW)
        .unwrap();
    claim(&store, reply, NOW).unwrap();
    store.finish(reply, Finish::Done(&mail), NOW + 5).unwrap();
    assert!(leads(99).is_empty());
    assert_eq!(store.last_comment(ENTRY.target, 7).unwrap(), Some(comment));
    let later = take_in(&store, 2);
    note(&store, later, "b", &[&other], NOW);
    assert_eq!(counted(&store, 2), [("b".to_owned(), 1)]);
}
