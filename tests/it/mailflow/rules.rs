//! People write which failures belong to a report, and what they say of drafts and
//! on the list is remembered.

use super::desk::{Desk, Notice, altered, notice, notice_on, person};

impl Desk {
    fn write_rules(&self, text: &str) {
        std::fs::write(self.path("rules.toml"), text).expect("a file of rules");
    }

    /// With a file of rules that is empty, and two reports of other words.
    fn with_rules() -> (Self, i64, i64) {
        let desk = Self::with_sections("[matching]\nrules = \"rules.toml\"\n");
        desk.write_rules("");
        desk.settle();
        let one = desk.report("Something about capitals", "It is wrong now and then.");
        let other = desk.report("Something about small letters", "Now and then.");
        desk.settle();
        (desk, one, other)
    }
}

fn rule(issue: i64, when: &str) -> String {
    format!(
        "[[rule]]\nname = \"capitals\"\nissue = {issue}\nwhen = '{when}'\n\
         sample = {{ module = \"test_string\", method = \"test_capwords\" }}\n"
    )
}

const ON_LINUX: &str = "module == \"test_string\" && os == \"linux\" || method ~ /^test_capwords$/";

#[test]
fn a_rule_takes_a_draft_that_waits() {
    let (desk, one, _) = Desk::with_rules();
    desk.take(notice("first"));
    let before = desk.key(1);
    assert_eq!(desk.row(1)["actions"][0]["do"], "open");

    desk.write_rules(&rule(one, ON_LINUX));
    let told = desk.done(&["rules", "test"]);
    for words in [
        "matches its own sample: yes",
        "would also take 1 failure of no report",
        "no report",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let listed = desk.done(&["rules"]);
    assert!(listed.contains("were not compared with these"), "{listed}");
    desk.settle();
    let row = desk.row(1);
    assert_eq!(row["actions"][0]["issue"], one, "{row}");
    assert_eq!(row["certainty"], "strong", "{row}");
    assert_eq!(row["revision"], 2, "{row}");
    let shown = desk.done(&["show", "1"]);
    assert!(shown.contains("the rule capitals says so"), "{shown}");
    let said = desk.refused(&["approve", &before]);
    assert!(said.contains("is not the current text"), "{said}");
    let history = desk.done(&["history", "1"]);
    assert!(
        history.contains("the rule capitals takes test_string"),
        "{history}"
    );
    assert!(!desk.done(&["rules"]).contains("were not compared"));
    // The same rules again change nothing, and a note does not, either.
    let key = desk.key(1);
    desk.write_rules(&format!("{}note = \"still so\"\n", rule(one, ON_LINUX)));
    desk.settle();
    assert_eq!(desk.key(1), key);

    // The rule is mended, and does not take it any more.
    desk.write_rules(&rule(one, "os == \"windows\""));
    let ran = desk.run(&["rules", "test"]);
    assert!(!ran.status.success(), "{}", ran.out);
    assert!(
        ran.out.contains("matches its own sample: no"),
        "{}",
        ran.out
    );
    desk.settle();
    let row = desk.row(1);
    assert_eq!(row["revision"], 3, "{row}");
    assert_eq!(row["actions"][0]["do"], "open", "{row}");
    desk.approve(1);
    assert_eq!(desk.reports().len(), 3);
}

#[test]
fn a_persons_word_counts_more_than_a_rule() {
    let (desk, one, other) = Desk::with_rules();
    desk.write_rules(&rule(one, "module ~ /./"));
    desk.take(notice("first"));
    desk.take(altered("second"));
    assert_eq!(desk.row(1)["actions"][0]["issue"], one);
    assert_eq!(desk.row(2)["actions"][0]["issue"], one);

    // A person says otherwise of one; the rule is seen to be too broad.
    desk.done(&["link", &desk.key(2), &other.to_string()]);
    let by_person = desk.key(2);
    let tried = desk.json(&["rules", "test"]);
    let takes = &tried["rules"][0]["takes"];
    assert_eq!(
        (&takes["failures"], &takes["issues"]),
        (&2.into(), &2.into())
    );
    assert_eq!(takes["elsewhere"], 1, "{tried}");
    assert_eq!(takes["by_issue"][0]["issue"], other, "{tried}");
    assert_eq!(takes["by_issue"][0]["decided"], true, "{tried}");

    // Whatever becomes of the rules, the person's draft is left alone.
    desk.write_rules("");
    desk.settle();
    assert_eq!(desk.row(1)["actions"][0]["do"], "open");
    assert_eq!(desk.key(2), by_person);
    desk.write_rules(&rule(one, "module ~ /./"));
    desk.settle();
    assert_eq!(desk.key(2), by_person);
    desk.approve(2);
    desk.take(altered("third").replace("builds/4", "builds/5"));
    let row = desk.row(3);
    assert_eq!(row["actions"][0]["issue"], other, "{row}");
}

#[test]
fn wrong_rules_are_told_with_their_lines() {
    let (desk, one, _) = Desk::with_rules();
    let wrong = rule(one, "modul == \"test_string\" && log ~ /(/").replace("= 1", "= 1\nnot = 2");
    desk.write_rules(&wrong);
    for verb in [&["check"][..], &["rules"], &["list"]] {
        let ran = desk.run(verb);
        assert!(!ran.status.success(), "{}{}", ran.out, ran.err);
        // Long lines are folded on the screen.
        let told = format!("{}{}", ran.out, ran.err);
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "rules.toml:4:",
            "a rule has no \"not\"",
            "rules.toml:5:",
            "no field \"modul\"",
            "not a pattern",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    // Another file can be tried beside the one in use.
    desk.write_rules(&rule(one, ON_LINUX));
    std::fs::write(desk.path("new.toml"), rule(99, "os == \"aix\"")).expect("a file");
    let new = desk.path("new.toml");
    let ran = desk.run(&["rules", "test", &new.to_string_lossy()]);
    assert!(ran.out.contains("#99, which the local copy"), "{}", ran.out);
    let checked = desk.done(&["check"]);
    let checked = checked.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        checked.contains("holds 1 rule, and each takes its own"),
        "{checked}"
    );
}

#[test]
fn a_rejected_report_does_not_come_on_top_by_a_rule() {
    let (desk, one, _) = Desk::with_rules();
    desk.write_rules(&rule(one, ON_LINUX));
    for (id, builder, words, is_remembered) in [
        (1, "AMD64 Debian root 3.x", &["--right-report"][..], false),
        (2, "AMD64 Fedora Stable 3.x", &[], true),
    ] {
        desk.take(notice_on(builder, &id.to_string()));
        assert_eq!(desk.row(id)["actions"][0]["issue"], one);
        let key = desk.key(id);
        let typed = [&["reject", &key, "--reason", "no"], words].concat();
        let said = desk.done(&typed);
        assert_eq!(
            said.contains("does not belong to #"),
            is_remembered,
            "{said}"
        );
    }
    desk.take(notice_on("AMD64 FreeBSD14 3.x", "3"));
    assert_eq!(desk.row(3)["actions"][0]["do"], "open", "{}", desk.row(3));
}

/// Several failures in one mail; an answer says which report each belongs to.
#[test]
fn an_answer_is_remembered_for_the_failures_it_names() {
    let (desk, one, other) = Desk::with_rules();
    let several = |id| {
        Notice {
            fixture: "bb403-many-files-subtests.eml",
            builder: "",
            id,
        }
        .mail()
    };
    desk.take(several("first"));
    desk.done(&["reject", &desk.key(1), "--reason", "I look at it"]);
    let headers = "Message-ID: <a@people.example.test>\nIn-Reply-To: <first@mx.example.test>\n";
    let answer = format!("test_textwrap is\n#{one}, test_colorsys: #{other}\n\nAnd #4711.\n");
    desk.take(person("Re: failed test", headers, &answer));
    assert_eq!(desk.closed(1).0, "rejected");

    desk.take(several("second").replace("builds/2", "builds/3"));
    let row = desk.row(3);
    let actions = row["actions"].as_array().expect("actions");
    let commented: Vec<i64> = actions
        .iter()
        .filter(|action| action["do"] == "comment")
        .filter_map(|action| action["issue"].as_i64())
        .collect();
    assert!(
        commented.contains(&one) && commented.contains(&other),
        "{row}"
    );
    let shown = desk.done(&["show", "3"]);
    assert!(shown.contains("Grace Hopper said"), "{shown}");
}
