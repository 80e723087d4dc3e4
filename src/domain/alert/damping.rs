//! When to tell people, and of how much at once.

use std::collections::BTreeSet;

use super::{Event, Matter};
use crate::domain::Seconds;

const HOUR: Seconds = 3600;

/// How people are spared. All but the number are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damping {
    /// New drafts wait so long for others, to be told together.
    pub bundle: Seconds,
    /// Messages within an hour, at most.
    pub most_an_hour: u32,
    /// The age of the oldest draft that is reminded of.
    pub remind_after: Seconds,
    /// Between two reminders.
    pub remind_every: Seconds,
    /// A service that fails for less is not worth telling.
    pub trouble_after: Seconds,
}

/// What was told on one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// The keys of matters that were told, of those that were asked for.
    pub told: BTreeSet<String>,
    /// When messages were sent within the last hour, the oldest first.
    pub sent: Vec<Seconds>,
    /// When the last reminder was sent.
    pub reminded: Option<Seconds>,
}

/// What follows from what is the matter and what was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// There is nothing to tell.
    Nothing,
    /// There is, but not before then.
    NotBefore(Seconds),
    /// One message about these, in the order of [`Event::ALL`].
    Tell(Vec<Matter>),
}

/// What to tell now. `wanted` are the events that the channel is told of; matters
/// of others are passed over, and so is what stopped being so before it was told.
///
/// Of new drafts alone nobody is told before the bundling window of the oldest one
/// has passed; what needs a person sooner takes them along.
pub fn next(
    matters: &[Matter],
    wanted: &BTreeSet<Event>,
    log: &Log,
    damping: &Damping,
    now: Seconds,
) -> Next {
    let untold: Vec<&Matter> = matters
        .iter()
        .filter(|matter| wanted.contains(&matter.event))
        .filter(|matter| matter.event == Event::Reminder || !log.told.contains(&matter.key))
        .collect();
    let ready = |matter: &&Matter| ready_at(matter, log, damping) <= now;
    let Some(first) = untold
        .iter()
        .map(|matter| ready_at(matter, log, damping))
        .min()
    else {
        return Next::Nothing;
    };
    if first > now {
        return Next::NotBefore(first);
    }
    let most = usize::try_from(damping.most_an_hour).unwrap_or(usize::MAX);
    if let Some(over) = log.sent.len().checked_sub(most) {
        return match log.sent.get(over) {
            Some(sent) => Next::NotBefore(sent.saturating_add(HOUR)),
            None => Next::Nothing,
        };
    }
    let is_new = |matter: &&Matter| matter.event == Event::Drafts;
    let mut told: Vec<Matter> = untold
        .iter()
        .copied()
        .filter(|matter| is_new(matter) || ready(matter))
        .cloned()
        .collect();
    told.sort_by_key(|matter| matter.event);
    Next::Tell(told)
}

