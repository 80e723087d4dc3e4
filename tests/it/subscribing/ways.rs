//! Other languages, other ends, and what there is to do by hand.

use super::{ask, configure, done, ended, mails_with, members, reconfigure, serving, setup, words};
use crate::mailflow::desk::Desk;
use crate::mailflow::on_the_list::with_own_tracker;
use crate::service::PATIENCE;
use crate::world::{eventually, run, world};

#[test]
fn a_list_may_speak_any_language() {
    run(async {
        let setup = setup("language").await;
        configure(&setup, "preferred_language=de&description=Zust%C3%A4nde").await;
        let document = done(&setup, "subscribe", "member");
        let said = document["steps"].to_string();
        assert!(said.contains("in a language that is not known"), "{said}");
        assert_eq!(mails_with(&setup, "=?utf-8?q?Deine_Zustimmung"), 1);
        assert_eq!(mails_with(&setup, "=?utf-8?q?Willkommen_auf"), 1);
        assert_eq!(members(&setup).await.len(), 2);
        configure(&setup, "preferred_language=fr").await;
        let service = serving(&setup).await;
        // The service alone hears the question and the goodbye.
        let (is_done, _) = ask(&setup, &["unsubscribe", "--wait", "0"]);
        assert!(!is_done);
        ended(&setup, "left").await;
        assert_eq!(mails_with(&setup, "=?utf-8?q?Votre_confirmation"), 1);
        assert_eq!(members(&setup).await.len(), 1);
        assert!(service.stop().await.success());
    });
}

#[test]
fn a_service_that_is_killed_goes_on_when_it_is_started() {
    run(async {
        let setup = setup("restarted").await;
        let service = serving(&setup).await;
        let (is_done, _) = ask(&setup, &["subscribe", "--wait", "0"]);
        assert!(!is_done);
        service.signal("KILL");
        drop(service);
        let service = serving(&setup).await;
        ended(&setup, "member").await;
        assert_eq!(mails_with(&setup, "is needed to join"), 1);
        assert_eq!(mails_with(&setup, "has a pending subscription"), 0);
        assert_eq!(mails_with(&setup, "Welcome to the"), 1);
        assert!(service.stop().await.success());
    });
}

#[test]
fn the_first_echo_of_a_reply_proves_it() {
    run(async {
        let setup = setup("echo").await;
        with_own_tracker(&setup);
        let service = serving(&setup).await;
        done(&setup, "subscribe", "member");
        let builder = format!("AMD64 {} 3.x", setup.watcher);
        setup.post_notification("bb43-single-test-method.eml", &builder, "first");
        let row = setup.draft_about(&builder).await;

        // Subscribed anew, so that nothing came from the list since its welcome.
        done(&setup, "unsubscribe", "left");
        done(&setup, "subscribe", "member");
        let status = setup.json(&["status"]);
        assert!(status["subscription"]["proven_by"].is_null(), "{status:#}");
        assert!(status["own_posts_seen_at"].is_null(), "{status:#}");
        for verb in ["status", "check"] {
            let said = words(&setup.run(&[verb]).out);
            assert!(said.contains("not seen yet"), "{verb}: {said}");
        }

        let key = row["draft"].as_str().expect("a key");
        assert!(setup.run(&["approve", key]).status.success());
        let status = eventually(PATIENCE, || {
            let status = setup.json(&["status"]);
            status["own_posts_seen_at"].is_string().then_some(status)
        })
        .await;
        assert_eq!(
            status["subscription"]["proven_by"], "own_post",
            "{status:#}"
        );
        for verb in ["status", "check"] {
            let said = words(&setup.run(&[verb]).out);
            let proven = "proven by a post of ours that came back";
            assert!(said.contains(proven), "{verb}: {said}");
            assert!(!said.contains("not seen yet"), "{verb}: {said}");
        }
        assert!(service.stop().await.success());
    });
}

#[test]
fn a_list_that_does_not_exist_is_told() {
    run(async {
        let setup = setup("nowhere").await;
        let nowhere = setup.list.replacen('@', "x-join@", 1);
        let wrong = format!("[list]\njoin_address = \"{nowhere}\"");
        reconfigure(&setup, "[list]", &wrong);
        let ran = setup.run(&["subscribe", "--wait", "60"]);
        assert!(!ran.status.success(), "{}", ran.out);
        let said = words(&ran.err);
        for part in ["came back", "550", &nowhere, "`join_address`"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        // Once it is right, nothing has to be waited for.
        reconfigure(&setup, &wrong, "[list]");
        done(&setup, "subscribe", "member");
    });
}

#[test]
fn an_address_that_the_mail_server_refuses_is_told() {
    run(async {
        let setup = setup("refused").await;
        let refused = &world().mail.refused_for_good;
        let wrong = format!("[list]\njoin_address = \"{refused}\"");
        reconfigure(&setup, "[list]", &wrong);
        let ran = setup.run(&["subscribe", "--wait", "60"]);
        assert!(!ran.status.success(), "{}", ran.out);
        let said = words(&ran.err);
        assert!(said.contains("refuses a mail to the list"), "{said}");
        assert!(said.contains("the list's addresses in [list]"), "{said}");
    });
}

#[test]
fn without_mail_servers_it_says_what_to_do_by_hand() {
    let desk = Desk::new("");
    for (verb, command, end) in [
        ("subscribe", "join", "welcome"),
        ("unsubscribe", "leave", "goodbye"),
    ] {
        let said = words(&desk.refused(&[verb]));
        let address = format!("buildbot-status-{command}@python.org");
        for part in [
            "[mailbox] has no kind = \"imap\"",
            "[outgoing] has no kind = \"smtp\"",
            "buildbot-watch@example.org",
            &format!("`{command}` to {address}"),
            "answer the list's question",
            end,
            "check",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
