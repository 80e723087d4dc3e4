use rusqlite::Connection;

use super::outbox::{claim, frozen};
use super::*;
use crate::domain::life::{ClosedReason, DeliveryState, Stage};
use crate::store::open::{MIGRATIONS, migrate};
use crate::store::{LockRefused, lock_daemon};

/// What a database of each version holds more than one of the version before; a new
/// version gets a new one.
const MORE: [&str; 16] = [
    include_str!("filled_v1.sql"),
    include_str!("filled_v2_more.sql"),
    include_str!("filled_v3_more.sql"),
    include_str!("filled_v4_more.sql"),
    include_str!("filled_v5_more.sql"),
    include_str!("filled_v6_more.sql"),
    include_str!("filled_v7_more.sql"),
    include_str!("filled_v8_more.sql"),
    include_str!("filled_v9_more.sql"),
    include_str!("filled_v10_more.sql"),
    include_str!("filled_v11_more.sql"),
    include_str!("filled_v12_more.sql"),
    include_str!("filled_v13_more.sql"),
    include_str!("filled_v14_more.sql"),
    include_str!("filled_v15_more.sql"),
    include_str!("filled_v16_more.sql"),
];

fn count_all(connection: &Connection) -> Vec<(String, i64)> {
    let mut statement = connection
        .prepare(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'issue\\_t%' ESCAPE '\\'
             ORDER BY name",
        )
        .unwrap();
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    names
        .map(|name| {
            let name = name.unwrap();
            let count = format!("SELECT count(*) FROM {name}");
            let rows = connection.query_row(&count, [], |row| row.get(0)).unwrap();
            (name, rows)
        })
        .collect()
}

#[test]
fn every_version_is_brought_to_the_last_with_all_it_holds() {
    assert_eq!(
        MORE.len(),
        MIGRATIONS.len(),
        "each version has a filled database"
    );
    for from in 1..=MORE.len() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &MIGRATIONS[..from]).unwrap();
        connection.execute_batch(&MORE[..from].concat()).unwrap();
        let before = count_all(&connection);
        assert!(before.iter().all(|(_, rows)| *rows > 0), "{before:?}");

        let store = Store::set_up(connection).unwrap();
        let after = count_all(&store.connection);
        for table in before {
            assert!(
                after.contains(&table),
                "from version {from}: {table:?} in {after:?}"
            );
        }
        assert_eq!(store.quick_check().unwrap(), Vec::<String>::new());
        assert_eq!(store.instance_key().unwrap(), [0; 32]);
        read_what_version_1_wrote(&store);
        let listed_up_to = store.mirror("embedded").state().unwrap().cursor;
        let expected = (from >= 4).then_some("here");
        assert_eq!(listed_up_to.as_deref(), expected, "from version {from}");
    }
}

fn read_what_version_1_wrote(store: &Store) {
    let row = store.load(NotificationId(1)).unwrap();
    assert_eq!(row.stage, Stage::Approved);
    assert_eq!(row.deliveries[1].state, DeliveryState::InDoubt);
    assert_eq!(row.draft.unwrap().draft.reply.unwrap().body, "See 7.");
    assert_eq!(
        store.load(NotificationId(2)).unwrap().stage,
        Stage::Quarantined
    );
    let closed = Stage::Closed(ClosedReason::OtherList);
    assert_eq!(store.load(NotificationId(3)).unwrap().stage, closed);
    let mirror = store.mirror("embedded");
    assert_eq!(mirror.titles_containing("test_os", 5).unwrap().len(), 1);
    assert_eq!(mirror.issue(7).unwrap().unwrap().comments.len(), 1);
    assert_eq!(take_in(store, 50), NotificationId(4));
}

#[test]
fn a_newer_schema_and_a_foreign_file_are_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = Store::open(&path).unwrap();
    store
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(store);
    let refused = format!("{:#}", Store::open(&path).unwrap_err());
    assert!(
        refused.contains("newer version of buildbot-watch (schema 99"),
        "{refused}"
    );

    let foreign = directory.path().join("other.db");
    let other = Connection::open(&foreign).unwrap();
    other
        .execute_batch("CREATE TABLE photos (id INTEGER)")
        .unwrap();
    let refused = format!("{:#}", Store::open(&foreign).unwrap_err());
    assert!(refused.contains("another program"), "{refused}");

    let text = directory.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to be looked at".repeat(30),
    )
    .unwrap();
    let refused = format!("{:#}", Store::open(&text).unwrap_err());
    assert!(refused.contains("not a database"), "{refused}");
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, MIGRATIONS).unwrap();
    let mut broken = MIGRATIONS.to_vec();
    broken.push("CREATE TABLE half (id INTEGER) STRICT; CREATE TABLE audit (x INTEGER) STRICT;");
    let refused = migrate(&mut connection, &broken).unwrap_err();
    assert!(
        format!("{refused:#}").contains("nothing was changed"),
        "{refused:#}"
    );
    let half: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'half'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(half, 0);
    migrate(&mut connection, MIGRATIONS).unwrap();
}

