//! Bug reports: one opened, or one commented on.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Job, claim};
use crate::domain::delivery::{Outcome, Receipt, marker};
use crate::domain::draft::{Action, NewIssue};
use crate::domain::issue::IssueRef;
use crate::domain::life::DeliveryState;
use crate::store::{DeliveryRow, FrozenId, LedgerEntry, PROGRAM};
use crate::trackers::{Marker, Work};
use crate::worker::Parts;
use crate::worker::incidents::COMMENT_PAUSE;

/// What is frozen: everything the tracker will be told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FrozenWork {
    Open(NewIssue),
    Comment {
        issue: IssueRef,
        body: String,
    },
    Reopen {
        issue: IssueRef,
        body: String,
    },
    /// `of` is the marker of the comment that the table stands below.
    Table {
        issue: IssueRef,
        of: String,
        table: String,
    },
}

/// Writes to the tracker. `None`: it was put off or held, and that is recorded.
pub(super) async fn write(parts: &Parts, job: &Job<'_>) -> Result<Option<Outcome>> {
    let row = freeze(parts, job)?;
    let (work, marker) = work_of(&row).context("the frozen bytes are unreadable")?;
    if let Some(outcome) = counted_instead(parts, job, &work)? {
        return Ok(Some(outcome));
    }
    if let Some(outcome) = twin_outcome(parts, job, &row, (&work, &marker)).await? {
        return Ok(Some(outcome));
    }
    let earlier = row.prepared.as_deref();
    let prepared = match parts.tracker.prepare(&work, &marker, earlier).await {
        Ok(prepared) => prepared,
        Err(Outcome::Done(Receipt::Issue(issue))) => return adopt(parts, &row, issue).map(Some),
        Err(outcome) => return settled(parts, &row, &work, outcome).map(Some),
    };
    if row.prepared.as_deref() != Some(prepared.as_str()) {
        parts.store.save_prepared(row.id, &prepared)?;
    }
    let digest = row.frozen_digest.as_deref().unwrap_or_default();
    let tracker = parts.tracker.name();
    let entry = LedgerEntry {
        target: &tracker,
        thread: &super::thread_of(&job.notification),
        body_digest: digest,
    };
    let Some(_claim) = claim(parts, &row, &entry, digest)? else {
        return Ok(None);
    };
    let outcome = parts.tracker.perform(&work, &marker, &prepared).await;
    settled(parts, &row, &work, outcome).map(Some)
}

/// Commits what will be written, and the marker it can be found by (I5).
fn freeze(parts: &Parts, job: &Job<'_>) -> Result<DeliveryRow> {
    let action = job.draft.actions.get(job.row.position);
    let position = job.row.position;
    let (work, name) = match action.context("the draft has no such action")? {
        Action::Open(issue) => (FrozenWork::Open(issue.clone()), format!("open {position}")),
        Action::Comment { issue, body } => (
            FrozenWork::Comment {
                issue: issue.clone(),
                body: body.clone(),
            },
            format!("comment {position} on {}", issue.number),
        ),
        Action::Reopen { issue, body } => (
            FrozenWork::Reopen {
                issue: issue.clone(),
                body: body.clone(),
            },
            format!("reopen {position} {}", issue.number),
        ),
        Action::Count {
            issue,
            table: Some(table),
        } => (
            FrozenWork::Table {
                issue: issue.clone(),
                of: marker_of_last(parts, issue)?,
                table: table.clone(),
            },
            format!("table {position} on {}", issue.number),
        ),
        Action::Count { table: None, .. } => anyhow::bail!("nothing is written for this"),
        Action::Choose { .. } => anyhow::bail!("an issue was never chosen"),
    };
    let bytes = serde_json::to_vec(&work)?;
    let key = parts.store.instance_key()?;
    let id = FrozenId::Marker(marker(
        &key,
        &job.row.identity(&job.notification.content_key),
        &name,
    ));
    parts
        .store
        .freeze(job.row.id, &bytes, &id, parts.clock.now())
}

