use super::*;
use crate::domain::failure::{Failure, FailureKind, TestId};
use crate::domain::notification::{Build, BuildResult, CiSystem};
use crate::domain::signature::{self, Parts, Signature};
use crate::store::{PairWord, Renamed, Signing};

fn failure(signature: &str, line: &str) -> Failure {
    let test = r#"{"file": "test_os", "class": "T", "method": "test_popen", "subtest": null}"#;
    let json = format!(
        r#"{{"test": {test}, "kind": "test_error", "exception": "OSError", "line": {line:?},
            "excerpt": [], "signature": {signature:?}, "flaky": false}}"#
    );
    serde_json::from_str(&json).unwrap()
}

/// Signed as this version does.
fn signed(line: &str) -> Failure {
    let failure = failure("", line);
    Failure {
        signature: signature::of(&Parts::of(&failure)),
        ..failure
    }
}

fn said(store: &Store, tracker: &str, signature: &str) -> Vec<(u64, PairWord, String)> {
    let signature = Signature(signature.to_owned());
    let pairs = store.mirror(tracker).pairs(&signature).unwrap();
    pairs
        .into_iter()
        .map(|pair| (pair.issue, pair.word, pair.who))
        .collect()
}

fn read_with(failure: &Failure) -> Reading {
    let mut reading = reading();
    let builder = "AMD64 Debian 3.x".to_owned();
    reading.notification.builds.push(Build {
        failures: vec![failure.clone()],
        ..Build::bare(CiSystem::Buildbot, builder, BuildResult::Failure)
    });
    reading
}

fn taken_in_with(store: &Store, n: i64, failure: &Failure) -> NotificationId {
    let id = take_in(store, n);
    store.record_reading(id, &read_with(failure), NOW).unwrap();
    id
}

fn renamed(old: &str, failure: &Failure) -> Renamed {
    Renamed {
        old: Signature(old.to_owned()),
        failure: failure.clone(),
    }
}

#[test]
fn the_last_word_on_a_pair_counts() {
    let store = store();
    let mirror = store.mirror("here");
    let failure = failure("v1:ab", "OSError: no");
    for (issue, word, who, at) in [
        (5, PairWord::Confirmed, "anna", NOW),
        (6, PairWord::Rejected, "anna", NOW + 1),
        (5, PairWord::Rejected, "ben", NOW + 2),
    ] {
        mirror
            .record_pair(&failure, issue, word, None, who, at)
            .unwrap();
    }
    assert_eq!(
        said(&store, "here", "v1:ab"),
        [
            (5, PairWord::Rejected, "ben".to_owned()),
            (6, PairWord::Rejected, "anna".to_owned())
        ]
    );
    assert!(said(&store, "elsewhere", "v1:ab").is_empty());
}

#[test]
fn what_was_said_is_found_by_every_later_name() {
    let store = store();
    let mirror = store.mirror("here");
    let pair = |signature: &str, issue, word, at| {
        let failure = failure(signature, "OSError: no");
        mirror
            .record_pair(&failure, issue, word, None, "anna", at)
            .unwrap();
    };
    pair("v1:a", 5, PairWord::Confirmed, NOW);
    pair("v1:a", 6, PairWord::Confirmed, NOW + 1);
    pair("v1:b", 7, PairWord::Confirmed, NOW + 2);
    pair("v2:x", 6, PairWord::Rejected, NOW + 3);
    let id = take_in(&store, 1);
    // Two became one, and one became two; then all got a third name. A circle,
    // as a change back would make, does no harm.
    for (old, new) in [
        ("v1:a", "v2:x"),
        ("v1:b", "v2:x"),
        ("v1:b", "v2:y"),
        ("v2:x", "v3:x"),
        ("v3:x", "v2:x"),
    ] {
        let renamed = renamed(old, &failure(new, "OSError: no"));
        store.sign_anew(id, None, &[renamed]).unwrap();
    }
    let anna = |issue, word| (issue, word, "anna".to_owned());
    let all = [
        anna(6, PairWord::Rejected),
        anna(7, PairWord::Confirmed),
        anna(5, PairWord::Confirmed),
    ];
    assert_eq!(said(&store, "here", "v3:x"), all);
    assert_eq!(said(&store, "here", "v2:x"), all);
    assert_eq!(said(&store, "here", "v2:y"), [anna(7, PairWord::Confirmed)]);
    assert_eq!(said(&store, "here", "v1:b"), [anna(7, PairWord::Confirmed)]);
}

