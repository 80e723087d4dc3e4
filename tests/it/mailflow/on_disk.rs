//! A folder with a mailbox, and a configuration with every part on disk.

use std::fs;
use std::path::{Path, PathBuf};

/// The address the program in such a folder writes from.
pub const OWN: &str = "buildbot-watch@example.org";

/// Makes both, with further sections, and gives the file. A Maildir in, a small
/// tracker, a Maildir out.
pub fn configure(folder: &Path, sections: &str) -> PathBuf {
    for part in ["mailbox/new", "mailbox/cur", "mailbox/tmp"] {
        fs::create_dir_all(folder.join(part)).expect("a folder");
    }
    let text = format!(
        r#"
[store]
state_dir = "state"
[list]
id = "buildbot-status.python.org"
address = "buildbot-status@python.org"
notifiers = ["buildbot@python.org"]
[mailbox]
kind = "maildir"
path = "mailbox"
poll = "1s"
[outgoing]
kind = "maildir"
path = "sent"
from_address = "{OWN}"
[tracker]
kind = "embedded"
path = "tracker.sqlite3"
{sections}
"#
    );
    let file = folder.join("config.toml");
    fs::write(&file, text).expect("a configuration");
    file
}
