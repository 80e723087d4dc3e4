//! `check`: tries every part of the configuration for real, tells all findings
//! at once, and changes nothing anywhere.

mod alerts;
mod approvers;
mod names;
mod page;
mod report;
mod subscription;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::args::Check;
use super::refusal::Refusal;
use super::session::Session;
use super::words::count;
use crate::ci::Ci;
use crate::config::{Config, Environment, Mailbox, Mistake, Outgoing, Smtp, TrackerKind};
use crate::daemon::{self, Settings};
use crate::domain::finding::{Finding, Level};
use crate::maildir::Maildir;
use crate::store::Store;
use crate::templates::Templates;
use crate::trackers::Embedded;
use crate::{imap, smtp};
use anyhow::{Context, Result};

use report::Report;

/// The longest that one part may take, and one of its steps: a server that says
/// nothing shall not hold up the rest.
const PART: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_secs(8);

/// Checks everything.
pub(super) fn check(session: &Session, wanted: &Check) -> Result<ExitCode> {
    let file = session.existing_config_file()?;
    let mut report = Report {
        session,
        findings: Vec::new(),
    };
    if let Some(settings) = configuration(&mut report, &file) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?;
        store(&mut report, &settings.config);
        report.extend("list", subscription::findings(&settings.config));
        report.extend(
            "approvers",
            approvers::findings(&settings.config, session.now),
        );
        templates(&mut report, &settings.config);
        report.extend("rules", super::ruling::findings(&settings.config));
        let auto = super::ruling::auto_findings(session, &settings.config);
        report.extend("auto", auto);
        let (mails, replies, reports, builds, hooks, irc, page) = runtime.block_on(async {
            tokio::join!(
                bounded(mailbox(&settings)),
                bounded(outgoing(&settings)),
                bounded(tracker(&settings)),
                bounded(ci(&settings)),
                bounded(alerts::webhooks(&settings, wanted, session.now)),
                bounded(alerts::irc(&settings, wanted, session.now)),
                bounded(page::findings(session, &settings.config)),
            )
        });
        report.extend("mailbox", mails);
        report.extend("outgoing", replies);
        report.extend("tracker", reports);
        report.extend("ci", builds);
        report.extend("webhook", hooks);
        report.extend("irc", irc);
        report.extend("web", page);
    }
    Ok(report.end())
}

/// Reads the file and the secrets; goes on without secrets that cannot be had.
fn configuration(report: &mut Report<'_>, file: &Path) -> Option<Settings> {
    let environment = Environment::of_process();
    let inspected = Config::inspect(file, &environment);
    report.extend("config", inspected.mistakes.iter().map(bad));
    // Where only the secrets are wrong, everything else can be tried.
    let config = inspected.config?;
    let secrets = inspected.secrets;
    report.extend(
        "config",
        config
            .warnings
            .iter()
            // The words say what to do where something can be done.
            .map(|warning| Finding {
                level: Level::Doubtful,
                what: warning.to_string(),
                remedy: None,
            }),
    );
    if report
        .findings
        .iter()
        .all(|(_, finding)| finding.level != Level::Bad)
    {
        report.add(
            "config",
            Finding::fine(format!("{} is read", file.display())),
        );
    }
    Some(Settings {
        config,
        secrets,
        environment,
    })
}

/// Gives up on a part that takes too long.
async fn bounded(part: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    tokio::time::timeout(PART, part).await.unwrap_or_else(|_| {
        vec![Finding::bad(
            format!("no answer within {} seconds", PART.as_secs()),
            "Check host and port, the firewall, and whether the server is well.",
        )]
    })
}

/// Why a part is not tried is told with the configuration.
fn without_secret() -> Vec<Finding> {
    vec![Finding::doubtful(
        "not tried: its secret is missing",
        "Mend what is wrong with config first.",
    )]
}

fn bad(mistake: &Mistake) -> Finding {
    Finding::bad(
        format!("{}: {}", mistake.place, mistake.what),
        mistake.remedy.clone(),
    )
}

