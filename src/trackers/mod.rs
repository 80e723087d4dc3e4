//! Bug trackers behind one small enum: what changed, one issue or comment made,
//! and our own work found again.
//!
//! A write has three steps, so that a crash between any two of them leaves a
//! state that somebody can tell from the outside:
//!
//! 1. [`Tracker::prepare`] does everything that may be done twice without harm.
//!    Its text is stored before anything else happens.
//! 2. [`Tracker::perform`] sends the one request that has the effect.
//! 3. [`Tracker::find_own`] lists what this account made and looks for the
//!    marker, when step 2 gave no definite answer. It never searches: a search
//!    index lags behind, and what it does not find may exist.

mod cursor;
mod dates;
pub mod embedded;
pub mod github;
pub mod roundup;
mod table;
mod trouble;

use anyhow::Result;

use crate::domain::Seconds;
use crate::domain::delivery::Outcome;
use crate::domain::draft::NewIssue;
use crate::domain::finding::Finding;
use crate::domain::issue::{Issue, IssueComment, IssueRef};

pub use embedded::Embedded;
pub use github::GitHub;
pub use roundup::Roundup;

/// The tracker that the bug reports are in.
#[derive(Debug)]
pub enum Tracker {
    /// Its own file beside the state; for the demo and for trying things out.
    Embedded(Embedded),
    /// Roundup's REST interface (2.6 and later).
    Roundup(Roundup),
    /// GitHub Issues.
    GitHub(GitHub),
}

/// One effect in the tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Open a new issue.
    Open(NewIssue),
    /// Comment on one that exists.
    Comment {
        /// Where.
        issue: IssueRef,
        /// The whole text.
        body: String,
    },
    /// Open one again that was closed, and comment on it. One that is open by then is
    /// only commented on. The state comes first: whoever finds the comment knows that
    /// all is done, and opening what is open changes nothing.
    Reopen {
        /// Which.
        issue: IssueRef,
        /// The whole text of the comment.
        body: String,
    },
    /// Put a table below a comment of ours, in place of the one that stands there.
    /// What others wrote into the comment stays. Doing it twice is doing it once.
    Table {
        /// Whose comment.
        issue: IssueRef,
        /// The marker of the comment.
        of: Marker,
        /// The whole table.
        table: String,
    },
}

/// What our own work is recognised by: a keyed hash in lower-case hex, unique
/// for each delivery. Nobody without the key can make one in advance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(pub String);

/// Some of what changed since a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Issues as they are now. The same issue may come again on a later page or
    /// in a later pass. A mirror replaces what it holds of the issue, but keeps
    /// comments that are missing here: GitHub gives those apart.
    pub issues: Vec<Issue>,
    /// Comments that the tracker gives apart from their issues (GitHub). The
    /// issue may not be known yet, and the comment may have come before: a
    /// mirror keys them by id.
    pub comments: Vec<CommentOn>,
    /// Where to go on.
    pub next: Next,
    /// About how many issues and comments this pass has still to give after this
    /// page, where the tracker tells; what it does not tell of yet is not counted.
    pub to_come: Option<u64>,
}

/// A comment given apart from its issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentOn {
    /// The issue's number.
    pub issue: u64,
    /// The comment.
    pub comment: IssueComment,
}

/// Where the next call of [`Tracker::changed_since`] goes on. The cursor is the
/// adapter's own text; store it as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// There is more now.
    More(String),
    /// This pass is complete: everything that changed before it began has been
    /// given. The cursor is for the next pass.
    Complete(String),
}

/// How many issues are open, as the tracker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenCount {
    /// As many as a listing from the beginning would show.
    Exact(u64),
    /// By a search index, which comes a little after (GitHub).
    About(u64),
}

/// The tracker asks to be left alone for a while. Found in the error of
/// [`Tracker::changed_since`] and [`Tracker::count_open`] with
/// `error.downcast_ref::<Wait>()`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; it may be asked again in {seconds} s")]
pub struct Wait {
    /// The server's words, one line.
    pub why: String,
    /// How long from now.
    pub seconds: u64,
}

/// The names that a report may carry; `None` where any will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames {
    /// Of versions.
    pub versions: Option<Vec<String>>,
    /// Of components, or labels.
    pub components: Option<Vec<String>>,
}

/// One hit of [`Tracker::all_text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextHit {
    /// The issue's number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its last change as the tracker prints it.
    pub activity: String,
}

macro_rules! on_each {
    ($self:ident, $tracker:ident => $call:expr) => {
        match $self {
            Tracker::Embedded($tracker) => $call,
            Tracker::Roundup($tracker) => $call,
            Tracker::GitHub($tracker) => $call,
        }
    };
}

impl Tracker {
    /// Issues changed since the cursor (all of them at first) with their texts,
    /// page by page, oldest change first. Overlap, and the removal of what it
    /// brings twice where that is cheap, are the adapter's business.
    ///
    /// # Errors
    ///
    /// The network's or the server's, in words; a [`Wait`] inside when the
    /// server said how long. The same cursor can be used again.
    pub async fn changed_since(&self, cursor: Option<&str>) -> Result<Page> {
        on_each!(self, tracker => tracker.changed_since(cursor).await)
    }

    /// How many issues are open, where one request tells: those that the listing
    /// gives, pull requests apart.
    ///
    /// # Errors
    ///
    /// As [`Tracker::changed_since`].
    pub async fn count_open(&self) -> Result<Option<OpenCount>> {
        on_each!(self, tracker => tracker.count_open().await)
    }

