//! The failed step's log, where the mail does not carry it.

use std::time::Duration;

use super::{begun, fits, jobs};
use crate::ci::{BuildFacts, Ci, Extent, Extract, Log, Miss, Piece, Step};
use crate::domain::Seconds;
use crate::domain::notification::{Build, CiSystem, Notification, ReadFrom};
use crate::parsing::{self, TailReader, Told};
use crate::store::Service;
use crate::worker::{Memory, Parts};

/// A log that is not there yet is asked for again after this many seconds.
pub(in crate::worker) const ASK_AGAIN: Seconds = 30;

/// A build that is not found is asked for again while the mail is younger than
/// this many seconds: the server may answer from a copy that lags behind.
const YOUNG: Seconds = 5 * 60;

/// The end of a log tells nearly always enough; it is asked for first.
const TAIL_LINES: u64 = 20_000;

/// Longer than this nobody else waits, however slowly the CI system answers.
pub(super) const LONGEST: Duration = Duration::from_secs(180);
/// A whole log that takes longer is left for its end.
const LONGEST_WHOLE: Duration = Duration::from_secs(120);

/// So many logs of a step are read, at most.
const MOST_LOGS: usize = 3;

/// The times that decide how long a log is waited for.
#[derive(Debug, Clone, Copy)]
pub(in crate::worker) struct Times {
    /// When the mail says it was written.
    pub(in crate::worker) mailed_at: Option<Seconds>,
    /// When it came in.
    pub(in crate::worker) received_at: Seconds,
    /// After that, what there is must do.
    pub(in crate::worker) deadline: Seconds,
}

impl Times {
    fn is_young(self, now: Seconds) -> bool {
        let since = self
            .mailed_at
            .map_or(self.received_at, |at| at.min(self.received_at));
        now < since + YOUNG
    }
}

/// Fetches what is missing. Some: why it is worth waiting; None: the
/// notification is as good as it gets, and says what could not be had.
pub(in crate::worker) async fn complete(
    parts: &Parts,
    memory: &mut Memory,
    notification: &mut Notification,
    times: Times,
) -> Option<String> {
    let mut remarks = match jobs::complete(parts, memory, notification, times.deadline).await {
        Ok(remarks) => remarks,
        Err(why) => return Some(why),
    };
    for build in &mut notification.builds {
        if build.ci != CiSystem::Buildbot {
            continue;
        }
        if build.read_from != ReadFrom::Body {
            begun::ask(parts, memory, build, times).await;
            continue;
        }
        let Some(ci) = first_of(&parts.ci, build) else {
            continue;
        };
        parts.beat();
        let now = parts.clock.now();
        let fetch = Fetch {
            ci,
            times,
            now,
            may_wait: now < times.deadline,
        };
        let url = build.link.as_ref().map_or("", |link| &link.url).to_owned();
        let asked = async {
            tokio::time::timeout(LONGEST, fetch.run(parts, build))
                .await
                .unwrap_or_else(|_| Err(too_slow()))
        };
        match ask(parts, memory, host(&url), asked).await {
            Ok(told) => remarks.extend(told),
            Err(Miss::NotYet(why) | Miss::Unreachable(why)) if fetch.may_wait => {
                return Some(format!("waiting for the log of {}: {why}", build.builder));
            }
            Err(miss) => remarks.push(format!("no log of {}: {miss}", build.builder)),
        }
    }
    notification.remarks.extend(remarks);
    None
}

