//! The handshake with the list, by mails: ask, confirm, hear what it says.
//!
//! A command and the service may work on it at the same time; a claim in the store
//! says which of the two sends a mail. Nothing is confirmed unless a person asked for
//! exactly that here, and lately; what the list says about anybody else's request is
//! told and left alone.

use anyhow::{Context, Result};

use super::{Outgoing, Parts, SmtpNow};
use crate::domain::Seconds;
use crate::domain::delivery::{Outcome as Sent, Receipt, message_id};
use crate::domain::mail::Mail;
use crate::domain::subscribing::{Answer, ListServer, Request, Token, answer, is_post};
use crate::smtp::{Dialogue, ListRequest, compose_request};
use crate::store::{
    NotNow, NotificationId, PROGRAM, Store, Subscription, SubscriptionOutcome as Outcome,
};

/// What the handshake is done with.
pub struct Clerk<'a> {
    /// What is remembered of it.
    pub store: &'a Store,
    /// How to reach the submission server now.
    pub smtp: &'a SmtpNow,
    /// The list's own addresses.
    pub server: &'a ListServer,
    /// Our name for people, and the address that is subscribed.
    pub sender: (&'a str, &'a str),
    /// The envelope sender.
    pub bounce: &'a str,
}

/// What became of one mail to the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The server took it.
    Sent {
        /// Where it goes.
        to: String,
    },
    /// It may not leave now.
    NotNow(NotNow),
    /// It provably did not leave, for this reason; it may be tried again.
    Failed(String),
    /// The server does not take it as it is, for this reason.
    Refused(String),
    /// Nobody knows whether it left.
    InDoubt(String),
}

/// What a mail was worth to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It says nothing about it.
    Nothing,
    /// It was confirmed, or that was tried.
    Confirmed(Attempt),
    /// A confirmation that is wanted and not given, for this reason: a sentence
    /// without a full stop.
    NotConfirmed(String),
    /// It waits for an approval.
    Pending,
    /// The token did not count.
    TokenUnknown,
    /// The list says something that is not known: as hostile as any text.
    Other(String),
    /// The request is over.
    Ended {
        /// How.
        outcome: Outcome,
        /// The List-Id, where it is the welcome.
        list_id: Option<String>,
        /// The list sends digests.
        has_digests: bool,
    },
}

