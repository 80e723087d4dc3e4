//! What `--json` prints about notifications and deliveries. Names stay as they
//! are; new ones may come. Times are RFC 3339 in UTC.
//!
//! | field of a notification | what |
//! |---|---|
//! | `id`, `draft` | its number; what `approve` takes: `12@1a2b3c4d` |
//! | `stage`, `standing` | one word; the same in a sentence |
//! | `received_at`, `age_seconds` | when the mail came in |
//! | `builders`, `failures` | names; each with `test`, `kind`, `line` |
//! | `certainty` | of the least sure failure: `strong`, `likely`, `weak`, `new`, `ambiguous` |
//! | `would` | what would be done, in words |
//! | `actions` | each with `do` (`open`, `reopen`, `comment`, `count`, `choose`), `issue`, `url`, `title` |
//! | `along` | the numbers of the notifications that the draft settles too |
//! | `attached_to` | the notification whose draft settles this one, or `null` |
//! | `revision`, `digest` | of the current texts |
//! | `waiting` | absent (`null`), or `why` and `until`: for a log that is not there yet, say |
//! | `held`, `closed`, `decision` | absent (`null`), or who, when and why |
//!
//! `list` and `show` add `recovered` (whether every builder of a draft that waits passes
//! again) and `recoveries`, each with `builder`, `build` and `at`.
//!
//! `show` adds `mail`, `verdicts`, `draft_texts` (what would leave, exactly),
//! `reply_to`, `will_be_held` (`null`, or why approving it would end so),
//! `auto_rules` (each with `rule`, whether it `acts`, whether it `would` approve a draft
//! that waits, and `why` not) and `deliveries`, each with `delivery` (its number), `kind`
//! (`open_issue`, `comment`, `reply`), `answers` (the notification that a reply
//! answers, if it is another one), `state` (`queued`, `claimed`, `in_doubt`,
//! `done`, `failed`), `receipt`, `confirmed_at` (when the list's
//! copy of a reply came back), `given_up_by`, `failed_why` and `last_error`.
//!
//! | verb | the document |
//! |---|---|
//! | `list` | `notifications`, `total`; `unfinished`, `unfinished_why`: mails without a draft yet |
//! | `approve` | `approved` (`notification`, `deliveries`), `refused` (`id`, `error`, `remedy`) |
//! | `file` | the notification, and `new`: whether it was not known before |
//! | `review` | `drafts`, each with `id`, `draft`, `done` (words such as `edited`, `approved`), `not_done` (why, or `null`) and `warnings`; `kept`: the file with what was written, or `null` |
//! | `reject`, `edit`, `link`, `hold`, `release`, `retry` | the notification afterwards |
//! | `incidents` | `incidents`, each with `incident` (its number), `test`, `kind`, `line`, `signature` of the failure it began with, `began_at`, `last_at`, the numbers of its `notifications`, ever and in the `last_24_hours`, `last_7_days`, `last_30_days`, `report` (`issue`, `url`, or `null`), the `draft` that waits without one (or `null`), `being_reported` (approved, and still to be made) and `builders` (`builder`, `notifications`) |
//! | `history` | `id`, `history` (`at`, `who`, `what`, `detail`) |
//! | `pause`, `stop`, `resume`, `clear-stop` | `on`, with `who` and `reason`, or what it `was` |
//! | `trust-mirror` | `tracker`, `was`: why it was suspicious, or `null` |
//! | `resolve` | `delivery` |
//! | `status` | `service_running`, `stop`, `pause`, `notifications` (counts), `unfinished`, `unfinished_why` (as `list`), `mirror`, `mailbox`, `in_doubt`, `refused`, `conflicts`, `caps`, `underway_waits_for`, `asked_by_mail` (each `approver` with `unanswered` drafts, `last_sent_at`, `queued` mails, `queued_why`, drafts `given_up`, `last_failed` with `at` and `why`), `channels` (`channel`, `last_told_at`), `disk_full`, `auto_rules` (`name`, `acts`, `suspended`, `why`), `unseen_replies` (not seen on the list), `troubles` (`service`, `words`, `since`) |
//! | `rules`, `rules test` | `file`, `rules`: each with `name`, `issue`, `state` (`open`, `closed`, `unknown`), `title`, `when`, `note`, `line`, `sample` (whether it takes its own), `takes` (`failures`, `issues`, `elsewhere`, `by_issue`); `stored` (failures), `in_use` (whether the drafts that wait were compared with them), or `null` without a database; `rules` has `auto`, too: each with `name`, `line`, `mode`, `says`, `acts`, `suspended`, `why`, `right` (how many), `wrong` (each with `id`, `why`), `open` (ids), `precision` (`null` if people decided on nothing that it would have approved) |
//! | `rules resume` | `rule`, `resumed` |
//! | `check` | `wrong`, `warnings` (counts), `findings` (`part`, `level`, `what`, `remedy`) |
//! | `replay` | `mails` (`origin`, `taken`, `id`), `notifications`, `not_mails` (files), `without_list_id` (how many); without `--store` the ids hold within the document only, and `mirror_unfit_why` tells why what is new may have a report already |
//! | `demo` | `folder`, `config`, `new`, `notifications` |
//! | any, when something is wrong | `error`, `remedy`, and for a wrong configuration `mistakes` |

use serde_json::{Value, json};

use super::{summary, words};
use crate::domain::Seconds;
use crate::domain::delivery::Receipt;
use crate::domain::draft::Action;
use crate::domain::failure::Failure;
use crate::domain::life::{DeliveryState, Stage};
use crate::domain::notification::Build;
use crate::store::{DeliveryRow, NotificationRow, Recoveries};

