//! `subscribe` and `unsubscribe`, with a real Mailman, and what must never come of
//! the mails by which it does that.

mod forged;
mod ways;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::mailflow::desk::Desk;
use crate::service::{PATIENCE, PROGRAM, Service, Setup, Wanted};
use crate::world::{client, eventually, run, world};

/// A list that says welcome, and that does not know the watcher.
async fn setup(area: &str) -> Setup {
    let name = world().fresh_user(area);
    setup_named(area, &name).await
}

async fn setup_named(area: &str, list: &str) -> Setup {
    let wanted = Wanted {
        area,
        tracker: "demo",
        more: "",
    };
    let users = Setup::users(area);
    let reader = world().address(&users[1]);
    let list = world().list_named(list, &[reader]).await;
    let setup = Setup::for_list(&wanted, list, users);
    // As the unit does it for a verb.
    std::fs::create_dir(setup.folder.path().join("state")).expect("a folder");
    let form = "send_welcome_message=true&display_name=Status";
    configure(&setup, form).await;
    setup
}

async fn configure(setup: &Setup, form: &str) {
    let path = format!("/lists/{}/config", setup.list);
    world()
        .mailman_call(Method::PATCH, &path, form.to_owned())
        .await;
}

/// Runs the verb; gives whether it did what was asked for, and its document.
fn ask(setup: &Setup, words: &[&str]) -> (bool, Value) {
    let mut words = words.to_vec();
    words.push("--json");
    let ran = setup.run(&words);
    let document = serde_json::from_str(&ran.out);
    let document = document.unwrap_or_else(|error| panic!("{error}: {} {}", ran.out, ran.err));
    (ran.status.success(), document)
}

#[track_caller]
fn done(setup: &Setup, verb: &str, state: &str) -> Value {
    let (is_done, document) = ask(setup, &[verb, "--wait", "120"]);
    assert!(is_done, "{document:#}");
    assert_eq!(document["state"], state, "{document:#}");
    document
}

/// What Mailman's REST interface says of the list.
async fn rest(setup: &Setup, path: &str) -> Value {
    let mailman = &world().mailman;
    let url = format!("{}/lists/{}/{path}", mailman.rest, setup.list);
    let request = client().get(url);
    let request = request.basic_auth(&mailman.user, Some(&mailman.password));
    let answer = request.send().await.expect("Mailman answers");
    answer.json().await.expect("JSON")
}

/// The addresses that the list sends its posts to.
async fn members(setup: &Setup) -> Vec<String> {
    let answer = rest(setup, "roster/member").await;
    let entries = answer["entries"].as_array().cloned().unwrap_or_default();
    let address = |entry: &Value| entry["email"].as_str().map(str::to_owned);
    entries.iter().filter_map(address).collect()
}

fn watcher(setup: &Setup) -> String {
    world().address(&setup.watcher)
}

/// The watcher's mails with this in their headers or text.
fn mails_with(setup: &Setup, words: &str) -> usize {
    let mails = world().inbox(&setup.watcher);
    let texts = mails.iter().map(|mail| String::from_utf8_lossy(mail));
    texts.filter(|text| text.contains(words)).count()
}

/// Its service, once it looks at the mailbox.
async fn serving(setup: &Setup) -> Service {
    let mut service = Service::start(setup);
    service.says("first start").await;
    service
}

/// Changes the configuration.
fn reconfigure(setup: &Setup, from: &str, to: &str) {
    let text = std::fs::read_to_string(&setup.config).expect("a configuration");
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(&setup.config, text.replacen(from, to, 1)).expect("a configuration");
}

/// Waits until the service knows how a request ended; gives what `status` says of it.
async fn ended(setup: &Setup, state: &str) -> Value {
    eventually(PATIENCE, || {
        let status = setup.json(&["status"]);
        (status["subscription"]["state"] == state).then(|| status["subscription"].clone())
    })
    .await
}

/// A text on one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn post(setup: &Setup, subject: &str) {
    let mail = format!(
        "From: ada@example.test\r\nTo: {}\r\nSubject: {subject}\r\n\
         Date: Sun, 22 Nov 2026 07:00:00 +0000\r\n\r\nHello.\r\n",
        setup.list
    );
    world().post("ada@example.test", &setup.list, mail.as_bytes());
}

