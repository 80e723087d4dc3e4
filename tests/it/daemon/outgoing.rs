//! Replies while the mail server is away or says no.

use crate::daemon::support::{
    approve_one, change, delivery, reroute, says_times, stops_by, without_tracker,
};
use crate::proxy::{Mode, Proxy};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, run, world};

/// Replies would go to this address instead of the list's own.
fn answer_to(setup: &Setup, address: &str) {
    let list = format!("address = \"{}\"", setup.list);
    change(setup, &list, &format!("address = \"{address}\""));
}

#[test]
fn a_reply_waits_for_the_mail_server_and_leaves_once() {
    run(async {
        let setup = without_tracker("smtp-away").await;
        let line = Proxy::to(world().mail.submissions_port).await;
        reroute(&setup, world().mail.submissions_port, line.port);
        line.set(Mode::Reset);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notification = approve_one(&setup, "away").await;
        service.says("not now; it will be tried again").await;
        let reply = delivery(&setup, notification, "reply");
        assert_eq!(reply["state"], "queued", "{reply}");
        assert!(!reply["last_error"].is_null(), "{reply}");
        service.says("no mail can leave; replies wait").await;
        let trouble = &setup.json(&["status"])["troubles"][0];
        assert_eq!(trouble["service"], "outgoing", "{trouble}");
        let told = setup.run(&["status"]).out;
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            told.contains("The last mail could not leave, since"),
            "{told}"
        );
        assert!(told.contains("On their way 1, waits: "), "{told}");
        line.set(Mode::Pass);
        setup.stage_of(notification, "delivered").await;
        service.says("mails leave again").await;
        assert!(!setup.run(&["status"]).out.contains("Trouble"));
        world().inbox_of(&setup.reader, 2).await;
        let log = stops_by(service, "TERM").await;
        assert!(log.matches("not now; it will").count() <= 2, "{log}");
        assert_eq!(world().inbox(&setup.reader).len(), 2);
    });
}

#[test]
fn a_refusal_for_now_is_tried_again_later_and_later() {
    run(async {
        let setup = without_tracker("smtp-later").await;
        answer_to(&setup, &world().mail.refused_for_now);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notification = approve_one(&setup, "later").await;
        service.says("not now; it will be tried again").await;
        let reply = eventually(PATIENCE, || {
            let reply = delivery(&setup, notification, "reply");
            (reply["attempts"].as_i64() >= Some(2)).then_some(reply)
        })
        .await;
        assert_eq!(reply["state"], "queued", "{reply}");
        assert!(reply["last_error"].to_string().contains("450"), "{reply}");
        let shown = setup.run(&["show", &notification.to_string()]);
        assert!(shown.out.contains("450"), "{}", shown.out);
        // A person hears of it once.
        says_times(&mut service, "still not now", 1).await;
        let log = stops_by(service, "TERM").await;
        assert_eq!(log.matches("not now; it will").count(), 1, "{log}");
    });
}

#[test]
fn a_refusal_for_good_is_told_and_never_tried_again() {
    run(async {
        let setup = without_tracker("smtp-never").await;
        answer_to(&setup, &world().mail.refused_for_good);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notification = approve_one(&setup, "never").await;
        let row = setup.stage_of(notification, "closed").await;
        assert_eq!(row["closed"]["reason"], "undeliverable", "{row}");
        let reply = delivery(&setup, notification, "reply");
        assert_eq!(
            (&reply["state"], &reply["attempts"]),
            (&"failed".into(), &1.into())
        );
        let status = setup.run(&["status"]);
        assert!(status.out.contains("550"), "{}", status.out);
        service.says("refused for good").await;
        stops_by(service, "TERM").await;
    });
}
