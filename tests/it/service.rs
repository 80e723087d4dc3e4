//! The program as it is run: a configuration of its own, a daemon as a child
//! process, and the command line beside it.

#![allow(dead_code, reason = "every area of tests uses what it needs")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::world::{World, client, eventually, world};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_buildbot-watch");

/// How long anything may take on a busy machine before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A list, its subscribers, a tracker, and a configuration for them.
pub struct Setup {
    pub folder: tempfile::TempDir,
    pub config: PathBuf,
    /// The list's address.
    pub list: String,
    /// The user whose mailbox the daemon watches.
    pub watcher: String,
    /// Another subscriber of the list.
    pub reader: String,
    /// The tracker's name in the tests' world.
    pub tracker: String,
}

/// What differs between the setups of tests.
pub struct Wanted<'a> {
    /// Names the list and the users.
    pub area: &'a str,
    /// Which of the world's Roundup trackers.
    pub tracker: &'a str,
    /// Caps and the like, as TOML sections.
    pub more: &'a str,
}

impl Setup {
    /// Makes a list with two subscribers, and a configuration.
    pub async fn new(wanted: &Wanted<'_>) -> Self {
        let world = world();
        let users = Self::users(wanted.area);
        let members = users.each_ref().map(|user| world.address(user));
        let list = world.fresh_list(wanted.area, &members).await;
        Self::for_list(wanted, list, users)
    }

    /// The watcher and the reader of a test.
    pub fn users(area: &str) -> [String; 2] {
        ["watcher", "reader"].map(|user| world().fresh_user(&format!("{area}-{user}")))
    }

    /// Makes a configuration for a list that is there.
    pub fn for_list(wanted: &Wanted<'_>, list: String, [watcher, reader]: [String; 2]) -> Self {
        let world = world();
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Self {
            config: folder.path().join("config.toml"),
            folder,
            list,
            watcher,
            reader,
            tracker: wanted.tracker.to_owned(),
        };
        setup.write_config(world, wanted.more);
        setup
    }

