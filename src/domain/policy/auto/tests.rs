use super::*;
use crate::domain::draft::{NewIssue, Reply};
use crate::domain::issue::IssueRef;

fn rule() -> AutoRule {
    AutoRule {
        name: "known".to_owned(),
        mode: Mode::On,
        actions: vec![Deed::Comment, Deed::Reply],
        tier: Tier::Strong,
        signature_known: true,
        issue_open: true,
        builder: vec![Glob::new("AMD64 *")],
        branch: vec![Glob::new("3.x"), Glob::new("3.15")],
        kind: vec![FailureKind::TestFailed],
        confirmed: 2,
        precision: 98,
        decisions: 20,
        below_precision: false,
        line: 1,
    }
}

fn found() -> Found {
    Found {
        what: "test_os.T.test_a".to_owned(),
        builder: "AMD64 Fedora 3.x".to_owned(),
        branch: Some("3.x".to_owned()),
        kind: FailureKind::TestFailed,
        tier: Tier::Strong,
        goes: Goes::To {
            issue: 7,
            open: true,
            known: true,
        },
        confirmed: 2,
    }
}

fn case() -> Case {
    Case {
        failures: vec![found(), found()],
        deeds: vec![Deed::Comment, Deed::Reply],
        replies: 1,
        opens: 0,
        undecided: false,
        changed_by: None,
        dealt_with: false,
        held: None,
        secrets: 0,
        age: 3600,
        cut_off: false,
        unread: Vec::new(),
        warnings: Vec::new(),
        unlike: None,
        around: Around {
            room: 5,
            new_reports: 2,
            ..Around::of_the_past(86_400)
        },
    }
}

/// What the rule says once the case is changed.
fn said(change: impl FnOnce(&mut Case)) -> Result<(), String> {
    let mut case = case();
    change(&mut case);
    rule().judge(&case)
}

#[track_caller]
fn refused(words: &str, change: impl FnOnce(&mut Case)) {
    let told = said(change).expect_err(words);
    assert!(told.contains(words), "{words:?} is not in {told:?}");
}

/// The last of several failures alone differs: no rule decides on a part.
#[track_caller]
fn refused_for(words: &str, change: impl FnOnce(&mut Found)) {
    let words = format!("test_os.T.test_a: {words}");
    refused(&words, |case| change(case.failures.last_mut().unwrap()));
}

#[test]
fn a_rule_that_holds_for_everything_decides() {
    assert_eq!(rule().judge(&case()), Ok(()));
}

#[test]
fn each_condition_is_asked_of_each_failure() {
    refused_for("error is none of its kinds", |it| {
        it.kind = FailureKind::TestError;
    });
    refused_for("s390x is none of its builders", |it| {
        it.builder = "s390x".to_owned();
    });
    refused_for("3.14 is none of its branches", |it| {
        it.branch = Some("3.14".to_owned());
    });
    refused_for("the branch is not known", |it| it.branch = None);
    refused_for("likely, not strong", |it| it.tier = Tier::Likely);
    let to = |open, known| Goes::To {
        issue: 7,
        open,
        known,
    };
    refused_for("#7 is closed", |it| it.goes = to(false, true));
    refused_for("nobody said yet that exactly this failure", |it| {
        it.goes = to(true, false);
    });
    refused_for("people approved #7 for failures like it 1 times", |it| {
        it.confirmed = 1;
    });
}

#[test]
fn each_action_has_to_be_allowed() {
    refused(
        "it would open, and the rule may comment and reply only",
        |case| {
            case.deeds.push(Deed::Open);
        },
    );
    let mut silent = rule();
    silent.actions = vec![Deed::Comment];
    let told = silent.judge(&case()).unwrap_err();
    assert!(told.contains("it would reply"), "{told}");
}

