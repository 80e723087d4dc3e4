//! `rules`: what people wrote of the failures that belong to a report, and which of
//! the stored failures that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::{Rules, RulesVerb};
use super::failing::verdict_of;
use super::linking::tracker;
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use super::summary;
use super::words::{count, cut, wrapped};
use crate::config::{Config, rules_of};
use crate::daemon;
use crate::domain::delivery::Receipt;
use crate::domain::draft::Action;
use crate::domain::failure::Failure;
use crate::domain::finding::Finding;
use crate::domain::matching::Verdict;
use crate::domain::rules::{Field, Rule, Rulebook, Subject};
use crate::domain::untrusted::terminal;
use crate::parsing::logs::read_fragment;
use crate::store::{ListFilter, Mirror, NotificationId, NotificationRow, PairWord, Store};

/// So many notifications are named for each report.
const NAMED: usize = 12;

/// Lists the rules, or tries them.
pub(super) fn rules(session: &Session, wanted: &Rules) -> Result<ExitCode> {
    let config = session.config()?;
    let file = match &wanted.what {
        Some(RulesVerb::Test { file: Some(file) }) => Some(file.as_path()),
        _ => config.matching.rules.as_deref(),
    };
    let Some(file) = file else {
        return Err(Refusal::new(
            "the configuration names no file of rules",
            "write [matching] rules = \"rules.toml\" into it, or name a file: rules test FILE",
        )
        .into());
    };
    let rulebook = match &wanted.what {
        Some(RulesVerb::Test { file: Some(file) }) => rules_of(file)?,
        _ => config.matching.rulebook.clone(),
    };
    let tried = tried(session, &config, file, &rulebook)?;
    session.screen.document(&tried.document());
    match wanted.what {
        None => list(session, &tried),
        Some(RulesVerb::Test { .. }) => test(session, &tried),
    }
    let all_good = tried.rules.iter().all(|it| it.takes_sample);
    Ok(match wanted.what {
        Some(RulesVerb::Test { .. }) if !all_good => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// What `check` says of the rules that are configured.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let Some(file) = &config.matching.rules else {
        return Vec::new();
    };
    let rules = config.matching.rulebook.rules();
    let misses = rules.iter().filter(|rule| !takes_own_sample(rule));
    let mut findings: Vec<Finding> = misses
        .map(|rule| {
            let place = format!("{}:{}", file.display(), rule.line);
            Finding::doubtful(
                format!("{place}: {} does not take its own sample", rule.name),
                "correct the condition or the sample; `rules test` shows what it takes",
            )
        })
        .collect();
    if findings.is_empty() {
        let (file, rules) = (file.display(), count(rules.len(), "rule"));
        findings.push(Finding::fine(format!(
            "{file} holds {rules}, and each takes its own sample"
        )));
    }
    findings
}

/// A failure that is stored.
struct Stored {
    notification: NotificationId,
    subject: Subject,
    belongs: Belongs,
}

/// Where a failure belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Belongs {
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
struct Tried<'a> {
    rule: &'a Rule,
    /// Open or closed, and the title; none if the local copy does not have it.
    report: Option<(bool, String)>,
    takes_sample: bool,
    /// The notifications of the stored failures it takes, once for each failure.
    takes: BTreeMap<Belongs, Vec<NotificationId>>,
}

/// All rules of a file and what they come to.
struct AllTried<'a> {
    file: &'a Path,
    rules: Vec<Tried<'a>>,
    /// How many failures are stored; none without a database.
    stored: Option<usize>,
    /// Whether the drafts that wait were compared with these rules.
    in_use: Option<bool>,
}

fn tried<'a>(
    session: &Session,
    config: &Config,
    file: &'a Path,
    rulebook: &'a Rulebook,
) -> Result<AllTried<'a>> {
    let store = match daemon::database(config).exists() {
        true => Some(session.store_of(config)?),
        false => None,
    };
    let name = tracker(config)?.name();
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

/// The report that was opened for all failures of a notification.
fn opened(row: &NotificationRow) -> Option<u64> {
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
fn takes_own_sample(rule: &Rule) -> bool {
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
    fn failures(&self) -> usize {
        self.takes.values().map(Vec::len).sum()
    }

    fn issues(&self) -> usize {
        let issues = self.takes.keys().filter_map(|belongs| belongs.issue());
        issues.collect::<BTreeSet<u64>>().len()
    }

    /// Failures it takes of which people said that they belong elsewhere.
    fn elsewhere(&self) -> usize {
        let other = |belongs: &Belongs| match belongs {
            Belongs::Decided(issue) => *issue != self.rule.issue,
            Belongs::Proposed(_) | Belongs::Nowhere => false,
        };
        let taken = self.takes.iter().filter(|(belongs, _)| other(belongs));
        taken.map(|(_, failures)| failures.len()).sum()
    }

    fn state(&self) -> &'static str {
        match &self.report {
            Some((true, _)) => "open",
            Some((false, _)) => "closed",
            None => "unknown",
        }
    }

    /// `#48913, open: test_ssl fails`
    fn report_in_words(&self) -> String {
        let issue = self.rule.issue;
        match &self.report {
            Some((_, title)) => format!("#{issue}, {}: {}", self.state(), terminal(title)),
            None => format!("#{issue}, which the local copy of the tracker does not have"),
        }
    }

    /// What keeps the rule from having any effect.
    fn hindrance(&self) -> Option<&'static str> {
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
    fn document(&self) -> Value {
        json!({
            "file": self.file,
            "rules": self.rules.iter().map(Tried::document).collect::<Vec<_>>(),
            "stored": self.stored,
            "in_use": self.in_use,
        })
    }
}

