//! What is true of one report, seen from one failure.

use std::collections::{BTreeSet, HashSet};

use crate::domain::Seconds;
use crate::domain::matching::question::Question;
use crate::domain::matching::report::Report;
use crate::domain::matching::tokens::{self, Rarity};
use crate::domain::matching::words::{self, Manner};

/// The rarity of a title's word that the failure does not have, as it is on the
/// whole.
const OF_ANOTHER_WORD: f64 = 0.6;

const DAY: Seconds = 86_400;

/// A report in which nobody said anything for longer is seldom about a failure
/// of today.
pub(super) const DORMANT_AFTER: Seconds = 2 * 365 * DAY;

/// What a title says of something that the failure says as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreement<T> {
    /// Neither says anything.
    Silent,
    /// Both say the same.
    Same(T),
    /// The title says something else.
    Other(T),
    /// Only the title says something.
    TitleOnly(T),
    /// Only the failure does.
    FailureOnly(T),
}

/// Facts; [`super::features`] makes numbers of them, [`super::evidence`]
/// sentences.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) report: &'a Report,
    /// The names of the test that are whole words of the title.
    pub(super) method: Option<&'a str>,
    pub(super) class: Option<&'a str>,
    pub(super) file: Option<&'a str>,
    pub(super) package: Option<&'a str>,
    /// The method has a name that many classes have, and nothing else is named.
    pub(super) method_alone_and_common: bool,
    /// What the test is about is named without being called a test: `asyncio`.
    pub(super) topic: Option<String>,
    /// The greatest rarity of these names.
    pub(super) rarest_name: f64,
    /// Pieces of the test's names that are in the title, beyond those of the
    /// names that are there as a whole.
    pub(super) pieces: Vec<&'a str>,
    /// How much of the names' pieces and of the title's words is the same, from 0.0
    /// to 1.0.
    pub(super) likeness: f64,
    /// Whether the failure tells its method.
    pub(super) method_is_known: bool,
    /// Tests named in the title that are not this one.
    pub(super) others: Vec<&'a str>,
    pub(super) manner: Agreement<Manner>,
    pub(super) platform: Agreement<&'static str>,
    /// Words of the builder's name in the title.
    pub(super) builder_words: Vec<&'a str>,
    pub(super) exception: Option<&'a str>,
    /// Words of the message in the title.
    pub(super) message_words: Vec<&'a str>,
    /// The share of the message's words, weighed by their rarity, in the texts.
    pub(super) message_in_text: f64,
    /// The share of the traceback's functions in the texts.
    pub(super) functions_in_text: f64,
    pub(super) method_in_text: bool,
    pub(super) file_in_text: bool,
    /// The test's file is known, and neither it nor another of its names, nor what
    /// it is about, stands anywhere.
    pub(super) named_nowhere: bool,
    /// It is open, or was closed so late that the build may not have what mended it.
    pub(super) counts_as_open: bool,
    /// How long nobody had said anything in it, in seconds; not negative.
    pub(super) quiet_for: Seconds,
}

impl Facts<'_> {
    /// Whether the title is about other tests: it does not name the method, or names
    /// it beside another file, as many files have a method of that name.
    pub(super) fn names_others(&self) -> bool {
        let names_a_file = || self.others.iter().any(|name| name.starts_with("test_"));
        match self.method {
            None => !self.others.is_empty(),
            Some(_) => self.file.is_none() && self.package.is_none() && names_a_file(),
        }
    }
}

/// Looks at a report.
pub(super) fn look<'a>(question: &'a Question, rarity: &Rarity, report: &'a Report) -> Facts<'a> {
    let title = report.title();
    let small = title.to_lowercase();
    let title_words = tokens::word_set(&small);
    let title_pieces = tokens::pieces(title);
    let names = &question.names;
    let in_title = |name: &'a Option<String>| {
        let name = name.as_deref()?;
        words::has_word(&small, name).then_some(name)
    };
    let (method, class) = (in_title(&names.method), in_title(&names.class));
    let (file, package) = (in_title(&names.file), in_title(&names.package));
    let named: Vec<&str> = [method, class, file, package]
        .into_iter()
        .flatten()
        .collect();
    let found = |words: &'a BTreeSet<String>| -> Vec<&'a str> {
        words
            .iter()
            .filter(|word| title_words.contains(*word))
            .map(String::as_str)
            .collect()
    };
    let text = TextFacts::of(question, rarity, &report.text);
    let topic = topic(question, &small, file.or(package));
    let is_of_a_test = names.file.as_deref().is_some_and(words::is_test_file);
    let is_named = !named.is_empty() || topic.is_some() || text.method || text.file;
    let rarities = named.iter().map(|name| rarity.of(&name.to_lowercase()));
    Facts {
        report,
        method,
        class,
        file,
        package,
        method_alone_and_common: named.len() == 1 && method.is_some_and(words::is_generic_method),
        named_nowhere: is_of_a_test && !is_named,
        counts_as_open: report.counts_as_open(question.at),
        topic,
        rarest_name: rarities.fold(0.0, f64::max),
        pieces: other_pieces(question, &title_pieces, &named),
        likeness: likeness(question, rarity, &title_pieces),
        method_is_known: names.method.is_some(),
        others: other_tests(question, title),
        manner: compare_manner(&question.manners, title),
        platform: compare_platform(&question.platforms, title),
        builder_words: found(&question.builder_words),
        exception: in_title(&question.exception),
        message_words: found(&question.message_words),
        message_in_text: text.message,
        functions_in_text: text.functions,
        method_in_text: text.method && method.is_none(),
        file_in_text: text.file && file.is_none() && package.is_none(),
        quiet_for: question.at.saturating_sub(report.last_said_at).max(0),
    }
}

