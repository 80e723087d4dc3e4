//! One list, one daemon, one state folder; the daemon is killed again and again.

use std::cell::Cell;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use buildbot_watch::store::{DeliveryId, DeliveryRow, NewDecision, NotificationRow, Store};
use buildbot_watch::worker::wall_clock;

use super::tally::texts;
use crate::service::{Service, Setup, Wanted};
use crate::world::{eventually, world};

/// How long anything may take: longer than one request to the tracker that gets
/// no answer.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// How often something is looked at again.
const LOOK: Duration = Duration::from_millis(100);

/// Doubts about the tracker are looked into at once and after these seconds.
const LAST_DOUBT_CHECK: &str = "3s";

/// Caps that stand in the way of a test that does in a minute what usually takes
/// a year.
const CAPS: &str = r#"
[limits]
replies_an_hour = 1000
replies_a_day = 1000
new_issues_a_run = 1000
new_issues_a_day = 1000
doubt_checks = ["1s", "2s", "LAST"]
"#;

/// A setup and what is known of it.
pub struct Lane {
    pub setup: Setup,
    /// In every test's name, so that no other test's issues match.
    pub key: String,
    /// A notification as the list delivered it.
    template: String,
    /// When the daemon had last settled.
    settled_at: Cell<i64>,
    /// Whether the list keeps its posts back from the daemon.
    pub is_slow: Cell<bool>,
    /// How long its log was when it was started last.
    said: Cell<usize>,
}

/// What the genuine notification is made of, replaced in each copy.
const FIXTURE: &str = "bb403-single-test-method.eml";
const BUILDER: &str = "AMD64 Crashing 3.x";
const FILE: &str = "test_string";
/// Each fails in a test of its own: reports of others must not look alike.
const METHOD: &str = "test_capwords";

/// What the daemon says of a listing of the tracker that is not complete.
const SUSPICIOUS: &str = "the listing of the tracker is suspicious";

/// Who approves.
pub const PERSON: &str = "Ada Lovelace";

impl Lane {
    /// A list and a tracker; the daemon has not run yet.
    pub async fn new(area: &str, tracker: &str) -> Self {
        let caps = CAPS.replace("LAST", LAST_DOUBT_CHECK);
        let setup = Setup::new(&Wanted {
            area,
            tracker,
            more: &caps,
        })
        .await;
        // What changes in the tracker is read at each start, and not in between.
        let config = std::fs::read_to_string(&setup.config).expect("a configuration");
        let rare = "sync_interval = \"1h\"\nregression = \"reopen\"";
        let config = config.replace("sync_interval = \"10s\"", rare);
        std::fs::write(&setup.config, config).expect("a configuration");
        let key = setup
            .watcher
            .replace(|it: char| !it.is_ascii_alphanumeric(), "");
        setup.post_notification(FIXTURE, BUILDER, &format!("TEMPLATE-{key}"));
        let delivered = eventually(PATIENCE, || {
            Some(world().inbox(&setup.watcher)).filter(|mails| !mails.is_empty())
        })
        .await;
        let template = String::from_utf8(delivered[0].clone()).expect("an ASCII mail");
        assert!(template.contains("List-Id:"), "{template}");
        Self {
            setup,
            key,
            template: template.replace("\r\n", "\n").replace('\n', "\r\n"),
            settled_at: Cell::new(0),
            is_slow: Cell::new(false),
            said: Cell::new(0),
        }
    }

    /// The store, opened for a moment: as long as anybody has it open, a killed
    /// program's last commit is not looked for when it starts again.
    pub fn store(&self) -> Store {
        Store::open(&self.database()).expect("the store")
    }

    fn database(&self) -> PathBuf {
        self.setup
            .folder
            .path()
            .join("state/buildbot-watch.sqlite3")
    }

    /// Makes the next start the first one.
    pub fn forget_everything(&self) {
        let state = self.setup.folder.path().join("state");
        std::fs::remove_dir_all(state).expect("the state folder is removed");
    }

    /// One number out of the database; 0 as long as there is none.
    pub fn number(&self, sql: &str) -> i64 {
        self.read(sql, PATIENCE)
    }

    fn read(&self, sql: &str, patience: Duration) -> i64 {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let Ok(connection) = rusqlite::Connection::open_with_flags(self.database(), flags) else {
            return 0;
        };
        connection.busy_timeout(patience).expect("a timeout");
        connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_default()
    }

