//! What failed, and the reports it may belong to: failures that the same reports
//! were found for are shown together.

use super::screen::{Screen, Tone};
use super::summary;
use super::words::{barred, cut, cut_path, folded, wrapped};
use crate::desk::failures::{Group, excerpt, groups};
use crate::domain::failure::Failure;
use crate::domain::matching::Candidate;
use crate::domain::notification::Build;
use crate::domain::untrusted::terminal;
use crate::store::NotificationRow;

/// How much is shown of many failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// The lines of the log for the first failure of each kind.
    Short,
    /// The lines of the log for every failure, whole.
    Full,
}

/// Prints every failure.
pub(super) fn print(screen: &Screen, row: &NotificationRow, detail: Detail) {
    if summary::failures(row).is_empty() {
        return;
    }
    screen.heading("What failed");
    let mut last_build: Option<&Build> = None;
    for group in groups(row) {
        if last_build.is_none_or(|last| !std::ptr::eq(last, group.build)) {
            builder(screen, group.build);
        }
        last_build = Some(group.build);
        one_group(screen, &group, detail);
    }
}

fn builder(screen: &Screen, build: &Build) {
    let name = cut(&build.builder, screen.width().saturating_sub(4));
    screen.say(format!("  {}", screen.paint(Tone::Bold, &name)));
    if let Some(link) = &build.link {
        screen.say(screen.paint(Tone::Dim, &format!("  {}", terminal(&link.url))));
    }
}

fn one_group(screen: &Screen, group: &Group<'_>, detail: Detail) {
    for (position, (number, failure)) in group.failures.iter().enumerate() {
        let what = terminal(&summary::failure(failure));
        for (index, line) in folded(&what, screen.width().saturating_sub(7))
            .iter()
            .enumerate()
        {
            let mark = if index == 0 {
                format!("{number:>3}.")
            } else {
                String::new()
            };
            screen.say(format!("  {mark:<4} {line}").trim_end());
        }
        match (detail, position) {
            (Detail::Full, _) => log(screen, failure, usize::MAX),
            (Detail::Short, 0) => log(screen, failure, screen.width()),
            (Detail::Short, _) => {}
        }
    }
    reports(screen, group);
}

/// A line of a log is shown on so many at most, unless everything is asked for.
const LINES_OF_ONE: usize = 3;
/// In front of a line of a log.
const BAR: &str = "       | ";

/// The telling lines of the log, each of at most `columns`.
fn log(screen: &Screen, failure: &Failure, columns: usize) {
    for line in excerpt(failure) {
        let short = cut_path(line, columns.saturating_sub(BAR.len()));
        let lines = barred(&short, BAR, columns);
        for line in lines.iter().take(LINES_OF_ONE) {
            screen.say(screen.paint(Tone::Dim, line));
        }
        if lines.len() > LINES_OF_ONE {
            screen.say(screen.paint(Tone::Dim, "       ¦ …"));
        }
    }
}

fn reports(screen: &Screen, group: &Group<'_>) {
    if let Some(words) = group.note() {
        for line in wrapped(words, screen.width().saturating_sub(7)) {
            screen.say(format!("       {line}"));
        }
    }
    if let Some(words) = group.searched() {
        for line in wrapped(&terminal(&words), screen.width().saturating_sub(7)) {
            screen.say(format!("       {line}"));
        }
    }
    let Some(heading) = group.heading() else {
        return;
    };
    screen.say(format!("       {heading}:"));
    for candidate in group.candidates() {
        report(screen, candidate);
    }
}

fn report(screen: &Screen, candidate: &Candidate) {
    let closed = if candidate.open { "" } else { ", closed" };
    let tier = summary::tier_word(candidate.tier);
    let line = format!(
        "#{} ({tier}{closed}) {}",
        candidate.issue.number, candidate.issue.title
    );
    screen.say(format!(
        "         {}",
        cut(&line, screen.width().saturating_sub(9))
    ));
    let link = format!("           {}", terminal(&candidate.issue.url));
    screen.say(screen.paint(Tone::Dim, &link));
    for evidence in &candidate.evidence {
        let lines = wrapped(&terminal(evidence), screen.width().saturating_sub(13));
        for (index, line) in lines.iter().enumerate() {
            let mark = if index == 0 { "-" } else { " " };
            screen.say(format!("           {mark} {line}"));
        }
    }
}
