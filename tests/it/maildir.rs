//! The embedded mailbox against what real programs deliver.

use std::time::Duration;

use buildbot_watch::maildir::{Limits, Maildir, OutgoingMaildir, Written, replay};

use crate::world::{mail, run, world};

const LIMITS: Limits = Limits {
    max_size: 1024 * 1024,
    head_size: 1024,
};

#[test]
fn a_maildir_that_dovecot_delivers_to_is_read_and_left_alone() {
    run(async {
        let world = world();
        let user = world.fresh_user("maildir");
        for number in 1..=3 {
            let id = format!("{number}@example.test");
            let text = mail("x", &id, "", &format!("number {number}"));
            world.post("buildbot@example.test", &world.address(&user), &text);
            world.inbox_of(&user, number).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let path = world.maildir(&user);
        let before = names(&path);
        let maildir = Maildir::open(&path).unwrap();
        let entries = maildir.entries().unwrap();
        let texts: Vec<String> = entries
            .iter()
            .map(|entry| maildir.read(entry, LIMITS).unwrap().unwrap().raw)
            .map(|raw| String::from_utf8_lossy(&raw).into_owned())
            .collect();
        for (index, text) in texts.iter().enumerate() {
            assert!(text.contains(&format!("number {}", index + 1)), "{text}");
        }
        assert_eq!(names(&path), before);
        assert_eq!(replay(&path, LIMITS).unwrap().count(), 3);
    });
}

fn names(maildir: &std::path::Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = ["new", "cur", "tmp"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(maildir.join(folder)).unwrap())
        .map(|file| file.unwrap().file_name())
        .collect();
    names.sort();
    names
}

#[test]
fn what_we_write_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let outgoing = OutgoingMaildir::open(folder.path()).unwrap();
    let text = mail("x", "1@example.test", "", "x");
    let written = outgoing.write("1@example.test", &text).unwrap();
    assert!(matches!(written, Written::New(_)));
    let mails: Vec<_> = replay(folder.path(), LIMITS).unwrap().collect();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].as_ref().unwrap().raw, text);
}
