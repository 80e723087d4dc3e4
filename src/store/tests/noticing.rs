use rusqlite::Connection;

use super::*;
use crate::domain::alert::REMINDER;
use crate::domain::draft::Along;
use crate::domain::life::{ClosedReason, Stage};
use crate::domain::notification::{Build, BuildLink, BuildResult, CiSystem};
use crate::store::{ListFilter, PROGRAM, Recoveries, open};

/// `3.x` of a builder, in a build of this number; 0 is none that was told.
fn build(builder: &str, number: u64) -> Build {
    Build {
        branch: Some("3.x".to_owned()),
        link: (number > 0).then(|| BuildLink {
            url: format!("https://b.example/#/builders/1/builds/{number}"),
            ci: CiSystem::Buildbot,
            base: "https://b.example/".to_owned(),
            builder: "1".to_owned(),
            number,
            name: None,
        }),
        ..Build::bare(CiSystem::Buildbot, builder.to_owned(), BuildResult::Failure)
    }
}

/// A draft about failures of these builds.
fn failed(store: &Store, n: i64, builds: &[Build]) -> NotificationId {
    let id = take_in(store, n);
    let mut reading = reading();
    reading.notification.builds = builds.to_vec();
    store.record_reading(id, &reading, NOW).unwrap();
    store.record_verdicts(id, &verdicts(), NOW).unwrap();
    store.record_draft(id, &draft(), NOW).unwrap();
    id
}

fn passed(store: &Store, n: i64, build: Build) -> NotificationId {
    let id = take_in(store, n);
    store.note_passed(id, &[build]).unwrap();
    let reason = ClosedReason::Recovered;
    store.close_notification(id, reason, "passes", NOW).unwrap();
    id
}

/// `a@12, b@13; 1 failing`.
#[track_caller]
fn check(store: &Store, id: NotificationId, expect: &str) {
    let Recoveries { recovered, failing } = store.recoveries(id).unwrap();
    let told: Vec<String> = recovered
        .iter()
        .map(|it| format!("{}@{}", it.builder, it.build))
        .collect();
    let found = format!("{}; {failing} failing", told.join(", "));
    assert_eq!(found, expect);
}

#[test]
fn the_last_that_was_heard_of_a_builder_counts() {
    let store = store();
    let id = failed(&store, 1, &[build("a", 10), build("b", 20)]);
    check(&store, id, "; 2 failing");
    passed(&store, 2, build("a", 11));
    check(&store, id, "a@11; 1 failing");
    // Another branch of a builder of the same name is another one.
    let other = Build {
        branch: Some("3.14".to_owned()),
        ..build("b", 30)
    };
    passed(&store, 3, other);
    check(&store, id, "a@11; 1 failing");
    passed(&store, 4, build("b", 21));
    check(&store, id, "a@11, b@21; 0 failing");
    assert!(store.recoveries(id).unwrap().is_whole());
    // It fails again, and its mark is gone; the new draft has none either.
    let again = failed(&store, 5, &[build("a", 12)]);
    check(&store, id, "b@21; 1 failing");
    check(&store, again, "; 1 failing");
    passed(&store, 6, build("a", 13));
    check(&store, id, "a@13, b@21; 0 failing");
    assert_eq!(store.recoveries(id).unwrap().recovered[0].at, NOW);
}

#[test]
fn an_older_build_that_passed_says_nothing() {
    let store = store();
    let id = failed(&store, 1, &[build("a", 10)]);
    passed(&store, 2, build("a", 9));
    check(&store, id, "; 1 failing");
    let untold = failed(&store, 3, &[build("c", 0)]);
    assert_eq!(store.perhaps_recovered().unwrap(), [id]);
    passed(&store, 4, build("c", 0));
    check(&store, untold, "c@; 0 failing");
    assert_eq!(store.perhaps_recovered().unwrap(), [id, untold]);
}

