//! What a request is answered with: a page, or the way to another one.

use std::sync::Arc;

use anyhow::{Error, Result};
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::Site;
use super::frame::{Notice, frame};
use super::guard::nowhere;
use super::identity::{Caller, form_token};
use crate::desk::Office;
use crate::domain::Seconds;
use crate::store::{DraftRow, NotificationId};

/// What is at hand while a request is answered.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    pub(super) office: &'a Office,
    pub(super) site: &'a Site,
    pub(super) caller: &'a Caller,
    pub(super) now: Seconds,
}

/// What a request comes to.
pub(super) enum Shown {
    Page(Page),
    /// Another address of the page, where a decision is told.
    To(String),
}

/// One page before it is filled.
pub(super) struct Page {
    pub(super) template: &'static str,
    pub(super) title: String,
    pub(super) status: StatusCode,
    pub(super) it: Value,
}

/// Where a form goes, and what it carries unseen.
#[derive(Debug, Serialize)]
pub(super) struct Form {
    action: String,
    token: String,
    /// Of the draft that is decided on, as it was shown.
    digest: Option<String>,
    revision: Option<u32>,
}

impl Page {
    pub(super) fn new(
        template: &'static str,
        title: impl Into<String>,
        it: &impl Serialize,
    ) -> Result<Self> {
        Ok(Self {
            template,
            title: title.into(),
            status: StatusCode::OK,
            it: serde_json::to_value(it)?,
        })
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// A few words, and where to go on.
pub(super) struct Message<'a> {
    pub(super) status: StatusCode,
    pub(super) title: &'a str,
    pub(super) words: String,
    pub(super) to: String,
    pub(super) label: &'a str,
}

impl Message<'_> {
    pub(super) fn page(self) -> Result<Shown> {
        let tone = if self.status.is_success() {
            "dim"
        } else {
            "bad"
        };
        let it = json!({
            "title": self.title, "words": self.words, "tone": tone, "lines": [],
            "to": self.to, "label": self.label,
        });
        let page = Page::new("message", self.title, &it)?.with_status(self.status);
        Ok(Shown::Page(page))
    }
}

/// There is no such thing.
pub(super) fn no_such(what: &str) -> Result<Shown> {
    Message {
        status: StatusCode::NOT_FOUND,
        title: "Not found",
        words: format!("There is no {what}."),
        to: "/".to_owned(),
        label: "To the queue",
    }
    .page()
}

/// The number in a page's address. Where none stands, there is no such page.
pub(super) struct Number(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(number)) => Ok(Self(number)),
            Err(_) => Err(nowhere().await.into_response()),
        }
    }
}

impl Room<'_> {
    /// A form of the caller's that goes there.
    pub(super) fn form(&self, action: impl Into<String>) -> Form {
        let action = action.into();
        Form {
            token: form_token(&self.site.key, &self.caller.identity, &action),
            action,
            digest: None,
            revision: None,
        }
    }

    /// A form that decides on exactly that draft.
    pub(super) fn form_on(&self, id: NotificationId, verb: &str, draft: Option<&DraftRow>) -> Form {
        Form {
            digest: draft.map(|draft| draft.digest.clone()),
            revision: draft.map(|draft| draft.revision),
            ..self.form(format!("/draft/{id}/{verb}"))
        }
    }
}

impl Site {
    /// Answers with what `make` comes to.
    pub(super) async fn answer(
        self: Arc<Self>,
        caller: Caller,
        notice: Option<Notice>,
        make: impl FnOnce(&Room<'_>) -> Result<Shown> + Send + 'static,
    ) -> Response {
        let site = Arc::clone(&self);
        let answer = self.with(move |office, now| {
            let room = Room {
                office,
                site: &site,
                caller: &caller,
                now,
            };
            let page = match make(&room)? {
                Shown::To(place) => return Ok(Redirect::to(&place).into_response()),
                Shown::Page(page) => page,
            };
            let frame = frame(&room, page.title, notice)?;
            let fields = json!({ "page": frame, "it": page.it });
            let html = site.pages.fill(page.template, &fields)?;
            Ok((page.status, Html(html)).into_response())
        });
        answer.await.unwrap_or_else(|error| trouble(&error))
    }

    /// Tells whoever waits for decisions that there is one.
    pub(super) fn tell_decided(&self) {
        if let Some(decided) = &self.decided {
            // Nobody listens any more while the program ends.
            let _ = decided.send(());
        }
    }
}

/// Something failed here; the log tells what.
pub(super) fn trouble(error: &Error) -> Response {
    let why = format!("{error:#}");
    tracing::error!(why, "a request of the page failed");
    let words = "Something failed here; the log tells what. Look at the draft again before you \
                 repeat what you did.\n";
    (StatusCode::INTERNAL_SERVER_ERROR, words).into_response()
}
