//! The program as people use it: the real binary on demo folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A demo's folder and the program to use on it.
pub struct Demo {
    _temporary: TempDir,
    pub folder: PathBuf,
}

/// What one run of the program said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildbot-watch"));
    command
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("VISUAL")
        .env("EDITOR", "true")
        .env("COLUMNS", "80")
        .env("BUILDBOT_WATCH_NAME", "Vic Stone");
    command
}

pub fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn run(arguments: &[&str]) -> Said {
    said(program().args(arguments).output().unwrap())
}

impl Said {
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        assert_eq!(self.err, "", "{}", self.out);
        self.out
    }

    /// Refused with these words, and nothing on standard output.
    #[track_caller]
    pub fn refused(self, words: &[&str]) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        for part in words {
            assert!(self.err.contains(part), "{part:?} is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

impl Demo {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("demo");
        let demo = Self {
            _temporary: temporary,
            folder,
        };
        demo.run("demo").ok();
        demo
    }

    /// With the first draft out of the way, to which a mail about the same failure
    /// would be attached.
    fn without_the_first() -> Self {
        let demo = Self::new();
        demo.run("reject 1 --right-report --reason another").ok();
        demo
    }

    pub fn dir(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = program();
        command
            .args(line.split_whitespace())
            .args(["--dir", self.dir()]);
        command
    }

    pub fn run(&self, line: &str) -> Said {
        said(self.command(line).output().unwrap())
    }

    pub fn json(&self, line: &str) -> Value {
        let said = self.run(&format!("{line} --json"));
        assert!(said.out.is_ascii(), "{}", said.out);
        serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{line}: {error}: {}", said.out))
    }

    /// What `approve` takes: `1@1a2b3c4d`.
    pub fn key(&self, id: u32) -> String {
        self.json(&format!("show {id}"))["draft"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub fn sent(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.folder.join("sent/new")) else {
            return Vec::new();
        };
        let mut mails: Vec<String> = files
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        mails.sort();
        mails
    }

    /// The numbers of the drafts to decide on.
    pub fn to_decide(&self) -> Vec<u64> {
        let list = self.json("list");
        let rows = list["notifications"].as_array().unwrap();
        rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
    }

    fn edit(&self, id: u32, editor: &str) -> Said {
        said(
            self.command(&format!("edit {id}"))
                .env("EDITOR", editor)
                .output()
                .unwrap(),
        )
    }
}

#[test]
fn from_the_demo_to_a_sent_mail() {
    let demo = Demo::new();
    let list = demo.run("list").ok();
    assert!(
        list.contains("test_string.ModuleTest.test_capwords"),
        "{list}"
    );
    assert!(list.contains("comment on #2"), "{list}");
    assert!(
        list.lines()
            .take_while(|line| !line.is_empty())
            .all(|line| line.chars().count() <= 80),
        "{list}"
    );
    assert!(
        list.contains(&format!("show 1 --dir {}", demo.dir())),
        "{list}"
    );

    let show = demo.run("show 1").ok();
    let key = demo.key(1);
    for part in [
        "the method test_capwords is in the title",
        "1. Comment on #2",
        "In-Reply-To  <demo-1@buildbot.example.org>",
        "To           buildbot-status@python.org",
        "Checked by <<approver>>",
        &format!("approve {key} --dir"),
    ] {
        assert!(show.contains(part), "{part}: {show}");
    }

    let approved = demo.run(&format!("approve {key}")).ok();
    assert!(approved.contains("mail to the list: done"), "{approved}");
    let sent = demo.sent();
    let [mail] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert!(
        mail.contains("In-Reply-To: <demo-1@buildbot.example.org>"),
        "{mail}"
    );
    assert!(mail.contains("Checked by Vic Stone"), "{mail}");
    assert_eq!(demo.json("show 1")["stage"], "delivered");

    // The tracker has the comment: the next mirror shows it to a replay.
    let tracker = fs::read(demo.folder.join("state/tracker.sqlite3-wal")).unwrap_or_default();
    let whole = fs::read(demo.folder.join("state/tracker.sqlite3")).unwrap();
    let comment = b"https://buildbot.python.org/all/#/builders/15/builds/4";
    let has = |bytes: &[u8]| bytes.windows(comment.len()).any(|window| window == comment);
    assert!(has(&tracker) || has(&whole));
}

#[test]
fn a_reply_names_the_issue_that_was_opened_before_it() {
    let demo = Demo::new();
    let key = demo.key(5);
    let approved = demo.run(&format!("approve {key}")).ok();
    assert!(
        approved.contains("https://tracker.invalid/issue/15"),
        "{approved}"
    );
    assert!(
        demo.sent()
            .iter()
            .any(|mail| mail.contains("https://tracker.invalid/issue/15"))
    );
}

#[test]
fn the_demo_goes_on_where_it_was() {
    let demo = Demo::new();
    let before = demo.to_decide();
    let again = demo.run("demo").ok();
    assert!(again.contains("goes on"), "{again}");
    assert_eq!(demo.to_decide(), before);
    assert!(demo.sent().is_empty());
    assert_eq!(demo.json("status")["notifications"]["all"], 9);
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let dir = folder.path().to_str().unwrap();
    run(&["demo", "--dir", dir]).refused(&["is not empty", "--dir DIR"]);
    fs::write(folder.path().join("config.toml"), "[store]\n").unwrap();
    run(&["demo", "--dir", dir]).refused(&["not the configuration of a demo"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn an_approval_is_for_what_was_shown_once() {
    let demo = Demo::new();
    let key = demo.key(1);
    demo.run("approve 1")
        .refused(&["nobody can be asked", &key, "--yes"]);
    demo.run("approve 1@00000000")
        .refused(&["is not the current text", "show 1"]);
    assert!(demo.sent().is_empty());
    demo.run(&format!("approve {key}")).ok();
    let second = demo.run(&format!("approve {key} --as Second"));
    second.refused(&["1 was approved by Vic Stone", "ago"]);
    demo.run("reject 1 --reason late")
        .refused(&["approved by Vic Stone"]);
    assert_eq!(demo.sent().len(), 1);
}

#[test]
fn an_edited_draft_makes_the_old_digest_stale() {
    let demo = Demo::new();
    let old = demo.key(1);
    let edited = demo.edit(1, "sed -i 's/Checked by/Looked at by/'").ok();
    assert!(edited.contains("New revision"), "{edited}");
    demo.run(&format!("approve {old}"))
        .refused(&["Vic Stone made revision 2"]);
    let new = demo.key(1);
    assert_ne!(old, new);
    demo.run(&format!("approve {new}")).ok();
    assert!(
        demo.sent()
            .iter()
            .any(|mail| mail.contains("Looked at by Vic Stone"))
    );
}

#[test]
fn an_editor_that_changes_nothing_or_breaks_it_changes_nothing() {
    let demo = Demo::new();
    let key = demo.key(1);
    let unchanged = demo.edit(1, "true").ok();
    assert!(unchanged.contains("Nothing was changed"), "{unchanged}");
    let broken = demo.edit(1, "sed -i 's/^=====/~~~~~/'");
    let kept = broken
        .err
        .split_once("kept in ")
        .unwrap()
        .1
        .trim()
        .to_owned();
    broken.refused(&["line", "marker"]);
    assert!(fs::read_to_string(&kept).unwrap().contains("~~~~~"));
    fs::remove_dir_all(Path::new(&kept).parent().unwrap()).unwrap();
    demo.edit(1, "false").refused(&["ended with", "$EDITOR"]);
    demo.edit(1, "sed -i 's/Checked by <<approver>>/<<new issue 7>>/'")
        .refused(&["<<new issue 7>>"]);
    assert_eq!(demo.key(1), key);
}

#[test]
fn a_person_chooses_the_report() {
    let demo = Demo::new();
    let linked = demo.run("link 5 10").ok();
    assert!(linked.contains("#10 is closed"), "{linked}");
    assert!(linked.contains("comment on #10"), "{linked}");
    demo.run("link 5 https://tracker.invalid/issue/12").ok();
    assert_eq!(demo.json("show 5")["actions"][0]["issue"], 12);
    demo.run("link 5 new").ok();
    assert_eq!(demo.json("show 5")["actions"][0]["do"], "open");
    demo.run("link 5 new")
        .refused(&["what the draft says already"]);
    demo.run("link 5 https://github.com/python/cpython/issues/1")
        .refused(&["is not a report of"]);
    demo.run("link 5 1 --failure 2")
        .refused(&["no failure 2", "numbered from 1 to 1"]);
    let strange = demo.run("link 5 4711").ok();
    assert!(strange.contains("not in the local copy"), "{strange}");
}

#[test]
fn choices_for_single_failures_add_up() {
    let demo = Demo::new();
    demo.run("link 3 4 --failure 1").ok();
    demo.run("link 3 7 --failure 2").ok();
    let show = demo.json("show 3");
    let actions = show["actions"].as_array().unwrap();
    let mut issues: Vec<u64> = actions
        .iter()
        .filter_map(|it| it["issue"].as_u64())
        .collect();
    issues.sort_unstable();
    assert_eq!(issues, [4, 7], "{show}");
    assert_eq!(show["revision"], 3);
}

#[test]
fn what_is_held_stays() {
    let demo = Demo::new();
    demo.run("hold 1 --reason asking").ok();
    assert!(!demo.to_decide().contains(&1));
    assert!(demo.run("list --held").ok().contains("asking"));
    demo.run("hold 1").refused(&["held already"]);
    demo.run("approve 1 --yes").refused(&["held", "release 1"]);
    demo.run("release 1").ok();
    demo.run("release 1").refused(&["not held"]);
    demo.run("approve 1 --yes").ok();
}

#[test]
fn what_is_rejected_is_over() {
    let demo = Demo::new();
    demo.run("reject 2 --reason")
        .code
        .eq(&2)
        .then_some(())
        .unwrap();
    demo.run("reject 2 --reason disk-full").ok();
    demo.run("approve 2 --yes")
        .refused(&["rejected by Vic Stone"]);
    let closed = demo.run("list --closed").ok();
    assert!(closed.contains("rejected"), "{closed}");
    let history = demo.run("history 2").ok();
    for word in [
        "received",
        "matched",
        "drafted",
        "rejected",
        "Vic Stone",
        "disk-full",
    ] {
        assert!(history.contains(word), "{word}: {history}");
    }
    demo.run("retry 2").refused(&["rejected by Vic Stone"]);
}

#[test]
fn a_pause_holds_everything_back_until_it_ends() {
    let demo = Demo::new();
    demo.run("pause --reason moving").ok();
    demo.run("pause")
        .refused(&["paused already", "Vic Stone", "moving"]);
    demo.run("approve 1 --yes").ok();
    assert!(demo.sent().is_empty());
    assert_eq!(demo.json("status")["pause"]["reason"], "moving");
    assert!(demo.run("list --underway").ok().contains("approved by Vic"));
    demo.run("resume").ok();
    assert_eq!(demo.sent().len(), 1);
    assert!(demo.run("resume").ok().contains("was not paused"));
}

#[test]
fn a_stop_is_told_and_cleared_by_a_person() {
    let demo = Demo::new();
    demo.run("stop --reason loop").ok();
    assert!(demo.run("list").ok().contains("STOP is on: loop"));
    assert!(demo.run("status").ok().contains("clear-stop"));
    demo.run("approve 1 --yes").ok();
    assert!(demo.sent().is_empty());
    demo.run("clear-stop").ok();
    assert_eq!(demo.sent().len(), 1);
}

#[test]
fn every_verb_speaks_json() {
    let demo = Demo::new();
    let lines = [
        "demo",
        "list",
        "list --all",
        "list --closed",
        "show 1",
        "show 7",
        "history 1",
        "status",
        "check",
        "hold 1",
        "release 1",
        "pause",
        "resume",
        "stop --reason x",
        "clear-stop",
        "link 5 10",
        "reject 6 --reason no",
        "retry 7",
        "approve 1 --yes",
    ];
    for line in lines {
        let document = demo.json(line);
        assert!(document.is_object(), "{line}: {document}");
        assert!(document.get("error").is_none(), "{line}: {document}");
    }
    let both = demo.json("approve 2 99 --yes");
    assert_eq!(both["approved"][0]["notification"]["id"], 2);
    assert_eq!(both["refused"][0]["id"], 99);
    for line in [
        "show 99",
        "approve 99",
        "resolve 99 --give-up",
        "history 99",
        "retry 99",
        "list --what",
    ] {
        let document = demo.json(line);
        assert!(document["error"].is_string(), "{line}: {document}");
    }
}

#[test]
fn a_replay_keeps_nothing() {
    let demo = Demo::without_the_first();
    let before = demo.json("status");
    let mails = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/mailman-post-single.eml"
    );
    let shown = demo.run(&format!("replay --show {mails}")).ok();
    for part in [
        "comment on #2",
        "Then reply to the list",
        "Nothing was kept",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(
        demo.json("status")["notifications"],
        before["notifications"]
    );
    assert!(demo.sent().is_empty());
    demo.run(&format!("replay --store {mails}")).ok();
    assert_eq!(demo.json("status")["notifications"]["all"], 10);
    let again = demo.run(&format!("replay {mails}")).ok();
    assert!(again.contains("1 of them known before"), "{again}");
    demo.run("replay /nonexistent")
        .refused(&["there is nothing at"]);
}

#[test]
fn check_tells_everything_at_once() {
    let demo = Demo::new();
    let good = demo.run("check").ok();
    assert!(good.contains("Nothing is wrong"), "{good}");
    let config = demo.folder.join("wrong.toml");
    fs::write(
        &config,
        "[store]\nstate_dir = 7\n[list]\nid = \"a b\"\naddress = \"nobody\"\nnotifiers = []\n\
         [mailbox]\nkind = \"pop3\"\n[outgoing]\nkind = \"maildir\"\npath = \"sent\"\n\
         from_address = \"bbw@example.org\"\n[tracker]\nkind = \"embedded\"\n",
    )
    .unwrap();
    let wrong = run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(wrong.code, 1);
    for line in [2, 4, 5, 6, 8] {
        assert!(
            wrong.out.contains(&format!("wrong.toml:{line}")),
            "{line}: {}",
            wrong.out
        );
    }
    assert!(wrong.out.contains("5 things wrong"), "{}", wrong.out);
}

#[test]
fn check_names_what_is_missing() {
    let demo = Demo::new();
    fs::remove_dir_all(demo.folder.join("mailbox")).unwrap();
    let said = demo.run("check");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("wrong    mailbox"), "{}", said.out);
    assert!(said.out.contains("ok       tracker"), "{}", said.out);
}

#[test]
fn mistakes_are_told_with_a_remedy() {
    let demo = Demo::new();
    demo.run("show 99")
        .refused(&["no notification 99", "list --all"]);
    demo.run("resolve 99 --give-up")
        .refused(&["no delivery 99", "status"]);
    demo.run("approve 1 --yes --as <b>")
        .refused(&["name", "--as"]);
    demo.run("retry 1").ok();
    run(&["list", "--dir", "/nonexistent"])
        .refused(&["no configuration", "demo --dir /nonexistent"]);
    run(&["list", "--config", "/nonexistent"]).refused(&["no configuration", "--config FILE"]);
    for wrong in [
        "",
        "approve",
        "show x",
        "approve 1@zz",
        "list --all --held",
        "resolve 1",
    ] {
        let said = demo.run(wrong);
        assert_eq!(said.code, 2, "{wrong}: {}{}", said.out, said.err);
    }
    let state = demo.folder.join("state");
    fs::rename(&state, demo.folder.join("elsewhere")).unwrap();
    demo.run("list").refused(&["no database", "run"]);
    assert!(!state.exists());
}

#[test]
fn a_reader_that_goes_away_is_no_mistake() {
    let demo = Demo::new();
    let mut child = demo
        .command("show 4")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn hostile_text_does_not_act_on_the_terminal() {
    let demo = Demo::new();
    let mail = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/bb403-longline-nul-esc-utf8.eml"
    );
    let raw = fs::read(mail).unwrap();
    let list = b"Message-ID: <hostile@example.org>\r\nList-Id: <buildbot-status.python.org>\r\n";
    fs::write(
        demo.folder.join("mailbox/new/1.hostile"),
        [list, raw.as_slice()].concat(),
    )
    .unwrap();
    demo.run("demo").ok();
    let acts = |char: &char| char.is_control() && *char != '\n';
    for line in [
        "show 10",
        "show 10 --full",
        "list",
        "history 10",
        "list --all",
    ] {
        let text = demo.run(line).ok();
        assert_eq!(text.chars().find(acts), None, "{line}");
    }
}

/// Puts a delivery into the state that a crash between its claim and the answer
/// leaves behind.
fn doubt(demo: &Demo, delivery: u32) {
    let database = demo.folder.join("state/buildbot-watch.sqlite3");
    let changed = rusqlite::Connection::open(database).unwrap().execute(
        "UPDATE deliveries
         SET frozen = x'7b7d', frozen_digest = 'x', marker = 'x' || id, claimed_at = 1,
             in_doubt_since = 1, due_at = NULL, last_error = 'the connection broke'
         WHERE id = ?1",
        [delivery],
    );
    assert_eq!(changed, Ok(1));
}

#[test]
fn a_person_says_what_became_of_a_doubtful_delivery() {
    let demo = Demo::new();
    demo.run("pause").ok();
    demo.run("approve 1 2 --yes").ok();
    demo.run("resolve 1 --give-up")
        .refused(&["is queued", "nothing to resolve"]);
    doubt(&demo, 1);
    doubt(&demo, 3);
    demo.run("resume").ok();
    assert!(demo.sent().is_empty(), "the reply waits for the comment");
    let status = demo.run("status").ok();
    for part in [
        "In doubt",
        "1  comment",
        "the connection broke",
        &format!("show 1 --dir {}", demo.dir()),
    ] {
        assert!(status.contains(part), "{part}: {status}");
    }
    assert_eq!(demo.json("status")["in_doubt"].as_array().unwrap().len(), 2);

    demo.run("resolve 1 --happened nonsense")
        .refused(&["is not a report of"]);
    let resolved = demo
        .run("resolve 1 --happened https://tracker.invalid/issue/2")
        .ok();
    assert!(resolved.contains("comment: done"), "{resolved}");
    assert_eq!(demo.json("show 1")["stage"], "delivered");
    assert_eq!(demo.sent().len(), 1);

    demo.run("resolve 3 --give-up").ok();
    let given_up = demo.json("show 2");
    assert_eq!(given_up["closed"]["reason"], "undeliverable", "{given_up}");
    assert_eq!(demo.sent().len(), 1);
    assert!(demo.run("history 2").ok().contains("Vic Stone"));
}

#[test]
fn what_people_say_of_a_failure_is_remembered() {
    let demo = Demo::new();
    demo.run("approve 1 --yes").ok();
    demo.run("link 5 12").ok();
    let mails = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/mails");
    demo.run(&format!("replay --store {mails}/mailman-post-single.eml"))
        .ok();
    let again = demo.run("show 10").ok();
    assert!(again.contains("#2 (strong)"), "{again}");
    assert!(
        again.contains("Vic Stone said that this failure belongs to it"),
        "{again}"
    );
    demo.run(&format!(
        "replay --store {mails}/mailman-post-utf8-base64.eml"
    ))
    .ok();
    let again = demo.run("show 11").ok();
    assert!(again.contains("#12 (strong)"), "{again}");
}

/// A delivery was refused for good by the tracker, which the demo's never does.
pub fn refuse(database: &rusqlite::Connection, delivery: i64) {
    let changed = database.execute(
        "UPDATE deliveries SET failed_why = '403 Forbidden', due_at = NULL WHERE id = ?1",
        [delivery],
    );
    assert_eq!(changed, Ok(1));
    let changed = database.execute(
        "UPDATE notifications
         SET closed_reason = 'undeliverable', closed_note = '403 Forbidden', closed_at = 1
         WHERE id = (SELECT notification FROM deliveries WHERE id = ?1)",
        [delivery],
    );
    assert_eq!(changed, Ok(1));
}

#[test]
fn what_was_refused_for_good_can_be_decided_on_anew() {
    let demo = Demo::new();
    demo.run("pause").ok();
    let old = demo.key(1);
    let approved = demo.run(&format!("approve {old}")).ok();
    assert!(approved.contains("paused by Vic Stone"), "{approved}");
    let database = demo.folder.join("state/buildbot-watch.sqlite3");
    refuse(&rusqlite::Connection::open(database).unwrap(), 1);
    let show = demo.run("show 1").ok();
    assert!(show.contains("retry 1"), "{show}");
    demo.run("resolve 1 --give-up").ok();
    let status = demo.run("status").ok();
    assert!(!status.contains("Refused for good"), "{status}");
    demo.run("retry 1").ok();
    demo.run("resume").ok();
    assert!(demo.sent().is_empty(), "nobody approved the new draft");
    demo.run(&format!("approve {old}"))
        .refused(&["is not the current text"]);
    let new = demo.key(1);
    demo.run(&format!("approve {new}")).ok();
    assert_eq!(demo.sent().len(), 1);
    let history = demo.run("history 1").ok();
    for part in [
        "withdrawn",
        "test_capwords: known #2",
        new.split_once('@').unwrap().1,
    ] {
        assert!(history.contains(part), "{part}: {history}");
    }
}

#[test]
fn an_old_key_does_not_fit_again() {
    let demo = Demo::new();
    let old = demo.key(5);
    demo.run("link 5 10").ok();
    demo.run("link 5 new").ok();
    demo.run(&format!("approve {old}"))
        .refused(&["is not the current text"]);
}

#[test]
fn what_is_held_is_counted_once() {
    let demo = Demo::new();
    demo.run("pause").ok();
    demo.run("approve 1 --yes").ok();
    demo.run("hold 1 --reason wait").ok();
    let counts = &demo.json("status")["notifications"];
    assert_eq!(
        (&counts["held"], &counts["underway"]),
        (&1.into(), &0.into())
    );
    assert!(demo.run("status").ok().contains("list --held"));
}

#[test]
fn whoever_called_sudo_is_the_approver() {
    let demo = Demo::new();
    let mut command = demo.command("approve 1 --yes");
    command
        .env_remove("BUILDBOT_WATCH_NAME")
        .env("SUDO_UID", "59999")
        .env("SUDO_USER", "kim");
    let approved = said(command.output().unwrap()).ok();
    assert!(approved.contains(" as kim."), "{approved}");
    let mails = demo.sent();
    assert!(
        mails
            .iter()
            .any(|mail| mail.contains("Checked by kim, sent")),
        "{mails:?}"
    );
}

#[test]
fn a_draft_named_twice_counts_once() {
    let demo = Demo::new();
    let key = demo.key(2);
    let approved = demo.run(&format!("approve 2 {key} 2 --yes")).ok();
    assert_eq!(approved.matches("Approved 2@").count(), 1, "{approved}");
    demo.run(&format!("approve 1@00000000 {} 1", demo.key(1)))
        .refused(&["is not the current text"]);
}

#[test]
fn what_cannot_be_printed_is_a_mistake() {
    let demo = Demo::new();
    for line in ["list", "list --json", "show 1", "status --json", "--help"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let said = said(demo.command(line).stdout(full).output().unwrap());
        said.refused(&["standard output", "No space left"]);
    }
}

#[test]
fn what_a_replay_leaves_out_is_told() {
    let demo = Demo::without_the_first();
    let file = |name: &str| format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let mail = file("fixtures/mails/bb43-single-test-method.eml");
    let ignored = demo.run(&format!("replay {mail}")).ok();
    for part in [
        "it comes from no list (no List-Id)",
        "1 mail was ignored: it carries no List-Id",
        "--assume-list",
    ] {
        assert!(ignored.contains(part), "{part}: {ignored}");
    }
    let assumed = demo.run(&format!("replay --assume-list {mail}")).ok();
    assert!(assumed.contains("comment on #2"), "{assumed}");
    assert!(!assumed.contains("ignored"), "{assumed}");
    let both = demo.run(&format!("replay --assume-list --store {mail}"));
    assert_eq!(both.code, 2);
    for other in ["/dev/null", &file("Cargo.lock")] {
        demo.run(&format!("replay {other}"))
            .refused(&["is not a mail", "Maildir"]);
    }
    let folder = demo.folder.join("saved");
    fs::create_dir(&folder).unwrap();
    fs::copy(&mail, folder.join("1.eml")).unwrap();
    fs::write(folder.join("2.eml"), "").unwrap();
    let mixed = demo.run(&format!("replay {}", folder.display())).ok();
    assert!(mixed.contains("1 mail read."), "{mixed}");
    assert!(mixed.contains("not a mail: "), "{mixed}");
}

#[test]
fn a_replay_without_secrets_or_reports_shows_what_it_can_and_says_what_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/config.example.toml");
    let example = fs::read_to_string(example).unwrap();
    let config = folder.path().join("config.toml");
    let here = example.replace(
        "#state_dir = \"/var/lib/buildbot-watch\"",
        "state_dir = \"state\"",
    );
    // Nobody listens there: what a mail does not carry is not waited for.
    let here = here.replace("https://buildbot.python.org/", "http://127.0.0.1:9/");
    fs::write(&config, here).unwrap();
    let mail = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/mailman-post-single.eml"
    );
    let config = config.to_str().unwrap();
    let said = run(&["replay", "--show", mail, "--config", config]).ok();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "test_string.ModuleTest.test_capwords open a report",
        "! whether there is a report already is not known here:",
        "1. Open a new report",
        "What is called new here may have a report already:",
        "asks github.com/python/cpython for none",
        "Nothing was kept and nothing was sent.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let json = run(&["replay", mail, "--config", config, "--json"]).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["mirror_unfit_why"].is_string(), "{json}");
    assert_eq!(json["notifications"][0]["stage"], "drafted");
    assert!(!folder.path().join("state").exists());

    // With the reports at hand nothing is doubtful.
    let demo = Demo::without_the_first();
    let known = demo.run(&format!("replay --show {mail}")).ok();
    assert!(known.contains("comment on #2"), "{known}");
    assert!(!known.contains("may have a report already"), "{known}");
    let json = demo.json(&format!("replay {mail}"));
    assert!(json["mirror_unfit_why"].is_null(), "{json}");
}

#[test]
fn the_demos_drafts_name_nothing_to_configure() {
    let demo = Demo::new();
    for id in demo.to_decide() {
        let show = demo.json(&format!("show {id}"));
        let warnings = show["draft_texts"]["warnings"].to_string();
        assert!(!warnings.contains("[ci]"), "{id}: {warnings}");
        let text = demo.run(&format!("show {id}")).ok();
        assert!(!text.contains("could not be checked"), "{text}");
    }
    // Nothing is asked for logs all the same.
    let check = demo.run("check").ok();
    assert!(check.contains("asked only about a build that"), "{check}");
}

#[test]
fn a_text_that_the_list_has_seen_is_told_before_it_is_approved() {
    let demo = Demo::without_the_first();
    let mail = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/mailman-post-single.eml"
    );
    demo.run(&format!("replay --store {mail}")).ok();
    assert!(demo.json("show 10")["will_be_held"].is_null());
    assert!(!demo.run("list").ok().contains("very text"));
    demo.run("approve 10 --yes").ok();
    let second = fs::read_to_string(mail).unwrap();
    let second = second.replace("Message-Id: <", "Message-Id: <second-");
    let file = demo.folder.join("second.eml");
    fs::write(&file, second).unwrap();
    demo.run(&format!("replay --store {}", file.display())).ok();
    let held = demo.json("show 11")["will_be_held"].to_string();
    for part in ["approved by Vic Stone", "`release 11`", "`edit 11`"] {
        assert!(held.contains(part), "{part}: {held}");
    }
    let show = demo.run("show 11").ok();
    assert!(show.contains("the list got this very text"), "{show}");
    let list = demo.run("list").ok();
    assert!(
        list.contains("! The list got the very text of 11 already"),
        "{list}"
    );
    // It is so: and whoever approves all the same is told what to type.
    let approved = demo.run("approve 11 --yes").ok();
    for part in ["held by buildbot-watch: the same text", "release 11 --dir"] {
        assert!(approved.contains(part), "{part}: {approved}");
    }
    assert_eq!(demo.sent().len(), 1);
    demo.run("release 11").ok();
    assert_eq!(demo.sent().len(), 2);
}

#[test]
fn a_text_that_another_person_approves_is_another_text() {
    let demo = Demo::without_the_first();
    let mail = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/mailman-post-single.eml"
    );
    demo.run(&format!("replay --store {mail}")).ok();
    demo.run("approve 10 --yes").ok();
    let second = fs::read_to_string(mail)
        .unwrap()
        .replace("Message-Id: <", "Message-Id: <second-");
    let file = demo.folder.join("second.eml");
    fs::write(&file, second).unwrap();
    demo.run(&format!("replay --store {}", file.display())).ok();
    demo.run("approve 11 --yes --as Second").ok();
    assert_eq!(demo.sent().len(), 2);
}

