//! Buildbot's REST interface, version 2, as Buildbot 4.3 behaves.
//!
//! What a real server taught:
//!
//! - Unknown filter fields are ignored in silence, so every answer is looked at
//!   here again.
//! - JSON comes as `text/plain` unless `Accept` asks for it.
//! - `meta.total` counts the rows of the answer, not of the list.
//! - The pages moved from `/all/#/...` to `/#/...`; so did the interface.
//! - A step's or log's name in a path must be an identifier: `test installed` is
//!   not found. Ids always are.
//! - The janitor keeps builds, steps and logs, but empties the logs, and turns
//!   their type to `d`. The lines of a log that is not there are none, not 404.
//! - `raw` lacks the letters of the streams and knows no paging; `contents` has
//!   both, and the lines as they were stored.

mod log;
mod master;
mod revision;
mod shapes;

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Url;

use crate::ci::{BuildFacts, Extent, Extract, Log, LogKind, Miss, Piece, Step};
use crate::domain::finding::Finding;
use crate::domain::notification::{BuildLink, BuildResult};
use crate::http::{self, Http};

use master::Master;
use shapes::{BuildRow, Logs, StepRow, Steps};

/// So many steps are looked at, at most.
const MOST_STEPS: usize = 5;

/// One or several Buildbot masters.
#[derive(Debug)]
pub struct Buildbot {
    masters: Vec<Master>,
}

impl Buildbot {
    /// `bases` are the only addresses ever asked: `https://buildbot.python.org/`.
    ///
    /// # Errors
    ///
    /// An address that is no `http` or `https` URL.
    pub fn new(bases: &[String], tls: rustls::ClientConfig) -> Result<Self> {
        Self::within(bases, tls, Duration::from_secs(60))
    }

