use super::*;
use crate::domain::approvers::{Believed, Mails, Person, Verb};
use crate::domain::decision::{Approver, Decision};

fn approvers() -> Approvers {
    Approvers {
        people: vec![Person {
            name: Approver::new("Ada Lovelace").unwrap(),
            address: "ada@example.org".into(),
            mails: Mails::Each,
            may: Verb::ALL.to_vec(),
        }],
        answers_to: "decide@watch.example".into(),
        folder: None,
        trust: Trust {
            authserv_id: "mx.watch.example".into(),
            received_by: Vec::new(),
            results: Believed::Topmost,
        },
        remind_after: None,
        mails_an_hour: 20,
        page: None,
    }
}

const VERIFIED: &str = "Authentication-Results: mx.watch.example; dkim=pass header.d=example.org\n\
                        Received: from a by mx.watch.example; Sun, 22 Nov 2026\n";
const PERSON: &str = "From: Ada <ada@example.org>\nTo: <decide+0123@watch.example>\n\
                      Subject: Re: 1@1a2b: test_os\nIn-Reply-To: <bbw.letter.1@watch.example>\n";

fn mail(more: &str) -> Vec<u8> {
    format!("{VERIFIED}{PERSON}{more}\napprove\n").into_bytes()
}

#[test]
fn an_answer_is_taken_apart() {
    let found = envelope(&mail(""), &approvers()).unwrap();
    assert_eq!(found.from, "ada@example.org");
    assert_eq!(found.about.tokens, ["0123"]);
    assert_eq!(found.about.in_reply_to, ["bbw.letter.1@watch.example"]);
    let more = "Cc: decide+0123@watch.example, x@y, Decide+4567@watch.example\n";
    let found = envelope(&mail(more), &approvers()).unwrap();
    assert_eq!(found.about.tokens, ["0123", "4567"]);
}

#[test]
fn what_machines_write_is_no_answer() {
    for header in [
        "Auto-Submitted: auto-replied (vacation)",
        "Auto-Submitted: no\nAuto-Submitted: auto-generated",
        "Return-Path: <>",
        "Precedence: bulk",
        "Precedence: list",
        "X-Auto-Response-Suppress: OOF",
        "List-Id: <x.example>",
        "X-Buildbot-Watch-Loop: 1",
        "Content-Type: multipart/report; report-type=delivery-status",
        "Content-Type: message/rfc822",
        "X-Autoreply: yes",
        "X-Failed-Recipients: x@y",
        "X-Forwarded-Message-Id: <x@y>",
    ] {
        let found = envelope(&mail(&format!("{header}\n")), &approvers());
        assert!(
            matches!(found, Err(NoAnswer::Automatic(_))),
            "{header}: {found:?}"
        );
    }
    let forwarded = String::from_utf8(mail(""))
        .unwrap()
        .replace("Re: 1", "Fwd: 1");
    let found = envelope(forwarded.as_bytes(), &approvers());
    assert!(matches!(found, Err(NoAnswer::Automatic(_))), "{found:?}");
    assert!(envelope(&mail("Auto-Submitted: no\n"), &approvers()).is_ok());
}

#[test]
fn nobody_is_believed_without_the_server() {
    let forged = format!("Received: by mx.watch.example\n{VERIFIED}{PERSON}\napprove\n");
    for raw in [format!("{PERSON}\napprove\n"), forged] {
        let found = envelope(raw.as_bytes(), &approvers());
        assert!(matches!(found, Err(NoAnswer::Unverified(_))), "{found:?}");
    }
    let long = [mail(""), vec![b'x'; MAX_ANSWER]].concat();
    let found = envelope(&long, &approvers());
    assert!(matches!(found, Err(NoAnswer::Unreadable(_))), "{found:?}");
    let odd = format!("no header\n{VERIFIED}{PERSON}\napprove\n");
    let found = envelope(odd.as_bytes(), &approvers());
    assert!(matches!(found, Err(NoAnswer::Unreadable(_))), "{found:?}");
}

#[track_caller]
fn check(raw: &str, expect: Result<&str, NoWords>) {
    let found = words_of(raw.as_bytes()).map(|own| own.first);
    assert_eq!(found.as_deref().map_err(|why| *why), expect, "{raw}");
}

const TWO: &str = "Content-Type: multipart/mixed; boundary=b\n\n--b\n";

#[test]
fn only_plain_text_of_ones_own_counts() {
    check("From: a@b\n\napprove\n", Ok("approve"));
    check(
        "Content-Type: text/html\n\n<p>approve</p>\n",
        Err(NoWords::NoPlainText),
    );
    check("From: a@b\n\n> approve\n", Err(NoWords::NothingOwn));
    check("From: a@b\n\n", Err(NoWords::NothingOwn));
    let alternative = "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: \
                       text/plain\n\nhold\n--b\nContent-Type: text/html\n\n<p>approve</p>\n--b--\n";
    check(alternative, Ok("hold"));
    let html_alone = alternative.replace("text/plain", "text/calendar");
    check(&html_alone, Err(NoWords::NoPlainText));
    let attached = format!(
        "{TWO}Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\n\
         approve\n--b--\n"
    );
    check(&attached, Err(NoWords::NoPlainText));
    let forwarded = format!(
        "{TWO}Content-Type: text/plain\n\napprove\n--b\nContent-Type: message/rfc822\n\n\
         Subject: x\n\ny\n--b--\n"
    );
    check(&forwarded, Err(NoWords::ForwardsMail));
    let encoded = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n\
                   YXBwcm92ZQo=\n";
    check(encoded, Ok("approve"));
    let flowed = "Content-Type: text/plain; format=flowed\n\nreject the \nlog\n";
    check(flowed, Ok("reject the log"));
}

#[test]
fn hostile_mails_decide_nothing_and_break_nothing() {
    for text in crate::domain::untrusted::tests::hostile_texts() {
        let raw = format!("{VERIFIED}From: {text}\nTo: {text}\nSubject: {text}\n\n{text}\n");
        if let Ok(found) = envelope(raw.as_bytes(), &approvers()) {
            assert_eq!(approvers().with_address(&found.from), None, "{raw}");
        }
        if let Ok(own) = words_of(raw.as_bytes()) {
            assert_ne!(decision(&own).ok(), Some(Decision::Approve), "{raw}");
        }
    }
}
