//! A request as it is read, and what may be done about it.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::domain::Seconds;
use crate::domain::subscribing::{Proof, Request, SentMail, Token};

/// The list is not asked again within an hour: Mailman keeps a request for three days
/// (`pending_request_life`), and its confirmation may be on its way.
pub const ASK_AGAIN_AFTER: Seconds = 3600;

/// What provably or possibly did not leave, because the program ended meanwhile, may be
/// sent again after so long.
pub(in crate::store) const DOUBT_LASTS: Seconds = 10 * 60;

/// A request that is older than this is forgotten by Mailman; nothing is confirmed for
/// it any more.
pub(in crate::store) const REQUEST_LASTS: Seconds = 3 * 24 * 3600;

/// One request and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its number.
    pub id: i64,
    /// What is asked for.
    pub request: Request,
    /// The list's address.
    pub list: String,
    /// Our address.
    pub address: String,
    /// When a person began it.
    pub begun_at: Seconds,
    /// The mailbox in which the answers come.
    pub mailbox: String,
    /// The meaning of its UIDs then.
    pub uidvalidity: i64,
    /// The first UID that can be an answer.
    pub uidnext: i64,
    /// Since when the list says that it waits for an approval.
    pub pending_at: Option<Seconds>,
    /// When it ended, and how.
    pub ended: Option<(Seconds, Outcome)>,
    /// The List-Id of the list, from its welcome.
    pub list_id: Option<String>,
    /// Since when it is proven that the list takes us in, and by what.
    pub proven: Option<(Seconds, Proof)>,
    /// The mails that were to leave for it, oldest first.
    pub mails: Vec<SubscriptionMail>,
}

/// One mail to the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionMail {
    /// Our id, without angle brackets.
    pub message_id: String,
    /// What it confirms; the request itself has none.
    pub token: Option<String>,
    /// When it was about to leave.
    pub claimed_at: Seconds,
    /// When the server took it.
    pub sent_at: Option<Seconds>,
    /// Why it provably did not leave.
    pub failed_why: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The list said welcome, or sends us its posts.
    Member,
    /// The list said that we were subscribed before.
    AlreadyMember,
    /// The list said goodbye.
    Left,
    /// The list does not know us.
    NotAMember,
    /// The list's owner does not want us.
    Refused,
    /// A person asked for the opposite, or for something else.
    Replaced,
    /// It was never answered, and the list has forgotten it.
    Expired,
}

impl Outcome {
    const ALL: [Self; 7] = [
        Self::Member,
        Self::AlreadyMember,
        Self::Left,
        Self::NotAMember,
        Self::Refused,
        Self::Replaced,
        Self::Expired,
    ];

    /// The name it is stored by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::AlreadyMember => "already_member",
            Self::Left => "left",
            Self::NotAMember => "not_a_member",
            Self::Refused => "refused",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
        }
    }
}

impl Subscription {
    /// Whether it waits, and the list still knows of it. One that the list's owner has
    /// to approve waits for as long as that takes.
    pub fn is_open(&self, now: Seconds) -> bool {
        let asked_at = self.asked_at().unwrap_or(self.begun_at);
        self.ended.is_none() && (self.pending_at.is_some() || now < asked_at + REQUEST_LASTS)
    }

    /// When the list was last asked, as far as is known.
    pub fn asked_at(&self) -> Option<Seconds> {
        let asked = self.mails.iter().filter(|it| it.token.is_none());
        let asked = asked.filter(|it| it.failed_why.is_none());
        asked.map(|it| it.claimed_at).max()
    }

    /// When the list may be asked once more; `None` if it was not asked. A mail that may
    /// have left counts.
    pub fn may_ask_at(&self) -> Option<Seconds> {
        let asked = self.mails.iter().filter(|it| it.token.is_none());
        let asked = asked.filter(|it| it.failed_why.is_none());
        asked.max_by_key(|it| it.claimed_at).map(|it| {
            let pause = it.sent_at.map_or(DOUBT_LASTS, |_| ASK_AGAIN_AFTER);
            it.claimed_at + pause
        })
    }

    /// When a token that may have been confirmed may be confirmed once more: never, if
    /// the server took the mail.
    pub(super) fn may_confirm_at(&self, token: &Token) -> Option<Option<Seconds>> {
        let of_token = |it: &&SubscriptionMail| it.token.as_deref() == Some(token.as_str());
        let confirmed = self.mails.iter().filter(of_token);
        let confirmed = confirmed.filter(|it| it.failed_why.is_none());
        let last = confirmed.max_by_key(|it| it.claimed_at)?;
        Some(
            last.sent_at
                .is_none()
                .then_some(last.claimed_at + DOUBT_LASTS),
        )
    }

