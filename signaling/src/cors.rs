//! What pages of other origins may read (the Fetch standard's CORS): every answer. Browsers send nothing along
//! that a page does not have itself, since there are no cookies here; and a page that is refused is to learn why.
//! Whether it may do what it asks is for [`Context::admit_page`](crate::doors::Context::admit_page) to say.

use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::site::{PageOrigin, Site};

/// Lets the page read the response.
pub fn allow(page: &PageOrigin, headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let PageOrigin::Foreign(origin) = page {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The answer to the question whether a page may send a request with this method.
pub fn preflight<B>(site: &Site, request: &Request<B>, methods: &'static str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    allow(&site.page_origin(request.uri(), request.headers()), response.headers_mut());
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, last-event-id"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
