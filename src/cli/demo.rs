//! `demo`: the whole chain on embedded parts, so that a newcomer sees drafts to
//! approve within a minute and nothing leaves the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use super::listing::{Keys, load, table, tell_unfinished};
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use super::words::{count, wrapped};
use super::{json as shapes, samples, summary};
use crate::daemon::{self, History};
use crate::desk::unfinished::unfinished;
use crate::domain::Seconds;
use crate::domain::life::Stage;
use crate::domain::untrusted::terminal;
use crate::store::{ListFilter, NotificationRow, Store};
use crate::trackers::embedded::{Embedded, demo_issues};

/// What the demo's configuration is recognised by.
const FIRST_LINE: &str = "# A demo of buildbot-watch: every part is on this machine.\n";

/// All parts embedded, all paths inside the folder.
const CONFIG: &str = r#"
[store]
state_dir = "state"

# The list whose notifications are read and answered.
[list]
id = "buildbot-status.python.org"
address = "buildbot-status@python.org"
notifiers = ["buildbot@python.org"]

# Put a mail into mailbox/new, and `demo` reads it.
[mailbox]
kind = "maildir"
path = "mailbox"

# Replies are written into this folder, and go nowhere.
[outgoing]
kind = "maildir"
path = "sent"
from_address = "buildbot-watch@example.org"

# A small bug tracker in a file.
[tracker]
kind = "embedded"
path = "state/tracker.sqlite3"

# Where the links in the mails may lead. Nothing is asked there
# but about a build that you `file`.
[ci]
buildbots = ["https://buildbot.python.org/"]
fetch_logs = false

[drafts.versions]
"3.x" = "Python 3.16"

# More than usual, so that everything can be tried in one go.
[limits]
new_issues_a_run = 5
new_issues_a_day = 20
"#;

/// More are not looked at; a demo has a few.
const MAILS_READ: usize = 1000;

/// More mails that need no answer are counted, not listed.
const CLOSED_SHOWN: usize = 10;

/// Makes the folder if need be, reads the mails, shows the drafts.
pub(super) fn demo(session: Session) -> Result<ExitCode> {
    let folder = folder(&session)?;
    let session = session.in_folder(&folder);
    let is_new = lay_out(&folder, session.now)?;
    daemon::settle(&session.config_file(), History::TakeIn)?;
    let store = session.store()?;
    show(&session, &folder, &store, is_new)
}

/// The folder that was named, or a temporary one that stays.
fn folder(session: &Session) -> Result<PathBuf> {
    if let Some(folder) = session.folder() {
        return Ok(folder.to_owned());
    }
    if session.is_configured() {
        let what = "a demo has a configuration of its own";
        let remedy = "name its folder with --dir DIR, or nothing";
        return Err(Refusal::new(what, remedy).into());
    }
    let folder = tempfile::Builder::new()
        .prefix("buildbot-watch-demo.")
        .tempdir();
    Ok(folder.context("making a temporary folder")?.keep())
}

/// Writes whatever is missing; says whether the folder is a new one.
fn lay_out(folder: &Path, now: Seconds) -> Result<bool> {
    let config = folder.join("config.toml");
    if let Ok(text) = fs::read_to_string(&config) {
        if text.starts_with(FIRST_LINE) {
            return Ok(false);
        }
        let what = format!("{} is not the configuration of a demo", config.display());
        return Err(
            Refusal::new(what, "name another folder, which will be made: --dir DIR").into(),
        );
    }
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        let what = format!("{} is not empty, and holds no demo", folder.display());
        return Err(
            Refusal::new(what, "name another folder, which will be made: --dir DIR").into(),
        );
    }
    let in_words = || format!("the demo cannot be written to {}", folder.display());
    for part in ["state", "mailbox/new", "mailbox/cur", "mailbox/tmp"] {
        fs::create_dir_all(folder.join(part)).with_context(in_words)?;
    }
    for mail in samples::mails() {
        fs::write(folder.join("mailbox/new").join(&mail.name), &mail.raw).with_context(in_words)?;
    }
    let tracker = Embedded::open(&folder.join("state/tracker.sqlite3"))?;
    tracker.seed(&demo_issues(now)?)?;
    // Last: a folder with a configuration is a whole demo.
    fs::write(&config, format!("{FIRST_LINE}{CONFIG}")).with_context(in_words)?;
    Ok(true)
}

