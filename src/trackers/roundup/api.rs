//! One request to Roundup: credentials, the headers it insists on, and the pause
//! it asks for.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use crate::http::{self, Answer, Broken, Http, JSON_CAP};
use crate::trackers::Wait;
use crate::trackers::roundup::Login;
use crate::trackers::trouble::{Quiet, Refusal, Trouble};

/// After a wrong password nothing is asked for so long: the fifth within ten
/// minutes would lock the account out (`[web] login_attempts_min`,
/// `api_failed_login_limit`).
const PAUSE_AFTER_401: Duration = Duration::from_secs(300);

/// What a 429 without `Retry-After` is taken for.
const PAUSE_AFTER_429: Duration = Duration::from_secs(150);

#[derive(Debug)]
pub(super) struct Api {
    http: Http,
    base: Url,
    origin: String,
    login: Option<Login>,
    quiet: Quiet,
    /// The account's id, once it is known.
    pub(super) own_id: Mutex<Option<String>>,
}

impl Api {
    pub(super) fn new(base: &str, login: Option<Login>, tls: rustls::ClientConfig) -> Result<Self> {
        let base = http::base_url(base).context("the tracker's address")?;
        Ok(Self {
            http: Http::new(&base, tls)?,
            origin: base.origin().ascii_serialization(),
            base,
            login,
            quiet: Quiet::none(),
            own_id: Mutex::new(None),
        })
    }

    /// The tracker's own page, ending in `/`.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user.as_str())
    }

    /// GET below the tracker's page: `rest/data/issue`.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Trouble> {
        self.quiet.may_ask()?;
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self
            .http
            .get(&url, JSON_CAP, |request| self.with_login(request))
            .await?;
        self.judge(answer)
    }

    /// POST or PATCH of JSON below the tracker's page. There is always a body:
    /// without `Content-Length` the server waits for one for ever.
    pub(super) async fn write(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        etag: Option<&str>,
    ) -> Result<Answer, Trouble> {
        self.quiet.may_ask()?;
        let mut request = self
            .with_login(self.http.request(method, self.url(path)?))
            .header("Content-Type", "application/json")
            .header("X-Requested-With", "buildbot-watch")
            .header("Origin", &self.origin)
            .body(body.to_string());
        if let Some(etag) = etag {
            request = request.header("If-Match", etag);
        }
        let answer = self.http.send(request, JSON_CAP).await?;
        self.judge(answer)
    }

    fn url(&self, path: &str) -> Result<Url, Broken> {
        self.base
            .join(path)
            .map_err(|error| Broken::NotSent(error.to_string()))
    }

    fn with_login(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.login {
            Some(login) => request.basic_auth(&login.user, Some(login.password.expose())),
            None => request,
        }
    }

    fn judge(&self, answer: Answer) -> Result<Answer, Trouble> {
        if answer.is_success() {
            return Ok(answer);
        }
        let length = match answer.status {
            401 => PAUSE_AFTER_401,
            429 => answer
                .retry_after()
                .map_or(PAUSE_AFTER_429, Duration::from_secs),
            _ => return Err(Trouble::Refused(Refusal::new(&answer, words(&answer)))),
        };
        let why = words(&answer);
        self.quiet.keep(&why, length);
        Err(Trouble::Wait(Wait {
            why,
            seconds: length.as_secs(),
        }))
    }
}

/// What the server says, whether in its JSON envelope or in plain text (as all
/// that concerns logins).
pub(super) fn words(answer: &Answer) -> String {
    let said = serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .and_then(|body| Some(body.pointer("/error/msg")?.as_str()?.to_owned()));
    match said {
        Some(said) => http::one_line(&format!("{} {said}", answer.status)),
        None => answer.words(),
    }
}
