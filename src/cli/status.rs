//! `status`: how things stand, and what wants a person.

use anyhow::Result;

use super::facts::document;
use super::screen::Tone;
use super::session::Session;
use super::showing::delivery_lines;
use super::words::{age, count, date, when, wrapped};
use crate::config::{Config, Mailbox};
use crate::daemon;
use crate::desk::facts::{Facts, gather, health};
use crate::desk::outside::{self, Mood};
use crate::domain::Seconds;
use crate::domain::untrusted::terminal;
use crate::store::{ListingUnderWay, MirrorHealth, SwitchState};

/// Shows how things stand.
pub(super) fn status(session: &Session) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let facts = gather(&daemon::surroundings_of(&config)?, &store, session.now)?;
    session.screen.document(&document(&facts));
    service_and_switches(session, &facts);
    auto_rules(session, &facts);
    drafts(session, &facts);
    tracker(session, &config, &facts);
    outside(session, &config, &facts);
    others(session, &facts);
    trouble(session, &facts);
    next(session, &facts);
    Ok(())
}

/// A name and what there is to say, on as many lines as it takes.
fn line(session: &Session, name: &str, tone: Option<Tone>, text: &str) {
    let screen = &session.screen;
    let lines = wrapped(&terminal(text), screen.width().saturating_sub(14));
    for (index, text) in lines.into_iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let text = tone.map_or(text.clone(), |tone| screen.paint(tone, &text));
        screen.say(format!("{name:<13} {text}"));
    }
}

fn service_and_switches(session: &Session, facts: &Facts) {
    let (tone, words) = match facts.service {
        Some(true) => (Tone::Good, "running"),
        _ if session.folder().is_some() => (
            Tone::Good,
            "not needed: in a demo every command does what is due",
        ),
        Some(false) => (
            Tone::Warning,
            "not running: nothing is read and nothing leaves",
        ),
        None => (Tone::Warning, "unknown: its lock file cannot be looked at"),
    };
    line(session, "Service", Some(tone), words);
    let on = |on: &SwitchState| {
        format!(
            "ON for {}, by {}: {}",
            age(on.at, session.now),
            on.who,
            on.reason
        )
    };
    match &facts.stop {
        Some(stop) => line(session, "STOP", Some(Tone::Bad), &on(stop)),
        None => line(session, "STOP", None, "off"),
    }
    match &facts.pause {
        Some(pause) => line(session, "Pause", Some(Tone::Warning), &on(pause)),
        None => line(session, "Pause", None, "off"),
    }
}

fn auto_rules(session: &Session, facts: &Facts) {
    for stand in &facts.auto {
        let tone = match (stand.acts, stand.is_meant) {
            (true, _) => Some(Tone::Bold),
            (false, true) => Some(Tone::Warning),
            (false, false) => None,
        };
        line(session, "Auto rule", tone, &stand.in_words());
    }
}

fn drafts(session: &Session, facts: &Facts) {
    let of = |name: &str| {
        facts
            .counts
            .iter()
            .find(|(found, _)| *found == name)
            .map_or(0, |(_, count)| *count)
    };
    let oldest = facts
        .oldest
        .map(|at| format!(", the oldest {} old", age(at, session.now)));
    let to_decide = of("to decide");
    let tone = (to_decide > 0).then_some(Tone::Bold);
    line(
        session,
        "To decide",
        tone,
        &format!("{to_decide}{}", oldest.unwrap_or_default()),
    );
    if let Some(unfinished) = &facts.unfinished {
        let waits = match &unfinished.why {
            Some(why) => format!(", the oldest waits: {why}"),
            None => String::new(),
        };
        let words = format!("{}{waits}", unfinished.count);
        line(session, "No draft yet", Some(Tone::Warning), &words);
    }
    for (name, label) in [
        ("attached", "Attached"),
        ("held", "Held"),
        ("underway", "On their way"),
        ("quarantined", "Quarantined"),
    ] {
        let tone = (of(name) > 0).then_some(Tone::Warning);
        if of(name) == 0 {
            continue;
        }
        let why = match (name, &facts.waits_for) {
            ("underway", Some(why)) => format!(", waits: {why}"),
            _ => String::new(),
        };
        line(session, label, tone, &format!("{}{why}", of(name)));
    }
    line(session, "Delivered", None, &of("delivered").to_string());
    let reasons = facts.closed.iter().filter(|(_, count)| *count > 0);
    let reasons: Vec<String> = reasons
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let closed = match reasons.as_slice() {
        [] => "0".to_owned(),
        _ => format!("{} ({})", of("closed"), reasons.join(", ")),
    };
    line(session, "Closed", None, &closed);
}

fn tracker(session: &Session, config: &Config, facts: &Facts) {
    let tracker = &facts.tracker;
    let since = config
        .tracker
        .mirror_from
        .map(|from| format!(", of those that changed since {}", date(from)));
    line(
        session,
        "Tracker",
        None,
        &format!(
            "{}: {} known, {} open{}",
            tracker.name,
            count(
                usize::try_from(tracker.reports).unwrap_or(usize::MAX),
                "report"
            ),
            tracker.open,
            since.unwrap_or_default()
        ),
    );
    match health(&tracker.health) {
        (_, None) => {
            let at = tracker.complete_at.map_or(String::new(), |at| {
                format!(", read {} ago", age(at, session.now))
            });
            line(session, "", Some(Tone::Good), &format!("fresh{at}"));
        }
        (word, Some(why)) => line(session, "", Some(Tone::Warning), &format!("{word}: {why}")),
    }
    if let Some(listing) = &tracker.listing {
        line(session, "", None, &listing_words(listing, session.now));
    }
}

