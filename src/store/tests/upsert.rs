use super::mirror::{comment, found};
use super::*;
use crate::domain::issue::IssueComment;
use crate::store::{Batch, CommentUpdate, ListingUnderWay};

pub(super) fn page<'a>(issues: &'a [Issue], comments: &'a [CommentUpdate]) -> Batch<'a> {
    Batch {
        issues,
        comments,
        cursor: "c",
        to_come: Some(40),
    }
}

#[test]
fn what_the_tracker_says_of_a_report_is_kept() {
    let store = store();
    let mirror = store.mirror("here");
    let written = Issue {
        open: false,
        closed_at: Some(NOW),
        author: "anna".to_owned(),
        resolution: Some("out of date".to_owned()),
        duplicate_of: Some(3),
        ..issue(5, "test_os fails")
    };
    mirror.upsert(std::slice::from_ref(&written), None).unwrap();
    assert_eq!(mirror.issue(5).unwrap(), Some(written));
    let reopened = issue(5, "test_os fails");
    mirror
        .upsert(std::slice::from_ref(&reopened), None)
        .unwrap();
    assert_eq!(mirror.issue(5).unwrap(), Some(reopened));
}

#[test]
fn a_comment_waits_for_its_report() {
    let store = store();
    let mirror = store.mirror("here");
    let early = [CommentUpdate {
        issue: 5,
        comment: comment("1", "otter", NOW),
    }];
    mirror.take(&page(&[], &early), NOW).unwrap();
    assert_eq!(found(mirror, "otter"), [0; 0]);
    assert_eq!(store.mirror("elsewhere").count().unwrap(), 0);
    store
        .mirror("elsewhere")
        .upsert(&[issue(5, "another")], None)
        .unwrap();
    mirror
        .take(&page(&[issue(5, "beaver"), issue(6, "mole")], &[]), NOW)
        .unwrap();
    assert_eq!(found(mirror, "otter"), [5]);
    assert_eq!(mirror.issue(5).unwrap().unwrap().comments.len(), 1);
    assert_eq!(mirror.issue(6).unwrap().unwrap().comments.len(), 0);
}

#[test]
fn a_duplicate_leads_to_the_report_that_a_comment_names() {
    let store = store();
    let mirror = store.mirror("here");
    let closed = |number, resolution: &str| Issue {
        open: false,
        resolution: Some(resolution.to_owned()),
        ..issue(number, "walrus")
    };
    let says = |issue, id: &str, text: &str| CommentUpdate {
        issue,
        comment: comment(id, text, NOW),
    };
    let issues = [
        closed(5, "duplicate"),
        closed(6, "completed"),
        closed(7, "not_planned"),
        closed(8, "duplicate"),
    ];
    let comments = [
        says(5, "1", "Duplicate of #12\n\nThanks."),
        says(6, "2", "Duplicate of #12"),
        says(7, "3", "Duplicate of gh-13"),
        says(8, "4", "Duplicate of #8"),
    ];
    mirror.take(&page(&issues, &comments), NOW).unwrap();
    let masters = || -> Vec<_> {
        let of = |number| mirror.issue(number).unwrap().unwrap().duplicate_of;
        (5..=8).map(of).collect()
    };
    assert_eq!(masters(), [Some(12), None, Some(13), None]);
    // A later listing gives the report alone.
    mirror.take(&page(&issues, &[]), NOW).unwrap();
    assert_eq!(masters(), [Some(12), None, Some(13), None]);
    mirror.take(&page(&[issue(5, "walrus")], &[]), NOW).unwrap();
    assert_eq!(masters()[0], None, "it was opened again");
}

