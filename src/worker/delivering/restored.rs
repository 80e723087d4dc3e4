//! An old copy of the database that was brought back is noticed by what this
//! program did and this database does not know (I22).

use anyhow::Result;

use crate::store::{DeliveryId, PROGRAM, Switch};
use crate::worker::Parts;

/// Sets STOP, if this database never let the delivery leave that was `found` in
/// the world.
pub(in crate::worker) fn tell(parts: &Parts, delivery: DeliveryId, found: &str) -> Result<()> {
    if parts.store.was_claimed(delivery)? {
        return Ok(());
    }
    stop(parts, found)
}

/// Sets STOP because of what was `found` in the world.
pub(in crate::worker) fn stop(parts: &Parts, found: &str) -> Result<()> {
    let why = format!(
        "{found}, which this database never sent: \
         an old copy of the database seems to have been brought back"
    );
    tracing::error!(why, "STOP: nothing leaves until a person clears it");
    parts
        .store
        .switch_on(Switch::Stop, &why, PROGRAM, parts.clock.now())
}
