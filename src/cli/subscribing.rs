//! `subscribe` and `unsubscribe`: the handshake with the list, step by step, for a
//! person who waits.

mod telling;
mod watching;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::args::Subscribe;
use super::refusal::Refusal;
use super::session::Session;
use super::who::who;
use crate::config::{Config, Environment, Mailbox, Outgoing, Secrets, Smtp};
use crate::daemon::{self, Settings};
use crate::domain::Seconds;
use crate::domain::subscribing::{ListServer, Request};
use crate::imap::ImapSettings;
use crate::store::{
    ASK_AGAIN_AFTER, NewSubscription, NotNow, Store, Subscription, SubscriptionOutcome as Outcome,
    Switch,
};
use crate::worker::{Attempt, Clerk, Heard, Incoming, SmtpNow, wall_clock};

use telling::Steps;
use watching::{Seen, Watched};

/// What the list answered to the same request less than so long ago still holds.
const STILL_TRUE: Seconds = ASK_AGAIN_AFTER;

/// What did not leave is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// The service may hear an answer before this does: so often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A welcome may be anybody's: for so long its question is waited for.
const QUESTION_MAY_COME: Duration = Duration::from_secs(10);

/// A mail of the list is small; of others the beginning is more than enough.
const MAIL_SIZE: u64 = 64 * 1024;

/// Asks the list, and waits for what it says.
pub(super) fn ask(session: &Session, request: Request, wanted: &Subscribe) -> Result<ExitCode> {
    let config = session.config()?;
    let settings = settings_of(session, config, request)?;
    let store = session.store_or_new(&settings.config)?;
    may_leave(session, &store)?;
    let who = who(&wanted.who)?;
    if let Some(last) = answered_just_now(&store, &settings.config, request)? {
        let steps = Steps::new(session, &settings.config, request);
        return Ok(steps.end(&last, 0));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let smtp = smtp_of(&settings)?;
    let ended = runtime.block_on(async {
        let mut watched = Watched::open(imap_of(&settings)?).await?;
        let selected = watched.selected();
        let config = &settings.config;
        let begun = store.begin_subscription(
            &NewSubscription {
                request,
                list: &config.list.address,
                address: &config.outgoing.sender().address,
                mailbox: &daemon::mailbox_name(&config.mailbox),
                uidvalidity: selected.uidvalidity.into(),
                uidnext: selected.uidnext.into(),
                who: who.as_str(),
            },
            wall_clock(),
        )?;
        let mut handshake = Handshake {
            clerk: clerk(&store, &settings, &smtp),
            steps: Steps::new(session, &settings.config, request),
            deadline: Instant::now() + Duration::from_secs(wanted.wait),
            patience: wanted.wait,
            has_asked: false,
            try_again: None,
            unanswered: Vec::new(),
            welcomed: None,
        };
        handshake.steps.begun(&begun);
        handshake.go_on(&mut watched, begun).await?;
        anyhow::Ok(handshake.steps)
    });
    // A resolver that hangs in a thread of its own must not hold up the end.
    runtime.shutdown_background();
    let steps: Steps<'_> = ended?;
    let last = store.subscription()?.context("the request is not there")?;
    Ok(steps.end(&last, wanted.wait))
}

/// The same request, if the list answered it just before: it is not asked again.
fn answered_just_now(
    store: &Store,
    config: &Config,
    request: Request,
) -> Result<Option<Subscription>> {
    let now = wall_clock();
    Ok(store.subscription()?.filter(|last| {
        if last.may_be_asked(now) {
            return false;
        }
        let is_same = last.request == request
            && last.list == config.list.address
            && last.address == config.outgoing.sender().address;
        let is_answer = |outcome| !matches!(outcome, Outcome::Replaced | Outcome::Expired);
        let is_fresh = |at| (at..at + STILL_TRUE).contains(&now);
        is_same
            && last
                .ended
                .is_some_and(|(at, outcome)| is_answer(outcome) && is_fresh(at))
    }))
}

/// The settings with the secrets of the two mail servers alone: a service's other
/// credentials may not be here.
fn settings_of(session: &Session, config: Config, request: Request) -> Result<Settings> {
    let (Mailbox::Imap(imap), Outgoing::Smtp(smtp)) = (&config.mailbox, &config.outgoing) else {
        return Err(by_hand(session, &config, request).into());
    };
    let environment = Environment::of_process();
    let resolve = |source: &crate::config::SecretSource| {
        let secret = source.resolve(&environment);
        secret.map_err(|mistake| anyhow::anyhow!("{mistake}"))
    };
    let secrets = Secrets {
        mailbox: Some(resolve(&imap.login.secret)?),
        outgoing: smtp
            .login
            .as_ref()
            .map(|login| resolve(&login.secret))
            .transpose()?,
        ..Secrets::default()
    };
    Ok(Settings {
        config,
        secrets,
        environment,
    })
}

/// Without mail servers there is nothing to do it with.
fn by_hand(session: &Session, config: &Config, request: Request) -> Refusal {
    let mut missing = Vec::new();
    if !matches!(config.mailbox, Mailbox::Imap(_)) {
        missing.push("[mailbox] has no kind = \"imap\"");
    }
    if !matches!(config.outgoing, Outgoing::Smtp(_)) {
        missing.push("[outgoing] has no kind = \"smtp\"");
    }
    let what = format!(
        "this needs mail servers to read from and to write to, and {}",
        missing.join(" and ")
    );
    let remedy = format!(
        "by hand, in a mail program that writes as {}: send a mail with the subject `{}` to {}; \
         answer the list's question without a change to its subject; when its {} is there, type \
         `{}`. Or name the servers in {}",
        config.outgoing.sender().address,
        request.name(),
        config.list.server.request_address(request),
        match request {
            Request::Join => "welcome",
            Request::Leave => "goodbye",
        },
        session.line("check"),
        session.config_file().display()
    );
    Refusal::new(what, remedy)
}

fn imap_of(settings: &Settings) -> Result<ImapSettings> {
    let imap = daemon::imap_of(settings)?.context("the mailbox is not an IMAP one")?;
    Ok(ImapSettings {
        max_size: MAIL_SIZE,
        head_size: MAIL_SIZE,
        ..imap
    })
}

fn smtp_config(config: &Config) -> Result<&Smtp> {
    match &config.outgoing {
        Outgoing::Smtp(smtp) => Ok(smtp),
        Outgoing::Maildir { .. } => anyhow::bail!("mails do not leave by SMTP"),
    }
}

/// A token that proves the account may age while this waits: it is made anew each time.
fn smtp_of(settings: &Settings) -> Result<SmtpNow> {
    let config = smtp_config(&settings.config)?.clone();
    let settings = Settings {
        config: settings.config.clone(),
        secrets: settings.secrets.clone(),
        environment: settings.environment.clone(),
    };
    Ok(Box::new(move || daemon::smtp_of(&settings, &config)))
}

fn clerk<'a>(store: &'a Store, settings: &'a Settings, smtp: &'a SmtpNow) -> Clerk<'a> {
    let config = &settings.config;
    let sender = config.outgoing.sender();
    Clerk {
        store,
        smtp,
        server: &config.list.server,
        sender: (&sender.name, &sender.address),
        bounce: &sender.bounce,
        trust: config.approvers.as_ref().map(|it| &it.trust),
    }
}

