//! STOP, pause, and a copy of the tracker that is trusted again.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::Site;
use super::posted::{Fields, Posted};
use super::room::{Message, Room, Shown, no_such};
use crate::desk::words::when;
use crate::domain::decision::Reason;
use crate::store::Switch;

/// What a switch says when nobody gave a reason.
const NO_REASON: &str = "no reason given";

/// Somebody was faster, or the copy itself is not as it should be, for which nobody
/// can vouch.
const NOT_SUSPICIOUS: &str = "No listing of the tracker is suspicious (any more), so there is \
     nothing to trust. If a search here does not find what it must, list the tracker's reports \
     anew: buildbot-watch sync.";

/// Turns a switch.
pub(super) async fn switch(
    State(site): State<Arc<Site>>,
    Path(what): Path<String>,
    posted: Posted,
) -> Response {
    let Posted { caller, fields } = posted;
    let make = move |room: &Room<'_>| switched(room, &what, &fields);
    site.answer(caller, None, make).await
}

fn switched(room: &Room<'_>, what: &str, fields: &Fields) -> Result<Shown> {
    let store = &room.office.store;
    let who = room.caller.who.as_str();
    let said = match what {
        "stop" => return turn_on(room, Switch::Stop, fields),
        "pause" => return turn_on(room, Switch::Pause, fields),
        "clear-stop" => {
            store.switch_off(Switch::Stop, who, room.now)?;
            "switched"
        }
        "resume" => {
            store.switch_off(Switch::Pause, who, room.now)?;
            "switched"
        }
        "trust-mirror" => {
            let mirror = store.mirror(&room.office.around.tracker);
            if mirror.state()?.suspicious.is_none() {
                return refused(NOT_SUSPICIOUS.to_owned());
            }
            mirror.accept(who, room.now)?;
            "trusted"
        }
        _ => return no_such("such switch"),
    };
    room.site.tell_decided();
    Ok(Shown::To(format!("/status?said={said}")))
}

/// Nothing was done.
fn refused(words: String) -> Result<Shown> {
    Message {
        status: StatusCode::CONFLICT,
        title: "Not done",
        words,
        to: "/status".to_owned(),
        label: "To the status",
    }
    .page()
}

fn turn_on(room: &Room<'_>, switch: Switch, fields: &Fields) -> Result<Shown> {
    let store = &room.office.store;
    if let Some(was) = store.switch(switch)? {
        let (when, who) = (when(was.at, room.now), was.who);
        let what = match switch {
            Switch::Stop => "STOP is on",
            Switch::Pause => "It is paused",
        };
        return refused(format!("{what} already, by {who} {when}: {}", was.reason));
    }
    let reason = match fields.get("reason").trim() {
        "" => Reason::new(NO_REASON),
        reason => Reason::new(reason),
    };
    let reason = match reason {
        Ok(reason) => reason,
        Err(why) => return refused(why.0),
    };
    let who = room.caller.who.as_str();
    store.switch_on(switch, reason.as_str(), who, room.now)?;
    room.site.tell_decided();
    let said = match switch {
        Switch::Stop => "stopped",
        Switch::Pause => "switched",
    };
    Ok(Shown::To(format!("/status?said={said}")))
}
