//! A report that was closed is opened again, with a comment.

use buildbot_watch::domain::delivery::Outcome;
use buildbot_watch::domain::issue::IssueRef;
use buildbot_watch::trackers::Work;
use serde_json::{Value, json};

use super::{act, done, fresh_marker, is_found_when_cut_off, opened, pass, tracker};
use crate::world::run;

fn reopen(issue: &IssueRef) -> Work {
    Work::Reopen {
        issue: issue.clone(),
        body: "This was closed as fixed, and it happens again.".into(),
    }
}

/// Somebody with the right to sets status and resolution, by their names.
async fn set(issue: &IssueRef, status: &str, resolution: &str) {
    let path = format!("issue/{}", issue.number);
    let change = json!({ "status": status, "resolution": resolution });
    act("t1", "victor", "PATCH", &path, change).await;
}

/// The names of status and resolution, and how many messages there are.
async fn standing(issue: &IssueRef) -> (String, String, usize) {
    let path = format!("issue/{}?@verbose=2", issue.number);
    let now = act("t1", "victor", "GET", &path, Value::Null).await["attributes"].clone();
    let name = |field: &str| now[field]["name"].as_str().unwrap_or_default().to_owned();
    let messages = now["messages"].as_array().unwrap().len();
    (name("status"), name("resolution"), messages)
}

fn is(status: &str, resolution: &str, messages: usize) -> (String, String, usize) {
    (status.to_owned(), resolution.to_owned(), messages)
}

#[test]
fn a_closed_issue_is_opened_with_the_message_in_one_request() {
    run(async {
        let tracker = tracker("t1", "bbot");
        let issue = opened(&tracker, "mended, as it seemed").await;
        set(&issue, "closed", "fixed").await;
        let (work, marker) = (reopen(&issue), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        assert_eq!(standing(&issue).await, is("closed", "fixed", 1));
        for _ in 0..2 {
            done(tracker.perform(&work, &marker, &prepared).await);
        }
        assert_eq!(standing(&issue).await, is("open", "", 2));
        let found = tracker.find_own(&work, &marker, None, 0).await.unwrap();
        assert_eq!(found.unwrap().number, issue.number);
        let (issues, _) = pass(&tracker, None).await;
        let seen = issues.iter().find(|it| it.number == issue.number).unwrap();
        assert!(seen.open && seen.resolution.is_none(), "{seen:?}");
        // Somebody closes it again: what was done is not done once more.
        set(&issue, "closed", "fixed").await;
        done(tracker.perform(&work, &marker, &prepared).await);
        assert_eq!(standing(&issue).await, is("closed", "fixed", 2));
    });
}

#[test]
fn what_somebody_opened_meanwhile_is_only_commented_on() {
    run(async {
        let tracker = tracker("t1", "bbot");
        let issue = opened(&tracker, "opened by somebody").await;
        set(&issue, "pending", "out of date").await;
        let (work, marker) = (reopen(&issue), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        done(tracker.perform(&work, &marker, &prepared).await);
        assert_eq!(standing(&issue).await, is("pending", "out of date", 2));
    });
}

#[test]
fn without_the_right_nothing_changes() {
    run(async {
        let issue = opened(&tracker("t1", "victor"), "somebody else's").await;
        set(&issue, "closed", "fixed").await;
        let tracker = tracker("t1", "bbot");
        let (work, marker) = (reopen(&issue), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        let refused = tracker.perform(&work, &marker, &prepared).await;
        let Outcome::Refused { why } = &refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("403 Permission to edit"), "{why}");
        assert_eq!(standing(&issue).await, is("closed", "fixed", 1));
    });
}

#[test]
fn an_answer_that_is_cut_off_is_in_doubt_and_found() {
    run(async {
        let direct = tracker("t1", "bbot");
        let issue = opened(&direct, "opened again behind a curtain").await;
        set(&issue, "closed", "fixed").await;
        is_found_when_cut_off(&direct, &reopen(&issue), &issue).await;
        assert_eq!(standing(&issue).await, is("open", "", 2));
    });
}
