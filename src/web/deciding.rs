//! Approve, reject, hold, release, retry: a word on exactly the draft that was
//! shown. What each says besides is what the command line's says.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::response::Response;

use super::Site;
use super::posted::{Fields, Posted};
use super::room::{Number, Room, Shown, no_such};
use super::stale::{Seen, misunderstood, not_decided, refused};
use crate::desk::deciding::{self, Hindrance, Proposal};
use crate::domain::decision::Decision;
use crate::store::{NewDecision, NotDecided, NotificationId, NotificationRow};

/// What a hold says when nobody gave a reason.
const NO_REASON: &str = "no reason given";

/// Lets exactly the draft that was shown leave.
pub(super) async fn approve(
    State(site): State<Arc<Site>>,
    Number(id): Number,
    posted: Posted,
) -> Response {
    decide(site, id, posted, |_| "approve".to_owned()).await
}

/// Refuses a draft for good.
pub(super) async fn reject(
    State(site): State<Arc<Site>>,
    Number(id): Number,
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
    Number(id): Number,
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
    Number(id): Number,
    posted: Posted,
) -> Response {
    decide(site, id, posted, |_| "release".to_owned()).await
}

/// Starts over with a notification.
pub(super) async fn retry(
    State(site): State<Arc<Site>>,
    Number(id): Number,
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
    let shown = (revision, seen.digest);
    let new = |reason| NewDecision::of_person(id, shown, &room.caller.who, reason);
    let desk = room.office.desk();
    let taken = match &decision {
        Decision::Approve => desk
            .approve(&row, &new(""), &room.caller.who, room.now)
            .map(|()| "approved"),
        Decision::Reject { reason } => {
            let proposal = match fields.get("right-report") {
                "yes" => Proposal::Right,
                _ => Proposal::Wrong,
            };
            let by = (&room.caller.who, proposal);
            desk.reject(&row, &new(reason.as_str()), by, room.now)
                .map(|_| "rejected")
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
    match deciding::may(row, seen.digest, decision) {
        Ok(()) => Ok(()),
        Err(Hindrance::Late(why)) => Err(not_decided(room, seen, why)),
        Err(Hindrance::NotAllowed(why)) => Err(refused(room, seen, &why.0)),
    }
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
