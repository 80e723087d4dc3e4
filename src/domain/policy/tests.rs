use super::*;

const NOW: Seconds = 10_000_000;
const KINDS: [DeliveryKind; 3] = DeliveryKind::ALL;

fn effect(kind: DeliveryKind) -> Effect {
    Effect {
        kind,
        allowed_by: AllowedBy::Person,
        notification_at: NOW - 60,
        along: false,
    }
}

fn by_rule(kind: DeliveryKind) -> Effect {
    Effect {
        allowed_by: AllowedBy::Rule {
            name: "known".to_owned(),
            off: None,
        },
        ..effect(kind)
    }
}

fn released(kind: DeliveryKind) -> Effect {
    Effect {
        allowed_by: AllowedBy::Release,
        ..effect(kind)
    }
}

fn on() -> Switches {
    Switches {
        stop: None,
        paused: None,
        tracker_wants_quiet_until: None,
    }
}

fn nothing_yet() -> LedgerCounts {
    LedgerCounts {
        replies_to_notification: 0,
        replies_in_thread: 0,
        replies_last_hour: 0,
        replies_last_day: 0,
        replies_with_same_body: 0,
        new_issues_this_run: 0,
        new_issues_last_day: 0,
        tracker_writes_just_now: 0,
        tracker_writes_last_minute: 0,
        tracker_writes_last_hour: 0,
    }
}

fn gate(effect: &Effect, counts: &LedgerCounts) -> Gate {
    may_leave(effect, &on(), &Limits::PROMISED, counts, NOW)
}

#[derive(Debug, PartialEq)]
enum Kind {
    Go,
    Wait(Seconds),
    Stop,
    Hold,
}

fn check(effect: &Effect, counts: &LedgerCounts, expect: Kind) {
    let answer = gate(effect, counts);
    let kind = match &answer {
        Gate::Go => Kind::Go,
        Gate::Wait { until, .. } => Kind::Wait(until - NOW),
        Gate::Stop { .. } => Kind::Stop,
        Gate::Hold { .. } => Kind::Hold,
    };
    assert_eq!(kind, expect, "{effect:?} {counts:?}: {answer:?}");
}

#[test]
fn everything_may_leave_when_nothing_has() {
    for kind in KINDS {
        for effect in [effect(kind), by_rule(kind), released(kind)] {
            check(&effect, &nothing_yet(), Kind::Go);
        }
    }
}

#[test]
fn a_switch_beats_everything() {
    let mut full = nothing_yet();
    full.replies_last_day = 99;
    for kind in KINDS {
        for effect in [effect(kind), by_rule(kind), released(kind)] {
            for (stop, paused) in [(true, false), (false, true), (true, true)] {
                let switches = Switches {
                    stop: stop.then(|| "a loop".to_owned()),
                    paused: paused.then(|| "holiday".to_owned()),
                    ..on()
                };
                let answer = may_leave(&effect, &switches, &Limits::PROMISED, &full, NOW);
                let Gate::Wait { until, why } = answer else {
                    panic!("{answer:?}");
                };
                assert_eq!(until, NOW + SWITCH_PAUSE);
                assert_eq!(why.contains("STOP"), stop, "{why}");
            }
        }
    }
}

#[test]
fn each_reply_cap_stops_at_its_number() {
    type Field = fn(&mut LedgerCounts) -> &mut u64;
    let caps: [(Field, u64); 4] = [
        (|counts| &mut counts.replies_to_notification, 1),
        (|counts| &mut counts.replies_in_thread, 2),
        (|counts| &mut counts.replies_last_hour, 6),
        (|counts| &mut counts.replies_last_day, 30),
    ];
    for (field, cap) in caps {
        let mut counts = nothing_yet();
        for (count, expect) in [
            (cap - 1, Kind::Go),
            (cap, Kind::Stop),
            (u64::MAX, Kind::Stop),
        ] {
            *field(&mut counts) = count;
            check(&effect(DeliveryKind::Reply), &counts, expect);
        }
        // No release gets past a cap that means a loop; other kinds have no such cap.
        check(&released(DeliveryKind::Reply), &counts, Kind::Stop);
        check(&by_rule(DeliveryKind::Reply), &counts, Kind::Stop);
        check(&effect(DeliveryKind::Comment), &counts, Kind::Go);
        check(&effect(DeliveryKind::OpenIssue), &counts, Kind::Go);
    }
}

#[test]
fn new_issues_beyond_the_caps_are_held() {
    let run = |opened| LedgerCounts {
        new_issues_this_run: opened,
        ..nothing_yet()
    };
    let day = |opened| LedgerCounts {
        new_issues_last_day: opened,
        ..nothing_yet()
    };
    check(&effect(DeliveryKind::OpenIssue), &run(1), Kind::Hold);
    check(&effect(DeliveryKind::OpenIssue), &day(2), Kind::Go);
    check(&effect(DeliveryKind::OpenIssue), &day(3), Kind::Hold);
    check(&by_rule(DeliveryKind::OpenIssue), &day(3), Kind::Hold);
    check(&released(DeliveryKind::OpenIssue), &day(3), Kind::Go);
    check(&effect(DeliveryKind::Comment), &day(3), Kind::Go);
    check(&effect(DeliveryKind::Reply), &day(3), Kind::Go);
}

#[test]
fn the_same_text_is_held() {
    let sent = LedgerCounts {
        replies_with_same_body: 1,
        ..nothing_yet()
    };
    check(&effect(DeliveryKind::Reply), &sent, Kind::Hold);
    check(&by_rule(DeliveryKind::Reply), &sent, Kind::Hold);
    check(&released(DeliveryKind::Reply), &sent, Kind::Go);
    check(&effect(DeliveryKind::Comment), &sent, Kind::Go);
}

