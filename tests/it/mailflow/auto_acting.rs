//! Automatic rules at work: how much one word of theirs lets out, and where they stop.

use serde_json::Value;

use super::auto::{FLAGGED, notice, rule};
use super::desk::{BOUNDARY, Desk, failing, text_of};
use super::long_history::lengthen;

/// Opens a report for whatever fails.
const OPENS: &str = "[[auto]]\nname = \"opens\"\nactions = [\"open\", \"reply\"]\ntier = \"weak\"\n\
                     signature_known = false\nmode = \"on\"\nbelow_precision = true\n";

impl Desk {
    /// Several mails at once, each of the known failure on a builder of its own.
    fn take_all(&self, ids: &[&str]) {
        for id in ids {
            self.put(notice(id));
        }
        self.settle();
    }

    /// Why the only rule does not take a draft.
    #[track_caller]
    fn left_because(&self, id: i64) -> String {
        let said = self.said(id);
        let why = said["why"].as_str();
        why.unwrap_or_else(|| panic!("{said}")).to_owned()
    }
}

#[test]
fn what_is_attached_is_answered_by_the_same_word_below_the_caps() {
    let (desk, report) = Desk::knowing(&rule(FLAGGED));
    desk.take_all(&["aa", "bb", "cc"]);
    // One decision, three answers, one comment; each says which rule it was.
    let row = desk.row(2);
    assert_eq!(row["decision"]["rule"], "known", "{row}");
    assert_eq!(row["along"].as_array().map(Vec::len), Some(2), "{row}");
    let sent = desk.sent();
    assert_eq!(sent.len(), 3);
    for id in ["aa", "bb", "cc"] {
        let answers = format!("In-Reply-To: <{id}@mx.example.test>");
        let mail = sent
            .iter()
            .find(|mail| String::from_utf8_lossy(mail).contains(&answers));
        let text = text_of(mail.unwrap_or_else(|| panic!("{id} is not answered")));
        assert!(text.contains(&format!("AMD64 {id} 3.x")), "{text}");
        assert!(text.contains("by its rule known; no person"), "{text}");
    }
    assert_eq!(desk.comments().len(), 1);
    assert!(desk.comments()[0].2.contains("by its rule known"));
    for id in [3, 4] {
        assert_eq!(desk.closed(id).0, "settled_together");
    }

    // Three more would be more than the caps leave to rules: they are left to people.
    desk.take_all(&["dd", "ee", "ff"]);
    assert_eq!(desk.row(5)["stage"], "drafted");
    let why = desk.left_because(5);
    assert!(why.contains("room for 2 more mails now"), "{why}");
    assert_eq!(desk.sent().len(), 3);
    assert!(desk.json(&["status"])["stop"].is_null());

    // With two more, one answer speaks for all of them.
    desk.take_all(&["gg", "hh"]);
    let row = desk.row(5);
    assert_eq!(row["decision"]["rule"], "known", "{row}");
    let sent = desk.sent();
    assert_eq!(sent.len(), 4, "one speaks for all");
    let last = sent.iter().map(|mail| text_of(mail));
    let last: Vec<String> = last
        .filter(|it| it.contains("and 4 more builders"))
        .collect();
    let [last] = last.as_slice() else {
        panic!("{sent:?}");
    };
    assert!(last.contains("by its rule known; no person"), "{last}");
    assert_eq!(
        desk.comments().len(),
        1,
        "the report has its one of the day"
    );
    let (on, _, text) = desk.comments().remove(0);
    assert_eq!(on, report);
    assert!(text.contains("by its rule known"), "{text}");
    let history = desk.done(&["history", "8"]);
    assert!(history.contains("along with 5"), "{history}");
}

#[test]
fn it_opens_as_many_reports_as_the_caps_allow() {
    let desk = Desk::ruled(&format!("{OPENS}confirmed = 1\n"));
    desk.settle();
    desk.take(failing("abc", "test_first"));
    let why = desk.left_because(1);
    let words = "people opened a report for its kind of failure 0 times, not 1";
    assert!(why.contains(words), "{why}");
    desk.nothing_left();
    desk.approve(1);
    assert_eq!(desk.reports().len(), 1);

    // Now that a person did: one in a run, and no more than three in a day.
    let files = ["zlib", "wave", "heapq", "shelve"];
    for (file, method) in files.iter().zip(["test_b", "test_c", "test_d", "test_e"]) {
        desk.put(failing(file, method));
    }
    for _ in 0..3 {
        desk.settle();
    }
    assert_eq!(desk.reports().len(), 3);
    for id in [2, 3] {
        let row = desk.row(id);
        assert_eq!(row["decision"]["rule"], "opens", "{row}");
        assert_eq!(row["stage"], "delivered", "{row}");
    }
    for id in [4, 5] {
        let row = desk.row(id);
        assert_eq!(
            (&row["stage"], &row["held"]),
            (&"drafted".into(), &Value::Null)
        );
        let why = desk.left_because(id);
        assert!(why.contains("room for 0 more new reports"), "{why}");
    }
    let reports = desk.reports();
    assert!(
        !reports[0].2.contains("by its rule"),
        "a person's: {}",
        reports[0].2
    );
    for (_, title, body) in &reports[1..] {
        assert!(body.contains("by its rule opens"), "{title}: {body}");
    }
    let sent = desk.sent();
    assert_eq!(sent.len(), 3);
    let by_rule = sent.iter().map(|mail| text_of(mail));
    let by_rule = by_rule.filter(|text| text.contains("by its rule opens; no person"));
    assert_eq!(by_rule.count(), 2);
    let history = desk.done(&["history", "3"]);
    assert!(history.contains("rule opens: any certainty"), "{history}");
    // A person is not bound by it, only held by the cap.
    desk.approve(4);
    let held = desk.row(4)["held"]["why"].to_string();
    assert!(held.contains("the cap is 3"), "{held}");
}

