//! The configuration as meant: plain data, every default filled in.
//!
//! What each setting is for stands in `systemd/config.example.toml`, which a
//! test keeps complete.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::alerts::Alerts;
use crate::config::mistake::Warning;
use crate::config::secrets::SecretSource;
use crate::config::web::Web;
use crate::domain::Seconds;
use crate::domain::approvers::Approvers;
use crate::domain::draft::{Flavour, Settings};
use crate::domain::notification::CiSystem;
use crate::domain::policy::auto::AutoRule;
use crate::domain::rules::Rulebook;
use crate::domain::subscribing::ListServer;

/// Everything a person can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// `[store]`
    pub store: Store,
    /// `[list]`
    pub list: MailingList,
    /// `[mailbox]`
    pub mailbox: Mailbox,
    /// `[outgoing]`
    pub outgoing: Outgoing,
    /// `[tracker]`
    pub tracker: Tracker,
    /// `[ci]`
    pub ci: Ci,
    /// `[matching]`
    pub matching: Matching,
    /// `[drafts]`
    pub drafts: Drafts,
    /// `[limits]`
    pub limits: Limits,
    /// `[web]`; `None` if there is to be no page.
    pub web: Option<Web>,
    /// `[[auto]]`: the automatic rules, in the order of the file.
    pub auto: Vec<AutoRule>,
    /// `[alerts]`, `[[webhook]]` and `[irc]`
    pub alerts: Alerts,
    /// `[approvers]`; `None` if nobody decides by mail.
    pub approvers: Option<Approvers>,
    /// `[log]`
    pub log: Log,
    /// What is allowed and yet worth a look.
    pub warnings: Vec<Warning>,
}

/// `[store]`: where the program keeps what it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The folder of the database; made if it is missing.
    pub state_dir: PathBuf,
}

/// `[list]`: the one list that is read and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailingList {
    /// The List-Id without angle brackets, lower-cased: `buildbot-status.python.org`.
    pub id: String,
    /// Where replies go, lower-cased: `buildbot-status@python.org`.
    pub address: String,
    /// The From addresses of genuine notifications, lower-cased; never empty.
    pub notifiers: Vec<String>,
    /// A notification older than this is read but not acted upon.
    pub max_action_age: Duration,
    /// The list's own addresses, to which one writes to be subscribed or not.
    pub server: ListServer,
}

/// `[mailbox]`: where notifications are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailbox {
    /// A folder of an IMAP account.
    Imap(Imap),
    /// A Maildir on disk.
    Maildir {
        /// The folder that holds `cur` and `new`.
        path: PathBuf,
        /// How often to look.
        poll: Duration,
    },
    /// One mbox file.
    Mbox {
        /// The file.
        path: PathBuf,
        /// How often to look.
        poll: Duration,
    },
}

/// An IMAP account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imap {
    /// The server's name, as its certificate has it.
    pub host: String,
    /// 993, or 143 with STARTTLS.
    pub port: u16,
    /// Never [`Security::None`].
    pub security: Security,
    /// Who logs in, and how.
    pub login: Credential,
    /// The mailbox, for example `INBOX`.
    pub folder: String,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
    /// How often to look although the server announced nothing.
    pub poll: Duration,
}

/// How a connection is protected. There is never a fallback to a weaker one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after the STARTTLS command, or no connection.
    StartTls,
    /// None at all; only to this machine itself, and only for outgoing mail.
    None,
}

/// An account and where its secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The account's name.
    pub user: String,
    /// What the secret is.
    pub proof: Proof,
    /// Where the secret is.
    pub secret: SecretSource,
}

/// What a secret proves an account with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password,
    /// An OAuth 2 access token (XOAUTH2). It ages: resolve its source anew for
    /// each connection.
    Oauth2,
}

/// `[outgoing]`: where replies leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A submission server.
    Smtp(Smtp),
    /// A Maildir on disk; nothing leaves the machine.
    Maildir {
        /// The folder that holds `cur` and `new`; made if it is missing.
        path: PathBuf,
        /// Who writes.
        sender: Sender,
    },
}

/// A submission server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The server's name, as its certificate has it.
    pub host: String,
    /// 465, 587 with STARTTLS, 25 without protection.
    pub port: u16,
    /// [`Security::None`] only to a loopback host.
    pub security: Security,
    /// Who logs in; absent where the server trusts the connection.
    pub login: Option<Credential>,
    /// The name given in EHLO; absent: the machine's own.
    pub hello: Option<String>,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
    /// Who writes.
    pub sender: Sender,
}

/// Who writes the replies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The display name in From.
    pub name: String,
    /// The address in From, lower-cased.
    pub address: String,
    /// The envelope sender, to which bounces go, lower-cased.
    pub bounce: String,
}

/// `[tracker]`: where bug reports live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker {
    /// Which one.
    pub kind: TrackerKind,
    /// How often the mirror is brought up to date.
    pub sync_interval: Duration,
    /// Reports that did not change since then are not mirrored.
    pub mirror_from: Option<Seconds>,
    /// What was closed as fixed and fails again is opened again; else a new report
    /// links it.
    pub reopens: bool,
}

/// Which tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackerKind {
    /// The built-in one, a file of its own.
    Embedded {
        /// Its database.
        path: PathBuf,
    },
    /// A Roundup tracker.
    Roundup(Roundup),
    /// GitHub Issues.
    GitHub(GitHub),
}

/// A Roundup tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roundup {
    /// The tracker's home page, ending in `/`.
    pub url: String,
    /// The account; absent: reports are only read.
    pub login: Option<Credential>,
    /// The names of the statuses that mean "done"; never empty.
    pub closed_statuses: Vec<String>,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
}