    /// A file beside the configuration that only we can read.
    pub fn secret(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    fn write_config(&self, world: &World, more: &str) {
        self.secret("mail-password", &world.mail.password);
        self.secret("tracker-password", &world.roundup.users["bbot"]);
        let text = format!(
            r#"
[store]
state_dir = "state"

[list]
id = "{list_id}"
address = "{list}"
notifiers = ["buildbot@python.org"]

[mailbox]
kind = "imap"
host = "{host}"
port = {imaps}
user = "{watcher}"
password = {{ file = "mail-password" }}
ca_file = "{ca}"

[outgoing]
kind = "smtp"
host = "{host}"
port = {submissions}
user = "{watcher}"
password = {{ file = "mail-password" }}
ca_file = "{ca}"
from_address = "{address}"

[tracker]
kind = "roundup"
url = "{tracker}"
user = "bbot"
password = {{ file = "tracker-password" }}
sync_interval = "10s"

[drafts.versions]
"3.x" = "Python 3.15"

[log]
level = "debug"
format = "text"

{more}
"#,
            list_id = self.list.replace('@', "."),
            list = self.list,
            host = world.host,
            imaps = world.mail.imaps_port,
            submissions = world.mail.submissions_port,
            watcher = self.watcher,
            address = world.address(&self.watcher),
            ca = world.tls.ca.display(),
            tracker = world.roundup.trackers[&self.tracker],
        );
        std::fs::write(&self.config, text).expect("a configuration");
    }

    /// Posts a genuine notification to the list, from another builder so that
    /// every test has titles of its own. Gives its Message-ID.
    pub fn post_notification(&self, fixture: &str, builder: &str, id: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mails");
        let raw = std::fs::read(path.join(fixture)).expect("a fixture");
        let text = String::from_utf8(raw).expect("an ASCII fixture");
        let text = text.replace("AMD64 Fedora Stable 3.x", builder);
        let text = text.replace("buildbot-status@python.org", &self.list);
        let id = format!("{id}@mx.example.test");
        let mail = format!("Message-ID: <{id}>\r\n{text}");
        world().post("buildbot@example.test", &self.list, mail.as_bytes());
        id
    }

    /// Runs a verb of the command line and gives what it printed.
    pub fn run(&self, words: &[&str]) -> Ran {
        let output = Command::new(PROGRAM)
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .env("BUILDBOT_WATCH_NAME", "Test Person")
            .output()
            .expect("the program runs");
        Ran {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a verb that must succeed, with `--json`.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.push("--json");
        let ran = self.run(&words);
        assert!(ran.status.success(), "{words:?}: {} {}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
    }

    /// Waits for a draft about this builder; gives its row in `list`.
    pub async fn draft_about(&self, builder: &str) -> Value {
        eventually(PATIENCE, || {
            let rows = self.json(&["list"]);
            let rows = rows["notifications"].as_array().expect("rows").clone();
            rows.into_iter()
                .find(|row| row["builders"].to_string().contains(builder))
        })
        .await
    }

    /// Waits until a notification is at this stage; gives its row.
    pub async fn stage_of(&self, id: i64, stage: &str) -> Value {
        eventually(PATIENCE, || {
            let rows = self.json(&["list", "--all"]);
            let rows = rows["notifications"].as_array().expect("rows").clone();
            rows.into_iter()
                .find(|row| row["id"] == id && row["stage"] == stage)
        })
        .await
    }

    /// The issues of the tracker whose title holds a text, over its REST interface.
    pub async fn issues_titled(&self, text: &str) -> Vec<Value> {
        let found = self.roundup("issue", &[("title", text)]).await;
        found["data"]["collection"]
            .as_array()
            .expect("a collection")
            .clone()
    }

    /// The texts of an issue's messages.
    pub async fn messages_of(&self, issue: &Value) -> Vec<String> {
        let id = issue["id"].as_str().expect("an id");
        let issue = self.roundup(&format!("issue/{id}"), &[]).await;
        let mut texts = Vec::new();
        for message in issue["data"]["attributes"]["messages"]
            .as_array()
            .expect("messages")
        {
            let id = message["id"].as_str().expect("an id");
            let message = self
                .roundup(&format!("msg/{id}"), &[("@verbose", "3")])
                .await;
            let content = &message["data"]["attributes"]["content"];
            texts.push(content.as_str().expect("a text").to_owned());
        }
        texts
    }

    /// Retires every issue of the tracker: an earlier run in the same world may
    /// have reported the very failures this test posts.
    pub async fn empty_tracker(&self) {
        let world = world();
        let base = &world.roundup.trackers[&self.tracker];
        for issue in self.issues_titled("").await {
            let id = issue["id"].as_str().expect("an id");
            let answer = client()
                .delete(format!("{base}rest/data/issue/{id}"))
                .basic_auth("admin", Some(&world.roundup.users["admin"]))
                .header("X-Requested-With", "tests")
                .header("Origin", base.rsplitn(3, '/').last().expect("an origin"))
                .header("If-Match", self.etag_of(id).await)
                .send()
                .await
                .expect("Roundup answers");
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    }

    async fn etag_of(&self, id: &str) -> String {
        let issue = self.roundup(&format!("issue/{id}"), &[]).await;
        issue["data"]["@etag"].as_str().expect("an etag").to_owned()
    }

    async fn roundup(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let world = world();
        let base = &world.roundup.trackers[&self.tracker];
        client()
            .get(format!("{base}rest/data/{path}"))
            .query(&[("@verbose", "2")])
            .query(query)
            .basic_auth("bbot", Some(&world.roundup.users["bbot"]))
            .send()
            .await
            .expect("Roundup answers")
            .json()
            .await
            .expect("JSON")
    }
}

/// What a command line did.
pub struct Ran {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

/// A running daemon; killed when the test is over.
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `buildbot-watch run`.
    pub fn start(setup: &Setup) -> Self {
        Self::start_as(setup, Command::new(PROGRAM))
    }

    /// Starts it by another command, to which the program's arguments are added.
    pub fn start_as(setup: &Setup, mut command: Command) -> Self {
        let log = setup.folder.path().join("daemon.log");
        let file = File::options()
            .append(true)
            .create(true)
            .open(&log)
            .expect("a log");
        let child = command
            .args(["run", "--config"])
            .arg(&setup.config)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Self { child, log }
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it said something; fails the test if it ends before.
    pub async fn says(&mut self, words: &str) {
        let start = std::time::Instant::now();
        while !self.log().contains(words) {
            let ended = self.child.try_wait().expect("a child");
            assert!(ended.is_none(), "it ended: {}", self.log());
            assert!(
                start.elapsed() < PATIENCE,
                "never {words:?}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually(PATIENCE, || self.child.try_wait().expect("a child")).await
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn how_it_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() || std::env::var_os("SHOW_LOG").is_some() {
            println!("the daemon said:\n{}", self.log());
        }
    }
}
