use super::*;

fn rules() -> ListRules {
    ListRules {
        list_id: "buildbot-status.python.org".into(),
        list_address: "buildbot-status@python.org".into(),
        notifiers: vec!["buildbot@python.org".into()],
        answers_to: Some("decide@watch.example".into()),
        own_addresses: vec!["watch@example.org".into()],
    }
}

fn notification() -> Mail {
    Mail {
        message_id: Some("20261122.1@mx.python.org".into()),
        from: vec!["buildbot@python.org".into()],
        reply_to: vec!["buildbot-status@python.org".into()],
        subject: "[Buildbot-status] ☠ Buildbot (Python): python/cpython - failed test".into(),
        list_ids: vec!["buildbot-status.python.org".into()],
        return_path: Some("buildbot-status-bounces@python.org".into()),
        precedence: Some("list".into()),
        content_type: "text/plain".into(),
        received_count: 5,
        ..Mail::default()
    }
}

fn person() -> Mail {
    Mail {
        from: vec!["victor@example.com".into()],
        ..notification()
    }
}

/// The kind of a mail and, if it is refused, a word of the reason.
#[track_caller]
fn check(mail: &Mail, expect: &str) {
    let kind = classify(mail, &rules());
    let found = format!("{kind:?}");
    assert!(found.contains(expect), "{found} instead of {expect}");
}

/// Builds a mail that breaks one rule.
fn with(mut mail: Mail, change: impl FnOnce(&mut Mail)) -> Mail {
    change(&mut mail);
    mail
}

#[test]
fn notifications_may_be_answered() {
    check(&notification(), "Notification");
    let on_another_case = with(notification(), |m| {
        m.list_ids = vec!["Buildbot-Status.python.org".into()];
    });
    check(&on_another_case, "Notification");
    let declared = with(notification(), |m| {
        m.auto_submitted = Some("auto-generated".into());
    });
    check(&declared, "Notification");
}

#[test]
fn our_own_mail_is_known_by_its_address() {
    let address = with(person(), |m| m.from = vec!["watch@example.org".into()]);
    check(&address, "OwnEcho");
    let hidden = with(person(), |m| {
        m.from = vec!["buildbot-status@python.org".into()];
        m.reply_to = vec!["watch@example.org".into()];
    });
    check(&hidden, "OwnEcho");
}

#[test]
fn another_program_of_the_same_kind_is_never_answered() {
    let other = with(notification(), |m| m.loop_header = Some("ffff".into()));
    check(&other, "loop header");
}

#[test]
fn bounces_and_reports_are_refused() {
    let bounce = with(notification(), |m| m.return_path = Some(String::new()));
    check(&bounce, "null sender");
    let report = with(notification(), |m| {
        m.content_type = "multipart/report".into();
    });
    check(&report, "multipart/report");
}

#[test]
fn machines_other_than_the_notifier_are_refused() {
    let vacation = with(person(), |m| m.auto_submitted = Some("auto-replied".into()));
    check(&vacation, "Auto-Submitted");
    let by_hand = with(person(), |m| m.auto_submitted = Some("no".into()));
    check(&by_hand, "HumanMail");
    let suppressed = with(notification(), |m| {
        m.auto_response_suppress = Some("OOF".into());
    });
    check(&suppressed, "X-Auto-Response-Suppress");
    for precedence in ["junk", "Bulk"] {
        let bulk = with(notification(), |m| m.precedence = Some(precedence.into()));
        check(&bulk, "Precedence");
    }
}

#[test]
fn only_the_one_list_is_served() {
    let none = with(notification(), |m| m.list_ids.clear());
    check(&none, "no List-Id");
    let other = with(notification(), |m| {
        m.list_ids = vec!["python-dev.python.org".into()];
    });
    check(&other, "another list");
    let doubled = with(notification(), |m| {
        m.list_ids.push("buildbot-status.python.org".into());
    });
    check(&doubled, "more than one");
}

#[test]
fn mail_programs_are_refused() {
    for from in [
        "mailer-daemon@python.org",
        "owner-list@python.org",
        "other-list-request@python.org",
        "other-list-bounces@python.org",
    ] {
        check(
            &with(person(), |m| m.from = vec![from.into()]),
            "mail program",
        );
    }
    check(&with(person(), |m| m.from.clear()), "no author");
}