/// The marker of the program's last comment on a report; empty if there is none,
/// which no comment carries.
fn marker_of_last(parts: &Parts, issue: &IssueRef) -> Result<String> {
    let name = parts.tracker.name();
    let Some(id) = parts.store.last_comment(&name, issue.number)? else {
        return Ok(String::new());
    };
    Ok(match parts.store.delivery(id)?.frozen_id {
        Some(FrozenId::Marker(marker)) => marker,
        Some(FrozenId::MessageId(_)) | None => String::new(),
    })
}

/// What an outcome comes to, by what it is of.
fn settled(parts: &Parts, row: &DeliveryRow, work: &Work, outcome: Outcome) -> Result<Outcome> {
    Ok(match (work, outcome) {
        (Work::Table { .. }, outcome) => of_table(parts, row, work, outcome)?,
        (Work::Reopen { issue, .. }, Outcome::Refused { why }) => {
            let (number, id) = (issue.number, row.id);
            let why = format!(
                "#{number} was not opened again: {why}; have somebody open it who may, and \
                 `resolve {id} --try-again` comments on it, or `resolve {id} --give-up`, then \
                 `retry {}`, and `link` it to `new`",
                row.notification
            );
            Outcome::Refused { why }
        }
        (_, outcome) => outcome,
    })
}

/// A report that was to be opened again is open, with our comment: searches know it
/// at once, and the history tells it.
pub(in crate::worker) fn note_reopened(parts: &Parts, row: &DeliveryRow) -> Result<()> {
    let Some((Work::Reopen { issue, .. }, _)) = work_of(row) else {
        return Ok(());
    };
    // Else nothing was sent: it was counted.
    if !matches!(row.state, DeliveryState::Claimed | DeliveryState::InDoubt) {
        return Ok(());
    }
    let name = parts.tracker.name();
    parts.store.mirror(&name).reopened(issue.number)?;
    let detail = format!(
        "#{} was closed as fixed, and is open: {}",
        issue.number, issue.url
    );
    let about = Some(row.notification);
    let now = parts.clock.now();
    parts
        .store
        .audit(about, PROGRAM, "opened again", &detail, now)
}

/// What became of a table. It may be written again without harm, so that nothing is
/// ever in doubt; and where it cannot be written it is counted all the same, for
/// nobody should have to care, and the reply has not to wait.
fn of_table(parts: &Parts, row: &DeliveryRow, work: &Work, outcome: Outcome) -> Result<Outcome> {
    let Work::Table { issue, .. } = work else {
        return Ok(outcome);
    };
    Ok(match outcome {
        Outcome::Unknown { why } => Outcome::Later {
            why,
            after_seconds: None,
        },
        Outcome::Refused { why } => {
            let detail = format!(
                "the table on #{} was not brought up to date: {why}",
                issue.number
            );
            let about = Some(row.notification);
            let now = parts.clock.now();
            parts.store.audit(about, PROGRAM, "counted", &detail, now)?;
            Outcome::Done(Receipt::Issue(issue.clone()))
        }
        other => other,
    })
}

/// What a row's frozen bytes say, for the tracker.
pub(in crate::worker) fn work_of(row: &DeliveryRow) -> Option<(Work, Marker)> {
    let work = match serde_json::from_slice(row.frozen.as_deref()?).ok()? {
        FrozenWork::Open(issue) => Work::Open(issue),
        FrozenWork::Comment { issue, body } => Work::Comment { issue, body },
        FrozenWork::Reopen { issue, body } => Work::Reopen { issue, body },
        FrozenWork::Table { issue, of, table } => Work::Table {
            issue,
            of: Marker(of),
            table,
        },
    };
    match row.frozen_id.as_ref()? {
        FrozenId::Marker(marker) => Some((work, Marker(marker.clone()))),
        FrozenId::MessageId(_) => None,
    }
}

/// Whether a person has said already that it should be tried all the same.
fn was_resolved(parts: &Parts, row: &DeliveryRow) -> Result<bool> {
    let trail = parts.store.trail(row.notification)?;
    Ok(trail.iter().any(|line| line.what == "resolved"))
}

