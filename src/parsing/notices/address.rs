//! The address of a build as a person copies it from a browser.

use super::{appveyor, azure, buildbot, github_actions, travis};
use crate::domain::notification::BuildLink;

/// The longest address that is looked at, in bytes.
const LONGEST: usize = 2000;

/// Which build of which CI system an address leads to; of a page below a build (a
/// step, a log, a job) the build's. Whether that system is configured is not asked.
pub(in crate::parsing) fn read(address: &str) -> Option<BuildLink> {
    let address = address.trim();
    let is_address = address.starts_with("https://") || address.starts_with("http://");
    if !is_address || address.len() > LONGEST || address.contains(char::is_whitespace) {
        return None;
    }
    // Buildbot's first: no other one has `/builders/`.
    [
        buildbot::of_address,
        github_actions::of_address,
        azure::of_address,
        appveyor::of_address,
        travis::of_address,
    ]
    .iter()
    .find_map(|read| read(address))
    .filter(|link| address.starts_with(&link.url))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[track_caller]
    fn check(address: &str, expect: Option<(&str, &str, &str, u64)>) {
        let link = read(address);
        let found = link.as_ref().map(|it| {
            (
                it.ci.key(),
                it.base.as_str(),
                it.builder.as_str(),
                it.number,
            )
        });
        assert_eq!(found, expect, "{address}");
    }

    #[test]
    fn addresses_of_every_system() {
        check(
            " https://buildbot.python.org/#/builders/15/builds/4/steps/5/logs/stdio\n",
            Some(("buildbot", "https://buildbot.python.org/", "15", 4)),
        );
        check(
            "https://buildbot.python.org/all/#/builders/AMD64%20Debian/builds/7",
            Some((
                "buildbot",
                "https://buildbot.python.org/all/",
                "AMD64%20Debian",
                7,
            )),
        );
        check(
            "https://github.com/python/cpython/actions/runs/123/job/456?pr=7",
            Some((
                "github_actions",
                "https://github.com/",
                "python/cpython",
                123,
            )),
        );
        check(
            "https://dev.azure.com/Python/cpython/_build/results?buildId=99&view=logs",
            Some(("azure", "https://dev.azure.com/", "Python/cpython", 99)),
        );
        check(
            "https://ci.appveyor.com/project/python/cpython/builds/321/job/abc",
            Some((
                "appveyor",
                "https://ci.appveyor.com/",
                "python/cpython",
                321,
            )),
        );
        check(
            "https://travis-ci.org/github/python/cpython/builds/55",
            Some(("travis", "https://travis-ci.org/", "python/cpython", 55)),
        );
    }

    #[test]
    fn anything_else_is_none() {
        for address in [
            "",
            "12",
            "javascript:https://x/#/builders/1/builds/2",
            "see https://x/#/builders/1/builds/2",
            "https://x/#/builders/1/builds/2 and more",
            "https://github.com/python/cpython/issues/1",
            "https://x/?q=https://github.com/a/b/actions/runs/1",
            "ftp://x/#/builders/1/builds/2",
        ] {
            check(address, None);
        }
    }
}
