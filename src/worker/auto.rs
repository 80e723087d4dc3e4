//! Automatic rules: after a draft is made they are asked, and what one approves
//! leaves as if a person had (I6). Which may act is looked at anew whenever people
//! decided something.

mod case;
mod replay;

use std::collections::BTreeMap;

use anyhow::Result;

use super::drafting::{redraft, redraft_by_rule};
use super::incidents::Occasion;
use super::{Memory, Parts};
use crate::domain::Seconds;
use crate::domain::policy::auto::{AutoRule, Figures, Mode, Standing, names_rule, standing};
use crate::store::{
    AutoRow, AutoState, DecisionId, NewDecision, NotDecided, NotificationId, NotificationRow,
    PROGRAM,
};

pub use case::{Opinion, around_now, opinions};
pub use replay::Replay;

/// How many drafts rules are asked about in one pass.
const ASKED_A_PASS: usize = 50;

/// A draft that no rule took is looked at again after so many seconds, because what
/// kept them from it may be over.
const ASK_AGAIN: Seconds = 30;

/// What is remembered of rules from pass to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoMemory {
    /// How right they would have been.
    replay: Replay,
    /// Whether how they stand was looked at.
    is_reviewed: bool,
    /// The drafts that none took, with the revision, and when that was.
    asked: BTreeMap<NotificationId, (u32, Seconds)>,
}

impl AutoMemory {
    /// Nothing was looked at yet.
    pub const fn fresh() -> Self {
        Self {
            replay: Replay::fresh(),
            is_reviewed: false,
            asked: BTreeMap::new(),
        }
    }
}

/// Lets the rules that are on decide on the drafts that wait; says on how many they
/// did. Nothing is decided before every mail in the mailbox was read: one may be a
/// person's answer.
pub(super) fn decide(parts: &Parts, memory: &mut Memory) -> Result<usize> {
    review(parts, &mut memory.auto)?;
    let on = rules_on(parts)?;
    if on.is_empty() || !parts.caught_up.get() || parts.store.has_unread()? {
        return Ok(0);
    }
    let since = parts.clock.now() - parts.rules.limits.max_action_age;
    let mut decided = 0;
    for (id, revision) in parts.store.undecided_since(since, ASKED_A_PASS)? {
        parts.beat();
        let now = parts.clock.now();
        let asked = memory.auto.asked.get(&id);
        if asked.is_some_and(|(of, at)| *of == revision && (0..ASK_AGAIN).contains(&(now - at))) {
            continue;
        }
        // `show` tells why a row cannot be read.
        let Ok(row) = parts.store.load(id) else {
            continue;
        };
        if ask(parts, &memory.auto.replay, &on, &row)? {
            decided += 1;
        } else {
            memory.auto.asked.insert(id, (revision, now));
        }
    }
    Ok(decided)
}

/// Looks at how the rules stand, if people decided or said something since the last
/// time.
fn review(parts: &Parts, memory: &mut AutoMemory) -> Result<()> {
    let rules = &parts.rules.auto;
    if !memory.is_reviewed {
        let meant = rules.iter().filter(|rule| rule.mode == Mode::On);
        let names: Vec<&str> = meant.map(|rule| rule.name.as_str()).collect();
        parts.store.forget_auto_rules(&names, parts.clock.now())?;
    }
    if rules.iter().all(|rule| rule.mode == Mode::Shadow) {
        memory.is_reviewed = true;
        return Ok(());
    }
    let name = parts.tracker.name();
    let max_age = parts.rules.limits.max_action_age;
    let is_new = memory
        .replay
        .bring_up_to_date(&parts.store, &name, rules, max_age, || parts.beat())?;
    if memory.is_reviewed && !is_new {
        // A person may have let go of one meanwhile.
        let known = parts.store.auto_rules()?;
        let has_row = |rule: &AutoRule| known.iter().any(|row| row.name == rule.name);
        if rules
            .iter()
            .all(|it| it.mode == Mode::Shadow || has_row(it))
        {
            return Ok(());
        }
    }
    memory.asked.clear();
    for rule in rules.iter().filter(|rule| rule.mode == Mode::On) {
        look_at(parts, memory, rule)?;
    }
    memory.is_reviewed = true;
    Ok(())
}

/// Keeps how one rule stands, and tells people where that is another way than before.
fn look_at(parts: &Parts, memory: &AutoMemory, rule: &AutoRule) -> Result<()> {
    let digest = rule.digest();
    let of_it = |row: &AutoRow| row.digest == digest;
    let before = parts.store.auto_rule(&rule.name)?.filter(of_it);
    let figures = memory.replay.figures(rule);
    let was = before.as_ref().map(|it| it.state);
    let (state, why) = match (standing(rule, &figures), was) {
        (_, Some(AutoState::Suspended)) => return Ok(()),
        (Standing::On, _) => (AutoState::On, why_on(rule, &figures)),
        (Standing::Shadow(why), Some(AutoState::On)) => (AutoState::Suspended, why),
        (Standing::Shadow(why), _) => (AutoState::Waiting, why),
    };
    let name = &rule.name;
    if was != Some(state) || !memory.is_reviewed {
        match state {
            AutoState::On => {
                tracing::info!(rule = name, why, "an automatic rule is on");
            }
            AutoState::Waiting => {
                tracing::warn!(rule = name, why, "an automatic rule stays in shadow");
            }
            AutoState::Suspended => {
                tracing::error!(
                    rule = name,
                    why,
                    "an automatic rule went back to shadow; `rules resume` lets it go on"
                );
            }
        }
    }
    if before.is_some_and(|it| it.state == state && it.why == why) {
        return Ok(());
    }
    let now = parts.clock.now();
    parts.store.set_auto_rule((name, &digest), state, &why, now)
}

