//! `serve`: the page alone, with or without a service beside it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::args::Serve;
use super::delivering::{settle_demo, stays_here};
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use crate::config::Config;
use crate::daemon;
use crate::desk::facts::is_service_running;
use crate::web::{Bound, Listen, Scheme, Settings};

/// Where the page is unless somebody says otherwise.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8025);

/// What is decided within so long is carried out together.
const TOGETHER: Duration = Duration::from_millis(200);

/// Serves the page until Ctrl-C.
pub(super) fn serve(session: &Session, wanted: &Serve) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let settings = settings(&config, wanted)?;
    if settings.trusted_header.is_none() && store.users(session.now)?.is_empty() {
        let words = format!(
            "Nobody can log in yet; add somebody with: {}",
            session.line("user add NAME")
        );
        session
            .screen
            .say(session.screen.paint(Tone::Warning, &words));
    }
    let is_demo = session.folder().is_some()
        && stays_here(&config)
        && is_service_running(&config.store.state_dir) == Some(false);
    let (decided, decisions) = channel();
    let decided = is_demo.then_some(decided);
    let place = settings.listen.clone();
    std::thread::scope(|scope| {
        // It ends with the page, which has the other end.
        scope.spawn(|| carry_out(session, decisions));
        daemon::serve_page(&config, settings, store, decided, |bound| {
            tell(session, bound, &place);
        })
    })
}

fn settings(config: &Config, wanted: &Serve) -> Result<Settings> {
    let configured = config.web.as_ref().map(daemon::settings_of);
    let port = match (wanted.listen, configured) {
        (None, Some(settings)) => return Ok(settings),
        (None, None) => USUAL,
        (Some(address), _) if address.ip().is_loopback() => address,
        (Some(address), _) => {
            let what = format!("{address} can be reached by others than this machine");
            let remedy = "configure that in [web], or use 127.0.0.1";
            return Err(Refusal::new(what, remedy).into());
        }
    };
    Ok(Settings {
        listen: Listen::Tcp(port),
        hosts: vec![port.to_string(), format!("localhost:{}", port.port())],
        scheme: Scheme::Http,
        proxy: None,
        trusted_header: None,
    })
}

fn tell(session: &Session, bound: &Bound, place: &Listen) {
    let place = match (bound.address(), place) {
        (Some(address), _) => format!("http://{address}/"),
        (None, Listen::Unix(path)) => path.display().to_string(),
        (None, Listen::Tcp(address)) => address.to_string(),
    };
    session.screen.document(&json!({ "page": place }));
    session
        .screen
        .say(format!("The page is at {place} (Ctrl-C ends it)"));
}

/// In a demo's folder nobody else works: does what is due after each decision.
fn carry_out(session: &Session, decisions: Receiver<()>) {
    while decisions.recv().is_ok() {
        std::thread::sleep(TOGETHER);
        while decisions.try_recv().is_ok() {}
        if let Err(error) = settle_demo(session) {
            super::complain(&error);
        }
    }
}