#[test]
fn nearly_the_same_is_found_among_what_was_said() {
    let store = store();
    let mirror = store.mirror("here");
    let words = "OSError: the operation was refused by the system";
    let known = signed(words);
    let far = signed("OSError: something completely different happened");
    let mut elsewhere = signed(&words.replace("system", "systems"));
    elsewhere.test = TestId {
        method: Some("test_other".to_owned()),
        ..elsewhere.test
    };
    let mut of_other_kind = signed(&words.replace("the op", "an op"));
    of_other_kind.kind = FailureKind::Crash;
    for (failure, issue) in [(&known, 5), (&far, 6), (&elsewhere, 7), (&of_other_kind, 8)] {
        mirror
            .record_pair(failure, issue, PairWord::Confirmed, None, "anna", NOW)
            .unwrap();
    }
    let asked = signed(&words.replace("system", "System"));
    let near = mirror.near_pairs(&asked).unwrap();
    let [near] = near.as_slice() else {
        panic!("{near:?}");
    };
    assert_eq!(near.pair.issue, 5);
    assert!(near.distance > 0.0 && near.distance < 0.1, "{near:?}");
    // The same one is none of them.
    assert!(mirror.near_pairs(&known).unwrap().is_empty());
    let nowhere = store.mirror("elsewhere");
    assert!(nowhere.near_pairs(&asked).unwrap().is_empty());
}

#[test]
fn signing_goes_through_all_that_was_read_and_begins_anew_with_a_version() {
    let store = store();
    let old = failure("v1:a", "OSError: no");
    let first = taken_in_with(&store, 1, &old);
    take_in(&store, 2);
    let third = taken_in_with(&store, 3, &old);
    let next = |next, attempts| Some(Signing { next, attempts });
    let left = |version| store.left_to_sign(version).unwrap();
    assert!(!store.signing_ended("v9").unwrap());
    assert_eq!(left("v9"), Some(2));
    assert_eq!(store.signing("v9").unwrap(), next(Some(first), 0));
    store.count_signing().unwrap();
    assert_eq!(store.signing("v9").unwrap(), next(Some(first), 1));

    let new = failure("v9:a", "OSError: no");
    let reading = read_with(&new);
    store
        .sign_anew(first, Some(&reading), &[renamed("v1:a", &new)])
        .unwrap();
    assert_eq!(store.load(first).unwrap().reading, Some(reading));
    assert_eq!(left("v9"), Some(1));
    assert_eq!(store.signing("v9").unwrap(), next(Some(third), 0));
    store.sign_anew(third, None, &[]).unwrap();
    assert_eq!(left("v9"), Some(0));
    assert_eq!(store.signing("v9").unwrap(), next(None, 0));
    assert_eq!(store.end_signing("v9", NOW).unwrap(), 1);
    assert_eq!(store.signing("v9").unwrap(), None);
    assert_eq!(left("v9"), None);
    assert!(store.signing_ended("v9").unwrap());

    taken_in_with(&store, 4, &new);
    assert_eq!(store.signing("v9").unwrap(), None, "it is of this version");
    assert_eq!(left("v10"), Some(3));
    assert_eq!(store.signing("v10").unwrap(), next(Some(first), 0));
    assert!(!store.signing_ended("v10").unwrap());
}

#[test]
fn a_failure_of_which_something_was_said_is_kept_with_its_new_signature() {
    let store = store();
    let mirror = store.mirror("here");
    let words = "OSError: the operation was refused by the system";
    mirror
        .record_pair(
            &failure("v1:a", words),
            5,
            PairWord::Confirmed,
            None,
            "anna",
            NOW,
        )
        .unwrap();
    let id = take_in(&store, 1);
    let (paired, other) = (signed(words), signed(&words.replace("the op", "an op")));
    let both = [renamed("v1:a", &paired), renamed("v1:b", &other)];
    store.sign_anew(id, None, &both).unwrap();
    let kept = |failure: &Failure| {
        let count = "SELECT count(*) FROM remembered WHERE signature = ?1";
        let count: u64 = store
            .connection
            .query_row(count, [&failure.signature.0], |row| row.get(0))
            .unwrap();
        count
    };
    assert_eq!((kept(&paired), kept(&other)), (1, 0));
}
