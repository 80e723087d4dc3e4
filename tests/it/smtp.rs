//! Sending: against a real Postfix, over a bad line, and against servers that
//! answer in every way a server can.

use std::time::Duration;

use buildbot_watch::domain::delivery::{Outcome, Receipt};
use buildbot_watch::domain::draft::Reply;
use buildbot_watch::domain::finding::Level;
use buildbot_watch::domain::secret::Secret;
use buildbot_watch::smtp::{
    Credentials, Dialogue, Login, Outgoing, Security, SmtpSettings, Timeouts, check, compose,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::proxy::{Mode, Proxy};
use crate::world::{World, mail, run, world};

/// How mail is handed in, with TLS from the start and a login.
pub fn settings(world: &World) -> SmtpSettings {
    SmtpSettings {
        host: world.host.clone(),
        port: world.mail.submissions_port,
        security: Security::Implicit,
        credentials: Some(Credentials {
            user: "sender".to_owned(),
            login: Login::Password(Secret::new(world.mail.password.clone())),
        }),
        hello_name: "watch.example.test".to_owned(),
        tls: world.tls_config(),
        timeouts: Timeouts {
            connect: Duration::from_secs(10),
            command: Duration::from_secs(10),
            final_dot: Duration::from_secs(10),
        },
    }
}

const FROM: &str = "watch-bounces@example.test";

async fn send(settings: &SmtpSettings, to: &str, mail: &[u8]) -> Outcome {
    let dialogue = match Dialogue::open(settings).await {
        Ok(dialogue) => dialogue,
        Err(outcome) => return outcome,
    };
    match dialogue.prepare(FROM, to).await {
        Ok(prepared) => prepared.finish(mail).await,
        Err(outcome) => outcome,
    }
}

/// The kind of an outcome and its words.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(Receipt::Mail { answer }) => format!("Done: {answer}"),
        Outcome::Done(receipt) => format!("Done: {receipt:?}"),
        Outcome::Later { why, .. } => format!("Later: {why}"),
        Outcome::Refused { why } => format!("Refused: {why}"),
        Outcome::Unknown { why } => format!("Unknown: {why}"),
    }
}

#[track_caller]
fn expect(outcome: &Outcome, kind: &str, part: &str) {
    let words = words(outcome);
    assert!(words.starts_with(kind) && words.contains(part), "{words}");
}

#[test]
fn mail_leaves_by_every_door_and_arrives_as_it_was() {
    run(async {
        let world = world();
        let implicit = settings(world);
        let starttls = SmtpSettings {
            port: world.mail.submission_starttls_port,
            security: Security::StartTls,
            ..settings(world)
        };
        let relay = SmtpSettings {
            port: world.mail.smtp_port,
            security: Security::LoopbackWithoutTls,
            credentials: None,
            ..settings(world)
        };
        let token = SmtpSettings {
            credentials: Some(Credentials {
                user: world.mail.oauth.user.clone(),
                login: Login::OAuth2(Secret::new(world.mail.oauth.valid_token.clone())),
            }),
            ..settings(world)
        };
        let body = ".\n..\n.dots\nlast line\n";
        for door in [implicit, starttls, relay, token] {
            let user = world.fresh_user("smtp");
            let sent = mail("x", &format!("{user}@example.test"), "", body);
            let outcome = send(&door, &world.address(&user), &sent).await;
            expect(&outcome, "Done: 250", "queued");
            let received = world.inbox_of(&user, 1).await.remove(0);
            let received = String::from_utf8(received).unwrap().replace("\r\n", "\n");
            assert!(received.contains("Return-Path: <watch-bounces@example.test>"));
            let (_, text) = received.split_once("\n\n").unwrap();
            assert_eq!(text, format!("{body}\n"));
        }
    });
}

#[test]
fn what_the_operator_must_mend_is_tried_again_later() {
    run(async {
        let world = world();
        let to = world.address("nobody");
        let wrong_password = SmtpSettings {
            credentials: Some(Credentials {
                user: "sender".to_owned(),
                login: Login::Password(Secret::new("wrong".to_owned())),
            }),
            ..settings(world)
        };
        let outcome = send(&wrong_password, &to, b"").await;
        expect(&outcome, "Later: logging in", "535");

        let expired = SmtpSettings {
            credentials: Some(Credentials {
                user: world.mail.oauth.user.clone(),
                login: Login::OAuth2(Secret::new(world.mail.oauth.expired_token.clone())),
            }),
            ..settings(world)
        };
        let outcome = send(&expired, &to, b"").await;
        expect(&outcome, "Later: logging in", "535");

        let distrusting = SmtpSettings {
            tls: world.distrusting_tls_config(),
            ..settings(world)
        };
        let outcome = send(&distrusting, &to, b"").await;
        expect(&outcome, "Later: beginning TLS", "vouches for it");

        let no_starttls = SmtpSettings {
            port: world.mail.smtp_port,
            security: Security::StartTls,
            ..settings(world)
        };
        let outcome = send(&no_starttls, &to, b"").await;
        expect(&outcome, "Later: beginning TLS", "does not offer STARTTLS");

        let wrong_door = SmtpSettings {
            port: world.mail.submission_starttls_port,
            ..settings(world)
        };
        let outcome = send(&wrong_door, &to, b"").await;
        expect(
            &outcome,
            "Later: beginning TLS",
            "does not speak TLS on this port",
        );
    });
}

