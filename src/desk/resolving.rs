//! What a person found who looked for a delivery.

use anyhow::Result;

use super::Desk;
use crate::domain::delivery::{DeliveryKind, Receipt};
use crate::domain::issue::IssueRef;
use crate::domain::untrusted::plain_line;
use crate::store::DeliveryRow;

/// What the delivery is found by, from a person's words; `None` if those name no
/// report of the tracker where one is needed.
///
/// # Errors
///
/// The store fails.
pub(crate) fn receipt(desk: &Desk<'_>, row: &DeliveryRow, found: &str) -> Result<Option<Receipt>> {
    if row.kind == DeliveryKind::Reply {
        let answer = plain_line(found, 300);
        return Ok(Some(Receipt::Mail { answer }));
    }
    let Some(number) = desk.tracker.parse_issue(found) else {
        return Ok(None);
    };
    let name = desk.tracker.name();
    let known = desk.store.mirror(&name).issue(number)?;
    let issue = known.map(|issue| issue.reference());
    Ok(Some(Receipt::Issue(issue.unwrap_or_else(|| IssueRef {
        number,
        url: desk.tracker.issue_url(number),
        title: String::new(),
    }))))
}