fn store(report: &mut Report<'_>, config: &Config) {
    let path = daemon::database(config);
    let finding = match path.try_exists() {
        Ok(true) => opened(report.session, config, &path),
        Ok(false) => folder(&config.store.state_dir),
        Err(error) => {
            let (whose, remedy) = report.session.whose(&path);
            let what = format!("{} cannot be reached: {error}; {whose}", path.display());
            Finding::bad(what, remedy)
        }
    };
    report.add("database", finding);
}

fn opened(session: &Session, config: &Config, path: &Path) -> Finding {
    let wrong = Store::open(path).and_then(|store| store.quick_check());
    match wrong {
        Ok(wrong) if wrong.is_empty() => Finding::fine(format!("{} is sound", path.display())),
        Ok(wrong) => Finding::bad(
            format!("{} is damaged: {}", path.display(), wrong.join("; ")),
            "restore a backup of the file; the mailbox fills in what came since",
        ),
        Err(error) => {
            let error = super::disk_of(error, &config.store.state_dir);
            let error = session.not_opened(error, path);
            let remedy = error
                .downcast_ref::<Refusal>()
                .and_then(|refusal| refusal.remedy.clone())
                .unwrap_or_else(|| "check who may read and write that file".to_owned());
            Finding::bad(format!("{error:#}"), remedy)
        }
    }
}

/// The service makes the database; so its folder must be there or be makeable.
fn folder(folder: &Path) -> Finding {
    let there = folder
        .ancestors()
        .find(|it| it.exists())
        .unwrap_or(Path::new("/"));
    let may_write = fs::metadata(there).is_ok_and(|about| !about.permissions().readonly())
        && tempfile::Builder::new()
            .prefix(".buildbot-watch-check.")
            .tempfile_in(there)
            .is_ok();
    if may_write {
        return Finding::fine(format!(
            "{} is ready; the service makes the database there",
            folder.display()
        ));
    }
    Finding::bad(
        format!("nothing can be written to {}", there.display()),
        format!(
            "make {} for the user of the service, or run this as that user",
            folder.display()
        ),
    )
}

fn templates(report: &mut Report<'_>, config: &Config) {
    let (templates, problems) = Templates::load(config.drafts.templates.as_deref());
    let has_problems = !problems.is_empty();
    report.extend(
        "templates",
        problems.into_iter().map(|problem| {
            let place = if problem.line > 0 {
                format!(":{}", problem.line)
            } else {
                String::new()
            };
            Finding::bad(
                format!("{}{place}: {}", problem.file.display(), problem.what),
                problem.remedy,
            )
        }),
    );
    report.add(
        "templates",
        match templates.render_sample() {
            Ok(drafts) if has_problems => Finding::fine(format!(
                "instead of those with mistakes, the ones that are compiled in are used: so all \
                 fill {}",
                count(drafts.len(), "sample")
            )),
            Ok(drafts) => Finding::fine(format!(
                "all templates fill {}",
                count(drafts.len(), "sample")
            )),
            Err(problem) => Finding::bad(
                format!("{}: {}", problem.file.display(), problem.what),
                problem.remedy,
            ),
        },
    );
}

async fn mailbox(settings: &Settings) -> Vec<Finding> {
    match &settings.config.mailbox {
        Mailbox::Imap(_) if settings.secrets.mailbox.is_none() => without_secret(),
        Mailbox::Imap(_) => match daemon::imap_of(settings) {
            Ok(Some(mut imap)) => {
                imap.timeouts.connect = STEP;
                imap.timeouts.command = STEP;
                let approvers = settings.config.approvers.as_ref();
                let further = approvers.and_then(|it| it.folder.as_deref());
                imap::check(&imap, further).await
            }
            Ok(None) => Vec::new(),
            Err(error) => vec![not_tried(&error)],
        },
        Mailbox::Maildir { path, .. } => {
            vec![match Maildir::open(path).and_then(|it| it.entries()) {
                Ok(entries) => Finding::fine(format!(
                    "{} holds {}",
                    path.display(),
                    count(entries.len(), "mail")
                )),
                Err(error) => Finding::bad(
                    format!("{error:#}"),
                    "name a Maildir: a folder with new and cur in it",
                ),
            }]
        }
        Mailbox::Mbox { path, .. } => vec![match fs::File::open(path) {
            Ok(_) => Finding::fine(format!("{} can be read", path.display())),
            Err(error) => Finding::bad(
                format!("{} cannot be read: {error}", path.display()),
                "name an mbox file that the service may read",
            ),
        }],
    }
}

