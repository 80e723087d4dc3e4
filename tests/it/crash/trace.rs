//! What strace wrote, as the steps that the program made.
//!
//! TLS cannot be read, but what is written between two answers is one command;
//! Roundup is spoken to in the clear, so its requests have names.

use std::collections::BTreeMap;

use crate::world::world;

/// Everything that another process or the disk can notice of the program.
pub const CALLS: &str = "connect,sendto,sendmsg,writev,recvfrom,recvmsg,shutdown,\
                         fsync,fdatasync,pwrite64,ftruncate,rename,renameat,renameat2,unlink";

/// One system call that is a step, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is, in words that are the same in every run.
    pub name: String,
    /// The system call.
    pub call: String,
    /// The how manieth call of this kind, from 1: strace counts so.
    pub count: u32,
}

/// What a trace says.
#[derive(Debug, Default)]
pub struct Trace {
    /// In the order in which they were begun.
    pub steps: Vec<Step>,
}

impl Trace {
    /// Reads a trace of one process; calls of other threads are left out.
    pub fn read(text: &str) -> Self {
        let mut reader = Reader::default();
        let main = text
            .lines()
            .find_map(|line| line.split_whitespace().next())
            .unwrap_or_default();
        for line in text.lines() {
            let Some((process, rest)) = line.split_once(char::is_whitespace) else {
                continue;
            };
            if process == main {
                reader.line(rest.trim_start());
            }
        }
        reader.trace
    }

    /// Each kind of step once. What lies between two pieces of one command, or
    /// between two frames of one commit, is the same to everybody else: of a
    /// command the last piece is taken; of a commit, whose length differs with
    /// the pages it touches, the middle.
    pub fn kinds(&self) -> Vec<Step> {
        let mut kinds: Vec<Vec<&Step>> = Vec::new();
        for step in &self.steps {
            match kinds.iter_mut().find(|kind| kind[0].name == step.name) {
                Some(kind) => kind.push(step),
                None => kinds.push(vec![step]),
            }
        }
        let one = |kind: &Vec<&Step>| match kind[0].call.as_str() {
            "pwrite64" => kind[kind.len() / 2].clone(),
            _ => kind[kind.len() - 1].clone(),
        };
        kinds.iter().map(one).collect()
    }

    /// The last call of this kind, if there was any.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.name == name)
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Mailbox,
    Tracker,
    Submission,
}

/// One connection, as far as it is traced.
#[derive(Debug, Default, Clone)]
struct Talk {
    /// What was sent last, in words.
    said: String,
    turns: u32,
    is_answered: bool,
}

#[derive(Default)]
struct Reader {
    trace: Trace,
    counts: BTreeMap<String, u32>,
    talks: BTreeMap<Peer, Talk>,
    /// What with an effect was sent last, and how many commits there were since.
    /// What only asks comes now before and now after a commit: the mailbox and
    /// the tracker are asked at the same time.
    last: String,
    commits: u32,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let Some((call, arguments)) = line.split_once('(') else {
            return;
        };
        if call.contains(' ') || !CALLS.split(',').any(|known| known.trim() == call) {
            return;
        }
        let count = self.counts.entry(call.to_owned()).or_default();
        *count += 1;
        let count = *count;
        if let Some(name) = self.name(call, arguments) {
            let call = call.to_owned();
            self.trace.steps.push(Step { name, call, count });
        }
    }

    fn name(&mut self, call: &str, arguments: &str) -> Option<String> {
        match call {
            "connect" => {
                let peer = peer_of(arguments)?;
                self.talks.insert(peer, Talk::default());
                Some(format!("{}: connect", peer.name()))
            }
            "sendto" | "sendmsg" | "writev" => {
                let peer = peer_of(arguments)?;
                let talk = self.talks.entry(peer).or_default();
                talk.say(peer, arguments);
                let said = format!("{}: {}", peer.name(), talk.said);
                if has_effect(&said) {
                    self.last.clone_from(&said);
                    self.commits = 0;
                }
                Some(said)
            }
            "recvfrom" | "recvmsg" => {
                let peer = peer_of(arguments)?;
                self.talks.entry(peer).or_default().is_answered = true;
                None
            }
            "shutdown" => Some(format!("{}: shutdown", peer_of(arguments)?.name())),
            "pwrite64" if arguments.contains("-wal>") => Some(format!("half of {}", self.commit())),
            "fsync" | "fdatasync" if arguments.contains("-wal>") => {
                let name = self.commit();
                self.commits += 1;
                Some(name)
            }
            _ if arguments.contains("sqlite3") => Some(format!("database file: {call}")),
            _ => Some(format!("other: {call}")),
        }
    }

    fn commit(&self) -> String {
        let after = match self.last.as_str() {
            "" => "the start",
            last => last,
        };
        format!("commit {} after ({after})", self.commits + 1)
    }
}

impl Talk {
    fn say(&mut self, peer: Peer, arguments: &str) {
        if peer == Peer::Tracker {
            if let Some(request) = request(arguments) {
                self.said = request;
            }
        } else if self.turns == 0 || self.is_answered {
            self.turns += 1;
            self.said = format!("command {}", self.turns);
        } else if peer == Peer::Submission && !self.said.ends_with("its end") {
            // The mail's text, and the final dot.
            self.said.push_str(", its end");
        }
        self.is_answered = false;
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
}

/// Whether what is sent may change anything on the other side.
pub fn has_effect(sent: &str) -> bool {
    sent.starts_with("submission") || sent.starts_with("tracker: P")
}

/// By the port: `14<TCP:[127.0.0.1:60308->127.0.0.1:20871]>` or, in `connect`,
/// `sin_port=htons(20871)`.
fn peer_of(arguments: &str) -> Option<Peer> {
    let after = |mark: &str| {
        let rest = arguments.split_once(mark)?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u16>().ok()
    };
    let remote = arguments
        .split_once("->")
        .and_then(|(_, rest)| rest.split_once(':'))
        .and_then(|(_, rest)| rest.split_once(']'))
        .and_then(|(port, _)| port.parse::<u16>().ok());
    let port = remote.or_else(|| after("htons("))?;
    let world = world();
    let tracker = world.roundup.trackers.values().next()?;
    let tracker = tracker.rsplit(':').next()?.split('/').next()?;
    if port == world.mail.imaps_port {
        Some(Peer::Mailbox)
    } else if port == world.mail.submissions_port {
        Some(Peer::Submission)
    } else if tracker.parse() == Ok(port) {
        Some(Peer::Tracker)
    } else {
        None
    }
}

/// `POST msg/@poe` out of the first line of a request; numbers and one-shot
/// addresses differ each time.
fn request(arguments: &str) -> Option<String> {
    let methods = ["GET ", "POST ", "PATCH ", "PUT "];
    let (method, rest) = methods.iter().find_map(|method| {
        let rest = arguments.split_once(&format!("\"{method}"))?.1;
        Some((*method, rest))
    })?;
    let path = rest.split([' ', '?', '"']).next()?;
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
    Some(format!("{method}{}", words.join("/")))
}
