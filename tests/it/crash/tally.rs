//! What the outside has at the end: the list's archive, a subscriber's mailbox,
//! the tracker.

use std::time::{Duration, Instant};

use buildbot_watch::store::{DeliveryKind, DeliveryRow, FrozenId, ListFilter, Resolution, Switch};
use buildbot_watch::worker::wall_clock;
use serde_json::{Value, json};

use super::Written;
use super::lane::{Lane, PERSON};
use crate::roundup::act;
use crate::service::Service;
use crate::world::{client, world};

/// How long nothing may come before it counts as everything.
const QUIET: Duration = Duration::from_secs(3);

impl Lane {
    /// The mails of the list's archive, each as text.
    fn archived(&self) -> Vec<String> {
        texts(&world().archive(&self.setup.list))
    }

    /// Opens an issue that the failure of this notification is known in, as a
    /// person would.
    pub async fn report_by_hand(&self, number: usize) {
        self.report(number, "victor").await;
    }

    async fn report(&self, number: usize, user: &str) -> String {
        let title = format!("{}: {}() fails", self.file(number), self.method(number));
        let issue = json!({ "title": title });
        let made = act(&self.setup.tracker, user, "POST", "issue", issue).await;
        made["id"].as_str().expect("a number").to_owned()
    }

    /// The same of one that the program's user opened once, who may open it again, and
    /// that somebody closed as fixed.
    pub async fn report_and_mend(&self, number: usize) {
        let id = self.report(number, "bbot").await;
        let closed = json!({ "status": "closed", "resolution": "fixed" });
        let path = format!("issue/{id}");
        act(&self.setup.tracker, "victor", "PATCH", &path, closed).await;
    }

    /// The names of status and resolution of the issue that a failure is known in.
    async fn standing(&self, issue: &Value) -> (String, String) {
        let path = format!("issue/{}?@verbose=2", issue["id"].as_str().expect("an id"));
        let now = act(&self.setup.tracker, "victor", "GET", &path, Value::Null).await;
        let name = |field: &str| {
            let name = &now["attributes"][field]["name"];
            name.as_str().unwrap_or_default().to_owned()
        };
        (name("status"), name("resolution"))
    }