async fn outgoing(settings: &Settings) -> Vec<Finding> {
    match &settings.config.outgoing {
        Outgoing::Smtp(config) if config.login.is_some() && settings.secrets.outgoing.is_none() => {
            without_secret()
        }
        Outgoing::Smtp(config) => submission(settings, config).await,
        Outgoing::Maildir { path, .. } => vec![folder_of_mails(path)],
    }
}

async fn submission(settings: &Settings, config: &Smtp) -> Vec<Finding> {
    match daemon::smtp_of(settings, config) {
        Ok(mut smtp) => {
            smtp.timeouts.connect = STEP;
            smtp.timeouts.command = STEP;
            smtp::check(&smtp).await
        }
        Err(error) => vec![not_tried(&error)],
    }
}

fn folder_of_mails(path: &Path) -> Finding {
    match folder(path) {
        finding if finding.level == Level::Fine => Finding::fine(format!(
            "replies are written to {}; nothing leaves this machine",
            path.display()
        )),
        finding => finding,
    }
}

async fn tracker(settings: &Settings) -> Vec<Finding> {
    let config = &settings.config;
    let wants_secret = match &config.tracker.kind {
        TrackerKind::Embedded { path } => return embedded(path).await,
        TrackerKind::Roundup(roundup) => roundup.login.is_some(),
        TrackerKind::GitHub(github) => github.token.is_some(),
    };
    if wants_secret && settings.secrets.tracker.is_none() {
        return without_secret();
    }
    let tracker = match daemon::tracker_of(settings) {
        Ok(tracker) => tracker,
        Err(error) => return vec![not_tried(&error)],
    };
    let mut findings = tracker.check().await;
    let can_be_read = findings.iter().all(|it| it.level != Level::Bad);
    if can_be_read {
        findings.extend(names::compare(&tracker, config).await);
    }
    findings
}

/// Opening it would make it, and a check makes nothing.
async fn embedded(path: &Path) -> Vec<Finding> {
    if !path.exists() {
        return vec![match folder(path.parent().unwrap_or(path)) {
            fine if fine.level == Level::Fine => Finding::fine(format!(
                "{} is not there yet; the service makes it",
                path.display()
            )),
            wrong => wrong,
        }];
    }
    if let Err(error) = fs::OpenOptions::new().append(true).open(path) {
        return vec![Finding::bad(
            format!("{} cannot be written: {error}", path.display()),
            "Give the file to the user of the service, or run this as that user.",
        )];
    }
    match Embedded::open(path) {
        Ok(tracker) => crate::trackers::Tracker::Embedded(tracker).check().await,
        Err(error) => vec![Finding::bad(
            format!("{error:#}"),
            "Name another file with path, or mend what is wrong with this one.",
        )],
    }
}

async fn ci(settings: &Settings) -> Vec<Finding> {
    let systems = match daemon::ci_of(settings) {
        Ok(systems) => systems,
        Err(error) => return vec![not_tried(&error)],
    };
    let mut findings = Vec::new();
    for ci in &systems {
        findings.extend(match ci {
            Ci::Buildbot(_) if !settings.config.ci.fetch_logs => vec![Finding::fine(
                "the Buildbots are asked only about a build that somebody files: fetch_logs is false",
            )],
            ci => ci.check().await,
        });
    }
    if systems.is_empty() {
        findings.push(Finding::fine(
            "no CI system is asked: only what the mails carry is read",
        ));
    }
    findings
}

fn not_tried(error: &anyhow::Error) -> Finding {
    Finding::bad(format!("{error:#}"), "correct the configuration")
}
