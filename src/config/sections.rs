//! Every section, read from the file: which settings there are, what they
//! default to, and how they depend on each other.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use crate::config::alerts;
use crate::config::approvers;
use crate::config::auto;
use crate::config::ci;
use crate::config::connections;
use crate::config::keys::{KEYS, REPEATED, nearest};
use crate::config::mistake::{Mistake, Place};
use crate::config::reader::{Findings, Section, Value, did_you_mean};
use crate::config::rules;
use crate::config::secrets::SecretSource;
use crate::config::settings::{
    AfterRecovery, Config, Drafts, Limits, Log, LogFormat, MailingList, Matching, Outgoing, Store,
    Tracker, TrackerKind,
};
use crate::config::values;
use crate::config::web;
use crate::domain::rules::Rulebook;
use crate::domain::subscribing::{ListServer, own_address};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Where the state lives unless the file says otherwise; the unit's
/// `StateDirectory=`.
const STATE_DIR: &str = "/var/lib/buildbot-watch";

/// What became of a file.
pub(crate) struct Read {
    /// Absent if a required setting is missing or wrong.
    pub(crate) config: Option<Config>,
    pub(crate) mistakes: Vec<Mistake>,
    /// Every secret that is named, also where other things are wrong.
    pub(crate) secrets: Vec<SecretSource>,
}

/// What to do about a file that cannot be read.
fn unreadable(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "run the command as the service's user (sudo -u buildbot-watch ...), and let that \
             user read the file"
        }
        _ => "start from systemd/config.example.toml, and name the file with --config",
    }
}

/// Reads a configuration file.
pub(crate) fn read(file: &Path) -> Read {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            return Read {
                config: None,
                mistakes: vec![Mistake {
                    place: Place::new(file, 0),
                    what: format!("cannot be read: {error}"),
                    remedy: unreadable(&error).to_owned(),
                }],
                secrets: Vec::new(),
            };
        }
    };
    let mut findings = Findings::new(file, &text);
    let (root, broken) = DeTable::parse_recoverable(&text);
    for error in &broken {
        let at = error.span().map_or(0, |span| span.start);
        let place = findings.place(at);
        if findings.mistakes.iter().any(|told| told.place == place) {
            continue;
        }
        findings.mistake(
            at,
            format!("this is not TOML: {}", error.message()),
            match error.message() {
                "duplicate key" => "it is there twice: keep one".to_owned(),
                _ => "a text stands in \"quotes\", a list in [brackets]; see \
                      systemd/config.example.toml"
                    .to_owned(),
            },
        );
    }
    let syntax = findings.mistakes.len();
    let config = config(root.get_ref(), &mut findings);
    if syntax > 0 {
        forget_consequences(&mut findings, syntax, &text);
    }
    Read {
        config,
        mistakes: findings.mistakes,
        secrets: findings.secrets,
    }
}

/// Where the syntax is broken, what follows on the same line or for want of a
/// setting may be a consequence, and below a broken section's name what belongs
/// to that section; everything else is still worth saying.
fn forget_consequences(findings: &mut Findings, syntax: usize, text: &str) {
    let others = findings.mistakes.split_off(syntax);
    let headers: Vec<usize> = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.trim_start().starts_with('['))
        .map(|(_, number)| number)
        .collect();
    // The lines that each broken one takes with it.
    let taken = |broken: usize| match headers.binary_search(&broken) {
        Ok(index) => broken..headers.get(index + 1).copied().unwrap_or(usize::MAX),
        Err(_) => broken..broken + 1,
    };
    let sound = |mistake: &Mistake| {
        !mistake.what.contains(" is missing")
            && findings
                .mistakes
                .iter()
                .all(|broken| !taken(broken.place.line).contains(&mistake.place.line))
    };
    let sound: Vec<Mistake> = others.into_iter().filter(sound).collect();
    findings.mistakes.extend(sound);
}

/// Reads every section, also after a mistake, and only then gives up.
fn config(root: &DeTable<'_>, findings: &mut Findings) -> Option<Config> {
    unknown_sections(root, findings);
    let store = store(root, findings);
    let list = list(root, findings);
    let mailbox = connections::mailbox(root, findings);
    let outgoing = connections::outgoing(root, findings);
    let tracker = connections::tracker(root, &store, findings);
    let ci = ci::ci(root, findings);
    let matching = matching(root, findings);
    let drafts = drafts(root, tracker.as_ref(), findings);
    let limits = limits(root, findings);
    let web = web::web(root, findings);
    let alerts = alerts::alerts(root, findings);
    let addresses = addresses(list.as_ref(), outgoing.as_ref());
    let around = (mailbox.as_ref(), web.as_ref(), addresses.as_slice());
    let approvers = approvers::approvers(root, around, findings);
    let auto = auto::rules(root, findings);
    let log = log(root, findings);
    Some(Config {
        file: findings.file.clone(),
        store,
        list: list?,
        mailbox: mailbox?,
        outgoing: outgoing?,
        tracker: tracker?,
        ci,
        matching,
        drafts,
        limits,
        web,
        alerts,
        approvers,
        auto,
        log,
        warnings: findings.warnings.clone(),
    })
}

