use super::upsert::page;
use super::*;
use crate::domain::issue::IssueComment;
use crate::store::{Combine, CommentUpdate, Mirror, MirrorHealth, Order};

pub(super) fn comment(id: &str, text: &str, at: Seconds) -> IssueComment {
    IssueComment {
        id: id.to_owned(),
        author: "ben".to_owned(),
        text: text.to_owned(),
        at,
    }
}

pub(super) fn found(mirror: Mirror<'_>, term: &str) -> Vec<u64> {
    let hits = mirror
        .full_text(&[term], Combine::All, Order::Activity, 10)
        .unwrap();
    hits.iter().map(|hit| hit.issue.number).collect()
}

/// So many open reports, numbered from 1.
fn fill(mirror: Mirror<'_>, open: u64) {
    let issues: Vec<_> = (1..=open)
        .map(|n| issue(n, &format!("title {n}")))
        .collect();
    mirror.upsert(&issues, None).unwrap();
}

fn close(mirror: Mirror<'_>, numbers: std::ops::RangeInclusive<u64>) {
    let closed: Vec<_> = numbers
        .map(|n| Issue {
            open: false,
            closed_at: Some(NOW),
            ..issue(n, &format!("title {n}"))
        })
        .collect();
    mirror.upsert(&closed, None).unwrap();
}

#[test]
fn a_report_is_read_as_it_was_written() {
    let store = store();
    let mirror = store.mirror("here");
    let written = Issue {
        comments: vec![comment("2", "first", NOW), comment("10", "second", NOW)],
        ..issue(5, "test_os fails")
    };
    mirror
        .upsert(std::slice::from_ref(&written), Some("page 2"))
        .unwrap();
    assert_eq!(mirror.issue(5).unwrap(), Some(written));
    assert_eq!(mirror.issue(6).unwrap(), None);
    assert_eq!(mirror.state().unwrap().cursor.as_deref(), Some("page 2"));
    assert_eq!(store.mirror("elsewhere").issue(5).unwrap(), None);
    assert_eq!(store.mirror("elsewhere").count().unwrap(), 0);
}

#[test]
fn the_indexes_follow_every_change() {
    let store = store();
    let mirror = store.mirror("here");
    let first = Issue {
        body: "walrus".to_owned(),
        comments: vec![comment("1", "otter", NOW)],
        ..issue(5, "beaver")
    };
    mirror.upsert(&[first], None).unwrap();
    for term in ["beaver", "walrus", "otter"] {
        assert_eq!(found(mirror, term), [5], "{term}");
    }
    // An update without comments keeps them.
    let second = Issue {
        body: "seal".to_owned(),
        ..issue(5, "badger")
    };
    mirror.upsert(&[second], None).unwrap();
    for (term, expected) in [
        ("beaver", vec![]),
        ("walrus", vec![]),
        ("seal", vec![5]),
        ("badger", vec![5]),
        ("otter", vec![5]),
    ] {
        assert_eq!(found(mirror, term), expected, "{term}");
    }
    assert!(mirror.titles_containing("beaver", 5).unwrap().is_empty());
    assert!(mirror.titles_containing("eave", 5).unwrap().is_empty());
    assert_eq!(mirror.titles_containing("adge", 5).unwrap().len(), 1);

    let updates = [
        CommentUpdate {
            issue: 5,
            comment: comment("1", "weasel", NOW),
        },
        CommentUpdate {
            issue: 9,
            comment: comment("2", "stoat", NOW),
        },
    ];
    mirror.take(&page(&[], &updates), NOW).unwrap();
    assert_eq!(found(mirror, "otter"), [0; 0]);
    assert_eq!(found(mirror, "weasel"), [5]);
    assert_eq!(found(mirror, "stoat"), [0; 0]);

    mirror.remove(5).unwrap();
    assert_eq!(found(mirror, "weasel"), [0; 0]);
    assert_eq!(mirror.count().unwrap(), 0);
    // A new report must not take over anything of the one removed.
    mirror.upsert(&[issue(6, "mole")], None).unwrap();
    assert_eq!(found(mirror, "badger"), [0; 0]);
}

