//! A person's word on a draft: compare-and-set on the exact bytes (I7).

use anyhow::anyhow;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{
    DecisionId, DeliveryKind, DraftRow, NotificationId, Revised, Store, along, audit,
    notifications, row,
};
use crate::domain::Seconds;
use crate::domain::decision::Approver;
use crate::domain::draft::Draft;
use crate::domain::life::{ClosedReason, FinalWord};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionKind {
    /// It may leave, exactly as it is.
    Approve,
    /// It may not; the notification is closed.
    Reject,
    /// The text was changed.
    Edit,
    /// An issue was chosen.
    Link,
}

/// What makes a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The text was changed.
    Edit,
    /// An issue was chosen.
    Link,
}

impl DecisionKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Edit => "edit",
            Self::Link => "link",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Approve, Self::Reject, Self::Edit, Self::Link]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A decision on one revision of a draft, as the person saw it.
#[derive(Debug, Clone, Copy)]
pub struct NewDecision<'a> {
    /// Which notification.
    pub notification: NotificationId,
    /// Which revision was shown.
    pub revision: u32,
    /// The digest that was shown with it.
    pub digest: &'a str,
    /// Who decides.
    pub who: &'a str,
    /// Why, in words; may be empty.
    pub reason: &'a str,
    /// The rule that decides, when no person does.
    pub auto_rule: Option<&'a str>,
}

impl<'a> NewDecision<'a> {
    /// A person's, on the revision with the digest that was shown.
    pub fn of_person(
        notification: NotificationId,
        (revision, digest): (u32, &'a str),
        who: &'a Approver,
        reason: &'a str,
    ) -> Self {
        Self {
            notification,
            revision,
            digest,
            who: who.as_str(),
            reason,
            auto_rule: None,
        }
    }
}

/// A decision that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// Its number.
    pub decision: DecisionId,
    /// How many outbox rows it made.
    pub deliveries: usize,
}

/// Why a decision was not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    /// There is no such notification.
    #[error("there is no notification {0}")]
    Unknown(NotificationId),
    /// Somebody was faster.
    #[error("{word} by {who} already")]
    AlreadyDecided {
        /// What was decided.
        word: FinalWord,
        /// Who.
        who: String,
        /// When.
        at: Seconds,
    },
    /// The draft is not the one that was shown.
    #[error(
        "the draft was revised by {made_by}: revision {current} is the current one, not {shown}"
    )]
    Revised {
        /// The revision that was shown.
        shown: u32,
        /// The one to look at now.
        current: u32,
        /// Who made it.
        made_by: String,
        /// When.
        made_at: Seconds,
    },
    /// It was closed meanwhile.
    #[error("closed already ({reason}): {note}")]
    Closed {
        /// Why, for the program.
        reason: ClosedReason,
        /// Why, in a sentence.
        note: String,
    },
    /// There is no draft yet, or it is being made anew.
    #[error("there is no draft to decide on")]
    NoDraft,
    /// It has to be released first.
    #[error("held by {who}: {why}")]
    Held {
        /// Why.
        why: String,
        /// Who holds it.
        who: String,
    },
    /// An issue has to be chosen first (`link`).
    #[error("an issue has to be chosen first")]
    ChoiceOpen,
    /// It was approved, and some of it happened before the rest was refused.
    #[error("some of what was approved happened already: only the rest can be tried again")]
    PartlyHappened,
    /// There is nothing in the draft that would leave.
    #[error("the draft is empty")]
    Empty,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

