//! A build that a person names, though nobody mailed about it.
//!
//! It is noted, then asked for and read at once, as a mail's build is, and only what was
//! read becomes a notification: like any other, but nobody is answered. What a kill
//! leaves noted and not read, `taking_up` finishes.

mod taking_up;

use anyhow::Result;

use super::reading::logs::{self, Times};
use super::{Memory, Parts, step};
use crate::ci::{BuildFacts, Ci, Miss};
use crate::domain::Seconds;
use crate::domain::life::Stage;
use crate::domain::notification::{
    Build, BuildLink, BuildResult, CiSystem, Notification, ReadFrom,
};
use crate::parsing;
use crate::store::{Filed, MailSummary, NotificationId, NotificationRow, Reading, Taken};

pub(super) use taking_up::take_up;

/// What is read may be waited for so long by whoever files a build.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(240);

/// Why a build was not filed. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum NotFiled {
    /// The address leads to no build of a CI system that is known.
    #[error("that is not the address of a build")]
    NoAddress,
    /// None of the configured CI systems has it.
    #[error("{0} is none of the configured CI systems, or of their projects")]
    NotConfigured(String),
    /// It is not there.
    #[error("there is no such build: {0}")]
    NoBuild(String),
    /// It has not ended.
    #[error("the build has not ended yet: {0}")]
    Running(String),
    /// Nothing went wrong.
    #[error("the build did not fail: {0}")]
    DidNotFail(String),
    /// Its logs cannot be had.
    #[error("the build failed, but its logs cannot be had: {0}")]
    NoLogs(String),
    /// The CI system does not answer.
    #[error("the CI system cannot be asked: {0}")]
    Unreachable(String),
    /// The database failed, or something of our own.
    #[error(transparent)]
    Trouble(#[from] anyhow::Error),
}

impl NotFiled {
    /// What to do about it, for a person.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoAddress => {
                "copy the address of the build's page, such as \
                 https://buildbot.python.org/#/builders/15/builds/4"
            }
            Self::NotConfigured(_) => "if it is yours, name it in [ci] of the configuration",
            Self::NoBuild(_) => "look at the address in a browser",
            Self::Running(_) => "file it once more when it has ended",
            Self::DidNotFail(_) => {
                "nothing has to be reported; look whether another build is meant"
            }
            Self::NoLogs(_) => {
                "logs are deleted after some months (180 days on buildbot.python.org): file a \
                 younger build with the same failure, or open the report by hand"
            }
            Self::Unreachable(_) => "try again later; `check` tells more",
            Self::Trouble(_) => "see what `status` says",
        }
    }
}

/// Notes a build, reads it and stores it as a notification, unless it is one already.
///
/// # Errors
///
/// Why not.
pub async fn file(parts: &Parts, address: &str, who: &str) -> Result<Taken, NotFiled> {
    let (ci, link) = place_of(parts, address)?;
    let noted = parts
        .store
        .note_filing(address.trim(), who, parts.clock.now())?;
    let filed = read_and_store(parts, ci, link, who).await;
    let outcome = match &filed {
        // It is tried again: the database may have room then.
        Err(NotFiled::Trouble(_)) => return filed,
        Err(why) => why.to_string(),
        Ok(taken) => word_of(*taken),
    };
    parts
        .store
        .end_filing(noted.id, &outcome, parts.clock.now())?;
    filed
}

/// Which build is meant, and who is asked for it.
fn place_of<'a>(parts: &'a Parts, address: &str) -> Result<(&'a Ci, BuildLink), NotFiled> {
    let link = parsing::build_address(address).ok_or(NotFiled::NoAddress)?;
    let ci = parts.ci.iter().find(|ci| ci.knows(&link));
    let ci = ci.ok_or_else(|| NotFiled::NotConfigured(host_of(&link)))?;
    Ok((ci, link))
}

fn word_of(taken: Taken) -> String {
    let (Taken::New(id) | Taken::Known(id) | Taken::Conflict(id)) = taken;
    id.to_string()
}

async fn read_and_store(
    parts: &Parts,
    ci: &Ci,
    link: BuildLink,
    who: &str,
) -> Result<Taken, NotFiled> {
    let found = tokio::time::timeout(PATIENCE, look_up(ci, link)).await;
    let (key, build) = found.unwrap_or_else(|_| Err(too_slow()))?;
    if let Some((id, _)) = telling_of(parts, &build)?.first() {
        return Ok(Taken::Known(*id));
    }
    let filed = Filed {
        build,
        who: who.to_owned(),
    };
    let now = parts.clock.now();
    let mut memory = Memory::fresh();
    let reading = read(parts, &mut memory, &filed, now);
    let reading = tokio::time::timeout(PATIENCE, reading).await;
    let reading = reading.unwrap_or_else(|_| Err(too_slow()))?;
    let taken = parts
        .store
        .file_build(&key, &filed, &reading, parts.clock.now())?;
    if let Taken::New(id) = taken {
        tracing::info!(notification = %id, "a build was filed");
    }
    Ok(taken)
}

