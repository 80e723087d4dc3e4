//! Keeps the local copy of the tracker's bug reports up to date.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Clock, Memory, Parts, signing};
use crate::domain::Seconds;
use crate::domain::delivery::retry_after;
use crate::store::{Batch, CommentUpdate, Mirror, MirrorHealth, MirrorState, Service, Store};
use crate::trackers::{CommentOn, Next, OpenCount, Page, Tracker, Wait};

/// A large tracker takes hours the first time; other work goes on in between.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Lists what changed since the last time, if it is time to. An error is told
/// and tried again later: matching looks at the mirror's health by itself.
pub(super) async fn bring_up_to_date(parts: &Parts, memory: &mut Memory) -> Result<()> {
    if parts.clock.now() < memory.next_sync && !is_asked_for(parts, memory)? {
        return tidy(parts, memory);
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
            // In this order: who asked looks for the trouble when the asking ended.
            parts.store.note_trouble(Service::Tracker, &why, now)?;
            parts.store.mirror(&parts.tracker.name()).stop_asking()?;
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

/// Whether somebody wants a listing before its time. A tracker that does not answer
/// is not asked more often for it.
fn is_asked_for(parts: &Parts, memory: &Memory) -> Result<bool> {
    let name = parts.tracker.name();
    Ok(memory.failed_syncs == 0 && parts.store.mirror(&name).state()?.asked_at.is_some())
}

/// Joins the pieces of the indexes after a large listing, a step in each pass.
fn tidy(parts: &Parts, memory: &mut Memory) -> Result<()> {
    if !memory.is_tidy {
        let name = parts.tracker.name();
        memory.is_tidy = !parts.store.mirror(&name).tidy()?;
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
    let begun = Instant::now();
    loop {
        parts.beat();
        match list_page(&parts.tracker, &parts.store, parts.clock).await? {
            PageListed::More(state) => tell_progress(parts, memory, &state),
            PageListed::Last { given, state } => {
                tell_suspicion(&parts.tracker.name(), memory, state.suspicious.as_deref());
                tell_end(parts, memory, given);
                memory.is_tidy &= given < MANY;
                return Ok(Listing::Ended);
            }
            PageListed::Failed { why, asked } => return Ok(Listing::Failed { why, asked }),
        }
        if parts.is_stopping() || begun.elapsed() > AT_ONCE {
            return Ok(Listing::Unfinished);
        }
    }
}

/// A listing that gave so many reports and comments is worth some words in the log,
/// and leaves the indexes in many pieces ([`Mirror::tidy`]).
pub const MANY: u64 = 2000;

/// The log tells how far a long listing is, every so many seconds.
const TELL_EVERY: Seconds = 60;

fn tell_progress(parts: &Parts, memory: &mut Memory, state: &MirrorState) {
    let Some(listing) = state.listing else { return };
    let now = parts.clock.now();
    if listing.given < MANY || now < memory.listing_told_at + TELL_EVERY {
        return;
    }
    memory.listing_told_at = now;
    tracing::info!(
        tracker = parts.tracker.name(),
        given = listing.given,
        to_come = listing.to_come,
        "the tracker's reports are being listed"
    );
}

fn tell_end(parts: &Parts, memory: &mut Memory, given: u64) {
    memory.listing_told_at = 0;
    if given >= MANY {
        tracing::info!(
            tracker = parts.tracker.name(),
            given,
            "the tracker's reports were listed to the end"
        );
    }
}

/// What one request for a page of the tracker's reports came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageListed {
    /// It is kept, and there is more.
    More(MirrorState),
    /// It is kept, and was the last.
    Last {
        /// So many reports and comments the whole listing gave.
        given: u64,
        /// How the mirror is now.
        state: MirrorState,
    },
    /// The tracker did not give it; asking again asks for the same page.
    Failed {
        /// In words.
        why: String,
        /// After so many seconds it may be asked again, if it said so.
        asked: Option<u64>,
    },
}

/// Lists one page behind what the mirror has, and keeps it. Two processes may do
/// so at the same time: each page is kept with its cursor, and one that is kept
/// twice is kept once.
///
/// # Errors
///
/// The store's.
pub async fn list_page(tracker: &Tracker, store: &Store, clock: Clock) -> Result<PageListed> {
    let name = tracker.name();
    let mirror = store.mirror(&name);
    let cursor = mirror.state()?.cursor;
    let page = match tracker.changed_since(cursor.as_deref()).await {
        Ok(page) => page,
        Err(error) => {
            let asked = error.downcast_ref::<Wait>().map(|wait| wait.seconds);
            return Ok(PageListed::Failed {
                why: format!("{error:#}"),
                asked,
            });
        }
    };
    let is_last = keep(mirror, page, clock.now())?;
    let state = mirror.state()?;
    if !is_last {
        return Ok(PageListed::More(state));
    }
    let here = mirror.open_count()?;
    let open = match tracker.count_open().await {
        Ok(Some(OpenCount::Exact(open))) => open,
        Ok(Some(OpenCount::About(open))) if open > here + ON_THEIR_WAY => open,
        // The tracker does not say, or not now, or it is as it should be: then our
        // own count is compared with the one before.
        Ok(Some(OpenCount::About(_)) | None) | Err(_) => here,
    };
    Ok(PageListed::Last {
        given: state.listing.map_or(0, |listing| listing.given),
        state: mirror.finish_sync(open, clock.now())?,
    })
}

/// So many reports may have been closed between the listing and the count.
const ON_THEIR_WAY: u64 = 5;

/// Stores a page and its cursor; says whether this was all.
fn keep(mirror: Mirror<'_>, page: Page, now: Seconds) -> Result<bool> {
    let (cursor, is_last) = match &page.next {
        Next::More(cursor) => (cursor, false),
        Next::Complete(cursor) => (cursor, true),
    };
    let comments: Vec<CommentUpdate> = page
        .comments
        .into_iter()
        .map(|CommentOn { issue, comment }| CommentUpdate { issue, comment })
        .collect();
    let batch = Batch {
        issues: &page.issues,
        comments: &comments,
        cursor,
        to_come: page.to_come,
    };
    mirror.take(&batch, now)?;
    Ok(is_last)
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
