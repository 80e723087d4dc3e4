//! The tracker's reports, listed by hand and taken in from files.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use buildbot_watch::store::{Combine, MirrorHealth, Order, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::github_stand_in::{Fault, REPOSITORY, StandIn, user};
use crate::roundup;
use crate::service::{PATIENCE, PROGRAM};
use crate::world::{eventually, run, world};

/// A configuration with everything on disk but the tracker.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(tracker: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["state", "mailbox/new", "mailbox/cur", "mailbox/tmp"] {
            fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        let text = format!(
            "[store]\nstate_dir = \"state\"\n\n\
             [list]\nid = \"list.example.org\"\naddress = \"list@example.org\"\n\
             notifiers = [\"ci@example.org\"]\n\n\
             [mailbox]\nkind = \"maildir\"\npath = \"mailbox\"\n\n\
             [outgoing]\nkind = \"maildir\"\npath = \"sent\"\n\
             from_address = \"watch@example.org\"\n\n\
             [tracker]\n{tracker}\nsync_interval = \"1h\"\n"
        );
        fs::write(folder.path().join("config.toml"), text).unwrap();
        Self { folder }
    }

    fn on(github: &StandIn) -> Self {
        let place = Self::new(&format!(
            "kind = \"github\"\nurl = \"{}\"\nrepository = \"{REPOSITORY}\"\n\
             token = {{ file = \"token\" }}",
            github.api
        ));
        place.secret("token", "bot-token");
        place
    }

    /// A real Roundup.
    fn on_roundup(tracker: &str) -> Self {
        let place = Self::new(&format!(
            "kind = \"roundup\"\nurl = \"{}\"\nuser = \"bbot\"\n\
             password = {{ file = \"password\" }}",
            roundup::base(tracker)
        ));
        place.secret("password", &world().roundup.users["bbot"]);
        place
    }

    fn secret(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let file = self.file(name, text);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn embedded() -> Self {
        Self::new("kind = \"embedded\"\npath = \"state/tracker.sqlite3\"")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(words)
            .arg("--config")
            .arg(self.folder.path().join("config.toml"))
            .env("COLUMNS", "80")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().await.unwrap()
    }

    #[track_caller]
    fn text(output: &Output, code: i32) -> String {
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{out}{err}");
        format!("{out}{err}")
    }

    async fn json(&self, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let text = Self::text(&self.run(&words).await, 0);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn store(&self) -> Store {
        Store::open(&self.folder.path().join("state/buildbot-watch.sqlite3")).unwrap()
    }
}

/// Issues with a comment each, and every third a pull request.
fn fill(github: &StandIn, issues: u64) {
    let somebody = user(9, "somebody", false);
    let mut state = github.state();
    for number in 1..=issues {
        state.open(&somebody, &format!("walrus{number} hangs"), "text");
        state.edit(number, |issue| issue.is_pull_request = number % 3 == 0);
    }
    for number in 1..=issues {
        state.comment(number, &somebody, &format!("otter{number}"));
    }
}

const NAME: &str = "github.com/python/cpython";

/// Every issue is there, with its comment, and is found by both.
fn is_all_there(place: &Place, issues: u64) {
    let store = place.store();
    let mirror = store.mirror(NAME);
    assert_eq!(mirror.count().unwrap(), issues - issues / 3);
    for number in 1..=issues {
        let found = |word: &str| {
            let word = format!("{word}{number}");
            let hits = mirror.full_text(&[&word], Combine::All, Order::Activity, 9);
            hits.unwrap().len()
        };
        let expected = usize::from(number % 3 != 0);
        assert_eq!(
            (found("walrus"), found("otter")),
            (expected, expected),
            "{number}"
        );
    }
}

/// Reads what a child prints until a line has these words.
async fn says(child: &mut Child, words: &str) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let wanted = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(words) {
                return;
            }
        }
        panic!("it ended without {words:?}");
    };
    tokio::time::timeout(PATIENCE, wanted)
        .await
        .expect("it says so");
}

