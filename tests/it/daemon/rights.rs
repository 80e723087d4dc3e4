//! A tracker that does not let us do what was approved, or is not there.

use crate::daemon::support::{
    approve_one, builder_of, change, delivery, has_taken_in, post, section, setup, stops_by,
};
use crate::github_stand_in::{REPOSITORY, StandIn};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, run, world};

/// A verb's output on one line, while servers of the test itself go on answering.
async fn told(setup: &Setup, words: &[&str]) -> String {
    let output = tokio::process::Command::new(crate::service::PROGRAM)
        .args(words)
        .arg("--config")
        .arg(&setup.config)
        .stdin(std::process::Stdio::null())
        .env("BUILDBOT_WATCH_NAME", "Test Person")
        .output()
        .await
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn roundup_refuses_a_report_for_want_of_a_right_and_takes_it_once_there_is_one() {
    run(async {
        let setup = setup("rights", "t9").await;
        setup.empty_tracker().await;
        // An account that may read and nothing else.
        change(&setup, "user = \"bbot\"", "user = \"reader\"");
        setup.secret("tracker-password", &world().roundup.users["reader"]);
        let check = told(&setup, &["check"]).await;
        for part in [
            "wrong tracker the account may not create reports: 403",
            "the right to create and edit issues (class issue)",
            "wrong tracker the account may not create the texts of reports and comments: 403",
            "the right to create messages (class msg)",
            "Ask those who run the tracker",
        ] {
            assert!(check.contains(part), "{part}: {check}");
        }

        let mut service = Service::start(&setup);
        service.says("first start").await;
        let notification = approve_one(&setup, "rights").await;
        let row = setup.stage_of(notification, "closed").await;
        assert_eq!(row["closed"]["reason"], "undeliverable", "{row}");
        service.says("refused for good").await;
        let report = delivery(&setup, notification, "open_issue");
        assert_eq!(report["state"], "failed", "{report}");
        let why = report["failed_why"].as_str().expect("words");
        for part in ["403", "create msg", "The account lacks a right there: ask"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        let status = told(&setup, &["status"]).await;
        assert!(status.contains("Refused for good"), "{status}");
        assert!(status.contains("lacks a right"), "{status}");
        let id = report["delivery"].to_string();
        let show = told(&setup, &["show", &notification.to_string()]).await;
        assert!(
            show.contains(&format!("resolve {id} --try-again")),
            "{show}"
        );
        assert_eq!(
            world().inbox(&setup.reader).len(),
            1,
            "no reply without a report"
        );

        // Somebody gives the right (here: another account), and a person says so.
        change(&setup, "user = \"reader\"", "user = \"bbot\"");
        setup.secret("tracker-password", &world().roundup.users["bbot"]);
        service.signal("HUP");
        service.says("the configuration was read again").await;
        let again = setup.run(&["resolve", &id, "--try-again"]);
        assert!(again.status.success(), "{}", again.err);
        setup.stage_of(notification, "delivered").await;
        assert_eq!(setup.issues_titled("").await.len(), 1);
        world().inbox_of(&setup.reader, 2).await;
        stops_by(service, "TERM").await;
    });
}

/// Lets the setup report to the stand-in, in a repository of that name.
fn report_to(setup: &Setup, github: &StandIn, repository: &str) {
    setup.secret("tracker-token", "bot-token");
    let lines = format!(
        "kind = \"github\"\nurl = \"{}\"\nrepository = \"{repository}\"\n\
         token = {{ file = \"tracker-token\" }}\nsync_interval = \"2s\"\n\n\
         [drafts]\ndefault_components = [\"tests\"]",
        github.api
    );
    section(setup, "tracker", &lines);
}

#[test]
fn a_repository_that_github_does_not_know_is_told_and_nothing_is_called_new() {
    run(async {
        let github = StandIn::start().await;
        let setup = setup("no-repo", "t9").await;
        report_to(&setup, &github, "python/cpyhton");
        let remedy = "Check the repository's name; a private one needs a token that may read it.";
        let check = told(&setup, &["check"]).await;
        let wrong = "wrong tracker github.com/python/cpyhton cannot be read: 404 Not Found";
        assert!(check.contains(&format!("{wrong} {remedy}")), "{check}");

        let mut service = Service::start(&setup);
        service.says("first start").await;
        service.says("the tracker cannot be read").await;
        assert!(service.log().contains(remedy), "{}", service.log());
        post(&setup, "no-repo");
        has_taken_in(&setup, 1).await;
        let status = eventually(PATIENCE, || {
            let status = setup.json(&["status"]);
            (status["troubles"][0]["service"] == "tracker").then_some(status)
        })
        .await;
        let words = status["troubles"][0]["words"].to_string();
        assert!(words.contains("404") && words.contains(remedy), "{words}");
        let status = told(&setup, &["status"]).await;
        assert!(
            status.contains("The tracker cannot be read, since"),
            "{status}"
        );
        assert!(setup.json(&["list"])["notifications"] == serde_json::json!([]));

        // The name is mended.
        change(&setup, "python/cpyhton", REPOSITORY);
        service.signal("HUP");
        setup.draft_about(&builder_of(&setup)).await;
        stops_by(service, "TERM").await;
    });
}

#[test]
fn a_token_without_the_right_to_write_is_told_with_the_delivery() {
    run(async {
        let github = StandIn::start().await;
        let setup = setup("no-right", "t9").await;
        report_to(&setup, &github, REPOSITORY);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        post(&setup, "no-right");
        let draft = setup.draft_about(&builder_of(&setup)).await;
        let key = draft["draft"].as_str().expect("a key").to_owned();
        github.state().refuses_writes = true;
        assert!(setup.run(&["approve", &key]).status.success());
        setup.stage_of(1, "closed").await;
        let report = delivery(&setup, 1, "open_issue");
        let why = report["failed_why"].as_str().expect("words");
        for part in ["403", "not accessible", "The account lacks a right there"] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(github.state().issues.is_empty());
        stops_by(service, "TERM").await;
    });
}
