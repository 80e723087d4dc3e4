//! When the revision of a build was known.
//!
//! A build's request belongs to a set of builds, and that has a source stamp for each
//! codebase: branch, revision, and the moment when the master first saw this pair. It
//! stays the same stamp when the build waits, and when somebody has it built again.
//! The build's changes would tell the same in one answer, but they are all since the
//! last build that succeeded, and for a revision before that one all there ever were.

use super::Buildbot;
use super::shapes::{BuildRequests, Buildsets, SourceStamp};
use crate::ci::{BuildFacts, Miss};
use crate::domain::Seconds;

impl Buildbot {
    pub(crate) async fn revision_seen_at(
        &self,
        build: &BuildFacts,
    ) -> Result<Option<Seconds>, Miss> {
        let (Some(revision), Some(request)) = (&build.revision, build.request) else {
            return Ok(None);
        };
        // One that was not named before the build is in no stamp.
        if build.wanted_revision.as_ref() != Some(revision) {
            return Ok(None);
        }
        let master = self.master(&build.api)?;
        let path = ["buildrequests", &request.to_string()];
        let found: BuildRequests = master.get(&build.api, &path, &[]).await?;
        let Some(request) = found.buildrequests.into_iter().next() else {
            return Ok(None);
        };
        let path = ["buildsets", &request.buildsetid.to_string()];
        let found: Buildsets = master.get(&build.api, &path, &[]).await?;
        let sets = found.buildsets.into_iter();
        let stamps: Vec<SourceStamp> = sets.flat_map(|set| set.sourcestamps).collect();
        Ok(seen_at(&stamps, revision))
    }
}

/// The moment from which on nothing new can be in what was built: where there are
/// several codebases, that of the last of them. None where one of them says too little.
fn seen_at(stamps: &[SourceStamp], revision: &str) -> Option<Seconds> {
    let is_of_it = |stamp: &SourceStamp| stamp.revision.as_deref() == Some(revision);
    let is_settled = |stamp: &SourceStamp| {
        let revision = stamp.revision.as_deref();
        revision.is_some_and(is_hash) && stamp.patch.is_none()
    };
    let is_told = stamps.iter().any(is_of_it) && stamps.iter().all(is_settled);
    let last = stamps.iter().map(|stamp| stamp.created_at).max();
    last.filter(|_| is_told)
}

/// Whether it is the id of a commit of Git or Mercurial, which stands for all that is in
/// it. A mere number, or the name of a tag, does not.
fn is_hash(revision: &str) -> bool {
    matches!(revision.len(), 40 | 64) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::seen_at;
    use crate::ci::buildbot::shapes::Buildsets;

    const BUILT: &str = "c6839b462d75b7f47294f8fa49ffdd13c907fe43";
    const OTHER: &str = "3c8665c7627def32c31f2cccb4a62b82daed30bd";

    /// What a Buildbot 4.3 says of a set of builds of these stamps, as far as it is read.
    fn said(stamps: &serde_json::Value) -> Option<i64> {
        let answer = serde_json::json!({ "buildsets": [{
            "bsid": 2, "complete": true, "results": 2, "sourcestamps": stamps,
            "submitted_at": 1_795_323_709,
        }], "meta": {} });
        let found: Buildsets = serde_json::from_value(answer).unwrap();
        seen_at(&found.buildsets[0].sourcestamps, BUILT)
    }

    #[test]
    fn what_was_settled_last_counts() {
        let stamp = |codebase: &str, revision: Option<&str>, at: i64| {
            serde_json::json!({
                "branch": "main", "codebase": codebase, "created_at": at, "patch": null,
                "project": "python/cpython", "revision": revision, "ssid": 2,
            })
        };
        let built = stamp("", Some(BUILT), 1_795_323_708);
        assert_eq!(said(&serde_json::json!([built])), Some(1_795_323_708));
        for (other, expected) in [
            (
                stamp("docs", Some(OTHER), 1_795_000_000),
                Some(1_795_323_708),
            ),
            (
                stamp("docs", Some(OTHER), 1_795_400_000),
                Some(1_795_400_000),
            ),
            // Whatever is newest, a number, a tag.
            (stamp("docs", None, 1_600_000_000), None),
            (stamp("docs", Some("91234"), 1_600_000_000), None),
            (stamp("docs", Some("v3.15.0"), 1_600_000_000), None),
        ] {
            assert_eq!(
                said(&serde_json::json!([built, other])),
                expected,
                "{other}"
            );
        }
    }

    #[test]
    fn another_revision_or_a_patch_tells_nothing() {
        let stamp = |revision: &str, patch: serde_json::Value| serde_json::json!([{ "created_at": 1, "patch": patch, "revision": revision }]);
        let patch = serde_json::json!({ "patchid": 1, "level": 1, "body": "" });
        assert_eq!(said(&stamp(BUILT, serde_json::Value::Null)), Some(1));
        assert_eq!(said(&stamp(BUILT, patch)), None);
        assert_eq!(said(&stamp(OTHER, serde_json::Value::Null)), None);
        assert_eq!(said(&serde_json::json!([])), None);
    }
}
