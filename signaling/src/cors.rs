//! What pages of other origins may do (the Fetch standard's CORS): those that are allowed, anything.

use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use signaling_core::error::{ErrorCode, RequestError};

use crate::problem::Problem;
use crate::site::{PageOrigin, Site};

/// Whose page asks.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for one that may not.
pub fn check<B>(site: &Site, request: &Request<B>) -> Result<PageOrigin, RequestError> {
    match site.page_origin(request.uri(), request.headers()) {
        PageOrigin::Foreign => Err(RequestError::new(
            ErrorCode::Forbidden,
            "pages of this origin may not join: see server.allowed_origins",
        )),
        origin => Ok(origin),
    }
}

/// Lets the page read the response.
pub fn allow(origin: &PageOrigin, headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let PageOrigin::Allowed(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The answer to the question whether a page may send a request with this method.
pub fn preflight<B>(site: &Site, request: &Request<B>, methods: &'static str) -> Response {
    let origin = match check(site, request) {
        Ok(origin) => origin,
        Err(error) => return Problem::from(error).into_response(),
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    allow(&origin, response.headers_mut());
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, last-event-id"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
