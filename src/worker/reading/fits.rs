//! Whether a build that the CI system shows is the one that a mail speaks of.
//!
//! Numbers are given out anew: Buildbot 0.9 began at 1 again, and so does a
//! master whose database was lost. The log of another build would blame another
//! test, which is worse than no log.

use crate::ci::BuildFacts;
use crate::domain::Seconds;
use crate::domain::notification::{Build, BuildLink, BuildResult};

const DAY: Seconds = 24 * 60 * 60;
/// Clocks differ, and time zones are written wrong.
const ENDED_AFTER_THE_MAIL: Seconds = DAY;
/// A mail waits for the other builds of the same push, and for moderators.
const ENDED_BEFORE_THE_MAIL: Seconds = 30 * DAY;
/// The same where the link alone proves nothing.
const ENDED_WITH_THE_MAIL: Seconds = 2 * DAY;

/// Why it is another build, in words; none if it can be the right one.
///
/// A link of Buildbot 0.8 (without `#`) needs more than that nothing speaks
/// against it: the commit, or the time.
pub(super) fn other(
    build: &Build,
    facts: &BuildFacts,
    mailed_at: Option<Seconds>,
) -> Option<String> {
    let link = build.link.as_ref()?;
    let number = link.number;
    if let Some(builder) = &facts.builder
        && !build.builder.is_empty()
        && builder.trim() != build.builder.trim()
    {
        return Some(format!("build {number} there is of builder {builder} now"));
    }
    let same_commit = same_commit(build, facts);
    if same_commit == Some(false) {
        let there = facts.revision.as_deref().unwrap_or_default();
        return Some(format!(
            "build {number} there is of another commit: {there}"
        ));
    }
    if matches!(
        facts.result,
        Some(BuildResult::Success | BuildResult::Warnings | BuildResult::Skipped)
    ) {
        return Some(format!("build {number} there did not fail"));
    }
    let before = facts
        .ended_at
        .zip(mailed_at)
        .map(|(ended, mailed)| mailed - ended);
    let span = match is_old(link) {
        true => ENDED_WITH_THE_MAIL,
        false => ENDED_BEFORE_THE_MAIL,
    };
    match before {
        _ if same_commit == Some(true) => None,
        Some(before) if (-ENDED_AFTER_THE_MAIL..=span).contains(&before) => None,
        None if !is_old(link) => None,
        Some(_) => Some(format!("build {number} there is of another time")),
        None => Some("the link is of Buildbot 0.8, whose numbers were given out anew".to_owned()),
    }
}

fn is_old(link: &BuildLink) -> bool {
    !link.url.contains('#')
}

/// None where one of them does not say.
fn same_commit(build: &Build, facts: &BuildFacts) -> Option<bool> {
    let said = build.revision.as_deref().filter(|said| said.len() >= 7)?;
    let there = [&facts.revision, &facts.wanted_revision];
    let mut there = there.into_iter().flatten().peekable();
    there.peek()?;
    Some(there.any(|there| there.starts_with(said) || said.starts_with(there.as_str())))
}
