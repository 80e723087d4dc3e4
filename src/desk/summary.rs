//! One notification in a few words: what failed, what would be done, how sure
//! the program is.

use super::words::{cut, cut_path};
use crate::domain::delivery::DeliveryKind;
use crate::domain::draft::Action;
use crate::domain::failure::Failure;
use crate::domain::life::Stage;
use crate::domain::matching::{Tier, Verdict};
use crate::domain::notification::Build;
use crate::store::{DecisionKind, DeliveryRow, DraftRow, NotificationRow};

/// So many hex digits of a digest are shown, and at least as many must be typed.
pub(crate) const SHORT_DIGEST: usize = 8;

/// What a person types: `12@1a2b3c4d`, or `12` without a draft.
pub(crate) fn key(row: &NotificationRow) -> String {
    match &row.draft {
        Some(draft) => format!("{}@{}", row.id, short_digest(draft)),
        None => row.id.to_string(),
    }
}

/// A draft in one line: `12@1a2b3c4d  strong: comment on #2  test_os.X.test_y`.
pub(crate) fn in_short(row: &NotificationRow) -> String {
    let (key, sure, would) = (key(row), how_sure(row), would(row));
    format!("{key}  {sure}: {would}  {}", what_failed(row))
}

/// The part of the digest that is shown.
pub(crate) fn short_digest(draft: &DraftRow) -> &str {
    draft.digest.get(..SHORT_DIGEST).unwrap_or(&draft.digest)
}

/// Every failure with its build, in the order in which they are numbered from 1.
pub(crate) fn failures(row: &NotificationRow) -> Vec<(&Build, &Failure)> {
    let builds = row
        .reading
        .iter()
        .flat_map(|reading| &reading.notification.builds);
    builds
        .flat_map(|build| build.failures.iter().map(move |failure| (build, failure)))
        .collect()
}

/// `test_os.ProcessTests.test_popen: failed`.
pub(crate) fn failure(failure: &Failure) -> String {
    let test = failure.test.qualified();
    let manner = manner(failure);
    if test.is_empty() {
        return manner;
    }
    format!("{test}: {manner}")
}

/// The same where no lines of a log stand below it: a failure without a test is named
/// by its most telling line, `compile error: x.c:3: error: ...`.
pub(crate) fn failure_alone(failure: &Failure) -> String {
    match (failure.test.qualified().as_str(), &failure.line) {
        ("", Some(line)) => format!("{}: {line}", manner(failure)),
        _ => self::failure(failure),
    }
}

/// `failed`, `leak`, `failed, passed when run again`.
fn manner(failure: &Failure) -> String {
    let again = if failure.flaky {
        ", passed when run again"
    } else {
        ""
    };
    format!("{}{again}", failure.kind.words())
}

/// What tells a failure from others: its test, else its most telling line.
fn name(failure: &Failure) -> String {
    let test = failure.test.qualified();
    if test.is_empty() {
        return failure
            .line
            .clone()
            .unwrap_or_else(|| failure.kind.words().to_owned());
    }
    test
}

/// The first failure and how many more there are; how a mail is known that is no
/// notification.
pub(crate) fn what_failed(row: &NotificationRow) -> String {
    what_failed_within(row, usize::MAX)
}

/// The same, safe for a terminal and within so many columns: how many more there
/// are is never cut off.
pub(crate) fn what_failed_within(row: &NotificationRow, columns: usize) -> String {
    let failures = failures(row);
    match failures.as_slice() {
        [] => match (&row.reading, &row.message_id) {
            (Some(reading), _) => cut(&reading.mail.subject, columns),
            (None, Some(id)) => cut(&format!("<{id}>"), columns),
            (None, None) => cut("(a mail without Message-ID)", columns),
        },
        [(_, only)] => cut_name(only, columns),
        [(_, first), more @ ..] => {
            let more = format!(" and {} more", more.len());
            let room = columns.saturating_sub(more.len());
            format!("{}{more}", cut_name(first, room))
        }
    }
}

/// Of a path that is too long the end is what tells. A compiler's line has a
/// second one, of the project.
fn cut_name(failure: &Failure, columns: usize) -> String {
    cut_paths(&name(failure), columns)
}

fn cut_paths(name: &str, columns: usize) -> String {
    let once = cut_path(name, columns);
    cut(&cut_path(&once, columns), columns)
}

/// How and where: `failed on AMD64 Fedora 3.x`, `leak on x and 2 more`.
pub(crate) fn how_and_where(row: &NotificationRow) -> String {
    let builds = row
        .reading
        .as_ref()
        .map(|reading| reading.notification.builds.as_slice());
    let builders = match builds.unwrap_or_default() {
        [] => return String::new(),
        [only] => only.builder.clone(),
        [first, more @ ..] => format!("{} and {} more", first.builder, more.len()),
    };
    match failures(row).first() {
        Some((_, first)) => format!("{} on {builders}", manner(first)),
        None => format!("on {builders}"),
    }
}

/// What would be done, in words.
pub(crate) fn would(row: &NotificationRow) -> String {
    proposals(row).join(", ")
}