#[test]
fn a_listing_that_was_killed_goes_on_where_it_was() {
    run(async {
        let github = StandIn::start().await;
        fill(&github, 900);
        let place = Place::on(&github);
        // After six pages GitHub wants a pause, in the midst of which it is killed.
        github.state().remaining = 6;
        let mut child = place.command(&["sync"]).spawn().unwrap();
        says(&mut child, "trying again in").await;
        child.kill().await.unwrap();
        let status = place.json(&["status"]).await["mirror"].clone();
        // 100, and then five times 99: each page begins with the last one's end.
        assert_eq!(status["reports"], 595 - 595 / 3, "{status}");
        assert_eq!(status["health"], "incomplete", "{status}");
        assert_eq!(status["complete_at"], Value::Null, "{status}");
        assert_eq!(status["listing"]["given"], 397, "{status}");
        assert_eq!(status["listing"]["to_come"], 400, "{status}");
        let shown = Place::text(&place.run(&["status"]).await, 0);
        assert!(shown.contains("being listed for"), "{shown}");
        assert!(shown.contains("397 of about 797 reports"), "{shown}");

        let first = {
            let mut state = github.state();
            state.remaining = 4000;
            std::mem::take(&mut state.asked)
        };
        let done = place.json(&["sync"]).await;
        assert_eq!(done["listed_by"], "sync", "{done}");
        assert_eq!(done["health"], "fresh", "{done}");
        assert_eq!(
            (&done["reports"], &done["open"]),
            (&600.into(), &600.into())
        );
        is_all_there(&place, 900);
        // Ten pages of issues and as many of comments; none was asked for twice.
        let second = std::mem::take(&mut github.state().asked);
        let listed = |asked: &[String]| {
            let listings = asked.iter().filter(|it| it.contains("sort=updated"));
            listings.count()
        };
        assert_eq!((listed(&first), listed(&second)), (6, 4 + 10), "{second:?}");

        // What came meanwhile is all that comes next.
        github
            .state()
            .edit(7, |issue| issue.title = "beaver".to_owned());
        let again = place.json(&["sync"]).await;
        assert_eq!(again["given"], 1, "{again}");
        let title = place.store().mirror(NAME).issue(7).unwrap().unwrap().title;
        assert_eq!(title, "beaver");
    });
}

/// The tracker that nothing but the test below writes to.
const LISTED: &str = "listing";

/// Issues, and a comment on every tenth.
async fn fill_roundup(issues: u64) {
    for number in 1..=issues {
        let issue = json!({ "title": format!("walrus{number} hangs") });
        let made = roundup::act(LISTED, "victor", "POST", "issue", issue).await;
        if number % 10 == 0 {
            let text = json!({ "author": "4", "content": format!("otter{number}") });
            let message = roundup::act(LISTED, "victor", "POST", "msg", text).await;
            let path = format!("issue/{}", made["id"].as_str().unwrap());
            let edit = json!({ "messages": [message["id"]], "@op": "add" });
            roundup::act(LISTED, "victor", "PATCH", &path, edit).await;
        }
    }
}

