//! A decision that was not taken: because of what, and what changed meanwhile.

use anyhow::Result;
use axum::http::StatusCode;
use serde_json::json;

use super::room::{Message, Page, Room, Shown, no_such};
use crate::desk::differences::{Kind, differences};
use crate::desk::words::when;
use crate::domain::draft::to_editable;
use crate::store::{NotDecided, NotificationId};

/// What somebody decided on: the draft as it was shown to them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) id: NotificationId,
    pub(super) digest: &'a str,
    /// What they wrote, which is not thrown away.
    pub(super) kept: Option<&'a str>,
}

/// The page for a decision that the store, or the draft's stage, did not take.
pub(super) fn not_decided(room: &Room<'_>, seen: Seen<'_>, why: NotDecided) -> Result<Shown> {
    let id = seen.id;
    let (title, words) = match why {
        NotDecided::Store(error) => return Err(error),
        NotDecided::Unknown(id) => return no_such(&format!("notification {id}")),
        NotDecided::AlreadyDecided { word, who, at } => (
            "Somebody was faster",
            format!("{id} was {word} by {who} {}", when(at, room.now)),
        ),
        NotDecided::Revised {
            current,
            made_by,
            made_at,
            ..
        } => (
            "The draft is not the one you saw",
            format!(
                "{made_by} made revision {current} of {id} {}",
                when(made_at, room.now)
            ),
        ),
        other => ("Not now", format!("{id}: {other}")),
    };
    page(room, seen, title, words)
}

/// The page for what the grammar does not allow here.
pub(super) fn refused(room: &Room<'_>, seen: Seen<'_>, why: &str) -> Result<Shown> {
    page(room, seen, "Not now", format!("{}: {why}", seen.id))
}

fn page(room: &Room<'_>, seen: Seen<'_>, title: &str, words: String) -> Result<Shown> {
    let it = json!({
        "id": seen.id.0,
        "title": title,
        "words": words,
        "changes": changes(room, seen)?,
        "kept": seen.kept,
    });
    let page = Page::new("stale", title, &it)?.with_status(StatusCode::CONFLICT);
    Ok(Shown::Page(page))
}

/// The texts line by line, from the revision that was shown to the current one; empty
/// if they are the same or nobody has seen that revision.
fn changes(room: &Room<'_>, seen: Seen<'_>) -> Result<Vec<serde_json::Value>> {
    let all = room.office.store.drafts(seen.id)?;
    let shown = all.iter().find(|draft| draft.digest == seen.digest);
    let (Some(shown), Some(current)) = (shown, all.last()) else {
        return Ok(Vec::new());
    };
    if shown.revision == current.revision {
        return Ok(Vec::new());
    }
    let (before, after) = (to_editable(&shown.draft), to_editable(&current.draft));
    let lines = differences(&before, &after);
    if lines.iter().all(|(kind, _)| *kind == Kind::Same) {
        return Ok(Vec::new());
    }
    Ok(lines
        .into_iter()
        .map(|(kind, text)| {
            let (kind, mark) = match kind {
                Kind::Same => ("same", " "),
                Kind::Added => ("added", "+"),
                Kind::Removed => ("removed", "-"),
            };
            json!({ "kind": kind, "mark": mark, "text": text })
        })
        .collect())
}

/// What somebody wrote cannot be understood, and nothing was done.
pub(super) fn misunderstood(id: NotificationId, words: String) -> Result<Shown> {
    Message {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "Not understood",
        words: format!("{words}. Nothing was done."),
        to: format!("/draft/{id}"),
        label: "Back to the draft",
    }
    .page()
}
