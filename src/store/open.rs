//! The file: created for its owner only, one schema version at a time.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::time::Duration;

use super::Store;

/// One text per schema version, in order; the first makes version 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_withdrawn.sql"),
    include_str!("migrations/0003_signatures.sql"),
    include_str!("migrations/0004_mirror.sql"),
    include_str!("migrations/0005_incidents.sql"),
    include_str!("migrations/0006_rules.sql"),
    include_str!("migrations/0007_users.sql"),
    include_str!("migrations/0008_pieces.sql"),
    include_str!("migrations/0009_filed.sql"),
    include_str!("migrations/0010_noticing.sql"),
    include_str!("migrations/0011_letters.sql"),
    include_str!("migrations/0012_subscribing.sql"),
    include_str!("migrations/0013_auto_rules.sql"),
    include_str!("migrations/0014_proven.sql"),
    include_str!("migrations/0015_withdrawn_replies.sql"),
    include_str!("migrations/0016_unwritten.sql"),
];

/// Tells our files from other SQLite files: "bbw1".
const APPLICATION_ID: i64 = 0x6262_7731;

/// How long one process waits for another's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two attempts where SQLite does not wait by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// So many statements are kept ready: a verdict alone needs a dozen again and again.
const STATEMENTS: usize = 64;

impl Store {
    /// Opens the database, creates it if need be (mode 0600) and brings it to the
    /// current schema. Refuses, in words, a file of a newer version of the
    /// program and a file of another program.
    pub fn open(path: &Path) -> Result<Self> {
        let in_words = || format!("cannot open the database {}", path.display());
        keep_private(path).with_context(in_words)?;
        let connection = Connection::open(path).with_context(in_words)?;
        let store = Self::set_up(connection).with_context(in_words)?;
        store.ensure_durable().with_context(in_words)?;
        Ok(store)
    }

    /// A database that is gone when the value is, for tests and `demo`.
    pub fn open_in_memory() -> Result<Self> {
        Self::set_up(Connection::open_in_memory()?)
    }

    pub(super) fn set_up(mut connection: Connection) -> Result<Self> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        configure(&connection)?;
        migrate(&mut connection, MIGRATIONS)?;
        let store = Self { connection };
        store.ensure_instance_key()?;
        Ok(store)
    }

    /// 32 random bytes made with the database. Message-IDs and markers are
    /// keyed with them.
    pub fn instance_key(&self) -> Result<[u8; 32]> {
        Ok(self
            .connection
            .query_row("SELECT instance_key FROM meta", [], |row| row.get(0))?)
    }

    /// Changes whenever another connection has committed: a cheap look whether
    /// somebody decided.
    pub fn data_version(&self) -> Result<i64> {
        Ok(self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// What is wrong with the file, one sentence each; empty when nothing is.
    /// Reads the whole file.
    pub fn quick_check(&self) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for pragma in ["quick_check", "foreign_key_check"] {
            let mut statement = self.connection.prepare(&format!("PRAGMA {pragma}"))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let text: String = row.get(0)?;
                match (pragma, text.as_str()) {
                    ("quick_check", "ok") => {}
                    ("quick_check", _) => wrong.push(text),
                    (_, table) => wrong.push(format!("a row of {table} points nowhere")),
                }
            }
        }
        Ok(wrong)
    }

    /// Ends orderly: keeps the planner's statistics and empties the WAL, so that
    /// a copy of the one file is a backup. Not needed for safety.
    pub fn close(self) -> Result<()> {
        self.connection.execute_batch(
            "PRAGMA optimize;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )?;
        self.connection.close().map_err(|(_, error)| error.into())
    }

    /// Starts a transaction that holds the write lock from its first instruction,
    /// so that what it reads is still true when it writes.
    pub(super) fn begin(&self) -> Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate).map_err(
            |error| match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy) => {
                    anyhow::Error::new(error).context("the database is locked by another process")
                }
                _ => error.into(),
            },
        )
    }

    /// SQLite keeps another mode, without an error, where the file system cannot
    /// do what WAL needs.
    fn ensure_durable(&self) -> Result<()> {
        let mode: String = self
            .connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let synchronous: i64 = self
            .connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))?;
        ensure!(
            mode == "wal" && synchronous == 2,
            "the file system does not let SQLite run with WAL (journal mode {mode}, synchronous \
             {synchronous}); use a local disk"
        );
        Ok(())
    }

    fn ensure_instance_key(&self) -> Result<()> {
        let mut key = [0_u8; 32];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
        self.connection.execute(
            "INSERT INTO meta (id, instance_key) VALUES (1, ?1) ON CONFLICT DO NOTHING",
            [key],
        )?;
        Ok(())
    }
}

/// Makes the file before SQLite does, for its owner only; the WAL gets the same
/// mode from SQLite.
///
/// A file that is there is not opened for this: closing it again would take from
/// this process the locks that another connection of it holds (fcntl(2)). The next
/// command to end would then think that it was the last, and remove the WAL that
/// the service goes on writing to.
#[cfg(unix)]
fn keep_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let mut permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        std::fs::set_permissions(path, permissions)
            .context("others can read it, and the mode cannot be changed")?;
    }
    // SQLite would only say that it cannot open it.
    rustix::fs::access(path, rustix::fs::Access::READ_OK).map_err(std::io::Error::from)?;
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> Result<()> {
    Ok(())
}

fn configure(connection: &Connection) -> Result<()> {
    // A write-protected schema: no statement of ours needs more. The cache, in KiB,
    // holds the heads and the indexes of 150,000 reports: a search looks at a thousand
    // of them all over the table.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    write_ahead(connection)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA recursive_triggers = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -32768;",
    )?;
    Ok(())
}

/// Turns the write-ahead log on. A new file is locked for that, and whoever comes in
/// between is refused at once: the busy timeout holds for transactions alone.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let attempts = BUSY_TIMEOUT.as_millis() / BUSY_PAUSE.as_millis();
    for _ in 1..attempts {
        match connection.execute_batch("PRAGMA journal_mode = WAL;") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(BUSY_PAUSE);
            }
            turned => return turned,
        }
    }
    connection.execute_batch("PRAGMA journal_mode = WAL;")
}

/// Brings the schema to the last of `migrations`, each in its own transaction.
/// A table is rebuilt with foreign keys off, as SQLite's manual says.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<()> {
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = migrate_all(connection, migrations);
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn migrate_all(connection: &mut Connection, migrations: &[&str]) -> Result<()> {
    loop {
        // The lock comes first: two processes may start at once.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version = schema_version(&transaction)?;
        let known = migrations.len();
        if version > known {
            bail!(
                "it was written by a newer version of buildbot-watch (schema {version}, this one \
                 knows up to {known}); install that version again"
            );
        }
        let Some(migration) = migrations.get(version) else {
            return Ok(());
        };
        let next = version + 1;
        transaction
            .execute_batch(migration)
            .with_context(|| format!("migration {next} failed; nothing was changed"))?;
        ensure!(
            !transaction
                .prepare("PRAGMA foreign_key_check")?
                .exists([])?,
            "migration {next} would leave a row that points nowhere; nothing was changed"
        );
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(next)?)?;
        transaction.commit()?;
    }
}

fn schema_version(transaction: &Transaction<'_>) -> Result<usize> {
    let read = |pragma: &str| -> Result<i64> {
        Ok(transaction.pragma_query_value(None, pragma, |row| row.get(0))?)
    };
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && read("application_id")? != APPLICATION_ID {
        bail!("it is a database of another program");
    }
    usize::try_from(read("user_version")?).context("its schema version is negative")
}
