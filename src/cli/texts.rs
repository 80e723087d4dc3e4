//! The exact texts of a draft, as they would leave.

use super::screen::{Screen, Tone};
use super::showing::{field, warn};
use super::summary::short_digest;
use super::words::{barred, count, cut, wrapped};
use crate::config::Config;
use crate::desk::caution::{once_of_each_kind, settled_silently};
use crate::desk::leaves::reopening;
use crate::domain::draft::{Action, Draft, NewIssue, Reply};
use crate::domain::issue::IssueRef;
use crate::domain::untrusted::terminal;
use crate::store::{DecisionRow, DraftRow};

/// In front of every line that would leave.
const BAR: &str = "  | ";

/// Prints a draft: warnings, actions, reply, digest.
pub(super) fn print(
    screen: &Screen,
    draft: &DraftRow,
    config: &Config,
    decision: Option<&DecisionRow>,
) {
    let heading = match decision {
        None => "What would leave",
        Some(_) => "What was decided on",
    };
    screen.heading(heading);
    let summary = format!(
        "{}; digest {}; made by {}",
        contents(&draft.draft),
        short_digest(draft),
        cut(&draft.made_by, 60)
    );
    for line in wrapped(&summary, screen.width().saturating_sub(2)) {
        screen.say(format!("  {line}"));
    }
    for warning in once_of_each_kind(&draft.draft.warnings) {
        warn(screen, &warning);
    }
    for (index, action) in draft.draft.actions.iter().enumerate() {
        screen.say("");
        one_action(screen, index + 1, action);
    }
    if let Some(reply) = &draft.draft.reply {
        screen.say("");
        mail(screen, "  Then reply to the list", reply, config);
    }
    along(screen, &draft.draft, config);
}

/// What else is settled: the answers, and those for whom the reply above speaks.
fn along(screen: &Screen, draft: &Draft, config: &Config) {
    for one in &draft.along {
        if let Some(reply) = &one.reply {
            screen.say("");
            let title = format!("  And reply to {}", one.notification);
            mail(screen, &title, reply, config);
        }
    }
    let Some(words) = settled_silently(draft) else {
        return;
    };
    screen.say("");
    for line in wrapped(&words, screen.width().saturating_sub(2)) {
        screen.say(screen.paint(Tone::Bold, &format!("  {line}")));
    }
}

/// `2 actions in the tracker and a mail to the list`.
fn contents(draft: &Draft) -> String {
    let actions = count(draft.actions.len(), "action");
    match &draft.reply {
        Some(_) => format!("{actions} in the tracker, and a mail to the list"),
        None => format!("{actions} in the tracker"),
    }
}

fn one_action(screen: &Screen, number: usize, action: &Action) {
    match action {
        Action::Open(issue) => open(screen, number, issue),
        Action::Comment { issue, body } => {
            let title = format!("{number}. Comment on #{}: {}", issue.number, issue.title);
            on(screen, &title, issue, Some(body));
        }
        Action::Reopen { issue, body } => on(screen, &reopening(number, issue), issue, Some(body)),
        Action::Count { issue, table } => {
            let how = match table {
                Some(_) => "the table below the last one is brought up to date",
                None => "the next one tells how often it happened",
            };
            let title = format!(
                "{number}. No comment on #{}: {}. There was one within a day; {how}",
                issue.number, issue.title
            );
            on(screen, &title, issue, table.as_ref());
        }
        Action::Choose { about, candidates } => {
            let title = format!("{number}. A person has to choose the report for: {about}");
            for line in wrapped(&terminal(&title), screen.width().saturating_sub(2)) {
                screen.say(screen.paint(Tone::Warning, &format!("  {line}")));
            }
            for issue in candidates {
                let line = format!("#{} {}", issue.number, issue.title);
                screen.say(format!(
                    "     {}",
                    cut(&line, screen.width().saturating_sub(5))
                ));
            }
        }
    }
}

/// What is done to a report, its address, and the text if there is one.
fn on(screen: &Screen, title: &str, issue: &IssueRef, body: Option<&String>) {
    for line in wrapped(&terminal(title), screen.width().saturating_sub(2)) {
        screen.say(screen.paint(Tone::Bold, &format!("  {line}")));
    }
    screen.say(screen.paint(Tone::Dim, &format!("     {}", terminal(&issue.url))));
    if let Some(body) = body {
        text(screen, body);
    }
}

fn open(screen: &Screen, number: usize, issue: &NewIssue) {
    screen.say(screen.paint(Tone::Bold, &format!("  {number}. Open a new report")));
    field(screen, "Title", &issue.title);
    if !issue.versions.is_empty() {
        field(screen, "Versions", &issue.versions.join(", "));
    }
    if !issue.components.is_empty() {
        field(screen, "Components", &issue.components.join(", "));
    }
    text(screen, &issue.body);
}

fn mail(screen: &Screen, title: &str, reply: &Reply, config: &Config) {
    screen.say(screen.paint(Tone::Bold, title));
    let sender = config.outgoing.sender();
    field(
        screen,
        "From",
        &format!("{} <{}>", sender.name, sender.address),
    );
    field(screen, "To", &config.list.address);
    field(screen, "Subject", &reply.subject);
    match &reply.in_reply_to {
        Some(id) => field(screen, "In-Reply-To", &format!("<{id}>")),
        None => field(
            screen,
            "In-Reply-To",
            "(none: the mail has no valid Message-ID)",
        ),
    }
    if reply.references.len() > 1 {
        field(
            screen,
            "References",
            &reply
                .references
                .iter()
                .map(|id| format!("<{id}>"))
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    text(screen, &reply.body);
    if reply.body.contains("<<") {
        let words = "What stands in << >> is filled in when the mail is sent.";
        for line in wrapped(words, screen.width().saturating_sub(4)) {
            screen.say(screen.paint(Tone::Dim, &format!("    {line}")));
        }
    }
}

fn text(screen: &Screen, body: &str) {
    for line in barred(body, BAR, screen.width()) {
        screen.say(line);
    }
}
