//! The exact actions proposed for a notification, and the digest a human approves.
//!
//! `plan` decides what would be done (pure rules, in `grouping`), the templates
//! put it into words from the safe `fields`, and the result is a [`Draft`].
//! `editing` lets a person change the words, `review` those of many drafts and
//! decide on them in one document, `tokens` fills in what is only
//! known once an issue exists and somebody approved.

mod editing;
mod fields;
mod grouping;
mod headline;
mod plan;
mod reply;
pub mod review;
mod table;
mod tokens;

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::domain::issue::IssueRef;

pub use editing::{EditMistake, from_editable, from_partial, to_editable};
pub use fields::{BuildFields, CommentFields, EntryFields, IssueFields, ReplyFields};
pub use plan::{Choice, Flavour, Material, Plan, Quiet, Settings, Step, Target, plan};
pub use reply::reply_subject;
pub use reply::{AlongPlan, Companion, ReplyPlan};
pub use table::{Counted, TableFields, TableRow};
pub use tokens::{APPROVER_TOKEN, TokenMistake, fill_tokens, issue_token};

/// A title has fewer characters than this (I14).
pub const TITLE_CHARS: usize = 200;

/// A text for a tracker has fewer characters than this (I14).
pub const BODY_CHARS: usize = 60_000;

/// Everything that would leave the machine for one notification.
///
/// The reply is last: it is sent only after every issue it names exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What would be done in the tracker, in order.
    pub actions: Vec<Action>,
    /// What would be sent to the list; absent when there is nothing to say.
    pub reply: Option<Reply>,
    /// Other notifications of the same incident, which the decision on this draft
    /// settles too, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub along: Vec<Along>,
    /// For each action the incidents it is about, by number: where later failures
    /// of the same kind belong. Empty in drafts of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Vec<i64>>,
    /// What the reviewer should know before approving (redacted secrets,
    /// several candidates, a cap that is near).
    pub warnings: Vec<String>,
}

/// A notification that the decision on another one's draft settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Along {
    /// Its number.
    pub notification: i64,
    /// What is sent in answer to it; absent when the draft's own reply speaks for
    /// it, and nothing more is sent.
    pub reply: Option<Reply>,
}

/// One thing to do in the tracker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Open a new bug report.
    Open(NewIssue),
    /// Comment on one that exists.
    Comment {
        /// Where.
        issue: IssueRef,
        /// The whole text.
        body: String,
    },
    /// Open one again that was closed as fixed, and comment on it. Where somebody
    /// has opened it again by then, it is only commented on.
    Reopen {
        /// Which.
        issue: IssueRef,
        /// The whole text of the comment.
        body: String,
    },
    /// No comment: one was made there within a day. It is counted, and the next
    /// comment tells how much was.
    Count {
        /// Where the failures belong.
        issue: IssueRef,
        /// The whole table of what happened since that comment, which stands below
        /// it in place of the one before; absent where the tracker's comments cannot
        /// be edited: then nothing is written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<String>,
    },
    /// Nothing yet: a person has to choose with `link`. Blocks approval.
    Choose {
        /// Which failures this is about, in words.
        about: String,
        /// The best candidates first.
        candidates: Vec<IssueRef>,
    },
}

/// A bug report to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewIssue {
    /// One line, under 200 characters.
    pub title: String,
    /// The whole text, under 60,000 characters.
    pub body: String,
    /// Versions as the tracker names them: `Python 3.15` (empty on GitHub,
    /// where labels carry them).
    pub versions: Vec<String>,
    /// Components (Roundup) or labels (GitHub).
    pub components: Vec<String>,
}

/// The very short mail to the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// `Re: ` and the original subject once, without the list's prefix.
    pub subject: String,
    /// At most a few lines; may hold [`issue_token`]s and [`APPROVER_TOKEN`].
    pub body: String,
    /// The notification's Message-ID without angle brackets, if it is valid.
    pub in_reply_to: Option<String>,
    /// Ids for References, oldest first, without angle brackets.
    pub references: Vec<String>,
}

impl Draft {
    /// SHA-256 in hex over the canonical JSON of everything that would leave, and
    /// of what else the decision settles: who approves has seen which notifications
    /// are answered, each with which text (I6, I7). The warnings are not part of it:
    /// they do not leave.
    pub fn digest(&self) -> String {
        let leaving = match self.along.as_slice() {
            // As it was before there were any.
            [] => serde_json::to_vec(&(&self.actions, &self.reply)),
            along => serde_json::to_vec(&(&self.actions, &self.reply, along)),
        };
        hex(digest::digest(&digest::SHA256, &leaving.unwrap_or_default()).as_ref())
    }

    /// The digest of one revision, which is what is shown and approved: going back
    /// to an earlier text does not make an earlier digest valid again (I7).
    pub fn digest_of_revision(&self, revision: u32) -> String {
        let text = format!("{revision} {}", self.digest());
        hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
    }

    /// Whether this is the draft a digest was stored with. Databases of schema
    /// version 1 keep the digest of the bytes alone.
    pub fn has_digest(&self, revision: u32, digest: &str) -> bool {
        digest == self.digest_of_revision(revision) || digest == self.digest()
    }

    /// The reply to one notification: to the draft's own (`None`) or to one that is
    /// settled along with it. Absent when there is none of its own.
    pub fn reply_to(&self, along: Option<i64>) -> Option<&Reply> {
        let Some(number) = along else {
            return self.reply.as_ref();
        };
        let of_it = |it: &&Along| it.notification == number;
        self.along.iter().find(of_it)?.reply.as_ref()
    }

    /// Whether a person still has to choose an issue.
    pub fn is_undecided(&self) -> bool {
        self.actions
            .iter()
            .any(|action| matches!(action, Action::Choose { .. }))
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}
