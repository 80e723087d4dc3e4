//! Buildbot's REST interface, version 2, as Buildbot 4.3 behaves.
//!
//! What a real server taught:
//!
//! - Unknown filter fields are ignored in silence, so every answer is looked at
//!   here again.
//! - JSON comes as `text/plain` unless `Accept` asks for it.
//! - `meta.total` counts the rows of the answer, not of the list.
//! - The pages moved from `/all/#/...` to `/#/...`; so did the interface.

mod log;
mod shapes;

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::ci::{BuildFacts, Extent, FetchedLog, Miss};
use crate::domain::finding::Finding;
use crate::domain::notification::{BuildLink, BuildResult};
use crate::http::{self, Answer, Broken, Http, JSON_CAP};

use shapes::{BuildRow, Builds, Logs, StepRow, Steps};

/// One or several Buildbot masters.
#[derive(Debug)]
pub struct Buildbot {
    masters: Vec<Master>,
}

/// One configured address.
#[derive(Debug)]
struct Master {
    base: Url,
    http: Http,
    timeout: Duration,
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
        self.master(link).is_ok()
    }

    pub(crate) async fn build(&self, link: &BuildLink) -> Result<BuildFacts, Miss> {
        let (master, base) = self.master(link)?;
        let (api, row) = master.find_build(&base, link).await?;
        if !row.complete {
            return Err(Miss::NotYet(format!(
                "build {} is still running",
                link.number
            )));
        }
        let steps: Steps = master
            .get(&api, &["builds", &row.buildid.to_string(), "steps"], &[])
            .await?;
        let mut failed: Vec<StepRow> = steps
            .steps
            .into_iter()
            .filter(|step| matches!(step.results, Some(2 | 4)))
            .collect();
        failed.sort_by_key(|step| step.number);
        Ok(BuildFacts {
            id: row.buildid,
            result: result(row.results)?,
            state: row.state_string.clone(),
            builder: row.property("buildername"),
            worker: row.property("workername"),
            branch: row.property("branch"),
            revision: row
                .property("got_revision")
                .or_else(|| row.property("revision")),
            ended_at: row.complete_at,
            failed_steps: failed.into_iter().map(|step| step.name).collect(),
        })
    }

    pub(crate) async fn log(
        &self,
        link: &BuildLink,
        step: &str,
        extent: Extent,
    ) -> Result<FetchedLog, Miss> {
        let (master, base) = self.master(link)?;
        let (api, build) = master.find_build(&base, link).await?;
        let id = build.buildid.to_string();
        let logs: Logs = master
            .get(&api, &["builds", &id, "steps", step, "logs", "stdio"], &[])
            .await?;
        let log = logs
            .logs
            .first()
            .ok_or_else(|| Miss::Gone(format!("step {step} has no log any more")))?;
        if !log.complete {
            return Err(Miss::NotYet(format!(
                "step {step} is still writing its log"
            )));
        }
        let (text, lines_skipped) = master.lines(&api, log, extent).await?;
        Ok(FetchedLog {
            step: step.to_owned(),
            text,
            lines_skipped,
        })
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
    fn master(&self, link: &BuildLink) -> Result<(&Master, Url), Miss> {
        let unknown = || Miss::NotConfigured(http::one_line(&link.base));
        let base = http::base_url(&link.base).map_err(|_| unknown())?;
        let plain = without_all(&base);
        self.masters
            .iter()
            .find(|master| without_all(&master.base) == plain)
            .map(|master| (master, base))
            .ok_or_else(unknown)
    }
}

