//! CI systems that others run: a run of several jobs, each with a log of its own.
//!
//! Nothing is asked but the configured address, and only about the configured
//! projects. The token goes nowhere else: where a log lies on another server, which
//! the API redirects to, it is fetched from there without.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use crate::ci::{Miss, appveyor, azure, github_actions, travis};
use crate::domain::finding::Finding;
use crate::domain::notification::{BuildLink, CiSystem};
use crate::domain::secret::Secret;
use crate::domain::{Seconds, calendar};
use crate::http::{self, Answer, Broken, Http, JSON_CAP, Poured};

/// The most that is read of a log, in bytes.
pub const LOG_CAP: usize = 64 << 20;
/// The most failed jobs of a run that are looked at.
pub const MOST_JOBS: usize = 20;
/// The most redirects from server to server.
const MOST_HOPS: usize = 3;
/// The most projects that a check asks for.
const MOST_CHECKED: usize = 10;

/// How one CI system is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which one; never Buildbot.
    pub system: CiSystem,
    /// The API's address: `https://api.github.com/`.
    pub url: String,
    /// Where people look, as the mails' links begin: `https://github.com/`.
    pub web: String,
    /// The projects that may be asked about: `owner/name`.
    pub projects: Vec<String>,
    /// The token, if there is one.
    pub token: Option<Secret>,
}

/// A hosted CI system.
#[derive(Debug)]
pub struct Hosted {
    settings: Settings,
    api: Url,
    web: Url,
    http: Http,
    timeout: Duration,
}

/// What the CI system says of one run (or build) of several jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The workflow's or definition's name.
    pub name: Option<String>,
    /// The branch; `None` for a pull request.
    pub branch: Option<String>,
    /// The whole id of the commit.
    pub revision: Option<String>,
    /// When the system first knew that commit, by its clock, where it is sure that the
    /// run was to build this one from then on, also if it is run again.
    pub revision_seen_at: Option<Seconds>,
    /// The jobs that failed, at most [`MOST_JOBS`].
    pub jobs: Vec<Job>,
    /// How many more failed.
    pub left_out: usize,
}

/// One failed job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// What people call it; `None` where it has no name.
    pub name: Option<String>,
    /// Its page.
    pub url: String,
    /// The machine that ran it.
    pub worker: Option<String>,
    /// How it ended: `failed Tests`.
    pub state: String,
    /// When it began, by the system's clock; of one that is run again, the last time.
    pub began_at: Option<Seconds>,
    /// Its logs, the most telling first, by what the API calls them.
    pub logs: Vec<String>,
}

/// How much of a log was handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// All of it.
    Whole,
    /// Its first 64 MiB.
    Beginning,
}

impl Hosted {
    /// # Errors
    ///
    /// An address that is no `http` or `https` URL.
    pub fn new(settings: Settings, tls: rustls::ClientConfig, timeout: Duration) -> Result<Self> {
        let name = settings.system.name();
        let context = || format!("the address of {name}");
        let api = http::base_url(&settings.url).with_context(context)?;
        let web = http::base_url(&settings.web).with_context(context)?;
        Ok(Self {
            http: Http::new(&api, tls)?,
            settings,
            api,
            web,
            timeout,
        })
    }

    pub(crate) fn knows(&self, link: &BuildLink) -> bool {
        let base = http::base_url(&link.base);
        link.ci == self.settings.system
            && base.is_ok_and(|base| base == self.web)
            && self.project(link).is_some()
    }

    /// The configured project of a link, in the configuration's letters.
    pub(crate) fn project(&self, link: &BuildLink) -> Option<&str> {
        let named = link.builder.replace("%20", " ");
        let mut projects = self.settings.projects.iter();
        projects
            .find(|project| project.eq_ignore_ascii_case(&named))
            .map(String::as_str)
    }

    /// Looks up a run and its failed jobs.
    ///
    /// # Errors
    ///
    /// Why there is nothing.
    pub async fn run(&self, link: &BuildLink) -> Result<Run, Miss> {
        let project = self.known_project(link)?;
        let mut run = match self.settings.system {
            CiSystem::GitHubActions => github_actions::run(self, project, link).await,
            CiSystem::Travis => travis::run(self, project, link).await,
            CiSystem::AppVeyor => appveyor::run(self, project, link).await,
            CiSystem::Azure => azure::run(self, project, link).await,
            CiSystem::Buildbot => Err(unknown(link)),
        }?;
        run.left_out += run.jobs.len().saturating_sub(MOST_JOBS);
        run.jobs.truncate(MOST_JOBS);
        Ok(run)
    }

