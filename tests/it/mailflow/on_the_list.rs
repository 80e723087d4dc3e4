//! With the real list, the real mail servers and a real tracker.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::desk::text_of;
use super::restored::copy;
use crate::service::{PATIENCE, Service, Setup, Wanted};
use crate::world::{World, client, eventually, run, world};

const STRING: &str = "bb43-single-test-method.eml";

async fn setup(area: &str) -> Setup {
    setup_at(area, "demo").await
}

async fn setup_at(area: &str, tracker: &str) -> Setup {
    let wanted = Wanted {
        area,
        tracker,
        more: "",
    };
    Setup::new(&wanted).await
}

/// With the tracker in a file, so that nobody else is in it.
pub fn with_own_tracker(setup: &Setup) {
    let text = std::fs::read_to_string(&setup.config).expect("a configuration");
    let (head, rest) = text.split_once("[tracker]").expect("a section");
    let (_, tail) = rest.split_once("[drafts.versions]").expect("a section");
    let tracker = "[tracker]\nkind = \"embedded\"\npath = \"tracker.sqlite3\"\n";
    let text = format!("{head}{tracker}[drafts.versions]{tail}");
    std::fs::write(&setup.config, text).expect("a configuration");
}

fn rows(setup: &Setup) -> Vec<Value> {
    let rows = setup.json(&["list", "--all"]);
    rows["notifications"].as_array().expect("rows").clone()
}

/// Waits until so many mails came in, and gives them, newest first.
async fn came_in(setup: &Setup, count: usize) -> Vec<Value> {
    eventually(PATIENCE, || {
        let rows = rows(setup);
        let is_read = rows.iter().all(|row| row["stage"] != "received");
        (rows.len() >= count && is_read).then_some(rows)
    })
    .await
}

/// A mail on the list by somebody; `headers` end in `\r\n` each.
fn mail(setup: &Setup, from: &str, subject: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: {}\r\nSubject: {subject}\r\n\
         Date: Sun, 22 Nov 2026 07:00:00 +0000\r\n{headers}\r\n{body}\r\n",
        setup.list
    )
    .into_bytes()
}

fn post(setup: &Setup, from: &str, subject: &str, headers: &str, body: &str) {
    let mail = mail(setup, from, subject, headers, body);
    world().post("somebody@example.test", &setup.list, &mail);
}

async fn configure(world: &World, list: &str, form: &str) {
    let path = format!("/lists/{list}/config");
    world
        .mailman_call(Method::PATCH, &path, form.to_owned())
        .await;
}