impl Master {
    async fn check(&self) -> Finding {
        let base = &self.base;
        let bad = |what: &dyn std::fmt::Display, remedy| {
            Finding::bad(format!("Buildbot at {base}: {what}"), remedy)
        };
        let address_remedy =
            "Check the address: it is the one before #/builders/ in the mails' links.";
        let query = [("limit", "1".to_owned())];
        let url = match address(base, &["builders"], &query) {
            Ok(url) => url,
            Err(miss) => return bad(&miss, address_remedy),
        };
        match self.ask(&url).await {
            Err(broken) => bad(&broken, broken.remedy()),
            Ok(answer) if answer.is_success() => match answer.json::<serde_json::Value>() {
                Ok(_) => Finding::fine(format!("Buildbot answers at {base}")),
                Err(_) => bad(&"what answers is no Buildbot", address_remedy),
            },
            Ok(answer) if answer.status == 404 => bad(
                &format!("no Buildbot is there: {}", answer.words()),
                address_remedy,
            ),
            Ok(answer) => bad(&answer.words(), http::remedy_for(answer.status)),
        }
    }

    async fn ask(&self, url: &Url) -> Result<Answer, Broken> {
        let dress = |request: RequestBuilder| {
            request
                .header("Accept", "application/json")
                .timeout(self.timeout)
        };
        self.http.get(url, JSON_CAP, dress).await
    }

    /// Finds a build below the configured address, or below the link's.
    ///
    /// Links of Buildbot 0.8 (without `#`) are not followed: the numbers began
    /// anew with 0.9, so that they lead to another build, if to any.
    async fn find_build(&self, linked: &Url, link: &BuildLink) -> Result<(Url, BuildRow), Miss> {
        if !link.url.contains('#') {
            let why = "the link is of Buildbot 0.8, whose builds are gone";
            return Err(Miss::Gone(why.into()));
        }
        let number = link.number.to_string();
        let path = ["builders", &link.builder, "builds", &number];
        let query = [("property", "*".to_owned())];
        let mut missed = None;
        let bases = [
            Some(&self.base),
            Some(linked).filter(|linked| **linked != self.base),
        ];
        for base in bases.into_iter().flatten() {
            let asked = self.get::<Builds>(base, &path, &query).await;
            match asked.map(|found| found.builds.into_iter().next()) {
                Ok(Some(row)) => return Ok((base.clone(), row)),
                Ok(None) => missed = Some(Miss::Gone(format!("no build {number} any more"))),
                // Whether it is deleted or elsewhere, only the other address tells.
                Err(miss @ Miss::Gone(_)) => missed = Some(missed.unwrap_or(miss)),
                Err(other) => return Err(other),
            }
        }
        Err(missed.unwrap_or_else(|| Miss::Gone(format!("no build {number}"))))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        base: &Url,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Miss> {
        let url = address(base, path, query)?;
        let answer = self.ask(&url).await.map_err(|broken| match broken {
            long @ Broken::TooLong(_) => Miss::TooLong(long.to_string()),
            other => Miss::Unreachable(other.to_string()),
        })?;
        match StatusCode::from_u16(answer.status) {
            Ok(status) if status.is_success() => answer
                .json()
                .map_err(|error| Miss::Strange(http::one_line(&format!("{error:#}")))),
            Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => Err(Miss::Gone(format!(
                "{} is not there (any more): builds and logs are deleted after some months",
                path.join("/")
            ))),
            _ => Err(Miss::Unreachable(answer.words())),
        }
    }
}

/// Each part is one segment of the path, whatever it holds: names come from
/// mails.
fn address(base: &Url, path: &[&str], query: &[(&str, String)]) -> Result<Url, Miss> {
    let strange = || Miss::Strange("the link names no build".into());
    if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(strange());
    }
    let mut url = base.join("api/v2").map_err(|_| strange())?;
    url.path_segments_mut()
        .map_err(|()| strange())?
        .extend(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
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
    use super::{Buildbot, address};
    use crate::domain::notification::{BuildLink, CiSystem};
    use crate::http::base_url;

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
    fn a_name_from_a_mail_stays_one_segment() {
        let base = base_url("https://buildbot.example/all/").unwrap();
        let url = |builder: &str| address(&base, &["builders", builder, "builds", "2"], &[]);
        assert_eq!(
            url("a/../../x?y#z %2e").unwrap().as_str(),
            "https://buildbot.example/all/api/v2/builders/a%2F..%2F..%2Fx%3Fy%23z%20%252e/builds/2"
        );
        assert!(url("..").is_err());
        assert!(url("").is_err());
    }
}