/// A notification as the lists show it.
pub(super) fn notification(row: &NotificationRow, now: Seconds) -> Value {
    let builds = row
        .reading
        .iter()
        .flat_map(|reading| &reading.notification.builds);
    let builders: Vec<&str> = builds.map(|build| build.builder.as_str()).collect();
    let actions = row.draft.iter().flat_map(|draft| &draft.draft.actions);
    json!({
        "id": row.id.0,
        "draft": row.draft.as_ref().map(|_| summary::key(row)),
        "stage": stage(row.stage),
        "attached_to": row.attached_to.map(|leader| leader.0),
        "along": row.draft.iter()
            .flat_map(|draft| &draft.draft.along)
            .map(|along| along.notification)
            .collect::<Vec<_>>(),
        "standing": summary::standing(row),
        "received_at": words::timestamp(row.received_at),
        "age_seconds": now.saturating_sub(row.received_at).max(0),
        "subject": row.reading.as_ref().map(|reading| &reading.mail.subject),
        "builders": builders,
        "failures": summary::failures(row).iter().map(failure).collect::<Vec<_>>(),
        "certainty": row.verdicts.as_ref().map(|_| summary::tier(row)),
        "would": summary::would(row),
        "actions": actions.map(action).collect::<Vec<_>>(),
        "revision": row.draft.as_ref().map(|draft| draft.revision),
        "digest": row.draft.as_ref().map(|draft| &draft.digest),
        "waiting": row.waiting.as_ref().map(|waiting| json!({
            "why": waiting.why,
            "until": words::timestamp(waiting.until),
        })),
        "held": row.held.as_ref().map(|held| json!({ "who": held.who, "why": held.why })),
        "quarantined": row.quarantined,
        "closed": row.closed.as_ref().map(|closed| json!({
            "reason": closed.reason.name(),
            "note": closed.note,
            "at": words::timestamp(closed.at),
        })),
        "decision": row.decision.as_ref().map(|decision| json!({
            "decision": summary::decided(decision.kind),
            "who": decision.who,
            "reason": decision.reason,
            "rule": decision.auto_rule,
            "at": words::timestamp(decision.at),
        })),
    })
}

/// Adds to a notification which of its builders pass again.
pub(super) fn with_recoveries(mut document: Value, recoveries: &Recoveries) -> Value {
    let recovered: Vec<Value> = recoveries
        .recovered
        .iter()
        .map(
            |it| json!({ "builder": it.builder, "build": it.build, "at": words::timestamp(it.at) }),
        )
        .collect();
    if let Value::Object(fields) = &mut document {
        fields.insert("recovered".to_owned(), json!(recoveries.is_whole()));
        fields.insert("recoveries".to_owned(), json!(recovered));
    }
    document
}

/// The stage in one word.
pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Received => "received",
        Stage::Parsed => "parsed",
        Stage::Matched => "matched",
        Stage::Attached => "attached",
        Stage::Drafted => "drafted",
        Stage::Approved => "approved",
        Stage::Delivered => "delivered",
        Stage::Closed(_) => "closed",
        Stage::Quarantined => "quarantined",
    }
}

fn failure((build, failure): &(&Build, &Failure)) -> Value {
    json!({
        "builder": build.builder,
        "test": failure.test.qualified(),
        "kind": failure.kind,
        "line": failure.line,
        "flaky": failure.flaky,
    })
}

/// One action of a draft, without its text.
fn action(action: &Action) -> Value {
    match action {
        Action::Open(issue) => json!({ "do": "open", "title": issue.title }),
        Action::Comment { issue, .. } => json!({
            "do": "comment", "issue": issue.number, "url": issue.url, "title": issue.title,
        }),
        Action::Reopen { issue, .. } => json!({
            "do": "reopen", "issue": issue.number, "url": issue.url, "title": issue.title,
        }),
        Action::Count { issue, .. } => json!({
            "do": "count", "issue": issue.number, "url": issue.url, "title": issue.title,
        }),
        Action::Choose { about, candidates } => json!({
            "do": "choose", "title": about,
            "candidates": candidates.iter().map(|issue| issue.number).collect::<Vec<_>>(),
        }),
    }
}

/// One outgoing effect and what became of it.
pub(super) fn delivery(row: &DeliveryRow) -> Value {
    json!({
        "delivery": row.id.0,
        "notification": row.notification.0,
        "answers": row.answers.map(|answered| answered.0),
        "kind": row.kind.name(),
        "state": state(row.state),
        "attempts": row.attempts,
        "due_at": row.due_at.map(words::timestamp),
        "in_doubt_since": row.in_doubt_since.map(words::timestamp),
        "receipt": row.receipt.as_ref().map(receipt),
        "confirmed_at": row.confirmed_at.map(words::timestamp),
        "given_up_by": row.given_up_by,
        "failed_why": row.failed_why,
        "last_error": row.last_error,
    })
}

fn state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued => "queued",
        DeliveryState::Claimed => "claimed",
        DeliveryState::InDoubt => "in_doubt",
        DeliveryState::Done => "done",
        DeliveryState::Failed => "failed",
    }
}

fn receipt(receipt: &Receipt) -> Value {
    match receipt {
        Receipt::Issue(issue) => json!({ "issue": issue.number, "url": issue.url }),
        Receipt::Mail { answer } => json!({ "answer": answer }),
    }
}
