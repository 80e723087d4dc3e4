//! How things stand, gathered from the store.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::automatic::{Stand, stands};
use super::unfinished::{Unfinished, unfinished};
use crate::domain::Seconds;
use crate::domain::delivery::DeliveryKind;
use crate::domain::life::{ClosedReason, DeliveryState};
use crate::domain::policy::Limits;
use crate::domain::policy::auto::AutoRule;
use crate::domain::silence::{LOOKED_AT, Silence, silence};
use crate::store::{
    Asked, DeliveryId, DeliveryRow, LedgerScope, ListFilter, ListingUnderWay, LockRefused,
    MailboxCursor, MirrorHealth, NotificationId, ServiceTrouble, Store, Subscription, Switch,
    SwitchState, lock_daemon,
};
use crate::worker::{UNSEEN_AFTER, mirror_max_age};

/// What of the configuration says where to look.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder of the database.
    pub state_dir: PathBuf,
    /// What the mailbox is called in the store.
    pub mailbox: String,
    /// What the tracker's mirror is called in the store.
    pub tracker: String,
    /// How often that is brought up to date.
    pub sync_interval: Seconds,
    /// The caps.
    pub limits: Limits,
    /// The automatic rules.
    pub auto: Vec<AutoRule>,
    /// Where replies go.
    pub replies: Replies,
    /// Who is asked by mail, by the names of the configuration.
    pub approvers: Vec<String>,
    /// Where people are told that something waits: the channels' names in the store.
    pub channels: Vec<String>,
    /// Tells whether the disk of a folder has next to no room.
    pub is_disk_full: fn(&Path) -> bool,
}

/// Where replies go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// To the list, which sends a copy back.
    ToTheList,
    /// Into a folder of this machine.
    ToAFolder,
}

/// Refused deliveries that are shown.
const FAILED_SHOWN: usize = 5;

const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;

/// Everything that is looked at.
pub(crate) struct Facts {
    pub(crate) service: Option<bool>,
    pub(crate) stop: Option<SwitchState>,
    pub(crate) pause: Option<SwitchState>,
    pub(crate) counts: Vec<(&'static str, u64)>,
    pub(crate) closed: Vec<(ClosedReason, u64)>,
    pub(crate) oldest: Option<Seconds>,
    /// Mails without a draft yet.
    pub(crate) unfinished: Option<Unfinished>,
    pub(crate) tracker: Tracker,
    pub(crate) cursors: Vec<MailboxCursor>,
    pub(crate) last_mail: Option<Seconds>,
    /// The list is silent for longer than it uses to be.
    pub(crate) silence: Option<Silence>,
    pub(crate) doubts: Vec<DeliveryRow>,
    pub(crate) failed: Vec<DeliveryRow>,
    pub(crate) conflicts: Vec<NotificationId>,
    pub(crate) caps: Vec<Cap>,
    /// What was last asked of the list about our subscription.
    pub(crate) subscription: Option<Subscription>,
    /// Whether our own posts come back; `None` where nothing leaves to the list.
    pub(crate) own_posts: Option<OwnPosts>,
    /// Replies that the list has not shown for over an hour.
    pub(crate) unseen: Vec<DeliveryRow>,
    /// Each approver and how the mails to them stand.
    pub(crate) asked: Vec<(String, Asked)>,
    /// Each channel and when something was last told there.
    pub(crate) channels: Vec<(String, Option<Seconds>)>,
    pub(crate) troubles: Vec<ServiceTrouble>,
    /// What the first delivery on its way that does not leave waits for.
    pub(crate) waits_for: Option<String>,
    /// The disk under the database has next to no room.
    pub(crate) is_disk_full: bool,
    /// How the automatic rules stand.
    pub(crate) auto: Vec<Stand>,
}

/// Whether the list sends us our own posts, by which replies are known to have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnPosts {
    /// It did, last at this moment.
    Seen(Seconds),
    /// Not so far.
    NotSeen,
}

/// Looks whether our own posts came back.
pub(crate) fn own_posts(store: &Store, replies: Replies) -> Result<Option<OwnPosts>> {
    Ok(match replies {
        Replies::ToAFolder => None,
        Replies::ToTheList => Some(store.last_echo()?.map_or(OwnPosts::NotSeen, OwnPosts::Seen)),
    })
}

