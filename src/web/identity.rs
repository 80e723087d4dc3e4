//! Who sent a request: by a session of theirs, or by the word of a trusted proxy.

use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use ring::{digest, hmac};

use super::guard::only;
use super::listen::Peer;
use super::room::trouble;
use super::{Scheme, Site};
use crate::domain::decision::Approver;
use crate::store::TokenDigest;

/// Somebody who may decide.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// As the reply will name them.
    pub(super) who: Approver,
    /// What their forms are signed for.
    pub(super) identity: String,
    /// Their session; `None` if a proxy let them in.
    pub(super) session: Option<TokenDigest>,
}

impl FromRequestParts<Arc<Site>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        if let Some(caller) = by_proxy(parts, site) {
            return Ok(caller);
        }
        let Some(token) = session_of(&parts.headers, site) else {
            return Err(unknown(parts));
        };
        let user = site.with(move |office, now| office.store.session_user(&token, now));
        let user = user.await.map_err(|error| trouble(&error))?;
        let Some(who) = user.and_then(|user| Approver::new(&user).ok()) else {
            return Err(unknown(parts));
        };
        Ok(Self {
            identity: format!("session {}", hex(&token)),
            who,
            session: Some(token),
        })
    }
}

/// Whom the proxy names, if it is the proxy who asks.
fn by_proxy(parts: &Parts, site: &Site) -> Option<Caller> {
    let header = site.settings.trusted_header.as_ref()?;
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<Peer>>()?;
    if !site.settings.is_proxy(peer.address) {
        return None;
    }
    let name = HeaderName::from_bytes(header.as_bytes()).ok()?;
    let who = Approver::new(only(&parts.headers, &name)?).ok()?;
    Some(Caller {
        identity: format!("proxy {}", who.as_str()),
        who,
        session: None,
    })
}

/// What somebody gets who is not logged in.
fn unknown(parts: &Parts) -> Response {
    if parts.method != Method::GET {
        let words = "You are not logged in (any more), so nothing was done. Log in at /login in \
                     another tab, then open this page anew.\n";
        return (StatusCode::UNAUTHORIZED, words).into_response();
    }
    let site = HeaderName::from_static("sec-fetch-site");
    if only(&parts.headers, &site) == Some("cross-site") {
        // A link of another site, where the browser keeps the cookie back. Asked for
        // once more by the page itself, it comes along.
        let html = "<!doctype html><title>buildbot-watch</title>\
                    <meta http-equiv=\"refresh\" content=\"0\">";
        let kind = (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        return ([kind], html).into_response();
    }
    Redirect::to("/login").into_response()
}

/// What the session's token is recognised by.
fn session_of(headers: &HeaderMap, site: &Site) -> Option<TokenDigest> {
    let token = cookie(headers, session_cookie(site.settings.scheme))?;
    let is_token = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then(|| digest_of(token))
}

/// The SHA-256 of a token as it stands in the cookie.
pub(super) fn digest_of(token: &str) -> TokenDigest {
    let mut known = [0; 32];
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    known
        .iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    known
}

/// A browser takes the `__Host-` one from this very host over TLS alone.
pub(super) fn session_cookie(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "session",
        Scheme::Https => "__Host-session",
    }
}

/// A cookie's value, if it is there once.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// What a form carries so that nobody else can have made it: bound to who sends it
/// and to where it goes.
pub(super) fn form_token(key: &hmac::Key, identity: &str, action: &str) -> String {
    hex(hmac::sign(key, signed(identity, action).as_bytes()).as_ref())
}

/// Whether a form carries that.
pub(super) fn is_form_token(key: &hmac::Key, identity: &str, action: &str, token: &str) -> bool {
    let Some(token) = unhex(token) else {
        return false;
    };
    hmac::verify(key, signed(identity, action).as_bytes(), &token).is_ok()
}

fn signed(identity: &str, action: &str) -> String {
    format!("{identity}\n{action}")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() > 64 || !text.len().is_multiple_of(2) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}
