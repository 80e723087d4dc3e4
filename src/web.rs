//! The page: what `list`, `show`, `approve` and their neighbours do, in a browser.
//!
//! It works on the same database as everything else, beside the service or without
//! it. A request is looked at in this order, and ends where something is amiss:
//!
//! | file | what |
//! |---|---|
//! | `listen` | a port of this machine, or a Unix socket |
//! | `bounds` | how long a client may take, and how many there may be |
//! | `guard` | the host it was meant for; whether another site sent it; the headers of every answer |
//! | `identity`, `login`, `forwarded`, `damping`, `password` | who sent it, and from where |
//! | `posted` | whether the form was made for them and for this |
//! | `queue`, `draft`, `underway`, `incidents`, `history`, `status` | look: nothing changes |
//! | `filing` | a build that nobody mailed about |
//! | `deciding`, `editing`, `linking`, `bulk`, `mending`, `switching` | decide; `stale` where that came too late |
//!
//! Pages are filled by [`crate::templates::Pages`], which escapes everything.
//! Deliberately absent: a GET that changes anything, text of others as HTML, a file
//! from elsewhere.

mod bounds;
mod bulk;
mod damping;
mod deciding;
mod draft;
mod editing;
mod filing;
mod forwarded;
mod frame;
mod guard;
mod history;
mod identity;
mod incidents;
mod linking;
mod listen;
mod login;
mod mending;
mod password;
mod posted;
mod queue;
mod room;
mod stale;
mod status;
mod switching;
mod underway;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use ring::hmac;
use tokio::sync::Semaphore;

use crate::desk::Office;
use crate::desk::filing::Filing;
use crate::domain::Seconds;
use crate::templates::Pages;
use damping::Damping;

pub use guard::OTHER_HOST;
pub use listen::{Bound, bind};
pub use password::{MIN_PASSWORD_CHARS, hash};

/// The largest form, in bytes: all texts of a draft, edited, fit in.
const LARGEST_FORM: usize = 4 * 1024 * 1024;

/// The largest that somebody may send who is not known yet, in bytes.
const LARGEST_LOGIN: usize = 16 * 1024;

/// So many passwords are looked at together; each takes 19 MiB for a while.
const HASHED_AT_ONCE: usize = 2;

/// How the page is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens.
    pub listen: Listen,
    /// The names it is called by, each as it stands in the Host header.
    pub hosts: Vec<String>,
    /// How browsers reach it.
    pub scheme: Scheme,
    /// The address of the proxy in front; of a Unix socket everybody who can connect
    /// is the proxy.
    pub proxy: Option<IpAddr>,
    /// The header by which the proxy names whom it let in, in lower case.
    pub trusted_header: Option<String>,
}

impl Settings {
    /// Whether it is the proxy who connected from there; `None` is a Unix socket.
    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        peer.is_none_or(|address| self.proxy == Some(address))
    }

    /// The same for the port that the system chose: names with port 0 get it.
    pub fn on_port(self, port: u16) -> Self {
        let named = |host: String| match host.strip_suffix(":0") {
            Some(name) => format!("{name}:{port}"),
            None => host,
        };
        Self {
            hosts: self.hosts.into_iter().map(named).collect(),
            ..self
        }
    }
}

/// Where the page listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A port.
    Tcp(SocketAddr),
    /// A socket that its owner and group can connect to.
    Unix(PathBuf),
}

/// How browsers reach the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// As it listens.
    Http,
    /// By TLS of a proxy in front.
    Https,
}

/// The page with all it needs.
pub struct Site {
    /// Used by one request at a time.
    office: Mutex<Office>,
    settings: Settings,
    pages: Pages,
    /// What forms are signed with.
    key: hmac::Key,
    damping: Mutex<Damping>,
    hashing: Semaphore,
    clock: fn() -> Seconds,
    /// How a build is filed.
    filing: Filing,
    /// Told after each decision, where nobody else looks for them.
    decided: Option<Sender<()>>,
}

impl Site {
    /// A page on an office. `decided` is told after each decision.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub fn new(
        office: Office,
        settings: Settings,
        clock: fn() -> Seconds,
        filing: Filing,
        decided: Option<Sender<()>>,
    ) -> Result<Self> {
        let instance = hmac::Key::new(hmac::HMAC_SHA256, &office.store.instance_key()?);
        let key = hmac::sign(&instance, b"forms of the page");
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            office: Mutex::new(office),
            settings,
            pages: Pages::new()?,
            damping: Mutex::new(Damping::none()),
            hashing: Semaphore::new(HASHED_AT_ONCE),
            clock,
            filing,
            decided,
        })
    }

    /// Works with the office away from the sockets: the store may have to wait for
    /// another process.
    async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Office, Seconds) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let site = Arc::clone(self);
        let work = move || {
            // What panicked with it has rolled back whatever it was about.
            let office = site.office.lock().unwrap_or_else(PoisonError::into_inner);
            work(&office, (site.clock)())
        };
        tokio::task::spawn_blocking(work).await?
    }
}

/// Serves the page until `stop` is there; what is under way then ends first.
///
/// # Errors
///
/// The socket fails.
pub async fn serve(
    bound: Bound,
    site: Arc<Site>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    listen::serve(bound, router(site), stop).await
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(queue::show))
        .route(
            "/login",
            get(login::form)
                .post(login::log_in)
                .layer(DefaultBodyLimit::max(LARGEST_LOGIN)),
        )
        .route("/logout", post(login::log_out))
        .route("/draft/{id}", get(draft::show))
        .route("/draft/{id}/history", get(history::of_one))
        .route("/draft/{id}/edit", get(editing::form).post(editing::edit))
        .route(
            "/draft/{id}/link",
            get(linking::search).post(linking::link_to),
        )
        .route("/draft/{id}/approve", post(deciding::approve))
        .route("/draft/{id}/reject", post(deciding::reject))
        .route("/draft/{id}/hold", post(deciding::hold))
        .route("/draft/{id}/release", post(deciding::release))
        .route("/draft/{id}/retry", post(deciding::retry))
        .route("/delivery/{id}/resolve", post(mending::resolve))
        .route("/file", post(filing::file))
        .route("/underway", get(underway::show))
        .route("/incidents", get(incidents::show))
        .route("/incident/{id}", get(bulk::form).post(bulk::approve))
        .route("/history", get(history::of_all))
        .route("/status", get(status::show))
        .route("/switch/{what}", post(switching::switch))
        .route("/style.css", get(guard::style))
        .route("/keys.js", get(guard::keys))
        .fallback(guard::nowhere)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            guard::guard,
        ))
        .layer(middleware::from_fn(bounds::take_turns))
        .with_state(site)
}
