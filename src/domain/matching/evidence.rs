//! What is true of a report, in sentences a person can check.

use std::collections::BTreeSet;

use crate::domain::matching::facts::{Agreement, DORMANT_AFTER, Facts};
use crate::domain::matching::question::Question;
use crate::domain::matching::{tokens, words};

/// A share of a message's words or functions that is told.
const TOLD_SHARE: f64 = 0.5;

/// First where it was found, then what else speaks for it, then what speaks
/// against it, at last whether it is open. No word is told twice.
pub(super) fn sentences(question: &Question, facts: &Facts<'_>) -> Vec<String> {
    let mut told = Told::of(facts);
    let mut said: Vec<String> = by(facts).into_iter().collect();
    said.extend(names(question, facts, &mut told));
    said.extend(agreements(question, facts));
    said.extend(texts(facts, &mut told));
    if facts.names_others() {
        let mut once = BTreeSet::new();
        let others = facts.others.iter().copied();
        let others: Vec<&str> = others.filter(|name| once.insert(*name)).collect();
        said.push(format!("against: the title names {}", others.join(", ")));
    }
    if facts.named_nowhere {
        said.push("against: the test is not named in it".to_owned());
    }
    if facts.quiet_for > DORMANT_AFTER {
        said.push("against: nobody said anything in it for two years".to_owned());
    }
    said.push(state(facts));
    said
}

/// The words of the title that a sentence has told.
struct Told<'a> {
    words: BTreeSet<String>,
    platform: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// What has a sentence of its own.
    fn of(facts: &Facts<'a>) -> Self {
        let names = [facts.method, facts.class, facts.file, facts.package];
        let names = names.into_iter().flatten().chain(facts.exception);
        let mut words: BTreeSet<String> = names.map(str::to_lowercase).collect();
        words.extend(facts.topic.iter().flat_map(|topic| tokens::words(topic)));
        Self {
            words,
            platform: match facts.platform {
                Agreement::Same(name) => Some(name),
                _ => None,
            },
        }
    }

    /// Those of the words that no sentence has told; now one does.
    fn not_yet<'w>(&mut self, all: &[&'w str]) -> Vec<&'w str> {
        let mut new = Vec::new();
        for word in all {
            // The platform is told by its name, whatever the title calls it.
            let platform = self.platform;
            let is_platform = platform.is_some_and(|it| words::platforms(word).contains(&it));
            if !is_platform && self.words.insert(word.to_lowercase()) {
                new.push(*word);
            }
        }
        new
    }
}

fn by(facts: &Facts<'_>) -> Option<String> {
    let duplicate = facts.report.by.as_ref()?;
    let number = duplicate.number;
    Some(format!(
        "#{number} was closed as a duplicate of it; of that one:"
    ))
}

fn names(question: &Question, facts: &Facts<'_>, told: &mut Told<'_>) -> Vec<String> {
    let in_title = [
        (facts.method, "method"),
        (facts.class, "class"),
        (facts.file, "file"),
        (facts.package, "package"),
    ];
    let mut said: Vec<String> = in_title
        .into_iter()
        .filter_map(|(name, what)| Some(format!("the {what} {} is in the title", name?)))
        .collect();
    if facts.method_alone_and_common {
        said.push("against: many tests have a method of that name".to_owned());
    }
    if let Some(topic) = facts.topic {
        said.push(format!("the title speaks of {topic}"));
    }
    let pieces = told
        .not_yet(&facts.other_pieces(&question.pieces))
        .join(", ");
    if !pieces.is_empty() {
        said.push(format!("the title has parts of the names: {pieces}"));
    }
    said
}

fn agreements(question: &Question, facts: &Facts<'_>) -> Vec<String> {
    let manner = match facts.manner {
        Agreement::Same(manner) => Some(format!("the title speaks of {}", manner.words())),
        Agreement::Other(manner) | Agreement::TitleOnly(manner) => Some(format!(
            "against: the title speaks of {}, this is \"{}\"",
            manner.words(),
            question.kind
        )),
        Agreement::FailureOnly(manner) => Some(format!(
            "against: the title does not speak of {}",
            manner.words()
        )),
        Agreement::Silent => None,
    };
    let platform = match facts.platform {
        Agreement::Same(name) => Some(format!("the title names {name}, as the builder does")),
        Agreement::Other(name) => Some(format!(
            "against: the title names {name}, the builder does not"
        )),
        Agreement::TitleOnly(_) | Agreement::FailureOnly(_) | Agreement::Silent => None,
    };
    let exception = facts
        .exception
        .map(|name| format!("{name} is in the title"));
    [exception, manner, platform]
        .into_iter()
        .flatten()
        .collect()
}

fn texts(facts: &Facts<'_>, told: &mut Told<'_>) -> Vec<String> {
    let builder_words = told.not_yet(&facts.builder_words);
    let message_words = told.not_yet(&facts.message_words);
    let words = |words: &[&str]| (!words.is_empty()).then(|| words.join(", "));
    let percent = |share: f64| (share >= TOLD_SHARE).then(|| (share * 100.0).round());
    let said = [
        words(&builder_words).map(|words| format!("builder's words in the title: {words}")),
        words(&message_words).map(|words| format!("message's words in the title: {words}")),
        percent(facts.message_in_text)
            .map(|share| format!("its texts have {share} % of the message's words")),
        percent(facts.functions_in_text)
            .map(|share| format!("its texts have {share} % of the traceback's functions")),
        facts
            .method_in_text
            .then(|| "the method is in its texts".to_owned()),
        facts
            .file_in_text
            .then(|| "the file is in its texts".to_owned()),
    ];
    said.into_iter().flatten().collect()
}

fn state(facts: &Facts<'_>) -> String {
    if let Some(words) = facts.report.closed_since() {
        return words;
    }
    if facts.counts_as_open && !facts.report.open {
        return "it was closed less than a day before this, or after it: the build may not have \
                what mended it"
            .to_owned();
    }
    match (facts.report.open, facts.report.is_fixed()) {
        (true, _) => "it is open".to_owned(),
        (false, true) => "it is closed as fixed".to_owned(),
        (false, false) => "it is closed".to_owned(),
    }
}
