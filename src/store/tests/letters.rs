use super::*;
use crate::store::{AnswerOutcome, LetterEnd, LetterKind, NewLetter, Switch, TokenRow};

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
    assert_eq!(
        store.letters_about("Ada", id, revised.revision).unwrap(),
        (1, NOW)
    );
    assert_eq!(
        store
            .letters_about("Grace", id, revised.revision)
            .unwrap()
            .0,
        0
    );
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
