//! Texts as sets of words, and how rare each word is among the titles.

use std::collections::{BTreeMap, BTreeSet};

/// A piece of a name that is shorter says nothing.
const SHORTEST_PIECE: usize = 3;

/// Pieces that many names have.
const COMMON_PIECES: &[&str] = &[
    "test", "tests", "testcase", "case", "get", "set", "with", "and", "not", "the", "for", "from",
    "new",
];

/// The words of a text as they stand, in order: letters, digits and `_`.
pub(super) fn as_written(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
}

/// The same in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    as_written(text).map(str::to_lowercase)
}

/// The words of a text as they stand, each once, in order of the alphabet.
pub(super) fn word_set(text: &str) -> Vec<&str> {
    sorted(as_written(text).collect())
}

/// The pieces of the names in a text, in lower case: `test_sendFile_x2` has `send`,
/// `file`. One text for all of them, because titles are many.
pub(super) struct Pieces {
    /// A space behind each.
    joined: String,
}

impl Pieces {
    pub(super) fn of(text: &str) -> Self {
        let mut joined = String::with_capacity(text.len() + 1);
        let mut begun_at = 0;
        let mut after_lower = false;
        for char in text.chars().chain([' ']) {
            let begins = char.is_uppercase() && after_lower;
            if !char.is_alphanumeric() || begins {
                match joined.get(begun_at..).is_some_and(is_telling) {
                    true => joined.push(' '),
                    false => joined.truncate(begun_at),
                }
                begun_at = joined.len();
            }
            match char {
                _ if char.is_ascii_alphanumeric() => joined.push(char.to_ascii_lowercase()),
                _ if char.is_alphanumeric() => joined.extend(char.to_lowercase()),
                _ => {}
            }
            after_lower = char.is_lowercase() || char.is_numeric();
        }
        Self { joined }
    }

    /// Each once, in order of the alphabet.
    pub(super) fn sorted(&self) -> Vec<&str> {
        sorted(self.joined.split_terminator(' ').collect())
    }
}

/// The pieces of several names.
pub(super) fn piece_set<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for pieces in names.map(Pieces::of) {
        all.extend(pieces.sorted().into_iter().map(str::to_owned));
    }
    all
}

fn is_telling(piece: &str) -> bool {
    piece.chars().count() >= SHORTEST_PIECE && !COMMON_PIECES.contains(&piece)
}

fn sorted(mut words: Vec<&str>) -> Vec<&str> {
    words.sort_unstable();
    words.dedup();
    words
}

/// The pieces of a title in one line, for an index of words.
pub fn title_pieces(title: &str) -> String {
    Pieces::of(title).sorted().join(" ")
}

/// The beginning of a text, at most so many bytes, never within a character.
pub(super) fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// In a smaller tracker words are as rare as in one of that many titles: what three
/// reports have in common says little of what is common.
const SMALLEST: u64 = 1000;

/// In how many titles of the mirror words stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rarity {
    /// How many titles there are.
    pub titles: u64,
    /// How many of them have the word, in lower case; words that were asked for
    /// and stand nowhere have 0.
    pub with: BTreeMap<String, u64>,
}

impl Rarity {
    /// From 0.0, a word of every title, to 1.0, a word of one or none.
    pub fn of(&self, word: &str) -> f64 {
        let titles = self.titles.max(SMALLEST) as f64;
        match self.with.get(word) {
            None | Some(0 | 1) => 1.0,
            Some(with) => (titles / *with as f64).ln().max(0.0) / titles.ln(),
        }
    }

    /// In how many titles it stands.
    pub fn titles_with(&self, word: &str) -> u64 {
        self.with.get(word).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_pieces() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(Pieces::of(text).sorted(), expect, "{text}");
        };
        check(
            "test_sock_sendfile: SubprocessTests",
            &["sendfile", "sock", "subprocess"],
        );
        check("_ast", &["ast"]);
        check("testIPv6toString", &["ipv6to", "string"]);
        check("", &[]);
    }

    #[test]
    fn what_few_titles_have_is_rare() {
        let rarity = Rarity {
            titles: 1000,
            with: [("a", 1000), ("b", 10), ("c", 1), ("d", 0)]
                .map(|(word, with)| (word.to_owned(), with))
                .into(),
        };
        let of = |word| (rarity.of(word) * 100.0).round();
        assert_eq!(
            [of("a"), of("b"), of("c"), of("d"), of("e")],
            [0.0, 67.0, 100.0, 100.0, 100.0]
        );
        assert_eq!(Rarity::default().of("a"), 1.0);
    }

    #[test]
    fn heads_end_between_characters() {
        assert_eq!(head("aü", 2), "a");
        assert_eq!(head("aü", 3), "aü");
        assert_eq!(head("aü", 9), "aü");
    }
}
