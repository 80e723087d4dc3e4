//! Deciding by mail, with the mailbox and what leaves on disk: the tests write what the
//! receiving server would, and whatever others could.

use mail_parser::MessageParser;
use serde_json::Value;

use super::desk::{Desk, OWN, altered, notice, text_of};

const ADA: &str = "ada@example.org";

/// What the receiving server puts on top of a mail with a good signature.
fn server(domain: &str) -> String {
    format!(
        "Return-Path: <ada@example.org>\n\
         Authentication-Results: mx.watch.example; dkim=pass header.d={domain}\n{HOP}"
    )
}

pub const HOP: &str = "Received: from x by mx.watch.example (Postfix); Sun, 22 Nov 2026\n";

/// Ada may decide so by mail.
pub fn desk_where(may: &str) -> Desk {
    desk_with(&format!("address = \"{ADA}\", may = [{may}]"), "")
}

pub fn desk_with(ada: &str, more: &str) -> Desk {
    Desk::with_sections(&format!(
        "[approvers]\nanswers_to = \"decide@watch.example\"\n\
         authserv_id = \"mx.watch.example\"\n{more}\n\
         [approvers.people]\n\"Ada Lovelace\" = {{ {ada} }}\n"
    ))
}

pub const ALL: &str = r#""approve", "reject", "hold", "link", "edit""#;

