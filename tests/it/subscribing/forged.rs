//! Mails that look like the list's, and requests that somebody else made.

use std::time::Duration;

use super::{ask, done, mails_with, members, post, reconfigure, serving, setup, watcher, words};
use crate::mailflow::by_real_mail::received_by;
use crate::mailflow::dkim::signed;
use crate::service::{PATIENCE, Setup};
use crate::world::{eventually, run, world};

/// Requests go where no list answers, so that whatever comes is somebody else's.
fn with_a_silent_list(setup: &Setup) {
    let silent = world().address(&setup.reader);
    let section = format!("[list]\njoin_address = \"{silent}\"\nleave_address = \"{silent}\"");
    reconfigure(setup, "[list]", &section);
}

/// What Mailman writes, as the list of the test would write it to our address.
fn as_from_the_list(setup: &Setup, fixture: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/mailman");
    let text = std::fs::read_to_string(format!("{folder}/{fixture}.eml")).expect("a fixture");
    let (_, text) = text.split_once("MIME-Version").expect("its own headers");
    let (name, _) = setup.list.split_once('@').expect("an address");
    let text = text.replace("watch@example.test", &watcher(setup));
    let text = format!("MIME-Version{text}").replace("buildbot-status", name);
    text.replace('\n', "\r\n")
}

/// Somebody puts a mail into our mailbox, with the envelope sender of the list's.
fn forge(setup: &Setup, mail: &str) {
    let bounces = setup.list.replace('@', "-bounces@");
    world().post(&bounces, &watcher(setup), mail.as_bytes());
}

/// A setup whose request has left and is never answered.
async fn asked(area: &str) -> Setup {
    let setup = setup(area).await;
    with_a_silent_list(&setup);
    let (is_done, document) = ask(&setup, &["subscribe", "--wait", "0"]);
    assert!(!is_done);
    assert_eq!(document["waits_for"], "confirmation", "{document:#}");
    setup
}

/// In place of the token in the fixture.
const OTHER_TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "fc810f5d65be5c4b5a6adba45fbfb34c7a931f48";

#[test]
fn a_forged_question_is_not_answered() {
    run(async {
        let setup = asked("forged").await;
        // The request itself left, to the configured address.
        let request = world().inbox_of(&setup.reader, 1).await;
        assert!(String::from_utf8_lossy(&request[0]).contains("Subject: join"));

        let genuine = as_from_the_list(&setup, "confirm-join");
        let forgeries = [
            ("@lists.example.test\r\nTo:", "@lists.evil.example\r\nTo:"),
            ("List-Id: <", "List-Id: <evil."),
            ("Auto-Submitted: auto-generated\r\n", ""),
            ("is needed to join", "is needed to leave"),
            ("fc810f5d65be5c4b5a6adba45fbfb34c7a931f48@", "fc81@"),
            ("    confirm fc81", "    confirm 0000"),
            ("Precedence: list", "References: <a@b>\r\nPrecedence: list"),
        ];
        for (from, to) in forgeries {
            let mail = genuine.replacen(from, to, 1);
            assert_ne!(mail, genuine, "{from}");
            forge(&setup, &mail);
        }
        // To the letter, but by another sender.
        world().post("evil@example.test", &watcher(&setup), genuine.as_bytes());
        world().inbox_of(&setup.watcher, forgeries.len() + 1).await;

        let (is_done, document) = ask(&setup, &["subscribe", "--wait", "3"]);
        assert!(!is_done);
        assert!(document["confirmed_at"].is_null(), "{document:#}");
        let left_alone = document["steps"].to_string().matches("Left alone").count();
        assert_eq!(left_alone, forgeries.len(), "{document:#}");
        // Nothing else left either.
        assert_eq!(world().inbox(&setup.reader).len(), 1);
        assert_eq!(mails_with(&setup, "The results of your email"), 0);
    });
}

/// Somebody asks the list to take the watcher in.
fn attack(setup: &Setup) {
    attack_by(setup, &setup.list);
}

/// The same at another list.
fn attack_by(setup: &Setup, list: &str) {
    let join = list.replace('@', "-join@");
    let mail = format!(
        "From: {}\r\nTo: {join}\r\nSubject: join\r\nMessage-ID: <1@evil.example>\r\n\
         Date: Sun, 22 Nov 2026 07:00:00 +0000\r\n\r\nend\r\n",
        watcher(setup)
    );
    world().post("evil@example.test", &join, mail.as_bytes());
}

#[test]
fn what_somebody_else_asked_for_is_not_confirmed() {
    run(async {
        let setup = setup("attack").await;
        let service = serving(&setup).await;
        attack(&setup);
        let row = setup.stage_of(1, "closed").await;
        assert_eq!(row["closed"]["reason"], "refused", "{row:#}");
        assert_eq!(mails_with(&setup, "is needed to join"), 1);
        assert_eq!(members(&setup).await.len(), 1);
        assert!(service.stop().await.success());
    });
}

#[test]
fn nor_while_the_opposite_is_asked_for() {
    run(async {
        let setup = setup("opposite").await;
        with_a_silent_list(&setup);
        let mut service = serving(&setup).await;
        let (is_done, _) = ask(&setup, &["unsubscribe", "--wait", "0"]);
        assert!(!is_done);
        attack(&setup);
        service.says("nobody here asked for it").await;
        let (is_done, document) = ask(&setup, &["unsubscribe", "--wait", "1"]);
        assert!(!is_done, "{document:#}");
        let said = document["steps"].to_string();
        assert!(said.contains("somebody else asked to join"), "{said}");
        assert!(document["confirmed_at"].is_null(), "{document:#}");
        assert_eq!(members(&setup).await.len(), 1);
        assert!(service.stop().await.success());
    });
}

