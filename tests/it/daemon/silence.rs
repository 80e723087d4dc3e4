//! A list that says nothing for too long (I19).

use buildbot_watch::store::IncomingMail;
use buildbot_watch::worker::wall_clock;

use crate::daemon::support::{post, stops_by, store, without_tracker};
use crate::service::Service;
use crate::world::run;

#[test]
fn a_list_that_is_silent_for_too_long_is_told_of_once() {
    run(async {
        let setup = without_tracker("silence").await;
        let mut service = Service::start(&setup);
        service.says("first start").await;
        stops_by(service, "TERM").await;
        // A mail an hour, until three days ago.
        let last = wall_clock() - 3 * 86_400;
        for number in 0..12 {
            let raw = crate::world::mail("x", &format!("{number}@example.test"), "", "x");
            let mail = IncomingMail {
                mailbox: "earlier",
                uidvalidity: 1,
                uid: number,
                content_key: &format!("key {number}"),
                message_id: None,
                raw: &raw,
                truncated: false,
            };
            let at = last - 3600 * (11 - number);
            store(&setup).take_in(&mail, number, at).expect("a mail");
        }
        let mut service = Service::start(&setup);
        service
            .says("the list is silent for longer than usual")
            .await;
        let status = setup.run(&["status"]);
        let words = "silent for longer than usual (at most 1 h lately)";
        assert!(status.out.contains(words), "{}", status.out);
        let status = setup.json(&["status"]);
        assert_eq!(status["silent"]["usual_seconds"], 3600, "{status}");

        post(&setup, "at-last");
        service.says("the list is not silent any more").await;
        assert!(setup.json(&["status"])["silent"].is_null());
        let log = stops_by(service, "TERM").await;
        assert_eq!(log.matches("is silent for longer").count(), 1, "{log}");
    });
}