/// The lines above `Next`, whose commands are never broken.
fn above_next(text: &str) -> Vec<&str> {
    text.lines().take_while(|line| *line != "Next").collect()
}

#[test]
fn every_screen_fits_its_columns() {
    let demo = Demo::new();
    let reason = "asking-the-owner-of-the-machine whether-the-disk-was-full";
    let held = demo.command("hold 6").args(["--reason", reason]).output();
    said(held.unwrap()).ok();
    let lines = ["list", "list --held", "list --closed", "show 1", "show 4"];
    for (columns, line) in [80, 40]
        .into_iter()
        .flat_map(|it| lines.map(|line| (it, line)))
    {
        let mut command = demo.command(line);
        let text = said(
            command
                .env("COLUMNS", columns.to_string())
                .output()
                .unwrap(),
        )
        .ok();
        for line in above_next(&text) {
            let fits = line.chars().count() <= columns || line.contains("://");
            assert!(fits, "{columns}: {line}");
        }
    }
    let narrow = |line: &str| {
        let mut command = demo.command(line);
        said(command.env("COLUMNS", "40").output().unwrap()).ok()
    };
    assert!(narrow("list").contains("comment on #2: strong"));
    assert!(narrow("list").contains(" and 14 more"));
    assert!(narrow("list --held").contains("whether-the-disk-was-full"));
    assert!(narrow("show 1").contains("  ¦ "));
    let show = demo.run("show 1").ok();
    assert!(
        show.contains("Lib/test/test_string.py\", line 29, in test_capwords"),
        "{show}"
    );
}

#[test]
fn what_is_stuck_is_told() {
    let demo = Demo::new();
    demo.run("stop --reason loop").ok();
    let mail = demo.folder.join("mailbox/cur");
    let raw = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/mailman-post-single.eml"
    ))
    .unwrap();
    fs::write(mail.join("2.late:2,"), raw).unwrap();
    let said = demo.run("demo");
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("Not finished"), "{}", said.out);
    let list = demo.run("list").ok();
    assert!(
        list.contains("1 more mail is still being worked on"),
        "{list}"
    );
    assert_eq!(demo.json("list")["unfinished"], 1);
}
