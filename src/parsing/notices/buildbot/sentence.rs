//! The first sentence of a notice. By hand: groups of a pattern take longer than
//! everything else that is read of a short mail's beginning.

use std::ops::RangeInclusive;

use memchr::memmem;

/// A sentence of one of the forms, in the order of their age:
///
/// * `The Buildbot has detected a new failure of B on P.` (up to 0.7)
/// * `The Buildbot has detected a new failure on builder B while building P.`
///   (0.8 to 3.4, and CPython's own template)
/// * `A new failure has been detected on builder B while building P.` (from 3.5)
#[derive(Debug, PartialEq)]
pub(super) struct Sentence<'a> {
    /// Where in the text it begins.
    pub(super) start: usize,
    /// `new failure`
    pub(super) status: &'a str,
    pub(super) builder: &'a str,
    pub(super) project: &'a str,
}

/// How many characters a status has.
const STATUS: RangeInclusive<usize> = 3..=41;

impl<'a> Sentence<'a> {
    /// The sentences in a text, at most one in a line, at its end.
    pub(super) fn all(text: &'a str) -> impl Iterator<Item = Self> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = from + memmem::find(text.as_bytes().get(from..)?, b"detected ")?;
            let (before, behind) = text.split_at(at);
            let begin = before.rfind('\n').map_or(0, |end| end + 1);
            let end = behind.find('\n').map_or(text.len(), |length| at + length);
            from = end;
            Some(
                text.get(begin..end)
                    .and_then(|line| Self::in_line(line, begin)),
            )
        })
        .flatten()
    }

    /// In a line that begins there in the text.
    fn in_line(line: &'a str, begin: usize) -> Option<Self> {
        let line = line.trim_end_matches([' ', '\t']).strip_suffix('.')?;
        let mut behind = line;
        loop {
            let (at, words) = [OLD, NEW]
                .into_iter()
                .filter_map(|words| Some((behind.find(words)?, words)))
                .min()?;
            let start = line.len() - behind.len() + at;
            let whole = behind.get(at..)?;
            behind = whole.get(words.len()..)?;
            let Some((status, builder, project)) = told(behind) else {
                continue;
            };
            let says_detected = words == OLD || whole.contains(" has been detected on builder ");
            return says_detected.then_some(Self {
                start: begin + start,
                status,
                builder,
                project,
            });
        }
    }
}

const OLD: &str = "The Buildbot has detected a ";
const NEW: &str = "A ";

/// What stands behind the first words, up to the full stop: the shortest status
/// behind which the rest has the form.
fn told(words: &str) -> Option<(&str, &str, &str)> {
    let is_in_status = |byte: &u8| byte.is_ascii_lowercase() || *byte == b' ';
    let longest = words.bytes().take_while(is_in_status).count();
    if words.starts_with(' ') {
        return None;
    }
    let longest = longest.min(*STATUS.end());
    (*STATUS.start()..=longest).find_map(|length| {
        let (status, rest) = words.split_at_checked(length)?;
        let (builder, project) = rest
            .strip_prefix(" has been detected")
            .and_then(of_build)
            .or_else(|| of_build(rest))?;
        Some((status, builder, project))
    })
}

/// ` on builder B while building P`, ` of B on P`
fn of_build(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(' ')?;
    let (builder, project) = if let Some(rest) = text.strip_prefix("on builder ") {
        rest.rsplit_once(" while building ")?
    } else {
        let (builder, project) = text.strip_prefix("of ")?.rsplit_once(" on ")?;
        let is_word = !project.is_empty() && !project.contains(char::is_whitespace);
        let begins_word = !builder.starts_with(char::is_whitespace);
        (is_word && begins_word).then_some((builder, project))?
    };
    (!builder.is_empty()).then_some((builder, project))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::Sentence;
    use crate::parsing::property_tests::Chance;

    /// The same in the words of a pattern, which takes several times as long.
    #[test]
    fn it_is_what_the_pattern_says() {
        const PARTS: [&str; 20] = [
            "The Buildbot has detected a",
            "A",
            "new failure",
            "failed build",
            "x",
            " has been detected",
            " on builder ",
            "on builder B",
            " while building ",
            "while building P",
            " of ",
            " on ",
            "of B on P",
            ".",
            " ",
            " ",
            "\n",
            "\t",
            "-The Buildbot",
            "é",
        ];
        let pattern = Regex::new(
            r"(?m)(?:The Buildbot has detected a|A) ([a-z][a-z ]{2,40}?)(?: has been detected)? (?:on builder (.+) while building (.*)|of (\S.*) on (\S+))\.[ \t]*$",
        )
        .unwrap();
        let mut chance = Chance(11);
        let mut found = 0;
        for _ in 0..100_000 {
            let mut text = String::new();
            for _ in 0..chance.below(16) {
                text.push_str(PARTS[chance.below(PARTS.len())]);
            }
            text.push_str(if chance.below(2) == 0 { "." } else { "" });
            let by_pattern: Vec<Sentence<'_>> = pattern
                .captures_iter(&text)
                .filter(|it| {
                    it[0].starts_with("The Buildbot has detected")
                        || it[0].contains(" has been detected on builder ")
                })
                .map(|it| {
                    let part = |index| it.get(index).map(|part| part.as_str());
                    Sentence {
                        start: it.get(0).unwrap().start(),
                        status: part(1).unwrap(),
                        builder: part(2).or(part(4)).unwrap(),
                        project: part(3).or(part(5)).unwrap(),
                    }
                })
                .collect();
            found += by_pattern.len();
            let all: Vec<Sentence<'_>> = Sentence::all(&text).collect();
            assert_eq!(all, by_pattern, "{text:?}");
        }
        assert!(found > 100, "{found}");
    }
}
