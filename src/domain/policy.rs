//! May this leave now? The loop breaker, which knows no logic but counts (I9).

pub mod auto;
mod limits;

pub use limits::Limits;

use crate::domain::Seconds;
use crate::domain::delivery::DeliveryKind;

/// How soon a delivery that a switch holds back is looked at again, in seconds.
const SWITCH_PAUSE: Seconds = 30;

/// How soon an answer that waits for its turn is looked at again, in seconds.
const IN_TURN_PAUSE: Seconds = 300;

/// The answer for one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It may be claimed and sent.
    Go,
    /// Not yet; nothing is wrong with it.
    Wait {
        /// When to ask again.
        until: Seconds,
        /// One sentence.
        why: String,
    },
    /// A cap that only a loop or a mistake reaches: set the durable STOP, which
    /// a person clears. Nothing else leaves either.
    Stop {
        /// One sentence.
        why: String,
    },
    /// This delivery waits until a person releases it; others may go on.
    Hold {
        /// One sentence.
        why: String,
    },
}

/// What the gate needs to know of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What it is.
    pub kind: DeliveryKind,
    /// Who allowed it.
    pub allowed_by: AllowedBy,
    /// When the notification came into the store; its Date header does not count.
    pub notification_at: Seconds,
    /// Whether it is one of several answers that one decision allowed, and not the
    /// one to the notification that was decided on.
    pub along: bool,
}

/// Who allowed a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedBy {
    /// A person approved the draft.
    Person,
    /// A person approved the draft, and released this delivery from a hold.
    Release,
    /// An automatic rule of the configuration.
    Rule {
        /// Its name.
        name: String,
        /// Why it may not act any more, in words; `None` as long as it may.
        off: Option<String>,
    },
}

/// The durable switches and what the tracker asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    /// Why STOP is set, if it is.
    pub stop: Option<String>,
    /// Why delivery is paused, if it is.
    pub paused: Option<String>,
    /// The tracker wants no request before this moment (Retry-After).
    pub tracker_wants_quiet_until: Option<Seconds>,
}

/// What the ledger of outgoing effects holds, other than the delivery that asks.
/// Lines count from the claim on, whatever became of the effect; lines from the
/// future (a clock that was set back) count as just written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCounts {
    /// Replies to this notification, ever.
    pub replies_to_notification: u64,
    /// Replies in this mail's thread, ever.
    pub replies_in_thread: u64,
    /// Replies in the last 3,600 s, and since a person last cleared STOP.
    pub replies_last_hour: u64,
    /// Replies in the last 86,400 s, and since a person last cleared STOP.
    pub replies_last_day: u64,
    /// Replies with the same text to the same list in the last
    /// [`Limits::same_body_days`].
    pub replies_with_same_body: u64,
    /// Issues opened in this pass over the due deliveries.
    pub new_issues_this_run: u64,
    /// Issues opened in the last 86,400 s.
    pub new_issues_last_day: u64,
    /// Writes to the tracker at or after `now` less
    /// [`Limits::seconds_between_tracker_writes`].
    pub tracker_writes_just_now: u64,
    /// Writes to the tracker in the last 60 s.
    pub tracker_writes_last_minute: u64,
    /// Writes to the tracker in the last 3,600 s.
    pub tracker_writes_last_hour: u64,
}

/// Whether a delivery may leave now.
///
/// To be asked in the transaction that claims it, right before the write. The
/// order matters: a switch beats everything, a cap that means a loop beats a
/// hold, and pacing comes last, so that nobody waits for what will be held.
pub fn may_leave(
    effect: &Effect,
    switches: &Switches,
    limits: &Limits,
    counts: &LedgerCounts,
    now: Seconds,
) -> Gate {
    switched_off(switches, now)
        .or_else(|| in_turn(effect, limits, counts, now))
        .or_else(|| match effect.kind {
            DeliveryKind::Reply => reply_cap(limits, counts),
            DeliveryKind::OpenIssue | DeliveryKind::Comment => None,
        })
        .or_else(|| match effect.allowed_by {
            AllowedBy::Release => None,
            AllowedBy::Person | AllowedBy::Rule { .. } => hold(effect, limits, counts, now),
        })
        .or_else(|| pace(effect.kind, switches, limits, counts, now))
        .unwrap_or(Gate::Go)
}

fn switched_off(switches: &Switches, now: Seconds) -> Option<Gate> {
    let why = match (&switches.stop, &switches.paused) {
        (Some(why), _) => format!("STOP is set: {why}"),
        (None, Some(why)) => format!("delivery is paused: {why}"),
        (None, None) => return None,
    };
    let until = now.saturating_add(SWITCH_PAUSE);
    Some(Gate::Wait { until, why })
}

