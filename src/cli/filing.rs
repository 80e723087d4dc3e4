//! `file`: the draft for a build that nobody mailed about.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::args::File;
use super::delivering::settle_demo;
use super::json as shapes;
use super::refusal::Refusal;
use super::session::Session;
use super::summary;
use super::who::who;
use super::words::cut;
use crate::config::{Environment, Secrets};
use crate::daemon::{self, Settings};
use crate::desk::facts::is_service_running;
use crate::desk::filing::{NotFiled, Taken};
use crate::domain::life::Stage;
use crate::domain::untrusted::terminal;
use crate::store::{NotificationId, NotificationRow, Store};

/// How long a service is given to draft it, before this only tells that it will.
const FOR_THE_SERVICE: Duration = Duration::from_secs(10);

/// Reads the build, takes it in, and says what came of it.
pub(super) fn file(session: &Session, wanted: &File) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let who = who(&wanted.who)?;
    let settings = Settings::load(&session.existing_config_file()?).unwrap_or_else(|_| Settings {
        // systemd's credentials are the service's: without them public logs are read.
        config: config.clone(),
        secrets: Secrets::default(),
        environment: Environment::of_process(),
    });
    let taken = daemon::file_build(&settings, &wanted.address, who.as_str()).map_err(told)?;
    let (id, is_new) = match taken {
        Taken::New(id) => (id, true),
        Taken::Known(id) | Taken::Conflict(id) => (id, false),
    };
    if is_new {
        settle_demo(session)?;
    }
    let row = match is_service_running(&config.store.state_dir) {
        Some(true) if is_new => drafted_by_the_service(&store, id)?,
        _ => store.load(id)?,
    };
    let mut document = shapes::notification(&row, session.now);
    if let Value::Object(fields) = &mut document {
        fields.insert("new".to_owned(), json!(is_new));
    }
    session.screen.document(&document);
    tell(session, &row, is_new);
    Ok(())
}

fn told(why: NotFiled) -> anyhow::Error {
    match why {
        NotFiled::Trouble(error) => error,
        why => Refusal::new(format!("nothing was filed: {why}"), why.remedy()).into(),
    }
}

fn drafted_by_the_service(store: &Store, id: NotificationId) -> Result<NotificationRow> {
    let begun = Instant::now();
    loop {
        let row = store.load(id)?;
        let is_under_way = matches!(row.stage, Stage::Received | Stage::Parsed | Stage::Matched);
        if !is_under_way || row.waiting.is_some() || begun.elapsed() > FOR_THE_SERVICE {
            return Ok(row);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn tell(session: &Session, row: &NotificationRow, is_new: bool) {
    let screen = &session.screen;
    let key = summary::key(row);
    let what = cut(
        &summary::what_failed(row),
        screen.width().saturating_sub(24),
    );
    match is_new {
        true => screen.say(format!("Filed as {key}: {what}")),
        false => screen.say(format!("That build is notification {key} already: {what}")),
    }
    screen.say(format!("  {}", terminal(&summary::standing(row))));
    let show = (
        format!("show {}", row.id),
        "what failed, and what would leave",
    );
    let list = ("list".to_owned(), "all drafts that wait for you");
    session.next(&[show, list]);
}