/// Drafts what was filed, where no service does it.
///
/// # Errors
///
/// Only the store's.
pub async fn draft_filed(parts: &Parts, id: NotificationId) -> Result<()> {
    let mut memory = Memory::fresh();
    // One to match it and one to draft it.
    for _ in 0..2 {
        let row = parts.store.load(id)?;
        if matches!(row.stage, Stage::Parsed | Stage::Matched) && row.waiting.is_none() {
            step(parts, &mut memory, id).await?;
        }
    }
    Ok(())
}

/// Once more, for one that is started over.
pub(super) async fn read_again(
    parts: &Parts,
    memory: &mut Memory,
    row: &NotificationRow,
    filed: &Filed,
) -> Result<()> {
    let now = parts.clock.now();
    match read(parts, memory, filed, row.received_at).await {
        Ok(reading) => parts.store.record_reading(row.id, &reading, now),
        Err(why @ (NotFiled::Unreachable(_) | NotFiled::Running(_))) => {
            let until = now + logs::ASK_AGAIN;
            parts.store.wait_until(row.id, until, &why.to_string(), now)
        }
        Err(NotFiled::Trouble(error)) => Err(error),
        Err(why) => parts.store.quarantine(row.id, &why.to_string(), now),
    }
}

fn too_slow() -> NotFiled {
    NotFiled::Unreachable(logs::too_slow().to_string())
}

fn host_of(link: &BuildLink) -> String {
    logs::host(&link.url).to_owned()
}

/// The build without its failures, and what tells it from all others.
async fn look_up(ci: &Ci, link: BuildLink) -> Result<(String, Build), NotFiled> {
    match ci {
        Ci::Buildbot(_) => {
            let facts = ci.build(&link).await;
            let facts = facts.map_err(|miss| of_miss(miss, &link))?;
            of_buildbot(link, &facts)
        }
        Ci::Hosted(hosted) => {
            let run = hosted.run(&link).await;
            let run = run.map_err(|miss| of_miss(miss, &link))?;
            if run.jobs.is_empty() {
                return Err(NotFiled::DidNotFail("no job of it failed".to_owned()));
            }
            let name = run.name.unwrap_or_else(|| link.builder.clone());
            let name = parsing::excerpt::one_line(&name);
            let mut build = Build::bare(link.ci, name, BuildResult::Failure);
            build.project = Some(link.builder.clone());
            build.branch = run.branch;
            build.revision = run.revision;
            let project = link.builder.to_lowercase();
            let shown = link.shown();
            let key = format!("{} {}{project} {shown}", link.ci.key(), link.base);
            build.link = Some(link);
            Ok((key, build))
        }
    }
}

fn of_buildbot(link: BuildLink, facts: &BuildFacts) -> Result<(String, Build), NotFiled> {
    let state = parsing::excerpt::one_line(&facts.state);
    let result = facts
        .result
        .ok_or_else(|| NotFiled::Running(format!("build {} is still running", link.number)))?;
    match result {
        BuildResult::Failure | BuildResult::Exception => {}
        _ => return Err(NotFiled::DidNotFail(state)),
    }
    if facts.steps.is_empty() {
        return Err(NotFiled::NoLogs("no step of it failed".to_owned()));
    }
    let line = |text: &Option<String>| text.as_deref().map(parsing::excerpt::one_line);
    let builder = line(&facts.builder).unwrap_or_else(|| link.builder.clone());
    let mut build = Build::bare(CiSystem::Buildbot, builder, result);
    build.state = Some(state);
    build.worker = line(&facts.worker);
    build.project = line(&facts.project);
    build.branch = line(&facts.branch);
    build.revision = line(&facts.revision);
    let base = link.base.strip_suffix("all/").unwrap_or(&link.base);
    let key = format!("buildbot {base} {}", facts.id);
    // In the form of today, in which it was just found.
    let url = format!(
        "{}#/builders/{}/builds/{}",
        link.base, link.builder, link.number
    );
    build.link = Some(BuildLink { url, ..link });
    Ok((key, build))
}

fn of_miss(miss: Miss, link: &BuildLink) -> NotFiled {
    match miss {
        Miss::NotConfigured(_) => NotFiled::NotConfigured(miss.to_string()),
        Miss::Gone(why) => NotFiled::NoBuild(why),
        Miss::NotYet(why) => NotFiled::Running(why),
        Miss::Unreachable(why) | Miss::TooLong(why) | Miss::Strange(why) => {
            NotFiled::Unreachable(format!("{}: {why}", host_of(link)))
        }
    }
}

