//! What becomes of a failure whose report was closed: mended and there again, or
//! told elsewhere.

use std::fs;

use serde_json::Value;

use crate::cli::Demo;

const MAIL: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/mails/mailman-post-single.eml"
);

const TITLE: &str = "test_string: ModuleTest.test_capwords() fails with a non-ASCII separator";

/// Report 2 of the demo's tracker, to which the first mail belongs, is closed.
fn close(demo: &Demo, how: &str) {
    let line = format!(
        r#"{{"number": 2, "title": "{TITLE}", "state": "closed", "closed": "2026-11-21", {how}}}"#
    );
    let file = demo.folder.join("closed.jsonl");
    fs::write(&file, line).unwrap();
    demo.run(&format!("import --issues {}", file.display()))
        .ok();
    demo.run("sync").ok();
}

/// The draft of a mail, made anew.
fn again(demo: &Demo, id: u32) -> Value {
    demo.run(&format!("retry {id}")).ok();
    demo.json(&format!("show {id}"))
}

#[track_caller]
fn opens_and_links(show: &Value, words: &str) {
    assert_eq!(show["actions"][0]["do"], "open", "{show}");
    let body = show["draft_texts"]["actions"][0]["body"].as_str().unwrap();
    let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let link = format!("{words} https://tracker.invalid/issue/2");
    assert!(body.contains(&link), "{link}: {body}");
}

#[test]
fn what_was_fixed_and_fails_again_is_a_new_report_that_links_the_old() {
    let demo = Demo::new();
    assert_eq!(demo.json("show 1")["actions"][0]["issue"], 2);
    close(&demo, r#""resolution": "fixed""#);
    let show = again(&demo, 1);
    opens_and_links(&show, "It was closed as fixed before:");
    let text = demo.run("show 1").ok();
    for part in ["#2 (weak, closed)", "a regression"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    demo.run("approve 1 --yes").ok();
    assert_eq!(demo.sent().len(), 1);
}

#[test]
fn what_was_closed_for_another_reason_is_linked_as_alike() {
    let demo = Demo::new();
    close(&demo, r#""resolution": "out of date""#);
    opens_and_links(&again(&demo, 1), "Similar closed reports:");
}

#[test]
fn what_people_said_of_a_report_that_was_fixed_is_not_forgotten() {
    let demo = Demo::new();
    demo.run("approve 1 --yes").ok();
    close(&demo, r#""resolution": "fixed""#);
    demo.run(&format!("replay --store {MAIL}")).ok();
    opens_and_links(&demo.json("show 10"), "It was closed as fixed before:");
    let text = demo.run("show 10").ok();
    for part in [
        "Vic Stone said that this failure belongs to it",
        "a regression",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_report_that_became_a_duplicate_leads_to_its_master() {
    let demo = Demo::new();
    demo.run("approve 1 --yes").ok();
    close(&demo, r#""resolution": "duplicate", "duplicate_of": 12"#);
    demo.run(&format!("replay --store {MAIL}")).ok();
    let show = demo.json("show 10");
    assert_eq!(show["actions"][0]["issue"], 12, "{show}");
    let text = demo.run("show 10").ok();
    assert!(
        text.contains("#2 was closed as a duplicate of it"),
        "{text}"
    );
}

#[test]
fn what_was_fixed_only_after_the_build_is_no_regression() {
    let demo = Demo::new();
    let later = format!(
        r#"{{"number": 2, "title": "{TITLE}", "state": "closed", "closed": "2199-01-01",
            "resolution": "fixed"}}"#
    );
    let file = demo.folder.join("later.jsonl");
    fs::write(&file, later.replace('\n', " ")).unwrap();
    demo.run(&format!("import --issues {}", file.display()))
        .ok();
    demo.run("sync").ok();
    let show = again(&demo, 1);
    assert_eq!(show["actions"][0]["do"], "comment", "{show}");
    assert_eq!(show["actions"][0]["issue"], 2, "{show}");
    for verb in ["show 1", "explain 1"] {
        let text = demo.run(verb).ok();
        assert!(
            text.contains("days after this came in: no regression"),
            "{verb}: {text}"
        );
    }
}
