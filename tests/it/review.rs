//! The review buffer: the real binary on demo folders, with scripts as editors.

use std::fs;
use std::path::PathBuf;

use crate::cli::{Demo, Said, said};

/// In front of a line that was `leave`, for which draft, and what it becomes. Any
/// other line goes through `change`, awk's words.
fn decide(demo: &Demo, name: &str, decisions: &[(&str, &str)], change: &str) -> PathBuf {
    let mut awk = "/^=+ draft /{ split($3, parts, \"@\"); id = parts[1] }\n".to_owned();
    for (id, line) in decisions {
        awk.push_str(&format!(
            "$0 == \"leave\" && id == \"{id}\" {{ print \"{line}\"; next }}\n"
        ));
    }
    awk.push_str(&format!("{{ {change} print }}\n"));
    let program = demo.folder.join(format!("{name}.awk"));
    fs::write(&program, awk).unwrap();
    program
}

/// A script that is an editor; `$1` is the file.
fn script(demo: &Demo, text: &str) -> String {
    let file = demo.folder.join("editor.sh");
    fs::write(&file, format!("set -e\n{text}")).unwrap();
    format!("sh {}", file.display())
}

fn awk(program: &std::path::Path) -> String {
    let program = program.display();
    format!("awk -f {program} \"$1\" > \"$1.new\"\nmv \"$1.new\" \"$1\"\n")
}

fn review(demo: &Demo, editor: &str) -> Said {
    let mut command = demo.command("review");
    said(command.env("EDITOR", editor).output().unwrap())
}

/// Where the text is that was not thrown away; it is removed.
fn kept(words: &str) -> String {
    let (_, rest) = words.split_once("kept in ").unwrap();
    let place = PathBuf::from(rest.split([';', '\n']).next().unwrap());
    let text = fs::read_to_string(&place).unwrap();
    fs::remove_dir_all(place.parent().unwrap()).unwrap();
    text
}

#[test]
fn all_drafts_are_decided_on_in_one_go() {
    let demo = Demo::new();
    let seen = demo.folder.join("seen.txt");
    let decisions = [
        ("1", "approve"),
        ("2", "reject not a bug"),
        ("3", "HOLD wait for the owner"),
        ("4", "link 1 #9"),
    ];
    let change = "if (id == 1 || id == 5) sub(/Checked by/, \"Looked at by\");";
    let program = decide(&demo, "all", &decisions, change);
    let copy = format!("cp \"$1\" {}\n", seen.display());
    let editor = script(&demo, &format!("{copy}{}", awk(&program)));
    let out = review(&demo, &editor).ok();
    for words in [
        "edited and approved",
        "rejected",
        "held",
        "linked",
        "left as it is",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let document = fs::read_to_string(seen).unwrap();
    for words in [
        "You decide as Vic Stone.",
        "# test_string.ModuleTest.test_capwords",
        "#      belongs to:\n",
        "#        #2 (strong)",
        "# AMD64 Fedora Stable 3.x, branch 3.x",
        "#      To: buildbot-status@python.org",
        "Checked by <<approver>>, sent by buildbot-watch\n======= end\n",
        " has recovered: ",
        "No space left on device (and 5 more",
        "  strong: comment on #2  test_string.ModuleTest.test_capwords\n",
    ] {
        assert!(document.contains(words), "{words}: {document}");
    }
    let sent = demo.sent();
    let [mail] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert!(mail.contains("Looked at by Vic Stone"), "{mail}");
    let one = demo.json("show 1");
    assert_eq!(one["stage"], "delivered");
    assert_eq!(one["revision"], 2);
    assert!(demo.run("show 2").ok().contains("rejected by Vic Stone"));
    let list = demo.run("list --held").ok();
    assert!(list.contains("wait for the owner"), "{list}");
    let four = demo.json("show 4");
    assert_eq!(four["revision"], 2, "{four}");
    let linked = four["actions"].as_array().unwrap();
    assert!(linked.iter().any(|action| action["issue"] == 9), "{four}");
    let five = demo.run("show 5").ok();
    assert!(five.contains("Looked at by <<approver>>"), "{five}");
    // What was linked and what was edited alone still wait.
    let left = demo.to_decide();
    assert!(left.contains(&4) && left.contains(&5), "{left:?}");
    assert!(!left.contains(&1) && !left.contains(&2) && !left.contains(&3));
    let history = demo.run("history 1").ok();
    assert!(history.contains("edited") && history.contains("approved"));
}

#[test]
fn until_nothing_waits() {
    let demo = Demo::new();
    let before = demo.to_decide();
    // Saved as it was, nothing is decided.
    let out = demo.run("review").ok();
    assert_eq!(out.matches("left as it is").count(), before.len(), "{out}");
    assert_eq!(demo.to_decide(), before);
    let all: Vec<String> = before.iter().map(u64::to_string).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|id| (id.as_str(), "reject no")).collect();
    let program = decide(&demo, "all", &all, "");
    let editor = script(&demo, &awk(&program));
    let mut command = demo.command("review --json");
    let out = said(command.env("EDITOR", editor).output().unwrap()).ok();
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let drafts = document["drafts"].as_array().unwrap();
    assert_eq!(drafts.len(), before.len());
    for draft in drafts {
        assert_eq!(draft["done"][0], "rejected", "{document}");
    }
    assert!(demo.to_decide().is_empty());
    let out = review(&demo, "false").ok();
    assert!(out.contains("Nothing waits for you"), "{out}");
    assert!(demo.sent().is_empty());
}

