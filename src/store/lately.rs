//! When an incident happened lately, by builder or branch, and by day.

use anyhow::Result;
use rusqlite::params;

use super::{IncidentId, Store};
use crate::domain::Seconds;

/// So many days are told apart.
pub const DAYS: usize = 30;

const DAY: Seconds = 86_400;

/// By what an incident's notifications are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The builder.
    Builder,
    /// The branch; empty where a notification does not tell.
    Branch,
}

impl Place {
    /// The columns and tables of the place. A notification that speaks of several
    /// builds tells the branch of each.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Builder => ("occurrences.builder", ""),
            Self::Branch => (
                "coalesce(build.value ->> 'branch', '')",
                "JOIN notifications ON notifications.id = occurrences.notification
                 JOIN json_each(notifications.reading, '$.notification.builds') AS build
                     ON build.value ->> 'builder' = occurrences.builder",
            ),
        }
    }
}

/// An incident on one builder or branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lately {
    /// The builder or the branch.
    pub place: String,
    /// Its notifications of the last 24 hours, 7 days and 30 days.
    pub counts: [u64; 3],
    /// Its notifications of each of the last 30 days; the last 24 hours stand last.
    pub days: [u64; DAYS],
}

impl Store {
    /// Where and when an incident happened within the last 30 days, the most
    /// frequent place first; at most `limit` places.
    pub fn lately(
        &self,
        incident: IncidentId,
        by: Place,
        now: Seconds,
        limit: usize,
    ) -> Result<Vec<Lately>> {
        let (place, tables) = by.sql();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {place} AS place, (?2 - occurrences.at) / ?3 AS days_ago,
                    count(DISTINCT occurrences.notification)
             FROM occurrences {tables}
             WHERE occurrences.incident = ?1 AND occurrences.at > ?2 - ?3 * ?4
             GROUP BY place, days_ago",
        ))?;
        let days = i64::try_from(DAYS)?;
        let mut rows = statement.query(params![incident, now, DAY, days])?;
        let mut found: Vec<Lately> = Vec::new();
        while let Some(row) = rows.next()? {
            let place: String = row.get(0)?;
            // What came in under another clock counts as of today (I23).
            let ago: i64 = row.get::<_, i64>(1)?.max(0);
            let times: u64 = row.get(2)?;
            if found.last().is_none_or(|it| it.place != place) {
                found.push(Lately {
                    place,
                    counts: [0; 3],
                    days: [0; DAYS],
                });
            }
            if let Some(one) = found.last_mut() {
                one.add(usize::try_from(ago)?, times);
            }
        }
        // Those of 30 days count first, then those of 7.
        found.sort_by_key(|it| {
            let [day, week, month] = it.counts;
            std::cmp::Reverse([month, week, day])
        });
        found.truncate(limit);
        Ok(found)
    }
}

impl Lately {
    fn add(&mut self, days_ago: usize, times: u64) {
        for (count, within) in self.counts.iter_mut().zip([1, 7, DAYS]) {
            if days_ago < within {
                *count += times;
            }
        }
        if let Some(day) = self.days.iter_mut().rev().nth(days_ago) {
            *day += times;
        }
    }
}
