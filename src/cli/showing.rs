//! `show`: everything a person needs to decide on one draft.

use anyhow::Result;
use serde_json::{Value, json};

use super::args::DraftId;
use super::deciding::not_current;
use super::failing::Detail;
use super::json as shapes;
use super::repeating::sent_before;
use super::screen::{Screen, Tone};
use super::session::Session;
use super::words::{age, barred, date, folded, when, wrapped};
use super::{failing, summary, texts};
use crate::config::Config;
use crate::daemon::surroundings_of;
use crate::desk::automatic;
use crate::desk::mails::{mail_of, with_summary};
use crate::desk::recovered::{recoveries, sentences};
use crate::domain::Seconds;
use crate::domain::delivery::{DeliveryKind, Receipt};
use crate::domain::life::{DeliveryState, Stage};
use crate::domain::untrusted::terminal;
use crate::store::{DeliveryRow, NotificationRow};

/// Lines of a mail in which nothing failed.
const LINES_SHOWN: usize = 30;

/// Shows one notification.
pub(super) fn show(session: &Session, draft: &DraftId, detail: Detail) -> Result<()> {
    let config = session.config()?;
    let store = session.store_of(&config)?;
    let row = with_summary(&store, session.load(&store, draft)?);
    let held = sent_before(&store, &config.list.address, &row, session.now)?;
    let around = surroundings_of(&config)?;
    let said = automatic::words(&store, &around, &row, session.now)?;
    let recoveries = recoveries(&store, &row)?;
    let document = document(&row, &config, session.now);
    let mut document = shapes::with_recoveries(document, &recoveries);
    if let Value::Object(fields) = &mut document {
        fields.insert("will_be_held".to_owned(), json!(held));
        let said = said.iter().map(|it| {
            let (rule, acts) = (&it.rule, it.acts);
            json!({ "rule": rule, "acts": acts, "would": it.unmet.is_none(), "why": it.unmet })
        });
        fields.insert("auto_rules".to_owned(), said.collect());
    }
    session.screen.document(&document);
    let recovered = sentences(&recoveries, session.now);
    if let Some(words) = not_current(session, &row, draft) {
        warn(&session.screen, &words);
    }
    print(&session.screen, &row, &config, detail, session.now);
    if !recovered.is_empty() {
        session.screen.say("");
    }
    for words in &recovered {
        for line in wrapped(&terminal(words), session.screen.width()) {
            session.screen.say(session.screen.paint(Tone::Good, &line));
        }
    }
    if !said.is_empty() {
        session.screen.heading("Automatic rules");
    }
    for word in &said {
        let words = terminal(&word.in_words());
        for line in wrapped(&words, session.screen.width().saturating_sub(2)) {
            session.screen.say(format!("  {line}"));
        }
    }
    if let Some(words) = &held {
        session.screen.say("");
        warn(&session.screen, words);
    }
    if summary::failures(&row).is_empty()
        && let Some(mail) = mail_of(&store, &row)
    {
        beginning(&session.screen, &mail.text);
    }
    next(session, &row);
    Ok(())
}

fn document(row: &NotificationRow, config: &Config, now: Seconds) -> Value {
    let mut document = shapes::notification(row, now);
    if let Value::Object(fields) = &mut document {
        fields.insert(
            "mail".to_owned(),
            json!(row.reading.as_ref().map(|it| &it.mail)),
        );
        fields.insert("verdicts".to_owned(), json!(row.verdicts));
        fields.insert(
            "draft_texts".to_owned(),
            json!(row.draft.as_ref().map(|it| &it.draft)),
        );
        fields.insert("reply_to".to_owned(), json!(config.list.address));
        let deliveries: Vec<Value> = row.deliveries.iter().map(shapes::delivery).collect();
        fields.insert("deliveries".to_owned(), json!(deliveries));
    }
    document
}

