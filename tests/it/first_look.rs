//! What a newcomer meets: each answer stands once, and says of what it speaks.

use crate::cli::{Demo, run, said};

#[test]
fn what_is_alike_is_told_once() {
    let demo = Demo::new();
    let shown = demo.run("show 4").ok();
    assert_eq!(shown.matches("infrastructure, not a bug").count(), 1);
    assert!(shown.contains("(and 5 more like this)"), "{shown}");
    let note =
        "infrastructure: it is reported only if you link it\n       belongs to:\n         #1 ";
    assert!(shown.contains(note), "{shown}");

    // Nobody looked up where these belong; on two of three builders the disk was full.
    let shown = demo.run("show 8").ok();
    let full = "OSError: [Errno 28] No space left on device";
    assert_eq!(shown.matches(full).count(), 2, "{shown}");
    for number in 1..=15 {
        assert!(shown.contains(&format!("  {number:>3}. test_")), "{number}");
    }
    let full = demo.run("show 8 --full").ok();
    assert_eq!(full.matches("No space left on device\n").count(), 12);
}

#[test]
fn a_draft_that_is_partly_new_is_not_called_strong_alone() {
    let demo = Demo::new();
    let mut command = demo.command("review");
    let editor = "cp \"$1\" \"$KEPT\" #";
    let kept = demo.folder.join("kept");
    command.env("EDITOR", format!("sh -c '{editor}' sh"));
    said(command.env("KEPT", &kept).output().unwrap()).ok();
    let text = std::fs::read_to_string(kept).unwrap();
    assert!(
        text.contains("new and strong: open a report, comment on #3"),
        "{text}"
    );
    assert!(text.contains("  strong: comment on #2"), "{text}");
    assert_eq!(demo.json("show 4")["certainty"], "strong");
}

#[test]
fn incidents_without_a_test_are_told_apart() {
    let demo = Demo::new();
    let line = "compile error: Objects/longobject.c:3:71";
    let table = demo.run("incidents").ok();
    assert!(table.contains(line), "{table}");
    let mut narrow = demo.command("incidents");
    let narrow = said(narrow.env("COLUMNS", "50").output().unwrap()).ok();
    for part in [line, "on RISC-V 64-bit Ubuntu Clang 3.x", "24 h: 1, 7 d: 1"] {
        assert!(narrow.contains(part), "{part}: {narrow}");
    }
}

#[test]
fn a_verb_says_what_became_of_it() {
    let demo = Demo::new();
    let again = demo.run("retry 7").ok();
    assert!(
        again.contains("7 started over: closed (recovered)"),
        "{again}"
    );
    demo.run("hold 5").ok();
    demo.run("hold 5")
        .refused(&["5: it is held already (no reason given)", "release 5"]);
    demo.run("release 5").ok();
    demo.run("release 5").refused(&["5: it is not held"]);
    demo.run("stop --reason x").ok();
    let off = demo.run("clear-stop").ok();
    assert!(off.contains("STOP is off. It was set"), "{off}");

    // Another text was named than the one that is there.
    let other = demo.run("show 1@00000000").ok();
    assert!(
        other.contains("! 1@00000000 is not the current text"),
        "{other}"
    );
    let same = demo.run(&format!("show {}", demo.key(1))).ok();
    assert!(!same.contains("is not the current text"), "{same}");
}

#[test]
fn nothing_is_told_as_nothing() {
    let demo = Demo::new();
    let none = demo.run("rules").ok();
    assert!(none.contains("There are no rules"), "{none}");
    assert_eq!(demo.json("rules")["auto"], serde_json::json!([]));
    let none = demo.run("rules test /dev/null").ok();
    assert!(none.contains("/dev/null holds no rule."), "{none}");
    let none = demo.run("import --issues /dev/null").ok();
    assert!(none.contains("nothing was taken in"), "{none}");
    demo.run("link 5 10").ok();
    let shares = demo.run("evaluate --history").ok();
    let links = shares
        .lines()
        .find(|line| line.contains("a link where none"));
    assert!(links.unwrap().trim_end().ends_with(" -"), "{shares}");
    run(&["demo", "--config", "/nonexistent"]).refused(&["a configuration of its own", "--dir"]);
}
