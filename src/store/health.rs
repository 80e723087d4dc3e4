//! Whether the mirror may be trusted to say that something does not exist (I11).

use std::fmt;

use anyhow::Result;
use rusqlite::params;

use super::{Mirror, MirrorState, audit};
use crate::domain::Seconds;

/// What the mirror is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorHealth {
    /// "New" may be concluded from it.
    Fresh,
    /// No listing ever ended; the words say so.
    Incomplete(String),
    /// The last listing ended too long ago; the words say when.
    Stale(String),
    /// Something is not as it should be; the words say what.
    Suspicious(String),
}

/// By how much the number of open reports may drop between two listings.
const DROP_PERCENT: u64 = 2;

/// So many closings between two listings are ordinary, whatever their share, if
/// each was seen: in a tracker with 20 open reports one closing is 5 %.
const ORDINARY_CLOSINGS: u64 = 5;

/// How far the clock may go back before the age of a listing means nothing.
const CLOCK_TOLERANCE: Seconds = 300;

impl Mirror<'_> {
    /// A listing ended, and the tracker says that so many reports are open: those
    /// the listing would show, nothing else (GitHub counts pull requests too).
    /// Where the tracker does not say, the caller counts what it listed, or takes
    /// [`Mirror::open_count`].
    ///
    /// It is suspicious if the number dropped by more than 2 % since the last
    /// listing that was not (I11; an API may return a short list without an
    /// error), or if more than 2 % of the reports the tracker speaks of are not
    /// here. A drop counts as explained if the mirror saw each of at most five
    /// closings. A later listing that is as it should be clears the suspicion, and
    /// so does a person ([`Mirror::accept`]).
    pub fn finish_sync(&self, open_now: u64, now: Seconds) -> Result<MirrorState> {
        let suspicious = {
            let before = self.state()?.open_at_complete;
            suspicion(before, open_now, self.open_count()?)
        };
        self.connection().execute(
            "INSERT INTO mirror_state (tracker, complete_at, open_at_complete, open_told, suspicious)
             VALUES (?1, ?2, iif(?4 IS NULL, ?3, NULL), ?3, ?4)
             ON CONFLICT (tracker) DO UPDATE
             SET complete_at = excluded.complete_at,
                 open_at_complete = coalesce(excluded.open_at_complete, open_at_complete),
                 open_told = excluded.open_told,
                 suspicious = excluded.suspicious,
                 begun_at = NULL, given = NULL, to_come = NULL, asked_at = NULL",
            params![self.tracker, now, open_now, suspicious],
        )?;
        self.state()
    }

    /// A person looked at a suspicious mirror and takes it as it is. What is
    /// missing here stays suspicious at the next listing.
    pub fn accept(&self, who: &str, now: Seconds) -> Result<()> {
        let transaction = self.store.begin()?;
        transaction.execute(
            "UPDATE mirror_state
             SET suspicious = NULL, open_at_complete = open_told
             WHERE tracker = ?1 AND suspicious IS NOT NULL",
            [self.tracker],
        )?;
        audit::write_line(
            &transaction,
            None,
            who,
            "mirror accepted",
            self.tracker,
            now,
        )?;
        Ok(transaction.commit()?)
    }

    /// The health of the mirror; it may be `max_age` seconds old. Searches for a
    /// few reports it must find.
    pub fn health(&self, now: Seconds, max_age: Seconds) -> Result<MirrorHealth> {
        let state = self.state()?;
        if let Some(words) = state.suspicious {
            return Ok(MirrorHealth::Suspicious(words));
        }
        let Some(complete_at) = state.complete_at else {
            return Ok(MirrorHealth::Incomplete(
                "the tracker's reports have not been listed to the end yet".to_owned(),
            ));
        };
        let age = now - complete_at;
        if age < -CLOCK_TOLERANCE {
            return Ok(MirrorHealth::Stale(
                "the clock went back: nobody knows how old the last listing is".to_owned(),
            ));
        }
        if age > max_age {
            return Ok(MirrorHealth::Stale(format!(
                "the tracker's reports were last listed to the end {} minutes ago, and {} are \
                 allowed",
                age / 60,
                max_age / 60
            )));
        }
        Ok(match self.canary()? {
            Some(words) => MirrorHealth::Suspicious(words),
            None => MirrorHealth::Fresh,
        })
    }

    /// Searches for the oldest, a middle and the newest report by their titles;
    /// words, if one is not found.
    fn canary(&self) -> Result<Option<String>> {
        let mut statement = self.connection().prepare_cached(
            "SELECT number, title
             FROM issues
             WHERE tracker = ?1
               AND id IN (
                   (SELECT min(id) FROM issues WHERE tracker = ?1),
                   (SELECT max(id) FROM issues WHERE tracker = ?1),
                   (SELECT min(id) FROM issues
                    WHERE tracker = ?1
                      AND id >= (SELECT (min(id) + max(id)) / 2 FROM issues WHERE tracker = ?1)))",
        )?;
        let canaries = statement.query_map([self.tracker], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))
        })?;
        for canary in canaries {
            let (number, title) = canary?;
            if !self.finds(number, &title)? {
                return Ok(Some(format!(
                    "the search does not find issue {number} by its own title"
                )));
            }
        }
        Ok(None)
    }
}

fn suspicion(before: Option<u64>, open_now: u64, open_here: u64) -> Option<String> {
    let before = before.unwrap_or(0);
    let dropped = before.saturating_sub(open_now);
    let explained = open_here <= open_now && dropped <= ORDINARY_CLOSINGS;
    if dropped * 100 > before * DROP_PERCENT && !explained {
        return Some(format!(
            "{open_now} open reports were listed, {before} the time before"
        ));
    }
    let missing = open_now.saturating_sub(open_here);
    (missing * 100 > open_now * DROP_PERCENT)
        .then(|| format!("the tracker speaks of {open_now} open reports, {open_here} are here"))
}

impl fmt::Display for MirrorHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("fresh and complete"),
            Self::Incomplete(words) | Self::Stale(words) | Self::Suspicious(words) => {
                f.write_str(words)
            }
        }
    }
}