#[test]
fn rules_do_not_act_on_old_notifications() {
    for kind in KINDS {
        let aged = |effect: Effect, age| Effect {
            notification_at: NOW - age,
            ..effect
        };
        let greatest = Limits::PROMISED.max_action_age;
        check(&aged(by_rule(kind), greatest), &nothing_yet(), Kind::Go);
        check(
            &aged(by_rule(kind), greatest + 1),
            &nothing_yet(),
            Kind::Hold,
        );
        check(&aged(effect(kind), greatest + 1), &nothing_yet(), Kind::Go);
        check(
            &aged(released(kind), greatest + 1),
            &nothing_yet(),
            Kind::Go,
        );
    }
}

#[test]
fn what_a_rule_approved_is_held_when_the_rule_is_off() {
    for kind in KINDS {
        let off = Effect {
            allowed_by: AllowedBy::Rule {
                name: "known".to_owned(),
                off: Some("the rule known was removed".to_owned()),
            },
            ..effect(kind)
        };
        check(&off, &nothing_yet(), Kind::Hold);
        let Gate::Hold { why } = gate(&off, &nothing_yet()) else {
            panic!("{kind:?}");
        };
        assert!(why.contains("the rule known was removed"), "{why}");
        assert!(why.contains("release"), "{why}");
    }
}

#[test]
fn tracker_writes_are_paced() {
    let just_now = LedgerCounts {
        tracker_writes_just_now: 1,
        ..nothing_yet()
    };
    for kind in [DeliveryKind::OpenIssue, DeliveryKind::Comment] {
        for effect in [effect(kind), released(kind)] {
            check(&effect, &just_now, Kind::Wait(1));
            let mut full = nothing_yet();
            full.tracker_writes_last_minute = 79;
            check(&effect, &full, Kind::Go);
            full.tracker_writes_last_minute = 80;
            check(&effect, &full, Kind::Wait(5));
            full.tracker_writes_last_hour = 500;
            check(&effect, &full, Kind::Wait(60));
        }
    }
    check(&effect(DeliveryKind::Reply), &just_now, Kind::Go);
    let unpaced = Limits {
        seconds_between_tracker_writes: 0,
        ..Limits::PROMISED
    };
    let comment = effect(DeliveryKind::Comment);
    assert_eq!(
        may_leave(&comment, &on(), &unpaced, &just_now, NOW),
        Gate::Go
    );
}

#[test]
fn the_trackers_wish_is_honoured() {
    let quiet = |until| Switches {
        tracker_wants_quiet_until: Some(until),
        ..on()
    };
    let ask = |kind, until| {
        let limits = Limits::PROMISED;
        may_leave(&effect(kind), &quiet(until), &limits, &nothing_yet(), NOW)
    };
    assert!(matches!(
        ask(DeliveryKind::Comment, NOW + 90),
        Gate::Wait { until, .. } if until == NOW + 90
    ));
    assert_eq!(ask(DeliveryKind::Comment, NOW), Gate::Go);
    assert_eq!(ask(DeliveryKind::Reply, NOW + 90), Gate::Go);
}

#[test]
fn a_hold_comes_before_a_wait() {
    let mut counts = nothing_yet();
    counts.new_issues_this_run = 1;
    counts.tracker_writes_just_now = 1;
    check(&effect(DeliveryKind::OpenIssue), &counts, Kind::Hold);
}

#[test]
fn extreme_times_do_not_overflow() {
    for notification_at in [Seconds::MIN, Seconds::MAX] {
        for now in [Seconds::MIN, 0, Seconds::MAX] {
            let mut counts = nothing_yet();
            counts.tracker_writes_just_now = 1;
            for kind in KINDS {
                let effect = Effect {
                    notification_at,
                    ..by_rule(kind)
                };
                may_leave(&effect, &on(), &Limits::PROMISED, &counts, now);
            }
        }
    }
}

#[test]
fn only_looser_limits_are_warned_of() {
    assert!(Limits::PROMISED.warnings().is_empty());
    let tighter = Limits {
        replies_per_hour: 1,
        new_issues_per_day: 0,
        same_body_days: 60,
        seconds_between_tracker_writes: 5,
        max_action_age: 60,
        ..Limits::PROMISED
    };
    assert!(tighter.warnings().is_empty());
    let looser = Limits {
        replies_per_notification: 2,
        replies_per_hour: 7,
        replies_per_day: 31,
        replies_per_thread: 3,
        new_issues_per_run: 2,
        new_issues_per_day: 4,
        seconds_between_tracker_writes: 0,
        tracker_writes_per_minute: 81,
        tracker_writes_per_hour: 501,
        same_body_days: 29,
        max_action_age: 24 * 3600 + 1,
    };
    assert_eq!(looser.warnings().len(), 11);
}

#[test]
fn further_answers_of_one_decision_wait_below_the_caps() {
    let along = Effect {
        along: true,
        ..effect(DeliveryKind::Reply)
    };
    let of = |effect: &Effect, replies_last_hour, replies_last_day| {
        let counts = LedgerCounts {
            replies_last_hour,
            replies_last_day,
            ..nothing_yet()
        };
        gate(effect, &counts)
    };
    assert_eq!(of(&along, 4, 4), Gate::Go);
    for (hour, day) in [(5, 5), (6, 6), (0, 29), (0, 30)] {
        let gate = of(&along, hour, day);
        assert!(
            matches!(&gate, Gate::Wait { until, .. } if *until > NOW),
            "{hour} {day} {gate:?}"
        );
    }
    // The decision's own answer keeps the last place, and still trips the breaker.
    let own = effect(DeliveryKind::Reply);
    assert_eq!(of(&own, 5, 29), Gate::Go);
    assert!(matches!(of(&own, 6, 6), Gate::Stop { .. }));
}