#[test]
fn from_nothing_to_a_post_and_back() {
    run(async {
        // A short name, so that the confirmation goes to LIST-confirm+TOKEN@.
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = nanos.expect("a clock").subsec_nanos();
        let setup = setup_named("subscribe", &format!("sub-{nanos}")).await;
        let document = done(&setup, "subscribe", "member");
        let list_id = setup.list.replace('@', ".");
        assert_eq!(document["list_id"], list_id.as_str(), "{document:#}");
        let said = document["steps"].to_string();
        assert!(said.contains("-confirm+"), "{said}");
        assert_eq!(members(&setup).await.len(), 2);
        post(&setup, "First post");
        world().inbox_of(&setup.watcher, 3).await;
        assert_eq!(mails_with(&setup, "First post"), 1);

        // Nothing in the mailbox was flagged or moved: EXAMINE and PEEK alone.
        let cur = world().maildir(&setup.watcher).join("cur");
        let flagged = std::fs::read_dir(cur).map_or(0, Iterator::count);
        assert_eq!(flagged, 0);

        // Once more: the list is not even asked.
        let again = done(&setup, "subscribe", "member");
        assert_eq!(again["asked_at"], document["asked_at"], "{again:#}");
        assert_eq!(mails_with(&setup, "The results of your email"), 0);
        let status = setup.json(&["status"]);
        assert_eq!(status["subscription"]["state"], "member", "{status:#}");
        assert!(status["own_posts_seen_at"].is_null(), "{status:#}");
        let said = setup.run(&["status"]).out;
        assert!(said.contains("not seen yet"), "{said}");

        let left = done(&setup, "unsubscribe", "left");
        assert!(left["confirmed_at"].is_string(), "{left:#}");
        assert_eq!(members(&setup).await, [world().address(&setup.reader)]);
        post(&setup, "Second post");
        world().inbox_of(&setup.reader, 2).await;
        assert_eq!(mails_with(&setup, "Second post"), 0);

        // The trail tells who asked, and what left.
        let store = setup.folder.path().join("state/buildbot-watch.sqlite3");
        let store = buildbot_watch::store::Store::open(&store).expect("the store");
        let trail = store.recent_trail(50).expect("a trail");
        let told = |what: &str| trail.iter().filter(|line| line.what == what).count();
        assert_eq!((told("join"), told("leave")), (1, 1), "{trail:#?}");
        assert_eq!(
            (told("sent"), told("subscription ended")),
            (4, 2),
            "{trail:#?}"
        );
        assert!(trail.iter().any(|line| line.who == "Test Person"));
    });
}

#[test]
fn whoever_is_subscribed_already_is_told_so() {
    run(async {
        let wanted = Wanted {
            area: "already",
            tracker: "demo",
            more: "",
        };
        let setup = Setup::new(&wanted).await;
        std::fs::create_dir(setup.folder.path().join("state")).expect("a folder");
        done(&setup, "subscribe", "already_member");
        assert_eq!(mails_with(&setup, "is already a"), 1);

        // Its answer quotes the id of our mail: nobody else knows that.
        let status = setup.json(&["status"]);
        assert_eq!(status["subscription"]["proven_by"], "quoted", "{status:#}");

        // A configuration that names another List-Id would refuse every mail.
        let list_id = setup.list.replace('@', ".");
        reconfigure(&setup, &list_id, "other.example.test");
        let ran = setup.run(&["subscribe", "--wait", "5"]);
        assert!(!ran.status.success(), "{}", ran.out);
        assert!(
            ran.out.contains(&format!("id = \"{list_id}\"")),
            "{}",
            ran.out
        );
        assert!(ran.out.contains("config.toml:6"), "{}", ran.out);
    });
}

#[test]
fn a_kill_after_the_request_is_gone_on_from() {
    run(async {
        let setup = setup("killed").await;
        let mut child = Command::new(PROGRAM)
            .args(["subscribe", "--wait", "120", "--as", "Ada", "--config"])
            .arg(&setup.config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let asked = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("Asked")));
        child.kill().expect("a kill");
        child.wait().expect("an end");
        assert!(asked.is_some());

        let document = done(&setup, "subscribe", "member");
        assert!(
            document["steps"].to_string().contains("Going on"),
            "{document:#}"
        );
        assert_eq!(mails_with(&setup, "has a pending subscription"), 0);
        assert_eq!(mails_with(&setup, "is needed to join"), 1);
        assert_eq!(members(&setup).await.len(), 2);
    });
}

