//! Drafts that settle several notifications of one incident.

use super::Templates;
use super::material::{build, failed, issue, known, settings, unseen};
use crate::domain::delivery::DeliveryKind;
use crate::domain::draft::{
    Action, Choice, Companion, Counted, Draft, Flavour, Material, Quiet, Settings, Target, plan,
};
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::domain::notification::{Build, Notification};

const LINE: &str = "AssertionError: 'Abc-Def' != 'Abc-def'";

fn mail(number: i64) -> Mail {
    Mail {
        message_id: Some(format!("{number}@mx.example")),
        subject: format!("boom {number}"),
        ..Mail::default()
    }
}

fn on(builder: &str) -> Build {
    build(
        builder,
        1,
        vec![failed("test_string.ModuleTest.test_capwords", LINE)],
    )
}

/// The draft of notification 1 on the first builder, with one companion on each
/// further one, numbered from 2.
fn draft(builders: &[&str], verdict: &Verdict, quiet: &[Quiet], settings: &Settings) -> Draft {
    let companions: Vec<Companion> = (2..=builders.len())
        .map(|number| Companion {
            notification: i64::try_from(number).unwrap(),
            mail: Some(mail(i64::try_from(number).unwrap())),
            builds: 1,
        })
        .collect();
    let material = Material {
        mail: Some(&mail(1)),
        notification: &Notification {
            builds: builders.iter().map(|builder| on(builder)).collect(),
            remarks: Vec::new(),
        },
        companions: &companions,
        quiet,
        verdicts: &vec![verdict.clone(); builders.len()],
        choices: &[],
    };
    Templates::load(None)
        .0
        .draft(&plan(&material, settings))
        .unwrap()
}

fn github() -> Settings {
    settings(Flavour::GitHub)
}

const FOUR: [&str; 4] = ["AMD64 A 3.x", "AMD64 B 3.x", "ARM C 3.x", "PPC64 D 3.x"];

#[test]
fn few_are_answered_each_about_its_own_builder() {
    let draft = draft(&FOUR, &unseen(), &[], &github());
    let [Action::Open(new)] = draft.actions.as_slice() else {
        panic!("{:?}", draft.actions);
    };
    for builder in FOUR {
        assert!(new.body.contains(builder), "{}", new.body);
    }
    let own = draft.reply.as_ref().unwrap();
    assert!(own.body.contains("failed on AMD64 A 3.x:"), "{}", own.body);
    assert_eq!(own.in_reply_to.as_deref(), Some("1@mx.example"));
    assert_eq!(draft.along.len(), 3);
    for ((along, builder), number) in draft.along.iter().zip(&FOUR[1..]).zip(2..) {
        assert_eq!(along.notification, number);
        let reply = along.reply.as_ref().unwrap();
        assert_eq!(reply.subject, format!("Re: boom {number}"));
        assert_eq!(reply.in_reply_to, Some(format!("{number}@mx.example")));
        assert!(
            reply
                .body
                .contains(&format!("failed on {builder}:\n<<new issue 1>>")),
            "{}",
            reply.body
        );
        assert_eq!(draft.reply_to(Some(number)), Some(reply));
    }
    assert_eq!(draft.reply_to(None), Some(own));
    assert_eq!(draft.reply_to(Some(9)), None);
}

#[test]
fn from_a_number_on_one_reply_speaks_for_all() {
    let five: Vec<&str> = FOUR.iter().copied().chain(["RISC-V E 3.x"]).collect();
    let together = draft(&five, &unseen(), &[], &github());
    let body = &together.reply.as_ref().unwrap().body;
    assert!(body.contains("AMD64 A 3.x and 4 more builders"), "{body}");
    assert_eq!(together.along.len(), 4);
    assert!(together.along.iter().all(|along| along.reply.is_none()));
    // Unless configured otherwise.
    let answered = |one_reply_from, builders: &[&str]| {
        let settings = Settings {
            one_reply_from,
            ..github()
        };
        let draft = draft(builders, &unseen(), &[], &settings);
        let replies = draft.along.iter().filter(|it| it.reply.is_some());
        replies.count()
    };
    assert_eq!(answered(0, &five), 4);
    assert_eq!(answered(6, &five), 4);
    assert_eq!(answered(5, &five), 0);
    assert_eq!(answered(2, &five[..2]), 0);
}

#[test]
fn a_reply_that_would_say_the_same_again_is_left_out() {
    let twice = ["AMD64 A 3.x", "AMD64 A 3.x", "ARM C 3.x", "ARM C 3.x"];
    let draft = draft(&twice, &unseen(), &[], &github());
    let answered: Vec<bool> = draft.along.iter().map(|it| it.reply.is_some()).collect();
    assert_eq!(answered, [false, true, false]);
}

