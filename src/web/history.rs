//! The audit trail.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::Site;
use super::identity::Caller;
use super::queue::rows;
use super::room::{Number, Page, Room, Shown, no_such};
use crate::desk::words::date;
use crate::store::{AuditLine, ListFilter, NotificationId};

/// Lines of the trail that are shown.
const LINES: usize = 200;

/// Notifications that are shown.
const LISTED: usize = 30;

/// What happened lately to anything, the last first.
pub(super) async fn of_all(State(site): State<Arc<Site>>, caller: Caller) -> Response {
    site.answer(caller, None, all).await
}

fn all(room: &Room<'_>) -> Result<Shown> {
    let trail = room.office.store.recent_trail(LINES)?;
    let mut closed = rows(room, ListFilter::Delivered, LISTED)?;
    closed.extend(rows(room, ListFilter::Closed(None), LISTED)?);
    let it = json!({
        "title": "History",
        "lines": trail.iter().map(line).collect::<Vec<_>>(),
        "rows": closed,
    });
    Ok(Shown::Page(Page::new("history", "History", &it)?))
}

fn line(line: &AuditLine) -> Value {
    json!({
        "at": date(line.at),
        "id": line.notification.map(|id| id.0),
        "what": line.what,
        "who": line.who,
        "detail": line.detail,
    })
}

/// Everything that happened to one notification, oldest first.
pub(super) async fn of_one(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Number(id): Number,
) -> Response {
    let make = move |room: &Room<'_>| one(room, NotificationId(id));
    site.answer(caller, None, make).await
}

fn one(room: &Room<'_>, id: NotificationId) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    let title = format!("History of {id}");
    let trail = store.trail(id)?;
    let it = json!({
        "title": title,
        "lines": trail.iter().map(line).collect::<Vec<_>>(),
        "rows": [],
    });
    Ok(Shown::Page(Page::new("history", title, &it)?))
}
