//! How things stand, and the switches.

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
use crate::desk::facts::{Facts, gather, health};
use crate::desk::outside::{self, Mood};
use crate::desk::words::{age, count, when};
use crate::store::{MirrorHealth, SwitchState};

#[derive(Serialize)]
struct Part {
    title: &'static str,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    words: String,
    tone: &'static str,
    /// Where more is to be seen.
    to: Option<&'static str>,
}

/// Shows how things stand.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    site.answer(caller, Notice::of(&parameters), status).await
}

fn status(room: &Room<'_>) -> Result<Shown> {
    let facts = gather(&room.office.around, &room.office.store, room.now)?;
    let part = |title, lines| Part { title, lines };
    let mut parts = vec![
        part("Wants a person", trouble(room, &facts)),
        part("What leaves", switches(room, &facts)),
        part("Drafts", drafts(room, &facts)),
        part("Tracker", tracker(room, &facts)),
        part("List and people", outside(room, &facts)),
    ];
    parts.retain(|part| !part.lines.is_empty());
    let form = |what: &str| room.form(format!("/switch/{what}"));
    let suspicious = matches!(facts.tracker.health, MirrorHealth::Suspicious(_));
    let it = json!({
        "parts": parts,
        "stop": facts.stop.is_none().then(|| form("stop")),
        "clear_stop": facts.stop.is_some().then(|| form("clear-stop")),
        "pause": facts.pause.is_none().then(|| form("pause")),
        "resume": facts.pause.is_some().then(|| form("resume")),
        "trust": suspicious.then(|| form("trust-mirror")),
    });
    Ok(Shown::Page(Page::new("status", "Status", &it)?))
}

fn deliveries(number: usize) -> String {
    match number {
        1 => "1 delivery".to_owned(),
        more => format!("{more} deliveries"),
    }
}

fn line(name: &str, words: impl Into<String>, tone: &'static str) -> Line {
    Line {
        name: name.to_owned(),
        words: words.into(),
        tone,
        to: None,
    }
}

impl Line {
    fn to(self, place: &'static str) -> Self {
        Self {
            to: Some(place),
            ..self
        }
    }
}

fn switches(room: &Room<'_>, facts: &Facts) -> Vec<Line> {
    let (words, tone) = match facts.service {
        Some(true) => ("running", "good"),
        Some(false) if room.site.decided.is_some() => {
            ("not needed: in a demo the page does what is due", "good")
        }
        Some(false) => ("not running: nothing is read and nothing leaves", "warn"),
        None => ("unknown: its lock file cannot be looked at", "warn"),
    };
    let switch = |name, state: Option<&SwitchState>, tone| match state {
        None => line(name, "off", ""),
        Some(on) => {
            let since = age(on.at, room.now);
            line(
                name,
                format!("ON for {since}, by {}: {}", on.who, on.reason),
                tone,
            )
        }
    };
    let rules = facts.auto.iter().map(|stand| {
        let tone = match (stand.acts, stand.is_meant) {
            (true, _) => "good",
            (false, true) => "warn",
            (false, false) => "",
        };
        line("Automatic rule", stand.in_words(), tone)
    });
    let mut lines = vec![
        line("Service", words, tone),
        switch("STOP", facts.stop.as_ref(), "bad"),
        switch("Pause", facts.pause.as_ref(), "warn"),
    ];
    lines.extend(rules);
    for cap in &facts.caps {
        let tone = if cap.used >= cap.allowed { "warn" } else { "" };
        let words = format!("{} of {} {}", cap.used, cap.allowed, cap.name);
        lines.push(line("Sent", words, tone));
    }
    lines
}

