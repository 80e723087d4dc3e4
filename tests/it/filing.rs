//! Builds that a person files, of which no mail told.

mod real;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::buildbot::stand_in::{aside, serve};
use crate::cli::Demo;

const BUILDER: &str = "AMD64 Fedora Stable 3.x";
const SECRET: &str = "hunter2hunter2";

/// What the failed step printed; each line has its stream's letter in front.
fn log(number: u64) -> Vec<String> {
    let test = format!("test_heat_{number}");
    let lines = [
        "0:00:01 load avg: 1.20 [1/1/1] test_nozzle failed (1 failure)".to_owned(),
        "=".repeat(70),
        format!("FAIL: {test} (test.test_nozzle.HeatTests.{test})"),
        "-".repeat(70),
        "Traceback (most recent call last):".to_owned(),
        format!("  File \"/home/runner/work/Lib/test/test_nozzle.py\", line 7, in {test}"),
        "    self.assertEqual(heat(), 3)".to_owned(),
        format!("AssertionError: 'password={SECRET}' != 3"),
        String::new(),
        "-".repeat(70),
        "Ran 1 test in 0.001s".to_owned(),
        String::new(),
        "1 test failed:".to_owned(),
        "    test_nozzle".to_owned(),
    ];
    lines.iter().map(|line| format!("o{line}")).collect()
}