/// What the body and the comments have.
struct TextFacts {
    message: f64,
    functions: f64,
    method: bool,
    file: bool,
}

impl TextFacts {
    fn of(question: &Question, rarity: &Rarity, text: &str) -> Self {
        let names = [&question.names.method, &question.names.file];
        let names: Vec<String> = names
            .into_iter()
            .flatten()
            .map(|name| name.to_lowercase())
            .collect();
        // Texts have many words, and few are asked for.
        let wanted: HashSet<&str> = question
            .message_words
            .iter()
            .chain(&question.functions)
            .chain(&names)
            .map(String::as_str)
            .collect();
        let there: HashSet<&str> = text
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .filter(|word| wanted.contains(word))
            .collect();
        let weight = |words: &mut dyn Iterator<Item = &String>| -> f64 {
            words.map(|word| rarity.of(word)).sum()
        };
        let share = |words: &BTreeSet<String>| {
            let all = weight(&mut words.iter());
            let mut shared = words.iter().filter(|word| there.contains(word.as_str()));
            if all > 0.0 {
                weight(&mut shared) / all
            } else {
                0.0
            }
        };
        let has = |name: &Option<String>| {
            name.as_ref()
                .is_some_and(|name| there.contains(name.to_lowercase().as_str()))
        };
        Self {
            message: share(&question.message_words),
            functions: share(&question.functions),
            method: has(&question.names.method),
            file: has(&question.names.file),
        }
    }
}

fn topic(question: &Question, small: &str, named: Option<&str>) -> Option<String> {
    if named.is_some() {
        return None;
    }
    let mut topics = question.names.topics().into_iter();
    topics.find(|topic| words::has_word(small, topic))
}

fn other_pieces<'a>(
    question: &'a Question,
    there: &BTreeSet<String>,
    named: &[&str],
) -> Vec<&'a str> {
    let of_names: BTreeSet<String> = named.iter().flat_map(|name| tokens::pieces(name)).collect();
    question
        .pieces
        .iter()
        .filter(|piece| there.contains(*piece) && !of_names.contains(*piece))
        .map(String::as_str)
        .collect()
}

/// The cosine of the pieces, each weighed by its rarity.
fn likeness(question: &Question, rarity: &Rarity, there: &BTreeSet<String>) -> f64 {
    let square = |piece: &String| {
        let known = question.pieces.contains(piece);
        let rarity = if known {
            rarity.of(piece)
        } else {
            OF_ANOTHER_WORD
        };
        rarity.powi(2)
    };
    let sum = |pieces: &mut dyn Iterator<Item = &String>| -> f64 { pieces.map(square).sum() };
    let shared = sum(&mut question.pieces.intersection(there));
    let all = sum(&mut question.pieces.iter()) * sum(&mut there.iter());
    if all > 0.0 { shared / all.sqrt() } else { 0.0 }
}

/// A leak is not a crash; but a title that says "fails" may mean anything.
fn compare_manner(own: &[Manner], title: &str) -> Agreement<Manner> {
    let named = words::manners(title);
    let same = own.iter().find(|manner| named.contains(manner));
    match (own.first(), named.first()) {
        (None, None) => Agreement::Silent,
        (Some(own), None) => Agreement::FailureOnly(*own),
        (None, Some(named)) => Agreement::TitleOnly(*named),
        (Some(_), Some(named)) => {
            same.map_or(Agreement::Other(*named), |own| Agreement::Same(*own))
        }
    }
}

fn compare_platform(own: &[&'static str], title: &str) -> Agreement<&'static str> {
    let named = words::platforms(title);
    let same = own.iter().find(|platform| named.contains(platform));
    match (own.first(), named.first()) {
        (None, None) => Agreement::Silent,
        (Some(own), None) => Agreement::FailureOnly(own),
        (None, Some(named)) => Agreement::TitleOnly(named),
        (Some(_), Some(named)) => same.map_or(Agreement::Other(named), |own| Agreement::Same(own)),
    }
}

/// Names of tests in the title that are none of ours and no part of ours.
fn other_tests<'a>(question: &Question, title: &'a str) -> Vec<&'a str> {
    let own: Vec<String> = question.names.all().map(str::to_lowercase).collect();
    words::test_names(title)
        .into_iter()
        .filter(|name| {
            let name = name.to_lowercase();
            !own.iter()
                .any(|own| own.contains(&name) || name.contains(own))
        })
        .collect()
}
