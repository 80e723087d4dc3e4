//! A notification with those that are attached to it, and what all of them are about.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::incidents_of;
use crate::domain::incident::{Decided, Relation, relation};
use crate::domain::life::Stage;
use crate::store::{NotificationId, NotificationRow, Store};

/// The incidents of a notification, and of each that is attached to it.
pub(super) struct Family {
    own: BTreeSet<i64>,
    attached: BTreeMap<NotificationId, BTreeSet<i64>>,
}

impl Family {
    pub(super) fn of(store: &Store, leader: NotificationId) -> Result<Self> {
        let mut attached: BTreeMap<NotificationId, BTreeSet<i64>> = BTreeMap::new();
        for (id, incident) in store.incidents_of_attached(leader)? {
            attached.entry(id).or_default().insert(incident.0);
        }
        Ok(Self {
            own: incidents_of(store, leader)?,
            attached,
        })
    }

    /// The incidents of the leader, of those that share one with it, of those that share
    /// one with these, and so on; without one that is attached itself.
    fn incidents(&self, except: NotificationId) -> BTreeSet<i64> {
        let mut all = self.own.clone();
        loop {
            let before = all.len();
            for (id, incidents) in &self.attached {
                if *id != except && !incidents.is_disjoint(&all) {
                    all.extend(incidents);
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }

    /// How a notification with failures of these incidents stands to the leader.
    pub(super) fn relation(
        &self,
        leader: &NotificationRow,
        one: NotificationId,
        incidents: &BTreeSet<i64>,
    ) -> Relation {
        let decided = match leader.stage {
            Stage::Drafted => Decided::NotYet,
            Stage::Approved => Decided::Underway,
            _ => return Relation::None,
        };
        let Some(draft) = &leader.draft else {
            return Relation::None;
        };
        let is_open = |position| {
            let mut rows = leader.deliveries.iter();
            rows.find(|row| row.position == position)
                .is_none_or(|row| row.receipt.is_none())
        };
        let all = self.incidents(one);
        relation(incidents, &all, &draft.draft, decided, is_open)
    }
}
