//! What stands around every page: where to go, what keeps everything back, and what
//! was just done.

use std::collections::HashMap;

use anyhow::Result;
use serde::Serialize;

use super::room::{Form, Room};
use crate::store::{ListFilter, Switch};

/// The frame of one page.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    title: String,
    user: Option<String>,
    logout: Option<Form>,
    /// Drafts to decide on.
    waiting: u64,
    /// Deliveries in doubt.
    stuck: usize,
    stop: Option<String>,
    pause: Option<String>,
    notice: Option<String>,
}

/// What was done, as the address of the next page tells it. Only these words are
/// shown, whatever somebody writes into a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    what: &'static str,
    of: Option<u32>,
}

/// Each by its name in addresses.
const NOTICES: [(&str, &str); 14] = [
    ("approved", "approved: it leaves as soon as it can"),
    ("rejected", "rejected: nothing of it leaves"),
    ("held", "held: nothing of it leaves until it is released"),
    ("released", "released: it goes on"),
    ("retried", "starts over: it is read and matched again"),
    ("edited", "edited: this is the new revision"),
    ("linked", "linked: this is the new revision"),
    (
        "unchanged",
        "unchanged: that is what the draft says already",
    ),
    ("resolved", "resolved"),
    ("filed", "filed: it gets a draft like any other"),
    ("known", "is that build already"),
    ("stopped", "STOP was set"),
    ("switched", "Done"),
    ("trusted", "The copy of the tracker is trusted again"),
];

impl Notice {
    /// From an address's parameters.
    pub(super) fn of(parameters: &HashMap<String, String>) -> Option<Self> {
        let said = parameters.get("said")?;
        let (_, what) = NOTICES.iter().find(|(name, _)| name == said)?;
        Some(Self {
            what,
            of: parameters.get("of").and_then(|id| id.parse().ok()),
        })
    }

    fn words(&self) -> String {
        match self.of {
            Some(id) => format!("{id} {}.", self.what),
            None => format!("{}.", self.what),
        }
    }
}

/// The frame around a page of that title.
pub(super) fn frame(room: &Room<'_>, title: String, notice: Option<Notice>) -> Result<Frame> {
    let store = &room.office.store;
    let on = |switch| -> Result<Option<String>> {
        let state = store.switch(switch)?;
        Ok(state.map(|state| format!("{} (by {})", state.reason, state.who)))
    };
    Ok(Frame {
        title,
        user: Some(room.caller.who.as_str().to_owned()),
        logout: room.caller.session.map(|_| room.form("/logout")),
        waiting: store.count(ListFilter::ToDecide)?,
        stuck: store.doubts()?.len(),
        stop: on(Switch::Stop)?,
        pause: on(Switch::Pause)?,
        notice: notice.map(|notice| notice.words()),
    })
}

/// The frame of a page for whoever is not known yet.
pub(super) fn bare_frame(title: &str) -> Frame {
    Frame {
        title: title.to_owned(),
        user: None,
        logout: None,
        waiting: 0,
        stuck: 0,
        stop: None,
        pause: None,
        notice: None,
    }
}
