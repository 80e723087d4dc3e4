//! What to look for: the manual three steps as searches of the mirror.

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;
use crate::domain::failure::Failure;
use crate::domain::issue::IssueRef;
use crate::domain::matching::words;

/// One search. A report is found when it holds every term.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Search {
    /// Which step of the manual workflow it belongs to.
    pub step: Step,
    /// Where to look.
    pub scope: Scope,
    /// What to look for; never empty, each helpful by itself or with the others.
    pub terms: Vec<String>,
}

/// The steps in the order in which a person goes through them. All are always
/// made; what a later one finds is listed below what an earlier one found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The test method, or the class, in titles.
    Method,
    /// The test file in titles; for a compile error the source file.
    File,
    /// Both in all texts.
    Text,
}

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Titles alone; the term may be part of a longer word.
    Title,
    /// Titles, bodies and comments; whole words.
    FullText,
}

/// A report that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The report.
    pub issue: IssueRef,
    /// Whether it is open.
    pub open: bool,
    /// When it last changed.
    pub updated_at: Seconds,
    /// When it was closed, where known.
    pub closed_at: Option<Seconds>,
}

impl Search {
    /// For a person: `title: test_popen`, `text: test_popen test_os`.
    pub fn words(&self) -> String {
        let place = match self.scope {
            Scope::Title => "title",
            Scope::FullText => "text",
        };
        format!("{place}: {}", self.terms.join(" "))
    }
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
    pub(super) fn of(failure: &Failure) -> Self {
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

    /// Every name, for telling other tests from this one.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        [&self.method, &self.class, &self.file, &self.package]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

/// The searches for a failure, in the order of the steps; none when nothing
/// helpful is known of it.
pub fn searches(failure: &Failure) -> Vec<Search> {
    let names = Names::of(failure);
    let in_titles = |step, name: &Option<String>| {
        name.iter()
            .map(|name| Search {
                step,
                scope: Scope::Title,
                terms: vec![name.clone()],
            })
            .collect::<Vec<_>>()
    };
    let in_text = |terms: Vec<&Option<String>>| {
        let terms: Vec<String> = terms.into_iter().flatten().cloned().collect();
        (!terms.is_empty()).then_some(Search {
            step: Step::Text,
            scope: Scope::FullText,
            terms,
        })
    };
    let mut all = in_titles(Step::Method, &names.method);
    all.extend(in_titles(Step::Method, &names.class));
    all.extend(in_titles(Step::File, &names.file));
    all.extend(in_titles(Step::File, &names.package));
    let both = in_text(vec![&names.method, &names.file]);
    let method = in_text(vec![&names.method]);
    let file = in_text(vec![&names.file]);
    for search in [both, method, file].into_iter().flatten() {
        if !all.contains(&search) {
            all.push(search);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::tests::failure;
    use super::*;
    use crate::domain::failure::FailureKind;

    fn check(test: &str, expect: &[&str]) {
        let searched: Vec<String> = searches(&failure(FailureKind::TestFailed, test))
            .iter()
            .map(Search::words)
            .collect();
        assert_eq!(searched, expect, "{test}");
    }

    #[test]
    fn the_three_steps() {
        check(
            "test_os/ProcessTests/test_popen",
            &[
                "title: test_popen",
                "title: ProcessTests",
                "title: test_os",
                "text: test_popen test_os",
                "text: test_popen",
                "text: test_os",
            ],
        );
        check(
            "test_asyncio.test_events//test_popen",
            &[
                "title: test_popen",
                "title: test_events",
                "title: test_asyncio",
                "text: test_popen test_events",
                "text: test_popen",
                "text: test_events",
            ],
        );
        check("test_os//", &["title: test_os", "text: test_os"]);
        check("test_os//setUpClass", &["title: test_os", "text: test_os"]);
        check("//", &[]);
    }

    #[test]
    fn a_compile_error_is_looked_for_by_its_source_file() {
        let mut error = failure(FailureKind::Compile, "//");
        error.line = Some("Objects/longobject.c:12:3: error: expected ';'".to_owned());
        let searched: Vec<String> = searches(&error).iter().map(Search::words).collect();
        assert_eq!(searched, ["title: longobject.c", "text: longobject.c"]);
    }
}