#[test]
fn health_goes_from_incomplete_to_fresh_to_stale() {
    let store = store();
    let mirror = store.mirror("here");
    let health = |now| mirror.health(now, 3600).unwrap();
    fill(mirror, 3);
    assert!(matches!(health(NOW), MirrorHealth::Incomplete(_)));
    mirror.finish_sync(3, NOW).unwrap();
    assert_eq!(health(NOW), MirrorHealth::Fresh);
    assert_eq!(health(NOW + 3600), MirrorHealth::Fresh);
    assert!(matches!(health(NOW + 3601), MirrorHealth::Stale(_)));
    assert!(
        matches!(health(NOW - 3600), MirrorHealth::Stale(_)),
        "the clock went back"
    );
    assert!(matches!(
        store.mirror("elsewhere").health(NOW, 3600).unwrap(),
        MirrorHealth::Incomplete(_)
    ));
}

#[test]
fn an_empty_tracker_can_be_fresh() {
    let store = store();
    let mirror = store.mirror("here");
    mirror.finish_sync(0, NOW).unwrap();
    assert_eq!(mirror.health(NOW, 60).unwrap(), MirrorHealth::Fresh);
}

#[test]
fn a_short_list_is_suspicious_until_the_next_good_one() {
    let store = store();
    let mirror = store.mirror("here");
    fill(mirror, 100);
    mirror.finish_sync(100, NOW).unwrap();
    mirror.finish_sync(98, NOW + 1).unwrap();
    assert_eq!(
        mirror.health(NOW + 1, 60).unwrap(),
        MirrorHealth::Fresh,
        "2 % is allowed"
    );
    mirror.finish_sync(100, NOW + 2).unwrap();
    mirror.finish_sync(97, NOW + 3).unwrap();
    let words = mirror.health(NOW + 3, 60).unwrap().to_string();
    assert_eq!(words, "97 open reports were listed, 100 the time before");
    assert_eq!(
        mirror.state().unwrap().open_at_complete,
        Some(100),
        "the measure stays"
    );
    mirror.finish_sync(97, NOW + 4).unwrap();
    assert!(matches!(
        mirror.health(NOW + 4, 60).unwrap(),
        MirrorHealth::Suspicious(_)
    ));
    mirror.finish_sync(100, NOW + 5).unwrap();
    assert_eq!(mirror.health(NOW + 5, 60).unwrap(), MirrorHealth::Fresh);
}

#[test]
fn a_few_closings_that_were_seen_are_ordinary() {
    let store = store();
    let mirror = store.mirror("here");
    fill(mirror, 20);
    mirror.finish_sync(20, NOW).unwrap();
    close(mirror, 1..=5);
    mirror.finish_sync(15, NOW).unwrap();
    assert_eq!(mirror.health(NOW, 60).unwrap(), MirrorHealth::Fresh);
    // Six at once may be a misread state.
    close(mirror, 6..=11);
    mirror.finish_sync(9, NOW).unwrap();
    assert!(matches!(
        mirror.health(NOW, 60).unwrap(),
        MirrorHealth::Suspicious(_)
    ));
    mirror.accept("anna", NOW).unwrap();
    assert_eq!(mirror.health(NOW, 60).unwrap(), MirrorHealth::Fresh);
    assert_eq!(mirror.state().unwrap().open_at_complete, Some(9));
    assert_eq!(store.recent_trail(1).unwrap()[0].who, "anna");
}