#[test]
fn conditions_that_are_left_out_hold() {
    let lax = AutoRule {
        tier: Tier::Weak,
        signature_known: false,
        issue_open: false,
        builder: Vec::new(),
        branch: Vec::new(),
        kind: Vec::new(),
        confirmed: 0,
        ..rule()
    };
    let mut odd = case();
    odd.failures = vec![Found {
        builder: "?".to_owned(),
        branch: None,
        kind: FailureKind::Leak,
        tier: Tier::Likely,
        goes: Goes::To {
            issue: 7,
            open: false,
            known: false,
        },
        confirmed: 0,
        ..found()
    }];
    assert_eq!(lax.judge(&odd), Ok(()));
    assert!(rule().judge(&odd).is_err());
}

#[test]
fn a_report_is_opened_where_the_rule_may_and_asks_for_nothing_of_one() {
    let opening = AutoRule {
        actions: vec![Deed::Open, Deed::Reply],
        tier: Tier::Weak,
        signature_known: false,
        ..rule()
    };
    let mut new = case();
    new.deeds = vec![Deed::Reply, Deed::Open];
    for found in &mut new.failures {
        found.tier = Tier::Weak;
        found.goes = Goes::New;
    }
    assert_eq!(opening.judge(&new), Ok(()));
    for stricter in [
        AutoRule {
            tier: Tier::Likely,
            ..opening.clone()
        },
        AutoRule {
            signature_known: true,
            ..opening.clone()
        },
        AutoRule {
            confirmed: 3,
            ..opening
        },
    ] {
        assert!(stricter.judge(&new).is_err(), "{stricter:?}");
    }
}

#[test]
fn what_is_worth_a_persons_look_is_left_to_a_person() {
    refused("Ada changed the draft", |case| {
        case.changed_by = Some("Ada".to_owned());
    });
    refused("it was decided on before", |case| case.dealt_with = true);
    refused("it is held: later", |case| {
        case.held = Some("later".to_owned())
    });
    refused("1 secrets were taken out", |case| case.secrets = 1);
    refused("only the beginning of the mail", |case| case.cut_off = true);
    refused("not everything was read: no log", |case| {
        case.unread = vec!["no log".to_owned()];
    });
    refused("nothing is known of what failed", |case| {
        case.failures.clear();
    });
    refused("infrastructure, not a bug", |case| {
        case.failures[1].kind = FailureKind::Infrastructure;
    });
    refused("what failed is not known", |case| {
        case.failures[1].kind = FailureKind::Unknown;
    });
    refused("which report it is is not clear", |case| {
        case.failures[1].goes = Goes::Unclear;
    });
    refused("a report has to be chosen", |case| case.undecided = true);
    refused("12 fails otherwise", |case| {
        case.unlike = Some("12 fails otherwise".to_owned());
    });
    refused("a person should know before: look", |case| {
        case.warnings = vec!["look".to_owned()];
    });
    assert_eq!(said(|case| case.age = 86_400), Ok(()));
    refused("25 h old; rules act up to 24 h", |case| case.age = 90_000);
}

#[test]
fn what_is_switched_off_keeps_every_rule_back() {
    refused("STOP is on: a loop", |case| {
        case.around.stop = Some("a loop".to_owned());
    });
    refused("delivery is paused: holiday", |case| {
        case.around.paused = Some("holiday".to_owned());
    });
    refused("may miss something: stale", |case| {
        case.around.unfit_mirror = Some("stale".to_owned());
    });
    assert_eq!(said(|case| case.replies = 5), Ok(()));
    refused("room for 5 more mails", |case| case.replies = 6);
    refused("room for 2 more new reports", |case| case.opens = 3);
}

#[test]
fn a_rule_is_told_from_any_other_by_its_digest() {
    let digest = rule().digest();
    assert_eq!(AutoRule { line: 9, ..rule() }.digest(), digest);
    for other in [
        AutoRule {
            mode: Mode::Shadow,
            ..rule()
        },
        AutoRule {
            confirmed: 3,
            ..rule()
        },
        AutoRule {
            branch: Vec::new(),
            ..rule()
        },
        AutoRule {
            below_precision: true,
            ..rule()
        },
    ] {
        assert_ne!(other.digest(), digest, "{other:?}");
    }
}

