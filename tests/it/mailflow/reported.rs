//! Where an incident is reported, and what people say of that.

use serde_json::{Value, json};

use super::desk::{Desk, Notice, STRING};

/// The same failure on a builder of that number.
fn take(desk: &Desk, number: u32) {
    let builder = format!("AMD64 Machine{number:02} 3.x");
    let id = format!("n{number}");
    let notice = Notice {
        fixture: STRING,
        builder: &builder,
        id: &id,
    };
    desk.take(notice.mail());
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
