//! `replay`: what it would have done with mails that somebody has.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::args::Replay;
use super::json as shapes;
use super::listing::{Keys, Loaded, load, table, tell_unfinished};
use super::refusal::Refusal;
use super::saved::Sorted;
use super::screen::Tone;
use super::session::Session;
use super::summary;
use super::texts;
use super::words::{count, cut, wrapped};
use crate::config::{Config, Environment, Outgoing, Secrets, TrackerKind};
use crate::daemon::{self, Settings, TakenFrom};
use crate::desk::facts;
use crate::desk::unfinished::unfinished;
use crate::domain::Seconds;
use crate::domain::untrusted::terminal;
use crate::store::{NotificationId, PROGRAM, Store, Switch, Taken};
use crate::worker::{self, Memory, Parts, UnfitMirror};

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
    let original = match database.try_exists() {
        Ok(false) => None,
        _ => Some(session.store_of(&settings.config)?),
    };
    try_out_on(session, settings, wanted, original.as_ref(), &copy)
        // The disk of the copy may be another one than the database's.
        .map_err(|error| super::disk_of(error, folder.path()))
}

fn try_out_on(
    session: &Session,
    settings: &Settings,
    wanted: &Replay,
    original: Option<&Store>,
    copy: &Path,
) -> Result<ExitCode> {
    if let Some(original) = original {
        original.copy_to(copy)?;
    }
    let store = Store::open(copy)?;
    // Whatever waits in the copy's outbox stays there.
    store.switch_on(Switch::Pause, "this is a replay", PROGRAM, session.now)?;
    let mut parts = daemon::parts_of(settings, store)?;
    // Nothing gets better here by waiting, and nothing can leave.
    parts.rules.unfit_mirror = UnfitMirror::SayNew;
    // This only looks: nobody decides anything.
    parts.rules.auto.clear();
    parts.rules.log_wait = 0;
    let parts = parts;
    let assumed = wanted.assume_list.then(|| settings.config.list.id.clone());
    let mut sorted = Sorted::new(assumed);
    let taken = daemon::take_in_path(&settings.config, &parts, &wanted.path, |mail| {
        sorted.sort(mail)
    })?;
    some(&taken, &sorted, &wanted.path)?;
    work(&parts, next_sync(&settings.config), taken.len())?;
    let rows = load(&parts.store, &ids(&taken));
    let unfit = unfit_mirror(session, settings, &parts)?;
    let mut document = document(&taken, &sorted, &rows, session.now);
    if let Value::Object(fields) = &mut document {
        fields.insert("mirror_unfit_why".to_owned(), json!(unfit));
    }
    session.screen.document(&document);
    table(&session.screen, &rows, Keys::Number, session.now);
    told_apart(session, &taken);
    sorted.tell(&session.screen);
    if let Some(unfinished) = unfinished(&parts.store)? {
        session.screen.say("");
        tell_unfinished(&session.screen, &unfinished);
    }
    if let Some(why) = &unfit {
        without_reports(session, &rows, &parts.tracker.name(), why);
    }
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

/// Why the copy of the tracker's reports cannot tell what is new, if it cannot.
fn unfit_mirror(session: &Session, settings: &Settings, parts: &Parts) -> Result<Option<String>> {
    let interval = settings.config.tracker.sync_interval.as_secs();
    let max_age = worker::mirror_max_age(Seconds::try_from(interval).unwrap_or(Seconds::MAX));
    let name = parts.tracker.name();
    let health = parts.store.mirror(&name).health(session.now, max_age)?;
    Ok(facts::health(&health).1.map(str::to_owned))
}

/// A replay fetches no reports: what it calls new was compared with those only that
/// a service has listed.
fn without_reports(session: &Session, rows: &[Loaded], tracker: &str, why: &str) {
    let is_new = |row: &Loaded| row.as_ref().is_ok_and(|row| summary::is_partly_new(row));
    if !rows.iter().any(is_new) {
        return;
    }
    let screen = &session.screen;
    let words = format!(
        "What is called new here may have a report already: {}. A replay asks {} for none; it \
         compares with those that the service has listed. The service itself would wait. For \
         the whole answer start it, wait until `status` calls its copy fresh (no mail of this \
         replay is taken in by that), and replay again.",
        terminal(why),
        terminal(tracker)
    );
    screen.say("");
    for line in wrapped(&words, screen.width()) {
        screen.say(screen.paint(Tone::Warning, &line));
    }
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
        let title = format!("{}: {}", row.id, summary::what_failed(row));
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
