//! Everything the program remembers, in one SQLite file.
//!
//! The daemon and any number of command lines open the same file; a decision is
//! a row, and the worker looks. Each method below is one transaction. What must
//! never happen (an outbox row nobody approved, a changed audit line) is refused
//! by the database itself, whoever writes to it.
//!
//! | file | what |
//! |---|---|
//! | `open` | the file, its pragmas and its migrations |
//! | `lock` | one daemon at a time |
//! | `intake` | mails come in, with the mailbox's cursor |
//! | `filing` | builds that a person filed, behind which there is no mail |
//! | `listing`, `notifications`, `row` | what is due; the worker's steps; a row as it is read |
//! | `decisions` | compare-and-set on the exact draft |
//! | `outbox`, `claim`, `outcome`, `doubt` | what leaves: before, right before, and after the answer; without one |
//! | `incidents`, `lately`, `along` | failures of one kind; what is settled along with another |
//! | `withdraw` | an approval of which nothing happened |
//! | `ledger`, `switches`, `audit` | the loop breaker, STOP, the trail |
//! | `troubles` | services that fail, and the disk |
//! | `mirror`, `upsert`, `health`, `search`, `rarity`, `pairs` | bug reports and what is known of them |
//! | `letters`, `unwritten`, `answers` | mails to approvers, those that cannot be written, and answers |
//! | `signing` | old signatures are made anew |
//! | `recovery`, `closing` | builders that pass again; drafts that nobody decided on |
//! | `alerts` | what people were told of |
//! | `asked` | how mails to approvers and messages to channels stand |
//! | `subscribing` | what is asked of the list about our subscription |
//! | `users` | who may use the page, and their sessions |
//! | `ruling` | the drafts that wait, after a change of the rules |
//! | `auto`, `past` | automatic rules: how they stand and decide; what people decided before |

use std::fmt;

use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

mod alerts;
mod along;
mod answers;
mod asked;
mod audit;
mod auto;
mod claim;
mod closing;
mod copy;
mod decisions;
mod doubt;
mod filing;
mod finder;
mod health;
mod incidents;
mod intake;
mod lately;
mod ledger;
mod letters;
mod listing;
mod lock;
mod mirror;
mod notifications;
mod open;
mod outbox;
mod outcome;
mod pairs;
mod past;
mod rarity;
mod recovery;
mod retrieve;
mod row;
mod ruling;
mod search;
mod signing;
mod subscribing;
mod switches;
#[cfg(test)]
mod tests;
mod troubles;
mod unwritten;
mod upsert;
mod users;
mod withdraw;

pub use crate::domain::delivery::DeliveryKind;
pub use alerts::AlertId;
pub use along::Attached;
pub use answers::{Outcome as AnswerOutcome, TokenRow};
pub use asked::{Asked, FailedLetter};
pub use audit::AuditLine;
pub use auto::{AutoRow, AutoState};
pub use claim::{Claim, ClaimRefused};
pub use decisions::{Change, Decided, DecisionKind, NewDecision, NotDecided};
pub use doubt::{Confirmed, Resolution};
pub use filing::{Filed, Noted};
pub use health::MirrorHealth;
pub use incidents::{IncidentSummary, Occurrence};
pub use intake::{IncomingMail, MailboxCursor, Taken};
pub use lately::{DAYS, Lately, Place};
pub use ledger::{LedgerEntry, LedgerScope};
pub use letters::{
    AskedBefore, DECIDED_MEANWHILE, LetterEnd, LetterKind, LetterRow, NOBODY_ANY_MORE, NewLetter,
};
pub use listing::ListFilter;
pub use lock::{DaemonLock, LockRefused, lock_daemon};
pub use mirror::{ListingUnderWay, Mirror, MirrorState};
pub use notifications::Revised;
pub use outbox::{DeliveryRow, FrozenId};
pub use outcome::Finish;
pub use pairs::{NearPair, Pair, PairWord};
pub use past::{DecidedOn, Mark};
pub use recovery::{Recoveries, Recovery};
pub use retrieve::{Heads, Retrieved};
pub use row::{
    Closed, DecisionRow, DraftRow, FailureVerdict, Held, MailSummary, NotificationRow, Reading,
    Waiting,
};
pub use search::{Combine, Hit, Order};
pub use signing::{Renamed, Signing};
pub use subscribing::{
    ASK_AGAIN_AFTER, NewSubscription, NotNow, Outcome as SubscriptionOutcome, Question,
    Subscription, SubscriptionMail,
};
pub use switches::{Switch, SwitchState};
pub use troubles::{Service, ServiceTrouble, disk_trouble, is_disk_trouble};
pub use unwritten::Writing;
pub use upsert::{Batch, CommentUpdate};
pub use users::{TokenDigest, User};

/// Who is named in the audit trail when no person acted.
pub const PROGRAM: &str = "buildbot-watch";

/// The open database. Methods take `&self`; a `Store` is not shared between
/// threads, each opens its own.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    };
}

row_id!(
    /// Counts the notifications taken in, from 1; never reused.
    NotificationId
);
row_id!(
    /// Counts the outbox rows, from 1; never reused.
    DeliveryId
);
row_id!(
    /// Counts the decisions, from 1; never reused.
    DecisionId
);
row_id!(
    /// Counts the incidents, from 1; never reused.
    IncidentId
);
row_id!(
    /// Counts the mails to approvers, from 1; never reused.
    LetterId
);
row_id!(
    /// Counts what approvers were asked about, from 1; never reused.
    TokenId
);
