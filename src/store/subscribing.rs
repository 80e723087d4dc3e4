//! Requests to join or leave the list, and the mails that leave for them.
//!
//! A mail is claimed before any network byte (I4), under the switches and under caps
//! of its own (I9): these mails are no replies and stand in no other ledger. A claim
//! that never got an answer counts as sent, because it may have been.

mod proving;
pub(super) mod row;

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

use super::{NotificationId, PROGRAM, Store, Switch, SwitchState, audit, switches};
use crate::domain::Seconds;
use crate::domain::subscribing::{Request, Token};

pub use proving::Question;
use row::last;
pub use row::{ASK_AGAIN_AFTER, Outcome, Subscription, SubscriptionMail};

/// No more than so many mails leave within a day to ask, and to confirm.
const MOST_A_DAY: u32 = 5;

const DAY: Seconds = 24 * 3600;

/// What a person asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewSubscription<'a> {
    /// What is asked for.
    pub request: Request,
    /// The list's address.
    pub list: &'a str,
    /// Our address.
    pub address: &'a str,
    /// The mailbox as it is now.
    pub mailbox: &'a str,
    /// What its UIDs mean.
    pub uidvalidity: i64,
    /// The UID that its next mail will have.
    pub uidnext: i64,
    /// Who asks.
    pub who: &'a str,
}

/// Why a mail may not leave now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotNow {
    /// STOP is on.
    Stopped(SwitchState),
    /// Somebody paused what leaves.
    Paused(SwitchState),
    /// The request is over.
    Ended,
    /// This was sent; not again before then.
    Sent {
        /// When it may be sent again; `None`: never, for a token.
        again_at: Option<Seconds>,
    },
    /// As many as may leave within a day have left.
    TooMany,
}

impl Store {
    /// The request that waits, or the last one that ended.
    pub fn subscription(&self) -> Result<Option<Subscription>> {
        last(&self.connection)
    }

    /// The last request, if a mail of the list may still change it: it waits, or what
    /// became of it is not proven. `now` decides.
    pub fn listening_subscription(&self, now: Seconds) -> Result<Option<Subscription>> {
        let last = self.subscription()?;
        Ok(last.filter(|it| it.may_be_asked(now) || it.is_unproven()))
    }