/// A repository's issues on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHub {
    /// The API's root without a final `/`: `https://api.github.com`.
    pub url: String,
    /// Where people look, without a final `/`: `https://github.com`.
    pub web: String,
    /// `owner/name`.
    pub repository: String,
    /// The token; absent: reports are only read.
    pub token: Option<SecretSource>,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
}

/// `[ci]`: where logs are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ci {
    /// The Buildbot masters whose links are followed, each ending in `/`.
    /// Empty: only what the mail carries is read.
    pub buildbots: Vec<String>,
    /// Whether they are asked for logs that a mail does not carry. A build that a
    /// person names is read in either case.
    pub fetch_logs: bool,
    /// How long a draft waits for a log before it is made without.
    pub wait: Duration,
    /// The longest one request may take.
    pub timeout: Duration,
    /// Trusted besides the system's authorities (PEM).
    pub ca_file: Option<PathBuf>,
    /// `[ci.github_actions]` and the other hosted systems that name a project.
    pub hosted: Vec<HostedCi>,
}

/// A CI system that others run, `[ci.travis]` for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedCi {
    /// Which one; never Buildbot.
    pub system: CiSystem,
    /// The API's root, ending in `/`: `https://api.github.com/`.
    pub url: String,
    /// How the links in mails begin, ending in `/`: `https://github.com/`.
    pub web: String,
    /// The only projects that are asked about, `owner/name`; never empty.
    pub projects: Vec<String>,
    /// The token; absent: only what everybody may see is asked for.
    pub token: Option<SecretSource>,
}

/// `[matching]`: which report a failure belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// The file of rules that people wrote.
    pub rules: Option<PathBuf>,
    /// What stands in it.
    pub rulebook: Rulebook,
}

/// `[drafts]`: what texts look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafts {
    /// A folder with own templates.
    pub templates: Option<PathBuf>,
    /// Components (Roundup) or labels (GitHub) of every new report.
    pub components: Vec<String>,
    /// A draft that nobody decided on for so long is closed.
    pub expire_after: Duration,
    /// What becomes of a draft whose builders pass again.
    pub recovered: AfterRecovery,
    /// From so many notifications of one incident on, one reply speaks for all of
    /// them; 0: each gets its own.
    pub one_reply_from: u32,
    /// `[drafts.versions]`: a builder's branch to the tracker's version.
    pub versions: BTreeMap<String, String>,
    /// `[drafts.components]`: a test file to further components, `compile` to
    /// those of builds that do not compile.
    pub components_of: BTreeMap<String, Vec<String>>,
}

/// What becomes of a draft whose builders pass again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRecovery {
    /// It says so, and waits on.
    Show,
    /// It is closed, if it would only comment.
    Close,
}

/// `[limits]`: the loop breaker and other bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Replies within an hour, at most.
    pub replies_an_hour: u32,
    /// Replies within a day, at most.
    pub replies_a_day: u32,
    /// Replies within one thread, at most.
    pub replies_a_thread: u32,
    /// New reports within one pass of the worker, at most.
    pub new_issues_a_run: u32,
    /// New reports within a day, at most.
    pub new_issues_a_day: u32,
    /// When a delivery in doubt is looked for, counted from the doubt; rising.
    pub doubt_checks: Vec<Duration>,
    /// How often all mails of the mailbox are compared with the store.
    pub reconcile_every: Duration,
    /// Mails above this many bytes are fetched in part.
    pub max_mail_bytes: u64,
}

/// `[log]`: what the program says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Where to and how.
    pub format: LogFormat,
    /// The least level that is written.
    pub level: tracing::Level,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal if systemd started the program, else text.
    Auto,
    /// The journal, with fields.
    Journal,
    /// Lines on standard error.
    Text,
}

impl Mailbox {
    /// How often to look for mail that nothing announced.
    pub fn poll(&self) -> Duration {
        match self {
            Self::Imap(imap) => imap.poll,
            Self::Maildir { poll, .. } | Self::Mbox { poll, .. } => *poll,
        }
    }
}

impl Outgoing {
    /// Who writes the replies.
    pub fn sender(&self) -> &Sender {
        match self {
            Self::Smtp(smtp) => &smtp.sender,
            Self::Maildir { sender, .. } => sender,
        }
    }
}

impl TrackerKind {
    /// How texts for this tracker are written.
    pub fn flavour(&self) -> Flavour {
        match self {
            Self::Embedded { .. } => Flavour::Embedded,
            Self::Roundup(_) => Flavour::Roundup,
            Self::GitHub(_) => Flavour::GitHub,
        }
    }
}

impl Config {
    /// What drafting needs to know of the configuration.
    pub fn draft_settings(&self) -> Settings {
        Settings {
            flavour: self.tracker.kind.flavour(),
            list_address: self.list.address.clone(),
            components: self.drafts.components.clone(),
            components_of: self.drafts.components_of.clone(),
            versions: self.drafts.versions.clone(),
            trusted_links: self.ci.trusted_links(),
            one_reply_from: self.drafts.one_reply_from,
            reopens: self.tracker.reopens,
        }
    }
}

impl Ci {
    /// How the links begin that are shown in reports.
    fn trusted_links(&self) -> Vec<String> {
        let hosted = self.hosted.iter().flat_map(|ci| {
            let below = match ci.system {
                CiSystem::AppVeyor => "project/",
                _ => "",
            };
            let name = |project: &String| project.replace(' ', "%20");
            ci.projects
                .iter()
                .map(move |project| format!("{}{below}{}/", ci.web, name(project)))
        });
        self.buildbots.iter().cloned().chain(hosted).collect()
    }
}
