//! `pause`, `resume`, `stop`, `clear-stop`, `trust-mirror`, `hold`, `release`,
//! `retry`: what keeps things back, and lets go of them.

use anyhow::Result;
use serde_json::json;

use super::args::{DraftId, Who};
use super::deciding::allowed;
use super::delivering::{Worker, settle_demo};
use super::facts;
use super::json as shapes;
use super::refusal::Refusal;
use super::session::Session;
use super::summary;
use super::who::who;
use super::words::{age, cut, wrapped};
use crate::domain::decision::{Decision, Reason};
use crate::domain::untrusted::terminal;
use crate::store::Switch;

/// What a hold or a pause says when nobody gave a reason.
const NO_REASON: &str = "no reason given";

/// Lets nothing leave for now.
pub(super) fn pause(session: &Session, reason: &str, by: &Who) -> Result<()> {
    turn_on(session, Switch::Pause, reason, by)?;
    session
        .screen
        .say("Paused: nothing leaves. Mails are still read and drafted.");
    session.next(&[("resume".to_owned(), "let approved drafts leave again")]);
    Ok(())
}

/// Stops everything at once.
pub(super) fn stop(session: &Session, reason: &str, by: &Who) -> Result<()> {
    turn_on(session, Switch::Stop, reason, by)?;
    session
        .screen
        .say("STOP is on: nothing leaves and nothing is drafted. Mails are still taken in.");
    session.next(&[("clear-stop".to_owned(), "go on, once you know why")]);
    Ok(())
}

fn turn_on(session: &Session, switch: Switch, reason: &str, by: &Who) -> Result<()> {
    let store = session.store()?;
    let who = who(by)?;
    let reason = Reason::new(if reason.trim().is_empty() {
        NO_REASON
    } else {
        reason
    })?;
    if let Some(was) = store.switch(switch)? {
        let what = format!(
            "{} already since {} ago, by {}: {}",
            match switch {
                Switch::Stop => "STOP is on",
                Switch::Pause => "it is paused",
            },
            age(was.at, session.now),
            was.who,
            was.reason
        );
        return Err(Refusal::new(what, session.line("status")).into());
    }
    store.switch_on(switch, reason.as_str(), who.as_str(), session.now)?;
    session
        .screen
        .document(&json!({ "on": true, "who": who.as_str(), "reason": reason.as_str() }));
    Ok(())
}

/// Ends a pause.
pub(super) fn resume(session: &Session, by: &Who) -> Result<()> {
    turn_off(session, Switch::Pause, "It was not paused.", by)
}

/// Goes on after a STOP.
pub(super) fn clear_stop(session: &Session, by: &Who) -> Result<()> {
    turn_off(session, Switch::Stop, "STOP was not on.", by)
}

fn turn_off(session: &Session, switch: Switch, was_off: &str, by: &Who) -> Result<()> {
    let store = session.store()?;
    let who = who(by)?;
    let was = store.switch_off(switch, who.as_str(), session.now)?;
    session.screen.document(&json!({
        "on": false,
        "was": was.as_ref().map(|was| json!({ "who": was.who, "reason": was.reason })),
    }));
    match was {
        None => session.screen.say(was_off),
        Some(was) => session.screen.say(format!(
            "{} {} ago, by {}: {}",
            match switch {
                Switch::Stop => "STOP is off. It was set",
                Switch::Pause => "Resumed. It was paused",
            },
            age(was.at, session.now),
            cut(&was.who, 60),
            cut(&was.reason, 300)
        )),
    }
    settle_demo(session)?;
    session.next(&[("status".to_owned(), "how things stand")]);
    Ok(())
}

/// Takes a suspicious mirror as it is.
pub(super) fn trust_mirror(session: &Session, by: &Who) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let who = who(by)?;
    let name = facts::tracker_name(&config)?;
    let mirror = store.mirror(&name);
    let was = mirror.state()?.suspicious;
    if was.is_some() {
        mirror.accept(who.as_str(), session.now)?;
    }
    session
        .screen
        .document(&json!({ "tracker": name, "was": was }));
    match was {
        None => session.screen.say("Nothing is suspicious."),
        Some(why) => session
            .screen
            .say(format!("Trusted again. It was: {}", cut(&why, 300))),
    }
    settle_demo(session)?;
    session.next(&[("status".to_owned(), "how things stand")]);
    Ok(())
}

/// Lays a draft aside.
pub(super) fn hold(session: &Session, draft: &DraftId, reason: &str, by: &Who) -> Result<()> {
    let store = session.store()?;
    let row = session.load(&store, draft)?;
    let who = who(by)?;
    let reason = Reason::new(if reason.trim().is_empty() {
        NO_REASON
    } else {
        reason
    })?;
    let decision = Decision::Hold {
        reason: reason.clone(),
    };
    allowed(session, &row, &decision)?;
    store.hold(row.id, reason.as_str(), who.as_str(), session.now)?;
    session
        .screen
        .document(&shapes::notification(&store.load(row.id)?, session.now));
    session.screen.say(format!(
        "Held: nothing of {} leaves until it is released.",
        row.id
    ));
    session.next(&[(format!("release {}", row.id), "let go of it")]);
    Ok(())
}

/// Lets go of a held draft.
pub(super) fn release(session: &Session, draft: &DraftId, by: &Who) -> Result<()> {
    let store = session.store()?;
    let row = session.load(&store, draft)?;
    let who = who(by)?;
    allowed(session, &row, &Decision::Release)?;
    store.release(row.id, who.as_str(), session.now)?;
    settle_demo(session)?;
    session
        .screen
        .document(&shapes::notification(&store.load(row.id)?, session.now));
    session.screen.say(format!("Released: {} goes on.", row.id));
    session.next(&[(format!("show {}", row.id), "")]);
    Ok(())
}

/// Starts over with a notification.
pub(super) fn retry(session: &Session, draft: &DraftId, by: &Who) -> Result<()> {
    let store = session.store()?;
    let row_is_there = store.exists(draft.id)?;
    if !row_is_there {
        return Err(session.unknown(draft).into());
    }
    let who = who(by)?;
    store
        .start_over(draft.id, who.as_str(), session.now)
        .map_err(|refused| super::deciding::refused(session, draft, refused))?;
    let worker = settle_demo(session)?;
    let row = store.load(draft.id);
    session.screen.document(&match &row {
        Ok(row) => shapes::notification(row, session.now),
        Err(_) => json!({ "id": draft.id.0 }),
    });
    let words = match (worker, &row) {
        (Worker::Us, Ok(row)) => format!("{} started over: {}", row.id, summary::standing(row)),
        (Worker::Service, _) => format!("{} starts over: the service works on it.", draft.id),
        _ => format!("{} starts over as soon as the service runs.", draft.id),
    };
    for line in wrapped(&terminal(&words), session.screen.width()) {
        session.screen.say(line);
    }
    session.next(&[(format!("show {}", draft.id), "")]);
    Ok(())
}