/// Prints all of it, without what to type next.
fn print(screen: &Screen, row: &NotificationRow, config: &Config, detail: Detail, now: Seconds) {
    head(screen, row, now);
    mail(screen, row);
    failing::print(screen, row, detail);
    if let Some(draft) = &row.draft {
        texts::print(screen, draft, config, row.decision.as_ref());
    }
    deliveries(screen, row, now);
}

fn head(screen: &Screen, row: &NotificationRow, now: Seconds) {
    let title = match &row.draft {
        Some(draft) => format!("Draft {}, revision {}", summary::key(row), draft.revision),
        None => format!("Notification {}", row.id),
    };
    screen.say(screen.paint(Tone::Bold, &title));
    let tone = match (row.stage, &row.held) {
        (_, Some(_)) => Tone::Warning,
        (Stage::Quarantined, _) => Tone::Bad,
        (Stage::Delivered, _) => Tone::Good,
        _ => Tone::Dim,
    };
    let standing = format!(
        "{}; came in {}",
        terminal(&summary::standing(row)),
        when(row.received_at, now)
    );
    for line in wrapped(&standing, screen.width()) {
        screen.say(screen.paint(tone, &line));
    }
    if let Some(decision) = &row.decision {
        let words = format!(
            "{} by {} {} ago{}",
            summary::decided(decision.kind),
            terminal(&decision.who),
            age(decision.at, now),
            match &decision.auto_rule {
                Some(rule) => format!(" by the rule {}", terminal(rule)),
                None => String::new(),
            }
        );
        screen.say(words);
    }
}

fn mail(screen: &Screen, row: &NotificationRow) {
    if let Some(filed) = &row.filed {
        screen.heading("No mail");
        let words = format!("{} filed this build; nobody mailed about it", filed.who);
        field(screen, "Filed", &words);
        let remarks = row.reading.iter().flat_map(|it| &it.notification.remarks);
        remarks.for_each(|remark| warn(screen, remark));
        return;
    }
    screen.heading("The mail");
    let Some(reading) = &row.reading else {
        screen.say("  It cannot be read.");
        return;
    };
    let mail = &reading.mail;
    let from = mail.from.first().map_or("", String::as_str);
    let from = match &mail.from_name {
        Some(name) => format!("{name} <{from}>"),
        None => from.to_owned(),
    };
    field(screen, "Subject", &mail.subject);
    field(screen, "From", &from);
    field(screen, "Date", mail.date.as_deref().unwrap_or("(none)"));
    field(
        screen,
        "Message-ID",
        mail.message_id.as_deref().unwrap_or("(none that is valid)"),
    );
    let remarks = mail.remarks.iter().chain(&reading.notification.remarks);
    for remark in remarks {
        warn(screen, remark);
    }
    if row.truncated {
        warn(screen, "only the beginning was fetched: it is too large");
    }
}

/// The first lines of a mail in which nothing failed.
fn beginning(screen: &Screen, text: &str) {
    screen.heading("Its text");
    let lines = barred(text, "  | ", screen.width());
    for line in lines.iter().take(LINES_SHOWN) {
        screen.say(line);
    }
    if lines.len() > LINES_SHOWN {
        screen.say(format!(
            "  ... and {} more lines",
            lines.len() - LINES_SHOWN
        ));
    }
}

/// A name and a foreign text, whole, though it may be long.
pub(super) fn field(screen: &Screen, name: &str, text: &str) {
    let safe = terminal(text);
    let lines = folded(&safe, screen.width().saturating_sub(15));
    for (index, line) in lines.iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        screen.say(format!("  {name:<12} {line}").trim_end());
    }
}

/// Something a person should know, on as many lines as it takes.
pub(super) fn warn(screen: &Screen, words: &str) {
    for (index, line) in wrapped(&terminal(words), screen.width().saturating_sub(4))
        .iter()
        .enumerate()
    {
        let mark = if index == 0 { "!" } else { " " };
        screen.say(screen.paint(Tone::Warning, &format!("  {mark} {line}")));
    }
}