/// Each once, in order.
fn once(taken: &[NotificationId]) -> Vec<NotificationId> {
    let mut ids = taken.to_vec();
    ids.dedup();
    ids
}

/// One rule a line, and what hinders it.
fn list(session: &Session, tried: &AllTried<'_>) {
    let screen = &session.screen;
    let width = screen.width();
    for one in &tried.rules {
        let rule = one.rule;
        let head = format!("{} for {}", rule.name, one.report_in_words());
        screen.say(screen.paint(Tone::Bold, &cut(&head, width)));
        let when = rule.when.split_whitespace().collect::<Vec<_>>().join(" ");
        let taken = match tried.stored {
            Some(stored) => format!("takes {} of {stored} stored failures", one.failures()),
            None => "no failure is stored yet".to_owned(),
        };
        let parts = [Some(when), rule.note.clone(), Some(taken)];
        for line in parts.iter().flatten() {
            for line in wrapped(&terminal(line), width.saturating_sub(4)) {
                screen.say(format!("    {line}"));
            }
        }
        tell_hindrance(session, one);
    }
    if tried.rules.is_empty() {
        screen.say(format!("{} holds no rule.", tried.file.display()));
    }
    if tried.in_use == Some(false) {
        screen.say("");
        let words = "The drafts that wait were not compared with these rules yet: the service \
                     does that when it is started or reloaded.";
        for line in wrapped(words, width) {
            screen.say(screen.paint(Tone::Warning, &line));
        }
    }
    session.next(&[("rules test".to_owned(), "what each would take, by report")]);
}

fn tell_hindrance(session: &Session, one: &Tried<'_>) {
    let screen = &session.screen;
    if let Some(words) = one.hindrance() {
        screen.say(screen.paint(Tone::Warning, &format!("    {words}")));
    }
}

/// What each rule would take.
fn test(session: &Session, tried: &AllTried<'_>) {
    let screen = &session.screen;
    for one in &tried.rules {
        let head = format!("{} for {}", one.rule.name, one.report_in_words());
        screen.say(screen.paint(Tone::Bold, &cut(&head, screen.width())));
        let (tone, own) = match one.takes_sample {
            true => (Tone::Good, "yes"),
            false => (Tone::Bad, "no"),
        };
        let own = screen.paint(tone, own);
        screen.say(format!("    matches its own sample: {own}"));
        if let Some(stored) = tried.stored {
            screen.say(format!(
                "    would also take {} of {} ({stored} are stored)",
                count(one.failures(), "failure"),
                count(one.issues(), "issue")
            ));
        }
        for (belongs, taken) in &one.takes {
            by_report(session, one.rule, *belongs, taken);
        }
        match one.elsewhere() {
            0 => {}
            other => {
                let words = format!(
                    "    too broad? people said of {} that it belongs elsewhere",
                    count(other, "failure")
                );
                screen.say(screen.paint(Tone::Warning, &words));
            }
        }
        tell_hindrance(session, one);
    }
    if tried.stored.is_none() {
        screen.say("Nothing was taken in yet: only the samples were tried.");
    }
    let reload = ("rules".to_owned(), "the rules that are configured");
    session.next(&[reload]);
}

/// `#501, people said   2: 14, 22`
fn by_report(session: &Session, rule: &Rule, belongs: Belongs, taken: &[NotificationId]) {
    let what = match belongs {
        Belongs::Decided(issue) if issue == rule.issue => format!("#{issue}, its own"),
        Belongs::Decided(issue) => format!("#{issue}, people said"),
        Belongs::Proposed(issue) => format!("#{issue}, as proposed"),
        Belongs::Nowhere => "no report".to_owned(),
    };
    let ids = once(taken);
    let mut named: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    match ids.len().saturating_sub(NAMED) {
        0 => {}
        more => named.push(format!("and {more} more")),
    }
    let words = format!("{what:<22} {:>4}  in {}", taken.len(), named.join(", "));
    session.screen.say(format!("        {words}"));
}
