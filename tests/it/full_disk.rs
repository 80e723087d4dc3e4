//! A disk that is full: what is said, and that nothing is lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::mailflow::desk::{Desk, notice};
use crate::mailflow::on_disk::configure;
use crate::service::{PATIENCE, PROGRAM, Ran, Service, Setup};
use crate::world::{eventually, mails_in, run};

/// A small disk in memory, taken away with the value.
struct SmallDisk(PathBuf);

fn as_root(program: &str) -> Command {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0) {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

impl SmallDisk {
    /// Of so many KiB, at a folder that is there.
    fn at(folder: &Path, size: u32) -> Self {
        use std::os::unix::fs::MetadataExt;
        let about = fs::metadata(folder).unwrap();
        let options = format!(
            "size={size}k,mode=0700,uid={},gid={}",
            about.uid(),
            about.gid()
        );
        let mounted = as_root("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(folder)
            .status()
            .unwrap();
        assert!(mounted.success(), "mount needs root, or sudo: {mounted}");
        Self(folder.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        use std::io::Write;
        let mut file = fs::File::create(self.filler()).unwrap();
        let block = [0_u8; 4096];
        while file.write_all(&block).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[track_caller]
fn says_full(ran: &Ran, place: &Path) {
    assert_eq!(ran.status.code(), Some(1), "{}{}", ran.out, ran.err);
    let full = format!("the disk of {} is full", place.display());
    let room = format!("df -h {}", place.display());
    for part in [full.as_str(), room.as_str(), "nothing is lost"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn every_verb_says_that_the_disk_is_full_and_loses_nothing() {
    let desk = Desk::new("");
    let state = desk.path("state");
    fs::create_dir(&state).unwrap();
    let disk = SmallDisk::at(&state, 4096);
    desk.take(notice("one"));
    let key = desk.key(1);
    let mail = desk.path("saved.eml");
    fs::write(&mail, notice("two")).unwrap();
    let mail = mail.to_str().unwrap();

    disk.fill();
    for words in [
        &["status"] as &[&str],
        &["list"],
        &["show", "1"],
        &["approve", &key],
        &["reject", "1", "--reason", "x"],
        &["hold", "1"],
        &["edit", "1"],
        &["link", "1", "new"],
        &["pause"],
        &["stop", "--reason", "x"],
        &["retry", "1"],
        &["replay", mail],
        &["replay", "--store", mail],
    ] {
        says_full(&desk.run(words), &state);
    }
    let json = desk.run(&["approve", &key, "--json"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["error"].to_string().contains("is full"), "{json}");
    let check = desk.run(&["check"]);
    assert!(!check.status.success());
    assert!(check.out.contains("is full"), "{}", check.out);
    assert!(desk.sent().is_empty());

    disk.make_room();
    assert_eq!(desk.key(1), key);
    desk.approve(1);
    assert_eq!((desk.sent().len(), desk.reports().len()), (1, 1));
    desk.done(&["replay", "--store", mail]);
    assert_eq!(desk.all().len(), 2);
}

#[test]
fn a_replay_names_the_folder_of_its_copy_when_that_is_full() {
    let desk = Desk::new("");
    desk.take(notice("one"));
    let mail = desk.path("saved.eml");
    fs::write(&mail, notice("two")).unwrap();
    let folder = desk.path("temporary");
    fs::create_dir(&folder).unwrap();
    let _disk = SmallDisk::at(&folder, 128);
    let output = desk
        .command(&["replay", mail.to_str().unwrap()])
        .env("TMPDIR", &folder)
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{err}");
    let place = format!("the disk of {}/buildbot-watch-replay.", folder.display());
    assert!(err.contains(&place) && err.contains("is full"), "{err}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "it cleans up");
}

/// A service with every part on disk, and its state on a small one.
struct SmallService {
    // First, for the folder can be removed only when the disk is gone.
    disk: SmallDisk,
    setup: Setup,
}

impl SmallService {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        let config = configure(folder.path(), "[log]\nformat = \"text\"");
        let disk = SmallDisk::at(&folder.path().join("state"), 8192);
        let nobody = String::new;
        let setup = Setup {
            config,
            folder,
            list: nobody(),
            watcher: nobody(),
            reader: nobody(),
            tracker: nobody(),
        };
        Self { disk, setup }
    }

    fn put(&self, name: &str, mail: &str) {
        let file = format!("mailbox/new/{name}");
        fs::write(self.setup.folder.path().join(file), mail).unwrap();
    }

    /// A mail that does not fit into what SQLite has put by.
    fn put_large(&self, name: &str) {
        let padding = "x".repeat(79) + "\n";
        self.put(name, &(notice(name) + &padding.repeat(25_000)));
    }

    async fn count(&self, name: &str, wanted: u64) {
        eventually(PATIENCE, || {
            let status = self.setup.json(&["status"]);
            (status["notifications"][name] == wanted).then_some(())
        })
        .await;
    }

    fn sent(&self) -> usize {
        mails_in(&self.setup.folder.path().join("sent")).len()
    }
}

const WAITS: &str = "the service waits for its disk";

#[test]
fn the_service_waits_for_room_and_goes_on() {
    run(async {
        let small = SmallService::new();
        let mut service = Service::start(&small.setup);
        service.says("first start").await;
        small.put("one", &notice("one"));
        small.count("to_decide", 1).await;

        small.disk.fill();
        small.put_large("two");
        service.says(WAITS).await;
        assert!(service.log().contains("make room"), "{}", service.log());
        // What can be read is shown, and what is the matter.
        let status = small.setup.run(&["status"]);
        assert!(status.status.success(), "{}", status.err);
        for part in ["running", "disk under the database is full"] {
            assert!(status.out.contains(part), "{part}: {}", status.out);
        }
        assert_eq!(small.setup.json(&["status"])["disk_full"], true);
        assert!(small.setup.run(&["show", "1"]).status.success());

        small.disk.make_room();
        service.says("its disk has room").await;
        // The same failure again: what is decided on the first settles it.
        small.count("attached", 1).await;
        let approved = small.setup.run(&["approve", "1", "--yes"]);
        assert!(approved.status.success(), "{}", approved.err);
        eventually(PATIENCE, || (small.sent() >= 1).then_some(())).await;
        let status = small.setup.json(&["status"]);
        assert_eq!(status["notifications"]["quarantined"], 0, "{status}");
        assert_eq!(status["disk_full"], false, "{status}");
        // One word for people, however often it was looked.
        assert_eq!(service.log().matches(WAITS).count(), 1);
        assert_eq!(service.stop().await.code(), Some(0));
    });
}

#[test]
fn a_service_that_waits_for_its_disk_can_be_stopped() {
    run(async {
        let small = SmallService::new();
        let mut service = Service::start(&small.setup);
        service.says("first start").await;
        small.disk.fill();
        small.put_large("one");
        service.says(WAITS).await;
        assert_eq!(service.stop().await.code(), Some(0));
        small.disk.make_room();
        let mut second = Service::start(&small.setup);
        second.says("a mail came in").await;
        small.count("to_decide", 1).await;
    });
}

/// Runs a verb while every write from the given one on finds the disk full.
/// Gives whether there was such a write.
fn with_full_disk_from(desk: &Desk, write: usize, words: &[&str]) -> (bool, Ran) {
    let trace = desk.path("trace");
    let output = Command::new("strace")
        .args(["-f", "-e", "trace=pwrite64", "-o"])
        .arg(&trace)
        .arg("-P")
        .arg(desk.path("state/buildbot-watch.sqlite3-wal"))
        .arg("-e")
        .arg(format!("inject=pwrite64:error=ENOSPC:when={write}+"))
        .arg(PROGRAM)
        .args(words)
        .arg("--dir")
        .arg(desk.path(""))
        .stdin(Stdio::null())
        .env("BUILDBOT_WATCH_NAME", "Ada Lovelace")
        .output()
        .expect("strace runs");
    let failed = fs::read_to_string(&trace).unwrap().contains("ENOSPC");
    let ran = Ran {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    (failed, ran)
}

/// A verb with the disk full from its first write on, from its second on, and so
/// on; `then` looks at what became of each once there is room.
fn full_from_every_write(
    prepare: impl Fn() -> Desk,
    words: impl Fn(&Desk) -> Vec<String>,
    then: impl Fn(&Desk, &Ran),
) {
    let mut write = 1;
    loop {
        let desk = prepare();
        let words = words(&desk);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (has_failed, ran) = with_full_disk_from(&desk, write, &words);
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        if !has_failed {
            assert!(ran.status.success(), "{}", ran.err);
            assert!(write > 3, "the writes were not seen");
            return;
        }
        if !ran.status.success() {
            assert!(ran.err.contains("is full"), "{write}: {}", ran.err);
        }
        then(&desk, &ran);
        // A commit writes several pages; not each of them is worth a run.
        write += 3;
    }
}

#[test]
fn a_disk_that_fills_up_while_a_draft_leaves_makes_nothing_twice_and_refuses_nothing() {
    let prepare = || {
        let desk = Desk::new("");
        desk.take(notice("one"));
        desk
    };
    let words = |desk: &Desk| vec!["approve".to_owned(), desk.key(1)];
    full_from_every_write(prepare, words, |desk, ran| {
        if desk.row(1)["stage"] == "drafted" {
            assert!(!ran.err.contains("is kept"), "{}", ran.err);
            desk.approve(1);
        }
        desk.settle();
        let row = desk.row(1);
        let deliveries = row["deliveries"].as_array().unwrap();
        let doubt = deliveries.iter().find(|it| it["state"] == "in_doubt");
        if let Some(doubt) = doubt {
            // It was written, and the record of that was not.
            let id = doubt["delivery"].to_string();
            desk.done(&["resolve", &id, "--happened", "I saw it"]);
            desk.settle();
        }
        let row = desk.row(1);
        assert_eq!(row["stage"], "delivered", "{row}");
        assert_eq!((desk.sent().len(), desk.reports().len()), (1, 1), "{row}");
    });
}

#[test]
fn a_disk_that_fills_up_while_a_mail_is_read_quarantines_nothing() {
    let prepare = || {
        let desk = Desk::new("");
        desk.settle();
        desk.put(notice("one"));
        // The commands of a demo's folder take in what came; this one changes nothing else.
        desk
    };
    let words = |_: &Desk| vec!["resume".to_owned()];
    full_from_every_write(prepare, words, |desk, _| {
        desk.settle();
        let rows = desk.all();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0]["stage"], "drafted", "{rows:?}");
    });
}
