//! A person answers on the list, and names a bug report or does not.

use super::desk::{Desk, notice, person};

/// An answer to a notification.
fn answer(id: &str, to: &str, body: &str) -> String {
    let headers = format!(
        "Message-ID: <{id}@people.example.test>\nIn-Reply-To: <{to}@mx.example.test>\n\
         References: <{to}@mx.example.test>\n"
    );
    person(
        "Re: [Buildbot-status] Buildbot: failed test",
        &headers,
        body,
    )
}

/// A desk with a report of another failure, and a draft about `first`.
fn with_draft() -> (Desk, i64) {
    let desk = Desk::new("");
    desk.settle();
    let report = desk.report("Something about capitals", "It is wrong now and then.");
    desk.take(notice("first"));
    assert_eq!(desk.row(1)["actions"][0]["do"], "open");
    (desk, report)
}

#[test]
fn a_report_that_a_person_names_is_taken_and_remembered() {
    for words in [
        "https://tracker.invalid/issue/N",
        "issue N",
        "See #N, please.",
    ] {
        let (desk, report) = with_draft();
        let body = words.replace('N', &report.to_string());
        desk.take(answer(
            "a",
            "first",
            &format!("Known:\n{body}\n\n> more #4711\n"),
        ));
        let (reason, note) = desk.closed(1);
        assert_eq!(reason, "answered_by_human", "{words}: {note}");
        assert!(
            note.contains("Grace Hopper") && note.contains("/issue/"),
            "{note}"
        );
        assert_eq!(desk.closed(2).0, "human_reply");
        let said = desk.refused(&["approve", "1", "--yes"]);
        assert!(said.contains("closed"), "{said}");

        desk.take(notice("second"));
        let row = desk.row(3);
        assert_eq!(row["certainty"], "strong", "{row}");
        assert_eq!(row["actions"][0]["do"], "comment", "{row}");
        assert_eq!(row["actions"][0]["issue"], report);
        let shown = desk.done(&["show", "3"]);
        assert!(shown.contains("Grace Hopper said"), "{shown}");
    }
}

#[test]
fn an_answer_that_names_no_report_closes_nothing() {
    let (desk, report) = with_draft();
    let quoted = format!("Really?\n\n> https://tracker.invalid/issue/{report}\n> issue {report}\n");
    let signed = format!("I look.\n-- \nhttps://tracker.invalid/issue/{report}\n");
    let forwarded = format!("-----Original Message-----\nissue {report}\n");
    for (number, body) in [
        "I have a look.",
        "This was build #1 of builder #1, and #4711 is nobody's.",
        "https://github.com/python/cpython/issues/1 and gh-1 are elsewhere",
        &quoted,
        &signed,
        &forwarded,
    ]
    .into_iter()
    .enumerate()
    {
        desk.put(answer(&format!("a{number}"), "first", body));
    }
    // To another mail, and to none.
    desk.put(answer("b1", "other", &format!("issue {report}")));
    desk.put(person(
        "Re: that",
        "Message-ID: <b2@x>\n",
        &format!("issue {report}"),
    ));
    // Not from the list.
    let elsewhere = answer("b3", "first", &format!("issue {report}"));
    desk.put(elsewhere.replace("buildbot-status.python.org", "other.python.org"));
    // By a machine.
    let vacation = answer("b4", "first", &format!("issue {report}"));
    desk.put(format!("Auto-Submitted: auto-replied\n{vacation}"));
    desk.settle();
    let row = desk.row(1);
    assert_eq!(row["stage"], "drafted", "{row}");
    assert_eq!(desk.all().len(), 11);
    desk.approve(1);
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn after_our_approval_a_persons_answer_changes_nothing() {
    let (desk, report) = with_draft();
    desk.approve(1);
    assert_eq!(desk.row(1)["stage"], "delivered");
    desk.take(answer("late", "first", &format!("issue {report}")));
    assert_eq!(desk.row(1)["stage"], "delivered");
    assert_eq!(desk.closed(2).0, "human_reply");
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn an_answer_that_is_here_first_is_told_and_not_lost() {
    // Mails can overtake each other: the answer is read before what it answers.
    let desk = Desk::new("");
    desk.settle();
    let report = desk.report("Something about capitals", "It is wrong now and then.");
    desk.put(answer("early", "first", &format!("issue {report}")));
    desk.put(notice("first"));
    desk.settle();
    assert_eq!(desk.closed(1).0, "human_reply");
    assert_eq!(desk.closed(2).0, "answered_by_human", "{}", desk.row(2));
}
