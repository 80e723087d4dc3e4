//! What there is without this program, in the same run.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::domain::failure::{Failure, TestId};
use crate::evaluate::asking;
use crate::evaluate::cases::Case;
use crate::store::{Combine, Mirror, Order};

/// Most reports that one search gives.
const MOST_HITS: usize = 25;

/// The failures of a case by name.
#[derive(Debug)]
pub(super) struct Titles {
    tests: Vec<TestId>,
    /// What a person would write: the test, and the line that says it best.
    titles: Vec<String>,
}

impl Titles {
    pub(super) fn of(case: &Case) -> Self {
        let asked = asking::questions(&case.log, &case.builder, case.at);
        let title = |failure: &Failure| {
            let line = failure.line.as_deref().unwrap_or_default();
            format!("{} {line}", failure.test.qualified())
        };
        Self {
            tests: asked.failures.iter().map(|it| it.test.clone()).collect(),
            titles: asked.failures.iter().map(title).collect(),
        }
    }
}

/// B0: the manual search, done literally. Titles with the method; none: titles
/// with the file; none: the same in all texts.
pub(super) fn manual(mirror: Mirror<'_>, titles: &Titles) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for test in &titles.tests {
        let file = test
            .file
            .as_deref()
            .and_then(|file| file.rsplit('.').next());
        let terms: Vec<&str> = [test.method.as_deref(), file]
            .into_iter()
            .flatten()
            .collect();
        let mut hits = Vec::new();
        for term in &terms {
            if hits.is_empty() {
                hits = mirror.titles_containing(term, MOST_HITS)?;
            }
        }
        for term in &terms {
            if hits.is_empty() {
                hits = mirror.full_text(&[term], Combine::All, Order::Activity, MOST_HITS)?;
            }
        }
        found.extend(hits.into_iter().map(|hit| hit.issue.number));
    }
    Ok(once(found))
}

/// B1: titles that name the test's method or file, by how many trigrams they share
/// with the title that the failure would get.
pub(super) fn similar(mirror: Mirror<'_>, titles: &Titles) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for (test, title) in titles.tests.iter().zip(&titles.titles) {
        let own = trigrams(title);
        let file = test
            .file
            .as_deref()
            .and_then(|file| file.rsplit('.').next());
        for term in [test.method.as_deref(), file].into_iter().flatten() {
            for hit in mirror.titles_containing(term, 4 * MOST_HITS)? {
                let other = trigrams(&hit.issue.title);
                let shared = own.intersection(&other).count();
                let likeness = 2.0 * shared as f64 / (own.len() + other.len()).max(1) as f64;
                found.push((likeness, hit.open, hit.issue.number));
            }
        }
    }
    found.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)));
    Ok(once(
        found.into_iter().map(|(_, _, number)| number).collect(),
    ))
}

fn trigrams(text: &str) -> BTreeSet<[char; 3]> {
    let chars: Vec<char> = text.to_lowercase().chars().collect();
    let threes = chars.windows(3);
    threes.filter_map(|three| three.try_into().ok()).collect()
}

fn once(numbers: Vec<u64>) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let first = |number: &u64| seen.insert(*number);
    numbers.into_iter().filter(first).collect()
}
