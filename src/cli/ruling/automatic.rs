//! The automatic rules: how each stands, what it would have done over the history,
//! and how right that would have been.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::args::Who;
use crate::cli::refusal::Refusal;
use crate::cli::screen::Tone;
use crate::cli::session::Session;
use crate::cli::who::who;
use crate::config::Config;
use crate::daemon;
use crate::desk::automatic::Stand;
use crate::desk::words::wrapped;
use crate::domain::finding::Finding;
use crate::domain::policy::auto::{AutoRule, Figures, Mode, Standing, names_rule, standing};
use crate::domain::untrusted::terminal;
use crate::store::{ListFilter, Store};
use crate::templates::Templates;
use crate::worker::{Replay, around_now, opinions};

/// So many notifications are named.
const NAMED: usize = 12;

/// So many drafts that wait are looked at.
const MOST_WAITING: usize = 500;

/// One rule, how it stands, and what it comes to.
pub(super) struct Judged<'a> {
    rule: &'a AutoRule,
    stand: Stand,
    figures: Figures,
    /// How many drafts wait beyond those that were looked at.
    not_asked: u64,
}

/// Every automatic rule; none of them is judged without a database.
pub(super) fn judged<'a>(session: &Session, config: &'a Config) -> Result<Vec<Judged<'a>>> {
    let path = daemon::database(config);
    let store = match path.exists() {
        true => session.store_of(config)?,
        false => Store::open_in_memory()?,
    };
    judged_of(session, config, &store)
}

fn judged_of<'a>(session: &Session, config: &'a Config, store: &Store) -> Result<Vec<Judged<'a>>> {
    let rules = &config.auto;
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let around = daemon::surroundings_of(config)?;
    let (tracker, limits) = (&around.tracker, &around.limits);
    let mut replay = Replay::fresh();
    replay.bring_up_to_date(store, tracker, rules, limits.max_action_age, || {})?;
    let waiting = store.count(ListFilter::ToDecide)?;
    let mut judged = Vec::new();
    for rule in rules {
        judged.push(Judged {
            rule,
            stand: Stand::of(store, rule)?,
            figures: replay.figures(rule),
            not_asked: waiting.saturating_sub(MOST_WAITING as u64),
        });
    }
    let now = session.now;
    let standing = around_now(store, tracker, limits, around.sync_interval, now)?;
    for id in store.list(ListFilter::ToDecide, MOST_WAITING)? {
        // `show` tells why a row cannot be read.
        let Ok(row) = store.load(id) else { continue };
        let said = opinions(store, tracker, replay.past(), rules, &row, (&standing, now))?;
        for (one, opinion) in judged.iter_mut().zip(said) {
            if opinion.would.is_ok() {
                one.figures.open.push(id.0);
            }
        }
    }
    Ok(judged)
}

