//! The service tells people by webhooks.

use std::time::Duration;

use super::receiver::{Plan, Receiver, SECRET};
use super::{
    BUILDER, ENVIRONMENT, ENVIRONMENT_BUILDER, a_while, desk, failure, kill, secret, start, waiting,
};
use crate::daemon::support::stops_by;
use crate::mailflow::desk::{Desk, STRING};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, run};

const SHAPES: [&str; 5] = ["json", "discord", "slack", "zulip", "matrix"];

/// A webhook at a path of the receiver that is named as its shape.
fn webhook(receiver: &Receiver, name: &str, more: &str) -> String {
    let url = receiver.url(&format!("/{name}"));
    format!("[[webhook]]\nname = \"{name}\"\nurl = \"{url}\"\n{more}\n")
}

fn one_hook(receiver: &Receiver, damping: &str) -> (Desk, Setup) {
    let hook = webhook(receiver, "slack", "shape = \"slack\"");
    desk(&format!("[alerts]\n{damping}\n{hook}"))
}

/// Waits until so many messages were taken at a path; gives the words of the last.
async fn told(receiver: &Receiver, path: &str, times: usize) -> String {
    eventually(PATIENCE, || {
        let taken = receiver.taken(path);
        (taken.len() >= times).then(|| taken.last().unwrap().text().to_owned())
    })
    .await
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story in the order of its events"
)]
fn everybody_is_told_once_in_their_own_way_whatever_happens_to_the_service() {
    run(async {
        let receiver = Receiver::start();
        let mut sections = "[alerts]\nbundle = \"8s\"\nremind_after = \"1s\"\n\
                            [web]\nlisten = \"127.0.0.1:0\"\nhttps = true\n\
                            hosts = [\"watch.example.org\"]\n"
            .to_owned();
        for shape in SHAPES {
            let signed = match shape {
                "json" => "secret = { file = \"secret\" }\n",
                _ => "",
            };
            let more = format!("shape = \"{shape}\"\n{signed}events = [\"drafts\", \"stop\"]");
            sections.push_str(&webhook(&receiver, shape, &more));
        }
        let more = "shape = \"slack\"\nevents = [\"reminder\"]";
        sections.push_str(&webhook(&receiver, "reminded", more));
        let (desk, setup) = desk(&sections);
        secret(&desk, "secret", &format!("{SECRET}\n"));

        let service = start(&setup).await;
        let hostile = "AMD64 @everyone <!channel> `@**all**` @room <b> 3.x";
        desk.put(failure(STRING, hostile, "one"));
        desk.put(failure(ENVIRONMENT, BUILDER, "two"));
        for shape in SHAPES {
            let text = told(&receiver, &format!("/{shape}"), 1).await;
            for words in ["Draft 1 waits: ", "Draft 2 waits: ", "test_capwords"] {
                assert!(text.contains(words), "{shape}: {text}");
            }
            let link = "https://watch.example.org/draft/1";
            assert!(text.contains(link), "{shape}: {text}");
            for call in ["@everyone", "<!channel>", "@**all", "@room"] {
                let harmless = shape != "slack" && call == "<!channel>";
                assert!(harmless || !text.contains(call), "{shape}: {text}");
            }
        }
        let html = receiver.taken("/matrix")[0].body["html"].to_string();
        assert!(
            !html.contains("<b>") && html.contains("&lt;b&gt;"),
            "{html}"
        );
        let json = receiver.taken("/json")[0].body.clone();
        assert_eq!(json["events"][0]["event"], "drafts", "{json}");
        assert_eq!(
            json["events"][1]["builders"][0], ENVIRONMENT_BUILDER,
            "{json}"
        );
        assert_eq!(json["events"][1]["notification"], 2, "{json}");
        let text = told(&receiver, "/reminded", 1).await;
        assert!(text.contains("for a decision, the oldest for"), "{text}");

        kill(service).await;
        let service = start(&setup).await;
        a_while().await;
        let nothing_new = |times: usize| {
            for shape in SHAPES {
                let taken = receiver.taken(&format!("/{shape}"));
                assert_eq!(taken.len(), times, "{shape}");
            }
            assert_eq!(receiver.taken("/reminded").len(), 1);
        };
        nothing_new(1);

        desk.done(&["stop", "--reason", "too many, @here"]);
        for shape in SHAPES {
            let text = told(&receiver, &format!("/{shape}"), 2).await;
            assert!(text.contains("STOP is on: "), "{shape}: {text}");
            assert!(!text.contains("@here"), "{shape}: {text}");
        }
        kill(service).await;
        let service = start(&setup).await;
        a_while().await;
        nothing_new(2);
        stops_by(service, "TERM").await;
    });
}

