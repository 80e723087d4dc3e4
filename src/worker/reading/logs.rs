//! The failed step's log, where the mail does not carry it.

use crate::ci::{Ci, Extent, Miss};
use crate::domain::Seconds;
use crate::domain::notification::{Build, CiSystem, Notification, ReadFrom};
use crate::parsing;
use crate::store::Service;
use crate::worker::Parts;

use super::jobs;

/// A log that is not there yet is asked for again after this many seconds.
pub(super) const ASK_AGAIN: Seconds = 30;

/// The end of a log tells nearly always enough; it is asked for first.
const TAIL_LINES: u64 = 20_000;

/// Fetches what is missing. Some: why it is worth waiting; None: the
/// notification is as good as it gets, and says what could not be had.
pub(super) async fn complete(
    parts: &Parts,
    notification: &mut Notification,
    deadline: Seconds,
) -> Option<String> {
    let mut remarks = match jobs::complete(parts, notification, deadline).await {
        Ok(remarks) => remarks,
        Err(why) => return Some(why),
    };
    for build in &mut notification.builds {
        if build.read_from != ReadFrom::Body || build.ci != CiSystem::Buildbot {
            continue;
        }
        let Some(ci) = first_of(&parts.ci, build) else {
            continue;
        };
        parts.beat();
        let fetched = fetch(ci, build).await;
        let host = build.link.as_ref().map_or("", |link| host(&link.url));
        note(parts, host, &fetched);
        match fetched {
            Ok(()) => {}
            Err(Miss::NotYet(why) | Miss::Unreachable(why)) if parts.clock.now() < deadline => {
                return Some(format!("waiting for the log of {}: {why}", build.builder));
            }
            Err(miss) => remarks.push(format!("no log of {}: {miss}", build.builder)),
        }
    }
    notification.remarks.extend(remarks);
    None
}

/// The Buildbot to ask: that of the link, or any, to say what is wrong with it.
fn first_of<'a>(systems: &'a [Ci], build: &Build) -> Option<&'a Ci> {
    let buildbot = |ci: &&Ci| matches!(ci, Ci::Buildbot(_));
    let knows = |ci: &&Ci| build.link.as_ref().is_some_and(|link| ci.knows(link));
    systems
        .iter()
        .find(knows)
        .or_else(|| systems.iter().find(buildbot))
}

/// Keeps for `status` whether the CI system answers, and tells people when that
/// changes.
pub(super) fn note<T>(parts: &Parts, host: &str, fetched: &Result<T, Miss>) {
    let noted = match fetched {
        Err(Miss::Unreachable(why)) => {
            let now = parts.clock.now();
            let words = format!("{host}: {why}");
            let noted = parts.store.note_trouble(Service::Ci, &words, now);
            noted.map(|is_new| {
                if is_new {
                    tracing::warn!(
                        host,
                        why,
                        "the CI system does not answer; mails wait for their logs"
                    );
                }
            })
        }
        Ok(_) | Err(_) => parts.store.clear_trouble(Service::Ci).map(|was_away| {
            if was_away {
                tracing::info!("the CI system answers again");
            }
        }),
    };
    // What the store cannot do is told by the step that is recorded next.
    if let Err(error) = noted {
        tracing::debug!(error = format!("{error:#}"), "not kept for `status`");
    }
}

/// `buildbot.python.org` of a link.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

async fn fetch(ci: &Ci, build: &mut Build) -> Result<(), Miss> {
    let Some(link) = build.link.clone() else {
        return Err(Miss::Gone("the mail names no link to the build".to_owned()));
    };
    if !ci.knows(&link) {
        // Read from the body; a remark for each mail would only be noise.
        return Ok(());
    }
    let facts = ci.build(&link).await?;
    build.revision = build.revision.take().or(facts.revision);
    build.worker = build.worker.take().or(facts.worker);
    let Some(step) = facts.failed_steps.first() else {
        return Err(Miss::Gone("no step of the build failed".to_owned()));
    };
    let tail = ci.log(&link, step, Extent::Tail(TAIL_LINES)).await?;
    let mut found = parsing::apply_log(build, &tail.text);
    if found == 0 && tail.lines_skipped > 0 {
        let whole = ci.log(&link, step, Extent::Whole).await?;
        found = parsing::apply_log(build, &whole.text);
    }
    if found > 0 {
        build.read_from = ReadFrom::Api;
    }
    Ok(())
}
