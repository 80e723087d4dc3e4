//! Automatic rules: off, in shadow, on; what keeps them from a draft, and what becomes
//! of what they decided.

use std::process::Stdio;
use std::time::{Duration, Instant};

use buildbot_watch::config::Config;
use buildbot_watch::domain::draft::Action;
use buildbot_watch::store::{AutoState, NewDecision, NotificationId, PROGRAM as OURSELVES};
use serde_json::Value;

use super::desk::{Desk, Notice, STRING, person, text_of, without_log};

/// So that links are checked, and nothing is asked.
const CI: &str = "[ci]\nbuildbots = [\"https://buildbot.python.org/\"]\nfetch_logs = false\n";

/// A rule with more lines.
pub(super) fn rule(lines: &str) -> String {
    format!("[[auto]]\nname = \"known\"\nactions = [\"comment\", \"reply\"]\n{lines}\n")
}

/// Acts on whatever is known, from the first one on.
pub(super) const FLAGGED: &str = "mode = \"on\"\nconfirmed = 0\nbelow_precision = true";

/// One failed test on a builder of its own.
pub(super) fn notice(id: &str) -> String {
    let builder = format!("AMD64 {id} 3.x");
    Notice {
        fixture: STRING,
        builder: &builder,
        id,
    }
    .mail()
}

impl Desk {
    /// With automatic rules in the configuration.
    pub(super) fn ruled(rules: &str) -> Self {
        Self::with_sections(&format!("{CI}{rules}"))
    }

    /// Other automatic rules.
    pub(super) fn rule_by(&self, rules: &str) {
        let file = self.path("config.toml");
        let text = std::fs::read_to_string(&file).expect("a configuration");
        let (before, _) = text.split_once(CI).expect("the section");
        std::fs::write(&file, format!("{before}{CI}{rules}")).expect("a configuration");
    }

    /// A person said of the failure that it belongs to a report, and nothing was
    /// written there: `first` is 1.
    pub(super) fn knowing(rules: &str) -> (Self, i64) {
        let desk = Self::ruled("");
        desk.settle();
        let report = desk.report("Something about capitals", "It is wrong now and then.");
        desk.take(notice("first"));
        desk.done(&["link", &desk.key(1), &report.to_string()]);
        desk.done(&[
            "reject",
            &desk.key(1),
            "--right-report",
            "--reason",
            "enough",
        ]);
        desk.rule_by(rules);
        (desk, report)
    }

    /// What the only rule says of a draft.
    #[track_caller]
    pub(super) fn said(&self, id: i64) -> Value {
        let row = self.row(id);
        row["auto_rules"][0].clone()
    }

    /// The only automatic rule as `rules` has it.
    #[track_caller]
    pub(super) fn only_rule(&self) -> Value {
        self.json(&["rules"])["auto"][0].clone()
    }

    pub(super) fn nothing_left(&self) {
        assert!(self.sent().is_empty());
        assert!(self.comments().is_empty());
    }
}

#[test]
fn without_a_rule_nothing_leaves_by_itself() {
    let (desk, _) = Desk::knowing("");
    desk.take(notice("second"));
    assert_eq!(desk.row(2)["stage"], "drafted");
    assert_eq!(desk.row(2)["auto_rules"], Value::Array(Vec::new()));
    desk.nothing_left();
    let told = desk.done(&["rules"]);
    assert!(told.contains("There are no rules"), "{told}");
}

#[test]
fn in_shadow_it_tells_what_it_would_do() {
    let (desk, report) = Desk::knowing(&rule("confirmed = 0"));
    desk.take(notice("second"));
    let said = desk.said(2);
    assert_eq!(said["would"], true, "{said}");
    assert_eq!(said["acts"], false, "{said}");
    let shown = desk.done(&["show", "2"]);
    let words = "the rule known (in shadow) would approve this";
    assert!(shown.contains(words), "{shown}");
    desk.nothing_left();
    assert_eq!(desk.row(2)["decision"], Value::Null);

    let listed = desk.done(&["rules"]);
    for words in [
        "would approve now: 2",
        "in shadow",
        "strong, signature known",
    ] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    let status = desk.done(&["status"]);
    assert!(status.contains("known is in shadow"), "{status}");

    // A person approves the very same: it would have been right.
    desk.approve(2);
    let one = desk.only_rule();
    assert_eq!((&one["right"], &one["precision"]), (&1.into(), &1.0.into()));
    assert_eq!(one["open"], Value::Array(Vec::new()), "{one}");

    // Another one a person links elsewhere, and one is rejected.
    let other = desk.report("Something about small letters", "Now and then.");
    desk.take(notice("third"));
    desk.done(&["link", &desk.key(3), &other.to_string()]);
    desk.approve(3);
    desk.take(notice("fourth"));
    assert_eq!(desk.row(4)["actions"][0]["issue"], other);
    desk.done(&[
        "reject",
        &desk.key(4),
        "--right-report",
        "--reason",
        "no mail",
    ]);
    let one = desk.only_rule();
    assert_eq!(one["right"], 1, "{one}");
    assert_eq!(one["wrong"].as_array().expect("a list").len(), 2, "{one}");
    assert_eq!(one["wrong"][0]["id"], 3, "{one}");
    let listed = desk.done(&["rules"]);
    for words in [
        "1 of 3 right (33 %)",
        "wrong on 3: Ada Lovelace linked it elsewhere",
    ] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    assert!(
        listed.contains("wrong on 4: Ada Lovelace rejected it: no mail"),
        "{listed}"
    );
    assert_ne!(report, other);
}