#[test]
fn a_receiver_that_refuses_is_asked_again_and_again() {
    run(async {
        let receiver = Receiver::start();
        let elsewhere = Receiver::start();
        for (status, headers) in [
            (500, vec![]),
            (429, vec![("retry-after", "4".to_owned())]),
            (307, vec![("location", elsewhere.url("/slack"))]),
            (404, vec![]),
        ] {
            receiver.plan(Plan::Answer(status, headers));
        }
        let (desk, setup) = one_hook(&receiver, "bundle = \"1s\"");
        let mut service = start(&setup).await;
        desk.put(failure(STRING, BUILDER, "one"));
        service.says("people cannot be told here").await;
        let troubles = desk.json(&["status"])["troubles"].clone();
        assert_eq!(troubles[0]["service"], "webhook slack", "{troubles}");
        let shown = desk.done(&["status"]);
        assert!(
            shown.contains("The webhook slack takes nothing, since"),
            "{shown}"
        );

        told(&receiver, "/slack", 1).await;
        let asked = receiver.asked("/slack");
        assert_eq!(asked.len(), 5);
        let waited = asked[2] - asked[1];
        assert!(waited >= Duration::from_secs(4), "{waited:?}");
        assert!(
            elsewhere.asked("/slack").is_empty(),
            "a redirect was followed"
        );
        service.says("people can be told here again").await;
        assert_eq!(
            desk.json(&["status"])["troubles"].as_array().unwrap().len(),
            0
        );
        let log = stops_by(service, "TERM").await;
        assert_eq!(
            log.matches("people cannot be told here").count(),
            1,
            "{log}"
        );
        assert!(!log.contains("/slack"), "the address is a secret: {log}");
    });
}

#[test]
fn one_that_does_not_answer_holds_nothing_up_and_gets_nothing_twice() {
    run(async {
        let receiver = Receiver::start();
        receiver.plan(Plan::Late(Duration::from_secs(60)));
        let (desk, setup) = one_hook(&receiver, "bundle = \"1s\"");
        let mut service = start(&setup).await;
        desk.put(failure(STRING, BUILDER, "one"));
        told(&receiver, "/slack", 1).await;
        // While it is waited for, the service goes on.
        desk.put(failure(ENVIRONMENT, BUILDER, "two"));
        let store = desk.store();
        eventually(PATIENCE, || (waiting(&store) == 2).then_some(())).await;
        assert!(
            !service.log().contains("people cannot"),
            "{}",
            service.log()
        );

        service.says("people cannot be told here").await;
        let text = told(&receiver, "/slack", 2).await;
        assert!(text.contains("Draft 2 waits"), "{text}");
        assert!(!text.contains("Draft 1 waits"), "{text}");
        stops_by(service, "TERM").await;
    });
}

/// Damped while the service runs, and by what an earlier one sent.
#[test]
fn an_hour_has_its_most_also_over_a_restart() {
    run(async {
        let receiver = Receiver::start();
        let (desk, setup) = one_hook(&receiver, "bundle = \"1s\"\nmost_an_hour = 1");
        let service = start(&setup).await;
        desk.put(failure(STRING, BUILDER, "one"));
        told(&receiver, "/slack", 1).await;
        kill(service).await;
        let service: Service = start(&setup).await;
        desk.put(failure(ENVIRONMENT, BUILDER, "two"));
        let store = desk.store();
        eventually(PATIENCE, || (waiting(&store) == 2).then_some(())).await;
        desk.done(&["stop", "--reason", "too many"]);
        a_while().await;
        assert_eq!(receiver.asked("/slack").len(), 1);
        // What nobody was told of is told when there is room again.
        let database = rusqlite::Connection::open(desk.path("state/buildbot-watch.sqlite3"));
        database
            .unwrap()
            .execute("UPDATE alerts SET at = at - 3600", [])
            .unwrap();
        let text = told(&receiver, "/slack", 2).await;
        for words in ["STOP is on", "Draft 2 waits"] {
            assert!(text.contains(words), "{text}");
        }
        assert!(!text.contains("Draft 1 waits"), "{text}");
        stops_by(service, "TERM").await;
    });
}

#[test]
fn a_check_reaches_each_and_posts_only_when_told_to() {
    let receiver = Receiver::start();
    let (desk, _setup) = one_hook(&receiver, "");
    let quiet = desk.done(&["check"]);
    assert!(
        quiet.contains("slack: connect to 127.0.0.1: it answers"),
        "{quiet}"
    );
    assert!(receiver.asked("/slack").is_empty());
    let sent = desk.done(&["check", "--send-test"]);
    assert!(
        sent.contains("post a test to 127.0.0.1: it was taken"),
        "{sent}"
    );
    assert!(receiver.taken("/slack")[0].text().contains("A test"));

    receiver.plan(Plan::Answer(404, vec![]));
    let refused = desk.run(&["check", "--send-test"]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.out);
    assert!(refused.out.contains("404"), "{}", refused.out);
    let nobody = one_hook(&Receiver::absent(), "");
    let wrong = nobody.0.run(&["check"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", wrong.out);
    assert!(
        wrong.out.contains("slack: connect to 127.0.0.1:"),
        "{}",
        wrong.out
    );
}
