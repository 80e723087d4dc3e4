//! What `status` tells, gathered from the store and the configuration.

use anyhow::Result;
use serde_json::{Value, json};

use super::delivering::is_service_running;
use super::json as shapes;
use super::listing::{Unfinished, unfinished};
use super::words::timestamp;
use crate::config::{Config, Environment, Outgoing, Secrets};
use crate::daemon::{self, Settings};
use crate::domain::Seconds;
use crate::domain::delivery::DeliveryKind;
use crate::domain::life::{ClosedReason, DeliveryState};
use crate::domain::silence::{LOOKED_AT, Silence, silence};
use crate::store::{
    DeliveryId, DeliveryRow, LedgerScope, ListFilter, ListingUnderWay, MailboxCursor, MirrorHealth,
    NotificationId, ServiceTrouble, Store, Switch, SwitchState,
};
use crate::worker::{UNSEEN_AFTER, mirror_max_age};

/// Refused deliveries that are shown.
const FAILED_SHOWN: usize = 5;

const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;

/// Everything that is looked at.
pub(super) struct Facts {
    pub(super) service: Option<bool>,
    pub(super) stop: Option<SwitchState>,
    pub(super) pause: Option<SwitchState>,
    pub(super) counts: Vec<(&'static str, u64)>,
    pub(super) closed: Vec<(ClosedReason, u64)>,
    pub(super) oldest: Option<Seconds>,
    /// Mails without a draft yet.
    pub(super) unfinished: Option<Unfinished>,
    pub(super) tracker: Tracker,
    pub(super) cursors: Vec<MailboxCursor>,
    pub(super) last_mail: Option<Seconds>,
    /// The list is silent for longer than it uses to be.
    pub(super) silence: Option<Silence>,
    pub(super) doubts: Vec<DeliveryRow>,
    pub(super) failed: Vec<DeliveryRow>,
    pub(super) conflicts: Vec<NotificationId>,
    pub(super) caps: Vec<Cap>,
    /// Replies that the list has not shown for over an hour.
    pub(super) unseen: Vec<DeliveryRow>,
    pub(super) troubles: Vec<ServiceTrouble>,
    /// What the first delivery on its way that does not leave waits for.
    pub(super) waits_for: Option<String>,
    /// The disk under the database has next to no room.
    pub(super) is_disk_full: bool,
}

/// The local copy of the tracker.
pub(super) struct Tracker {
    pub(super) name: String,
    pub(super) reports: u64,
    pub(super) open: u64,
    pub(super) complete_at: Option<Seconds>,
    /// A listing that goes on.
    pub(super) listing: Option<ListingUnderWay>,
    pub(super) health: MirrorHealth,
}

/// One cap and how much of it is used.
pub(super) struct Cap {
    pub(super) name: &'static str,
    pub(super) used: u64,
    pub(super) allowed: u64,
}

/// Looks at everything.
pub(super) fn gather(config: &Config, store: &Store, now: Seconds) -> Result<Facts> {
    let filters = [
        ("to decide", ListFilter::ToDecide),
        ("attached", ListFilter::Attached),
        ("held", ListFilter::Held),
        ("underway", ListFilter::Underway),
        ("quarantined", ListFilter::Quarantined),
        ("delivered", ListFilter::Delivered),
        ("closed", ListFilter::Closed(None)),
        ("all", ListFilter::All),
    ];
    let counts = filters.map(|(name, filter)| store.count(filter).map(|count| (name, count)));
    let closed = ClosedReason::ALL.map(|reason| {
        store
            .count(ListFilter::Closed(Some(reason)))
            .map(|count| (reason, count))
    });
    let oldest = store.list(ListFilter::ToDecide, 1)?;
    let oldest = oldest.first().and_then(|id| store.load(*id).ok());
    let mailbox = daemon::mailbox_name(&config.mailbox);
    Ok(Facts {
        service: is_service_running(config),
        stop: store.switch(Switch::Stop)?,
        pause: store.switch(Switch::Pause)?,
        counts: counts.into_iter().collect::<Result<_>>()?,
        closed: closed.into_iter().collect::<Result<_>>()?,
        oldest: oldest.map(|row| row.received_at),
        unfinished: unfinished(store)?,
        tracker: tracker(config, store, now)?,
        cursors: store.cursor(&mailbox)?.into_iter().collect(),
        last_mail: store.last_received_at()?,
        silence: silence(&store.last_received(LOOKED_AT)?, now),
        doubts: store.doubts()?,
        failed: store.failed_deliveries(FAILED_SHOWN)?,
        conflicts: store.conflicts()?,
        caps: caps(config, store, now)?,
        unseen: match &config.outgoing {
            Outgoing::Smtp(_) => store.unseen_replies(now - UNSEEN_AFTER)?,
            Outgoing::Maildir { .. } => Vec::new(),
        },
        troubles: store.troubles()?,
        waits_for: waits_for(store)?,
        is_disk_full: daemon::is_full(&config.store.state_dir),
    })
}

/// So many drafts on their way are looked at.
const UNDERWAY_LOOKED_AT: usize = 20;

fn waits_for(store: &Store) -> Result<Option<String>> {
    let ids = store.list(ListFilter::Underway, UNDERWAY_LOOKED_AT)?;
    let rows = ids.into_iter().filter_map(|id| store.load(id).ok());
    let mut deliveries = rows.flat_map(|row| row.deliveries);
    Ok(deliveries.find_map(|it| match it.state {
        DeliveryState::Queued => it.last_error,
        _ => None,
    }))
}

/// What the tracker's mirror is called in the store.
pub(super) fn tracker_name(config: &Config) -> Result<String> {
    let tracker = daemon::tracker_of(&Settings {
        config: config.clone(),
        secrets: Secrets::default(),
        environment: Environment::default(),
    })?;
    Ok(tracker.name())
}

fn tracker(config: &Config, store: &Store, now: Seconds) -> Result<Tracker> {
    let name = tracker_name(config)?;
    let mirror = store.mirror(&name);
    let interval = config.tracker.sync_interval.as_secs();
    let max_age = mirror_max_age(Seconds::try_from(interval).unwrap_or(Seconds::MAX));
    let state = mirror.state()?;
    Ok(Tracker {
        reports: mirror.count()?,
        open: mirror.open_count()?,
        complete_at: state.complete_at,
        listing: state.listing,
        health: mirror.health(now, max_age)?,
        name,
    })
}

fn caps(config: &Config, store: &Store, now: Seconds) -> Result<Vec<Cap>> {
    let limits = &config.limits;
    let wanted = [
        (
            "replies this hour",
            DeliveryKind::Reply,
            HOUR,
            limits.replies_an_hour,
        ),
        (
            "replies today",
            DeliveryKind::Reply,
            DAY,
            limits.replies_a_day,
        ),
        (
            "new reports today",
            DeliveryKind::OpenIssue,
            DAY,
            limits.new_issues_a_day,
        ),
    ];
    let cleared = store.stop_cleared_at()?.unwrap_or(0);
    let cap =
        |(name, kind, span, allowed): (&'static str, DeliveryKind, Seconds, u32)| -> Result<Cap> {
            let since = match kind {
                DeliveryKind::Reply => cleared.max(now - span),
                DeliveryKind::OpenIssue | DeliveryKind::Comment => now - span,
            };
            let used = store.ledger_count(kind, LedgerScope::All, since, DeliveryId(0))?;
            Ok(Cap {
                name,
                used,
                allowed: allowed.into(),
            })
        };
    wanted.into_iter().map(cap).collect()
}

fn switch_json(switch: Option<&SwitchState>) -> Value {
    json!(switch.map(|on| json!({ "reason": on.reason, "who": on.who, "at": timestamp(on.at) })))
}

/// All of it for programs.
pub(super) fn document(facts: &Facts) -> Value {
    let counts: serde_json::Map<String, Value> = facts
        .counts
        .iter()
        .map(|(name, count)| (name.replace(' ', "_"), json!(count)))
        .collect();
    let closed: serde_json::Map<String, Value> = facts
        .closed
        .iter()
        .map(|(reason, count)| (reason.name().to_owned(), json!(count)))
        .collect();
    let caps = facts
        .caps
        .iter()
        .map(|cap| json!({ "cap": cap.name, "used": cap.used, "allowed": cap.allowed }));
    let (health, why) = health(&facts.tracker.health);
    json!({
        "service_running": facts.service,
        "stop": switch_json(facts.stop.as_ref()),
        "pause": switch_json(facts.pause.as_ref()),
        "notifications": counts,
        "closed": closed,
        "unfinished": facts.unfinished.as_ref().map(|it| it.count),
        "unfinished_why": facts.unfinished.as_ref().and_then(|it| it.why.as_ref()),
        "oldest_to_decide_at": facts.oldest.map(timestamp),
        "mirror": {
            "tracker": facts.tracker.name,
            "reports": facts.tracker.reports,
            "open": facts.tracker.open,
            "complete_at": facts.tracker.complete_at.map(timestamp),
            "listing": facts.tracker.listing.map(|listing| json!({
                "begun_at": timestamp(listing.begun_at),
                "given": listing.given,
                "to_come": listing.to_come,
            })),
            "health": health,
            "why": why,
        },
        "mailbox": facts.cursors.first().map(|cursor| json!({
            "name": cursor.mailbox,
            "uidvalidity": cursor.uidvalidity,
            "uidnext": cursor.uidnext,
            "reconciled_at": cursor.reconciled_at.map(timestamp),
        })),
        "last_mail_at": facts.last_mail.map(timestamp),
        "silent": facts.silence.map(|silence| json!({
            "since": timestamp(silence.since),
            "usual_seconds": silence.usual,
        })),
        "in_doubt": facts.doubts.iter().map(shapes::delivery).collect::<Vec<_>>(),
        "refused": facts.failed.iter().map(shapes::delivery).collect::<Vec<_>>(),
        "conflicts": facts.conflicts.iter().map(|id| id.0).collect::<Vec<_>>(),
        "caps": caps.collect::<Vec<_>>(),
        "underway_waits_for": facts.waits_for,
        "disk_full": facts.is_disk_full,
        "unseen_replies": facts.unseen.iter().map(shapes::delivery).collect::<Vec<_>>(),
        "troubles": facts.troubles.iter().map(|it| json!({
            "service": it.service, "words": it.words, "since": timestamp(it.since),
        })).collect::<Vec<_>>(),
    })
}

/// The mirror's health in a word, and why.
pub(super) fn health(health: &MirrorHealth) -> (&'static str, Option<&str>) {
    match health {
        MirrorHealth::Fresh => ("fresh", None),
        MirrorHealth::Incomplete(why) => ("incomplete", Some(why)),
        MirrorHealth::Stale(why) => ("stale", Some(why)),
        MirrorHealth::Suspicious(why) => ("suspicious", Some(why)),
    }
}