#[test]
fn an_issue_that_was_commented_on_lately_is_only_counted_for() {
    let quiet = |commented, untold| Quiet {
        issue: 7,
        commented,
        untold,
        counted: vec![
            Counted {
                builder: "AMD64 A|B *3*".to_owned(),
                times: 12,
                last_at: 1_795_000_000,
            },
            Counted {
                builder: "ARM".to_owned(),
                times: 1,
                last_at: 1_794_900_000,
            },
        ],
    };
    let of = |quiet: &[Quiet]| draft(&FOUR[..2], &known(7), quiet, &github());
    let told = of(&[quiet(false, 12)]);
    let [Action::Comment { body, .. }] = told.actions.as_slice() else {
        panic!("{:?}", told.actions);
    };
    assert!(
        body.contains("It happened 12 more times since the last comment here."),
        "{body}"
    );
    let counted = of(&[quiet(true, 12)]);
    let [Action::Count { issue: at, table }] = counted.actions.as_slice() else {
        panic!("{:?}", counted.actions);
    };
    assert_eq!(at.number, 7);
    assert_eq!(
        table.as_deref(),
        Some(
            "It happened again since this comment:\n\n\
             | Builder | Times | Last |\n| --- | --- | --- |\n\
             | AMD64 A\\|B \\*3\\* | 12 | 2026-11-18 |\n| ARM | 1 | 2026-11-17 |\n"
        )
    );
    // Roundup's messages cannot be edited.
    let roundup = settings(Flavour::Roundup);
    let plain = draft(&FOUR[..2], &known(7), &[quiet(true, 12)], &roundup);
    assert!(matches!(
        &plain.actions[..],
        [Action::Count { table: None, .. }]
    ));
    assert_eq!(DeliveryKind::of(&plain.actions[0]), None);
    assert_eq!(
        counted.reply, told.reply,
        "the mail names the issue all the same"
    );
    let [Action::Comment { body, .. }] = &of(&[]).actions[..] else {
        panic!("no comment");
    };
    assert!(!body.contains("since the last comment"), "{body}");
}

#[test]
fn what_is_chosen_for_all_is_one_action() {
    let builders = &FOUR[..3];
    let choices: Vec<Choice> = (0..3)
        .map(|failure| Choice {
            failure,
            target: Target::Issue(issue(7)),
        })
        .collect();
    let companions = [2, 3].map(|number| Companion {
        notification: number,
        mail: Some(mail(number)),
        builds: 1,
    });
    let material = Material {
        mail: Some(&mail(1)),
        notification: &Notification {
            builds: builders.iter().map(|builder| on(builder)).collect(),
            remarks: Vec::new(),
        },
        companions: &companions,
        quiet: &[],
        verdicts: &vec![unseen(); 3],
        choices: &choices,
    };
    let plan = plan(&material, &github());
    assert_eq!(plan.about, [[0, 1, 2]]);
    let draft = Templates::load(None).0.draft(&plan).unwrap();
    assert!(matches!(&draft.actions[..], [Action::Comment { issue: at, .. }] if at.number == 7));
    let bodies = draft.along.iter().filter_map(|it| it.reply.as_ref());
    for reply in bodies {
        assert!(reply.body.contains("/issues/7"), "{}", reply.body);
    }
}

#[test]
fn nobody_is_answered_where_nobody_mailed() {
    // Which of four notifications there is a mail of, and which are answered.
    let check = |mails: [bool; 4], one_reply_from: u32, expect: [bool; 4]| {
        let mail = |number: i64| {
            let is_mailed = mails[usize::try_from(number).unwrap() - 1];
            is_mailed.then(|| mail(number))
        };
        let companions = [2, 3, 4].map(|number| Companion {
            notification: number,
            mail: mail(number),
            builds: 1,
        });
        let own = mail(1);
        let material = Material {
            mail: own.as_ref(),
            notification: &Notification {
                builds: FOUR.iter().map(|builder| on(builder)).collect(),
                remarks: Vec::new(),
            },
            companions: &companions,
            quiet: &[],
            verdicts: &vec![known(7); 4],
            choices: &[],
        };
        let settings = Settings {
            one_reply_from,
            ..github()
        };
        let plan = plan(&material, &settings);
        assert_eq!(plan.steps.len(), 1);
        let along = plan.along.iter().map(|it| it.reply.is_some());
        let answered: Vec<bool> = std::iter::once(plan.reply.is_some()).chain(along).collect();
        assert_eq!(answered, expect, "{mails:?} {one_reply_from}");
    };
    let all = [true; 4];
    check(all, 0, all);
    check([false, true, false, true], 0, [false, true, false, true]);
    // One speaks for all: the first that can.
    check(all, 2, [true, false, false, false]);
    check([false, false, true, true], 2, [false, false, true, false]);
    check([false; 4], 2, [false; 4]);
}
