//! A mail that the list has seen already: it would be held (I9), and whoever decides
//! learns so before.

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::delivery::DeliveryKind;
use crate::domain::life::Stage;
use crate::domain::policy::Limits;
use crate::store::{DeliveryId, LedgerScope, NotificationRow, Store};
use crate::worker::body_digest_approved_by;

const DAY: Seconds = 24 * 3600;

/// Who sent the very text of this draft to the list lately, in words that say what
/// that means; `None` if nobody did, or nothing is to be decided. `list` is the list's address.
pub(crate) fn sent_before(
    store: &Store,
    list: &str,
    row: &NotificationRow,
    now: Seconds,
) -> Result<Option<String>> {
    let reply = row
        .draft
        .as_ref()
        .and_then(|draft| draft.draft.reply.as_ref());
    let (Stage::Drafted, Some(reply)) = (row.stage, reply) else {
        return Ok(None);
    };
    let days = Limits::PROMISED.same_body_days;
    let since = now - Seconds::from(days) * DAY;
    for who in store.approvers_since(since)? {
        let Some(body_digest) = body_digest_approved_by(reply, &who) else {
            return Ok(None);
        };
        let scope = LedgerScope::SameBody {
            target: list,
            body_digest: &body_digest,
        };
        if store.ledger_count(DeliveryKind::Reply, scope, since, DeliveryId(0))? > 0 {
            let id = row.id;
            return Ok(Some(format!(
                "the list got this very text within the last {days} days, approved by {who}: if \
                 {who} approves it again, the mail will be held until `release {id}`; `edit {id}` \
                 gives it other words"
            )));
        }
    }
    Ok(None)
}
