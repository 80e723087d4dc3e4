//! What people learn of servers that are away, and of replies that nobody saw.

use serde_json::Value;

use crate::daemon::support::{
    approve_one, builder_of, change, delivery, post, reroute, setup, stops_by, tracker_port,
    without_tracker,
};
use crate::proxy::{Mode, Proxy};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, run, world};

/// The words that `status` has of a service in trouble.
async fn trouble(setup: &Setup, service: &str) -> String {
    eventually(PATIENCE, || {
        let status = setup.json(&["status"]);
        let troubles = status["troubles"].as_array().expect("troubles").clone();
        let found = troubles.into_iter().find(|it| it["service"] == service)?;
        assert!(found["since"].is_string(), "{found}");
        Some(found["words"].as_str().expect("words").to_owned())
    })
    .await
}

/// What `status` says to people, on one line.
fn status(setup: &Setup) -> String {
    let ran = setup.run(&["status"]);
    assert!(ran.status.success(), "{}", ran.err);
    ran.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A failure on a build of the world's Buildbot, which the daemon asks for the log.
fn post_with_link(setup: &Setup, buildbot: u16) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/bb403-single-test-method.eml"
    );
    let text = std::fs::read_to_string(path).expect("a fixture");
    let text = text
        .replace("AMD64 Fedora Stable 3.x", &builder_of(setup))
        .replace("buildbot-status@python.org", &setup.list)
        .replace(
            "https://buildbot.python.org/all/",
            &format!("http://127.0.0.1:{buildbot}/"),
        );
    let mail = format!("Message-ID: <{}@mx.example.test>\r\n{text}", setup.watcher);
    world().post("buildbot@example.test", &setup.list, mail.as_bytes());
}

#[test]
fn each_server_that_is_away_is_told_once_and_until_it_is_back() {
    run(async {
        let setup = setup("troubles", "t5").await;
        setup.empty_tracker().await;
        let buildbot = reqwest::Url::parse(&world().buildbot.url).expect("an address");
        let ci = Proxy::to(buildbot.port().expect("a port")).await;
        let smtp = Proxy::to(world().mail.submissions_port).await;
        let imap = Proxy::to(world().mail.imaps_port).await;
        let tracker = Proxy::to(tracker_port("t5")).await;
        reroute(&setup, world().mail.submissions_port, smtp.port);
        reroute(&setup, world().mail.imaps_port, imap.port);
        let port = tracker_port("t5");
        change(&setup, &format!(":{port}/"), &format!(":{}/", tracker.port));
        let section = format!(
            "[ci]\nbuildbots = [\"http://127.0.0.1:{}/\"]\n[log]",
            ci.port
        );
        change(&setup, "[log]", &section);
        change(&setup, "\"10s\"", "\"2s\"");
        let mut service = Service::start(&setup);
        service.says("first start").await;
        assert_eq!(setup.json(&["status"])["troubles"], Value::Array(vec![]));

        ci.set(Mode::Reset);
        post_with_link(&setup, ci.port);
        let words = trouble(&setup, "ci").await;
        assert!(words.contains(&ci.port.to_string()), "{words}");
        service.says("the CI system does not answer").await;
        assert!(status(&setup).contains("The CI system does not answer, since"));
        ci.set(Mode::Pass);
        service.says("the CI system answers again").await;

        smtp.set(Mode::Reset);
        let draft = setup.draft_about(&builder_of(&setup)).await;
        let key = draft["draft"].as_str().expect("a key").to_owned();
        assert!(setup.run(&["approve", &key]).status.success());
        trouble(&setup, "outgoing").await;
        service.says("no mail can leave; replies wait").await;

        tracker.set(Mode::Reset);
        trouble(&setup, "tracker").await;
        service.says("the tracker cannot be read").await;

        imap.set(Mode::Reset);
        trouble(&setup, "mailbox").await;
        service.says("the mailbox cannot be read").await;

        let told = status(&setup);
        for part in [
            "Trouble The mailbox cannot be read, since",
            "Trouble The last mail could not leave, since",
            "Trouble The tracker cannot be read, since",
            "On their way 1, waits: ",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }

        for line in [&smtp, &tracker, &imap] {
            line.set(Mode::Pass);
        }
        setup.stage_of(1, "delivered").await;
        eventually(PATIENCE, || {
            let status = setup.json(&["status"]);
            status["troubles"]
                .as_array()
                .expect("troubles")
                .is_empty()
                .then_some(())
        })
        .await;
        for words in [
            "mails leave again",
            "the mailbox is back",
            "the tracker answers again",
        ] {
            service.says(words).await;
        }
        assert!(!status(&setup).contains("Trouble"), "{}", status(&setup));
        let log = stops_by(service, "TERM").await;
        for once in [
            "the CI system does not answer",
            "no mail can leave",
            "the tracker cannot be read",
            "the mailbox cannot be read",
        ] {
            assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
        }
    });
}