/// What lets a rule act, in words.
fn why_on(rule: &AutoRule, figures: &Figures) -> String {
    let words = figures.in_words();
    let unaided = AutoRule {
        below_precision: false,
        ..rule.clone()
    };
    match standing(&unaided, figures) {
        Standing::On => words,
        Standing::Shadow(_) => format!("below_precision lets it act; {words}"),
    }
}

/// The rules that act, in the order of the file.
fn rules_on(parts: &Parts) -> Result<Vec<&AutoRule>> {
    let mut on = Vec::new();
    for rule in &parts.rules.auto {
        if rule.mode == Mode::On
            && let Some(row) = parts.store.auto_rule(&rule.name)?
            && row.state == AutoState::On
            && row.digest == rule.digest()
        {
            on.push(rule);
        }
    }
    Ok(on)
}

/// Asks the rules about one draft; says whether one approved it.
fn ask(parts: &Parts, replay: &Replay, rules: &[&AutoRule], row: &NotificationRow) -> Result<bool> {
    let now = parts.clock.now();
    let limits = &parts.rules.limits;
    let name = parts.tracker.name();
    let around = around_now(&parts.store, &name, limits, parts.rules.sync_interval, now)?;
    let rules = rules.iter().copied();
    let opinions = opinions(
        &parts.store,
        &name,
        replay.past(),
        rules,
        row,
        (&around, now),
    )?;
    for opinion in &opinions {
        match &opinion.would {
            Ok(()) => return approve(parts, opinion.rule, row),
            Err(why) => {
                tracing::debug!(notification = %row.id, rule = opinion.rule.name, why, "not taken");
            }
        }
    }
    Ok(false)
}

/// Approves a draft in the name of a rule, which its texts then tell.
fn approve(parts: &Parts, rule: &AutoRule, row: &NotificationRow) -> Result<bool> {
    let Some(draft) = &row.draft else {
        return Ok(false);
    };
    let now = parts.clock.now();
    let name = &rule.name;
    let left = |why: String| -> Result<bool> {
        tracing::warn!(notification = %row.id, rule = name, why, "left to a person");
        Ok(false)
    };
    let occasion = Occasion::of(&parts.store, &parts.tracker, row, now)?;
    let settings = &parts.rules.drafts;
    let texts = redraft(&parts.templates, settings, &occasion, &[])
        .and_then(|plain| Ok((plain, redraft_by_rule(parts, &occasion, name)?)));
    let named = match texts {
        Ok((plain, _)) if plain.digest() != draft.draft.digest() => {
            return left("the draft would be another one by now".to_owned());
        }
        Ok((_, named)) if !names_rule(&named, name) => {
            return left("the own templates do not name the rule".to_owned());
        }
        Ok((_, named)) => named,
        Err(error) => return left(format!("{error:#}")),
    };
    let decision = NewDecision {
        notification: row.id,
        revision: draft.revision,
        digest: &draft.digest,
        who: PROGRAM,
        reason: &rule.in_words(),
        auto_rule: Some(name),
    };
    match parts.store.approve_by_rule(&decision, &named, now) {
        Ok(_) => {
            tracing::info!(notification = %row.id, rule = name, "approved by an automatic rule");
            Ok(true)
        }
        Err(NotDecided::Store(error)) => Err(error),
        // Somebody was faster.
        Err(refused) => left(refused.to_string()),
    }
}

/// The rule by which a delivery was approved.
pub(super) struct ByRule {
    /// Its name.
    pub(super) name: String,
    /// Why it may not let anything leave any more, in words.
    pub(super) off: Option<String>,
}

/// The rule behind a decision, as it stands now; `None` if a person decided.
pub(super) fn rule_behind(parts: &Parts, decision: DecisionId) -> Result<Option<ByRule>> {
    let Some((name, at)) = parts.store.rule_behind(decision)? else {
        return Ok(None);
    };
    let rule = parts.rules.auto.iter().find(|rule| rule.name == name);
    let row = parts.store.auto_rule(&name)?;
    let off = match (rule, row) {
        (None, _) => Some(format!(
            "the rule {name} is not in the configuration any more"
        )),
        (Some(rule), _) if rule.mode == Mode::Shadow => {
            Some(format!("the rule {name} is in shadow now"))
        }
        (Some(rule), Some(row)) if row.digest == rule.digest() => match row.state {
            AutoState::On if row.since <= at => None,
            AutoState::On => Some(format!("the rule {name} was not on all the time since")),
            AutoState::Waiting => Some(format!("the rule {name} is in shadow: {}", row.why)),
            AutoState::Suspended => {
                Some(format!("the rule {name} went back to shadow: {}", row.why))
            }
        },
        (Some(_), _) => Some(format!("the rule {name} is another one now")),
    };
    Ok(Some(ByRule { name, off }))
}
