//! `history`: the audit trail of one notification.

use anyhow::Result;
use serde_json::json;

use super::args::DraftId;
use super::screen::Tone;
use super::session::Session;
use super::words::{cut, date, timestamp, wrapped};
use crate::domain::untrusted::terminal;

/// Tells everything that happened, oldest first.
pub(super) fn history(session: &Session, draft: &DraftId) -> Result<()> {
    let store = session.store()?;
    if !store.exists(draft.id)? {
        return Err(session.unknown(draft).into());
    }
    let trail = store.trail(draft.id)?;
    let lines = trail.iter().map(|line| {
        json!({ "at": timestamp(line.at), "who": line.who, "what": line.what, "detail": line.detail })
    });
    session
        .screen
        .document(&json!({ "id": draft.id.0, "history": lines.collect::<Vec<_>>() }));
    let screen = &session.screen;
    for line in &trail {
        let head = format!("{}  {}", date(line.at), cut(&line.what, 30));
        screen.say(format!(
            "{}  {}",
            screen.paint(Tone::Bold, &head),
            screen.paint(Tone::Dim, &cut(&line.who, 40))
        ));
        for detail in wrapped(&terminal(&line.detail), screen.width().saturating_sub(4)) {
            screen.say(format!("    {detail}"));
        }
    }
    if trail.is_empty() {
        screen.say("Nothing is recorded.");
    }
    session.next(&[(format!("show {}", draft.id), "how it stands now")]);
    Ok(())
}
