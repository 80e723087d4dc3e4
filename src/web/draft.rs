//! One draft: what failed, the reports it may belong to with the evidence side by
//! side, what would leave and where to, and what can be decided.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Serialize;

use super::Site;
use super::frame::Notice;
use super::identity::Caller;
use super::mending::{Delivery, delivery};
use super::room::{Form, Number, Page, Room, Shown, no_such};
use crate::desk::automatic;
use crate::desk::caution::{once_of_each_kind, settled_silently, warnings};
use crate::desk::failures::{Group, excerpt, groups};
use crate::desk::leaves::{Leaf, leaves};
use crate::desk::linking::refused_with;
use crate::desk::mails::{mail_of, with_summary};
use crate::desk::recovered::{recoveries, sentences};
use crate::desk::summary;
use crate::desk::words::{count, when};
use crate::domain::decision::{self, Decision, Reason, Target};
use crate::domain::failure::Failure;
use crate::domain::life::Stage;
use crate::domain::matching::Candidate;
use crate::domain::untrusted::plain_line;
use crate::store::{DraftRow, ListFilter, NotificationId, NotificationRow};

/// Of a mail in which nothing failed so many lines are shown.
const LINES_SHOWN: usize = 60;

#[derive(Serialize)]
struct DraftPage {
    id: i64,
    title: String,
    tone: &'static str,
    standing: String,
    decision: Option<String>,
    /// The builders that pass again.
    recovered: Vec<String>,
    warnings: Vec<String>,
    /// What the automatic rules say: those that would approve it, and the others.
    would: Vec<String>,
    would_not: Vec<String>,
    groups: Vec<GroupView>,
    mail: Option<MailView>,
    heading: &'static str,
    made: String,
    leaves: Vec<Leaf>,
    along: Option<String>,
    deliveries: Vec<Delivery>,
    /// Something can be done, at the bottom.
    waits: bool,
    /// Another one that waits.
    next: Option<i64>,
    #[serde(flatten)]
    ways: Ways,
}

/// What can be decided, each with where that goes.
#[derive(Serialize, Default)]
struct Ways {
    approve: Option<Form>,
    reject: Option<Form>,
    hold: Option<Form>,
    release: Option<Form>,
    retry: Option<Form>,
    edit: Option<String>,
    link: Option<String>,
    /// The report that a rejection is about.
    proposed: Option<u64>,
}

#[derive(Serialize)]
struct GroupView {
    /// Where it is another than the group before has.
    builder: Option<String>,
    link: Option<String>,
    failures: Vec<FailureView>,
    note: Option<&'static str>,
    searched: Option<String>,
    heading: Option<&'static str>,
    candidates: Vec<CandidateView>,
}

#[derive(Serialize)]
struct FailureView {
    number: usize,
    words: String,
    excerpt: String,
}

#[derive(Serialize)]
struct CandidateView {
    number: u64,
    title: String,
    url: String,
    tier: &'static str,
    closed: bool,
    evidence: Vec<String>,
    choose: Option<Form>,
    /// The failures that it would be linked to.
    which: String,
}

#[derive(Serialize)]
struct MailView {
    subject: String,
    from: String,
    date: String,
    id: String,
    text: Option<String>,
    open: bool,
}

/// Among so many that wait the next one is looked for.
const LOOKED_AT: usize = 1000;

/// Shows one draft.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Number(id): Number,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response {
    let notice = Notice::of(&parameters);
    site.answer(caller, notice, move |room| draft(room, NotificationId(id)))
        .await
}

