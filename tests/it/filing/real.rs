//! The same with a real Buildbot.

use std::process::Stdio;

use serde_json::json;

use super::names_all;
use crate::buildbot::scripted::{Gate, ended, link_to, start};
use crate::buildbot::stand_in::aside;
use crate::buildbot::{ci, quoted};
use crate::mailflow::desk::Desk;
use crate::proxy::{Mode, Proxy};
use crate::service::PATIENCE;
use crate::world::{eventually, run, world};

/// A desk that asks the Buildbot at this address.
fn desk(base: &str) -> Desk {
    let desk = Desk::with_sections(&format!("[ci]\nbuildbots = [\"{base}\"]\nwait = \"10m\"\n"));
    desk.settle();
    desk
}

/// The address of a build of the main builder.
fn main_build(number: u64) -> String {
    let buildbot = &world().buildbot;
    format!(
        "{}#/builders/{}/builds/{number}",
        buildbot.url, buildbot.builder_id
    )
}

/// A notice about the red build.
fn notice(id: &str) -> String {
    let builder = &world().buildbot.builder_name;
    format!(
        "Message-ID: <{id}@mx.example.test>\nList-Id: <buildbot-status.python.org>\n\
         From: buildbot@python.org\nTo: buildbot-status@python.org\n\
         Subject: Buildbot (Python): python/cpython - failed test (failure) (main)\n\n\
         The Buildbot has detected a new failure on builder {builder} while building \
         python/cpython.\nFull details are available at:\n    {}\n\n\
         BUILD FAILED: failed test (failure)\n\nSincerely,\n -The Buildbot\n",
        main_build(world().buildbot.red_build)
    )
}

#[test]
fn a_failed_build_is_filed_by_any_of_its_addresses() {
    let buildbot = &world().buildbot;
    let desk = desk(&buildbot.url);
    let red = buildbot.red_build;
    let name = quoted(&buildbot.builder_name);
    let filed = desk.json(&["file", &main_build(red)]);
    assert_eq!((&filed["id"], &filed["new"]), (&json!(1), &json!(true)));
    assert_eq!(filed["stage"], "drafted", "{filed}");
    let test = "test_os.MemfdCreateTests.test_memfd_create";
    names_all(&filed.to_string(), &[test, "AMD64 Debian root 3.x"]);
    for same in [
        format!("{}/steps/1/logs/stdio", main_build(red)),
        format!("{}#builders/{name}/builds/{red}", buildbot.url),
        // As Buildbot 0.8 had it.
        format!("{}builders/{name}/builds/{red}", buildbot.url),
        format!(
            "{}builders/{name}/builds/{red}/steps/test/logs/stdio",
            buildbot.url
        ),
    ] {
        let again = desk.json(&["file", &same]);
        assert_eq!(
            (&again["id"], &again["new"]),
            (&json!(1), &json!(false)),
            "{same}"
        );
    }
    assert_eq!(desk.all().len(), 1);
}

#[test]
fn what_is_no_failed_build_is_told() {
    let buildbot = &world().buildbot;
    let desk = desk(&buildbot.url);
    let refused = |address: &str, parts: &[&str]| {
        let said = desk.refused(&["file", address]);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        names_all(&said, &[&["nothing was filed"], parts].concat());
    };
    refused(&main_build(buildbot.green_build), &["did not fail"]);
    refused(&main_build(777_777), &["no such build", "in a browser"]);
    // Beyond what a number of a build can be.
    refused(
        &main_build(4_294_967_296),
        &["not the address of a build", "copy the address"],
    );
    refused(&main_build(0), &["no such build"]);
    let nobody = format!("{}#/builders/99999/builds/1", buildbot.url);
    refused(&nobody, &["no such build"]);
    let nobody = format!("{}#/builders/No%20Such%20Builder/builds/1", buildbot.url);
    refused(&nobody, &["no such build"]);
    let away = "https://buildbot.evil.example/#/builders/1/builds/2";
    refused(
        away,
        &["none of the configured CI systems", "buildbot.evil.example"],
    );
    let scripted = quoted(&buildbot.scripted_builder_name);
    let deleted = buildbot.deleted_build;
    let deleted = format!("{}#/builders/{scripted}/builds/{deleted}", buildbot.url);
    refused(&deleted, &["logs cannot be had", "the log was deleted"]);
    assert_eq!(desk.all().len(), 0);
}

