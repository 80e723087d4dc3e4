//! GitHub, against a stand-in that keeps to GitHub's own description.

mod reading;
mod reopening;
mod tables;

use std::time::{Duration, Instant};

use buildbot_watch::domain::delivery::Outcome;
use buildbot_watch::domain::draft::NewIssue;
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::issue::IssueRef;
use buildbot_watch::domain::secret::Secret;
use buildbot_watch::trackers::github::{GitHub, Settings};
use buildbot_watch::trackers::{Marker, Tracker, Wait, Work};

use crate::github_stand_in::{Fault, REPOSITORY, StandIn, user};
use crate::roundup::{done, fresh_marker, tls, worst};
use crate::world::run;

fn tracker_of(stand_in: &StandIn, repository: &str, token: Option<&str>) -> Tracker {
    let settings = Settings {
        api: stand_in.api.clone(),
        web: "https://github.com".into(),
        repository: repository.into(),
        token: token.map(|token| Secret::new(token.into())),
        mirror_from: None,
    };
    Tracker::GitHub(GitHub::new(settings, tls()).unwrap())
}

fn tracker(stand_in: &StandIn) -> Tracker {
    tracker_of(stand_in, REPOSITORY, Some("bot-token"))
}

fn open(title: &str) -> Work {
    Work::Open(NewIssue {
        title: title.into(),
        body: "### Bug description:\n\ntext".into(),
        versions: vec![],
        components: vec!["tests".into(), "type-bug".into()],
    })
}

fn comment(number: u64) -> Work {
    Work::Comment {
        issue: IssueRef {
            number,
            url: format!("https://github.com/{REPOSITORY}/issues/{number}"),
            title: "a title".into(),
        },
        body: "Again on AMD64 Debian root 3.x".into(),
    }
}

fn line(marker: &Marker) -> String {
    format!("<!-- buildbot-watch:{} -->", marker.0)
}

fn why_later(outcome: Outcome) -> (String, Option<u64>) {
    match outcome {
        Outcome::Later { why, after_seconds } => (why, after_seconds),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_issue_is_opened_with_labels_and_a_hidden_marker() {
    run(async {
        let github = StandIn::start().await;
        let (tracker, work, marker) = (tracker(&github), open("test_os fails"), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        assert!(github.state().issues.is_empty());
        let issue = done(tracker.perform(&work, &marker, &prepared).await);
        assert_eq!(issue.url, "https://github.com/python/cpython/issues/1");
        {
            let mut state = github.state();
            let made = state.issue(1).unwrap();
            assert_eq!(made.labels, ["tests", "type-bug"]);
            assert_eq!(
                made.body.as_deref(),
                Some(format!("### Bug description:\n\ntext\n\n{}\n", line(&marker)).as_str())
            );
            // GitHub's robots write below it.
            made.body
                .as_mut()
                .unwrap()
                .push_str("\r\n<!-- gh-linked-prs -->\r\n");
        }
        let found = tracker
            .find_own(&work, &marker, Some(&prepared), 1_795_000_000)
            .await;
        assert_eq!(found.unwrap(), Some(issue.clone()));
        let again = tracker.prepare(&work, &marker, None).await.unwrap_err();
        assert_eq!(done(again), issue);
        let other = tracker.find_own(&work, &fresh_marker(), None, 0).await;
        assert_eq!(other.unwrap(), None);
    });
}

#[test]
fn without_the_right_to_label_the_issue_is_opened_nevertheless() {
    run(async {
        let github = StandIn::start().await;
        let plain = tracker_of(&github, REPOSITORY, Some("plain-token"));
        let (work, marker) = (open("x"), fresh_marker());
        let prepared = plain.prepare(&work, &marker, None).await.unwrap();
        done(plain.perform(&work, &marker, &prepared).await);
        assert!(github.state().issues[0].labels.is_empty());
        let findings = plain.check().await;
        assert_eq!(worst(&findings), Level::Doubtful, "{findings:?}");
        assert!(format!("{findings:?}").contains("plain-bot"));
        assert_eq!(worst(&tracker(&github).check().await), Level::Fine);
    });
}

#[test]
fn an_answer_that_says_nothing_is_in_doubt_and_found() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        for fault in [Fault::DoAndCut, Fault::DoAndSay502] {
            let (work, marker) = (open("doubtful"), fresh_marker());
            let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
            github.state().faults.push_back(fault);
            let outcome = tracker.perform(&work, &marker, &prepared).await;
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
            let found = tracker
                .find_own(&work, &marker, Some(&prepared), 1_795_000_000)
                .await;
            let number = found.unwrap().unwrap().number;

            let (work, marker) = (comment(number), fresh_marker());
            let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
            github.state().faults.push_back(Fault::DoAndCut);
            let outcome = tracker.perform(&work, &marker, &prepared).await;
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
            let found = tracker
                .find_own(&work, &marker, Some(&prepared), 1_795_000_000)
                .await;
            assert_eq!(found.unwrap().unwrap().number, number);
        }
        assert_eq!(github.state().issues.len(), 2);
    });
}

#[test]
fn a_marker_in_anothers_text_does_not_count() {
    run(async {
        let github = StandIn::start().await;
        let (tracker, marker) = (tracker(&github), fresh_marker());
        let somebody = user(9, "somebody", false);
        let text = format!("stolen\n{}", line(&marker));
        let number = github.state().open(&somebody, "stolen", &text);
        github.state().comment(number, &somebody, &text);
        for work in [open("x"), comment(number)] {
            assert_eq!(
                tracker.find_own(&work, &marker, None, 0).await.unwrap(),
                None
            );
            tracker.prepare(&work, &marker, None).await.unwrap();
        }
    });
}

