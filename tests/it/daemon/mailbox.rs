//! Mails are taken in once each, whatever becomes of the line and the mailbox.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use buildbot_watch::store::{ListFilter, MailboxCursor};

use crate::daemon::support::{
    builder_of, change, has_taken_in, post, reroute, says_times, section, stops_by, store,
    taken_in, without_tracker,
};
use crate::imap::{meddler, settings};
use crate::proxy::{Mode, Proxy};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, mail, run, world};

/// A genuine notification as the list would pass it on.
fn failure(setup: &Setup, id: &str) -> Vec<u8> {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mails/bb43-single-test-method.eml");
    let text = std::fs::read_to_string(fixture).expect("a fixture");
    let text = text.replace("AMD64 Fedora Stable 3.x", &builder_of(setup));
    let list = setup.list.replace('@', ".");
    format!("Message-ID: <{id}@mx.example.test>\r\nList-Id: <{list}>\r\n{text}").into_bytes()
}

/// A mail that is nothing of ours, straight into the mailbox.
fn post_direct(setup: &Setup, id: &str) {
    let text = mail(id, &format!("{id}@example.test"), "", id);
    let to = world().address(&setup.watcher);
    world().post("buildbot@example.test", &to, &text);
}

/// Those with a draft, and those that a decision on one settles too.
fn drafts(setup: &Setup) -> u64 {
    let store = store(setup);
    let filters = [ListFilter::ToDecide, ListFilter::Attached];
    let counts = filters.map(|filter| store.count(filter).expect("a count"));
    counts.into_iter().sum()
}

