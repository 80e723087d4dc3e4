//! The program is killed with SIGKILL at every step, started again, and at the
//! end the list's archive, a subscriber's mailbox and the tracker are counted:
//! nothing lost, nothing twice, nothing unapproved.
//!
//! The steps are not listed by hand. Undisturbed runs are traced, and every
//! system call that another process or the disk can notice is a step: each
//! commit (and the last write before it, which leaves half a commit), each
//! command to the mailbox and the submission server, each request to the
//! tracker. The program is killed right before each of them; when it was sent;
//! and when it was answered and the answer not read. Only what nobody can tell
//! apart is taken together: the pieces of one answer, and the frames of one
//! commit. A step is what every undisturbed run has; and the program must have
//! been killed at each.
//!
//! Each kill has a notification of its own. What only a person can know is
//! resolved as a person would: by a look at the archive and the tracker.
//! `SHOW_KILLS=1` tells of each kill what it was aimed at and what it hit.

mod calls;
mod kills;
mod lane;
mod letters;
mod steps;
mod tally;
mod tracer;

use std::time::{Duration, Instant};

use buildbot_watch::store::DeliveryKind;
use futures_util::future::join_all;

use kills::{Kills, share};
use lane::{Lane, PATIENCE};
use tracer::{Ended, Kill, Traced, stopped};

use crate::service::Service;

/// A program that has done what it was to do, and then no step for so long, is
/// done with it.
const QUIET: Duration = Duration::from_millis(1500);

/// So many share the steps, each with a list and a daemon of its own: most of the
/// time each waits for the pause between two writes to the tracker, or for the
/// list. Roundup takes 40 connections at once, and a daemon keeps some open.
const LANES: usize = 4;

