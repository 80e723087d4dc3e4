//! What is understood of the mails by which a genuine Mailman 3.3.8 takes addresses
//! in and lets them go, in `fixtures/mailman`; those of a list that speaks German are
//! `de-`.

use super::mime::{self, Completeness};
use super::{Reading, read};
use crate::domain::classify::{ListRules, MailKind, classify};
use crate::domain::mail::Mail;
use crate::domain::subscribing::{
    Answer, ListServer, Request, SentMail, Style, Token, answer, bounce, is_post, own_address,
};

const OWN: &str = "watch@example.test";
const LIST: &str = "buildbot-status@lists.example.test";
const TOKEN: &str = "fc810f5d65be5c4b5a6adba45fbfb34c7a931f48";

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

/// The mail of ours that the list quotes in its results: its id is the only one that ends
/// a line. What it was is told by the command in its subject.
fn quoted(text: &str) -> Vec<SentMail> {
    let ids = text.lines().filter_map(|line| {
        let (_, id) = line.strip_suffix("@example.test>")?.rsplit_once('<')?;
        let is_id = id.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        is_id.then_some(id)
    });
    let command = |word: &str| text.to_lowercase().contains(&format!(": {word}"));
    let token = command("confirm ").then(|| Token::parse(TOKEN).unwrap());
    let request = match command("leave") {
        true => Request::Leave,
        false => Request::Join,
    };
    ids.map(|id| SentMail {
        message_id: format!("{id}@example.test"),
        request,
        token: token.clone(),
    })
    .collect()
}

fn answer_to(text: &str) -> Option<Answer> {
    answer(&mail(text), &server(), OWN, &quoted(text))
}

#[track_caller]
fn check(name: &str, expected: &Answer) {
    // One of them was written to somebody else.
    let text = raw(name).replace("stranger@", "watch@");
    assert_eq!(answer_to(&text).as_ref(), Some(expected), "{name}");
}

#[test]
fn every_answer_of_mailman_is_understood() {
    for (name, request) in [
        ("confirm-join", Request::Join),
        ("confirm-leave", Request::Leave),
    ] {
        asks(name, &raw(name), Some(request), Style::TokenInAddress);
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

#[track_caller]
fn asks(name: &str, text: &str, request: Option<Request>, style: Style) {
    match answer_to(text) {
        Some(Answer::Confirm {
            request: of,
            token,
            style: found,
        }) => {
            assert_eq!((of, found), (request, style), "{name}");
            let at = match style {
                Style::TokenInAddress => format!("-confirm+{token}@"),
                Style::TokenInSubject => format!("Subject: confirm {token}"),
            };
            assert!(text.contains(&at), "{name}");
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn and_in_another_language() {
    for name in ["de-confirm-join", "de-confirm-leave"] {
        asks(name, &raw(name), None, Style::TokenInAddress);
    }
    let welcome = Answer::Welcome { has_digests: false };
    check("de-welcome", &welcome);
    check("de-goodbye", &Answer::Goodbye);
    check("de-pending", &Answer::Pending);
    check("de-already-member", &Answer::AlreadyMember);
    check("de-bad-token", &Answer::TokenUnknown);
    check("de-unknown-user", &Answer::NotAMember);
}

#[test]
fn the_subject_of_a_question_may_be_anything() {
    let genuine = raw("confirm-join");
    let subject = "Subject: Your confirmation is needed to join the\n \
                   buildbot-status@lists.example.test mailing list.";
    assert!(genuine.contains(subject));
    let with = |other: &str| genuine.replacen(subject, other, 1);
    // As Mailman codes it where the list's language has another charset.
    let coded = "Subject: =?utf-8?q?Your_confirmation_is_needed_to_join_the_buildbot-statu?=\n \
                 =?utf-8?q?s=40lists=2Eexample=2Etest_mailing_list=2E?=";
    let join = Some(Request::Join);
    asks("coded", &with(coded), join, Style::TokenInAddress);
    // What was coded is coded once more on its way.
    let twice = "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3FYour=5Fconfirmation=5Fis=5Fneeded?=";
    asks("twice", &with(twice), None, Style::TokenInAddress);
    asks("none", &with("X-Was: it"), None, Style::TokenInAddress);
    // Sites without addresses for each token.
    let from = format!("buildbot-status-confirm+{TOKEN}@");
    let plain = with(&format!("Subject: confirm {TOKEN}"));
    let plain = plain.replacen(&from, "buildbot-status-request@", 1);
    asks("plain", &plain, None, Style::TokenInSubject);
    let forged = plain.replacen("Auto-Submitted: auto-generated", "X: y", 1);
    assert!(matches!(answer_to(&forged), Some(Answer::NotGenuine(_))));
}

#[test]
fn a_mail_of_ours_that_came_back_is_known_by_its_id() {
    let text = raw("no-such-list");
    let ours = SentMail {
        message_id: "1795391259.9@example.test".into(),
        request: Request::Join,
        token: None,
    };
    let sent = [ours.clone()];
    let said = |text: &str| bounce(&mail(text), text, &sent).map(|(it, why)| (it.clone(), why));
    let (found, why) = said(&text).unwrap();
    assert_eq!(found, ours);
    assert!(why.contains("550 Requested action not taken"), "{why}");
    for (from, to) in [
        ("<1795391259.9@", "<1@"),
        ("Action: failed", "Action: delayed"),
        ("multipart/report", "multipart/mixed"),
        ("Return-Path: <>", "Return-Path: <a@evil.example>"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        assert_eq!(said(&other), None, "{from}");
    }
}

#[test]
fn results_of_mails_that_are_not_ours_say_nothing() {
    let text = raw("already-member");
    let of_ours = quoted(&text);
    let mut of_others = of_ours.clone();
    of_others[0].message_id = "1@example.test".to_owned();
    for sent in [of_others.as_slice(), &[]] {
        assert_eq!(answer(&mail(&text), &server(), OWN, sent), None);
    }
    // In another language it is told, and decides nothing.
    let text = raw("de-already-member");
    let said = answer(&mail(&text), &server(), OWN, &[]);
    assert!(matches!(said, Some(Answer::Other(_))), "{said:?}");
    let text = raw("already-member");
    let other = text.replace("is already a", "cannot be");
    assert!(matches!(
        answer(&mail(&other), &server(), OWN, &of_ours),
        Some(Answer::Other(said)) if said.contains("cannot be MemberRole.member")
    ));
}

#[test]
fn what_is_not_to_the_letter_is_not_confirmed() {
    let genuine = raw("confirm-join");
    assert!(genuine.contains(TOKEN));
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
        ("\nTo: watch@", "\nTo: other@", "our address"),
        (
            "\nTo: watch@",
            "\nTo: x@example.test, watch@",
            "our address",
        ),
        ("    confirm fc81", "    confirm 0000", "token"),
        ("status-confirm+fc81", "status-confirm+zzzz", "token"),
        ("text/plain", "text/html", "plain text"),
        ("Subject: Your", "Subject: Re: Your", "answers"),
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
            MailKind::Refused(why) if !["admin-notice", "no-such-list"].contains(&&*name) => {
                assert_eq!(why, "it is about the list itself", "{name}");
            }
            MailKind::Refused(_) => {}
            other => panic!("{name}: {other:?}"),
        }
        assert!(matches!(read(&found), Reading::NotANotice), "{name}");
    }
    assert!(seen >= 15, "{seen}");
}
