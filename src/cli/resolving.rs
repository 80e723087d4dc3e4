//! `resolve`: what became of a delivery, by a person who looked.

use anyhow::Result;
use serde_json::json;

use super::args::{Finding, Resolve};
use super::json as shapes;
use super::refusal::Refusal;
use super::session::Session;
use super::showing::delivery_lines;
use super::who::who;
use crate::config::{Config, Environment, Secrets};
use crate::daemon::{self, Settings};
use crate::domain::delivery::{DeliveryKind, Receipt};
use crate::domain::issue::IssueRef;
use crate::domain::life::DeliveryState;
use crate::domain::untrusted::plain_line;
use crate::store::{DeliveryId, DeliveryRow, Resolution, Store};

/// Records what a person found out.
pub(super) fn resolve(session: &Session, wanted: &Resolve) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let id = DeliveryId(wanted.delivery);
    let who = who(&wanted.who)?;
    let row = store.delivery(id).map_err(|_| {
        Refusal::new(
            format!("there is no delivery {id}"),
            format!("see which there are with: {}", session.line("status")),
        )
    })?;
    if !matches!(row.state, DeliveryState::InDoubt | DeliveryState::Failed) {
        let what = format!(
            "delivery {id} is {}: there is nothing to resolve",
            row.state
        );
        return Err(Refusal::new(what, session.line(&format!("show {}", row.notification))).into());
    }
    let resolution = match &wanted.finding {
        Finding {
            happened: Some(found),
            ..
        } => Resolution::Happened(receipt(&config, &store, &row, found)?),
        Finding {
            try_again: true, ..
        } => Resolution::TryAgain,
        _ => Resolution::GiveUp,
    };
    store.resolve(id, &resolution, who.as_str(), session.now)?;
    super::delivering::settle_demo(session)?;
    let row = store.delivery(id)?;
    session
        .screen
        .document(&json!({ "delivery": shapes::delivery(&row) }));
    delivery_lines(&session.screen, &row, session.now);
    session.next(&[
        (format!("show {}", row.notification), ""),
        ("status".to_owned(), "what else is in doubt"),
    ]);
    Ok(())
}

/// What the delivery is found by, from what the person typed.
fn receipt(config: &Config, store: &Store, row: &DeliveryRow, found: &str) -> Result<Receipt> {
    match row.kind {
        DeliveryKind::Reply => Ok(Receipt::Mail {
            answer: plain_line(found, 300),
        }),
        DeliveryKind::OpenIssue | DeliveryKind::Comment => {
            let tracker = daemon::tracker_of(&Settings {
                config: config.clone(),
                secrets: Secrets::default(),
                environment: Environment::default(),
            })?;
            let number = tracker.parse_issue(found).ok_or_else(|| {
                Refusal::new(
                    format!("{found:?} is no report of {}", tracker.name()),
                    "give the number of the report, or a link to it",
                )
            })?;
            let name = tracker.name();
            let known = store
                .mirror(&name)
                .issue(number)?
                .map(|issue| issue.reference());
            Ok(Receipt::Issue(known.unwrap_or_else(|| IssueRef {
                number,
                url: tracker.issue_url(number),
                title: String::new(),
            })))
        }
    }
}
