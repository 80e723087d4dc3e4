//! What a failure asks of the mirror.

use std::collections::BTreeSet;

use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::matching::words::{self, Manner};
use crate::domain::matching::{Cutoff, tokens};

/// Words of messages that are in every log.
const COMMON_WORDS: &[&str] = &[
    "file",
    "line",
    "test",
    "self",
    "error",
    "errors",
    "traceback",
    "most",
    "recent",
    "call",
    "last",
    "python",
    "build",
    "failed",
    "fail",
    "failure",
    "warning",
    "true",
    "false",
    "none",
    "with",
    "from",
    "this",
    "that",
    "have",
    "been",
    "ended",
    "were",
    "tests",
    "object",
    "result",
    "load",
    "running",
    "exit",
    "code",
    "interpreter",
    "modified",
    "before",
    "after",
];

/// Words of builders' names that every other builder has.
const COMMON_BUILDER_WORDS: &[&str] = &[
    "amd64",
    "x86",
    "the",
    "buildbot",
    "buildbots",
    "builder",
    "on",
    "of",
    "and",
    "in",
    "for",
    "to",
    "test",
    "tests",
    "failed",
    "fails",
    "fail",
    "is",
    "with",
    "local",
    "run",
    "build",
    "https",
    "http",
    "org",
    "python",
    "all",
    "builders",
    "builds",
    "warning",
    "error",
];

/// The shortest word of a message that is looked for.
const SHORTEST_WORD: usize = 4;

/// Most words of a message, functions of a traceback.
const MOST_WORDS: usize = 24;

/// A failure as matching sees it, made once for all reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub(super) names: Names,
    pub(super) kind: &'static str,
    /// How it went wrong; several where a text leaves it open.
    pub(super) manners: Vec<Manner>,
    pub(super) platforms: Vec<&'static str>,
    /// The exception's type without its module; not `AssertionError`.
    pub(super) exception: Option<String>,
    /// Words of the builder's name, in lower case.
    pub(super) builder_words: BTreeSet<String>,
    /// Words of the masked message, in lower case.
    pub(super) message_words: BTreeSet<String>,
    /// Functions of the traceback, in lower case, without the test itself.
    pub(super) functions: BTreeSet<String>,
    /// Pieces of the test's names.
    pub(super) pieces: BTreeSet<String>,
    /// When it happened.
    pub(super) at: Seconds,
    /// When its build's revision was settled; none where reports are seen as they stand.
    pub(super) cutoff: Option<Cutoff>,
}

/// What a failure can be looked for by. Names that do not help are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) method: Option<String>,
    pub(super) class: Option<String>,
    /// The narrowest file: `test_events` for `test_asyncio.test_events`; for a
    /// compile error the source file.
    pub(super) file: Option<String>,
    /// What contains the file, if it is dotted: `test_asyncio`.
    pub(super) package: Option<String>,
}

impl Names {
    fn of(failure: &Failure) -> Self {
        let test = &failure.test;
        let helpful = |name: &Option<String>| name.clone().filter(|name| words::is_helpful(name));
        let places: Vec<&str> = test
            .file
            .as_deref()
            .unwrap_or_default()
            .split('.')
            .collect();
        let place = |name: Option<&&str>| {
            name.map(|name| (*name).to_owned())
                .filter(|name| words::is_helpful(name))
        };
        let file = place(places.last())
            .or_else(|| words::source_file(failure.line.as_deref().unwrap_or_default()));
        Self {
            method: helpful(&test.method),
            class: helpful(&test.class),
            file,
            package: (places.len() > 1).then(|| place(places.first())).flatten(),
        }
    }

