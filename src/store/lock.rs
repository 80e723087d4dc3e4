//! One daemon at a time on one database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held as long as the daemon runs; the system lets go of it when the process
/// dies, however it dies.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

/// Why the daemon may not start.
#[derive(Debug, thiserror::Error)]
pub enum LockRefused {
    /// Another daemon works on the same database.
    #[error("another buildbot-watch daemon ({holder}) already works in {}", directory.display())]
    Held {
        /// `pid` and its number, or words if it could not be read.
        holder: String,
        /// The state directory.
        directory: PathBuf,
    },
    /// The lock file could not be made.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Locks the directory of the database for this process.
pub fn lock_daemon(state_dir: &Path) -> Result<DaemonLock, LockRefused> {
    let path = state_dir.join("daemon.lock");
    let in_words = |source| LockRefused::Io {
        path: path.clone(),
        source,
    };
    let mut file = open(&path).map_err(in_words)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(LockRefused::Held {
                holder: holder(&mut file),
                directory: state_dir.to_owned(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(in_words(source)),
    }
    // Only words for the one who comes second: on a full disk the lock holds too.
    let _ = write_pid(&mut file);
    Ok(DaemonLock { _file: file })
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The pid in the lock file, if it looks like one.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Unreadable counts as empty.
    let _ = file.take(20).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) => format!("pid {pid}"),
        Err(_) => "its pid is unknown".to_owned(),
    }
}
