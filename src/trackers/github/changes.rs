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
use crate::trackers::github::shapes::{CommentRow, IssueRow, Label, SearchCount, seconds};
use crate::trackers::trouble::Trouble;
use crate::trackers::{CommentOn, Next, OpenCount, Page, dates};

const PAGE_SIZE: u64 = 100;

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
        let to_come;
        let is_complete = match cursors.reading {
            Reading::Issues => {
                let rest;
                (issues, rest, to_come) = self.issues(&mut cursors.issues).await?;
                if rest == Rest::Nothing {
                    cursors.reading = Reading::Comments;
                }
                false
            }
            Reading::Comments => {
                let rest;
                (comments, rest, to_come) = self.comments(&mut cursors.comments).await?;
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
            to_come,
        })
    }

    async fn issues(&self, cursor: &mut Cursor) -> Result<(Vec<Issue>, Rest, Option<u64>)> {
        let (rows, rest, to_come) = self
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
        Ok((issues, rest, to_come))
    }

    async fn comments(&self, cursor: &mut Cursor) -> Result<(Vec<CommentOn>, Rest, Option<u64>)> {
        let (rows, rest, to_come) = self
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
        Ok((comments, rest, to_come))
    }

    async fn list<Row: DeserializeOwned>(
        &self,
        path: &str,
        cursor: &Cursor,
        more: &[(&str, &str)],
    ) -> Result<(Vec<Row>, Rest, Option<u64>)> {
        let since = dates::for_github(cursor.from.max(0));
        let page = cursor.page.to_string();
        let size = PAGE_SIZE.to_string();
        let mut query = vec![
            ("sort", "updated"),
            ("direction", "asc"),
            ("per_page", size.as_str()),
            ("since", since.as_str()),
            ("page", page.as_str()),
        ];
        query.extend_from_slice(more);
        let answer = self.api.get_of_repository(path, &query).await;
        let answer = answer.map_err(|trouble| {
            let remedy = remedy(&trouble);
            trouble.into_error_with(remedy)
        })?;
        let (rest, to_come) = if has_next(&answer) {
            let pages = last_page(&answer).map(|last| last.saturating_sub(cursor.page));
            (Rest::More, pages.map(|pages| u64::from(pages) * PAGE_SIZE))
        } else {
            (Rest::Nothing, Some(0))
        };
        Ok((answer.json()?, rest, to_come))
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
            author: row.user.map(|user| user.login).unwrap_or_default(),
            // `reopened` is why it is open.
            resolution: row.state_reason.filter(|_| row.state != "open"),
            duplicate_of: None,
        }
    }

    /// By the search, whose count is the only one without the pull requests. One
    /// that was broken off (`incomplete_results`) counts for nothing.
    pub(crate) async fn count_open(&self) -> Result<Option<OpenCount>> {
        let mut wanted = format!("repo:{} is:issue is:open", self.repository);
        if self.mirror_from > 0 {
            // Those alone that the listing gives.
            wanted.push_str(" updated:>=");
            wanted.push_str(&dates::for_github(self.mirror_from));
        }
        let query = [("q", wanted.as_str()), ("per_page", "1")];
        let answer = self.api.get("search/issues", &query).await;
        let found: SearchCount = answer.map_err(Trouble::into_error)?.json()?;
        Ok((!found.incomplete_results).then_some(OpenCount::About(found.total_count)))
    }
}

/// Whether a list goes on (RFC 8288's `Link` with `rel="next"`).
pub(super) fn has_next(answer: &Answer) -> bool {
    answer
        .header("link")
        .is_some_and(|links| links.split(',').any(|link| link.contains("rel=\"next\"")))
}

/// The number of the last page, if the server tells it: not where it pages by a
/// cursor of its own.
fn last_page(answer: &Answer) -> Option<u32> {
    let links = answer.header("link")?;
    let last = links
        .split(',')
        .find(|link| link.contains("rel=\"last\""))?;
    let (address, _) = last.split_once('>')?;
    let (_, query) = address.split_once('?')?;
    let mut values = query.split('&');
    values.find_map(|value| value.strip_prefix("page=")?.parse().ok())
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
