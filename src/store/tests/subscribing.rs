use super::*;
use crate::domain::subscribing::{Proof, Request, Token};
use crate::store::subscribing::row::{ASK_AGAIN_AFTER, DOUBT_LASTS, REQUEST_LASTS};
use crate::store::{NewSubscription, NotNow, SubscriptionOutcome as Outcome, Switch};

const NEW: NewSubscription<'static> = NewSubscription {
    request: Request::Join,
    list: "list@example.test",
    address: "watch@example.test",
    mailbox: "imap://x",
    uidvalidity: 3,
    uidnext: 7,
    who: "Ada",
};

fn token(digit: &str) -> Token {
    Token::parse(&digit.repeat(40)).unwrap()
}

#[test]
fn the_list_is_asked_once_and_again_only_after_an_hour() {
    let store = Store::open_in_memory().unwrap();
    let begun = store.begin_subscription(&NEW, NOW).unwrap();
    let claim = |id: &str, now| {
        store
            .claim_subscription_mail(begun.id, None, id, now)
            .unwrap()
    };
    assert_eq!(claim("1@x", NOW), Ok(()));
    // Two at the same time; and after a kill before the answer.
    let doubt = NotNow::Sent {
        again_at: Some(NOW + DOUBT_LASTS),
    };
    assert_eq!(claim("2@x", NOW), Err(doubt));
    store.subscription_mail_sent("1@x", "250 ok", NOW).unwrap();
    let later = NOW + ASK_AGAIN_AFTER;
    let sent = NotNow::Sent {
        again_at: Some(later),
    };
    assert_eq!(claim("2@x", later - 1), Err(sent));
    assert_eq!(claim("2@x", later), Ok(()));
    // What provably did not leave does not count.
    let why = "450 not now";
    store.subscription_mail_failed("2@x", why, later).unwrap();
    assert_eq!(claim("3@x", later), Ok(()));
    let again = store.begin_subscription(&NEW, later).unwrap();
    assert_eq!(again.id, begun.id);
    let sent = again.sent();
    let sent: Vec<_> = sent.iter().map(|it| it.message_id.as_str()).collect();
    assert_eq!(sent, ["1@x", "3@x"], "what failed is answered by nobody");
    assert_eq!(again.asked_at(), Some(later));
    assert_eq!(again.confirmed_at(), None);
    assert!(!begun.may_be_confirmed(NOW), "nothing was asked yet");
    assert!(again.may_be_confirmed(later + REQUEST_LASTS - 1));
    assert!(!again.may_be_confirmed(later + REQUEST_LASTS));
}

#[test]
fn a_token_is_confirmed_once() {
    let store = Store::open_in_memory().unwrap();
    let begun = store.begin_subscription(&NEW, NOW).unwrap();
    let claim = |digit: &str, id: &str, now| {
        store
            .claim_subscription_mail(begun.id, Some(&token(digit)), id, now)
            .unwrap()
    };
    assert_eq!(claim("a", "1@x", NOW), Ok(()));
    store.subscription_mail_sent("1@x", "250 ok", NOW).unwrap();
    let never = NotNow::Sent { again_at: None };
    assert_eq!(claim("a", "2@x", NOW + REQUEST_LASTS - 1), Err(never));
    for (number, digit) in ["b", "c", "d", "e"].iter().enumerate() {
        assert_eq!(claim(digit, &format!("{number}@y"), NOW), Ok(()));
    }
    // Somebody floods us with requests to confirm something.
    assert_eq!(claim("f", "9@x", NOW), Err(NotNow::TooMany));
}

#[test]
fn nothing_leaves_while_stop_or_pause_is_on_or_after_the_end() {
    let store = Store::open_in_memory().unwrap();
    let begun = store.begin_subscription(&NEW, NOW).unwrap();
    let claim = |now| {
        store
            .claim_subscription_mail(begun.id, None, "1@x", now)
            .unwrap()
    };
    for switch in [Switch::Stop, Switch::Pause] {
        store.switch_on(switch, "why", "Ada", NOW).unwrap();
        let refused = claim(NOW).unwrap_err();
        assert!(matches!(
            (switch, refused),
            (Switch::Stop, NotNow::Stopped(_)) | (Switch::Pause, NotNow::Paused(_))
        ));
        store.switch_off(switch, "Ada", NOW).unwrap();
    }
    assert_eq!(claim(NOW + REQUEST_LASTS), Err(NotNow::Ended));
    let id = Some("list.example.test");
    assert!(
        store
            .end_subscription(begun.id, Outcome::Member, id, NOW)
            .unwrap()
    );
    assert!(
        !store
            .end_subscription(begun.id, Outcome::Left, None, NOW)
            .unwrap()
    );
    assert_eq!(claim(NOW), Err(NotNow::Ended));
    let ended = store.subscription().unwrap().unwrap();
    assert_eq!(ended.ended, Some((NOW, Outcome::Member)));
    assert_eq!(ended.list_id.as_deref(), id);
    assert!(store.subscription().unwrap().unwrap().is_unproven());
}

