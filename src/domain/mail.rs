//! One mail as the program sees it, and what kind of mail it is.

use serde::{Deserialize, Serialize};

/// The header by which the program knows a mail that it sent itself.
pub const LOOP_HEADER: &str = "X-Buildbot-Watch-Loop";

/// A mail after decoding: RFC 2047 words, transfer encodings and charsets are
/// undone, ids are validated. Nothing in it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Message-ID without angle brackets, if it passes the strict msg-id grammar.
    pub message_id: Option<String>,
    /// Valid ids of In-Reply-To.
    pub in_reply_to: Vec<String>,
    /// Valid ids of References, oldest first.
    pub references: Vec<String>,
    /// Whether In-Reply-To or References stood there at all, valid or not.
    pub has_thread_headers: bool,
    /// Addresses of From, lower-cased.
    pub from: Vec<String>,
    /// The display name of the first From address.
    pub from_name: Option<String>,
    /// Addresses of Reply-To, lower-cased.
    pub reply_to: Vec<String>,
    /// Every address in To and Cc, as written.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// The decoded subject on one line.
    pub subject: String,
    /// Every List-Id header's id (`buildbot-status.python.org`), lower-cased.
    pub list_ids: Vec<String>,
    /// Return-Path, where the delivery agent wrote one; `Some("")` is the null sender.
    pub return_path: Option<String>,
    /// The first word of Auto-Submitted, lower-cased.
    pub auto_submitted: Option<String>,
    /// Precedence, lower-cased.
    pub precedence: Option<String>,
    /// X-Auto-Response-Suppress, as written.
    pub auto_response_suppress: Option<String>,
    /// The private loop header, as written.
    pub loop_header: Option<String>,
    /// The top content type, lower-cased: `multipart/report`.
    pub content_type: String,
    /// How many Received headers there are.
    pub received_count: usize,
    /// The Date header, as written. It proves nothing: the only thing decided by
    /// it is whether a link can mean a build that the CI system shows.
    pub date: Option<String>,
    /// The text of the body, without attachments; HTML turned to text if there
    /// is no plain part. Lines end in `\n`.
    pub text: String,
    /// Parts with a file name.
    pub attachments: Vec<Attachment>,
    /// What was wrong with it, in words: cut off, a header twice, too many parts.
    pub remarks: Vec<String>,
}

/// A part of a mail with a file name: a step's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name as given: `test.stdio`.
    pub name: String,
    /// Its text, decoded, with invalid bytes replaced. Lines end in `\n`.
    pub text: String,
}
