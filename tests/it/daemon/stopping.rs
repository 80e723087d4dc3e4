//! SIGTERM and Ctrl-C, whatever is under way.

use std::time::Duration;

use buildbot_watch::domain::life::DeliveryState;
use buildbot_watch::store::DeliveryId;

use crate::daemon::support::{
    approve_one, delivery, has_taken_in, reroute, says_times, stops_by, store, taken_in,
    without_tracker,
};
use crate::proxy::{Mode, Proxy};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, mail, run, world};

#[test]
fn it_ends_when_it_has_nothing_to_do() {
    run(async {
        let setup = without_tracker("idle").await;
        for (signal, times) in [("TERM", 1), ("INT", 2), ("TERM", 3)] {
            let mut service = Service::start(&setup);
            says_times(&mut service, "ready", times).await;
            stops_by(service, signal).await;
        }
    });
}

#[test]
fn it_ends_in_the_middle_of_a_fetch_and_begins_it_again() {
    run(async {
        let setup = without_tracker("fetch").await;
        let line = Proxy::to(world().mail.imaps_port).await;
        reroute(&setup, world().mail.imaps_port, line.port);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        // A megabyte takes half a minute now.
        line.set(Mode::Delay(Duration::from_millis(400)));
        let before = line.to_client();
        let large = mail("large", "large@example.test", "", &"x\n".repeat(2 << 20));
        world().post(
            "buildbot@example.test",
            &world().address(&setup.watcher),
            &large,
        );
        eventually(PATIENCE, || {
            (line.to_client() > before + 100_000).then_some(())
        })
        .await;
        assert_eq!(taken_in(&setup), 0);
        stops_by(service, "TERM").await;
        assert_eq!(taken_in(&setup), 0);

        line.set(Mode::Pass);
        let service = Service::start(&setup);
        has_taken_in(&setup, 1).await;
        stops_by(service, "TERM").await;
    });
}

/// The state of the reply's delivery.
fn reply_state(setup: &Setup, notification: i64) -> DeliveryState {
    let number = delivery(setup, notification, "reply")["delivery"].as_i64();
    let row = store(setup).delivery(DeliveryId(number.expect("a number")));
    row.expect("a delivery").state
}

/// A setup whose reply just left for a mail server that takes it and says nothing.
async fn a_reply_without_an_answer(area: &str) -> (Setup, Proxy, Service, i64) {
    let setup = without_tracker(area).await;
    let line = Proxy::to(world().mail.submissions_port).await;
    reroute(&setup, world().mail.submissions_port, line.port);
    line.set(Mode::Delay(Duration::from_millis(400)));
    let mut service = Service::start(&setup);
    service.says("first start").await;
    let notification = approve_one(&setup, area).await;
    eventually(PATIENCE, || {
        let is_claimed = store(&setup)
            .load(buildbot_watch::store::NotificationId(notification))
            .is_ok_and(|row| {
                row.deliveries
                    .iter()
                    .any(|row| row.state == DeliveryState::Claimed && row.position > 0)
            });
        is_claimed.then_some(())
    })
    .await;
    // The mail itself still passes, the answer to its final dot does not.
    line.set(Mode::DeafClient);
    (setup, line, service, notification)
}

#[test]
fn a_reply_without_an_answer_is_in_doubt_after_a_stop_and_found_on_the_list() {
    run(async {
        let (setup, line, service, notification) = a_reply_without_an_answer("deaf").await;
        let log = stops_by(service, "TERM").await;
        assert!(log.contains("broken off"), "{log}");
        assert_eq!(reply_state(&setup, notification), DeliveryState::Claimed);

        line.set(Mode::Pass);
        let mut service = Service::start(&setup);
        service.says("looking for what became of it").await;
        // The list's copy proves it, and nothing was sent again.
        setup.stage_of(notification, "delivered").await;
        assert_eq!(reply_state(&setup, notification), DeliveryState::Done);
        world().inbox_of(&setup.reader, 2).await;
        stops_by(service, "TERM").await;
        assert_eq!(world().inbox(&setup.reader).len(), 2);
    });
}

#[test]
fn a_reload_waits_for_a_reply_that_is_under_way() {
    run(async {
        let (setup, line, mut service, notification) = a_reply_without_an_answer("patient").await;
        service.signal("HUP");
        service.says("the configuration was read again").await;
        // Longer than a stop would wait.
        tokio::time::sleep(Duration::from_secs(17)).await;
        let log = service.log();
        assert!(!log.contains("broken off"), "{log}");
        assert_eq!(reply_state(&setup, notification), DeliveryState::Claimed);
        line.set(Mode::Pass);
        setup.stage_of(notification, "delivered").await;
        says_times(&mut service, "ready", 2).await;
        let log = stops_by(service, "TERM").await;
        assert!(!log.contains("became of it"), "{log}");
    });
}

#[test]
fn a_mail_server_that_is_silent_from_the_start_leaves_the_reply_queued() {
    run(async {
        let setup = without_tracker("silent").await;
        let line = Proxy::to(world().mail.submissions_port).await;
        reroute(&setup, world().mail.submissions_port, line.port);
        line.set(Mode::BlackHole);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notification = approve_one(&setup, "silent").await;
        service.says("kind=\"open_issue\"").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        stops_by(service, "TERM").await;
        assert_eq!(reply_state(&setup, notification), DeliveryState::Queued);

        line.set(Mode::Pass);
        let service = Service::start(&setup);
        setup.stage_of(notification, "delivered").await;
        world().inbox_of(&setup.reader, 2).await;
        stops_by(service, "TERM").await;
    });
}
