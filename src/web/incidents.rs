//! The failures of one kind: how often they happened lately, and where, as plots.

use std::sync::Arc;

use anyhow::Result;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::Site;
use super::identity::Caller;
use super::room::{Page, Room, Shown};
use crate::desk::reports::{Reported, reported};
use crate::desk::summary;
use crate::desk::words::{count, when};
use crate::store::{IncidentSummary, Lately, Place};

/// More are not listed.
const LISTED: usize = 50;

/// More builders or branches of one incident are not shown; builders are counted.
const PLACES: usize = 8;

/// The height of a plot, in the units of its view box; its width is 5 a day.
const HEIGHT: u64 = 22;

#[derive(Serialize)]
struct Incident {
    id: i64,
    what: String,
    report: String,
    url: Option<String>,
    last: String,
    day: u64,
    week: u64,
    month: u64,
    all: u64,
    branches: Vec<Plot>,
    builders: Vec<Plot>,
    more: Option<String>,
}

/// The last days of one builder or branch.
#[derive(Serialize)]
struct Plot {
    place: String,
    counts: [u64; 3],
    label: String,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
struct Bar {
    x: usize,
    y: u64,
    height: u64,
}

/// Shows the incidents, the one that happened last first.
pub(super) async fn show(State(site): State<Arc<Site>>, caller: Caller) -> Response {
    site.answer(caller, None, incidents).await
}

fn incidents(room: &Room<'_>) -> Result<Shown> {
    let mut incidents = Vec::new();
    for incident in room.office.store.incidents(room.now, LISTED)? {
        incidents.push(one(room, &incident)?);
    }
    let it = json!({ "incidents": incidents });
    Ok(Shown::Page(Page::new("incidents", "Incidents", &it)?))
}

fn one(room: &Room<'_>, incident: &IncidentSummary) -> Result<Incident> {
    let [day, week, month] = incident.lately;
    let report = reported(&room.office.desk(), incident.incident)?;
    let lately = |by| {
        let store = &room.office.store;
        store.lately(incident.incident, by, room.now, PLACES)
    };
    let (branches, builders) = (lately(Place::Branch)?, lately(Place::Builder)?);
    let more = incident.builders.len().saturating_sub(builders.len());
    Ok(Incident {
        id: incident.incident.0,
        what: summary::failure_alone(&incident.failure),
        report: report.words(),
        url: match report {
            Reported::Known(issue) => Some(issue.url),
            Reported::Underway(id) | Reported::Waits { id, .. } => Some(format!("/draft/{id}")),
            Reported::No => None,
        },
        last: when(incident.last_at, room.now),
        day,
        week,
        month,
        all: incident.notifications,
        more: (more > 0).then(|| count(more, "more builder")),
        branches: plots(branches),
        builders: plots(builders),
    })
}

/// Of places that nobody named, only those beside named ones.
fn plots(mut lately: Vec<Lately>) -> Vec<Plot> {
    if lately.iter().all(|it| it.place.is_empty()) {
        lately.clear();
    }
    let most = lately.iter().flat_map(|it| it.days).max().unwrap_or(0);
    lately.into_iter().map(|it| plot(it, most)).collect()
}

/// A bar for each day on which something happened; all plots of a table have the
/// scale of its worst day.
fn plot(lately: Lately, most: u64) -> Plot {
    let days = lately.days.iter().enumerate();
    let bars = days.filter(|(_, times)| **times > 0).map(|(day, times)| {
        let height = (times * HEIGHT).div_ceil(most.max(1));
        Bar {
            x: day * 5,
            y: HEIGHT + 1 - height,
            height,
        }
    });
    let [_, _, month] = lately.counts;
    Plot {
        label: format!("{month} within 30 days, at most {most} a day"),
        bars: bars.collect(),
        counts: lately.counts,
        place: match lately.place.as_str() {
            "" => "not told".to_owned(),
            _ => lately.place,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DAYS;

    #[test]
    fn the_worst_day_is_as_high_as_the_plot() {
        let mut days = [0; DAYS];
        days[0] = 1;
        days[29] = 44;
        let lately = Lately {
            place: "b".to_owned(),
            counts: [44, 44, 45],
            days,
        };
        let bar = |x, y, height| Bar { x, y, height };
        assert_eq!(plot(lately, 44).bars, [bar(0, 22, 1), bar(145, 1, 22)]);
    }
}
