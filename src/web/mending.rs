//! What became of what left, and the ways out where nobody knows or it was refused.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Site;
use super::posted::{Fields, Posted};
use super::room::{Form, Message, Number, Room, Shown, no_such};
use crate::desk::resolving::receipt;
use crate::desk::summary;
use crate::desk::words::date;
use crate::domain::delivery::{DeliveryKind, Receipt};
use crate::domain::life::DeliveryState;
use crate::store::{DeliveryId, DeliveryRow, NotificationId, Resolution};

/// One delivery.
#[derive(Debug, Serialize)]
pub(super) struct Delivery {
    what: &'static str,
    tone: &'static str,
    state: String,
    found: Option<String>,
    link: Option<String>,
    /// Whose it is, where that is not plain.
    draft: Option<i64>,
    notes: Vec<String>,
    resolve: Option<Form>,
    /// What to give as a proof that it arrived.
    proof: &'static str,
}

/// A delivery as it is shown.
pub(super) fn delivery(room: &Room<'_>, row: &DeliveryRow, of: Option<NotificationId>) -> Delivery {
    let is_stuck = matches!(row.state, DeliveryState::InDoubt | DeliveryState::Failed);
    let (found, link) = match &row.receipt {
        Some(Receipt::Issue(issue)) => {
            (Some(format!("#{}", issue.number)), Some(issue.url.clone()))
        }
        Some(Receipt::Mail { answer }) => (Some(answer.clone()), None),
        None => (None, None),
    };
    Delivery {
        what: summary::effect(row),
        tone: match row.state {
            DeliveryState::Done => "good",
            DeliveryState::Queued | DeliveryState::Claimed => "dim",
            DeliveryState::InDoubt => "warn",
            DeliveryState::Failed => "bad",
        },
        state: row.state.to_string(),
        found,
        link,
        draft: of.map(|id| id.0),
        notes: notes(room, row),
        resolve: is_stuck.then(|| room.form(format!("/delivery/{}/resolve", row.id))),
        proof: match row.kind {
            DeliveryKind::Reply => "Where you saw it",
            DeliveryKind::OpenIssue | DeliveryKind::Comment => "The report's number or address",
        },
    }
}

fn notes(room: &Room<'_>, row: &DeliveryRow) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(at) = row.confirmed_at {
        notes.push(format!("confirmed by the list's copy at {}", date(at)));
    }
    let why = match row.state {
        DeliveryState::Failed => row.failed_why.as_ref(),
        DeliveryState::Done => None,
        _ => row.last_error.as_ref(),
    };
    notes.extend(why.cloned());
    if row.state == DeliveryState::Queued
        && let Some(due) = row.due_at.filter(|due| *due > room.now)
    {
        notes.push(format!(
            "tried {} times; again at {}",
            row.attempts,
            date(due)
        ));
    }
    notes
}

/// Records what a person found out.
pub(super) async fn resolve(
    State(site): State<Arc<Site>>,
    Number(id): Number,
    posted: Posted,
) -> Response {
    let Posted { caller, fields } = posted;
    let make = move |room: &Room<'_>| resolved(room, DeliveryId(id), &fields);
    site.answer(caller, None, make).await
}

fn resolved(room: &Room<'_>, id: DeliveryId, fields: &Fields) -> Result<Shown> {
    let store = &room.office.store;
    let Ok(row) = store.delivery(id) else {
        return no_such(&format!("delivery {id}"));
    };
    let to = format!("/draft/{}", row.notification);
    let refused = |words: String| {
        Message {
            status: StatusCode::CONFLICT,
            title: "Not resolved",
            words,
            to: to.clone(),
            label: "Back to the draft",
        }
        .page()
    };
    if !matches!(row.state, DeliveryState::InDoubt | DeliveryState::Failed) {
        return refused(format!(
            "Delivery {id} is {}: there is nothing to resolve.",
            row.state
        ));
    }
    let resolution = match fields.get("finding") {
        "happened" => {
            let Some(receipt) = receipt(&room.office.desk(), &row, fields.get("proof"))? else {
                let tracker = room.office.tracker.name();
                return refused(format!("That is not a report of {tracker}."));
            };
            Resolution::Happened(receipt)
        }
        "try-again" => Resolution::TryAgain,
        "give-up" => Resolution::GiveUp,
        _ => return refused("Say what became of it.".to_owned()),
    };
    store.resolve(id, &resolution, room.caller.who.as_str(), room.now)?;
    room.site.tell_decided();
    Ok(Shown::To(format!("{to}?said=resolved")))
}