#[test]
fn a_mail_that_is_cut_off_is_left_to_people() {
    let (desk, _) = Desk::knowing("");
    let smallest = format!("[limits]\nmax_mail_mib = 4\n{}", rule(FLAGGED));
    desk.rule_by(&smallest);
    // What is missing might be another failure.
    let mail = notice("second");
    let (before, _) = mail.trim_end().rsplit_once(BOUNDARY).expect("an end");
    let junk = format!("{}\n", "x".repeat(75)).repeat(60_000);
    desk.take(format!(
        "{before}{BOUNDARY}\nContent-Type: application/octet-stream\n\n{junk}{BOUNDARY}--\n"
    ));
    let row = desk.row(2);
    assert_eq!(row["actions"][0]["do"], "comment", "{row}");
    assert_eq!(row["decision"], Value::Null, "{row}");
    let why = desk.left_because(2);
    assert!(
        why.contains("only the beginning of the mail was fetched"),
        "{why}"
    );
    desk.nothing_left();
    let shown = desk.done(&["show", "2"]);
    assert!(shown.contains("only the beginning of the mail"), "{shown}");
    desk.approve(2);
    assert_eq!(desk.sent().len(), 1, "a person may");
}

#[test]
fn a_rule_that_is_changed_is_judged_anew() {
    let judged = "mode = \"on\"\nconfirmed = 0\ndecisions = 2\n";
    let (desk, _) = Desk::knowing(&rule(judged));
    for (id, number) in [("second", 2), ("third", 3)] {
        desk.take(notice(id));
        desk.approve(number);
    }
    desk.take(notice("fourth"));
    assert_eq!(desk.row(4)["decision"]["rule"], "known", "{}", desk.row(4));

    // For other builders nobody decided anything that it would have approved, and two
    // approvals before are what one of them had.
    for (more, words) in [
        ("builder = [\"PPC64LE *\"]", "people decided on 0 drafts"),
        ("confirmed = 1", "people decided on 1 drafts"),
    ] {
        let lines = format!("{}{more}", judged.replace("confirmed = 0\n", ""));
        desk.rule_by(&rule(&lines));
        desk.settle();
        let one = desk.only_rule();
        assert_eq!(one["acts"], false, "{one}");
        let why = one["why"].as_str().expect("words");
        assert!(why.contains(words), "{why}");
    }
    desk.take(notice("fifth"));
    assert_eq!(desk.row(5)["stage"], "drafted");
    let trail = desk.store().recent_trail(50).expect("a trail");
    let said = |words: &str| trail.iter().any(|line| line.detail.contains(words));
    assert!(
        said("known is on: 2 of 2 right") && said("known is in shadow: "),
        "{trail:?}"
    );
    // One more by people, and it was right often enough as it is now.
    desk.approve(5);
    desk.take(notice("sixth"));
    assert_eq!(desk.row(6)["decision"]["rule"], "known", "{}", desk.row(6));
}

/// The whole history counts, however long it is.
#[test]
fn a_long_history_is_judged_whole() {
    let (desk, _) = Desk::knowing(&rule("confirmed = 0"));
    desk.take(notice("second"));
    desk.approve(2);
    desk.settle();
    assert_eq!(desk.row(2)["stage"], "delivered");
    lengthen(&desk.path("state/buildbot-watch.sqlite3"), 2, 0..1_400);
    let one = desk.only_rule();
    // Of every fifty one was rejected; of the 300 other failures the first was not known.
    assert_eq!(
        one["wrong"].as_array().map(Vec::len),
        Some(28),
        "{}",
        one["wrong"]
    );
    assert_eq!(
        (&one["right"], &one["decided"]),
        (&1073.into(), &1101.into())
    );
    let share = |end: usize| one["interval"][end].as_f64().expect("a share");
    assert!((0.963..0.965).contains(&share(0)), "{}", one["interval"]);
    assert!((0.981..0.983).contains(&share(1)), "{}", one["interval"]);
}
