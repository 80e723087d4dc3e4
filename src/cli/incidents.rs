//! `incidents`: the failures of one kind, how often they happened, and where they
//! are reported.

use anyhow::Result;
use serde_json::{Value, json};

use super::at_hand::AtHand;
use super::screen::Tone;
use super::session::Session;
use super::summary;
use super::words::{age, cut, timestamp, wrapped};
use crate::desk::reports::{Reported, reported};
use crate::domain::untrusted::terminal;
use crate::store::IncidentSummary;

/// More are not listed.
const LISTED: usize = 50;

/// Lists the incidents, the one that happened last first.
pub(super) fn incidents(session: &Session) -> Result<()> {
    let at_hand = AtHand::of(session)?;
    let tracker = at_hand.tracker()?;
    let desk = at_hand.desk(&tracker);
    let mut found = Vec::new();
    for incident in at_hand.store.incidents(session.now, LISTED)? {
        let report = reported(&desk, incident.incident)?;
        found.push((incident, report));
    }
    let all: Vec<Value> = found
        .iter()
        .map(|(one, report)| document(one, report))
        .collect();
    session.screen.document(&json!({ "incidents": all }));
    if found.is_empty() {
        session.screen.say("Nothing failed yet.");
    } else {
        print(session, &found);
    }
    session.next(&[("list".to_owned(), "the drafts that wait for you")]);
    Ok(())
}

fn document(incident: &IncidentSummary, report: &Reported) -> Value {
    let failure = &incident.failure;
    let [day, week, month] = incident.lately;
    let builders = incident
        .builders
        .iter()
        .map(|(builder, times)| json!({ "builder": builder, "notifications": times }));
    json!({
        "incident": incident.incident.0,
        "test": failure.test.qualified(),
        "kind": failure.kind,
        "line": failure.line,
        "signature": failure.signature.0,
        "began_at": timestamp(incident.began_at),
        "last_at": timestamp(incident.last_at),
        "notifications": incident.notifications,
        "last_24_hours": day,
        "last_7_days": week,
        "last_30_days": month,
        "report": match report {
            Reported::Known(it) => json!({ "issue": it.number, "url": it.url }),
            _ => Value::Null,
        },
        "draft": match report {
            Reported::Waits { key, .. } => json!(key),
            _ => Value::Null,
        },
        "being_reported": matches!(report, Reported::Underway(_)),
        "builders": builders.collect::<Vec<_>>(),
    })
}

/// Screens with fewer columns show one thing below the other.
const TABLE_WIDTH: usize = 60;

fn print(session: &Session, found: &[(IncidentSummary, Reported)]) {
    let screen = &session.screen;
    if screen.width() < TABLE_WIDTH {
        return stacked(session, found);
    }
    let line = |counts: [&str; 4], last: &str, what: &str| {
        let [all, day, week, month] = counts;
        format!("{all:>5} {day:>5} {week:>5} {month:>5}  {last:<6}  {what}")
    };
    let head = line(
        ["ALL", "24 H", "7 D", "30 D"],
        "LAST",
        "WHAT FAILS, AND WHERE",
    );
    screen.say(screen.paint(Tone::Bold, &head));
    let indent = line([""; 4], "", "").len();
    let room = screen.width().saturating_sub(indent);
    for (incident, report) in found {
        let [day, week, month] = incident.lately.map(|count| count.to_string());
        let counts = [&incident.notifications.to_string(), &day, &week, &month];
        let what = summary::failure_alone(&incident.failure);
        screen.say(line(
            counts.map(String::as_str),
            &age(incident.last_at, session.now),
            &cut(&what, room),
        ));
        screen.say(format!("{:indent$}{}", "", cut(&place(incident), room)));
        let reported = cut(&terminal(&report.words()), room);
        screen.say(format!(
            "{:indent$}{}",
            "",
            screen.paint(Tone::Dim, &reported)
        ));
    }
}

/// The same for a narrow screen.
fn stacked(session: &Session, found: &[(IncidentSummary, Reported)]) {
    let screen = &session.screen;
    for (incident, report) in found {
        let what = cut(&summary::failure_alone(&incident.failure), screen.width());
        screen.say(screen.paint(Tone::Bold, &what));
        let [day, week, month] = incident.lately;
        let counts = format!(
            "24 h: {day}, 7 d: {week}, 30 d: {month}, ever: {}; last {} ago",
            incident.notifications,
            age(incident.last_at, session.now)
        );
        for words in [place(incident), counts, report.words()] {
            for line in wrapped(&terminal(&words), screen.width().saturating_sub(2)) {
                screen.say(format!("  {line}"));
            }
        }
    }
}

/// `on A and 39 more builders`: the one with the most, and how many others.
fn place(incident: &IncidentSummary) -> String {
    let most = incident.builders.first();
    let name = most.map_or("an unknown builder", |(builder, _)| builder.as_str());
    match incident.builders.len().saturating_sub(1) {
        0 => format!("on {name}"),
        1 => format!("on {name} and 1 more builder"),
        more => format!("on {name} and {more} more builders"),
    }
}
