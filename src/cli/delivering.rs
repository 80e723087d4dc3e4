//! What happens right after a decision. In a demo's folder nobody else works,
//! so the command does what is due by itself; elsewhere the service does it.

use std::time::Duration;

use anyhow::{Context, Result};

use super::screen::Tone;
use super::session::Session;
use super::showing::delivery_lines;
use super::words::wrapped;
use crate::config::{Config, Mailbox, Outgoing, TrackerKind};
use crate::daemon::{self, History};
use crate::desk::deciding::Kept;
use crate::desk::facts::is_service_running;
use crate::domain::Seconds;
use crate::domain::untrusted::terminal;
use crate::store::{NotificationRow, Switch};
use crate::worker::wall_clock;

/// What is due within so many seconds is waited for.
const LONGEST_WAIT: Seconds = 3;
/// How often something is waited for.
const MOST_WAITS: usize = 20;

/// Who does what is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    /// This command did it.
    Us,
    /// A service that runs.
    Service,
    /// Nobody, until a service is started.
    Nobody,
    /// That cannot be told: the lock is another user's.
    Unknown,
}

/// Does what is due now, if this is a demo's folder.
pub(super) fn settle_demo(session: &Session) -> Result<Worker> {
    let config = session.config()?;
    match is_service_running(&config.store.state_dir) {
        Some(true) => return Ok(Worker::Service),
        Some(false) => {}
        None => return Ok(Worker::Unknown),
    }
    if session.folder().is_none() || !stays_here(&config) {
        return Ok(Worker::Nobody);
    }
    let store = session.store_of(&config)?;
    for _ in 0..MOST_WAITS {
        daemon::settle(&session.config_file(), History::TakeIn).context(Kept(
            "what you decided is kept, but could not be carried out now",
        ))?;
        let now = wall_clock();
        match store.next_deadline(now)? {
            // Writes to the tracker keep a distance of some seconds.
            Some(due) if due <= now + LONGEST_WAIT => {
                let pause = u64::try_from(due - now).unwrap_or(0).max(1);
                std::thread::sleep(Duration::from_secs(pause));
            }
            _ => break,
        }
    }
    Ok(Worker::Us)
}

/// Whether nothing can leave this machine: every part is embedded.
pub(super) fn stays_here(config: &Config) -> bool {
    matches!(config.tracker.kind, TrackerKind::Embedded { .. })
        && matches!(config.outgoing, Outgoing::Maildir { .. })
        && matches!(
            config.mailbox,
            Mailbox::Maildir { .. } | Mailbox::Mbox { .. }
        )
}

/// Says what became of an approved draft, or who will see to it.
pub(super) fn report(session: &Session, row: &NotificationRow, worker: Worker) {
    let screen = &session.screen;
    for delivery in &row.deliveries {
        delivery_lines(screen, delivery, session.now);
    }
    if let Some(held) = &row.held {
        let words = format!("held by {}: {}", held.who, held.why);
        let release = session.line(&format!("release {}", row.id));
        for line in wrapped(&terminal(&words), screen.width().saturating_sub(2)) {
            screen.say(screen.paint(Tone::Warning, &format!("  {line}")));
        }
        screen.say(format!("  to let it leave all the same: {release}"));
        return;
    }
    let undone = row.deliveries.iter().any(|it| it.receipt.is_none());
    if undone && let Some(words) = kept_back(session) {
        for line in wrapped(&terminal(&words), screen.width().saturating_sub(2)) {
            screen.say(screen.paint(Tone::Warning, &format!("  {line}")));
        }
        return;
    }
    match worker {
        Worker::Us => {}
        Worker::Service => screen.say("  The service delivers it now."),
        Worker::Unknown => screen.say("  It leaves as soon as the service runs."),
        Worker::Nobody => screen.say("  No service is running: it leaves when one is started."),
    }
}

/// Why nothing leaves now, if a switch is on.
fn kept_back(session: &Session) -> Option<String> {
    let store = session.store().ok()?;
    let on = |switch| store.switch(switch).ok().flatten();
    if let Some(stop) = on(Switch::Stop) {
        return Some(format!(
            "queued: STOP is on, by {}: {}: nothing leaves until `{}`",
            stop.who,
            stop.reason,
            session.line("clear-stop")
        ));
    }
    let pause = on(Switch::Pause)?;
    Some(format!(
        "queued: paused by {}: {}: nothing leaves until `{}`",
        pause.who,
        pause.reason,
        session.line("resume")
    ))
}
