//! What is understood of the mails by which a genuine Mailman 3.3.8 takes addresses
//! in and lets them go, in `fixtures/mailman`.

use super::mime::{self, Completeness};
use super::{Reading, read};
use crate::domain::classify::{ListRules, MailKind, classify};
use crate::domain::mail::Mail;
use crate::domain::subscribing::{Answer, ListServer, Request, answer, is_post, own_address};

const OWN: &str = "watch@example.test";
const LIST: &str = "buildbot-status@lists.example.test";

fn raw(name: &str) -> String {
    std::fs::read_to_string(format!("fixtures/mailman/{name}.eml")).unwrap()
}

fn mail(text: &str) -> Mail {
    mime::parse(text.as_bytes(), Completeness::Whole).unwrap()
}

fn server() -> ListServer {
    ListServer {
        list_id: "buildbot-status.lists.example.test".into(),
        list: LIST.into(),
        join: own_address(LIST, "join"),
        leave: own_address(LIST, "leave"),
        confirm: own_address(LIST, "confirm"),
    }
}

/// The Message-ID that the list quotes in its results.
fn quoted(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let id = line.strip_prefix("Message-ID: <")?;
        id.strip_suffix("@example.test>")
    });
    lines.map(|id| format!("{id}@example.test")).collect()
}

fn answer_to(text: &str) -> Option<Answer> {
    answer(&mail(text), &server(), OWN, &quoted(text))
}

#[track_caller]
fn check(name: &str, expected: &Answer) {
    assert_eq!(answer_to(&raw(name)).as_ref(), Some(expected), "{name}");
}

#[test]
fn every_answer_of_mailman_is_understood() {
    for (name, request) in [
        ("confirm-join", Request::Join),
        ("confirm-leave", Request::Leave),
    ] {
        let Some(Answer::Confirm { request: of, token }) = answer_to(&raw(name)) else {
            panic!("{name}: {:?}", answer_to(&raw(name)));
        };
        assert_eq!(of, request);
        assert!(raw(name).contains(&format!("-confirm+{token}@")));
    }
    let welcome = Answer::Welcome { has_digests: false };
    check("welcome", &welcome);
    check("goodbye", &Answer::Goodbye);
    check("pending", &Answer::Pending);
    check("already-member", &Answer::AlreadyMember);
    check("bad-token", &Answer::TokenUnknown);
    check("banned", &Answer::Banned);
    check("unknown-user", &Answer::NotAMember);
    check("rejected", &Answer::Rejected);
}

#[test]
fn results_of_mails_that_are_not_ours_say_nothing() {
    let text = raw("already-member");
    let of_others = ["1@example.test".to_owned()];
    assert_eq!(answer(&mail(&text), &server(), OWN, &of_others), None);
    assert_eq!(answer(&mail(&text), &server(), OWN, &[]), None);
    let of_ours = quoted(&text);
    let other = text.replace("is already a", "cannot be");
    assert!(matches!(
        answer(&mail(&other), &server(), OWN, &of_ours),
        Some(Answer::Other(said)) if said.contains("cannot be MemberRole.member")
    ));
}

