use super::*;
use crate::store::{
    AnswerOutcome, AskedBefore, LetterEnd, LetterKind, NewLetter, Switch, TokenRow, Writing,
};

fn token(store: &Store, id: NotificationId, revised: &Revised) -> TokenRow {
    let draft = (revised.revision, revised.digest.as_str());
    store.token_for("Ada", (id, "key"), draft, NOW).unwrap()
}

fn letter<'a>(message_id: &'a str, tokens: &'a [crate::store::TokenId]) -> NewLetter<'a> {
    NewLetter {
        kind: LetterKind::Request,
        approver: "Ada",
        address: "ada@example.org",
        answers: None,
        message_id,
        bytes: b"a mail",
        tokens,
    }
}

#[test]
fn a_token_is_used_once_and_by_one_answer() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    let (one, two) = (take_in(&store, 2), take_in(&store, 3));
    let first = token(&store, id, &revised);
    assert_eq!(first.token.len(), 20);
    assert_eq!(
        token(&store, id, &revised),
        first,
        "it is asked about again"
    );
    let other = (revised.revision, revised.digest.as_str());
    let other = store.token_for("Grace", (id, "key"), other, NOW).unwrap();
    assert_ne!(other.token, first.token);
    assert!(store.use_token(first.id, one, NOW).unwrap());
    assert!(
        store.use_token(first.id, one, NOW).unwrap(),
        "after a crash"
    );
    assert!(!store.use_token(first.id, two, NOW).unwrap());
    assert_eq!(
        store.token(&first.token).unwrap().unwrap().used,
        Some((one, NOW))
    );
    assert_ne!(
        token(&store, id, &revised).token,
        first.token,
        "the next round"
    );
    assert_eq!(store.token("nonsense").unwrap(), None);
    for change in ["used_by = NULL", "used_by = 3", "used_at = 1"] {
        let change = format!("UPDATE answer_tokens SET {change} WHERE id = 1");
        assert!(store.connection.execute(&change, []).is_err(), "{change}");
    }
    let change = "UPDATE answer_tokens SET digest = 'x' WHERE id = 2";
    assert!(store.connection.execute(change, []).is_err());
}

/// So many letters were written at [`NOW`], and so many left or may have.
fn before(written: u32, told: u32) -> AskedBefore {
    AskedBefore {
        written,
        told,
        last_at: NOW,
    }
}

#[test]
fn one_that_was_refused_is_followed_by_another_after_a_start() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    let tokens = [token(&store, id, &revised).id];
    let draft = (id, revised.revision);
    let about = || store.letters_about("Ada", id, revised.revision).unwrap();
    let writing = || store.writing("Ada", draft, NOW).unwrap();
    let post_and_claim = |message_id| {
        assert!(store.post(&letter(message_id, &tokens), NOW).unwrap());
        let row = store.due_letters(NOW, 9).unwrap().remove(0);
        store.claim_letter(row.id, NOW).unwrap().unwrap();
        row.id
    };
    for (written, message_id) in [(1, "a@x"), (2, "b@x")] {
        let refused = post_and_claim(message_id);
        assert_eq!(about().told, 1, "it may leave");
        let end = LetterEnd::Refused("550 nobody of that name");
        store.end_letter(refused, end, NOW).unwrap();
        assert_eq!(store.due_letters(NOW + 100, 9).unwrap(), []);
        assert_eq!(about(), before(written, 0));
        assert_eq!(writing(), Writing::Refused);
        let asked = store.asked("Ada").unwrap();
        assert_eq!((asked.given_up, asked.fails()), (1, true));
        assert_eq!(asked.last_failed.unwrap().at, NOW);
        assert_eq!(store.write_anew(3).unwrap(), 1);
        assert_eq!(writing(), Writing::Possible);
        assert_eq!(store.asked("Ada").unwrap().given_up, 0);
    }
    let trail = store.trail(id).unwrap();
    let told = trail.iter().filter(|it| it.what == "not asked by mail");
    assert_eq!(told.count(), 1, "the same is told once");
    let unknown = post_and_claim("c@x");
    let end = LetterEnd::Over("nobody knows whether it left");
    store.end_letter(unknown, end, NOW).unwrap();
    assert_eq!(store.write_anew(3).unwrap(), 0, "there is no second copy");
    assert_eq!((about(), writing()), (before(3, 1), Writing::Possible));
    // What broke the program off each time is left alone.
    for attempt in 1..=4 {
        assert_eq!(store.count_writing("Ada", draft, NOW).unwrap(), attempt);
    }
    let why = "the program broke off";
    store.give_up_writing("Ada", draft, why, NOW).unwrap();
    assert_eq!(store.write_anew(3).unwrap(), 0);
    assert_eq!(writing(), Writing::NotNow);
}