#[test]
fn it_acts_where_it_is_on_and_is_named_everywhere() {
    let (desk, report) = Desk::knowing(&rule(FLAGGED));
    desk.take(notice("second"));
    let row = desk.row(2);
    assert_eq!(row["stage"], "delivered", "{row}");
    assert_eq!(row["decision"]["rule"], "known", "{row}");
    assert_eq!(row["decision"]["who"], "buildbot-watch", "{row}");
    let sent = desk.sent();
    assert_eq!(sent.len(), 1);
    let text = text_of(&sent[0]);
    let words = "Sent by buildbot-watch by its rule known; no person checked it";
    assert!(text.contains(words), "{text}");
    assert!(!text.contains("Checked by"), "{text}");
    let comments = desk.comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].0, report);
    assert!(
        comments[0].2.contains("by its rule known"),
        "{}",
        comments[0].2
    );
    let history = desk.done(&["history", "2"]);
    assert!(history.contains("rule known: strong"), "{history}");
    let shown = desk.done(&["show", "2"]);
    assert!(shown.contains("by the rule known"), "{shown}");
    let status = desk.done(&["status"]);
    assert!(status.contains("known is on: below_precision"), "{status}");
    assert_eq!(desk.json(&["status"])["auto_rules"][0]["acts"], true);

    // Nobody confirmed anything by that: a rule that asks for it waits.
    assert_eq!(desk.only_rule()["right"], 0);
    desk.rule_by(&rule(
        "mode = \"on\"\nconfirmed = 1\nbelow_precision = true",
    ));
    desk.take(notice("third"));
    let said = desk.said(3);
    let why = said["why"].as_str().expect("words");
    assert!(why.contains("people approved #"), "{why}");
    assert!(why.contains("0 times, not 1"), "{why}");
    assert_eq!(desk.sent().len(), 1);
    // A person's approval does it.
    desk.approve(3);
    desk.take(notice("fourth"));
    assert_eq!(desk.row(4)["decision"]["rule"], "known");
}

#[test]
fn it_stays_in_shadow_until_it_was_right_often_enough() {
    let (desk, _) = Desk::knowing(&rule("mode = \"on\"\nconfirmed = 0\ndecisions = 2"));
    desk.take(notice("second"));
    desk.nothing_left();
    let needed = "people decided on 0 drafts that it would have approved, and 2 are needed";
    for told in [
        desk.run(&["check"]).out,
        desk.done(&["status"]),
        desk.done(&["rules"]),
    ] {
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(needed), "{told}");
        assert!(told.contains("below_precision = true"), "{told}");
    }
    let trail = desk.store().recent_trail(50).expect("a trail");
    assert!(
        trail
            .iter()
            .any(|line| line.detail.contains("known is in shadow"))
    );
    desk.approve(2);
    desk.take(notice("third"));
    assert_eq!(desk.row(3)["stage"], "drafted");
    desk.approve(3);
    desk.take(notice("fourth"));
    assert_eq!(desk.row(4)["decision"]["rule"], "known");
    let trail = desk.store().recent_trail(50).expect("a trail");
    assert!(
        trail
            .iter()
            .any(|line| line.detail.contains("known is on: 2 of 2 right")),
        "{trail:?}"
    );
}

