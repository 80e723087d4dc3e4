//! One draft for a mail: everything needed to decide, made safe for it.

use anyhow::Result;

use super::{Room, asking};
use crate::desk::caution::once_of_each_kind;
use crate::desk::failures::{Group, groups};
use crate::desk::recovered::{recoveries, sentences};
use crate::desk::repeating::sent_before;
use crate::desk::summary;
use crate::desk::words::{count, cut, when};
use crate::domain::approvers::Person;
use crate::domain::draft::{Action, Draft, to_editable};
use crate::domain::failure::Failure;
use crate::domain::matching::{Candidate, Tier, Verdict};
use crate::domain::untrusted::{header_text, plain_line};
use crate::store::{DraftRow, NotificationRow, TokenRow};
use crate::templates::{CandidateFields, DraftFields, FailureFields, GroupFields};

/// Characters of a line that is not part of what leaves.
const LINE: usize = 300;

/// Characters of what was searched for.
const SEARCHED: usize = 120;

/// Failures shown of one draft; a build that does not work at all has hundreds.
const FAILURES: usize = 30;

/// How much of a draft is shown.
#[derive(Clone, Copy)]
struct Detail {
    /// Lines of the log of one failure.
    lines: usize,
    /// Reports for one group of failures.
    candidates: usize,
    /// What speaks for each of them, in lines.
    evidence: usize,
}

/// The first, and where a mail would get too long the next.
const DETAILS: [Detail; 3] = [
    Detail {
        lines: 25,
        candidates: 4,
        evidence: 20,
    },
    Detail {
        lines: 6,
        candidates: 3,
        evidence: 4,
    },
    Detail {
        lines: 1,
        candidates: 1,
        evidence: 0,
    },
];

/// Characters of the texts that leave which a mail has room for.
const TEXTS: usize = 40_000;

/// The subject of a mail about one draft.
pub(super) fn subject(row: &NotificationRow) -> String {
    let words = format!("{}: {}", summary::key(row), summary::what_failed(row));
    header_text(&words, 120)
}

/// The draft in one line.
pub(super) fn in_short(row: &NotificationRow) -> String {
    plain_line(&summary::in_short(row), LINE)
}

/// The draft in words, with the address for the answer.
///
/// # Errors
///
/// The store's, and what the template says of the shortest form.
pub(super) fn draft(
    room: Room<'_>,
    person: &Person,
    row: &NotificationRow,
    draft: &DraftRow,
    token: &TokenRow,
) -> Result<String> {
    let mut fields = fields(room, person, row, draft, token)?;
    let [all, shorter @ ..] = DETAILS;
    fields.groups = group_fields(row, all);
    let mut text = room.parts.templates.approval(&fields);
    let told = "lines of the logs and evidence are left out: the mail would be too long";
    for detail in shorter {
        if text.is_ok() {
            break;
        }
        if !fields.warnings.iter().any(|words| words == told) {
            fields.warnings.push(told.to_owned());
        }
        fields.groups = group_fields(row, detail);
        text = room.parts.templates.approval(&fields);
    }
    Ok(text?)
}

/// All but what failed.
fn fields(
    room: Room<'_>,
    person: &Person,
    row: &NotificationRow,
    draft: &DraftRow,
    token: &TokenRow,
) -> Result<DraftFields> {
    let key = asking::key(row);
    let is_approvable = !draft.draft.is_undecided() && is_shown_whole(&draft.draft);
    Ok(DraftFields {
        what: plain_line(&summary::what_failed(row), LINE),
        r#where: plain_line(&summary::how_and_where(row), LINE),
        age: when(row.received_at, room.now),
        tier: format!(
            "verdict: {}; proposed: {}",
            summary::how_sure(row),
            plain_line(&summary::would(row), LINE)
        ),
        warnings: warnings(room, row, &draft.draft)?,
        page: room
            .approvers
            .page
            .as_ref()
            .map(|page| format!("{page}/draft/{}", row.id)),
        groups: Vec::new(),
        leaves: leaves(room, &draft.draft),
        texts: texts(&draft.draft),
        answer_to: room.approvers.answer_address(&token.token),
        subject: format!("draft%20{}", key.replace('@', "%40")),
        verbs: asking::verbs(person, is_approvable),
        key,
    })
}

/// Whether a mail has room for every text that would leave: nobody approves what
/// they were not shown.
pub(super) fn is_shown_whole(draft: &Draft) -> bool {
    to_editable(draft).chars().nth(TEXTS).is_none()
}

fn warnings(room: Room<'_>, row: &NotificationRow, draft: &Draft) -> Result<Vec<String>> {
    let recovered = recoveries(&room.parts.store, row)?;
    let mut all = sentences(&recovered, room.now);
    all.extend(draft.warnings.iter().cloned());
    if draft.is_undecided() {
        all.push("a report has to be chosen before this can be approved".to_owned());
    }
    if !is_shown_whole(draft) {
        all.push("the texts are too long for a mail, and are cut off below".to_owned());
    }
    let list = &room.parts.rules.list.list_address;
    all.extend(sent_before(&room.parts.store, list, row, room.now)?);
    let failures = summary::failures(row).len();
    if failures > FAILURES {
        let more = count(failures - FAILURES, "more failure");
        all.push(format!(
            "{more}, which `show {}` and the page tell of",
            row.id
        ));
    }
    let all = once_of_each_kind(&all);
    Ok(all.iter().map(|line| plain_line(line, LINE)).collect())
}

