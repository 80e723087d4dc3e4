//! Opening issues and commenting in Roundup.
//!
//! A text is a message of its own. `prepare` makes it (or finds it, by its
//! `messageid`), where it is seen by nobody until it belongs to an issue; then
//! one request makes it count.
//!
//! What the answer to that request means:
//!
//! | answer | outcome |
//! |---|---|
//! | no connection, no trusted certificate | Later |
//! | 2xx with the issue's id | Done |
//! | 2xx with anything else, or cut off | Unknown |
//! | 400 "POE token ... not valid": used or expired | Unknown |
//! | 401 (wrong password), 429 (too fast, locked out) | Later, after the pause |
//! | 412 for a comment, also with a new status: the issue changed meanwhile | asked again, at most 3 times, then Later |
//! | any other 4xx: field, value, right, or size refused | Refused |
//! | 3xx: the tracker has moved | Refused |
//! | 503 with `Retry-After` | Later |
//! | any other 5xx; reset or timeout after sending | Unknown |

use anyhow::Result;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::domain::Seconds;
use crate::domain::delivery::{Outcome, Receipt};
use crate::domain::draft::NewIssue;
use crate::domain::issue::IssueRef;
use crate::http::{Answer, Broken};
use crate::trackers::roundup::Roundup;
use crate::trackers::roundup::changes::number;
use crate::trackers::roundup::messages::{Now, Standing};
use crate::trackers::roundup::shapes::{Collection, Created, Envelope, Named, TitledIssue};
use crate::trackers::trouble::{Trouble, readable};
use crate::trackers::{Marker, Work};

const DAY: Seconds = 86_400;

/// What is kept between the steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Prepared {
    /// The message's id.
    message: String,
    /// For an issue to open: where it can be posted once, below the tracker's
    /// page.
    post_once: Option<String>,
}

enum Ready {
    Prepared(Prepared),
    /// The marker is already there.
    Already(IssueRef),
}

/// Names of the status of what is worked on (again), the best first; the last is that
/// of Roundup's classic template.
const REOPENED: [&str; 3] = ["reopened", "open", "chatting"];

/// Messages stay as they were written.
const NO_EDIT: &str = "a message in Roundup cannot be edited";

impl Roundup {
    pub(crate) async fn prepare(
        &self,
        work: &Work,
        marker: &Marker,
        _earlier: Option<&str>,
    ) -> Result<String, Outcome> {
        if let Work::Table { .. } = work {
            return Err(refused(NO_EDIT));
        }
        if let Work::Open(issue) = work {
            self.refuse_impossible(issue).await?;
        }
        let ready = self.make_ready(work, marker).await;
        match ready.map_err(Trouble::before_effect)? {
            Ready::Already(issue) => Err(Outcome::Done(Receipt::Issue(issue))),
            Ready::Prepared(prepared) => {
                serde_json::to_string(&prepared).map_err(|error| refused(error.to_string()))
            }
        }
    }

    async fn make_ready(&self, work: &Work, marker: &Marker) -> Result<Ready, Trouble> {
        let message = match self.own_messages(marker, None).await?.first() {
            Some(id) => {
                if let Some(issue) = self.carrying(work, id).await? {
                    return Ok(Ready::Already(issue));
                }
                id.clone()
            }
            None => self.make_message(text_of(work), marker).await?,
        };
        let post_once = match work {
            Work::Open(_) => Some(self.post_once("issue").await?),
            Work::Comment { .. } | Work::Reopen { .. } | Work::Table { .. } => None,
        };
        Ok(Ready::Prepared(Prepared { message, post_once }))
    }

    pub(crate) async fn perform(&self, work: &Work, _marker: &Marker, prepared: &str) -> Outcome {
        let prepared: Prepared = match serde_json::from_str(prepared) {
            Ok(prepared) => prepared,
            Err(error) => return later(format!("not prepared: {error}")),
        };
        match (work, &prepared.post_once) {
            (Work::Open(issue), Some(once)) => self.open(issue, &prepared.message, once).await,
            (Work::Open(_), None) => later("not prepared: no one-shot address"),
            (Work::Comment { issue, .. }, _) => self.append(issue, &prepared.message).await,
            (Work::Reopen { issue, .. }, _) => self.reopen(issue, &prepared.message).await,
            (Work::Table { .. }, _) => refused(NO_EDIT),
        }
    }

