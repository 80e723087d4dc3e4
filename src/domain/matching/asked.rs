//! What of a question is the same for every report, worked out once for all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::matching::question::Question;
use crate::domain::matching::tokens::{self, Rarity};
use crate::domain::matching::words::WholeWord;

/// The rarity of a title's word that the failure does not have, as it is on the
/// whole.
const OF_ANOTHER_WORD: f64 = 0.6;

/// A question as it is asked of report after report.
pub(super) struct Asked<'a> {
    pub(super) question: &'a Question,
    pub(super) method: Option<Name<'a>>,
    pub(super) class: Option<Name<'a>>,
    pub(super) file: Option<Name<'a>>,
    pub(super) package: Option<Name<'a>>,
    pub(super) exception: Option<Name<'a>>,
    /// What the test is about, as people write it.
    pub(super) topics: Vec<(String, WholeWord)>,
    /// The test's names, in lower case.
    pub(super) own: Vec<String>,
    pieces: Pieces<'a>,
    texts: WordsOfTexts<'a>,
}

/// A name of the failure.
pub(super) struct Name<'a> {
    pub(super) written: &'a str,
    pub(super) rarity: f64,
    small: String,
    word: WholeWord,
}

impl<'a> Name<'a> {
    fn of(name: &'a str, rarity: &Rarity) -> Self {
        let small = name.to_lowercase();
        Self {
            written: name,
            rarity: rarity.of(&small),
            word: WholeWord::of(name),
            small,
        }
    }

    /// Whether it stands in a text of small letters.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.word.is_in(text)
    }
}

impl<'a> Asked<'a> {
    pub(super) fn of(question: &'a Question, rarity: &'a Rarity) -> Self {
        let name = |name: &'a Option<String>| Some(Name::of(name.as_deref()?, rarity));
        let names = &question.names;
        let topics = names.topics().into_iter();
        let (method, file) = (name(&names.method), name(&names.file));
        let texts = WordsOfTexts::of(question, rarity, [&method, &file]);
        Self {
            question,
            method,
            class: name(&names.class),
            file,
            package: name(&names.package),
            exception: name(&question.exception),
            topics: topics
                .map(|topic| (topic.clone(), WholeWord::of(&topic)))
                .collect(),
            own: names.all().map(str::to_lowercase).collect(),
            pieces: Pieces::of(&question.pieces, rarity),
            texts,
        }
    }

    /// How much of the names' pieces and of a title's is the same, from 0.0 to 1.0.
    pub(super) fn likeness(&self, title: &str) -> f64 {
        self.pieces.likeness(&tokens::Pieces::of(title).sorted())
    }

    /// What the body and the comments of a report have, in lower case.
    pub(super) fn text_facts(&self, text: &str) -> TextFacts {
        let words = &self.texts;
        let there = words.in_text(text);
        let has = |name: &Option<Name<'_>>| {
            let name = name.as_ref();
            name.is_some_and(|name| there.contains(name.small.as_str()))
        };
        TextFacts {
            message: words.message.share(&there),
            functions: words.functions.share(&there),
            method: has(&self.method),
            file: has(&self.file),
        }
    }
}

/// The pieces of the test's names.
struct Pieces<'a> {
    /// Of each the square of its rarity.
    squares: BTreeMap<&'a str, f64>,
    sum: f64,
}

impl<'a> Pieces<'a> {
    fn of(pieces: &'a BTreeSet<String>, rarity: &Rarity) -> Self {
        let square = |piece: &'a String| (piece.as_str(), rarity.of(piece).powi(2));
        let squares: BTreeMap<&str, f64> = pieces.iter().map(square).collect();
        Self {
            sum: squares.values().sum(),
            squares,
        }
    }

    /// The cosine of the pieces, each weighed by its rarity.
    fn likeness(&self, there: &[&str]) -> f64 {
        let known = there.iter().map(|piece| self.squares.get(piece).copied());
        let shared: f64 = known.clone().flatten().sum();
        let of_another = OF_ANOTHER_WORD.powi(2);
        let all_there: f64 = known.map(|square| square.unwrap_or(of_another)).sum();
        let all = self.sum * all_there;
        if all > 0.0 { shared / all.sqrt() } else { 0.0 }
    }
}

/// What the texts of one report have.
pub(super) struct TextFacts {
    /// The share of the message's words, weighed by their rarity.
    pub(super) message: f64,
    /// The share of the traceback's functions.
    pub(super) functions: f64,
    pub(super) method: bool,
    pub(super) file: bool,
}

/// Words of which texts have some.
struct Weighed<'a> {
    words: Vec<(&'a str, f64)>,
    sum: f64,
}

impl<'a> Weighed<'a> {
    fn of(words: &'a BTreeSet<String>, rarity: &Rarity) -> Self {
        let weighed = |word: &'a String| (word.as_str(), rarity.of(word));
        let words: Vec<(&str, f64)> = words.iter().map(weighed).collect();
        Self {
            sum: words.iter().map(|(_, weight)| weight).sum(),
            words,
        }
    }

    fn share(&self, there: &BTreeSet<&str>) -> f64 {
        let shared = self.words.iter().filter(|(word, _)| there.contains(word));
        let shared: f64 = shared.map(|(_, weight)| weight).sum();
        if self.sum > 0.0 {
            shared / self.sum
        } else {
            0.0
        }
    }
}

/// All words that are looked for in texts. Texts have many words, and few are asked
/// for.
struct WordsOfTexts<'a> {
    message: Weighed<'a>,
    functions: Weighed<'a>,
    wanted: BTreeSet<String>,
    /// For each first byte the lengths of those that begin with it, one bit each: most
    /// words of a text are told by that to be none of them.
    lengths: [u64; 256],
}

impl<'a> WordsOfTexts<'a> {
    fn of(question: &'a Question, rarity: &Rarity, names: [&Option<Name<'a>>; 2]) -> Self {
        let names = names.into_iter().flatten().map(|name| &name.small);
        let words = question.message_words.iter().chain(&question.functions);
        let wanted: BTreeSet<String> = words.chain(names).cloned().collect();
        let mut lengths = [0; 256];
        for word in &wanted {
            if let Some(of_first) = lengths.get_mut(first_byte(word)) {
                *of_first |= length_bit(word);
            }
        }
        Self {
            message: Weighed::of(&question.message_words, rarity),
            functions: Weighed::of(&question.functions, rarity),
            wanted,
            lengths,
        }
    }

    /// Those that stand in a text.
    fn in_text<'t>(&self, text: &'t str) -> BTreeSet<&'t str> {
        let may_be = |word: &&str| {
            let lengths = self.lengths.get(first_byte(word)).copied();
            lengths.unwrap_or(0) & length_bit(word) != 0
        };
        tokens::as_written(text)
            .filter(may_be)
            .filter(|word| self.wanted.contains(*word))
            .collect()
    }
}

fn first_byte(word: &str) -> usize {
    word.bytes().next().map_or(0, usize::from)
}

/// All lengths from 63 on have the same.
fn length_bit(word: &str) -> u64 {
    1 << word.len().min(63)
}
