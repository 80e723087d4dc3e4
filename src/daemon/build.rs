//! From the configuration as meant to the parts that act.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::alerting::channel_names;
use super::{Settings, is_full, mailbox_name};
use crate::ci::{Buildbot, Ci, Hosted, hosted};
use crate::config::{
    self, Config, Credential, Environment, Imap, Mailbox, Outgoing as OutgoingConfig, Proof,
    Secrets, Security, Smtp, TrackerKind,
};
use crate::desk::Office;
use crate::desk::facts::{Replies, Surroundings};
use crate::domain::Seconds;
use crate::domain::classify::ListRules;
use crate::domain::policy::Limits;
use crate::domain::secret::Secret;
use crate::imap::{self, ImapSettings};
use crate::smtp::{self, SmtpSettings};
use crate::store::Store;
use crate::templates::{TemplateProblem, Templates};
use crate::tls;
use crate::trackers::{Embedded, GitHub, Roundup, Tracker, github, roundup};
use crate::worker::{AfterRecovery, Clock, MailLogs, Outgoing, Parts, Rules, UnfitMirror};

/// Of a mail that is too large this much is fetched, in octets (I12).
pub(super) const HEAD_SIZE: u64 = 4 * 1024 * 1024;

/// The database of a configuration.
pub fn database(config: &Config) -> PathBuf {
    config.store.state_dir.join("buildbot-watch.sqlite3")
}

/// Everything the worker acts with.
///
/// # Errors
///
/// A certificate file that cannot be used, an address that is none.
pub fn parts_of(settings: &Settings, store: Store) -> Result<Parts> {
    let folder = settings.config.drafts.templates.as_deref();
    let (templates, problems) = Templates::load(folder);
    tell(&problems);
    parts_with(settings, store, templates)
}

/// The same with templates that are loaded already.
pub(super) fn parts_with(settings: &Settings, store: Store, templates: Templates) -> Result<Parts> {
    let config = &settings.config;
    Ok(Parts {
        store,
        tracker: tracker_of(settings)?,
        ci: ci_of(settings)?,
        templates,
        outgoing: outgoing_of(settings)?,
        rules: rules_of(config),
        clock: Clock::start(),
        stopping: Rc::new(Cell::new(false)),
        caught_up: Rc::new(Cell::new(false)),
        broken_off: Cell::new(None),
        pulse: Rc::new(Cell::new(Instant::now())),
    })
}

/// What is decided with on the page.
///
/// # Errors
///
/// As of [`tracker_of`].
pub fn office_of(config: &Config, store: Store) -> Result<Office> {
    let (templates, problems) = Templates::load(config.drafts.templates.as_deref());
    tell(&problems);
    let sender = config.outgoing.sender();
    Ok(Office {
        store,
        tracker: names_of(config)?,
        templates,
        drafts: config.draft_settings(),
        around: surroundings_of(config)?,
        list: config.list.address.clone(),
        sender: format!("{} <{}>", sender.name, sender.address),
    })
}

/// The tracker for its names and addresses alone: no secret is read.
///
/// # Errors
///
/// As of [`tracker_of`].
pub fn names_of(config: &Config) -> Result<Tracker> {
    tracker_of(&Settings {
        config: config.clone(),
        secrets: Secrets::default(),
        environment: Environment::default(),
    })
}

/// Where `status` looks.
///
/// # Errors
///
/// As of [`tracker_of`].
pub fn surroundings_of(config: &Config) -> Result<Surroundings> {
    Ok(Surroundings {
        state_dir: config.store.state_dir.clone(),
        mailbox: mailbox_name(&config.mailbox),
        tracker: names_of(config)?.name(),
        sync_interval: seconds(config.tracker.sync_interval),
        limits: limits_of(config),
        auto: config.auto.clone(),
        replies: match &config.outgoing {
            OutgoingConfig::Smtp(_) => Replies::ToTheList,
            OutgoingConfig::Maildir { .. } => Replies::ToAFolder,
        },
        approvers: approver_names(config),
        channels: channel_names(config),
        is_disk_full: is_full,
    })
}

fn approver_names(config: &Config) -> Vec<String> {
    let people = config.approvers.iter().flat_map(|it| &it.people);
    people.map(|it| it.name.as_str().to_owned()).collect()
}

