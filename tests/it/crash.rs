//! The program is killed with SIGKILL at every step, started again, and at the
//! end the list's archive, a subscriber's mailbox and the tracker are counted:
//! nothing lost, nothing twice, nothing unapproved.
//!
//! The steps are not listed by hand. One undisturbed run is traced, and every
//! system call that another process or the disk can notice is a step: each
//! commit (and a write before it, which leaves half a commit), each command to
//! the mailbox and the submission server, each request to the tracker. The
//! program is killed right before each of them; when it was sent; and when it was
//! answered and the answer not read. Only what nobody can tell apart is taken
//! together: the pieces of one command or answer, and the frames of one commit.
//!
//! Each kill has a notification of its own. What only a person can know is
//! resolved as a person would: by a look at the archive and the tracker.
//! `SHOW_KILLS=1` tells of each kill what it was aimed at and what it hit.

mod kills;
mod lane;
mod strace;
mod tally;
mod trace;

use std::time::{Duration, Instant};

use buildbot_watch::store::DeliveryKind;
use futures_util::future::join_all;

use kills::{Kills, share};
use lane::{Lane, PATIENCE, was_killed};
use strace::{Kill, Traced, from_the_start};
use trace::Trace;

use crate::service::Service;

/// How long after a run was begun it must have been killed.
const RUN: Duration = Duration::from_secs(6);

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
    run(async { tell(deliveries("opening", DeliveryKind::OpenIssue, "t4").await) });
}

#[test]
fn killed_while_an_issue_is_commented_on_and_a_slow_list_answered() {
    run(async { tell(deliveries("commenting", DeliveryKind::Comment, "t5").await) });
}

fn tell(lanes: Vec<Kills>) {
    let together = lanes.into_iter().reduce(|mut all, lane| {
        all.add(lane);
        all
    });
    together.expect("a lane").tell();
}

async fn deliveries(scenario: &'static str, kind: DeliveryKind, tracker: &str) -> Vec<Kills> {
    let area = format!("crash-{scenario}");
    let lanes = join_all((0..LANES).map(|_| Lane::new(&area, tracker))).await;
    // An earlier run in the same world may have left hundreds.
    lanes[0].setup.empty_tracker().await;
    // One after the other, for all the lanes: as long as issues are opened by
    // others, a listing of the tracker does not prove that a failure is new.
    join_all(lanes.iter().map(|lane| prepare(lane, kind, 0..1))).await;
    let kills = lanes.iter().map(async |lane| {
        // What goes on with the mailbox meanwhile is the other scenario.
        let is_wanted = |name: &str| !name.contains("mailbox");
        Kills::of(scenario, deliver_once(lane).await, is_wanted)
    });
    let kills = share(join_all(kills).await);
    let all: Vec<usize> = kills.iter().map(|kills| 4 + kills.len() * 3 / 2).collect();
    let prepared = lanes.iter().zip(&all);
    join_all(prepared.map(|(lane, all)| prepare(lane, kind, 1..*all))).await;
    if kind == DeliveryKind::Comment {
        // With a fast list, the copy that comes back tells of every mail that was
        // sent before anything else can happen.
        join_all(lanes.iter().map(Lane::list_is_slow)).await;
    }
    let delivered = lanes.into_iter().zip(kills).zip(all);
    join_all(delivered.map(|((lane, kills), all)| deliver_killed(lane, kills, kind, all))).await
}

/// Delivers the first notification undisturbed, and traces that.
async fn deliver_once(lane: &Lane) -> Trace {
    let service = lane.settled().await;
    let file = lane.trace_file();
    let traced = Traced::attach(service.process(), &file, Kill::Never);
    lane.approve(0);
    let done = || lane.number("SELECT count(*) FROM deliveries WHERE done_at IS NOT NULL") == 2;
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "it does not deliver");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let trace = traced.end();
    drop(service);
    trace
}