fn figures(right: u32, wrong: i64) -> Figures {
    Figures {
        right,
        wrong: (0..wrong)
            .map(|notification| Wrong {
                notification,
                why: "rejected".to_owned(),
            })
            .collect(),
        open: Vec::new(),
    }
}

#[test]
fn a_rule_acts_once_it_was_right_often_enough() {
    let stands = |rule: &AutoRule, right, wrong| standing(rule, &figures(right, wrong));
    assert_eq!(stands(&rule(), 20, 0), Standing::On);
    assert_eq!(stands(&rule(), 49, 1), Standing::On);
    for (right, wrong, words) in [
        (0, 0, "0 drafts that it would have approved, and 20"),
        (19, 0, "19 drafts"),
        (19, 1, "19 of 20 right (95 %), and 98 % are needed"),
        (48, 1, "48 of 49 right (97 %)"),
    ] {
        let Standing::Shadow(why) = stands(&rule(), right, wrong) else {
            panic!("{right} {wrong}");
        };
        assert!(why.contains(words), "{words:?} is not in {why:?}");
        assert!(why.contains("below_precision = true"), "{why}");
    }
    let flagged = AutoRule {
        below_precision: true,
        ..rule()
    };
    assert_eq!(stands(&flagged, 0, 3), Standing::On);
    let shadow = AutoRule {
        mode: Mode::Shadow,
        ..flagged
    };
    assert!(matches!(stands(&shadow, 99, 0), Standing::Shadow(_)));
}

#[test]
fn precision_is_of_what_people_decided() {
    assert_eq!(figures(0, 0).precision(), None);
    assert_eq!(figures(3, 1).precision(), Some(0.75));
    assert_eq!(figures(299, 1).in_words(), "299 of 300 right (99 %)");
    assert_eq!(figures(1, 999).in_words(), "1 of 1000 right (0 %)");
}

