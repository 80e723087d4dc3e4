//! What each rule comes to: its report, its sample, and the stored failures that it
//! takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::session::Session;
use crate::config::Config;
use crate::daemon;
use crate::daemon::names_of;
use crate::desk::failures::verdict_of;
use crate::desk::summary;
use crate::domain::delivery::Receipt;
use crate::domain::draft::Action;
use crate::domain::failure::Failure;
use crate::domain::matching::Verdict;
use crate::domain::rules::{Field, Rule, Rulebook, Subject};
use crate::domain::untrusted::terminal;
use crate::parsing::logs::read_fragment;
use crate::store::{ListFilter, Mirror, NotificationId, NotificationRow, PairWord, Store};

/// A failure that is stored.
struct Stored {
    notification: NotificationId,
    subject: Subject,
    belongs: Belongs,
}

/// Where a failure belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Belongs {
    /// To this report, people said.
    Decided(u64),
    /// To this one, the program said.
    Proposed(u64),
    /// To none that is known.
    Nowhere,
}

impl Belongs {
    fn issue(self) -> Option<u64> {
        match self {
            Self::Decided(issue) | Self::Proposed(issue) => Some(issue),
            Self::Nowhere => None,
        }
    }
}

/// One rule and what it comes to.
pub(super) struct Tried<'a> {
    pub(super) rule: &'a Rule,
    /// Open or closed, and the title; none if the local copy does not have it.
    pub(super) report: Option<(bool, String)>,
    pub(super) takes_sample: bool,
    /// The notifications of the stored failures it takes, once for each failure.
    pub(super) takes: BTreeMap<Belongs, Vec<NotificationId>>,
}

/// All rules of a file and what they come to.
pub(super) struct AllTried<'a> {
    pub(super) file: &'a Path,
    pub(super) rules: Vec<Tried<'a>>,
    /// How many failures are stored; none without a database.
    pub(super) stored: Option<usize>,
    /// Whether the drafts that wait were compared with these rules.
    pub(super) in_use: Option<bool>,
}

pub(super) fn tried<'a>(
    session: &Session,
    config: &Config,
    file: &'a Path,
    rulebook: &'a Rulebook,
) -> Result<AllTried<'a>> {
    let store = match daemon::database(config).exists() {
        true => Some(session.store_of(config)?),
        false => None,
    };
    let name = names_of(config)?.name();
    let stored = match &store {
        Some(store) => failures(store, store.mirror(&name))?,
        None => Vec::new(),
    };
    let mut rules = Vec::new();
    for rule in rulebook.rules() {
        let report = match &store {
            Some(store) => store.mirror(&name).issue(rule.issue)?,
            None => None,
        };
        let mut takes: BTreeMap<Belongs, Vec<NotificationId>> = BTreeMap::new();
        let taken = stored.iter().filter(|it| rule.condition.holds(&it.subject));
        for failure in taken {
            let of_report = takes.entry(failure.belongs).or_default();
            of_report.push(failure.notification);
        }
        rules.push(Tried {
            rule,
            report: report.map(|issue| (issue.open, issue.title)),
            takes_sample: takes_own_sample(rule),
            takes,
        });
    }
    let in_use = store.as_ref();
    let in_use = in_use.map(|store| store.rules_replayed(rulebook.digest()));
    Ok(AllTried {
        file,
        rules,
        stored: store.as_ref().map(|_| stored.len()),
        in_use: in_use.transpose()?,
    })
}

/// Every stored failure, the oldest first.
fn failures(store: &Store, mirror: Mirror<'_>) -> Result<Vec<Stored>> {
    let all = usize::try_from(store.count(ListFilter::All)?)?;
    let mut found = Vec::new();
    for id in store.list(ListFilter::All, all)?.into_iter().rev() {
        // `show` tells why a row cannot be read.
        let Ok(row) = store.load(id) else { continue };
        for (index, (build, failure)) in summary::failures(&row).into_iter().enumerate() {
            found.push(Stored {
                notification: id,
                subject: Subject::of(&build.builder, build.branch.as_deref(), failure),
                belongs: belongs(mirror, &row, index, failure)?,
            });
        }
    }
    Ok(found)
}