/// One rule after the other.
pub(super) fn list(session: &Session, judged: &[Judged<'_>]) {
    for one in judged {
        tell(session, one);
    }
}

fn tell(session: &Session, one: &Judged<'_>) {
    let screen = &session.screen;
    let width = screen.width().saturating_sub(4);
    let say = |tone: Option<Tone>, words: &str| {
        for line in wrapped(&terminal(words), width) {
            let line = format!("    {line}");
            screen.say(tone.map_or(line.clone(), |tone| screen.paint(tone, &line)));
        }
    };
    screen.say(screen.paint(Tone::Bold, &one.rule.name));
    say(None, &one.rule.in_words());
    let tone = match (one.stand.acts, one.stand.is_meant) {
        (true, _) => Some(Tone::Good),
        (false, true) => Some(Tone::Warning),
        (false, false) => None,
    };
    say(tone, &format!("{}: {}", one.stand.word(), one.stand.why));
    let figures = &one.figures;
    say(None, &format!("over the history: {}", figures.in_full()));
    for wrong in figures.wrong.iter().take(NAMED) {
        let words = format!("wrong on {}: {}", wrong.notification, wrong.why);
        say(Some(Tone::Warning), &words);
    }
    if let Some(more) = figures.wrong.len().checked_sub(NAMED).filter(|it| *it > 0) {
        say(Some(Tone::Warning), &format!("and {more} more"));
    }
    if !figures.open.is_empty() {
        let mut named: Vec<String> = figures
            .open
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect();
        if let Some(more) = figures.open.len().checked_sub(NAMED).filter(|it| *it > 0) {
            named.push(format!("and {more} more"));
        }
        say(None, &format!("would approve now: {}", named.join(", ")));
    }
    if one.not_asked > 0 {
        let words = "of the newest drafts that wait, so many were not looked at";
        say(None, &format!("{words}: {}", one.not_asked));
    }
}

/// A notification that a rule would have approved, and a person did not.
pub(super) fn one_that_was_wrong(judged: &[Judged<'_>]) -> Option<i64> {
    let mut wrong = judged.iter().flat_map(|one| &one.figures.wrong);
    wrong.next().map(|it| it.notification)
}

/// A draft that waits, and that a rule would approve.
pub(super) fn one_that_waits(judged: &[Judged<'_>]) -> Option<i64> {
    judged
        .iter()
        .find_map(|one| one.figures.open.first().copied())
}

/// The same for programs.
pub(super) fn document(judged: &[Judged<'_>]) -> Value {
    let one = |it: &Judged<'_>| {
        let wrong = it.figures.wrong.iter();
        json!({
            "name": it.rule.name,
            "line": it.rule.line,
            "mode": it.rule.mode,
            "says": it.rule.in_words(),
            "acts": it.stand.acts,
            "suspended": it.stand.is_suspended,
            "why": it.stand.why,
            "right": it.figures.right,
            "wrong": wrong
                .map(|it| json!({ "id": it.notification, "why": it.why }))
                .collect::<Vec<_>>(),
            "open": it.figures.open,
            "not_asked": it.not_asked,
            "decided": it.figures.decided(),
            "precision": it.figures.precision(),
            "interval": it.figures.interval().map(|(low, high)| [low, high]),
        })
    };
    judged.iter().map(one).collect()
}

/// Lets a rule go on that went back to shadow.
pub(super) fn resume(session: &Session, name: &str, by: &Who) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let who = who(by)?;
    if store
        .resume_auto_rule(name, who.as_str(), session.now)?
        .is_none()
    {
        let what = match config.auto.iter().find(|rule| rule.name == name) {
            Some(rule) => {
                let stand = Stand::of(&store, rule)?;
                format!("{name} did not go back to shadow: {}", stand.in_words())
            }
            None => format!("there is no automatic rule {name} that went back to shadow"),
        };
        return Err(Refusal::new(what, session.line("rules")).into());
    }
    session
        .screen
        .document(&json!({ "rule": name, "resumed": true }));
    session.screen.say(format!(
        "{name} may go on: it acts once it is right often enough, or with below_precision = true."
    ));
    session.next(&[("rules".to_owned(), "how right it was")]);
    Ok(())
}

/// What `check` says of the automatic rules.
pub(in crate::cli) fn findings(session: &Session, config: &Config) -> Vec<Finding> {
    if config.auto.is_empty() {
        return Vec::new();
    }
    let mut findings = unnamed(config);
    if !daemon::database(config).exists() {
        // A check makes nothing, and there is no history yet.
        let names: Vec<&str> = config.auto.iter().map(|rule| rule.name.as_str()).collect();
        findings.push(Finding::fine(format!(
            "automatic rules: {}; nothing was decided yet",
            names.join(", ")
        )));
        return findings;
    }
    match judged(session, config) {
        Ok(judged) => findings.extend(judged.iter().map(|one| finding(config, one))),
        Err(error) => findings.push(Finding::bad(
            format!("what the automatic rules come to cannot be told: {error:#}"),
            "mend what is wrong with the database first",
        )),
    }
    findings
}

fn finding(config: &Config, one: &Judged<'_>) -> Finding {
    let place = format!("{}:{}", config.file.display(), one.rule.line);
    let name = &one.rule.name;
    let figures = one.figures.in_full();
    if one.stand.is_suspended {
        let what = format!("{place}: {name} is in shadow: {}", one.stand.why);
        return Finding::doubtful(what, "`rules` tells where it was wrong");
    }
    match standing(one.rule, &one.figures) {
        Standing::On => Finding::fine(format!("{place}: {name} acts; {figures}")),
        Standing::Shadow(_) if one.rule.mode == Mode::Shadow => {
            Finding::fine(format!("{place}: {name} is in shadow; {figures}"))
        }
        Standing::Shadow(why) => Finding::doubtful(
            format!("{place}: {name} is to act, and stays in shadow: {why}"),
            "`rules` tells what it would have done",
        ),
    }
}

/// Own templates that leave out who let a text leave: no rule uses them.
fn unnamed(config: &Config) -> Vec<Finding> {
    const NAME: &str = "sample-rule";
    let (templates, _) = Templates::load(config.drafts.templates.as_deref());
    let drafts = templates.render_sample_by_rule(NAME).unwrap_or_default();
    if drafts.iter().all(|draft| names_rule(draft, NAME)) {
        return Vec::new();
    }
    vec![Finding::bad(
        "a text that a rule lets leave does not name it: no rule will approve anything",
        "write {{rule}} into your own reply.txt.hbs, comment.md.hbs and issue.md.hbs, as the \
         templates that come along do",
    )]
}