#[test]
fn one_that_runs_is_filed_when_it_has_ended() {
    let gate = Gate::closed();
    let log = world().folder.join("buildbot/failing_test_log.txt");
    let test = gate.script("echo begun", &format!("cat '{}'; exit 2", log.display()));
    let number = run(start(json!({ "test": test })));
    let desk = desk(&world().buildbot.url);
    let address = link_to(number).url;
    let said = desk.refused(&["file", &address]);
    names_all(&said, &["still running", "when it has ended"]);
    gate.open();
    run(async { ended(&ci(), number).await });
    let filed = desk.json(&["file", &address]);
    assert_eq!((&filed["id"], &filed["new"]), (&json!(1), &json!(true)));
    assert_eq!(filed["stage"], "drafted", "{filed}");
}

#[test]
fn a_build_that_is_filed_and_mailed_has_one_draft() {
    let address = main_build(world().buildbot.red_build);
    let waiting = |desk: &Desk| {
        let rows = desk.all().into_iter();
        rows.filter(|row| row["stage"] == "drafted").count()
    };
    let mailed = desk(&world().buildbot.url);
    mailed.take(notice("before"));
    let again = mailed.json(&["file", &address]);
    assert_eq!((&again["id"], &again["new"]), (&json!(1), &json!(false)));
    assert_eq!(waiting(&mailed), 1);
    let filed = desk(&world().buildbot.url);
    filed.json(&["file", &address]);
    filed.take(notice("after"));
    assert_eq!(waiting(&filed), 1);
    assert_eq!(filed.closed(1).0, "superseded");
    assert_eq!(filed.row(2)["stage"], "drafted");
}

#[test]
fn a_kill_between_the_note_and_the_answer_is_made_good() {
    let port = world().buildbot.url.rsplit(':').next().expect("a port");
    let port: u16 = port.trim_matches('/').parse().expect("a number");
    let proxy = aside(move || Proxy::to(port));
    proxy.set(Mode::BlackHole);
    let base = format!("http://127.0.0.1:{}/", proxy.port);
    let desk = desk(&base);
    let buildbot = &world().buildbot;
    let address = format!(
        "{base}#/builders/{}/builds/{}",
        buildbot.builder_id, buildbot.red_build
    );
    let database = rusqlite::Connection::open(desk.path("state/buildbot-watch.sqlite3"));
    let database = database.expect("the database");
    let count = |condition: &str| -> i64 {
        let query = format!("SELECT count(*) FROM filings WHERE {condition}");
        database
            .query_row(&query, [], |row| row.get(0))
            .expect("a count")
    };
    let mut filing = desk
        .command(&["file", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    run(eventually(PATIENCE, || {
        (count("ended_at IS NULL") == 1).then_some(())
    }));
    filing.kill().expect("a kill");
    filing.wait().expect("an end");
    assert_eq!(desk.all().len(), 0);

    proxy.set(Mode::Pass);
    let mut service = desk
        .command(&["run"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    run(eventually(PATIENCE, || {
        let rows = desk.all();
        (rows.len() == 1 && rows[0]["stage"] == "drafted").then_some(())
    }));
    assert_eq!((count("ended_at IS NULL"), count("outcome = '1'")), (0, 1));
    let pid = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    assert!(service.wait().expect("an end").success());
    let again = desk.json(&["file", &address]);
    assert_eq!((&again["id"], &again["new"]), (&json!(1), &json!(false)));
    assert_eq!(desk.all().len(), 1);
}