#[test]
fn our_comment_is_found_on_a_long_page() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let somebody = user(9, "somebody", false);
        github.state().open(&somebody, "long", "");
        for number in 0..230 {
            github
                .state()
                .comment(1, &somebody, &format!("comment {number}"));
        }
        let (work, marker) = (comment(1), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        done(tracker.perform(&work, &marker, &prepared).await);
        let found = tracker.find_own(&work, &marker, None, 0).await.unwrap();
        assert_eq!(found.unwrap().number, 1);
        done(tracker.prepare(&work, &marker, None).await.unwrap_err());
    });
}

#[test]
fn limits_are_waited_out_without_asking_again() {
    run(async {
        let cases = [
            (
                403,
                &[("retry-after", "77")] as &[_],
                "You have exceeded a secondary rate limit",
                77,
            ),
            (429, &[("retry-after", "30")], "Too many requests", 30),
            (
                403,
                &[],
                "You have triggered an abuse detection mechanism",
                60,
            ),
            (401, &[], "Bad credentials", 300),
            (
                403,
                &[("x-ratelimit-remaining", "0")],
                "API rate limit exceeded",
                1800,
            ),
        ];
        for (status, headers, message, wanted) in cases {
            let github = StandIn::start().await;
            let tracker = tracker(&github);
            let (work, marker) = (open("x"), fresh_marker());
            let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
            github
                .state()
                .faults
                .push_back(Fault::Answer(status, headers, message));
            let (why, after) = why_later(tracker.perform(&work, &marker, &prepared).await);
            assert!(why.contains(message), "{why}");
            assert!(
                after.is_some_and(|after| after.abs_diff(wanted) <= 3),
                "{after:?} {wanted}"
            );
            let asked = github.state().asked.len();
            why_later(tracker.perform(&work, &marker, &prepared).await);
            why_later(tracker.prepare(&work, &marker, None).await.unwrap_err());
            let error = tracker.changed_since(None).await.unwrap_err();
            assert!(error.downcast_ref::<Wait>().is_some(), "{error}");
            assert_eq!(
                github.state().asked.len(),
                asked,
                "it was asked in the pause"
            );
            assert!(github.state().issues.is_empty());
        }
    });
}

#[test]
fn the_last_request_of_the_hour_is_the_last() {
    run(async {
        let github = StandIn::start().await;
        github.state().remaining = 1;
        let tracker = tracker(&github);
        tracker.changed_since(None).await.unwrap();
        let error = tracker.changed_since(None).await.unwrap_err();
        let wait: &Wait = error.downcast_ref().unwrap();
        assert!(wait.seconds.abs_diff(1800) <= 3, "{wait:?}");
        assert_eq!(github.state().asked.len(), 1);
    });
}

#[test]
fn each_answer_has_its_meaning() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let (work, marker) = (open("x"), fresh_marker());
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        for (status, headers, wanted) in [
            (403, &[] as &[_], "Refused"),
            (404, &[], "Refused"),
            (410, &[], "Refused"),
            (422, &[], "Refused"),
            (503, &[("retry-after", "9")], "Later"),
            (503, &[], "Unknown"),
            (500, &[], "Unknown"),
        ] {
            github
                .state()
                .faults
                .push_back(Fault::Answer(status, headers, "no"));
            let outcome = format!("{:?}", tracker.perform(&work, &marker, &prepared).await);
            assert!(outcome.starts_with(wanted), "{status}: {outcome}");
        }
        let refused = tracker.perform(&open(&"x".repeat(300)), &marker, "").await;
        let Outcome::Refused { why } = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(why, "422 Validation Failed title missing_field");
        assert!(github.state().issues.is_empty());

        let nobody = Settings {
            api: "http://127.0.0.1:9".into(),
            web: "https://github.com".into(),
            repository: REPOSITORY.into(),
            token: Some(Secret::new("hunter2".into())),
            mirror_from: None,
        };
        let nobody = Tracker::GitHub(GitHub::new(nobody, tls()).unwrap());
        let (why, _) = why_later(nobody.perform(&work, &marker, &prepared).await);
        let said = format!("{why} {nobody:?} {:?}", nobody.check().await);
        assert!(!said.contains("hunter2"), "{said}");
    });
}

#[test]
fn a_closed_door_is_seen_before_anything_is_written() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let somebody = user(9, "somebody", false);
        let locked = github.state().open(&somebody, "locked", "");
        github.state().edit(locked, |issue| issue.is_locked = true);
        let pull = github.state().open(&somebody, "a change", "");
        github
            .state()
            .edit(pull, |issue| issue.is_pull_request = true);
        for number in [locked, pull, 99] {
            let refused = tracker
                .prepare(&comment(number), &fresh_marker(), None)
                .await;
            assert!(
                matches!(refused, Err(Outcome::Refused { .. })),
                "{refused:?}"
            );
        }
        let refused = tracker.perform(&comment(locked), &fresh_marker(), "").await;
        let Outcome::Refused { why } = &refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("locked"), "{why}");
    });
}

#[test]
fn writes_keep_a_second_apart() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let start = Instant::now();
        for _ in 0..3 {
            done(tracker.perform(&open("x"), &fresh_marker(), "").await);
        }
        assert!(
            start.elapsed() >= Duration::from_secs(2),
            "{:?}",
            start.elapsed()
        );
    });
}
