use super::*;

const GOOD: &str = "Date: Sun, 22 Nov 2026 07:54:56 +0000
From: Watch <watch@example.org>
To: list@example.org
Subject: Re: x
Message-ID: <ours@example.org>
In-Reply-To: <theirs@example.org>
References: <theirs@example.org>
Auto-Submitted: auto-replied
X-Auto-Response-Suppress: All
X-Buildbot-Watch-Loop: 3f2a
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

known: https://example.org/1
";

const EXPECTED: Expected<'static> = Expected {
    from_address: "watch@example.org",
    to: "list@example.org",
    message_id: "ours@example.org",
    loop_value: "3f2a",
};

/// The gate's word on the good mail with one thing changed.
#[track_caller]
fn check(from: &str, to: &str, expect: &str) {
    let mail = GOOD.replace('\n', "\r\n");
    let from = from.replace('\n', "\r\n");
    assert!(mail.contains(&from), "{from:?} is not in the mail");
    let mail = mail.replacen(&from, to, 1);
    let word = match gate(mail.as_bytes(), &EXPECTED) {
        Ok(()) => "it passes".to_owned(),
        Err(refusal) => refusal.to_string(),
    };
    assert!(word.contains(expect), "{word}");
}

#[test]
fn the_expected_mail_passes() {
    check("Re: x", "Re: y", "passes");
    let no_id = "In-Reply-To: <theirs@example.org>\nReferences: <theirs@example.org>\n";
    check(no_id, "", "passes");
}

#[test]
fn bare_line_breaks_and_odd_octets_are_refused() {
    check("known", "kno\nwn", "bare CR or LF");
    check("known", "kno\rwn", "bare CR or LF");
    check("known", "kno\r\r\nwn", "bare CR or LF");
    check("known", "kno\0wn", "octet 0x00");
    check("known", "knöwn", "octet 0xc3");
    check("known", &"k".repeat(980), "too long");
    check("known", &"k".repeat(970), "passes");
    check("1\n", "1", "too long or has no end");
}

#[test]
fn other_headers_are_refused() {
    check(
        "Re: x",
        "Re: x\r\nBcc: eve@example.org",
        "\"bcc\" is not one of them",
    );
    check(
        "Re: x",
        "Re: x\r\nList-Id: <a.b>",
        "\"list-id\" is not one of them",
    );
    check("Re: x", "Re: x\r\nno header", "is not one of them");
    check(
        "Re: x",
        "Re: x\r\nTo: list@example.org",
        "\"to\" stands there twice",
    );
    check(
        "Auto-Submitted: auto-replied\n",
        "",
        "\"auto-submitted\" is missing",
    );
    check("\n\nknown", "\r\n", "no end");
}

#[test]
fn other_values_are_refused() {
    check("To: list", "To: other", "header To");
    check("To: list", "To: a@b.c, list", "header To");
    check(
        "To: list@example.org",
        "To: g: list@example.org, a@b.c;",
        "header To",
    );
    check("<watch@", "<eve@", "header From");
    check("<ours@", "<other@", "header Message-ID");
    check("Subject: Re: x", "Subject: x", "header Subject");
    check("auto-replied", "no", "header Auto-Submitted");
    check(
        "Suppress: All",
        "Suppress: None",
        "header X-Auto-Response-Suppress",
    );
    check("3f2a", "ffff", "header X-Buildbot-Watch-Loop");
    check("text/plain", "text/html", "header Content-Type");
    check(
        "quoted-printable",
        "8bit",
        "header Content-Transfer-Encoding",
    );
    check("Sun, 22 Nov 2026 07:54:56 +0000", "today", "header Date");
    check(
        "To: <theirs@example.org>",
        "To: <the irs@example.org>",
        "header In-Reply-To",
    );
}

#[test]
fn other_texts_are_refused() {
    check("known", "<<approver>>", "token");
    check("known", "<<new issue 2>>", "token");
    check("known", "=1B[2J", "control characters");
    check("known", &"x\r\n".repeat(20), "longer than a short reply");
    check("known: https://example.org/1\n", "\r\n", "empty");
}

#[test]
fn hostile_octets_do_not_panic() {
    let mail = GOOD.replace('\n', "\r\n").into_bytes();
    for at in 0..mail.len() {
        for octet in [0, b'\r', b'\n', b'=', b':', 0xff] {
            let mut changed = mail.clone();
            changed[at] = octet;
            let _ = gate(&changed, &EXPECTED);
            let _ = gate(&changed[..at], &EXPECTED);
        }
    }
}
