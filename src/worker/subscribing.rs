//! The handshake with the list, by mails: ask, confirm, hear what it says.
//!
//! A command and the service may work on it at the same time; a claim in the store
//! says which of the two sends a mail. Nothing is confirmed unless a person asked for
//! exactly that here, and lately; what the list says about anybody else's request is
//! told and left alone.
//!
//! A question in a language that is not known does not tell what it asks. It is answered
//! a moment later, if nothing else came from the list by then: to a member who asks to
//! join, the list says so and asks nothing, and a second question is somebody else's
//! doing.

use anyhow::{Context, Result};

use super::{Outgoing, Parts, SmtpNow};
use crate::domain::Seconds;
use crate::domain::approvers::Trust;
use crate::domain::delivery::{Outcome as Sent, Receipt, message_id};
use crate::domain::mail::Mail;
use crate::domain::subscribing::{
    Answer, ListServer, Proof, Request, Style, Token, answer, bounce, is_post,
};
use crate::parsing::answers::verified_sender;
use crate::smtp::{Dialogue, ListRequest, compose_request};
use crate::store::{
    NotNow, NotificationId, PROGRAM, Store, Subscription, SubscriptionOutcome as Outcome,
};

/// A question in a language that is not known is answered after so many seconds.
const QUIET: Seconds = 8;

