//! Keeps the local copy of the tracker's bug reports up to date.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Memory, Parts, signing};
use crate::domain::Seconds;
use crate::domain::delivery::retry_after;
use crate::store::{CommentUpdate, MirrorHealth, Service};
use crate::trackers::{CommentOn, Next, Page, Wait};

/// A large tracker takes hours the first time; other work goes on in between.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Lists what changed since the last time, if it is time to. An error is told
/// and tried again later: matching looks at the mirror's health by itself.
pub(super) async fn bring_up_to_date(parts: &Parts, memory: &mut Memory) -> Result<()> {
    if parts.clock.now() < memory.next_sync {
        return Ok(());
    }
    match list_changes(parts, memory).await {
        Ok(Listing::Ended) => {
            tell_back(parts, memory)?;
            memory.next_sync = parts.clock.now() + parts.rules.sync_interval;
        }
        // It stays due, and the next pass goes on at the page that comes next.
        Ok(Listing::Unfinished) => tell_back(parts, memory)?,
        Ok(Listing::Failed { why, asked }) => {
            let now = parts.clock.now();
            parts.store.note_trouble(Service::Tracker, &why, now)?;
            memory.failed_syncs = memory.failed_syncs.saturating_add(1);
            let pause = retry_after(memory.failed_syncs, asked, parts.chance());
            memory.next_sync = parts.clock.now() + Seconds::try_from(pause).unwrap_or(Seconds::MAX);
            // Once for people; the repetitions are for those who look closer.
            if memory.failed_syncs == 1 {
                tracing::warn!(
                    tracker = parts.tracker.name(),
                    why,
                    "the tracker cannot be read; drafts of new issues wait"
                );
            } else {
                tracing::debug!(
                    tracker = parts.tracker.name(),
                    why,
                    pause,
                    "the tracker still cannot be read"
                );
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Warns once for each suspicion.
fn tell_suspicion(tracker: &str, memory: &mut Memory, suspicious: Option<&str>) {
    match suspicious {
        Some(why) if !memory.is_suspicion_told => {
            tracing::warn!(
                tracker,
                why,
                "the listing of the tracker is suspicious; no issue is called new"
            );
        }
        None if memory.is_suspicion_told => {
            tracing::info!(
                tracker,
                "the listing of the tracker is as it should be again"
            );
        }
        Some(_) | None => {}
    }
    memory.is_suspicion_told = suspicious.is_some();
}

fn tell_back(parts: &Parts, memory: &mut Memory) -> Result<()> {
    if memory.failed_syncs > 0 {
        tracing::info!(tracker = parts.tracker.name(), "the tracker answers again");
    }
    memory.failed_syncs = 0;
    parts.store.clear_trouble(Service::Tracker)?;
    Ok(())
}

enum Listing {
    Ended,
    /// There is more, and other work must not wait for it.
    Unfinished,
    Failed {
        why: String,
        asked: Option<u64>,
    },
}

async fn list_changes(parts: &Parts, memory: &mut Memory) -> Result<Listing> {
    let name = parts.tracker.name();
    let mirror = parts.store.mirror(&name);
    let begun = Instant::now();
    let mut cursor = mirror.state()?.cursor;
    loop {
        parts.beat();
        let page = match parts.tracker.changed_since(cursor.as_deref()).await {
            Ok(page) => page,
            Err(error) => {
                let asked = error.downcast_ref::<Wait>().map(|wait| wait.seconds);
                return Ok(Listing::Failed {
                    why: format!("{error:#}"),
                    asked,
                });
            }
        };
        let (next, ended) = keep(parts, &name, page)?;
        cursor = Some(next);
        if ended {
            break;
        }
        if parts.is_stopping() || begun.elapsed() > AT_ONCE {
            return Ok(Listing::Unfinished);
        }
    }
    let open = match parts.tracker.count_open().await {
        Ok(Some(open)) => open,
        // The tracker does not say, or not now: then our own count is compared.
        Ok(None) | Err(_) => mirror.open_count()?,
    };
    let state = mirror.finish_sync(open, parts.clock.now())?;
    tell_suspicion(&name, memory, state.suspicious.as_deref());
    Ok(Listing::Ended)
}

/// Stores a page and its cursor; says where to go on and whether this was all.
fn keep(parts: &Parts, name: &str, page: Page) -> Result<(String, bool)> {
    let mirror = parts.store.mirror(name);
    let (cursor, ended) = match page.next {
        Next::More(cursor) => (cursor, false),
        Next::Complete(cursor) => (cursor, true),
    };
    let comments: Vec<CommentUpdate> = page
        .comments
        .into_iter()
        .map(|CommentOn { issue, comment }| CommentUpdate { issue, comment })
        .collect();
    mirror.upsert(&page.issues, None)?;
    // Last, so that a crash between the two asks for the page again.
    mirror.upsert_comments(&comments, Some(&cursor))?;
    Ok((cursor, ended))
}

/// How old the mirror may be, in seconds: three missed listings, and at least a
/// quarter of an hour, because one slow answer of the tracker is no reason to wait.
pub fn mirror_max_age(sync_interval: Seconds) -> Seconds {
    sync_interval.saturating_mul(3).max(15 * 60)
}

/// Why nothing may be called new yet, in words; `None` if it may.
pub(super) fn why_not_new(parts: &Parts, now: Seconds) -> Result<Option<String>> {
    if let Some(why) = signing::why_not_new(parts)? {
        return Ok(Some(why));
    }
    let name = parts.tracker.name();
    let max_age = mirror_max_age(parts.rules.sync_interval);
    Ok(match parts.store.mirror(&name).health(now, max_age)? {
        MirrorHealth::Fresh => None,
        MirrorHealth::Incomplete(why)
        | MirrorHealth::Stale(why)
        | MirrorHealth::Suspicious(why) => Some(why),
    })
}