/// A draft with another notification attached to it.
fn two(store: &Store) -> (NotificationId, NotificationId, u32) {
    let leader = failed(store, 1, &[build("a", 10)]);
    let along = take_in(store, 2);
    let mut reading = reading();
    reading.notification.builds = vec![build("b", 20)];
    store.record_reading(along, &reading, NOW).unwrap();
    store.record_verdicts(along, &verdicts(), NOW).unwrap();
    store
        .attach(along, leader, "the same failures", NOW)
        .unwrap();
    let both = Draft {
        along: vec![Along {
            notification: along.0,
            reply: None,
        }],
        ..draft()
    };
    let revised = store.draft_anew(leader, 1, &both, NOW + 100).unwrap();
    (leader, along, revised.revision)
}

#[test]
fn those_that_are_attached_count_too_and_are_closed_along() {
    let store = store();
    let (leader, along, revision) = two(&store);
    passed(&store, 3, build("a", 11));
    check(&store, leader, "a@11; 1 failing");
    passed(&store, 4, build("b", 21));
    check(&store, leader, "a@11, b@21; 0 failing");

    let close = |revision| {
        let reason = ClosedReason::Recovered;
        store
            .close_undecided(leader, revision, reason, "they pass", NOW)
            .unwrap()
    };
    assert!(!close(revision - 1), "another revision was looked at");
    store.hold(leader, "wait", "anna", NOW).unwrap();
    assert!(!close(revision), "somebody holds it");
    store.release(leader, "anna", NOW).unwrap();
    assert!(close(revision));
    assert!(!close(revision), "it is closed already");
    let stage = |id| store.load(id).unwrap().stage;
    assert_eq!(stage(leader), Stage::Closed(ClosedReason::Recovered));
    assert_eq!(stage(along), Stage::Closed(ClosedReason::SettledTogether));
    for id in [leader, along] {
        let trail = store.trail(id).unwrap();
        let last = trail.last().unwrap();
        assert_eq!((last.who.as_str(), last.what.as_str()), (PROGRAM, "closed"));
        assert!(last.detail.contains("they pass"), "{}", last.detail);
    }
    // Either can be brought back.
    for id in [leader, along] {
        store.start_over(id, "anna", NOW).unwrap();
        assert_eq!(stage(id), Stage::Received);
    }
}

#[test]
fn texts_that_nobody_touched_grow_old_and_no_others() {
    let store = store();
    let (leader, _, revision) = two(&store);
    let approved = approved(&store, 5);
    let (held, _) = drafted(&store, 6);
    store.hold(held, "wait", "anna", NOW).unwrap();
    assert_eq!(store.drafts_made_before(NOW + 99, 9).unwrap(), []);
    let old = store.drafts_made_before(NOW + 100, 9).unwrap();
    assert_eq!(old, [(leader, revision)]);
    let expired = ClosedReason::Expired;
    assert!(
        !store
            .close_undecided(approved, 1, expired, "late", NOW)
            .unwrap()
    );
    assert_eq!(store.load(approved).unwrap().stage, Stage::Approved);
    assert!(
        store
            .close_undecided(leader, revision, expired, "late", NOW)
            .unwrap()
    );

    // What is brought back is drafted anew, and has all its time again.
    store.start_over(leader, "anna", NOW + 200).unwrap();
    store.record_reading(leader, &reading(), NOW + 200).unwrap();
    store
        .record_verdicts(leader, &verdicts(), NOW + 200)
        .unwrap();
    store.record_draft(leader, &draft(), NOW + 200).unwrap();
    assert_eq!(store.drafts_made_before(NOW + 100, 9).unwrap(), []);
    assert_eq!(store.list(ListFilter::ToDecide, 9).unwrap(), [leader]);
}