fn deliveries(screen: &Screen, row: &NotificationRow, now: Seconds) {
    if row.deliveries.is_empty() {
        return;
    }
    screen.heading("Deliveries");
    for delivery in &row.deliveries {
        delivery_lines(screen, delivery, now);
    }
}

/// One delivery in a line, and below it what is known of it.
pub(super) fn delivery_lines(screen: &Screen, row: &DeliveryRow, now: Seconds) {
    let tone = match row.state {
        DeliveryState::Done => Tone::Good,
        DeliveryState::Queued | DeliveryState::Claimed => Tone::Dim,
        DeliveryState::InDoubt => Tone::Warning,
        DeliveryState::Failed => Tone::Bad,
    };
    let state = screen.paint(tone, &row.state.to_string());
    let what = summary::effect(row);
    let found = match &row.receipt {
        Some(Receipt::Issue(issue)) => terminal(&issue.url),
        Some(Receipt::Mail { answer }) => terminal(answer),
        None => String::new(),
    };
    screen.say(format!("  {:>3}  {what}: {state}", row.id));
    if !found.is_empty() {
        screen.say(format!("       {found}"));
    }
    if let Some(at) = row.confirmed_at {
        screen.say(format!(
            "       confirmed by the list's copy at {}",
            date(at)
        ));
    }
    let why = match row.state {
        DeliveryState::Failed => row.failed_why.as_ref(),
        DeliveryState::Done => None,
        _ => row.last_error.as_ref(),
    };
    if let Some(why) = why {
        for line in wrapped(&terminal(why), screen.width().saturating_sub(7)) {
            screen.say(format!("       {line}"));
        }
    }
    if row.state == DeliveryState::Queued
        && let Some(due) = row.due_at.filter(|due| *due > now)
    {
        screen.say(format!(
            "       tried {} times; again at {}",
            row.attempts,
            date(due)
        ));
    }
}

fn next(session: &Session, row: &NotificationRow) {
    let id = row.id;
    let key = summary::key(row);
    let mut commands: Vec<(String, &str)> = Vec::new();
    let undecided = row
        .draft
        .as_ref()
        .is_some_and(|draft| draft.draft.is_undecided());
    match (row.stage, &row.held) {
        (Stage::Drafted | Stage::Approved, Some(_)) => {
            commands.push((format!("release {id}"), "let go of it"));
        }
        (Stage::Drafted, None) => {
            if !undecided {
                commands.push((format!("approve {key}"), "let exactly this leave"));
            }
            commands.push((
                format!("link {key} ISSUE"),
                "say which report it belongs to (a number, or new)",
            ));
            commands.push((format!("edit {key}"), "change the texts"));
            commands.push((format!("reject {key} --reason TEXT"), "let nothing leave"));
        }
        (Stage::Closed(_) | Stage::Quarantined, _) => {
            if row.can_start_over() {
                commands.push((
                    format!("retry {id}"),
                    "start over: read, match and draft it again",
                ));
            }
            commands.push((format!("history {id}"), "what happened so far"));
        }
        _ => commands.push((format!("history {id}"), "what happened so far")),
    }
    let stuck = row
        .deliveries
        .iter()
        .find(|it| matches!(it.state, DeliveryState::InDoubt | DeliveryState::Failed));
    if let Some(delivery) = stuck {
        let (id, proof) = match delivery.kind {
            DeliveryKind::Reply => (delivery.id, "'WHERE YOU SAW IT'"),
            DeliveryKind::OpenIssue | DeliveryKind::Comment => (delivery.id, "URL"),
        };
        commands.extend([
            (format!("resolve {id} --happened {proof}"), "it arrived"),
            (
                format!("resolve {id} --try-again"),
                "it did not arrive: deliver it again",
            ),
            (
                format!("resolve {id} --give-up"),
                "it did not arrive, and shall not",
            ),
        ]);
    }
    session.next(&commands);
}