/// One decision may allow many answers. Those beyond the first leave one below the
/// caps on time free, and wait for their turn: a burst that somebody approved is no
/// loop, and never what trips the breaker. No cap is raised by this.
fn in_turn(effect: &Effect, limits: &Limits, counts: &LedgerCounts, now: Seconds) -> Option<Gate> {
    let caps = [
        (counts.replies_last_hour, limits.replies_per_hour, "hour"),
        (counts.replies_last_day, limits.replies_per_day, "24 hours"),
    ];
    let (sent, cap, span) = caps
        .into_iter()
        .filter(|_| effect.along)
        .find(|(sent, cap, _)| sent.saturating_add(1) >= u64::from(*cap))?;
    Some(Gate::Wait {
        until: now.saturating_add(IN_TURN_PAUSE),
        why: format!(
            "{sent} replies went out in the last {span}; the cap is {cap}, and the answers to \
             further notifications of one decision keep below it"
        ),
    })
}

fn reply_cap(limits: &Limits, counts: &LedgerCounts) -> Option<Gate> {
    let caps = [
        (
            counts.replies_to_notification,
            limits.replies_per_notification,
            "to this notification",
        ),
        (
            counts.replies_in_thread,
            limits.replies_per_thread,
            "in this thread",
        ),
        (
            counts.replies_last_hour,
            limits.replies_per_hour,
            "in the last hour",
        ),
        (
            counts.replies_last_day,
            limits.replies_per_day,
            "in the last 24 hours",
        ),
    ];
    let (sent, cap, where_to) = caps
        .into_iter()
        .find(|(sent, cap, _)| *sent >= u64::from(*cap))?;
    Some(Gate::Stop {
        why: format!("{sent} replies went out {where_to}; the cap is {cap}"),
    })
}

fn hold(effect: &Effect, limits: &Limits, counts: &LedgerCounts, now: Seconds) -> Option<Gate> {
    let why = match effect.kind {
        DeliveryKind::OpenIssue => too_many_new(limits, counts),
        DeliveryKind::Reply => same_body(limits, counts),
        DeliveryKind::Comment => None,
    };
    rule_is_off(effect)
        .or(why)
        .or_else(|| too_old(effect, limits, now))
        .map(|why| Gate::Hold { why })
}

/// What a rule decided leaves only as long as the rule may still act: a person looks
/// at it otherwise.
fn rule_is_off(effect: &Effect) -> Option<String> {
    let AllowedBy::Rule { off, .. } = &effect.allowed_by else {
        return None;
    };
    off.as_ref().map(|why| {
        format!("a rule approved it, and {why}: a person has to release it, if it is right")
    })
}

fn too_many_new(limits: &Limits, counts: &LedgerCounts) -> Option<String> {
    let caps = [
        (
            counts.new_issues_this_run,
            limits.new_issues_per_run,
            "in this run",
        ),
        (
            counts.new_issues_last_day,
            limits.new_issues_per_day,
            "in the last 24 hours",
        ),
    ];
    let (opened, cap, when) = caps
        .into_iter()
        .find(|(opened, cap, _)| *opened >= u64::from(*cap))?;
    Some(format!(
        "{opened} issues were opened {when}; the cap is {cap}"
    ))
}

fn same_body(limits: &Limits, counts: &LedgerCounts) -> Option<String> {
    let days = limits.same_body_days;
    (counts.replies_with_same_body > 0)
        .then(|| format!("the same text went to the list within the last {days} days"))
}

/// For what no person looked at: an old notification may be answered already.
fn too_old(effect: &Effect, limits: &Limits, now: Seconds) -> Option<String> {
    let AllowedBy::Rule { name, .. } = &effect.allowed_by else {
        return None;
    };
    let age = now.saturating_sub(effect.notification_at);
    let greatest = limits.max_action_age;
    (age > greatest).then(|| {
        format!(
            "the notification is {} h old; the rule {name} acts up to {} h",
            age / 3600,
            greatest / 3600
        )
    })
}

/// One writer, slowly. How long to wait is a guess; asking again costs little.
fn pace(
    kind: DeliveryKind,
    switches: &Switches,
    limits: &Limits,
    counts: &LedgerCounts,
    now: Seconds,
) -> Option<Gate> {
    if !kind.is_tracker_write() {
        return None;
    }
    let quiet = switches
        .tracker_wants_quiet_until
        .filter(|until| *until > now)
        .map(|until| Gate::Wait {
            until,
            why: "the tracker asked for a pause".to_owned(),
        });
    let gap = limits.seconds_between_tracker_writes;
    let caps = [
        (
            counts.tracker_writes_last_hour,
            limits.tracker_writes_per_hour,
            60,
            "in the last hour",
        ),
        (
            counts.tracker_writes_last_minute,
            limits.tracker_writes_per_minute,
            5,
            "in the last minute",
        ),
    ];
    let full = caps
        .into_iter()
        .find(|(written, cap, ..)| *written >= u64::from(*cap))
        .map(|(written, cap, pause, when)| Gate::Wait {
            until: now.saturating_add(pause),
            why: format!("{written} writes to the tracker {when}; the cap is {cap}"),
        });
    let spacing = (gap > 0 && counts.tracker_writes_just_now > 0).then(|| Gate::Wait {
        until: now.saturating_add(1),
        why: format!("writes to the tracker are {gap} s apart"),
    });
    quiet.or(full).or(spacing)
}

#[cfg(test)]
mod tests;
