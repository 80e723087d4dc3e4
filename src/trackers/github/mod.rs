//! GitHub Issues over its REST interface, version 2022-11-28.
//!
//! Pull requests are issues to GitHub; they are left out everywhere. Comments
//! are listed for the whole repository, a page of 100 at a time: asking issue by
//! issue would use up the hourly allowance.

mod api;
mod changes;
mod check;
mod pace;
mod shapes;
mod writing;

use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

use crate::domain::Seconds;
use crate::domain::secret::Secret;
use crate::http;
use crate::trackers::number_after;

use api::Api;
use pace::Pace;
use shapes::Account;

/// How GitHub is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.github.com`, or `https://HOST/api/v3` for an own server.
    pub api: String,
    /// Where people look: `https://github.com`.
    pub web: String,
    /// `owner/name`.
    pub repository: String,
    /// A token that may write issues; without one, everything is only read, 60
    /// requests an hour.
    pub token: Option<Secret>,
    /// Take in nothing that has not changed since then.
    pub mirror_from: Option<Seconds>,
}

/// GitHub Issues.
#[derive(Debug)]
pub struct GitHub {
    api: Api,
    pace: Pace,
    web: String,
    repository: String,
    mirror_from: Seconds,
    /// Whose token it is, once that is known.
    account: Mutex<Option<Account>>,
}

impl GitHub {
    /// Makes ready to talk; asks nothing yet.
    ///
    /// # Errors
    ///
    /// An address that is no `http` or `https` URL, or a repository that is not
    /// `owner/name`.
    pub fn new(settings: Settings, tls: rustls::ClientConfig) -> Result<Self> {
        let web = http::base_url(&settings.web).context("GitHub's address for people")?;
        let is_name = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        let parts: Vec<&str> = settings.repository.split('/').collect();
        ensure!(
            parts.len() == 2 && parts.iter().all(|part| is_name(part)),
            "{:?} is not owner/name",
            settings.repository
        );
        Ok(Self {
            api: Api::new(&settings.api, &settings.repository, settings.token, tls)?,
            pace: Pace::default(),
            web: web.into(),
            repository: settings.repository,
            mirror_from: settings.mirror_from.unwrap_or(0),
            account: Mutex::new(None),
        })
    }

    pub(crate) fn issue_url(&self, number: u64) -> String {
        format!("{}{}/issues/{number}", self.web, self.repository)
    }

    pub(crate) fn name(&self) -> String {
        let host = self.web.split_once("://").map_or("", |(_, rest)| rest);
        format!("{host}{}", self.repository)
    }

    /// GitHub's names do not distinguish capital letters.
    pub(crate) fn number_in_url(&self, link: &str) -> Option<u64> {
        let prefix = format!("{}{}/issues/", self.web, self.repository).to_lowercase();
        number_after(&link.to_lowercase(), &prefix)
    }
}
