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

use std::ops::Range;
use std::time::{Duration, Instant};

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

/// What is written to the tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Issue,
    Comment,
    /// A comment with which a report is opened again that was closed as fixed.
    Reopening,
}

impl Written {
    /// Whether a step is one to be killed at. What goes on with the mailbox meanwhile
    /// is another scenario. Of a reopening it is what the tracker is asked beyond
    /// what is asked for each comment, and what is written to it.
    fn has(self, step: &str) -> bool {
        match self {
            Self::Issue | Self::Comment => !step.starts_with("mailbox:"),
            Self::Reopening => {
                let is_of_each = ["GET msg", "GET user"].iter().any(|it| step.contains(it));
                step.starts_with("tracker:") && !is_of_each
            }
        }
    }
}

/// Some notifications of one kind.
type Part = (Written, Range<usize>);

#[test]
fn killed_while_an_issue_is_opened_and_the_list_answered() {
    run(async {
        let kills = deliveries(&[("opening", Written::Issue)], 1).await;
        kills.into_iter().for_each(tell);
    });
}

#[test]
fn killed_while_an_issue_is_commented_on_or_opened_again_and_a_slow_list_answered() {
    run(async {
        let scenarios = [
            ("commenting", Written::Comment),
            ("reopening", Written::Reopening),
        ];
        let kills = deliveries(&scenarios, 5).await;
        kills.into_iter().for_each(tell);
    });
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
/// Gives for each scenario what became of it in each lane.
async fn deliveries(scenarios: &[(&'static str, Written)], first: usize) -> Vec<Vec<Kills>> {
    let area = format!("crash-{}", scenarios[0].0);
    let trackers: Vec<String> = (first..first + LANES)
        .map(|it| format!("crash{it}"))
        .collect();
    let lanes = join_all(trackers.iter().map(|tracker| Lane::new(&area, tracker))).await;
    let kills = lanes.iter().map(async |lane| {
        // An earlier run in the same world may have left hundreds.
        lane.setup.empty_tracker().await;
        let one_each = scenarios.iter().zip(0..);
        let one_each: Vec<Part> = one_each
            .map(|(it, number)| (it.1, number..number + 1))
            .collect();
        prepare(lane, &one_each).await;
        if scenarios.iter().any(|it| it.1 == Written::Comment) {
            // With a fast list, the copy that comes back tells of every mail that
            // was sent before anything else can happen.
            lane.list_is_slow().await;
        }
        let mut kills = Vec::new();
        for (number, (name, written)) in scenarios.iter().enumerate() {
            let steps = deliver_once(lane, number).await.steps;
            kills.push(Kills::of(name, &steps, |step| written.has(step)));
        }
        kills
    });
    let kills = transposed(join_all(kills).await);
    let shares = transposed(kills.into_iter().map(share).collect());
    let shares = lanes.into_iter().zip(shares);
    let done = shares.map(|(lane, kills)| deliver_killed(lane, kills, scenarios));
    transposed(join_all(done).await)
}

/// Rows for columns.
fn transposed<T>(rows: Vec<Vec<T>>) -> Vec<Vec<T>> {
    let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
    let mut columns = Vec::new();
    while let Some(column) = rows.iter_mut().map(Iterator::next).collect() {
        columns.push(column);
    }
    columns
}

/// Delivers a notification undisturbed, and traces that.
async fn deliver_once(lane: &Lane, number: usize) -> Ended {
    let service = lane.settled().await;
    let traced = Traced::attach(service.process(), None);
    lane.approve(number);
    until(traced, || lane.has_delivered(number)).await
}

/// Delivers one notification for each step of each scenario; at the least two of each
/// are never approved.
async fn deliver_killed(
    lane: Lane,
    mut kills: Vec<Kills>,
    scenarios: &[(&'static str, Written)],
) -> Vec<Kills> {
    let mut next = scenarios.len();
    let mut parts: Vec<Part> = Vec::new();
    for (kills, (_, written)) in kills.iter().zip(scenarios) {
        let begin = next;
        next += 7 + kills.len() * 5 / 4;
        parts.push((*written, begin..next));
    }
    prepare(&lane, &parts).await;
    let mut unapproved = Vec::new();
    let mut approved = Vec::new();
    for (undisturbed, (kills, (_, numbers))) in kills.iter_mut().zip(&parts).enumerate() {
        let end = kill_each(&lane, kills, numbers).await;
        unapproved.extend(end..numbers.end);
        let killed = numbers.start..end;
        approved.push(
            std::iter::once(undisturbed)
                .chain(killed)
                .collect::<Vec<_>>(),
        );
    }

    let (service, resolved) = lane.bring_to_an_end().await;
    // Of all scenarios: they are told once.
    kills[0].resolved = resolved;
    drop(service);
    for (numbers, (_, written)) in approved.iter().zip(scenarios) {
        lane.assert_each_delivered_once(numbers, *written).await;
    }
    let replies = approved.iter().map(Vec::len).sum();
    lane.assert_nothing_else(&unapproved, replies).await;
    for (written, numbers) in &parts {
        let still = unapproved.iter().filter(|it| numbers.contains(it));
        for number in still.filter(|_| *written == Written::Reopening) {
            lane.assert_still_mended(*number).await;
        }
    }
    lane.assert_unharmed();
    kills
}

/// Delivers one of these for each step, and is killed there; gives the first that was
/// never approved.
async fn kill_each(lane: &Lane, kills: &mut Kills, numbers: &Range<usize>) -> usize {
    let mut was_at_the_tracker = false;
    for number in numbers.start..numbers.end - 2 {
        let Some(target) = kills.next() else {
            return number;
        };
        let mut service = lane.settled().await;
        if was_at_the_tracker && target.needs_a_fresh_start() {
            // What the process has asked the tracker once, it does not ask again.
            drop(service);
            service = lane.settled().await;
        }
        let traced = Traced::attach(service.process(), Some(target.kill()));
        lane.approve(number);
        let ended = until(traced, || lane.has_delivered(number)).await;
        was_at_the_tracker = !(ended.was_hit && target.is_submission());
        kills.ended(target, &ended);
    }
    numbers.end - 2
}

/// Notifications that wait for a person's word.
async fn prepare(lane: &Lane, parts: &[Part]) {
    for (written, numbers) in parts {
        for number in numbers.clone() {
            match written {
                Written::Issue => {}
                Written::Comment => lane.report_by_hand(number).await,
                Written::Reopening => lane.report_and_mend(number).await,
            }
        }
    }
    if lane.number("SELECT count(*) FROM mailboxes") == 0 {
        // The first start begins at "now".
        drop(lane.settled().await);
    }
    let (first, last) = (&parts[0].1, &parts[parts.len() - 1].1);
    let numbers = first.start..last.end;
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
