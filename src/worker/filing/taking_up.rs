//! Builds that were noted and not read, because the program ended meanwhile.

use std::time::Duration;

use anyhow::Result;

use super::{NotFiled, place_of, read_and_store, too_slow, word_of};
use crate::domain::Seconds;
use crate::store::{Noted, Taken, is_disk_trouble};
use crate::worker::{Memory, Parts};

/// Whoever noted it works on it for at most so long.
const ABANDONED: Seconds = 10 * 60;

/// The loop waits for one build for so long: below the watchdog's patience.
const PATIENCE: Duration = Duration::from_secs(40);

/// After so many attempts it is given up.
const MOST_ATTEMPTS: u32 = 3;

/// Files what is left: everything at the start of the process, later what is old.
/// Whoever still works on one of them takes the same notification.
///
/// # Errors
///
/// Only the store's.
pub(in crate::worker) async fn take_up(parts: &Parts, memory: &mut Memory) -> Result<()> {
    let now = parts.clock.now();
    let before = match memory.has_taken_up {
        true => now - ABANDONED,
        false => now,
    };
    memory.has_taken_up = true;
    for noted in parts.store.filings_noted_before(before)? {
        parts.beat();
        if parts.is_stopping() {
            break;
        }
        finish(parts, &noted).await?;
    }
    Ok(())
}

async fn finish(parts: &Parts, noted: &Noted) -> Result<()> {
    let store = &parts.store;
    let attempt = store.count_filing(noted.id, parts.clock.now())?;
    let filed = tokio::time::timeout(PATIENCE, filed(parts, noted)).await;
    let filed = filed.unwrap_or_else(|_| Err(too_slow()));
    let now = parts.clock.now();
    let why = match filed {
        Ok(taken) => return store.end_filing(noted.id, &word_of(taken), now),
        Err(NotFiled::Trouble(error)) if is_disk_trouble(&error) => return Err(error),
        Err(why) => why,
    };
    let may_change = matches!(
        why,
        NotFiled::Unreachable(_) | NotFiled::Running(_) | NotFiled::Trouble(_)
    );
    if may_change && attempt < MOST_ATTEMPTS {
        tracing::info!(why = %why, "a build that was to be filed is tried again later");
        return Ok(());
    }
    tracing::warn!(why = %why, "a build that was to be filed is given up");
    let detail = format!("{}: {why}", noted.address);
    store.audit(None, &noted.who, "not filed", &detail, now)?;
    store.end_filing(noted.id, &why.to_string(), now)
}

async fn filed(parts: &Parts, noted: &Noted) -> Result<Taken, NotFiled> {
    let (ci, link) = place_of(parts, &noted.address)?;
    read_and_store(parts, ci, link, &noted.who).await
}
