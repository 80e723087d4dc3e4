//! Why a request to a tracker gave nothing, and the pauses trackers ask for.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::domain::delivery::Outcome;
use crate::http::{self, Answer, Broken};
use crate::trackers::Wait;

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Not asked, or not served: the tracker wants to be left alone.
    #[error(transparent)]
    Wait(#[from] Wait),
    /// No answer.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// An answer other than 2xx.
    #[error("{}", .0.words)]
    Refused(Refusal),
}

/// What an answer other than 2xx says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// 300 to 599.
    pub(super) status: u16,
    /// The status and the server's words, one line.
    pub(super) words: String,
    /// `Retry-After`, in seconds.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    /// `words` are what the adapter read in the answer's body.
    pub(super) fn new(answer: &Answer, words: String) -> Self {
        Self {
            status: answer.status,
            words,
            retry_after: answer.retry_after(),
        }
    }
}

impl Trouble {
    /// For reading verbs: a [`Wait`] stays one that can be found.
    pub(super) fn into_error(self) -> anyhow::Error {
        match self {
            Trouble::Wait(wait) => wait.into(),
            other => {
                let remedy = other.remedy();
                other.into_error_with(remedy)
            }
        }
    }

    /// The same with a remedy of the adapter's own.
    pub(super) fn into_error_with(self, remedy: &str) -> anyhow::Error {
        match self {
            Trouble::Wait(wait) => wait.into(),
            other => {
                let words = other.to_string();
                anyhow::Error::msg(format!("{}. {remedy}", words.trim_end_matches('.')))
            }
        }
    }

    /// What a person can do about it, one sentence.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Trouble::Wait(wait) if wait.why.starts_with("401") => http::remedy_for(401),
            Trouble::Wait(_) => http::remedy_for(429),
            Trouble::Broken(broken) => broken.remedy(),
            Trouble::Refused(answer) => http::remedy_for(answer.status),
        }
    }

    /// What it means for a request that has no effect that counts.
    pub(super) fn before_effect(self) -> Outcome {
        match self {
            Trouble::Wait(wait) => Outcome::Later {
                why: wait.why,
                after_seconds: Some(wait.seconds),
            },
            Trouble::Broken(broken) => Outcome::Later {
                why: broken.to_string(),
                after_seconds: None,
            },
            Trouble::Refused(refusal) if refusal.status >= 500 => Outcome::Later {
                why: refusal.words,
                after_seconds: refusal.retry_after,
            },
            Trouble::Refused(refusal) => Outcome::Refused {
                why: refusal.with_remedy(),
            },
        }
    }
}

impl Refusal {
    /// The server's words, and for a right that is missing what to do about it.
    pub(super) fn with_remedy(&self) -> String {
        match self.status {
            403 => format!(
                "{}. {}",
                self.words.trim_end_matches('.'),
                http::remedy_for(403)
            ),
            _ => self.words.clone(),
        }
    }
}

/// An answer that nobody can read is as good as none.
pub(super) fn readable<T: DeserializeOwned>(answer: &Answer) -> Result<T, Trouble> {
    answer
        .json()
        .map_err(|error| Broken::Unclear(error.to_string()).into())
}

/// Until when a tracker is left alone. It lasts as long as the process.
#[derive(Debug)]
pub(super) struct Quiet(Mutex<Option<(Instant, String)>>);

impl Quiet {
    /// It may be asked.
    pub(super) const fn none() -> Self {
        Self(Mutex::new(None))
    }

    /// Leaves it alone from now on for so long.
    pub(super) fn keep(&self, why: &str, length: Duration) {
        if let Ok(mut quiet) = self.0.lock() {
            *quiet = Some((Instant::now() + length, why.to_owned()));
        }
    }

    /// Whether it may be asked now.
    pub(super) fn may_ask(&self) -> Result<(), Wait> {
        let Ok(quiet) = self.0.lock() else {
            return Ok(());
        };
        match &*quiet {
            Some((until, why)) if *until > Instant::now() => Err(Wait {
                why: why.clone(),
                seconds: until.saturating_duration_since(Instant::now()).as_secs() + 1,
            }),
            _ => Ok(()),
        }
    }
}
