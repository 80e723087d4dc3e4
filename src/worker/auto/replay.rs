//! What each rule would have done over the history, and how that compares with what
//! people decided.
//!
//! A draft is judged as it was right before the first word of a person on it: only
//! decisions and words before that count as known. What was switched off for a while
//! (STOP, a pause, a mirror that was not trusted) does not count.

use std::collections::BTreeMap;

use anyhow::Result;

use super::case::Looking;
use crate::domain::Seconds;
use crate::domain::draft::Action;
use crate::domain::policy::auto::{Around, AutoRule, Figures, Moment, Past, Wrong};
use crate::store::{
    DecidedOn, DecisionId, DecisionKind, DecisionRow, DraftRow, Mark, NotificationRow, PROGRAM,
    Store,
};

/// How right rules would have been over the whole history, kept up to date: what was
/// looked at once does not change, unless signatures are made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    rules: Vec<String>,
    mark: Option<Mark>,
    past: Past,
    judged: BTreeMap<DecisionId, Vec<Judged>>,
    acted: BTreeMap<DecisionId, Acted>,
}

/// One draft that a rule would have approved.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    rule: String,
    notification: i64,
    /// What a person decided instead; `None` if they approved exactly this.
    wrong: Option<String>,
}

/// One draft that a rule did approve.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Acted {
    rule: String,
    notification: i64,
    /// The signatures of its failures, and the report that each went to.
    went: Vec<(String, u64)>,
}

impl Replay {
    /// Nothing was looked at yet.
    pub const fn fresh() -> Self {
        Self {
            rules: Vec::new(),
            mark: None,
            past: Past::nothing(),
            judged: BTreeMap::new(),
            acted: BTreeMap::new(),
        }
    }

    /// What people decided and said so far.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// Looks at what was decided since the last time; says whether there was anything.
    /// `beat` is called often: a long history takes a while.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub fn bring_up_to_date(
        &mut self,
        store: &Store,
        tracker: &str,
        rules: &[AutoRule],
        max_action_age: Seconds,
        beat: impl Fn(),
    ) -> Result<bool> {
        let mark = store.mark()?;
        let digests: Vec<String> = rules.iter().map(AutoRule::digest).collect();
        if self.mark == Some(mark) && self.rules == digests {
            return Ok(false);
        }
        if self.rules != digests {
            self.judged.clear();
            self.rules = digests;
        }
        if self.mark.is_none_or(|it| mark.is_renamed_since(it)) {
            self.judged.clear();
            self.acted.clear();
        }
        self.past = store.past(tracker)?;
        let mut known = std::mem::take(&mut self.judged);
        for one in store.decided_by_people()? {
            beat();
            let of_it = match known.remove(&one.1) {
                Some(known) => known,
                None => self.judge(store, tracker, rules, max_action_age, one)?,
            };
            self.judged.insert(one.1, of_it);
        }
        let mut known = std::mem::take(&mut self.acted);
        for rule in rules {
            for (id, decision) in store.decided_by_rule(&rule.name)? {
                beat();
                let acted = known.remove(&decision).or_else(|| {
                    // What a later version of the program wrote may not be readable.
                    Some(Acted::of(&rule.name, &store.load(id).ok()?))
                });
                self.acted.extend(acted.map(|it| (decision, it)));
            }
        }
        self.mark = Some(mark);
        Ok(true)
    }

    /// How right one of the rules would have been, and was.
    pub fn figures(&self, rule: &AutoRule) -> Figures {
        let mut figures = Figures::default();
        let of_rule = self.judged.values().flatten();
        for judged in of_rule.filter(|it| it.rule == rule.name) {
            match &judged.wrong {
                None => figures.right += 1,
                Some(why) => figures.wrong.push(Wrong {
                    notification: judged.notification,
                    why: why.clone(),
                }),
            }
        }
        // What the rule decided itself and people said otherwise of afterwards.
        let of_rule = self.acted.iter().filter(|(_, it)| it.rule == rule.name);
        for (decision, acted) in of_rule {
            let denied = acted.went.iter().find_map(|(signature, issue)| {
                let who = self.past.contradicted(signature, *issue, decision.0)?;
                Some((who, issue))
            });
            figures.wrong.extend(denied.map(|(who, issue)| Wrong {
                notification: acted.notification,
                why: format!("{who} said later that it does not belong to #{issue}"),
            }));
        }
        figures
    }

    /// Which rules would have approved a draft that people decided on, and whether
    /// that would have been right.
    fn judge(
        &self,
        store: &Store,
        tracker: &str,
        rules: &[AutoRule],
        max_action_age: Seconds,
        (id, decision): DecidedOn,
    ) -> Result<Vec<Judged>> {
        // What a later version of the program wrote may not be readable.
        let Ok(row) = store.load(id) else {
            return Ok(Vec::new());
        };
        let drafts = store.drafts(id)?;
        let decisions = store.decisions(id)?;
        let Some(round) = Round::of(&drafts, &decisions, decision) else {
            return Ok(Vec::new());
        };
        let looking = Looking {
            store,
            tracker,
            past: &self.past,
            moment: Moment {
                notification: id.0,
                before: round.first.id.0,
            },
            at: round.shown.made_at,
        };
        let case = looking.case(&row, round.shown, Around::of_the_past(max_action_age))?;
        let wrong = round.wrong();
        let would = rules.iter().filter(|rule| rule.judge(&case).is_ok());
        let judged = would.map(|rule| Judged {
            rule: rule.name.clone(),
            notification: id.0,
            wrong: wrong.clone(),
        });
        Ok(judged.collect())
    }
}