#[test]
fn beside_the_service() {
    run(async {
        let setup = setup("beside").await;
        let mut service = serving(&setup).await;
        done(&setup, "subscribe", "member");
        // Both looked at the question; one answered, to LIST-request@, because the list's
        // name is long.
        let told = || mails_with(&setup, "The results of your email");
        eventually(PATIENCE, || (told() > 0).then_some(())).await;
        assert_eq!((told(), mails_with(&setup, "\nConfirmed")), (1, 1));
        assert_eq!(mails_with(&setup, "Welcome to the"), 1);

        // The service goes on with what a command began.
        let (is_done, document) = ask(&setup, &["unsubscribe", "--wait", "0"]);
        assert!(!is_done, "{document:#}");
        ended(&setup, "left").await;
        assert_eq!(members(&setup).await.len(), 1);

        // None of these mails was taken for a notification.
        let rows = eventually(PATIENCE, || {
            let rows = setup.json(&["list", "--all"]);
            let rows = rows["notifications"].as_array().expect("rows").clone();
            let is_read = rows.iter().all(|row| row["stage"] == "closed");
            (rows.len() >= 4 && is_read).then_some(rows)
        })
        .await;
        for row in rows {
            assert_eq!(row["closed"]["reason"], "refused", "{row:#}");
            assert_eq!(
                row["closed"]["note"], "it is about the list itself",
                "{row:#}"
            );
        }
        assert!(service.is_running());
        assert!(service.stop().await.success());
    });
}

#[test]
fn the_owners_approval_is_waited_for() {
    run(async {
        let setup = setup("moderated").await;
        configure(&setup, "subscription_policy=confirm_then_moderate").await;
        let (is_done, document) = ask(&setup, &["subscribe", "--wait", "8"]);
        assert!(!is_done);
        assert_eq!(document["waits_for"], "welcome", "{document:#}");
        let said = document["steps"].to_string();
        assert!(said.contains("owner may have to approve"), "{said}");
        assert_eq!(members(&setup).await.len(), 1);

        let requests = rest(&setup, "requests?token_owner=moderator").await;
        let token = requests["entries"][0]["token"].as_str().expect("a token");
        let path = format!("/lists/{}/requests/{token}", setup.list);
        let accept = "action=accept".to_owned();
        world().mailman_call(Method::POST, &path, accept).await;
        done(&setup, "subscribe", "member");
    });
}

#[test]
fn stop_holds_it_back() {
    run(async {
        let setup = setup("stopped").await;
        let (_, document) = ask(&setup, &["subscribe", "--wait", "0"]);
        assert_eq!(document["waits_for"], "confirmation", "{document:#}");
        world().inbox_of(&setup.watcher, 1).await;
        assert!(setup.run(&["stop", "--reason", "a test"]).status.success());
        let ran = setup.run(&["subscribe", "--wait", "5"]);
        assert!(!ran.status.success(), "{}", ran.out);
        assert!(
            ran.err.contains("a test") && ran.err.contains("clear-stop"),
            "{}",
            ran.err
        );
        // The service obeys it as well.
        let service = serving(&setup).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(members(&setup).await.len(), 1);
        assert!(service.stop().await.success());
        assert!(setup.run(&["clear-stop"]).status.success());
        done(&setup, "subscribe", "member");
    });
}

#[test]
fn genuine_administrivia_make_no_draft() {
    let desk = Desk::new("");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/mailman");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        if path.ends_with("post.eml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a fixture");
        desk.put(text.replace("@lists.example.test", "@python.org").replace(
            "buildbot-status.lists.example.test",
            "buildbot-status.python.org",
        ));
        count += 1;
    }
    desk.settle();
    for id in 1..=count {
        let (reason, note) = desk.closed(id);
        assert_eq!(reason, "refused", "{id}: {note}");
    }
    assert!(count >= 15);
    assert!(desk.sent().is_empty());
    assert!(desk.json(&["status"])["stop"].is_null());
}
