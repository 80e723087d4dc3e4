//! Since when a Buildbot knows the revision that was built, and what that says of a
//! report that was closed meanwhile.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use buildbot_watch::ci::BuildFacts;
use buildbot_watch::domain::notification::BuildLink;
use serde_json::{Value, json};

use super::late::{Bare, desk, reading, with_log};
use super::scripted::{PATIENCE, ask, start};
use super::{ci, link, scripted};
use crate::mailflow::desk::Desk;
use crate::world::{client, run, world};

const TITLE: &str = "test_os: MemfdCreateTests.test_memfd_create() fails";
const BODY: &str = "AssertionError in test_memfd_create, on AMD64 Debian root.";

/// Pushes a commit that fails; gives the id of its build, which may not have ended.
async fn pushed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let revision = format!("f{:039x}", now.as_nanos());
    let form = format!(
        "author=A&comments=c&branch=main&project=cpython&files=%5B%22a%22%5D&revision={revision}"
    );
    let answer = client()
        .post(format!("{}change_hook/base", world().buildbot.url))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form)
        .send();
    assert!(answer.await.unwrap().status().is_success());
    let changes = ask(&format!("/changes?revision={revision}")).await;
    let change = changes["changes"][0]["changeid"].clone();
    built(&format!("/changes/{change}/builds")).await
}

/// Has a build's revision built once more.
async fn again(build: u64) -> u64 {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "rebuild", "params": {} });
    let url = format!("{}/builds/{build}", world().buildbot.api);
    let answer = client().post(url).json(&call).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let requests = answer["result"][1].as_object();
    let request = requests.unwrap_or_else(|| panic!("{answer}")).values();
    let request = request.into_iter().next().expect("a request").clone();
    built(&format!("/buildrequests/{request}/builds")).await
}

async fn built(path: &str) -> u64 {
    let begun = Instant::now();
    loop {
        let found = ask(path).await;
        if let Some(id) = found["builds"][0]["buildid"].as_u64() {
            return id;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not begin: {found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The link to a build of the main builder, once that has ended, and what is said of it.
async fn ended(build: u64) -> (BuildLink, BuildFacts) {
    let number = ask(&format!("/builds/{build}")).await["builds"][0]["number"].as_u64();
    let builder = world().buildbot.builder_id.to_string();
    let link = link(&builder, number.expect("a number"));
    let begun = Instant::now();
    loop {
        let facts = ci().build_alone(&link).await.unwrap();
        if facts.result.is_some() {
            return (link, facts);
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end: {facts:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A revision that is built a second time, seconds after it came; when it came, and when
/// the second build began.
async fn old_revision() -> (BuildLink, i64, i64) {
    let first = pushed().await;
    let (_, facts) = ended(first).await;
    let seen = ci().revision_seen_at(&facts).await.unwrap();
    let seen = seen.expect("a moment");
    assert!(Some(seen) <= facts.began_at, "{seen}: {facts:?}");
    // Buildbot counts seconds.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (link, second) = ended(again(first).await).await;
    assert_eq!(second.revision, facts.revision);
    let known = ci().revision_seen_at(&second).await.unwrap();
    assert_eq!(known, Some(seen));
    (link, seen, second.began_at.expect("a moment"))
}

/// A desk whose one report was closed as fixed then.
fn closed_at(at: i64) -> Desk {
    let desk = desk(&world().buildbot.url);
    assert_eq!(desk.report(TITLE, BODY), 1);
    let tracker = rusqlite::Connection::open(desk.path("tracker.sqlite3")).expect("a tracker");
    let closing = "UPDATE issues SET is_open = false, closed_at = ?1, resolution = 'fixed',
                   change = 1 + (SELECT max(change) FROM issues)";
    assert_eq!(tracker.execute(closing, [at]).expect("a change"), 1);
    desk
}

fn explained(desk: &Desk) -> String {
    let said = desk.done(&["explain", "1"]);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_mended_after_the_revision_came_is_not_in_a_build_that_began_later() {
    let (link, seen, began) = run(old_revision());
    assert!(seen + 2 <= began, "{seen} {began}");
    let mail = Bare {
        builder: &world().buildbot.builder_name,
        url: &link.url,
        more: "",
        age: 60,
    }
    .mail();
    let log = std::fs::read_to_string(world().folder.join("buildbot/failing_test_log.txt"));
    let carrying = with_log(&mail, &log.unwrap());
    // Whether the log is asked for or came along.
    for mail in [&mail, &carrying] {
        let desk = closed_at(seen + 1);
        desk.take(mail);
        let build = reading(&desk, 1).builds.remove(0);
        assert_eq!(
            (build.revision_seen_at, build.began_at),
            (Some(seen), Some(began))
        );
        let said = explained(&desk);
        let words = "after the revision of this build was known: no regression";
        assert!(said.contains(words), "{said}");
        assert!(
            said.contains("the revision of this build was known then"),
            "{said}"
        );
        assert_eq!(desk.row(1)["actions"][0]["do"], "comment", "{said}");
    }
    let desk = closed_at(seen - 1);
    desk.take(&carrying);
    let said = explained(&desk);
    let words = "before the revision of this build was known: a regression";
    assert!(said.contains(words), "{said}");
    assert_eq!(desk.row(1)["actions"][0]["do"], "open", "{said}");
}

#[test]
fn of_a_build_that_takes_what_is_newest_nothing_is_known() {
    run(async {
        let number = start(json!({ "test": "exit 2" })).await;
        let facts = scripted::ended(&ci(), number).await;
        assert!(facts.began_at.is_some());
        assert_eq!(ci().revision_seen_at(&facts).await, Ok(None));
    });
}
