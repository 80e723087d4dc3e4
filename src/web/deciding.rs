//! Approve, reject, hold, release, retry: a word on exactly the draft that was
//! shown. What each says besides is what the command line's says.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::response::Response;

use super::Site;
use super::posted::{Fields, Posted};
use super::room::{Room, Shown, no_such};
use super::stale::{Seen, misunderstood, not_decided, refused};
use crate::desk::linking::{confirm_proposals, refuse_proposal};
use crate::domain::decision::{self, Decision};
use crate::store::{NewDecision, NotDecided, NotificationId, NotificationRow};

/// What a hold says when nobody gave a reason.
const NO_REASON: &str = "no reason given";

/// Lets exactly the draft that was shown leave.
pub(super) async fn approve(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    posted: Posted,
) -> Response {
    decide(site, id, posted, |_| "approve".to_owned()).await
}

/// Refuses a draft for good.
pub(super) async fn reject(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    posted: Posted,
) -> Response {
    decide(site, id, posted, |fields| {
        format!("reject {}", fields.get("reason"))
    })
    .await
}

/// Lays a draft aside.
pub(super) async fn hold(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    posted: Posted,
) -> Response {
    decide(site, id, posted, |fields| {
        match fields.get("reason").trim() {
            "" => format!("hold {NO_REASON}"),
            reason => format!("hold {reason}"),
        }
    })
    .await
}

/// Lets go of it.
pub(super) async fn release(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    posted: Posted,
) -> Response {
    decide(site, id, posted, |_| "release".to_owned()).await
}

/// Starts over with a notification.
pub(super) async fn retry(
    State(site): State<Arc<Site>>,
    Path(id): Path<i64>,
    posted: Posted,
) -> Response {
    let Posted { caller, fields } = posted;
    let make = move |room: &Room<'_>| {
        let id = NotificationId(id);
        let seen = Seen {
            id,
            digest: fields.get("digest"),
            kept: None,
        };
        let who = room.caller.who.as_str();
        match room.office.store.start_over(id, who, room.now) {
            Err(why) => not_decided(room, seen, why),
            Ok(()) => Ok(done(room, id, "retried")),
        }
    };
    site.answer(caller, None, make).await
}

/// Takes a decision in the words of the one grammar.
async fn decide(
    site: Arc<Site>,
    id: i64,
    posted: Posted,
    line: impl FnOnce(&Fields) -> String,
) -> Response {
    let Posted { caller, fields } = posted;
    let line = line(&fields);
    let make = move |room: &Room<'_>| decided(room, NotificationId(id), &line, &fields);
    site.answer(caller, None, make).await
}

fn decided(room: &Room<'_>, id: NotificationId, line: &str, fields: &Fields) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    let decision = match Decision::parse(line) {
        Ok(decision) => decision,
        Err(why) => return misunderstood(id, why.0),
    };
    let row = store.load(id)?;
    let seen = Seen {
        id,
        digest: fields.get("digest"),
        kept: None,
    };
    if let Err(page) = may(room, &row, seen, &decision) {
        return page;
    }
    let who = room.caller.who.as_str();
    let revision = fields.get("revision").parse().unwrap_or(0);
    let new = |reason| NewDecision {
        notification: id,
        revision,
        digest: seen.digest,
        who,
        reason,
        auto_rule: None,
    };
    let taken = match &decision {
        Decision::Approve => approved(room, &row, &new("")).map(|()| "approved"),
        Decision::Reject { reason } => {
            let is_right = fields.get("right-report") == "yes";
            rejected(room, &row, &new(reason.as_str()), is_right).map(|()| "rejected")
        }
        Decision::Hold { reason } => store
            .hold(id, reason.as_str(), who, room.now)
            .map(|()| "held")
            .map_err(NotDecided::Store),
        Decision::Release => store
            .release(id, who, room.now)
            .map(|_| "released")
            .map_err(NotDecided::Store),
        // These have pages of their own.
        Decision::Link { .. } | Decision::Edit => return no_such("such decision"),
    };
    match taken {
        Ok(said) => Ok(done(room, id, said)),
        Err(why) => not_decided(room, seen, why),
    }
}

/// Whether it can be decided so now, on the draft that was shown; else the page that
/// says why not. The store asks once more, in the transaction of the decision.
pub(super) fn may(
    room: &Room<'_>,
    row: &NotificationRow,
    seen: Seen<'_>,
    decision: &Decision,
) -> Result<(), Result<Shown>> {
    if let Some(earlier) = faster(row, decision) {
        return Err(not_decided(room, seen, earlier));
    }
    let current = row.draft.as_ref().map_or("", |draft| draft.digest.as_str());
    if current != seen.digest
        && let Some(draft) = &row.draft
    {
        let why = NotDecided::Revised {
            shown: 0,
            current: draft.revision,
            made_by: draft.made_by.clone(),
            made_at: draft.made_at,
        };
        return Err(not_decided(room, seen, why));
    }
    let held = row.held.as_ref().map(|held| held.why.as_str());
    decision::allowed(row.stage, held, decision).map_err(|why| refused(room, seen, &why.0))
}

/// Somebody decided before; holding back what was approved is still possible.
fn faster(row: &NotificationRow, decision: &Decision) -> Option<NotDecided> {
    use crate::domain::life::FinalWord;
    use crate::store::DecisionKind;
    if matches!(decision, Decision::Hold { .. } | Decision::Release) {
        return None;
    }
    let earlier = row.decision.as_ref()?;
    Some(NotDecided::AlreadyDecided {
        word: match earlier.kind {
            DecisionKind::Approve => FinalWord::Approved,
            _ => FinalWord::Rejected,
        },
        who: earlier.who.clone(),
        at: earlier.at,
    })
}

/// Approves, and remembers what that says of the reports.
pub(super) fn approved(
    room: &Room<'_>,
    row: &NotificationRow,
    new: &NewDecision<'_>,
) -> Result<(), NotDecided> {
    room.office.store.approve(new, room.now)?;
    let desk = room.office.desk();
    confirm_proposals(&desk, row, &room.caller.who, room.now)
        .context("the approval is kept, but not what it says of the reports")?;
    Ok(())
}

fn rejected(
    room: &Room<'_>,
    row: &NotificationRow,
    new: &NewDecision<'_>,
    is_right_report: bool,
) -> Result<(), NotDecided> {
    room.office.store.reject(new, room.now)?;
    if !is_right_report {
        let desk = room.office.desk();
        refuse_proposal(&desk, row, &room.caller.who, room.now)
            .context("the rejection is kept, but not what it says of the report")?;
    }
    Ok(())
}

/// It is decided: on to the queue, or to the draft where that goes on.
fn done(room: &Room<'_>, id: NotificationId, said: &str) -> Shown {
    room.site.tell_decided();
    let place = match said {
        "approved" | "rejected" => "/".to_owned(),
        _ => format!("/draft/{id}"),
    };
    Shown::To(format!("{place}?said={said}&of={id}"))
}
