//! What `status` tells: where to look, from the configuration, and all of it for
//! programs.

use anyhow::Result;
use serde_json::{Value, json};

use super::json as shapes;
use super::words::timestamp;
use crate::config::Config;
use crate::daemon::names_of;
use crate::desk::automatic::Stand;
use crate::desk::facts::{Facts, OwnPosts, health};
use crate::domain::Seconds;
use crate::store::{Asked, Subscription, SwitchState};

/// What the tracker's mirror is called in the store.
pub(super) fn tracker_name(config: &Config) -> Result<String> {
    Ok(names_of(config)?.name())
}

fn switch_json(switch: Option<&SwitchState>) -> Value {
    json!(switch.map(|on| json!({ "reason": on.reason, "who": on.who, "at": timestamp(on.at) })))
}

fn subscription_json(last: &Subscription) -> Value {
    json!({
        "request": last.request.name(),
        "state": last.ended.map_or("waiting", |(_, outcome)| outcome.name()),
        "begun_at": timestamp(last.begun_at),
        "ended_at": last.ended.map(|(at, _)| timestamp(at)),
        "proven_by": last.proven.map(|(_, proof)| proof.name()),
    })
}

fn asked_json((name, asked): &(String, Asked)) -> Value {
    json!({
        "approver": name,
        "unanswered": asked.unanswered,
        "last_sent_at": asked.last_sent_at.map(timestamp),
        "queued": asked.queued,
        "queued_why": asked.queued_why,
        "given_up": asked.given_up,
        "last_failed": asked.last_failed.as_ref().map(|failed| json!({
            "at": timestamp(failed.at),
            "why": failed.why,
        })),
    })
}

fn channel_json((name, last_told): &(String, Option<Seconds>)) -> Value {
    json!({ "channel": name, "last_told_at": last_told.map(timestamp) })
}

fn own_posts_seen_at(facts: &Facts) -> Option<Seconds> {
    match facts.own_posts {
        Some(OwnPosts::Seen(at)) => Some(at),
        Some(OwnPosts::NotSeen) | None => None,
    }
}

fn mirror(facts: &Facts) -> Value {
    let tracker = &facts.tracker;
    let (health, why) = health(&tracker.health);
    json!({
        "tracker": tracker.name,
        "reports": tracker.reports,
        "open": tracker.open,
        "complete_at": tracker.complete_at.map(timestamp),
        "listing": tracker.listing.map(|listing| json!({
            "begun_at": timestamp(listing.begun_at),
            "given": listing.given,
            "to_come": listing.to_come,
        })),
        "health": health,
        "why": why,
    })
}

fn stand_json(stand: &Stand) -> Value {
    json!({
        "name": stand.name,
        "acts": stand.acts,
        "suspended": stand.is_suspended,
        "why": stand.why,
    })
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
    json!({
        "service_running": facts.service,
        "stop": switch_json(facts.stop.as_ref()),
        "pause": switch_json(facts.pause.as_ref()),
        "notifications": counts,
        "closed": closed,
        "unfinished": facts.unfinished.as_ref().map(|it| it.count),
        "unfinished_why": facts.unfinished.as_ref().and_then(|it| it.why.as_ref()),
        "oldest_to_decide_at": facts.oldest.map(timestamp),
        "mirror": mirror(facts),
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
        "subscription": facts.subscription.as_ref().map(subscription_json),
        "own_posts_seen_at": own_posts_seen_at(facts).map(timestamp),
        "asked_by_mail": facts.asked.iter().map(asked_json).collect::<Vec<_>>(),
        "channels": facts.channels.iter().map(channel_json).collect::<Vec<_>>(),
        "disk_full": facts.is_disk_full,
        "auto_rules": facts.auto.iter().map(stand_json).collect::<Vec<_>>(),
        "unseen_replies": facts.unseen.iter().map(shapes::delivery).collect::<Vec<_>>(),
        "troubles": facts.troubles.iter().map(|it| json!({
            "service": it.service, "words": it.words, "since": timestamp(it.since),
        })).collect::<Vec<_>>(),
    })
}
