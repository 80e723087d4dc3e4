//! A person's answer on the list that names bug reports: the best label there is.

use anyhow::Result;

use super::{Parts, signing};
use crate::domain::answer::failures_meant;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::mention::Named;
use crate::domain::notification::Notification;
use crate::store::{NotificationRow, PairWord};

/// A report of our tracker that was named, and how.
pub(super) type OurNamed = (u64, Named);

/// Keeps what an answer says of the failures of the notification it answers. Where
/// a report is named and nobody can tell which of several failures is meant, nothing
/// is kept of it. Of one failure the first report that is named counts.
pub(super) fn remember(
    parts: &Parts,
    row: &NotificationRow,
    named: &[OurNamed],
    who: &str,
) -> Result<()> {
    let Some(notification) = notification_of(parts, row) else {
        return Ok(());
    };
    let failures = notification.builds.iter().flat_map(|build| &build.failures);
    let failures: Vec<&Failure> = failures
        .filter(|failure| failure.kind != FailureKind::Infrastructure)
        .collect();
    let tracker = parts.tracker.name();
    let mirror = parts.store.mirror(&tracker);
    let now = parts.clock.now();
    let mut is_told = vec![false; failures.len()];
    for (issue, named) in named {
        let title = mirror.issue(*issue)?.map(|it| it.title).unwrap_or_default();
        for index in failures_meant(named, &title, &failures) {
            let (Some(failure), Some(is_told)) = (failures.get(index), is_told.get_mut(index))
            else {
                continue;
            };
            if !*is_told {
                let word = PairWord::Confirmed;
                mirror.record_pair(failure, *issue, word, Some(row.id), who, now)?;
                *is_told = true;
            }
        }
    }
    Ok(())
}

/// What was read of the mail; while it waits for its log, what the mail itself says.
fn notification_of(parts: &Parts, row: &NotificationRow) -> Option<Notification> {
    match &row.reading {
        Some(reading) => Some(reading.notification.clone()),
        None => signing::read_again(parts, row),
    }
}