#[test]
fn how_far_a_listing_is_is_known_until_it_ends() {
    let store = store();
    let mirror = store.mirror("here");
    assert_eq!(mirror.state().unwrap().listing, None);
    mirror.ask(NOW).unwrap();
    assert_eq!(mirror.state().unwrap().asked_at, Some(NOW));
    mirror.take(&page(&[issue(1, "a")], &[]), NOW).unwrap();
    mirror
        .take(&page(&[issue(2, "b"), issue(3, "c")], &[]), NOW + 9)
        .unwrap();
    let listing = ListingUnderWay {
        begun_at: NOW,
        given: 3,
        to_come: Some(40),
    };
    assert_eq!(mirror.state().unwrap().listing, Some(listing));
    assert_eq!(mirror.state().unwrap().cursor.as_deref(), Some("c"));
    assert_eq!(store.mirror("elsewhere").state().unwrap().listing, None);
    let state = mirror.finish_sync(3, NOW + 10).unwrap();
    assert_eq!((state.listing, state.asked_at), (None, None));
    assert_eq!(state.cursor.as_deref(), Some("c"));
    mirror.ask(NOW).unwrap();
    mirror.stop_asking().unwrap();
    assert_eq!(mirror.state().unwrap().asked_at, None);
}

#[test]
fn tidying_changes_nothing_that_is_found() {
    let store = store();
    let mirror = store.mirror("here");
    for number in 1..=40 {
        // Each in a transaction and a piece of its own.
        let title = format!("walrus {number}");
        mirror.upsert(&[issue(number, &title)], None).unwrap();
    }
    mirror.remove(7).unwrap();
    let pieces = || -> i64 {
        let count = "SELECT count(DISTINCT segid) FROM issue_texts_idx";
        let count = store.connection.query_row(count, [], |row| row.get(0));
        count.unwrap()
    };
    assert!(pieces() > 1);
    let mut steps = 0;
    while mirror.tidy().unwrap() {
        steps += 1;
        assert!(steps < 100, "it never ends");
    }
    assert_eq!(pieces(), 1);
    assert_eq!(mirror.frequency("walrus", 100).unwrap(), 39);
    assert_eq!(found(mirror, "39"), [39]);
    assert_eq!(found(mirror, "7"), [0; 0]);
}

#[test]
fn when_a_report_was_closed_is_seen_where_the_tracker_does_not_say() {
    let store = store();
    let mirror = store.mirror("here");
    let closed = |updated_at| Issue {
        open: false,
        resolution: Some("fixed".to_owned()),
        updated_at,
        ..issue(5, "test_os fails")
    };
    let seen = |issue: Issue| {
        mirror.upsert(&[issue], None).unwrap();
        mirror.issue(5).unwrap().unwrap().closed_at
    };
    // Of one that was closed before the first listing nobody knows when that was.
    assert_eq!(seen(closed(NOW + 1)), None);
    assert_eq!(seen(issue(5, "test_os fails")), None);
    assert_eq!(seen(closed(NOW + 3)), Some(NOW + 3));
    // Somebody says thanks.
    assert_eq!(seen(closed(NOW + 9)), Some(NOW + 3));
    mirror.reopened(5).unwrap();
    let opened = mirror.issue(5).unwrap().unwrap();
    assert_eq!(
        (opened.open, opened.closed_at, opened.resolution),
        (true, None, None)
    );
}

#[test]
fn a_files_comment_and_the_trackers_own_are_one() {
    let store = store();
    let mirror = store.mirror("here");
    let with = |comments: Vec<IssueComment>| Issue {
        comments,
        ..issue(5, "test_os fails")
    };
    let ids = || -> Vec<String> {
        let issue = mirror.issue(5).unwrap().unwrap();
        issue.comments.into_iter().map(|it| it.id).collect()
    };
    let of_file = || {
        with(vec![
            comment("5-1", "otter", NOW),
            comment("5-2", "mole", NOW),
        ])
    };
    mirror.upsert(&[of_file()], None).unwrap();
    let own = with(vec![comment("901", "otter", NOW + 3600)]);
    mirror.upsert(&[own], None).unwrap();
    assert_eq!(ids(), ["5-2", "901"]);
    mirror.upsert(&[of_file()], None).unwrap();
    assert_eq!(ids(), ["5-2", "901"]);
    // The same words of another day are another comment.
    let later = with(vec![comment("902", "otter", NOW + 5 * 86_400)]);
    mirror.upsert(&[later], None).unwrap();
    assert_eq!(ids().len(), 3);
}