impl Clerk<'_> {
    /// Asks the list, if it was not asked just before.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn ask(&self, subscription: &Subscription, now: Seconds) -> Result<Attempt> {
        let to = self.server.request_address(subscription.request);
        let command = subscription.request.name();
        self.send(subscription, None, to, command, now).await
    }

    /// Acts on a mail that came in after a request was begun.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn hear(
        &self,
        subscription: &Subscription,
        mail: &Mail,
        now: Seconds,
    ) -> Result<Heard> {
        let (_, own) = self.sender;
        let said = answer(mail, self.server, own, &subscription.message_ids());
        let request = subscription.request;
        let list_id = mail.list_ids.first();
        let ends = |outcome| self.end(subscription, outcome, list_id.cloned(), now);
        match (said, request) {
            (Some(Answer::Confirm { request: of, token }), _) if of == request => {
                self.confirm(subscription, &token, now).await
            }
            (Some(Answer::Confirm { request: of, .. }), _) => {
                let why = format!("somebody else asked to {} in our name", of.name());
                self.leave_alone(&why, now)
            }
            (Some(Answer::NotGenuine(why)), _) => self.leave_alone(why, now),
            (Some(Answer::Welcome { has_digests, .. }), Request::Join) => {
                ends(Outcome::Member).map(|heard| with_digests(heard, has_digests))
            }
            (Some(Answer::AlreadyMember), Request::Join) => ends(Outcome::AlreadyMember),
            (Some(Answer::Goodbye), Request::Leave) => ends(Outcome::Left),
            (Some(Answer::NotAMember), Request::Leave) => ends(Outcome::NotAMember),
            (Some(Answer::Banned | Answer::Rejected), _) => ends(Outcome::Refused),
            (Some(Answer::Pending), _) => {
                self.store.subscription_pending(subscription.id, now)?;
                Ok(Heard::Pending)
            }
            (Some(Answer::TokenUnknown), _) => Ok(Heard::TokenUnknown),
            (Some(Answer::Other(said)), _) => Ok(Heard::Other(said)),
            // A list need not say welcome.
            (None, Request::Join)
                if subscription.is_confirmed_or_pending() && is_post(mail, self.server) =>
            {
                ends(Outcome::Member)
            }
            _ => Ok(Heard::Nothing),
        }
    }

    /// Confirms a token, if we asked before, and lately: else it is somebody else's doing.
    async fn confirm(
        &self,
        subscription: &Subscription,
        token: &Token,
        now: Seconds,
    ) -> Result<Heard> {
        if !subscription.may_be_confirmed(now) {
            return self.leave_alone("nothing was asked for here lately", now);
        }
        let to = self.server.confirm_address(token);
        let command = format!("confirm {token}");
        let attempt = self
            .send(subscription, Some(token), &to, &command, now)
            .await?;
        Ok(Heard::Confirmed(attempt))
    }

    fn leave_alone(&self, why: &str, now: Seconds) -> Result<Heard> {
        let why = format!("the list wants something confirmed, and it is not: {why}");
        self.store
            .audit(None, PROGRAM, "not confirmed", &why, now)?;
        Ok(Heard::NotConfirmed(why))
    }

    fn end(
        &self,
        subscription: &Subscription,
        outcome: Outcome,
        list_id: Option<String>,
        now: Seconds,
    ) -> Result<Heard> {
        let id = list_id.as_deref();
        self.store
            .end_subscription(subscription.id, outcome, id, now)?;
        Ok(Heard::Ended {
            outcome,
            list_id,
            has_digests: false,
        })
    }

    /// Composes, prepares, claims, sends. What breaks before the claim did nothing.
    async fn send(
        &self,
        subscription: &Subscription,
        token: Option<&Token>,
        to: &str,
        command: &str,
        now: Seconds,
    ) -> Result<Attempt> {
        let (from_name, from_address) = self.sender;
        let key = self.store.instance_key()?;
        let domain = from_address.rsplit('@').next().unwrap_or("localhost");
        let identity = format!(
            "{command} {} {} {now}",
            subscription.id,
            subscription.mails.len()
        );
        let id = message_id(&key, &identity, domain);
        let mail = compose_request(&ListRequest {
            from_name,
            from_address,
            to,
            command,
            message_id: &id,
            date: now,
        });
        let mail = match mail {
            Ok(mail) => mail,
            Err(refusal) => return Ok(Attempt::Refused(refusal.to_string())),
        };
        let settings = match (self.smtp)() {
            Ok(settings) => settings,
            Err(error) => return Ok(Attempt::Failed(format!("{error:#}"))),
        };
        let ready = match Dialogue::open(&settings).await {
            Ok(dialogue) => dialogue.prepare(self.bounce, to).await,
            Err(outcome) => Err(outcome),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(outcome) => return Ok(attempt_of(outcome, to)),
        };
        let claimed = self
            .store
            .claim_subscription_mail(subscription.id, token, &id, now)?;
        if let Err(why) = claimed {
            ready.abort();
            return Ok(Attempt::NotNow(why));
        }
        let sent = ready.finish(&mail).await;
        self.record(&id, &sent, now)?;
        Ok(attempt_of(sent, to))
    }

    fn record(&self, id: &str, sent: &Sent, now: Seconds) -> Result<()> {
        match sent {
            Sent::Done(Receipt::Mail { answer }) => {
                self.store.subscription_mail_sent(id, answer, now)
            }
            Sent::Done(Receipt::Issue(_)) => Ok(()),
            Sent::Later { why, .. } | Sent::Refused { why } => {
                self.store.subscription_mail_failed(id, why, now)
            }
            // The claim stays: it may have left.
            Sent::Unknown { why } => {
                self.store
                    .audit(None, PROGRAM, "in doubt", &format!("<{id}>: {why}"), now)
            }
        }
        .context("recording what became of a mail to the list")
    }
}

fn attempt_of(sent: Sent, to: &str) -> Attempt {
    match sent {
        Sent::Done(_) => Attempt::Sent { to: to.to_owned() },
        Sent::Later { why, .. } => Attempt::Failed(why),
        Sent::Refused { why } => Attempt::Refused(why),
        Sent::Unknown { why } => Attempt::InDoubt(why),
    }
}

fn with_digests(heard: Heard, has_digests: bool) -> Heard {
    match heard {
        Heard::Ended {
            outcome, list_id, ..
        } => Heard::Ended {
            outcome,
            list_id,
            has_digests,
        },
        other => other,
    }
}

/// The service goes on with a request that a command began and did not end.
///
/// # Errors
/// Only the store's.
pub(super) async fn overhear(parts: &Parts, id: NotificationId, mail: &Mail) -> Result<()> {
    let now = parts.clock.now();
    let Outgoing::Smtp(smtp) = &parts.outgoing else {
        return Ok(());
    };
    let Some(open) = parts.store.open_subscription(now)? else {
        return Ok(());
    };
    if !parts.store.came_after(&open, id)? {
        return Ok(());
    }
    let (name, address) = &parts.rules.sender;
    let clerk = Clerk {
        store: &parts.store,
        smtp,
        server: &parts.rules.server,
        sender: (name, address),
        bounce: &parts.rules.bounce,
    };
    let what = match clerk.hear(&open, mail, now).await? {
        Heard::Nothing | Heard::Confirmed(Attempt::NotNow(_)) => return Ok(()),
        Heard::Confirmed(Attempt::Sent { .. }) => "confirmed",
        Heard::Confirmed(Attempt::Failed(_) | Attempt::Refused(_) | Attempt::InDoubt(_)) => {
            "the confirmation did not leave"
        }
        Heard::NotConfirmed(_) => "not confirmed: nobody here asked for it",
        Heard::Pending => "waits for the list's owner",
        Heard::TokenUnknown => "the list does not know the token",
        Heard::Other(_) => "the list says something else",
        Heard::Ended { outcome, .. } => outcome.name(),
    };
    tracing::info!(
        request = open.request.name(),
        what,
        "the list answered about our subscription"
    );
    Ok(())
}