/// Each build of builder 1 is in a state of its own: 2, 6 and 7 failed, 3 runs, 4
/// passed, of 5 the log was deleted; the others are not there. Ids are 100 more.
async fn build(Path((builder, number)): Path<(u64, u64)>) -> Response {
    let (complete, results) = match (builder, number) {
        (1, 2 | 5 | 6 | 7) => (true, json!(2)),
        (1, 3) => (false, Value::Null),
        (1, 4) => (true, json!(0)),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let state = match number {
        3 => "running",
        4 => "build successful",
        _ => "failed test (failure)",
    };
    axum::Json(json!({ "builds": [{
        "buildid": 100 + number, "complete": complete, "results": results,
        "state_string": state,
        "properties": {
            "buildername": [BUILDER, "Builder"],
            "branch": ["main", "Build"],
            "got_revision": ["6f1f3b9f3ad5d0d1a9ce1e2b6f7a1c5a4d1b2c3e", "Git"],
        },
    }] }))
    .into_response()
}

async fn steps(Path(id): Path<u64>) -> axum::Json<Value> {
    let failed = json!({ "stepid": id, "name": "test", "number": 2, "results": 2 });
    let steps = if id == 104 {
        json!([])
    } else {
        json!([failed])
    };
    axum::Json(json!({ "steps": steps }))
}

async fn logs(Path(id): Path<u64>) -> axum::Json<Value> {
    let kind = if id == 105 { "d" } else { "s" };
    axum::Json(json!({ "logs": [{
        "logid": id, "name": "stdio", "type": kind, "num_lines": log(id - 100).len(),
        "complete": true,
    }] }))
}

async fn contents(
    Path(id): Path<u64>,
    Query(window): Query<BTreeMap<String, usize>>,
) -> axum::Json<Value> {
    let lines = log(id - 100);
    let shown = lines.iter().skip(window["offset"]).take(window["limit"]);
    let content: String = shown.map(|line| format!("{line}\n")).collect();
    axum::Json(json!({ "logchunks": [{
        "logid": id, "firstline": window["offset"], "content": content,
    }] }))
}

async fn builders(Query(asked): Query<BTreeMap<String, String>>) -> axum::Json<Value> {
    let is_it = asked.get("name").is_none_or(|name| name == BUILDER);
    let builder = json!({ "builderid": 1, "name": BUILDER });
    let builders = if is_it { json!([builder]) } else { json!([]) };
    axum::Json(json!({ "builders": builders }))
}

/// The address of a Buildbot of that one builder.
pub fn buildbot() -> String {
    aside(|| async {
        let router = Router::new()
            .route("/api/v2/builders", get(builders))
            .route("/api/v2/builders/{builder}/builds/{number}", get(build))
            .route("/api/v2/builds/{id}/steps", get(steps))
            .route("/api/v2/steps/{id}/logs", get(logs))
            .route("/api/v2/logs/{id}/contents", get(contents));
        serve(router).await
    })
}

/// Names the Buildbot, and one that nobody runs, in a demo's configuration.
pub fn configure(folder: &File, base: &str) {
    name(folder, base, "");
}

/// The same with a further line in place of the demo's `fetch_logs`.
fn name(folder: &File, base: &str, line: &str) {
    let file = folder.join("config.toml");
    let text = fs::read_to_string(&file).unwrap();
    let before = "buildbots = [\"https://buildbot.python.org/\"]\nfetch_logs = false\n";
    assert!(text.contains(before), "{text}");
    let after = format!("buildbots = [{base:?}, \"http://127.0.0.1:1/\"]\n{line}");
    fs::write(file, text.replace(before, &after)).unwrap();
}

fn demo(base: &str) -> Demo {
    let demo = Demo::new();
    configure(&demo.folder, base);
    demo
}

fn address(base: &str, number: u64) -> String {
    format!("{base}#/builders/1/builds/{number}")
}

/// A notice about a build comes in.
fn mail(demo: &Demo, base: &str, number: u64) {
    let text = format!(
        "From: buildbot@python.org\r\nTo: buildbot-status@python.org\r\n\
         Subject: Buildbot (Python): cpython - failed test (failure) (main)\r\n\
         Message-ID: <mailed-{number}@buildbot.example.org>\r\n\
         List-Id: <buildbot-status.python.org>\r\n\r\n\
         The Buildbot has detected a new failure on builder {BUILDER} while building \
         cpython.\r\n\r\nFull details are available at:\r\n    {}\r\n\r\n\
         BUILD FAILED: failed test (failure)\r\n",
        address(base, number)
    );
    let file = demo.folder.join(format!("mailbox/new/{number}.mailed"));
    fs::write(file, text).unwrap();
    demo.run("demo").ok();
}

/// Every part stands in the text.
#[track_caller]
pub fn names_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Files a build; gives what `file` says of it, which is this notification, new or not.
#[track_caller]
pub fn file(demo: &Demo, address: &str, id: u64, is_new: bool) -> Value {
    let filed = demo.json(&format!("file {address}"));
    assert_eq!((&filed["id"], &filed["new"]), (&json!(id), &json!(is_new)));
    filed
}

fn known(demo: &Demo) -> u64 {
    let all = &demo.json("status")["notifications"]["all"];
    all.as_u64().unwrap()
}

#[test]
fn a_filed_build_is_decided_on_like_any_other_and_nobody_is_answered() {
    let base = buildbot();
    let demo = demo(&base);
    let out = demo.run(&format!("file {}", address(&base, 2))).ok();
    assert!(out.contains("Filed as 10@"), "{out}");
    let show = demo.run("show 10").ok();
    let show: Vec<&str> = show.split_whitespace().collect();
    let show = show.join(" ");
    let parts = [
        "Vic Stone filed this build; nobody mailed about it",
        "there is no mail to answer",
        "test_nozzle.HeatTests.test_heat_2: failed",
        "Open a new report",
    ];
    names_all(&show, &parts);
    assert!(!show.contains("reply to the list"), "{show}");
    // The same build in other words.
    for same in [
        format!("{}/steps/5/logs/stdio", address(&base, 2)),
        format!("{base}#/builders/{}/builds/2", BUILDER.replace(' ', "%20")),
        format!("{base}builders/{}/builds/2", BUILDER.replace(' ', "%20")),
    ] {
        file(&demo, &same, 10, false);
    }
    let out = demo.run(&format!("file {}", address(&base, 2))).ok();
    assert!(out.contains("is notification 10@"), "{out}");
    assert_eq!(known(&demo), 10);
    // Secrets of the log are nowhere.
    for file in fs::read_dir(demo.folder.join("state")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let mut windows = bytes.windows(SECRET.len());
        assert!(!windows.any(|window| window == SECRET.as_bytes()));
    }
    let linked = demo.run("link 10 2").ok();
    assert!(linked.contains("comment on #2"), "{linked}");
    demo.run("link 10 new").ok();
    let key = demo.key(10);
    demo.run(&format!("approve {key}")).ok();
    assert_eq!(demo.json("show 10")["stage"], "delivered");
    assert!(demo.sent().is_empty(), "nobody is answered");
    let history = demo.run("history 10").ok();
    assert!(history.contains("filed"), "{history}");
}

#[test]
fn what_cannot_be_filed_is_told_and_nothing_is_stored() {
    let base = buildbot();
    let demo = demo(&base);
    let refused = |address: &str, words: &[&str]| {
        let said = demo.run(&format!("file {address}"));
        said.refused(&[&["nothing was filed"], words].concat());
    };
    refused("12", &["not the address of a build", "copy the address"]);
    refused(
        "https://buildbot.example/#/builders/1/builds/2",
        &["none of the configured CI systems", "[ci]"],
    );
    refused(&address(&base, 3), &["still running", "when it has ended"]);
    refused(&address(&base, 4), &["did not fail", "build successful"]);
    refused(
        &address(&base, 5),
        &["its logs cannot be had", "the log was deleted", "180 days"],
    );
    refused(&address(&base, 99), &["no such build", "in a browser"]);
    let away = address("http://127.0.0.1:1/", 2);
    refused(&away, &["cannot be asked", "try again later"]);
    assert_eq!(known(&demo), 9);
}

#[test]
fn a_build_is_filed_where_the_logs_of_mails_are_not_fetched() {
    let base = buildbot();
    let demo = Demo::new();
    name(&demo.folder, &base, "fetch_logs = false\n");
    let test = |id: u64| demo.json(&format!("show {id}"))["failures"][0]["test"].clone();
    file(&demo, &address(&base, 2), 10, true);
    assert_eq!(test(10), "test_nozzle.HeatTests.test_heat_2");
    // Started over, it is read again.
    demo.run("retry 10").ok();
    demo.run("demo").ok();
    assert_eq!(test(10), "test_nozzle.HeatTests.test_heat_2");
    // Of a mail's build nothing is asked.
    mail(&demo, &base, 6);
    assert_ne!(test(11), "test_nozzle.HeatTests.test_heat_6");
    let show = demo.run("show 11").ok();
    assert!(!show.contains("no log of"), "{show}");
    let check = demo.run("check").ok();
    assert!(check.contains("asked only about a build that"), "{check}");
    // What is not named is refused for that alone.
    let other = "file https://buildbot.example/#/builders/1/builds/2";
    let said = demo.run(other);
    assert!(!said.err.contains("fetch_logs"), "{}", said.err);
    said.refused(&["none of the configured CI systems", "name it in [ci]"]);
}

#[test]
fn filed_and_mailed_is_one() {
    let base = buildbot();
    let demo = demo(&base);
    // Mailed first.
    mail(&demo, &base, 6);
    let row = demo.json("show 10");
    assert_eq!(
        row["failures"][0]["test"],
        "test_nozzle.HeatTests.test_heat_6"
    );
    file(&demo, &address(&base, 6), 10, false);
    // Filed first: the mail takes its place, and is answered.
    file(&demo, &address(&base, 7), 11, true);
    mail(&demo, &base, 7);
    assert_eq!(demo.json("show 11")["stage"], "closed");
    let closed = demo.run("list --closed").ok();
    assert!(closed.contains("12 takes its place"), "{closed}");
    let show = demo.run("show 12").ok();
    assert!(show.contains("Vic Stone filed a build of this mail before: see 11"));
    assert!(show.contains("reply to the list"), "{show}");
    // Filed and decided: the mail is answered all the same.
    file(&demo, &address(&base, 2), 13, true);
    demo.run(&format!("approve {}", demo.key(13))).ok();
    mail(&demo, &base, 2);
    let show = demo.run("show 14").ok();
    assert!(show.contains("see 13"), "{show}");
    assert!(show.contains("reply to the list"), "{show}");
    assert_eq!(demo.json("show 13")["stage"], "delivered");
}

#[test]
fn it_is_read_again_and_beside_a_service() {
    let base = buildbot();
    let demo = demo(&base);
    file(&demo, &address(&base, 2), 10, true);
    let before = demo.json("show 10");
    demo.run("reject 10 --reason no").ok();
    assert_eq!(demo.run("retry 10").code, 1);
    file(&demo, &address(&base, 6), 11, true);
    demo.run("retry 11").ok();
    demo.run("demo").ok();
    let after = demo.json("show 11");
    assert_eq!(after["stage"], "drafted", "{after}");
    assert_eq!(after["failures"][0]["kind"], before["failures"][0]["kind"]);
    let mut service = Command::new(env!("CARGO_BIN_EXE_buildbot-watch"))
        .args(["run", "--dir", demo.dir()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while demo.json("status")["service_running"] != true {
        assert!(begun.elapsed() < Duration::from_secs(30), "no service");
        std::thread::sleep(Duration::from_millis(100));
    }
    let filed = file(&demo, &address(&base, 7), 12, true);
    assert_eq!(filed["stage"], "drafted", "{filed}");
    let pid = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(service.wait().unwrap().success());
}
