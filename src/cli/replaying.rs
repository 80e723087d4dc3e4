//! `replay`: what it would have done with mails that somebody has.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::args::Replay;
use super::json as shapes;
use super::listing::{Keys, Loaded, load, table, unfinished};
use super::refusal::Refusal;
use super::saved::Sorted;
use super::session::Session;
use super::texts;
use super::words::{count, cut, wrapped};
use crate::config::{Config, Environment, Outgoing, Secrets, TrackerKind};
use crate::daemon::{self, Settings, TakenFrom};
use crate::domain::Seconds;
use crate::store::{NotificationId, PROGRAM, Store, Switch, Taken};
use crate::worker::{self, Memory, Parts};

/// Shows what would have been done, or takes the mails in.
pub(super) fn replay(session: &Session, wanted: &Replay) -> Result<ExitCode> {
    if !wanted.path.exists() {
        let what = format!("there is nothing at {}", wanted.path.display());
        return Err(Refusal::new(
            what,
            "name a Maildir, an mbox, a folder of .eml files or one of them",
        )
        .into());
    }
    let settings = without_secrets(session.config()?);
    if wanted.store {
        return take_in(session, &settings, &wanted.path);
    }
    try_out(session, &settings, wanted)
}

/// A replay logs in nowhere, so that it works where systemd's credentials are not.
fn without_secrets(config: Config) -> Settings {
    let outgoing = Outgoing::Maildir {
        // Nothing leaves: this folder is never made.
        path: config.store.state_dir.join("replay"),
        sender: config.outgoing.sender().clone(),
    };
    Settings {
        config: Config { outgoing, ..config },
        secrets: Secrets::default(),
        environment: Environment::of_process(),
    }
}

/// Works on a copy of the store in a folder that is gone afterwards.
fn try_out(session: &Session, settings: &Settings, wanted: &Replay) -> Result<ExitCode> {
    let folder = tempfile::Builder::new()
        .prefix("buildbot-watch-replay.")
        .tempdir()
        .context("making a temporary folder")?;
    let copy = folder.path().join("copy.sqlite3");
    let database = daemon::database(&settings.config);
    if database.exists() {
        Store::open(&database)?.copy_to(&copy)?;
    }
    let store = Store::open(&copy)?;
    // Whatever waits in the copy's outbox stays there.
    store.switch_on(Switch::Pause, "this is a replay", PROGRAM, session.now)?;
    let parts = daemon::parts_of(settings, store)?;
    let assumed = wanted.assume_list.then(|| settings.config.list.id.clone());
    let mut sorted = Sorted::new(assumed);
    let taken = daemon::take_in_path(&settings.config, &parts, &wanted.path, |mail| {
        sorted.sort(mail)
    })?;
    some(&taken, &sorted, &wanted.path)?;
    work(&parts, next_sync(&settings.config), taken.len())?;
    let rows = load(&parts.store, &ids(&taken));
    session
        .screen
        .document(&document(&taken, &sorted, &rows, session.now));
    table(&session.screen, &rows, Keys::Number, session.now);
    told_apart(session, &taken);
    sorted.tell(&session.screen);
    without_reports(session, &parts.store)?;
    if wanted.show {
        print_texts(session, &settings.config, &rows);
    }
    session.screen.say("");
    session.screen.say("Nothing was kept and nothing was sent.");
    let path = super::words::quoted(&wanted.path.to_string_lossy());
    let mut next = vec![(
        format!("replay --store {path}"),
        "take these mails in; drafts wait for you",
    )];
    if !wanted.show {
        next.insert(
            0,
            (
                format!("replay --show {path}"),
                "the texts that would leave",
            ),
        );
    }
    session.next(&next);
    Ok(ExitCode::SUCCESS)
}

/// Asks no tracker on another machine: the copy of its reports is what counts.
fn next_sync(config: &Config) -> Seconds {
    match config.tracker.kind {
        TrackerKind::Embedded { .. } => 0,
        TrackerKind::Roundup(_) | TrackerKind::GitHub(_) => Seconds::MAX,
    }
}

fn work(parts: &Parts, next_sync: Seconds, mails: usize) -> Result<()> {
    // Four steps for each mail would be enough; more than that many passes mean
    // that something makes itself due again and again.
    let most_passes = 100 + 4 * mails;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let mut memory = Memory::fresh();
    memory.next_sync = next_sync;
    runtime.block_on(async {
        for _ in 0..most_passes {
            if worker::pass(parts, &mut memory).await? > parts.clock.now() {
                break;
            }
        }
        Ok(())
    })
}

