//! Opening issues and commenting on GitHub.
//!
//! GitHub has no one-shot addresses. What makes sure that nothing is made twice
//! is a comment in the text that no reader sees, and the list of what our own
//! account made.
//!
//! What the answer to the one request means:
//!
//! | answer | outcome |
//! |---|---|
//! | no connection, no trusted certificate | Later |
//! | 201 with the number (the comment's id), 200 for an edit | Done |
//! | 2xx with anything else, or cut off | Unknown |
//! | 401: a token that is wrong or has expired | Later, after a pause |
//! | 403 or 429 with `retry-after`, with no requests left, or that speaks of a limit | Later, when it says |
//! | any other 403: a right is missing; 404, 410: no such thing, or not for us | Refused |
//! | 422 and any other 4xx: the values are not accepted | Refused |
//! | 3xx: the repository has moved | Refused |
//! | 503 with `retry-after` | Later |
//! | any other 5xx; reset or timeout after sending | Unknown |

use std::time::Instant;

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::domain::Seconds;
use crate::domain::delivery::{Outcome, Receipt};
use crate::domain::draft::NewIssue;
use crate::domain::issue::IssueRef;
use crate::http::Broken;
use crate::trackers::github::GitHub;
use crate::trackers::github::changes::has_next;
use crate::trackers::github::pace::Turn;
use crate::trackers::github::shapes::{Account, CommentRow, IssueRow, Label};
use crate::trackers::table::{Fence, with_table};
use crate::trackers::trouble::{Trouble, readable};
use crate::trackers::{Marker, Work, dates};

const DAY: Seconds = 86_400;
/// What a table stands between; no reader sees it.
const FENCE: Fence = Fence {
    start: "<!-- buildbot-watch: table -->",
    end: "<!-- buildbot-watch: end of table -->",
};
/// What is prepared for an issue that has to be opened again.
const CLOSED: &str = "closed";
/// So many pages of 100 are looked through for our own work.
const MOST_PAGES: u32 = 20;

impl GitHub {
    pub(crate) async fn prepare(
        &self,
        work: &Work,
        marker: &Marker,
        _earlier: Option<&str>,
    ) -> Result<String, Outcome> {
        if let Work::Open(issue) = work {
            refuse_impossible(issue)?;
        }
        let account = self.account().await.map_err(Trouble::before_effect)?;
        let is_closed = match work {
            Work::Open(_) => false,
            Work::Comment { issue, .. }
            | Work::Reopen { issue, .. }
            | Work::Table { issue, .. } => self.refuse_closed_door(issue).await?,
        };
        match self.own(work, marker, &account, None).await {
            Ok(None) => {}
            Ok(Some(issue)) => return Err(Outcome::Done(Receipt::Issue(issue))),
            Err(trouble) => return Err(trouble.before_effect()),
        }
        let (issue, of) = match work {
            Work::Table { issue, of, .. } => (issue, of),
            Work::Reopen { .. } if is_closed => return Ok(CLOSED.to_owned()),
            Work::Open(_) | Work::Comment { .. } | Work::Reopen { .. } => {
                return Ok(account.login);
            }
        };
        match self.own_comment(issue, of, &account, None).await {
            Ok(Some(comment)) => Ok(comment.id.to_string()),
            Ok(None) => Err(refused("the comment that it belongs to is not there")),
            Err(trouble) => Err(trouble.before_effect()),
        }
    }

    pub(crate) async fn perform(&self, work: &Work, marker: &Marker, prepared: &str) -> Outcome {
        if let Err(outcome) = self.turn().await {
            return outcome;
        }
        match work {
            Work::Open(issue) => self.open(issue, marker).await,
            Work::Comment { issue, body } => self.comment(issue, body, marker).await,
            Work::Reopen { issue, body } => {
                // A second write, which keeps its own distance.
                if prepared == CLOSED {
                    if let Err(outcome) = self.reopen(issue).await {
                        return outcome;
                    }
                    if let Err(outcome) = self.turn().await {
                        return outcome;
                    }
                }
                self.comment(issue, body, marker).await
            }
            Work::Table { issue, table, .. } => self.table(issue, prepared, table, marker).await,
        }
    }

    /// Waits until a write may be made.
    async fn turn(&self) -> Result<(), Outcome> {
        // Whoever may not ask now is not counted as having written.
        if let Err(wait) = self.api.may_ask() {
            return Err(Trouble::from(wait).before_effect());
        }
        match self.pace.take_turn(Instant::now()) {
            Turn::After(pause) => tokio::time::sleep(pause).await,
            Turn::NotBefore(pause) => {
                return Err(Outcome::Later {
                    why: "as much as GitHub allows in an hour has been written".into(),
                    after_seconds: Some(pause.as_secs() + 1),
                });
            }
        }
        Ok(())
    }