    /// Hands a log of a job on, piece by piece, at most [`LOG_CAP`] bytes.
    ///
    /// # Errors
    ///
    /// Why there is nothing, or not the rest.
    pub async fn log(
        &self,
        link: &BuildLink,
        log: &str,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Amount, Miss> {
        let project = self.known_project(link)?;
        let (path, query) = match self.settings.system {
            CiSystem::GitHubActions => github_actions::log(project, log),
            CiSystem::Travis => travis::log(log),
            CiSystem::AppVeyor => appveyor::log(log),
            CiSystem::Azure => azure::log(project, link, log),
            CiSystem::Buildbot => return Err(unknown(link)),
        };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut url = self.address(&path, query)?;
        let mut request = self.dressed(&url).header("Accept", "text/plain, */*");
        for _ in 0..=MOST_HOPS {
            let poured = self.http.pour(request, LOG_CAP, sink).await;
            let refused = match poured.map_err(miss)? {
                Poured::Whole => return Ok(Amount::Whole),
                Poured::Cut => return Ok(Amount::Beginning),
                Poured::Refused(answer) => answer,
            };
            let Some(next) = http::elsewhere(&url, &refused) else {
                return Err(self.refusal(&refused, "the log"));
            };
            // Without any credentials: the address itself is the permission.
            request = self
                .http
                .request(Method::GET, next.clone())
                .timeout(self.timeout);
            url = next;
        }
        Err(Miss::Strange("the log is redirected in a circle".into()))
    }

    fn known_project(&self, link: &BuildLink) -> Result<&str, Miss> {
        match self.project(link) {
            Some(project) if self.knows(link) => Ok(project),
            _ => Err(unknown(link)),
        }
    }

    /// The page of something of the project.
    pub(super) fn page(&self, below: &str) -> String {
        format!("{}{below}", self.web)
    }

    /// Asks the API for JSON; `what` is named where it is not there.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        what: &str,
    ) -> Result<T, Miss> {
        let url = self.address(path, query)?;
        let answer = self.ask(&url).await.map_err(miss)?;
        if answer.status != 200 || is_web_page(&answer) {
            return Err(self.refusal(&answer, what));
        }
        answer
            .json()
            .map_err(|error| Miss::Strange(http::one_line(&format!("{error:#}"))))
    }

    async fn ask(&self, url: &Url) -> Result<Answer, Broken> {
        let request = self.dressed(url).header("Accept", self.accepted());
        self.http.send(request, JSON_CAP).await
    }

