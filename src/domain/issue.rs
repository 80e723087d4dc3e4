//! Bug reports as the local mirror holds them.

use serde::{Deserialize, Serialize};

use crate::domain::Seconds;

/// Enough of a bug report to point at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssueRef {
    /// The tracker's own number, without `#`.
    pub number: u64,
    /// The page a person opens.
    pub url: String,
    /// The title, as last seen.
    pub title: String,
}

/// A bug report with its comments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The tracker's own number.
    pub number: u64,
    /// The page a person opens.
    pub url: String,
    /// One line.
    pub title: String,
    /// The text it was opened with.
    pub body: String,
    /// Later texts, oldest first.
    pub comments: Vec<IssueComment>,
    /// Labels, components, keywords and versions, by name.
    pub labels: Vec<String>,
    /// Whether work on it is not yet done.
    pub open: bool,
    /// When it was opened.
    pub created_at: Seconds,
    /// When it last changed; the tracker's clock.
    pub updated_at: Seconds,
    /// When it was closed, where the tracker says so.
    pub closed_at: Option<Seconds>,
    /// The account that opened it; empty where the tracker does not say.
    pub author: String,
    /// Why it was closed, in the tracker's own word: `fixed`, `out of date`,
    /// `completed`, `not_planned`.
    pub resolution: Option<String>,
    /// The number of the report that it is a duplicate of, where the tracker says so.
    pub duplicate_of: Option<u64>,
}

/// One later text of a bug report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueComment {
    /// The tracker's id of it, unique within the tracker.
    pub id: String,
    /// The account's name.
    pub author: String,
    /// The text.
    pub text: String,
    /// When it was written.
    pub at: Seconds,
}

/// The report that a comment names as the one it belongs to: `Duplicate of #12` at
/// the beginning of a line, which is how GitHub is told so. Also `gh-12` and a link.
pub fn named_master(comment: &str) -> Option<u64> {
    const WORDS: &str = "duplicate of ";
    comment.lines().find_map(|line| {
        let line = line.trim_start();
        let is_it = line.get(..WORDS.len())?.eq_ignore_ascii_case(WORDS);
        let name = is_it.then(|| line.get(WORDS.len()..))??;
        let name = name.split_whitespace().next()?;
        let name = name.trim_end_matches(|c: char| !c.is_ascii_digit());
        let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        let before = name.strip_suffix(digits)?;
        let is_a_name = before == "#"
            || before.eq_ignore_ascii_case("gh-")
            || (before.starts_with("https://") && before.ends_with("/issues/"));
        is_a_name.then(|| digits.parse().ok()).flatten()
    })
}

impl Issue {
    /// The pointer to this report.
    pub fn reference(&self) -> IssueRef {
        IssueRef {
            number: self.number,
            url: self.url.clone(),
            title: self.title.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::named_master;

    #[test]
    fn the_master_of_a_duplicate_is_named_at_the_beginning_of_a_line() {
        for (comment, expected) in [
            ("Duplicate of #12", Some(12)),
            ("Thanks!\n\n  duplicate of gh-12.", Some(12)),
            (
                "Duplicate of https://github.com/python/cpython/issues/12, I think",
                Some(12),
            ),
            ("Is it a duplicate of #12?", None),
            ("> Duplicate of #12", None),
            ("Duplicate of 12 others", None),
            ("Duplicate of #", None),
            ("Duplicate of #99999999999999999999999", None),
            ("Duplicate of https://example.org/12", None),
            ("Duplicaté of #12", None),
            ("", None),
        ] {
            assert_eq!(named_master(comment), expected, "{comment:?}");
        }
    }
}
