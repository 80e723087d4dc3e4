//! The whole chain with every part on disk: a Maildir in, a small tracker, a
//! Maildir out. The program does what is due when it is told to, and ends.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use buildbot_watch::daemon::{self, History};
use buildbot_watch::store::Store;
use buildbot_watch::worker::wall_clock;
use serde_json::Value;

pub use super::on_disk::OWN;
use super::on_disk::configure;
use crate::service::{PROGRAM, Ran};
use crate::world::mails_in;

/// A folder with a configuration and all parts in it.
pub struct Desk {
    folder: tempfile::TempDir,
    put: Cell<u32>,
}

/// A genuine notification as the list sends it on.
pub struct Notice<'a> {
    /// The file below `fixtures/mails`.
    pub fixture: &'a str,
    /// In place of the builder in the fixture.
    pub builder: &'a str,
    /// The part of the Message-ID before the `@`; none at all if empty.
    pub id: &'a str,
}

/// One failed test, of which the mail itself tells.
pub const STRING: &str = "bb43-single-test-method.eml";

impl Notice<'_> {
    /// The mail, with further headers in front (each line ends in `\n`).
    pub fn with(&self, headers: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mails");
        let text = std::fs::read_to_string(path.join(self.fixture)).expect("a fixture");
        let text = text.replace("AMD64 Fedora Stable 3.x", self.builder);
        let text = text.replace("\r\n", "\n");
        let id = match self.id {
            "" => String::new(),
            id => format!("Message-ID: <{id}@mx.example.test>\n"),
        };
        format!(
            "Return-Path: <buildbot-status-bounces@python.org>\n\
             Received: from mx by lists; Sun, 22 Nov 2026 07:00:00 +0000\n\
             {headers}{id}List-Id: <buildbot-status.python.org>\n{text}"
        )
    }

    /// The mail as it is.
    pub fn mail(&self) -> String {
        self.with("")
    }
}

/// [`STRING`] of one builder.
pub fn notice(id: &str) -> String {
    notice_on("AMD64 Debian root 3.x", id)
}

/// [`STRING`] of that builder.
pub fn notice_on(builder: &str, id: &str) -> String {
    let fixture = STRING;
    Notice {
        fixture,
        builder,
        id,
    }
    .mail()
}

/// About another failure than [`notice`], on the same builder.
pub fn altered(id: &str) -> String {
    let builder = "AMD64 Debian root 3.x";
    let fixture = "bb43-env-changed.eml";
    Notice {
        fixture,
        builder,
        id,
    }
    .mail()
}

/// What stands between the parts of [`STRING`].
pub const BOUNDARY: &str = "--===============2629580159525692006==";

/// [`STRING`] without the attached log, so that the mail's own text is read.
pub fn without_log(mail: &str) -> String {
    let parts: Vec<&str> = mail.splitn(3, BOUNDARY).collect();
    format!("{}{BOUNDARY}{}{BOUNDARY}--\n", parts[0], parts[1])
}

/// A failure of a test of its own, on a builder of its own.
pub fn failing(file: &str, method: &str) -> String {
    let builder = format!("AMD64 {file} 3.x");
    let notice = Notice {
        fixture: STRING,
        builder: &builder,
        id: file,
    };
    without_log(&notice.mail())
        .replace("test_string", &format!("test_{file}"))
        .replace("test_capwords", method)
        .replace("ModuleTest", &format!("{file}Case"))
        .replace("Abc-Def Def-Ghi Ghi", &format!("{file} is"))
        .replace("Abc-def Def-ghi Ghi", &format!("{method} was"))
        .replace("string.capwords('ABC-def DEF-ghi GHI')", file)
}

/// A person's mail on the list; `headers` are further ones, each ending in `\n`.
pub fn person(subject: &str, headers: &str, body: &str) -> String {
    format!(
        "Return-Path: <buildbot-status-bounces@python.org>\n\
         From: Grace Hopper <grace@example.org>\nTo: buildbot-status@python.org\n\
         Subject: {subject}\nDate: Sun, 22 Nov 2026 07:00:00 +0000\n\
         List-Id: <buildbot-status.python.org>\n{headers}\n{body}\n"
    )
}

/// What the list makes of a mail of ours.
pub fn list_copy(mail: &[u8]) -> Vec<u8> {
    let mut copy = b"Return-Path: <buildbot-status-bounces@python.org>\r\n\
                     List-Id: <buildbot-status.python.org>\r\n"
        .to_vec();
    copy.extend_from_slice(mail);
    copy
}

impl Desk {
    /// With the lines of `[limits]` that are to differ.
    pub fn new(limits: &str) -> Self {
        Self::with_sections(&format!("[limits]\n{limits}\n"))
    }

