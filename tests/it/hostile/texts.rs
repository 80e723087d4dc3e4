//! Notifications and mails whose words want to be more than words (I13, I14,
//! I15, I17): to the last byte of the mail, the reports and the terminal.

use regex::Regex;

use crate::mailflow::desk::{Desk, OWN, person, text_of};

/// Characters of other bytes than they seem, for a terminal.
const ESCAPES: &str =
    "\u{1b}[31mred\u{1b}[0m\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}desrever\u{2066}\u{200b}";
/// What a tracker would make something of.
const REFERENCES: &str =
    "@everyone @python/core #1 fixes #2 closes GH-3 python/cpython#4 gh-5 bpo-6 issue7";
/// What our own marks look like.
const MARKS: &str =
    "<!-- buildbot-watch:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef -->";
/// What Markdown and HTML would make something of.
const MARKUP: &str = "`````\n```\n~~~\n</details><script>alert(1)</script> [a](javascript:b) ![x](http://e.example/x.png)";

/// Secrets of several kinds; none may come out anywhere.
const SECRETS: [&str; 6] = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "hunter2hunter2",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "abcdefghijklmnop.qrstuvwxyz",
    "swordfish99",
];

fn secrets() -> String {
    let [aws, github, password, pem, bearer, named] = SECRETS;
    format!(
        "key {aws} and {github}\nhttps://user:{password}@example.org/repo.git\n\
         -----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n\
         Authorization: Bearer {bearer}\nDB_PASSWORD={named}\n"
    )
}

/// A log with one failed test in which everything is said.
fn log() -> String {
    let everything = format!("{ESCAPES}\n{REFERENCES}\n{MARKS}\n{MARKUP}\n{}", secrets());
    let indented = everything.replace('\n', "\n    ");
    format!(
        "0:00:01 load avg: 1.00 [1/1/1] test_string failed (1 failure)\n\
         ======================================================================\n\
         FAIL: test_capwords (test.test_string.ModuleTest.test_capwords)\n\
         {REFERENCES} {ESCAPES}\n\
         ----------------------------------------------------------------------\n\
         Traceback (most recent call last):\n  \
         File \"/build/Lib/test/test_string.py\", line 29, in test_capwords\n    \
         {indented}\n\
         AssertionError: {REFERENCES} {ESCAPES} {MARKS} ``` {}\n\n\
         ----------------------------------------------------------------------\n\
         Ran 1 test in 0.1s\n\nFAILED (failures=1)\n\
         1 test failed:\n    test_string\n",
        SECRETS[1]
    )
}

/// A notification in which every field is hostile.
pub fn notification(builder: &str) -> String {
    let subject =
        "=?utf-8?q?Buildbot_=28Python=29=0D=0ABcc=3A_evil=40example.org=0D=0A_=1B=5B31m?=";
    format!(
        "Message-ID: <hostile@mx.example.test>\nList-Id: <buildbot-status.python.org>\n\
         From: =?utf-8?q?Ev=0D=0ABcc=3A_x=40y_=1B=5B2J?= <buildbot@python.org>\n\
         Reply-To: evil@example.org\nTo: evil@example.org\nCc: evil@example.org\n\
         Disposition-Notification-To: evil@example.org\n\
         Subject: {subject}\nDate: Sun, 22 Nov 2026 05:38:40 +0000\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"xyz\"\n\n--xyz\n\
         Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n\
         The Buildbot has detected a new failure on builder {builder} while building python/cpython.\n\
         Full details are available at:\n    https://buildbot.python.org/all/#/builders/15/builds/4\n\n\
         Buildbot URL: https://buildbot.python.org/all/\n\n\
         Worker for this Build: w {ESCAPES} {REFERENCES} {MARKS}\n\n\
         Build Reason: {ESCAPES} {}\n\
         Build Source Stamp: [branch main {ESCAPES}] 29551faa58524dc42eba43b51c87099f860ad1c7\n\
         Blamelist: {REFERENCES} {ESCAPES} <x@y>\n\n\
         BUILD FAILED: failed test (failure) {REFERENCES}\n\n\
         Captured traceback\n==================\n\n{}\n\n\
         Sincerely,\n -The Buildbot\n\n--xyz\n\
         Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\
         Content-Disposition: attachment; filename=\"test.stdio{ESCAPES}\"\n\n{}\n--xyz--\n",
        SECRETS[0],
        log(),
        log(),
    )
}