#[test]
fn it_goes_back_to_shadow_when_people_say_that_it_was_wrong() {
    let (desk, _) = Desk::knowing(&rule("mode = \"on\"\nconfirmed = 0\ndecisions = 1"));
    desk.take(notice("second"));
    desk.approve(2);
    desk.take(notice("third"));
    assert_eq!(desk.row(3)["decision"]["rule"], "known");
    // Somebody answers on the list that it is another one.
    let other = desk.report("Something about small letters", "Now and then.");
    desk.settle();
    let headers = "Message-ID: <a@people.example.test>\n\
                   In-Reply-To: <third@mx.example.test>\nReferences: <third@mx.example.test>\n";
    let answer = person("Re: failed test", headers, &format!("No, issue {other}.\n"));
    desk.take(answer);
    let sent = desk.sent().len();
    desk.take(notice("fifth"));
    assert_eq!(desk.row(5)["stage"], "drafted", "{}", desk.row(5));
    assert_eq!(desk.sent().len(), sent);
    let one = desk.only_rule();
    assert_eq!(one["suspended"], true, "{one}");
    assert_eq!(one["wrong"][0]["id"], 3, "{one}");
    for told in [desk.run(&["check"]).out, desk.done(&["status"])] {
        assert!(told.contains("rules resume known"), "{told}");
    }
    let trail = desk.store().recent_trail(50).expect("a trail");
    assert!(
        trail
            .iter()
            .any(|line| line.detail.contains("known went back to shadow")),
        "{trail:?}"
    );
    // It stays there although people agree with it again, until one lets it go on.
    desk.approve(5);
    for n in ["sixth", "seventh"] {
        desk.take(notice(n));
    }
    assert_eq!(desk.row(6)["stage"], "drafted");
    let told = desk.refused(&["rules", "resume", "unknown"]);
    assert!(told.contains("no automatic rule unknown"), "{told}");
    desk.done(&["rules", "resume", "known"]);
    desk.settle();
    let told = desk.refused(&["rules", "resume", "known"]);
    assert!(told.contains("known did not go back"), "{told}");
    let one = desk.only_rule();
    assert_eq!(
        (&one["suspended"], &one["acts"]),
        (&false.into(), &false.into()),
        "{one}"
    );
}

#[test]
fn what_is_switched_off_or_secret_is_left_to_people() {
    let (desk, _) = Desk::knowing(&rule("confirmed = 0"));
    desk.take(notice("second"));
    desk.done(&["stop", "--reason", "a loop"]);
    desk.rule_by(&rule(FLAGGED));
    desk.settle();
    desk.nothing_left();
    assert_eq!(desk.said(2)["why"], "STOP is on: a loop");
    desk.done(&["pause", "--reason", "holiday"]);
    desk.done(&["clear-stop"]);
    desk.settle();
    desk.nothing_left();
    assert_eq!(desk.said(2)["why"], "delivery is paused: holiday");
    desk.done(&["resume"]);
    desk.settle();
    assert_eq!(desk.row(2)["decision"]["rule"], "known");
    assert_eq!(desk.sent().len(), 1);

    // A secret in what is told of a failure.
    let token = format!(
        "ghp_{}",
        "aB3dE6gH9jK2mN5pQ8sT".repeat(2).get(..36).unwrap()
    );
    let line = "AssertionError: 'Abc-Def Def-Ghi Ghi'";
    let hit = notice("third").replace(line, &format!("AssertionError: '{token}'"));
    assert!(hit.contains(&token));
    desk.take(without_log(&hit));
    let row = desk.row(3);
    assert_eq!(row["stage"], "drafted", "{row}");
    let why = row["auto_rules"][0]["why"].as_str().expect("words");
    assert!(why.contains("secrets were taken out"), "{why}");
    assert_eq!(desk.sent().len(), 1);
}

/// What the service does between two instructions: the rule has decided, and nothing
/// left yet. Gives the configuration's other rule.
fn decided_and_not_left() -> Desk {
    let (desk, _) = Desk::knowing(&rule("confirmed = 0"));
    desk.take(notice("second"));
    desk.rule_by(&rule(FLAGGED));
    let config = Config::read(&desk.path("config.toml")).expect("a configuration");
    let digest = config.auto[0].digest();
    let store = desk.store();
    let now = buildbot_watch::worker::wall_clock();
    store
        .set_auto_rule(("known", &digest), AutoState::On, "flag", now)
        .expect("a rule");
    let row = store.load(NotificationId(2)).expect("a row");
    let shown = row.draft.expect("a draft");
    let mut named = shown.draft.clone();
    for action in &mut named.actions {
        if let Action::Comment { body, .. } = action {
            body.push_str("\nBy its rule known.\n");
        }
    }
    let reply = named.reply.as_mut().expect("a reply");
    reply.body = "Sent by its rule known.\n".to_owned();
    let decision = NewDecision {
        notification: row.id,
        revision: shown.revision,
        digest: &shown.digest,
        who: OURSELVES,
        reason: "",
        auto_rule: Some("known"),
    };
    store
        .approve_by_rule(&decision, &named, now)
        .expect("an approval");
    desk
}

