//! Notifications of one incident: which are settled together, and what is known of
//! their incidents already.
//!
//! While the draft of a notification waits for a person, further notifications of
//! the same incidents attach to it, and it is drafted anew so that it tells of them
//! and answers them. What a person changed in it is not written over: who comes
//! later waits. While its report is being opened, who comes waits until it exists.
//! Whatever was not in the approved draft is matched anew when that has left: then
//! it finds the report, and the first of those leads the next draft.

mod companions;
mod family;

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use family::Family;

use super::Parts;
use super::drafting;
use super::filing;
use super::matching::with_first;
use crate::domain::Seconds;
use crate::domain::draft::{Choice, Companion, Quiet};
use crate::domain::failure::Failure;
use crate::domain::incident::{Relation, is_telling};
use crate::domain::issue::IssueRef;
use crate::domain::life::{ClosedReason, DeliveryState, Stage};
use crate::domain::mail::Mail;
use crate::domain::matching::{Candidate, Cutoff, Tier, Verdict};
use crate::domain::notification::{Build, Notification};
use crate::store::{
    Attached, IncidentId, NotificationId, NotificationRow, Occurrence, PROGRAM, PairWord, Reading,
    Store,
};
use crate::trackers::Tracker;

/// At most so many notifications are settled together: a draft is to be read.
const MOST_TOGETHER: usize = 200;

/// What was not told in a comment is counted for so many seconds after it.
const REMEMBERED: Seconds = 30 * 24 * 3600;

/// An issue is commented on at most once in so many seconds.
pub(super) const COMMENT_PAUSE: Seconds = 24 * 3600;

/// Records which incidents a notification's failures belong to.
pub(super) fn note(parts: &Parts, row: &NotificationRow) -> Result<()> {
    let reading = row.reading.as_ref().context("the mail was not read yet")?;
    let mut occurrences = Vec::new();
    for (index, (build, failure)) in failures(reading).enumerate() {
        if is_telling(build, failure) {
            occurrences.push(Occurrence {
                index,
                failure,
                builder: &build.builder,
                revision: build.revision.as_deref(),
            });
        }
    }
    parts
        .store
        .note_occurrences(row.id, &occurrences, row.received_at)
}

/// The notification whose draft settles this one too, or whose report it waits for.
pub(super) fn leader_of(
    parts: &Parts,
    row: &NotificationRow,
) -> Result<Option<(NotificationId, &'static str)>> {
    let own = incidents_of(&parts.store, row.id)?;
    let incidents: Vec<IncidentId> = own.iter().copied().map(IncidentId).collect();
    for id in parts.store.leads(&incidents, Some(row.id))? {
        // One that cannot be read leads nobody.
        let Ok(leader) = parts.store.load(id) else {
            continue;
        };
        let family = Family::of(&parts.store, id)?;
        match family.relation(&leader, row.id, &own) {
            Relation::Along => return Ok(Some((id, "the same failures"))),
            Relation::After => return Ok(Some((id, "its report is to be opened first"))),
            Relation::None => {}
        }
    }
    Ok(None)
}

/// Adds to what was found the report that the failure's incident belongs to. The
/// mirror may not have it yet: it was opened a moment ago.
pub(super) fn with_incident(
    parts: &Parts,
    failure: &Failure,
    (build, cutoff): (&Build, Cutoff),
    verdict: Verdict,
) -> Result<Verdict> {
    let is_sure = |first: &Candidate| first.tier == Tier::Strong;
    if !is_telling(build, failure)
        || matches!(&verdict, Verdict::Known { candidates } if candidates.first().is_some_and(is_sure))
    {
        return Ok(verdict);
    }
    let revision = build.revision.as_deref();
    let Some(incident) = parts.store.incident_like(failure, revision)? else {
        return Ok(verdict);
    };
    let name = parts.tracker.name();
    let mirror = parts.store.mirror(&name);
    let reports = parts.store.reports_of(incident)?;
    let Some(issue) = reports.into_iter().find(|it| is_of(&parts.tracker, it)) else {
        return Ok(verdict);
    };
    let is_rejected = mirror
        .pairs(&failure.signature)?
        .iter()
        .any(|pair| pair.issue == issue.number && pair.word == PairWord::Rejected);
    if is_rejected {
        return Ok(verdict);
    }
    let evidence =
        format!("earlier failures of the same kind (incident {incident}) were reported there");
    if mirror.report(issue.number)?.is_some() {
        let first = (issue.number, Tier::Strong, Some(cutoff));
        return with_first(mirror, first, evidence, verdict);
    }
    let number = issue.number;
    let first = Candidate {
        issue,
        open: true,
        tier: Tier::Strong,
        past: None,
        evidence: vec![evidence],
    };
    let others = match verdict {
        Verdict::Known { candidates } | Verdict::Ambiguous { candidates } => candidates,
        Verdict::New { related, .. } => related,
    };
    let others = others.into_iter().filter(|it| it.issue.number != number);
    Ok(Verdict::Known {
        candidates: std::iter::once(first).chain(others).collect(),
    })
}