/// Said at once; the claim looks again right before anything leaves.
fn may_leave(session: &Session, store: &Store) -> Result<()> {
    if let Some(on) = store.switch(Switch::Stop)? {
        return Err(kept_back(session, &NotNow::Stopped(on)).into());
    }
    if let Some(on) = store.switch(Switch::Pause)? {
        return Err(kept_back(session, &NotNow::Paused(on)).into());
    }
    Ok(())
}

/// Why nothing leaves, and how to go on.
fn kept_back(session: &Session, why: &NotNow) -> Refusal {
    let switched = |name: &str, on: &crate::store::SwitchState, verb: &str| {
        let what = format!("{name} is on, by {}: {}; nothing leaves", on.who, on.reason);
        let remedy = format!("once you know why: {}", session.line(verb));
        Refusal::new(what, remedy)
    };
    match why {
        NotNow::Stopped(on) => switched("STOP", on, "clear-stop"),
        NotNow::Paused(on) => switched("a pause", on, "resume"),
        NotNow::TooMany => Refusal::new(
            "as many mails went to the list within 24 h as may",
            "look into the mailbox what it answers; try again tomorrow",
        ),
        NotNow::Sent { .. } | NotNow::Ended => Refusal::plain("the request is over"),
    }
}

/// The mail server will not take the mail, however often it is tried.
fn refused(why: &str) -> Refusal {
    Refusal::new(
        format!("the mail server refuses a mail to the list: {why}"),
        "look at from_address in [outgoing], and at the list's addresses in [list]",
    )
}

