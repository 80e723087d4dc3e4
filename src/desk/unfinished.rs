//! Mails that no draft came of yet.

use anyhow::Result;

use super::words::count;
use crate::domain::life::Stage;
use crate::store::{ListFilter, Store};

/// Mails that the program has not come to the end with.
pub(crate) struct Unfinished {
    pub(crate) count: usize,
    stages: Vec<String>,
    /// Why the oldest does not go on.
    pub(crate) why: Option<String>,
}

/// Open rows are looked at up to this many.
const LOOKED_AT: usize = 1000;

/// What is still worked on, if anything is.
pub(crate) fn unfinished(store: &Store) -> Result<Option<Unfinished>> {
    let mut found = Unfinished {
        count: 0,
        stages: Vec::new(),
        why: None,
    };
    for id in store.list(ListFilter::Open, LOOKED_AT)? {
        // One that cannot be read is told by the lists.
        let Ok(row) = store.load(id) else { continue };
        let is_before_a_draft =
            matches!(row.stage, Stage::Received | Stage::Parsed | Stage::Matched);
        if !is_before_a_draft || row.held.is_some() {
            continue;
        }
        found.count += 1;
        let stage = row.stage.to_string();
        if !found.stages.contains(&stage) {
            found.stages.push(stage);
        }
        if found.why.is_none() {
            found.why = row.waiting.map(|it| it.why);
        }
    }
    Ok((found.count > 0).then_some(found))
}

impl Unfinished {
    /// How many, and what the oldest waits for.
    pub(crate) fn words(&self) -> String {
        let are = if self.count == 1 { "is" } else { "are" };
        let words = format!(
            "{} {are} still being worked on ({})",
            count(self.count, "more mail"),
            self.stages.join(", ")
        );
        match &self.why {
            Some(why) => format!("{words}; the oldest waits: {why}"),
            None => format!("{words}."),
        }
    }
}