/// A mail that came in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// As it is understood.
    pub mail: &'a Mail,
    /// Its bytes, or the beginning of them.
    pub raw: &'a [u8],
}

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
    /// Whose word on signatures is believed, if anybody's is.
    pub trust: Option<&'a Trust>,
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
    /// It is a question that is answered then, if nothing else comes: to be heard again.
    NotYet {
        /// From when on.
        until: Seconds,
    },
    /// A confirmation that is wanted and not given, for this reason: a sentence
    /// without a full stop.
    NotConfirmed(String),
    /// It waits for an approval.
    Pending,
    /// The token did not count.
    TokenUnknown,
    /// The list says something that is not known: as hostile as any text.
    Other(String),
    /// A mail of ours came back, and may be sent again.
    CameBack {
        /// Why: as hostile as any text.
        why: String,
    },
    /// It proves that we are subscribed, which was only said before.
    Proven(Proof),
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
        incoming: Incoming<'_>,
        now: Seconds,
    ) -> Result<Heard> {
        let (_, own) = self.sender;
        let sent = subscription.sent();
        let mail = incoming.mail;
        if subscription.ended.is_none() {
            let raw = String::from_utf8_lossy(incoming.raw);
            if let Some((ours, why)) = bounce(mail, &raw, &sent) {
                let id = &ours.message_id;
                self.store.subscription_mail_bounced(id, &why, now)?;
                return Ok(Heard::CameBack { why });
            }
        }
        match answer(mail, self.server, own, &sent) {
            Some(Answer::Confirm {
                request,
                token,
                style,
            }) => {
                self.question(subscription, request, &token, style, now)
                    .await
            }
            said if subscription.ended.is_some() => self.prove(incoming, said.as_ref(), now),
            said => self.told(subscription, incoming, said, now),
        }
    }

    /// What is no question, while the request waits.
    fn told(
        &self,
        subscription: &Subscription,
        incoming: Incoming<'_>,
        said: Option<Answer>,
        now: Seconds,
    ) -> Result<Heard> {
        let mail = incoming.mail;
        let list_id = mail.list_ids.first();
        let ends = |outcome| self.end(subscription, outcome, list_id.cloned(), now);
        match (said, subscription.request) {
            (Some(Answer::NotGenuine(why)), _) => self.leave_alone(why, now),
            (Some(Answer::Welcome { has_digests, .. }), Request::Join) => {
                let heard = ends(Outcome::Member)?;
                self.prove(incoming, Some(&Answer::Welcome { has_digests }), now)?;
                Ok(with_digests(heard, has_digests))
            }
            (Some(Answer::AlreadyMember), Request::Join) => {
                let heard = ends(Outcome::AlreadyMember)?;
                self.store.prove_subscription(Proof::Quoted, now)?;
                Ok(heard)
            }
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
                let heard = ends(Outcome::Member)?;
                self.store.prove_subscription(Proof::Post, now)?;
                Ok(heard)
            }
            _ => Ok(Heard::Nothing),
        }
    }

    /// Whether a mail proves that the list takes us in, as it said.
    fn prove(&self, incoming: Incoming<'_>, said: Option<&Answer>, now: Seconds) -> Result<Heard> {
        let proof = match said {
            None if is_post(incoming.mail, self.server) => Proof::Post,
            Some(Answer::Welcome { .. }) if self.is_signed(incoming) => Proof::Signature,
            _ => return Ok(Heard::Nothing),
        };
        Ok(match self.store.prove_subscription(proof, now)? {
            true => Heard::Proven(proof),
            false => Heard::Nothing,
        })
    }

    /// Whether the server that is trusted says that its author signed it.
    fn is_signed(&self, incoming: Incoming<'_>) -> bool {
        let signer = self.trust.map(|trust| verified_sender(incoming.raw, trust));
        matches!(signer, Some(Ok(from)) if incoming.mail.from == std::slice::from_ref(&from))
    }

    /// What is done about a question.
    async fn question(
        &self,
        subscription: &Subscription,
        asked: Option<Request>,
        token: &Token,
        style: Style,
        now: Seconds,
    ) -> Result<Heard> {
        if !subscription.may_be_asked(now) {
            return Ok(Heard::Nothing);
        }
        if !subscription.may_be_confirmed(now) {
            return self.leave_alone("nothing was asked for here lately", now);
        }
        match asked {
            Some(of) if of != subscription.request => {
                let why = format!("somebody else asked to {} in our name", of.name());
                return self.leave_alone(&why, now);
            }
            Some(_) => {}
            None if subscription.was_confirmed(token) => {}
            None => {
                let noted = self.store.note_question(subscription.id, token, now)?;
                if noted.others > 0 {
                    return self.leave_alone(&self.ambiguous(), now);
                }
                let until = noted.seen_at + QUIET;
                if now < until {
                    return Ok(Heard::NotYet { until });
                }
            }
        }
        self.confirm(subscription, token, style, now).await
    }

    fn ambiguous(&self) -> String {
        format!(
            "different questions came, in a language that is not known here, and one of them is \
             not about our request; read them, and confirm the right one by hand: a mail to {} \
             with the subject `confirm` and its token",
            self.server.command_address()
        )
    }

    async fn confirm(
        &self,
        subscription: &Subscription,
        token: &Token,
        style: Style,
        now: Seconds,
    ) -> Result<Heard> {
        let to = match style {
            Style::TokenInAddress => self.server.confirm_address(token),
            Style::TokenInSubject => self.server.command_address(),
        };
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

/// The service goes on with a request that a command began and did not end. Gives when
/// the mail has to be heard again, if it has.
///
/// # Errors
/// Only the store's.
pub(super) async fn overhear(
    parts: &Parts,
    id: NotificationId,
    incoming: Incoming<'_>,
) -> Result<Option<Seconds>> {
    let now = parts.clock.now();
    let Outgoing::Smtp(smtp) = &parts.outgoing else {
        return Ok(None);
    };
    let Some(open) = parts.store.listening_subscription(now)? else {
        return Ok(None);
    };
    if !parts.store.came_after(&open, id)? {
        return Ok(None);
    }
    let (name, address) = &parts.rules.sender;
    let clerk = Clerk {
        store: &parts.store,
        smtp,
        server: &parts.rules.server,
        sender: (name, address),
        bounce: &parts.rules.bounce,
        trust: parts.rules.approvers.as_ref().map(|it| &it.trust),
    };
    let what = match clerk.hear(&open, incoming, now).await? {
        Heard::Nothing | Heard::Confirmed(Attempt::NotNow(_)) => return Ok(None),
        Heard::NotYet { until } => return Ok(Some(until)),
        Heard::Confirmed(Attempt::Sent { .. }) => "confirmed",
        Heard::Confirmed(Attempt::Failed(_) | Attempt::Refused(_) | Attempt::InDoubt(_)) => {
            "the confirmation did not leave"
        }
        Heard::NotConfirmed(_) => "not confirmed: nobody here asked for it",
        Heard::Pending => "waits for the list's owner",
        Heard::TokenUnknown => "the list does not know the token",
        Heard::Other(_) => "the list says something else",
        Heard::CameBack { .. } => "our mail to it came back",
        Heard::Proven(proof) => proof.words(),
        Heard::Ended { outcome, .. } => outcome.name(),
    };
    tracing::info!(
        request = open.request.name(),
        what,
        "the list answered about our subscription"
    );
    Ok(None)
}
