//! `list`: notifications as a table, two lines each.

use anyhow::Result;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::args::List;
use super::repeating::sent_before;
use super::screen::{Screen, Tone};
use super::session::Session;
use super::words::{age, cut, wrapped};
use super::{json as shapes, summary};
use crate::config::Config;
use crate::desk::mails::with_summary;
use crate::desk::recovered::{in_short, recoveries};
use crate::desk::unfinished::{Unfinished, unfinished};
use crate::domain::Seconds;
use crate::domain::life::Stage;
use crate::domain::untrusted::terminal;
use crate::store::{ListFilter, NotificationId, NotificationRow, Recoveries, Store, Switch};

/// The heads of the two wide columns.
const LEFT: &str = "WHAT FAILED";
const RIGHT: &str = "PROPOSAL";

/// More are counted, not listed.
const LISTED: usize = 50;

/// Shows the drafts to decide on, or what else was asked for.
pub(super) fn list(session: &Session, wanted: &List) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let filter = filter(wanted);
    let rows = load(&store, &store.list(filter, LISTED)?);
    let total = store.count(filter)?;
    let recovered = recovered(&store, &rows)?;
    let unfinished = match filter {
        ListFilter::ToDecide => unfinished(&store)?,
        _ => None,
    };
    session.screen.document(&json!({
        "notifications": rows.iter().zip(&recovered).map(|(row, recovered)| one_json(row, recovered, session.now)).collect::<Vec<_>>(),
        "total": total,
        "unfinished": unfinished.as_ref().map(|it| it.count),
        "unfinished_why": unfinished.as_ref().and_then(|it| it.why.as_ref()),
    }));
    switches(session, &store)?;
    if rows.is_empty() {
        return empty(session, &store, filter, unfinished.as_ref());
    }
    table(&session.screen, &rows, Keys::ToApprove, session.now);
    let left = total.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if left > 0 {
        session.screen.say(format!("... and {left} more"));
    }
    tell_recovered(&session.screen, &rows, &recovered);
    if filter == ListFilter::ToDecide {
        repeats(session, &store, &config, &rows)?;
    }
    if let Some(unfinished) = unfinished {
        session.screen.say("");
        tell_unfinished(&session.screen, &unfinished);
    }
    next(session, filter, &rows);
    Ok(())
}

/// Of each row the builders that pass again.
fn recovered(store: &Store, rows: &[Loaded]) -> Result<Vec<Recoveries>> {
    let one = |row: &Loaded| match row {
        Ok(row) => recoveries(store, row),
        Err(_) => Ok(Recoveries::default()),
    };
    rows.iter().map(one).collect()
}

/// Whose builders pass again, below the list.
fn tell_recovered(screen: &Screen, rows: &[Loaded], recovered: &[Recoveries]) {
    let one = |(row, recovered): (&Loaded, &Recoveries)| {
        let row = row.as_ref().ok()?;
        in_short(recovered).map(|words| format!("{} ({words})", row.id))
    };
    let told: Vec<String> = rows.iter().zip(recovered).filter_map(one).collect();
    if told.is_empty() {
        return;
    }
    let words = format!("Builders that pass again: {}", told.join(", "));
    for line in wrapped(&words, screen.width()) {
        screen.say(screen.paint(Tone::Good, &line));
    }
}

/// Which of them would be held although approved, below the list.
fn repeats(session: &Session, store: &Store, config: &Config, rows: &[Loaded]) -> Result<()> {
    let mut ids = Vec::new();
    for row in rows.iter().flatten() {
        if sent_before(store, &config.list.address, row, session.now)?.is_some() {
            ids.push(row.id.to_string());
        }
    }
    let Some(first) = ids.first() else {
        return Ok(());
    };
    let words = format!(
        "! The list got the very text of {} already: if the same person approves it again, the \
         mail will be held. `show {first}` tells more.",
        ids.join(", ")
    );
    for line in wrapped(&words, session.screen.width()) {
        session
            .screen
            .say(session.screen.paint(Tone::Warning, &line));
    }
    Ok(())
}

fn filter(wanted: &List) -> ListFilter {
    match wanted {
        List { all: true, .. } => ListFilter::All,
        List { attached: true, .. } => ListFilter::Attached,
        List { held: true, .. } => ListFilter::Held,
        List { underway: true, .. } => ListFilter::Underway,
        List {
            delivered: true, ..
        } => ListFilter::Delivered,
        List { closed: true, .. } => ListFilter::Closed(None),
        List {
            quarantined: true, ..
        } => ListFilter::Quarantined,
        _ => ListFilter::ToDecide,
    }
}

/// A row, or the number of one that cannot be read and why.
pub(super) type Loaded = Result<Box<NotificationRow>, (NotificationId, String)>;

