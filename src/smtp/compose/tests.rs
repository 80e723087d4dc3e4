use expect_test::expect;
use mail_parser::MessageParser;

use super::*;

fn reply(subject: &str, body: &str) -> Reply {
    Reply {
        subject: subject.into(),
        body: body.into(),
        in_reply_to: Some("20261122.4N3X@mail.python.org".into()),
        references: vec!["first@mail.python.org".into()],
    }
}

fn outgoing(reply: &Reply) -> Outgoing<'_> {
    Outgoing {
        reply,
        from_name: "Buildbot Watch",
        from_address: "watch@example.org",
        to: "buildbot-status@python.org",
        message_id: "5e1f9c0a@watch.example.org",
        date: 1_795_331_696,
        loop_value: "3f2a",
    }
}

fn as_text(mail: &[u8]) -> String {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    text.replace("\r\n", "\n")
}

#[test]
fn a_reply_has_exactly_these_octets() {
    let reply = reply(
        "Re: ☠ Buildbot (Python): python/cpython - failed test (failure) (main)",
        "test_os.test_popen fails on AMD64 Fedora 3.x – known:\n\
         https://github.com/python/cpython/issues/123\n\
         \n\
         .a line that begins with a dot\n\
         From a line that begins like an mbox\n",
    );
    let mail = compose(&outgoing(&reply)).unwrap();
    expect![[r#"
        Date: Sun, 22 Nov 2026 07:14:56 +0000
        From: "Buildbot Watch" <watch@example.org>
        To: buildbot-status@python.org
        Subject: Re: =?utf-8?b?4pig?= Buildbot (Python): python/cpython - failed
         test (failure) (main)
        Message-ID: <5e1f9c0a@watch.example.org>
        In-Reply-To: <20261122.4N3X@mail.python.org>
        References: <first@mail.python.org> <20261122.4N3X@mail.python.org>
        Auto-Submitted: auto-replied
        X-Auto-Response-Suppress: All
        X-Buildbot-Watch-Loop: 3f2a
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: quoted-printable

        test_os.test_popen fails on AMD64 Fedora 3.x =E2=80=93 known:
        https://github.com/python/cpython/issues/123

        .a line that begins with a dot
        From a line that begins like an mbox
    "#]]
    .assert_eq(&as_text(&mail));
    assert_eq!(compose(&outgoing(&reply)).unwrap(), mail);
}

/// What is received is what was approved.
#[track_caller]
fn check_body(body: &str) {
    let reply = reply("Re: x", body);
    let mail = compose(&outgoing(&reply)).unwrap();
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let received = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(received, body);
    assert!(mail.split(|b| *b == b'\n').all(|line| line.len() < 80));
}

#[test]
fn any_text_arrives_as_it_was_approved() {
    check_body("plain\n");
    check_body(".\n..\n.x\n\n.\n");
    check_body("trailing blanks  \nand tabs\t\n");
    check_body("= =3D =\n");
    check_body("ünï¢ödé 🦀 テスト\n");
    check_body(&format!("{}\n", "long".repeat(500)));
}

#[test]
fn subjects_arrive_as_they_were_approved() {
    for subject in [
        "Re: plain",
        "Re: ☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠☠ Buildbot (Python): python/cpython",
        &format!("Re: {}", "x".repeat(300)),
    ] {
        let reply = reply(subject, "x\n");
        let mail = compose(&outgoing(&reply)).unwrap();
        let parsed = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(parsed.subject(), Some(subject));
    }
}

#[test]
fn nobody_elses_encoded_words_are_passed_on() {
    let reply = reply("Re: =?utf-8?q?=1B=0A?=", "x without an end");
    let text = as_text(&compose(&outgoing(&reply)).unwrap());
    assert!(
        text.contains("\nSubject: Re: = ?utf-8?q?=1B=0A?=\n"),
        "{text}"
    );
    assert!(text.ends_with("\nx without an end\n"), "{text}");
}

#[test]
fn nothing_can_be_injected() {
    let mut reply = reply("Re: x\r\nBcc: victim@example.org\r\n\r\nbody", "x\n");
    reply.in_reply_to = Some("a@b>\r\nBcc: c@d".into());
    reply.references = vec!["a b@c".into(), "good@x".into(), "<bad@x>".into()];
    let outgoing = Outgoing {
        from_name: "Eve\" <eve@example.org>\r\nBcc: x@y",
        ..outgoing(&reply)
    };
    let text = as_text(&compose(&outgoing).unwrap());
    assert!(!text.contains("\nBcc:"), "{text}");
    assert!(!text.contains("In-Reply-To"), "{text}");
    assert!(text.contains("\nReferences: <good@x>\n"), "{text}");

    let two = Outgoing {
        to: "list@example.org, other@example.org",
        ..outgoing
    };
    assert!(matches!(compose(&two), Err(GateRefusal::Address(_))));
}

#[test]
fn long_threads_keep_their_ends_and_long_ids_their_form() {
    let mut reply = reply("Re: x", "x\n");
    reply.references = (0..40).map(|n| format!("{n}@example.org")).collect();
    let long = format!("{}@example.org", "l".repeat(200));
    reply.in_reply_to = Some(long.clone());
    let mail = compose(&outgoing(&reply)).unwrap();
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let ids = parsed.references().as_text_list().unwrap().to_vec();
    assert_eq!(ids.len(), 20);
    assert_eq!(ids.first().unwrap(), "0@example.org");
    assert_eq!(ids.last().unwrap(), &long);
    assert_eq!(parsed.in_reply_to().as_text(), Some(long.as_str()));
}

#[test]
fn what_no_reply_may_hold_is_refused() {
    for body in [
        "",
        " \n",
        &"x\n".repeat(21),
        &format!("{}\n", "x".repeat(4096)),
        "see <<new issue 1>>\n",
        "approved by <<approver>>\n",
        "a bell \u{7} rings\n",
        "an escape \u{1b}[31m\n",
    ] {
        let refused = compose(&outgoing(&reply("Re: x", body)));
        let is_refused = matches!(refused, Err(GateRefusal::Body(_)));
        assert!(is_refused, "{body:?}: {refused:?}");
    }
    let no_reply = reply("Something new", "x\n");
    let refused = compose(&outgoing(&no_reply));
    assert_eq!(refused, Err(GateRefusal::Header("Subject")));
}
