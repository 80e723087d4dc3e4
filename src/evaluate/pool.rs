//! What existed at the date of a case, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::issue::Issue;
use crate::evaluate::cases::{Case, Name};
use crate::parsing::issues::FiledIssue;
use crate::store::{Mirror, Store};

/// The name of the mirror in the store.
const TRACKER: &str = "evaluate";

/// All issues, and a store with those of them that a case may see, as they were.
#[derive(Debug)]
pub(super) struct Pool {
    store: Store,
    issues: Vec<Dated>,
    by_key: BTreeMap<String, u64>,
    /// What the store holds.
    shown: BTreeMap<u64, Issue>,
}

#[derive(Debug)]
struct Dated {
    issue: Issue,
    /// From when on cases see it: its first possible day.
    since: Seconds,
    /// When it was opened, as near as it can be told.
    created: Seconds,
}

impl Pool {
    /// Takes the issues; of two with one number or key the first counts.
    pub(super) fn new(filed: Vec<FiledIssue>) -> Result<Self> {
        let known = Known::of(&filed);
        let mut pool = Self {
            store: Store::open_in_memory()?,
            issues: Vec::new(),
            by_key: BTreeMap::new(),
            shown: BTreeMap::new(),
        };
        let mut numbers = BTreeSet::new();
        for filed in filed {
            let number = filed.issue.number;
            let is_new = !pool.by_key.contains_key(&filed.key) && numbers.insert(number);
            pool.by_key.entry(filed.key.clone()).or_insert(number);
            if is_new {
                let created = known.created(&filed);
                pool.issues.push(Dated {
                    since: filed.created.unwrap_or(created),
                    created,
                    issue: filed.issue,
                });
            }
        }
        Ok(pool)
    }

    pub(super) fn mirror(&self) -> Mirror<'_> {
        self.store.mirror(TRACKER)
    }

    /// The case with the numbers of issues instead of their keys.
    pub(super) fn resolved(&self, mut case: Case) -> Case {
        let resolve = |name: &mut Name| {
            if let Name::Key(key) = &*name
                && let Some(number) = self.by_key.get(key)
            {
                *name = Name::Number(*number);
            }
        };
        let holdout = &mut case.holdout;
        let single = [
            &mut case.created,
            &mut holdout.remove_issue,
            &mut holdout.issue,
        ];
        single.into_iter().flatten().for_each(resolve);
        case.expected.iter_mut().for_each(resolve);
        case.acceptable.iter_mut().for_each(resolve);
        case
    }

    /// Lets the store hold what the case may see.
    pub(super) fn show(&mut self, case: &Case) -> Result<()> {
        let visible: BTreeMap<u64, Issue> = self
            .issues
            .iter()
            .filter_map(|dated| Some((dated.issue.number, dated.seen_by(case)?)))
            .collect();
        let mirror = self.store.mirror(TRACKER);
        for number in self.shown.keys() {
            if !visible.contains_key(number) {
                mirror.remove(*number)?;
            }
        }
        let changed: Vec<Issue> = visible
            .iter()
            .filter(|(number, issue)| self.shown.get(number) != Some(issue))
            .map(|(_, issue)| issue.clone())
            .collect();
        mirror.upsert(&changed, None)?;
        self.shown = visible;
        Ok(())
    }
}

impl Dated {
    /// The issue as it was at the case's date; none if it is hidden or was not
    /// there yet.
    fn seen_by(&self, case: &Case) -> Option<Issue> {
        let holdout = &case.holdout;
        let is = |name: &Option<Name>| {
            let number = name.as_ref().and_then(Name::number);
            number == Some(self.issue.number)
        };
        if self.since > case.at || is(&holdout.remove_issue) || is(&case.created) {
            return None;
        }
        let mut issue = self.issue.clone();
        if is(&holdout.issue) {
            if let Some(first) = holdout.comment_index {
                if holdout.also_hide_later_comments {
                    issue.comments.truncate(first);
                } else if first < issue.comments.len() {
                    issue.comments.remove(first);
                }
            }
            let hidden = |line: &&str| {
                let words = &holdout.remove_lines_containing;
                !words.iter().any(|words| line.contains(words.as_str()))
            };
            issue.body = issue
                .body
                .lines()
                .filter(hidden)
                .collect::<Vec<_>>()
                .join("\n");
        }
        issue.comments.retain(|comment| comment.at <= case.at);
        issue.open = issue.closed_at.is_none_or(|closed| closed > case.at);
        if issue.open {
            issue.closed_at = None;
            issue.resolution = None;
            issue.duplicate_of = None;
        }
        issue.created_at = self.created.min(case.at);
        let last_comment = issue.comments.iter().map(|comment| comment.at).max();
        issue.updated_at = last_comment
            .max(issue.closed_at)
            .unwrap_or(issue.created_at);
        Some(issue)
    }
}

/// When the issues of a number were opened, where the day is known.
struct Known {
    current: BTreeMap<u64, Seconds>,
    old: BTreeMap<u64, Seconds>,
}

impl Known {
    fn of(filed: &[FiledIssue]) -> Self {
        let of = |number: fn(&FiledIssue) -> Option<u64>| {
            let days = filed.iter().filter(|one| one.created == one.created_by);
            days.filter_map(|one| Some((number(one)?, one.created?)))
                .collect()
        };
        Self {
            current: of(|one| one.number),
            old: of(|one| one.bpo),
        }
    }

    /// When it was opened; where the day is not known, as its number stands between
    /// its neighbours, but never earlier nor later than the file says.
    fn created(&self, filed: &FiledIssue) -> Seconds {
        if let Some(created) = filed.created.filter(|_| filed.created == filed.created_by) {
            return created;
        }
        let by_old = filed.bpo.and_then(|number| between(&self.old, number));
        let by_number = by_old.or_else(|| between(&self.current, filed.number?));
        let guess = by_number.or(filed.created);
        let guess = guess.unwrap_or(filed.issue.created_at);
        let guess = filed.created_by.map_or(guess, |latest| guess.min(latest));
        filed.created.map_or(guess, |earliest| guess.max(earliest))
    }
}

fn between(known: &BTreeMap<u64, Seconds>, number: u64) -> Option<Seconds> {
    let before = known.range(..=number).next_back();
    let after = known.range(number..).next();
    match (before, after) {
        (Some((low, from)), Some((high, to))) if high > low => {
            let share = (number - low) as f64 / (high - low) as f64;
            Some(from + ((to - from) as f64 * share) as Seconds)
        }
        (Some((_, at)), _) | (None, Some((_, at))) => Some(*at),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsing::issues;

    #[test]
    fn a_day_that_is_not_known_lies_between_those_of_the_neighbours() {
        let filed = issues::read(
            r#"{"number": 10, "title": "a", "created": "2026-01-01"}
{"number": 20, "title": "b", "created": "2026-01-21"}
{"number": 15, "title": "in the middle"}
{"number": 18, "title": "no earlier", "created_between": ["2026-01-20", "2026-02-01"]}
{"number": 12, "title": "no later", "created_between": ["2025-12-01", "2026-01-02"]}
{"number": 16, "title": "of a month", "created_approx": "2026-01"}
{"number": 30, "title": "later than all"}"#,
        )
        .unwrap();
        let known = Known::of(&filed);
        let first = filed[0].created.unwrap();
        let days: Vec<Seconds> = filed
            .iter()
            .map(|one| (known.created(one) - first) / 86_400)
            .collect();
        assert_eq!(days, [0, 20, 10, 19, 1, 12, 20]);
    }
}