#[test]
fn another_request_ends_the_first_and_an_old_one_is_begun_anew() {
    let store = Store::open_in_memory().unwrap();
    let first = store.begin_subscription(&NEW, NOW).unwrap();
    let leave = NewSubscription {
        request: Request::Leave,
        ..NEW
    };
    let second = store.begin_subscription(&leave, NOW + 1).unwrap();
    assert_ne!(first.id, second.id);
    let late = NOW + 1 + REQUEST_LASTS;
    assert_eq!(store.listening_subscription(late).unwrap(), None);
    let third = store.begin_subscription(&leave, late).unwrap();
    assert_ne!(second.id, third.id);
    // What the owner has to approve is not forgotten.
    store.subscription_pending(third.id, late).unwrap();
    let much_later = late + 10 * REQUEST_LASTS;
    let open = store.listening_subscription(much_later).unwrap().unwrap();
    assert_eq!(open.pending_at, Some(late));
    let trail = store.recent_trail(20).unwrap();
    let told: Vec<&str> = trail.iter().rev().map(|line| line.what.as_str()).collect();
    let expected = [
        "join",
        "subscription ended",
        "leave",
        "subscription ended",
        "leave",
        "subscription waits",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_welcome_before_the_question_is_taken_back() {
    let store = Store::open_in_memory().unwrap();
    let begun = store.begin_subscription(&NEW, NOW).unwrap();
    let claim = |token: Option<&Token>, id: &str, now| {
        store
            .claim_subscription_mail(begun.id, token, id, now)
            .unwrap()
    };
    assert_eq!(claim(None, "1@x", NOW), Ok(()));
    store.subscription_mail_sent("1@x", "250 ok", NOW).unwrap();
    store
        .end_subscription(begun.id, Outcome::Member, Some("list.example.test"), NOW)
        .unwrap();
    let welcomed = store.subscription().unwrap().unwrap();
    assert!(welcomed.is_unproven() && welcomed.may_be_asked(NOW));
    // Typed again it goes on; and it does not ask again.
    assert_eq!(store.begin_subscription(&NEW, NOW + 1).unwrap(), welcomed);
    assert_eq!(
        claim(None, "2@x", NOW + ASK_AGAIN_AFTER),
        Err(NotNow::Ended)
    );
    assert_eq!(claim(Some(&token("a")), "3@x", NOW + 5), Ok(()));
    let open = store.subscription().unwrap().unwrap();
    assert_eq!((open.ended, open.list_id), (None, None));
    // One that came behind the question is not.
    store.subscription_mail_sent("3@x", "250 ok", NOW).unwrap();
    store
        .end_subscription(begun.id, Outcome::Member, Some("list.example.test"), NOW)
        .unwrap();
    assert_eq!(claim(Some(&token("b")), "4@x", NOW + 9), Err(NotNow::Ended));
    assert!(store.prove_subscription(Proof::Post, NOW + 9).unwrap());
    assert!(!store.prove_subscription(Proof::OwnPost, NOW + 10).unwrap());
    let proven = store.subscription().unwrap().unwrap();
    assert_eq!(proven.proven, Some((NOW + 9, Proof::Post)));
    for proof in Proof::ALL {
        assert_eq!(Proof::from_name(proof.name()), Some(proof));
    }
}

#[test]
fn questions_are_counted_since_the_list_was_asked() {
    let store = Store::open_in_memory().unwrap();
    let begun = store.begin_subscription(&NEW, NOW).unwrap();
    let note = |digit: &str, now| {
        let noted = store.note_question(begun.id, &token(digit), now).unwrap();
        (noted.seen_at, noted.others)
    };
    assert_eq!(note("a", NOW), (NOW, 0));
    assert_eq!(note("a", NOW + 5), (NOW, 0));
    assert_eq!(note("b", NOW + 6), (NOW + 6, 1));
    assert_eq!(note("a", NOW + 7), (NOW, 1));
    let claimed = store.claim_subscription_mail(begun.id, None, "1@x", NOW + 10);
    assert_eq!(claimed.unwrap(), Ok(()));
    assert_eq!(note("c", NOW + 11), (NOW + 11, 0));
}

#[test]
fn what_came_back_may_be_sent_again() {
    let store = Store::open_in_memory().unwrap();
    let begun = store.begin_subscription(&NEW, NOW).unwrap();
    let claim = |id: &str| {
        store
            .claim_subscription_mail(begun.id, None, id, NOW)
            .unwrap()
    };
    assert_eq!(claim("1@x"), Ok(()));
    store.subscription_mail_sent("1@x", "250 ok", NOW).unwrap();
    store
        .subscription_mail_bounced("1@x", "550 no such user", NOW)
        .unwrap();
    assert_eq!(store.subscription().unwrap().unwrap().asked_at(), None);
    assert_eq!(claim("2@x"), Ok(()));
}