    fn accepted(&self) -> &'static str {
        match self.settings.system {
            CiSystem::GitHubActions => "application/vnd.github+json",
            _ => "application/json",
        }
    }

    /// A request to the API itself, with the token.
    fn dressed(&self, url: &Url) -> RequestBuilder {
        let request = self
            .http
            .request(Method::GET, url.clone())
            .timeout(self.timeout);
        let request = match self.settings.system {
            CiSystem::GitHubActions => request.header("X-GitHub-Api-Version", "2022-11-28"),
            CiSystem::Travis => request.header("Travis-API-Version", "3"),
            _ => request,
        };
        let Some(token) = self.settings.token.as_ref().map(Secret::expose) else {
            return request;
        };
        match self.settings.system {
            CiSystem::Travis => match secret_header(&format!("token {token}")) {
                Some(value) => request.header("Authorization", value),
                None => request,
            },
            CiSystem::Azure => request.basic_auth("", Some(token)),
            _ => request.bearer_auth(token),
        }
    }

    /// Each part is one segment of the path, whatever it holds: projects and
    /// versions come from mails.
    fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Miss> {
        let strange = || Miss::Strange("the link names no build".into());
        if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(strange());
        }
        let mut url = self.api.clone();
        url.path_segments_mut()
            .map_err(|()| strange())?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// What an answer other than a good one means.
    fn refusal(&self, answer: &Answer, what: &str) -> Miss {
        let name = self.settings.system.name();
        let said = answer.words();
        let is_spent = answer.header("x-ratelimit-remaining") == Some("0");
        let has_token = self.settings.token.is_some();
        match answer.status {
            404 | 410 => Miss::Gone(format!(
                "{name}: {what} is not there, or not any more: logs are deleted after some months, \
                 and what is private is hidden without a token"
            )),
            429 => Miss::Unreachable(format!("{name} asks for a pause: {said}")),
            403 if is_spent => Miss::Unreachable(format!(
                "{name}: the requests of this hour are used up: {said}"
            )),
            401 | 403 if has_token => Miss::Unreachable(format!(
                "{name} does not accept the token for {what}: {said}"
            )),
            401 | 403 => Miss::Unreachable(format!("{name} wants a token for {what}: {said}")),
            // Azure answers so, with its page to sign in.
            200 | 203 => Miss::Unreachable(format!(
                "{name} shows a web page for {what}: the token is missing, wrong or too old"
            )),
            300..=399 => Miss::Unreachable(format!(
                "{name} redirects {what} to where nothing is fetched: {said}"
            )),
            _ => Miss::Unreachable(format!("{name}: {said}")),
        }
    }

    pub(crate) async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for project in self.settings.projects.iter().take(MOST_CHECKED) {
            findings.push(self.check_project(project).await);
        }
        if self.settings.system == CiSystem::GitHubActions && self.settings.token.is_none() {
            findings.push(Finding::doubtful(
                "GitHub gives nobody a log without a token",
                "Add token = { ... } to [ci.github_actions]: one that may read Actions.",
            ));
        }
        findings
    }

    async fn check_project(&self, project: &str) -> Finding {
        let name = self.settings.system.name();
        let key = self.settings.system.key();
        let bad = |what: &dyn std::fmt::Display, remedy: String| {
            Finding::bad(format!("{name} at {}, {project}: {what}", self.api), remedy)
        };
        let (path, query) = match self.settings.system {
            CiSystem::GitHubActions => github_actions::probe(project),
            CiSystem::Travis => travis::probe(project),
            CiSystem::AppVeyor => appveyor::probe(project),
            CiSystem::Azure | CiSystem::Buildbot => azure::probe(project),
        };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let asked = match self.address(&path, query) {
            Ok(url) => self.ask(&url).await,
            Err(miss) => return bad(&miss, format!("Check [ci.{key}] projects.")),
        };
        match asked {
            Err(broken) => bad(&broken, broken.remedy().to_owned()),
            Ok(answer) if answer.status == 200 && !is_web_page(&answer) => {
                match answer.json::<serde_json::Value>() {
                    Ok(_) => Finding::fine(format!("{name} knows {project}")),
                    Err(_) => bad(
                        &format!("what answers is not {name}"),
                        format!("Check [ci.{key}] url: it is the API's address."),
                    ),
                }
            }
            Ok(answer) => bad(
                &self.refusal(&answer, "the project"),
                format!("Check [ci.{key}] projects, url and token."),
            ),
        }
    }
}

/// Path and query of a request.
pub(super) type Request = (Vec<String>, &'static [(&'static str, &'static str)]);

/// The two parts of `owner/name`.
pub(super) fn parts(project: &str) -> (&str, &str) {
    project.split_once('/').unwrap_or((project, ""))
}

/// A moment as all these systems write it. Some say `0001-01-01T00:00:00` of what never
/// happened.
pub(super) fn moment(text: Option<&String>) -> Option<Seconds> {
    calendar::moment(text?).filter(|at| *at > 0)
}

fn unknown(link: &BuildLink) -> Miss {
    Miss::NotConfigured(http::one_line(&format!("{}{}", link.base, link.builder)))
}

fn miss(broken: Broken) -> Miss {
    match broken {
        long @ Broken::TooLong(_) => Miss::TooLong(long.to_string()),
        other => Miss::Unreachable(other.to_string()),
    }
}

fn is_web_page(answer: &Answer) -> bool {
    answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"))
}

fn secret_header(text: &str) -> Option<reqwest::header::HeaderValue> {
    let mut value = reqwest::header::HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