fn belongs(
    mirror: Mirror<'_>,
    row: &NotificationRow,
    index: usize,
    failure: &Failure,
) -> Result<Belongs> {
    let pairs = mirror.pairs(&failure.signature)?;
    let confirmed = pairs.iter().find(|pair| pair.word == PairWord::Confirmed);
    if let Some(issue) = confirmed.map(|pair| pair.issue).or_else(|| opened(row)) {
        return Ok(Belongs::Decided(issue));
    }
    Ok(match verdict_of(row, index) {
        Some(Verdict::Known { candidates }) => {
            candidates.first().map_or(Belongs::Nowhere, |best| {
                Belongs::Proposed(best.issue.number)
            })
        }
        _ => Belongs::Nowhere,
    })
}

/// The report that a person let be opened for all failures of a notification.
fn opened(row: &NotificationRow) -> Option<u64> {
    if row.decision.as_ref()?.auto_rule.is_some() {
        return None;
    }
    let [Action::Open(_)] = row.draft.as_ref()?.draft.actions.as_slice() else {
        return None;
    };
    match row.deliveries.first()?.receipt.as_ref()? {
        Receipt::Issue(issue) => Some(issue.number),
        _ => None,
    }
}

/// Whether a rule takes the failure it is for: as it is described, or as its lines
/// of a log are understood.
pub(super) fn takes_own_sample(rule: &Rule) -> bool {
    if rule.condition.holds(&rule.sample) {
        return true;
    }
    let logs: Vec<&str> = rule.sample.values(Field::Log).collect();
    let understood = logs.into_iter().flat_map(|log| read_fragment(log).failures);
    understood
        .map(|failure| rule.sample.filled_from(&Subject::of("", None, &failure)))
        .any(|sample| rule.condition.holds(&sample))
}

impl Tried<'_> {
    pub(super) fn failures(&self) -> usize {
        self.takes.values().map(Vec::len).sum()
    }

    pub(super) fn issues(&self) -> usize {
        let issues = self.takes.keys().filter_map(|belongs| belongs.issue());
        issues.collect::<BTreeSet<u64>>().len()
    }

    /// Failures it takes of which people said that they belong elsewhere.
    pub(super) fn elsewhere(&self) -> usize {
        let other = |belongs: &Belongs| match belongs {
            Belongs::Decided(issue) => *issue != self.rule.issue,
            Belongs::Proposed(_) | Belongs::Nowhere => false,
        };
        let taken = self.takes.iter().filter(|(belongs, _)| other(belongs));
        taken.map(|(_, failures)| failures.len()).sum()
    }

    pub(super) fn state(&self) -> &'static str {
        match &self.report {
            Some((true, _)) => "open",
            Some((false, _)) => "closed",
            None => "unknown",
        }
    }

    /// `#48913, open: test_ssl fails`
    pub(super) fn report_in_words(&self) -> String {
        let issue = self.rule.issue;
        match &self.report {
            Some((_, title)) => format!("#{issue}, {}: {}", self.state(), terminal(title)),
            None => format!("#{issue}, which the local copy of the tracker does not have"),
        }
    }

    /// What keeps the rule from having any effect.
    pub(super) fn hindrance(&self) -> Option<&'static str> {
        match &self.report {
            Some((true, _)) => None,
            Some((false, _)) => Some("without effect: the report is closed"),
            None => Some("without effect until the report is in the local copy"),
        }
    }

    fn document(&self) -> Value {
        let rule = self.rule;
        let by_issue = self.takes.iter().map(|(belongs, taken)| {
            json!({
                "issue": belongs.issue(),
                "decided": matches!(belongs, Belongs::Decided(_)),
                "failures": taken.len(),
                "notifications": once(taken).iter().map(|id| id.0).collect::<Vec<_>>(),
            })
        });
        json!({
            "name": rule.name,
            "issue": rule.issue,
            "state": self.state(),
            "title": self.report.as_ref().map(|(_, title)| title),
            "when": rule.when,
            "note": rule.note,
            "line": rule.line,
            "sample": self.takes_sample,
            "takes": {
                "failures": self.failures(),
                "issues": self.issues(),
                "elsewhere": self.elsewhere(),
                "by_issue": by_issue.collect::<Vec<_>>(),
            },
        })
    }
}

impl AllTried<'_> {
    pub(super) fn document(&self) -> Value {
        json!({
            "file": self.file,
            "rules": self.rules.iter().map(Tried::document).collect::<Vec<_>>(),
            "stored": self.stored,
            "in_use": self.in_use,
        })
    }
}

/// Each once, in order.
pub(super) fn once(taken: &[NotificationId]) -> Vec<NotificationId> {
    let mut ids = taken.to_vec();
    ids.dedup();
    ids
}
