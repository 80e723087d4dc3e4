//! The mail behind a notification, for those of which nothing is recorded.

use crate::domain::mail::Mail;
use crate::domain::notification::Notification;
use crate::parsing::mime::{self, Completeness};
use crate::store::{MailSummary, NotificationRow, Reading, Store};

/// The mail itself; `None` if it cannot be read.
pub(crate) fn mail_of(store: &Store, row: &NotificationRow) -> Option<Mail> {
    let completeness = if row.truncated {
        Completeness::CutOff
    } else {
        Completeness::Whole
    };
    mime::parse(&store.raw(row.id).ok()?, completeness).ok()
}

/// Of a mail that is no notification nothing is recorded; its subject tells a
/// person more than its number, and is read from the mail itself.
pub(crate) fn with_summary(store: &Store, mut row: NotificationRow) -> NotificationRow {
    if row.reading.is_none()
        && let Some(mail) = mail_of(store, &row)
    {
        row.reading = Some(Reading {
            mail: MailSummary::from(&mail),
            notification: Notification {
                builds: Vec::new(),
                remarks: Vec::new(),
            },
            redactions: 0,
        });
    }
    row
}
