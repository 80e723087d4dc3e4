//! The steps that the program makes, by names that are the same in every run.
//!
//! TLS cannot be read, but what is written between two answers is one command;
//! Roundup is spoken to in the clear, so its requests have names. A commit is
//! named after the tables that it changes, told from the pages it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nix::unistd::Pid;
use rusqlite::{Connection, OpenFlags};

use super::calls::{Call, What, remote_port};
use crate::world::world;

/// One system call that is a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub name: String,
    /// What is sent: the whole command or request of which it is a piece.
    pub said: Option<String>,
    /// What is sent: where.
    pub socket: Option<String>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Mailbox,
    Tracker,
    Submission,
}

/// One connection, as far as it is traced.
#[derive(Debug, Default)]
struct Talk {
    /// What was said last, in words.
    said: String,
    turns: u32,
    pieces: u32,
    is_answered: bool,
}

/// Gives names to steps as they come.
pub struct Namer {
    process: Pid,
    peers: BTreeMap<String, Option<Peer>>,
    talks: BTreeMap<Peer, Talk>,
    /// How often there was something of this name.
    times: BTreeMap<String, u32>,
    /// The pages written since the last commit.
    pages: BTreeSet<u32>,
    /// Of the transaction whose last page is being written.
    commit: Option<String>,
}

impl Namer {
    pub fn of(process: Pid) -> Self {
        Self {
            process,
            peers: BTreeMap::new(),
            talks: BTreeMap::new(),
            times: BTreeMap::new(),
            pages: BTreeSet::new(),
            commit: None,
        }
    }

    /// The step that begins with this call.
    pub fn enter(&mut self, call: &Call) -> Option<Step> {
        let name = match call.what()? {
            What::Connect { port } => {
                let peer = Peer::at(port)?;
                self.talks.insert(peer, Talk::default());
                format!("{}: connect", peer.name())
            }
            What::Send { socket, bytes } => return self.say(socket, &bytes),
            What::Shutdown { socket } => format!("{}: shutdown", self.peer(&socket)?.name()),
            What::Receive { .. } => return None,
            What::Write {
                file,
                bytes,
                length,
                at,
            } => self.write(&file, &bytes, length, at)?,
            What::Sync { file } if is_log(&file) => match self.commit.take() {
                Some(commit) => {
                    self.pages.clear();
                    return Some(Step::named(commit));
                }
                None => "log: sync".to_owned(),
            },
            What::Sync { file } => format!("{}: sync", short(&file)),
            What::Truncate { file } => format!("{}: truncate", short(&file)),
            What::Rename { file } => format!("{}: rename", short(&file)),
            What::Unlink { file } => format!("{}: unlink", short(&file)),
        };
        if name.starts_with("half of") {
            return Some(Step::named(name));
        }
        Some(Step::named(self.numbered(name)))
    }

    /// What became of it.
    pub fn exit(&mut self, call: &Call, result: i64) {
        if result <= 0 {
            return;
        }
        let Some(What::Receive { socket }) = call.what() else {
            return;
        };
        if let Some(peer) = self.peer(&socket) {
            self.talks.entry(peer).or_default().is_answered = true;
        }
    }

    fn numbered(&mut self, name: String) -> String {
        let times = self.times.entry(name.clone()).or_default();
        *times += 1;
        match *times {
            1 => name,
            times => format!("{name} ({times})"),
        }
    }

    fn peer(&mut self, socket: &str) -> Option<Peer> {
        if let Some(known) = self.peers.get(socket) {
            return *known;
        }
        let peer = remote_port(self.process, socket).and_then(Peer::at);
        self.peers.insert(socket.to_owned(), peer);
        peer
    }

    fn say(&mut self, socket: String, bytes: &[u8]) -> Option<Step> {
        let peer = self.peer(&socket)?;
        let talk = self.talks.entry(peer).or_default();
        let (turns, was_answered) = (talk.turns, talk.is_answered);
        let begins = match peer {
            Peer::Tracker => request(bytes),
            _ if turns == 0 || was_answered => Some(format!("command {}", turns + 1)),
            _ => None,
        };
        if let Some(words) = begins {
            let said = self.numbered(format!("{}: {words}", peer.name()));
            let turns = turns + 1;
            self.talks.insert(
                peer,
                Talk {
                    said,
                    turns,
                    ..Talk::default()
                },
            );
        }
        let talk = self.talks.entry(peer).or_default();
        talk.is_answered = false;
        talk.pieces += 1;
        let name = match talk.pieces {
            1 => talk.said.clone(),
            pieces => format!("{}, piece {pieces}", talk.said),
        };
        Some(Step {
            name,
            said: Some(talk.said.clone()),
            socket: Some(socket),
        })
    }