    /// The name of the test file in the notification of this number.
    pub fn file(&self, number: usize) -> String {
        format!("test_{}x{number}x", self.key)
    }

    /// The test method of the notification of this number.
    pub fn method(&self, number: usize) -> String {
        format!("{}_itself", self.file(number))
    }

    /// The Message-ID of the notification of this number.
    pub fn message_id(&self, number: usize) -> String {
        format!("{}-{number}@mx.example.test", self.key)
    }

    /// Puts notifications into the daemon's mailbox, as the list delivers them.
    pub async fn deliver_notifications(&self, numbers: Range<usize>) {
        for number in numbers.clone() {
            self.deliver_notification(number);
        }
        let ids: Vec<String> = numbers.map(|number| self.message_id(number)).collect();
        eventually(PATIENCE, || {
            let inbox = texts(&world().inbox(&self.setup.watcher));
            let is_there = |id: &String| inbox.iter().any(|mail| mail.contains(id));
            ids.iter().all(is_there).then_some(())
        })
        .await;
    }

    fn deliver_notification(&self, number: usize) {
        let id = format!("TEMPLATE-{}@mx.example.test", self.key);
        let mail = self
            .template
            .replace(&id, &self.message_id(number))
            .replace(FILE, &self.file(number))
            .replace(METHOD, &self.method(number));
        let to = world().address(&self.setup.watcher);
        world().post("list-bounces@example.test", &to, mail.as_bytes());
    }

    /// The row of a notification, if it was taken in.
    pub fn row(&self, number: usize) -> Option<NotificationRow> {
        let store = self.store();
        let id = store.find_by_message_id(&self.message_id(number));
        let id = id.expect("the store")?;
        Some(store.load(id).expect("a row"))
    }

    /// Approves a draft as a person would.
    pub fn approve(&self, number: usize) {
        let row = self.row(number).expect("a notification");
        let draft = row.draft.expect("a draft");
        let decision = NewDecision {
            notification: row.id,
            revision: draft.revision,
            digest: &draft.digest,
            who: PERSON,
            reason: "",
            auto_rule: None,
        };
        let approved = self.store().approve(&decision, wall_clock());
        approved.expect("approved");
    }

    /// Whether a mail was read and there is a draft for it.
    pub fn has_drafted(&self, number: usize) -> bool {
        let id = self.message_id(number);
        self.peek(&format!(
            "SELECT count(*) FROM notifications JOIN drafts ON drafts.notification = notifications.id
             WHERE message_id = '{id}'"
        )) > 0
    }

