//! `import`: bug reports from files, into an embedded tracker or into the copy of
//! one elsewhere.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::args::Import;
use super::bar::Bar;
use super::delivering::settle_demo;
use super::refusal::Refusal;
use super::session::Session;
use super::words::wrapped;
use crate::config::{Config, Environment, Secrets, TrackerKind};
use crate::daemon::{self, Settings};
use crate::domain::issue::Issue;
use crate::parsing::issues::{FiledIssue, OldNumbers, read_line};
use crate::store::Store;
use crate::trackers::{Embedded, Tracker};

/// A longer line is no report, in octets.
const LONGEST_LINE: u64 = 32 * 1024 * 1024;

/// So many reports are written in one transaction.
const AT_ONCE: usize = 500;

/// What became of the reports of all files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    taken: usize,
    /// The copy has a newer state of them.
    older: usize,
    /// They have no number of this tracker.
    unnumbered: usize,
}

/// Reads the files twice: first to see whether every line is a report, so that a
/// mistake at the end of the last leaves everything as it was.
pub(super) fn import(session: &Session, wanted: &Import) -> Result<()> {
    let config = session.config()?;
    let mut old = OldNumbers::default();
    let mut whole = 0;
    for path in &wanted.issues {
        each_report(path, |filed| {
            whole += 1;
            old.note(&filed);
            Ok(())
        })?;
    }
    let target = Target::of(session, &config)?;
    let mut filling = Filling {
        target,
        batch: Vec::new(),
        counts: Counts::default(),
        bar: Bar::new(&session.screen),
        whole,
    };
    for path in &wanted.issues {
        each_report(path, |mut filed| {
            filed.follow(&old);
            filling.add(filed)
        })?;
    }
    filling.flush()?;
    filling.bar.clear();
    settle_demo(session)?;
    tell(session, &filling.target, filling.counts);
    Ok(())
}

/// The tracker without the right to write, which needs no secrets: for its name.
pub(super) fn tracker_of(config: &Config) -> Result<Tracker> {
    daemon::tracker_of(&Settings {
        config: config.clone(),
        secrets: Secrets::default(),
        environment: Environment::default(),
    })
}

/// Where the reports go.
enum Target {
    /// The tracker itself.
    Embedded(Embedded),
    /// The copy of a tracker elsewhere.
    Mirror(Box<Tracker>, Store),
}

impl Target {
    fn of(session: &Session, config: &Config) -> Result<Self> {
        // Also for an embedded tracker, which lies in the same folder unless told.
        let store = session.store_or_new(config)?;
        if let TrackerKind::Embedded { path } = &config.tracker.kind {
            return Ok(Self::Embedded(Embedded::open(path)?));
        }
        Ok(Self::Mirror(Box::new(tracker_of(config)?), store))
    }

    /// Writes the reports; says how many of them were older than what is there.
    fn fill(&self, issues: Vec<Issue>) -> Result<usize> {
        match self {
            Self::Embedded(tracker) => {
                tracker.fill(&issues)?;
                Ok(0)
            }
            Self::Mirror(tracker, store) => {
                let name = tracker.name();
                let mirror = store.mirror(&name);
                let before = issues.len();
                let mut known = Vec::new();
                for mut issue in issues {
                    let here = mirror.updated_at(issue.number)?;
                    if here.is_some_and(|at| at > issue.updated_at) {
                        continue;
                    }
                    if issue.url.is_empty() {
                        issue.url = tracker.issue_url(issue.number);
                    }
                    known.push(issue);
                }
                mirror.upsert(&known, None)?;
                Ok(before - known.len())
            }
        }
    }
}

/// Reports on their way into the target.
struct Filling<'a> {
    target: Target,
    batch: Vec<Issue>,
    counts: Counts,
    bar: Bar<'a>,
    whole: u64,
}

impl Filling<'_> {
    fn add(&mut self, filed: FiledIssue) -> Result<()> {
        if filed.number.is_none() {
            self.counts.unnumbered += 1;
            return Ok(());
        }
        self.batch.push(filed.issue);
        if self.batch.len() >= AT_ONCE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        let size = batch.len();
        let older = self.target.fill(batch)?;
        self.counts.older += older;
        self.counts.taken += size - older;
        let Counts {
            taken,
            older,
            unnumbered,
        } = self.counts;
        let done = u64::try_from(taken + older + unnumbered)?;
        let to_come = self.whole.saturating_sub(done);
        self.bar.show(done, Some(to_come), "report");
        Ok(())
    }
}

/// Reads a file line by line: it may be larger than the memory.
fn each_report(path: &Path, mut each: impl FnMut(FiledIssue) -> Result<()>) -> Result<()> {
    let in_words = || format!("{} cannot be read", path.display());
    let mut file = BufReader::new(File::open(path).with_context(in_words)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut bounded = Read::take(&mut file, LONGEST_LINE);
        if bounded
            .read_until(b'\n', &mut line)
            .with_context(in_words)?
            == 0
        {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let filed = read_line(number, &text).map_err(|wrong| {
            let what = format!("{}, {wrong}", path.display());
            let remedy = "one JSON object per line, each with number and title at least; nothing \
                          was taken in";
            Refusal::new(what, remedy)
        })?;
        if let Some(filed) = filed {
            each(filed)?;
        }
    }
    Ok(())
}

fn tell(session: &Session, target: &Target, counts: Counts) {
    let Counts {
        taken,
        older,
        unnumbered,
    } = counts;
    let (name, what) = match target {
        Target::Embedded(_) => ("embedded", "the embedded tracker has them now".to_owned()),
        Target::Mirror(tracker, _) => (
            "mirror",
            format!("the copy of {} has them now", tracker.name()),
        ),
    };
    session.screen.document(&json!({
        "into": name,
        "taken": taken,
        "older": older,
        "without_number": unnumbered,
    }));
    let mut words = vec![match taken + older + unnumbered {
        0 => "No report is in there: nothing was taken in.".to_owned(),
        _ => format!("{} taken in: {what}.", super::words::count(taken, "report")),
    }];
    if older > 0 {
        words.push(format!(
            "{older} were older than what is there, and left out."
        ));
    }
    if unnumbered > 0 {
        words.push(format!(
            "{unnumbered} have no number of this tracker, and were left out."
        ));
    }
    for line in wrapped(&words.join(" "), session.screen.width()) {
        session.screen.say(line);
    }
    session.next(&[(
        "sync".to_owned(),
        match target {
            Target::Embedded(_) => "bring the copy that is searched up to date",
            Target::Mirror(..) => "list what the file does not have",
        },
    )]);
}
