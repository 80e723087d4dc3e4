//! `rules`: what people wrote of the failures that belong to a report, and which of
//! the stored failures that takes; and the automatic rules.

mod automatic;
mod tried;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::{Rules, RulesVerb};
use super::refusal::Refusal;
use super::screen::{Screen, Tone};
use super::session::Session;
use super::words::{count, cut, wrapped};
use crate::config::{Config, rules_of};
use crate::domain::finding::Finding;
use crate::domain::rules::Rule;
use crate::domain::untrusted::terminal;
use crate::store::NotificationId;

pub(super) use automatic::findings as auto_findings;
use tried::{AllTried, Belongs, Tried, once, takes_own_sample, tried};

/// So many notifications are named for each report.
const NAMED: usize = 12;

/// Lists the rules of both kinds, tries those for reports, or lets an automatic one go
/// on.
pub(super) fn rules(session: &Session, wanted: &Rules) -> Result<ExitCode> {
    match &wanted.what {
        None => list_both(session),
        Some(RulesVerb::Test { file }) => try_out(session, file.as_deref()),
        Some(RulesVerb::Resume { rule, who }) => {
            automatic::resume(session, rule, who)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list_both(session: &Session) -> Result<ExitCode> {
    let config = session.config()?;
    let file = config.matching.rules.as_deref();
    let judged = automatic::judged(session, &config)?;
    let tried = match file {
        Some(file) => Some(tried(session, &config, file, &config.matching.rulebook)?),
        None => None,
    };
    let mut document = tried.as_ref().map_or_else(
        || json!({ "file": null, "rules": [], "stored": null, "in_use": null }),
        AllTried::document,
    );
    if let Value::Object(fields) = &mut document {
        fields.insert("auto".to_owned(), automatic::document(&judged));
    }
    session.screen.document(&document);
    if file.is_none() && judged.is_empty() {
        no_rules(&session.screen);
    }
    let is_both = tried.is_some() && !judged.is_empty();
    let mut next = Vec::new();
    if let Some(tried) = &tried {
        if is_both {
            session
                .screen
                .say(session.screen.paint(Tone::Dim, "Rules for reports"));
        }
        list(session, tried);
        next.push(("rules test".to_owned(), "what each would take, by report"));
    }
    if is_both {
        session.screen.say("");
        session
            .screen
            .say(session.screen.paint(Tone::Dim, "Automatic rules"));
    }
    automatic::list(session, &judged);
    if let Some(id) = automatic::one_that_was_wrong(&judged) {
        next.push((format!("history {id}"), "what was decided there"));
    }
    if let Some(id) = automatic::one_that_waits(&judged) {
        next.push((format!("show {id}"), "a draft that a rule would approve"));
    }
    if next.is_empty() {
        next.push(("list".to_owned(), "the drafts that wait for you"));
    }
    session.next(&next);
    Ok(ExitCode::SUCCESS)
}

fn no_rules(screen: &Screen) {
    let words = "There are no rules: the configuration names no file of rules for reports \
                 ([matching] rules = \"rules.toml\"), and has no automatic rules (tables \
                 [[auto]]). The README tells of both.";
    for line in wrapped(words, screen.width()) {
        screen.say(line);
    }
}

fn try_out(session: &Session, named: Option<&Path>) -> Result<ExitCode> {
    let config = session.config()?;
    let Some(file) = named.or(config.matching.rules.as_deref()) else {
        return Err(Refusal::new(
            "the configuration names no file of rules",
            "write [matching] rules = \"rules.toml\" into it, or name a file: rules test FILE",
        )
        .into());
    };
    let rulebook = match named {
        Some(file) => rules_of(file)?,
        None => config.matching.rulebook.clone(),
    };
    let tried = tried(session, &config, file, &rulebook)?;
    session.screen.document(&tried.document());
    test(session, &tried);
    let all_good = tried.rules.iter().all(|it| it.takes_sample);
    Ok(match all_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
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
    tell_empty(screen, tried);
    if tried.in_use == Some(false) {
        screen.say("");
        let words = "The drafts that wait were not compared with these rules yet: the service \
                     does that when it is started or reloaded.";
        for line in wrapped(words, width) {
            screen.say(screen.paint(Tone::Warning, &line));
        }
    }
}

fn tell_empty(screen: &Screen, tried: &AllTried<'_>) {
    if tried.rules.is_empty() {
        screen.say(format!("{} holds no rule.", tried.file.display()));
    }
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
                match one.issues() {
                    0 => "no report".to_owned(),
                    issues => count(issues, "report"),
                }
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
    tell_empty(screen, tried);
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