/// What was written to the list came back.
fn came_back(server: &ListServer, request: Request, why: &str) -> Refusal {
    Refusal::new(
        format!("a mail to the list came back: {why}"),
        format!(
            "does {} exist? Look at `address` in [list], and at `join_address`, `leave_address` \
             and `confirm_address` if the list has others",
            server.request_address(request)
        ),
    )
}

/// One run of the verb.
struct Handshake<'a> {
    clerk: Clerk<'a>,
    steps: Steps<'a>,
    deadline: Instant,
    /// In seconds.
    patience: u64,
    /// Whether this run asked; it does so once.
    has_asked: bool,
    /// When what did not leave is tried again.
    try_again: Option<Instant>,
    /// Mails that ask for a confirmation which did not leave, or not yet.
    unanswered: Vec<Seen>,
    /// Since when this run knows of a welcome that came before any question.
    welcomed: Option<Instant>,
}

impl<'a> Handshake<'a> {
    /// Until the request is over, or the time.
    async fn go_on(&mut self, watched: &mut Watched, begun: Subscription) -> Result<()> {
        let mut open = begun;
        loop {
            let is_due = self.try_again.is_none_or(|at| Instant::now() >= at);
            let mut mails = watched.new_mails(&open).await?;
            if is_due {
                self.try_again = None;
                mails.append(&mut self.unanswered);
            }
            for seen in mails {
                let incoming = Incoming {
                    mail: &seen.mail,
                    raw: &seen.raw,
                };
                let heard = self.clerk.hear(&open, incoming, wall_clock()).await?;
                self.heard(&open, heard, seen)?;
                open = self.reload()?;
            }
            if is_due {
                self.ask_if_needed(&open).await?;
            }
            open = self.reload()?;
            let left = self.deadline.saturating_duration_since(Instant::now());
            let is_over = open.ended.is_some() && !self.awaits_question(&open);
            if is_over || left.is_zero() {
                return Ok(());
            }
            self.steps.waits(&open, self.patience);
            watched.wait(left.min(LOOK_EVERY)).await;
        }
    }

    /// Whether a welcome may have been somebody else's.
    fn awaits_question(&mut self, open: &Subscription) -> bool {
        if !open.may_be_asked(wall_clock()) {
            return false;
        }
        let since = self.welcomed.get_or_insert_with(Instant::now);
        since.elapsed() < QUESTION_MAY_COME
    }

    fn reload(&self) -> Result<Subscription> {
        let last = self.clerk.store.subscription()?;
        last.context("the request is not there")
    }

    async fn ask_if_needed(&mut self, open: &Subscription) -> Result<()> {
        let is_asked = open.may_ask_at().is_some_and(|at| wall_clock() < at);
        if open.ended.is_some() || self.has_asked || is_asked {
            return Ok(());
        }
        let attempt = self.clerk.ask(open, wall_clock()).await?;
        match &attempt {
            Attempt::Failed(_) => self.try_again = Some(Instant::now() + TRY_AGAIN),
            Attempt::Refused(why) => return Err(refused(why).into()),
            Attempt::NotNow(why @ (NotNow::Stopped(_) | NotNow::Paused(_) | NotNow::TooMany)) => {
                return Err(kept_back(self.steps.session(), why).into());
            }
            Attempt::Sent { .. } | Attempt::InDoubt(_) | Attempt::NotNow(_) => {
                self.has_asked = true;
            }
        }
        self.steps.asked(&attempt);
        Ok(())
    }

    fn heard(&mut self, open: &Subscription, heard: Heard, seen: Seen) -> Result<()> {
        if heard != Heard::Nothing {
            self.steps.came_from(&seen.mail);
        }
        match &heard {
            Heard::Confirmed(Attempt::Failed(_)) => {
                self.try_again = Some(Instant::now() + TRY_AGAIN);
                self.unanswered.push(seen);
            }
            Heard::NotYet { until } => {
                let seconds = u64::try_from(until - wall_clock()).unwrap_or_default();
                let then = Instant::now() + Duration::from_secs(seconds);
                self.try_again = Some(self.try_again.map_or(then, |at| at.min(then)));
                self.unanswered.push(seen);
            }
            Heard::Confirmed(Attempt::Refused(why)) => return Err(refused(why).into()),
            Heard::Confirmed(Attempt::NotNow(
                why @ (NotNow::Stopped(_) | NotNow::Paused(_) | NotNow::TooMany),
            )) => return Err(kept_back(self.steps.session(), why).into()),
            Heard::CameBack { why } => {
                return Err(came_back(self.clerk.server, open.request, why).into());
            }
            _ => {}
        }
        self.steps.heard(&heard);
        Ok(())
    }
}
