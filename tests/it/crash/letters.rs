//! Approvers are asked by mail and answer, and the program is killed in between.
//!
//! The mailbox and the tracker are on disk, so that a kill costs two seconds; letters
//! leave through the real submission server. What no other scenario has are the commits
//! around letters, tokens and answers, and what is said to the server from the mail's
//! first octet on: these are the steps. `ALL_KILLS=1` takes every command to the server.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mail_parser::MessageParser;
use rusqlite::{Connection, OpenFlags};

use super::kills::{Kills, share};
use super::lane::PATIENCE;
use super::steps::Step;
use super::tracer::{Ended, Kill, Traced};
use super::{LANES, run, tell};
use crate::mailflow::desk::text_of;
use crate::service::{Service, Setup};
use crate::world::world;

/// Commits that change one of these are steps, and the mail's last commands.
const TABLES: [&str; 6] = [
    "letters",
    "letter_claims",
    "letter_tokens",
    "answer_tokens",
    "unwritten_letters",
    "answers",
];

/// DATA, the mail, QUIT.
const LAST_COMMANDS: usize = 3;

/// A service that has nothing left to do makes no step for so long, but for its look
/// into the mailbox, once a second.
const QUIET: Duration = Duration::from_millis(400);

const ADA: &str = "Ada Lovelace";

/// A service with one approver.
struct Desk {
    setup: Setup,
    ada: String,
}