/// Reads until a row says it was closed for this reason, with these words.
async fn closed_as(setup: &Setup, reason: &str, words: &str) -> Value {
    let look = || {
        rows(setup).into_iter().find(|row| {
            let note = row["closed"]["note"].as_str().unwrap_or_default();
            row["closed"]["reason"] == reason && note.contains(words)
        })
    };
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "no {reason} {words:?}: {:#?}",
            rows(setup)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn what_lists_and_servers_write_is_never_answered() {
    run(async {
        let world = world();
        let setup = setup("automatic").await;
        with_own_tracker(&setup);
        let watcher = world.address(&setup.watcher);
        let mut service = Service::start(&setup);
        service.says("first start").await;

        let notifier = "buildbot@python.org";
        let thread = "In-Reply-To: <a@b>\r\nReferences: <a@b>\r\n";
        post(&setup, notifier, "Buildbot: failed", thread, "a reply");
        closed_as(&setup, "refused", "belongs to a thread").await;
        post(&setup, notifier, "Re: Buildbot: failed", "", "a reply");
        closed_as(&setup, "refused", "begins like a reply").await;
        let vacation = "Auto-Submitted: auto-replied\r\nPrecedence: bulk\r\n";
        post(&setup, "ada@example.test", "Away", vacation, "I am away.");
        closed_as(&setup, "refused", "Auto-Submitted").await;
        post(&setup, "ada@example.test", "Hello", "", "A question.");
        closed_as(&setup, "human_reply", "a person's mail").await;

        // Not by way of the list, and by way of another one.
        let direct = mail(&setup, notifier, "Buildbot: failed", "", "The Buildbot has");
        world.post("somebody@example.test", &watcher, &direct);
        closed_as(&setup, "other_list", "no List-Id").await;
        let other = world
            .fresh_list("other", std::slice::from_ref(&watcher))
            .await;
        world.post("somebody@example.test", &other, &direct);
        closed_as(&setup, "other_list", "another list").await;

        // Postfix says that nobody takes our mail.
        let nowhere = format!("nobody-here@{}", world.mailman.domain);
        world.post(&watcher, &nowhere, &direct);
        closed_as(&setup, "refused", "bounce").await;
        assert!(service.is_running());

        what_the_list_says_about_itself(world, &setup, &watcher).await;
        assert!(rows(&setup).iter().all(|row| row["draft"].is_null()));
        assert!(service.stop().await.success());
    });
}

async fn what_the_list_says_about_itself(world: &World, setup: &Setup, watcher: &str) {
    let before = rows(setup).len();
    let owner = format!(
        "list_id={}&subscriber={watcher}&role=owner",
        setup.list.replace('@', ".")
    );
    world.mailman_call(Method::POST, "/members", owner).await;
    let held = "default_nonmember_action=hold&admin_immed_notify=true";
    configure(world, &setup.list, held).await;
    post(setup, "buildbot@python.org", "Buildbot: failed", "", "held");
    // To the owner, who is the watcher.
    let told = came_in(setup, before + 1).await;
    assert_eq!(told[0]["stage"], "closed", "{}", told[0]);
}

/// Opens a report as somebody else; gives its number.
async fn issue_by_somebody(setup: &Setup, title: &str) -> String {
    let base = &world().roundup.trackers[&setup.tracker];
    let answer: Value = client()
        .post(format!("{base}rest/data/issue"))
        .basic_auth("victor", Some(&world().roundup.users["victor"]))
        .header("X-Requested-With", "tests")
        .header("Origin", base.rsplitn(3, '/').last().expect("an origin"))
        .json(&serde_json::json!({ "title": title }))
        .send()
        .await
        .expect("Roundup answers")
        .json()
        .await
        .expect("JSON");
    let id = answer["data"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn a_person_names_a_report_on_the_list() {
    run(async {
        let setup = setup_at("person", "t9").await;
        setup.empty_tracker().await;
        let issue = issue_by_somebody(&setup, "Capitals are wrong now and then").await;
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let builder = format!("AMD64 {} 3.x", setup.watcher);
        let id = setup.post_notification(STRING, &builder, "first");
        setup.draft_about(&builder).await;
        let url = format!("{}issue{issue}", world().roundup.trackers[&setup.tracker]);
        let thread = format!(
            "Message-ID: <{}@people.example.test>\r\nIn-Reply-To: <{id}>\r\nReferences: <{id}>\r\n",
            setup.watcher
        );
        let body = format!("This is {url}.\r\n\r\n> The Buildbot has detected a new failure");
        let grace = "Grace Hopper <grace@example.test>";
        post(&setup, grace, "Re: Buildbot: failed test", &thread, &body);
        let row = setup.stage_of(1, "closed").await;
        assert_eq!(row["closed"]["reason"], "answered_by_human", "{row}");
        assert!(
            row["closed"]["note"].to_string().contains("Grace Hopper"),
            "{row}"
        );

        setup.post_notification(STRING, &builder, "second");
        let row = setup.draft_about(&builder).await;
        assert_eq!(row["certainty"], "strong", "{row}");
        assert_eq!(row["actions"][0]["issue"].to_string(), issue, "{row}");
        let shown = setup.run(&["show", &row["id"].to_string()]).out;
        assert!(shown.contains("Grace Hopper said"), "{shown}");

        // What leaves is what was approved, to the letter.
        let row = setup.json(&["show", &row["id"].to_string()]);
        let draft = &row["draft_texts"];
        let key = row["draft"].as_str().expect("a key");
        assert!(
            setup
                .run(&["approve", key, "--as", "Ada Lovelace"])
                .status
                .success()
        );
        setup
            .stage_of(row["id"].as_i64().expect("an id"), "delivered")
            .await;
        let issues = setup.issues_titled("Capitals are wrong").await;
        let texts = setup.messages_of(&issues[0]).await;
        let body = draft["actions"][0]["body"].as_str().expect("a text");
        let text = texts.last().expect("a comment").replace("\r\n", "\n");
        assert_eq!(text.trim_end(), body.trim_end());
        let mails = world().inbox_of(&setup.reader, 4).await;
        let reply = mails
            .iter()
            .find(|mail| String::from_utf8_lossy(mail).contains("Auto-Submitted: auto-replied"));
        let sent = text_of(reply.expect("a reply"));
        let wanted = draft["reply"]["body"].as_str().expect("a text");
        let wanted = wanted.replace("<<approver>>", "Ada Lovelace");
        let footer = sent.find("______").unwrap_or(sent.len());
        assert_eq!(sent[..footer].trim_end(), wanted.trim_end());
        assert!(service.stop().await.success());
    });
}

#[test]
fn an_old_database_is_brought_back() {
    run(async {
        let setup = setup("restored").await;
        with_own_tracker(&setup);
        let (state, backup) = (
            setup.folder.path().join("state"),
            setup.folder.path().join("backup"),
        );
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let builder = format!("AMD64 {} 3.x", setup.watcher);
        setup.post_notification(STRING, &builder, "first");
        let row = setup.draft_about(&builder).await;
        let key = row["draft"].as_str().expect("a key").to_owned();
        assert!(service.stop().await.success());
        copy(&state, &backup);

        let mut service = Service::start(&setup);
        assert!(setup.run(&["approve", &key]).status.success());
        setup.stage_of(1, "delivered").await;
        setup.stage_of(2, "closed").await;
        service.signal("KILL");
        service.ended().await;
        copy(&backup, &state);

        // Somebody approves before the service has looked into the mailbox.
        assert!(setup.run(&["approve", &key]).status.success());
        let mut service = Service::start(&setup);
        service.says("an old copy of the database").await;
        let status = setup.run(&["status"]).out;
        assert!(status.contains("STOP"), "{status}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(
            world().inbox(&setup.reader).len(),
            2,
            "the post and one reply"
        );
        // Cleared: it is known to have been sent, and is not sent again.
        assert!(setup.run(&["clear-stop"]).status.success());
        eventually(PATIENCE, || {
            let row = setup.json(&["show", "1"]);
            let on = setup.json(&["status"])["stop"].is_object();
            if on {
                assert!(setup.run(&["clear-stop"]).status.success());
            }
            (row["stage"] == "delivered").then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(world().inbox(&setup.reader).len(), 2);
        assert!(service.is_running());
        assert!(service.stop().await.success());
    });
}

#[test]
fn a_large_mail_comes_in_within_the_memory() {
    run(async {
        let setup = setup("large").await;
        with_own_tracker(&setup);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notice = |size: usize| {
            let text = "0:00:01 load avg: 1.0 test_x passed, and a long line of it\r\n";
            let text = text.repeat(size / text.len());
            let list_id = format!("List-Id: <{}>\r\n", setup.list.replace('@', "."));
            let body = format!(
                "The Buildbot has detected a new failure on builder AMD64 {} 3.x while \
                 building python/cpython.\r\nFull details are available at:\r\n    \
                 https://buildbot.python.org/all/#/builders/15/builds/{size}\r\n\r\n\
                 BUILD FAILED: failed test (failure)\r\n\r\n{text}",
                setup.watcher
            );
            mail(
                &setup,
                "buildbot@python.org",
                "Buildbot: failed",
                &list_id,
                &body,
            )
        };
        let watcher = world().address(&setup.watcher);
        for size in [30, 45] {
            let mail = notice(size * 1024 * 1024);
            world().post("somebody@example.test", &watcher, &mail);
        }
        // It is parsed and matched in steps of their own.
        for id in [1, 2] {
            setup.stage_of(id, "drafted").await;
        }
        let rows = came_in(&setup, 2).await;
        let shown = setup.run(&["show", &rows[0]["id"].to_string()]).out;
        assert!(shown.contains("beginning"), "{shown}");
        let peak = memory_of(&setup);
        println!("{peak} MiB");
        assert!(peak < 160, "{peak} MiB");
        assert!(service.stop().await.success());
    });
}

/// The most memory the service ever had, in MiB.
fn memory_of(setup: &Setup) -> u64 {
    let state = setup.folder.path().join("state");
    let files = std::fs::read_dir(state).expect("a folder");
    let pid = files
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .find_map(|text| text.trim().parse::<u32>().ok())
        .expect("a lock with a pid");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.expect("a line").trim().trim_end_matches(" kB");
    kib.trim().parse::<u64>().expect("a number") / 1024
}