/// When a matter may be told.
fn ready_at(matter: &Matter, log: &Log, damping: &Damping) -> Seconds {
    let after = |seconds: Seconds| matter.since.saturating_add(seconds);
    match matter.event {
        Event::Stop | Event::Person => Seconds::MIN,
        Event::Service => after(damping.trouble_after),
        Event::Drafts => after(damping.bundle),
        Event::Reminder => {
            let again = log.reminded.map_or(Seconds::MIN, |last| {
                last.saturating_add(damping.remind_every)
            });
            after(damping.remind_after).max(again)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::REMINDER;

    const NOW: Seconds = 1_800_000_000;
    const DAMPING: Damping = Damping {
        bundle: 600,
        most_an_hour: 3,
        remind_after: 24 * HOUR,
        remind_every: 12 * HOUR,
        trouble_after: HOUR,
    };

    fn matter(event: Event, key: &str, ago: Seconds) -> Matter {
        Matter {
            event,
            key: key.to_owned(),
            since: NOW - ago,
            notification: None,
        }
    }

    fn log(told: &[&str], sent_ago: &[Seconds], reminded_ago: Option<Seconds>) -> Log {
        Log {
            told: told.iter().map(|key| (*key).to_owned()).collect(),
            sent: sent_ago.iter().map(|ago| NOW - ago).collect(),
            reminded: reminded_ago.map(|ago| NOW - ago),
        }
    }

    /// `tell a b`, `wait 60`, `nothing`.
    #[track_caller]
    fn check(matters: &[Matter], log: &Log, expect: &str) {
        let all = Event::ALL.into_iter().collect();
        let found = match next(matters, &all, log, &DAMPING, NOW) {
            Next::Nothing => "nothing".to_owned(),
            Next::NotBefore(at) => format!("wait {}", at - NOW),
            Next::Tell(told) => {
                let keys: Vec<&str> = told.iter().map(|matter| matter.key.as_str()).collect();
                format!("tell {}", keys.join(" "))
            }
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn new_drafts_wait_for_each_other_and_are_told_once() {
        let drafts = [
            matter(Event::Drafts, "a", 590),
            matter(Event::Drafts, "b", 1),
        ];
        check(&drafts, &log(&[], &[], None), "wait 10");
        let drafts = [
            matter(Event::Drafts, "a", 600),
            matter(Event::Drafts, "b", 1),
        ];
        check(&drafts, &log(&[], &[], None), "tell a b");
        check(&drafts, &log(&["a"], &[], None), "wait 599");
        check(&drafts, &log(&["a", "b"], &[], None), "nothing");
    }

    #[test]
    fn what_needs_a_person_is_told_at_once_and_takes_new_drafts_along() {
        let matters = [
            matter(Event::Drafts, "draft", 1),
            matter(Event::Person, "doubt", 0),
            matter(Event::Stop, "stop", 0),
        ];
        check(&matters, &log(&[], &[], None), "tell stop doubt draft");
        check(&matters, &log(&["stop"], &[], None), "tell doubt draft");
    }

    #[test]
    fn an_hour_has_its_most_and_what_came_meanwhile_is_told_together() {
        let matters = [
            matter(Event::Stop, "stop", 0),
            matter(Event::Drafts, "a", 700),
        ];
        let full = log(&[], &[3000, 2000, 10], None);
        check(&matters, &full, "wait 600");
        check(
            &matters,
            &log(&[], &[5000, 3700, 3000, 2000, 10], None),
            "wait 600",
        );
        check(&matters, &log(&[], &[2000, 10], None), "tell stop a");
    }

    /// A channel takes nothing for eight hours. Every few minutes a draft is made, and
    /// every hour STOP is set and cleared again, and a service breaks and works again.
    #[test]
    fn a_channel_that_was_dead_for_hours_is_told_in_one_message() {
        let all: BTreeSet<Event> = Event::ALL.into_iter().collect();
        let begun = NOW - 8 * HOUR;
        let at = |event, key: String, since| Matter {
            since,
            ..matter(event, &key, 0)
        };
        let matters = |now: Seconds| {
            let drafts = (begun..=now).step_by(300);
            let mut all: Vec<Matter> = drafts
                .map(|since| at(Event::Drafts, format!("draft {since}"), since))
                .collect();
            if (now - begun) % HOUR < 1800 {
                all.push(at(Event::Stop, format!("stop {}", now / HOUR), now));
                let service = format!("service {}", now / HOUR);
                all.push(at(Event::Service, service, now - 2 * HOUR));
            }
            all
        };
        // What is refused is taken back: nothing was sent, and nothing is remembered.
        let mut tries = 0;
        for now in (begun..NOW).step_by(900) {
            let refused = next(&matters(now), &all, &Log::default(), &DAMPING, now);
            tries += u32::from(matches!(refused, Next::Tell(_)));
        }
        assert_eq!(tries, 32);
        let now = NOW - 600;
        let Next::Tell(told) = next(&matters(now), &all, &Log::default(), &DAMPING, now) else {
            panic!("there is something to tell");
        };
        // All the drafts, and nothing of what is over.
        assert_eq!(told.len(), matters(now).len());
        assert!(told.iter().all(|it| it.event == Event::Drafts));
        let log = Log {
            told: told.into_iter().map(|it| it.key).collect(),
            sent: vec![now],
            reminded: None,
        };
        let after = next(&matters(now), &all, &log, &DAMPING, now + 2);
        assert_eq!(after, Next::Nothing);
    }

    #[test]
    fn a_reminder_comes_late_and_seldom() {
        let young = [matter(Event::Reminder, REMINDER, 23 * HOUR)];
        check(&young, &log(&[], &[], None), "wait 3600");
        let old = [matter(Event::Reminder, REMINDER, 50 * HOUR)];
        check(&old, &log(&[], &[], None), "tell reminder");
        let told = [REMINDER];
        check(&old, &log(&told, &[], Some(11 * HOUR)), "wait 3600");
        check(&old, &log(&told, &[], Some(12 * HOUR)), "tell reminder");
    }

    #[test]
    fn a_service_is_told_of_when_it_fails_for_long() {
        let trouble = [matter(Event::Service, "imap", HOUR - 5)];
        check(&trouble, &log(&[], &[], None), "wait 5");
        let trouble = [matter(Event::Service, "imap", HOUR)];
        check(&trouble, &log(&[], &[], None), "tell imap");
    }

    #[test]
    fn only_what_is_wanted_is_told() {
        let matters = [
            matter(Event::Drafts, "a", 700),
            matter(Event::Stop, "stop", 0),
        ];
        let wanted = [Event::Drafts].into_iter().collect();
        let found = next(&matters, &wanted, &Log::default(), &DAMPING, NOW);
        assert_eq!(found, Next::Tell(vec![matters[0].clone()]));
        let none = BTreeSet::new();
        let found = next(&matters, &none, &Log::default(), &DAMPING, NOW);
        assert_eq!(found, Next::Nothing);
    }
}