fn run<T>(test: impl Future<Output = T>) -> T {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

#[test]
fn killed_while_an_issue_is_opened_and_the_list_answered() {
    run(async { tell(deliveries("opening", DeliveryKind::OpenIssue, 1).await) });
}

#[test]
fn killed_while_an_issue_is_commented_on_and_a_slow_list_answered() {
    run(async { tell(deliveries("commenting", DeliveryKind::Comment, 5).await) });
}

fn tell(lanes: Vec<Kills>) {
    let together = lanes.into_iter().reduce(|mut all, lane| {
        all.add(lane);
        all
    });
    together.expect("a lane").tell();
}

/// Each lane has a tracker of its own, the first one of this number: what is
/// written to another's would come up in its listings, or not, as it happens.
async fn deliveries(scenario: &'static str, kind: DeliveryKind, first: usize) -> Vec<Kills> {
    let area = format!("crash-{scenario}");
    let trackers: Vec<String> = (first..first + LANES)
        .map(|it| format!("crash{it}"))
        .collect();
    let lanes = join_all(trackers.iter().map(|tracker| Lane::new(&area, tracker))).await;
    let kills = lanes.iter().map(async |lane| {
        // An earlier run in the same world may have left hundreds.
        lane.setup.empty_tracker().await;
        prepare(lane, kind, 0..1).await;
        if kind == DeliveryKind::Comment {
            // With a fast list, the copy that comes back tells of every mail that
            // was sent before anything else can happen.
            lane.list_is_slow().await;
        }
        // What goes on with the mailbox meanwhile is the other scenario.
        let is_wanted = |name: &str| !name.starts_with("mailbox:");
        Kills::of(scenario, &deliver_once(lane).await.steps, is_wanted)
    });
    let kills = share(join_all(kills).await);
    let shares = lanes.into_iter().zip(kills);
    join_all(shares.map(|(lane, kills)| deliver_killed(lane, kills, kind))).await
}

/// Delivers the first notification undisturbed, and traces that.
async fn deliver_once(lane: &Lane) -> Ended {
    let service = lane.settled().await;
    let traced = Traced::attach(service.process(), None);
    lane.approve(0);
    until(traced, || lane.has_delivered(0)).await
}

/// Delivers one notification for each step; two are never approved.
async fn deliver_killed(lane: Lane, mut kills: Kills, kind: DeliveryKind) -> Kills {
    let all = 8 + kills.len() * 5 / 4;
    prepare(&lane, kind, 1..all).await;
    let mut approved = vec![0];
    let mut was_at_the_tracker = false;
    while approved.len() + 2 < all
        && let Some(target) = kills.next()
    {
        let number = approved.len();
        let mut service = lane.settled().await;
        if was_at_the_tracker && target.needs_a_fresh_start() {
            // What the process has asked the tracker once, it does not ask again.
            drop(service);
            service = lane.settled().await;
        }
        let traced = Traced::attach(service.process(), Some(target.kill()));
        lane.approve(number);
        approved.push(number);
        let ended = until(traced, || lane.has_delivered(number)).await;
        was_at_the_tracker = !(ended.was_hit && target.is_submission());
        kills.ended(target, &ended);
    }

    let (service, resolved) = lane.bring_to_an_end().await;
    kills.resolved = resolved;
    drop(service);
    lane.assert_each_delivered_once(&approved, kind).await;
    let unapproved: Vec<usize> = (approved.len()..all).collect();
    lane.assert_nothing_else(&unapproved, approved.len()).await;
    lane.assert_unharmed();
    kills
}

/// Notifications that wait for a person's word.
async fn prepare(lane: &Lane, kind: DeliveryKind, numbers: std::ops::Range<usize>) {
    if kind == DeliveryKind::Comment {
        for number in numbers.clone() {
            lane.report_by_hand(number).await;
        }
    }
    if lane.number("SELECT count(*) FROM mailboxes") == 0 {
        // The first start begins at "now".
        drop(lane.settled().await);
    }
    lane.deliver_notifications(numbers.clone()).await;
    drop(lane.settled_with(numbers).await);
}

#[test]
fn killed_while_a_mail_comes_in_and_is_read() {
    run(async { tell(mails("intake", "crash-idle").await) });
}

#[test]
fn killed_while_it_starts_with_a_mail_waiting() {
    run(async { tell(mails("start", "crash-idle").await) });
}

/// Takes in one notification for each step.
async fn mails(scenario: &'static str, tracker: &str) -> Vec<Kills> {
    let area = format!("crash-{scenario}");
    let lanes = join_all((0..LANES).map(|_| Lane::new(&area, tracker))).await;
    let kills = lanes.iter().map(async |lane| {
        drop(lane.settled().await);
        // The first mail is written to pages of the database that are new.
        lane.deliver_notifications(0..1).await;
        let ended = take_in(lane, scenario, 1, None).await;
        Kills::of(scenario, &ended.steps, |_| true)
    });
    let kills = share(join_all(kills).await);
    let shares = lanes.into_iter().zip(kills);
    join_all(shares.map(|(lane, kills)| take_in_killed(lane, kills))).await
}

async fn take_in_killed(lane: Lane, mut kills: Kills) -> Kills {
    let mut number = 1;
    while let Some(target) = kills.next() {
        // Each kill has a mail of its own: one that is killed three times while
        // it is read is laid aside, as it should be.
        number += 1;
        let ended = take_in(&lane, kills.scenario, number, Some(target.kill())).await;
        kills.ended(target, &ended);
    }
    drop(lane.settled_with(0..number + 1).await);
    lane.quiet().await;
    let all: Vec<usize> = (0..=number).collect();
    lane.assert_each_drafted_once(&all);
    lane.assert_nothing_else(&all, 0).await;
    lane.assert_unharmed();
    kills
}

/// A mail comes in while the daemon waits for one, or waits for the daemon.
async fn take_in(lane: &Lane, scenario: &str, number: usize, kill: Option<Kill>) -> Ended {
    let service = lane.settled_with(number - 1..number).await;
    let is_drafted = || lane.has_drafted(number);
    if scenario == "intake" {
        let traced = Traced::attach(service.process(), kill);
        lane.deliver_notifications(number..number + 1).await;
        return until(traced, is_drafted).await;
    }
    drop(service);
    lane.deliver_notifications(number..number + 1).await;
    start_until(lane, kill, is_drafted).await
}

#[test]
fn killed_at_the_very_first_start() {
    run(async {
        let lanes = join_all((0..LANES).map(|_| Lane::new("crash-first", "crash-first"))).await;
        for number in 0..3 {
            lanes[0].report_by_hand(number).await;
        }
        let kills = lanes.iter().map(async |lane| {
            let ended = start_until(lane, None, || lane.has_looked()).await;
            // What is asked of the tracker is asked at every start.
            Kills::of("first start", &ended.steps, |name| {
                !name.starts_with("tracker:")
            })
        });
        let kills = share(join_all(kills).await);
        let shares = lanes.into_iter().zip(kills);
        tell(join_all(shares.map(|(lane, kills)| first_start(lane, kills))).await);
    });
}

/// Starts with an empty state folder for each step.
async fn first_start(lane: Lane, mut kills: Kills) -> Kills {
    let mut number = 0;
    while let Some(target) = kills.next() {
        lane.forget_everything();
        let ended = start_until(&lane, Some(target.kill()), || lane.has_looked()).await;
        kills.ended(target, &ended);
        // What is in the mailbox when it is opened first is history; what comes
        // after that is not, whatever happened in between.
        let was_opened = lane.number("SELECT count(*) FROM mailboxes") == 1;
        lane.deliver_notifications(number..number + 1).await;
        let drafted: Vec<usize> = was_opened.then_some(number).into_iter().collect();
        drop(lane.settled_with(drafted.clone()).await);
        lane.assert_each_drafted_once(&drafted);
        lane.assert_unharmed();
        number += 1;
    }
    lane.assert_nothing_else(&[], 0).await;
    kills
}

/// Starts the daemon traced, until it has done a thing and read the tracker's
/// changes, or is killed.
async fn start_until(lane: &Lane, kill: Option<Kill>, is_done: impl Fn() -> bool) -> Ended {
    let begun = lane.next_second().await;
    let service = Service::start_as(&lane.setup, stopped());
    let traced = Traced::start(service.process(), kill);
    let ended = until(traced, || is_done() && lane.has_listed(begun)).await;
    drop(service);
    ended
}

/// Lets the daemon run until it has done a thing and nothing else follows, or is
/// killed.
async fn until(traced: Traced, is_done: impl Fn() -> bool) -> Ended {
    let start = Instant::now();
    while !traced.is_over() && !traced.is_quiet_and(QUIET, &is_done) {
        let patience = start.elapsed() < PATIENCE;
        assert!(patience, "not done; it did: {}", traced.tell());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    traced.end()
}
