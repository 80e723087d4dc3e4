use super::*;
use crate::domain::failure::FailureKind;
use crate::domain::life::Stage;
use crate::domain::policy::auto::Moment;
use crate::store::{
    AutoState, Change, DecisionId, DecisionKind, DeliveryKind, NotDecided, Occurrence, PROGRAM,
    PairWord, Switch,
};

const KNOWN: (&str, &str) = ("known", "digest");

fn by_rule(id: NotificationId, revised: &Revised) -> NewDecision<'_> {
    NewDecision {
        who: PROGRAM,
        reason: "strong",
        auto_rule: Some("known"),
        ..by_anna(id, revised)
    }
}

/// The draft in words that name the rule.
fn named() -> Draft {
    let mut draft = draft();
    draft.reply = draft.reply.map(|reply| Reply {
        body: "By the rule known.".to_owned(),
        ..reply
    });
    draft
}

fn turn_on(store: &Store) {
    store
        .set_auto_rule(KNOWN, AutoState::On, "20 of 20 right", NOW)
        .unwrap();
}

fn trail(store: &Store) -> Vec<String> {
    let lines = store.recent_trail(50).unwrap();
    let of_rules = lines.into_iter().filter(|line| line.what == "auto rule");
    of_rules.map(|line| line.detail).collect()
}

#[test]
fn a_rule_approves_what_names_it_and_is_named_everywhere() {
    let store = store();
    turn_on(&store);
    let (id, shown) = drafted(&store, 1);
    let decided = store
        .approve_by_rule(&by_rule(id, &shown), &named(), NOW + 5)
        .unwrap();
    assert_eq!(decided.deliveries, 3);
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Approved);
    let decision = row.decision.unwrap();
    assert_eq!(decision.kind, DecisionKind::Approve);
    assert_eq!(decision.auto_rule.as_deref(), Some("known"));
    assert_eq!((decision.who.as_str(), decision.revision), (PROGRAM, 2));
    let current = row.draft.unwrap();
    assert_eq!(current.draft, named());
    assert_eq!(current.made_by, PROGRAM);
    assert_eq!(decision.digest, current.digest);
    assert!(row.deliveries.iter().all(|it| it.digest == current.digest));
    let trail = store.trail(id).unwrap();
    let line = trail.iter().find(|line| line.what == "approved").unwrap();
    assert!(line.detail.contains("rule known: strong"), "{line:?}");
    assert_eq!(
        store.rule_behind(decided.decision).unwrap(),
        Some(("known".to_owned(), NOW + 5))
    );
    assert_eq!(store.left_to_come(DeliveryKind::Reply).unwrap(), 1);
    // It is no person's approval.
    assert!(store.approvers_since(0).unwrap().is_empty());
    assert!(store.decided_by_people().unwrap().is_empty());
    assert_eq!(
        store.decided_by_rule("known").unwrap(),
        [(id, decided.decision)]
    );
    // A person is told who was faster.
    let refused = store.approve(&by_anna(id, &shown), NOW + 6).unwrap_err();
    assert!(matches!(refused, NotDecided::AlreadyDecided { .. }));
}

#[test]
fn a_rule_that_is_not_on_decides_nothing() {
    let store = store();
    let (id, shown) = drafted(&store, 1);
    let refuse = |store: &Store| {
        let refused = store
            .approve_by_rule(&by_rule(id, &shown), &named(), NOW)
            .unwrap_err();
        // The whole transaction is undone.
        assert_eq!(store.drafts(id).unwrap().len(), 1, "{refused}");
        assert_eq!(store.load(id).unwrap().stage, Stage::Drafted);
        refused
    };
    let told = refuse(&store);
    assert!(format!("{told:#}").contains("the rule is not on"), "{told}");
    for state in [AutoState::Waiting, AutoState::Suspended] {
        store.set_auto_rule(KNOWN, state, "why", NOW).unwrap();
        refuse(&store);
    }
    turn_on(&store);
    for switch in [Switch::Stop, Switch::Pause] {
        store.switch_on(switch, "a loop", "anna", NOW).unwrap();
        let told = refuse(&store);
        assert!(told.to_string().contains("a loop"), "{told}");
        store.switch_off(switch, "anna", NOW).unwrap();
    }
    store.hold(id, "later", "anna", NOW).unwrap();
    assert!(matches!(refuse(&store), NotDecided::Held { .. }));
    store.release(id, "anna", NOW).unwrap();
    store
        .approve_by_rule(&by_rule(id, &shown), &named(), NOW)
        .unwrap();
}

