use std::sync::Barrier;

use super::*;
use crate::domain::life::{ClosedReason, FinalWord, Stage};
use crate::store::{Change, DecisionKind, DeliveryKind, NotDecided};

#[test]
fn an_approval_makes_one_row_for_each_effect_the_reply_last() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    let decided = store.approve(&by_anna(id, &revised), NOW).unwrap();
    assert_eq!(decided.deliveries, 3);
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Approved);
    let kinds: Vec<_> = row
        .deliveries
        .iter()
        .map(|delivery| delivery.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            DeliveryKind::OpenIssue,
            DeliveryKind::Comment,
            DeliveryKind::Reply
        ]
    );
    for (position, delivery) in row.deliveries.iter().enumerate() {
        assert_eq!(delivery.position, position);
        assert_eq!(delivery.decision, decided.decision);
        assert_eq!(delivery.digest, revised.digest);
        assert_eq!(delivery.approved_by, "anna");
    }
    assert_eq!(row.decision.unwrap().kind, DecisionKind::Approve);
}

#[test]
fn the_second_is_told_who_decided() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    store.reject(&by_anna(id, &revised), NOW).unwrap();
    let ben = NewDecision {
        who: "ben",
        ..by_anna(id, &revised)
    };
    for refused in [
        store.approve(&ben, NOW + 1).unwrap_err(),
        store.reject(&ben, NOW + 1).unwrap_err(),
        store
            .revise(&ben, Change::Edit, &draft(), NOW + 1)
            .unwrap_err(),
    ] {
        let NotDecided::AlreadyDecided { word, who, at } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(
            (*word, who.as_str(), *at),
            (FinalWord::Rejected, "anna", NOW)
        );
        assert_eq!(refused.to_string(), "rejected by anna already");
    }
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Closed(ClosedReason::Rejected));
    assert_eq!(row.closed.unwrap().note, "rejected by anna");
    assert_eq!(store.decisions(id).unwrap().len(), 1);
}

#[test]
fn an_edit_makes_the_old_revision_stale() {
    let store = store();
    let (id, first) = drafted(&store, 1);
    let mut text = draft();
    text.actions.remove(0);
    let second = store
        .revise(&by_anna(id, &first), Change::Edit, &text, NOW)
        .unwrap();
    assert_eq!(second.revision, 2);
    assert_ne!(second.digest, first.digest);
    let refused = store.approve(&by_anna(id, &first), NOW).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the draft was revised by anna: revision 2 is the current one, not 1"
    );
    // The right number with other bytes is as stale.
    let forged = NewDecision {
        digest: &first.digest,
        ..by_anna(id, &second)
    };
    assert!(matches!(
        store.approve(&forged, NOW),
        Err(NotDecided::Revised { .. })
    ));
    assert!(store.load(id).unwrap().deliveries.is_empty());
    assert_eq!(
        store
            .approve(&by_anna(id, &second), NOW)
            .unwrap()
            .deliveries,
        2
    );
    let kinds: Vec<_> = store
        .decisions(id)
        .unwrap()
        .iter()
        .map(|row| row.kind)
        .collect();
    assert_eq!(kinds, [DecisionKind::Edit, DecisionKind::Approve]);
}

#[test]
fn what_cannot_be_approved_says_why() {
    let store = store();
    let early = take_in(&store, 1);
    let guess = Revised {
        revision: 1,
        digest: "x".to_owned(),
    };
    let refused = store.approve(&by_anna(early, &guess), NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::NoDraft), "{refused}");
    let unknown = store
        .approve(&by_anna(NotificationId(99), &guess), NOW)
        .unwrap_err();
    assert!(matches!(unknown, NotDecided::Unknown(_)), "{unknown}");

    let (held, revised) = drafted(&store, 2);
    store.hold(held, "too many", "the cap", NOW).unwrap();
    let refused = store.approve(&by_anna(held, &revised), NOW).unwrap_err();
    assert_eq!(refused.to_string(), "held by the cap: too many");
    store.release(held, "anna", NOW).unwrap();
    store.approve(&by_anna(held, &revised), NOW).unwrap();

    let (closed, revised) = drafted(&store, 3);
    store
        .close_notification(closed, ClosedReason::Expired, "30 days", NOW)
        .unwrap();
    let refused = store.approve(&by_anna(closed, &revised), NOW).unwrap_err();
    assert_eq!(refused.to_string(), "closed already (expired): 30 days");
}

#[test]
fn a_choice_left_open_or_an_empty_draft_is_not_approved() {
    let store = store();
    let id = matched(&store, 1);
    let mut text = draft();
    text.actions.push(Action::Choose {
        about: "test_os".to_owned(),
        candidates: Vec::new(),
    });
    let open = store.record_draft(id, &text, NOW).unwrap();
    let refused = store.approve(&by_anna(id, &open), NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::ChoiceOpen), "{refused}");
    text.actions.clear();
    text.reply = None;
    let empty = store
        .revise(&by_anna(id, &open), Change::Link, &text, NOW)
        .unwrap();
    let refused = store.approve(&by_anna(id, &empty), NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::Empty), "{refused}");
}

#[test]
fn a_draft_changed_in_the_file_is_not_approved() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    store
        .connection
        .execute_batch(
            "DROP TRIGGER drafts_are_kept_update;
             UPDATE drafts SET draft = replace(draft, 'It fails.', 'Buy this.');",
        )
        .unwrap();
    let refused = store.approve(&by_anna(id, &revised), NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::Store(_)), "{refused}");
    assert!(store.load(id).unwrap().deliveries.is_empty());
}

#[test]
fn of_many_at_once_exactly_one_decides() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = Store::open(&path).unwrap();
    for round in 1..=8 {
        let (id, revised) = drafted(&store, round);
        let start = Barrier::new(4);
        let decided = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4)
                .map(|racer| {
                    let (path, start, revised) = (&path, &start, &revised);
                    scope.spawn(move || {
                        let mine = Store::open(path).unwrap();
                        let decision = by_anna(id, revised);
                        start.wait();
                        let result = match racer % 2 {
                            0 => mine.approve(&decision, NOW),
                            _ => mine.reject(&decision, NOW),
                        };
                        match result {
                            Ok(_) => 1,
                            Err(NotDecided::AlreadyDecided { .. }) => 0,
                            Err(other) => panic!("{other:#?}"),
                        }
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .sum::<i32>()
        });
        assert_eq!(decided, 1);
        store.load(id).unwrap();
    }
}

#[test]
fn another_process_sees_that_somebody_decided() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let daemon = Store::open(&path).unwrap();
    let (id, revised) = drafted(&daemon, 1);
    let before = daemon.data_version().unwrap();
    assert_eq!(daemon.data_version().unwrap(), before);
    let cli = Store::open(&path).unwrap();
    cli.approve(&by_anna(id, &revised), NOW).unwrap();
    assert_ne!(daemon.data_version().unwrap(), before);
    assert_eq!(daemon.due_deliveries(NOW, 10).unwrap().len(), 2);
}
