//! What there is to tell, from the store.

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::alert::{Event, Matter, REMINDER};
use crate::store::{ListFilter, Store, Switch};

/// Things of one kind are looked at up to this many.
const MOST: usize = 200;

/// Everything that is the matter now. `own` is the channel that is to be told: of its
/// own troubles it cannot be.
pub(super) fn all(store: &Store, own: &str, now: Seconds) -> Result<Vec<Matter>> {
    let mut all = Vec::new();
    if let Some(stop) = store.switch(Switch::Stop)? {
        all.push(matter(Event::Stop, format!("stop {}", stop.at), stop.at));
    }
    persons(store, now, &mut all)?;
    for trouble in store.troubles()? {
        if trouble.service != own {
            let key = format!("service {} {}", trouble.service, trouble.since);
            all.push(matter(Event::Service, key, trouble.since));
        }
    }
    let waiting = store.waiting_drafts()?;
    if let Some(since) = waiting.iter().map(|(_, since)| *since).min() {
        all.push(matter(Event::Reminder, REMINDER.to_owned(), since));
    }
    for (id, since) in waiting {
        all.push(Matter {
            notification: Some(id.0),
            ..matter(Event::Drafts, format!("draft {id}"), since)
        });
    }
    Ok(all)
}

/// What only a person can bring to an end.
fn persons(store: &Store, now: Seconds, all: &mut Vec<Matter>) -> Result<()> {
    // Until then the program looks for it itself.
    let doubts = store.doubts()?;
    for row in doubts.into_iter().filter(|row| row.due_at.is_none()) {
        let since = row.in_doubt_since.unwrap_or(now);
        all.push(Matter {
            notification: Some(row.notification.0),
            ..matter(Event::Person, format!("doubt {} {since}", row.id), since)
        });
    }
    for row in store.failed_deliveries(MOST)? {
        let key = format!("failed {} {}", row.id, row.attempts);
        all.push(Matter {
            notification: Some(row.notification.0),
            ..matter(Event::Person, key, now)
        });
    }
    for id in store.list(ListFilter::Quarantined, MOST)? {
        all.push(Matter {
            notification: Some(id.0),
            ..matter(Event::Person, format!("quarantined {id}"), now)
        });
    }
    Ok(())
}

fn matter(event: Event, key: String, since: Seconds) -> Matter {
    Matter {
        event,
        key,
        since,
        notification: None,
    }
}