#[test]
fn how_right_it_is_in_the_long_run_is_told_where_there_is_enough() {
    let none = "people decided on nothing that it would have approved";
    assert_eq!(figures(0, 0).in_full(), none);
    assert_eq!(
        figures(9, 0).in_full(),
        "9 of 9 right (100 %); too few to tell how right it is in the long run"
    );
    // Against the tables of Newcombe (1998): 81 of 263 are 0.2553 to 0.3662, and
    // 20 of 20 are 0.8389 to 1.
    let (low, high) = figures(81, 182).interval().unwrap();
    assert!((low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4);
    let (low, high) = figures(20, 0).interval().unwrap();
    assert!((low - 0.8389).abs() < 1e-4 && (high - 1.0).abs() < 1e-9);
    assert_eq!(
        figures(41, 1).in_full(),
        "41 of 42 right (97 %); in the long run 87 to 99 % (95 % confidence)"
    );
    assert_eq!(
        figures(10, 0).in_full(),
        "10 of 10 right (100 %); in the long run 72 to 100 % (95 % confidence)"
    );
}

fn approval(decision: i64, notification: i64) -> Approval {
    Approval {
        decision,
        notification,
        incident: 1,
        kind: Some(FailureKind::TestFailed),
        opened: decision == 1,
        issue: Some(7),
    }
}

fn word(signature: &str, issue: u64, belongs: bool, behind: i64) -> Said {
    Said {
        signature: signature.to_owned(),
        issue,
        belongs,
        who: "Ada".to_owned(),
        notification: Some(behind),
        behind,
    }
}

const fn before(decision: i64) -> Moment {
    Moment {
        notification: 99,
        before: decision,
    }
}

#[test]
fn only_what_was_decided_before_the_moment_is_known() {
    let approvals = [
        approval(1, 1),
        approval(2, 2),
        approval(5, 3),
        approval(6, 3),
    ];
    let past = Past::new(approvals, [], []);
    for (decision, expect) in [(1, 0), (2, 1), (3, 2), (6, 3), (i64::MAX, 3)] {
        assert_eq!(past.approved(1, 7, before(decision)), expect, "{decision}");
    }
    // What was decided on the notification itself is no confirmation of it.
    let own = Moment {
        notification: 3,
        before: i64::MAX,
    };
    assert_eq!(past.approved(1, 7, own), 2);
    assert_eq!(past.approved(2, 7, before(9)), 0);
    assert_eq!(past.approved(1, 8, before(9)), 0);
    assert_eq!(past.opened(FailureKind::TestFailed, before(1)), 0);
    assert_eq!(past.opened(FailureKind::TestFailed, before(2)), 1);
    assert_eq!(past.opened(FailureKind::Crash, before(9)), 0);
}

#[test]
fn the_last_word_before_the_moment_counts() {
    let words = [
        word("v1:a", 7, true, 2),
        word("v2:a", 7, false, 4),
        word("v2:a", 7, true, 6),
    ];
    let renamed = [("v2:a".to_owned(), "v1:a".to_owned())];
    let past = Past::new([], words, renamed);
    for (decision, expect) in [
        (2, false),
        (3, true),
        (4, true),
        (5, false),
        (6, false),
        (7, true),
    ] {
        let known = past.knows("v2:a", 7, before(decision));
        assert_eq!(known, expect, "before {decision}");
    }
    // An old name does not know what is said of the new one.
    assert!(past.knows("v1:a", 7, before(9)));
    assert!(past.knows("v1:a", 7, before(5)));
    let own = Moment {
        notification: 2,
        before: 4,
    };
    assert!(!past.knows("v2:a", 7, own));
}

#[test]
fn a_later_word_contradicts_a_decision() {
    let words = [
        word("s", 7, true, 1),
        word("s", 7, false, 5),
        word("s", 8, true, 5),
        word("s", 7, true, 9),
    ];
    let past = Past::new([], words, []);
    // The last word is that it belongs there after all.
    assert_eq!(past.contradicted("s", 7, 3), None);
    assert_eq!(past.contradicted("s", 8, 3), Some("Ada"));
    assert_eq!(past.contradicted("other", 7, 0), None);
    let early = Past::new([], [word("s", 7, false, 5)], []);
    assert_eq!(early.contradicted("s", 7, 5), Some("Ada"));
    assert_eq!(early.contradicted("s", 7, 6), None);
}

#[test]
fn every_text_that_leaves_has_to_name_the_rule() {
    let reply = |body: &str| Reply {
        subject: "Re: x".to_owned(),
        body: body.to_owned(),
        in_reply_to: None,
        references: Vec::new(),
    };
    let issue = IssueRef {
        number: 7,
        url: "https://tracker.example/7".to_owned(),
        title: "known".to_owned(),
    };
    let comment = |body: &str| Action::Comment {
        issue: issue.clone(),
        body: body.to_owned(),
    };
    let open = |body: &str| {
        Action::Open(NewIssue {
            title: "known".to_owned(),
            body: body.to_owned(),
            versions: Vec::new(),
            components: Vec::new(),
        })
    };
    let draft = |actions: Vec<Action>, body: &str| Draft {
        actions,
        reply: Some(reply(body)),
        along: Vec::new(),
        incidents: Vec::new(),
        warnings: Vec::new(),
    };
    assert!(names_rule(
        &draft(vec![comment("rule known")], "known"),
        "known"
    ));
    assert!(names_rule(
        &draft(vec![open("rule known")], "known"),
        "known"
    ));
    for wrong in [
        draft(vec![comment("again")], "known"),
        draft(vec![open("again")], "known"),
        draft(vec![comment("known")], "again"),
    ] {
        assert!(!names_rule(&wrong, "known"), "{wrong:?}");
    }
    let counted = Action::Count {
        issue: issue.clone(),
        table: None,
    };
    assert_eq!(
        Deed::of(&draft(vec![counted, comment("x"), open("x")], "x")),
        [Deed::Comment, Deed::Reply, Deed::Open]
    );
}
