//! The store's promises, tested on real SQLite files and in memory.

use super::{
    FailureVerdict, FrozenId, IncomingMail, LedgerEntry, MailSummary, NewDecision, NotificationId,
    Reading, Revised, Store, Taken,
};
use crate::domain::Seconds;
use crate::domain::draft::{Action, Draft, NewIssue, Reply};
use crate::domain::issue::{Issue, IssueRef};
use crate::domain::mail::Mail;
use crate::domain::matching::Verdict;
use crate::domain::notification::Notification;

mod along;
mod auto;
mod decisions;
mod filing;
mod incidents;
mod intake;
mod letters;
mod mirror;
mod noticing;
mod outbox;
mod outcome;
mod pairs;
mod retrieve;
mod ruling;
mod schema;
mod search;
mod steps;
mod subscribing;
mod upsert;
mod users;
mod withdrawn;

/// Some moment; tests count from it.
const NOW: Seconds = 1_800_000_000;

fn store() -> Store {
    Store::open_in_memory().unwrap()
}

/// A mail whose id, key and UID all follow from `n`.
fn take_in(store: &Store, n: i64) -> NotificationId {
    let message_id = format!("{n}@ci.example");
    let content_key = format!("key {n}");
    let mail = IncomingMail {
        mailbox: "list",
        uidvalidity: 1,
        uid: n,
        content_key: &content_key,
        message_id: Some(&message_id),
        raw: b"Subject: boom\r\n\r\nboom\r\n",
        truncated: false,
    };
    match store.take_in(&mail, n + 1, NOW).unwrap() {
        Taken::New(id) => id,
        other => panic!("{other:?}"),
    }
}

fn reading() -> Reading {
    Reading {
        mail: MailSummary::from(&Mail {
            subject: "boom".to_owned(),
            ..Mail::default()
        }),
        notification: Notification {
            builds: Vec::new(),
            remarks: Vec::new(),
        },
        redactions: 0,
    }
}

fn verdicts() -> Vec<FailureVerdict> {
    vec![FailureVerdict {
        build: 0,
        failures: vec![0],
        verdict: Verdict::New {
            related: Vec::new(),
            searched: vec!["test_os".to_owned()],
        },
    }]
}

fn issue_ref(number: u64) -> IssueRef {
    IssueRef {
        number,
        url: format!("https://tracker.example/{number}"),
        title: format!("issue {number}"),
    }
}

fn open_action() -> Action {
    Action::Open(NewIssue {
        title: "test_os fails".to_owned(),
        body: "It fails.".to_owned(),
        versions: Vec::new(),
        components: Vec::new(),
    })
}

/// Two actions and a reply.
fn draft() -> Draft {
    Draft {
        actions: vec![
            open_action(),
            Action::Comment {
                issue: issue_ref(7),
                body: "Again.".to_owned(),
            },
        ],
        reply: Some(Reply {
            subject: "Re: boom".to_owned(),
            body: "See <<new issue 1>>.".to_owned(),
            in_reply_to: None,
            references: Vec::new(),
        }),
        along: Vec::new(),
        incidents: Vec::new(),
        warnings: Vec::new(),
    }
}

fn matched(store: &Store, n: i64) -> NotificationId {
    let id = take_in(store, n);
    store.record_reading(id, &reading(), NOW).unwrap();
    store.record_verdicts(id, &verdicts(), NOW).unwrap();
    id
}

fn drafted(store: &Store, n: i64) -> (NotificationId, Revised) {
    let id = matched(store, n);
    let revised = store.record_draft(id, &draft(), NOW).unwrap();
    (id, revised)
}

fn by_anna(id: NotificationId, revised: &Revised) -> NewDecision<'_> {
    NewDecision {
        notification: id,
        revision: revised.revision,
        digest: &revised.digest,
        who: "anna",
        reason: "",
        auto_rule: None,
    }
}

fn approved(store: &Store, n: i64) -> NotificationId {
    let (id, revised) = drafted(store, n);
    store.approve(&by_anna(id, &revised), NOW).unwrap();
    id
}

const ENTRY: LedgerEntry<'static> = LedgerEntry {
    target: "list@example.org",
    thread: "1@ci.example",
    body_digest: "body",
};

fn marker(name: &str) -> FrozenId {
    FrozenId::Marker(name.to_owned())
}

fn message_id(name: &str) -> FrozenId {
    FrozenId::MessageId(name.to_owned())
}

fn issue(number: u64, title: &str) -> Issue {
    Issue {
        number,
        url: format!("https://tracker.example/{number}"),
        title: title.to_owned(),
        body: String::new(),
        comments: Vec::new(),
        labels: vec!["tests".to_owned()],
        open: true,
        created_at: NOW,
        updated_at: NOW,
        closed_at: None,
        author: "anna".to_owned(),
        resolution: None,
        duplicate_of: None,
    }
}
