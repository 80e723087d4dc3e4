//! `resolve`: what became of a delivery, by a person who looked.

use anyhow::Result;
use serde_json::json;

use super::args::{Finding, Resolve};
use super::at_hand::AtHand;
use super::json as shapes;
use super::refusal::Refusal;
use super::session::Session;
use super::showing::delivery_lines;
use super::who::who;
use crate::desk::resolving::receipt;
use crate::domain::life::DeliveryState;
use crate::store::{DeliveryId, Resolution};

/// Records what a person found out.
pub(super) fn resolve(session: &Session, wanted: &Resolve) -> Result<()> {
    let at_hand = AtHand::of(session)?;
    let store = &at_hand.store;
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
        } => {
            let tracker = at_hand.tracker()?;
            let receipt = receipt(&at_hand.desk(&tracker), &row, found)?.ok_or_else(|| {
                Refusal::new(
                    format!("{found:?} is not a report of {}", tracker.name()),
                    "give the number of the report, or a link to it",
                )
            })?;
            Resolution::Happened(receipt)
        }
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