    /// May be done twice without harm, so that nothing is in doubt: where no answer
    /// came, the state is looked at before the next attempt.
    async fn reopen(&self, issue: &IssueRef) -> Result<(), Outcome> {
        let path = format!("/issues/{}", issue.number);
        let again = |why: String| Outcome::Later {
            why,
            after_seconds: None,
        };
        let sent = self.api.patch(&path, &json!({ "state": "open" })).await;
        let answer = sent.map_err(|trouble| match after_effect(trouble) {
            Outcome::Unknown { why } => again(why),
            Outcome::Refused { why } => refused(format!("the account may not: {why}")),
            other => other,
        })?;
        match answer.json::<IssueRow>() {
            Ok(row) if row.state == "open" => Ok(()),
            Ok(_) => Err(refused("GitHub left it closed, and did not say why")),
            Err(error) => Err(again(error.to_string())),
        }
    }

    /// What others wrote into the comment meanwhile stays: it is read right before.
    async fn table(
        &self,
        issue: &IssueRef,
        comment: &str,
        table: &str,
        marker: &Marker,
    ) -> Outcome {
        let path = format!("/issues/comments/{comment}");
        let now = match self.api.get_of_repository(&path, &[]).await {
            Ok(answer) => readable::<CommentRow>(&answer),
            Err(trouble) => Err(trouble),
        };
        let text = match now {
            Ok(row) => row.body.unwrap_or_default(),
            Err(trouble) => return trouble.before_effect(),
        };
        let table = format!("{}\n\n{}", table.trim_end(), marker_line(marker));
        let body = json!({ "body": with_table(&text, &table, FENCE) });
        match self.api.patch(&path, &body).await {
            Ok(_) => Outcome::Done(Receipt::Issue(issue.clone())),
            Err(trouble) => after_effect(trouble),
        }
    }

    async fn open(&self, issue: &NewIssue, marker: &Marker) -> Outcome {
        let labels: Vec<&String> = issue.components.iter().chain(&issue.versions).collect();
        let body = json!({
            "title": issue.title,
            "body": marked(&issue.body, marker),
            "labels": labels,
        });
        let answer = match self.api.post("/issues", &body).await {
            Ok(answer) => answer,
            Err(trouble) => return after_effect(trouble),
        };
        match answer.json::<IssueRow>() {
            Ok(row) => {
                warn_of_dropped_labels(&labels, &row);
                Outcome::Done(Receipt::Issue(self.pointer(&row)))
            }
            Err(error) => Outcome::Unknown {
                why: error.to_string(),
            },
        }
    }

