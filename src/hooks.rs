//! Webhooks: a message is posted to an address that people gave us.
//!
//! What an answer means:
//!
//! | answer | outcome |
//! |---|---|
//! | 2xx | told |
//! | 3xx | not told: a redirect is never followed, for the address is the secret |
//! | 429 | not told; not before `Retry-After` |
//! | other 4xx, 5xx | not told |
//! | none, before anything was sent | not told |
//! | none, after it was sent | unclear: it is not sent again |

mod check;
mod shapes;

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Method, Url};
use ring::hmac;

pub use check::{check, send_test};

use crate::domain::Seconds;
use crate::domain::alert::{Message, Shape};
use crate::domain::draft::hex;
use crate::domain::secret::Secret;
use crate::http::{Answer, Broken, Http};

/// The header with the signature of the `json` shape.
pub const SIGNATURE_HEADER: &str = "x-buildbot-watch-signature";

/// The most that is read of an answer: only its beginning is ever told.
const ANSWER_CAP: usize = 64 << 10;

/// A receiver that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// No server is believed that wants to be left alone for longer, in seconds.
const LONGEST_PAUSE: f64 = 86_400.0;

/// A webhook as it is configured.
#[derive(Clone)]
pub struct Hook {
    url: Url,
    shape: Shape,
    secret: Option<Secret>,
    http: Http,
}

impl fmt::Debug for Hook {
    /// Without the address, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It was taken. Nothing more should be sent for so long.
    Taken(Option<Duration>),
    /// It provably was not, and should not be sent again before so long.
    Refused {
        /// Why, one line, without the address.
        why: String,
        /// What a person can do, one sentence.
        remedy: &'static str,
        /// How long the server wants to be left alone.
        pause: Option<Duration>,
    },
    /// It was sent and nobody knows what became of it.
    Unclear(String),
}

impl Hook {
    /// A webhook at an address; `secret` signs what is sent in the `json` shape.
    ///
    /// # Errors
    ///
    /// It is no address, or would be asked without TLS beyond this machine. The
    /// address is not repeated.
    pub fn new(
        address: &Secret,
        shape: Shape,
        secret: Option<Secret>,
        tls: rustls::ClientConfig,
    ) -> Result<Self> {
        let url = Url::parse(address.expose()).ok().filter(is_allowed);
        let url = url.context(
            "it is not an address that begins with https:// (http:// is for this machine alone)",
        )?;
        let http = Http::new(&url, tls)?;
        Ok(Self {
            url,
            shape,
            secret,
            http,
        })
    }

    /// `chat.example.org`: where it goes, without what is secret.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Posts a message once. `id` tells it from others, also for the receiver.
    pub async fn post(&self, message: &Message, id: &str, now: Seconds) -> Posted {
        let body = shapes::body(self.shape, message, id, now).to_string();
        let mut request = self
            .http
            .request(Method::POST, self.url.clone())
            .timeout(PATIENCE)
            .header("content-type", "application/json");
        if let (Shape::Json, Some(secret)) = (self.shape, &self.secret) {
            request = request.header(SIGNATURE_HEADER, signature(secret, body.as_bytes()));
        }
        let answer = self.http.send(request.body(body), ANSWER_CAP).await;
        judged(answer)
    }
}

/// `sha256=` and the HMAC-SHA256 of the body, in hex.
pub fn signature(secret: &Secret, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    format!("sha256={}", hex(hmac::sign(&key, body).as_ref()))
}

/// TLS, or this very machine.
fn is_allowed(url: &Url) -> bool {
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_here,
        _ => false,
    }
}