/// Addresses that are for something else than answers.
fn addresses(list: Option<&MailingList>, outgoing: Option<&Outgoing>) -> Vec<String> {
    let list = list.into_iter();
    let of_list = list.flat_map(|list| list.notifiers.iter().chain([&list.address]));
    let sender = outgoing.map(Outgoing::sender).into_iter();
    let own = sender.flat_map(|sender| [&sender.address, &sender.bounce]);
    of_list.chain(own).cloned().collect()
}

fn unknown_sections(root: &DeTable<'_>, findings: &mut Findings) {
    let known = || KEYS.iter().map(|section| section.name);
    for (key, value) in root {
        let name = key.get_ref().as_ref();
        let is_several = is_several(value);
        let is_table = value.get_ref().is_table() || is_several;
        let is_known = known().any(|section| section == name);
        let is_repeated = REPEATED.contains(&name);
        if is_known && is_table && is_several == is_repeated {
            if is_several && !is_of_tables(value) {
                findings.mistake(
                    key.span().start,
                    format!("[{name}] has something else in it than tables"),
                    format!("write a line [[{name}]] for each, and its settings below it"),
                );
            }
            continue;
        }
        let (what, remedy) = if is_known && is_repeated {
            (
                format!("of [{name}] there may be several"),
                format!("write a line [[{name}]] for each, and its settings below it"),
            )
        } else if is_known {
            (
                format!("{name} is a section, not a setting"),
                format!("write a line [{name}], and its settings below it"),
            )
        } else if is_table {
            // What stands in it is read as what was meant.
            if let Some(meant) = nearest(name, known()).filter(|meant| !root.contains_key(*meant)) {
                findings.misspelt.push((meant, name.to_owned()));
            }
            (
                format!("there is no section [{name}]"),
                did_you_mean(name, known()),
            )
        } else {
            (
                format!("{name} stands outside of any section"),
                "put it below the [section] it belongs to".to_owned(),
            )
        };
        findings.mistake(key.span().start, what, remedy);
    }
}

/// Whether tables stand there, below lines `[[name]]`.
fn is_several(value: &Value<'_>) -> bool {
    let tables = value.get_ref().as_array();
    tables.is_some_and(|tables| tables.iter().any(|table| table.get_ref().is_table()))
}

/// Whether nothing else stands there.
fn is_of_tables(value: &Value<'_>) -> bool {
    let items = value.get_ref().as_array();
    items.is_some_and(|items| items.iter().all(|item| item.get_ref().is_table()))
}

