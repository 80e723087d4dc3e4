//! What is true of one report, seen from one failure.

use std::collections::BTreeSet;

use crate::domain::Seconds;
use crate::domain::matching::asked::{Asked, Name};
use crate::domain::matching::report::Report;
use crate::domain::matching::tokens;
use crate::domain::matching::words::{self, Manner};

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
    pub(super) topic: Option<&'a str>,
    /// The greatest rarity of these names.
    pub(super) rarest_name: f64,
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

impl<'a> Facts<'a> {
    /// The names of the test that are whole words of the title.
    fn named(&self) -> impl Iterator<Item = &'a str> {
        let names = [self.method, self.class, self.file, self.package];
        names.into_iter().flatten()
    }

    /// Pieces of the test's names that are in the title, beyond those of the names
    /// that are there as a whole.
    pub(super) fn other_pieces<'p>(&self, pieces: &'p BTreeSet<String>) -> Vec<&'p str> {
        let of_names = tokens::piece_set(self.named());
        let there = tokens::Pieces::of(self.report.title());
        let known = there.sorted().into_iter().filter_map(|it| pieces.get(it));
        known
            .filter(|piece| !of_names.contains(*piece))
            .map(String::as_str)
            .collect()
    }

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
pub(super) fn look<'a>(asked: &'a Asked<'_>, report: &'a Report) -> Facts<'a> {
    let question = asked.question;
    let title = report.title();
    let small = title.to_lowercase();
    let title_words = tokens::word_set(&small);
    let there = |name: &'a Option<Name<'_>>| name.as_ref().filter(|name| name.is_in(&small));
    let written = |name: Option<&'a Name<'_>>| name.map(|name| name.written);
    let (method, class) = (there(&asked.method), there(&asked.class));
    let (file, package) = (there(&asked.file), there(&asked.package));
    let named: Vec<&Name<'_>> = [method, class, file, package]
        .into_iter()
        .flatten()
        .collect();
    let found = |words: &'a BTreeSet<String>| -> Vec<&'a str> {
        let known = title_words.iter().filter_map(|word| words.get(*word));
        known.map(String::as_str).collect()
    };
    let text = asked.text_facts(&report.text);
    let topic = match file.or(package) {
        Some(_) => None,
        None => asked.topics.iter().find(|(_, word)| word.is_in(&small)),
    };
    let is_of_a_test = asked
        .file
        .as_ref()
        .is_some_and(|file| words::is_test_file(file.written));
    let is_named = !named.is_empty() || topic.is_some() || text.method || text.file;
    let rarities = named.iter().map(|name| name.rarity);
    Facts {
        report,
        method: written(method),
        class: written(class),
        file: written(file),
        package: written(package),
        method_alone_and_common: named.len() == 1
            && method.is_some_and(|method| words::is_generic_method(method.written)),
        named_nowhere: is_of_a_test && !is_named,
        counts_as_open: report.counts_as_open(question.at),
        topic: topic.map(|(topic, _)| topic.as_str()),
        rarest_name: rarities.fold(0.0, f64::max),
        likeness: asked.likeness(title),
        method_is_known: asked.method.is_some(),
        others: other_tests(&asked.own, title),
        manner: compare_manner(&question.manners, &small),
        platform: compare_platform(&question.platforms, &small),
        builder_words: found(&question.builder_words),
        exception: written(there(&asked.exception)),
        message_words: found(&question.message_words),
        message_in_text: text.message,
        functions_in_text: text.functions,
        method_in_text: text.method && method.is_none(),
        file_in_text: text.file && file.is_none() && package.is_none(),
        quiet_for: question.at.saturating_sub(report.last_said_at).max(0),
    }
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
fn other_tests<'a>(own: &[String], title: &'a str) -> Vec<&'a str> {
    words::test_names(title)
        .into_iter()
        .filter(|name| {
            let name = name.to_lowercase();
            !own.iter()
                .any(|own| own.contains(&name) || name.contains(own))
        })
        .collect()
}