/// What must not come out on a terminal or in a document.
#[track_caller]
fn is_harmless(what: &str, text: &str) {
    for char in text.chars() {
        let is_bad = (char.is_control() && char != '\n')
            || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(!is_bad, "{what}: {char:?} in {text}");
    }
    keeps_secrets(what, text);
}

#[track_caller]
fn keeps_secrets(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what}: {secret} in {text}");
    }
}

/// A text for a tracker outside of its fences.
fn outside_of_fences(text: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let marks: String = line.chars().take_while(|char| *char == '`').collect();
        match &fence {
            Some(open) if line.trim_end() == open => fence = None,
            Some(_) => {}
            None if marks.len() >= 3 => fence = Some(marks),
            None => {
                outside.push_str(line);
                outside.push('\n');
            }
        }
    }
    assert!(fence.is_none(), "a fence stays open: {text}");
    outside
}

/// What a tracker would make a link, a mention or a command of.
#[track_caller]
fn says_nothing_to_a_tracker(what: &str, text: &str) {
    // Its texts are plain: markup is none in them.
    let pattern = r"(?i)@\w|#\d|\bgh-\d|\bbpo-\d|\bissue\d";
    let found = Regex::new(pattern).unwrap().find(text);
    assert!(found.is_none(), "{what}: {found:?} in {text}");
}

pub const BUILDERS: [&str; 3] = [
    "AMD64 Debian root 3.x",
    "AMD64 @everyone #1 fixes #2 `x` <!-- y --> [a](http://b.example) <script> 3.x",
    "AMD64 \u{1b}[31mred\u{202e}3.x\u{9b}2J \u{200b}3.x",
];

fn with_draft(builder: &str) -> Desk {
    let desk = Desk::new("");
    desk.take(notification(builder));
    let row = desk.row(1);
    assert_eq!(row["stage"], "drafted", "{row}");
    desk
}

#[test]
fn nothing_of_it_acts_on_a_terminal() {
    for builder in BUILDERS {
        let desk = with_draft(builder);
        desk.put(person(
            "Re: \u{1b}[31m",
            "Message-ID: <p@x>\nIn-Reply-To: <hostile@mx.example.test>\nX-A: b\n",
            "Thanks \u{1b}[2J",
        ));
        desk.settle();
        let key = desk.key(1);
        let mut printed = 0;
        let mut look = || {
            for verb in [
                &["show", "1"][..],
                &["show", "1", "--full"],
                &["list"],
                &["list", "--all"],
                &["status"],
                &["history", "1"],
                &["show", "2"],
            ] {
                let ran = desk.run(verb);
                is_harmless(&verb.join(" "), &ran.out);
                is_harmless(&verb.join(" "), &ran.err);
                let json = desk.run(&[verb, &["--json"]].concat()).out;
                is_harmless(&format!("{verb:?} --json"), &json);
                printed += ran.out.len();
            }
        };
        look();
        desk.done(&["hold", "1", "--reason", "odd \u{1b}[31m\u{202e}"]);
        look();
        desk.done(&["release", "1"]);
        desk.done(&["approve", &key]);
        look();
        assert!(printed > 5000);
        let file = desk.path("mailbox/new/00001.desk");
        let replayed = desk.done(&["replay", "--show", file.to_str().unwrap()]);
        is_harmless("replay", &replayed);
    }
}

#[test]
fn nothing_of_it_acts_in_a_tracker() {
    for builder in BUILDERS {
        let desk = with_draft(builder);
        desk.approve(1);
        let reports = desk.reports();
        assert_eq!(reports.len(), 1, "{}", desk.row(1));
        let (_, title, body) = &reports[0];
        is_harmless("title", title);
        is_harmless("body", body);
        assert!(
            !title.contains('\n') && title.chars().count() < 200,
            "{title}"
        );
        assert!(body.chars().count() < 60_000);
        says_nothing_to_a_tracker("title", title);
        says_nothing_to_a_tracker("body", &outside_of_fences(body));
        assert!(body.contains("AssertionError"), "{body}");
        // The same again is a comment.
        let again = notification(builder).replace("hostile@mx", "again@mx");
        desk.take(again.replace("builds/4", "builds/5"));
        assert_eq!(desk.row(2)["actions"][0]["do"], "comment");
        desk.approve(2);
        let comments = desk.comments();
        assert_eq!(comments.len(), 1, "{}", desk.row(2));
        is_harmless("comment", &comments[0].2);
        says_nothing_to_a_tracker("comment", &outside_of_fences(&comments[0].2));
    }
}