impl From<rusqlite::Error> for NotDecided {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Every person who approved something at or after `since`.
    pub fn approvers_since(&self, since: Seconds) -> anyhow::Result<Vec<String>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT who
             FROM decisions
             WHERE kind = 'approve' AND auto_rule IS NULL AND at >= ?1
             ORDER BY who",
        )?;
        let names = statement.query_map([since], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Approves: makes the outbox rows, one for each action in order, the reply, and
    /// last the answers to the notifications that are settled along, in the
    /// transaction of the decision.
    pub fn approve(&self, decision: &NewDecision<'_>, now: Seconds) -> Result<Decided, NotDecided> {
        approve_within(self.begin()?, decision, now)
    }

    /// Rejects, and closes the notification.
    pub fn reject(&self, decision: &NewDecision<'_>, now: Seconds) -> Result<Decided, NotDecided> {
        let transaction = self.begin()?;
        let draft = the_draft_shown(&transaction, decision)?;
        let id = insert(&transaction, decision, DecisionKind::Reject, now)?;
        let note = match decision.reason {
            "" => format!("rejected by {}", decision.who),
            reason => format!("rejected by {}: {reason}", decision.who),
        };
        let notification = decision.notification;
        notifications::close(
            &transaction,
            notification,
            ClosedReason::Rejected,
            &note,
            now,
        )?;
        along::reject(&transaction, decision, &draft, &note, now)?;
        end(transaction, decision, "rejected", "", now)?;
        Ok(Decided {
            decision: id,
            deliveries: 0,
        })
    }

    /// Makes a new revision out of the one that was shown.
    pub fn revise(
        &self,
        decision: &NewDecision<'_>,
        change: Change,
        draft: &Draft,
        now: Seconds,
    ) -> Result<Revised, NotDecided> {
        let (kind, what) = match change {
            Change::Edit => (DecisionKind::Edit, "edited"),
            Change::Link => (DecisionKind::Link, "linked"),
        };
        let transaction = self.begin()?;
        let before = the_draft_shown(&transaction, decision)?;
        insert(&transaction, decision, kind, now)?;
        let id = decision.notification;
        let revised = notifications::insert_draft(&transaction, id, draft, decision.who, now)?;
        let made = format!(
            "; revision {} ({}) differs in: {}",
            revised.revision,
            short(&revised.digest),
            differences(&before.draft, draft)
        );
        end(transaction, decision, what, &made, now)?;
        Ok(revised)
    }
}

/// Approves in a transaction that is begun already, and commits it.
pub(super) fn approve_within(
    transaction: Transaction<'_>,
    decision: &NewDecision<'_>,
    now: Seconds,
) -> Result<Decided, NotDecided> {
    let draft = the_draft_shown(&transaction, decision)?;
    refuse_held(&transaction, decision.notification)?;
    let kinds = kinds_of(&draft.draft)?;
    let id = insert(&transaction, decision, DecisionKind::Approve, now)?;
    let rows = draft.draft.actions.len() + 1;
    for (position, kind) in &kinds {
        transaction.execute(
            "INSERT INTO deliveries (notification, revision, position, kind, decision, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                decision.notification,
                decision.revision,
                position,
                kind.name(),
                id,
                now
            ],
        )?;
    }
    let answers = along::approve(&transaction, decision, id, &draft, rows, now)?;
    let made = match draft.draft.along.len() {
        0 => String::new(),
        more => format!("; it settles {more} more notifications, with {answers} answers"),
    };
    end(transaction, decision, "approved", &made, now)?;
    Ok(Decided {
        decision: id,
        deliveries: kinds.len() + answers,
    })
}

/// The compare of compare-and-set: the current draft, if it is the one that was
/// shown and nobody decided on it.
pub(super) fn the_draft_shown(
    connection: &Connection,
    decision: &NewDecision<'_>,
) -> Result<DraftRow, NotDecided> {
    let id = decision.notification;
    refuse_decided(connection, id)?;
    refuse_closed(connection, id)?;
    let draft = row::current_draft(connection, id)?.ok_or(NotDecided::NoDraft)?;
    if draft.revision != decision.revision || draft.digest != decision.digest {
        return Err(NotDecided::Revised {
            shown: decision.revision,
            current: draft.revision,
            made_by: draft.made_by,
            made_at: draft.made_at,
        });
    }
    if !draft.draft.has_digest(draft.revision, &draft.digest) {
        // Another version of the program wrote it, or somebody changed the file.
        return Err(NotDecided::Store(anyhow!(
            "the draft does not have the digest it was stored with; start it over"
        )));
    }
    Ok(draft)
}