#[test]
fn refused_recipients_are_told_apart() {
    run(async {
        let world = world();
        let settings = settings(world);
        let outcome = send(&settings, &world.mail.refused_for_now, b"").await;
        expect(&outcome, "Later: naming the recipient", "450");
        let outcome = send(&settings, &world.mail.refused_for_good, b"").await;
        expect(&outcome, "Refused: naming the recipient", "550");
        let outcome = send(&settings, "someone@example.org", b"").await;
        expect(&outcome, "Refused: naming the recipient", "5");

        let no_login = SmtpSettings {
            credentials: None,
            ..settings
        };
        let outcome = send(&no_login, &world.address("nobody"), b"").await;
        expect(&outcome, "Refused: naming the recipient", "554");
    });
}

#[test]
fn a_line_cut_before_the_dot_is_no_doubt_and_after_it_is() {
    run(async {
        let world = world();
        let proxy = Proxy::to(world.mail.submissions_port).await;
        let mut through = settings(world);
        through.port = proxy.port;
        through.timeouts.command = Duration::from_secs(1);
        through.timeouts.final_dot = Duration::from_secs(1);
        let user = world.fresh_user("smtp");
        let to = world.address(&user);
        let text = mail("x", "cut@example.test", "", "x");

        // Before DATA.
        for mode in [Mode::Reset, Mode::BlackHole] {
            proxy.set(Mode::Pass);
            let dialogue = Dialogue::open(&through).await.map_err(|o| words(&o));
            proxy.set(mode);
            let outcome = dialogue.unwrap().prepare(FROM, &to).await.err().unwrap();
            expect(&outcome, "Later: naming the sender", "");
        }
        // After 354, before the mail.
        proxy.set(Mode::Pass);
        let dialogue = Dialogue::open(&through).await.map_err(|o| words(&o));
        let prepared = dialogue.unwrap().prepare(FROM, &to).await;
        let prepared = prepared.map_err(|o| words(&o)).unwrap();
        proxy.set(Mode::Reset);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let outcome = prepared.finish(&text).await;
        expect(&outcome, "Later: sending the mail", "");

        // The claim is refused after 354.
        proxy.set(Mode::Pass);
        let dialogue = Dialogue::open(&through).await.map_err(|o| words(&o));
        let prepared = dialogue.unwrap().prepare(FROM, &to).await;
        prepared.map_err(|o| words(&o)).unwrap().abort();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            world.inbox(&user).len(),
            0,
            "a mail without a dot was taken"
        );

        // The server has the mail, and its answer is lost.
        let dialogue = Dialogue::open(&through).await.map_err(|o| words(&o));
        let prepared = dialogue.unwrap().prepare(FROM, &to).await;
        let prepared = prepared.map_err(|o| words(&o)).unwrap();
        proxy.set(Mode::DeafClient);
        let outcome = prepared.finish(&text).await;
        expect(&outcome, "Unknown: sending the mail", "no answer in time");
        assert_eq!(world.inbox_of(&user, 1).await.len(), 1);
    });
}

#[test]
fn the_check_greets_and_sends_nothing() {
    run(async {
        let steps = check(&settings(world())).await;
        assert_eq!(steps.len(), 4, "{steps:#?}");
        assert!(
            steps.iter().all(|step| step.level == Level::Fine),
            "{steps:#?}"
        );
        let mut wrong = settings(world());
        wrong.port = Proxy::to(1).await.port;
        let steps = check(&wrong).await;
        let remedy = steps[0].remedy.as_deref().unwrap_or_default();
        assert!(remedy.contains("Check host"), "{steps:#?}");
    });
}

#[test]
fn our_reply_comes_back_from_the_list_with_its_marks() {
    run(async {
        let world = world();
        let user = world.fresh_user("reader");
        let list = world.fresh_list("smtp", &[world.address(&user)]).await;
        let reply = Reply {
            subject: "Re: ☠ Buildbot (Python): failed test".to_owned(),
            body: "known: https://example.test/issue1 – see there\n.\n".to_owned(),
            in_reply_to: Some("notice@example.test".to_owned()),
            references: Vec::new(),
        };
        let id = format!("{user}@watch.example.test");
        let bytes = compose(&Outgoing {
            reply: &reply,
            from_name: "Buildbot Watch",
            from_address: "watch@example.test",
            to: &list,
            message_id: &id,
            date: 1_795_331_696,
            loop_value: "3f2a",
        });
        // Postfix hands lists to Mailman only on the port without a login.
        let relay = SmtpSettings {
            port: world.mail.smtp_port,
            security: Security::LoopbackWithoutTls,
            credentials: None,
            ..settings(world)
        };
        let outcome = send(&relay, &list, &bytes.unwrap()).await;
        expect(&outcome, "Done: 250", "");
        let copy = world.inbox_of(&user, 1).await.remove(0);
        let copy = String::from_utf8(copy).unwrap();
        for mark in [
            format!("Message-ID: <{id}>"),
            "X-Buildbot-Watch-Loop: 3f2a".to_owned(),
            "Auto-Submitted: auto-replied".to_owned(),
            "In-Reply-To: <notice@example.test>".to_owned(),
        ] {
            assert!(copy.contains(&mark), "{mark} is not in {copy}");
        }
    });
}

