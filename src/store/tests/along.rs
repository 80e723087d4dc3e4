use super::outbox::{claim, done, ids};
use super::*;
use crate::domain::delivery::Receipt;
use crate::domain::draft::Along;
use crate::domain::life::{ClosedReason, DeliveryState, Stage};
use crate::store::{
    Change, DeliveryId, DeliveryKind, Finish, LedgerScope, NotDecided, PROGRAM, Resolution,
};

fn reply(body: &str) -> Reply {
    Reply {
        subject: "Re: boom".to_owned(),
        body: body.to_owned(),
        in_reply_to: None,
        references: Vec::new(),
    }
}

/// The draft of one notification that answers a second and speaks for a third.
fn together(answered: NotificationId, silent: NotificationId) -> Draft {
    let along = |id: NotificationId, reply| Along {
        notification: id.0,
        reply,
    };
    Draft {
        actions: vec![open_action()],
        along: vec![
            along(answered, Some(reply("Here too: <<new issue 1>>."))),
            along(silent, None),
        ],
        ..draft()
    }
}

struct Three {
    leader: NotificationId,
    answered: NotificationId,
    silent: NotificationId,
    revised: Revised,
}

/// Three notifications of one incident with one draft.
fn three(store: &Store) -> Three {
    let (leader, first) = drafted(store, 1);
    let [answered, silent] = [2, 3].map(|n| {
        let id = matched(store, n);
        store.attach(id, leader, "the same failures", NOW).unwrap();
        id
    });
    let draft = together(answered, silent);
    let revised = store
        .draft_anew(leader, first.revision, &draft, NOW)
        .unwrap();
    Three {
        leader,
        answered,
        silent,
        revised,
    }
}

fn stages(store: &Store, three: &Three) -> [Stage; 3] {
    [three.leader, three.answered, three.silent].map(|id| store.load(id).unwrap().stage)
}

fn sent() -> Receipt {
    Receipt::Mail {
        answer: "250".to_owned(),
    }
}

/// Freezes, claims and ends a delivery well.
fn deliver(store: &Store, delivery: DeliveryId) {
    let row = store.delivery(delivery).unwrap();
    let (id, receipt) = match row.kind {
        DeliveryKind::Reply => (message_id(&format!("{delivery}@bot")), sent()),
        _ => (marker(&format!("m{delivery}")), done()),
    };
    store.freeze(delivery, b"bytes", &id, NOW).unwrap();
    claim(store, delivery, NOW).unwrap();
    store.finish(delivery, Finish::Done(&receipt), NOW).unwrap();
}

#[test]
fn one_decision_settles_all_it_names() {
    let store = store();
    let three = three(&store);
    assert_eq!(stages(&store, &three)[1..], [Stage::Attached; 2]);
    assert!(
        store.due(NOW, 9).unwrap().is_empty(),
        "nobody works on them"
    );
    assert_eq!(store.leaders().unwrap(), [three.leader]);
    let by_anna = by_anna(three.leader, &three.revised);
    let decided = store.approve(&by_anna, NOW).unwrap();
    assert_eq!(decided.deliveries, 3, "a report and two replies");
    assert!(store.is_settled_along(three.silent).unwrap());
    assert!(!store.is_settled_along(three.leader).unwrap());
    let rows = store.load(three.leader).unwrap().deliveries;
    let answers: Vec<_> = rows.iter().map(|row| (row.position, row.answers)).collect();
    assert_eq!(answers, [(0, None), (1, None), (2, Some(three.answered))]);
    let [open, own, other] = ids(&store, three.leader).try_into().unwrap();
    // Neither reply before the report it names.
    assert_eq!(store.due_deliveries(NOW, 9).unwrap().len(), 1);
    store
        .freeze(other, b"bytes", &message_id("early@bot"), NOW)
        .unwrap();
    claim(&store, other, NOW).unwrap_err();
    deliver(&store, open);
    assert_eq!(stages(&store, &three)[1..], [Stage::Attached; 2]);
    // In any order among themselves.
    deliver(&store, other);
    let together = Stage::Closed(ClosedReason::SettledTogether);
    assert_eq!(
        stages(&store, &three),
        [Stage::Approved, together, Stage::Attached]
    );
    deliver(&store, own);
    assert_eq!(
        stages(&store, &three),
        [Stage::Delivered, together, together]
    );
    let counted = |id| {
        let scope = LedgerScope::Notification(id);
        store
            .ledger_count(DeliveryKind::Reply, scope, 0, DeliveryId(0))
            .unwrap()
    };
    assert_eq!(
        [three.leader, three.answered, three.silent].map(counted),
        [1, 1, 0]
    );
    let note = |id| store.load(id).unwrap().closed.unwrap().note;
    assert_eq!(note(three.answered), "answered along with 1");
    assert_eq!(note(three.silent), "the reply to 1 speaks for it");
    // It was answered: once is enough.
    let refused = store.start_over(three.answered, "anna", NOW).unwrap_err();
    assert!(
        matches!(refused, NotDecided::AlreadyDecided { .. }),
        "{refused}"
    );
    store.start_over(three.silent, "anna", NOW).unwrap();
    assert_eq!(store.load(three.silent).unwrap().stage, Stage::Received);
}