fn show(session: &Session, folder: &Path, store: &Store, is_new: bool) -> Result<ExitCode> {
    let screen = &session.screen;
    let drafts = load(store, &store.list(ListFilter::ToDecide, MAILS_READ)?);
    let all = load(store, &store.list(ListFilter::All, MAILS_READ)?);
    let all: Vec<&NotificationRow> = all.iter().flatten().map(Box::as_ref).collect();
    screen.document(&json!({
        "folder": folder.display().to_string(),
        "config": session.config_file().display().to_string(),
        "new": is_new,
        "notifications": all.iter().map(|row| shapes::notification(row, session.now)).collect::<Vec<_>>(),
    }));
    let verb = if is_new {
        "A demo was made in"
    } else {
        "The demo goes on in"
    };
    screen.say(format!(
        "{verb} {}",
        screen.paint(Tone::Bold, &folder.display().to_string())
    ));
    let intro = format!(
        "{} from a list were read and compared with the reports of a small bug tracker. \
         {} your decision. Nothing leaves this machine: replies are written to {}.",
        count(all.len(), "mail"),
        match drafts.len() {
            1 => "1 draft waits for".to_owned(),
            more => format!("{more} drafts wait for"),
        },
        folder.join("sent").display()
    );
    for line in wrapped(&intro, screen.width()) {
        screen.say(line);
    }
    if !drafts.is_empty() {
        screen.say("");
        table(screen, &drafts, Keys::ToApprove, session.now);
    }
    needs_nothing(session, &all);
    let stuck = unfinished(store)?;
    if let Some(stuck) = &stuck {
        screen.heading("Not finished");
        tell_unfinished(screen, stuck);
    }
    next(session, &all);
    Ok(match stuck {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}

/// The mails that need no answer, and why.
fn needs_nothing(session: &Session, all: &[&NotificationRow]) {
    let closed: Vec<_> = all
        .iter()
        .filter(|row| matches!(row.stage, Stage::Closed(_)) && row.decision.is_none())
        .collect();
    if closed.is_empty() {
        return;
    }
    let screen = &session.screen;
    screen.heading("Needs no answer");
    for row in closed.iter().take(CLOSED_SHOWN) {
        let lines = wrapped(&terminal(&reason(row)), screen.width().saturating_sub(7));
        for (index, line) in lines.iter().enumerate() {
            let number = match index {
                0 => row.id.to_string(),
                _ => String::new(),
            };
            screen.say(format!("  {number:>3}  {line}"));
        }
    }
}

fn reason(row: &NotificationRow) -> String {
    match &row.closed {
        Some(closed) => format!("{}: {}", closed.reason, closed.note),
        None => row.stage.to_string(),
    }
}

fn next(session: &Session, all: &[&NotificationRow]) {
    let waiting = |row: &&&NotificationRow| row.stage == Stage::Drafted && row.held.is_none();
    let mut commands: Vec<(String, &str)> = Vec::new();
    let ready = |row: &&&NotificationRow| {
        row.draft
            .as_ref()
            .is_some_and(|draft| !draft.draft.is_undecided())
    };
    let mut drafts: Vec<&&NotificationRow> = all.iter().filter(waiting).collect();
    drafts.sort_by_key(|row| row.id);
    if let Some(row) = drafts
        .iter()
        .copied()
        .find(ready)
        .or(drafts.first().copied())
    {
        commands.push((
            format!("show {}", row.id),
            "the mail, what failed, the exact texts",
        ));
        commands.push((format!("approve {}", summary::key(row)), "let them leave"));
    }
    commands.push((
        "list --all".to_owned(),
        "everything that came in, and what became of it",
    ));
    commands.push(("status".to_owned(), "how things stand"));
    session.next(&commands);
}
