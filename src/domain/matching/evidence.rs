//! What is true of a report, in sentences a person can check.

use crate::domain::matching::facts::{Agreement, DORMANT_AFTER, Facts};
use crate::domain::matching::question::Question;

/// A share of a message's words or functions that is told.
const TOLD_SHARE: f64 = 0.5;

/// First where it was found, then what else speaks for it, then what speaks
/// against it, at last whether it is open.
pub(super) fn sentences(question: &Question, facts: &Facts<'_>) -> Vec<String> {
    let mut said: Vec<String> = by(facts).into_iter().chain(names(facts)).collect();
    said.extend(agreements(question, facts));
    said.extend(texts(facts));
    if facts.names_others() {
        said.push(format!(
            "against: the title names {}",
            facts.others.join(", ")
        ));
    }
    if facts.quiet_for > DORMANT_AFTER {
        said.push("against: nobody said anything in it for two years".to_owned());
    }
    said.push(state(facts));
    said
}

fn by(facts: &Facts<'_>) -> Option<String> {
    let duplicate = facts.report.by.as_ref()?;
    let number = duplicate.number;
    Some(format!(
        "#{number} was closed as a duplicate of it; of that one:"
    ))
}

fn names(facts: &Facts<'_>) -> Vec<String> {
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
    if let Some(topic) = &facts.topic {
        said.push(format!("the title speaks of {topic}"));
    }
    if !facts.pieces.is_empty() {
        let pieces = facts.pieces.join(", ");
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

fn texts(facts: &Facts<'_>) -> Vec<String> {
    let words = |words: &[&str]| (!words.is_empty()).then(|| words.join(", "));
    let percent = |share: f64| (share >= TOLD_SHARE).then(|| (share * 100.0).round());
    let said = [
        words(&facts.builder_words).map(|words| format!("builder's words in the title: {words}")),
        words(&facts.message_words).map(|words| format!("message's words in the title: {words}")),
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
    match (facts.report.open, facts.report.is_fixed()) {
        (true, _) => "it is open".to_owned(),
        (false, true) => "it is closed as fixed".to_owned(),
        (false, false) => "it is closed".to_owned(),
    }
}