fn header(mail: &[u8], name: &str) -> String {
    let message = MessageParser::new().parse(mail).expect("a mail");
    let raw = message.header_raw(name).unwrap_or_default();
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The mails to Ada, oldest first.
pub fn letters(desk: &Desk) -> Vec<Vec<u8>> {
    let to_ada = |mail: &Vec<u8>| header(mail, "To") == ADA;
    let mut all: Vec<_> = desk.sent().into_iter().filter(to_ada).collect();
    let order = |mail: &Vec<u8>| {
        let kinds = ["aiting for your decision", "is approved by you"];
        let text = text_of(mail);
        (
            header(mail, "Date"),
            kinds.iter().position(|it| text.contains(it)),
        )
    };
    all.sort_by_key(order);
    all
}

/// The letters whose text holds these words.
pub fn saying(desk: &Desk, words: &str) -> Vec<Vec<u8>> {
    let says = |mail: &Vec<u8>| text_of(mail).contains(words);
    letters(desk).into_iter().filter(says).collect()
}

/// The one letter that asks about the current revision of a draft.
#[track_caller]
pub fn request(desk: &Desk, id: i64) -> Vec<u8> {
    let asks = saying(desk, &format!("TO DECIDE ON {}", desk.key(id)));
    let [only] = asks.as_slice() else {
        panic!("{} letters ask about {id}", asks.len());
    };
    only.clone()
}

/// A mail client's answer to a letter: `id` makes the Message-ID.
pub fn answer(letter: &[u8], id: &str, body: &str) -> String {
    format!(
        "From: Ada <{ADA}>\nTo: {}\nSubject: Re: {}\nMessage-ID: <{id}@example.org>\n\
         In-Reply-To: {}\nContent-Type: text/plain; charset=utf-8\n\n{body}\n",
        header(letter, "Reply-To"),
        header(letter, "Subject"),
        header(letter, "Message-ID"),
    )
}

pub fn signed(mail: &str) -> String {
    format!("{}{mail}", server("example.org"))
}

#[track_caller]
fn undecided(desk: &Desk, id: i64) -> Value {
    let row = desk.row(id);
    assert!(
        row["decision"].is_null() && row["stage"] == "drafted",
        "{row}"
    );
    row
}

#[test]
fn an_answer_approves_exactly_what_the_mail_showed() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    let text = text_of(&letter);
    for words in [
        "AMD64 Debian root 3.x",
        "test_string",
        "WHAT WOULD LEAVE",
        "a new report: ",
        "===== mail to the list",
        "approve          everything above",
        "no open report found",
        "verdict: new; proposed: open a report",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(header(&letter, "Auto-Submitted"), "auto-generated");
    assert!(desk.reports().is_empty());

    let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
    let body = format!("Approve\n\nOn Sunday, Buildbot Watch <{OWN}> wrote:\n{quoted}");
    desk.take(signed(&answer(&letter, "a1", &body)));
    let row = desk.row(1);
    assert_eq!(row["decision"]["who"], "Ada Lovelace", "{row}");
    assert_eq!(desk.reports().len(), 1);
    let replies: Vec<_> = desk.sent();
    let list = "buildbot-status@python.org";
    let mut replies = replies.iter().filter(|mail| header(mail, "To") == list);
    let reply = text_of(replies.next().expect("a reply"));
    assert!(reply.contains("Checked by Ada Lovelace"), "{reply}");
    let (reason, _) = desk.closed(2);
    assert_eq!(reason, "answer");
    let trail = desk.json(&["history", "1"]).to_string();
    assert!(trail.contains("by mail"), "{trail}");
    let told = saying(&desk, "1 is approved by you");
    assert_eq!(told.len(), 1);
    assert_eq!(header(&told[0], "In-Reply-To"), "<a1@example.org>");

    // A second mail and the same one again decide nothing, and break nothing.
    desk.take(signed(&answer(&letter, "a1", &body)));
    desk.take(signed(&answer(&letter, "a2", "reject it is wrong")));
    assert_eq!(saying(&desk, "you answered this mail before").len(), 1);
    assert_eq!(saying(&desk, "1 is approved by you").len(), 1);
    assert_eq!(desk.reports().len(), 1);
}

#[test]
fn approving_is_off_unless_it_is_on() {
    let desk = desk_with(&format!("address = \"{ADA}\""), "");
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    let text = text_of(&letter);
    assert!(!text.contains("\napprove "), "{text}");
    desk.take(signed(&answer(&letter, "a1", "approve")));
    undecided(&desk, 1);
    assert_eq!(saying(&desk, "you may not approve by mail").len(), 1);
    // It was no decision: the next mail may be one.
    desk.take(signed(&answer(&letter, "a2", "hold")));
    let row = desk.row(1);
    assert_eq!(row["held"]["who"], "Ada Lovelace", "{row}");
    assert_eq!(saying(&desk, "is held by you").len(), 1);
    desk.done(&["release", "1"]);
    // The first word was used up; the page, or a reminder, gives another.
    desk.take(signed(&answer(&letter, "a3", "reject too late")));
    undecided(&desk, 1);

    let other = desk_with(&format!("address = \"{ADA}\""), "");
    other.take(notice("first"));
    let letter = request(&other, 1);
    other.take(signed(&answer(
        &letter,
        "a1",
        "reject no bug,\nit was the network\n\nAda",
    )));
    let (reason, note) = other.closed(1);
    assert_eq!(reason, "rejected");
    assert!(
        note.contains("Ada Lovelace: no bug, it was the network"),
        "{note}"
    );
}

/// Mails that are not known to be of Ada: nobody is told.
fn of_strangers(letter: &[u8]) -> Vec<(&'static str, String)> {
    let good = |id: &str| answer(letter, id, "approve");
    let ours = |id: &str| signed(&good(id));
    let with = |header: &str, id: &str| signed(&format!("{header}\n{}", good(id)));
    let without_from = good("n1").split_once('\n').map(|it| it.1.to_owned());
    let two = format!("From: {ADA}, eve@evil.example\n{}", without_from.unwrap());
    let elsewhere = format!("{}{}", server("evil.example"), good("n3"));
    let forged = format!("{HOP}{}{}", server("example.org"), good("n4"));
    let eve = ours("n5").replace("Ada <ada@", "Eve <eve@");
    let bounce = ours("n10").replace("Return-Path: <ada@example.org>", "Return-Path: <>");
    let forward = ours("n12").replace("Subject: Re:", "Subject: Fwd:");
    let list = "List-Id: <buildbot-status.python.org>";
    vec![
        ("two addresses", signed(&two)),
        ("not signed", format!("{HOP}{}", good("n2"))),
        ("signed by another domain", elsewhere),
        ("a forged header below the server's", forged),
        ("somebody else's address", eve),
        ("two authors", with("From: Eve <eve@evil.example>", "n6")),
        ("another sender", with("Sender: eve@evil.example", "n7")),
        (
            "a vacation answer",
            with("Auto-Submitted: auto-replied", "n8"),
        ),
        ("an old vacation answer", with("Precedence: junk", "n9")),
        ("a bounce", bounce),
        ("by way of the list", with(list, "n11")),
        ("a forward", forward),
    ]
}

/// Ada's own mails that decide nothing, and what she is told.
fn of_ada(letter: &[u8]) -> Vec<(String, &'static str)> {
    let good = |id: &str, body: &str| signed(&answer(letter, id, body));
    let other_token = good("t0", "approve").replace("decide+", "decide+0");
    let html = good("t3", "<p>approve</p>").replace("text/plain", "text/html");
    let no_draft = good("t4", "approve").replace("In-Reply-To", "X-Was");
    let no_draft = no_draft.replace(&header(letter, "Reply-To"), "decide@watch.example");
    vec![
        (other_token, "no draft has the address"),
        (good("t1", "> approve"), "nothing of your own"),
        (good("t2", "Hi,\n\napprove"), "is no decision"),
        (html, "no plain text"),
        (no_draft, "does not tell which draft"),
        (good("t5", "link somewhere"), "is no issue"),
        (good("t6", "release"), "may not release by mail"),
        (good("t7", "approve\n\nhold on"), "and also"),
    ]
}

#[test]
fn what_is_not_plainly_her_answer_decides_nothing() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    for (what, mail) in of_strangers(&letter) {
        desk.take(mail);
        let row = desk.all().remove(0);
        assert_eq!(row["closed"]["reason"], "answer", "{what}: {row}");
        undecided(&desk, 1);
        assert_eq!(letters(&desk).len(), 1, "{what}: somebody was told");
    }
    for (at, (mail, words)) in of_ada(&letter).into_iter().enumerate() {
        desk.take(mail);
        undecided(&desk, 1);
        assert_eq!(saying(&desk, words).len(), 1, "{words}");
        assert_eq!(letters(&desk).len(), at + 2, "{words}");
    }
    // A verb on the list is a person's word like any other.
    desk.take(super::desk::person("Re: failed", "", "approve\n"));
    undecided(&desk, 1);
    // After all that the letter is as good as it was.
    desk.take(signed(&answer(&letter, "last", "approve")));
    assert_eq!(desk.row(1)["decision"]["who"], "Ada Lovelace");
}