/// What an answer is worth that does not come within [`LONGEST`].
pub(in crate::worker) fn too_slow() -> Miss {
    Miss::Unreachable("it answers too slowly".to_owned())
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
fn note<T>(parts: &Parts, host: &str, fetched: &Result<T, Miss>) {
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
pub(in crate::worker) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// Ends when the service is asked to stop.
pub(super) async fn stopped(parts: &Parts) {
    while !parts.is_stopping() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Asks a CI system, but not one that did not answer a moment ago: every attempt
/// may take a minute, in which nothing else is done. Keeps what came of it.
pub(super) async fn ask<T>(
    parts: &Parts,
    memory: &mut Memory,
    host: &str,
    fetch: impl Future<Output = Result<T, Miss>>,
) -> Result<T, Miss> {
    let trouble = memory.ci_troubles.get(host);
    if let Some((until, why)) = trouble
        && parts.clock.now() < *until
    {
        return Err(Miss::Unreachable(why.clone()));
    }
    let fetched = tokio::select! {
        fetched = fetch => fetched,
        () = stopped(parts) => return Err(Miss::NotYet("the service stops".to_owned())),
    };
    memory.ci_troubles.remove(host);
    if let Err(Miss::Unreachable(why)) = &fetched {
        let until = parts.clock.now() + ASK_AGAIN;
        let trouble = (until, why.clone());
        memory.ci_troubles.insert(host.to_owned(), trouble);
    }
    note(parts, host, &fetched);
    fetched
}

/// One attempt.
struct Fetch<'a> {
    ci: &'a Ci,
    times: Times,
    now: Seconds,
    /// Whether there is time to come back later.
    may_wait: bool,
}

impl Fetch<'_> {
    async fn run(&self, parts: &Parts, build: &mut Build) -> Result<Vec<String>, Miss> {
        let Some(link) = build.link.clone() else {
            return Err(Miss::Gone("the mail names no link to the build".to_owned()));
        };
        if !self.ci.knows(&link) {
            // Read from the body; a remark for each mail would only be noise.
            return Ok(Vec::new());
        }
        let facts = match self.ci.build(&link).await {
            Err(Miss::Gone(why)) if self.times.is_young(self.now) => {
                return Err(Miss::NotYet(why));
            }
            other => other?,
        };
        if let Some(why) = fits::other(build, &facts, self.times.mailed_at) {
            return Err(Miss::Gone(why));
        }
        let running = format!("build {} is still running", link.number);
        if facts.result.is_none() && self.may_wait {
            return Err(Miss::NotYet(running));
        }
        fill(build, &facts);
        build.revision_seen_at = begun::revision_seen_at(parts, self.ci, &facts).await;
        let mut remarks = Vec::new();
        if facts.result.is_none() {
            remarks.push(running);
        }
        if facts.steps.is_empty() {
            return Err(Miss::Gone("no step of the build failed".to_owned()));
        }
        remarks.extend(self.steps(parts, build, &facts).await?);
        Ok(remarks)
    }

    /// The steps' logs, until one tells something. Gives remarks.
    async fn steps(
        &self,
        parts: &Parts,
        build: &mut Build,
        facts: &BuildFacts,
    ) -> Result<Vec<String>, Miss> {
        let mut missed = None;
        let mut is_read = false;
        for step in &facts.steps {
            let logs = self.ci.logs(facts, step).await?;
            for log in logs.iter().take(MOST_LOGS) {
                if !log.is_complete && self.may_wait {
                    let why = format!("step {} is still writing its log", step.name);
                    return Err(Miss::NotYet(why));
                }
                match self.log(parts, build, facts, log).await {
                    Ok(Some(extract)) => return Ok(remarks(step, log, extract)),
                    Ok(None) => is_read = true,
                    Err(miss @ Miss::Gone(_)) => missed = missed.or(Some(miss)),
                    Err(other) => return Err(other),
                }
            }
        }
        match missed {
            Some(miss) if !is_read => Err(miss),
            _ => Ok(Vec::new()),
        }
    }

    /// Reads a log's end, and all of it where the end leaves something open.
    /// None: it tells nothing that is not known.
    async fn log(
        &self,
        parts: &Parts,
        build: &mut Build,
        facts: &BuildFacts,
        log: &Log,
    ) -> Result<Option<Extract>, Miss> {
        let state = build.state.clone();
        let state = state.as_deref();
        let tail = Extent::Tail(TAIL_LINES);
        let (mut extract, mut told) = self.extract(parts, facts, log, tail, state).await?;
        if told.leaves_open {
            let whole = self.extract(parts, facts, log, Extent::Whole, state);
            match tokio::time::timeout(LONGEST_WHOLE, whole).await {
                // Of an endless log the end alone may tell more.
                Ok(Ok((came, whole))) if how_much(&whole) >= how_much(&told) => {
                    (extract, told) = (came, whole);
                }
                Ok(Err(miss)) if self.may_wait || how_much(&told) == 0 => return Err(miss),
                Err(_) if how_much(&told) == 0 => {
                    return Err(Miss::Unreachable("it answers too slowly".to_owned()));
                }
                Ok(_) | Err(_) => extract.gaps += extract.before,
            }
        }
        let taken = parsing::apply_findings(build, told.findings);
        Ok((taken > 0).then_some(extract))
    }

    async fn extract(
        &self,
        parts: &Parts,
        facts: &BuildFacts,
        log: &Log,
        extent: Extent,
        state: Option<&str>,
    ) -> Result<(Extract, Told), Miss> {
        let mut reader = TailReader::default();
        let mut sink = |piece: Piece<'_>| {
            parts.beat();
            match piece {
                Piece::Lines(lines) => reader.lines(lines),
                Piece::LeftOut(lines) => reader.miss(lines),
            }
        };
        let extract = self.ci.read(facts, log, extent, &mut sink).await?;
        Ok((extract, reader.finish(state)))
    }
}

fn how_much(told: &Told) -> usize {
    told.findings.failures.len()
}

/// What the notice did not say.
fn fill(build: &mut Build, facts: &BuildFacts) {
    let missing = |field: &mut Option<String>, fact: &Option<String>| {
        if field.is_none() {
            field.clone_from(fact);
        }
    };
    missing(&mut build.worker, &facts.worker);
    missing(&mut build.project, &facts.project);
    missing(&mut build.branch, &facts.branch);
    build.began_at = build.began_at.or(facts.began_at);
    let state = Some(facts.state.clone()).filter(|state| !state.is_empty());
    missing(&mut build.state, &state);
    // The notice may have only its first digits.
    let is_longer = |there: &&String| match &build.revision {
        Some(said) => there.starts_with(said.as_str()),
        None => true,
    };
    if let Some(revision) = facts.revision.as_ref().filter(is_longer) {
        build.revision = Some(revision.clone());
    }
}

/// What a person should know of how the log was read.
fn remarks(step: &Step, log: &Log, extract: Extract) -> Vec<String> {
    let mut remarks = Vec::new();
    if !log.is_complete {
        remarks.push(format!(
            "the log of step {} has not ended: it was read as far as it is written",
            step.name
        ));
    }
    if extract.gaps > 0 {
        remarks.push(format!(
            "the log of step {} is too long: {} of its lines were not read",
            step.name, extract.gaps
        ));
    }
    remarks
}