fn is_of(tracker: &Tracker, issue: &IssueRef) -> bool {
    tracker.parse_issue(&issue.url) == Some(issue.number)
}

/// Brings the drafts that others are attached to up to date, and lets those go on
/// by themselves whom nothing will settle.
pub(super) fn gather(parts: &Parts) -> Result<()> {
    for id in parts.store.leaders()? {
        parts.beat();
        let Ok(leader) = parts.store.load(id) else {
            continue;
        };
        let attached = parts.store.attached_to(id)?;
        match leader.stage {
            Stage::Received | Stage::Parsed | Stage::Matched => {}
            Stage::Drafted => draft_together(parts, &leader, &attached)?,
            Stage::Approved | Stage::Delivered => let_go_of(parts, &leader, &attached)?,
            Stage::Closed(ClosedReason::Undeliverable) => undeliverable(parts, &leader, &attached)?,
            Stage::Closed(_) | Stage::Quarantined | Stage::Attached => {
                for one in attached.iter().filter(|one| !one.settled) {
                    detach(parts, one.id, &format!("{id} is {}", leader.stage))?;
                }
            }
        }
    }
    Ok(())
}

/// A new revision of the leader's draft, if others than those it names are to be
/// settled with it.
fn draft_together(parts: &Parts, leader: &NotificationRow, attached: &[Attached]) -> Result<()> {
    let Some(draft) = &leader.draft else {
        return Ok(());
    };
    let family = Family::of(&parts.store, leader.id)?;
    for one in attached {
        let own = incidents_of(&parts.store, one.id)?;
        if family.relation(leader, one.id, &own) == Relation::None {
            let why = format!("{} is about something else now", leader.id);
            detach(parts, one.id, &why)?;
        }
    }
    if draft.made_by != PROGRAM {
        return Ok(());
    }
    let now = parts.clock.now();
    let occasion = Occasion::of(&parts.store, &parts.tracker, leader, now)?;
    let named = draft.draft.along.iter().map(|it| it.notification);
    let wanted = occasion.companions.iter().map(|it| it.notification);
    if named.eq(wanted) {
        return Ok(());
    }
    let mut anew = drafting::redraft(&parts.templates, &parts.rules.drafts, &occasion, &[])?;
    drafting::warn_of_unfit_mirror(parts, leader, &mut anew)?;
    let revised = parts
        .store
        .draft_anew(leader.id, draft.revision, &anew, now)?;
    tracing::info!(notification = %leader.id, revision = revised.revision, together = anew.along.len(), "drafted anew: it settles others of the same incident too");
    Ok(())
}

/// Those that were not in the approved draft wait until its report exists.
fn let_go_of(parts: &Parts, leader: &NotificationRow, attached: &[Attached]) -> Result<()> {
    let family = Family::of(&parts.store, leader.id)?;
    for one in attached.iter().filter(|one| !one.settled) {
        let own = incidents_of(&parts.store, one.id)?;
        if family.relation(leader, one.id, &own) == Relation::None {
            detach(parts, one.id, &format!("what {} opened exists", leader.id))?;
        }
    }
    Ok(())
}

/// Those an approval settles wait for whoever mends it, and end with it when that is
/// given up.
fn undeliverable(parts: &Parts, leader: &NotificationRow, attached: &[Attached]) -> Result<()> {
    let given_up = leader
        .deliveries
        .iter()
        .filter(|row| row.state == DeliveryState::Failed)
        .all(|row| row.given_up_by.is_some());
    for one in attached {
        if !one.settled {
            detach(parts, one.id, &format!("{} is {}", leader.id, leader.stage))?;
        } else if given_up {
            let note = format!("what was to settle {} was given up", leader.id);
            let now = parts.clock.now();
            parts.store.settle_with(one.id, &note, now)?;
        }
    }
    Ok(())
}

fn detach(parts: &Parts, id: NotificationId, why: &str) -> Result<()> {
    tracing::info!(notification = %id, why, "goes on by itself");
    parts.store.detach(id, why, parts.clock.now())
}

fn incidents_of(store: &Store, id: NotificationId) -> Result<BTreeSet<i64>> {
    let incidents = store.incidents_of(id)?;
    Ok(incidents.into_values().map(|incident| incident.0).collect())
}

fn failures(reading: &Reading) -> impl Iterator<Item = (&Build, &Failure)> {
    let builds = reading.notification.builds.iter();
    builds.flat_map(|build| build.failures.iter().map(move |failure| (build, failure)))
}

