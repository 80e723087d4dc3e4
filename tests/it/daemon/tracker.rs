//! The tracker goes away, or seems to have lost its issues.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::support::{
    builder_of, change, has_taken_in, post, setup, stops_by, tracker_port,
};
use crate::proxy::{Mode, Proxy};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{client, eventually, run, world};

/// What `list --all` says of the only notification.
fn row(setup: &Setup) -> Value {
    let rows = setup.json(&["list", "--all"]);
    rows["notifications"][0].clone()
}

#[test]
fn nothing_is_called_new_while_the_tracker_is_away() {
    run(async {
        let setup = setup("tracker-away", "t5").await;
        let port = tracker_port("t5");
        let line = Proxy::to(port).await;
        change(&setup, &format!(":{port}/"), &format!(":{}/", line.port));
        line.set(Mode::Reset);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        post(&setup, "away");
        has_taken_in(&setup, 1).await;
        let waiting = eventually(PATIENCE, || {
            let row = row(&setup);
            (row["stage"] == "parsed").then_some(row)
        })
        .await;
        let words = eventually(PATIENCE, || {
            let standing = row(&setup)["standing"].to_string();
            standing.contains("waits").then_some(standing)
        })
        .await;
        assert!(words.contains("nothing is called new yet"), "{words}");
        assert!(waiting["draft"].is_null(), "{waiting}");
        let status = setup.json(&["status"]);
        assert_eq!(status["mirror"]["health"], "incomplete", "{status}");
        service.says("the tracker still cannot be read").await;

        line.set(Mode::Pass);
        service.says("the tracker answers again").await;
        setup.draft_about(&builder_of(&setup)).await;
        let log = stops_by(service, "TERM").await;
        assert_eq!(
            log.matches("the tracker cannot be read").count(),
            1,
            "{log}"
        );
    });
}

/// Does something in the tracker as its administrator.
async fn administer(setup: &Setup, path: &str, form: Value) {
    let base = &world().roundup.trackers[&setup.tracker];
    let origin = base.rsplitn(3, '/').last().expect("an origin");
    let answer = client()
        .post(format!("{base}rest/data/{path}"))
        .basic_auth("admin", Some(&world().roundup.users["admin"]))
        .header("X-Requested-With", "tests")
        .header("Origin", origin)
        .json(&form)
        .send()
        .await
        .expect("Roundup answers");
    let status = answer.status();
    assert!(status.is_success(), "{status}: {:?}", answer.text().await);
}

#[test]
fn issues_that_vanish_are_suspicious_and_nothing_is_called_new() {
    run(async {
        let setup = setup("suspicious", "t7").await;
        setup.empty_tracker().await;
        for number in 0..12 {
            let title = format!("{} {number}", setup.watcher);
            administer(&setup, "issue", json!({ "title": title })).await;
        }
        change(&setup, "\"10s\"", "\"3s\"");
        let mut service = Service::start(&setup);
        service.says("first start").await;
        eventually(PATIENCE, || {
            let status = setup.json(&["status"]);
            (status["mirror"]["open"] == 12).then_some(())
        })
        .await;

        setup.empty_tracker().await;
        let status = eventually(PATIENCE, || {
            let status = setup.json(&["status"]);
            (status["mirror"]["health"] == "suspicious").then_some(status)
        })
        .await;
        assert!(
            status["mirror"]["why"].to_string().contains("12"),
            "{status}"
        );
        post(&setup, "suspicious");
        let standing = eventually(PATIENCE, || {
            let standing = row(&setup)["standing"].to_string();
            standing.contains("waits").then_some(standing)
        })
        .await;
        assert!(standing.contains("open reports were listed"), "{standing}");
        // Some more listings that are no better.
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert!(row(&setup)["draft"].is_null());
        assert_eq!(service.log().matches("is suspicious").count(), 1);

        // They really were closed: a person says so.
        let trusted = setup.json(&["trust-mirror"]);
        assert!(trusted["was"].to_string().contains("12"), "{trusted}");
        let draft = setup.draft_about(&builder_of(&setup)).await;
        assert_eq!(draft["actions"][0]["do"], "open", "{draft}");
        stops_by(service, "TERM").await;
    });
}
