//! What was decided and is on its way, what is in doubt, refused, held or stuck.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::Site;
use super::identity::Caller;
use super::mending::{Delivery, delivery};
use super::queue::{Row, rows};
use super::room::{Page, Room, Shown};
use crate::store::{DeliveryRow, ListFilter};

/// More are not listed.
const LISTED: usize = 50;

#[derive(Serialize)]
struct List {
    title: &'static str,
    rows: Vec<Row>,
    deliveries: Vec<Delivery>,
    nothing: Option<&'static str>,
}

/// Shows all of them.
pub(super) async fn show(State(site): State<Arc<Site>>, caller: Caller) -> Response {
    site.answer(caller, None, underway).await
}

fn underway(room: &Room<'_>) -> Result<Shown> {
    let store = &room.office.store;
    let of = |row: DeliveryRow| delivery(room, &row, Some(row.notification));
    let deliveries = |title, rows: Vec<DeliveryRow>| List {
        title,
        rows: Vec::new(),
        deliveries: rows.into_iter().map(of).collect(),
        nothing: None,
    };
    let list = |title, filter| -> Result<List> {
        Ok(List {
            title,
            rows: rows(room, filter, LISTED)?,
            deliveries: Vec::new(),
            nothing: None,
        })
    };
    let mut lists = vec![
        deliveries(
            "In doubt: did these arrive? They are never sent again by themselves",
            store.doubts()?,
        ),
        deliveries("Refused for good", store.failed_deliveries(LISTED)?),
        list("On their way", ListFilter::Underway)?,
        list("Held", ListFilter::Held)?,
        list("Quarantined", ListFilter::Quarantined)?,
        list("Attached to another", ListFilter::Attached)?,
    ];
    lists.retain(|list| !list.rows.is_empty() || !list.deliveries.is_empty());
    if lists.is_empty() {
        lists.push(List {
            title: "Under way",
            rows: Vec::new(),
            deliveries: Vec::new(),
            nothing: Some("Nothing is on its way, in doubt, held or stuck."),
        });
    }
    let it = json!({ "lists": lists });
    Ok(Shown::Page(Page::new("underway", "Under way", &it)?))
}
