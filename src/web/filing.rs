//! A build that nobody mailed about, named by its address on the queue's page.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::Site;
use super::posted::Posted;
use super::room::{Message, Room, Shown, trouble};
use crate::desk::filing::{NotFiled, Taken};

/// Reads the build and takes it in; leads to its draft.
pub(super) async fn file(State(site): State<Arc<Site>>, posted: Posted) -> Response {
    let Posted { caller, fields } = posted;
    let filing = Arc::clone(&site.filing);
    let address = fields.get("address").trim().to_owned();
    let who = caller.who.as_str().to_owned();
    // The CI system may take its time: nobody else waits for it.
    let filed = tokio::task::spawn_blocking(move || filing(&address, &who)).await;
    let filed = match filed {
        Ok(filed) => filed,
        Err(error) => return trouble(&error.into()),
    };
    site.answer(caller, None, move |room| shown(room, filed))
        .await
}

fn shown(room: &Room<'_>, filed: Result<Taken, NotFiled>) -> Result<Shown> {
    match filed {
        Ok(Taken::New(id)) => {
            room.site.tell_decided();
            Ok(Shown::To(format!("/draft/{id}?said=filed&of={id}")))
        }
        Ok(Taken::Known(id) | Taken::Conflict(id)) => {
            Ok(Shown::To(format!("/draft/{id}?said=known&of={id}")))
        }
        Err(NotFiled::Trouble(error)) => Err(error),
        Err(why) => Message {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: "Not filed",
            words: format!("Nothing was filed: {why}. What to do: {}.", why.remedy()),
            to: "/".to_owned(),
            label: "To the queue",
        }
        .page(),
    }
}