#[test]
fn a_rejection_closes_those_it_names_and_no_others() {
    let store = store();
    let three = three(&store);
    let late = matched(&store, 4);
    store.attach(late, three.leader, "later", NOW).unwrap();
    let no = NewDecision {
        reason: "no bug",
        ..by_anna(three.leader, &three.revised)
    };
    store.reject(&no, NOW).unwrap();
    let together = Stage::Closed(ClosedReason::SettledTogether);
    assert_eq!(
        stages(&store, &three),
        [Stage::Closed(ClosedReason::Rejected), together, together]
    );
    let note = store.load(three.silent).unwrap().closed.unwrap().note;
    assert_eq!(note, "rejected by anna: no bug (along with 1)");
    assert_eq!(store.load(late).unwrap().stage, Stage::Attached);
    store.detach(late, "1 is closed", NOW).unwrap();
    assert_eq!(store.load(late).unwrap().stage, Stage::Parsed);
    assert_eq!(store.due(NOW, 9).unwrap(), [late]);
}

#[test]
fn the_digest_covers_who_is_settled_and_with_which_words() {
    let [a, b] = [NotificationId(2), NotificationId(3)];
    let one = together(a, b);
    let mut other = one.clone();
    other.along[0].reply = Some(reply("other words"));
    assert_ne!(one.digest(), other.digest());
    let mut fewer = one.clone();
    fewer.along.pop();
    assert_ne!(one.digest(), fewer.digest());
    // Without any it is what it was before there could be some.
    fewer.along.clear();
    fewer.incidents = vec![vec![1]];
    let before = r#"{"actions":[],"reply":null,"warnings":[]}"#;
    let before: Draft = serde_json::from_str(before).unwrap();
    assert_eq!(
        before.digest(),
        "bb5bb1b3a77487eecdeb0af136abad36d6d9d84ba2480015de68f2e21a70372a"
    );
    let json = serde_json::to_string(&before).unwrap();
    assert!(!json.contains("along"), "{json}");
}

#[test]
fn nothing_answers_whom_the_approved_draft_does_not_name() {
    let store = store();
    let three = three(&store);
    let late = matched(&store, 4);
    store.attach(late, three.leader, "later", NOW).unwrap();
    let by_anna = by_anna(three.leader, &three.revised);
    store.approve(&by_anna, NOW).unwrap();
    assert!(!store.is_settled_along(late).unwrap());
    for (answers, position) in [(late, 7), (three.silent, 8), (three.answered, 9)] {
        let refused = store
            .connection
            .execute(
                "INSERT INTO deliveries
                     (notification, revision, position, kind, decision, due_at, answers)
                 VALUES (1, 2, ?2, 'reply', 1, 0, ?1)",
                rusqlite::params![answers, position],
            )
            .unwrap_err();
        let words = refused.to_string();
        let expected = match answers == three.answered {
            true => "exists already",
            false => "does not answer that",
        };
        assert!(words.contains(expected), "{words}");
    }
    let refused = store
        .connection
        .execute("INSERT INTO settled_along VALUES (1, ?1)", [late])
        .unwrap_err();
    assert!(refused.to_string().contains("does not name"), "{refused}");
    // Who is answered along cannot leave; who is not can.
    store.detach(three.answered, "", NOW).unwrap_err();
    store
        .connection
        .execute(
            "UPDATE notifications SET attached_to = NULL WHERE id = ?1",
            [three.answered],
        )
        .unwrap_err();
    store.detach(late, "", NOW).unwrap();
}

#[test]
fn who_was_answered_or_taken_out_meanwhile_is_left_out() {
    let store = store();
    let three = three(&store);
    let reason = ClosedReason::AnsweredByHuman;
    store
        .close_notification(three.answered, reason, "Grace did", NOW)
        .unwrap();
    store
        .hold(three.silent, "another thing", "ben", NOW)
        .unwrap();
    let by_anna = by_anna(three.leader, &three.revised);
    let decided = store.approve(&by_anna, NOW).unwrap();
    assert_eq!(decided.deliveries, 2);
    let attached = store.attached_to(three.leader).unwrap();
    assert_eq!(attached.len(), 1);
    assert!(attached[0].held && !attached[0].settled);
    for delivery in ids(&store, three.leader) {
        deliver(&store, delivery);
    }
    assert_eq!(store.load(three.silent).unwrap().stage, Stage::Attached);
}

