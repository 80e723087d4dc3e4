//! What changed in a GitHub repository, for the mirror.
//!
//! A pass reads the issues first and then the comments, each from its own cursor.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::Seconds;
use crate::domain::issue::{Issue, IssueComment};
use crate::http::Answer;
use crate::trackers::cursor::{Cursor, Rest};
use crate::trackers::github::GitHub;
use crate::trackers::github::check::remedy;
use crate::trackers::github::shapes::{CommentRow, IssueRow, Label, seconds};
use crate::trackers::{CommentOn, Next, Page, dates};

/// Longer texts are cut, in characters. (GitHub's own limit is 65,536.)
const MOST_TEXT: usize = 100_000;

#[derive(Serialize, Deserialize)]
struct Cursors {
    reading: Reading,
    issues: Cursor,
    comments: Cursor,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Reading {
    Issues,
    Comments,
}

impl GitHub {
    pub(crate) async fn changed_since(&self, cursor: Option<&str>) -> Result<Page> {
        let mut cursors: Cursors = match cursor {
            Some(text) => serde_json::from_str(text).context("the stored cursor")?,
            None => Cursors {
                reading: Reading::Issues,
                issues: Cursor::new(self.mirror_from),
                comments: Cursor::new(self.mirror_from),
            },
        };
        let mut issues = Vec::new();
        let mut comments = Vec::new();
        let is_complete = match cursors.reading {
            Reading::Issues => {
                let rest;
                (issues, rest) = self.issues(&mut cursors.issues).await?;
                if rest == Rest::Nothing {
                    cursors.reading = Reading::Comments;
                }
                false
            }
            Reading::Comments => {
                let rest;
                (comments, rest) = self.comments(&mut cursors.comments).await?;
                if rest == Rest::Nothing {
                    cursors.reading = Reading::Issues;
                }
                rest == Rest::Nothing
            }
        };
        let text = serde_json::to_string(&cursors)?;
        let next = if is_complete {
            Next::Complete(text)
        } else {
            Next::More(text)
        };
        Ok(Page {
            issues,
            comments,
            next,
        })
    }

    async fn issues(&self, cursor: &mut Cursor) -> Result<(Vec<Issue>, Rest)> {
        let (rows, rest) = self
            .list::<IssueRow>("/issues", cursor, &[("state", "all")])
            .await?;
        let entries: Vec<(u64, Seconds)> = rows
            .iter()
            .map(|row| (row.number, seconds(&row.updated_at)))
            .collect();
        let fresh = cursor.take(&entries, rest);
        let issues = rows
            .into_iter()
            .filter(|row| row.pull_request.is_none() && fresh.contains(&row.number))
            .map(|row| self.issue(row))
            .collect();
        Ok((issues, rest))
    }

    async fn comments(&self, cursor: &mut Cursor) -> Result<(Vec<CommentOn>, Rest)> {
        let (rows, rest) = self
            .list::<CommentRow>("/issues/comments", cursor, &[])
            .await?;
        let entries: Vec<(u64, Seconds)> = rows
            .iter()
            .map(|row| (row.id, seconds(&row.updated_at)))
            .collect();
        let fresh = cursor.take(&entries, rest);
        let comments = rows
            .into_iter()
            .filter(|row| fresh.contains(&row.id))
            .filter_map(comment)
            .collect();
        Ok((comments, rest))
    }

    async fn list<Row: DeserializeOwned>(
        &self,
        path: &str,
        cursor: &Cursor,
        more: &[(&str, &str)],
    ) -> Result<(Vec<Row>, Rest)> {
        let since = dates::for_github(cursor.from.max(0));
        let page = cursor.page.to_string();
        let mut query = vec![
            ("sort", "updated"),
            ("direction", "asc"),
            ("per_page", "100"),
            ("since", since.as_str()),
            ("page", page.as_str()),
        ];
        query.extend_from_slice(more);
        let answer = self.api.get_of_repository(path, &query).await;
        let answer = answer.map_err(|trouble| {
            let remedy = remedy(&trouble);
            trouble.into_error_with(remedy)
        })?;
        let rest = if has_next(&answer) {
            Rest::More
        } else {
            Rest::Nothing
        };
        Ok((answer.json()?, rest))
    }

    fn issue(&self, row: IssueRow) -> Issue {
        Issue {
            number: row.number,
            url: self.issue_url(row.number),
            title: row.title,
            body: text(row.body),
            comments: Vec::new(),
            labels: row
                .labels
                .iter()
                .filter_map(Label::name)
                .map(ToOwned::to_owned)
                .collect(),
            open: row.state == "open",
            created_at: seconds(&row.created_at),
            updated_at: seconds(&row.updated_at),
            closed_at: row.closed_at.as_deref().map(seconds),
        }
    }

    /// Every count that one request gives holds the pull requests, too.
    pub(crate) async fn count_open(&self) -> Result<Option<u64>> {
        Ok(None)
    }
}

/// Whether a list goes on (RFC 8288's `Link` with `rel="next"`).
pub(super) fn has_next(answer: &Answer) -> bool {
    answer
        .header("link")
        .is_some_and(|links| links.split(',').any(|link| link.contains("rel=\"next\"")))
}

fn comment(row: CommentRow) -> Option<CommentOn> {
    Some(CommentOn {
        issue: row.issue()?,
        comment: IssueComment {
            id: row.id.to_string(),
            author: row.user.map(|user| user.login).unwrap_or_default(),
            text: text(row.body),
            at: seconds(&row.created_at),
        },
    })
}

fn text(body: Option<String>) -> String {
    let text = body.unwrap_or_default().replace("\r\n", "\n");
    text.chars().take(MOST_TEXT).collect()
}
