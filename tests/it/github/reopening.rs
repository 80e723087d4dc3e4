//! A report that was closed is opened again, with a comment.

use super::*;

fn reopen(number: u64) -> Work {
    let Work::Comment { issue, body } = comment(number) else {
        unreachable!()
    };
    Work::Reopen { issue, body }
}

/// A closed issue of somebody's.
fn closed(github: &StandIn) -> u64 {
    let somebody = user(9, "somebody", false);
    let number = github.state().open(&somebody, "test_os fails", "");
    github.state().edit(number, |issue| issue.is_open = false);
    number
}

/// Whether it is open, and its comments.
fn standing(github: &StandIn, number: u64) -> (bool, usize) {
    let mut state = github.state();
    let issue = state.issue(number).unwrap();
    (issue.is_open, issue.comments.len())
}

fn patches(github: &StandIn) -> usize {
    let state = github.state();
    let asked = state.asked.iter();
    asked.filter(|it| it.starts_with("PATCH")).count()
}

#[test]
fn a_closed_issue_is_opened_and_commented_on_once() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let (number, marker) = (closed(&github), fresh_marker());
        let work = reopen(number);
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        assert_eq!(
            standing(&github, number),
            (false, 0),
            "nothing happened yet"
        );
        let start = Instant::now();
        done(tracker.perform(&work, &marker, &prepared).await);
        assert!(start.elapsed() >= Duration::from_secs(1), "two writes");
        assert_eq!(standing(&github, number), (true, 1));
        let found = tracker.find_own(&work, &marker, Some(&prepared), 0).await;
        assert_eq!(found.unwrap().unwrap().number, number);
        // A database from a backup would do it again, also after somebody closed it.
        github.state().edit(number, |issue| issue.is_open = false);
        done(tracker.prepare(&work, &marker, None).await.unwrap_err());
        assert_eq!(standing(&github, number), (false, 1));
    });
}

#[test]
fn what_somebody_opened_meanwhile_is_only_commented_on() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let (number, marker) = (closed(&github), fresh_marker());
        github.state().edit(number, |issue| issue.is_open = true);
        let work = reopen(number);
        let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
        done(tracker.perform(&work, &marker, &prepared).await);
        assert_eq!(standing(&github, number), (true, 1));
        assert_eq!(patches(&github), 0);
    });
}

#[test]
fn an_answer_that_is_lost_between_the_two_writes_repeats_neither() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        for fault in [Fault::DoAndCut, Fault::DoAndSay502] {
            let (number, marker) = (closed(&github), fresh_marker());
            let work = reopen(number);
            let before = patches(&github);
            let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
            github.state().faults.push_back(fault);
            why_later(tracker.perform(&work, &marker, &prepared).await);
            assert_eq!(standing(&github, number), (true, 0));
            // As after a crash there: no comment is found, and the state is looked at.
            let found = tracker.find_own(&work, &marker, Some(&prepared), 0).await;
            assert_eq!(found.unwrap(), None);
            let again = tracker.prepare(&work, &marker, Some(&prepared)).await;
            done(tracker.perform(&work, &marker, &again.unwrap()).await);
            assert_eq!(standing(&github, number), (true, 1));
            assert_eq!(patches(&github) - before, 1);
        }
    });
}

#[test]
fn without_the_right_or_behind_a_lock_nothing_is_written() {
    run(async {
        let github = StandIn::start().await;
        let plain = tracker_of(&github, REPOSITORY, Some("plain-token"));
        let number = closed(&github);
        let (work, marker) = (reopen(number), fresh_marker());
        let prepared = plain.prepare(&work, &marker, None).await.unwrap();
        let refused = plain.perform(&work, &marker, &prepared).await;
        let Outcome::Refused { why } = &refused else {
            panic!("{refused:?}")
        };
        assert!(why.contains("the account may not: 403"), "{why}");
        assert_eq!(standing(&github, number), (false, 0));
        github.state().edit(number, |issue| issue.is_locked = true);
        let refused = plain.prepare(&work, &marker, None).await;
        assert!(
            matches!(refused, Err(Outcome::Refused { .. })),
            "{refused:?}"
        );
        assert_eq!(standing(&github, number), (false, 0));
    });
}
