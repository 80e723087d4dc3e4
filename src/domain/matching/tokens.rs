//! Texts as sets of words, and how rare each word is among the titles.

use std::collections::{BTreeMap, BTreeSet};

/// A piece of a name that is shorter says nothing.
const SHORTEST_PIECE: usize = 3;

/// Pieces that many names have.
const COMMON_PIECES: &[&str] = &[
    "test", "tests", "testcase", "case", "get", "set", "with", "and", "not", "the", "for", "from",
    "new",
];

/// The words of a text in lower case, in order: letters, digits and `_`.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Every word once.
pub(super) fn word_set(text: &str) -> BTreeSet<String> {
    words(text).collect()
}

/// The pieces of the names in a text: `test_sendFile_x2` has `send`, `file`.
pub(super) fn pieces(text: &str) -> BTreeSet<String> {
    let mut pieces = BTreeSet::new();
    let mut piece = String::new();
    let mut after_lower = false;
    for char in text.chars().chain([' ']) {
        let begins = char.is_uppercase() && after_lower;
        if !char.is_alphanumeric() || begins {
            let found = std::mem::take(&mut piece);
            if found.chars().count() >= SHORTEST_PIECE && !COMMON_PIECES.contains(&found.as_str()) {
                pieces.insert(found);
            }
        }
        if char.is_alphanumeric() {
            piece.extend(char.to_lowercase());
        }
        after_lower = char.is_lowercase() || char.is_numeric();
    }
    pieces
}

/// The same in one line, for an index of words.
pub fn title_pieces(title: &str) -> String {
    let pieces: Vec<String> = pieces(title).into_iter().collect();
    pieces.join(" ")
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
            let pieces: Vec<String> = pieces(text).into_iter().collect();
            assert_eq!(pieces, expect, "{text}");
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