    /// From now on the list gives its posts to everybody but the daemon, as when
    /// it is slow: [`Lane::list_catches_up`].
    pub async fn list_is_slow(&self) {
        let mailman = &world().mailman;
        let call = |method: reqwest::Method, url: &str, form: String| {
            client()
                .request(method, url)
                .basic_auth(&mailman.user, Some(&mailman.password))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form)
                .send()
        };
        let list = self.setup.list.replace('@', ".");
        let subscriber = world().address(&self.setup.watcher);
        let form = format!("list_id={list}&subscriber={subscriber}");
        let url = format!("{}/members/find", mailman.rest);
        let found = call(reqwest::Method::POST, &url, form).await;
        let found: serde_json::Value = found.expect("Mailman").json().await.expect("JSON");
        let member = found["entries"][0]["self_link"].as_str().expect("a member");
        let url = format!("{member}/preferences");
        let form = "delivery_status=by_user".to_owned();
        let set = call(reqwest::Method::PATCH, &url, form).await;
        assert!(set.expect("Mailman").status().is_success());
        self.is_slow.set(true);
    }

    /// The daemon gets what the list has kept back.
    async fn list_catches_up(&self) {
        let had = texts(&world().inbox(&self.setup.watcher));
        let to = world().address(&self.setup.watcher);
        for mail in world().inbox(&self.setup.reader) {
            let text = String::from_utf8_lossy(&mail).replace("\r\n", "\n");
            let id = header(&text, "Message-ID").expect("a Message-ID");
            if !had.iter().any(|mail| mail.contains(id)) {
                let mail = text.replace('\n', "\r\n");
                world().post("list-bounces@example.test", &to, mail.as_bytes());
            }
        }
    }

    /// Waits until no mail comes any more.
    pub async fn quiet(&self) {
        let count = || {
            (
                world().archive(&self.setup.list).len(),
                world().inbox(&self.setup.reader).len(),
                world().inbox(&self.setup.watcher).len(),
            )
        };
        let mut last = count();
        let mut since = Instant::now();
        while since.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = count();
            if now != last {
                last = now;
                since = Instant::now();
            }
        }
    }

    /// Runs the daemon undisturbed, and a person says what only a person can
    /// know. Gives how often that was necessary.
    pub async fn bring_to_an_end(&self) -> (Service, u32) {
        let mut service = self.settled().await;
        self.all_comes_back(&mut service).await;
        let doubts = self.deliveries("in_doubt_since IS NOT NULL AND due_at IS NULL");
        for doubt in &doubts {
            // What is there must have been found by the program itself.
            assert!(
                !self.has_happened(doubt).await,
                "{doubt:?} happened and was not found"
            );
            let said = self
                .store()
                .resolve(doubt.id, &Resolution::TryAgain, PERSON, wall_clock());
            said.expect("a person's word");
        }
        self.until(&mut service, "delivered", || {
            self.number("SELECT count(*) FROM deliveries WHERE done_at IS NULL") == 0
        })
        .await;
        self.all_comes_back(&mut service).await;
        (service, doubts.len().try_into().expect("a few"))
    }

    /// Until each mail has come to everybody, and the daemon has read its own.
    async fn all_comes_back(&self, service: &mut Service) {
        self.quiet().await;
        if self.is_slow.get() {
            self.list_catches_up().await;
            self.quiet().await;
        }
        self.until(service, "settled", || self.is_settled(0)).await;
    }

    async fn has_happened(&self, delivery: &DeliveryRow) -> bool {
        match &delivery.frozen_id {
            Some(FrozenId::MessageId(id)) => {
                let header = format!("Message-ID: <{id}>");
                self.archived().iter().any(|mail| mail.contains(&header))
            }
            Some(FrozenId::Marker(_)) | None => {
                let rows = self.store().load(delivery.notification).expect("a row");
                let id = rows.message_id.unwrap_or_default();
                let number = id.split(['-', '@']).nth(1).and_then(|it| it.parse().ok());
                let number = number.expect("a number");
                self.own_texts(number).await.len() == 1
            }
        }
    }

    /// The texts that the program wrote about the failure of a notification into
    /// the tracker.
    async fn own_texts(&self, number: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for issue in self.setup.issues_titled(&self.file(number)).await {
            texts.extend(self.setup.messages_of(&issue).await);
        }
        texts
    }

    /// Each of these was reported and answered, once.
    pub async fn assert_each_delivered_once(&self, numbers: &[usize], written: Written) {
        let kind = match written {
            Written::Issue => DeliveryKind::OpenIssue,
            Written::Comment | Written::Reopening => DeliveryKind::Comment,
        };
        let archived = self.archived();
        let received = texts(&world().inbox(&self.setup.reader));
        for number in numbers {
            let row = self.row(*number).expect("a row");
            assert_eq!(row.stage.to_string(), "delivered", "{row:?}");
            let kinds: Vec<_> = row
                .deliveries
                .iter()
                .map(|delivery| delivery.kind)
                .collect();
            assert_eq!(kinds, [kind, DeliveryKind::Reply]);

            let issues = self.setup.issues_titled(&self.file(*number)).await;
            assert_eq!(issues.len(), 1, "of {number}: {issues:?}");
            let texts = self.setup.messages_of(&issues[0]).await;
            assert_eq!(texts.len(), 1, "of {number}: {texts:?}");
            assert!(texts[0].contains("AssertionError"), "{}", texts[0]);
            if written == Written::Reopening {
                self.assert_opened_again(*number, &issues[0]).await;
            }

            let issue = issues[0]["id"].as_str().expect("a number");
            for mails in [&archived, &received] {
                let replies = replies_to(mails, &self.message_id(*number));
                assert_eq!(replies.len(), 1, "of {number}: {replies:?}");
                let reply = replies[0];
                for words in [&format!("issue{issue}"), PERSON, &self.file(*number)] {
                    assert!(unfolded(reply).contains(words), "no {words} in {reply}");
                }
            }
        }
    }

    /// It is open, and that is told once.
    async fn assert_opened_again(&self, number: usize, issue: &Value) {
        let (status, resolution) = self.standing(issue).await;
        assert_eq!((&*status, &*resolution), ("open", ""), "of {number}");
        let id = self.message_id(number);
        let told = self.number(&format!(
            "SELECT count(*) FROM audit
             JOIN notifications ON notifications.id = audit.notification
             WHERE what = 'opened again' AND message_id = '{id}'"
        ));
        assert_eq!(told, 1, "of {number}");
    }

    /// Each of these was taken in, read and drafted once, and none besides.
    pub fn assert_each_drafted_once(&self, numbers: &[usize]) {
        for number in numbers {
            let row = self.row(*number).expect("a row");
            assert_eq!(row.stage.to_string(), "drafted", "{row:?}");
            assert_eq!(row.draft.map(|draft| draft.revision), Some(1));
        }
        let rows = self.number("SELECT count(*) FROM notifications");
        assert_eq!(usize::try_from(rows).ok(), Some(numbers.len()));
        assert_eq!(self.number("SELECT count(*) FROM ledger"), 0);
    }

    /// Nothing left for these, nor was anything else sent: the one mail besides
    /// the `replies` is the notification that the list itself was sent.
    pub async fn assert_nothing_else(&self, untouched: &[usize], replies: usize) {
        for number in untouched {
            assert!(self.row(*number).expect("a row").deliveries.is_empty());
            assert_eq!(self.own_texts(*number).await, Vec::<String>::new());
            assert!(replies_to(&self.archived(), &self.message_id(*number)).is_empty());
        }
        assert_eq!(self.archived().len(), 1 + replies);
        assert_eq!(world().inbox(&self.setup.reader).len(), 1 + replies);
    }

    /// What a person closed as fixed still is.
    pub async fn assert_still_mended(&self, number: usize) {
        let issues = self.setup.issues_titled(&self.file(number)).await;
        let (status, resolution) = self.standing(&issues[0]).await;
        assert_eq!((&*status, &*resolution), ("closed", "fixed"), "of {number}");
    }

    /// The kills stopped nothing and spoiled nothing.
    pub fn assert_unharmed(&self) {
        let store = self.store();
        assert_eq!(store.switch(Switch::Stop).expect("the store"), None);
        assert_eq!(store.switch(Switch::Pause).expect("the store"), None);
        assert_eq!(store.count(ListFilter::Quarantined).expect("the store"), 0);
        assert_eq!(store.count(ListFilter::Held).expect("the store"), 0);
        assert_eq!(store.conflicts().expect("the store"), []);
        assert_eq!(
            store.quick_check().expect("the store"),
            Vec::<String>::new()
        );
    }
}

/// Mails as text.
pub fn texts(mails: &[Vec<u8>]) -> Vec<String> {
    let text = |mail: &Vec<u8>| String::from_utf8_lossy(mail).into_owned();
    mails.iter().map(text).collect()
}

/// The value of a header, in the case in which we and Mailman write it.
fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    let head = mail.lines().take_while(|line| !line.is_empty());
    let mut values = head.filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    values.next()
}

/// Without the soft line breaks of quoted-printable.
fn unfolded(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=\n", "")
}

fn replies_to<'a>(mails: &'a [String], id: &str) -> Vec<&'a String> {
    let header = format!("In-Reply-To: <{id}>");
    mails.iter().filter(|mail| mail.contains(&header)).collect()
}
