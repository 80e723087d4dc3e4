//! All drafts of one incident that wait, approved together: each is named with the
//! digest that was shown, and each by itself is taken or refused.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::Site;
use super::identity::Caller;
use super::posted::{Fields, Posted};
use super::room::{Number, Page, Room, Shown, no_such};
use crate::desk::deciding::why_not;
use crate::desk::leaves::{Leaf, leaves};
use crate::desk::summary;
use crate::store::{IncidentId, ListFilter, NewDecision, NotificationId, NotificationRow};

/// Drafts that are looked at, the oldest first.
const LOOKED_AT: usize = 500;

#[derive(Serialize)]
struct Waiting {
    id: i64,
    key: String,
    /// What the form sends: `12:1:DIGEST`.
    choice: String,
    place: String,
    would: String,
    leaves: Vec<Leaf>,
}

#[derive(Serialize)]
struct Outcome {
    id: i64,
    key: String,
    words: String,
    tone: &'static str,
}

/// Shows them.
pub(super) async fn form(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Number(id): Number,
) -> Response {
    let make = move |room: &Room<'_>| page(room, IncidentId(id), Vec::new());
    site.answer(caller, None, make).await
}

fn page(room: &Room<'_>, incident: IncidentId, results: Vec<Outcome>) -> Result<Shown> {
    let store = &room.office.store;
    let mut drafts = Vec::new();
    let mut what = None;
    for id in store.list(ListFilter::ToDecide, LOOKED_AT)? {
        let of = store.incidents_of(id)?;
        let Some((index, _)) = of.iter().find(|(_, of)| **of == incident) else {
            continue;
        };
        let row = store.load(id)?;
        if what.is_none() {
            let failures = summary::failures(&row);
            what = failures
                .get(*index)
                .map(|(_, it)| summary::failure_alone(it));
        }
        drafts.extend(waiting(room, &row));
    }
    if what.is_none() && results.is_empty() {
        let known = store.incidents(room.now, LOOKED_AT)?;
        let found = known.iter().find(|it| it.incident == incident);
        match found {
            Some(found) => what = Some(summary::failure_alone(&found.failure)),
            None => return no_such(&format!("incident {}", incident.0)),
        }
    }
    let it = json!({
        "what": what.unwrap_or_else(|| format!("Incident {}", incident.0)),
        "drafts": drafts,
        "results": results,
        "form": room.form(format!("/incident/{}", incident.0)),
    });
    Ok(Shown::Page(Page::new("incident", "Incident", &it)?))
}

/// One that can be approved as it is.
fn waiting(room: &Room<'_>, row: &NotificationRow) -> Option<Waiting> {
    let draft = row.draft.as_ref()?;
    if draft.draft.is_undecided() {
        return None;
    }
    Some(Waiting {
        id: row.id.0,
        key: summary::key(row),
        choice: format!("{}:{}:{}", row.id, draft.revision, draft.digest),
        place: summary::how_and_where(row),
        would: summary::would(row),
        leaves: leaves(&draft.draft, room.office),
    })
}

/// Approves those that are marked.
pub(super) async fn approve(
    State(site): State<Arc<Site>>,
    Number(id): Number,
    posted: Posted,
) -> Response {
    let Posted { caller, fields } = posted;
    let make = move |room: &Room<'_>| {
        let results = approve_all(room, &fields)?;
        room.site.tell_decided();
        page(room, IncidentId(id), results)
    };
    site.answer(caller, None, make).await
}

fn approve_all(room: &Room<'_>, fields: &Fields) -> Result<Vec<Outcome>> {
    let mut results = Vec::new();
    for choice in fields.all("draft") {
        let mut parts = choice.splitn(3, ':');
        let (Some(id), Some(revision), Some(digest)) = (
            parts.next().and_then(|it| it.parse().ok()),
            parts.next().and_then(|it| it.parse().ok()),
            parts.next(),
        ) else {
            continue;
        };
        let id = NotificationId(id);
        if !room.office.store.exists(id)? {
            continue;
        }
        let row = room.office.store.load(id)?;
        let decision = NewDecision::of_person(id, (revision, digest), &room.caller.who, "");
        let desk = room.office.desk();
        let (words, tone) = match desk.approve(&row, &decision, &room.caller.who, room.now) {
            Ok(()) => ("approved".to_owned(), "good"),
            Err(why) => (format!("not approved: {}", why_not(&why, room.now)), "bad"),
        };
        results.push(Outcome {
            id: id.0,
            key: summary::key(&row),
            words,
            tone,
        });
    }
    Ok(results)
}