#[test]
fn what_is_not_to_the_letter_is_not_confirmed() {
    let genuine = raw("confirm-join");
    let token = "fc810f5d65be5c4b5a6adba45fbfb34c7a931f48";
    assert!(genuine.contains(token));
    for (from, to, word) in [
        ("List-Id: <", "List-Id: <other.", "List-Id"),
        ("List-Id: ", "X-Was: ", "List-Id"),
        ("List-Id: ", "List-Id: <a.b>\nList-Id: ", "List-Id"),
        ("Auto-Submitted: auto-generated", "X: y", "Auto-Submitted"),
        ("Precedence: list", "Precedence: bulk", "Precedence"),
        ("\nTo: watch", "\nIn-Reply-To: <a@b>\nTo: watch", "answers"),
        (
            "Return-Path: <buildbot-status-",
            "Return-Path: <evil-",
            "sender",
        ),
        (
            "    watch@example.test",
            "    other@example.test",
            "our address",
        ),
        ("    confirm fc81", "    confirm 0000", "token"),
        ("status-confirm+fc81", "status-confirm+zzzz", "token"),
        ("text/plain", "text/html", "plain text"),
        ("is needed to join", "is needed to enter", "subject"),
        ("Subject: Your", "Subject: Re: Your", "subject"),
        (
            "to join the\n buildbot-status@",
            "to join the\n other@",
            "subject",
        ),
    ] {
        let text = genuine.replacen(from, to, 1);
        assert_ne!(text, genuine, "{from}");
        match answer_to(&text) {
            Some(Answer::NotGenuine(why)) => assert!(why.contains(word), "{from}: {why}"),
            other => panic!("{from}: {other:?}"),
        }
    }
    // From elsewhere it is no word of the list at all.
    for (from, to) in [
        ("@lists.example.test\nTo:", "@evil.example\nTo:"),
        (" buildbot-status-confirm+", " evil-confirm+"),
        ("From: \n", "From: <x@evil.example>,\n"),
    ] {
        let text = genuine.replacen(from, to, 1);
        assert_ne!(text, genuine, "{from}");
        assert_eq!(answer_to(&text), None, "{from}");
    }
}

#[test]
fn an_invitation_is_not_confirmed() {
    let text = raw("invitation").replace("invited@", "watch@");
    assert!(matches!(answer_to(&text), Some(Answer::NotGenuine(_))));
}

#[test]
fn a_welcome_counts_from_the_list_alone() {
    // Whichever List-Id the list has been given.
    let text = raw("welcome").replace(
        "List-Id: <buildbot-status.lists.example.test>",
        "List-Id: Status <Buildbot.example.test>",
    );
    let welcome = Answer::Welcome { has_digests: false };
    assert_eq!(answer_to(&text), Some(welcome));
    assert_eq!(mail(&text).list_ids, ["buildbot.example.test"]);
    // With the recipient in its envelope sender (VERP).
    let verp = raw("welcome").replace("-bounces@", "-bounces+watch=example.test@");
    assert!(matches!(answer_to(&verp), Some(Answer::Welcome { .. })));
    let evil = raw("welcome").replace("-bounces@", "-bouncesx@");
    assert_eq!(answer_to(&evil), None);
    let forged = raw("welcome").replace("From: buildbot-status-request", "From: somebody");
    assert_eq!(answer_to(&forged), None);
    let digests = raw("welcome").replace("mailing list\nFrom", "mailing list (Digest mode)\nFrom");
    assert!(matches!(
        answer_to(&digests),
        Some(Answer::Welcome { has_digests: true })
    ));
}

/// Every mail of the handshake, also where somebody names the list itself as a notifier.
#[test]
fn administrivia_are_never_taken_for_notifications() {
    let rules = ListRules {
        list_id: server().list_id,
        list_address: LIST.into(),
        notifiers: ["bounces", "request", "owner", "confirm"]
            .map(|purpose| own_address(LIST, purpose))
            .to_vec(),
        own_addresses: vec![OWN.into()],
        answers_to: None,
    };
    let mut seen = 0;
    for file in std::fs::read_dir("fixtures/mailman").unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let found = mail(&raw(&name));
        if name == "post" {
            assert!(is_post(&found, &server()));
            continue;
        }
        seen += 1;
        assert!(!is_post(&found, &server()), "{name}");
        match classify(&found, &rules) {
            MailKind::Refused(why) if name != "admin-notice" => {
                assert_eq!(why, "it is about the list itself", "{name}");
            }
            MailKind::Refused(_) => {}
            other => panic!("{name}: {other:?}"),
        }
        assert!(matches!(read(&found), Reading::NotANotice), "{name}");
    }
    assert!(seen >= 15, "{seen}");
}
