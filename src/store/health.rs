//! Whether the mirror may be trusted to say that something does not exist (I11).

use std::collections::BTreeSet;
use std::fmt;

use anyhow::Result;
use rusqlite::{OptionalExtension, params};

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

/// So many steps are made from the oldest report to the newest when some are
/// searched for.
const CANARY_STEPS: i64 = 6;

/// The beginning of a text that is searched for, in characters.
const CANARY_CHARS: usize = 80;

/// How far the clock may go back before the age of a listing means nothing.
const CLOCK_TOLERANCE: Seconds = 300;

impl Mirror<'_> {
    /// A listing ended, and the tracker says that so many reports are open: those
    /// the listing would show, nothing else. Where the tracker does not say, the
    /// caller counts what it listed, or takes [`Mirror::open_count`].
    ///
    /// It is suspicious if the number dropped by more than 2 % since the last
    /// listing that was not (I11; an API may return a short list without an
    /// error), or if more than 2 % of the reports the tracker speaks of are not
    /// here. A drop counts as explained if the mirror saw each of at most five
    /// closings. A later listing that is as it should be clears the suspicion, and
    /// so does a person ([`Mirror::accept`]). What an index lacks is put into it.
    pub fn finish_sync(&self, open_now: u64, now: Seconds) -> Result<MirrorState> {
        self.mend_indexes()?;
        self.count_common_words()?;
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

    /// Searches for some reports whose answers are known, from the oldest to the
    /// newest: each by its title in every index, and by the beginnings of its text
    /// and of its last comment; words, if one is not found.
    fn canary(&self) -> Result<Option<String>> {
        for id in self.canaries()? {
            let (number, title, body, comment) = self
                .connection()
                .prepare_cached(
                    "SELECT number, title, substr(body, 1, ?2),
                            (SELECT substr(text, 1, ?2)
                             FROM issue_comments
                             WHERE issue = issues.id
                             ORDER BY at DESC
                             LIMIT 1)
                     FROM issues
                     JOIN issue_bodies ON issue_bodies.issue = issues.id
                     WHERE id = ?1",
                )?
                .query_row(params![id, CANARY_CHARS], |row| {
                    Ok((
                        row.get::<_, u64>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, Option<String>>(3)?,
                    ))
                })?;
            let by = if !self.finds(number, &title)? {
                "title"
            } else if !self.finds_text(number, &body)? {
                "text"
            } else if !self.finds_text(number, &comment.unwrap_or_default())? {
                "last comment"
            } else {
                continue;
            };
            return Ok(Some(format!(
                "the search does not find issue {number} by its own {by}"
            )));
        }
        Ok(None)
    }

    /// The rows of some reports, spread over all of them.
    fn canaries(&self) -> Result<BTreeSet<i64>> {
        // By the rows' order: an index on the tracker would be read from end to end.
        let one = |order: &str| -> Result<Option<i64>> {
            let found = self.connection().query_row(
                &format!(
                    "SELECT id FROM issues NOT INDEXED
                     WHERE tracker = ?1
                     ORDER BY id {order}
                     LIMIT 1"
                ),
                [self.tracker],
                |row| row.get(0),
            );
            Ok(found.optional()?)
        };
        let (Some(first), Some(last)) = (one("ASC")?, one("DESC")?) else {
            return Ok(BTreeSet::new());
        };
        let mut nearest = self.connection().prepare_cached(
            "SELECT id FROM issues NOT INDEXED
             WHERE tracker = ?1 AND id >= ?2
             ORDER BY id
             LIMIT 1",
        )?;
        (0..=CANARY_STEPS)
            .map(|step| {
                let at = first + (last - first) / CANARY_STEPS * step;
                let at = if step == CANARY_STEPS { last } else { at };
                Ok(nearest.query_row(params![self.tracker, at], |row| row.get(0))?)
            })
            .collect()
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
