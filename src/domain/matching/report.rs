//! A bug report as matching looks at it.

use crate::domain::Seconds;
use crate::domain::issue::{Issue, IssueRef};
use crate::domain::matching::{Cutoff, Past, tokens};

/// So much of a report's texts is looked at, in bytes: the beginning of the body
/// and the latest comments.
const MAX_TEXT: usize = 16 << 10;

/// A build may be a day behind what is mended, where nobody knows when its revision was
/// settled: it waits for its builder, and takes as long as it takes. In seconds.
const BEHIND: Seconds = 86_400;

/// A bug report: its head, and its texts where they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The pointer to it.
    pub issue: IssueRef,
    /// The duplicate that led to it; then title, labels and text are the duplicate's.
    pub by: Option<IssueRef>,
    /// Whether it is open.
    pub open: bool,
    /// When it was opened.
    pub created_at: Seconds,
    /// When somebody last said something in it; at least when it was opened.
    pub last_said_at: Seconds,
    /// When it was closed, where known.
    pub closed_at: Option<Seconds>,
    /// Labels, by name.
    pub labels: Vec<String>,
    /// The report it was closed in favour of, where the tracker tells.
    pub duplicate_of: Option<u64>,
    /// Why it was closed, in the tracker's words: `fixed`, `out of date`.
    pub resolution: Option<String>,
    /// Body and comments in lower case, bounded; empty where they were not loaded.
    pub text: String,
    /// The build that it is looked at for; none where it is seen as it stands.
    pub cutoff: Option<Cutoff>,
}

impl Report {
    /// The view of an issue with all that matching uses of it.
    pub fn of(issue: &Issue) -> Self {
        let last_comment = issue.comments.iter().map(|comment| comment.at).max();
        Self {
            issue: issue.reference(),
            by: None,
            open: issue.open,
            created_at: issue.created_at,
            last_said_at: last_comment
                .unwrap_or(issue.created_at)
                .max(issue.created_at),
            closed_at: issue.closed_at,
            labels: issue.labels.clone(),
            duplicate_of: issue.duplicate_of,
            resolution: issue.resolution.clone(),
            text: text_of(issue),
            cutoff: None,
        }
    }

    /// The report as a build sees it: one that was closed after the build's revision was
    /// settled is open, for the build cannot have what mended it.
    #[must_use]
    pub fn seen_from(self, cutoff: Option<Cutoff>) -> Self {
        let is_later = |at: Seconds| cutoff.is_some_and(|cutoff| at > cutoff.at());
        Self {
            open: self.open || self.closed_at.is_some_and(is_later),
            cutoff,
            ..self
        }
    }

    /// Of a report that counts as open for a build: that it was closed since.
    pub fn closed_since(&self) -> Option<String> {
        let (cutoff, closed_at) = (self.cutoff?, self.closed_at?);
        let is_later = self.open && closed_at > cutoff.at();
        is_later.then(|| cutoff.closed_after(closed_at))
    }

    /// That what was fixed is there again, in words.
    pub(super) fn regression(&self) -> Vec<String> {
        match self.cutoff {
            Some(cutoff) => cutoff.regression(self.closed_at),
            None => vec!["it was fixed before this build: a regression".to_owned()],
        }
    }

    /// What it says in one line; of the duplicate, where one led to it.
    pub fn title(&self) -> &str {
        &self.by.as_ref().unwrap_or(&self.issue).title
    }

    /// A duplicate of `master` as the way to it: it says what it says, and stands as
    /// the master stands.
    pub fn standing_for(self, master: &Self) -> Self {
        Self {
            by: Some(self.issue),
            issue: master.issue.clone(),
            open: master.open,
            last_said_at: self.last_said_at.max(master.last_said_at),
            closed_at: master.closed_at,
            duplicate_of: None,
            resolution: master.resolution.clone(),
            ..self
        }
    }

    /// How it ended; `None` while it is open.
    pub fn past(&self) -> Option<Past> {
        match (self.open, self.is_fixed()) {
            (true, _) => self.closed_since().map(|_| Past::Later),
            (false, true) => Some(Past::Fixed),
            (false, false) => Some(Past::Closed),
        }
    }

    /// Whether it stands for a failure of that time as an open one does: it is open,
    /// also as its build sees it, or was closed less than a day before and nobody knows
    /// when the build's revision was settled.
    pub fn counts_as_open(&self, at: Seconds) -> bool {
        let is_late = |closed: Seconds| closed > at.saturating_sub(BEHIND);
        let is_known = self.cutoff.is_some_and(Cutoff::is_known);
        self.open || (!is_known && self.closed_at.is_some_and(is_late))
    }

    /// Whether it was closed because what it tells of was mended.
    pub fn is_fixed(&self) -> bool {
        let says = |words: &str| matches!(words, "fixed" | "completed" | "resolved");
        !self.open && self.resolution.as_deref().is_some_and(says)
    }
}

/// Half of the room for the body, the rest for comments, the latest first.
fn text_of(issue: &Issue) -> String {
    let mut text = tokens::head(&issue.body, MAX_TEXT / 2).to_lowercase();
    for comment in issue.comments.iter().rev() {
        let room = MAX_TEXT.saturating_sub(text.len());
        if room == 0 {
            break;
        }
        text.push('\n');
        text.push_str(&tokens::head(&comment.text, room).to_lowercase());
    }
    text
}