fn ids(taken: &[TakenFrom]) -> Vec<NotificationId> {
    let mut ids: Vec<NotificationId> = taken.iter().map(|it| id(it.taken)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn id(taken: Taken) -> NotificationId {
    match taken {
        Taken::New(id) | Taken::Known(id) | Taken::Conflict(id) => id,
    }
}

/// A path without any mail is a mistake.
fn some(taken: &[TakenFrom], sorted: &Sorted, path: &Path) -> Result<()> {
    if !taken.is_empty() || sorted.no_mails.is_empty() {
        return Ok(());
    }
    let path = path.display();
    let what = match sorted.no_mails.as_slice() {
        [_] => format!("{path} is not a mail"),
        files => format!(
            "none of the {} at {path} is a mail",
            count(files.len(), "file")
        ),
    };
    let remedy = "name a Maildir, an mbox, a folder of .eml files or one of them";
    Err(Refusal::new(what, remedy).into())
}

/// Whatever waits for the reports of the tracker waits here for good: a replay
/// fetches none.
fn without_reports(session: &Session, store: &Store) -> Result<()> {
    let Some(unfinished) = unfinished(store)? else {
        return Ok(());
    };
    session.screen.say("");
    unfinished.print(&session.screen);
    let words = "A replay compares with the reports that the service has listed, and fetches \
                 none itself. Start the service, wait until `status` calls its copy of the \
                 tracker complete (that takes no mails of this replay in), and replay again.";
    for line in wrapped(words, session.screen.width()) {
        session.screen.say(line);
    }
    Ok(())
}

fn document(taken: &[TakenFrom], sorted: &Sorted, rows: &[Loaded], now: Seconds) -> Value {
    let mails = taken.iter().map(|it| {
        json!({
            "origin": it.origin,
            "taken": match it.taken { Taken::New(_) => "new", Taken::Known(_) => "known", Taken::Conflict(_) => "conflict" },
            "id": id(it.taken).0,
        })
    });
    let rows = rows.iter().map(|row| match row {
        Ok(row) => {
            let mut document = shapes::notification(row, now);
            if let Value::Object(fields) = &mut document {
                fields.insert(
                    "draft_texts".to_owned(),
                    json!(row.draft.as_ref().map(|it| &it.draft)),
                );
            }
            document
        }
        Err((id, why)) => json!({ "id": id.0, "error": why }),
    });
    json!({
        "mails": mails.collect::<Vec<_>>(),
        "notifications": rows.collect::<Vec<_>>(),
        "not_mails": sorted.no_mails,
        "without_list_id": sorted.without_list,
    })
}

/// How many were new, and how many were not.
fn told_apart(session: &Session, taken: &[TakenFrom]) {
    let of = |is: fn(&Taken) -> bool| taken.iter().filter(|it| is(&it.taken)).count();
    let known = of(|it| matches!(it, Taken::Known(_)));
    let conflicts = of(|it| matches!(it, Taken::Conflict(_)));
    session.screen.say("");
    let mut words = format!("{} read", count(taken.len(), "mail"));
    if known > 0 {
        words.push_str(&format!(", {known} of them known before"));
    }
    if conflicts > 0 {
        words.push_str(&format!(", {conflicts} with the Message-ID of another"));
    }
    session.screen.say(format!("{words}."));
}

fn print_texts(session: &Session, config: &Config, rows: &[Loaded]) {
    for row in rows.iter().flatten() {
        let Some(draft) = &row.draft else { continue };
        let title = format!("{}: {}", row.id, super::summary::what_failed(row));
        session.screen.heading(&cut(&title, session.screen.width()));
        texts::print(&session.screen, draft, config, row.decision.as_ref());
    }
}

/// Takes the mails in for real; the service, or in a demo's folder this command,
/// does the rest.
fn take_in(session: &Session, settings: &Settings, path: &Path) -> Result<ExitCode> {
    let store = session.store_of(&settings.config)?;
    let parts = daemon::parts_of(settings, store)?;
    let mut sorted = Sorted::new(None);
    let taken = daemon::take_in_path(&settings.config, &parts, path, |mail| sorted.sort(mail))?;
    some(&taken, &sorted, path)?;
    super::delivering::settle_demo(session)?;
    let rows = load(&parts.store, &ids(&taken));
    session
        .screen
        .document(&document(&taken, &sorted, &rows, session.now));
    table(&session.screen, &rows, Keys::ToApprove, session.now);
    told_apart(session, &taken);
    sorted.tell(&session.screen);
    session.next(&[("list".to_owned(), "the drafts that wait for you")]);
    Ok(ExitCode::SUCCESS)
}
