//! When an incident happened lately, by builder and by day.

use anyhow::Result;
use rusqlite::params;

use super::{IncidentId, Store};
use crate::domain::Seconds;

/// So many days are told apart.
pub const DAYS: usize = 30;

const DAY: Seconds = 86_400;

/// An incident on one builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lately {
    /// The builder.
    pub builder: String,
    /// Its notifications of the last 24 hours, 7 days and 30 days.
    pub counts: [u64; 3],
    /// Its notifications of each of the last 30 days; the last 24 hours stand last.
    pub days: [u64; DAYS],
}

impl Store {
    /// Where and when an incident happened within the last 30 days, the most
    /// frequent builder first; at most `limit` builders.
    pub fn lately(&self, incident: IncidentId, now: Seconds, limit: usize) -> Result<Vec<Lately>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT builder, (?2 - at) / ?3 AS days_ago, count(DISTINCT notification)
             FROM occurrences
             WHERE incident = ?1 AND at > ?2 - ?3 * ?4
             GROUP BY builder, days_ago",
        )?;
        let days = i64::try_from(DAYS)?;
        let mut rows = statement.query(params![incident, now, DAY, days])?;
        let mut found: Vec<Lately> = Vec::new();
        while let Some(row) = rows.next()? {
            let builder: String = row.get(0)?;
            // What came in under another clock counts as of today (I23).
            let ago: i64 = row.get::<_, i64>(1)?.max(0);
            let times: u64 = row.get(2)?;
            if found.last().is_none_or(|it| it.builder != builder) {
                found.push(Lately {
                    builder,
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
