//! Waiting drafts are noticed: people are told on their channels, old drafts end, and
//! a builder that passes again is seen.

mod bursts;
mod closing;
mod irc;
mod irc_stand_in;
mod receiver;
mod sasl;
mod telling;

use buildbot_watch::store::Store;

use crate::mailflow::desk::{Desk, Notice};
use crate::service::{Service, Setup};

/// A failure whose mail tells all of it, other than [`crate::mailflow::desk::STRING`].
const ENVIRONMENT: &str = "bb43-env-changed.eml";

/// The builder in that.
const ENVIRONMENT_BUILDER: &str = "AMD64 Arch Linux Asan Debug 3.x";

const BUILDER: &str = "AMD64 Debian root 3.x";

/// A desk on which a service can be run.
fn desk(sections: &str) -> (Desk, Setup) {
    let desk = Desk::with_sections(&format!("[log]\nformat = \"text\"\n{sections}"));
    let nobody = String::new;
    let setup = Setup {
        config: desk.path("config.toml"),
        folder: tempfile::tempdir().unwrap(),
        list: nobody(),
        watcher: nobody(),
        reader: nobody(),
        tracker: nobody(),
    };
    (desk, setup)
}

/// A secret's file beside the configuration.
fn secret(desk: &Desk, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = desk.path(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Starts the service, and waits until it takes mails.
async fn start(setup: &Setup) -> Service {
    let said = |service: &Service| service.log().matches(" ready").count();
    let mut service = Service::start(setup);
    let before = said(&service);
    crate::world::eventually(crate::service::PATIENCE, || {
        assert!(service.is_running(), "it ended: {}", service.log());
        let is_up = match before {
            0 => service.log().contains("first start"),
            _ => said(&service) > before,
        };
        is_up.then_some(())
    })
    .await;
    service
}

/// Ends it without any chance to do something, and waits until it is gone.
async fn kill(mut service: Service) {
    service.signal("KILL");
    service.ended().await;
}

fn failure(fixture: &str, builder: &str, id: &str) -> String {
    Notice {
        fixture,
        builder,
        id,
    }
    .mail()
}

/// How many drafts wait.
fn waiting(store: &Store) -> usize {
    store.waiting_drafts().unwrap().len()
}

/// Long enough for something to happen that must not.
async fn a_while() {
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
}