#[test]
fn what_it_decided_does_not_leave_once_the_rule_is_gone() {
    for (rules, words) in [
        (String::new(), "is not in the configuration any more"),
        (rule("confirmed = 0"), "the rule known is in shadow now"),
        (
            rule(&format!("{FLAGGED}\nbranch = [\"3.x\"]")),
            "was not on all the time since",
        ),
    ] {
        let desk = decided_and_not_left();
        // The next second, so that it is clear what came first.
        std::thread::sleep(Duration::from_millis(1100));
        desk.rule_by(&rules);
        desk.settle();
        desk.nothing_left();
        let row = desk.row(2);
        let why = row["held"]["why"].as_str().expect("it is held");
        assert!(why.contains(words), "{words}: {why}");
        assert!(why.contains("release"), "{why}");
        desk.done(&["release", "2"]);
        desk.settle();
        assert_eq!(desk.row(2)["stage"], "delivered", "{}", desk.row(2));
        assert_eq!(desk.sent().len(), 1);
    }
    // As long as nothing changed it leaves.
    let desk = decided_and_not_left();
    desk.settle();
    assert_eq!(desk.row(2)["stage"], "delivered", "{}", desk.row(2));
}

#[test]
fn the_replay_knows_nothing_of_what_came_later() {
    // A person's first word on this failure comes with the second notification; what
    // is known then must not be known of the first.
    let desk = Desk::ruled(&rule("confirmed = 0\ntier = \"weak\""));
    desk.settle();
    desk.report(
        "test_string: ModuleTest.test_capwords() fails",
        "FAIL: test_capwords (test.test_string.ModuleTest.test_capwords)\n\
         AssertionError: 'Abc-Def Def-Ghi Ghi' != 'Abc-def Def-ghi Ghi'\n",
    );
    desk.settle();
    desk.take(notice("first"));
    assert_eq!(
        desk.row(1)["actions"][0]["do"],
        "comment",
        "{}",
        desk.row(1)
    );
    desk.done(&[
        "reject",
        &desk.key(1),
        "--right-report",
        "--reason",
        "not now",
    ]);
    desk.take(notice("second"));
    desk.approve(2);
    desk.take(notice("third"));
    desk.approve(3);
    let one = desk.only_rule();
    // With what was said of the second, the first would be counted as wrong and the
    // second as right.
    assert_eq!(one["wrong"], Value::Array(Vec::new()), "{one}");
    assert_eq!(one["right"], 1, "{one}");
    assert_eq!(one["precision"], 1.0, "{one}");
    // The same for the number of approvals before.
    desk.rule_by(&rule(
        "signature_known = false\nconfirmed = 1\ntier = \"weak\"",
    ));
    let one = desk.only_rule();
    assert_eq!(
        (&one["right"], &one["precision"]),
        (&1.into(), &1.0.into()),
        "{one}"
    );
    desk.rule_by(&rule(
        "signature_known = false\nconfirmed = 0\ntier = \"weak\"",
    ));
    let one = desk.only_rule();
    assert_eq!(one["right"], 2, "{one}");
    assert_eq!(one["wrong"][0]["id"], 1, "{one}");
}

#[test]
fn templates_that_do_not_name_the_rule_keep_it_from_acting() {
    let templates = "[drafts]\ntemplates = \"own\"\n";
    let (desk, _) = Desk::knowing("");
    std::fs::create_dir_all(desk.path("own")).expect("a folder");
    let own = "{{#each entries}}{{link}}{{/each}}\nby {{approver}}\n";
    std::fs::write(desk.path("own/reply.txt.hbs"), own).expect("a template");
    desk.rule_by(&format!("{templates}{}", rule(FLAGGED)));
    desk.take(notice("second"));
    desk.nothing_left();
    assert_eq!(desk.row(2)["stage"], "drafted");
    let checked = desk.run(&["check"]).out;
    assert!(checked.contains("does not name it"), "{checked}");
}

#[test]
fn the_service_asks_its_rules_and_reads_them_again() {
    let (desk, _) = Desk::knowing(&rule("confirmed = 0"));
    let mut service = desk
        .command(&["run"])
        .stderr(Stdio::null())
        .spawn()
        .expect("the service");
    let until = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        let begun = Instant::now();
        loop {
            let ran = desk.run(&["show", "2", "--json"]);
            let row: Value = serde_json::from_str(&ran.out).unwrap_or_default();
            if is_so(&row) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {row}");
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    desk.put(notice("second"));
    until("a draft", &|row| row["auto_rules"][0]["would"] == true);
    desk.nothing_left();
    desk.rule_by(&rule(FLAGGED));
    let pid = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("a signal");
    until("a delivery", &|row| row["stage"] == "delivered");
    assert_eq!(desk.row(2)["decision"]["rule"], "known");
    assert_eq!(desk.sent().len(), 1);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    assert!(service.wait().expect("it ends").success());
}
