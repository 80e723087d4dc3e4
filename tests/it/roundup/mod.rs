//! Roundup, against real trackers: `t1` for writing, `t2` for what changes,
//! `t3` for the check, `strict` for passwords.

mod proxy;
mod reading;
mod reopening;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use buildbot_watch::domain::delivery::{Outcome, Receipt};
use buildbot_watch::domain::draft::NewIssue;
use buildbot_watch::domain::finding::{Finding, Level};
use buildbot_watch::domain::issue::{Issue, IssueRef};
use buildbot_watch::domain::secret::Secret;
use buildbot_watch::trackers::roundup::{Login, Roundup, Settings};
use buildbot_watch::trackers::{Marker, Next, Tracker, Work};
use serde_json::{Value, json};

use crate::world::{client, run, world};

use proxy::{Fault, proxy};

/// TLS settings that trust nobody: these servers speak plain HTTP.
pub fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// A marker that no other test and no earlier run has used.
pub fn fresh_marker() -> Marker {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    Marker(format!(
        "{nanos:032x}{:08x}",
        NEXT.fetch_add(1, Ordering::Relaxed)
    ))
}

fn tracker_at(base: &str, user: &str, password: &str) -> Tracker {
    let settings = Settings {
        base: base.into(),
        login: Some(Login {
            user: user.into(),
            password: Secret::new(password.into()),
        }),
        closed_statuses: vec!["Closed".into(), "resolved".into()],
        mirror_from: None,
    };
    Tracker::Roundup(Roundup::new(settings, tls()).unwrap())
}

pub fn base(name: &str) -> &'static str {
    &world().roundup.trackers[name]
}

pub fn tracker(name: &str, user: &str) -> Tracker {
    tracker_at(base(name), user, &world().roundup.users[user])
}

/// What somebody does behind our back.
pub async fn act(name: &str, user: &str, method: &str, path: &str, body: Value) -> Value {
    let url = format!("{}rest/data/{path}", base(name));
    let client = client();
    let dress = |method: reqwest::Method| {
        client
            .request(method, &url)
            .basic_auth(user, Some(&world().roundup.users[user]))
            .header("X-Requested-With", "tests")
            .header("Origin", base(name).trim_end_matches(&format!("/{name}/")))
    };
    let mut request = dress(method.parse().unwrap());
    if method == "PATCH" {
        let now = dress(reqwest::Method::GET).send().await.unwrap();
        request = request.header("If-Match", now.headers()["etag"].clone());
    }
    if method != "GET" {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert!(status.is_success(), "{method} {path}: {status} {body}");
    body["data"].clone()
}

fn new_issue(title: &str) -> NewIssue {
    NewIssue {
        title: title.into(),
        body: format!("{title}: the text\nwith ünïcödé and a second line"),
        versions: vec!["Python 3.15".into()],
        components: vec!["Tests".into(), "asyncio".into()],
    }
}

fn open(title: &str) -> Work {
    Work::Open(new_issue(title))
}

fn comment(issue: &IssueRef, body: &str) -> Work {
    Work::Comment {
        issue: issue.clone(),
        body: body.into(),
    }
}

pub fn done(outcome: Outcome) -> IssueRef {
    match outcome {
        Outcome::Done(Receipt::Issue(issue)) => issue,
        other => panic!("{other:?}"),
    }
}

async fn opened(tracker: &Tracker, title: &str) -> IssueRef {
    let (work, marker) = (open(title), fresh_marker());
    let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
    done(tracker.perform(&work, &marker, &prepared).await)
}

/// What is done on an issue while the answer is cut off is in doubt, and found.
async fn is_found_when_cut_off(direct: &Tracker, work: &Work, issue: &IssueRef) {
    let marker = fresh_marker();
    let prepared = direct.prepare(work, &marker, None).await.unwrap();
    let port = proxy("t1", Fault::CutAnswerTo("PATCH")).await;
    let cut = tracker_at(&format!("http://127.0.0.1:{port}/t1/"), "bbot", "bbotpw");
    let outcome = cut.perform(work, &marker, &prepared).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let found = direct.find_own(work, &marker, Some(&prepared), 0).await;
    assert_eq!(found.unwrap().unwrap().number, issue.number);
}

/// All that changed since the cursor, and the next one.
async fn pass(tracker: &Tracker, cursor: Option<&str>) -> (Vec<Issue>, String) {
    let mut issues = Vec::new();
    let mut cursor = cursor.map(ToOwned::to_owned);
    loop {
        let page = tracker.changed_since(cursor.as_deref()).await.unwrap();
        issues.extend(page.issues);
        match page.next {
            Next::More(next) => cursor = Some(next),
            Next::Complete(next) => return (issues, next),
        }
    }
}

pub fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap()
}

