//! `rules`: what people wrote of the failures that belong to a report, and which of
//! the stored failures that takes.

mod tried;

use std::process::ExitCode;

use anyhow::Result;

use super::args::{Rules, RulesVerb};
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use super::words::{count, cut, wrapped};
use crate::config::{Config, rules_of};
use crate::domain::finding::Finding;
use crate::domain::rules::Rule;
use crate::domain::untrusted::terminal;
use crate::store::NotificationId;

use tried::{AllTried, Belongs, Tried, once, takes_own_sample, tried};

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
