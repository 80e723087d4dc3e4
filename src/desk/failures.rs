//! What failed, and the reports it may belong to: failures that the same reports
//! were found for stand together, and those that nobody looked up if they look alike.

use super::summary;
use crate::domain::failure::{Failure, FailureKind};
use crate::domain::matching::{Candidate, Verdict};
use crate::domain::notification::Build;
use crate::store::NotificationRow;

/// Failures that the same reports were found for.
pub(crate) struct Group<'a> {
    pub(crate) build: &'a Build,
    /// Each with its number, from 1 over all builds.
    pub(crate) failures: Vec<(usize, &'a Failure)>,
    pub(crate) verdict: Option<&'a Verdict>,
}

impl Group<'_> {
    /// What becomes of failures that are no bug of the project's.
    pub(crate) fn note(&self) -> Option<&'static str> {
        let mut failures = self.failures.iter();
        let no_bug = failures.all(|(_, it)| it.kind == FailureKind::Infrastructure);
        (no_bug && self.verdict.is_some())
            .then_some("infrastructure: it is reported only if you link it")
    }

    /// That nothing was found, and how it was searched for.
    pub(crate) fn searched(&self) -> Option<String> {
        match self.verdict? {
            Verdict::New { searched, .. } => Some(format!(
                "no open report found; searched for {}",
                searched.join(", ")
            )),
            Verdict::Known { .. } | Verdict::Ambiguous { .. } => None,
        }
    }

    /// What the candidates are.
    pub(crate) fn heading(&self) -> Option<&'static str> {
        match self.verdict? {
            Verdict::Known { .. } => Some("belongs to"),
            Verdict::Ambiguous { .. } => Some("could belong to any of"),
            Verdict::New { related, .. } if related.is_empty() => None,
            Verdict::New { .. } => Some("perhaps related"),
        }
    }

    /// The reports that were found, the best first.
    pub(crate) fn candidates(&self) -> &[Candidate] {
        match self.verdict {
            Some(Verdict::Known { candidates } | Verdict::Ambiguous { candidates }) => candidates,
            Some(Verdict::New { related, .. }) => related,
            None => &[],
        }
    }
}

/// The telling lines of a failure's log.
pub(crate) fn excerpt(failure: &Failure) -> Vec<&str> {
    let lines: Vec<&String> = match failure.excerpt.as_slice() {
        [] => failure.line.iter().collect(),
        excerpt => excerpt.iter().collect(),
    };
    lines.into_iter().flat_map(|line| line.lines()).collect()
}

/// Those of a notification, each builder's together.
pub(crate) fn groups(row: &NotificationRow) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, (build, failure)) in summary::failures(row).into_iter().enumerate() {
        let verdict = verdict_of(row, index);
        let same = groups.iter_mut().find(|group| {
            let alike = match (group.verdict, verdict) {
                (Some(one), Some(other)) => found(one) == found(other),
                (None, None) => group.failures.iter().all(|(_, it)| is_alike(it, failure)),
                _ => false,
            };
            alike && std::ptr::eq(group.build, build)
        });
        match same {
            Some(group) => group.failures.push((index + 1, failure)),
            None => groups.push(Group {
                build,
                failures: vec![(index + 1, failure)],
                verdict,
            }),
        }
    }
    // A builder's groups stand together.
    groups.sort_by_key(|group| build_index(row, group.build));
    groups
}

/// Whether two failures that nobody looked up are told by the same lines of the log.
fn is_alike(one: &Failure, other: &Failure) -> bool {
    let lines = excerpt(one);
    !lines.is_empty() && lines == excerpt(other) && one.kind == other.kind
}

fn build_index(row: &NotificationRow, build: &Build) -> usize {
    let builds = row
        .reading
        .iter()
        .flat_map(|reading| &reading.notification.builds);
    builds
        .enumerate()
        .find(|(_, it)| std::ptr::eq(*it, build))
        .map_or(0, |(index, _)| index)
}

/// What a verdict comes to, without its evidence.
fn found(verdict: &Verdict) -> (u8, Vec<u64>) {
    let numbers = |list: &[Candidate]| list.iter().map(|it| it.issue.number).collect();
    let (rank, _) = summary::certainty(verdict);
    match verdict {
        Verdict::Known { candidates } | Verdict::Ambiguous { candidates } => {
            (rank, numbers(candidates))
        }
        Verdict::New { related, .. } => (rank, numbers(related)),
    }
}

/// The verdict on the failure of that number, counted from 0 over all builds.
pub(crate) fn verdict_of(row: &NotificationRow, failure: usize) -> Option<&Verdict> {
    let reading = row.reading.as_ref()?;
    let mut before = 0;
    let mut builds = reading.notification.builds.iter().enumerate();
    let (build, within) = builds.find_map(|(index, build)| {
        let within = failure.checked_sub(before)?;
        before += build.failures.len();
        (within < build.failures.len()).then_some((index, within))
    })?;
    let verdicts = row.verdicts.iter().flatten();
    verdicts
        .filter(|it| it.build == build)
        .find(|it| it.failures.contains(&within))
        .map(|it| &it.verdict)
}
