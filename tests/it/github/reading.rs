//! What changes in a repository, and who may see and do what.

use buildbot_watch::domain::delivery::Outcome;
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::issue::Issue;
use buildbot_watch::trackers::{CommentOn, Next, Tracker};

use super::{open, tracker, tracker_of, why_later};
use crate::github_stand_in::{REPOSITORY, StandIn, user};
use crate::roundup::{fresh_marker, worst};
use crate::world::run;

/// All that changed since the cursor, and the next one. `between` is called
/// between two pages.
async fn pass(
    tracker: &Tracker,
    cursor: Option<&str>,
    mut between: impl FnMut(),
) -> (Vec<Issue>, Vec<CommentOn>, String) {
    let (mut issues, mut comments) = (Vec::new(), Vec::new());
    let mut cursor = cursor.map(ToOwned::to_owned);
    loop {
        let page = tracker.changed_since(cursor.as_deref()).await.unwrap();
        issues.extend(page.issues);
        comments.extend(page.comments);
        match page.next {
            Next::More(next) => cursor = Some(next),
            Next::Complete(next) => return (issues, comments, next),
        }
        between();
    }
}

#[test]
fn a_pass_brings_all_issues_and_comments_and_no_pull_requests() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker_of(&github, REPOSITORY, None);
        let somebody = user(9, "somebody", false);
        for number in 1..=330 {
            let mut state = github.state();
            state.open(&somebody, &format!("issue {number}"), "text");
            state.comment(number, &somebody, &format!("on {number}"));
            state.edit(number, |issue| {
                issue.is_pull_request = number % 3 == 0;
                issue.is_open = number % 2 == 0;
            });
        }
        // While the list is read, an early issue changes between all pages.
        let mut touched = 0;
        let (issues, comments, cursor) = pass(&tracker, None, || {
            touched += 1;
            github.state().edit(touched, |issue| issue.title.push('!'));
        })
        .await;
        let numbers: std::collections::BTreeSet<u64> =
            issues.iter().map(|issue| issue.number).collect();
        let wanted: std::collections::BTreeSet<u64> =
            (1..=330).filter(|number| number % 3 != 0).collect();
        assert_eq!(numbers, wanted);
        let mut commented: Vec<u64> = comments.iter().map(|comment| comment.issue).collect();
        commented.sort_unstable();
        assert_eq!(commented, wanted.into_iter().collect::<Vec<_>>());
        let four = issues.iter().find(|issue| issue.number == 4).unwrap();
        assert!(four.open && four.closed_at.is_none());
        assert_eq!(
            (four.author.as_str(), &four.resolution),
            ("somebody", &None)
        );
        assert!(
            issues
                .iter()
                .find(|issue| issue.number == 5)
                .unwrap()
                .closed_at
                .is_some()
        );

        let (issues, comments, cursor) = pass(&tracker, Some(&cursor), || {}).await;
        // What changed after its page was read comes now.
        assert!(issues.len() <= 8, "{}", issues.len());
        assert!(comments.is_empty());
        let (issues, comments, cursor) = pass(&tracker, Some(&cursor), || {}).await;
        assert!(issues.is_empty() && comments.is_empty());

        github.state().comment(4, &somebody, "again");
        github.state().edit(7, |issue| issue.is_open = true);
        let (issues, comments, _) = pass(&tracker, Some(&cursor), || {}).await;
        let mut numbers: Vec<u64> = issues.iter().map(|issue| issue.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [4, 7]);
        assert_eq!(comments.len(), 1);
        assert_eq!(comments[0].comment.text, "again");
    });
}

#[test]
fn a_repository_that_moved_is_read_but_not_written() {
    run(async {
        let github = StandIn::start().await;
        github.state().former_name = Some("old/name");
        github
            .state()
            .open(&user(9, "somebody", false), "here", "text");
        let old = tracker_of(&github, "old/name", Some("bot-token"));
        let (issues, ..) = pass(&old, None, || {}).await;
        assert_eq!(issues.len(), 1);
        let findings = old.check().await;
        assert_eq!(worst(&findings), Level::Doubtful);
        assert!(format!("{findings:?}").contains("is now called python/cpython"));
        let refused = old.perform(&open("x"), &fresh_marker(), "").await;
        assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
        assert_eq!(github.state().issues.len(), 1);
    });
}

#[test]
fn without_a_token_everything_is_only_read() {
    run(async {
        let github = StandIn::start().await;
        let reader = tracker_of(&github, REPOSITORY, None);
        why_later(
            reader
                .prepare(&open("x"), &fresh_marker(), None)
                .await
                .unwrap_err(),
        );
        assert_eq!(worst(&reader.check().await), Level::Doubtful);
        let wrong = tracker_of(&github, REPOSITORY, Some("no such token"));
        assert_eq!(worst(&wrong.check().await), Level::Bad);
        let elsewhere = tracker_of(&github, "no/where", Some("bot-token"));
        assert_eq!(worst(&elsewhere.check().await), Level::Bad);
    });
}

#[test]
fn links_to_its_issues_are_read() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        assert_eq!(tracker.name(), "github.com/python/cpython");
        let read = |text: &str| tracker.parse_issue(text);
        assert_eq!(read("https://github.com/Python/CPython/issues/7"), Some(7));
        assert_eq!(
            read("https://github.com/python/cpython/issues/7#issuecomment-1"),
            Some(7)
        );
        assert_eq!(read("https://github.com/python/cpython/pull/7"), None);
        assert_eq!(read("https://github.com/python/peps/issues/7"), None);
        assert_eq!(read("#0"), None);
    });
}