fn judged(answer: Result<Answer, Broken>) -> Posted {
    let answer = match answer {
        Ok(answer) => answer,
        // It answered, only at length.
        Err(Broken::TooLong(status)) if (200..300).contains(&status) => {
            return Posted::Taken(None);
        }
        Err(Broken::TooLong(status)) => return refused(status, format!("{status}"), None),
        Err(broken) if broken.is_unsent() => {
            return Posted::Refused {
                why: broken.to_string(),
                remedy: broken.remedy(),
                pause: None,
            };
        }
        Err(broken) => return Posted::Unclear(broken.to_string()),
    };
    if answer.is_success() {
        // Discord tells beforehand that the next one would be too many.
        let is_used_up = answer.header("x-ratelimit-remaining") == Some("0");
        let reset = seconds(&answer, "x-ratelimit-reset-after");
        return Posted::Taken(reset.filter(|_| is_used_up));
    }
    let pause =
        seconds(&answer, "retry-after").or_else(|| seconds(&answer, "x-ratelimit-reset-after"));
    refused(answer.status, answer.words(), pause)
}

fn refused(status: u16, why: String, pause: Option<Duration>) -> Posted {
    Posted::Refused {
        why,
        remedy: crate::http::remedy_for(status),
        pause,
    }
}

/// A header that counts seconds, perhaps with a fraction.
fn seconds(answer: &Answer, name: &str) -> Option<Duration> {
    let text = answer.header(name)?.trim();
    let seconds: f64 = text.parse().ok().filter(|it: &f64| *it >= 0.0)?;
    Some(Duration::from_secs_f64(seconds.min(LONGEST_PAUSE)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        Answer {
            status,
            headers: Box::new(all),
            body: b"words".to_vec(),
        }
    }

    fn pause(posted: Posted) -> Option<f64> {
        match posted {
            Posted::Taken(pause) | Posted::Refused { pause, .. } => {
                pause.map(|it| it.as_secs_f64())
            }
            Posted::Unclear(_) => None,
        }
    }

    #[test]
    fn a_server_that_wants_to_be_left_alone_is() {
        let used_up = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset-after", "1.5"),
        ];
        assert_eq!(pause(judged(Ok(answer(204, &used_up)))), Some(1.5));
        let left = [
            ("x-ratelimit-remaining", "3"),
            ("x-ratelimit-reset-after", "1.5"),
        ];
        assert_eq!(judged(Ok(answer(204, &left))), Posted::Taken(None));
        let wait = [("retry-after", "65"), ("x-ratelimit-reset-after", "64.57")];
        assert_eq!(pause(judged(Ok(answer(429, &wait)))), Some(65.0));
        for (nonsense, expect) in [("-1", None), ("NaN", None), ("1e30", Some(LONGEST_PAUSE))] {
            let found = pause(judged(Ok(answer(429, &[("retry-after", nonsense)]))));
            assert_eq!(found, expect, "{nonsense}");
        }
    }

    #[test]
    fn only_what_provably_did_not_arrive_is_refused() {
        for status in [301, 400, 404, 429, 500, 503] {
            let posted = judged(Ok(answer(status, &[])));
            assert!(matches!(posted, Posted::Refused { .. }), "{posted:?}");
        }
        let unsent = judged(Err(Broken::NotSent("no".into())));
        assert!(matches!(unsent, Posted::Refused { .. }), "{unsent:?}");
        let lost = judged(Err(Broken::Unclear("lost".into())));
        assert_eq!(lost, Posted::Unclear("lost".into()));
        assert_eq!(judged(Err(Broken::TooLong(200))), Posted::Taken(None));
    }

    #[test]
    fn a_signature_is_that_of_the_rfc() {
        // RFC 4231, test case 2.
        let secret = Secret::new("Jefe".into());
        assert_eq!(
            signature(&secret, b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn only_tls_leaves_the_machine() {
        let tls = || std::sync::Arc::unwrap_or_clone(crate::tls::client_config(None).unwrap());
        let hook = |url: &str| Hook::new(&Secret::new(url.into()), Shape::Json, None, tls());
        for good in ["https://a.example/x?api_key=1", "http://127.0.0.1:8/x"] {
            let hook = hook(good).unwrap();
            assert!(!format!("{hook:?}").contains("/x"), "{hook:?}");
        }
        for bad in ["http://a.example/x", "ftp://a.example/", "secret words"] {
            let said = format!("{:#}", hook(bad).unwrap_err());
            assert!(!said.contains(bad), "{said}");
        }
    }
}
