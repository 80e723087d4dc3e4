use super::*;
use crate::domain::life::{ClosedReason, Stage};
use crate::domain::notification::{Build, BuildLink, BuildResult, CiSystem};
use crate::store::{Filed, NotDecided};

fn build(number: u64) -> Build {
    Build {
        link: Some(BuildLink {
            url: format!("https://ci.example/#/builders/1/builds/{number}"),
            ci: CiSystem::Buildbot,
            base: "https://ci.example/".to_owned(),
            builder: "1".to_owned(),
            number,
            name: None,
        }),
        ..Build::bare(CiSystem::Buildbot, "A".to_owned(), BuildResult::Failure)
    }
}

fn file(store: &Store, key: &str, number: u64) -> Taken {
    let filed = Filed {
        build: build(number),
        who: "anna".to_owned(),
    };
    let mut reading = reading();
    reading.notification.builds.push(build(number));
    store.file_build(key, &filed, &reading, NOW).unwrap()
}

fn filed(store: &Store, key: &str, number: u64) -> NotificationId {
    match file(store, key, number) {
        Taken::New(id) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_build_is_filed_once_and_found_by_its_number() {
    let store = store();
    take_in(&store, 1);
    let id = filed(&store, "a", 12);
    assert_eq!(file(&store, "a", 12), Taken::Known(id));
    let row = store.load(id).unwrap();
    assert_eq!(row.stage, Stage::Parsed);
    assert_eq!(row.filed.unwrap().build, build(12));
    assert!(store.load(NotificationId(1)).unwrap().filed.is_none());
    let other = filed(&store, "b", 125);
    let found = store.telling_of(12).unwrap();
    let ids: Vec<_> = found
        .iter()
        .map(|(id, _, is_filed)| (*id, *is_filed))
        .collect();
    assert_eq!(
        ids,
        [(id, true), (other, true)],
        "what begins alike is found, too"
    );
    assert!(store.telling_of(9).unwrap().is_empty());
    // It is no mail.
    assert_eq!(store.last_received(9).unwrap().len(), 1);
    let trail = store.trail(id).unwrap();
    assert_eq!((&*trail[0].who, &*trail[0].what), ("anna", "filed"));
}

#[test]
fn nobody_is_answered_for_it() {
    let store = store();
    let id = filed(&store, "a", 12);
    store.record_verdicts(id, &verdicts(), NOW).unwrap();
    let revised = store.record_draft(id, &draft(), NOW).unwrap();
    let refused = store.approve(&by_anna(id, &revised), NOW);
    assert!(
        matches!(&refused, Err(NotDecided::Store(error))
        if error.to_string().contains("nobody mailed")),
        "{refused:?}"
    );
    let without = Draft {
        reply: None,
        ..draft()
    };
    let change = crate::store::Change::Edit;
    let revised = store.revise(&by_anna(id, &revised), change, &without, NOW);
    store.approve(&by_anna(id, &revised.unwrap()), NOW).unwrap();
}

#[test]
fn a_mail_takes_its_place_until_it_is_decided() {
    let store = store();
    let [one, two] = [("a", 12), ("b", 13)].map(|(key, number)| filed(&store, key, number));
    let mail = take_in(&store, 1);
    store.supersede(one, mail, NOW).unwrap();
    let superseded = Stage::Closed(ClosedReason::Superseded);
    assert_eq!(store.load(one).unwrap().stage, superseded);
    store.supersede(one, mail, NOW).unwrap_err();
    store.record_verdicts(two, &verdicts(), NOW).unwrap();
    let revised = store.record_draft(two, &draft(), NOW).unwrap();
    store.reject(&by_anna(two, &revised), NOW).unwrap();
    store.supersede(two, mail, NOW).unwrap_err();
}

#[test]
fn what_is_noted_is_noted_once_until_it_is_done() {
    let store = Store::open_in_memory().unwrap();
    let noted = store.note_filing("http://x/1", "Ada", NOW).unwrap();
    assert_eq!(
        store.note_filing("http://x/1", "Ada", NOW + 1).unwrap(),
        noted
    );
    let left = |moment| store.filings_noted_before(moment).unwrap();
    assert_eq!(left(NOW - 1), []);
    assert_eq!(left(NOW), std::slice::from_ref(&noted));
    assert_eq!(store.count_filing(noted.id, NOW + 5).unwrap(), 1);
    assert_eq!(left(NOW), [], "somebody is at it");
    assert_eq!(store.count_filing(noted.id, NOW + 6).unwrap(), 2);
    store.end_filing(noted.id, "7", NOW + 7).unwrap();
    assert_eq!(left(NOW + 9), []);
    let again = store.note_filing("http://x/1", "Ada", NOW + 8).unwrap();
    assert_ne!(again.id, noted.id);
}