#[test]
fn a_letter_leaves_once() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    let asked = token(&store, id, &revised);
    let tokens = [asked.id];
    assert!(store.post(&letter("a@x", &tokens), NOW).unwrap());
    assert!(!store.post(&letter("a@x", &tokens), NOW).unwrap());
    let due = store.due_letters(NOW, 9).unwrap();
    let [row] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(
        (row.bytes.as_slice(), row.asks),
        (b"a mail".as_slice(), true)
    );
    let about = |who| store.letters_about(who, id, revised.revision).unwrap();
    assert_eq!(about("Ada"), before(1, 1));
    assert_eq!(about("Grace").written, 0);
    assert_eq!(store.tokens_of(row.id).unwrap(), [asked]);
    assert!(store.still_asks(row.id).unwrap());

    let later = LetterEnd::Later {
        why: "busy",
        due_at: NOW + 60,
    };
    store.claim_letter(row.id, NOW).unwrap().unwrap();
    store.end_letter(row.id, later, NOW).unwrap();
    assert_eq!(store.due_letters(NOW, 9).unwrap(), []);
    assert_eq!(store.next_letter(NOW).unwrap(), Some(NOW + 60));
    store.claim_letter(row.id, NOW + 60).unwrap().unwrap();
    assert!(store.claim_letter(row.id, NOW + 60).unwrap().is_err());
    assert_eq!(store.letters_claimed("Ada", NOW).unwrap(), 1, "tried twice");
    store.end_letter(row.id, LetterEnd::Sent, NOW + 60).unwrap();
    assert_eq!(store.due_letters(NOW + 100, 9).unwrap(), []);
    let again = "UPDATE letters SET due_at = 1, sent_at = NULL";
    assert!(store.connection.execute(again, []).is_err());
}

#[test]
fn stop_is_looked_at_in_the_claim_and_a_crash_ends_it() {
    let store = store();
    store.post(&letter("a@x", &[]), NOW).unwrap();
    let row = store.due_letters(NOW, 9).unwrap().remove(0);
    store
        .switch_on(Switch::Stop, "a test", "anna", NOW)
        .unwrap();
    let refused = store.claim_letter(row.id, NOW).unwrap().unwrap_err();
    assert!(refused.contains("a test"), "{refused}");
    store.switch_off(Switch::Stop, "anna", NOW).unwrap();
    assert_eq!(store.end_crashed_letters().unwrap(), 0);
    store.claim_letter(row.id, NOW).unwrap().unwrap();
    assert_eq!(store.end_crashed_letters().unwrap(), 1);
    assert_eq!(store.due_letters(NOW, 9).unwrap(), []);
}

#[test]
fn what_was_decided_meanwhile_is_not_asked() {
    let store = store();
    let (id, revised) = drafted(&store, 1);
    let asked = token(&store, id, &revised);
    store.post(&letter("a@x", &[asked.id]), NOW).unwrap();
    let row = store.due_letters(NOW, 9).unwrap().remove(0);
    store.approve(&by_anna(id, &revised), NOW).unwrap();
    assert!(!store.still_asks(row.id).unwrap());
}

#[test]
fn an_answer_counts_once_and_is_told_once() {
    let store = store();
    let (id, _) = drafted(&store, 1);
    let mail = take_in(&store, 2);
    store.take_answer(mail, "an answer", NOW).unwrap();
    assert_eq!(store.pending_answers(9).unwrap(), [mail]);
    assert_eq!(store.count_answer(mail).unwrap(), 1);
    store.forget_answer_attempt(mail).unwrap();
    assert_eq!(store.count_answer(mail).unwrap(), 1);
    let result = NewLetter {
        kind: LetterKind::Result,
        answers: Some(mail),
        ..letter("r@x", &[])
    };
    assert!(store.post(&result, NOW).unwrap());
    let again = NewLetter {
        message_id: "r2@x",
        ..result
    };
    assert!(!store.post(&again, NOW).unwrap(), "told already");
    let outcome = AnswerOutcome {
        about: Some(id),
        who: "Ada",
        words: "1 is held by you",
    };
    store.finish_answer(mail, &outcome, NOW).unwrap();
    assert_eq!(store.pending_answers(9).unwrap(), []);
    assert!(store.finish_answer(mail, &outcome, NOW).is_err());
    for about in [id, mail] {
        let trail = store.trail(about).unwrap();
        let last = trail.last().unwrap();
        assert_eq!((last.what.as_str(), last.who.as_str()), ("by mail", "Ada"));
    }
    // Started over, the mail is an answer again, which was handled.
    store.start_over(mail, "anna", NOW).unwrap();
    store.take_answer(mail, "an answer", NOW).unwrap();
    assert_eq!(store.pending_answers(9).unwrap(), []);
}
