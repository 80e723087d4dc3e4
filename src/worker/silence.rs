//! Tells when the list is silent for longer than it ever is (I19).

use anyhow::Result;

use super::{Memory, Parts};
use crate::domain::silence::{LOOKED_AT, silence};

/// Warns once for each silence.
pub(super) fn look(parts: &Parts, memory: &mut Memory) -> Result<()> {
    // What came while the program did not run is taken in first.
    if parts.clock.uptime() < parts.rules.sync_interval {
        return Ok(());
    }
    let now = parts.clock.now();
    let silence = silence(&parts.store.last_received(LOOKED_AT)?, now);
    if memory.silence == silence {
        return Ok(());
    }
    match silence {
        Some(silence) => tracing::warn!(
            hours = (now - silence.since) / 3600,
            usual_hours = silence.usual / 3600,
            "the list is silent for longer than usual; does the subscription still work, \
             and do its mails still go to this mailbox?"
        ),
        None => tracing::info!("the list is not silent any more"),
    }
    memory.silence = silence;
    Ok(())
}