/// What a stand-in says at each step; an empty answer closes the connection.
#[derive(Clone, Copy)]
struct Answers {
    greeting: &'static str,
    sender: &'static str,
    recipient: &'static str,
    data: &'static str,
    mail: &'static str,
}

const FINE: Answers = Answers {
    greeting: "220 hello",
    sender: "250 fine",
    recipient: "250 fine",
    data: "354 go on",
    mail: "250 2.0.0 taken",
};

async fn stand_in(answers: Answers) -> SmtpSettings {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tcp = BufReader::new(tcp);
        let _ = tcp
            .write_all(format!("{}\r\n", answers.greeting).as_bytes())
            .await;
        let mut in_mail = false;
        let mut line = String::new();
        while tcp.read_line(&mut line).await.unwrap_or(0) > 0 {
            let said = std::mem::take(&mut line);
            let verb = said.split([' ', '\r']).next().unwrap_or_default();
            let answer = match verb {
                "." if in_mail => {
                    in_mail = false;
                    answers.mail
                }
                _ if in_mail => continue,
                "EHLO" => "250 hello",
                "MAIL" => answers.sender,
                "RCPT" => answers.recipient,
                "DATA" => {
                    in_mail = answers.data.starts_with("354");
                    answers.data
                }
                _ => "221 bye",
            };
            if answer.is_empty() {
                return;
            }
            let _ = tcp.write_all(format!("{answer}\r\n").as_bytes()).await;
        }
    });
    let mut settings = settings(world());
    settings.port = port;
    settings.security = Security::LoopbackWithoutTls;
    settings.credentials = None;
    settings.timeouts.command = Duration::from_secs(2);
    settings.timeouts.final_dot = Duration::from_secs(2);
    settings
}

/// A server that is fine but for one answer, and what a mail comes to there.
#[rustfmt::skip]
const CASES: [(&str, &str, &str); 21] = [
    ("mail", "250 2.0.0 taken", "Done: 250 2.0.0 taken"),
    ("greeting", "554 no", "Later: saying hello: 554 no"),
    ("greeting", "421 full", "Later: saying hello: 421 full"),
    ("sender", "451 later", "Later: naming the sender: 451 later"),
    ("sender", "550 no", "Refused: naming the sender: 550 no"),
    ("sender", "530 log in", "Later: naming the sender: 530 log in"),
    ("sender", "", "Later: naming the sender"),
    ("recipient", "452 full", "Later: naming the recipient: 452"),
    ("recipient", "550 who", "Refused: naming the recipient: 550"),
    ("data", "451 later", "Later: announcing the mail: 451"),
    ("data", "554 no", "Refused: announcing the mail: 554"),
    ("data", "rubbish", "Later: announcing the mail"),
    ("data", "250 what", "Later: announcing the mail: the server answers 250"),
    ("mail", "451 greylisted", "Later: sending the mail: 451"),
    ("mail", "421 closing", "Later: sending the mail: 421"),
    ("mail", "554 spam", "Refused: sending the mail: 554 spam"),
    ("mail", "", "Unknown: sending the mail"),
    ("mail", "rubbish", "Unknown: sending the mail"),
    ("mail", "354 what", "Unknown: sending the mail: the server answers 354"),
    ("mail", "221 bye", "Unknown: sending the mail: the server answers 221"),
    ("mail", "250-never ends", "Unknown: sending the mail: no answer in time"),
];

#[test]
fn every_answer_means_what_the_table_says() {
    run(async {
        for (step, answer, expected) in CASES {
            let mut answers = FINE;
            *match step {
                "greeting" => &mut answers.greeting,
                "sender" => &mut answers.sender,
                "recipient" => &mut answers.recipient,
                "data" => &mut answers.data,
                _ => &mut answers.mail,
            } = answer;
            let settings = stand_in(answers).await;
            let text = mail("x", "x@example.test", "", "x");
            let outcome = send(&settings, "list@example.test", &text).await;
            let words = words(&outcome);
            assert!(words.starts_with(expected), "{words} instead of {expected}");
        }
    });
}

#[test]
fn nothing_may_be_said_between_starttls_and_tls() {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut settings = settings(world());
        settings.port = listener.local_addr().unwrap().port();
        settings.security = Security::StartTls;
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut tcp = BufReader::new(tcp);
            for words in [
                "220-two\r\n220 lines\r\n",
                "250-hello\r\n250 STARTTLS\r\n",
                "220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n",
            ] {
                tcp.write_all(words.as_bytes()).await.unwrap();
                let mut line = String::new();
                let _ = tcp.read_line(&mut line).await;
            }
        });
        let outcome = send(&settings, "list@example.test", b"").await;
        expect(&outcome, "Later: beginning TLS", "tampers");
    });
}