#[test]
fn a_cut_line_heals_and_nothing_is_lost_or_repeated() {
    run(async {
        let setup = without_tracker("cut").await;
        let line = Proxy::to(world().mail.imaps_port).await;
        reroute(&setup, world().mail.imaps_port, line.port);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let cuts: [&[Mode]; 3] = [
            &[Mode::Reset],
            // The connection lives on, or is dead when the line is back.
            &[Mode::BlackHole],
            &[Mode::BlackHole, Mode::Reset],
        ];
        for (cut, count) in cuts.into_iter().zip(1..) {
            for mode in cut {
                line.set(*mode);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            post_direct(&setup, &format!("cut-{count}"));
            world().inbox_of(&setup.watcher, count).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            line.set(Mode::Pass);
            has_taken_in(&setup, count as u64).await;
        }
        service.says("the mailbox is back").await;
        stops_by(service, "TERM").await;
        assert_eq!(taken_in(&setup), 3);
    });
}

#[test]
fn a_mail_that_comes_while_another_is_fetched_does_not_wait_for_the_next() {
    run(async {
        let setup = without_tracker("two").await;
        let line = Proxy::to(world().mail.imaps_port).await;
        reroute(&setup, world().mail.imaps_port, line.port);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        line.set(Mode::Delay(Duration::from_millis(30)));
        let before = line.to_client();
        // It is fetched in four pieces; the server tells of the other one with the last.
        let large = mail("large", "large@example.test", "", &"x\n".repeat(2 << 20));
        let to = world().address(&setup.watcher);
        world().post("buildbot@example.test", &to, &large);
        eventually(PATIENCE, || {
            (line.to_client() > before + 1_200_000).then_some(())
        })
        .await;
        post_direct(&setup, "meanwhile");
        world().inbox_of(&setup.watcher, 2).await;
        assert_eq!(taken_in(&setup), 0);
        line.set(Mode::Pass);
        has_taken_in(&setup, 2).await;
        stops_by(service, "TERM").await;
    });
}

#[test]
fn a_mailbox_that_is_made_anew_loses_and_repeats_nothing() {
    run(async {
        let setup = without_tracker("anew").await;
        let imap = "kind = \"imap\"\n";
        change(
            &setup,
            imap,
            "kind = \"imap\"\nfolder = \"Reports\"\npoll = \"2s\"\n",
        );
        let mut other = meddler(&settings(world(), &setup.watcher)).await;
        let old = Some("\"01-Jan-2020 00:00:00 +0000\"");
        other.create("Reports").await.unwrap();
        let history = failure(&setup, "history");
        other.append("Reports", None, old, &history).await.unwrap();
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let known = failure(&setup, "known");
        other.append("Reports", None, None, &known).await.unwrap();
        eventually(PATIENCE, || (drafts(&setup) == 1).then_some(())).await;

        // Dovecot's UIDVALIDITY is the second of creation.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        other.delete("Reports").await.unwrap();
        other.create("Reports").await.unwrap();
        other.append("Reports", None, old, &history).await.unwrap();
        other.append("Reports", None, None, &known).await.unwrap();
        let new = failure(&setup, "new");
        other.append("Reports", None, None, &new).await.unwrap();
        service.says("looking at every mail again").await;
        eventually(PATIENCE, || (drafts(&setup) == 2).then_some(())).await;
        stops_by(service, "TERM").await;
        assert_eq!((taken_in(&setup), drafts(&setup)), (2, 2));
    });
}

fn cursor(setup: &Setup) -> MailboxCursor {
    let (user, mail) = (&setup.watcher, &world().mail);
    let name = format!("imap://{user}@{}:{}/INBOX", world().host, mail.imaps_port);
    store(setup).cursor(&name).unwrap().expect("a cursor")
}

#[test]
fn what_came_while_it_was_down_and_what_was_missed_is_taken_in() {
    run(async {
        let setup = without_tracker("down").await;
        post_direct(&setup, "history");
        world().inbox_of(&setup.watcher, 1).await;
        let mut service = Service::start(&setup);
        service.says("first start").await;
        post_direct(&setup, "one");
        has_taken_in(&setup, 1).await;
        stops_by(service, "TERM").await;

        post_direct(&setup, "while it was down");
        world().inbox_of(&setup.watcher, 3).await;
        let service = Service::start(&setup);
        has_taken_in(&setup, 2).await;
        stops_by(service, "TERM").await;

        // The cursor is past a mail that is not in the database.
        post_direct(&setup, "missed");
        world().inbox_of(&setup.watcher, 4).await;
        let at = cursor(&setup);
        let behind = at.uidnext + 1;
        let (name, validity) = (at.mailbox, at.uidvalidity);
        store(&setup)
            .save_cursor(&name, validity, behind)
            .expect("a cursor");
        let mut service = Service::start(&setup);
        service.says("a mail had been missed").await;
        has_taken_in(&setup, 3).await;
        stops_by(service, "TERM").await;

        // The server was restored from a backup and gives out UIDs once more.
        let next = cursor(&setup).uidnext;
        let used: Vec<i64> = (next..next + 5).collect();
        store(&setup).pass_over(&name, validity, &used).unwrap();
        store(&setup)
            .save_cursor(&name, validity, next + 5)
            .unwrap();
        post_direct(&setup, "under a used UID");
        post_direct(&setup, "under another");
        world().inbox_of(&setup.watcher, 6).await;
        let mut service = Service::start(&setup);
        service.says("went back in time").await;
        // With the first one: to the day, it is not from before the first start.
        has_taken_in(&setup, 6).await;
        post_direct(&setup, "after all");
        has_taken_in(&setup, 7).await;
        stops_by(service, "TERM").await;
        assert_eq!(cursor(&setup).uidnext, next + 3);
    });
}

#[test]
fn a_maildir_is_watched_from_now_on() {
    run(async {
        let setup = without_tracker("maildir").await;
        post_direct(&setup, "history");
        world().inbox_of(&setup.watcher, 1).await;
        let maildir = world().maildir(&setup.watcher);
        let lines = format!(
            "kind = \"maildir\"\npath = \"{}\"\npoll = \"1s\"",
            maildir.display()
        );
        section(&setup, "mailbox", &lines);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        post(&setup, "new");
        setup.draft_about(&builder_of(&setup)).await;
        stops_by(service, "TERM").await;
        post_direct(&setup, "while it was down");
        world().inbox_of(&setup.watcher, 3).await;
        let service = Service::start(&setup);
        has_taken_in(&setup, 2).await;
        stops_by(service, "TERM").await;
    });
}

/// Appends to an mbox as a delivery agent would.
fn append(file: &Path, text: &[u8]) {
    let file = File::options().append(true).create(true).open(file);
    file.expect("an mbox").write_all(text).expect("room");
}

fn in_mbox(mail: &[u8]) -> Vec<u8> {
    let mut text = b"From a@b Sat Nov 21 09:15:00 2026\n".to_vec();
    text.extend(String::from_utf8_lossy(mail).replace("\r\n", "\n").bytes());
    text.extend(b"\n");
    text
}

#[test]
fn an_mbox_is_watched_from_now_on_and_read_when_nobody_writes() {
    run(async {
        let setup = without_tracker("mbox").await;
        let file = setup.folder.path().join("mbox");
        append(&file, &in_mbox(&failure(&setup, "history")));
        section(
            &setup,
            "mailbox",
            "kind = \"mbox\"\npath = \"mbox\"\npoll = \"1s\"",
        );
        let mut service = Service::start(&setup);
        service.says("first start").await;

        // A mail in two pieces is one mail.
        let new = in_mbox(&failure(&setup, "new"));
        let (one, other) = new.split_at(new.len() / 2);
        append(&file, one);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        append(&file, other);
        setup.draft_about(&builder_of(&setup)).await;

        // Somebody holds the lock.
        let lock = setup.folder.path().join("mbox.lock");
        File::create(&lock).expect("a lock");
        append(&file, &in_mbox(&failure(&setup, "locked")));
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(taken_in(&setup), 1);
        std::fs::remove_file(&lock).expect("a lock");
        has_taken_in(&setup, 2).await;
        stops_by(service, "TERM").await;
        // Half a mail would have been another one with the same Message-ID.
        assert!(store(&setup).conflicts().unwrap().is_empty());
    });
}

#[test]
fn the_first_mail_of_an_mbox_that_did_not_exist_is_no_history() {
    run(async {
        let setup = without_tracker("no-mbox").await;
        section(
            &setup,
            "mailbox",
            "kind = \"mbox\"\npath = \"mbox\"\npoll = \"1s\"",
        );
        let mut service = Service::start(&setup);
        service.says("the mailbox cannot be read").await;
        let file = setup.folder.path().join("mbox");
        append(&file, &in_mbox(&failure(&setup, "first")));
        has_taken_in(&setup, 1).await;
        says_times(&mut service, "the mailbox is back", 1).await;
        let log = stops_by(service, "TERM").await;
        assert_eq!(
            log.matches("the mailbox cannot be read").count(),
            1,
            "{log}"
        );
    });
}
