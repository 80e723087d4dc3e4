//! What a verb decides with: the configuration, the store, and the desk.

use anyhow::Result;

use super::session::Session;
use crate::config::Config;
use crate::daemon::names_of;
use crate::desk::Desk;
use crate::desk::deciding::Kept;
use crate::domain::decision::Approver;
use crate::store::{Decided, DraftRow, NewDecision, NotDecided, NotificationRow, Store};
use crate::trackers::Tracker;

/// Opened once for a verb.
pub(super) struct AtHand {
    /// As it is configured, without secrets.
    pub(super) config: Config,
    /// Where decisions go.
    pub(super) store: Store,
}

impl AtHand {
    /// Reads the configuration and opens the store.
    pub(super) fn of(session: &Session) -> Result<Self> {
        let config = session.config()?;
        let store = session.store_of(&config)?;
        Ok(Self { config, store })
    }

    /// The tracker, for its names and addresses alone.
    pub(super) fn tracker(&self) -> Result<Tracker> {
        names_of(&self.config)
    }

    /// The desk with that tracker.
    pub(super) fn desk<'a>(&'a self, tracker: &'a Tracker) -> Desk<'a> {
        Desk {
            store: &self.store,
            tracker,
        }
    }

    /// Decides at the desk. The word does not wait for a tracker that cannot be opened:
    /// then it is `recorded` alone, and the error tells what is [`Kept`].
    pub(super) fn decide<T>(
        &self,
        kept: Kept,
        at_the_desk: impl FnOnce(Desk<'_>) -> Result<T, NotDecided>,
        recorded: impl FnOnce(&Store) -> Result<Decided, NotDecided>,
    ) -> Result<T, NotDecided> {
        match self.tracker() {
            Ok(tracker) => at_the_desk(self.desk(&tracker)),
            Err(error) => recorded(&self.store).and(Err(NotDecided::Store(error.context(kept)))),
        }
    }
}

/// A person's word on a draft as it is now.
pub(super) fn word_on<'a>(
    row: &NotificationRow,
    draft: &'a DraftRow,
    who: &'a Approver,
    reason: &'a str,
) -> NewDecision<'a> {
    NewDecision::of_person(row.id, (draft.revision, &draft.digest), who, reason)
}
