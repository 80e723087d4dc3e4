//! The cutoff of a build: when its revision was settled, at the latest; and what that
//! says of a report that was closed about then.
//!
//! A mend can only be in a revision that came after it. Nobody asks here which commits a
//! revision has: a report is closed when its mend is in, so that the moment of closing
//! stands for it. Of the moments by which the revision was settled the earliest counts:
//!
//! 1. The CI system first knew it. A revision's id stands for all that is in it, so that
//!    what landed later is not: also where the build waited for days, or where somebody
//!    had an old revision built again.
//! 2. The build began: it took the revision then, if nobody had named one before.
//! 3. The notification came in, which was after the build had ended.
//!
//! The date of the commit is none of them. It may be days before the push that brought
//! it, and a report that this push closed would seem to be closed too late. Where a
//! person closes a report some time after its mend is in, the builds in between are
//! commented on, which harms nobody.
//!
//! Two clocks are compared, the tracker's and the CI system's; where the latter tells
//! nothing, that of this machine. What a mail says of its own date counts for nothing.

use crate::domain::Seconds;
use crate::domain::notification::Build;

/// So long a build may have taken that is not known to have begun later: nobody can
/// say what came first. In seconds.
const LONGEST_BUILD: Seconds = 86_400;

/// The latest moment at which anything can have come into a build's revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cutoff {
    /// The CI system says that it knew the revision then.
    RevisionKnown(Seconds),
    /// The CI system says that it began then.
    BuildBegan(Seconds),
    /// Its notification came in then; when it began is not known.
    Received(Seconds),
}

impl Cutoff {
    /// Of a build whose notification came in at `received_at`. A build that began after
    /// its notification did not: some clock is wrong.
    pub fn of(build: &Build, received_at: Seconds) -> Self {
        let is_before = |at: &Seconds| *at <= received_at;
        let began = build.began_at.filter(is_before);
        let seen = build.revision_seen_at.filter(is_before);
        match (seen, began) {
            (Some(seen), began) if began.is_none_or(|began| seen <= began) => {
                Self::RevisionKnown(seen)
            }
            (_, Some(began)) => Self::BuildBegan(began),
            (_, None) => Self::Received(received_at),
        }
    }

    /// Whether the CI system told it.
    pub(super) fn is_known(self) -> bool {
        !matches!(self, Self::Received(_))
    }

    /// The moment.
    pub fn at(self) -> Seconds {
        match self {
            Self::RevisionKnown(at) | Self::BuildBegan(at) | Self::Received(at) => at,
        }
    }

    /// That a report was closed after that.
    pub(super) fn closed_after(self, closed_at: Seconds) -> String {
        let span = span(closed_at.saturating_sub(self.at()));
        format!("it was closed {span} after {}: no regression", self.words())
    }

    /// That what was closed as fixed is there again, and how sure that is.
    pub(super) fn regression(self, closed_at: Option<Seconds>) -> Vec<String> {
        let Some(closed_at) = closed_at else {
            return vec![
                "it was fixed before this build: a regression".to_owned(),
                "against: nobody knows when it was closed".to_owned(),
            ];
        };
        let before = self.at().saturating_sub(closed_at);
        let (span, words) = (span(before), self.words());
        let mut said = vec![format!("it was fixed {span} before {words}: a regression")];
        if !self.is_known() && before < LONGEST_BUILD {
            said.push("against: nobody knows when this build began".to_owned());
        }
        said
    }

    /// What happened at the moment: `this build began`.
    pub fn words(self) -> &'static str {
        match self {
            Self::RevisionKnown(_) => "the revision of this build was known",
            Self::BuildBegan(_) => "this build began",
            Self::Received(_) => "this came in",
        }
    }
}

/// `3 days`, `2 hours`, `1 minute`; never negative.
fn span(seconds: Seconds) -> String {
    let (count, unit) = match seconds.max(0) {
        days @ 172_800.. => (days / 86_400, "day"),
        hours @ 7200.. => (hours / 3600, "hour"),
        minutes => (minutes / 60, "minute"),
    };
    match count {
        1 => format!("1 {unit}"),
        many => format!("{many} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::{BuildResult, CiSystem};

    const HOUR: Seconds = 3600;
    const NOW: Seconds = 1_795_000_000;

    #[test]
    fn a_build_begins_when_its_ci_system_says_so_but_not_after_its_notification() {
        let cutoff = |began_at| cutoff(None, began_at);
        assert_eq!(cutoff(Some(NOW - HOUR)), Cutoff::BuildBegan(NOW - HOUR));
        assert_eq!(cutoff(Some(NOW + 1)), Cutoff::Received(NOW));
        assert_eq!(cutoff(None), Cutoff::Received(NOW));
    }

    fn cutoff(revision_seen_at: Option<Seconds>, began_at: Option<Seconds>) -> Cutoff {
        let build = Build::bare(CiSystem::Buildbot, "a".to_owned(), BuildResult::Failure);
        let build = Build {
            revision_seen_at,
            began_at,
            ..build
        };
        Cutoff::of(&build, NOW)
    }

    #[test]
    fn a_revision_that_was_known_before_counts_from_then_on() {
        let (long_ago, began) = (NOW - 90 * HOUR, NOW - HOUR);
        assert_eq!(
            cutoff(Some(long_ago), Some(began)),
            Cutoff::RevisionKnown(long_ago)
        );
        assert_eq!(
            cutoff(Some(long_ago), None),
            Cutoff::RevisionKnown(long_ago)
        );
        assert_eq!(
            cutoff(Some(began), Some(began)),
            Cutoff::RevisionKnown(began)
        );
        // The build itself took what was known later, or a clock is wrong.
        assert_eq!(
            cutoff(Some(began + 60), Some(began)),
            Cutoff::BuildBegan(began)
        );
        assert_eq!(
            cutoff(Some(NOW + 1), Some(began)),
            Cutoff::BuildBegan(began)
        );
        assert_eq!(cutoff(Some(NOW + 1), None), Cutoff::Received(NOW));
    }

    #[test]
    fn what_is_not_known_is_said() {
        let said = |cutoff: Cutoff, ago: Option<Seconds>| cutoff.regression(ago.map(|it| NOW - it));
        let unknown = "against: nobody knows when this build began";
        assert_eq!(
            said(Cutoff::BuildBegan(NOW), Some(HOUR)),
            ["it was fixed 60 minutes before this build began: a regression"]
        );
        assert_eq!(
            said(Cutoff::Received(NOW), Some(HOUR)),
            [
                "it was fixed 60 minutes before this came in: a regression",
                unknown
            ]
        );
        assert_eq!(
            said(Cutoff::Received(NOW), Some(72 * HOUR)),
            ["it was fixed 3 days before this came in: a regression"]
        );
        assert!(said(Cutoff::BuildBegan(NOW), None)[1].contains("when it was closed"));
        assert_eq!(
            Cutoff::BuildBegan(NOW).closed_after(NOW + 5 * HOUR),
            "it was closed 5 hours after this build began: no regression"
        );
        assert_eq!(
            said(Cutoff::RevisionKnown(NOW), Some(HOUR)),
            ["it was fixed 60 minutes before the revision of this build was known: a regression"]
        );
    }
}