#[test]
fn what_cannot_be_read_comes_back_with_the_place_marked() {
    let demo = Demo::new();
    let key = demo.key(2);
    let seen = demo.folder.join("seen.txt");
    let decisions = [("1", "aprove"), ("2", "reject not a bug")];
    let change = "if (id == 1) sub(/Checked by/, \"Looked at by\");";
    let program = decide(&demo, "first", &decisions, change);
    let mend = format!(
        "if grep -q '^aprove' \"$1\"; then\ncp \"$1\" {}\nsed -i 's/^aprove$/approve/' \"$1\"\nelse\n{}fi\n",
        seen.display(),
        awk(&program)
    );
    let out = review(&demo, &script(&demo, &mend)).ok();
    assert!(out.contains("edited and approved"), "{out}");
    let marked = fs::read_to_string(seen).unwrap();
    assert!(marked.starts_with("=======! Nothing was done"), "{marked}");
    let place = "=======! \"aprove\" is no decision";
    let (_, after) = marked.split_once(place).unwrap();
    assert_eq!(after.lines().nth(1), Some("aprove"), "{marked}");
    assert!(marked.contains("Looked at by <<approver>>"), "{marked}");
    assert!(demo.sent()[0].contains("Looked at by Vic Stone"));
    assert_ne!(demo.json("show 2")["stage"], "drafted");
    assert!(demo.run(&format!("approve {key}")).code == 1);
}

#[test]
fn giving_up_does_nothing_and_keeps_the_text() {
    let demo = Demo::new();
    let before = demo.to_decide();
    // The same mistake each time: from the second time on nothing changes.
    let decisions = [("1", "approve it"), ("2", "approve")];
    let program = decide(&demo, "wrong", &decisions, "");
    let said = review(&demo, &script(&demo, &awk(&program)));
    assert!(kept(&said.err).contains("\napprove it\n"));
    said.refused(&["nothing was done", "with its mistakes"]);
    // A marker line is gone: nothing counts, and that was said at its place.
    let damage = "sed -i '0,/^======= end$/{//d}' \"$1\"\nsed -i 's/^leave$/approve/' \"$1\"\n";
    let once = format!("grep -q '^=*! ' \"$1\" && exit 0\n{damage}");
    let said = review(&demo, &script(&demo, &once));
    assert!(kept(&said.err).contains("\" is expected here or before; "));
    said.refused(&["nothing was done"]);
    let said = review(&demo, &script(&demo, ": > \"$1\"\n"));
    assert!(kept(&said.err).contains("======= draft 1@"));
    said.refused(&["nothing was done", "everything was deleted"]);
    assert_eq!(demo.to_decide(), before);
    assert!(demo.sent().is_empty());
}

#[test]
fn an_editor_that_fails_or_is_not_there() {
    let demo = Demo::new();
    let before = demo.to_decide();
    let said = review(&demo, "false");
    assert!(!said.err.contains("kept in"), "{}", said.err);
    said.refused(&["ended with", "$EDITOR"]);
    let wrote = script(&demo, "sed -i 's/^leave$/approve/' \"$1\"\nexit 1\n");
    let said = review(&demo, &wrote);
    assert!(kept(&said.err).contains("\napprove\n"));
    said.refused(&["nothing was done", "ended with"]);
    review(&demo, "/nowhere/at/all").refused(&["ended with", "$EDITOR"]);
    let mut command = demo.command("review");
    let said = crate::cli::said(command.env_remove("EDITOR").output().unwrap());
    said.refused(&["no terminal", "$EDITOR"]);
    assert_eq!(demo.to_decide(), before);
}

#[test]
fn what_others_did_meanwhile_is_told_and_the_rest_is_done() {
    let demo = Demo::new();
    let (program, dir) = (env!("CARGO_BIN_EXE_buildbot-watch"), demo.dir());
    let kim = format!(
        "EDITOR=\"sed -i s/Checked.by/Seen.by/\" {program} edit 1 --as Kim --dir {dir} >&2\n\
         {program} approve 2 --yes --as Kim --dir {dir} >&2\n\
         {program} hold 3 --as Kim --reason mine --dir {dir} >&2\n"
    );
    let decisions = [
        ("1", "approve"),
        ("2", "reject no"),
        ("3", "approve"),
        ("5", "approve"),
    ];
    let change = "if (id == 1) sub(/Checked by/, \"Looked at by\");";
    let words = awk(&decide(&demo, "late", &decisions, change));
    let said = review(&demo, &script(&demo, &format!("{kim}{words}")));
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for words in [
        "NOT done",
        "Kim made revision 2 of it",
        "it was approved by Kim",
        "it is held (mine)",
        "approved",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(kept(&said.out).contains("Looked at by <<approver>>"));
    assert_eq!(demo.json("show 5")["stage"], "delivered");
    assert_eq!(demo.json("show 1")["stage"], "drafted");
    let shown = demo.run("show 1").ok();
    assert!(shown.contains("Seen.by"), "{shown}");
    // What Kim approved left once, in Kim's name.
    let mails = demo.sent();
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert!(mails.iter().any(|mail| mail.contains("by Kim")));
}