#[test]
fn what_was_told_stays_told_on_its_channel() {
    let store = store();
    let log = |target: &str, now| {
        let keys = ["draft 1", "draft 2", REMINDER];
        store.alert_log(target, keys.into_iter(), now).unwrap()
    };
    let keys = |keys: &[&str]| -> Vec<String> { keys.iter().map(|it| (*it).to_owned()).collect() };
    store
        .begin_alert("irc", &keys(&["draft 1", REMINDER]), NOW)
        .unwrap();
    let found = log("irc", NOW + 10);
    assert_eq!(
        found.told,
        keys(&["draft 1", REMINDER]).into_iter().collect()
    );
    assert_eq!((found.sent, found.reminded), (vec![NOW], Some(NOW)));
    assert_eq!(log("webhook a", NOW), crate::domain::alert::Log::default());

    // What did not arrive was not told, and does not count.
    let lost = store
        .begin_alert("irc", &keys(&["draft 2"]), NOW + 20)
        .unwrap();
    assert!(log("irc", NOW + 20).told.contains("draft 2"));
    store.take_back_alert(lost).unwrap();
    let found = log("irc", NOW + 20);
    assert!(!found.told.contains("draft 2"));
    assert_eq!(found.sent, [NOW]);

    // An hour is over, or the clock went back.
    assert!(log("irc", NOW + 3600).sent.is_empty());
    let before = log("irc", NOW - 10);
    assert!(before.sent.is_empty() && before.reminded.is_none());
    assert!(before.told.contains("draft 1"), "whatever the clock says");
    store
        .begin_alert("irc", &keys(&[REMINDER]), NOW + 7200)
        .unwrap();
    assert_eq!(log("irc", NOW + 7200).reminded, Some(NOW + 7200));
}

#[test]
fn troubles_of_channels_stand_beside_those_of_services() {
    let store = store();
    let target = "webhook team";
    assert!(store.note_alert_trouble(target, "500 no", NOW).unwrap());
    assert!(
        !store
            .note_alert_trouble(target, "502\nno", NOW + 5)
            .unwrap()
    );
    store.note_alert_trouble("irc", "banned", NOW).unwrap();
    let troubles = store.troubles().unwrap();
    let told: Vec<(&str, &str)> = troubles
        .iter()
        .map(|it| (it.service.as_str(), it.words.as_str()))
        .collect();
    assert_eq!(told, [("irc", "banned"), (target, "502 no")]);
    assert_eq!(troubles[1].since, NOW);
    store.keep_alert_troubles(&[target.to_owned()]).unwrap();
    assert_eq!(store.troubles().unwrap().len(), 1);
    assert!(store.clear_alert_trouble(target).unwrap());
    assert!(!store.clear_alert_trouble(target).unwrap());
}

#[test]
fn who_waits_waits_since_the_first_draft() {
    let store = store();
    let (leader, along, _) = two(&store);
    let (held, _) = drafted(&store, 6);
    store.hold(held, "wait", "anna", NOW).unwrap();
    assert_eq!(store.waiting_drafts().unwrap(), [(leader, NOW)]);
    assert_eq!(store.load(along).unwrap().stage, Stage::Attached);
}

/// The builds of mails that were read before count as failed.
#[test]
fn how_builds_went_is_read_from_older_rows() {
    let mut connection = Connection::open_in_memory().unwrap();
    open::migrate(&mut connection, &open::MIGRATIONS[..7]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO notifications (id, content_key, mailbox, received_at, truncated)
             VALUES (3, 'k3', 'list', 1700000003, 0)",
        )
        .unwrap();
    let build = |more: &str| {
        format!(
            r#"{{"builder":"B 3.x","result":"failure","state":null,"worker":null,"project":null,
                "revision":null,"blamelist":[],"failures":[],"read_from":"body",{more}}}"#
        )
    };
    let link = r#"{"url":"u","base":"b","builder":"1","number":7,"name":"7.1"}"#;
    let builds = [
        build(r#""branch":"3.x","link":null"#),
        build(&format!(r#""branch":null,"ci":"travis","link":{link}"#)),
    ];
    let reading = format!(r#"{{"notification":{{"builds":[{}]}}}}"#, builds.join(","));
    connection
        .execute(
            "UPDATE notifications SET reading = ?1 WHERE id = 3",
            [reading],
        )
        .unwrap();
    let store = Store::set_up(connection).unwrap();
    let mut statement = store
        .connection
        .prepare("SELECT ci, builder, branch, number, shown, passed FROM build_outcomes ORDER BY 1")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let words: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        Ok(format!(
            "{} {} {} {} {}",
            words.join("|"),
            row.get::<_, i64>(3)?,
            row.get::<_, String>(4)?,
            row.get::<_, bool>(5)?,
            row.get::<_, i64>(5)?
        ))
    });
    let rows: Vec<String> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(
        rows,
        [
            "buildbot|B 3.x|3.x 0  false 0",
            "travis|B 3.x| 7 7.1 false 0"
        ]
    );
}
