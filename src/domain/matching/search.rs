//! What to look for: the manual three steps as searches of the mirror.

use serde::{Deserialize, Serialize};

use crate::domain::matching::question::Question;
use crate::domain::matching::tokens::Rarity;

/// One search. A report is found when it holds every term of `all` and, where
/// `any` is not empty, one of `any`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Search {
    /// Which step of the manual workflow it belongs to.
    pub step: Step,
    /// Where to look.
    pub scope: Scope,
    /// What has to be there, as phrases.
    pub all: Vec<String>,
    /// Of what one has to be there.
    pub any: Vec<String>,
}

/// The steps in the order in which a person goes through them. All are always
/// made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The test method, or the class, in titles.
    Method,
    /// The test file in titles; for a compile error the source file.
    File,
    /// All of it in all texts, and what else is rare.
    Text,
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Titles alone, whole words.
    Title,
    /// Titles alone; a term may be part of a longer word.
    TitleParts,
    /// Titles, bodies and comments; whole words.
    FullText,
}

/// A word of a message, or a function, is looked for in titles from this rarity
/// on: in 150,000 titles some hundred have it.
const RARE: f64 = 0.6;

/// So many of the rarest words are looked for together.
const MOST_RARE: usize = 6;

/// A name in fewer titles is looked for alone; its reports are all looked at.
const FEW_TITLES: u64 = 25;

impl Search {
    /// For a person: `title: test_popen`, `text: test_popen test_os`.
    pub fn words(&self) -> String {
        let place = match self.scope {
            Scope::Title | Scope::TitleParts => "title",
            Scope::FullText => "text",
        };
        let mut words = self.all.clone();
        if !self.any.is_empty() {
            words.push(self.any.join("|"));
        }
        format!("{place}: {}", words.join(" "))
    }

    fn of_one(step: Step, scope: Scope, term: &str) -> Self {
        Self {
            step,
            scope,
            all: vec![term.to_owned()],
            any: Vec::new(),
        }
    }
}

/// The searches for a failure, in the order of the steps; none when nothing
/// helpful is known of it.
pub fn searches(question: &Question, rarity: &Rarity) -> Vec<Search> {
    let mut all = in_titles(question);
    all.extend(beside_common_names(question, rarity));
    all.extend(rare_words(question, rarity));
    all.extend(in_texts(question));
    let mut once: Vec<Search> = Vec::new();
    for search in all {
        if !once.contains(&search) {
            once.push(search);
        }
    }
    once
}

/// Each name, as a word and as part of one; and what the test is about.
fn in_titles(question: &Question) -> Vec<Search> {
    let names = &question.names;
    let steps = [
        (Step::Method, &names.method),
        (Step::Method, &names.class),
        (Step::File, &names.file),
        (Step::File, &names.package),
    ];
    let mut found = Vec::new();
    for (step, name) in steps {
        if let Some(name) = name {
            found.push(Search::of_one(step, Scope::Title, name));
            found.push(Search::of_one(step, Scope::TitleParts, name));
        }
    }
    let topics = names.topics();
    found.extend(
        topics
            .iter()
            .map(|topic| Search::of_one(Step::File, Scope::Title, topic)),
    );
    found
}

/// Of a name that many titles have, those first that share something else.
fn beside_common_names(question: &Question, rarity: &Rarity) -> Vec<Search> {
    let mut beside: Vec<String> = question
        .builder_words
        .iter()
        .chain(&question.message_words)
        .cloned()
        .collect();
    beside.extend(question.exception.clone());
    beside.extend(question.manners.iter().flat_map(|manner| manner.stems()));
    beside.extend(question.platforms.iter().map(|name| name.to_lowercase()));
    let names = [&question.names.file, &question.names.package];
    names
        .into_iter()
        .flatten()
        .filter(|name| rarity.titles_with(&name.to_lowercase()) >= FEW_TITLES)
        .map(|name| Search {
            step: Step::File,
            scope: Scope::Title,
            all: vec![name.clone()],
            any: beside.clone(),
        })
        .filter(|search| !search.any.is_empty())
        .collect()
}

/// What few titles have: pieces of the names, words of the message.
fn rare_words(question: &Question, rarity: &Rarity) -> Vec<Search> {
    let rarest = |words: &mut dyn Iterator<Item = &String>| {
        let mut words: Vec<&String> = words
            .filter(|word| rarity.of(word) >= RARE && rarity.titles_with(word) > 0)
            .collect();
        words.sort_by(|one, other| rarity.of(other).total_cmp(&rarity.of(one)));
        words
            .into_iter()
            .take(MOST_RARE)
            .cloned()
            .collect::<Vec<String>>()
    };
    let said = rarest(&mut question.message_words.iter().chain(&question.functions));
    let pieces = rarest(&mut question.pieces.iter());
    [(Scope::Title, said), (Scope::TitleParts, pieces)]
        .into_iter()
        .filter(|(_, any)| !any.is_empty())
        .map(|(scope, any)| Search {
            step: Step::Text,
            scope,
            all: Vec::new(),
            any,
        })
        .collect()
}

/// The names together, and each alone, in all texts.
fn in_texts(question: &Question) -> Vec<Search> {
    let names = &question.names;
    let both: Vec<String> = [&names.method, &names.file]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let each = both
        .iter()
        .map(|name| Search::of_one(Step::Text, Scope::FullText, name));
    let together = (both.len() > 1).then(|| Search {
        step: Step::Text,
        scope: Scope::FullText,
        all: both.clone(),
        any: Vec::new(),
    });
    together.into_iter().chain(each).collect()
}