/// An effect of ours that is there already.
fn adopt(parts: &Parts, row: &DeliveryRow, issue: IssueRef) -> Result<Outcome> {
    let found = format!("the tracker has our work at {}", issue.url);
    super::restored::tell(parts, row.id, &found)?;
    Ok(Outcome::Done(Receipt::Issue(issue)))
}

/// A comment that another draft's comment came before, within the same day: it is
/// counted, and nothing is written. What a person put into own words is written.
fn counted_instead(parts: &Parts, job: &Job<'_>, work: &Work) -> Result<Option<Outcome>> {
    let issue = match work {
        Work::Comment { issue, .. } => issue,
        // A comment from before it was closed keeps nothing back; that another draft
        // opened it again does.
        Work::Reopen { issue, .. } if was_reopened(parts, issue)? => issue,
        Work::Open(_) | Work::Reopen { .. } | Work::Table { .. } => return Ok(None),
    };
    let drafts = parts.store.drafts(job.row.notification)?;
    let approved = drafts.iter().find(|it| it.revision == job.row.revision);
    if approved.is_none_or(|it| it.made_by != PROGRAM) || was_resolved(parts, job.row)? {
        return Ok(None);
    }
    let now = parts.clock.now();
    let name = parts.tracker.name();
    let lately = parts
        .store
        .comments_since(&name, now - COMMENT_PAUSE, job.row.notification)?;
    let Some(last) = lately.get(&issue.number) else {
        return Ok(None);
    };
    let minutes = now.saturating_sub(*last) / 60;
    let detail = format!(
        "no comment on #{}: one was made {minutes} min ago, and there is one a day at most",
        issue.number
    );
    tracing::info!(notification = %job.row.notification, delivery = %job.row.id, detail, "counted");
    let about = Some(job.row.notification);
    parts.store.audit(about, PROGRAM, "counted", &detail, now)?;
    Ok(Some(Outcome::Done(Receipt::Issue(issue.clone()))))
}

/// Whether the program's last comment on a report was made to open it again.
fn was_reopened(parts: &Parts, issue: &IssueRef) -> Result<bool> {
    let name = parts.tracker.name();
    let Some(last) = parts.store.last_comment(&name, issue.number)? else {
        return Ok(false);
    };
    let work = work_of(&parts.store.delivery(last)?);
    Ok(matches!(work, Some((Work::Reopen { .. }, _))))
}

/// What comes of a new issue when there is one with its title: a person has to
/// settle it, unless it is this very one.
async fn twin_outcome(
    parts: &Parts,
    job: &Job<'_>,
    row: &DeliveryRow,
    (work, marker): (&Work, &Marker),
) -> Result<Option<Outcome>> {
    let Work::Open(issue) = work else {
        return Ok(None);
    };
    let Some(twin) = twin_of(parts, issue)? else {
        return Ok(None);
    };
    if was_resolved(parts, row)? {
        return Ok(None);
    }
    let since = job.notification.received_at;
    let prepared = row.prepared.as_deref();
    let outcome = match parts.tracker.find_own(work, marker, prepared, since).await {
        Ok(Some(own)) => adopt(parts, row, own)?,
        Ok(None) => {
            let (id, url) = (row.id, twin.url);
            let why = format!(
                "an issue with this title is open already: {url}; `resolve {id} --happened {url}` \
                 takes that one, `resolve {id} --try-again` opens another"
            );
            Outcome::Refused { why }
        }
        Err(error) => Outcome::Later {
            why: format!("{error:#}"),
            after_seconds: None,
        },
    };
    Ok(Some(outcome))
}

/// An open issue with the very same title: two notifications of one failure may
/// both have been drafted before the first issue existed.
fn twin_of(parts: &Parts, issue: &NewIssue) -> Result<Option<IssueRef>> {
    let name = parts.tracker.name();
    let hits = parts
        .store
        .mirror(&name)
        .titles_containing(&issue.title, 20)?;
    let twin = hits
        .into_iter()
        .find(|hit| hit.open && hit.issue.title == issue.title);
    Ok(twin.map(|hit| hit.issue))
}