/// Tells what is wrong with own templates; the program goes on without them.
pub(super) fn tell(problems: &[TemplateProblem]) {
    for problem in problems {
        tracing::error!("a template is not used: {problem}");
    }
}

fn rules_of(config: &Config) -> Rules {
    let sender = config.outgoing.sender();
    Rules {
        list: list_rules(config),
        server: config.list.server.clone(),
        sender: (sender.name.clone(), sender.address.clone()),
        bounce: sender.bounce.clone(),
        approvers: config.approvers.clone(),
        drafts: config.draft_settings(),
        limits: limits_of(config),
        doubt_checks: config
            .limits
            .doubt_checks
            .iter()
            .map(Duration::as_secs)
            .collect(),
        sync_interval: seconds(config.tracker.sync_interval),
        mail_logs: match config.ci.fetch_logs {
            true => MailLogs::Fetched,
            false => MailLogs::Left,
        },
        log_wait: seconds(config.ci.wait),
        expire_after: seconds(config.drafts.expire_after),
        recovered: match config.drafts.recovered {
            config::AfterRecovery::Show => AfterRecovery::Wait,
            config::AfterRecovery::Close => AfterRecovery::Close,
        },
        rulebook: config.matching.rulebook.clone(),
        auto: config.auto.clone(),
        unfit_mirror: UnfitMirror::Wait,
    }
}

fn list_rules(config: &Config) -> ListRules {
    let sender = config.outgoing.sender();
    ListRules {
        list_id: config.list.id.clone(),
        list_address: config.list.address.clone(),
        notifiers: config.list.notifiers.clone(),
        own_addresses: vec![sender.address.clone(), sender.bounce.clone()],
        answers_to: config.approvers.as_ref().map(|it| it.answers_to.clone()),
    }
}

/// The caps of the policy, those that can be configured as configured.
fn limits_of(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        replies_per_hour: limits.replies_an_hour,
        replies_per_day: limits.replies_a_day,
        replies_per_thread: limits.replies_a_thread,
        new_issues_per_run: limits.new_issues_a_run,
        new_issues_per_day: limits.new_issues_a_day,
        max_action_age: seconds(config.list.max_action_age),
        ..Limits::PROMISED
    }
}

pub(super) fn seconds(duration: Duration) -> Seconds {
    Seconds::try_from(duration.as_secs()).unwrap_or(Seconds::MAX)
}

/// The tracker of a configuration.
///
/// # Errors
///
/// Its address is none, its file cannot be opened, or a certificate file cannot be used.
pub fn tracker_of(settings: &Settings) -> Result<Tracker> {
    let tracker = &settings.config.tracker;
    let secret = settings.secrets.tracker.clone();
    Ok(match &tracker.kind {
        TrackerKind::Embedded { path } => Tracker::Embedded(Embedded::open(path)?),
        TrackerKind::Roundup(config) => {
            let login = config.login.as_ref().zip(secret);
            let settings = roundup::Settings {
                base: config.url.clone(),
                login: login.map(|(login, password)| roundup::Login {
                    user: login.user.clone(),
                    password,
                }),
                closed_statuses: config.closed_statuses.clone(),
                mirror_from: tracker.mirror_from,
            };
            Tracker::Roundup(Roundup::new(settings, tls(config.ca_file.as_deref())?)?)
        }
        TrackerKind::GitHub(config) => {
            let settings = github::Settings {
                api: config.url.clone(),
                web: config.web.clone(),
                repository: config.repository.clone(),
                token: secret,
                mirror_from: tracker.mirror_from,
            };
            Tracker::GitHub(GitHub::new(settings, tls(config.ca_file.as_deref())?)?)
        }
    })
}

/// The CI systems that a configuration names.
///
/// # Errors
///
/// An address that is none, or a certificate file that cannot be used.
pub fn ci_of(settings: &Settings) -> Result<Vec<Ci>> {
    let config = &settings.config.ci;
    let tls = || tls(config.ca_file.as_deref());
    let mut systems = Vec::new();
    if !config.buildbots.is_empty() {
        let buildbot = Buildbot::within(&config.buildbots, tls()?, config.timeout)?;
        systems.push(Ci::Buildbot(buildbot));
    }
    for named in &config.hosted {
        let table = format!("ci.{}", named.system.key());
        let hosted = hosted::Settings {
            system: named.system,
            url: named.url.clone(),
            web: named.web.clone(),
            projects: named.projects.clone(),
            token: settings.secrets.ci.get(&table).cloned(),
        };
        let hosted = Hosted::new(hosted, tls()?, config.timeout)?;
        systems.push(Ci::Hosted(Box::new(hosted)));
    }
    Ok(systems)
}