pub(super) fn refuse_decided(
    connection: &Connection,
    id: NotificationId,
) -> Result<(), NotDecided> {
    match row::final_decision(connection, id)? {
        Some(earlier) => Err(NotDecided::AlreadyDecided {
            word: match earlier.kind {
                DecisionKind::Approve => FinalWord::Approved,
                _ => FinalWord::Rejected,
            },
            who: earlier.who,
            at: earlier.at,
        }),
        None => Ok(()),
    }
}

fn refuse_closed(connection: &Connection, id: NotificationId) -> Result<(), NotDecided> {
    let facts = row::facts(connection, id)?.ok_or(NotDecided::Unknown(id))?;
    if facts.quarantined {
        return Err(NotDecided::NoDraft);
    }
    let Some(reason) = facts.closed else {
        return Ok(());
    };
    Err(NotDecided::Closed {
        reason,
        note: connection.query_row(
            "SELECT closed_note FROM notifications WHERE id = ?1",
            [id],
            |row| row.get(0),
        )?,
    })
}

pub(super) fn refuse_held(connection: &Connection, id: NotificationId) -> Result<(), NotDecided> {
    let held: Option<(String, String)> = connection
        .query_row(
            "SELECT held_why, held_by
             FROM notifications
             WHERE id = ?1 AND held_why IS NOT NULL",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match held {
        Some((why, who)) => Err(NotDecided::Held { why, who }),
        None => Ok(()),
    }
}

/// The outbox rows of a draft in order, each with its position: the action's, and
/// for the reply the one behind the last action.
fn kinds_of(draft: &Draft) -> Result<Vec<(usize, DeliveryKind)>, NotDecided> {
    let mut kinds = Vec::new();
    if draft.is_undecided() {
        return Err(NotDecided::ChoiceOpen);
    }
    for (position, action) in draft.actions.iter().enumerate() {
        kinds.extend(DeliveryKind::of(action).map(|kind| (position, kind)));
    }
    let behind = draft.actions.len();
    kinds.extend(draft.reply.as_ref().map(|_| (behind, DeliveryKind::Reply)));
    if kinds.is_empty() {
        return Err(NotDecided::Empty);
    }
    Ok(kinds)
}

fn insert(
    connection: &Connection,
    decision: &NewDecision<'_>,
    kind: DecisionKind,
    now: Seconds,
) -> Result<DecisionId, NotDecided> {
    Ok(connection.query_row(
        "INSERT INTO decisions (notification, revision, digest, kind, who, reason, auto_rule, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         RETURNING id",
        params![
            decision.notification,
            decision.revision,
            decision.digest,
            kind.name(),
            decision.who,
            decision.reason,
            decision.auto_rule,
            now
        ],
        |row| row.get(0),
    )?)
}

fn end(
    transaction: Transaction<'_>,
    decision: &NewDecision<'_>,
    what: &str,
    made: &str,
    now: Seconds,
) -> Result<(), NotDecided> {
    let id = decision.notification;
    let mut detail = format!(
        "revision {} ({})",
        decision.revision,
        short(decision.digest)
    );
    if let Some(rule) = decision.auto_rule {
        detail += &format!(", rule {rule}");
    }
    if !decision.reason.is_empty() {
        detail += &format!(": {}", decision.reason);
    }
    detail += made;
    audit::write_line(&transaction, Some(id), decision.who, what, &detail, now)?;
    notifications::must_be_possible(&transaction, id)?;
    Ok(transaction.commit()?)
}

/// The part of a digest that people see.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

/// Where two drafts differ, in words: `action 1, the reply`.
fn differences(before: &Draft, after: &Draft) -> String {
    let most = before.actions.len().max(after.actions.len());
    let mut parts: Vec<String> = (0..most)
        .filter(|index| before.actions.get(*index) != after.actions.get(*index))
        .map(|index| format!("action {}", index + 1))
        .collect();
    if before.reply != after.reply {
        parts.push("the reply".to_owned());
    }
    if before.along != after.along {
        parts.push("the answers to others".to_owned());
    }
    if parts.is_empty() {
        parts.push("nothing that leaves".to_owned());
    }
    parts.join(", ")
}
