//! The page beside the two loops, in a thread of its own: it answers while the
//! worker thinks, and whatever becomes of it the loops go on.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Settings;
use super::build::{database, office_of};
use super::filing::filing_of;
use crate::config::{Config, Listen, Secrets, Web};
use crate::desk::filing::Filing;
use crate::store::Store;
use crate::web::{self, Bound, Scheme, Site};
use crate::worker::wall_clock;

/// When it cannot be served, it is tried again after so long.
const AGAIN: Duration = Duration::from_secs(30);

/// What is being answered may take so long at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// For what waits for the database, hashes or files a build: the unit gives the whole
/// service 64 tasks (`TasksMax=`), and whatever is more waits for its turn.
const THREADS: usize = 16;

/// A page that is served until the value is gone.
#[derive(Debug)]
pub(super) struct Page {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Begins to serve it, if one is configured.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn start(settings: &Settings) -> Result<Option<Self>> {
        let config = settings.config.clone();
        let Some(page) = config.web.clone() else {
            return Ok(None);
        };
        let (stop, stopped) = watch::channel(false);
        let filing = filing_of(&config, settings.secrets.clone());
        let runtime = runtime()?;
        let thread = std::thread::Builder::new()
            .name("page".to_owned())
            .spawn(move || {
                runtime.block_on(again_and_again((&config, &filing), &page, stopped));
                runtime.shutdown_background();
            })
            .context("starting the page's thread")?;
        Ok(Some(Self {
            stop,
            thread: Some(thread),
        }))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves the page, also after it could not be for a while.
async fn again_and_again(
    (config, filing): (&Config, &Filing),
    page: &Web,
    mut stopped: watch::Receiver<bool>,
) {
    let mut told = String::new();
    loop {
        match once((config, filing), page, stopped.clone()).await {
            Ok(()) => return,
            Err(error) => {
                let why = format!("{error:#}");
                if told != why {
                    tracing::error!(why, "the page is not served; it is tried again");
                }
                told = why;
            }
        }
        if timeout(AGAIN, asked(&mut stopped)).await.is_ok() {
            return;
        }
    }
}

async fn once(
    (config, filing): (&Config, &Filing),
    page: &Web,
    mut stopped: watch::Receiver<bool>,
) -> Result<()> {
    let settings = settings_of(page);
    let bound = web::bind(&settings.listen).await?;
    let store = Store::open(&database(config))?;
    let office = office_of(config, store)?;
    let site = Arc::new(Site::new(
        office,
        settings,
        wall_clock,
        Arc::clone(filing),
        None,
    )?);
    tracing::info!("the page is served");
    let mut ending = stopped.clone();
    let stop = async move { asked(&mut ending).await };
    let ended = async move {
        asked(&mut stopped).await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        served = web::serve(bound, site, stop) => served,
        // Somebody keeps a connection busy.
        () = ended => Ok(()),
    }
}

async fn asked(stopped: &mut watch::Receiver<bool>) {
    // Nobody can ask any more: that counts as asked.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(THREADS)
        .build()
        .context("starting the runtime")
}

/// Serves the page alone, until SIGTERM or SIGINT. `ready` is told the port;
/// `decided` is told after each decision.
///
/// # Errors
///
/// It cannot listen, or the store fails.
pub fn serve_page(
    config: &Config,
    settings: web::Settings,
    store: Store,
    decided: Option<Sender<()>>,
    ready: impl FnOnce(&Bound),
) -> Result<()> {
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let mut signals = super::signals::Signals::listen()?;
        let bound = web::bind(&settings.listen).await?;
        let settings = match bound.address() {
            Some(address) => settings.on_port(address.port()),
            None => settings,
        };
        let office = office_of(config, store)?;
        // It has no secrets: what needs none can be filed.
        let filing = filing_of(config, Secrets::default());
        let site = Site::new(office, settings, wall_clock, filing, decided)?;
        let site = Arc::new(site);
        ready(&bound);
        let (stop, mut stopped) = watch::channel(false);
        let served = web::serve(bound, site, async move { asked(&mut stopped).await });
        let mut served = std::pin::pin!(served);
        loop {
            tokio::select! {
                ended = &mut served => return ended,
                signal = signals.next() => if signal == super::signals::Signal::Terminate {
                    break;
                },
            }
        }
        let _ = stop.send(true);
        // Who is still busy after that is broken off.
        timeout(LAST_ANSWERS, served).await.unwrap_or(Ok(()))
    });
    runtime.shutdown_background();
    served
}

/// The page's settings, from the configuration.
pub fn settings_of(page: &Web) -> web::Settings {
    web::Settings {
        listen: match &page.listen {
            Listen::Tcp(address) => web::Listen::Tcp(*address),
            Listen::Unix(path) => web::Listen::Unix(path.clone()),
        },
        hosts: page.hosts.clone(),
        scheme: if page.https {
            Scheme::Https
        } else {
            Scheme::Http
        },
        proxy: page.proxy,
        trusted_header: page.trusted_header.clone(),
    }
}
