//! The embedded tracker.

use buildbot_watch::domain::delivery::{Outcome, Receipt};
use buildbot_watch::domain::draft::NewIssue;
use buildbot_watch::domain::issue::IssueRef;
use buildbot_watch::trackers::embedded::demo_issues;
use buildbot_watch::trackers::{Embedded, Marker, Next, OpenCount, Tracker, Work};

use crate::world::run;

fn marker(text: &str) -> Marker {
    Marker(text.into())
}

fn open(title: &str) -> Work {
    Work::Open(NewIssue {
        title: title.into(),
        body: "text".into(),
        versions: vec![],
        components: vec!["tests".into()],
    })
}

fn done(outcome: Outcome) -> IssueRef {
    match outcome {
        Outcome::Done(Receipt::Issue(issue)) => issue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_work_twice_is_done_once_also_after_a_restart() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracker.sqlite");
        let tracker = Tracker::Embedded(Embedded::open(&path).unwrap());
        let prepared = tracker
            .prepare(&open("a"), &marker("m1"), None)
            .await
            .unwrap();
        let first = done(tracker.perform(&open("a"), &marker("m1"), &prepared).await);
        drop(tracker);

        let tracker = Tracker::Embedded(Embedded::open(&path).unwrap());
        let again = done(tracker.perform(&open("a"), &marker("m1"), &prepared).await);
        assert_eq!(first, again);
        let found = tracker.find_own(&open("a"), &marker("m1"), None, 0).await;
        assert_eq!(found.unwrap(), Some(first.clone()));
        assert_eq!(
            tracker.prepare(&open("a"), &marker("m1"), None).await,
            Err(Outcome::Done(Receipt::Issue(first.clone())))
        );

        let comment = Work::Comment {
            issue: first.clone(),
            body: "more".into(),
        };
        done(tracker.perform(&comment, &marker("m2"), "").await);
        done(tracker.perform(&comment, &marker("m2"), "").await);
        let page = tracker.changed_since(None).await.unwrap();
        assert_eq!(page.issues.len(), 1);
        assert_eq!(page.issues[0].comments.len(), 1);
        assert_eq!(page.issues[0].labels, ["tests"]);
        let open = tracker.count_open().await.unwrap();
        assert_eq!(open, Some(OpenCount::Exact(1)));

        let nowhere = Work::Comment {
            issue: IssueRef {
                number: 99,
                ..first
            },
            body: String::new(),
        };
        let refused = tracker.perform(&nowhere, &marker("m3"), "").await;
        assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
    });
}

#[test]
fn a_table_stands_below_a_comment_once() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracker.sqlite");
        let tracker = Tracker::Embedded(Embedded::open(&path).unwrap());
        let first = done(tracker.perform(&open("a"), &marker("m1"), "").await);
        let comment = Work::Comment {
            issue: first.clone(),
            body: "more".into(),
        };
        done(tracker.perform(&comment, &marker("m2"), "").await);
        let table = |of: &str| Work::Table {
            issue: first.clone(),
            of: marker(of),
            table: "a: 1\n".into(),
        };
        let cursor = match tracker.changed_since(None).await.unwrap().next {
            Next::Complete(cursor) | Next::More(cursor) => cursor,
        };
        done(tracker.perform(&table("m2"), &marker("t1"), "").await);
        done(tracker.perform(&table("m2"), &marker("t1"), "").await);
        assert!(
            tracker
                .prepare(&table("m2"), &marker("t1"), None)
                .await
                .is_err()
        );
        let refused = tracker.perform(&table("m9"), &marker("t2"), "").await;
        assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
        let changed = tracker.changed_since(Some(&cursor)).await.unwrap();
        let text = &changed.issues[0].comments[0].text;
        assert!(
            text.starts_with("more\n") && text.matches("a: 1\n").count() == 1,
            "{text}"
        );
    });
}

const NOW: i64 = 2_000_000_000;

#[test]
fn the_demos_issues_are_good_and_taken_in_once() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::open(&folder.path().join("tracker.sqlite")).unwrap();
        let issues = demo_issues(NOW).unwrap();
        let newest = issues.iter().map(|issue| issue.created_at).max();
        assert_eq!(newest, Some(NOW - 7 * 86_400), "as fresh in every year");
        embedded.seed(&issues).unwrap();
        embedded.seed(&issues).unwrap();
        let tracker = Tracker::Embedded(embedded);
        let page = tracker.changed_since(None).await.unwrap();
        assert_eq!(page.issues.len(), issues.len());
        assert!(issues.len() >= 12);
        let Next::Complete(cursor) = page.next else {
            panic!("more?")
        };
        assert!(
            tracker
                .changed_since(Some(&cursor))
                .await
                .unwrap()
                .issues
                .is_empty()
        );
        let made = done(tracker.perform(&open("b"), &marker("m"), "").await);
        assert_eq!(
            made.number,
            issues.iter().map(|issue| issue.number).max().unwrap() + 1
        );
        let page = tracker.changed_since(Some(&cursor)).await.unwrap();
        assert_eq!(page.issues[0].reference(), made);
        assert_eq!(tracker.parse_issue(&made.url), Some(made.number));
        assert_eq!(tracker.parse_issue(" #12 "), Some(12));
        assert_eq!(tracker.parse_issue("https://example.org/issue/12"), None);
    });
}

#[test]
fn what_was_closed_is_opened_again_once() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tracker.sqlite");
        let tracker = Tracker::Embedded(Embedded::open(&path).unwrap());
        let issue = done(tracker.perform(&open("a"), &marker("m1"), "").await);
        let close = || {
            let change = "UPDATE issues SET is_open = 0, closed_at = 1, resolution = 'fixed'";
            let file = rusqlite::Connection::open(&path).unwrap();
            file.execute(change, []).unwrap();
        };
        let reopen = Work::Reopen {
            issue,
            body: "again".into(),
        };
        close();
        tracker.prepare(&reopen, &marker("m2"), None).await.unwrap();
        let now = || async { tracker.changed_since(None).await.unwrap().issues.remove(0) };
        assert!(!now().await.open);
        done(tracker.perform(&reopen, &marker("m2"), "").await);
        let opened = now().await;
        assert!(opened.open && opened.closed_at.is_none() && opened.resolution.is_none());
        close();
        done(tracker.perform(&reopen, &marker("m2"), "").await);
        assert!(!now().await.open, "what was done is not done once more");
        assert_eq!(now().await.comments.len(), 1);
    });
}
