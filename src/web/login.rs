//! Who logs in, and out.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use axum::extract::{Request, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use serde_json::json;

use super::damping::Key;
use super::forwarded::place_of;
use super::frame::bare_frame;
use super::identity::{cookie, digest_of, form_token, hex, is_form_token, session_cookie};
use super::password::{is_password, random};
use super::posted::{Posted, fields_of, not_ours};
use super::room::trouble;
use super::{Scheme, Site};
use crate::domain::Seconds;

/// How long a session lasts.
const SESSION: Seconds = 7 * 86_400;

/// How long the form to log in can be left open, in seconds.
const VISIT: u64 = 86_400;

const PLACE: &str = "/login";

/// The cookie that the form to log in is bound to.
const VISITOR: &str = "visitor";

/// The form to log in.
pub(super) async fn form(State(site): State<Arc<Site>>) -> Response {
    ask(&site, StatusCode::OK, None).unwrap_or_else(|error| trouble(&error))
}

/// The form, for a visitor who is not known.
fn ask(site: &Site, status: StatusCode, why: Option<String>) -> Result<Response> {
    let visitor = hex(&random::<16>()?);
    let token = form_token(&site.key, &format!("visitor {visitor}"), PLACE);
    let fields = json!({
        "page": bare_frame("Log in"),
        "it": {
            "trouble": why,
            "form": { "action": PLACE, "token": token, "digest": null, "revision": null },
        },
    });
    let html = site.pages.fill("login", &fields)?;
    let cookie = set_cookie(site, VISITOR, &visitor, PLACE, VISIT);
    let cookie = AppendHeaders([(SET_COOKIE, cookie)]);
    Ok((status, cookie, Html(html)).into_response())
}

fn set_cookie(site: &Site, name: &str, value: &str, path: &str, seconds: u64) -> String {
    let secure = match site.settings.scheme {
        Scheme::Http => "",
        Scheme::Https => "; Secure",
    };
    format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Begins a session, if the password is right.
pub(super) async fn log_in(State(site): State<Arc<Site>>, request: Request) -> Response {
    let visitor = cookie(request.headers(), VISITOR).map(str::to_owned);
    let from = place_of(&request, &site.settings);
    let fields = match fields_of(request, &site).await {
        Ok(fields) => fields,
        Err(refusal) => return refusal,
    };
    let identity = format!("visitor {}", visitor.unwrap_or_default());
    if !is_form_token(&site.key, &identity, PLACE, fields.get("csrf")) {
        return not_ours();
    }
    let name = fields.get("name").trim();
    let key = Key::new(name, from);
    let wait = {
        let mut damping = site.damping.lock().unwrap_or_else(PoisonError::into_inner);
        damping.wait_or_try(&key, Instant::now())
    };
    if let Some(wait) = wait {
        let seconds = wait.as_secs().max(1);
        let why = format!("Too many mistakes: try again in {seconds} s");
        let asked = ask(&site, StatusCode::TOO_MANY_REQUESTS, Some(why));
        let asked = asked.map(|answer| ([(RETRY_AFTER, seconds.to_string())], answer));
        return asked.map_or_else(|error| trouble(&error), IntoResponse::into_response);
    }
    let begun = begin(&site, name.to_owned(), fields.get("password").to_owned()).await;
    match begun {
        Ok(Some(token)) => {
            let mut damping = site.damping.lock().unwrap_or_else(PoisonError::into_inner);
            damping.forgive(&key);
            let seconds = SESSION.unsigned_abs();
            let name = session_cookie(site.settings.scheme);
            let cookie = set_cookie(&site, name, &token, "/", seconds);
            (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response()
        }
        Ok(None) => {
            tracing::warn!("somebody could not log in to the page");
            let why = "That name and password do not match".to_owned();
            ask(&site, StatusCode::FORBIDDEN, Some(why)).unwrap_or_else(|error| trouble(&error))
        }
        Err(error) => trouble(&error),
    }
}

/// A new session's token; `None` if the password is wrong.
async fn begin(site: &Arc<Site>, name: String, password: String) -> Result<Option<String>> {
    let known = site
        .with(move |office, _| office.store.secret_of(&name))
        .await?;
    let secret = known.as_ref().map(|(_, secret)| secret.clone());
    let right = {
        let _turn = site.hashing.acquire().await.context("the page ends")?;
        let look = move || is_password(&password, secret.as_deref());
        tokio::task::spawn_blocking(look).await??
    };
    let (true, Some((user, _))) = (right, known) else {
        return Ok(None);
    };
    let token = hex(&random::<32>()?);
    let digest = digest_of(&token);
    site.with(move |office, now| office.store.begin_session(&digest, &user, SESSION, now))
        .await?;
    Ok(Some(token))
}

/// Ends a session.
pub(super) async fn log_out(State(site): State<Arc<Site>>, posted: Posted) -> Response {
    if let Some(session) = posted.caller.session {
        let ended = site.with(move |office, _| office.store.end_session(&session));
        if let Err(error) = ended.await {
            return trouble(&error);
        }
    }
    let mut headers = HeaderMap::new();
    let gone = set_cookie(&site, session_cookie(site.settings.scheme), "", "/", 0);
    if let Ok(gone) = gone.parse() {
        headers.insert(SET_COOKIE, gone);
    }
    (headers, Redirect::to(PLACE)).into_response()
}