/// Loads each by itself: one that cannot be read does not hide the others.
pub(super) fn load(store: &Store, ids: &[NotificationId]) -> Vec<Loaded> {
    let one = |id: &NotificationId| match store.load(*id) {
        Ok(row) => Ok(Box::new(with_summary(store, row))),
        Err(error) => Err((*id, format!("{error:#}"))),
    };
    ids.iter().map(one).collect()
}

fn one_json(loaded: &Loaded, recovered: &Recoveries, now: Seconds) -> Value {
    match loaded {
        Ok(row) => shapes::with_recoveries(shapes::notification(row, now), recovered),
        Err((id, why)) => json!({ "id": id.0, "error": why }),
    }
}

/// What keeps everything from leaving, above the list.
fn switches(session: &Session, store: &Store) -> Result<()> {
    if let Some(stop) = store.switch(Switch::Stop)? {
        let line = format!(
            "STOP is on: {}. Nothing leaves; see `status`.",
            cut(&stop.reason, 200)
        );
        session.screen.say(session.screen.paint(Tone::Bad, &line));
    }
    if let Some(pause) = store.switch(Switch::Pause)? {
        let line = format!("Paused by {}: nothing leaves for now.", cut(&pause.who, 60));
        session
            .screen
            .say(session.screen.paint(Tone::Warning, &line));
    }
    Ok(())
}

/// Says how many, and what the oldest waits for.
pub(super) fn tell_unfinished(screen: &Screen, unfinished: &Unfinished) {
    for line in wrapped(&terminal(&unfinished.words()), screen.width()) {
        screen.say(screen.paint(Tone::Warning, &line));
    }
}

fn empty(
    session: &Session,
    store: &Store,
    filter: ListFilter,
    unfinished: Option<&Unfinished>,
) -> Result<()> {
    let words = match filter {
        ListFilter::ToDecide => "Nothing waits for you.",
        ListFilter::Attached => "Nothing is attached to another one.",
        ListFilter::Held => "Nothing is held.",
        ListFilter::Underway => "Nothing is on its way.",
        ListFilter::Quarantined => "Nothing is quarantined.",
        ListFilter::Closed(_) => "Nothing was closed.",
        ListFilter::Delivered => "Nothing was delivered yet.",
        ListFilter::Open | ListFilter::All => "No mail was taken in yet.",
    };
    session.screen.say(words);
    if let Some(unfinished) = unfinished {
        tell_unfinished(&session.screen, unfinished);
    }
    let held = store.count(ListFilter::Held)?;
    if filter == ListFilter::ToDecide && held > 0 {
        session
            .screen
            .say(format!("{held} held: {}", session.line("list --held")));
    }
    if filter == ListFilter::ToDecide {
        session.next(&[
            ("status".to_owned(), "how things stand"),
            ("list --all".to_owned(), "everything that came in"),
        ]);
    }
    Ok(())
}

/// What stands in front of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// What `approve` takes.
    ToApprove,
    /// The number alone: there is nothing to approve.
    Number,
}

/// Screens with fewer columns show one thing below the other.
const TABLE_WIDTH: usize = 60;

/// Gaps between the four columns.
const GAP: usize = 2;

/// Prints rows so that they fit the screen: two lines each, cut, and further
/// lines for a reason that does not fit.
pub(super) fn table(screen: &Screen, rows: &[Loaded], keys: Keys, now: Seconds) {
    if screen.width() < TABLE_WIDTH {
        return stacked(screen, rows, keys, now);
    }
    let widest = rows.iter().map(|row| key(row, keys).len()).max();
    let key_width = widest.unwrap_or(0).max(5);
    let oldest = rows.iter().map(|row| row_age(row, now).len()).max();
    let age_width = oldest.unwrap_or(0).max("AGE".len());
    let indent = key_width + age_width + 2 * GAP;
    let rest = screen.width().saturating_sub(indent + GAP);
    let most = rest * 2 / 5;
    let entries: Vec<Entry> = rows.iter().map(entry).collect();
    let wanted = entries
        .iter()
        .flat_map(|it| [it.would.width(), it.how.width()].into_iter())
        .filter(|width| *width <= most);
    let right = wanted.max().unwrap_or(0).max(RIGHT.len());
    let left = rest.saturating_sub(right);
    let line = |key: &str, age: &str, what: &str, would: &str| {
        let what = cut(what, left);
        let blanks = " ".repeat(left.saturating_sub(what.width()) + GAP);
        let line = format!(
            "{key:<key_width$}  {age:<age_width$}  {what}{blanks}{}",
            cut(would, right)
        );
        line.trim_end().to_owned()
    };
    let head = line("DRAFT", "AGE", LEFT, right_head(rows));
    screen.say(screen.paint(Tone::Bold, &head));
    for (row, entry) in rows.iter().zip(&entries) {
        let fits = entry.how.width() <= right;
        let (beside, below) = if fits {
            (entry.how.as_str(), "")
        } else {
            ("", entry.how.as_str())
        };
        let what = what(row, left);
        screen.say(line(
            &key(row, keys),
            &row_age(row, now),
            &what,
            &entry.would,
        ));
        if !entry.place.is_empty() || !beside.is_empty() {
            screen.say(line("", "", &entry.place, beside));
        }
        for line in wrapped(&terminal(below), screen.width().saturating_sub(indent)) {
            screen.say(format!("{:indent$}{line}", ""));
        }
    }
}

