//! `sync`: the tracker's reports, listed by hand until none is left.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::bar::Bar;
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use super::words::{count, span, timestamp, wrapped};
use crate::config::{Config, Environment, Secrets, TrackerKind};
use crate::daemon::{self, Settings};
use crate::desk::facts::health;
use crate::domain::Seconds;
use crate::domain::delivery::retry_after;
use crate::domain::untrusted::terminal;
use crate::store::{LockRefused, MirrorHealth, Service, Store, lock_daemon};
use crate::trackers::Tracker;
use crate::worker::{Clock, MANY_LISTED, PageListed, list_page, mirror_max_age};

/// So many requests may fail one after the other.
const MOST_FAILURES: u32 = 5;

/// How often the store is looked at while the service lists.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// After so many looks it is asked whether the service still runs.
const LOOKS: u32 = 10;

/// Who listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lister {
    Us,
    TheService,
}

/// Lists the tracker to the end, or lets the running service do it and waits.
pub(super) fn sync(session: &Session) -> Result<ExitCode> {
    let config = session.config()?;
    let store = session.store_or_new(&config)?;
    let (lister, given) = match is_service_running(&config)? {
        true => (Lister::TheService, follow(session, &config, &store)?),
        false => list(session, &config, &store)?,
    };
    tell(session, &config, &store, lister, given)
}

fn is_service_running(config: &Config) -> Result<bool> {
    match lock_daemon(&config.store.state_dir) {
        Ok(_free) => Ok(false),
        Err(LockRefused::Held { .. }) => Ok(true),
        Err(error @ LockRefused::Io { .. }) => Err(error.into()),
    }
}

/// With the tracker's secret and no other: a service's credentials may not be here.
fn tracker(config: Config) -> Result<Tracker> {
    let environment = Environment::of_process();
    let source = match &config.tracker.kind {
        TrackerKind::Embedded { .. } => None,
        TrackerKind::Roundup(roundup) => roundup.login.as_ref().map(|login| &login.secret),
        TrackerKind::GitHub(github) => github.token.as_ref(),
    };
    let secret = source
        .map(|source| source.resolve(&environment))
        .transpose();
    let tracker = secret.map_err(|mistake| anyhow::anyhow!("{mistake}"))?;
    daemon::tracker_of(&Settings {
        secrets: Secrets {
            tracker,
            ..Secrets::default()
        },
        config,
        environment,
    })
}

