//! The table below a comment of ours, which is edited in place.

use super::*;

fn table(number: u64, of: &Marker, text: &str) -> Work {
    let Work::Comment { issue, .. } = comment(number) else {
        unreachable!()
    };
    Work::Table {
        issue,
        of: of.clone(),
        table: text.into(),
    }
}

/// An issue with a comment of ours below one of somebody's, and its marker.
async fn commented(github: &StandIn, tracker: &Tracker) -> Marker {
    let somebody = user(9, "somebody", false);
    github.state().open(&somebody, "test_os fails", "");
    github.state().comment(1, &somebody, "me too");
    let (work, marker) = (comment(1), fresh_marker());
    let prepared = tracker.prepare(&work, &marker, None).await.unwrap();
    done(tracker.perform(&work, &marker, &prepared).await);
    marker
}

fn text(github: &StandIn) -> String {
    github.state().issues[0].comments[1].body.clone()
}

#[test]
fn a_table_is_put_below_our_comment_and_replaced_there() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        let of = commented(&github, &tracker).await;
        let first = fresh_marker();
        let work = table(1, &of, "| a | 1 |\n");
        let prepared = tracker.prepare(&work, &first, None).await.unwrap();
        assert!(!text(&github).contains("| a |"), "nothing happened yet");
        // Somebody with the right to adds a word in between.
        github.state().issues[0].comments[1]
            .body
            .push_str("\r\nEdited by a person.\r\n");
        done(tracker.perform(&work, &first, &prepared).await);
        done(tracker.perform(&work, &first, &prepared).await);
        let once = text(&github);
        assert_eq!(once.matches("| a | 1 |").count(), 1, "{once}");
        assert!(
            once.starts_with("Again on AMD64 Debian root 3.x\n")
                && once.contains("Edited by a person.\n")
                && once.contains(&line(&of))
                && once.contains(&line(&first)),
            "{once}"
        );
        let found = tracker.find_own(&work, &first, None, 0).await.unwrap();
        assert_eq!(found.unwrap().number, 1);
        done(tracker.prepare(&work, &first, None).await.unwrap_err());
        // The next one takes its place, and the comment is still found.
        let second = fresh_marker();
        let work = table(1, &of, "| a | 2 |\n| b | 1 |\n");
        let prepared = tracker.prepare(&work, &second, None).await.unwrap();
        done(tracker.perform(&work, &second, &prepared).await);
        let twice = text(&github);
        assert!(
            twice.contains("| a | 2 |") && !twice.contains("| a | 1 |"),
            "{twice}"
        );
        assert_eq!(github.state().issues[0].comments.len(), 2);
    });
}

#[test]
fn a_table_without_its_comment_is_refused() {
    run(async {
        let github = StandIn::start().await;
        let tracker = tracker(&github);
        commented(&github, &tracker).await;
        let work = table(1, &fresh_marker(), "| a | 1 |");
        let refused = tracker.prepare(&work, &fresh_marker(), None).await;
        assert!(
            matches!(&refused, Err(Outcome::Refused { why }) if why.contains("is not there")),
            "{refused:?}"
        );
        // It was there and is deleted.
        let gone = tracker.perform(&work, &fresh_marker(), "77").await;
        assert!(matches!(gone, Outcome::Refused { .. }), "{gone:?}");
    });
}