#[test]
fn what_is_kept_back_by_a_mailbox_that_cannot_be_read_is_told() {
    run(async {
        let setup = without_tracker("kept-back").await;
        let imap = Proxy::to(world().mail.imaps_port).await;
        reroute(&setup, world().mail.imaps_port, imap.port);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        assert!(setup.run(&["pause"]).status.success());
        let notification = approve_one(&setup, "kept").await;
        stops_by(service, "TERM").await;
        assert!(setup.run(&["resume"]).status.success());

        imap.set(Mode::Reset);
        let mut service = Service::start(&setup);
        let words = "nothing leaves before the whole mailbox was read once since the start";
        service.says(words).await;
        let told = status(&setup);
        assert!(
            told.contains(&format!("On their way 1, waits: {words}")),
            "{told}"
        );
        let waits = setup.json(&["status"])["underway_waits_for"].to_string();
        assert!(waits.contains(words), "{waits}");
        let shown = setup.run(&["show", &notification.to_string()]);
        assert!(shown.out.contains("nothing leaves before"), "{}", shown.out);
        assert_eq!(world().inbox(&setup.reader).len(), 1, "the notification");

        imap.set(Mode::Pass);
        setup.stage_of(notification, "delivered").await;
        let mails = world().inbox_of(&setup.reader, 2).await;
        assert_eq!(mails.len(), 2);
        let log = stops_by(service, "TERM").await;
        assert_eq!(log.matches("nothing leaves before").count(), 1, "{log}");
    });
}

#[test]
fn a_reply_that_the_list_never_showed_is_told_once_and_until_it_is_seen() {
    run(async {
        let setup = without_tracker("unseen").await;
        // Replies go to a subscriber and not to the list: nothing comes back.
        let list = format!("address = \"{}\"", setup.list);
        let reader = world().address(&setup.reader);
        change(&setup, &list, &format!("address = \"{reader}\""));
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notification = approve_one(&setup, "unseen").await;
        setup.stage_of(notification, "delivered").await;
        stops_by(service, "TERM").await;
        let none = setup.json(&["status"])["unseen_replies"].clone();
        assert_eq!(none, Value::Array(vec![]), "it is not an hour old");

        let database = setup.folder.path().join("state/buildbot-watch.sqlite3");
        let database = rusqlite::Connection::open(&database).expect("the database");
        // What is delivered never changes; only its age has to, here.
        let changed = database
            .execute_batch("DROP TRIGGER deliveries_stay_done")
            .and_then(|()| {
                database.execute(
                    "UPDATE deliveries SET done_at = done_at - 3700 WHERE kind = 'reply'",
                    [],
                )
            });
        drop(database);
        assert_eq!(changed, Ok(1));
        let words = "a reply was not seen on the list for over 1 h";
        let mut service = Service::start(&setup);
        service.says(words).await;
        stops_by(service, "TERM").await;
        // Another pass, and another process: nobody is told again.
        let service = Service::start(&setup);
        post(&setup, "later");
        setup.draft_about(&builder_of(&setup)).await;
        stops_by(service, "TERM").await;
        let log = std::fs::read_to_string(setup.folder.path().join("daemon.log")).expect("a log");
        assert_eq!(log.matches("was not seen on the list").count(), 1, "{log}");
        let told = status(&setup);
        assert!(
            told.contains("Unseen 1 reply was not seen on the list"),
            "{told}"
        );
        assert!(told.contains("is from_address subscribed"), "{told}");
        let unseen = setup.json(&["status"])["unseen_replies"].clone();
        assert_eq!(unseen.as_array().map(Vec::len), Some(1), "{unseen}");
        assert_eq!(unseen[0]["notification"], notification, "{unseen}");
        let history = setup.run(&["history", &notification.to_string()]);
        assert!(
            history.out.contains("not seen on the list"),
            "{}",
            history.out
        );

        // The list's copy comes after all.
        let mails = world().inbox_of(&setup.reader, 2).await;
        let reply = mails
            .iter()
            .find(|mail| String::from_utf8_lossy(mail).contains("Auto-Submitted: auto-replied"));
        let list_id = format!("List-Id: <{}>\r\n", setup.list.replace('@', "."));
        let text = String::from_utf8_lossy(reply.expect("the reply")).replace("\r\n", "\n");
        let start = text
            .find("\nFrom: ")
            .or(text.find("\nTo: "))
            .map_or(0, |at| at + 1);
        let copy = list_id + &text[start..].replace('\n', "\r\n");
        let watcher = world().address(&setup.watcher);
        world().post("list@example.test", &watcher, copy.as_bytes());
        let service = Service::start(&setup);
        eventually(PATIENCE, || {
            let reply = delivery(&setup, notification, "reply");
            (!reply["confirmed_at"].is_null()).then_some(())
        })
        .await;
        assert!(!status(&setup).contains("Unseen"), "{}", status(&setup));
        stops_by(service, "TERM").await;
    });
}
