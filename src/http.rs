//! What every adapter that speaks HTTP shares: one way to make a client, to send
//! a request, and to read a bounded answer.
//!
//! The point is [`Broken`]: whether a request that got no answer can have had an
//! effect. Only what failed before the first byte of the request is
//! [`Broken::NotSent`].

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use serde::de::DeserializeOwned;

use crate::tls::{Why, why};

/// The most that is read of an answer in JSON, in bytes.
pub const JSON_CAP: usize = 8 << 20;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
const MOST_REDIRECTS: usize = 4;

/// How reqwest says that a body is not in the encoding that its header names.
const UNREADABLE: &str = "error decoding response body";

/// A server's whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status: 100 to 599.
    pub status: u16,
    /// The headers.
    pub headers: Box<HeaderMap>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// Why there is no answer; the words are one line and hold no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Nothing of the request was sent.
    #[error("{0}")]
    NotSent(String),
    /// There was no connection, so nothing was sent.
    #[error("{}", .0.what)]
    NoConnection(Why),
    /// It was sent, or some of it, and then something broke.
    #[error("{0}")]
    Unclear(String),
    /// An answer with this status came, but its body is over the cap.
    #[error("the answer ({0}) is too long")]
    TooLong(u16),
}

/// A client for the servers below one address.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
}

impl Http {
    /// A client with strict TLS. Unless `base` says `http`, nothing is ever sent
    /// in the clear. It follows no redirect by itself, uses no proxy of the
    /// environment, and keeps no cookies.
    ///
    /// # Errors
    ///
    /// The TLS configuration does not fit.
    pub fn new(base: &Url, tls: rustls::ClientConfig) -> Result<Self> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(base.scheme() == "https")
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("buildbot-watch/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("the HTTP client cannot be made")?;
        Ok(Self { client })
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request once and reads at most `cap` bytes of the answer's body.
    ///
    /// # Errors
    ///
    /// Whether it can have been sent. A body over the cap is [`Broken::TooLong`].
    pub async fn send(&self, request: RequestBuilder, cap: usize) -> Result<Answer, Broken> {
        let response = request.send().await.map_err(broken)?;
        read(response, cap).await
    }

    /// Sends a GET and follows redirects that stay on the same server, so that
    /// credentials never go anywhere else. `dress` adds the headers.
    ///
    /// # Errors
    ///
    /// As [`Http::send`].
    pub async fn get(
        &self,
        url: &Url,
        cap: usize,
        dress: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Broken> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let request = || dress(self.request(Method::GET, url.clone()));
            let answer = match self.send(request(), cap).await {
                // A server now and then calls a body compressed that is not.
                Err(Broken::Unclear(why)) if why.starts_with(UNREADABLE) => {
                    let plain = request().header(ACCEPT_ENCODING, "identity");
                    self.send(plain, cap).await?
                }
                other => other?,
            };
            match redirected(&url, &answer) {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Broken::Unclear("the server redirects in a circle".into()))
    }
}

/// What became of an answer that is taken as it comes.
#[derive(Debug)]
pub enum Poured {
    /// All of it was handed on.
    Whole,
    /// The server had more than the cap; its beginning was handed on.
    Cut,
    /// The status is not 2xx, or the body is a web page; nothing was handed on.
    Refused(Answer),
}

impl Http {
    /// Sends a request once and hands the answer's body on piece by piece, so that
    /// it need not fit into memory: at most `cap` bytes, decompressed.
    ///
    /// # Errors
    ///
    /// As [`Http::send`]; some of the body may have been handed on.
    pub async fn pour(
        &self,
        request: RequestBuilder,
        cap: usize,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Poured, Broken> {
        let mut response = request.send().await.map_err(broken)?;
        if response.status().as_u16() != 200 || is_web_page(&response) {
            return read(response, JSON_CAP).await.map(Poured::Refused);
        }
        let mut left = cap;
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            let taken = piece.get(..left.min(piece.len())).unwrap_or_default();
            sink(taken);
            left -= taken.len();
            if taken.len() < piece.len() {
                return Ok(Poured::Cut);
            }
        }
        Ok(Poured::Whole)
    }
}

fn is_web_page(response: &Response) -> bool {
    let kind = response.headers().get("content-type");
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html"))
}

/// Where an answer sends us on to, if that is to another server and without danger
/// for a request without credentials: over TLS to a server with a name. Nothing
/// leads from there to addresses that only this machine's network knows; only a
/// server on this very machine, asked without TLS, may name itself.
pub fn elsewhere(from: &Url, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let next = from.join(answer.header("location")?).ok()?;
    let is_plain = next.username().is_empty() && next.password().is_none();
    let has_name = next.domain().is_some_and(|name| name.contains('.'));
    let is_sibling = from.scheme() == "http"
        && next.scheme() == "http"
        && from.host_str() == next.host_str()
        && matches!(from.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    (is_plain && (is_sibling || (next.scheme() == "https" && has_name))).then_some(next)
}

impl Broken {
    /// Whether provably nothing of the request was sent.
    pub const fn is_unsent(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::NoConnection(_))
    }

    /// What a person can do about it, one sentence.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoConnection(why) => why.remedy,
            Self::NotSent(_) | Self::Unclear(_) | Self::TooLong(_) => {
                "Check the address, and whether the server is well."
            }
        }
    }
}

