//! Addresses of builds.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::notification::{BuildLink, CiSystem};
use crate::parsing::pattern;

/// `…/#builders/1/builds/2` (0.9 to 3.6), `…/#/builders/1/builds/2` (from 3.7) and
/// `…/builders/<quoted name>/builds/2` (0.8). A name may stand for the number.
/// Only http and https count.
static BUILD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(https?://[^\s<>'\x22#]+?/)(?:#/?)?builders/([^\s<>'\x22/#?]+)/builds/([0-9]{1,9})\b")
});
/// Longest name of a builder, in characters.
const MAX_NAME: usize = 300;

/// The first address of a build in the text.
pub(in crate::parsing::notices) fn find(text: &str) -> Option<BuildLink> {
    if !text.contains("/builds/") {
        return None;
    }
    let found = BUILD.captures(text)?;
    let builder = found.get(2)?;
    if builder.as_str().chars().nth(MAX_NAME).is_some() {
        return None;
    }
    Some(BuildLink {
        url: found.get(0)?.as_str().to_owned(),
        ci: CiSystem::Buildbot,
        base: found.get(1)?.as_str().to_owned(),
        builder: builder.as_str().to_owned(),
        number: found.get(3)?.as_str().parse().ok()?,
        name: None,
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn all_forms() {
        for (url, base, builder, number) in [
            (
                "https://buildbot.python.org/all/#builders/19/builds/2",
                "https://buildbot.python.org/all/",
                "19",
                2,
            ),
            (
                "https://buildbot.python.org/all/#/builders/19/builds/2",
                "https://buildbot.python.org/all/",
                "19",
                2,
            ),
            (
                "https://buildbot.python.org/#/builders/AMD64%20Debian/builds/7",
                "https://buildbot.python.org/",
                "AMD64%20Debian",
                7,
            ),
            (
                "http://buildbot.python.org/all/builders/AMD64%20Windows10%203.x/builds/7",
                "http://buildbot.python.org/all/",
                "AMD64%20Windows10%203.x",
                7,
            ),
        ] {
            let link = find(&format!("    {url}/steps/5/logs/stdio\n")).unwrap();
            assert_eq!(
                (
                    link.url.as_str(),
                    link.base.as_str(),
                    link.builder.as_str(),
                    link.number
                ),
                (url, base, builder, number)
            );
        }
        for text in [
            "ftp://x/#/builders/1/builds/2",
            "https://x/#/builders//builds/2",
            "javascript:x/builders/1/builds/2",
            "https://x/#/builders/1",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
