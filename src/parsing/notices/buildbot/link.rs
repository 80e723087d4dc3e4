//! Addresses of builds.

use memchr::memmem;

use crate::domain::notification::{BuildLink, CiSystem};

/// Longest name of a builder, in characters.
const MAX_NAME: usize = 300;

/// The first address of a build in the text:
///
/// `…/#builders/1/builds/2` (0.9 to 3.6), `…/#/builders/1/builds/2` (from 3.7) and
/// `…/builders/<quoted name>/builds/2` (0.8). A name may stand for the number.
/// Only http and https count.
pub(in crate::parsing::notices) fn find(text: &str) -> Option<BuildLink> {
    memmem::find(text.as_bytes(), b"/builds/")?;
    let parts = text
        .match_indices("http")
        .find_map(|(at, _)| Parts::read(text.get(at..)?))?;
    if parts.builder.chars().nth(MAX_NAME).is_some() {
        return None;
    }
    Some(BuildLink {
        url: parts.whole.to_owned(),
        ci: CiSystem::Buildbot,
        base: parts.base.to_owned(),
        builder: parts.builder.to_owned(),
        number: parts.number.parse().ok()?,
        name: None,
    })
}

/// An address of a build, taken apart.
#[derive(Debug, PartialEq)]
struct Parts<'a> {
    whole: &'a str,
    base: &'a str,
    builder: &'a str,
    number: &'a str,
}

impl<'a> Parts<'a> {
    /// Reads the address with which the text begins.
    fn read(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("http")?;
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        let rest = rest.strip_prefix("://")?;
        let begin = text.len() - rest.len();
        let end = rest.find(|ch| ends_address(ch) || ch == '#');
        let host_and_folders = rest.get(..end.unwrap_or(rest.len()))?;
        let slashes = host_and_folders
            .match_indices('/')
            .filter(|(at, _)| *at > 0);
        slashes
            .map(|(at, slash)| text.split_at(begin + at + slash.len()))
            .find_map(|(base, rest)| Self::behind(base, rest, text))
    }

    /// With what stands behind the address of the Buildbot.
    fn behind(base: &'a str, rest: &'a str, text: &'a str) -> Option<Self> {
        let hash = rest.strip_prefix('#').unwrap_or(rest);
        let path = match hash.len() < rest.len() {
            true => hash.strip_prefix('/').unwrap_or(hash),
            false => rest,
        };
        let rest = path.strip_prefix("builders/")?;
        let end = rest.find(|ch| ends_address(ch) || matches!(ch, '/' | '#' | '?'))?;
        let (builder, rest) = rest.split_at(end);
        let rest = rest.strip_prefix("/builds/")?;
        let behind = rest.trim_start_matches(|ch: char| ch.is_ascii_digit());
        let number = rest.get(..rest.len() - behind.len())?;
        let is_number = (1..=9).contains(&number.len())
            && !behind.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_');
        (is_number && !builder.is_empty()).then(|| Self {
            whole: text.get(..text.len() - behind.len()).unwrap_or_default(),
            base,
            builder,
            number,
        })
    }
}

fn ends_address(ch: char) -> bool {
    ch.is_whitespace() || matches!(ch, '<' | '>' | '\'' | '"')
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::{Parts, find};
    use crate::parsing::property_tests::Chance;

    /// The same in the words of a pattern.
    #[test]
    fn it_is_what_the_pattern_says() {
        const PARTS: [&str; 18] = [
            "http",
            "s",
            "://",
            "x",
            "/",
            "#",
            "#/",
            "builders/",
            "builders",
            "builders/a%20b/builds/",
            "/builds/",
            "1",
            "12345",
            " ",
            "'",
            "?",
            "_",
            "é",
        ];
        let pattern = Regex::new(
            r"^(https?://[^\s<>'\x22#]+?/)(?:#/?)?builders/([^\s<>'\x22/#?]+)/builds/([0-9]{1,9})\b",
        )
        .unwrap();
        let mut chance = Chance(7);
        let mut found = 0;
        for _ in 0..50_000 {
            let mut text = "https://x/".to_owned();
            for _ in 0..chance.below(9) {
                text.push_str(PARTS[chance.below(PARTS.len())]);
            }
            let by_pattern = pattern.captures(&text).map(|it| Parts {
                whole: it.get(0).unwrap().as_str(),
                base: it.get(1).unwrap().as_str(),
                builder: it.get(2).unwrap().as_str(),
                number: it.get(3).unwrap().as_str(),
            });
            found += usize::from(by_pattern.is_some());
            assert_eq!(Parts::read(&text), by_pattern, "{text}");
        }
        assert!(found > 100, "{found}");
    }

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
