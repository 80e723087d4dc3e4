//! The main job with GitHub as the tracker: real list, mailbox and mail server,
//! and a stand-in that holds everything against GitHub's own description.

use crate::daemon::support::{builder_of, post, section, setup, stops_by};
use crate::github_stand_in::{REPOSITORY, StandIn};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, run, world};

/// Lets the setup report to the stand-in instead of Roundup.
fn report_to(setup: &Setup, github: &StandIn) {
    setup.secret("tracker-token", "bot-token");
    let lines = format!(
        "kind = \"github\"\nurl = \"{}\"\nrepository = \"{REPOSITORY}\"\n\
         token = {{ file = \"tracker-token\" }}\nsync_interval = \"5s\"\n\n\
         [drafts]\ndefault_components = [\"tests\", \"type-bug\"]",
        github.api
    );
    section(setup, "tracker", &lines);
}

#[test]
fn a_failure_becomes_an_issue_and_the_next_one_a_comment() {
    run(async {
        let github = StandIn::start().await;
        let setup = setup("github", "t6").await;
        report_to(&setup, &github);
        let mut service = Service::start(&setup);
        service.says("first start").await;

        post(&setup, "first");
        let draft = setup.draft_about(&builder_of(&setup)).await;
        assert_eq!(draft["actions"][0]["do"], "open", "{draft}");
        assert!(github.state().issues.is_empty());
        let key = draft["draft"].as_str().expect("a key").to_owned();
        let approved = setup.run(&["approve", &key, "--as", "Ada Lovelace"]);
        assert!(approved.status.success(), "{}", approved.err);
        setup.stage_of(1, "delivered").await;

        let issue = {
            let state = github.state();
            assert_eq!(state.issues.len(), 1);
            state.issues[0].clone()
        };
        assert!(issue.title.starts_with("test_string: "), "{}", issue.title);
        assert_eq!(issue.user.login, "watch-bot");
        assert!(issue.labels.contains(&"tests".to_owned()));
        assert!(issue.labels.contains(&"type-bug".to_owned()));
        let body = issue.body.expect("a body");
        assert!(body.contains("AssertionError"), "{body}");
        // The marker by which it is found again is in a comment of HTML.
        let hidden = body.split("<!--").nth(1).expect("a marker");
        assert!(hidden.contains("buildbot-watch"), "{body}");
        assert!(hidden.contains("-->"), "{body}");

        let mails = world().inbox_of(&setup.reader, 2).await;
        let reply = String::from_utf8_lossy(&mails[1]).replace("=\r\n", "");
        let link = format!("https://github.com/{REPOSITORY}/issues/{}", issue.number);
        assert!(reply.contains(&link), "{reply}");
        assert!(reply.contains("Ada Lovelace"), "{reply}");

        post(&setup, "second");
        let draft = setup.draft_about(&builder_of(&setup)).await;
        assert_eq!(draft["actions"][0]["do"], "comment", "{draft}");
        assert_eq!(draft["actions"][0]["issue"], issue.number, "{draft}");
        let key = draft["draft"].as_str().expect("a key").to_owned();
        assert!(setup.run(&["approve", &key]).status.success());
        let comments = eventually(PATIENCE, || {
            let state = github.state();
            let comments = &state.issues[0].comments;
            (!comments.is_empty()).then(|| comments.clone())
        })
        .await;
        assert_eq!(comments.len(), 1);
        assert!(comments[0].body.contains("<!--"), "{}", comments[0].body);
        world().inbox_of(&setup.reader, 4).await;
        stops_by(service, "TERM").await;
        assert_eq!(github.state().issues.len(), 1);
    });
}
