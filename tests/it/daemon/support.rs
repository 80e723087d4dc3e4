//! What several of these tests need.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use buildbot_watch::store::{ListFilter, Store};
use serde_json::Value;

use crate::service::{PATIENCE, PROGRAM, Service, Setup, Wanted};
use crate::world::{eventually, world};

/// The promise: SIGTERM ends it within 20 seconds.
pub const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// A setup on one of the trackers.
pub async fn setup(area: &str, tracker: &str) -> Setup {
    let more = "";
    Setup::new(&Wanted {
        area,
        tracker,
        more,
    })
    .await
}

/// Replaces a piece of the configuration, which must be there.
#[track_caller]
pub fn change(setup: &Setup, what: &str, to: &str) {
    let text = std::fs::read_to_string(&setup.config).expect("a configuration");
    assert!(text.contains(what), "no {what:?} in {text}");
    std::fs::write(&setup.config, text.replacen(what, to, 1)).expect("a configuration");
}

/// Lets a server of the world be reached through another port.
#[track_caller]
pub fn reroute(setup: &Setup, from: u16, to: u16) {
    change(setup, &format!("port = {from}"), &format!("port = {to}"));
}

/// Replaces a whole section of the configuration.
#[track_caller]
pub fn section(setup: &Setup, name: &str, lines: &str) {
    let text = std::fs::read_to_string(&setup.config).expect("a configuration");
    let header = format!("[{name}]\n");
    let (before, rest) = text.split_once(&header).expect("the section");
    let after = rest.find("\n[").map_or("", |end| &rest[end..]);
    let text = format!("{before}{header}{lines}\n{after}");
    std::fs::write(&setup.config, text).expect("a configuration");
}

/// A setup with the tracker of the program's own: where the tracker is not the point.
pub async fn without_tracker(area: &str) -> Setup {
    let setup = setup(area, "t6").await;
    section(
        &setup,
        "tracker",
        "kind = \"embedded\"\nsync_interval = \"5s\"",
    );
    setup
}

/// A builder's name that nobody else uses.
pub fn builder_of(setup: &Setup) -> String {
    format!("AMD64 {} 3.x", setup.watcher)
}

/// Posts a failure to the list, in a mail of its own.
pub fn post(setup: &Setup, id: &str) -> String {
    let id = format!("{id}-{}", setup.watcher);
    setup.post_notification("bb43-single-test-method.eml", &builder_of(setup), &id)
}

/// Posts a failure and approves its draft. Gives the notification's number.
pub async fn approve_one(setup: &Setup, id: &str) -> i64 {
    post(setup, id);
    let draft = setup.draft_about(&builder_of(setup)).await;
    let key = draft["draft"].as_str().expect("a key").to_owned();
    let ran = setup.run(&["approve", &key, "--as", "Ada Lovelace"]);
    assert!(ran.status.success(), "{}{}", ran.out, ran.err);
    draft["id"].as_i64().expect("a number")
}

/// The daemon's database, beside the daemon.
pub fn store(setup: &Setup) -> Store {
    let file = setup.folder.path().join("state/buildbot-watch.sqlite3");
    Store::open(&file).expect("the database")
}

/// How many mails the daemon took in, whatever they were.
pub fn taken_in(setup: &Setup) -> u64 {
    store(setup).count(ListFilter::All).expect("a count")
}

/// Waits until exactly so many mails were taken in.
pub async fn has_taken_in(setup: &Setup, count: u64) {
    eventually(PATIENCE, || (taken_in(setup) >= count).then_some(())).await;
    assert_eq!(taken_in(setup), count);
}

/// Waits until the daemon said something so many times.
pub async fn says_times(service: &mut Service, words: &str, times: usize) {
    let begun = Instant::now();
    while service.log().matches(words).count() < times {
        assert!(service.is_running(), "it ended: {}", service.log());
        let log = service.log();
        assert!(begun.elapsed() < PATIENCE, "not {times} {words:?}: {log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Stops it by this signal, in time and in order.
pub async fn stops_by(mut service: Service, signal: &str) -> String {
    let begun = Instant::now();
    service.signal(signal);
    let status = service.ended().await;
    let log = service.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed() < STOPS_WITHIN, "{:?}", begun.elapsed());
    log
}

/// The program with a variable in its environment.
pub fn program_with(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.envs(variables.iter().copied());
    command
}

/// The only delivery of this kind, as `show --json` has it.
pub fn delivery(setup: &Setup, notification: i64, kind: &str) -> Value {
    let shown = setup.json(&["show", &notification.to_string()]);
    let rows = shown["deliveries"].as_array().expect("deliveries").clone();
    let row = rows.into_iter().find(|row| row["kind"] == kind);
    row.unwrap_or_else(|| panic!("no {kind} in {shown}"))
}

/// A template folder of the setup's own.
pub fn template_folder(setup: &Setup) -> PathBuf {
    let folder = setup.folder.path().join("templates");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Takes something away for a moment: whoever listens at this port is unreachable.
pub fn unreachable_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The port in the address of one of the world's trackers.
pub fn tracker_port(tracker: &str) -> u16 {
    let url = reqwest::Url::parse(&world().roundup.trackers[tracker]).expect("an address");
    url.port().expect("a port")
}
