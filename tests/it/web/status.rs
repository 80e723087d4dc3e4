//! How things stand is told on the page as `status` tells it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Page, run, unescaped};

/// Somebody is asked by mail, people are told on a channel that nobody answers, and
/// the list is to be asked.
fn connected(folder: &Path) {
    let file = folder.join("config.toml");
    let text = fs::read_to_string(&file).unwrap();
    let more = "\n[approvers]\nanswers_to = \"decide@watch.example\"\n\
                authserv_id = \"mx.watch.example\"\n[approvers.people]\n\
                \"Ada Lovelace\" = { address = \"ada@example.org\" }\n\
                \"Grace Hopper\" = { address = \"grace@example.org\", mails = \"digest\", \
                digest_every = \"4h\" }\n\
                [[webhook]]\nname = \"team\"\nurl = \"http://127.0.0.1:1/hook\"\n\
                shape = \"json\"\n";
    fs::write(file, format!("{text}{more}")).unwrap();
    run(folder, &["demo"]);
}

/// What `status` prints, on one line each.
fn lines(page: &Page, name: &str) -> Vec<String> {
    let text = page
        .run("status")
        .replace(&format!("\n{}", " ".repeat(14)), " ");
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.map(|line| line.trim().to_owned()).collect()
}

/// What the page says by the same name.
fn shown(html: &str, name: &str) -> Vec<String> {
    let begin = format!("<dt>{name}</dt>");
    html.split(&begin)
        .skip(1)
        .map(|rest| {
            let (_, rest) = rest.split_once("<dd").unwrap();
            let (_, rest) = rest.split_once('>').unwrap();
            unescaped(rest.split_once("</dd>").unwrap().0)
        })
        .collect()
}

fn status(page: &Page) -> Value {
    serde_json::from_str(&page.run("status --json")).unwrap()
}

#[test]
fn who_is_asked_and_told_is_seen_where_one_looks() {
    let page = Page::with(connected);
    let mut client = page.client();
    let told = status(&page)["asked_by_mail"].clone();
    let waiting = status(&page)["notifications"]["to_decide"].clone();
    assert!(waiting.as_u64().unwrap() >= 5, "{waiting}");
    for (at, name) in ["Ada Lovelace", "Grace Hopper"].iter().enumerate() {
        assert_eq!(told[at]["approver"], *name, "{told}");
        assert_eq!(told[at]["unanswered"], waiting, "{told}");
        assert!(told[at]["last_sent_at"].is_string(), "{told}");
        assert!(told[at]["last_failed"].is_null(), "{told}");
    }
    let typed = lines(&page, "Asked by mail");
    let page_says = client.get("/status").is(200);
    let seen = shown(&page_says.body, "Asked by mail");
    assert_eq!(seen.len(), 2, "{}", page_says.body);
    for (typed, seen) in typed.iter().zip(&seen) {
        let words = format!("{waiting} drafts wait for an answer; the last mail left ");
        assert!(typed.contains(&words) && seen.contains(&words), "{seen}");
    }
    assert_eq!(
        status(&page)["channels"],
        json!([{ "channel": "webhook team", "last_told_at": null }])
    );
    for channel in [lines(&page, "Channel"), shown(&page_says.body, "Channel")] {
        assert_eq!(channel, ["webhook team: nothing was told there yet"]);
    }

    // One of them decides, and what was asked is answered.
    let draft = client.get("/draft/2");
    client.send(&draft, "/draft/2/approve", &[]).is(303);
    page.sent(1);
    let left = json!(waiting.as_u64().unwrap() - 1);
    assert_eq!(status(&page)["asked_by_mail"][0]["unanswered"], left);
}

#[test]
fn what_does_not_reach_people_is_seen_with_its_cause() {
    let page = Page::with(connected);
    let mut client = page.client();
    // What a service would have written down.
    page.database()
        .execute_batch(
            "DROP TRIGGER letters_stay_ended;
             UPDATE letters SET sent_at = NULL, ended_why = '550 5.1.1 no <such> user'
             WHERE approver = 'Ada Lovelace';
             UPDATE letters
             SET sent_at = NULL, due_at = 4000000000, last_error = '451 try \u{1b}[31mlater'
             WHERE approver = 'Grace Hopper';
             INSERT INTO alerts (target, at) VALUES ('webhook team', 1795300000);
             INSERT INTO alert_troubles (target, words, since)
             VALUES ('webhook team', 'connection refused', 1795300000);
             INSERT INTO subscriptions
                 (request, list, address, begun_at, mailbox, uidvalidity, uidnext)
             VALUES ('join', 'l@example.org', 'us@example.org', 1795300000, 'm', 1, 1);",
        )
        .unwrap();
    let html = client.get("/status").is(200).body;
    for (name, words) in [
        ("Subscription", "asked to join"),
        ("Subscription", "type subscribe to go on"),
        (
            "Asked by mail",
            "Ada Lovelace: no draft waits for an answer",
        ),
        ("Asked by mail", "550 5.1.1 no <such> user"),
        ("Asked by mail", "could not leave so far: 451 try"),
        ("Channel", "takes nothing now"),
        ("Trouble", "The webhook team takes nothing, since"),
    ] {
        for told in [lines(&page, name), shown(&html, name)] {
            let told = told.join(" | ");
            assert!(told.contains(words), "{name}, {words}: {told}");
        }
    }
    let check = super::program(&page.folder).arg("check").output().unwrap();
    let check = String::from_utf8(check.stdout).unwrap();
    let begin = "warning  approvers  Ada Lovelace is asked at ada@example.org: ";
    assert!(check.contains(begin), "{check}");
    let json = status(&page);
    let failed = &json["asked_by_mail"][0]["last_failed"];
    assert_eq!(failed["why"], "550 5.1.1 no <such> user", "{json}");
    assert_eq!(json["asked_by_mail"][1]["queued"], 1, "{json}");
}