/// What would be done: `open 2 reports`, `comment on #3`.
pub(crate) fn proposals(row: &NotificationRow) -> Vec<String> {
    let Some(draft) = &row.draft else {
        return Vec::new();
    };
    let actions = &draft.draft.actions;
    let opened = actions
        .iter()
        .filter(|it| matches!(it, Action::Open(_)))
        .count();
    let mut parts = Vec::new();
    if draft.draft.is_undecided() {
        parts.push("a report is to be chosen".to_owned());
    }
    match opened {
        0 => {}
        1 => parts.push("open a report".to_owned()),
        more => parts.push(format!("open {more} reports")),
    }
    let mut commented: Vec<u64> = actions.iter().filter_map(commented).collect();
    let more = commented.split_off(commented.len().min(2));
    parts.extend(
        commented
            .iter()
            .map(|number| format!("comment on #{number}")),
    );
    if !more.is_empty() {
        parts.push(format!("on {} more", more.len()));
    }
    let others = actions.iter().filter_map(|action| match action {
        Action::Reopen { issue, .. } => Some(format!("open #{} again", issue.number)),
        Action::Count { issue, .. } => Some(format!("count for #{}", issue.number)),
        _ => None,
    });
    parts.extend(others);
    if parts.is_empty() && draft.draft.reply.is_some() {
        parts.push("reply".to_owned());
    }
    match draft.draft.along.len() {
        0 => {}
        more => parts.push(format!("settle {} notifications", more + 1)),
    }
    parts
}

/// The report that an action comments on.
pub(crate) fn commented(action: &Action) -> Option<u64> {
    match action {
        Action::Comment { issue, .. } => Some(issue.number),
        Action::Open(_) | Action::Reopen { .. } | Action::Count { .. } | Action::Choose { .. } => {
            None
        }
    }
}

/// How sure the program is of the least sure failure.
pub(crate) fn tier(row: &NotificationRow) -> &'static str {
    let verdicts = row
        .verdicts
        .iter()
        .flatten()
        .map(|it| certainty(&it.verdict));
    verdicts
        .min_by_key(|(rank, _)| *rank)
        .map_or("", |(_, word)| word)
}

/// The same for people: a draft that opens a report for one failure, and is about a
/// known one for another, is both.
pub(crate) fn how_sure(row: &NotificationRow) -> String {
    match tier(row) {
        tier @ ("" | "new") => tier.to_owned(),
        tier if is_partly_new(row) => format!("new and {tier}"),
        tier => tier.to_owned(),
    }
}

/// Whether a failure of it is called new.
pub(crate) fn is_partly_new(row: &NotificationRow) -> bool {
    let mut verdicts = row.verdicts.iter().flatten();
    verdicts.any(|it| matches!(it.verdict, Verdict::New { .. }))
}

/// How sure, as a rank (the least sure first) and a word.
pub(crate) fn certainty(verdict: &Verdict) -> (u8, &'static str) {
    match verdict {
        Verdict::Ambiguous { .. } => (0, "ambiguous"),
        Verdict::New { .. } => (4, "new"),
        Verdict::Known { candidates } => match candidates.first().map(|best| best.tier) {
            Some(Tier::Likely) => (2, tier_word(Tier::Likely)),
            Some(Tier::Strong) => (3, tier_word(Tier::Strong)),
            Some(Tier::Weak) | None => (1, tier_word(Tier::Weak)),
        },
    }
}

/// The tier in a word.
pub(crate) fn tier_word(tier: Tier) -> &'static str {
    match tier {
        Tier::Weak => "weak",
        Tier::Likely => "likely",
        Tier::Strong => "strong",
    }
}

/// What was decided, in a word.
pub(crate) fn decided(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Approve => "approved",
        DecisionKind::Reject => "rejected",
        DecisionKind::Edit => "edited",
        DecisionKind::Link => "linked",
    }
}

/// What a delivery does, in words.
pub(crate) fn effect(row: &DeliveryRow) -> &'static str {
    match row.kind {
        DeliveryKind::OpenIssue => "new report",
        DeliveryKind::Comment if row.reopens() => "opening again, with a comment",
        DeliveryKind::Comment => "comment",
        DeliveryKind::Reply => "mail to the list",
    }
}

/// Where it stands, with why if it does not go on by itself.
pub(crate) fn standing(row: &NotificationRow) -> String {
    if let Some(closed) = &row.closed {
        return match closed.note.as_str() {
            "" => row.stage.to_string(),
            note => format!("closed ({}): {note}", closed.reason),
        };
    }
    if let Some(why) = &row.quarantined {
        return format!("quarantined: {why}");
    }
    if let Some(held) = &row.held {
        return match held.why.as_str() {
            "" => format!("{}, held by {}", row.stage, held.who),
            why => format!("{}, held by {}: {why}", row.stage, held.who),
        };
    }
    if let Some(waiting) = &row.waiting {
        return format!("{}, waits: {}", row.stage, waiting.why);
    }
    match (row.stage, &row.decision) {
        (Stage::Attached, _) => match row.attached_to {
            Some(leader) => format!("attached to {leader}: what is decided there settles it too"),
            None => row.stage.to_string(),
        },
        (Stage::Approved, Some(decision)) => {
            let done = row
                .deliveries
                .iter()
                .filter(|it| it.receipt.is_some())
                .count();
            let all = row.deliveries.len();
            let who = match &decision.auto_rule {
                Some(rule) => format!("the rule {rule}"),
                None => decision.who.clone(),
            };
            format!("approved by {who}: {done} of {all} delivered")
        }
        _ => row.stage.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::cut_paths;

    #[test]
    fn what_a_compiler_says_begins_with_the_end_of_its_path() {
        let line = r"D:\buildarea\3.x.bolen-windows10\build\PC\winreg.c(100,5): error C2143: missing ';' [D:\buildarea\3.x.bolen-windows10\build\PCbuild\pythoncore.vcxproj]";
        assert_eq!(cut_paths(line, 36), r"…\winreg.c(100,5): error C2143: mis…");
        assert_eq!(cut_paths(line, 200), line);
        let line = "/home/buildbot/buildarea/3.x/build/Objects/longobject.c:3:71: error: expected";
        assert_eq!(cut_paths(line, 36), "…/longobject.c:3:71: error: expected");
    }
}