#[test]
fn a_rule_never_decides_on_what_a_person_changed() {
    let store = store();
    turn_on(&store);
    let (id, shown) = drafted(&store, 1);
    let edited = store
        .revise(&by_anna(id, &shown), Change::Edit, &named(), NOW)
        .unwrap();
    for revised in [&shown, &edited] {
        let refused = store
            .approve_by_rule(&by_rule(id, revised), &named(), NOW)
            .unwrap_err();
        let NotDecided::Revised { made_by, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!(made_by, "anna");
    }
    assert!(store.undecided_since(0, 9).unwrap().is_empty());
}

#[test]
fn how_a_rule_stands_is_kept_with_a_record() {
    let store = store();
    let set = |state, why, at| store.set_auto_rule(KNOWN, state, why, at).unwrap();
    set(AutoState::Waiting, "3 of 20", NOW);
    set(AutoState::Waiting, "4 of 20", NOW + 1);
    let row = store.auto_rule("known").unwrap().unwrap();
    assert_eq!((row.why.as_str(), row.since), ("4 of 20", NOW));
    set(AutoState::On, "20 of 20", NOW + 2);
    assert_eq!(store.auto_rule("known").unwrap().unwrap().since, NOW + 2);
    assert_eq!(store.resume_auto_rule("known", "anna", NOW).unwrap(), None);
    set(AutoState::Suspended, "20 of 22", NOW + 3);
    // It is kept in mind although nobody means it to act for a while.
    store.forget_auto_rules(&[], NOW + 4).unwrap();
    let was = store.resume_auto_rule("known", "anna", NOW + 5).unwrap();
    assert_eq!(was.unwrap().state, AutoState::Suspended);
    assert_eq!(store.auto_rule("known").unwrap(), None);
    set(AutoState::On, "20 of 20", NOW + 6);
    // Another rule by the same name begins anew.
    store
        .set_auto_rule(("known", "other"), AutoState::On, "flag", NOW + 7)
        .unwrap();
    assert_eq!(store.auto_rule("known").unwrap().unwrap().since, NOW + 7);
    store.forget_auto_rules(&["else"], NOW + 8).unwrap();
    assert!(store.auto_rules().unwrap().is_empty());
    let told = trail(&store);
    let begins = [
        "known is not meant to act any more",
        "known is on: flag",
        "known is on: 20 of 20",
        "known may go on",
        "known went back to shadow until a person lets it go on: 20 of 22",
        "known is on: 20 of 20",
        "known is in shadow: 3 of 20",
    ];
    assert_eq!(told.len(), begins.len(), "{told:?}");
    for (line, begin) in told.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line} {begin}");
    }
}

fn failure(signature: &str) -> crate::domain::failure::Failure {
    let failure = serde_json::json!({
        "test": { "file": "test_os", "class": "T", "method": "test_a", "subtest": null },
        "kind": "failure", "exception": null, "message": null, "line": null, "excerpt": [],
        "signature": signature, "flaky": false
    });
    serde_json::from_value(failure).unwrap()
}