#[test]
fn a_question_with_another_token_does_no_harm() {
    run(async {
        let setup = setup("token").await;
        let (is_done, _) = ask(&setup, &["subscribe", "--wait", "0"]);
        assert!(!is_done);
        world().inbox_of(&setup.watcher, 1).await;
        // To the letter, by the right sender: nobody can tell it from the list's.
        let forged = as_from_the_list(&setup, "confirm-join").replace(TOKEN, OTHER_TOKEN);
        forge(&setup, &forged);
        world().inbox_of(&setup.watcher, 2).await;
        done(&setup, "subscribe", "member");
        // Both were confirmed to the list itself, which knows one of them.
        let told = |words: &str| mails_with(&setup, words);
        eventually(PATIENCE, || {
            (told("token did not match") == 1 && told("\nConfirmed") == 1).then_some(())
        })
        .await;
        assert_eq!(members(&setup).await.len(), 2);
    });
}

#[test]
fn a_forged_welcome_is_not_believed_for_good() {
    run(async {
        let setup = asked("welcome").await;
        forge(&setup, &as_from_the_list(&setup, "welcome"));
        world().inbox_of(&setup.watcher, 1).await;
        let (is_done, document) = ask(&setup, &["subscribe", "--wait", "60"]);
        assert!(is_done, "{document:#}");
        assert_eq!(document["state"], "member", "{document:#}");
        assert!(document["proven_by"].is_null(), "{document:#}");
        for verb in ["status", "check"] {
            let said = words(&setup.run(&[verb]).out);
            assert!(said.contains("as the list says"), "{verb}: {said}");
        }
        assert_eq!(members(&setup).await.len(), 1);

        // The list's question comes late: it is answered all the same.
        attack(&setup);
        world().inbox_of(&setup.watcher, 2).await;
        let document = done(&setup, "subscribe", "member");
        assert!(document["confirmed_at"].is_string(), "{document:#}");
        assert_eq!(members(&setup).await.len(), 2);
        assert!(document["proven_by"].is_null(), "{document:#}");

        // A post proves it.
        let service = serving(&setup).await;
        post(&setup, "A genuine post");
        let proven = eventually(PATIENCE, || {
            let status = setup.json(&["status"]);
            let by = status["subscription"]["proven_by"].as_str()?;
            Some(by.to_owned())
        })
        .await;
        assert_eq!(proven, "post");
        assert!(service.stop().await.success());
    });
}

#[test]
fn a_signed_welcome_proves_it_where_a_server_is_trusted() {
    run(async {
        let setup = asked("signed").await;
        let world = world();
        let section = format!(
            "[approvers]\nanswers_to = \"decide-{}\"\nauthserv_id = \"mx.example.test\"\n\
             received_by = {:?}\n[approvers.people]\n\
             \"Ada\" = {{ address = \"{}\", may = [\"hold\"] }}\n[log]",
            watcher(&setup),
            received_by(world).await,
            world.address(&setup.reader),
        );
        reconfigure(&setup, "[log]", &section);
        let welcome = as_from_the_list(&setup, "welcome");
        let mail = signed(world, &world.mail.domain, &welcome);
        let bounces = setup.list.replace('@', "-bounces@");
        let port = world.mail.smtp_verifying_port;
        world.post_at(port, &bounces, &watcher(&setup), &mail);
        let (is_done, document) = ask(&setup, &["subscribe", "--wait", "60"]);
        assert!(is_done, "{document:#}");
        assert_eq!(document["proven_by"], "signature", "{document:#}");
    });
}

#[test]
fn of_two_questions_in_an_unknown_language_none_is_answered() {
    run(async {
        let setup = asked("two").await;
        let english = as_from_the_list(&setup, "confirm-join");
        let subject = "Subject: Your confirmation is needed to join the";
        let german = english.replacen(subject, "Subject: Deine Zustimmung ist gefragt:", 1);
        assert_ne!(german, english);
        forge(&setup, &german);
        forge(&setup, &german.replace(TOKEN, OTHER_TOKEN));
        world().inbox_of(&setup.watcher, 2).await;
        let (is_done, document) = ask(&setup, &["subscribe", "--wait", "14"]);
        assert!(!is_done);
        assert!(document["confirmed_at"].is_null(), "{document:#}");
        let said = document["steps"].to_string();
        assert_eq!(
            said.matches("different questions came").count(),
            2,
            "{said}"
        );
        assert!(said.contains("-request@"), "{said}");
    });
}

#[test]
fn the_question_of_another_list_is_not_answered() {
    run(async {
        let setup = asked("another").await;
        let reader = world().address(&setup.reader);
        let other = world().fresh_list("other", &[reader]).await;
        attack_by(&setup, &other);
        world().inbox_of(&setup.watcher, 1).await;
        let (is_done, document) = ask(&setup, &["subscribe", "--wait", "2"]);
        assert!(!is_done);
        assert!(document["confirmed_at"].is_null(), "{document:#}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(mails_with(&setup, "Welcome to the"), 0);
        assert_eq!(
            world().inbox(&setup.watcher).len(),
            1,
            "nothing was answered"
        );
    });
}
