//! What holds for every request, before anybody looks at what it wants, and for
//! every answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Scheme, Settings, Site};
use crate::templates::{KEYS, STYLE};

/// Nothing but the page's own style and script, no frame around it, and forms and a
/// script that go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// On every answer. The referrer stays on the page: with `no-referrer` browsers
/// would send `Origin: null` with its own forms (Fetch, "append a request `Origin`
/// header"), and another site's could not be told from them.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// What whoever calls it by another name is told.
pub const OTHER_HOST: &str =
    "This host is not served here; [web] hosts in the configuration names those that are.\n";

/// Refuses what another site may have sent, and sets the headers of every answer.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut answer = match refused(&site.settings, &request) {
        Some((status, words)) => (status, words).into_response(),
        None => next.run(request).await,
    };
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

fn refused(settings: &Settings, request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let is_known = |host: &str| {
        let mut hosts = settings.hosts.iter();
        hosts.any(|known| known.eq_ignore_ascii_case(host))
    };
    let uri_host = request.uri().authority().map(|it| it.as_str());
    if !only(headers, &HOST).is_some_and(is_known) || !uri_host.is_none_or(is_known) {
        return Some((StatusCode::MISDIRECTED_REQUEST, OTHER_HOST));
    }
    let method = request.method();
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    if !is_from_here(settings, headers) {
        let words = "Another site may have sent this, so nothing was done.\n";
        return Some((StatusCode::FORBIDDEN, words));
    }
    None
}

/// Whether a form of this page was sent: the browser says so.
fn is_from_here(settings: &Settings, headers: &HeaderMap) -> bool {
    let site = HeaderName::from_static("sec-fetch-site");
    if headers.contains_key(&site) && only(headers, &site) != Some("same-origin") {
        return false;
    }
    // Every browser sends it with every form; what does not is none.
    let (Some(origin), Some(host)) = (only(headers, &ORIGIN), only(headers, &HOST)) else {
        return false;
    };
    let scheme = match settings.scheme {
        Scheme::Http => "http://",
        Scheme::Https => "https://",
    };
    origin
        .strip_prefix(scheme)
        .is_some_and(|named| named.eq_ignore_ascii_case(host))
}

/// A header's value, if it is there once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What stands at an address that there is not.
pub(super) async fn nowhere() -> (StatusCode, &'static str) {
    let words = "There is no such page. The queue is at /, how things stand at /status.\n";
    (StatusCode::NOT_FOUND, words)
}

/// What pages look like.
pub(super) async fn style() -> Response {
    own_file("text/css; charset=utf-8", STYLE)
}

/// Single keys.
pub(super) async fn keys() -> Response {
    own_file("text/javascript; charset=utf-8", KEYS)
}

fn own_file(kind: &'static str, text: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")];
    (headers, text).into_response()
}
