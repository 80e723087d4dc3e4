use super::*;

fn mail(text: &str) -> Mail {
    parse(text.as_bytes(), Completeness::Whole).unwrap()
}

#[test]
fn the_first_of_two_headers_counts_and_it_is_said() {
    let mail = mail(
        "Message-ID: <first@x>\nMessage-ID: <second@x>\nFrom: A <a@x>\nFrom: b@x\nSubject: one\nSubject: two\n\
         Auto-Submitted: no\nAuto-Submitted: auto-replied (x)\n\ntext\n",
    );
    assert_eq!(mail.message_id.as_deref(), Some("first@x"));
    assert_eq!(mail.from, ["a@x"]);
    assert_eq!(mail.from_name.as_deref(), Some("A"));
    assert_eq!(mail.subject, "one");
    assert_eq!(mail.auto_submitted.as_deref(), Some("auto-replied"));
    assert_eq!(mail.remarks.len(), 4, "{:?}", mail.remarks);
}

#[test]
fn the_date_is_a_moment() {
    for (date, moment) in [
        ("Sun, 22 Nov 2026 05:38:40 +0000", Some(1_795_325_920)),
        ("Sun, 22 Nov 2026 06:38:40 +0100", Some(1_795_325_920)),
        ("22 Nov 2026 05:38:40 -0000", Some(1_795_325_920)),
        ("Sun, 22 Nov 2026 05:38:40 GMT (odd)", Some(1_795_325_920)),
        ("yesterday", None),
        ("", None),
        (
            "Sun, 99 Nov 99999999999999999999 05:38:40 +9999999999",
            None,
        ),
    ] {
        assert_eq!(written_at(date), moment, "{date}");
    }
}

#[test]
fn the_subject_is_one_decoded_line() {
    let mail = mail(
        "Subject: [Buildbot-status] =?utf-8?q?=E2=98=A0_Buildbot_=28Python=29=3A_python/cpytho?=\n\t\
         =?utf-8?q?n_-_failed=0Atest_=28main=29?=\n\n",
    );
    assert_eq!(
        mail.subject,
        "[Buildbot-status] ☠ Buildbot (Python): python/cpython - failed test (main)"
    );
}

#[test]
fn ids_are_strict_and_thread_headers_are_noticed_anyway() {
    let mail =
        mail("In-Reply-To: nonsense\nReferences: <a@b> <c d@e>\n <f@g>\nMessage-Id: <x y@z>\n\n");
    assert_eq!(mail.message_id, None);
    assert!(mail.in_reply_to.is_empty());
    assert_eq!(mail.references, ["a@b", "f@g"]);
    assert!(mail.has_thread_headers);
}

#[test]
fn what_decides_about_an_answer_is_read() {
    let mail = mail(
        "Return-Path: <>\nReceived: a\nReceived: b\nList-Id: Status <Buildbot-Status.python.org>\n\
         List-Id: <other.example>\nPrecedence: List\nAuto-Submitted: Auto-Generated; x=y\n\
         X-Auto-Response-Suppress: All\nX-Buildbot-Watch-Loop: me\n\
         Content-Type: Multipart/Report; boundary=b\nFrom: A@B.example\nReply-To: L <List@x.example>\n\n",
    );
    assert_eq!(mail.return_path.as_deref(), Some(""));
    assert_eq!(mail.received_count, 2);
    assert_eq!(
        mail.list_ids,
        ["buildbot-status.python.org", "other.example"]
    );
    assert_eq!(mail.precedence.as_deref(), Some("list"));
    assert_eq!(mail.auto_submitted.as_deref(), Some("auto-generated"));
    assert_eq!(mail.auto_response_suppress.as_deref(), Some("All"));
    assert_eq!(mail.loop_header.as_deref(), Some("me"));
    assert_eq!(mail.content_type, "multipart/report");
    assert_eq!(mail.from, ["a@b.example"]);
    assert_eq!(mail.reply_to, ["list@x.example"]);
}

#[test]
fn html_is_read_only_where_there_is_no_text() {
    let html = "Content-Type: text/html; charset=utf-8\n\n<p>Hello &amp; <b>you</b></p>\n";
    assert_eq!(mail(html).text, "Hello & you\n");
    let both = format!(
        "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nplain\n--b\n{html}--b--\n"
    );
    assert_eq!(mail(&both).text.trim_end(), "plain");
}

#[test]
fn attachments_have_names_and_the_footer_part_is_cut() {
    let rule = "_".repeat(47);
    let mail = mail(&format!(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"test.stdio\"\n\n\
         b29uZQ0Kb3R3bwo=\n--b\nContent-Type: text/plain\nContent-Disposition: inline\n\n{rule}\n\
         X mailing list -- x@y\nTo unsubscribe send an email to x-leave@y\n--b--\n"
    ));
    assert_eq!(mail.text, "body\n");
    assert_eq!(mail.attachments.len(), 1);
    assert_eq!(mail.attachments[0].name, "test.stdio");
    assert_eq!(mail.attachments[0].text, "oone\notwo\n");
}