#[test]
fn a_stale_answer_is_told_what_changed_and_gets_a_fresh_mail() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let old = request(&desk, 1);
    let marker = text_of(&old)
        .lines()
        .find(|line| line.ends_with("mail to the list"))
        .expect("a marker line")
        .to_owned();
    let body = format!("edit\n{marker}\n<<new issue 1>>\n\nLooked at by <<approver>>\n\n-- \nAda");
    desk.take(signed(&answer(&old, "e1", &body)));
    assert_eq!(saying(&desk, "1 is edited by you").len(), 1);
    let fresh = request(&desk, 1);
    assert_ne!(header(&fresh, "Reply-To"), header(&old, "Reply-To"));
    assert!(text_of(&fresh).contains("Looked at by <<approver>>"));

    // A report is linked in the mail after that, and the one before is stale.
    desk.settle();
    let number = desk.report("test_string: test_capwords fails", "It fails.");
    desk.take(signed(&answer(&fresh, "e2", &format!("link {number}"))));
    let linked = request(&desk, 1);
    assert!(text_of(&linked).contains(&format!("a comment on #{number}")));
    let late = answer(&fresh, "e3", "approve")
        .replace(&header(&fresh, "Reply-To"), &header(&old, "Reply-To"));
    desk.take(signed(&late));
    assert_eq!(saying(&desk, "names another draft than the mail").len(), 1);
    undecided(&desk, 1);
    desk.take(signed(&answer(&linked, "e4", "approve")));
    assert_eq!(desk.comments().len(), 1);
}

#[test]
fn a_draft_that_changed_meanwhile_is_not_approved() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let old = request(&desk, 1);
    desk.settle();
    let number = desk.report("test_string: test_capwords fails", "It fails.");
    desk.done(&["link", &desk.key(1), &number.to_string()]);
    desk.take(signed(&answer(&old, "s1", "approve")));
    undecided(&desk, 1);
    let told = saying(&desk, "the draft is not the one you saw");
    assert_eq!(told.len(), 1);
    assert!(text_of(&told[0]).contains("\n+ "), "{}", text_of(&told[0]));
    desk.take(signed(&answer(&request(&desk, 1), "s2", "approve")));
    assert_eq!(desk.comments().len(), 1);
}

#[test]
fn stop_keeps_these_mails_back_too() {
    let desk = desk_where(ALL);
    desk.settle();
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    desk.done(&["stop", "--reason", "a test"]);
    desk.take(signed(&answer(&letter, "x1", "reject no bug")));
    let (reason, _) = desk.closed(1);
    assert_eq!(reason, "rejected");
    assert_eq!(letters(&desk).len(), 1);
    desk.done(&["clear-stop"]);
    desk.settle();
    assert_eq!(saying(&desk, "1 is rejected by you").len(), 1);
}

