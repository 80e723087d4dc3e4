//! A draft as rules see it, now or as it was.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::delivery::DeliveryKind;
use crate::domain::draft::Action;
use crate::domain::failure::Failure;
use crate::domain::matching::{Tier, Verdict};
use crate::domain::notification::Build;
use crate::domain::policy::Limits;
use crate::domain::policy::auto::{Around, AutoRule, Case, Deed, Found, Goes, Moment, Past};
use crate::domain::signature::VERSION;
use crate::store::{
    DeliveryId, DraftRow, IncidentId, LedgerScope, MirrorHealth, NotificationId, NotificationRow,
    PROGRAM, Reading, Store, Switch,
};
use crate::worker::mirror_max_age;

const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;

/// What one rule says of a draft.
#[derive(Debug)]
pub struct Opinion<'a> {
    /// The rule.
    pub rule: &'a AutoRule,
    /// Whether it would approve it; if not, the first condition that does not hold.
    pub would: Result<(), String>,
}

/// What rules say of a draft that waits, as things stand now. Empty if there is no
/// draft.
///
/// # Errors
///
/// The store fails.
pub fn opinions<'a>(
    store: &Store,
    tracker: &str,
    past: &Past,
    rules: impl IntoIterator<Item = &'a AutoRule>,
    row: &NotificationRow,
    (around, now): (&Around, Seconds),
) -> Result<Vec<Opinion<'a>>> {
    let Some(draft) = &row.draft else {
        return Ok(Vec::new());
    };
    let looking = Looking {
        store,
        tracker,
        past,
        moment: Moment::now(row.id.0),
        at: now,
    };
    let mut case = looking.case(row, draft, around.clone())?;
    case.held = row.held.as_ref().map(|held| held.why.clone());
    case.changed_by = Some(draft.made_by.clone()).filter(|who| who != PROGRAM);
    case.dealt_with = !store.decisions(row.id)?.is_empty();
    let attached: BTreeSet<i64> = store
        .attached_to(row.id)?
        .iter()
        .map(|it| it.id.0)
        .collect();
    let named = draft.draft.along.iter().map(|it| it.notification);
    if attached != named.collect::<BTreeSet<i64>>() {
        case.unlike = Some("others are attached to it than it settles".to_owned());
    }
    let opinion = |rule: &'a AutoRule| Opinion {
        rule,
        would: rule.judge(&case),
    };
    Ok(rules.into_iter().map(opinion).collect())
}

/// How things stand apart from any draft. One place below the caps on mails stays
/// free for people, so that no rule trips the loop breaker (I9).
///
/// # Errors
///
/// The store fails.
pub fn around_now(
    store: &Store,
    tracker: &str,
    limits: &Limits,
    sync_interval: Seconds,
    now: Seconds,
) -> Result<Around> {
    let max_age = mirror_max_age(sync_interval);
    let unfit = match store.mirror(tracker).health(now, max_age)? {
        MirrorHealth::Fresh => None,
        MirrorHealth::Incomplete(why)
        | MirrorHealth::Stale(why)
        | MirrorHealth::Suspicious(why) => Some(why),
    };
    let signing = store.left_to_sign(VERSION)?;
    let signing = signing.map(|left| format!("the signatures of {left} mails are made anew"));
    Ok(Around {
        stop: store.switch(Switch::Stop)?.map(|on| on.reason),
        paused: store.switch(Switch::Pause)?.map(|on| on.reason),
        unfit_mirror: unfit.or(signing),
        room: room_for_mails(store, limits, now)?,
        new_reports: room_for_reports(store, limits, now)?,
        max_action_age: limits.max_action_age,
    })
}

/// For how many mails the caps leave room.
fn room_for_mails(store: &Store, limits: &Limits, now: Seconds) -> Result<u64> {
    let cleared = store.stop_cleared_at()?.unwrap_or(0);
    let to_come = store.left_to_come(DeliveryKind::Reply)?;
    let mut room = u64::MAX;
    for (span, cap) in [
        (HOUR, limits.replies_per_hour),
        (DAY, limits.replies_per_day),
    ] {
        let sent = sent_since(store, DeliveryKind::Reply, cleared.max(now - span))?;
        let free = u64::from(cap.saturating_sub(1).max(1));
        room = room.min(free.saturating_sub(sent.saturating_add(to_come)));
    }
    Ok(room)
}

/// For how many new reports the caps leave room. What went beyond would be held, and a
/// person could only let it go or not.
fn room_for_reports(store: &Store, limits: &Limits, now: Seconds) -> Result<u64> {
    let to_come = store.left_to_come(DeliveryKind::OpenIssue)?;
    if to_come >= u64::from(limits.new_issues_per_run) {
        return Ok(0);
    }
    let opened = sent_since(store, DeliveryKind::OpenIssue, now - DAY)?;
    let cap = u64::from(limits.new_issues_per_day);
    Ok(cap.saturating_sub(opened.saturating_add(to_come)))
}

fn sent_since(store: &Store, kind: DeliveryKind, since: Seconds) -> Result<u64> {
    store.ledger_count(kind, LedgerScope::All, since, DeliveryId(0))
}

/// How a draft is looked at.
pub(super) struct Looking<'a> {
    pub(super) store: &'a Store,
    pub(super) tracker: &'a str,
    pub(super) past: &'a Past,
    /// What is known of people's decisions.
    pub(super) moment: Moment,
    /// What time it is.
    pub(super) at: Seconds,
}

/// Where the failures of an incident go, and how sure that is, from the notification's
/// own failures.
type ByIncident = BTreeMap<IncidentId, (Tier, Goes)>;