#[test]
fn a_listing_of_a_real_tracker_is_killed_again_and_again_and_loses_nothing() {
    const ISSUES: u64 = 230;
    run(async {
        fill_roundup(ISSUES).await;
        let place = Place::on_roundup(LISTED);
        let name = roundup::tracker(LISTED, "bbot").name();
        let given = || {
            let file = place.folder.path().join("state/buildbot-watch.sqlite3");
            let store = file.exists().then(|| Store::open(&file).ok())??;
            Some(store.mirror(&name).state().ok()?.listing?.given)
        };
        let mut kills = 0;
        let mut before = 0;
        // Each time as soon as one more page is kept, a little later each time: in
        // the midst of the next request, or of what comes of it.
        let ended = loop {
            let mut child = place.command(&["sync", "--json"]).spawn().unwrap();
            let is_more = async {
                while given().is_none_or(|given| given <= before) {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
            };
            tokio::select! {
                () = is_more => {}
                status = child.wait() => break status.unwrap(),
            }
            tokio::time::sleep(std::time::Duration::from_millis(7 * kills)).await;
            child.kill().await.unwrap();
            kills += 1;
            assert!(kills < 50, "it never ends");
            let Some(now) = given() else {
                // It was at its end.
                continue;
            };
            assert!(now > before, "{now} after {before}: it began anew");
            before = now;
        };
        assert!(ended.success());
        assert!(kills >= 3, "killed {kills} times");
        let done = place.json(&["sync"]).await;
        assert_eq!(done["health"], "fresh", "{done}");
        assert_eq!(done["reports"], ISSUES, "{done}");
        assert_eq!(done["open"], ISSUES, "{done}");
        let store = place.store();
        let mirror = store.mirror(&name);
        for number in 1..=ISSUES {
            let found = |word: &str| {
                let word = format!("{word}{number}");
                let hits = mirror.full_text(&[&word], Combine::All, Order::Activity, 9);
                hits.unwrap().len()
            };
            let commented = usize::from(number % 10 == 0);
            assert_eq!(
                (found("walrus"), found("otter")),
                (1, commented),
                "{number}"
            );
        }
    });
}

#[test]
fn issues_that_are_counted_and_not_listed_are_missed() {
    run(async {
        let github = StandIn::start().await;
        fill(&github, 90);
        let place = Place::on(&github);
        // The count comes a little late: a few more or less are no reason to doubt.
        github.state().unlisted = 5;
        let done = place.json(&["sync"]).await;
        assert_eq!(done["health"], "fresh", "{done}");
        assert_eq!(done["open"], 60, "{done}");

        github.state().unlisted = 6;
        let doubtful = Place::text(&place.run(&["sync"]).await, 1);
        let doubtful = doubtful.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            doubtful.contains("the tracker speaks of 66 open reports, 60 are here"),
            "{doubtful}"
        );
        // A count that was broken off counts for nothing, and so does none at all.
        github.state().search_breaks_off = true;
        assert_eq!(place.json(&["sync"]).await["health"], "fresh");
        let asked = std::mem::take(&mut github.state().asked);
        let counted = asked.iter().filter(|it| it.contains("/search/issues"));
        assert_eq!(counted.count(), 3, "{asked:?}");
    });
}

#[test]
fn a_running_service_lists_for_the_one_who_asks() {
    run(async {
        let github = StandIn::start().await;
        fill(&github, 30);
        let place = Place::on(&github);
        let mut service = place.command(&["run"]).spawn().unwrap();
        let health = || {
            let file = place.folder.path().join("state/buildbot-watch.sqlite3");
            let store = Store::open(&file).ok()?;
            let health = store.mirror(NAME).health(1_795_000_000, i64::MAX).ok()?;
            (!matches!(health, MirrorHealth::Incomplete(_))).then_some(())
        };
        eventually(PATIENCE, health).await;
        is_all_there(&place, 30);
        // Its next listing would be in an hour.
        github
            .state()
            .edit(7, |issue| issue.title = "beaver".to_owned());
        let shown = Place::text(&place.run(&["sync"]).await, 0);
        assert!(shown.contains("The service is running"), "{shown}");
        assert!(shown.contains("20 reports known"), "{shown}");
        let title = place.store().mirror(NAME).issue(7).unwrap().unwrap().title;
        assert_eq!(title, "beaver");

        let fault = Fault::Answer(503, &[], "we are down");
        github.state().faults.push_back(fault);
        let shown = Place::text(&place.run(&["sync"]).await, 1);
        assert!(
            shown.contains("the service cannot read the tracker"),
            "{shown}"
        );
        assert!(shown.contains("we are down"), "{shown}");
        service.kill().await.unwrap();
    });
}

#[test]
fn a_tracker_that_is_away_is_told_and_what_was_listed_is_kept() {
    run(async {
        let place =
            Place::new("kind = \"github\"\nurl = \"http://127.0.0.1:9\"\nrepository = \"a/b\"");
        let mut child = place.command(&["sync"]).spawn().unwrap();
        says(&mut child, "trying again in").await;
        child.kill().await.unwrap();
        assert_eq!(place.json(&["status"]).await["mirror"]["reports"], 0);

        fs::remove_dir_all(place.folder.path().join("state")).unwrap();
        let refused = Place::text(&place.run(&["sync"]).await, 1);
        assert!(refused.contains("there is no state folder"), "{refused}");
        assert!(refused.contains("install -d"), "{refused}");
    });
}