fn outside(session: &Session, config: &Config, facts: &Facts) {
    let kind = match &config.mailbox {
        Mailbox::Imap(imap) => format!("{} on {}", imap.folder, imap.host),
        Mailbox::Maildir { path, .. } | Mailbox::Mbox { path, .. } => path.display().to_string(),
    };
    let last = match facts.last_mail {
        Some(at) => format!("last mail {}", when(at, session.now)),
        None => "no mail yet".to_owned(),
    };
    line(session, "Mailbox", None, &kind);
    line(session, "", None, &last);
    if let Some(silence) = &facts.silence {
        let hours = silence.usual / 3600;
        let words = format!(
            "silent for longer than usual (at most {hours} h lately): \
             does the subscription still work?"
        );
        line(session, "", Some(Tone::Warning), &words);
    }
    if let (Some(cursor), Mailbox::Imap(_)) = (facts.cursors.first(), &config.mailbox) {
        let compared = cursor.reconciled_at.map_or("never".to_owned(), |at| {
            format!("{} ago", age(at, session.now))
        });
        line(
            session,
            "",
            None,
            &format!("read up to UID {}, compared {compared}", cursor.uidnext),
        );
    }
    let caps: Vec<String> = facts
        .caps
        .iter()
        .map(|cap| format!("{} of {} {}", cap.used, cap.allowed, cap.name))
        .collect();
    line(session, "Sent", None, &caps.join(", "));
}

/// The list, the people who are asked by mail, and the channels.
fn others(session: &Session, facts: &Facts) {
    for told in outside::outside(facts, session.now) {
        let tone = match told.mood {
            Mood::Plain => None,
            Mood::Doubtful => Some(Tone::Warning),
            Mood::Bad => Some(Tone::Bad),
        };
        line(session, told.name, tone, &told.words);
    }
}

/// How far a listing of the tracker is.
fn listing_words(listing: &ListingUnderWay, now: Seconds) -> String {
    let ListingUnderWay {
        begun_at,
        given,
        to_come,
    } = *listing;
    let far = match to_come {
        Some(to_come) => {
            let whole = given.saturating_add(to_come);
            let percent = (given * 100).checked_div(whole).unwrap_or(100);
            format!("{given} of about {whole} reports and comments ({percent} %)")
        }
        None => format!("{given} reports and comments so far"),
    };
    format!("being listed for {}: {far}", age(begun_at, now))
}

fn trouble(session: &Session, facts: &Facts) {
    let screen = &session.screen;
    if facts.is_disk_full {
        let words = "The disk under the database is full: nothing can be recorded, so nothing is \
                     done until there is room. Nothing is lost";
        line(session, "Trouble", Some(Tone::Bad), words);
    }
    for it in &facts.troubles {
        let words = outside::trouble(it, session.now);
        line(session, "Trouble", Some(Tone::Bad), &words);
    }
    if !facts.unseen.is_empty() {
        let words = format!(
            "{} not seen on the list for over 1 h: is from_address subscribed, with its own \
             posts sent to it? Or does a moderator hold them?",
            match facts.unseen.len() {
                1 => "1 reply was".to_owned(),
                more => format!("{more} replies were"),
            }
        );
        line(session, "Unseen", Some(Tone::Warning), &words);
    }
    if !facts.doubts.is_empty() {
        screen.heading("In doubt: did these arrive? They are never sent again by themselves");
        facts
            .doubts
            .iter()
            .for_each(|row| delivery_lines(screen, row, session.now));
    }
    if !facts.failed.is_empty() {
        screen.heading("Refused for good");
        facts
            .failed
            .iter()
            .for_each(|row| delivery_lines(screen, row, session.now));
    }
    if !facts.conflicts.is_empty() {
        screen.heading("Another mail came with the same Message-ID and other content");
        let ids: Vec<String> = facts.conflicts.iter().map(ToString::to_string).collect();
        let mails = count(ids.len(), "mail");
        screen.say(format!(
            "  {mails} kept beside {}; nothing is done with them",
            ids.join(", ")
        ));
    }
}

fn next(session: &Session, facts: &Facts) {
    let mut commands: Vec<(String, &str)> = Vec::new();
    let has = |name: &str| {
        facts
            .counts
            .iter()
            .any(|(found, count)| *found == name && *count > 0)
    };
    if facts.stop.is_some() {
        commands.push((
            "clear-stop".to_owned(),
            "go on, once you know why it was set",
        ));
    }
    if matches!(facts.tracker.health, MirrorHealth::Suspicious(_)) {
        commands.push((
            "trust-mirror".to_owned(),
            "if so many reports really were closed",
        ));
    }
    if facts.pause.is_some() {
        commands.push(("resume".to_owned(), "let approved drafts leave again"));
    }
    if let Some(row) = facts.doubts.first().or(facts.failed.first()) {
        commands.push((
            format!("show {}", row.notification),
            "what was to leave, and how to say what became of it",
        ));
    }
    if has("to decide") {
        commands.push(("list".to_owned(), "the drafts that wait for you"));
    }
    if has("held") {
        commands.push((
            "list --held".to_owned(),
            "what is held until it is released",
        ));
    }
    if has("quarantined") {
        commands.push((
            "list --quarantined".to_owned(),
            "mails that could not be read",
        ));
    }
    if facts.service == Some(false) && session.folder().is_none() {
        commands.push(("run".to_owned(), "start the service"));
    }
    if commands.is_empty() {
        commands.push(("list --all".to_owned(), "everything that came in"));
    }
    session.next(&commands);
}