    /// Those of a text that is no log: only a class is told by its name alone.
    fn in_text(text: &str) -> Self {
        let mut names = words::test_names(text).into_iter();
        let class = names.find(|name| name.starts_with(char::is_uppercase));
        Self {
            class: class.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Every name, for telling other tests from this one.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        [&self.method, &self.class, &self.file, &self.package]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// What the test is about, as people write it: `asyncio` for `test_asyncio`,
    /// `peg generator` for `test_peg_generator`; and the module in C beside it:
    /// `_asyncio`.
    pub(super) fn topics(&self) -> Vec<String> {
        [&self.file, &self.package]
            .into_iter()
            .flatten()
            .filter_map(|name| name.strip_prefix("test_"))
            .map(|topic| topic.trim_matches('_'))
            .filter(|topic| topic.len() >= 2)
            .flat_map(|topic| [topic.replace('_', " "), format!("_{topic}")])
            .collect()
    }
}

impl Question {
    /// The question of a failure that a builder of that name told of.
    pub fn of(failure: &Failure, builder: &str, at: Seconds) -> Self {
        let names = Names::of(failure);
        let exception = failure.exception.as_deref().unwrap_or_default();
        let exception = exception.rsplit('.').next().unwrap_or(exception);
        let own: BTreeSet<String> = names.all().map(str::to_lowercase).collect();
        let said = [&failure.message, &failure.line].into_iter().flatten();
        let message_words = said
            .flat_map(|text| tokens::words(text).collect::<Vec<_>>())
            .filter(|word| is_telling(word) && !own.contains(word))
            .take(MOST_WORDS)
            .collect();
        let functions = failure
            .details
            .frames
            .iter()
            .rev()
            .filter_map(|frame| frame.function.as_deref())
            .filter(|name| words::is_helpful(name))
            .map(str::to_lowercase)
            .filter(|name| !own.contains(name))
            .take(MOST_WORDS)
            .collect();
        Self {
            kind: failure.kind.words(),
            manners: manners_of(failure),
            platforms: words::platforms(&builder.to_lowercase()),
            exception: (!exception.is_empty() && exception != "AssertionError")
                .then(|| exception.to_owned()),
            builder_words: builder_words(builder),
            message_words,
            functions,
            pieces: tokens::piece_set(names.all()),
            names,
            at,
            cutoff: None,
        }
    }

    /// The same, asked for a build of a revision of then: reports are seen as it saw
    /// them.
    #[must_use]
    pub fn of_build(self, cutoff: Cutoff) -> Self {
        Self {
            cutoff: Some(cutoff),
            ..self
        }
    }

    /// When the revision was settled of the build that it is asked for.
    pub fn cutoff(&self) -> Option<Cutoff> {
        self.cutoff
    }

    /// The question of a text in which no failed test was read.
    pub fn of_text(text: &str, builder: &str, at: Seconds) -> Self {
        let text = tokens::head(text, 4096);
        let tests = words::test_names(text).into_iter();
        Self {
            names: Names::in_text(text),
            kind: "a text",
            manners: words::manners(&text.to_lowercase()),
            platforms: words::platforms(&builder.to_lowercase()),
            exception: None,
            builder_words: builder_words(builder),
            message_words: tokens::words(text)
                .filter(|word| is_telling(word))
                .take(MOST_WORDS)
                .collect(),
            functions: BTreeSet::new(),
            pieces: tokens::piece_set(tests),
            at,
            cutoff: None,
        }
    }

    /// The words whose rarity matters, in lower case.
    pub fn words(&self) -> BTreeSet<String> {
        let names = self.names.all().map(str::to_lowercase);
        names
            .chain(self.builder_words.iter().cloned())
            .chain(self.message_words.iter().cloned())
            .chain(self.functions.iter().cloned())
            .chain(self.exception.iter().map(|name| name.to_lowercase()))
            .chain(
                self.names
                    .topics()
                    .iter()
                    .flat_map(|topic| tokens::words(topic).collect::<Vec<_>>()),
            )
            .collect()
    }

    /// The pieces of names whose rarity matters, as parts of words.
    pub fn pieces(&self) -> &BTreeSet<String> {
        &self.pieces
    }
}

/// A test that plainly failed may have failed by a `TimeoutError`.
fn manners_of(failure: &Failure) -> Vec<Manner> {
    let exception = failure.exception.as_deref().unwrap_or_default();
    let line = failure.line.as_deref().unwrap_or_default();
    match Manner::of(failure.kind) {
        Some(manner) => vec![manner],
        None if exception.contains("Timeout") => vec![Manner::Timeout],
        None => words::manners(&line.to_lowercase())
            .into_iter()
            .filter(|manner| *manner == Manner::Timeout)
            .collect(),
    }
}

/// Neither a number nor a word that is everywhere.
fn is_telling(word: &str) -> bool {
    word.chars().count() >= SHORTEST_WORD
        && !word.starts_with(|char: char| char.is_ascii_digit())
        && !COMMON_WORDS.contains(&word)
}

fn builder_words(builder: &str) -> BTreeSet<String> {
    tokens::words(builder)
        .filter(|word| word.chars().count() > 1)
        .filter(|word| !word.starts_with(|char: char| char.is_ascii_digit()))
        .filter(|word| !word.starts_with("test_"))
        .filter(|word| !COMMON_BUILDER_WORDS.contains(&word.as_str()))
        .take(MOST_WORDS)
        .collect()
}
