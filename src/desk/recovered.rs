//! What a draft that waits says of builders that pass again.

use anyhow::Result;

use super::words::when;
use crate::domain::Seconds;
use crate::domain::life::Stage;
use crate::store::{NotificationRow, Recoveries, Recovery, Store};

/// Which builders of a draft that waits for a decision pass again; none of any other.
pub(crate) fn recoveries(store: &Store, row: &NotificationRow) -> Result<Recoveries> {
    match row.stage {
        Stage::Drafted => store.recoveries(row.id),
        _ => Ok(Recoveries::default()),
    }
}

/// A sentence a builder: `AMD64 Fedora 3.x has recovered: build 12 passed 2h ago (...)`.
pub(crate) fn sentences(recoveries: &Recoveries, now: Seconds) -> Vec<String> {
    let one = |it: &Recovery| {
        let build = match it.build.as_str() {
            "" => "a build".to_owned(),
            build => format!("build {build}"),
        };
        format!(
            "{} has recovered: {build} passed {}",
            it.builder,
            when(it.at, now)
        )
    };
    recoveries.recovered.iter().map(one).collect()
}

/// The same in a few words: `recovered`, `2 of 3 builders recovered`.
pub(crate) fn in_short(recoveries: &Recoveries) -> Option<String> {
    let recovered = recoveries.recovered.len();
    match (recovered, recoveries.failing) {
        (0, _) => None,
        (_, 0) => Some("recovered".to_owned()),
        (_, failing) => Some(format!(
            "{recovered} of {} builders recovered",
            recovered + failing
        )),
    }
}