    /// Whether a notification's issue was written and it was answered; and, if
    /// the list is not slow, the answer has come back and was read.
    pub fn has_delivered(&self, number: usize) -> bool {
        let id = self.message_id(number);
        let back = "message_id IS NULL OR EXISTS (
            SELECT 1 FROM notifications AS copies
            WHERE copies.message_id = deliveries.message_id AND copies.closed_reason IS NOT NULL)";
        let back = if self.is_slow.get() { "true" } else { back };
        self.peek(&format!(
            "SELECT count(*) FROM deliveries
             WHERE done_at IS NOT NULL AND ({back}) AND notification = (
               SELECT id FROM notifications WHERE message_id = '{id}')"
        )) == 2
    }

    /// Whether the mailbox was looked through, once.
    pub fn has_looked(&self) -> bool {
        self.peek("SELECT count(*) FROM mailboxes WHERE reconciled_at IS NOT NULL") == 1
    }

    /// Whether the tracker's changes were read since then.
    pub fn has_listed(&self, since: i64) -> bool {
        self.peek("SELECT max(complete_at) FROM mirror_state") >= since
    }

    /// As [`Lane::number`], of a program that may be held in the middle of a
    /// transaction: then 0.
    fn peek(&self, sql: &str) -> i64 {
        self.read(sql, Duration::ZERO)
    }

    /// What was done before a start is told from what was done after it by the
    /// second.
    pub async fn next_second(&self) -> i64 {
        while wall_clock() <= self.settled_at.get() {
            tokio::time::sleep(LOOK).await;
        }
        wall_clock()
    }

    /// Starts the daemon and waits until it has done what an earlier one left.
    pub async fn settled(&self) -> Service {
        let begun = self.next_second().await;
        self.said.set(self.log().len());
        let mut service = Service::start(&self.setup);
        self.until(&mut service, "settled", || self.is_settled(begun))
            .await;
        // The mailbox is waited on again.
        tokio::time::sleep(LOOK).await;
        self.settled_at.set(wall_clock());
        service
    }

    /// As [`Lane::settled`], and these mails are read: the server may show a mail
    /// later than when it is in its folder.
    pub async fn settled_with(&self, numbers: impl IntoIterator<Item = usize>) -> Service {
        let mut service = self.settled().await;
        for number in numbers {
            self.until(&mut service, "read", || self.has_drafted(number))
                .await;
        }
        tokio::time::sleep(LOOK).await;
        self.settled_at.set(wall_clock());
        service
    }

    fn log(&self) -> String {
        let path = self.setup.folder.path().join("daemon.log");
        std::fs::read_to_string(path).unwrap_or_default()
    }

    fn said_since_start(&self) -> String {
        self.log()
            .get(self.said.get()..)
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits for something while the daemon runs.
    pub async fn until(&self, service: &mut Service, what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(service.is_running(), "the daemon ended");
            assert!(
                start.elapsed() < PATIENCE,
                "never {what}: {:?}; not done: {:?}",
                self.unsettled(0),
                self.deliveries("done_at IS NULL")
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Nothing is left to do but what waits for a person: the mailbox was looked
    /// through, the tracker's changes were read, every mail is read, each reply
    /// that was sent has come back, and the pause between two writes to the
    /// tracker is over.
    pub fn is_settled(&self, since: i64) -> bool {
        self.unsettled(since).is_none()
    }

    /// What is not settled yet.
    fn unsettled(&self, since: i64) -> Option<&'static str> {
        if self.number("SELECT max(reconciled_at) FROM mailboxes") < since {
            return Some("the mailbox was not looked through");
        }
        // A listing in which the others' issues come and go does not count as
        // complete, and is not made again soon.
        let is_listed = self.number("SELECT max(complete_at) FROM mirror_state") >= since
            || self.said_since_start().contains(SUSPICIOUS);
        if !is_listed {
            return Some("the tracker's changes were not read");
        }
        let unread = self.number(
            "SELECT count(*) FROM notifications
             WHERE closed_reason IS NULL AND quarantined_why IS NULL
               AND current_revision IS NULL",
        );
        if unread > 0 {
            return Some("a mail was not read");
        }
        let missing = self.number(
            "SELECT count(*) FROM deliveries
             WHERE kind = 'reply' AND done_at IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM notifications
               WHERE notifications.message_id = deliveries.message_id)",
        );
        if missing > 0 && !self.is_slow.get() {
            return Some("a reply did not come back");
        }
        let underway = self.number(
            "SELECT count(*) FROM deliveries
             WHERE CASE
               WHEN failed_why IS NOT NULL OR done_at IS NOT NULL THEN false
               WHEN in_doubt_since IS NOT NULL THEN due_at IS NOT NULL
               WHEN claimed_at IS NOT NULL THEN true
               ELSE NOT EXISTS (
                 SELECT 1 FROM deliveries AS earlier
                 WHERE earlier.notification = deliveries.notification
                   AND earlier.position < deliveries.position
                   AND earlier.in_doubt_since IS NOT NULL AND earlier.due_at IS NULL)
               END",
        );
        if underway > 0 {
            return Some("a delivery is under way");
        }
        let last_write = self.number("SELECT max(at) FROM ledger WHERE kind <> 'reply'");
        (last_write + 2 >= wall_clock()).then_some("the tracker was written to just now")
    }

    /// The outbox rows that fulfil a condition, in order.
    pub fn deliveries(&self, condition: &str) -> Vec<DeliveryRow> {
        let store = self.store();
        let connection = rusqlite::Connection::open(self.database()).expect("the database");
        let mut statement = connection
            .prepare(&format!(
                "SELECT id FROM deliveries WHERE {condition} ORDER BY id"
            ))
            .expect("a statement");
        let ids = statement.query_map([], |row| row.get(0)).expect("rows");
        ids.map(|id| {
            store
                .delivery(DeliveryId(id.expect("an id")))
                .expect("a row")
        })
        .collect()
    }
}