fn drafts(room: &Room<'_>, facts: &Facts) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, number) in &facts.counts {
        let (label, to, is_always_told) = match *name {
            "to decide" => ("To decide", "/", true),
            "attached" => ("Attached", "/underway", false),
            "held" => ("Held", "/underway", false),
            "underway" => ("On their way", "/underway", false),
            "quarantined" => ("Quarantined", "/underway", false),
            "delivered" => ("Delivered", "/history", true),
            "closed" => ("Closed", "/history", true),
            _ => continue,
        };
        if *number == 0 && !is_always_told {
            continue;
        }
        let oldest = facts.oldest.filter(|_| *name == "to decide");
        let waits = facts.waits_for.as_ref().filter(|_| *name == "underway");
        let words = match (oldest, waits) {
            (Some(at), _) => format!("{number}, the oldest {} old", age(at, room.now)),
            (_, Some(why)) => format!("{number}, waits: {why}"),
            _ => number.to_string(),
        };
        let tone = if is_always_told { "" } else { "warn" };
        lines.push(line(label, words, tone).to(to));
    }
    if let Some(unfinished) = &facts.unfinished {
        lines.push(line("No draft yet", unfinished.words(), "warn"));
    }
    let closed = facts.closed.iter().filter(|(_, number)| *number > 0);
    let reasons: Vec<String> = closed
        .map(|(reason, number)| format!("{number} {reason}"))
        .collect();
    if !reasons.is_empty() {
        lines.push(line("Closed as", reasons.join(", "), ""));
    }
    lines
}

fn tracker(room: &Room<'_>, facts: &Facts) -> Vec<Line> {
    let tracker = &facts.tracker;
    let words = format!(
        "{}: {} known, {} open",
        tracker.name,
        count(
            usize::try_from(tracker.reports).unwrap_or(usize::MAX),
            "report"
        ),
        tracker.open
    );
    let mut lines = vec![line("Tracker", words, "")];
    lines.push(match health(&tracker.health) {
        (word, None) => {
            let at = tracker.complete_at.map_or(String::new(), |at| {
                format!(", read {} ago", age(at, room.now))
            });
            line("Its copy here", format!("{word}{at}"), "good")
        }
        (word, Some(why)) => line("Its copy here", format!("{word}: {why}"), "warn"),
    });
    if let Some(listing) = &tracker.listing {
        let words = format!(
            "for {}: {} reports and comments so far",
            age(listing.begun_at, room.now),
            listing.given
        );
        lines.push(line("Being listed", words, ""));
    }
    lines
}

fn outside(room: &Room<'_>, facts: &Facts) -> Vec<Line> {
    let mut lines = vec![line("Mailbox", room.office.around.mailbox.clone(), "")];
    lines.push(match facts.last_mail {
        Some(at) => line("Last mail", when(at, room.now), ""),
        None => line("Last mail", "none yet", ""),
    });
    if let Some(silence) = &facts.silence {
        let hours = silence.usual / 3600;
        let words = format!(
            "for longer than usual (at most {hours} h lately): does the subscription still work?"
        );
        lines.push(line("Silent", words, "warn"));
    }
    for told in outside::outside(facts, room.now) {
        let tone = match told.mood {
            Mood::Plain => "",
            Mood::Doubtful => "warn",
            Mood::Bad => "bad",
        };
        lines.push(line(told.name, told.words, tone));
    }
    lines
}

/// What does not go on by itself, or not as it should.
fn trouble(room: &Room<'_>, facts: &Facts) -> Vec<Line> {
    let mut lines = Vec::new();
    if facts.is_disk_full {
        let words = "The disk under the database is full: nothing is done until there is room. \
                     Nothing is lost";
        lines.push(line("Trouble", words, "bad"));
    }
    for it in &facts.troubles {
        lines.push(line("Trouble", outside::trouble(it, room.now), "bad"));
    }
    for (name, number, tone) in [
        (
            "Not seen on the list for over 1 h",
            facts.unseen.len(),
            "warn",
        ),
        ("In doubt", facts.doubts.len(), "warn"),
        ("Refused for good", facts.failed.len(), "bad"),
    ] {
        if number > 0 {
            let words = deliveries(number);
            lines.push(line(name, words, tone).to("/underway"));
        }
    }
    if !facts.conflicts.is_empty() {
        let ids: Vec<String> = facts.conflicts.iter().map(ToString::to_string).collect();
        let words = format!(
            "other content with the same Message-ID beside {}",
            ids.join(", ")
        );
        lines.push(line("Conflicts", words, "warn"));
    }
    lines
}