    /// The harmless steps before the claim. It may be repeated at will; give it
    /// what it returned the last time, if anything. Store the text before
    /// [`Tracker::perform`].
    ///
    /// # Errors
    ///
    /// The outcome that ends the delivery or puts it off. It is `Done` when the
    /// marker is already there (a state file brought back from a backup), and
    /// never `Unknown`: nothing that counts has been sent.
    pub async fn prepare(
        &self,
        work: &Work,
        marker: &Marker,
        earlier: Option<&str>,
    ) -> Result<String, Outcome> {
        on_each!(self, tracker => tracker.prepare(work, marker, earlier).await)
    }

    /// Sends the one request that has the effect. Each adapter has a table of
    /// which answer means what. `prepared` is what [`Tracker::prepare`] gave.
    pub async fn perform(&self, work: &Work, marker: &Marker, prepared: &str) -> Outcome {
        on_each!(self, tracker => tracker.perform(work, marker, prepared).await)
    }

    /// Lists what this account made at or after `since` (less a day, for clocks
    /// that differ) and gives the issue whose text carries the marker, or which
    /// carries the comment that does. `None` is no proof that it will not come.
    ///
    /// # Errors
    ///
    /// The network's or the server's; then nothing is known.
    pub async fn find_own(
        &self,
        work: &Work,
        marker: &Marker,
        prepared: Option<&str>,
        since: Seconds,
    ) -> Result<Option<IssueRef>> {
        on_each!(self, tracker => tracker.find_own(work, marker, prepared, since).await)
    }

    /// Reads with the credentials and says as whom, whether it may write, and
    /// in words what is wrong and how to mend it. Changes nothing.
    pub async fn check(&self) -> Vec<Finding> {
        on_each!(self, tracker => tracker.check().await)
    }

    /// The names of versions and components that reports may carry.
    ///
    /// # Errors
    ///
    /// As [`Tracker::changed_since`].
    pub async fn known_names(&self) -> Result<KnownNames> {
        match self {
            Tracker::Embedded(_) => Ok(KnownNames::default()),
            Tracker::Roundup(tracker) => tracker.known_names().await,
            Tracker::GitHub(tracker) => tracker.known_names().await,
        }
    }

    /// Whether two names are the same to the tracker.
    pub fn is_same_name(&self, one: &str, other: &str) -> bool {
        match self {
            Tracker::GitHub(_) => one.eq_ignore_ascii_case(other),
            Tracker::Embedded(_) | Tracker::Roundup(_) => one == other,
        }
    }

    /// Asks the tracker's own full-text search, where there is one that can be
    /// used (Roundup). All words must occur. Only for trackers of which no
    /// mirror can be had, and never to prove that something does not exist.
    ///
    /// # Errors
    ///
    /// As [`Tracker::changed_since`], and for trackers without such a search.
    pub async fn all_text(&self, words: &[&str]) -> Result<Vec<TextHit>> {
        match self {
            Tracker::Roundup(tracker) => tracker.all_text(words).await,
            Tracker::Embedded(_) | Tracker::GitHub(_) => {
                anyhow::bail!("{} has no full-text search to ask", self.name())
            }
        }
    }

    /// The page that a person opens.
    pub fn issue_url(&self, number: u64) -> String {
        on_each!(self, tracker => tracker.issue_url(number))
    }

    /// The tracker in a few words: `github.com/python/cpython`.
    pub fn name(&self) -> String {
        on_each!(self, tracker => tracker.name())
    }

    /// Whether people call this tracker's issues by that word: `gh-123`,
    /// `bpo-123`, `issue 123`. The word is in lower case.
    pub fn is_called(&self, word: &str) -> bool {
        match self {
            Tracker::GitHub(_) => matches!(word, "gh" | "issue"),
            Tracker::Roundup(_) => matches!(word, "bpo" | "issue"),
            Tracker::Embedded(_) => word == "issue",
        }
    }

    /// The number in `123`, `#123`, or a link to an issue of this tracker.
    /// Links to anywhere else are none.
    pub fn parse_issue(&self, text: &str) -> Option<u64> {
        let text = text.trim();
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits.parse().ok().filter(|number| *number > 0);
        }
        on_each!(self, tracker => tracker.number_in_url(text))
    }
}

/// The number that follows `prefix` in a link, whatever follows the number
/// (`#issuecomment-1`, `?x`), but nothing that makes another page of it.
fn number_after(link: &str, prefix: &str) -> Option<u64> {
    let rest = link.strip_prefix(prefix)?;
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, tail) = rest.split_at_checked(end)?;
    let ends_here = tail.is_empty() || tail.starts_with(['#', '?']) || tail == "/";
    if !ends_here {
        return None;
    }
    digits.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::number_after;

    #[test]
    fn a_number_is_read_only_from_an_issues_own_page() {
        let prefix = "https://github.com/python/cpython/issues/";
        let number = |tail: &str| number_after(&format!("{prefix}{tail}"), prefix);
        assert_eq!(number("123"), Some(123));
        assert_eq!(number("123/"), Some(123));
        assert_eq!(number("123#issuecomment-7"), Some(123));
        assert_eq!(number("123/events"), None);
        assert_eq!(number("123abc"), None);
        assert_eq!(number("0"), None);
        assert_eq!(number(""), None);
        assert_eq!(number("99999999999999999999999"), None);
        assert_eq!(number_after("https://example.org/issues/1", prefix), None);
    }
}
