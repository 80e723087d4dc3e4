//! Our own messages in Roundup, and the one-shot addresses to make things at.

use reqwest::Method;
use serde_json::json;

use crate::domain::Seconds;
use crate::http::Broken;
use crate::trackers::roundup::Roundup;
use crate::trackers::roundup::shapes::{
    Collection, Created, Envelope, IssueMessages, Item, Named, OwnMessage, PostOnce, WholeIssue,
};
use crate::trackers::trouble::{Trouble, readable};
use crate::trackers::{Marker, dates};

/// Our newest messages, so many times 200, are looked through.
const MOST_PAGES: u32 = 5;

impl Roundup {
    /// Lists the messages that this account created, newest first, and compares
    /// the marker here. `author` says nothing: anybody may set it.
    pub(super) async fn own_messages(
        &self,
        marker: &Marker,
        since: Option<Seconds>,
    ) -> Result<Vec<String>, Trouble> {
        let own_id = self.own_id().await?;
        let messageid = message_id(marker);
        let since = since.map(|since| format!("{};", dates::for_roundup(since.max(0))));
        let mut found = Vec::new();
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let mut query = vec![
                ("creator", own_id.as_str()),
                ("@fields", "messageid"),
                ("@sort", "-id"),
                ("@page_size", "200"),
                ("@page_index", page.as_str()),
            ];
            if let Some(since) = &since {
                query.push(("creation", since));
            }
            let answer = self.api.get("rest/data/msg", &query).await;
            let list = readable::<Envelope<Collection<OwnMessage>>>(&answer?)?.data;
            let has_more = list.has_more();
            let ours = |message: &OwnMessage| message.messageid.as_deref() == Some(&messageid);
            found.extend(list.collection.into_iter().filter(ours).map(|own| own.id));
            if !has_more {
                break;
            }
        }
        // The first that was made, if an interrupted attempt left two.
        found.reverse();
        Ok(found)
    }

    pub(super) async fn make_message(
        &self,
        text: &str,
        marker: &Marker,
    ) -> Result<String, Trouble> {
        let own_id = self.own_id().await?;
        let path = self.post_once("msg").await?;
        let message = json!({
            "author": own_id,
            "content": text,
            "messageid": message_id(marker),
        });
        let sent = self.api.write(Method::POST, &path, &message, None);
        let answer = sent.await?;
        let created = readable::<Envelope<Created>>(&answer)?;
        Ok(created.data.id)
    }

    /// A one-shot address to make one thing at. A second request to it is refused.
    /// It lives for 30 minutes, so each attempt has its own; that an earlier one
    /// did not succeed unseen is known from the message, which no issue carries.
    pub(super) async fn post_once(&self, class: &str) -> Result<String, Trouble> {
        let path = format!("rest/data/{class}/@poe");
        let answer = self.api.write(Method::POST, &path, &json!({}), None).await;
        let answer = answer?;
        let once = readable::<Envelope<PostOnce>>(&answer)?;
        // The link holds the address that the tracker believes to have. The
        // password goes to none but the configured one.
        let Some((_, token)) = once.data.link.rsplit_once("/@poe/") else {
            let why = "the tracker's one-shot address is strange".to_owned();
            return Err(Broken::Unclear(why).into());
        };
        Ok(format!("{path}/{token}"))
    }

    /// The account's id, looked up once.
    pub(super) async fn own_id(&self) -> Result<String, Trouble> {
        let known = self.api.own_id.lock().ok().and_then(|id| id.clone());
        if let Some(id) = known {
            return Ok(id);
        }
        let Some(user) = self.api.user() else {
            let why = "no account is configured, so nothing can be written".to_owned();
            return Err(Broken::NotSent(why).into());
        };
        // `username` matches parts of names, too.
        let query = [("username", user), ("@fields", "username")];
        let answer = self.api.get("rest/data/user", &query).await?;
        let users = readable::<Envelope<Collection<Named>>>(&answer)?
            .data
            .collection;
        let own = users
            .into_iter()
            .find(|found| found.name.as_deref() == Some(user))
            .ok_or_else(|| Broken::NotSent(format!("the tracker shows no user {user:?}")))?;
        if let Ok(mut known) = self.api.own_id.lock() {
            *known = Some(own.id.clone());
        }
        Ok(own.id)
    }

    /// The issue with what says whether it is closed. All fields are asked for: a schema
    /// may lack any of these.
    pub(super) async fn standing(&self, number: u64) -> Result<Standing, Trouble> {
        let path = format!("rest/data/issue/{number}");
        let answer = self.api.get(&path, &[]).await?;
        let item = readable::<Envelope<Item<WholeIssue>>>(&answer)?.data;
        let all = item.attributes;
        Ok(Standing {
            now: Now {
                etag: item.etag,
                title: all.title,
                messages: all.messages.into_iter().map(|row| row.id).collect(),
            },
            status: all.status.map(|status| status.id),
            is_resolved: all.resolution.is_some(),
        })
    }

    pub(super) async fn item(&self, number: u64) -> Result<Now, Trouble> {
        let query = [("@fields", "title,messages")];
        let path = format!("rest/data/issue/{number}");
        let answer = self.api.get(&path, &query).await?;
        let item = readable::<Envelope<Item<IssueMessages>>>(&answer)?.data;
        Ok(Now {
            etag: item.etag,
            title: item.attributes.title,
            messages: item
                .attributes
                .messages
                .into_iter()
                .map(|row| row.id)
                .collect(),
        })
    }
}

/// An issue as it is at one moment, with its status.
pub(super) struct Standing {
    pub(super) now: Now,
    /// The status by its id; none where there is none.
    pub(super) status: Option<String>,
    /// Whether it says why it was closed.
    pub(super) is_resolved: bool,
}

/// An issue as it is at one moment.
pub(super) struct Now {
    pub(super) etag: String,
    pub(super) title: Option<String>,
    pub(super) messages: Vec<String>,
}

impl Now {
    pub(super) fn has(&self, message: &str) -> bool {
        self.messages.iter().any(|id| id == message)
    }
}

/// The message's own id, as of a mail (RFC 5322, section 3.6.4).
fn message_id(marker: &Marker) -> String {
    format!("<bbw.{}@buildbot-watch.invalid>", marker.0)
}
