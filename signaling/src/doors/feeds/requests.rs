//! Requests by POST: the first one opens a connection, later ones name it.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use signaling_core::error::RequestError;
use signaling_core::id::Secret;
use signaling_core::reply::{Outcome, ReplyFrame};
use signaling_core::request;

use super::{Door, bad, secret};
use crate::cors;
use crate::doors::{bearer, has_content_type, read_body};
use crate::frame::{self, BadFrame};
use crate::limits::SDP_BYTES;
use crate::participation::{Participation, Visit};
use crate::problem::Problem;
use crate::server::Peer;

/// Bytes of a body: the largest offer as JSON, and what goes with it.
const BODY_BYTES: usize = 2 * SDP_BYTES;
/// Requests in one body.
const FRAMES: usize = 64;

/// What the first request gets.
#[derive(Serialize)]
struct Opened {
    /// Opens the connection: the bearer token of everything on it.
    connection: Secret,
    reply: ReplyFrame,
}

pub(super) async fn take(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    Path(room): Path<String>,
    request: Request<Body>,
) -> Response {
    let page = door.context.site.page_origin(request.uri(), request.headers());
    let (head, body) = request.into_parts();
    let response = async {
        if !has_content_type(&head.headers, "application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be application/json",
            ));
        }
        let body = read_body(body, BODY_BYTES).await?;
        let text = std::str::from_utf8(&body).map_err(|_| bad("the body is not UTF-8"))?;
        if head.headers.contains_key(header::AUTHORIZATION) {
            ask(&door, &peer, &head.headers, text).await?;
            return Ok((StatusCode::ACCEPTED, Json(serde_json::json!({}))).into_response());
        }
        let base_url = door.context.site.base_url(&head.uri, &head.headers);
        let visit = Visit { address: peer.address, base_url, page: page.clone() };
        let opened = open(&door, visit, &room, text).await?;
        // It holds what opens the connection, and the participant.
        Ok(([(header::CACHE_CONTROL, "no-store")], Json(opened)).into_response())
    };
    let mut response = response.await.unwrap_or_else(IntoResponse::into_response);
    cors::allow(&page, response.headers_mut());
    response
}

/// A join or a resume.
async fn open(door: &Door, visit: Visit, room: &str, text: &str) -> Result<Opened, RequestError> {
    let mut first = frame::parse(text).map_err(|bad| bad.error)?;
    let named = match &mut first.request {
        request::Request::Join(join) => join.room.get_or_insert_with(|| room.to_owned()).as_str(),
        request::Request::Resume(resume) => resume.room.as_str(),
        _ => room,
    };
    if named != room {
        return Err(bad("the request is for another room than the path"));
    }
    let place = door.context.feeds.take(visit.address, None)?;
    let context = &door.context;
    let (participation, reply) =
        Participation::begin(context, "http", visit, first.request).await?;
    let connection = door.lines.open(context, participation, place);
    Ok(Opened { connection, reply: ReplyFrame { re: first.id, outcome: Outcome::Ok(reply) } })
}

/// Requests on a connection. Their replies are read there.
async fn ask(
    door: &Door,
    peer: &Peer,
    headers: &HeaderMap,
    text: &str,
) -> Result<(), RequestError> {
    let calls = door.line(peer.address, secret(bearer(headers)?)?)?;
    let frames = frame::parse_batch(text, FRAMES)?;
    // A request that cannot be answered is refused here, and all that came with it.
    if let Some(Err(BadFrame { error, .. })) =
        frames.iter().find(|frame| matches!(frame, Err(BadFrame { id: None, .. })))
    {
        return Err(error.clone());
    }
    calls.ask(frames).await.ok_or_else(super::line::is_gone)
}