/// The local copy of the tracker.
pub(crate) struct Tracker {
    pub(crate) name: String,
    pub(crate) reports: u64,
    pub(crate) open: u64,
    pub(crate) complete_at: Option<Seconds>,
    /// A listing that goes on.
    pub(crate) listing: Option<ListingUnderWay>,
    pub(crate) health: MirrorHealth,
}

/// One cap and how much of it is used.
pub(crate) struct Cap {
    pub(crate) name: &'static str,
    pub(crate) used: u64,
    pub(crate) allowed: u64,
}

/// Looks at everything.
pub(crate) fn gather(around: &Surroundings, store: &Store, now: Seconds) -> Result<Facts> {
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
    Ok(Facts {
        service: is_service_running(&around.state_dir),
        stop: store.switch(Switch::Stop)?,
        pause: store.switch(Switch::Pause)?,
        counts: counts.into_iter().collect::<Result<_>>()?,
        closed: closed.into_iter().collect::<Result<_>>()?,
        oldest: oldest.map(|row| row.received_at),
        unfinished: unfinished(store)?,
        tracker: tracker(around, store, now)?,
        cursors: store.cursor(&around.mailbox)?.into_iter().collect(),
        last_mail: store.last_received_at()?,
        silence: silence(&store.last_received(LOOKED_AT)?, now),
        doubts: store.doubts()?,
        failed: store.failed_deliveries(FAILED_SHOWN)?,
        conflicts: store.conflicts()?,
        caps: caps(around, store, now)?,
        subscription: store.subscription()?,
        own_posts: own_posts(store, around.replies)?,
        unseen: match around.replies {
            Replies::ToTheList => store.unseen_replies(now - UNSEEN_AFTER)?,
            Replies::ToAFolder => Vec::new(),
        },
        asked: of_each(&around.approvers, |name| store.asked(name))?,
        channels: of_each(&around.channels, |name| store.last_told(name, now))?,
        troubles: store.troubles()?,
        waits_for: waits_for(store)?,
        is_disk_full: (around.is_disk_full)(&around.state_dir),
        auto: stands(store, &around.auto)?,
    })
}

fn of_each<T>(names: &[String], look: impl Fn(&str) -> Result<T>) -> Result<Vec<(String, T)>> {
    let looked = names.iter().map(|name| Ok((name.clone(), look(name)?)));
    looked.collect()
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

fn tracker(around: &Surroundings, store: &Store, now: Seconds) -> Result<Tracker> {
    let mirror = store.mirror(&around.tracker);
    let max_age = mirror_max_age(around.sync_interval);
    let state = mirror.state()?;
    Ok(Tracker {
        reports: mirror.count()?,
        open: mirror.open_count()?,
        complete_at: state.complete_at,
        listing: state.listing,
        health: mirror.health(now, max_age)?,
        name: around.tracker.clone(),
    })
}

fn caps(around: &Surroundings, store: &Store, now: Seconds) -> Result<Vec<Cap>> {
    let limits = &around.limits;
    let wanted = [
        (
            "replies this hour",
            DeliveryKind::Reply,
            HOUR,
            limits.replies_per_hour,
        ),
        (
            "replies today",
            DeliveryKind::Reply,
            DAY,
            limits.replies_per_day,
        ),
        (
            "new reports today",
            DeliveryKind::OpenIssue,
            DAY,
            limits.new_issues_per_day,
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

/// Whether a service works on the store in that folder; `None` if that cannot be
/// told.
pub(crate) fn is_service_running(state_dir: &Path) -> Option<bool> {
    match lock_daemon(state_dir) {
        Ok(_free) => Some(false),
        Err(LockRefused::Held { .. }) => Some(true),
        Err(LockRefused::Io { .. }) => None,
    }
}

/// The mirror's health in a word, and why.
pub(crate) fn health(health: &MirrorHealth) -> (&'static str, Option<&str>) {
    match health {
        MirrorHealth::Fresh => ("fresh", None),
        MirrorHealth::Incomplete(why) => ("incomplete", Some(why)),
        MirrorHealth::Stale(why) => ("stale", Some(why)),
        MirrorHealth::Suspicious(why) => ("suspicious", Some(why)),
    }
}