/// What a person can do about an answer that is no success, one sentence.
pub const fn remedy_for(status: u16) -> &'static str {
    match status {
        300..=399 => "It has moved: configure the new address.",
        401 => "Check the account and its password or token.",
        403 => "The account lacks a right there: ask those who run the server for it.",
        404 | 410 => "Check the path in the address.",
        429 => "Wait, then check again.",
        500..=599 => "Ask those who run the server, if it stays.",
        _ => "Check the address and the account.",
    }
}

impl Answer {
    /// A header as text; `None` when it is missing or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// It is none, or not of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("the answer ({}) is not what it should be", self.status))
    }

    /// `Retry-After` in seconds. (The form with a date is read as none.)
    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after")?.trim().parse().ok()
    }

    /// The status and what the server says in a body of plain text, one line.
    pub fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        if text.trim_start().starts_with('<') {
            return format!("{} (a web page)", self.status);
        }
        one_line(&format!("{} {}", self.status, text.trim()))
    }
}

/// Reads the address of a server from a configuration: `http` or `https`, no user
/// name, nothing after the path; the path is made to end in `/`.
///
/// # Errors
///
/// What is wrong with it.
pub fn base_url(text: &str) -> Result<Url> {
    let mut url = Url::parse(text).with_context(|| format!("{text:?} is not an address"))?;
    ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host(),
        "{text:?} must begin with https:// (or http://)"
    );
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "an address must not hold a name or password"
    );
    ensure!(
        url.query().is_none() && url.fragment().is_none(),
        "{text:?} must end after its path"
    );
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// A server's or library's words in one line of at most 300 characters, without
/// control characters.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn redirected(from: &Url, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let next = from.join(answer.header("location")?).ok()?;
    (next.origin() == from.origin()).then_some(next)
}

async fn read(mut response: Response, cap: usize) -> Result<Answer, Broken> {
    let status = response.status().as_u16();
    let headers = Box::new(response.headers().clone());
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if body.len() + piece.len() > cap {
            return Err(Broken::TooLong(status));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// reqwest says `is_connect` for everything until a connection stands: the name,
/// TCP, the TLS handshake; `is_builder` for a request that is none.
fn broken(error: reqwest::Error) -> Broken {
    let never_sent = error.is_connect() || error.is_builder();
    let known = if error.is_timeout() {
        Some(Why {
            what: "the server does not answer in time".to_owned(),
            remedy: "Check host and port, the firewall, and whether the server is well.",
        })
    } else {
        why(&error)
    };
    match known {
        Some(why) if never_sent => return Broken::NoConnection(why),
        Some(why) => return Broken::Unclear(why.what),
        None => {}
    }
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    let words = one_line(&words);
    if never_sent {
        Broken::NotSent(words)
    } else {
        Broken::Unclear(words)
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, HeaderMap, Url, base_url, elsewhere, one_line};

    #[test]
    fn an_address_is_taken_only_when_it_is_plain() {
        let good = |text: &str| base_url(text).unwrap().to_string();
        assert_eq!(good("https://a.example/x"), "https://a.example/x/");
        assert_eq!(good("http://127.0.0.1:8080"), "http://127.0.0.1:8080/");
        for bad in [
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://me:pw@a.example/",
            "https://a.example/?q=1",
            "https://a.example/#/builders",
            "a.example",
            "",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
        let said = base_url("https://me:pw@a.example/")
            .unwrap_err()
            .to_string();
        assert!(!said.contains("pw"), "{said}");
    }

    #[test]
    fn a_redirect_is_taken_only_over_tls_to_a_name() {
        let to = |from: &str, location: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("location", location.parse().unwrap());
            let answer = Answer {
                status: 302,
                headers: Box::new(headers),
                body: Vec::new(),
            };
            elsewhere(&Url::parse(from).unwrap(), &answer).map(|url| url.to_string())
        };
        let api = "https://api.example.org/jobs/1/logs";
        let store = "https://store.example.net/x?sig=1";
        assert_eq!(to(api, store).as_deref(), Some(store));
        let sibling = "http://127.0.0.1:9/x";
        assert_eq!(to("http://127.0.0.1:8/", sibling).as_deref(), Some(sibling));
        for (from, bad) in [
            (api, "http://store.example.net/x"),
            (api, "https://me:pw@store.example.net/x"),
            (api, "https://127.0.0.1/x"),
            (api, "https://169.254.169.254/latest"),
            (api, "https://[::1]/x"),
            (api, "https://localhost/x"),
            (api, "https://intranet/x"),
            (api, "http://127.0.0.1:9/x"),
            (api, "file:///etc/passwd"),
            ("http://127.0.0.1:8/", "http://127.0.0.2:9/x"),
        ] {
            assert_eq!(to(from, bad), None, "{bad}");
        }
    }

    #[test]
    fn words_become_one_bounded_line() {
        assert_eq!(one_line(" a\r\n\tb\u{1b}[31m c "), "a b [31m c");
        assert_eq!(one_line(&"é".repeat(400)).chars().count(), 303);
    }
}