fn draft(room: &Room<'_>, id: NotificationId) -> Result<Shown> {
    let store = &room.office.store;
    if !store.exists(id)? {
        return no_such(&format!("notification {id}"));
    }
    let row = with_summary(store, store.load(id)?);
    let current = row.draft.as_ref();
    let said = automatic::words(store, &room.office.around, &row, room.now)?;
    let (would, would_not): (Vec<_>, Vec<_>) = said.iter().partition(|it| it.unmet.is_none());
    let in_words = |all: Vec<&automatic::Word>| -> Vec<String> {
        all.into_iter().map(automatic::Word::in_words).collect()
    };
    let it = DraftPage {
        id: id.0,
        title: format!("{}: {}", summary::key(&row), summary::what_failed(&row)),
        tone: tone(&row),
        standing: format!(
            "{}; came in {}",
            summary::standing(&row),
            when(row.received_at, room.now)
        ),
        decision: decided(&row, room),
        recovered: sentences(&recoveries(store, &row)?, room.now),
        warnings: once_of_each_kind(&warnings(room.office, &row, room.now)?),
        would: in_words(would),
        would_not: in_words(would_not),
        groups: group_views(room, &row),
        mail: mail_view(room, &row),
        heading: match row.decision {
            None => "What would leave",
            Some(_) => "What was decided on",
        },
        made: current.map_or(String::new(), made),
        leaves: current.map_or_else(Vec::new, |it| leaves(&it.draft, room.office)),
        along: current.and_then(|it| settled_silently(&it.draft)),
        deliveries: row
            .deliveries
            .iter()
            .map(|it| delivery(room, it, None))
            .collect(),
        next: next(room, id)?,
        waits: row.stage == Stage::Drafted,
        ways: ways(room, &row),
    };
    Ok(Shown::Page(Page::new("draft", format!("Draft {id}"), &it)?))
}

/// The one that waits behind this one; behind the last comes the first.
fn next(room: &Room<'_>, id: NotificationId) -> Result<Option<i64>> {
    let waiting = room.office.store.list(ListFilter::ToDecide, LOOKED_AT)?;
    let behind = waiting.iter().find(|other| **other > id);
    let first = waiting.iter().find(|other| **other != id);
    Ok(behind.or(first).map(|next| next.0))
}

fn tone(row: &NotificationRow) -> &'static str {
    match (row.stage, &row.held) {
        (_, Some(_)) => "warn",
        (Stage::Quarantined, _) => "bad",
        (Stage::Delivered, _) => "good",
        _ => "dim",
    }
}

fn decided(row: &NotificationRow, room: &Room<'_>) -> Option<String> {
    let decision = row.decision.as_ref()?;
    let rule = match &decision.auto_rule {
        Some(rule) => format!(" by the rule {rule}"),
        None => String::new(),
    };
    let reason = match decision.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    Some(format!(
        "{} by {} {}{rule}{reason}",
        summary::decided(decision.kind),
        decision.who,
        when(decision.at, room.now)
    ))
}

fn made(draft: &DraftRow) -> String {
    let actions = count(draft.draft.actions.len(), "action");
    let mail = match &draft.draft.reply {
        Some(_) => ", and a mail to the list",
        None => "",
    };
    format!(
        "{actions} in the tracker{mail}; revision {}, digest {}, made by {}",
        draft.revision,
        summary::short_digest(draft),
        draft.made_by
    )
}

fn group_views(room: &Room<'_>, row: &NotificationRow) -> Vec<GroupView> {
    let mut views = Vec::new();
    let mut last = None;
    for group in groups(row) {
        let place: *const _ = group.build;
        let is_new = last != Some(place);
        last = Some(place);
        views.push(GroupView {
            builder: is_new.then(|| group.build.builder.clone()),
            link: group.build.link.as_ref().map(|link| link.url.clone()),
            failures: failure_views(&group),
            note: group.note(),
            searched: group.searched(),
            heading: group.heading(),
            candidates: candidate_views(room, row, &group),
        });
    }
    views
}

/// The same lines of a log are shown once.
fn failure_views(group: &Group<'_>) -> Vec<FailureView> {
    let mut shown: Vec<String> = Vec::new();
    let view = |(number, failure): &(usize, &Failure)| {
        let mut lines = excerpt(failure).join("\n");
        match shown.contains(&lines) {
            true => lines.clear(),
            false => shown.push(lines.clone()),
        }
        FailureView {
            number: *number,
            words: summary::failure(failure),
            excerpt: lines,
        }
    };
    group.failures.iter().map(view).collect()
}

