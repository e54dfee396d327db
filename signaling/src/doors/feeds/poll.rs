//! A reader as one response: what is there, or what comes within a while.

use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use signaling_core::error::RequestError;

use super::Reader;

/// `{"frames": […], "after": "…"}`: what comes next, and what to ask with for what comes after it.
///
/// # Errors
/// Those of the reader.
pub(super) async fn respond(reader: &mut Reader, wait: Duration) -> Result<Response, RequestError> {
    let items = reader.read(wait).await?;
    let size: usize = items.iter().map(|item| item.json().len() + 1).sum();
    let mut body = Vec::with_capacity(size + 64);
    body.extend_from_slice(b"{\"frames\":[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(item.json());
    }
    // A place has no letter that JSON would write otherwise.
    body.extend_from_slice(format!("],\"after\":\"{}\"}}", reader.place()).as_bytes());
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}