/// The folder relative paths start at: the configuration file's own.
pub(crate) fn base(findings: &Findings) -> std::path::PathBuf {
    let folder = findings.file.parent().unwrap_or(Path::new("."));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn store(root: &DeTable<'_>, findings: &mut Findings) -> Store {
    let base = base(findings);
    let mut section = Section::open(root, "store", findings);
    let state_dir = section.or("state_dir", STATE_DIR.into(), |v| values::path(v, &base));
    section.finish(&[]);
    Store { state_dir }
}

fn list(root: &DeTable<'_>, findings: &mut Findings) -> Option<MailingList> {
    let mut section = Section::open(root, "list", findings);
    let id = section.need("id", "\"buildbot-status.python.org\"", values::list_id);
    let address = section.need("address", "\"buildbot-status@python.org\"", values::address);
    let notifiers = section.need("notifiers", "[\"buildbot@python.org\"]", |v| {
        values::filled_list(v, values::address)
    });
    let max_action_age = section.or(
        "max_action_age",
        Duration::from_secs(7 * DAY),
        values::duration,
    );
    let usual = |purpose| own_address(address.as_deref().unwrap_or_default(), purpose);
    let join = section.or("join_address", usual("join"), values::address);
    let leave = section.or("leave_address", usual("leave"), values::address);
    let confirm = section.or("confirm_address", usual("confirm"), values::address);
    section.finish(&[]);
    let (id, address) = (id?, address?);
    Some(MailingList {
        server: ListServer {
            list_id: id.clone(),
            list: address.clone(),
            join,
            leave,
            confirm,
        },
        id,
        address,
        notifiers: notifiers?,
        max_action_age,
    })
}

fn matching(root: &DeTable<'_>, findings: &mut Findings) -> Matching {
    let base = base(findings);
    let mut section = Section::open(root, "matching", findings);
    let file = section.maybe("rules", |v| values::readable_file(v, &base));
    section.finish(&[]);
    let (rulebook, mistakes) = match &file {
        Some(file) => rules::read(file),
        None => (Rulebook::none(), Vec::new()),
    };
    findings.mistakes.extend(mistakes);
    Matching {
        rules: file,
        rulebook,
    }
}

fn drafts(root: &DeTable<'_>, tracker: Option<&Tracker>, findings: &mut Findings) -> Drafts {
    let base = base(findings);
    let label = match tracker.map(|tracker| &tracker.kind) {
        Some(TrackerKind::GitHub(_)) => "tests",
        _ => "Tests",
    };
    let mut section = Section::open(root, "drafts", findings);
    let templates = section.maybe("templates", |v| values::folder(v, &base));
    let components = section.or("default_components", vec![label.to_owned()], |v| {
        values::list(v, values::text)
    });
    let expire_after = section.or(
        "expire_after",
        Duration::from_secs(30 * 24 * 60 * MINUTE),
        values::duration,
    );
    let recovered = section.or("recovered", AfterRecovery::Show, |v| {
        Ok(match values::one_of(v, &["show", "close"])? {
            "close" => AfterRecovery::Close,
            _ => AfterRecovery::Show,
        })
    });
    let one_reply_from = section.or("one_reply_from", 5, |v| values::number(v, 0, 1000));
    section.finish(&["versions", "components"]);
    let versions = Section::open(root, "drafts.versions", findings).pairs(values::text);
    let components_of = Section::open(root, "drafts.components", findings)
        .pairs(|v| values::filled_list(v, values::text));
    Drafts {
        templates,
        components,
        expire_after,
        recovered,
        one_reply_from,
        versions: versions.into_iter().collect(),
        components_of: components_of.into_iter().collect(),
    }
}

fn limits(root: &DeTable<'_>, findings: &mut Findings) -> Limits {
    let mut section = Section::open(root, "limits", findings);
    let checks = [5, 30, 2 * MINUTE, 10 * MINUTE].map(Duration::from_secs);
    let limits = Limits {
        replies_an_hour: cap(&mut section, "replies_an_hour", 6),
        replies_a_day: cap(&mut section, "replies_a_day", 30),
        replies_a_thread: cap(&mut section, "replies_a_thread", 2),
        new_issues_a_run: cap(&mut section, "new_issues_a_run", 1),
        new_issues_a_day: cap(&mut section, "new_issues_a_day", 3),
        doubt_checks: section.or("doubt_checks", checks.to_vec(), |v| {
            values::filled_list(v, values::duration)
        }),
        reconcile_every: section.or(
            "reconcile_every",
            Duration::from_secs(6 * HOUR),
            values::duration,
        ),
        max_mail_bytes: u64::from(section.or("max_mail_mib", 32, |v| values::number(v, 4, 64)))
            * 1024
            * 1024,
    };
    if !limits.doubt_checks.is_sorted() {
        let at = section.place_of("doubt_checks").unwrap_or_default();
        let wrong = crate::config::reader::Wrong::new(
            "does not rise",
            "write the times in rising order: [\"5s\", \"30s\", \"2m\", \"10m\"]",
        );
        section.wrong(at, "doubt_checks", wrong);
    }
    section.finish(&[]);
    limits
}

/// A bound of the loop breaker: lower is free, higher is allowed with a warning.
fn cap(section: &mut Section<'_, '_>, key: &'static str, default: u32) -> u32 {
    let cap = section.or(key, default, |v| values::number(v, 0, 1000));
    if cap > default {
        section.warn(
            key,
            &format!("= {cap} is above the recommended {default}: a loop would do more harm"),
        );
    }
    cap
}

fn log(root: &DeTable<'_>, findings: &mut Findings) -> Log {
    let mut section = Section::open(root, "log", findings);
    let format = section.or("format", LogFormat::Auto, |v| {
        Ok(match values::one_of(v, &["auto", "journal", "text"])? {
            "journal" => LogFormat::Journal,
            "text" => LogFormat::Text,
            _ => LogFormat::Auto,
        })
    });
    let level = section.or("level", tracing::Level::INFO, |v| {
        let levels = ["error", "warn", "info", "debug", "trace"];
        let level = values::one_of(v, &levels)?;
        Ok(level.parse().unwrap_or(tracing::Level::INFO))
    });
    section.finish(&[]);
    Log { format, level }
}