#[test]
fn an_answer_to_a_held_notification_waits_alone() {
    let store = store();
    let three = three(&store);
    let by_anna = by_anna(three.leader, &three.revised);
    store.approve(&by_anna, NOW).unwrap();
    let [open, own, other] = ids(&store, three.leader).try_into().unwrap();
    deliver(&store, open);
    store.hold(three.answered, "wait", "ben", NOW).unwrap();
    let due = store.due_deliveries(NOW, 9).unwrap();
    assert_eq!(due.iter().map(|row| row.id).collect::<Vec<_>>(), [own]);
    store
        .freeze(other, b"bytes", &message_id("other@bot"), NOW)
        .unwrap();
    let refused = claim(&store, other, NOW).unwrap_err();
    assert!(refused.to_string().contains("held: wait"), "{refused}");
    store.release(three.answered, "ben", NOW).unwrap();
    claim(&store, other, NOW).unwrap();
}

#[test]
fn a_report_that_is_refused_takes_all_back_with_it() {
    let store = store();
    let three = three(&store);
    let anna = by_anna(three.leader, &three.revised);
    store.approve(&anna, NOW).unwrap();
    let [open, ..]: [DeliveryId; 3] = ids(&store, three.leader).try_into().unwrap();
    store.freeze(open, b"open", &marker("m"), NOW).unwrap();
    claim(&store, open, NOW).unwrap();
    store
        .finish(open, Finish::Failed { why: "403" }, NOW)
        .unwrap();
    let undeliverable = Stage::Closed(ClosedReason::Undeliverable);
    assert_eq!(
        stages(&store, &three),
        [undeliverable, Stage::Attached, Stage::Attached]
    );
    // Decided anew: the others are still there, and answered once.
    store.start_over(three.leader, "anna", NOW).unwrap();
    assert!(!store.is_settled_along(three.answered).unwrap());
    store.record_reading(three.leader, &reading(), NOW).unwrap();
    store
        .record_verdicts(three.leader, &verdicts(), NOW)
        .unwrap();
    let first = store.record_draft(three.leader, &draft(), NOW).unwrap();
    let draft = together(three.answered, three.silent);
    let again = store
        .draft_anew(three.leader, first.revision, &draft, NOW)
        .unwrap();
    store.approve(&by_anna(three.leader, &again), NOW).unwrap();
    let rows = store.load(three.leader).unwrap().deliveries;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.withdrawn_before == 1));
}

#[test]
fn an_answer_that_is_refused_leaves_the_others_alone() {
    let store = store();
    let three = three(&store);
    let by_anna = by_anna(three.leader, &three.revised);
    store.approve(&by_anna, NOW).unwrap();
    let [open, own, other] = ids(&store, three.leader).try_into().unwrap();
    deliver(&store, open);
    store
        .freeze(own, b"bytes", &message_id("own@bot"), NOW)
        .unwrap();
    claim(&store, own, NOW).unwrap();
    store
        .finish(own, Finish::Failed { why: "550" }, NOW)
        .unwrap();
    assert_eq!(store.load(three.leader).unwrap().stage, Stage::Approved);
    deliver(&store, other);
    let row = store.load(three.leader).unwrap();
    assert_eq!(row.stage, Stage::Closed(ClosedReason::Undeliverable));
    assert_eq!(row.deliveries[1].state, DeliveryState::Failed);
    assert_eq!(store.load(three.silent).unwrap().stage, Stage::Attached);
    store.resolve(own, &Resolution::GiveUp, "ben", NOW).unwrap();
    store.settle_with(three.silent, "given up", NOW).unwrap();
    let row = store.load(three.silent).unwrap();
    assert_eq!(row.stage, Stage::Closed(ClosedReason::SettledTogether));
}

#[test]
fn the_program_never_writes_over_a_persons_words() {
    let store = store();
    let three = three(&store);
    let text = Draft {
        actions: Vec::new(),
        ..together(three.answered, three.silent)
    };
    let edited = store
        .revise(
            &by_anna(three.leader, &three.revised),
            Change::Edit,
            &text,
            NOW,
        )
        .unwrap();
    for shown in [three.revised.revision, edited.revision] {
        store
            .draft_anew(three.leader, shown, &draft(), NOW)
            .unwrap_err();
    }
    let row = store.load(three.leader).unwrap();
    assert_eq!(row.draft.unwrap().made_by, "anna");
    // The old revision, that of the program, is stale.
    let by_ben = by_anna(three.leader, &three.revised);
    let refused = store.approve(&by_ben, NOW).unwrap_err();
    assert!(matches!(refused, NotDecided::Revised { .. }), "{refused}");
    assert_ne!(PROGRAM, "anna");
}