impl Looking<'_> {
    /// The draft with all that is settled along with it. What people have to do with
    /// it is left to the caller.
    pub(super) fn case(
        &self,
        row: &NotificationRow,
        draft: &DraftRow,
        around: Around,
    ) -> Result<Case> {
        let texts = &draft.draft;
        let along = texts.along.iter().filter(|it| it.reply.is_some()).count();
        let is_opened = |it: &&Action| matches!(it, Action::Open(_));
        let opened = texts.actions.iter().filter(is_opened).count();
        let mut case = Case {
            failures: Vec::new(),
            deeds: Deed::of(texts),
            replies: u64::from(texts.reply.is_some()) + along as u64,
            opens: opened as u64,
            undecided: texts.is_undecided(),
            changed_by: None,
            dealt_with: false,
            held: None,
            secrets: 0,
            age: 0,
            cut_off: false,
            unread: Vec::new(),
            warnings: texts.warnings.clone(),
            unlike: None,
            around,
        };
        let incidents = self.own(row, &mut case)?;
        for one in &texts.along {
            self.companion(NotificationId(one.notification), &incidents, &mut case)?;
        }
        Ok(case)
    }

    /// Takes in the notification that the draft is of.
    fn own(&self, row: &NotificationRow, case: &mut Case) -> Result<ByIncident> {
        let mut known = ByIncident::new();
        let Some(reading) = &row.reading else {
            return Ok(known);
        };
        self.read(row, reading, case);
        let incidents = self.store.incidents_of(row.id)?;
        let verdicts = row.verdicts.as_deref().unwrap_or_default();
        let unmatched = failures(reading).count() != verdicts.len();
        if unmatched {
            case.unread.push("a failure was not matched".to_owned());
        }
        for (index, ((build, failure), found)) in failures(reading).zip(verdicts).enumerate() {
            let goes = self.goes(&found.verdict)?;
            let incident = incidents.get(&index).copied();
            if let Some(incident) = incident {
                known.insert(incident, goes);
            }
            case.failures
                .push(self.found(build, failure, incident, goes));
        }
        Ok(known)
    }

    /// Takes in a notification that is settled along: its failures go where those of
    /// the same incidents go.
    fn companion(&self, id: NotificationId, known: &ByIncident, case: &mut Case) -> Result<()> {
        let Ok(row) = self.store.load(id) else {
            case.unlike = Some(format!("{id} cannot be read"));
            return Ok(());
        };
        let Some(reading) = &row.reading else {
            case.unlike = Some(format!("{id} was not read"));
            return Ok(());
        };
        self.read(&row, reading, case);
        let incidents = self.store.incidents_of(id)?;
        for (index, (build, failure)) in failures(reading).enumerate() {
            let incident = incidents.get(&index).copied();
            match incident.and_then(|it| known.get(&it)) {
                Some(goes) => case
                    .failures
                    .push(self.found(build, failure, incident, *goes)),
                None => {
                    case.unlike = Some(format!("{id}, which it settles too, fails otherwise, too"));
                }
            }
        }
        Ok(())
    }

    /// What reading a mail came to.
    fn read(&self, row: &NotificationRow, reading: &Reading, case: &mut Case) {
        let notification = &reading.notification;
        let builds = &notification.builds;
        let secrets: usize = builds.iter().map(|build| build.redactions).sum();
        case.secrets += u64::from(reading.redactions) + secrets as u64;
        case.cut_off |= row.truncated;
        case.age = case.age.max(self.at.saturating_sub(row.received_at));
        case.unread.extend(notification.remarks.iter().cloned());
        let silent = builds.iter().filter(|build| build.failures.is_empty());
        case.unread
            .extend(silent.map(|build| format!("what failed on {}", build.builder)));
    }

    /// How sure matching is of which report, and whether that was open. The mirror
    /// tells whether it was closed before the moment.
    fn goes(&self, verdict: &Verdict) -> Result<(Tier, Goes)> {
        let first = match verdict {
            Verdict::Known { candidates } => candidates.first(),
            Verdict::New { .. } => return Ok((Tier::Weak, Goes::New)),
            Verdict::Ambiguous { .. } => None,
        };
        let Some(first) = first else {
            return Ok((Tier::Weak, Goes::Unclear));
        };
        let number = first.issue.number;
        let mirror = self.store.mirror(self.tracker);
        let closed = mirror.was_closed(number, self.at)?;
        let goes = Goes::To {
            issue: number,
            open: first.open && !closed,
            // That is of each failure by itself.
            known: false,
        };
        Ok((first.tier, goes))
    }

    fn found(
        &self,
        build: &Build,
        failure: &Failure,
        incident: Option<IncidentId>,
        (tier, goes): (Tier, Goes),
    ) -> Found {
        let (past, moment) = (self.past, self.moment);
        let goes = match goes {
            Goes::To { issue, open, .. } => Goes::To {
                issue,
                open,
                known: past.knows(&failure.signature.0, issue, moment),
            },
            Goes::New | Goes::Unclear => goes,
        };
        let confirmed = match (goes, incident) {
            (Goes::To { issue, .. }, Some(incident)) => past.approved(incident.0, issue, moment),
            (Goes::New, _) => past.opened(failure.kind, moment),
            _ => 0,
        };
        let test = failure.test.qualified();
        Found {
            what: match test.as_str() {
                "" => failure.kind.words().to_owned(),
                _ => test,
            },
            builder: build.builder.clone(),
            branch: build.branch.clone(),
            kind: failure.kind,
            tier,
            goes,
            confirmed,
        }
    }
}

fn failures(reading: &Reading) -> impl Iterator<Item = (&Build, &Failure)> {
    let builds = reading.notification.builds.iter();
    builds.flat_map(|build| build.failures.iter().map(move |failure| (build, failure)))
}