/// A draft that comments on 7 for an incident.
fn commenting(store: &Store, n: i64) -> (NotificationId, Revised) {
    let id = matched(store, n);
    let failure = failure("s");
    let occurrence = Occurrence {
        index: 0,
        failure: &failure,
        builder: "B",
        revision: None,
    };
    store.note_occurrences(id, &[occurrence], NOW).unwrap();
    let incident = store.incidents_of(id).unwrap()[&0];
    let text = Draft {
        actions: vec![Action::Comment {
            issue: issue_ref(7),
            body: "Again.".to_owned(),
        }],
        incidents: vec![vec![incident.0]],
        ..draft()
    };
    (id, store.record_draft(id, &text, NOW).unwrap())
}

#[test]
fn what_people_approved_is_known_from_the_decision_on() {
    let store = store();
    turn_on(&store);
    let (first, shown) = commenting(&store, 1);
    let one = store.approve(&by_anna(first, &shown), NOW).unwrap();
    let (second, shown) = commenting(&store, 2);
    let text = store.drafts(second).unwrap().remove(0).draft;
    store
        .approve_by_rule(&by_rule(second, &shown), &text, NOW)
        .unwrap();
    let (third, shown) = commenting(&store, 3);
    let three = store.approve(&by_anna(third, &shown), NOW).unwrap();
    let incident = store.incidents_of(first).unwrap()[&0].0;
    let past = store.past("t").unwrap();
    let before = |decision: DecisionId| Moment {
        notification: 99,
        before: decision.0,
    };
    assert_eq!(past.approved(incident, 7, before(one.decision)), 0);
    assert_eq!(past.approved(incident, 7, before(three.decision)), 1);
    // The rule's approval is none of them.
    assert_eq!(past.approved(incident, 7, Moment::now(99)), 2);
    assert_eq!(past.opened(FailureKind::TestFailed, Moment::now(99)), 0);
    let people: Vec<_> = store.decided_by_people().unwrap();
    assert_eq!(people, [(first, one.decision), (third, three.decision)]);
}

#[test]
fn every_word_is_kept_although_the_last_one_counts() {
    let store = store();
    let mirror = store.mirror("t");
    let say = |word| {
        let failure = failure("s");
        mirror
            .record_pair(&failure, 7, word, None, "anna", NOW)
            .unwrap();
    };
    let (id, shown) = commenting(&store, 1);
    say(PairWord::Confirmed);
    let decided = store.approve(&by_anna(id, &shown), NOW).unwrap();
    say(PairWord::Rejected);
    assert_eq!(mirror.pairs(&failure("s").signature).unwrap().len(), 1);
    let past = store.past("t").unwrap();
    let before = Moment {
        notification: 99,
        before: decided.decision.0,
    };
    assert!(past.knows("s", 7, before));
    assert!(!past.knows("s", 7, Moment::now(99)));
    assert!(!store.past("other").unwrap().knows("s", 7, before));
    assert_ne!(store.mark().unwrap(), {
        say(PairWord::Confirmed);
        store.mark().unwrap()
    });
}

#[test]
fn what_a_rule_commented_on_does_not_make_a_report_the_incidents_own() {
    let store = store();
    turn_on(&store);
    let (id, shown) = commenting(&store, 1);
    let text = store.drafts(id).unwrap().remove(0).draft;
    store
        .approve_by_rule(&by_rule(id, &shown), &text, NOW)
        .unwrap();
    let delivery = store.load(id).unwrap().deliveries.remove(0);
    assert_eq!(delivery.kind, DeliveryKind::Comment);
    store.freeze(delivery.id, b"{}", &marker("m"), NOW).unwrap();
    let digest = store.delivery(delivery.id).unwrap().frozen_digest.unwrap();
    let _claim = store.claim(delivery.id, &digest, &ENTRY, NOW).unwrap();
    let receipt = crate::domain::delivery::Receipt::Issue(issue_ref(7));
    store
        .finish(delivery.id, crate::store::Finish::Done(&receipt), NOW)
        .unwrap();
    let incident = store.incidents_of(id).unwrap()[&0];
    assert!(store.reports_of(incident).unwrap().is_empty());
}