pub(super) fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig> {
    Ok(Arc::unwrap_or_clone(tls::client_config(ca_file)?))
}

fn outgoing_of(settings: &Settings) -> Result<Outgoing> {
    Ok(match &settings.config.outgoing {
        OutgoingConfig::Maildir { path, .. } => Outgoing::Maildir(path.clone()),
        OutgoingConfig::Smtp(config) => {
            // Checked once here, so that a wrong certificate file is told at start.
            smtp_of(settings, config)?;
            let config = config.clone();
            let settings = Settings {
                config: settings.config.clone(),
                secrets: settings.secrets.clone(),
                environment: settings.environment.clone(),
            };
            Outgoing::Smtp(Box::new(move || smtp_of(&settings, &config)))
        }
    })
}

/// How to reach the submission server now: a token that ages is resolved anew.
///
/// # Errors
///
/// The certificate file or the secret cannot be had.
pub fn smtp_of(settings: &Settings, config: &Smtp) -> Result<SmtpSettings> {
    let credentials = match &config.login {
        None => None,
        Some(login) => {
            let secret = secret_now(settings, login, settings.secrets.outgoing.as_ref())?;
            Some(smtp::Credentials {
                user: login.user.clone(),
                login: match login.proof {
                    Proof::Password => smtp::Login::Password(secret),
                    Proof::Oauth2 => smtp::Login::OAuth2(secret),
                },
            })
        }
    };
    Ok(SmtpSettings {
        host: config.host.clone(),
        port: config.port,
        security: match config.security {
            Security::Tls => smtp::Security::Implicit,
            Security::StartTls => smtp::Security::StartTls,
            Security::None => smtp::Security::LoopbackWithoutTls,
        },
        credentials,
        hello_name: config.hello.clone().unwrap_or_else(own_name),
        tls: tls::client_config(config.ca_file.as_deref())?,
        timeouts: smtp::Timeouts::USUAL,
    })
}

/// How to reach the mailbox now; `None` for one on disk.
///
/// # Errors
///
/// The certificate file or the secret cannot be had.
pub fn imap_of(settings: &Settings) -> Result<Option<ImapSettings>> {
    let Mailbox::Imap(config) = &settings.config.mailbox else {
        return Ok(None);
    };
    Ok(Some(ImapSettings {
        host: config.host.clone(),
        port: config.port,
        security: match config.security {
            Security::Tls => imap::Security::Implicit,
            Security::StartTls => imap::Security::StartTls,
            Security::None => anyhow::bail!("IMAP is never used without TLS"),
        },
        user: config.login.user.clone(),
        login: imap_login(settings, config)?,
        folder: config.folder.clone(),
        max_size: settings.config.limits.max_mail_bytes,
        head_size: HEAD_SIZE,
        tls: tls::client_config(config.ca_file.as_deref())?,
        timeouts: imap::Timeouts {
            poll: config.poll,
            ..imap::Timeouts::USUAL
        },
    }))
}

fn imap_login(settings: &Settings, config: &Imap) -> Result<imap::Login> {
    let secret = secret_now(settings, &config.login, settings.secrets.mailbox.as_ref())?;
    Ok(match config.login.proof {
        Proof::Password => imap::Login::Password(secret),
        Proof::Oauth2 => imap::Login::OAuth2(secret),
    })
}

fn secret_now(settings: &Settings, login: &Credential, first: Option<&Secret>) -> Result<Secret> {
    match (login.proof, first) {
        (Proof::Password, Some(secret)) => Ok(secret.clone()),
        _ => login
            .secret
            .resolve(&settings.environment)
            .map_err(|mistake| anyhow::anyhow!("{mistake}"))
            .context("a secret cannot be had"),
    }
}

/// The machine's name, for EHLO (RFC 5321, section 4.1.1.1); an address literal
/// if it has none.
fn own_name() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    if name.is_empty() || !is_plain {
        return "[127.0.0.1]".to_owned();
    }
    name.into_owned()
}
