//! Roundup over its REST interface, as version 2.6 behaves.
//!
//! What its documentation does not say, and a real server taught:
//!
//! - Everything but GET needs both `X-Requested-With` and an `Origin` that is the
//!   tracker's own.
//! - A message without `author` can be made, but never be added to an issue.
//! - `author` can be set to anybody by anybody; only `creator` says whose it is.
//! - After 4 wrong passwords even the right one is refused for minutes.
//! - An unknown `@parameter` is ignored in silence; an unknown field is a 400.
//! - There is no full-text search in REST; the web page's CSV export has one.

mod api;
mod changes;
mod check;
mod messages;
mod shapes;
mod writing;

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::secret::Secret;
use crate::trackers::number_after;

use api::Api;

/// How a Roundup tracker is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tracker's own page: `https://bugs.example.org/`.
    pub base: String,
    /// The account; without one, everything is only read. (Stock trackers let
    /// nobody read over REST without one.)
    pub login: Option<Login>,
    /// The names of the statuses that mean "done": `closed`, `resolved`.
    pub closed_statuses: Vec<String>,
    /// Take in nothing that has not changed since then.
    pub mirror_from: Option<Seconds>,
}

/// An account of the tracker.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// A Roundup tracker.
#[derive(Debug)]
pub struct Roundup {
    api: Api,
    closed_statuses: Vec<String>,
    mirror_from: Seconds,
}

impl Roundup {
    /// Makes ready to talk; asks nothing yet.
    ///
    /// # Errors
    ///
    /// An address that is no `http` or `https` URL.
    pub fn new(settings: Settings, tls: rustls::ClientConfig) -> Result<Self> {
        Ok(Self {
            api: Api::new(&settings.base, settings.login, tls)?,
            closed_statuses: settings
                .closed_statuses
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
            mirror_from: settings.mirror_from.unwrap_or(0),
        })
    }

    pub(crate) fn issue_url(&self, number: u64) -> String {
        format!("{}issue{number}", self.api.base())
    }

    pub(crate) fn name(&self) -> String {
        let base = self.api.base().as_str();
        let name = base.split_once("://").map_or(base, |(_, rest)| rest);
        name.trim_end_matches('/').to_owned()
    }

    pub(crate) fn number_in_url(&self, link: &str) -> Option<u64> {
        number_after(link, &format!("{}issue", self.api.base()))
    }

    /// A status without a name is none, and an issue without status is open.
    fn is_closed(&self, status: Option<&str>) -> bool {
        status.is_some_and(|name| self.closed_statuses.contains(&name.to_lowercase()))
    }
}
