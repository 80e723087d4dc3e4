//! Who is never answered (I8).

use super::desk::{Desk, Notice, OWN, STRING, list_copy, person};

fn notice(id: &str) -> Notice<'_> {
    Notice {
        fixture: STRING,
        builder: "AMD64 Debian root 3.x",
        id,
    }
}

/// A genuine notification made into something else.
struct Case {
    mail: String,
    reason: &'static str,
    words: &'static str,
}

fn with(id: &str, headers: &str, reason: &'static str, words: &'static str) -> Case {
    let mail = notice(id).with(headers);
    Case {
        mail,
        reason,
        words,
    }
}

fn changed(id: &str, (from, to): (&str, &str), reason: &'static str, words: &'static str) -> Case {
    let mail = notice(id).mail();
    assert!(mail.contains(from), "{from}");
    Case {
        mail: mail.replacen(from, to, 1),
        reason,
        words,
    }
}

fn subject(id: &str, subject: &str, reason: &'static str, words: &'static str) -> Case {
    let mail = notice(id).mail();
    let (head, rest) = mail.split_once("Subject: ").expect("a subject");
    let (_, rest) = rest.split_once('\n').expect("a line");
    Case {
        mail: format!("{head}Subject: {subject}\n{rest}"),
        reason,
        words,
    }
}

fn from(id: &str, author: &str, reason: &'static str, words: &'static str) -> Case {
    let new = format!("From: {author}");
    changed(id, ("From: buildbot@python.org", &new), reason, words)
}

fn threads_and_replies() -> Vec<Case> {
    let thread = "belongs to a thread";
    let reply = "begins like a reply's";
    vec![
        with("t1", "In-Reply-To: <a@b>\n", "refused", thread),
        with("t2", "References: <a@b> <c@d>\n", "refused", thread),
        with("t3", "In-Reply-To: no id at all\n", "refused", thread),
        subject(
            "r1",
            "Re: [Buildbot-status] Buildbot: failed",
            "refused",
            reply,
        ),
        subject(
            "r2",
            "[Buildbot-status] Re: Buildbot: failed",
            "refused",
            reply,
        ),
        subject("r3", "AW: Buildbot: failed", "refused", reply),
        subject("r4", "Fwd: Buildbot: failed", "refused", reply),
        subject("r5", "=?utf-8?b?5Zue5aSN77ya?= Buildbot", "refused", reply),
        subject("r6", "=?utf-8?q?RE=5B2=5D=3A?= Buildbot", "refused", reply),
    ]
}

fn automatic() -> Vec<Case> {
    let bulk = "bulk mail (Precedence)";
    let report = "multipart/report; report-type=delivery-status";
    let digest = "multipart/digest";
    vec![
        with("a1", "X-Buildbot-Watch-Loop: 0\n", "refused", "loop header"),
        with("a2", "Precedence: bulk\n", "refused", bulk),
        with(
            "a3",
            "Precedence: Junk\nPrecedence: list\n",
            "refused",
            bulk,
        ),
        with(
            "a4",
            "X-Auto-Response-Suppress: OOF\n",
            "refused",
            "not to be answered",
        ),
        with(
            "a5",
            &"Received: by x; y\n".repeat(25),
            "refused",
            "too many servers",
        ),
        changed(
            "a6",
            ("<buildbot-status-bounces@python.org>", "<>"),
            "refused",
            "a bounce",
        ),
        changed("a7", ("multipart/mixed", report), "refused", "a report"),
        changed("a8", ("multipart/mixed", digest), "refused", "a digest"),
        subject(
            "a9",
            "Buildbot-status Digest, Vol 12, Issue 3",
            "refused",
            "a digest",
        ),
        subject(
            "b1",
            "confirm 0123456789abcdef",
            "refused",
            "about the list",
        ),
        subject(
            "b2",
            "1 Buildbot-status moderator request(s) waiting",
            "refused",
            "about the list",
        ),
    ]
}

fn robots() -> Vec<Case> {
    let robots = [
        ("m1", "mailer-daemon@python.org"),
        ("m2", "owner-buildbot-status@python.org"),
        ("m3", "other-list-request@python.org"),
        ("m4", "other-list-bounces@python.org"),
    ];
    let case = |(id, robot)| from(id, robot, "refused", "mail program");
    robots.map(case).into()
}