#[test]
fn a_digest_has_an_address_for_each_draft() {
    let digest = format!("address = \"{ADA}\", mails = \"digest\", digest_every = \"1h\"");
    let desk = desk_with(&digest, "");
    desk.put(notice("first"));
    desk.put(altered("second"));
    desk.settle();
    let all = letters(&desk);
    assert_eq!(all.len(), 1, "one mail for both");
    let text = text_of(&all[0]);
    let to: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Answer to "))
        .collect();
    assert_eq!(to.len(), 2, "{text}");
    // The reply button does not tell which.
    desk.take(signed(&answer(&all[0], "d1", "hold")));
    assert_eq!(saying(&desk, "asks about several drafts").len(), 1);
    let second = answer(&all[0], "d2", "hold").replace(&header(&all[0], "Reply-To"), to[1]);
    desk.take(signed(&second));
    assert!(desk.row(1)["held"].is_null());
    assert_eq!(desk.row(2)["held"]["who"], "Ada Lovelace");
}

#[test]
fn no_more_mails_than_the_cap() {
    let desk = desk_with(&format!("address = \"{ADA}\""), "mails_an_hour = 1");
    desk.put(notice("first"));
    desk.put(altered("second"));
    desk.settle();
    assert_eq!(letters(&desk).len(), 1);
}

/// Takes the database back to a moment in the middle of handling the last answer.
fn broken_off(desk: &Desk, more: &str) {
    drop(desk.store());
    let path = desk.path("state/buildbot-watch.sqlite3");
    let database = rusqlite::Connection::open(path).expect("a database");
    let back = format!(
        "DROP TRIGGER answers_stay_done; DROP TRIGGER letters_are_kept_delete;
         DROP TRIGGER letter_claims_are_kept_delete;
         UPDATE answers SET done_at = NULL, outcome = NULL, attempts = 1;
         DELETE FROM letter_claims WHERE letter IN (SELECT id FROM letters WHERE kind = 'result');
         DELETE FROM letters WHERE kind = 'result'; {more}"
    );
    database.execute_batch(&back).expect("the moment before");
}

fn decisions(desk: &Desk) -> usize {
    use buildbot_watch::store::NotificationId;
    let all = desk.store().decisions(NotificationId(1));
    all.expect("decisions").len()
}

#[test]
fn killed_after_the_decision_it_is_taken_once_and_told() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    desk.take(signed(&answer(&letter, "k1", "approve")));
    broken_off(&desk, "");
    desk.settle();
    assert_eq!((decisions(&desk), desk.reports().len()), (1, 1));
    let told = saying(&desk, "1 is approved by you");
    assert!(!told.is_empty());
    assert!(saying(&desk, "Nothing was decided").is_empty());
}

#[test]
fn killed_between_the_token_and_the_decision_it_is_taken_all_the_same() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    desk.take(signed(&answer(&letter, "k1", "hold until Monday")));
    broken_off(
        &desk,
        "UPDATE notifications SET held_why = NULL, held_by = NULL;",
    );
    assert!(desk.row(1)["held"].is_null());
    desk.settle();
    assert_eq!(desk.row(1)["held"]["who"], "Ada Lovelace");
    // Another mail with the same token is another matter.
    desk.done(&["release", "1"]);
    desk.take(signed(&answer(&letter, "k2", "approve")));
    undecided(&desk, 1);
}

#[test]
fn whoever_answers_everything_is_not_told_for_ever() {
    let desk = desk_with(
        &format!("address = \"{ADA}\", may = [{ALL}]"),
        "mails_an_hour = 100",
    );
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    for number in 0..25 {
        let id = format!("l{number}");
        desk.put(signed(&answer(&letter, &id, "I am away")));
    }
    desk.settle();
    assert_eq!(letters(&desk).len(), 1 + 20);
    desk.take(signed(&answer(&letter, "last", "approve")));
    assert_eq!(saying(&desk, "1 is approved by you").len(), 1);
}

#[test]
fn what_waits_is_brought_to_mind_and_the_reminder_can_be_answered() {
    let desk = desk_with(
        &format!("address = \"{ADA}\", may = [{ALL}]"),
        "remind_after = \"2s\"",
    );
    desk.take(notice("first"));
    let first = saying(&desk, "Waiting for your decision");
    assert_eq!(first.len(), 1);
    std::thread::sleep(std::time::Duration::from_secs(3));
    desk.settle();
    let reminders = saying(&desk, "Still waiting for your decision");
    let reminder = reminders.first().expect("a reminder");
    assert!(header(reminder, "Subject").starts_with("Reminder: 1@"));
    assert_eq!(
        header(reminder, "Reply-To"),
        header(&first[0], "Reply-To"),
        "one word on one draft, whichever mail is answered"
    );
    desk.take(signed(&answer(reminder, "m1", "approve")));
    assert_eq!(desk.row(1)["decision"]["who"], "Ada Lovelace");
    std::thread::sleep(std::time::Duration::from_secs(5));
    desk.settle();
    let later = saying(&desk, "Still waiting for your decision");
    assert_eq!(later.len(), reminders.len(), "it was decided");
}