#[test]
fn reports_the_tracker_speaks_of_have_to_be_here() {
    let store = store();
    let mirror = store.mirror("here");
    fill(mirror, 90);
    mirror.finish_sync(100, NOW).unwrap();
    let words = mirror.health(NOW, 60).unwrap().to_string();
    assert_eq!(words, "the tracker speaks of 100 open reports, 90 are here");
    fill(mirror, 99);
    mirror.finish_sync(100, NOW).unwrap();
    assert_eq!(mirror.health(NOW, 60).unwrap(), MirrorHealth::Fresh);
}

#[test]
fn an_index_that_lost_something_is_noticed() {
    for index in ["issue_titles", "issue_title_parts", "issue_texts"] {
        let store = store();
        let mirror = store.mirror("here");
        fill(mirror, 9);
        mirror.finish_sync(9, NOW).unwrap();
        let lose = format!("DELETE FROM {index} WHERE rowid = (SELECT max(id) FROM issues)");
        store.connection.execute(&lose, []).unwrap();
        let words = mirror.health(NOW, 60).unwrap().to_string();
        assert_eq!(
            words, "the search does not find issue 9 by its own title",
            "{index}"
        );
    }
}

#[test]
fn a_search_that_misses_a_text_is_noticed_and_the_next_listing_mends_the_index() {
    let store = store();
    let mirror = store.mirror("here");
    let whole = Issue {
        body: "in its body".to_owned(),
        comments: vec![comment("1", "of the comment", NOW)],
        ..issue(5, "beaver")
    };
    mirror.upsert(&[issue(4, "mole"), whole], None).unwrap();
    mirror.finish_sync(2, NOW).unwrap();
    assert_eq!(mirror.health(NOW, 60).unwrap(), MirrorHealth::Fresh);
    let index_has = |body: &str, comments: &str| {
        let put = "INSERT OR REPLACE INTO issue_texts (rowid, title, body, comments)
                   SELECT id, title, ?1, ?2 FROM issues WHERE number = 5";
        store.connection.execute(put, [body, comments]).unwrap();
        mirror.health(NOW, 60).unwrap().to_string()
    };
    let misses = |by: &str| format!("the search does not find issue 5 by its own {by}");
    assert_eq!(index_has("", "of the comment"), misses("text"));
    assert_eq!(index_has("in its body", "of a"), misses("last comment"));

    let lose = "DELETE FROM issue_texts WHERE rowid IN (1, 2);
                DELETE FROM issue_titles WHERE rowid = 1;
                INSERT INTO issue_title_parts (rowid, title) VALUES (77, 'nobody');";
    store.connection.execute_batch(lose).unwrap();
    assert!(matches!(
        mirror.health(NOW, 60).unwrap(),
        MirrorHealth::Suspicious(_)
    ));
    mirror.finish_sync(2, NOW).unwrap();
    assert_eq!(mirror.health(NOW, 60).unwrap(), MirrorHealth::Fresh);
    assert_eq!(found(mirror, "comment"), [5]);
    assert_eq!(found(mirror, "mole"), [4]);
    let orphans = "SELECT count(*) FROM issue_title_parts_docsize WHERE id = 77";
    let orphans = store.connection.query_row(orphans, [], |row| row.get(0));
    assert_eq!(orphans, Ok(0));
}

#[test]
fn strange_titles_are_found_too() {
    let store = store();
    let mirror = store.mirror("here");
    let long = "word ".repeat(100) + &"x".repeat(300);
    for title in [
        "",
        "?",
        "a",
        "a\"b OR c*",
        "\u{0}nul \u{0} inside",
        "日本語のタイトル",
        "ﬁ ǅ İ",
        &long,
    ] {
        let store = self::store();
        let mirror = store.mirror("here");
        mirror.upsert(&[issue(1, title)], None).unwrap();
        mirror.finish_sync(1, NOW).unwrap();
        assert_eq!(
            mirror.health(NOW, 60).unwrap(),
            MirrorHealth::Fresh,
            "{title:?}"
        );
    }
    assert_eq!(mirror.count().unwrap(), 0);
}