#[test]
fn many_can_open_a_new_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let keys: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| Store::open(&path).unwrap().instance_key().unwrap()))
            .collect();
        openers
            .into_iter()
            .map(|opener| opener.join().unwrap())
            .collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_ne!(keys[0], [0; 32]);
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let mode = |name: &str| {
        let metadata = std::fs::metadata(directory.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    let path = directory.path().join("state.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let store = Store::open(&path).unwrap();
    take_in(&store, 1);
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let _lock = lock_daemon(directory.path()).unwrap();
    assert_eq!(mode("daemon.lock"), 0o600);
}

#[test]
fn a_copy_of_the_files_at_any_moment_holds_what_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = Store::open(&path).unwrap();
    let [open, ..] = frozen(&store, 1);
    claim(&store, open, NOW).unwrap();
    // As after a power cut: nothing was closed or checkpointed.
    for file in ["state.db", "state.db-wal"] {
        let to = directory.path().join(format!("copy-{file}"));
        std::fs::copy(directory.path().join(file), to).unwrap();
    }
    let copy = directory.path().join("copy-state.db");
    let restored = Store::open(&copy).unwrap();
    assert_eq!(
        count_all(&restored.connection),
        count_all(&store.connection)
    );
    assert_eq!(
        restored.instance_key().unwrap(),
        store.instance_key().unwrap()
    );
    assert_eq!(
        restored.delivery(open).unwrap().state,
        DeliveryState::Claimed
    );

    // After an orderly end the one file is enough.
    let rows = count_all(&store.connection);
    store.close().unwrap();
    let alone = directory.path().join("alone.db");
    std::fs::copy(&path, &alone).unwrap();
    assert_eq!(count_all(&Store::open(&alone).unwrap().connection), rows);
}

#[test]
fn a_second_daemon_is_refused_with_the_first_ones_pid() {
    let directory = tempfile::tempdir().unwrap();
    let lock = lock_daemon(directory.path()).unwrap();
    let refused = lock_daemon(directory.path()).unwrap_err();
    assert!(matches!(refused, LockRefused::Held { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains(&format!("pid {}", std::process::id())),
        "{refused}"
    );
    drop(lock);
    lock_daemon(directory.path()).unwrap();
    let nowhere = lock_daemon(&directory.path().join("missing")).unwrap_err();
    assert!(matches!(nowhere, LockRefused::Io { .. }), "{nowhere}");
}

/// What another program could try on the file, and what it is told.
const REFUSED: &[(&str, &str)] = &[
    // I6: outbox rows without approval, or with one that is not theirs.
    (
        "INSERT INTO deliveries (notification, revision, position, kind, decision)
         VALUES (2, 1, 0, 'comment', 99)",
        "without an approval",
    ),
    (
        "INSERT INTO deliveries (notification, revision, position, kind, decision)
         VALUES (2, 1, 0, 'comment', 1)",
        "without an approval",
    ),
    (
        "INSERT INTO deliveries (notification, revision, position, kind, decision)
         VALUES (1, 2, 9, 'comment', 1)",
        "without an approval",
    ),
    (
        "INSERT INTO deliveries (notification, revision, position, kind, decision)
         VALUES (3, 1, 0, 'comment', 2)",
        "without an approval",
    ),
    (
        "INSERT INTO deliveries (notification, revision, position, kind, decision)
         VALUES (1, 1, 9, 'reply', 1)",
        "exists already",
    ),
    (
        "INSERT OR REPLACE INTO deliveries (notification, revision, position, kind, decision)
         VALUES (1, 1, 0, 'comment', 1)",
        "exists already",
    ),
    ("DELETE FROM deliveries", "never deleted"),
    ("UPDATE deliveries SET decision = 2", "never changes"),
    ("UPDATE deliveries SET kind = 'comment'", "never changes"),
    ("UPDATE deliveries SET frozen = x'00' WHERE id = 1", "frozen bytes never change"),
    ("UPDATE deliveries SET message_id = 'x@y' WHERE id = 3", "frozen bytes never change"),
    ("UPDATE deliveries SET done_at = 1 WHERE id = 1", "CHECK"),
    ("UPDATE deliveries SET in_doubt_since = 1 WHERE id = 2", "CHECK"),
    // I7: decisions and drafts.
    (
        "INSERT INTO decisions (notification, revision, digest, kind, who, reason, at)
         VALUES (2, 1, 'forged', 'approve', 'mallory', '', 0)",
        "not about the current draft",
    ),
    (
        "INSERT INTO decisions (notification, revision, digest, kind, who, reason, at)
         SELECT 1, 1, digest, 'reject', 'mallory', '', 0 FROM decisions WHERE id = 1",
        "decided already",
    ),
    (
        "INSERT OR REPLACE INTO decisions (id, notification, revision, digest, kind, who, reason, at)
         SELECT 1, 1, 1, digest, 'edit', 'mallory', '', 0 FROM decisions WHERE id = 1",
        "decided already",
    ),
    ("UPDATE decisions SET who = 'mallory'", "never changes"),
    ("DELETE FROM decisions", "never deleted"),
    ("UPDATE drafts SET draft = '{}'", "never changes"),
    ("DELETE FROM drafts", "never deleted"),
    (
        "INSERT OR REPLACE INTO drafts SELECT notification, revision, '{}', digest, 0, 'mallory'
         FROM drafts WHERE notification = 2",
        "never changes",
    ),
    // I9, I20: the ledger and the trail.
    ("UPDATE ledger SET at = 0", "append-only"),
    ("DELETE FROM ledger", "append-only"),
    ("INSERT OR REPLACE INTO ledger SELECT id, delivery, notification, 'x', target, thread, body_digest, 0 FROM ledger", "append-only"),
    ("UPDATE audit SET who = 'nobody'", "append-only"),
    ("DELETE FROM audit", "append-only"),
    ("INSERT OR REPLACE INTO audit SELECT id, notification, 'x', what, detail, at FROM audit", "append-only"),
    // I1, I2: what came in.
    ("DELETE FROM notifications", "never deleted"),
    ("UPDATE meta SET instance_key = zeroblob(32)", "never changes"),
    ("DELETE FROM meta", "never changes"),
    ("UPDATE notifications SET current_revision = 9 WHERE id = 2", "FOREIGN KEY"),
    ("UPDATE notifications SET verdicts = '[]', reading = NULL WHERE id = 3", "CHECK"),
    ("UPDATE notifications SET closed_reason = 'expired' WHERE id = 2", "CHECK"),
    ("INSERT INTO switches VALUES ('go', '', '', 0)", "CHECK"),
    // STRICT
    ("UPDATE notifications SET attempts = 'many'", "cannot store TEXT"),
];

#[test]
fn the_database_itself_refuses_what_must_never_happen() {
    let store = store();
    let [open, ..] = frozen(&store, 1);
    claim(&store, open, NOW).unwrap();
    drafted(&store, 2);
    let (rejected, revised) = drafted(&store, 3);
    store.reject(&by_anna(rejected, &revised), NOW).unwrap();
    let before = count_all(&store.connection);
    for (statement, told) in REFUSED {
        let refused = store
            .connection
            .execute_batch(statement)
            .expect_err(statement)
            .to_string();
        assert!(refused.contains(told), "{statement}\n{refused}");
    }
    assert_eq!(count_all(&store.connection), before);
}

#[test]
fn the_triggers_hold_for_programs_that_set_no_pragma() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let store = Store::open(&path).unwrap();
    let [open, ..] = frozen(&store, 1);
    claim(&store, open, NOW).unwrap();
    drafted(&store, 2);
    let (rejected, revised) = drafted(&store, 3);
    store.reject(&by_anna(rejected, &revised), NOW).unwrap();
    let plain = Connection::open(&path).unwrap();
    plain
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF;")
        .unwrap();
    for (statement, told) in REFUSED.iter().filter(|(_, told)| *told != "FOREIGN KEY") {
        let refused = plain
            .execute_batch(statement)
            .expect_err(statement)
            .to_string();
        assert!(refused.contains(told), "{statement}\n{refused}");
    }
}

#[test]
fn the_check_finds_rows_that_point_nowhere() {
    let store = store();
    take_in(&store, 1);
    assert!(store.quick_check().unwrap().is_empty());
    store
        .connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO raw_mails VALUES (77, x'00');",
        )
        .unwrap();
    assert_eq!(
        store.quick_check().unwrap(),
        ["a row of raw_mails points nowhere"]
    );
}
