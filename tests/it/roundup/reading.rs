//! What changes in a tracker, and what it says to those who may not.

use buildbot_watch::domain::delivery::Outcome;
use buildbot_watch::domain::finding::Level;
use buildbot_watch::trackers::{OpenCount, Work};
use serde_json::{Value, json};

use super::{
    act, base, done, fresh_marker, new_issue, open, opened, pass, tracker, tracker_at, worst,
};
use crate::world::{run, world};

#[test]
fn nobody_there_is_later() {
    run(async {
        let tracker = tracker_at("http://127.0.0.1:9/x/", "bbot", "pw");
        let prepared = r#"{"message":"1","post_once":"rest/data/issue/@poe/x"}"#;
        for outcome in [
            tracker
                .prepare(&open("x"), &fresh_marker(), None)
                .await
                .unwrap_err(),
            tracker.perform(&open("x"), &fresh_marker(), prepared).await,
        ] {
            assert!(matches!(outcome, Outcome::Later { .. }), "{outcome:?}");
        }
        // Nobody vouches for this certificate, so nothing is sent.
        let port = world().mail.imaps_port;
        let tls = tracker_at(&format!("https://127.0.0.1:{port}/x/"), "bbot", "pw");
        let outcome = tls.perform(&open("x"), &fresh_marker(), prepared).await;
        let Outcome::Later { why, .. } = &outcome else {
            panic!("{outcome:?}")
        };
        assert!(why.contains("certificate"), "{why}");
        assert_eq!(worst(&tracker.check().await), Level::Bad);
    });
}

#[test]
fn a_wrong_password_is_tried_once_and_a_lock_is_waited_out() {
    run(async {
        let wrong = tracker_at(base("strict"), "bbot", "not the password");
        for _ in 0..6 {
            let later = wrong.prepare(&open("x"), &fresh_marker(), None).await;
            let Err(Outcome::Later { why, after_seconds }) = &later else {
                panic!("{later:?}")
            };
            assert!(why.starts_with("401"), "{why}");
            assert!(after_seconds.is_some_and(|wait| (290..=301).contains(&wait)));
        }
        let said = format!("{wrong:?} {:?}", wrong.check().await);
        assert!(!said.contains("not the password"), "{said}");
        // Four would have locked the account.
        tracker("strict", "bbot").count_open().await.unwrap();

        for _ in 0..5 {
            let impatient = tracker_at(base("strict"), "bbot", "wrong again");
            impatient.count_open().await.unwrap_err();
        }
        let locked = tracker("strict", "bbot");
        let error = locked.count_open().await.unwrap_err();
        let wait: &buildbot_watch::trackers::Wait = error.downcast_ref().unwrap();
        assert!(wait.why.starts_with("429") && wait.seconds > 60, "{wait:?}");
        let later = locked
            .perform(
                &open("x"),
                &fresh_marker(),
                r#"{"message":"1","post_once":"x"}"#,
            )
            .await;
        assert!(
            matches!(
                later,
                Outcome::Later {
                    after_seconds: Some(60..),
                    ..
                }
            ),
            "{later:?}"
        );
    });
}

#[test]
fn a_pass_brings_what_changed_and_nothing_else() {
    run(async {
        let tracker = tracker("t2", "bbot");
        let (_, cursor) = pass(&tracker, None).await;
        let open = async || match tracker.count_open().await.unwrap() {
            Some(OpenCount::Exact(open)) => open,
            other => panic!("{other:?}"),
        };
        let open_before = open().await;
        // More than a page, most of them within one second.
        for number in 0..60 {
            let issue = json!({ "title": format!("bulk {number}") });
            act("t2", "victor", "POST", "issue", issue).await;
        }
        let issue = opened(&tracker, "changes").await;
        let path = format!("issue/{}", issue.number);
        let (issues, cursor) = pass(&tracker, Some(&cursor)).await;
        assert_eq!(issues.len(), 61);
        assert_eq!(open().await, open_before + 61);
        let (issues, cursor) = pass(&tracker, Some(&cursor)).await;
        assert_eq!(issues.len(), 0, "{issues:?}");

        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let text = json!({ "author": "4", "content": "victor's word" });
        let message = act("t2", "victor", "POST", "msg", text).await;
        let edit = json!({ "messages": [message["id"]], "@op": "add" });
        act("t2", "victor", "PATCH", &path, edit).await;
        let close = json!({ "status": "closed", "@op": "replace" });
        act("t2", "victor", "PATCH", &path, close).await;
        let master = json!({ "superseder": ["1"], "resolution": "duplicate", "@op": "replace" });
        act("t2", "admin", "PATCH", &path, master).await;
        let (issues, _) = pass(&tracker, Some(&cursor)).await;
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0].reference(), issue);
        assert!(!issues[0].open);
        assert_eq!(issues[0].body, new_issue("changes").body);
        assert_eq!(issues[0].comments.len(), 1);
        assert_eq!(issues[0].comments[0].author, "victor");
        assert_eq!(issues[0].comments[0].text, "victor's word");
        assert_eq!(issues[0].author, "bbot");
        assert_eq!(issues[0].duplicate_of, Some(1));
        assert_eq!(issues[0].resolution.as_deref(), Some("duplicate"));
        assert_eq!(open().await, open_before + 60);
    });
}

#[test]
fn all_text_finds_words_in_texts() {
    run(async {
        let tracker = tracker("t1", "bbot");
        let word = format!("zork{}", fresh_marker().0.split_off(20));
        let marker = fresh_marker();
        let mut issue = new_issue("title, with \"quotes\"");
        issue.body = format!("test_ignore says {word}");
        let work = Work::Open(issue);
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        let issue = done(tracker.perform(&work, &marker, &prepared).await);
        let hits = tracker.all_text(&["test_ignore", &word]).await.unwrap();
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert_eq!(
            (hits[0].number, hits[0].title.as_str()),
            (issue.number, issue.title.as_str())
        );
        assert!(
            tracker
                .all_text(&["qqnothing", &word])
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn links_to_its_issues_are_read() {
    let tracker = tracker("t1", "bbot");
    assert_eq!(tracker.parse_issue(&tracker.issue_url(7)), Some(7));
    assert_eq!(
        tracker.parse_issue(&format!("{}#msg9", tracker.issue_url(7))),
        Some(7)
    );
    assert_eq!(tracker.parse_issue("#7"), Some(7));
    assert_eq!(tracker.parse_issue("https://bugs.example.org/issue7"), None);
    assert_eq!(tracker.parse_issue("seven"), None);
}

#[test]
fn an_account_that_may_only_read_is_told_so() {
    run(async {
        let reader = tracker("t1", "reader");
        let refused = reader.prepare(&open("x"), &fresh_marker(), None).await;
        let Err(Outcome::Refused { why }) = &refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("Permission to create msg denied"), "{why}");
        assert_eq!(worst(&reader.check().await), Level::Bad);

        let list = || act("t3", "bbot", "GET", "issue", Value::Null);
        let before = list().await;
        let findings = tracker("t3", "bbot").check().await;
        assert_eq!(worst(&findings), Level::Fine, "{findings:?}");
        let said = format!("{findings:?}");
        assert!(
            said.contains("as bbot") && said.contains("Python 3.15"),
            "{said}"
        );
        assert_eq!(list().await, before, "the check changed something");
    });
}