#[test]
fn a_log_that_was_cut_off_is_still_decoded() {
    let raw = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\nContent-Type: text/plain\n\
         Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"test.stdio\"\n\n\
         b29uZQ0Kb3R3\nb29uZQ0Kb3R3bw";
    let mail = parse(raw.as_bytes(), Completeness::CutOff).unwrap();
    assert_eq!(mail.attachments[0].text, "oone\notwoone\notw");
    assert!(mail.remarks[0].contains("too large"));
}

#[test]
fn bombs_yield_their_headers() {
    let nested: String = (0..20_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"))
        .collect();
    let messages = "Content-Type: message/rfc822\n\n".repeat(20_000);
    let parts = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\nx\n".repeat(10_000)
    );
    let inline_parts = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}",
        "y--b\n\n".repeat(10_000)
    );
    let headers = "X: y\n".repeat(100_000);
    let long_header = format!("X: {}\n\n", "y".repeat(10_000_000));
    let encoded =
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoK\n";
    let digest = format!(
        "Content-Type: multipart/digest; boundary=d\n\n--d\n\nContent-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\nx\n".repeat(10_000)
    );
    let lost = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n{}{}",
        "--b\nContent-Type: multipart/mixed; boundary=never\n\n".repeat(150),
        "text without any end\n".repeat(100_000)
    );
    for (what, body) in [
        ("nested more than 20 deep", nested),
        ("nested more than 20 deep", messages),
        ("more than 200 MIME parts", parts),
        ("more than 200 MIME parts", inline_parts),
        (
            "more than 500 headers",
            headers.get(..200_000).unwrap().to_owned() + "\n",
        ),
        ("256 KiB", headers),
        ("256 KiB", long_header),
        ("encoded message", encoded.to_owned()),
        ("more than 200 MIME parts", digest),
        ("never come", lost),
    ] {
        let mail = mail(&format!("Subject: bomb\nMessage-ID: <a@b>\n{body}"));
        assert_eq!(mail.subject, "bomb");
        assert_eq!(mail.message_id.as_deref(), Some("a@b"));
        assert_eq!(mail.text, "");
        assert!(
            mail.remarks.iter().any(|remark| remark.contains(what)),
            "{what}: {:?}",
            mail.remarks
        );
    }
}

#[test]
fn the_walk_counts_what_the_library_finds() {
    // Boundaries in the middle of lines, prefixes of one another, empty headers.
    let tricky = "Content-Type: multipart/mixed; boundary=\"b\"\n\nintro --bound\n\nfirst\n--b\r\n\r\nsecond--b \n\
         Content-Type: multipart/mixed; boundary=\"bb\"\n\n--bb\n\ninner\n--bb--\n--b\nContent-Type: message/rfc822\n\n\
         Subject: in\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\ndeep\n--c--\n--b--\nafter\n";
    assert_eq!(
        bounds::survey(tricky.as_bytes()),
        Survey::Fits { open: vec![] }
    );
    let mail = mail(tricky);
    assert_eq!(mail.remarks, Vec::<String>::new());
}

#[test]
fn no_truncation_and_no_flipped_byte_panics() {
    for name in [
        "bb43-windows-synthlog.eml",
        "bb403-longline-nul-esc-utf8.eml",
        "mailman-post-utf8-base64.eml",
    ] {
        let raw = std::fs::read(format!("fixtures/mails/{name}")).unwrap();
        for end in (0..raw.len()).step_by(97) {
            let whole = parse(&raw[..end], Completeness::CutOff).unwrap();
            crate::parsing::read(&whole);
        }
        for at in (0..raw.len()).step_by(53) {
            let mut raw = raw.clone();
            raw[at] ^= 1 << (at % 8);
            let mail = parse(&raw, Completeness::Whole).unwrap();
            crate::parsing::read(&mail);
        }
    }
}

/// What is taken apart at once would have passed the survey, and nothing is open.
#[test]
fn small_mails_are_what_the_survey_lets_pass() {
    let check = |raw: &[u8]| {
        let parts = small::parse(raw).map_or(0, |message| message.parts.len());
        if parts > 1 {
            assert_eq!(bounds::survey(raw), Survey::Fits { open: vec![] });
        }
        parts > 1
    };
    for name in [
        "bb43-windows-synthlog.eml",
        "mailman-post-multipart-attachments.eml",
        "gha-pr-run-failed-2026.eml",
    ] {
        let raw = std::fs::read(format!("fixtures/mails/{name}")).unwrap();
        assert!(check(&raw), "{name}");
        for end in (0..raw.len()).step_by(31) {
            check(&raw[..end]);
            check(&[&raw[..end], &b"\r\n--"[..], &raw[end..]].concat());
        }
        for at in (0..raw.len()).step_by(17) {
            let mut raw = raw.clone();
            raw[at] ^= 1 << (at % 8);
            check(&raw);
        }
    }
    let open = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n";
    assert!(!check(open.as_bytes()));
    assert!(check(format!("{open}--b--\n").as_bytes()));
    let digest = open.replace("mixed", "digest") + "--b--\n";
    assert!(!check(digest.as_bytes()));
    let inner = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAA==\n";
    assert!(!check(format!("{open}--b\n{inner}\n--b--\n").as_bytes()));
}