fn group_fields(row: &NotificationRow, detail: Detail) -> Vec<GroupFields> {
    let mut fields = Vec::new();
    let mut last = None;
    let mut shown = 0;
    for group in groups(row) {
        if shown >= FAILURES {
            break;
        }
        let place: *const _ = group.build;
        let is_new = last != Some(place);
        last = Some(place);
        let failures = group.failures.iter().take(FAILURES - shown).enumerate();
        let failures: Vec<FailureFields> = failures
            .map(|(position, it)| match position {
                0 => failure_fields(it, detail),
                // They look alike: the most telling line is enough.
                _ => FailureFields {
                    excerpt: telling(it.1),
                    ..failure_fields(it, detail)
                },
            })
            .collect();
        shown += failures.len();
        let link = group.build.link.as_ref().filter(|_| is_new);
        fields.push(GroupFields {
            builder: is_new.then(|| plain_line(&group.build.builder, LINE)),
            link: link.map(|link| plain_line(&link.url, LINE)),
            failures,
            verdict: verdict(&group),
            candidates: candidates(&group, detail),
        });
    }
    fields
}

fn failure_fields((number, failure): &(usize, &Failure), detail: Detail) -> FailureFields {
    let lines = match failure.excerpt.as_slice() {
        [] => failure.line.iter().cloned().collect(),
        excerpt => excerpt.to_vec(),
    };
    let excerpt = lines.iter().take(detail.lines);
    FailureFields {
        number: *number,
        words: plain_line(&summary::failure(failure), LINE),
        excerpt: excerpt.map(|line| as_it_stands(line)).collect(),
    }
}

fn telling(failure: &Failure) -> Vec<String> {
    failure.line.iter().map(|line| as_it_stands(line)).collect()
}

/// One line with its white space, by which tracebacks are read.
pub(super) fn as_it_stands(line: &str) -> String {
    cut(line.trim_end(), LINE)
}

fn verdict(group: &Group<'_>) -> Option<String> {
    Some(match group.verdict? {
        Verdict::Known { .. } => "belongs to:".to_owned(),
        Verdict::Ambiguous { .. } => "could belong to any of:".to_owned(),
        Verdict::New { related, searched } => {
            let searched = plain_line(&searched.join(", "), SEARCHED);
            let related = match related.is_empty() {
                true => "",
                false => "; perhaps related:",
            };
            format!("no open report found; searched for {searched}{related}")
        }
    })
}

fn candidates(group: &Group<'_>, detail: Detail) -> Vec<CandidateFields> {
    let list: &[Candidate] = match group.verdict {
        Some(Verdict::Known { candidates } | Verdict::Ambiguous { candidates }) => candidates,
        Some(Verdict::New { related, .. }) => related,
        None => &[],
    };
    let evidence = |position: usize, candidate: &Candidate| {
        // A weak one behind others is named alone, so that the eye gets past it.
        let lines = match position == 0 || candidate.tier != Tier::Weak {
            true => detail.evidence,
            false => 0,
        };
        let lines = candidate.evidence.iter().take(lines);
        lines.map(|line| plain_line(line, LINE)).collect()
    };
    let fields = |(position, candidate): (usize, &Candidate)| CandidateFields {
        number: candidate.issue.number,
        title: plain_line(&candidate.issue.title, LINE),
        url: plain_line(&candidate.issue.url, LINE),
        tier: summary::tier_word(candidate.tier).to_owned(),
        closed: !candidate.open,
        evidence: evidence(position, candidate),
    };
    let list = list.iter().take(detail.candidates).enumerate();
    list.map(fields).collect()
}

/// What would leave and where to, in the order in which it does.
fn leaves(room: Room<'_>, draft: &Draft) -> Vec<String> {
    let mut lines: Vec<String> = draft.actions.iter().map(of_action).collect();
    let list = &room.parts.rules.list.list_address;
    if let Some(reply) = &draft.reply {
        lines.push(format!("a mail to {list}: {}", reply.subject));
    }
    for along in &draft.along {
        lines.push(match &along.reply {
            Some(reply) => format!("a mail to {list}: {}", reply.subject),
            None => format!("settles notification {} too", along.notification),
        });
    }
    lines.iter().map(|line| plain_line(line, LINE)).collect()
}

fn of_action(action: &Action) -> String {
    match action {
        Action::Open(issue) => {
            let labels: Vec<&str> = issue
                .versions
                .iter()
                .chain(&issue.components)
                .map(String::as_str)
                .collect();
            format!("a new report: {} ({})", issue.title, labels.join(", "))
        }
        Action::Comment { issue, .. } => {
            format!("a comment on #{}: {}", issue.number, issue.url)
        }
        Action::Reopen { issue, .. } => format!(
            "#{} opened again, which was closed as fixed, with a comment: {}",
            issue.number, issue.url
        ),
        Action::Count { issue, .. } => format!(
            "no comment on #{}, where one was made within a day; it is counted: {}",
            issue.number, issue.url
        ),
        Action::Choose { about, .. } => format!("still to be chosen with `link`: {about}"),
    }
}

/// The exact texts below their marker lines, without the help above them.
fn texts(draft: &Draft) -> String {
    let document = to_editable(draft);
    let lines = document
        .lines()
        .skip_while(|line| !line.starts_with("====="));
    let text = lines.collect::<Vec<_>>().join("\n");
    let text: String = text.chars().take(TEXTS).collect();
    let is_harmless = |char: char| !char.is_control() || matches!(char, '\n' | '\t');
    let text = text.chars().map(|char| match is_harmless(char) {
        true => char,
        false => '\u{fffd}',
    });
    text.collect()
}