/// A notification with all that is settled along with it: what a draft is made from.
#[derive(Debug)]
pub struct Occasion {
    /// The mail that is answered, if there is one.
    pub(super) mail: Option<Mail>,
    /// What a person should know of where it came from.
    pub(super) caution: Option<String>,
    /// The builds of the notification, followed by those of the companions.
    pub(super) notification: Notification,
    /// One for each failure of those builds.
    pub(super) verdicts: Vec<Verdict>,
    /// Those that are settled along.
    pub(super) companions: Vec<Companion>,
    /// What was written lately to issues that the verdicts name.
    pub(super) quiet: Vec<Quiet>,
    /// How many secrets were taken out of the texts.
    pub(super) redactions: u32,
    /// For each failure its incident.
    incidents: Vec<Option<i64>>,
    /// How many of the failures are the notification's own.
    own_failures: usize,
}

impl Occasion {
    /// Of a notification that was matched, as it stands now.
    ///
    /// # Errors
    ///
    /// It was not matched, or the store fails.
    pub fn of(
        store: &Store,
        tracker: &Tracker,
        row: &NotificationRow,
        now: Seconds,
    ) -> Result<Self> {
        let reading = row.reading.as_ref().context("the mail was not read yet")?;
        let verdicts = row.verdicts.as_ref().context("nothing was matched yet")?;
        let incidents = store.incidents_of(row.id)?;
        let own_failures = failures(reading).count();
        anyhow::ensure!(
            own_failures == verdicts.len(),
            "the verdicts are not those of this reading"
        );
        let mut occasion = Self {
            mail: row.filed.is_none().then(|| mail_of(reading)),
            caution: row.filed.as_ref().map(filing::caution),
            notification: reading.notification.clone(),
            verdicts: verdicts.iter().map(|it| it.verdict.clone()).collect(),
            companions: Vec::new(),
            quiet: Vec::new(),
            redactions: reading.redactions,
            incidents: (0..own_failures)
                .map(|index| incidents.get(&index).map(|incident| incident.0))
                .collect(),
            own_failures,
        };
        if row.stage == Stage::Drafted {
            occasion.take_along(store, row)?;
        }
        occasion.listen(store, &tracker.name(), row, now)?;
        Ok(occasion)
    }

    /// Looks up what was written lately, to whatever issue: people may choose any.
    fn listen(
        &mut self,
        store: &Store,
        tracker: &str,
        row: &NotificationRow,
        now: Seconds,
    ) -> Result<()> {
        for (issue, last) in store.comments_since(tracker, now - REMEMBERED, row.id)? {
            let incidents = self.incidents_for(issue);
            let mut untold = BTreeSet::new();
            for incident in &incidents {
                untold.extend(store.happened_since(*incident, last, row.id)?);
            }
            self.quiet.push(Quiet {
                issue,
                commented: now.saturating_sub(last) < COMMENT_PAUSE,
                untold: untold.len(),
                counted: store.counted_since(&incidents, last)?,
            });
        }
        Ok(())
    }

    /// The incidents of the failures that were found to belong there; all of them
    /// when only a person can say so.
    fn incidents_for(&self, issue: u64) -> Vec<IncidentId> {
        let names = |verdict: &Verdict| match verdict {
            Verdict::Known { candidates } | Verdict::Ambiguous { candidates } => {
                candidates.iter().any(|it| it.issue.number == issue)
            }
            Verdict::New { .. } => false,
        };
        let all = || self.verdicts.iter().zip(&self.incidents);
        let found: BTreeSet<i64> = all()
            .filter(|(verdict, _)| names(verdict))
            .filter_map(|(_, incident)| *incident)
            .collect();
        let chosen = match found.is_empty() {
            true => all().filter_map(|(_, incident)| *incident).collect(),
            false => found,
        };
        chosen.into_iter().map(IncidentId).collect()
    }

    /// People choose for the notification's own failures; the companions' failures
    /// of the same incidents go where those go.
    pub(super) fn choices_for_all(&self, choices: &[Choice]) -> Vec<Choice> {
        let mut all = Vec::new();
        for choice in choices {
            all.push(choice.clone());
            let Some(Some(incident)) = self.incidents.get(choice.failure) else {
                continue;
            };
            let others = self.incidents.iter().enumerate().skip(self.own_failures);
            let same = others.filter(|(_, it)| **it == Some(*incident));
            all.extend(same.map(|(failure, _)| Choice {
                failure,
                target: choice.target.clone(),
            }));
        }
        all
    }

    /// For each action the incidents of its failures, each once.
    pub(super) fn incidents_about(&self, about: &[Vec<usize>]) -> Vec<Vec<i64>> {
        let of = |failures: &Vec<usize>| {
            let known: BTreeSet<i64> = failures
                .iter()
                .filter_map(|index| *self.incidents.get(*index)?)
                .collect();
            known.into_iter().collect()
        };
        about.iter().map(of).collect()
    }
}

fn mail_of(reading: &Reading) -> Mail {
    Mail {
        message_id: reading.mail.message_id.clone(),
        references: reading.mail.references.clone(),
        subject: reading.mail.subject.clone(),
        ..Mail::default()
    }
}