    /// When something was last confirmed.
    pub fn confirmed_at(&self) -> Option<Seconds> {
        let confirmed = self.mails.iter().filter(|it| it.token.is_some());
        let confirmed = confirmed.filter(|it| it.failed_why.is_none());
        confirmed.map(|it| it.claimed_at).max()
    }

    /// Whether the list may still want this confirmed: it was asked, and lately.
    pub fn may_be_confirmed(&self, now: Seconds) -> bool {
        self.asked_at().is_some_and(|at| now < at + REQUEST_LASTS)
    }

    /// Whether we did all that we can: the rest is the list's.
    pub fn is_confirmed_or_pending(&self) -> bool {
        self.pending_at.is_some() || self.confirmed_at().is_some()
    }

    /// Whether the list is said to take us in, and nothing proves it.
    pub fn is_unproven(&self) -> bool {
        let is_in = |outcome| matches!(outcome, Outcome::Member | Outcome::AlreadyMember);
        self.proven.is_none() && self.ended.is_some_and(|(_, outcome)| is_in(outcome))
    }

    /// Whether a question of the list may still come: while it waits, and after a
    /// welcome that came before any question and so may be anybody's.
    pub fn may_be_asked(&self, now: Seconds) -> bool {
        let was_welcomed_early = self.is_unproven() && self.confirmed_at().is_none();
        self.is_open(now) || (was_welcomed_early && self.may_be_confirmed(now))
    }

    /// Whether a token was confirmed, as far as is known.
    pub fn was_confirmed(&self, token: &Token) -> bool {
        self.may_confirm_at(token).is_some()
    }

    /// Its mails, of which an answer may speak.
    pub fn sent(&self) -> Vec<SentMail> {
        let mails = self.mails.iter().filter(|it| it.failed_why.is_none());
        mails
            .map(|it| SentMail {
                message_id: it.message_id.clone(),
                request: self.request,
                token: it.token.as_deref().and_then(Token::parse),
            })
            .collect()
    }
}

/// The request that was begun last.
pub(super) fn last(connection: &Connection) -> Result<Option<Subscription>> {
    let found = connection
        .prepare_cached(
            "SELECT id, request, list, address, begun_at, mailbox, uidvalidity, uidnext,
                    pending_at, ended_at, outcome, list_id, proven_at, proof
             FROM subscriptions
             ORDER BY id DESC
             LIMIT 1",
        )?
        .query_row([], subscription)
        .optional()?;
    let Some(mut found) = found else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT message_id, token, claimed_at, sent_at, failed_why
         FROM subscription_mails
         WHERE subscription = ?1
         ORDER BY rowid",
    )?;
    let mails = statement.query_map([found.id], |row| {
        Ok(SubscriptionMail {
            message_id: row.get(0)?,
            token: row.get(1)?,
            claimed_at: row.get(2)?,
            sent_at: row.get(3)?,
            failed_why: row.get(4)?,
        })
    })?;
    found.mails = mails.collect::<Result<_, _>>()?;
    Ok(Some(found))
}

fn subscription(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    let unknown = |column| {
        rusqlite::Error::InvalidColumnType(column, "a name".into(), rusqlite::types::Type::Text)
    };
    let request: String = row.get(1)?;
    let ended_at: Option<Seconds> = row.get(9)?;
    let outcome: Option<String> = row.get(10)?;
    let outcome = outcome
        .map(|name| {
            let found = Outcome::ALL.into_iter().find(|it| it.name() == name);
            found.ok_or_else(|| unknown(10))
        })
        .transpose()?;
    let proven_at: Option<Seconds> = row.get(12)?;
    let proof: Option<String> = row.get(13)?;
    let proof = proof
        .map(|name| Proof::from_name(&name).ok_or_else(|| unknown(13)))
        .transpose()?;
    Ok(Subscription {
        id: row.get(0)?,
        request: Request::from_name(&request).ok_or_else(|| unknown(1))?,
        list: row.get(2)?,
        address: row.get(3)?,
        begun_at: row.get(4)?,
        mailbox: row.get(5)?,
        uidvalidity: row.get(6)?,
        uidnext: row.get(7)?,
        pending_at: row.get(8)?,
        ended: ended_at.zip(outcome),
        list_id: row.get(11)?,
        proven: proven_at.zip(proof),
        mails: Vec::new(),
    })
}
