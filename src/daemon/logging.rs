//! What the program says of itself: structured events, to the journal or as lines.

use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{Log, LogFormat};

/// Starts writing events; to be called once.
pub(super) fn start(log: &Log) -> Result<()> {
    // Libraries speak of single frames and records; only their warnings matter.
    let wanted = Targets::new()
        .with_default(LevelFilter::from_level(Level::WARN.min(log.level)))
        .with_target("buildbot_watch", log.level);
    let registry = tracing_subscriber::registry();
    if wants_journal(log.format) {
        let journal = tracing_journald::layer()
            .context("the journal cannot be reached; set `format = \"text\"` in [log]")?;
        return registry
            .with(journal.with_filter(wanted))
            .try_init()
            .map_err(|error| anyhow!("starting the log: {error}"));
    }
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    registry
        .with(lines.with_filter(wanted))
        .try_init()
        .map_err(|error| anyhow!("starting the log: {error}"))
}

/// systemd sets JOURNAL_STREAM for a service whose standard error is the journal
/// (systemd.exec(5)).
fn wants_journal(format: LogFormat) -> bool {
    match format {
        LogFormat::Journal => true,
        LogFormat::Text => false,
        LogFormat::Auto => std::env::var_os("JOURNAL_STREAM").is_some(),
    }
}
