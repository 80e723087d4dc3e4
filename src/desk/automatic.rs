//! Automatic rules in a few words: how each stands, and what it says of a draft.

use anyhow::Result;

use super::facts::Surroundings;
use super::words::date;
use crate::domain::Seconds;
use crate::domain::life::Stage;
use crate::domain::policy::auto::{AutoRule, Mode};
use crate::store::{AutoRow, AutoState, NotificationRow, Store};
use crate::worker::{around_now, opinions};

/// How one rule stands, as the service last looked at it.
pub(crate) struct Stand {
    pub(crate) name: String,
    /// Whether it acts.
    pub(crate) acts: bool,
    /// Whether somebody meant it to act.
    pub(crate) is_meant: bool,
    /// Whether it went back to shadow until a person lets it go on.
    pub(crate) is_suspended: bool,
    /// Why, in words.
    pub(crate) why: String,
}

impl Stand {
    /// Of one rule.
    pub(crate) fn of(store: &Store, rule: &AutoRule) -> Result<Self> {
        let digest = rule.digest();
        let is_it = |row: &AutoRow| rule.mode == Mode::On && row.digest == digest;
        let row = store.auto_rule(&rule.name)?.filter(is_it);
        let state = row.as_ref().map(|it| it.state);
        let why = match (rule.mode, row) {
            (Mode::Shadow, _) => "it only tells what it would do, as configured".to_owned(),
            (Mode::On, None) => "the service has not looked at it yet".to_owned(),
            (Mode::On, Some(row)) if row.state == AutoState::Suspended => format!(
                "it went back there on {}: {}; `rules resume {}` lets it go on",
                date(row.since),
                row.why,
                rule.name
            ),
            (Mode::On, Some(row)) => row.why,
        };
        Ok(Self {
            name: rule.name.clone(),
            acts: state == Some(AutoState::On),
            is_meant: rule.mode == Mode::On,
            is_suspended: state == Some(AutoState::Suspended),
            why,
        })
    }

    /// `on`, or `in shadow`.
    pub(crate) fn word(&self) -> &'static str {
        if self.acts { "on" } else { "in shadow" }
    }

    /// All of it: `known is in shadow: 3 of 4 right`.
    pub(crate) fn in_words(&self) -> String {
        format!("{} is {}: {}", self.name, self.word(), self.why)
    }
}

/// How all of them stand.
pub(crate) fn stands(store: &Store, rules: &[AutoRule]) -> Result<Vec<Stand>> {
    rules.iter().map(|rule| Stand::of(store, rule)).collect()
}

/// What one rule says of a draft.
pub(crate) struct Word {
    pub(crate) rule: String,
    /// Whether it acts.
    pub(crate) acts: bool,
    /// Why it would not approve the draft; `None` if it would.
    pub(crate) unmet: Option<String>,
}

impl Word {
    /// For a person: `the rule known (in shadow) would approve this`.
    pub(crate) fn in_words(&self) -> String {
        let how = if self.acts { "on" } else { "in shadow" };
        match &self.unmet {
            None => format!("the rule {} ({how}) would approve this", self.rule),
            Some(why) => format!("the rule {} ({how}) would not: {why}", self.rule),
        }
    }
}

/// What the rules say of a draft that waits for a decision; nothing of any other
/// notification.
pub(crate) fn words(
    store: &Store,
    around: &Surroundings,
    row: &NotificationRow,
    now: Seconds,
) -> Result<Vec<Word>> {
    if around.auto.is_empty() || row.stage != Stage::Drafted {
        return Ok(Vec::new());
    }
    let tracker = &around.tracker;
    let past = store.past(tracker)?;
    let standing = around_now(store, tracker, &around.limits, around.sync_interval, now)?;
    let opinions = opinions(store, tracker, &past, &around.auto, row, (&standing, now))?;
    let mut words = Vec::new();
    for opinion in opinions {
        words.push(Word {
            rule: opinion.rule.name.clone(),
            acts: Stand::of(store, opinion.rule)?.acts,
            unmet: opinion.would.err(),
        });
    }
    Ok(words)
}
