//! What it costs to look at automatic rules over a long history.
//!
//! `cargo bench --bench rules` makes a store with 1,000 and with 10,000 decisions
//! (`-- 50000` with that many instead), and measures in it, in milliseconds of the
//! CPU's time: what people decided and said (asked for by `show` and by the page
//! where there are rules), the history judged for three rules from nothing (`rules`,
//! `check`, the start of the service), and the same again after one more decision.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a benchmark stops where something is not as it should be"
)]

#[path = "../it/mailflow/long_history.rs"]
mod long_history;
#[path = "../it/mailflow/on_disk.rs"]
mod on_disk;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use buildbot_watch::config::Config;
use buildbot_watch::daemon::{self, History};
use buildbot_watch::store::{NotificationId, Store};
use buildbot_watch::worker::Replay;
use rustix::time::{ClockId, clock_gettime};

const USUAL: [u32; 2] = [1_000, 10_000];

/// Rules of different breadth, in shadow.
const RULES: &str = r#"
[[auto]]
name = "known"
actions = ["comment", "reply"]
tier = "weak"
[[auto]]
name = "often"
actions = ["comment", "reply"]
tier = "weak"
confirmed = 50
[[auto]]
name = "anything"
actions = ["comment", "reply", "open"]
tier = "weak"
signature_known = false
confirmed = 0
"#;

const CI: &str = r#"
[ci]
buildbots = ["https://buildbot.python.org/"]
fetch_logs = false
"#;

fn main() {
    // Cargo adds an option of its own.
    let named: Vec<u32> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let counts = if named.is_empty() {
        USUAL.to_vec()
    } else {
        named
    };
    println!("| decisions | what was decided and said | judged from nothing | one more |");
    println!("|---:|---:|---:|---:|");
    for count in counts {
        measure(count);
    }
}

fn measure(count: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = with_one_decision(folder.path());
    let database = daemon::database(&config);
    long_history::lengthen(&database, 1, 0..count);
    let store = Store::open(&database).expect("a database");
    let tracker = daemon::surroundings_of(&config).expect("a tracker").tracker;
    let past = timed(|| {
        std::hint::black_box(store.past(&tracker).expect("a past"));
    });
    let mut replay = Replay::fresh();
    let mut look = || {
        replay
            .bring_up_to_date(&store, &tracker, &config.auto, i64::MAX, || {})
            .expect("a history")
    };
    let all = timed(|| assert!(look()));
    long_history::lengthen(&database, 1, count..count + 1);
    let more = timed(|| assert!(look()));
    for rule in &config.auto {
        let figures = replay.figures(rule);
        assert!(figures.decided() > 0, "{}", rule.name);
    }
    println!("| {count} | {past:.0} ms | {all:.0} ms | {more:.0} ms |");
}

/// A folder in which one notification came in, was commented on and answered.
fn with_one_decision(folder: &Path) -> Config {
    let file = on_disk::configure(folder, &format!("{CI}{RULES}"));
    let settle = || daemon::settle(&file, History::TakeIn).expect("it settles");
    settle();
    let tracker = rusqlite::Connection::open(folder.join("tracker.sqlite3")).expect("a tracker");
    tracker
        .execute(
            "INSERT INTO issues (title, body, labels, is_open, created_at, change)
             VALUES ('test_string: ModuleTest.test_capwords() fails', 'test_capwords', '[]', 1,
                     1795000000, 1)",
            [],
        )
        .expect("a report");
    let mail = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/bb43-single-test-method.eml"
    );
    let mail = fs::read_to_string(mail).expect("a mail");
    let head = "Message-ID: <one@mx.example.test>\nList-Id: <buildbot-status.python.org>\n";
    fs::write(folder.join("mailbox/new/1.bench"), format!("{head}{mail}")).expect("a mail");
    settle();
    let config = Config::read(&file).expect("a configuration");
    approve(&file, &config);
    settle();
    std::thread::sleep(std::time::Duration::from_secs(3));
    settle();
    config
}

/// As a person does it, so that it is remembered to which report the failure belongs.
fn approve(file: &Path, config: &Config) {
    let store = Store::open(&daemon::database(config)).expect("a database");
    let row = store.load(NotificationId(1)).expect("a notification");
    let draft = row.draft.expect("a draft");
    drop(store);
    let approved = Command::new(env!("CARGO_BIN_EXE_buildbot-watch"))
        .args(["approve", &format!("1@{}", &draft.digest[..8])])
        .args(["--as", "Ada Lovelace", "--config"])
        .arg(file)
        .stdout(Stdio::null())
        .status()
        .expect("the program runs");
    assert!(approved.success(), "{approved}");
}

/// The CPU's time, in milliseconds.
fn timed(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1000.0 + time.tv_nsec as f64 / 1_000_000.0
    };
    let begun = now();
    work();
    now() - begun
}
