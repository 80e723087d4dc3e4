//! Drafts about failures whose reports were closed as fixed.

use super::Templates;
use super::material::{build, candidate, failed, issue, seen_before, settings};
use crate::domain::delivery::DeliveryKind;
use crate::domain::draft::{
    Action, Choice, Draft, Flavour, Material, Quiet, Settings, Target, from_editable, plan,
    to_editable,
};
use crate::domain::mail::Mail;
use crate::domain::matching::{Candidate, Past, Tier, Verdict};
use crate::domain::notification::Notification;

fn draft(verdicts: &[Verdict], choices: &[Choice], settings: &Settings) -> Draft {
    let test = failed("test_string.ModuleTest.test_capwords", "AssertionError: a");
    let material = Material {
        mail: Some(&Mail {
            message_id: Some("1@mx.example".into()),
            subject: "boom".into(),
            ..Mail::default()
        }),
        notification: &Notification {
            builds: vec![build(
                "AMD64 Fedora Stable 3.x",
                1,
                vec![test; verdicts.len()],
            )],
            remarks: Vec::new(),
        },
        companions: &[],
        // Of before it was closed.
        quiet: &[Quiet {
            issue: 7,
            commented: true,
            untold: 3,
            counted: Vec::new(),
        }],
        verdicts,
        choices,
    };
    Templates::load(None)
        .0
        .draft(&plan(&material, settings))
        .unwrap()
}

fn reopening() -> Settings {
    Settings {
        reopens: true,
        ..settings(Flavour::GitHub)
    }
}

#[test]
fn what_was_fixed_is_opened_again_where_that_is_wanted() {
    let made = draft(&[seen_before(7)], &[], &reopening());
    let [Action::Reopen { issue, body }] = made.actions.as_slice() else {
        panic!("{:?}", made.actions);
    };
    assert_eq!(issue.number, 7);
    assert!(body.starts_with("This was closed as fixed, and it happens again.\n\n"));
    assert!(body.contains("AMD64 Fedora Stable 3.x"), "{body}");
    assert!(!body.contains("more times"), "{body}");
    assert!(made.reply.as_ref().unwrap().body.contains(&issue.url));
    assert_eq!(
        DeliveryKind::of(&made.actions[0]),
        Some(DeliveryKind::Comment)
    );

    let document = to_editable(&made);
    assert!(document.contains("action 1: comment on issue 7, which is opened again"));
    let edited = document.replace("it happens again", "it is back");
    let edited = from_editable(&edited, &made).unwrap();
    assert!(matches!(&edited.actions[0], Action::Reopen { body, .. } if body.contains("is back")));

    let linked = draft(&[seen_before(7)], &[], &settings(Flavour::GitHub));
    assert!(matches!(&linked.actions[..], [Action::Open(new)] if new.body.contains("/issues/7")));
}

#[test]
fn only_what_was_fixed_and_is_the_best_is_opened_again() {
    let closed = |past, number| Candidate {
        past: Some(past),
        ..candidate(number, Tier::Weak, false)
    };
    let of = |related: Vec<Candidate>| {
        let searched = Vec::new();
        draft(&[Verdict::New { related, searched }], &[], &reopening())
    };
    let other = of(vec![closed(Past::Closed, 8), closed(Past::Fixed, 7)]);
    assert!(matches!(other.actions[..], [Action::Open(_)]));
    let two = of(vec![closed(Past::Fixed, 7), closed(Past::Fixed, 9)]);
    assert!(matches!(&two.actions[..], [Action::Reopen { issue, .. }] if issue.number == 7));
    assert!(
        two.warnings
            .iter()
            .any(|it| it.contains("#9 was closed as fixed, too"))
    );
}

#[test]
fn a_persons_choice_opens_again_what_was_fixed_and_only_then() {
    let choose = |target: Target, verdict: &Verdict, settings: &Settings| {
        let choice = Choice { failure: 0, target };
        draft(std::slice::from_ref(verdict), &[choice], settings).actions
    };
    let fixed = || Target::Fixed(issue(5));
    let reopens = |actions: Vec<Action>| matches!(actions[..], [Action::Reopen { .. }]);
    let comments = |actions: Vec<Action>| matches!(actions[..], [Action::Comment { .. }]);
    assert!(reopens(choose(fixed(), &seen_before(7), &reopening())));
    assert!(comments(choose(
        fixed(),
        &seen_before(7),
        &settings(Flavour::GitHub)
    )));
    assert!(comments(choose(
        Target::Issue(issue(5)),
        &seen_before(7),
        &reopening()
    )));
    // It was closed only after the build had begun.
    let later = Verdict::Known {
        candidates: vec![Candidate {
            past: Some(Past::Later),
            ..candidate(5, Tier::Strong, false)
        }],
    };
    assert!(comments(choose(fixed(), &later, &reopening())));
}

#[test]
fn one_report_gets_one_action_also_if_one_of_the_builds_is_older() {
    let known = Verdict::Known {
        candidates: vec![Candidate {
            past: Some(Past::Later),
            ..candidate(7, Tier::Strong, false)
        }],
    };
    let both = [known, seen_before(7)];
    let made = draft(&both, &[], &reopening());
    assert!(
        matches!(made.actions[..], [Action::Reopen { .. }]),
        "{:?}",
        made.actions
    );
}