    /// With further sections of the configuration.
    pub fn with_sections(sections: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let versions = "[drafts.versions]\n\"3.x\" = \"Python 3.16\"";
        configure(folder.path(), &format!("{versions}\n{sections}"));
        let put = Cell::new(0);
        Self { folder, put }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a mail into the mailbox.
    pub fn put(&self, mail: impl AsRef<[u8]>) {
        self.put.set(self.put.get() + 1);
        let name = format!("mailbox/new/{:05}.desk", self.put.get());
        std::fs::write(self.path(&name), mail).expect("a mail");
    }

    /// Does everything that is due, and waits for what is due in a moment: writes
    /// to the tracker keep a distance.
    pub fn settle(&self) {
        for _ in 0..10 {
            daemon::settle(&self.path("config.toml"), History::TakeIn).expect("it settles");
            let now = wall_clock();
            match self.store().next_deadline(now).expect("a deadline") {
                Some(due) if due <= now + 3 => std::thread::sleep(Duration::from_millis(500)),
                _ => break,
            }
        }
    }

    /// Puts a mail into the mailbox and does what follows.
    pub fn take(&self, mail: impl AsRef<[u8]>) {
        self.put(mail);
        self.settle();
    }

    /// A verb of the command line, ready to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(words)
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .env("COLUMNS", "100")
            .env("BUILDBOT_WATCH_NAME", "Ada Lovelace");
        command
    }

    /// Runs a verb of the command line.
    pub fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().expect("the program runs");
        Ran {
            status: output.status,
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs a verb that must succeed; gives what it printed.
    #[track_caller]
    pub fn done(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert!(ran.status.success(), "{words:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// Runs a verb that must be refused; gives what it said.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert!(!ran.status.success(), "{words:?}: {}{}", ran.out, ran.err);
        ran.err
    }

    /// Runs a verb that must succeed, with `--json`.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        let out = self.done(&[words, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// Everything that came in, newest first.
    #[track_caller]
    pub fn all(&self) -> Vec<Value> {
        let rows = self.json(&["list", "--all"]);
        rows["notifications"].as_array().expect("rows").clone()
    }

    /// One notification as `show` tells of it.
    #[track_caller]
    pub fn row(&self, id: i64) -> Value {
        self.json(&["show", &id.to_string()])
    }

    /// Why a notification was closed: reason and sentence.
    #[track_caller]
    pub fn closed(&self, id: i64) -> (String, String) {
        let row = self.row(id);
        let word = |field: &str| row["closed"][field].as_str().unwrap_or_default().to_owned();
        (word("reason"), word("note"))
    }

    /// What `approve` takes for a notification.
    #[track_caller]
    pub fn key(&self, id: i64) -> String {
        let row = self.row(id);
        let key = row["draft"].as_str();
        key.unwrap_or_else(|| panic!("no draft: {row}")).to_owned()
    }

    /// Approves a draft, which must succeed; the program then does what is due.
    #[track_caller]
    pub fn approve(&self, id: i64) {
        self.done(&["approve", &self.key(id)]);
    }

    /// The mails that left.
    pub fn sent(&self) -> Vec<Vec<u8>> {
        mails_in(&self.path("sent"))
    }

    /// The tracker's reports: number, title, text.
    pub fn reports(&self) -> Vec<(i64, String, String)> {
        self.tracker("SELECT number, title, body FROM issues ORDER BY number")
    }

    /// The comments in the tracker: report, author, text.
    pub fn comments(&self) -> Vec<(i64, String, String)> {
        self.tracker("SELECT issue, author, text FROM comments ORDER BY id")
    }

    fn tracker(&self, query: &str) -> Vec<(i64, String, String)> {
        let tracker = rusqlite::Connection::open(self.path("tracker.sqlite3")).expect("a tracker");
        let mut query = tracker.prepare(query).expect("a query");
        query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .expect("rows")
            .map(|row| row.expect("a row"))
            .collect()
    }

    /// Puts a report into the tracker, as somebody else would. The file is made
    /// by the first [`Desk::settle`].
    pub fn report(&self, title: &str, body: &str) -> i64 {
        let tracker = rusqlite::Connection::open(self.path("tracker.sqlite3")).expect("a tracker");
        tracker
            .execute(
                "INSERT INTO issues (title, body, labels, is_open, created_at, change)
                 VALUES (?1, ?2, '[]', 1, 1795000000,
                         (SELECT 1 + coalesce(max(change), 0) FROM issues))",
                [title, body],
            )
            .expect("a report");
        tracker.last_insert_rowid()
    }

    /// The program's database.
    pub fn store(&self) -> Store {
        let state = self.path("state");
        let file = std::fs::read_dir(&state)
            .expect("a state folder")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|end| end == "sqlite3"))
            .expect("a database");
        Store::open(&file).expect("the store opens")
    }
}

/// The text of a mail that left.
pub fn text_of(mail: &[u8]) -> String {
    let message = mail_parser::MessageParser::new()
        .parse(mail)
        .expect("a mail");
    message.body_text(0).expect("a text").replace("\r\n", "\n")
}
