//! Tells of replies that the submission server took and the list never showed.

use anyhow::Result;

use super::{Outgoing, Parts};
use crate::domain::Seconds;
use crate::store::PROGRAM;

/// A reply that did not come back after so many seconds is not on the list, or
/// the list does not send us our own posts.
pub const UNSEEN_AFTER: Seconds = 3600;

/// Warns once for each reply. The line in its trail remembers that.
pub(super) fn look(parts: &Parts) -> Result<()> {
    let Outgoing::Smtp(_) = parts.outgoing else {
        return Ok(());
    };
    let now = parts.clock.now();
    for row in parts.store.unseen_replies(now - UNSEEN_AFTER)? {
        let detail = format!("reply {}", row.id);
        let trail = parts.store.trail(row.notification)?;
        if trail
            .iter()
            .any(|line| line.what == "not seen on the list" && line.detail == detail)
        {
            continue;
        }
        tracing::warn!(notification = %row.notification, delivery = %row.id,
            "a reply was not seen on the list for over 1 h; is from_address subscribed, \
             with its own posts sent to it? Or does a moderator hold it?");
        let about = Some(row.notification);
        parts
            .store
            .audit(about, PROGRAM, "not seen on the list", &detail, now)?;
    }
    Ok(())
}