fn candidate_views(
    room: &Room<'_>,
    row: &NotificationRow,
    group: &Group<'_>,
) -> Vec<CandidateView> {
    let which: Vec<String> = group.failures.iter().map(|it| it.0.to_string()).collect();
    let view = |candidate: &Candidate| CandidateView {
        number: candidate.issue.number,
        title: candidate.issue.title.clone(),
        url: candidate.issue.url.clone(),
        tier: summary::tier_word(candidate.tier),
        closed: !candidate.open,
        evidence: candidate.evidence.clone(),
        choose: is_allowed(row, &link_to(candidate.issue.number))
            .then(|| room.form_on(row.id, "link", row.draft.as_ref())),
        which: which.join(" "),
    };
    group.candidates().iter().map(view).collect()
}

fn link_to(number: u64) -> Decision {
    Decision::Link {
        failure: None,
        issue: Target::Issue(number),
    }
}

fn mail_view(room: &Room<'_>, row: &NotificationRow) -> Option<MailView> {
    let mail = &row.reading.as_ref()?.mail;
    let address = mail.from.first().map_or("", String::as_str);
    let nothing_failed = summary::failures(row).is_empty();
    let whole = nothing_failed.then(|| mail_of(&room.office.store, row));
    let text = whole.flatten().map(|mail| {
        let lines: Vec<&str> = mail.text.lines().take(LINES_SHOWN).collect();
        lines.join("\n")
    });
    Some(MailView {
        subject: mail.subject.clone(),
        from: match (&row.filed, &mail.from_name) {
            (Some(filed), _) => format!("nobody: {} filed this build", filed.who),
            (None, Some(name)) => format!("{name} <{address}>"),
            (None, None) => address.to_owned(),
        },
        date: mail.date.clone().unwrap_or_else(|| "(none)".to_owned()),
        id: mail
            .message_id
            .clone()
            .unwrap_or_else(|| "(none that is valid)".to_owned()),
        open: text.is_some(),
        text,
    })
}

/// Whether the grammar and the stage let somebody decide so.
fn is_allowed(row: &NotificationRow, decision: &Decision) -> bool {
    let held = row.held.as_ref().map(|held| held.why.as_str());
    decision::allowed(row.stage, held, decision).is_ok()
}

fn ways(room: &Room<'_>, row: &NotificationRow) -> Ways {
    // Any reason will do to ask whether there may be one.
    let Ok(reason) = Reason::new("any") else {
        return Ways::default();
    };
    let draft = row.draft.as_ref();
    let is_undecided = draft.is_none_or(|draft| draft.draft.is_undecided());
    let form = |verb: &str| room.form_on(row.id, verb, draft);
    let may = |decision: Decision| is_allowed(row, &decision);
    let reject = Decision::Reject {
        reason: reason.clone(),
    };
    let address = |verb: &str| format!("/draft/{}/{verb}", row.id);
    Ways {
        approve: (may(Decision::Approve) && !is_undecided).then(|| form("approve")),
        reject: may(reject).then(|| form("reject")),
        hold: may(Decision::Hold { reason }).then(|| form("hold")),
        release: may(Decision::Release).then(|| form("release")),
        retry: (matches!(row.stage, Stage::Closed(_) | Stage::Quarantined) && row.can_start_over())
            .then(|| form("retry")),
        edit: may(Decision::Edit).then(|| address("edit")),
        link: may(link_to(1)).then(|| {
            let words = summary::failures(row)
                .first()
                .map_or(String::new(), |(_, failure)| search_words(failure));
            format!("{}?words={words}", address("link"))
        }),
        proposed: draft.and_then(|it| refused_with(&it.draft.actions)),
    }
}

/// What a search for the failure begins with, fit to stand in an address.
fn search_words(failure: &Failure) -> String {
    let test = failure.test.qualified();
    let last = test.rsplit('.').next().unwrap_or_default();
    let plain = |char: &char| char.is_ascii_alphanumeric() || *char == '_';
    plain_line(last, 60).chars().filter(plain).collect()
}
