//! Where an incident is reported, and what people say of that.

use serde_json::{Value, json};

use super::desk::{Desk, notice_on};

/// The same failure on a builder of that number.
fn take(desk: &Desk, number: u32) {
    let builder = format!("AMD64 Machine{number:02} 3.x");
    desk.take(notice_on(&builder, &format!("n{number}")));
}

/// A desk on which the third draft of a failure would only count.
fn with_a_count() -> Desk {
    let desk = Desk::new("");
    for number in 1..=2 {
        take(&desk, number);
        desk.approve(number.into());
    }
    take(&desk, 3);
    assert_eq!(desk.row(3)["actions"][0]["do"], "count");
    desk
}

#[test]
fn who_rejects_a_count_says_nothing_of_the_report() {
    let desk = with_a_count();
    let said = desk.done(&["reject", "3", "--reason", "enough of these"]);
    assert!(!said.contains("Remembered"), "{said}");
    take(&desk, 4);
    let row = desk.row(4);
    assert_eq!(row["actions"][0]["do"], "count", "{row}");
    assert_eq!(row["actions"][0]["issue"], 1, "{row}");
    // A person can say so.
    desk.done(&["link", "4", "new"]);
    desk.done(&["reject", "4", "--reason", "it is another failure"]);
    take(&desk, 5);
    assert_eq!(desk.row(5)["actions"][0]["do"], "open");
}

#[test]
fn an_incident_that_has_no_report_yet_says_whether_it_will() {
    let desk = Desk::new("");
    let incident = || -> (Value, String) {
        let all = desk.json(&["incidents"]);
        (all["incidents"][0].clone(), desk.done(&["incidents"]))
    };
    take(&desk, 1);
    take(&desk, 2);
    let (one, told) = incident();
    assert_eq!(one["draft"], desk.key(1).as_str(), "{one}");
    let waits = format!("a draft waits: {}", desk.key(1));
    assert!(
        told.contains(&waits) && !told.contains("not reported"),
        "{told}"
    );
    desk.done(&["pause"]);
    desk.done(&["approve", &desk.key(1)]);
    let (one, told) = incident();
    assert_eq!(
        (&one["draft"], &one["being_reported"]),
        (&Value::Null, &json!(true))
    );
    assert!(told.contains("being reported by 1"), "{told}");
    desk.done(&["resume"]);
    desk.settle();
    let (one, told) = incident();
    assert_eq!(
        (&one["report"]["issue"], &one["being_reported"]),
        (&json!(1), &json!(false))
    );
    assert!(told.contains("#1: "), "{told}");
}

#[test]
fn what_was_rejected_is_not_reported() {
    let desk = Desk::new("");
    take(&desk, 1);
    desk.done(&["reject", "1", "--reason", "not a bug"]);
    assert!(desk.done(&["incidents"]).contains("not reported"));
}
