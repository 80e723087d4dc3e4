//! The failed jobs of a run of a hosted CI system, and their logs.
//!
//! A notice of such a system names the run; which of its jobs failed, and with what
//! words, only the system itself tells. Each failed job becomes a build of its own.

use tokio::time::{Instant, timeout_at};

use super::logs::{LONGEST, ask, host, too_slow};
use crate::ci::hosted::{Amount, Hosted, Job, Run};
use crate::ci::{Ci, Miss};
use crate::domain::Seconds;
use crate::domain::notification::{Build, BuildLink, CiSystem, Notification, ReadFrom};
use crate::parsing;
use crate::parsing::logs::LogReader;
use crate::worker::{Memory, Parts};

/// Puts in place of the builds of each configured run its failed jobs, read from
/// their logs. Ok: what could not be had, in words. Err: why it is worth waiting.
pub(super) async fn complete(
    parts: &Parts,
    memory: &mut Memory,
    notification: &mut Notification,
    deadline: Seconds,
) -> Result<Vec<String>, String> {
    let mut remarks = Vec::new();
    let mut builds: Vec<Build> = Vec::new();
    let mut asked: Vec<BuildLink> = Vec::new();
    for build in &notification.builds {
        let Some((ci, link)) = hosted_of(parts, build) else {
            builds.push(build.clone());
            continue;
        };
        if asked.contains(link) {
            continue;
        }
        asked.push(link.clone());
        parts.beat();
        let jobs = jobs_of(parts, ci, link, build, &mut remarks);
        let fetched = ask(parts, memory, host(&link.url), jobs).await;
        match fetched {
            Ok(found) if !found.is_empty() => builds.extend(found),
            Err(Miss::NotYet(why) | Miss::Unreachable(why)) if parts.clock.now() < deadline => {
                return Err(format!("waiting for the log of {}: {why}", build.builder));
            }
            fetched => {
                let of_this = |build: &&Build| build.link.as_ref() == Some(link);
                builds.extend(notification.builds.iter().filter(of_this).cloned());
                remarks.push(match fetched {
                    Ok(_) => format!("{}: no job of the run failed", build.builder),
                    Err(miss) => format!("no log of {}: {miss}", build.builder),
                });
            }
        }
    }
    notification.builds = builds;
    Ok(remarks)
}

/// The configured system of a build that is read from the notice alone.
fn hosted_of<'a>(parts: &'a Parts, build: &'a Build) -> Option<(&'a Hosted, &'a BuildLink)> {
    if build.ci == CiSystem::Buildbot || build.read_from != ReadFrom::Body {
        return None;
    }
    let link = build.link.as_ref()?;
    parts.ci.iter().find_map(|ci| match ci {
        Ci::Hosted(ci) if ci.knows(link) => Some((ci.as_ref(), link)),
        _ => None,
    })
}

/// A build for each failed job; what is not known of it is taken from the notice.
/// Takes at most [`LONGEST`].
async fn jobs_of(
    parts: &Parts,
    ci: &Hosted,
    link: &BuildLink,
    told: &Build,
    remarks: &mut Vec<String>,
) -> Result<Vec<Build>, Miss> {
    // For all that is asked about the run; what was read by then counts.
    let end = Instant::now() + LONGEST;
    let run = timeout_at(end, ci.run(link))
        .await
        .unwrap_or_else(|_| Err(too_slow()))?;
    let mut builds = Vec::new();
    for job in &run.jobs {
        parts.beat();
        let mut build = build_of(told, link, &run, job);
        let read = timeout_at(end, read_logs(ci, link, job, &mut build)).await;
        match read.unwrap_or_else(|_| Err(too_slow())) {
            Ok(Amount::Whole) => {}
            Ok(Amount::Beginning) => remarks.push(format!(
                "{}: the log is longer than 64 MiB; its end was not read",
                build.builder
            )),
            Err(worth_waiting @ (Miss::NotYet(_) | Miss::Unreachable(_)))
                if builds.iter().all(is_unread) =>
            {
                return Err(worth_waiting);
            }
            Err(miss) => remarks.push(format!("no log of {}: {miss}", build.builder)),
        }
        builds.push(build);
    }
    if run.left_out > 0 {
        remarks.push(format!(
            "{}: {} more failed jobs are left out",
            workflow(told, &run),
            run.left_out
        ));
    }
    Ok(builds)
}

fn is_unread(build: &Build) -> bool {
    build.read_from == ReadFrom::Body
}

/// The notice's first build may be a job already: the workflow is before it.
fn workflow<'a>(told: &'a Build, run: &'a Run) -> &'a str {
    let named = told.builder.split(" / ").next().unwrap_or(&told.builder);
    run.name.as_deref().unwrap_or(named)
}

fn build_of(told: &Build, link: &BuildLink, run: &Run, job: &Job) -> Build {
    let workflow = workflow(told, run);
    let mut build = told.clone();
    build.builder = match &job.name {
        Some(name) if name != workflow => {
            parsing::excerpt::one_line(&format!("{workflow} / {name}"))
        }
        _ => parsing::excerpt::one_line(workflow),
    };
    build.state = Some(parsing::excerpt::one_line(&job.state));
    build.worker = job.worker.clone().or(build.worker);
    build.branch = build.branch.or_else(|| run.branch.clone());
    build.revision = run.revision.clone().or(build.revision);
    build.began_at = job.began_at;
    build.revision_seen_at = run.revision_seen_at;
    build.link = Some(BuildLink {
        url: job.url.clone(),
        ..link.clone()
    });
    build.failures = vec![parsing::unexplained(&build)];
    build
}

/// Reads the job's logs until one tells what failed.
async fn read_logs(
    ci: &Hosted,
    link: &BuildLink,
    job: &Job,
    build: &mut Build,
) -> Result<Amount, Miss> {
    let mut amount = Amount::Whole;
    if job.logs.is_empty() {
        return Err(Miss::Gone("the job has no log".to_owned()));
    }
    for log in &job.logs {
        let mut reader = LogReader::default();
        amount = ci.log(link, log, &mut |piece| reader.push(piece)).await?;
        let findings = reader.finish(build.state.as_deref());
        if parsing::apply_findings(build, findings) > 0 {
            break;
        }
    }
    Ok(amount)
}