const ISSUES: &str = r#"{"number": 40, "title": "walrus hangs", "state": "closed", "closed": "2026-11-02", "resolution": "fixed", "author": "ada"}
{"number": 41, "title": "walrus leaks", "created": "2026-11-01", "duplicate_of": "bpo-7", "comments": [{"date": "2026-11-03", "text": "otter"}]}

{"key": "bpo-9", "bpo": 9, "title": "only in the older tracker"}
{"number": 42, "bpo": 7, "title": "badger", "body": "of the\nolder tracker"}
"#;

#[test]
fn an_embedded_tracker_is_filled_from_a_file() {
    run(async {
        let place = Place::embedded();
        let file = place.file("issues.jsonl", ISSUES);
        let file = file.to_str().unwrap();
        for _ in 0..2 {
            let told = place.json(&["import", "--issues", file]).await;
            assert_eq!(told["into"], "embedded", "{told}");
            assert_eq!(
                (&told["taken"], &told["without_number"]),
                (&3.into(), &1.into())
            );
        }
        let done = place.json(&["sync"]).await;
        assert_eq!(
            (&done["reports"], &done["open"]),
            (&3.into(), &2.into()),
            "{done}"
        );
        let store = place.store();
        let mirror = store.mirror("the embedded tracker");
        let fixed = mirror.issue(40).unwrap().unwrap();
        assert_eq!(fixed.resolution.as_deref(), Some("fixed"));
        assert_eq!((fixed.author.as_str(), fixed.open), ("ada", false));
        assert!(fixed.closed_at.is_some());
        let duplicate = mirror.issue(41).unwrap().unwrap();
        assert_eq!(duplicate.duplicate_of, Some(42));
        assert_eq!(duplicate.comments.len(), 1);
        assert_eq!(duplicate.updated_at - duplicate.created_at, 2 * 86_400);
    });
}

#[test]
fn a_file_with_a_mistake_leaves_everything_as_it_was() {
    run(async {
        let place = Place::embedded();
        let file = place.file("issues.jsonl", &format!("{ISSUES}{{\"number\": 43}}\n"));
        let refused = Place::text(
            &place
                .run(&["import", "--issues", file.to_str().unwrap()])
                .await,
            1,
        );
        assert!(
            refused.contains("issues.jsonl, line 6: it has neither a title nor a body"),
            "{refused}"
        );
        let refused = Place::text(
            &place
                .run(&["import", "--issues", "/nowhere/it.jsonl"])
                .await,
            1,
        );
        assert!(
            refused.contains("/nowhere/it.jsonl cannot be read"),
            "{refused}"
        );
        assert_eq!(place.json(&["sync"]).await["reports"], 0);
    });
}

#[test]
fn the_copy_of_a_tracker_elsewhere_is_filled_until_it_is_listed() {
    run(async {
        let github = StandIn::start().await;
        let somebody = user(9, "somebody", false);
        for number in 1..=41 {
            let title = format!("listed {number}");
            github.state().open(&somebody, &title, "text");
        }
        let place = Place::on(&github);
        let file = place.file("issues.jsonl", ISSUES);
        let file = file.to_str().unwrap();
        let told = place.json(&["import", "--issues", file]).await;
        assert_eq!(
            (&told["into"], &told["taken"]),
            (&"mirror".into(), &3.into())
        );
        let issue = |number| place.store().mirror(NAME).issue(number).unwrap().unwrap();
        assert_eq!(issue(41).title, "walrus leaks");
        assert_eq!(issue(41).url, "https://github.com/python/cpython/issues/41");
        let status = place.json(&["status"]).await["mirror"].clone();
        assert_eq!(status["health"], "incomplete", "{status}");

        place.json(&["sync"]).await;
        assert_eq!(issue(41).title, "listed 41");
        let told = place.json(&["import", "--issues", file]).await;
        assert_eq!((&told["taken"], &told["older"]), (&1.into(), &2.into()));
        assert_eq!(issue(41).title, "listed 41");
    });
}