    async fn open(&self, issue: &NewIssue, message: &str, once: &str) -> Outcome {
        let mut fields = json!({ "title": issue.title, "messages": [message] });
        if let Some(fields) = fields.as_object_mut() {
            // A tracker may have neither; then nobody names any.
            if !issue.versions.is_empty() {
                fields.insert("versions".into(), json!(issue.versions));
            }
            if !issue.components.is_empty() {
                fields.insert("components".into(), json!(issue.components));
            }
        }
        let sent = self.api.write(Method::POST, once, &fields, None);
        let answer = match sent.await {
            Ok(answer) => answer,
            Err(trouble) => return after_effect(trouble),
        };
        let id = answer
            .json::<Envelope<Created>>()
            .and_then(|created| number(&created.data.id));
        match id {
            Ok(id) => Outcome::Done(Receipt::Issue(IssueRef {
                number: id,
                url: self.issue_url(id),
                title: issue.title.clone(),
            })),
            Err(error) => Outcome::Unknown {
                why: error.to_string(),
            },
        }
    }

    /// Adding the same message twice changes nothing, so a 412 is asked again.
    async fn append(&self, issue: &IssueRef, message: &str) -> Outcome {
        let path = format!("rest/data/issue/{}", issue.number);
        let addition = json!({ "messages": [message], "@op": "add" });
        for _ in 0..3 {
            let now = match self.item(issue.number).await {
                Ok(now) => now,
                Err(trouble) => return trouble.before_effect(),
            };
            let done = Outcome::Done(Receipt::Issue(self.pointer(issue, &now)));
            if now.has(message) {
                return done;
            }
            let sent = self
                .api
                .write(Method::PATCH, &path, &addition, Some(&now.etag));
            match sent.await {
                Ok(answer) => return added(&answer, message, done),
                Err(Trouble::Refused(answer)) if answer.status == 412 => {}
                Err(trouble) => return after_effect(trouble),
            }
        }
        later("412 the issue changes too fast")
    }

    /// One request sets the status, takes the resolution away and adds the message, so
    /// that there is nothing between. What is open by now gets the message alone.
    async fn reopen(&self, issue: &IssueRef, message: &str) -> Outcome {
        let path = format!("rest/data/issue/{}", issue.number);
        for _ in 0..3 {
            let standing = match self.standing(issue.number).await {
                Ok(standing) => standing,
                Err(trouble) => return trouble.before_effect(),
            };
            let now = &standing.now;
            let done = Outcome::Done(Receipt::Issue(self.pointer(issue, now)));
            if now.has(message) {
                return done;
            }
            let change = match self.opening(&standing, message).await {
                Ok(Some(change)) => change,
                Ok(None) => return self.append(issue, message).await,
                Err(trouble) => return trouble.before_effect(),
            };
            let sent = self
                .api
                .write(Method::PATCH, &path, &change, Some(&now.etag));
            match sent.await {
                Ok(answer) => return added(&answer, message, done),
                Err(Trouble::Refused(answer)) if answer.status == 412 => {}
                Err(trouble) => return after_effect(trouble),
            }
        }
        later("412 the issue changes too fast")
    }

    /// What opens the issue again; `None` if it is open.
    async fn opening(&self, standing: &Standing, message: &str) -> Result<Option<Value>, Trouble> {
        let Some(status) = &standing.status else {
            return Ok(None);
        };
        let all = self.names("status").await?;
        let name = all.iter().find(|one| one.id == *status);
        if !self.is_closed(name.and_then(|one| one.name.as_deref())) {
            return Ok(None);
        }
        let Some(open) = self.open_status(&all) else {
            let why = "the tracker has no status that means \"open\": see closed_statuses";
            return Err(Broken::NotSent(why.to_owned()).into());
        };
        let messages = standing.now.messages.iter().map(String::as_str);
        let messages: Vec<&str> = messages.chain([message]).collect();
        let mut change = json!({ "messages": messages, "status": open, "@op": "replace" });
        if let (true, Some(fields)) = (standing.is_resolved, change.as_object_mut()) {
            fields.insert("resolution".into(), json!(""));
        }
        Ok(Some(change))
    }