    /// Begins a request, or goes on with the one that waits if it is the same. One
    /// that asks for something else ends.
    pub fn begin_subscription(
        &self,
        new: &NewSubscription<'_>,
        now: Seconds,
    ) -> Result<Subscription> {
        let transaction = self.begin()?;
        if let Some(open) = last(&transaction)? {
            let is_same = open.request == new.request
                && open.list == new.list
                && open.address == new.address
                && open.mailbox == new.mailbox;
            if is_same && open.may_be_asked(now) {
                return Ok(open);
            }
            let outcome = if is_same {
                Outcome::Expired
            } else {
                Outcome::Replaced
            };
            if open.ended.is_none() {
                end(&transaction, &open, outcome, None, now)?;
            }
        }
        transaction.execute(
            "INSERT INTO subscriptions
                 (request, list, address, begun_at, mailbox, uidvalidity, uidnext)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                new.request.name(),
                new.list,
                new.address,
                now,
                new.mailbox,
                new.uidvalidity,
                new.uidnext
            ],
        )?;
        let what = new.request.name();
        let detail = format!("{} {what} {}", new.address, new.list);
        audit::write_line(&transaction, None, new.who, what, &detail, now)?;
        let begun = last(&transaction)?.context("the request is not there")?;
        transaction.commit()?;
        Ok(begun)
    }

    /// Takes the right to send one mail for a request: the request itself, or the
    /// confirmation of a token. To be called right before the mail is sent.
    pub fn claim_subscription_mail(
        &self,
        subscription: i64,
        token: Option<&Token>,
        message_id: &str,
        now: Seconds,
    ) -> Result<Result<(), NotNow>> {
        let transaction = self.begin()?;
        if let Some(why) = why_not(&transaction, subscription, token, now)? {
            return Ok(Err(why));
        }
        proving::take_welcome_back(&transaction, subscription, now)?;
        transaction.execute(
            "INSERT INTO subscription_mails (message_id, subscription, token, claimed_at)
             VALUES (?1, ?2, ?3, ?4)",
            params![message_id, subscription, token.map(Token::as_str), now],
        )?;
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// Records that the server took a mail, with its answer.
    pub fn subscription_mail_sent(
        &self,
        message_id: &str,
        answer: &str,
        now: Seconds,
    ) -> Result<()> {
        self.settle_mail(
            message_id,
            "sent_at = ?2",
            params![message_id, now],
            "sent",
            answer,
            now,
        )
    }

    /// Records that a mail provably did not leave, and why.
    pub fn subscription_mail_failed(
        &self,
        message_id: &str,
        why: &str,
        now: Seconds,
    ) -> Result<()> {
        let values = params![message_id, why];
        self.settle_mail(message_id, "failed_why = ?2", values, "not sent", why, now)
    }

    fn settle_mail(
        &self,
        message_id: &str,
        set: &str,
        values: &[&dyn rusqlite::ToSql],
        what: &str,
        detail: &str,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        let update = format!("UPDATE subscription_mails SET {set} WHERE message_id = ?1");
        transaction.execute(&update, values)?;
        let kind: Option<String> = transaction.query_row(
            "SELECT token FROM subscription_mails WHERE message_id = ?1",
            [message_id],
            |row| row.get(0),
        )?;
        let kind = kind.map_or("request", |_| "confirmation");
        let detail = format!("{kind} <{message_id}>: {detail}");
        audit::write_line(&transaction, None, PROGRAM, what, &detail, now)?;
        Ok(transaction.commit()?)
    }

    /// The list says that a request waits for somebody's approval.
    pub fn subscription_pending(&self, subscription: i64, now: Seconds) -> Result<()> {
        let transaction = self.begin()?;
        let changed = transaction.execute(
            "UPDATE subscriptions SET pending_at = ?2
             WHERE id = ?1 AND pending_at IS NULL AND ended_at IS NULL",
            params![subscription, now],
        )?;
        if changed > 0 {
            let detail = "the list says that the request is pending";
            audit::write_line(
                &transaction,
                None,
                PROGRAM,
                "subscription waits",
                detail,
                now,
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Ends a request that waits; says whether it did. `list_id` is the welcome's.
    pub fn end_subscription(
        &self,
        subscription: i64,
        outcome: Outcome,
        list_id: Option<&str>,
        now: Seconds,
    ) -> Result<bool> {
        let transaction = self.begin()?;
        let open = last(&transaction)?.filter(|it| it.id == subscription && it.ended.is_none());
        if let Some(open) = &open {
            end(&transaction, open, outcome, list_id, now)?;
        }
        transaction.commit()?;
        Ok(open.is_some())
    }

    /// Whether a notification's mail came into the mailbox after a request was begun.
    pub fn came_after(&self, subscription: &Subscription, id: NotificationId) -> Result<bool> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT EXISTS (
                     SELECT 1 FROM seen_uids
                     WHERE mailbox = ?1 AND uidvalidity = ?2 AND uid >= ?3 AND notification = ?4)",
            )?
            .query_row(
                params![
                    subscription.mailbox,
                    subscription.uidvalidity,
                    subscription.uidnext,
                    id
                ],
                |row| row.get(0),
            )?)
    }

    /// When the list last showed one of our replies: own posts are received.
    pub fn last_echo(&self) -> Result<Option<Seconds>> {
        Ok(self.connection.query_row(
            "SELECT max(confirmed_at) FROM deliveries WHERE kind = 'reply'",
            [],
            |row| row.get(0),
        )?)
    }
}

fn why_not(
    connection: &Connection,
    subscription: i64,
    token: Option<&Token>,
    now: Seconds,
) -> Result<Option<NotNow>> {
    if let Some(stop) = switches::read(connection, Switch::Stop)? {
        return Ok(Some(NotNow::Stopped(stop)));
    }
    if let Some(pause) = switches::read(connection, Switch::Pause)? {
        return Ok(Some(NotNow::Paused(pause)));
    }
    let may_leave = |it: &Subscription| match token {
        None => it.is_open(now),
        Some(_) => it.may_be_asked(now),
    };
    let open = last(connection)?.filter(|it| it.id == subscription && may_leave(it));
    let Some(open) = open else {
        return Ok(Some(NotNow::Ended));
    };
    let again_at = match token {
        None => open.may_ask_at().map(Some),
        Some(token) => open.may_confirm_at(token),
    };
    if let Some(again_at) = again_at.filter(|at| at.is_none_or(|at| now < at)) {
        return Ok(Some(NotNow::Sent { again_at }));
    }
    let left: u32 = connection.query_row(
        "SELECT count(*) FROM subscription_mails
         WHERE claimed_at > ?1 AND failed_why IS NULL AND (token IS NULL) = ?2",
        params![now - DAY, token.is_none()],
        |row| row.get(0),
    )?;
    Ok((left >= MOST_A_DAY).then_some(NotNow::TooMany))
}

fn end(
    connection: &Connection,
    open: &Subscription,
    outcome: Outcome,
    list_id: Option<&str>,
    now: Seconds,
) -> Result<()> {
    connection.execute(
        "UPDATE subscriptions SET ended_at = ?2, outcome = ?3, list_id = ?4 WHERE id = ?1",
        params![open.id, now, outcome.name(), list_id],
    )?;
    let detail = format!("{} {}: {}", open.request.name(), open.list, outcome.name());
    audit::write_line(
        connection,
        None,
        PROGRAM,
        "subscription ended",
        &detail,
        now,
    )
}