/// The same for a narrow screen.
fn stacked(screen: &Screen, rows: &[Loaded], keys: Keys, now: Seconds) {
    let room = screen.width().saturating_sub(2);
    for row in rows {
        let entry = entry(row);
        let head = format!("{}  {}", key(row, keys), row_age(row, now));
        screen.say(screen.paint(Tone::Bold, head.trim_end()));
        screen.say(format!("  {}", what(row, room)));
        if !entry.place.is_empty() {
            screen.say(format!("  {}", cut(&entry.place, room)));
        }
        let would = match (entry.would.as_str(), entry.how.as_str()) {
            (would, "") => would.to_owned(),
            (would, how) if would.ends_with(',') => format!("{would} {how}"),
            (would, how) => format!("{would}: {how}"),
        };
        for line in wrapped(&terminal(&would), room) {
            screen.say(format!("  {line}"));
        }
    }
}

fn right_head(rows: &[Loaded]) -> &'static str {
    let is_to_decide = |row: &Loaded| row.as_ref().is_ok_and(|row| to_decide(row));
    if rows.iter().any(is_to_decide) {
        RIGHT
    } else {
        "STATUS"
    }
}

fn row_age(row: &Loaded, now: Seconds) -> String {
    row.as_ref()
        .map_or(String::new(), |row| age(row.received_at, now))
}

fn what(row: &Loaded, columns: usize) -> String {
    match row {
        Ok(row) => summary::what_failed_within(row, columns),
        Err(_) => cut("its row cannot be read", columns),
    }
}

fn key(row: &Loaded, keys: Keys) -> String {
    match row {
        Ok(row) if keys == Keys::ToApprove => summary::key(row),
        Ok(row) => row.id.to_string(),
        Err((id, _)) => id.to_string(),
    }
}

fn to_decide(row: &NotificationRow) -> bool {
    row.stage == Stage::Drafted && row.held.is_none()
}

/// What a row says beside what failed.
struct Entry {
    /// How and where it failed.
    place: String,
    /// What would be done, or where it stands.
    would: String,
    /// How sure the program is, or why it stands there.
    how: String,
}

fn entry(row: &Loaded) -> Entry {
    let row = match row {
        Ok(row) => row,
        Err((_, why)) => {
            return Entry {
                place: String::new(),
                would: "unreadable".to_owned(),
                how: why.clone(),
            };
        }
    };
    let (would, how) = if to_decide(row) {
        proposal(row)
    } else {
        status(row)
    };
    Entry {
        place: summary::how_and_where(row),
        would,
        how,
    }
}

/// Where it stands on one line, and why on another.
fn status(row: &NotificationRow) -> (String, String) {
    if let Some(closed) = &row.closed {
        return (closed.reason.to_string(), closed.note.clone());
    }
    let standing = summary::standing(row);
    match standing.split_once(": ") {
        Some((stage, why)) => (stage.to_owned(), why.to_owned()),
        None => (standing, String::new()),
    }
}

/// What would be done on one line or two, and how sure the program is.
fn proposal(row: &NotificationRow) -> (String, String) {
    let tier = summary::tier(row);
    let proposals = summary::proposals(row);
    match proposals.as_slice() {
        [] => (String::new(), tier.to_owned()),
        [only] => (only.clone(), tier.to_owned()),
        [first, more @ ..] => (format!("{first},"), format!("{} ({tier})", more.join(", "))),
    }
}

fn next(session: &Session, filter: ListFilter, rows: &[Loaded]) {
    let Some(id) = rows
        .iter()
        .find_map(|row| row.as_ref().ok())
        .map(|row| row.id)
    else {
        return;
    };
    let mut commands = vec![(format!("show {id}"), "the mail and the exact texts")];
    match filter {
        ListFilter::Held => commands.push((format!("release {id}"), "")),
        ListFilter::Quarantined => commands.push((format!("retry {id}"), "")),
        _ => {}
    }
    session.next(&commands);
}