fn other_lists_and_people() -> Vec<Case> {
    let list_id = "List-Id: <buildbot-status.python.org>\n";
    let other = "List-Id: <python-dev.python.org>\n";
    let vacation = "Auto-Submitted: auto-replied (vacation)\nMessage-ID: <v1@x>\n";
    let hidden = format!("buildbot-status@python.org\nReply-To: {OWN}\nX-Was: ");
    vec![
        changed("o1", (list_id, other), "other_list", "another list"),
        changed("o2", (list_id, ""), "other_list", "no List-Id"),
        with("o3", other, "other_list", "more than one List-Id"),
        from("o4", "grace@example.org", "human_reply", "a person's mail"),
        from("o5", "", "refused", "no author"),
        from("o6", OWN, "own_mail", "our own address"),
        // A list that hides its authors.
        Case {
            mail: notice("o7")
                .mail()
                .replacen("Reply-To: ", "X-Reply-To: ", 1)
                .replacen("From: ", &format!("From: {hidden}"), 1),
            reason: "own_mail",
            words: "our own address",
        },
        Case {
            mail: person(
                "Re: Buildbot",
                "In-Reply-To: <nothing@known>\nMessage-ID: <p1@x>\n",
                "#1",
            ),
            reason: "human_reply",
            words: "a person's reply",
        },
        Case {
            mail: person("Away", vacation, "I am away."),
            reason: "refused",
            words: "Auto-Submitted",
        },
    ]
}

#[test]
fn each_of_them_is_closed_with_a_reason() {
    let desk = Desk::new("");
    let mut cases = threads_and_replies();
    cases.extend(automatic());
    cases.extend(robots());
    cases.extend(other_lists_and_people());
    for case in &cases {
        desk.put(&case.mail);
    }
    // What was changed above would have been a draft.
    desk.put(notice("genuine").mail());
    desk.put(notice("submitted").with("Auto-Submitted: auto-generated\n"));
    desk.settle();
    let rows = desk.all();
    assert_eq!(rows.len(), cases.len() + 2);
    for (index, case) in cases.iter().enumerate() {
        let row = &rows[rows.len() - 1 - index];
        let (reason, note) = (&row["closed"]["reason"], &row["closed"]["note"]);
        assert_eq!(reason, case.reason, "{row} {}", &case.mail[..600]);
        let note = note.as_str().unwrap();
        assert!(note.contains(case.words), "{note:?}, not {:?}", case.words);
        assert!(row["draft"].is_null(), "{row}");
    }
    // The same failure twice is one draft.
    assert_eq!(rows[0]["stage"], "attached", "{}", rows[0]);
    assert_eq!(rows[1]["stage"], "drafted", "{}", rows[1]);
    assert!(desk.sent().is_empty() && desk.reports().is_empty());
}

#[test]
fn nothing_can_be_approved_that_has_no_draft() {
    let desk = Desk::new("");
    desk.take(with("x1", "Precedence: bulk\n", "", "").mail);
    let said = desk.refused(&["approve", "1", "--yes"]);
    assert!(said.contains("bulk") || said.contains("closed"), "{said}");
}

#[test]
fn its_own_mail_comes_back_and_is_not_answered() {
    let desk = Desk::new("");
    desk.take(notice("first").mail());
    desk.approve(1);
    let sent = desk.sent();
    assert_eq!(sent.len(), 1);
    desk.take(list_copy(&sent[0]));
    assert_eq!(desk.closed(2).0, "own_mail");
    assert!(
        desk.closed(2).1.contains("the list's copy"),
        "{:?}",
        desk.closed(2)
    );
    // With the loop header alone: the list gave it a new Message-ID.
    let text = String::from_utf8(sent[0].clone()).unwrap();
    let id = text
        .lines()
        .find(|line| line.starts_with("Message-ID:"))
        .unwrap();
    desk.take(list_copy(
        text.replace(id, "Message-ID: <new@list>").as_bytes(),
    ));
    let (reason, note) = desk.closed(3);
    assert_eq!(reason, "own_mail", "{note}");
    // In another program's name: the loop header says enough.
    let stranger = text
        .replace(OWN, "buildbot@python.org")
        .replace(id, "Message-ID: <n2@list>");
    desk.take(list_copy(stranger.as_bytes()));
    assert_eq!(desk.closed(4).0, "refused");
    assert!(desk.json(&["status"])["stop"].is_null());
    assert_eq!(desk.sent().len(), 1);
}