    /// The same with the longest time that one request may take.
    ///
    /// # Errors
    ///
    /// As [`Buildbot::new`].
    pub fn within(bases: &[String], tls: rustls::ClientConfig, timeout: Duration) -> Result<Self> {
        let masters = bases
            .iter()
            .map(|base| {
                let base = http::base_url(base).context("a Buildbot's address")?;
                let http = Http::new(&base, tls.clone())?;
                Ok(Master {
                    base,
                    http,
                    timeout,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { masters })
    }

    pub(crate) fn knows(&self, link: &BuildLink) -> bool {
        self.linked(link).is_ok()
    }

    pub(crate) async fn build(&self, link: &BuildLink) -> Result<BuildFacts, Miss> {
        let alone = self.build_alone(link).await?;
        let path = ["builds", &alone.id.to_string(), "steps"];
        let found: Steps = self.master(&alone.api)?.get(&alone.api, &path, &[]).await?;
        Ok(BuildFacts {
            steps: telling(found.steps),
            ..alone
        })
    }

    pub(crate) async fn build_alone(&self, link: &BuildLink) -> Result<BuildFacts, Miss> {
        let (master, base) = self.linked(link)?;
        let (api, row) = master.find_build(&base, link).await?;
        facts(api, row)
    }

    pub(crate) async fn logs(&self, build: &BuildFacts, step: &Step) -> Result<Vec<Log>, Miss> {
        let path = ["steps", &step.id.to_string(), "logs"];
        let found: Logs = self.master(&build.api)?.get(&build.api, &path, &[]).await?;
        let mut logs: Vec<Log> = found.logs.into_iter().map(Log::from).collect();
        logs.sort_by_key(rank);
        Ok(logs)
    }

    pub(crate) async fn read(
        &self,
        build: &BuildFacts,
        log: &Log,
        extent: Extent,
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> Result<Extract, Miss> {
        let deleted = || Miss::Gone(format!("the log was deleted: {}", kept_for(&build.api)));
        if log.kind == LogKind::Deleted {
            return Err(deleted());
        }
        let master = self.master(&build.api)?;
        let came = master.lines(&build.api, log, extent, sink).await?;
        if came.lines == 0 && log.lines > 0 {
            return Err(deleted());
        }
        Ok(came)
    }

    pub(crate) async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for master in &self.masters {
            findings.push(master.check().await);
        }
        findings
    }

    /// The configured master of a link, and the address that the link gives for
    /// it, which may have `all/` behind the configured one or lack it.
    fn linked(&self, link: &BuildLink) -> Result<(&Master, Url), Miss> {
        let unknown = || Miss::NotConfigured(http::one_line(&link.base));
        let base = http::base_url(&link.base).map_err(|_| unknown())?;
        self.master(&base)
            .map(|master| (master, base))
            .map_err(|_| unknown())
    }

    fn master(&self, base: &Url) -> Result<&Master, Miss> {
        let plain = without_all(base);
        self.masters
            .iter()
            .find(|master| without_all(&master.base) == plain)
            .ok_or_else(|| Miss::NotConfigured(http::one_line(base.as_str())))
    }
}

/// What is said of a build without its steps.
fn facts(api: Url, row: BuildRow) -> Result<BuildFacts, Miss> {
    let wanted_revision = row.property("revision");
    Ok(BuildFacts {
        id: row.buildid,
        result: match row.complete {
            true => Some(result(row.results)?),
            false => None,
        },
        state: row.state_string.clone(),
        builder: row.property("buildername"),
        worker: row.property("workername"),
        project: row.property("project"),
        branch: row.property("branch"),
        revision: row
            .property("got_revision")
            .or_else(|| wanted_revision.clone()),
        wanted_revision,
        ended_at: row.complete_at,
        began_at: row.started_at,
        steps: Vec::new(),
        request: row.buildrequestid,
        api,
    })
}

/// The steps that may tell why a build failed. First those that failed, those
/// that compile or test before those that clean up or upload; then the one that
/// runs; then tests that passed when they were run again, which counts as a
/// warning.
fn telling(mut rows: Vec<StepRow>) -> Vec<Step> {
    rows.sort_by_key(|row| row.number);
    let mut steps: Vec<(u8, Step)> = rows
        .into_iter()
        .filter_map(|row| {
            let result = match row.results {
                Some(number) => Some(result(Some(number)).ok()?),
                None => None,
            };
            let name = row.name.to_lowercase();
            let is_test = ["test", "check"].iter().any(|word| name.contains(word))
                && !["upload", "clean"].iter().any(|word| name.contains(word));
            let is_compile = ["compile", "build", "configure", "make"]
                .iter()
                .any(|word| name.contains(word));
            let rank = match result {
                Some(BuildResult::Failure | BuildResult::Exception) if is_test || is_compile => 0,
                Some(BuildResult::Failure | BuildResult::Exception) => 1,
                None if row.started_at.is_some() => 2,
                Some(BuildResult::Warnings) if is_test => 3,
                _ => return None,
            };
            let step = Step {
                id: row.stepid,
                name: http::one_line(&row.name),
                result,
            };
            Some((rank, step))
        })
        .collect();
    steps.sort_by_key(|(rank, _)| *rank);
    let steps = steps.into_iter().map(|(_, step)| step);
    steps.take(MOST_STEPS).collect()
}

/// What was printed, then texts such as `err.text`, then pages such as
/// `err.html`. `warnings (3)` and the like are parts of another log.
fn rank(log: &Log) -> (bool, bool, LogKind) {
    let is_part = log.name.starts_with("warnings (") || log.name.starts_with("problems");
    (is_part, log.name != "stdio", log.kind)
}

/// How long logs are kept: python.org's janitor deletes them after 180 days.
fn kept_for(api: &Url) -> &'static str {
    match api.host_str() {
        Some("buildbot.python.org") => "logs are kept for 180 days",
        _ => "logs are kept for some months",
    }
}

/// The address without the `all/` that python.org's once ended in.
fn without_all(base: &Url) -> Url {
    let mut url = base.clone();
    if let Some(path) = base.path().strip_suffix("all/") {
        url.set_path(path);
    }
    url
}

/// Buildbot's numbers (`buildbot.process.results`).
fn result(number: Option<i64>) -> Result<BuildResult, Miss> {
    Ok(match number {
        Some(0) => BuildResult::Success,
        Some(1) => BuildResult::Warnings,
        Some(2) => BuildResult::Failure,
        Some(3) => BuildResult::Skipped,
        Some(4) => BuildResult::Exception,
        Some(5) => BuildResult::Retry,
        Some(6) => BuildResult::Cancelled,
        other => return Err(Miss::Strange(format!("no known result: {other:?}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::shapes::StepRow;
    use super::{Buildbot, rank, telling};
    use crate::ci::{Log, LogKind};
    use crate::domain::notification::{BuildLink, CiSystem};

    fn link(base: &str) -> BuildLink {
        BuildLink {
            url: format!("{base}#/builders/1/builds/2"),
            ci: CiSystem::Buildbot,
            base: base.into(),
            builder: "1".into(),
            number: 2,
            name: None,
        }
    }

    #[test]
    fn only_configured_addresses_are_known() {
        let tls = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
        let bases = ["https://buildbot.example/".to_owned()];
        let ci = Buildbot::new(&bases, tls).unwrap();
        for known in ["https://buildbot.example/", "https://buildbot.example/all/"] {
            assert!(ci.knows(&link(known)), "{known}");
        }
        for other in [
            "http://buildbot.example/",
            "https://buildbot.example:8443/",
            "https://buildbot.example/other/",
            "https://buildbot.example.evil/",
            "https://buildbot.example@evil/",
            "http://127.0.0.1/",
            "file:///etc/",
            "",
        ] {
            assert!(!ci.knows(&link(other)), "{other}");
        }
    }

    #[test]
    fn the_steps_that_tell_come_first() {
        let row = |(number, (name, results)): (usize, &(&str, i64))| StepRow {
            stepid: 10 + number as u64,
            name: (*name).into(),
            number: number as i64,
            // No step ends with 7; here it stands for one that runs.
            results: Some(*results).filter(|results| *results != 7),
            started_at: Some(1_795_344_187),
        };
        let names = |steps: &[(&str, i64)]| -> Vec<String> {
            // Not in the order of their numbers: nobody promises that.
            let rows = steps.iter().enumerate().map(row).rev().collect();
            telling(rows).into_iter().map(|step| step.name).collect()
        };
        let build = [
            ("git", 0),
            ("configure", 0),
            ("compile", 2),
            ("pythoninfo", 1),
            ("test", 2),
            ("uploading test-results.xml", 4),
            ("clean", 2),
        ];
        assert_eq!(
            names(&build),
            ["compile", "test", "uploading test-results.xml", "clean"]
        );
        assert_eq!(names(&[("test", 1), ("upload", 4)]), ["upload", "test"]);
        assert_eq!(names(&[("git", 0), ("test", 7)]), ["test"]);
        assert!(names(&[("test", 0), ("clean", 1), ("x", 9)]).is_empty());
        let many: Vec<(&str, i64)> = (0..9).map(|_| ("step", 2)).collect();
        assert_eq!(names(&many).len(), 5);
    }

    #[test]
    fn the_log_that_tells_comes_first() {
        let log = |name: &str, kind| Log {
            id: 1,
            name: name.into(),
            kind,
            lines: 1,
            is_complete: true,
        };
        let mut logs = [
            log("warnings (3)", LogKind::Text),
            log("err.html", LogKind::Html),
            log("err.text", LogKind::Text),
            log("logcat", LogKind::Stream),
            log("stdio", LogKind::Stream),
        ];
        logs.sort_by_key(rank);
        let names: Vec<&str> = logs.iter().map(|log| log.name.as_str()).collect();
        assert_eq!(
            names,
            ["stdio", "logcat", "err.text", "err.html", "warnings (3)"]
        );
    }
}