    /// The status of what is worked on again, by its id: one that is called so, or else
    /// the first that does not mean "done".
    fn open_status<'a>(&self, all: &'a [Named]) -> Option<&'a str> {
        let is_open = |one: &&Named| !self.is_closed(one.name.as_deref());
        let called = |word: &str| {
            let is_it = |one: &&Named| {
                one.name
                    .as_deref()
                    .is_some_and(|it| it.eq_ignore_ascii_case(word))
            };
            all.iter().filter(is_open).find(is_it)
        };
        let mut words = REOPENED.iter();
        let found = words.find_map(|word| called(word));
        let found = found.or_else(|| all.iter().find(is_open));
        found.map(|one| one.id.as_str())
    }

    pub(crate) async fn find_own(
        &self,
        work: &Work,
        marker: &Marker,
        prepared: Option<&str>,
        since: Seconds,
    ) -> Result<Option<IssueRef>> {
        let listed = self.own_messages(marker, Some(since - DAY)).await;
        let mut messages = listed.map_err(Trouble::into_error)?;
        if let Some(prepared) = prepared {
            let prepared: Prepared = serde_json::from_str(prepared)?;
            messages.push(prepared.message);
        }
        for message in &messages {
            let found = self.carrying(work, message).await;
            if let Some(issue) = found.map_err(Trouble::into_error)? {
                return Ok(Some(issue));
            }
        }
        Ok(None)
    }

    /// The issue of this work that carries our message: one that we made, or the
    /// one that we were to comment on.
    async fn carrying(&self, work: &Work, message: &str) -> Result<Option<IssueRef>, Trouble> {
        if let Work::Comment { issue, .. } | Work::Reopen { issue, .. } = work {
            let now = self.item(issue.number).await?;
            return Ok(now.has(message).then(|| self.pointer(issue, &now)));
        }
        let own_id = self.own_id().await?;
        let query = [("messages", message), ("@fields", "title,creator")];
        let answer = self.api.get("rest/data/issue", &query).await?;
        let found = readable::<Envelope<Collection<TitledIssue>>>(&answer)?;
        for issue in found.data.collection {
            let is_ours = issue.creator.is_some_and(|creator| creator.id == own_id);
            if let (true, Ok(number)) = (is_ours, number(&issue.id)) {
                return Ok(Some(IssueRef {
                    number,
                    url: self.issue_url(number),
                    title: issue.title.unwrap_or_default(),
                }));
            }
        }
        Ok(None)
    }

    fn pointer(&self, issue: &IssueRef, now: &Now) -> IssueRef {
        IssueRef {
            number: issue.number,
            url: self.issue_url(issue.number),
            title: now.title.clone().unwrap_or_else(|| issue.title.clone()),
        }
    }

    /// What the server would accept although it should not (a title that is
    /// none), or refuse only after the one-shot address is used up.
    async fn refuse_impossible(&self, issue: &NewIssue) -> Result<(), Outcome> {
        let title = issue.title.trim();
        if title.is_empty() || title.contains(char::is_control) {
            return Err(refused("the title must be one line"));
        }
        for (class, wanted) in [
            ("version", &issue.versions),
            ("component", &issue.components),
        ] {
            if wanted.is_empty() {
                continue;
            }
            let known = self.names(class).await.map_err(Trouble::before_effect)?;
            let is_known = |name: &String| known.iter().any(|one| one.name.as_ref() == Some(name));
            if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
                let known: Vec<_> = known.into_iter().filter_map(|one| one.name).collect();
                return Err(refused(format!(
                    "the tracker has no {class} {unknown:?}, but {}",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }
}

fn text_of(work: &Work) -> &str {
    match work {
        Work::Open(issue) => &issue.body,
        Work::Comment { body, .. } | Work::Reopen { body, .. } => body,
        Work::Table { table, .. } => table,
    }
}

/// The answer to a PATCH names the messages that the issue has now.
fn added(answer: &Answer, message: &str, done: Outcome) -> Outcome {
    let has_it = answer
        .json::<Value>()
        .ok()
        .and_then(|body| {
            let messages = body.pointer("/data/attribute/messages")?.as_array()?;
            Some(messages.iter().any(|id| id.as_str() == Some(message)))
        })
        .unwrap_or(false);
    if has_it {
        done
    } else {
        Outcome::Unknown {
            why: format!("{} does not name the message", answer.words()),
        }
    }
}

/// For the request with the effect: the table above.
fn after_effect(trouble: Trouble) -> Outcome {
    match trouble {
        Trouble::Broken(broken) if broken.is_unsent() => later(broken.to_string()),
        Trouble::Broken(broken) => Outcome::Unknown {
            why: broken.to_string(),
        },
        Trouble::Refused(answer) => {
            let why = answer.with_remedy();
            let retry_after = answer.retry_after;
            let is_used_up = answer.status == 400 && why.contains("POE token");
            match answer.status {
                503 if retry_after.is_some() => Outcome::Later {
                    why,
                    after_seconds: retry_after,
                },
                300..=499 if !is_used_up => Outcome::Refused { why },
                _ => Outcome::Unknown { why },
            }
        }
        wait @ Trouble::Wait(_) => wait.before_effect(),
    }
}

fn later(why: impl Into<String>) -> Outcome {
    Outcome::Later {
        why: why.into(),
        after_seconds: None,
    }
}

fn refused(why: impl Into<String>) -> Outcome {
    Outcome::Refused { why: why.into() }
}