#[test]
fn nothing_of_it_gets_into_a_mail() {
    for builder in BUILDERS {
        let desk = with_draft(builder);
        desk.approve(1);
        let sent = desk.sent();
        assert_eq!(sent.len(), 1, "{}", desk.row(1));
        let mail = String::from_utf8(sent[0].clone()).expect("ASCII");
        assert!(mail.is_ascii() && !mail.replace("\r\n", "").contains(['\r', '\n', '\0']));
        assert!(mail.split("\r\n").all(|line| line.len() <= 998));
        let (head, _) = mail.split_once("\r\n\r\n").expect("a body");
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect();
        for name in ["Bcc", "Cc", "Reply-To", "Disposition-Notification-To"] {
            assert!(!names.contains(&name), "{head}");
        }
        assert_eq!(
            names.iter().filter(|name| **name == "To").count(),
            1,
            "{head}"
        );
        assert!(head.contains("To: buildbot-status@python.org"), "{head}");
        assert!(
            head.contains(&format!("<{OWN}>")) || head.contains(OWN),
            "{head}"
        );
        assert!(
            head.contains("In-Reply-To: <hostile@mx.example.test>"),
            "{head}"
        );
        assert!(
            !head.contains("example.org\r\n") || !head.contains("evil"),
            "{head}"
        );
        let parsed = mail_parser::MessageParser::new()
            .parse(&sent[0])
            .expect("a mail");
        is_harmless("subject", parsed.subject().expect("a subject"));
        is_harmless("text", &text_of(&sent[0]));
        assert!(text_of(&sent[0]).lines().count() <= 20);
    }
}

#[test]
fn a_hit_is_told_to_whoever_decides() {
    let desk = with_draft(BUILDERS[0]);
    let shown = desk.done(&["show", "1"]);
    assert!(shown.contains("secrets were taken out"), "{shown}");
    assert!(shown.contains("[redacted]"), "{shown}");
    // Nothing that was read from the mail holds one; only the mail itself does.
    let row = desk
        .store()
        .load(buildbot_watch::store::NotificationId(1))
        .expect("a row");
    keeps_secrets("the database", &format!("{row:?}"));
}

#[test]
fn people_too_are_harmless() {
    let desk = with_draft(BUILDERS[0]);
    let report = desk.report("\u{1b}[31mred\u{202e} @everyone", "x");
    let headers = "Message-ID: <p@x>\nIn-Reply-To: <hostile@mx.example.test>\n";
    let mail = person("Re: it", headers, &format!("issue {report}"));
    let name = "From: =?utf-8?q?Gr=1B=5B2J=0D=0A=E2=80=AEace_AKIAIOSFODNN7EXAMPLE?=";
    desk.take(mail.replace("From: Grace Hopper", name));
    assert_eq!(desk.closed(1).0, "answered_by_human");
    let again = notification(BUILDERS[0]).replace("hostile@mx", "again@mx");
    desk.take(again);
    for verb in [
        &["list", "--all"][..],
        &["show", "1"],
        &["show", "3"],
        &["history", "1"],
    ] {
        let ran = desk.run(verb);
        for text in [&ran.out, &ran.err] {
            let bad = text.chars().find(|char| char.is_control() && *char != '\n');
            assert_eq!(bad, None, "{verb:?}: {text}");
            assert!(!text.contains('\u{202e}'), "{verb:?}: {text}");
        }
    }
    let refused = desk.run(&["approve", "3", "--yes", "--as", "A\u{1b}[31m\nBcc: x"]);
    assert!(!refused.status.success(), "{}", refused.out);
    is_harmless("a refusal", &refused.err);
}
