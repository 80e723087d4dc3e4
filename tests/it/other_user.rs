//! The service's files belong to its user: what others are told, what the service's
//! own account may not do, and a tracker's file that cannot be written.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::mailflow::desk::{Desk, Notice, STRING};
use crate::service::{PROGRAM, Ran};
use crate::world::mails_in;

/// An account of services that every Debian has; nobody logs in to it.
const NOBODY: &str = "65534";

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}

fn as_root(words: &[&str]) -> Command {
    let words = match is_root() {
        true => words.to_vec(),
        false => [&["sudo", "-n"], words].concat(),
    };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

#[track_caller]
fn root_does(words: &[&str]) {
    let status = as_root(words).status().unwrap();
    assert!(status.success(), "{words:?} needs root, or sudo: {status}");
}

/// A desk in a folder that everybody may enter, and a copy of the program there.
struct Shared {
    desk: Desk,
    program: PathBuf,
}

impl Shared {
    fn new() -> Self {
        let desk = Desk::new("");
        desk.take(
            Notice {
                fixture: STRING,
                builder: "AMD64 Debian root 3.x",
                id: "shared",
            }
            .mail(),
        );
        let program = desk.path("buildbot-watch");
        // By another process: a program that this one holds open for writing, if
        // only for the moment another test starts a child, cannot be run.
        let copied = Command::new("cp").arg(PROGRAM).arg(&program).status();
        assert!(copied.unwrap().success());
        for (name, mode) in [
            ("", 0o755),
            ("buildbot-watch", 0o755),
            ("config.toml", 0o644),
            ("state", 0o700),
        ] {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(desk.path(name), mode).unwrap();
        }
        Self { desk, program }
    }

    fn give_to_nobody(&self, name: &str) {
        let path = self.desk.path(name);
        let owner = format!("{NOBODY}:{NOBODY}");
        root_does(&["chown", "-R", &owner, path.to_str().unwrap()]);
    }

    /// A verb as another user, with nobody behind it.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = as_root(&["setpriv", "--reuid", NOBODY, "--regid", NOBODY]);
        command
            .args([
                "--clear-groups",
                "env",
                "-i",
                "COLUMNS=100",
                "RUST_BACKTRACE=1",
            ])
            .arg(&self.program)
            .args(words)
            .arg("--dir")
            .arg(self.desk.path(""))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().unwrap();
        Ran {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn refused(&self, words: &[&str], parts: &[&str]) {
        let ran = self.run(words);
        assert_eq!(
            ran.status.code(),
            Some(1),
            "{words:?}: {}{}",
            ran.out,
            ran.err
        );
        for part in parts {
            assert!(ran.err.contains(part), "{words:?}: {part}: {}", ran.err);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // So that whoever made the folder can remove it.
        let owner = fs::metadata("/proc/self").map_or(0, |about| about.uid());
        let folder = self.desk.path("");
        let _ = as_root(&["chown", "-R", &owner.to_string()])
            .arg(folder)
            .status();
    }
}

/// The login of whoever runs the tests.
fn own_login() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn whose_the_state_is_and_what_to_type_is_told_to_others() {
    let shared = Shared::new();
    let state = shared.desk.path("state");
    let owner = own_login();
    let whose = format!("{} is {owner}'s", state.display());
    let folder = shared.desk.path("");
    for words in [
        &["list"] as &[&str],
        &["status"],
        &["show", "1"],
        &["approve", "1", "--yes"],
        &["run"],
    ] {
        let again = format!(
            "sudo -u {owner} {} {} --dir {}",
            shared.program.display(),
            words.join(" "),
            folder.display()
        );
        shared.refused(words, &["Permission denied", &whose, &again]);
    }
    let check = shared.run(&["check"]);
    let told = check.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains(&whose), "{told}");
    assert!(told.contains(&format!("sudo -u {owner} ")), "{told}");

    // Where the folder may be entered it is the file that may not be read.
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    let file = format!("buildbot-watch.sqlite3 is {owner}'s");
    shared.refused(&["list"], &[&file, &format!("sudo -u {owner} ")]);
}

#[test]
fn ones_own_folder_without_rights_is_no_case_for_sudo() {
    let shared = Shared::new();
    shared.give_to_nobody("state");
    root_does(&["chmod", "0000", shared.desk.path("state").to_str().unwrap()]);
    shared.refused(&["list"], &["is yours", "ls -ld"]);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_told_with_a_remedy() {
    let shared = Shared::new();
    let config = shared.desk.path("config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("\"state\"", "\"missing/state\"");
    fs::write(&config, text).unwrap();
    let folder = shared.desk.path("missing/state");
    let remedy = format!("install -d -m 700 -o USER {}", folder.display());
    shared.refused(&["run"], &["cannot be made", &remedy]);
}

#[test]
fn the_services_own_account_decides_nothing() {
    let shared = Shared::new();
    for name in ["", "state"] {
        shared.give_to_nobody(name);
    }
    let list = shared.run(&["list"]);
    assert!(list.status.success(), "{}", list.err);
    for words in [
        &["approve", "1", "--yes"] as &[&str],
        &["reject", "1", "--reason", "x"],
        &["edit", "1"],
        &["link", "1", "new"],
        &["hold", "1"],
        &["pause"],
        &["stop", "--reason", "x"],
    ] {
        let parts = ["nobody is the service", "a person has to decide", "--as"];
        shared.refused(words, &parts);
    }
    let status = shared.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(status["notifications"]["to_decide"], 1, "{status}");
    assert!(status["stop"].is_null() && status["pause"].is_null());
    // A person who says so, or who called sudo, does.
    let named = shared.run(&["hold", "1", "--as", "Ada Lovelace"]);
    assert!(named.status.success(), "{}", named.err);
    let mut command = shared.command(&["release", "1"]);
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let at = arguments.iter().position(|word| word == "-i").unwrap() + 1;
    let mut with_sudo = Command::new(command.get_program());
    with_sudo
        .args(&arguments[..at])
        .args(["SUDO_UID=59999", "SUDO_USER=kim"])
        .args(&arguments[at..]);
    command = with_sudo;
    assert!(command.status().unwrap().success());
    let history = shared.run(&["history", "1"]);
    assert!(history.out.contains("Ada Lovelace"), "{}", history.out);
    assert!(history.out.contains("kim"), "{}", history.out);
}

fn part_of(check: &Ran, name: &str) -> String {
    let words: Vec<&str> = check
        .out
        .lines()
        .skip_while(|line| line.split_whitespace().nth(1) != Some(name))
        .take_while(|line| line.starts_with(' ') || line.contains(name))
        .flat_map(str::split_whitespace)
        .collect();
    words.join(" ")
}

#[test]
fn a_trackers_file_that_cannot_be_written_is_told_and_waited_for() {
    let shared = Shared::new();
    for name in ["mailbox", "state"] {
        shared.give_to_nobody(name);
    }
    fs::create_dir(shared.desk.path("sent")).unwrap();
    shared.give_to_nobody("sent");
    let tracker = shared.desk.path("tracker.sqlite3");
    // The file, then its folder.
    let check = shared.run(&["check"]);
    assert_eq!(check.status.code(), Some(1), "{}", check.out);
    let told = part_of(&check, "tracker");
    for part in [
        "cannot be written",
        "Give the file to the user of the service",
    ] {
        assert!(told.contains(part), "{part}: {}", check.out);
    }
    shared.give_to_nobody("tracker.sqlite3");
    let told = part_of(&shared.run(&["check"]), "tracker");
    for part in ["cannot be written", "give it and its folder to the user"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // The service says the same, and does not begin.
    let ran = shared.run(&["run"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.err);
    for part in [tracker.to_str().unwrap(), "give it and its folder"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn an_approval_is_kept_while_the_trackers_file_cannot_be_written() {
    let shared = Shared::new();
    fs::create_dir_all(shared.desk.path("sent")).unwrap();
    for name in ["mailbox", "state", "sent"] {
        shared.give_to_nobody(name);
    }
    let approve = ["approve", "1", "--yes", "--as", "Ada Lovelace"];
    let parts = ["the approval is kept", "cannot be written", "give it"];
    shared.refused(&approve, &parts);
    let underway = shared.run(&["list", "--underway", "--json"]);
    assert!(underway.out.contains("Ada Lovelace"), "{}", underway.out);

    shared.give_to_nobody("");
    let resumed = shared.run(&["resume", "--as", "Ada Lovelace"]);
    assert!(resumed.status.success(), "{}", resumed.err);
    let shown = shared.run(&["show", "1", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["stage"], "delivered", "{shown}");
    assert_eq!(mails_in(&shared.desk.path("sent")).len(), 1);
}
