//! Those that are settled along with a notification: which of them, and with what.

use std::collections::BTreeMap;

use anyhow::Result;

use super::family::Family;
use super::{MOST_TOGETHER, Occasion, incidents_of, mail_of};
use crate::domain::draft::Companion;
use crate::domain::incident::Relation;
use crate::domain::matching::Verdict;
use crate::domain::notification::Build;
use crate::store::{IncidentId, NotificationId, NotificationRow, Reading, Store};

impl Occasion {
    /// Adds those that are attached and can be settled along.
    pub(super) fn take_along(&mut self, store: &Store, row: &NotificationRow) -> Result<()> {
        let family = Family::of(store, row.id)?;
        for one in store.attached_to(row.id)? {
            if one.held || self.companions.len() == MOST_TOGETHER {
                continue;
            }
            let own = incidents_of(store, one.id)?;
            if family.relation(row, one.id, &own) == Relation::Along
                && let Ok(other) = store.load(one.id)
                && let Some(reading) = &other.reading
            {
                let incidents = store.incidents_of(one.id)?;
                if !self.leaves_open(store, row.id, &other, &incidents)? {
                    self.take(&other, reading, &incidents);
                }
            }
        }
        Ok(())
    }

    /// Of a companion's failures those of known incidents are told: with what was found
    /// for the others of the same incident, or else for itself.
    fn take(
        &mut self,
        row: &NotificationRow,
        reading: &Reading,
        incidents: &BTreeMap<usize, IncidentId>,
    ) {
        let mut index = 0;
        let builds = &reading.notification.builds;
        for build in builds {
            let mut kept = Build {
                failures: Vec::new(),
                ..build.clone()
            };
            for failure in &build.failures {
                let incident = incidents.get(&index).map(|incident| incident.0);
                let verdict = self.verdict_for(incident, index, row);
                index += 1;
                if let Some(verdict) = verdict {
                    kept.failures.push(failure.clone());
                    self.verdicts.push(verdict);
                    self.incidents.push(incident);
                }
            }
            self.notification.builds.push(kept);
        }
        self.redactions = self.redactions.saturating_add(reading.redactions);
        self.companions.push(Companion {
            notification: row.id.0,
            mail: row.filed.is_none().then(|| mail_of(reading)),
            builds: builds.len(),
        });
    }

    /// What was found for a failure of this incident, first of all for the
    /// notification's own; else for the companion's failure of this index.
    fn verdict_for(
        &self,
        incident: Option<i64>,
        index: usize,
        companion: &NotificationRow,
    ) -> Option<Verdict> {
        incident?;
        let same = self.incidents.iter().position(|it| *it == incident);
        let found = same.and_then(|at| self.verdicts.get(at));
        let own = || Some(&companion.verdicts.as_ref()?.get(index)?.verdict);
        found.or_else(own).cloned()
    }

    /// Whether a companion waits for its own turn, for a failure that none before it
    /// has: a person would have to choose its report, whom nobody asks here, or another
    /// draft is about it already.
    fn leaves_open(
        &self,
        store: &Store,
        leader: NotificationId,
        companion: &NotificationRow,
        incidents: &BTreeMap<usize, IncidentId>,
    ) -> Result<bool> {
        let mut more = Vec::new();
        for (index, incident) in incidents {
            if self.incidents.contains(&Some(incident.0)) {
                continue;
            }
            match self.verdict_for(Some(incident.0), *index, companion) {
                Some(Verdict::Known { .. } | Verdict::New { .. }) => more.push(*incident),
                Some(Verdict::Ambiguous { .. }) | None => return Ok(true),
            }
        }
        Ok(!more.is_empty() && !store.leads(&more, Some(leader))?.is_empty())
    }
}