fn config(setup: &Setup, ada: &str) -> String {
    let world = world();
    format!(
        r#"
[store]
state_dir = "state"
[list]
id = "buildbot-status.python.org"
address = "buildbot-status@python.org"
notifiers = ["buildbot@python.org"]
[mailbox]
kind = "maildir"
path = "mailbox"
poll = "1s"
[outgoing]
kind = "smtp"
host = "{host}"
port = {port}
user = "{watcher}"
password = {{ file = "mail-password" }}
ca_file = "{ca}"
from_address = "{from}"
[tracker]
kind = "embedded"
path = "tracker.sqlite3"
[drafts.versions]
"3.x" = "Python 3.16"
[approvers]
answers_to = "decide@watch.example"
authserv_id = "mx.watch.example"
mails_an_hour = 1000
[approvers.people]
"{ADA}" = {{ address = "{ada}", may = ["reject"] }}
[log]
format = "text"
"#,
        host = world.host,
        port = world.mail.submissions_port,
        watcher = setup.watcher,
        ca = world.tls.ca.display(),
        from = world.address(&setup.watcher),
        ada = world.address(ada),
    )
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for part in ["mailbox/new", "mailbox/cur", "mailbox/tmp"] {
            std::fs::create_dir_all(folder.path().join(part)).expect("a folder");
        }
        let setup = Setup {
            config: folder.path().join("config.toml"),
            folder,
            list: String::new(),
            watcher: world().fresh_user("crash-letters"),
            reader: String::new(),
            tracker: String::new(),
        };
        let ada = world().fresh_user("crash-ada");
        setup.secret("mail-password", &world().mail.password);
        std::fs::write(&setup.config, config(&setup, &ada)).expect("a configuration");
        Self { setup, ada }
    }

    /// Puts a mail into the mailbox whole.
    fn put(&self, name: &str, mail: &str) {
        let folder = self.setup.folder.path().join("mailbox");
        std::fs::write(folder.join("tmp").join(name), mail).expect("a mail");
        std::fs::rename(folder.join("tmp").join(name), folder.join("new").join(name))
            .expect("a mail");
    }

    fn notify(&self, number: usize) {
        let path = "fixtures/mails/bb403-single-test-method.eml";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = std::fs::read_to_string(path).expect("a fixture");
        let text = text
            .replace("\r\n", "\n")
            .replace("test_string", &format!("test_x{number}y"))
            .replace("test_capwords", &format!("test_z{number}z"))
            .replace("builds/2", &format!("builds/{}", 100 + number));
        let mail = format!(
            "Return-Path: <buildbot-status-bounces@python.org>\n\
             Message-ID: <notice{number}@mx.example.test>\n\
             List-Id: <buildbot-status.python.org>\n{text}"
        );
        self.put(&format!("notice.{number}"), &mail);
    }

    /// Ada's answer to the letter about a notification.
    fn answer(&self, number: usize, id: &str) {
        let letters = self.letters_about(number);
        let [letter] = letters.as_slice() else {
            panic!("{} letters about {number}", letters.len());
        };
        let message = MessageParser::new().parse(letter).expect("a letter");
        let header = |name: &str| {
            let raw = message.header_raw(name).expect("a header");
            raw.split_whitespace().collect::<String>()
        };
        let mail = format!(
            "Return-Path: <{ada}>\n\
             Authentication-Results: mx.watch.example; dkim=pass header.d={domain}\n\
             Received: from x by mx.watch.example (Postfix); Sun, 22 Nov 2026\n\
             From: {ada}\nTo: {to}\nSubject: Re: draft\nMessage-ID: <{id}{number}@{domain}>\n\
             In-Reply-To: {about}\n\nreject no bug\n",
            ada = world().address(&self.ada),
            domain = world().mail.domain,
            to = header("Reply-To"),
            about = header("Message-ID"),
        );
        self.put(&format!("answer.{id}.{number}"), &mail);
    }

    /// The letters that ask about a notification.
    fn letters_about(&self, number: usize) -> Vec<Vec<u8>> {
        let words = format!("test_z{number}z");
        self.saying(&words, "TO DECIDE ON")
    }

    fn saying(&self, words: &str, more: &str) -> Vec<Vec<u8>> {
        let all = world().inbox(&self.ada).into_iter();
        let says = |mail: &Vec<u8>| {
            let text = text_of(mail);
            text.contains(words) && text.contains(more)
        };
        all.filter(says).collect()
    }

    fn count(&self, sql: &str) -> i64 {
        self.read(sql, PATIENCE).unwrap_or_default()
    }

    /// As long as anybody has it open, a killed program's last commit is not looked for
    /// when it starts again: so for a moment only.
    fn read(&self, sql: &str, patience: Duration) -> Option<i64> {
        let path = self
            .setup
            .folder
            .path()
            .join("state/buildbot-watch.sqlite3");
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
        database.busy_timeout(patience).ok()?;
        database.query_row(sql, [], |row| row.get(0)).ok()
    }

    /// Nothing is left to do with any mail that was put there.
    fn is_settled(&self, patience: Duration) -> bool {
        let put = std::fs::read_dir(self.setup.folder.path().join("mailbox/new"));
        let put = put.expect("a folder").count();
        let left = format!(
            "SELECT (SELECT count(*) FROM notifications) - {put}
                  + (SELECT count(*) = 0 FROM mailboxes)
                  + (SELECT count(*) FROM notifications
                     WHERE closed_reason IS NULL AND current_revision IS NULL)
                  + (SELECT count(*) FROM letters WHERE due_at IS NOT NULL)
                  + (SELECT count(*) FROM answers WHERE done_at IS NULL)
                  + (SELECT count(*) FROM notifications
                     WHERE closed_reason IS NULL AND NOT EXISTS (
                       SELECT 1 FROM answer_tokens JOIN letter_tokens
                       ON letter_tokens.token = answer_tokens.id
                       WHERE answer_tokens.notification = notifications.id))
                  + (SELECT count(*) FROM answers WHERE NOT EXISTS (
                       SELECT 1 FROM letters WHERE letters.answers = answers.notification))"
        );
        self.read(&left, patience) == Some(0)
    }

    /// Starts the service and waits until it has done what an earlier one left.
    async fn settled(&self) -> Service {
        let mut service = Service::start(&self.setup);
        let begun = Instant::now();
        while !self.is_settled(PATIENCE) {
            assert!(service.is_running(), "the service ended");
            assert!(begun.elapsed() < PATIENCE, "never settled");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        service
    }

    /// What follows a mail, until the service is killed or nothing is left to do.
    async fn follow(&self, kill: Option<Kill>, put: impl FnOnce()) -> Ended {
        let service = self.settled().await;
        let traced = Traced::attach(service.process(), kill);
        put();
        let begun = Instant::now();
        while !traced.is_over() && !traced.is_quiet_and(QUIET, || self.is_settled(Duration::ZERO)) {
            assert!(
                begun.elapsed() < PATIENCE,
                "not done; it did: {}",
                traced.tell()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        traced.end()
    }
}

fn is_step(steps: &[Step]) -> impl Fn(&str) -> bool {
    let all = std::env::var_os("ALL_KILLS").is_some();
    let mut commands: Vec<String> = Vec::new();
    for step in steps {
        if let Some(said) = &step.said
            && said.starts_with("submission")
            && !commands.contains(said)
        {
            commands.push(said.clone());
        }
    }
    let skipped = commands.len().saturating_sub(LAST_COMMANDS);
    let last: Vec<String> = commands.split_off(if all { 0 } else { skipped });
    move |name: &str| {
        let is_commit =
            name.starts_with("commit of ") && TABLES.iter().any(|table| name.contains(table));
        is_commit || last.iter().any(|command| name == command)
    }
}

#[test]
fn killed_while_an_approver_is_asked() {
    run(async {
        let desks: Vec<Desk> = (0..LANES).map(|_| Desk::new()).collect();
        let kills = join_all(desks.iter().map(async |desk| {
            drop(desk.settled().await);
            // The first letter is written to pages of the database that are new.
            desk.notify(0);
            let ended = desk.follow(None, || desk.notify(1)).await;
            Kills::of("asking", &ended.steps, is_step(&ended.steps))
        }));
        let kills = share(kills.await);
        let shares = desks.into_iter().zip(kills);
        tell(join_all(shares.map(|(desk, kills)| asked(desk, kills))).await);
    });
}

async fn asked(desk: Desk, mut kills: Kills) -> Kills {
    let mut number = 1;
    while let Some(target) = kills.next() {
        number += 1;
        let ended = desk
            .follow(Some(target.kill()), || desk.notify(number))
            .await;
        kills.ended(target, &ended);
    }
    drop(desk.settled().await);
    for number in 0..=number {
        let of = |what: &str| {
            desk.count(&format!(
                "SELECT count(*) FROM letters
                 JOIN letter_tokens ON letter_tokens.letter = letters.id
                 JOIN answer_tokens ON answer_tokens.id = letter_tokens.token
                 JOIN notifications ON notifications.id = answer_tokens.notification
                 WHERE notifications.message_id = 'notice{number}@mx.example.test' AND {what}"
            ))
        };
        let (sent, lost) = (of("sent_at IS NOT NULL"), of("ended_why IS NOT NULL"));
        assert_eq!(sent + lost, 1, "one letter was written about {number}");
        let arrived = arrived(sent, || desk.letters_about(number).len()).await;
        assert!(arrived <= 1, "{arrived} letters about {number}");
        assert!(sent == 0 || arrived == 1, "{number} was sent and lost");
        kills.resolved += u32::from(lost > 0);
    }
    kills
}

/// How many there are, once what was sent has come.
async fn arrived(sent: i64, count: impl Fn() -> usize) -> usize {
    let begun = Instant::now();
    while (count() as i64) < sent && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    count()
}

#[test]
fn killed_while_an_answer_is_taken() {
    run(async {
        let desks: Vec<Desk> = (0..LANES).map(|_| Desk::new()).collect();
        let kills = join_all(desks.iter().map(async |desk| {
            drop(desk.settled().await);
            letters(desk, 0..2).await;
            drop(desk.follow(None, || desk.answer(0, "a")).await);
            let ended = desk.follow(None, || desk.answer(1, "a")).await;
            // How a letter leaves is the other scenario.
            Kills::of("answering", &ended.steps, |name| {
                let mut tables = TABLES.iter().chain(&["decisions"]);
                name.contains("commit of ") && tables.any(|it| name.contains(it))
            })
        }));
        let kills = share(kills.await);
        let shares = desks.into_iter().zip(kills);
        tell(join_all(shares.map(|(desk, kills)| answered(desk, kills))).await);
    });
}

/// Drafts of which the letters have come.
async fn letters(desk: &Desk, numbers: std::ops::Range<usize>) {
    numbers.clone().for_each(|number| desk.notify(number));
    drop(desk.settled().await);
    for number in numbers {
        arrived(1, || desk.letters_about(number).len()).await;
    }
}

async fn answered(desk: Desk, mut kills: Kills) -> Kills {
    let all = 4 + kills.len() * 3 / 2;
    letters(&desk, 2..all).await;
    let mut number = 1;
    while number + 1 < all
        && let Some(target) = kills.next()
    {
        number += 1;
        let ended = desk
            .follow(Some(target.kill()), || desk.answer(number, "a"))
            .await;
        kills.ended(target, &ended);
    }
    // A token is used once, whatever happened.
    for number in 0..=number {
        desk.answer(number, "again");
    }
    drop(desk.settled().await);
    for number in 0..=number {
        assert_once(&desk, number).await;
    }
    let decided = desk.count("SELECT count(*) FROM decisions");
    assert_eq!(
        usize::try_from(decided).ok(),
        Some(number + 1),
        "and nothing else"
    );
    kills
}

/// Decided once, by this answer, and told at most once.
async fn assert_once(desk: &Desk, number: usize) {
    let domain = &world().mail.domain;
    let notice = format!(
        "(SELECT id FROM notifications WHERE message_id = 'notice{number}@mx.example.test')"
    );
    let answer = format!("(SELECT id FROM notifications WHERE message_id = 'a{number}@{domain}')");
    let count = |sql: &str| desk.count(&format!("SELECT count(*) FROM {sql}"));
    let decided = format!("decisions WHERE notification = {notice} AND who = '{ADA}'");
    assert_eq!(
        count(&format!("{decided} AND kind = 'reject'")),
        1,
        "{number}"
    );
    assert_eq!(count(&decided), 1, "{number}");
    let tokens = format!("answer_tokens WHERE notification = {notice}");
    assert_eq!(count(&tokens), 1, "{number} has one token");
    assert_eq!(
        count(&format!("{tokens} AND used_by = {answer}")),
        1,
        "{number}"
    );
    let told = format!("letters WHERE answers = {answer}");
    let sent = count(&format!("{told} AND sent_at IS NOT NULL"));
    assert_eq!(
        sent + count(&format!("{told} AND ended_why IS NOT NULL")),
        1
    );
    let id = desk.count(&format!("SELECT {notice}"));
    let words = format!("{id} is rejected by you");
    let come = arrived(sent, || desk.saying(&words, "").len()).await;
    assert!(
        come <= 1 && come as i64 >= sent,
        "{come} of {sent}: {number}"
    );
}
