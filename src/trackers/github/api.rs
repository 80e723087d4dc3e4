//! One request to GitHub: headers, credentials, and its limits.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use crate::domain::secret::Secret;
use crate::http::{self, Answer, Broken, Http, JSON_CAP};
use crate::trackers::trouble::{Quiet, Refusal, Trouble};
use crate::trackers::{Wait, dates};

const PAUSE_AFTER_401: Duration = Duration::from_secs(300);
/// "If ... no retry-after header, wait for at least one minute" (GitHub, on its
/// secondary limits).
const LEAST_PAUSE: Duration = Duration::from_secs(60);
/// No server decides that we are silent for longer.
const MOST_PAUSE: Duration = Duration::from_secs(2 * 3600);

#[derive(Debug)]
pub(super) struct Api {
    http: Http,
    base: Url,
    repository: String,
    token: Option<Secret>,
    quiet: Quiet,
}

impl Api {
    pub(super) fn new(
        base: &str,
        repository: &str,
        token: Option<Secret>,
        tls: rustls::ClientConfig,
    ) -> Result<Self> {
        let base = http::base_url(base).context("GitHub's API address")?;
        Ok(Self {
            http: Http::new(&base, tls)?,
            base,
            repository: repository.to_owned(),
            token,
            quiet: Quiet::none(),
        })
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// GET below the API's address: `user`.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Trouble> {
        self.may_ask()?;
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self
            .http
            .get(&url, JSON_CAP, |request| self.dress(request))
            .await?;
        self.judge(answer)
    }

    /// GET below the repository: `/issues`, or the repository itself.
    pub(super) async fn get_of_repository(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Answer, Trouble> {
        self.get(&format!("repos/{}{path}", self.repository), query)
            .await
    }

    /// POST below the repository.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        self.send(Method::POST, path, body).await
    }

    /// PATCH below the repository.
    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        self.send(Method::PATCH, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Answer, Trouble> {
        self.may_ask()?;
        let url = self.url(&format!("repos/{}{path}", self.repository))?;
        let request = self.dress(self.http.request(method, url)).json(body);
        let answer = self.http.send(request, JSON_CAP).await?;
        self.judge(answer)
    }

    fn url(&self, path: &str) -> Result<Url, Broken> {
        self.base
            .join(path)
            .map_err(|error| Broken::NotSent(error.to_string()))
    }

    fn dress(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    pub(super) fn may_ask(&self) -> Result<(), Wait> {
        self.quiet.may_ask()
    }

    fn judge(&self, answer: Answer) -> Result<Answer, Trouble> {
        // The search has an allowance of its own.
        let spent = answer.header("x-ratelimit-remaining") == Some("0")
            && answer.header("x-ratelimit-resource") != Some("search");
        if answer.is_success() {
            if spent {
                self.pause("the hour's requests are used up", until_reset(&answer));
            }
            return Ok(answer);
        }
        let said = words(&answer);
        let pause = match answer.status {
            401 => Some(PAUSE_AFTER_401),
            403 | 429 => limit(&answer, &said),
            _ => None,
        };
        let Some(pause) = pause else {
            return Err(Trouble::Refused(Refusal::new(&answer, said)));
        };
        let pause = pause.min(MOST_PAUSE);
        self.pause(&said, pause);
        Err(Trouble::Wait(Wait {
            why: said,
            seconds: pause.as_secs(),
        }))
    }

    fn pause(&self, why: &str, length: Duration) {
        self.quiet.keep(why, length.min(MOST_PAUSE));
    }
}

/// How long a 403 or 429 asks to wait; `None` for a 403 that is about rights.
fn limit(answer: &Answer, said: &str) -> Option<Duration> {
    if let Some(seconds) = answer.retry_after() {
        return Some(Duration::from_secs(seconds));
    }
    if answer.header("x-ratelimit-remaining") == Some("0") {
        return Some(until_reset(answer));
    }
    let said = said.to_lowercase();
    let is_limit = answer.status == 429 || said.contains("rate limit") || said.contains("abuse");
    is_limit.then_some(LEAST_PAUSE)
}

/// `x-ratelimit-reset` is a time by the server's clock, and so is `Date`.
fn until_reset(answer: &Answer) -> Duration {
    let reset = answer
        .header("x-ratelimit-reset")
        .and_then(|text| text.parse::<i64>().ok());
    let now = answer.header("date").and_then(dates::parse_http);
    match (reset, now) {
        (Some(reset), Some(now)) => Duration::from_secs((reset - now).max(1).unsigned_abs()),
        _ => LEAST_PAUSE,
    }
}

/// What GitHub says, with the field that it complains of.
pub(super) fn words(answer: &Answer) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer.words();
    };
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    http::one_line(&format!(
        "{} {} {} {} {}",
        answer.status,
        text("/message"),
        text("/errors/0/field"),
        text("/errors/0/code"),
        text("/errors/0/message"),
    ))
}
