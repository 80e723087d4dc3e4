//! When a build began whose log came with the mail, and when a build's revision was
//! known. Both are worth a few seconds, and nothing waits for them: where nobody answers
//! at once, they are not known.

use std::time::Duration;

use tokio::time::timeout;

use super::fits;
use super::logs::{ASK_AGAIN, Times, host, stopped, too_slow};
use crate::ci::{BuildFacts, Ci, Miss};
use crate::domain::Seconds;
use crate::domain::notification::Build;
use crate::worker::{Memory, Parts};

/// Longer than this nobody waits for it.
const LONGEST: Duration = Duration::from_secs(10);

/// Asks the configured CI system of the build's link, unless it did not answer a
/// moment ago.
pub(super) async fn ask(parts: &Parts, memory: &mut Memory, build: &mut Build, times: Times) {
    let Some(link) = &build.link else {
        return;
    };
    let Some(ci) = parts.ci.iter().find(|ci| ci.knows(link)) else {
        return;
    };
    let now = parts.clock.now();
    let host = host(&link.url).to_owned();
    let is_away = |(until, _): &(_, String)| now < *until;
    if memory.ci_troubles.get(&host).is_some_and(is_away) {
        return;
    }
    match at_once(parts, ci.build_alone(link)).await {
        Ok(facts) if fits::other(build, &facts, times.mailed_at).is_none() => {
            build.began_at = facts.began_at;
            build.revision_seen_at = revision_seen_at(parts, ci, &facts).await;
        }
        Err(Miss::Unreachable(why)) => {
            let trouble = (now + ASK_AGAIN, why);
            memory.ci_troubles.insert(host, trouble);
        }
        Ok(_) | Err(_) => {}
    }
}

/// When a Buildbot first knew the revision of a build; none where it does not say so at
/// once.
pub(super) async fn revision_seen_at(
    parts: &Parts,
    ci: &Ci,
    facts: &BuildFacts,
) -> Option<Seconds> {
    let seen = at_once(parts, ci.revision_seen_at(facts)).await;
    seen.unwrap_or_else(|miss| {
        tracing::debug!(%miss, "nobody says when the revision was known");
        None
    })
}

/// What an answer is that comes within [`LONGEST`], and before the service stops.
async fn at_once<T>(
    parts: &Parts,
    asked: impl Future<Output = Result<T, Miss>>,
) -> Result<T, Miss> {
    parts.beat();
    tokio::select! {
        asked = timeout(LONGEST, asked) => {
            asked.unwrap_or_else(|_| Err(too_slow()))
        }
        () = stopped(parts) => Err(Miss::NotYet("the service stops".to_owned())),
    }
}
