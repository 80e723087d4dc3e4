//! What the loop acts with.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Result;
use ring::rand::{SecureRandom, SystemRandom};

use super::{AutoMemory, Clock};
use crate::ci::Ci;
use crate::domain::Seconds;
use crate::domain::approvers::Approvers;
use crate::domain::classify::ListRules;
use crate::domain::draft::Settings as DraftSettings;
use crate::domain::policy::Limits;
use crate::domain::policy::auto::AutoRule;
use crate::domain::rules::Rulebook;
use crate::domain::silence::Silence;
use crate::domain::subscribing::ListServer;
use crate::smtp::SmtpSettings;
use crate::store::{NotificationId, Store};
use crate::templates::Templates;
use crate::trackers::Tracker;

/// Everything the loop acts with. The steps take what they need from it; nothing
/// below them does.
pub struct Parts {
    /// What is remembered.
    pub store: Store,
    /// Where bug reports are.
    pub tracker: Tracker,
    /// Where logs are: the CI systems that are configured.
    pub ci: Vec<Ci>,
    /// How texts are worded.
    pub templates: Templates,
    /// Where replies leave.
    pub outgoing: Outgoing,
    /// What the configuration allows.
    pub rules: Rules,
    /// What time it is.
    pub clock: Clock,
    /// Set by whoever wants the loop to end; looked at between two steps.
    pub stopping: Rc<Cell<bool>>,
    /// Set once everything in the mailbox was taken in since the start. Before
    /// that nothing leaves.
    pub caught_up: Rc<Cell<bool>>,
    /// Whose attempt the disk broke off, and could not even be taken back.
    pub broken_off: Cell<Option<NotificationId>>,
    /// When the loop last made progress, for the watchdog.
    pub pulse: Rc<Cell<Instant>>,
}

/// How to reach the submission server, made anew for each connection: a token
/// that proves the account may have aged since the last one.
pub type SmtpNow = Box<dyn Fn() -> Result<SmtpSettings>>;

/// Where replies leave.
pub enum Outgoing {
    /// A submission server.
    Smtp(SmtpNow),
    /// A Maildir on disk.
    Maildir(PathBuf),
}

/// What the configuration allows.
#[derive(Debug)]
pub struct Rules {
    /// The list, and who may speak on it.
    pub list: ListRules,
    /// The list's own addresses.
    pub server: ListServer,
    /// Who writes the replies: display name and address.
    pub sender: (String, String),
    /// The envelope sender, to which bounces go.
    pub bounce: String,
    /// Who decides by mail, if anybody does.
    pub approvers: Option<Approvers>,
    /// What becomes of failures in words.
    pub drafts: DraftSettings,
    /// The caps.
    pub limits: Limits,
    /// When an effect in doubt is looked for, in seconds since the doubt began.
    pub doubt_checks: Vec<u64>,
    /// How often the mirror is brought up to date, in seconds.
    pub sync_interval: Seconds,
    /// What becomes of a Buildbot's log that a mail does not carry.
    pub mail_logs: MailLogs,
    /// How long a notification waits for a log that is not there yet, in seconds.
    pub log_wait: Seconds,
    /// An undecided draft of this age, in seconds, is closed as expired.
    pub expire_after: Seconds,
    /// What becomes of a draft whose builders pass again.
    pub recovered: AfterRecovery,
    /// What people wrote of the failures that belong to a report.
    pub rulebook: Rulebook,
    /// The automatic rules, in the order in which they are asked.
    pub auto: Vec<AutoRule>,
    /// What is done while the mirror may not say that something does not exist.
    pub unfit_mirror: UnfitMirror,
}

/// What becomes of a Buildbot's log that a mail does not carry. Of a build that a
/// person names the logs are always fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailLogs {
    /// It is fetched.
    Fetched,
    /// The Buildbot is not asked for it.
    Left,
}

/// What becomes of a failure without a report in a mirror that is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfitMirror {
    /// It waits until the mirror is (I11).
    Wait,
    /// A new report is drafted all the same, and the draft says what is not known:
    /// where nothing can leave.
    SayNew,
}

/// What becomes of a draft whose builders pass again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRecovery {
    /// It waits on.
    Wait,
    /// It is closed, if it would only comment.
    Close,
}

/// What the loop remembers from pass to pass, and forgets with the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// When the tracker's changes are listed next.
    pub next_sync: Seconds,
    /// Listings that failed in a row.
    pub failed_syncs: u32,
    /// The tracker or the mail server asked to be left alone until then.
    pub quiet_until: Option<Seconds>,
    /// The notifications for which issues were opened in the present pass, once
    /// for each issue.
    pub opened_this_run: Vec<NotificationId>,
    /// The CI systems, by host, that did not answer: until when each is left
    /// alone, and why.
    pub ci_troubles: BTreeMap<String, (Seconds, String)>,
    /// When the log last told how far a listing is.
    pub listing_told_at: Seconds,
    /// Whether the pieces that the mirror's indexes grew by are joined.
    pub is_tidy: bool,
    /// Whether people were told that the tracker's listing is suspicious.
    pub is_suspicion_told: bool,
    /// The silence of the list that people were told of.
    pub silence: Option<Silence>,
    /// Whether the builds that an earlier process left noted were filed.
    pub has_taken_up: bool,
    /// How right the automatic rules are, and which drafts they were asked about.
    pub auto: AutoMemory,
}

impl Memory {
    /// Of a process that has just begun: the mirror is brought up to date first.
    pub const fn fresh() -> Self {
        Self {
            next_sync: 0,
            failed_syncs: 0,
            quiet_until: None,
            opened_this_run: Vec::new(),
            ci_troubles: BTreeMap::new(),
            listing_told_at: 0,
            is_tidy: true,
            is_suspicion_told: false,
            silence: None,
            has_taken_up: false,
            auto: AutoMemory::fresh(),
        }
    }
}

impl Parts {
    /// A random number from 0 to 1, for pauses that should not coincide.
    pub fn chance(&self) -> f64 {
        let mut bytes = [0_u8; 4];
        match SystemRandom::new().fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
            Err(_) => 0.5,
        }
    }

    /// Tells the watchdog that the loop goes on.
    pub fn beat(&self) {
        self.pulse.set(Instant::now());
    }

    /// Whether the loop should end at the next step.
    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }
}