impl Acted {
    fn of(rule: &str, row: &NotificationRow) -> Self {
        let builds = row.reading.iter().flat_map(|it| &it.notification.builds);
        let failures = builds.flat_map(|build| &build.failures);
        let actions = row.draft.iter().flat_map(|it| &it.draft.actions);
        let reports: Vec<u64> = actions
            .filter_map(|action| match action {
                Action::Comment { issue, .. }
                | Action::Reopen { issue, .. }
                | Action::Count { issue, .. } => Some(issue.number),
                Action::Open(_) | Action::Choose { .. } => None,
            })
            .collect();
        let went = failures.zip(row.verdicts.iter().flatten());
        let went = went.filter_map(|(failure, found)| {
            let first = found.verdict.candidates().first()?.issue.number;
            let issue = Some(first).filter(|it| reports.contains(it))?;
            Some((failure.signature.0.clone(), issue))
        });
        Self {
            rule: rule.to_owned(),
            notification: row.id.0,
            went: went.collect(),
        }
    }
}

/// From the program's draft to the final word on it.
struct Round<'a> {
    /// The last draft that the program made by itself.
    shown: &'a DraftRow,
    /// The first word of a person on it.
    first: &'a DecisionRow,
    /// The last word that changed it.
    change: Option<&'a DecisionRow>,
    /// The final word.
    last: &'a DecisionRow,
    /// What that was about.
    decided: &'a DraftRow,
}

impl<'a> Round<'a> {
    fn of(
        drafts: &'a [DraftRow],
        decisions: &'a [DecisionRow],
        decision: DecisionId,
    ) -> Option<Self> {
        let last = decisions.iter().find(|it| it.id == decision)?;
        let decided = drafts.iter().find(|it| it.revision == last.revision)?;
        let is_own = |it: &&DraftRow| it.revision <= last.revision && it.made_by == PROGRAM;
        let shown = drafts.iter().rfind(is_own)?;
        let in_round = |it: &&DecisionRow| it.revision >= shown.revision && it.id <= last.id;
        let mut round = decisions.iter().filter(in_round);
        let first = round.clone().next()?;
        // No rule decides on what was started over.
        if decisions.first()?.id != first.id {
            return None;
        }
        let is_change =
            |it: &&DecisionRow| matches!(it.kind, DecisionKind::Edit | DecisionKind::Link);
        Some(Self {
            shown,
            first,
            change: round.rfind(is_change),
            last,
            decided,
        })
    }

    /// What a person decided instead of approving exactly the program's draft.
    fn wrong(&self) -> Option<String> {
        let said = |what: &str, by: &DecisionRow| match by.reason.as_str() {
            "" => format!("{} {what}", by.who),
            reason => format!("{} {what}: {reason}", by.who),
        };
        if self.last.kind != DecisionKind::Approve {
            return Some(said("rejected it", self.last));
        }
        let is_shown = self.decided.revision == self.shown.revision;
        if is_shown || self.decided.draft.digest() == self.shown.draft.digest() {
            return None;
        }
        Some(match self.change {
            Some(link) if link.kind == DecisionKind::Link => said("linked it elsewhere", link),
            Some(edit) => said("changed its texts", edit),
            None => said("approved other texts", self.last),
        })
    }
}