/// Page by page. When a service starts meanwhile, it goes on.
fn list(session: &Session, config: &Config, store: &Store) -> Result<(Lister, u64)> {
    let tracker = tracker(config.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let clock = Clock::start();
    let mut bar = Bar::new(&session.screen);
    let mut failed = 0;
    let mut looked_at = clock.now();
    loop {
        match runtime.block_on(list_page(&tracker, store, clock))? {
            PageListed::More(state) => {
                failed = 0;
                if let Some(listing) = state.listing {
                    bar.show(listing.given, listing.to_come, "item");
                }
            }
            PageListed::Last { given, .. } => {
                bar.clear();
                if given >= MANY_LISTED {
                    while store.mirror(&tracker.name()).tidy()? {}
                }
                return Ok((Lister::Us, given));
            }
            PageListed::Failed { why, asked } => {
                failed += 1;
                let pause = pause(session, failed, &why, asked)?;
                bar.say(&format!(
                    "{}; trying again in {}",
                    terminal(&why),
                    span(pause)
                ));
                std::thread::sleep(Duration::from_secs(pause.unsigned_abs()));
            }
        }
        if clock.now() > looked_at {
            looked_at = clock.now();
            if is_service_running(config)? {
                bar.say("A service was started, and goes on with the listing.");
                return Ok((Lister::TheService, follow(session, config, store)?));
            }
        }
    }
}

/// How long to wait after a request that failed, in seconds. One that waits because
/// the tracker said how long is no failure.
fn pause(session: &Session, failed: u32, why: &str, asked: Option<u64>) -> Result<Seconds> {
    if failed > MOST_FAILURES && asked.is_none() {
        let what = format!("the tracker cannot be read: {why}");
        let remedy = format!(
            "what was listed is kept; later, it goes on there with: {}",
            session.line("sync")
        );
        return Err(Refusal::new(what, remedy).into());
    }
    let pause = retry_after(failed.min(MOST_FAILURES), asked, 0.5);
    Ok(Seconds::try_from(pause).unwrap_or(Seconds::MAX))
}

/// Asks the service for a listing, and waits for its end.
fn follow(session: &Session, config: &Config, store: &Store) -> Result<u64> {
    let name = super::facts::tracker_name(config)?;
    let mirror = store.mirror(&name);
    session
        .screen
        .say("The service is running: it lists the tracker, and this waits for it.");
    let mut bar = Bar::new(&session.screen);
    let mut given = 0;
    mirror.ask(session.now)?;
    for look in 1.. {
        std::thread::sleep(LOOK_EVERY);
        let state = mirror.state()?;
        if let Some(listing) = state.listing {
            given = listing.given;
            bar.show(listing.given, listing.to_come, "item");
        }
        let troubles = store.troubles()?;
        let trouble = troubles
            .iter()
            .find(|it| it.service == Service::Tracker.name());
        if let Some(trouble) = trouble {
            bar.clear();
            mirror.stop_asking()?;
            let what = format!("the service cannot read the tracker: {}", trouble.words);
            let remedy = format!("it tries again by itself; see {}", session.line("status"));
            return Err(Refusal::new(what, remedy).into());
        }
        if state.asked_at.is_none() {
            break;
        }
        if look % LOOKS == 0 && !is_service_running(config)? {
            bar.clear();
            mirror.stop_asking()?;
            let what = "the service ended before the tracker was listed to the end";
            let remedy = format!("to go on without it: {}", session.line("sync"));
            return Err(Refusal::new(what, remedy).into());
        }
    }
    bar.clear();
    Ok(given)
}

fn tell(
    session: &Session,
    config: &Config,
    store: &Store,
    lister: Lister,
    given: u64,
) -> Result<ExitCode> {
    let name = super::facts::tracker_name(config)?;
    let mirror = store.mirror(&name);
    let interval = Seconds::try_from(config.tracker.sync_interval.as_secs());
    let max_age = mirror_max_age(interval.unwrap_or(Seconds::MAX));
    let now = crate::worker::wall_clock();
    let (reports, open, found) = (
        mirror.count()?,
        mirror.open_count()?,
        mirror.health(now, max_age)?,
    );
    let (word, why) = health(&found);
    session.screen.document(&json!({
        "tracker": name,
        "listed_by": match lister { Lister::Us => "sync", Lister::TheService => "service" },
        "given": given,
        "reports": reports,
        "open": open,
        "complete_at": mirror.state()?.complete_at.map(timestamp),
        "health": word,
        "why": why,
    }));
    let reports = count(usize::try_from(reports).unwrap_or(usize::MAX), "report");
    let items = count(usize::try_from(given).unwrap_or(usize::MAX), "item");
    let words =
        format!("Listed {name} to the end: {items} came; {reports} known, {open} of them open.");
    for line in wrapped(&words, session.screen.width()) {
        session.screen.say(line);
    }
    if let Some(why) = why {
        let words = format!("Nothing is called new all the same: {}", terminal(why));
        for line in wrapped(&words, session.screen.width()) {
            session
                .screen
                .say(session.screen.paint(Tone::Warning, &line));
        }
    }
    let mut commands = vec![("status".to_owned(), "how things stand")];
    if matches!(found, MirrorHealth::Suspicious(_)) {
        let what = "if so many reports really were closed";
        commands.insert(0, ("trust-mirror".to_owned(), what));
    }
    session.next(&commands);
    Ok(match found {
        MirrorHealth::Fresh => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
