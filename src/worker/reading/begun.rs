//! When a build began whose log came with the mail. It is worth one question, which
//! nothing waits for: where nobody answers at once, it is not known.

use std::time::Duration;

use super::fits;
use super::logs::{ASK_AGAIN, Times, host, stopped, too_slow};
use crate::ci::Miss;
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
    parts.beat();
    let asked = tokio::select! {
        asked = tokio::time::timeout(LONGEST, ci.build(link)) => asked,
        () = stopped(parts) => return,
    };
    match asked.unwrap_or_else(|_| Err(too_slow())) {
        Ok(facts) if fits::other(build, &facts, times.mailed_at).is_none() => {
            build.began_at = facts.began_at;
        }
        Err(Miss::Unreachable(why)) => {
            let trouble = (now + ASK_AGAIN, why);
            memory.ci_troubles.insert(host, trouble);
        }
        Ok(_) | Err(_) => {}
    }
}
