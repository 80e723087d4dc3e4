//! The texts of a draft, changed in place: the document of `edit`, in a form.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Site;
use super::deciding::may;
use super::identity::Caller;
use super::posted::{Fields, Posted};
use super::room::{Number, Page, Room, Shown, no_such};
use super::stale::{Seen, not_decided, refused};
use crate::desk::summary;
use crate::domain::decision::Decision;
use crate::domain::draft::{from_editable, to_editable};
use crate::store::{Change, DraftRow, NewDecision, NotificationId, NotificationRow};

/// Shows the texts to change.
pub(super) async fn form(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Number(id): Number,
) -> Response {
    let make = move |room: &Room<'_>| to_edit(room, NotificationId(id));
    site.answer(caller, None, make).await
}

fn to_edit(room: &Room<'_>, id: NotificationId) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    let row = store.load(id)?;
    let seen = Seen {
        id,
        digest: row.draft.as_ref().map_or("", |draft| draft.digest.as_str()),
        kept: None,
    };
    if let Err(page) = may(room, &row, seen, &Decision::Edit) {
        return page;
    }
    let Some(draft) = &row.draft else {
        return refused(room, seen, "there is no draft to edit");
    };
    let text = to_editable(&draft.draft);
    Ok(Shown::Page(page(room, &row, draft, (&text, None))?))
}

fn page(
    room: &Room<'_>,
    row: &NotificationRow,
    draft: &DraftRow,
    (text, mistake): (&str, Option<String>),
) -> Result<Page> {
    let it = json!({
        "id": row.id.0,
        "key": summary::key(row),
        "text": text,
        "mistake": mistake,
        "form": room.form_on(row.id, "edit", Some(draft)),
    });
    Page::new("edit", format!("Edit {}", row.id), &it)
}

/// Keeps the changed texts as a new revision.
pub(super) async fn edit(
    State(site): State<Arc<Site>>,
    Number(id): Number,
    posted: Posted,
) -> Response {
    let Posted { caller, fields } = posted;
    let make = move |room: &Room<'_>| edited(room, NotificationId(id), &fields);
    site.answer(caller, None, make).await
}

fn edited(room: &Room<'_>, id: NotificationId, fields: &Fields) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    // Browsers send forms with the line breaks of mails.
    let text = fields.get("text").replace("\r\n", "\n");
    let seen = Seen {
        id,
        digest: fields.get("digest"),
        kept: Some(&text),
    };
    let row = store.load(id)?;
    if let Err(page) = may(room, &row, seen, &Decision::Edit) {
        return page;
    }
    let Some(draft) = &row.draft else {
        return refused(room, seen, "there is no draft to edit");
    };
    let new = match from_editable(&text, &draft.draft) {
        Ok(new) => new,
        Err(mistake) => {
            let page = page(room, &row, draft, (&text, Some(mistake.to_string())))?;
            let page = page.with_status(StatusCode::UNPROCESSABLE_ENTITY);
            return Ok(Shown::Page(page));
        }
    };
    if new == draft.draft {
        return Ok(Shown::To(format!("/draft/{id}?said=unchanged&of={id}")));
    }
    let shown = (draft.revision, seen.digest);
    let decision = NewDecision::of_person(id, shown, &room.caller.who, "");
    match store.revise(&decision, Change::Edit, &new, room.now) {
        Ok(_) => {
            room.site.tell_decided();
            Ok(Shown::To(format!("/draft/{id}?said=edited&of={id}")))
        }
        Err(why) => not_decided(room, seen, why),
    }
}