#[test]
fn people_are_told_from_the_notifier() {
    check(&person(), "HumanMail");
    let reply = with(person(), |m| m.has_thread_headers = true);
    check(&reply, "HumanReply");
    let by_subject = with(person(), |m| m.subject = "[Buildbot-status] Re: x".into());
    check(&by_subject, "HumanReply");
    let munged = with(reply, |m| {
        m.from = vec!["buildbot-status@python.org".into()];
        m.reply_to = vec!["victor@example.com".into()];
    });
    check(&munged, "HumanReply");
}

#[test]
fn replies_are_refused_even_from_the_notifier() {
    let threaded = with(notification(), |m| m.has_thread_headers = true);
    check(&threaded, "In-Reply-To or References");
    let by_subject = with(notification(), |m| m.subject = "Re: ☠ Buildbot".into());
    check(&by_subject, "begins like a reply");
}

#[test]
fn digests_and_administrivia_are_refused() {
    for subject in [
        "Buildbot-status Digest, Vol 12, Issue 3",
        "confirm 1f3a5c",
        "3 Buildbot-status moderator request(s) waiting",
        "Your message to Buildbot-status awaits moderator approval",
        "Welcome to the \"Buildbot-status\" mailing list",
        "[Buildbot-status] unsubscribe",
    ] {
        let mail = with(notification(), |m| m.subject = subject.into());
        check(&mail, "Refused");
        let mail = with(person(), |m| m.subject = subject.into());
        check(&mail, "Refused");
    }
}

#[test]
fn a_mail_in_circles_is_refused() {
    check(
        &with(notification(), |m| m.received_count = 25),
        "Notification",
    );
    check(&with(notification(), |m| m.received_count = 26), "too many");
}

#[test]
fn earlier_rules_win() {
    let ours_and_bounced = with(notification(), |m| {
        m.from = vec!["watch@example.org".into()];
        m.return_path = Some(String::new());
    });
    check(&ours_and_bounced, "OwnEcho");
    let bounce_without_list = with(notification(), |m| {
        m.return_path = Some(String::new());
        m.list_ids.clear();
    });
    check(&bounce_without_list, "null sender");
    let other_list_and_reply = with(person(), |m| {
        m.list_ids.clear();
        m.has_thread_headers = true;
    });
    check(&other_list_and_reply, "OtherList");
}

#[test]
fn replies_in_many_languages_are_known() {
    for subject in [
        "Re: x",
        "RE:x",
        "re : x",
        "Re[2]: x",
        "Re(3): x",
        "Fwd: x",
        "FW: x",
        "AW: x",
        "WG: x",
        "SV: x",
        "VS: x",
        "Antw: x",
        "RES: x",
        "TR: x",
        "RIF: x",
        "Odp: x",
        "Ynt: x",
        "回复：x",
        "[Buildbot-status] Re: x",
        "  [a] [b] Aw: x",
        "ΑΠ: x",
        "На: x",
    ] {
        assert!(is_reply_subject(subject), "{subject}");
    }
    for subject in [
        "☠ Buildbot (Python): python/cpython - failed test (failure) (main)",
        "Buildbot failure in Python on whole buildset",
        "test_re: x",
        "Regression: x",
        "Re x",
        "[Re: x",
        "",
    ] {
        assert!(!is_reply_subject(subject), "{subject}");
    }
}

#[test]
fn what_comes_to_the_address_for_answers_is_no_notification() {
    let good = notification();
    assert_eq!(classify(&good, &rules()), MailKind::Notification);
    for recipient in ["decide@watch.example", "Decide+0123@Watch.example"] {
        let mail = Mail {
            recipients: vec!["x@y".into(), recipient.into()],
            ..good.clone()
        };
        assert_eq!(classify(&mail, &rules()), MailKind::Answer, "{recipient}");
    }
    let mail = Mail {
        in_reply_to: vec!["bbw.letter.0123@watch.example".into()],
        ..good.clone()
    };
    assert_eq!(classify(&mail, &rules()), MailKind::Answer);
    let nobody = ListRules {
        answers_to: None,
        ..rules()
    };
    let mail = Mail {
        recipients: vec!["decide@watch.example".into()],
        ..good
    };
    assert_eq!(classify(&mail, &nobody), MailKind::Notification);
}
