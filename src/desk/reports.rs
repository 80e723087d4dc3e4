//! Where an incident is reported.

use anyhow::Result;

use super::Desk;
use crate::domain::issue::IssueRef;
use crate::store::IncidentId;

/// The report in the tracker that is configured now.
///
/// # Errors
///
/// The store fails.
pub(crate) fn report_of(desk: &Desk<'_>, incident: IncidentId) -> Result<Option<IssueRef>> {
    let reports = desk.store.reports_of(incident)?;
    let is_of = |it: &IssueRef| desk.tracker.parse_issue(&it.url) == Some(it.number);
    Ok(reports.into_iter().find(is_of))
}