/// Delivers one notification for each step; of `all`, two are never approved.
async fn deliver_killed(lane: Lane, mut kills: Kills, kind: DeliveryKind, all: usize) -> Kills {
    let mut approved = vec![0];
    let mut was_at_the_tracker = false;
    while let Some(target) = kills.next() {
        let number = approved.len();
        if number + 2 == all {
            break;
        }
        let mut service = lane.settled().await;
        if was_at_the_tracker {
            // What the process has asked the tracker once, it does not ask again.
            drop(service);
            service = lane.settled().await;
        }
        let file = lane.trace_file();
        let mut traced = Traced::attach(service.process(), &file, target.kill());
        lane.approve(number);
        approved.push(number);
        let start = Instant::now();
        let mut ended = None;
        while ended.is_none() && start.elapsed() < RUN {
            tokio::time::sleep(Duration::from_millis(10)).await;
            traced.look();
            ended = service.how_it_ended();
        }
        let trace = traced.end();
        let there = kills.ended(target, &trace, ended.is_some_and(was_killed));
        was_at_the_tracker = !there.contains("submission");
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
    drop(lane.settled().await);
    for number in numbers {
        assert!(lane.row(number).is_some_and(|row| row.draft.is_some()));
    }
}

#[test]
fn killed_while_mails_come_in_and_are_read() {
    run(async {
        let lanes = join_all((0..LANES).map(|_| Lane::new("crash-intake", "demo"))).await;
        let kills = lanes.iter().map(async |lane| {
            drop(lane.settled().await);
            // The first mail is written to pages of the database that are new.
            lane.deliver_notifications(0..1).await;
            drop(lane.settled().await);
            lane.deliver_notifications(1..2).await;
            let (trace, _) = start_and_draft(lane, 1, &Kill::Never).await;
            Kills::of("intake", trace, |_| true)
        });
        let kills = share(join_all(kills).await);
        let shares = lanes.into_iter().zip(kills);
        tell(join_all(shares.map(|(lane, kills)| intake(lane, kills))).await);
    });
}

/// Takes in one notification for each step.
async fn intake(lane: Lane, mut kills: Kills) -> Kills {
    let mut number = 1;
    while let Some(target) = kills.next() {
        // Each kill has a mail of its own: one that is killed three times while
        // it is read is laid aside, as it should be.
        drop(lane.settled().await);
        number += 1;
        lane.deliver_notifications(number..number + 1).await;
        let (trace, killed) = start_and_draft(&lane, number, &target.kill()).await;
        kills.ended(target, &trace, killed);
    }
    drop(lane.settled().await);
    lane.quiet().await;
    let all: Vec<usize> = (0..=number).collect();
    lane.assert_each_drafted_once(&all);
    lane.assert_nothing_else(&all, 0).await;
    lane.assert_unharmed();
    kills
}

#[test]
fn killed_at_the_very_first_start() {
    run(async {
        let lanes = join_all((0..LANES).map(|_| Lane::new("crash-first", "demo"))).await;
        let kills = lanes.iter().map(async |lane| {
            let (trace, _) = start_and_settle(lane, &Kill::Never).await;
            // What is asked of the tracker is asked at every start.
            Kills::of("first start", trace, |name| !name.contains("tracker"))
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
        let (trace, killed) = start_and_settle(&lane, &target.kill()).await;
        kills.ended(target, &trace, killed);
        // What is in the mailbox when it is opened first is history; what comes
        // after that is not, whatever happened in between.
        let was_opened = lane.number("SELECT count(*) FROM mailboxes") == 1;
        lane.deliver_notifications(number..number + 1).await;
        drop(lane.settled().await);
        let drafted = if was_opened { vec![number] } else { Vec::new() };
        lane.assert_each_drafted_once(&drafted);
        lane.assert_unharmed();
        number += 1;
    }
    lane.assert_nothing_else(&[], 0).await;
    kills
}

/// Starts the daemon under strace without anything to do, until it has looked
/// through the mailbox or is killed; says whether it was.
async fn start_and_settle(lane: &Lane, kill: &Kill) -> (Trace, bool) {
    start_until(lane, kill, || {
        lane.number("SELECT count(*) FROM mailboxes WHERE reconciled_at IS NOT NULL") == 1
    })
    .await
}

/// Starts the daemon under strace with a mail waiting, until it has a draft of it
/// or is killed; says whether it was.
async fn start_and_draft(lane: &Lane, number: usize, kill: &Kill) -> (Trace, bool) {
    start_until(lane, kill, || {
        lane.row(number).is_some_and(|row| row.draft.is_some())
    })
    .await
}

async fn start_until(lane: &Lane, kill: &Kill, is_done: impl Fn() -> bool) -> (Trace, bool) {
    let file = lane.trace_file();
    let mut service = Service::start_as(&lane.setup, from_the_start(&file, kill));
    let mut traced = Traced::started(service.process(), &file, kill.clone());
    let is_never = matches!(kill, Kill::Never);
    let start = Instant::now();
    let mut ended = None;
    while ended.is_none() && start.elapsed() < RUN {
        tokio::time::sleep(Duration::from_millis(10)).await;
        traced.look();
        ended = service.how_it_ended();
        // Nobody else may have the database open when the program is killed.
        if is_never && is_done() {
            break;
        }
    }
    drop(service);
    // strace writes its last line when the program is gone.
    tokio::time::sleep(Duration::from_millis(20)).await;
    (traced.end(), ended.is_some_and(was_killed))
}