/// Reads the build's logs.
async fn read(
    parts: &Parts,
    memory: &mut Memory,
    filed: &Filed,
    received_at: Seconds,
) -> Result<Reading, NotFiled> {
    let mut build = filed.build.clone();
    build.failures = vec![parsing::unexplained(&build)];
    let mut notification = Notification {
        builds: vec![build],
        remarks: Vec::new(),
    };
    let times = Times {
        mailed_at: None,
        received_at,
        // It is worth waiting, but whoever files it does that.
        deadline: Seconds::MAX,
    };
    if let Some(why) = logs::complete(parts, memory, &mut notification, times).await {
        return Err(NotFiled::Unreachable(why));
    }
    let is_unread = |build: &Build| build.read_from == ReadFrom::Body;
    if !notification.remarks.is_empty() && notification.builds.iter().all(is_unread) {
        return Err(NotFiled::NoLogs(notification.remarks.join("; ")));
    }
    let redactions: usize = notification.builds.iter().map(|it| it.redactions).sum();
    Ok(Reading {
        mail: no_mail(filed),
        redactions: u32::try_from(redactions).unwrap_or(u32::MAX),
        notification,
    })
}

/// What stands where a mail is told of.
fn no_mail(filed: &Filed) -> MailSummary {
    let build = &filed.build;
    let number = build.link.as_ref().map_or(String::new(), BuildLink::shown);
    MailSummary {
        message_id: None,
        in_reply_to: Vec::new(),
        references: Vec::new(),
        from: Vec::new(),
        from_name: Some(filed.who.clone()),
        subject: format!(
            "Build {number} of {}, filed by {}",
            build.builder, filed.who
        ),
        date: None,
        remarks: Vec::new(),
    }
}

/// What a draft says of that.
pub(super) fn caution(filed: &Filed) -> String {
    format!(
        "{} filed this build, and nobody mailed about it: there is no mail to answer, and its \
         draft has no reply",
        filed.who
    )
}

/// The notifications that tell of the very same build, oldest first, and whether
/// somebody filed it.
fn telling_of(parts: &Parts, build: &Build) -> Result<Vec<(NotificationId, bool)>> {
    let Some(link) = &build.link else {
        return Ok(Vec::new());
    };
    let telling = parts.store.telling_of(link.number)?;
    let same = telling
        .into_iter()
        .filter(|(_, builds, _)| builds.iter().any(|other| is_same(build, other)));
    Ok(same.map(|(id, _, is_filed)| (id, is_filed)).collect())
}

fn is_same(one: &Build, other: &Build) -> bool {
    let (Some(link), Some(found)) = (&one.link, &other.link) else {
        return false;
    };
    let place = |link: &BuildLink| {
        let base = link.base.strip_suffix("all/").unwrap_or(&link.base);
        (link.ci, base.to_owned(), link.number)
    };
    let plain = |project: &str| project.replace("%20", " ").to_lowercase();
    let same_builder = match link.ci {
        CiSystem::Buildbot => one.builder.trim() == other.builder.trim(),
        // A number of its own tells one; without, its name does.
        _ => {
            plain(&link.builder) == plain(&found.builder)
                && (link.number > 0 || link.name == found.name)
        }
    };
    // Numbers are given out anew when a master loses its database.
    let revisions = one.revision.as_deref().zip(other.revision.as_deref());
    let same_revision =
        revisions.is_none_or(|(one, other)| one.starts_with(other) || other.starts_with(one));
    place(link) == place(found) && same_builder && same_revision
}

/// A mail came about builds that somebody filed: where nobody decided on them yet,
/// the mail takes their place; else it is told.
pub(super) fn take_over(
    parts: &Parts,
    id: NotificationId,
    notification: &mut Notification,
) -> Result<()> {
    let mut remarks = Vec::new();
    for build in &notification.builds {
        for (other, is_filed) in telling_of(parts, build)? {
            if !is_filed || other == id {
                continue;
            }
            let Ok(row) = parts.store.load(other) else {
                continue;
            };
            let who = row.filed.as_ref().map_or("somebody", |filed| &filed.who);
            let is_over = matches!(row.stage, Stage::Closed(_) | Stage::Quarantined);
            let is_decided = row.decision.is_some() || parts.store.is_settled_along(other)?;
            remarks.push(format!(
                "{who} filed a build of this mail before: see {other}"
            ));
            if !is_over && !is_decided {
                parts.store.supersede(other, id, parts.clock.now())?;
            }
        }
    }
    notification.remarks.extend(remarks);
    Ok(())
}