/// How many issues have a title.
async fn count_titled(name: &str, title: &str) -> usize {
    let path = format!("issue?title:={title}");
    act(name, "bbot", "GET", &path, Value::Null).await["collection"]
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn an_issue_is_opened_with_all_that_was_asked_for() {
    run(async {
        let (tracker, marker) = (tracker("t1", "bbot"), fresh_marker());
        let title = format!("open {}", marker.0);
        let work = open(&title);
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        assert_eq!(count_titled("t1", &title).await, 0, "prepare opened it");
        let issue = done(tracker.perform(&work, &marker, &prepared).await);
        assert_eq!(issue.title, title);
        assert_eq!(issue.url, tracker.issue_url(issue.number));

        let (issues, _) = pass(&tracker, None).await;
        let found = issues
            .iter()
            .find(|found| found.number == issue.number)
            .unwrap();
        assert_eq!(found.body, new_issue(&title).body);
        assert_eq!(found.labels, ["asyncio", "Tests", "Python 3.15"]);
        assert!(found.open && found.comments.is_empty());

        // A state file from a backup would do it again.
        assert_eq!(
            tracker.prepare(&work, &marker, None).await,
            Err(Outcome::Done(Receipt::Issue(issue)))
        );
    });
}

#[test]
fn prepared_twice_makes_one_message() {
    run(async {
        let marker = fresh_marker();
        let work = open(&format!("twice {}", marker.0));
        let first = tracker("t1", "bbot")
            .prepare(&work, &marker, None)
            .await
            .unwrap();
        // Killed; another process goes on, with and without what was stored.
        let again = tracker("t1", "bbot")
            .prepare(&work, &marker, None)
            .await
            .unwrap();
        let third = tracker("t1", "bbot")
            .prepare(&work, &marker, Some(&first))
            .await
            .unwrap();
        let message = |text: &str| serde_json::from_str::<Value>(text).unwrap()["message"].clone();
        assert_eq!(message(&first), message(&again));
        assert_eq!(message(&first), message(&third));
        let id = format!("<bbw.{}@buildbot-watch.invalid>", marker.0);
        let listed = act(
            "t1",
            "bbot",
            "GET",
            "msg?@fields=messageid&@sort=-id",
            Value::Null,
        )
        .await;
        let ours = listed["collection"].as_array().unwrap().iter();
        assert_eq!(ours.filter(|message| message["messageid"] == id).count(), 1);
    });
}

#[test]
fn performed_twice_is_in_doubt_and_found() {
    run(async {
        let (tracker, marker) = (tracker("t1", "bbot"), fresh_marker());
        let title = format!("again {}", marker.0);
        let work = open(&title);
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        let nothing = tracker.find_own(&work, &marker, Some(&prepared), 0).await;
        assert_eq!(nothing.unwrap(), None);
        let issue = done(tracker.perform(&work, &marker, &prepared).await);
        let again = tracker.perform(&work, &marker, &prepared).await;
        assert!(matches!(again, Outcome::Unknown { .. }), "{again:?}");
        assert_eq!(count_titled("t1", &title).await, 1);
        for kept in [Some(prepared.as_str()), None] {
            let found = tracker.find_own(&work, &marker, kept, 0).await.unwrap();
            assert_eq!(found.as_ref(), Some(&issue));
        }
    });
}

#[test]
fn an_answer_that_is_cut_off_is_in_doubt_and_found() {
    run(async {
        let marker = fresh_marker();
        let title = format!("cut {}", marker.0);
        let work = open(&title);
        let direct = tracker("t1", "bbot");
        let prepared = direct.prepare(&work, &marker, None).await.unwrap();
        let port = proxy("t1", Fault::CutAnswerTo("POST")).await;
        let cut = tracker_at(&format!("http://127.0.0.1:{port}/t1/"), "bbot", "bbotpw");
        let outcome = cut.perform(&work, &marker, &prepared).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
        let found = direct
            .find_own(&work, &marker, Some(&prepared), 0)
            .await
            .unwrap();
        assert_eq!(found.unwrap().title, title);
        assert_eq!(count_titled("t1", &title).await, 1);
    });
}

#[test]
fn a_comment_is_added_once_however_often_it_is_sent() {
    run(async {
        let tracker = tracker("t1", "bbot");
        let issue = opened(&tracker, "to be commented on").await;
        let (work, marker) = (
            comment(&issue, "Again on AMD64 Debian root 3.x"),
            fresh_marker(),
        );
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        let before = tracker.find_own(&work, &marker, Some(&prepared), 0).await;
        assert_eq!(before.unwrap(), None);
        for _ in 0..3 {
            assert_eq!(
                done(tracker.perform(&work, &marker, &prepared).await),
                issue
            );
        }
        let found = tracker.find_own(&work, &marker, None, 0).await.unwrap();
        assert_eq!(found.as_ref(), Some(&issue));
        let now = act(
            "t1",
            "bbot",
            "GET",
            &format!("issue/{}", issue.number),
            Value::Null,
        )
        .await;
        assert_eq!(now["attributes"]["messages"].as_array().unwrap().len(), 2);
        assert_eq!(
            tracker.prepare(&work, &marker, None).await,
            Err(Outcome::Done(Receipt::Issue(issue)))
        );
    });
}

#[test]
fn a_comment_survives_a_change_in_between_and_a_cut_off_answer() {
    run(async {
        let direct = tracker("t1", "bbot");
        let issue = opened(&direct, "changes while we comment").await;
        let mut commented = None;
        for _ in 0..5 {
            let (work, marker) = (comment(&issue, "one"), fresh_marker());
            let port = proxy("t1", Fault::EditBeforePatch(issue.number)).await;
            let raced = tracker_at(&format!("http://127.0.0.1:{port}/t1/"), "bbot", "bbotpw");
            // A busy server may break off an answer; then it is another race.
            let Ok(prepared) = raced.prepare(&work, &marker, None).await else {
                continue;
            };
            match raced.perform(&work, &marker, &prepared).await {
                Outcome::Unknown { .. } => {}
                outcome => commented = Some(done(outcome)),
            }
            if commented.is_some() {
                break;
            }
        }
        let commented = commented.expect("a comment");
        assert_eq!(commented.title, "edited in between");

        is_found_when_cut_off(&direct, &comment(&issue, "two"), &issue).await;
    });
}

#[test]
fn a_marker_in_anothers_message_does_not_count() {
    run(async {
        let (tracker, marker) = (tracker("t1", "bbot"), fresh_marker());
        let work = open(&format!("forged {}", marker.0));
        let own = act("t1", "bbot", "GET", "user?username=bbot", Value::Null).await;
        let forged = json!({
            // Anybody may say that somebody else wrote it.
            "author": own["collection"][0]["id"],
            "content": "forged",
            "messageid": format!("<bbw.{}@buildbot-watch.invalid>", marker.0),
        });
        let message = act("t1", "victor", "POST", "msg", forged).await;
        let issue = json!({ "title": "forged", "messages": [message["id"]] });
        act("t1", "victor", "POST", "issue", issue).await;
        assert_eq!(
            tracker.find_own(&work, &marker, None, 0).await.unwrap(),
            None
        );
        tracker.prepare(&work, &marker, None).await.unwrap();
    });
}

#[test]
fn what_the_tracker_does_not_know_is_refused() {
    run(async {
        let tracker = tracker("t1", "bbot");
        let mut issue = new_issue("unknown version");
        issue.versions = vec!["Python 9.9".into()];
        let (bad, good, marker) = (Work::Open(issue), open("good"), fresh_marker());
        let refused = tracker.prepare(&bad, &marker, None).await.unwrap_err();
        let Outcome::Refused { why } = &refused else {
            panic!("{refused:?}")
        };
        assert!(
            why.contains("Python 9.9") && why.contains("Python 3.15"),
            "{why}"
        );

        // Removed in between, so only the server knows.
        let prepared = tracker.prepare(&good, &marker, None).await.unwrap();
        let refused = tracker.perform(&bad, &marker, &prepared).await;
        let Outcome::Refused { why } = &refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("'Python 9.9' is not a version"), "{why}");

        // Roundup would take these.
        for title in ["", "  ", "two\nlines"] {
            let mut issue = new_issue("x");
            issue.title = title.into();
            let refused = tracker
                .prepare(&Work::Open(issue), &fresh_marker(), None)
                .await;
            assert!(
                matches!(refused, Err(Outcome::Refused { .. })),
                "{refused:?}"
            );
        }

        let nowhere = IssueRef {
            number: 999_999,
            url: String::new(),
            title: String::new(),
        };
        let (work, marker) = (comment(&nowhere, "x"), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        let refused = tracker.perform(&work, &marker, &prepared).await;
        assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
    });
}