    /// SQLite writes a frame of its log in two: a header with the page's number
    /// and, in the last one of a transaction, the size of the database.
    fn write(&mut self, file: &Path, bytes: &[u8], length: u64, at: u64) -> Option<String> {
        let name = short(file);
        if name == "database-shm" {
            // That is memory, whatever the system calls it.
            return None;
        }
        if !is_log(file) {
            return Some(format!("{name}: write"));
        }
        if at == 0 {
            return Some("log: begin".to_owned());
        }
        if length != 24 {
            // Without this one, all the others were in vain.
            return self
                .commit
                .as_ref()
                .map(|commit| format!("half of {commit}"));
        }
        let number = |range: std::ops::Range<usize>| {
            let bytes: Option<[u8; 4]> = bytes.get(range).and_then(|it| it.try_into().ok());
            bytes.map_or(0, u32::from_be_bytes)
        };
        self.pages.insert(number(0..4));
        if number(4..8) > 0 {
            let tables = tables(file, &self.pages);
            let tables = tables.unwrap_or_else(|why| format!("unknown tables: {why}"));
            self.commit = Some(self.numbered(format!("commit of {tables}")));
        }
        None
    }
}

impl Step {
    fn named(name: String) -> Self {
        Self {
            name,
            said: None,
            socket: None,
        }
    }
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Tracker => "tracker",
            Self::Submission => "submission",
        }
    }

    fn at(port: u16) -> Option<Self> {
        let world = world();
        let tracker = world.roundup.trackers.values().next()?;
        let tracker = tracker.rsplit(':').next()?.split('/').next()?;
        if port == world.mail.imaps_port {
            Some(Self::Mailbox)
        } else if port == world.mail.submissions_port {
            Some(Self::Submission)
        } else if tracker.parse() == Ok(port) {
            Some(Self::Tracker)
        } else {
            None
        }
    }
}

/// Whether what is sent may change anything on the other side.
pub fn has_effect(sent: &str) -> bool {
    sent.starts_with("submission") || sent.starts_with("tracker: P")
}

fn is_log(file: &Path) -> bool {
    file.to_string_lossy().ends_with("sqlite3-wal")
}

fn short(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.replace("buildbot-watch.sqlite3", "database")
}

/// Whose pages these are. The database is looked at as it is before the commit;
/// pages that are new are nobody's.
fn tables(log: &Path, pages: &BTreeSet<u32>) -> rusqlite::Result<String> {
    let path = PathBuf::from(log.to_string_lossy().trim_end_matches("-wal"));
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement = connection.prepare(
        "SELECT dbstat.pageno, coalesce(tbl_name, dbstat.name)
         FROM dbstat LEFT JOIN sqlite_schema ON sqlite_schema.name = dbstat.name",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut tables = BTreeSet::new();
    for row in rows {
        let (page, table): (u32, String) = row?;
        // The first page also tells how large the database is.
        if page != 1 && pages.contains(&page) {
            let parts = ["_data", "_idx", "_content", "_docsize", "_config"];
            let table = parts
                .iter()
                .find_map(|part| table.strip_suffix(part))
                .unwrap_or(&table);
            tables.insert(table.to_owned());
        }
    }
    if tables.is_empty() {
        return Ok("what is new".to_owned());
    }
    Ok(tables.into_iter().collect::<Vec<_>>().join(", "))
}

/// `POST msg/@poe` out of the first line of a request; numbers and one-shot
/// addresses differ each time.
fn request(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split([' ', '?']);
    let method = words.next()?;
    if !["GET", "POST", "PATCH", "PUT"].contains(&method) {
        return None;
    }
    let path = words.next()?;
    let path = path
        .split_once("/rest/data/")
        .map_or(path, |(_, path)| path);
    let words: Vec<&str> = path
        .split('/')
        .map(|word| match word {
            "@poe" => word,
            _ if word.bytes().all(|byte| byte.is_ascii_digit()) => "N",
            _ if word.len() > 20 => "ONCE",
            _ => word,
        })
        .collect();
    Some(format!("{method} {}", words.join("/")))
}
