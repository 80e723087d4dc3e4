//! The same mail twice, two mails with one id, mails without an id (I2).

use super::desk::{Desk, notice, text_of};

#[test]
fn two_copies_of_a_mail_are_one_notification() {
    let desk = Desk::new("");
    desk.put(notice("first"));
    // By another way, folded and with other line ends.
    let other_way = notice("first").replace('\n', "\r\n");
    desk.put(format!(
        "Received: by another; way\r\nX-Mailman-Version: 3\r\n{other_way}"
    ));
    desk.settle();
    assert_eq!(desk.all().len(), 1);
    desk.approve(1);
    desk.take(notice("first"));
    assert_eq!(desk.all().len(), 1);
    assert_eq!(desk.sent().len(), 1);
}

#[test]
fn another_mail_with_the_same_id_is_kept_for_a_person() {
    let desk = Desk::new("");
    desk.take(notice("first"));
    desk.take(notice("first").replace("test_capwords", "test_else"));
    assert_eq!(desk.all().len(), 1);
    let status = desk.json(&["status"]);
    assert!(status["conflicts"].to_string().contains('1'), "{status}");
    let told = desk.done(&["status"]);
    assert!(told.contains("Message-ID"), "{told}");
    // The first one stays what it was.
    let shown = desk.done(&["show", "1"]);
    assert!(
        shown.contains("test_capwords") && !shown.contains("test_else"),
        "{shown}"
    );
    let trail = desk.done(&["history", "1"]);
    assert!(trail.contains("conflict"), "{trail}");
}

#[test]
fn a_mail_without_an_id_is_answered_without_a_thread() {
    let desk = Desk::new("");
    let mail = notice("");
    desk.put(&mail);
    desk.put(&mail);
    desk.put(notice("").replace("builds/4", "builds/5"));
    desk.settle();
    assert_eq!(desk.all().len(), 2);
    let shown = desk.done(&["show", "1"]);
    assert!(shown.contains("no valid Message-ID"), "{shown}");
    desk.approve(1);
    let sent = String::from_utf8(desk.sent().remove(0)).unwrap();
    assert!(
        !sent.contains("In-Reply-To") && !sent.contains("References"),
        "{sent}"
    );
    assert!(
        sent.contains("\nTo: buildbot-status@python.org\r\n"),
        "{sent}"
    );
    assert!(
        text_of(sent.as_bytes()).contains("tracker.invalid"),
        "{sent}"
    );
    // An id that could carry a header into our mail counts as none.
    let bad = format!(
        "Message-ID: <a b@c>\n{}",
        notice("").replace("builds/4", "builds/6")
    );
    desk.take(bad);
    let shown = desk.done(&["show", "3"]);
    assert!(shown.contains("no valid Message-ID"), "{shown}");
}