    async fn comment(&self, issue: &IssueRef, body: &str, marker: &Marker) -> Outcome {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "id")]
            _id: u64,
        }
        let path = format!("/issues/{}/comments", issue.number);
        let body = json!({ "body": marked(body, marker) });
        let answer = match self.api.post(&path, &body).await {
            Ok(answer) => answer,
            Err(trouble) => return after_effect(trouble),
        };
        match answer.json::<Created>() {
            Ok(_) => Outcome::Done(Receipt::Issue(issue.clone())),
            Err(error) => Outcome::Unknown {
                why: error.to_string(),
            },
        }
    }

    pub(crate) async fn find_own(
        &self,
        work: &Work,
        marker: &Marker,
        _prepared: Option<&str>,
        since: Seconds,
    ) -> Result<Option<IssueRef>> {
        let account = self.account().await.map_err(Trouble::into_error)?;
        let found = self.own(work, marker, &account, Some(since - DAY)).await;
        found.map_err(Trouble::into_error)
    }

    /// Lists what our account made, and compares the marker here.
    async fn own(
        &self,
        work: &Work,
        marker: &Marker,
        account: &Account,
        since: Option<Seconds>,
    ) -> Result<Option<IssueRef>, Trouble> {
        match work {
            Work::Open(_) => self.own_issue(marker, account, since).await,
            Work::Comment { issue, .. }
            | Work::Reopen { issue, .. }
            | Work::Table { issue, .. } => {
                let found = self.own_comment(issue, marker, account, since).await?;
                Ok(found.map(|_| issue.clone()))
            }
        }
    }

    /// Newest first. The newest hundred are enough to see whether it is already
    /// there; a doubt is followed as far as `since`.
    async fn own_issue(
        &self,
        marker: &Marker,
        account: &Account,
        since: Option<Seconds>,
    ) -> Result<Option<IssueRef>, Trouble> {
        let since = since.map(|since| dates::for_github(since.max(0)));
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let mut query = vec![
                ("per_page", "100"),
                ("page", page.as_str()),
                ("state", "all"),
                ("creator", account.login.as_str()),
                ("sort", "created"),
                ("direction", "desc"),
            ];
            query.extend(since.as_deref().map(|since| ("since", since)));
            let answer = self.api.get_of_repository("/issues", &query).await?;
            let rows = readable::<Vec<IssueRow>>(&answer)?;
            let ours = |row: &&IssueRow| {
                is_by(row.user.as_ref(), account) && carries(row.body.as_deref(), marker)
            };
            let found = rows.iter().find(ours).map(|row| self.pointer(row));
            if found.is_some() || since.is_none() || !has_next(&answer) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The comment of our account on an issue that carries the marker.
    async fn own_comment(
        &self,
        issue: &IssueRef,
        marker: &Marker,
        account: &Account,
        since: Option<Seconds>,
    ) -> Result<Option<CommentRow>, Trouble> {
        let since = since.map(|since| dates::for_github(since.max(0)));
        let path = format!("/issues/{}/comments", issue.number);
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let mut query = vec![("per_page", "100"), ("page", page.as_str())];
            query.extend(since.as_deref().map(|since| ("since", since)));
            let answer = self.api.get_of_repository(&path, &query).await?;
            let rows = readable::<Vec<CommentRow>>(&answer)?;
            let found = rows.into_iter().find(|row| {
                is_by(row.user.as_ref(), account) && carries(row.body.as_deref(), marker)
            });
            if found.is_some() || !has_next(&answer) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A pull request or a locked conversation is not commented on. Says whether the
    /// issue is closed.
    async fn refuse_closed_door(&self, issue: &IssueRef) -> Result<bool, Outcome> {
        let path = format!("/issues/{}", issue.number);
        let answer = self.api.get_of_repository(&path, &[]).await;
        let answer = answer.map_err(Trouble::before_effect)?;
        let row: IssueRow = readable(&answer).map_err(Trouble::before_effect)?;
        if row.number != issue.number {
            return Err(refused(format!(
                "the issue has become number {}",
                row.number
            )));
        }
        if row.pull_request.is_some() {
            return Err(refused("this is a pull request"));
        }
        if row.locked {
            return Err(refused("the conversation is locked"));
        }
        Ok(row.state == "closed")
    }

    /// Whose token it is, asked once.
    pub(super) async fn account(&self) -> Result<Account, Trouble> {
        let known = self.account.lock().ok().and_then(|account| account.clone());
        if let Some(account) = known {
            return Ok(account);
        }
        if !self.api.has_token() {
            let why = "no token is configured, so nothing can be written".to_owned();
            return Err(Broken::NotSent(why).into());
        }
        let account: Account = readable(&self.api.get("user", &[]).await?)?;
        if let Ok(mut known) = self.account.lock() {
            *known = Some(account.clone());
        }
        Ok(account)
    }

    fn pointer(&self, row: &IssueRow) -> IssueRef {
        IssueRef {
            number: row.number,
            url: self.issue_url(row.number),
            title: row.title.clone(),
        }
    }
}

fn refuse_impossible(issue: &NewIssue) -> Result<(), Outcome> {
    let title = issue.title.trim();
    if title.is_empty() || title.contains(char::is_control) {
        return Err(refused("the title must be one line"));
    }
    Ok(())
}

/// Without the right to label, GitHub drops the labels and says nothing.
fn warn_of_dropped_labels(wanted: &[&String], row: &IssueRow) {
    let there: Vec<&str> = row.labels.iter().filter_map(Label::name).collect();
    let is_there = |label: &str| there.iter().any(|name| name.eq_ignore_ascii_case(label));
    let dropped: Vec<&str> = wanted
        .iter()
        .map(|label| label.as_str())
        .filter(|label| !is_there(label))
        .collect();
    if !dropped.is_empty() {
        tracing::warn!(
            issue = row.number,
            labels = dropped.join(", "),
            "GitHub dropped labels: the account may not label, or they do not exist"
        );
    }
}

fn marker_line(marker: &Marker) -> String {
    format!("<!-- buildbot-watch:{} -->", marker.0)
}

fn marked(body: &str, marker: &Marker) -> String {
    format!("{}\n\n{}\n", body.trim_end(), marker_line(marker))
}

fn is_by(user: Option<&Account>, account: &Account) -> bool {
    user.is_some_and(|user| user.id == account.id)
}

/// Others may have added lines below (GitHub's own robots do).
fn carries(body: Option<&str>, marker: &Marker) -> bool {
    let wanted = marker_line(marker);
    body.is_some_and(|body| body.lines().any(|line| line.trim() == wanted))
}

/// For the request with the effect: the table above.
fn after_effect(trouble: Trouble) -> Outcome {
    match trouble {
        Trouble::Broken(broken) if broken.is_unsent() => Outcome::Later {
            why: broken.to_string(),
            after_seconds: None,
        },
        Trouble::Broken(broken) => Outcome::Unknown {
            why: broken.to_string(),
        },
        Trouble::Refused(answer) => {
            let why = answer.with_remedy();
            let after_seconds = answer.retry_after;
            match answer.status {
                503 if after_seconds.is_some() => Outcome::Later { why, after_seconds },
                300..=499 => Outcome::Refused { why },
                _ => Outcome::Unknown { why },
            }
        }
        wait @ Trouble::Wait(_) => wait.before_effect(),
    }
}

fn refused(why: impl Into<String>) -> Outcome {
    Outcome::Refused { why: why.into() }
}
