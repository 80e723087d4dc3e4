//! The drafts that wait for a person, and lists of others in the same form.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::Site;
use super::frame::Notice;
use super::identity::Caller;
use super::room::{Page, Room, Shown};
use crate::desk::mails::with_summary;
use crate::desk::recovered::{in_short, recoveries};
use crate::desk::repeating::sent_before;
use crate::desk::summary;
use crate::desk::unfinished::unfinished;
use crate::desk::words::{age, date};
use crate::domain::life::Stage;
use crate::store::{ListFilter, NotificationId, NotificationRow};

/// More are counted, not listed.
const LISTED: usize = 50;

/// One notification of a list.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: i64,
    what: String,
    age: String,
    received: String,
    place: String,
    would: String,
    tier: &'static str,
    /// The same in words.
    sure: String,
    /// Where it stands, if it does not wait for a decision.
    standing: Option<String>,
    repeats: bool,
    /// Whether its builders pass again.
    recovered: Option<String>,
}

/// Shows the queue.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    site.answer(caller, Notice::of(&parameters), queue).await
}

fn queue(room: &Room<'_>) -> Result<Shown> {
    let store = &room.office.store;
    let rows = rows(room, ListFilter::ToDecide, LISTED)?;
    let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let it = json!({
        "title": "Waiting for a decision",
        "more": store.count(ListFilter::ToDecide)?.saturating_sub(shown),
        "rows": rows,
        "unfinished": unfinished(store)?.map(|it| it.words()),
        "held": store.count(ListFilter::Held)?,
        "file": room.form("/file"),
    });
    Ok(Shown::Page(Page::new("queue", "Queue", &it)?))
}

/// The rows of a list. Each is loaded by itself: one that cannot be read does not
/// hide the others.
pub(super) fn rows(room: &Room<'_>, filter: ListFilter, limit: usize) -> Result<Vec<Row>> {
    let store = &room.office.store;
    let mut rows = Vec::new();
    for id in store.list(filter, limit)? {
        rows.push(match store.load(id) {
            Ok(row) => one(room, &with_summary(store, row))?,
            Err(error) => unreadable(id, &error),
        });
    }
    Ok(rows)
}

fn one(room: &Room<'_>, row: &NotificationRow) -> Result<Row> {
    let to_decide = row.stage == Stage::Drafted && row.held.is_none();
    let repeats = sent_before(&room.office.store, &room.office.list, row, room.now)?;
    Ok(Row {
        id: row.id.0,
        what: summary::what_failed(row),
        age: age(row.received_at, room.now),
        received: date(row.received_at),
        place: summary::how_and_where(row),
        would: summary::would(row),
        tier: summary::tier(row),
        sure: summary::how_sure(row),
        standing: (!to_decide).then(|| summary::standing(row)),
        repeats: repeats.is_some(),
        recovered: in_short(&recoveries(&room.office.store, row)?),
    })
}

fn unreadable(id: NotificationId, error: &anyhow::Error) -> Row {
    Row {
        id: id.0,
        what: "its row cannot be read".to_owned(),
        age: String::new(),
        received: String::new(),
        place: String::new(),
        would: String::new(),
        tier: "",
        sure: String::new(),
        standing: Some(format!("{error:#}")),
        repeats: false,
        recovered: None,
    }
}
