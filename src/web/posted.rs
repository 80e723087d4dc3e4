//! A form that somebody sent. Nothing that has an effect gets at one in any other
//! way than this, which looks at its token first.

use std::sync::Arc;

use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Site;
use super::bounds::connection_of;
use super::identity::{Caller, is_form_token};

/// A form of a caller's own.
pub(super) struct Posted {
    pub(super) caller: Caller,
    pub(super) fields: Fields,
}

/// The fields of a form, in order.
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// The first of that name; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    /// Every one of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter();
        fields
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

impl FromRequest<Arc<Site>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, site).await?;
        let action = parts.uri.path().to_owned();
        let request = Request::from_parts(parts, body);
        let fields = fields_of(request, site).await?;
        if !is_form_token(&site.key, &caller.identity, &action, fields.get("csrf")) {
            return Err(not_ours());
        }
        Ok(Self { caller, fields })
    }
}

/// Reads a form without looking whose it is.
pub(super) async fn fields_of(request: Request, site: &Arc<Site>) -> Result<Fields, Response> {
    let connection = connection_of(&request);
    let form = Form::from_request(request, site).await;
    if let Some(connection) = connection {
        connection.asked();
    }
    let Form(fields) = form.map_err(|wrong| match wrong.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => wrong.into_response(),
    })?;
    Ok(Fields(fields))
}

fn too_large() -> Response {
    let words = "This is larger than anything that is sent here, so nothing was done. Go back, \
                 and shorten it.\n";
    (StatusCode::PAYLOAD_TOO_LARGE, words).into_response()
}

/// What a form without its token gets.
pub(super) fn not_ours() -> Response {
    let words = "This form was not made for you here (or before you logged in anew), so nothing \
                 was done. Open the page again.\n";
    (StatusCode::FORBIDDEN, words).into_response()
}
