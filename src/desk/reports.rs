//! Where an incident is reported, or is about to be.

use anyhow::Result;

use super::Desk;
use super::summary;
use crate::domain::draft::Action;
use crate::domain::issue::IssueRef;
use crate::domain::life::{DeliveryState, Stage};
use crate::store::{IncidentId, NotificationId, NotificationRow};

/// How an incident stands with the tracker that is configured now.
#[derive(Debug)]
pub(crate) enum Reported {
    /// It belongs to this report.
    Known(IssueRef),
    /// A report or a comment was approved, and is still to be made.
    Underway(NotificationId),
    /// A draft about it waits for a person.
    Waits {
        /// Whose draft.
        id: NotificationId,
        /// What a person types.
        key: String,
    },
    /// Nothing of all that.
    No,
}

impl Reported {
    /// In a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Known(issue) => format!("#{}: {}", issue.number, issue.title),
            Self::Underway(id) => format!("being reported by {id}"),
            Self::Waits { key, .. } => format!("a draft waits: {key}"),
            Self::No => "not reported".to_owned(),
        }
    }
}

/// Where an incident is reported.
///
/// # Errors
///
/// The store fails.
pub(crate) fn reported(desk: &Desk<'_>, incident: IncidentId) -> Result<Reported> {
    let reports = desk.store.reports_of(incident)?;
    let is_of = |it: &IssueRef| desk.tracker.parse_issue(&it.url) == Some(it.number);
    if let Some(issue) = reports.into_iter().find(is_of) {
        return Ok(Reported::Known(issue));
    }
    let mut waits = None;
    for id in desk.store.leads(&[incident], None)? {
        // One that cannot be read must not stand in the way of others.
        let Ok(row) = desk.store.load(id) else {
            continue;
        };
        match row.stage {
            Stage::Approved if is_to_be_reported(&row, incident) => {
                return Ok(Reported::Underway(id));
            }
            Stage::Drafted if waits.is_none() => {
                let key = summary::key(&row);
                waits = Some(Reported::Waits { id, key });
            }
            _ => {}
        }
    }
    Ok(waits.unwrap_or(Reported::No))
}

/// Whether something that was approved, and can still happen, reports the incident.
fn is_to_be_reported(row: &NotificationRow, incident: IncidentId) -> bool {
    let Some(draft) = &row.draft else {
        return false;
    };
    let mut open = row
        .deliveries
        .iter()
        .filter(|it| !matches!(it.state, DeliveryState::Done | DeliveryState::Failed));
    open.any(|delivery| {
        let action = draft.draft.actions.get(delivery.position);
        let about = draft.draft.incidents.get(delivery.position);
        matches!(
            action,
            Some(Action::Open(_) | Action::Comment { .. } | Action::Reopen { .. })
        ) && about.is_some_and(|about| about.contains(&incident.0))
    })
}
